//! Native methods without a client: version, hints, JSON as a tree.

use crate::boundary::{Fault, run};
use crate::store::Reference;
use crate::wire::Writer;
use enos_runtime::ErrorKind;
use jni_sys::{JNIEnv, jbyteArray, jclass, jint};

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_version(env: *mut JNIEnv, _class: jclass) -> Reference {
    // SAFETY: the JVM calls this.
    unsafe { run(env, |env| Ok(Reference(env.array(env!("CARGO_PKG_VERSION").as_bytes())?))) }
}

/// The next step for whoever reads an error of this kind.
#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_hint(env: *mut JNIEnv, _class: jclass, kind: jint) -> Reference {
    // SAFETY: the JVM calls this.
    unsafe {
        run(env, |env| {
            let kind = u16::try_from(kind).ok().and_then(ErrorKind::from_number);
            let kind = kind.ok_or_else(|| Fault::internal("a kind of no number"))?;
            Ok(Reference(env.array(kind.hint().as_bytes())?))
        })
    }
}

/// The parameters of a command as a tree; as `Invocation::args`.
#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_tree(
    env: *mut JNIEnv,
    _class: jclass,
    json: jbyteArray,
) -> Reference {
    // SAFETY: the JVM calls this.
    unsafe {
        run(env, |env| {
            let json = env.bytes(json)?;
            let mut writer = Writer::default();
            writer.tree(&serde_json::from_slice(&json).unwrap_or_default());
            Ok(Reference(env.array(&writer.into_bytes())?))
        })
    }
}
