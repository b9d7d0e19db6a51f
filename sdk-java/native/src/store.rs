//! A secret store of the program's own, and the file store for Java.

use crate::boundary::{Fault, run};
use crate::jvm::{Kept, Upcall, attached};
use enos_runtime::{Error, ErrorKind, FileSecretStore, Secret, SecretStore};
use jni_sys::{JNIEnv, jbyteArray, jclass, jobject, jvalue};
use std::io;
use zeroize::Zeroizing;

/// Calls `io.enos.sdk.SecretStore`.
pub(crate) struct JavaStore(Kept);

impl JavaStore {
    pub(crate) fn new(store: Kept) -> Self {
        Self(store)
    }

    /// The first byte of the answer tells what follows: 0 nothing, 1 a secret, 2 the text of a failure.
    fn call(&self, method: Upcall, texts: &[&str]) -> io::Result<Option<Secret>> {
        let no_jvm = || io::Error::other("the JVM takes no call: it ends, or its memory is full");
        let env = attached().ok_or_else(no_jvm)?;
        let mut arguments = vec![jvalue { l: self.0.get() }];
        for text in texts {
            let Ok(array) = env.array(text.as_bytes()) else {
                env.clear("an allocation");
                return Err(no_jvm());
            };
            arguments.push(jvalue { l: array });
        }
        let answer = env.call_object(method, &arguments);
        env.clear("a secret store");
        let bytes = env.bytes(answer).map(Zeroizing::new);
        for argument in arguments.iter().skip(1) {
            // SAFETY: each is one of the arrays that were made above.
            env.forget(unsafe { argument.l });
        }
        env.forget(answer);
        let bytes = bytes.map_err(|_| no_jvm())?;
        let (tag, text) = bytes.split_first().ok_or_else(no_jvm)?;
        let text = String::from_utf8_lossy(text);
        match tag {
            0 => Ok(None),
            1 => Ok(Some(Secret::new(text))),
            _ => Err(io::Error::other(text.into_owned())),
        }
    }
}

impl SecretStore for JavaStore {
    fn load(&self, product_key: &str, device_key: &str) -> io::Result<Option<Secret>> {
        self.call(Upcall::Load, &[product_key, device_key])
    }

    fn store(&self, product_key: &str, device_key: &str, secret: &Secret) -> io::Result<()> {
        self.call(Upcall::Store, &[product_key, device_key, secret.expose()]).map(drop)
    }
}

fn failed(error: io::Error) -> Fault {
    Fault::Sdk(Error::new(
        ErrorKind::StorageFailed,
        format!("{error}. Check path and permissions of the store."),
    ))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_secretLoad(
    env: *mut JNIEnv,
    _class: jclass,
    folder: jbyteArray,
    product_key: jbyteArray,
    device_key: jbyteArray,
) -> Reference {
    // SAFETY: the JVM calls this.
    unsafe {
        run(env, |env| {
            let store = FileSecretStore::new(env.text(folder)?);
            let secret = store.load(&env.text(product_key)?, &env.text(device_key)?).map_err(failed)?;
            secret.map_or(Ok(Reference::default()), |secret| {
                Ok(Reference(env.array(secret.expose().as_bytes())?))
            })
        })
    }
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_secretStore(
    env: *mut JNIEnv,
    _class: jclass,
    folder: jbyteArray,
    product_key: jbyteArray,
    device_key: jbyteArray,
    secret: jbyteArray,
) {
    // SAFETY: the JVM calls this.
    unsafe {
        run(env, |env| {
            let store = FileSecretStore::new(env.text(folder)?);
            let secret = Secret::new(env.text(secret)?);
            store.store(&env.text(product_key)?, &env.text(device_key)?, &secret).map_err(failed)
        })
    }
}

/// A reference that is returned to Java; null if an exception waits.
#[repr(transparent)]
pub(crate) struct Reference(pub(crate) jobject);

impl Default for Reference {
    fn default() -> Self {
        Self(std::ptr::null_mut())
    }
}
