//! Native methods of a client: made, connected, asked, closed, freed.

use crate::boundary::{Broken, Fault, borrow, give, run, take};
use crate::config::{builder, millis};
use crate::handlers::Handlers;
use crate::jvm::Env;
use crate::session::{Session, told};
use crate::wire::with_points;
use enos_runtime::{Client, Delivery, Error, ErrorKind, Point, PostOptions, Runtime};
use jni_sys::{JNIEnv, jbyteArray, jclass, jint, jlong, jlongArray, jobject};
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// Messages up to this many bytes need no memory of their own on the way in.
const USUAL: usize = 1024;
/// The time that says "now".
const NOW: i64 = i64::MIN;

/// What a number of Java's stands for: a client. The Java side counts its calls, and frees it after the last.
pub(crate) struct Handle {
    pub(crate) client: Client,
    pub(crate) session: Session,
    pub(crate) handlers: Handlers,
    broken: Broken,
}

impl Handle {
    /// Runs a verb.
    pub(crate) fn run<T>(&self, act: impl FnOnce(&Client) -> Result<T, Error>) -> Result<T, Fault> {
        Ok(self.broken.run(|| act(&self.client))?)
    }

    /// Runs a verb that waits, and leaves it when its thread is interrupted. The verb is given what it has to ask; `text`
    /// says what becomes of what it waited for.
    pub(crate) fn wait<T>(
        &self,
        env: Env<'_>,
        text: &'static str,
        act: impl FnOnce(&Client, &mut dyn FnMut() -> bool) -> Result<T, Error>,
    ) -> Result<T, Fault> {
        let mut interrupted = false;
        let mut leave = || {
            interrupted = env.is_interrupted();
            interrupted
        };
        let result = self.run(|client| act(client, &mut leave));
        if interrupted { Err(Fault::Interrupted(text)) } else { result }
    }
}

/// Hands the first `length` bytes of an array on.
fn with_bytes<T>(
    env: Env<'_>,
    array: jbyteArray,
    length: jint,
    act: impl FnOnce(&[u8]) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let length = usize::try_from(length).map_err(|_| Fault::internal("a negative length"))?;
    let (mut usual, mut larger) = ([0; USUAL], Vec::new());
    let bytes = match usual.get_mut(..length) {
        Some(bytes) => bytes,
        None => {
            larger.resize(length, 0);
            &mut larger[..]
        }
    };
    env.read(array, bytes)?;
    act(bytes)
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_clientNew(
    env: *mut JNIEnv,
    _class: jclass,
    settings: jbyteArray,
    session: jobject,
    store: jobject,
    runtime: jlong,
) -> jlong {
    // SAFETY: the JVM calls this; the runtime is zero or held by its owner during the call.
    unsafe {
        run(env, |env| {
            let bytes = Zeroizing::new(env.bytes(settings)?);
            let runtime = if runtime == 0 { None } else { Some(borrow::<Runtime>(runtime)?) };
            let client = builder(env, &bytes, store, runtime)?.build();
            env.pending()?;
            let session = Session::new(env.keep(session));
            let (handlers, broken) = (Handlers::default(), Broken::default());
            Ok(give(Handle { client: client?, session, handlers, broken }))
        })
    }
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_clientFree(env: *mut JNIEnv, _class: jclass, client: jlong) {
    // SAFETY: the JVM calls this; the counter on the Java side saw the last call end.
    unsafe {
        run(env, |_| {
            if let Some(handle) = take::<Handle>(client) {
                handle.client.end();
            }
            Ok(())
        })
    }
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_connect(
    env: *mut JNIEnv,
    _class: jclass,
    client: jlong,
    timeout_ms: jlong,
) {
    // SAFETY: the JVM calls this; the client is held during the call.
    unsafe {
        run(env, |env| {
            let timeout = millis(timeout_ms, "timeout")?;
            let text = "the wait for the connection was interrupted; connecting goes on in the background.";
            borrow::<Handle>(client)?.wait(env, text, |client, leave| client.connect_unless(timeout, leave))
        })
    }
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_connectAsync(
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
            let done = move |result: Result<(), Error>| session.settle(slot, result.map(|()| 0));
            handle.run(|client| client.submit_connect(timeout, done))
        })
    }
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_close(
    env: *mut JNIEnv,
    _class: jclass,
    client: jlong,
    timeout_ms: jlong,
) {
    // SAFETY: the JVM calls this; the client is held during the call.
    unsafe {
        run(env, |env| {
            let timeout = millis(timeout_ms, "timeout")?;
            let text = "the wait for the end was interrupted; the client closes in the background.";
            borrow::<Handle>(client)?.wait(env, text, |client, leave| client.close_unless(timeout, leave))
        })
    }
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_closeAsync(
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
            let done = move |result: Result<(), Error>| session.settle(slot, result.map(|()| 0));
            handle.run(|client| client.submit_close(timeout, done))
        })
    }
}

fn options(time_ms: i64, timeout_ms: i64) -> Result<PostOptions, Fault> {
    let options = PostOptions::new();
    // Java's side sends a negative number for "as the core does".
    let options = if timeout_ms < 0 {
        options
    } else {
        options.timeout(Duration::from_millis(timeout_ms.unsigned_abs()))
    };
    if time_ms == NOW {
        return Ok(options);
    }
    let distance = Duration::from_millis(time_ms.unsigned_abs());
    let time = match time_ms {
        0.. => SystemTime::UNIX_EPOCH.checked_add(distance),
        _ => SystemTime::UNIX_EPOCH.checked_sub(distance),
    };
    let unknown = || {
        let text = format!("the time {time_ms} ms is beyond what a clock can tell. Correct it.");
        Fault::Sdk(Error::new(ErrorKind::InvalidArgument, text))
    };
    Ok(options.time(time.ok_or_else(unknown)?))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_post(
    env: *mut JNIEnv,
    _class: jclass,
    client: jlong,
    points: jbyteArray,
    length: jint,
    time_ms: jlong,
    timeout_ms: jlong,
    wait: bool,
) -> jlong {
    // SAFETY: the JVM calls this; the client is held during the call.
    unsafe {
        run(env, |env| {
            let (handle, options) = (borrow::<Handle>(client)?, options(time_ms, timeout_ms)?.wait(wait));
            with_bytes(env, points, length, |bytes| {
                with_points(bytes, |points| post(env, handle, points, options).map(told))
            })
        })
    }
}

fn post(
    env: Env<'_>,
    handle: &Handle,
    points: &[Point<'_>],
    options: PostOptions,
) -> Result<Delivery, Fault> {
    if !options.wait {
        return handle.run(|client| client.post_measurepoints_with(points, options));
    }
    let text =
        "the wait was interrupted; what was posted by then is sent all the same. Post again to be sure.";
    handle.wait(env, text, |client, leave| client.post_measurepoints_unless(points, options, leave))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_postAsync(
    env: *mut JNIEnv,
    _class: jclass,
    client: jlong,
    points: jbyteArray,
    length: jint,
    time_ms: jlong,
    timeout_ms: jlong,
    slot: jint,
) {
    // SAFETY: the JVM calls this; the client is held during the call.
    unsafe {
        run(env, |env| {
            let (handle, options) = (borrow::<Handle>(client)?, options(time_ms, timeout_ms)?);
            let session = handle.session.clone();
            with_bytes(env, points, length, |bytes| {
                with_points(bytes, |points| {
                    handle
                        .run(|client| {
                            client.submit_measurepoints(points, options, move |result| {
                                session.settle(slot, result.map(told));
                            })
                        })
                        .map(drop)
                })
            })
        })
    }
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_stats(
    env: *mut JNIEnv,
    _class: jclass,
    client: jlong,
    out: jlongArray,
) {
    // SAFETY: the JVM calls this; the client is held during the call.
    unsafe {
        run(env, |env| {
            let stats = borrow::<Handle>(client)?.run(Client::stats)?;
            let numbers = [
                stats.bytes_sent,
                stats.bytes_received,
                stats.messages_sent,
                stats.messages_received,
                stats.retries,
                stats.reconnects,
                stats.acknowledged,
                stats.rejected,
                stats.failed,
                stats.dropped_oversize,
                stats.dropped_unknown,
                stats.dropped_malformed,
                stats.dropped_stray,
                stats.dropped_answers,
                stats.open_requests.into(),
                stats.queued_bytes,
                stats.datagrams_sent,
                stats.datagrams_received,
                stats.radio_on_ms,
            ];
            env.fill(out, &numbers.map(|number| i64::try_from(number).unwrap_or(i64::MAX)))
        })
    }
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_runtimeNew(env: *mut JNIEnv, _class: jclass) -> jlong {
    // SAFETY: the JVM calls this.
    unsafe { run(env, |_| Ok(give(Runtime::new()?))) }
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_runtimeFree(env: *mut JNIEnv, _class: jclass, runtime: jlong) {
    // SAFETY: the JVM calls this; the counter on the Java side saw the last use end.
    unsafe {
        run(env, |_| {
            drop(take::<Runtime>(runtime));
            Ok(())
        })
    }
}
