//! Native methods of a client that sleeps: asked, told, and its report's numbers.

use crate::boundary::{Fault, borrow, give, run, take};
use crate::client::Handle;
use crate::config::millis;
use crate::jvm::Env;
use enos_runtime::{Error, WakeReport};
use jni_sys::{JNIEnv, jclass, jint, jlong, jlongArray};

fn fill(env: Env<'_>, out: jlongArray, report: &WakeReport) -> Result<(), Fault> {
    let numbers = [
        report.datagrams_sent,
        report.datagrams_received,
        report.bytes_sent,
        report.bytes_received,
        report.radio_on_ms,
    ];
    env.fill(out, &numbers.map(|number| i64::try_from(number).unwrap_or(i64::MAX)))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_sleep(
    env: *mut JNIEnv,
    _class: jclass,
    client: jlong,
    timeout_ms: jlong,
    out: jlongArray,
) {
    // SAFETY: the JVM calls this; the client is held during the call.
    unsafe {
        run(env, |env| {
            let timeout = millis(timeout_ms, "timeout")?;
            let text = "the wait for the device to be ready was interrupted; what is open goes on.";
            let report = borrow::<Handle>(client)?
                .wait(env, text, |client, leave| client.sleep_unless(timeout, leave))?;
            fill(env, out, &report)
        })
    }
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_sleepAsync(
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
            let done = move |result: Result<WakeReport, Error>| session.settle(slot, result.map(give));
            handle.run(|client| client.submit_sleep(timeout, done))
        })
    }
}

/// Takes the report that `sleepAsync` told.
#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_sleepTake(
    env: *mut JNIEnv,
    _class: jclass,
    report: jlong,
    out: jlongArray,
) {
    // SAFETY: the JVM calls this, once for each report.
    unsafe {
        run(env, |env| match take::<WakeReport>(report) {
            Some(report) => fill(env, out, &report),
            None => Err(Fault::internal("no report")),
        })
    }
}
