//! The doctor for Java: a report crosses once, as one array.

use crate::boundary::{borrow, give, run, take};
use crate::client::Handle;
use crate::config::{builder, millis};
use crate::store::Reference;
use crate::wire::Writer;
use enos_runtime::Runtime;
use enos_runtime::doctor::Report;
use jni_sys::{JNIEnv, jbyteArray, jclass, jint, jlong, jobject};
use zeroize::Zeroizing;

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_doctor(
    env: *mut JNIEnv,
    _class: jclass,
    client: jlong,
    timeout_ms: jlong,
) -> Reference {
    // SAFETY: the JVM calls this; the client is held during the call.
    unsafe {
        run(env, |env| {
            let timeout = millis(timeout_ms, "timeout")?;
            let text = "the wait for the doctor was interrupted; the diagnosis ends by itself.";
            let handle = borrow::<Handle>(client)?;
            let report = handle.wait(env, text, |client, leave| client.doctor_unless(timeout, leave))?;
            Ok(Reference(env.array(&written(&report))?))
        })
    }
}

/// The slot is told of a number, which `doctorTake` turns into the report.
#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_doctorAsync(
    env: *mut JNIEnv,
    _class: jclass,
    client: jlong,
    timeout_ms: jlong,
    slot: jint,
) {
    // SAFETY: the JVM calls this; the client is held during the call.
    unsafe {
        run(env, |_| {
            let (handle, timeout) = (borrow::<Handle>(client)?, millis(timeout_ms, "timeout")?);
            let session = handle.session.clone();
            let done = move |report: Report| session.settle(slot, Ok(give(written(&report))));
            handle.run(|client| client.submit_doctor(timeout, done))
        })
    }
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_doctorTake(
    env: *mut JNIEnv,
    _class: jclass,
    report: jlong,
) -> Reference {
    // SAFETY: the JVM calls this, once for each number that a slot was told.
    unsafe {
        run(env, |env| {
            let bytes = take::<Vec<u8>>(report).unwrap_or_default();
            Ok(Reference(env.array(&bytes)?))
        })
    }
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_doctorOfSettings(
    env: *mut JNIEnv,
    _class: jclass,
    settings: jbyteArray,
    store: jobject,
    runtime: jlong,
    timeout_ms: jlong,
) -> Reference {
    // SAFETY: the JVM calls this; the runtime is zero or held by its owner during the call.
    unsafe {
        run(env, |env| {
            let bytes = Zeroizing::new(env.bytes(settings)?);
            let runtime = if runtime == 0 { None } else { Some(borrow::<Runtime>(runtime)?) };
            let timeout = millis(timeout_ms, "timeout")?;
            let report = builder(env, &bytes, store, runtime)?.doctor(timeout);
            env.pending()?;
            Ok(Reference(env.array(&written(&report))?))
        })
    }
}

/// The report as `io.enos.sdk.DoctorReport` reads it.
fn written(report: &Report) -> Vec<u8> {
    let number = |number: u128| i64::try_from(number).unwrap_or(i64::MAX);
    let mut out = Writer::default();
    out.u8(u8::from(report.healthy()));
    out.u8(u8::from(report.complete()));
    out.u8(report.exit_code());
    for text in [report.hub(), report.device(), report.session().name(), &report.text(), &report.json()] {
        out.text(text);
    }
    out.i64(number(report.duration().as_millis()));
    for step in report.steps() {
        out.text(step.stage.name());
        out.text(step.status.name());
        out.text(step.cause.map_or("", |cause| cause.code()));
        out.i64(step.kind.map_or(0, |kind| i64::from(kind.number())));
        out.i64(step.hub_code);
        out.text(&step.detail);
        out.text(&step.next);
        out.i64(number(step.duration.as_millis()));
    }
    out.into_bytes()
}
