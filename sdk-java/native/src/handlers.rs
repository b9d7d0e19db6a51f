//! Handlers: what Java registered, how it is called, and how commands are answered.

use crate::boundary::{Fault, borrow, give, run, take};
use crate::client::Handle;
use crate::jvm::Env;
use crate::session::Session;
use crate::wire::with_fields;
use enos_runtime::{AnswerData, Client, Error, Invocation, Registration, Responder};
use jni_sys::{JNIEnv, jbyteArray, jclass, jint, jlong};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What was registered, by the number that Java gave it.
#[derive(Clone, Default)]
pub(crate) struct Handlers(Arc<Mutex<HashMap<i32, Registration>>>);

impl Handlers {
    fn lock(&self) -> MutexGuard<'_, HashMap<i32, Registration>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remove(&self, number: i32) -> Option<Registration> {
        self.lock().remove(&number)
    }
}

/// A handler of Java's; told when nothing will call it any more.
struct Handler {
    session: Session,
    number: i32,
    handlers: Handlers,
}

impl Handler {
    fn command(&self, invocation: &Invocation, responder: Responder) {
        let responder = give(responder);
        if !self.session.command(self.number, responder, invocation.params()) {
            // SAFETY: given just now, and Java never saw it. Dropped: the command is answered with a failure.
            drop(unsafe { take::<Responder>(responder) });
        }
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        drop(self.handlers.remove(self.number));
        self.session.released(self.number);
    }
}

/// What a handler is for, as `io.enos.sdk.Native` numbers it.
const SERVICE: jint = 0;
const SET: jint = 1;
const GET: jint = 2;
const LIFECYCLE: jint = 3;

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_register(
    env: *mut JNIEnv,
    _class: jclass,
    client: jlong,
    kind: jint,
    identifier: jbyteArray,
    number: jint,
) {
    // SAFETY: the JVM calls this; the client is held during the call.
    unsafe {
        run(env, |env| {
            let (handle, identifier) = (borrow::<Handle>(client)?, env.text(identifier)?);
            let session = handle.session.clone();
            let handler = Arc::new(Handler { session, number, handlers: handle.handlers.clone() });
            // One more hold on it: if registering fails, Java is told here and under no lock of the runtime.
            let _held = handler.clone();
            let registration = handle.run(|client| register(client, kind, &identifier, handler))?;
            handle.handlers.lock().insert(number, registration);
            Ok(())
        })
    }
}

fn register(
    client: &Client,
    kind: jint,
    identifier: &str,
    handler: Arc<Handler>,
) -> Result<Registration, Error> {
    let command = |handler: Arc<Handler>| {
        move |invocation: Invocation, responder: Responder| handler.command(&invocation, responder)
    };
    match kind {
        SERVICE => client.on_service(identifier, command(handler)),
        SET => client.on_measurepoint_set(command(handler)),
        GET => client.on_measurepoint_get(command(handler)),
        LIFECYCLE => client.on_lifecycle(move |step| handler.session.lifecycle(handler.number, step)),
        _ => Err(Error::new(
            enos_runtime::ErrorKind::Internal,
            "a handler for nothing. File a bug with the log.",
        )),
    }
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_unregister(
    env: *mut JNIEnv,
    _class: jclass,
    client: jlong,
    number: jint,
) {
    // SAFETY: the JVM calls this; the client is held during the call.
    unsafe {
        run(env, |_| {
            let handle = borrow::<Handle>(client)?;
            if let Some(registration) = handle.handlers.remove(number) {
                registration.close();
            }
            Ok(())
        })
    }
}

/// How an answer's data comes.
const EMPTY: jint = 0;
const VALUES: jint = 1;

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_answer(
    env: *mut JNIEnv,
    _class: jclass,
    responder: jlong,
    code: jint,
    how: jint,
    data: jbyteArray,
    length: jint,
    message: jbyteArray,
) {
    // SAFETY: the JVM calls this; Java gives each responder up once.
    unsafe {
        run(env, |env| {
            let responder =
                take::<Responder>(responder).ok_or_else(|| Fault::internal("a responder that is zero"))?;
            let message = env.text(message)?;
            let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
            if how != EMPTY {
                env.read(data, &mut bytes)?;
            }
            answer(*responder, code, how, &bytes, &message)
        })
    }
}

fn answer(responder: Responder, code: jint, how: jint, bytes: &[u8], message: &str) -> Result<(), Fault> {
    match how {
        EMPTY => Ok(responder.answer(code, AnswerData::Empty, message)?),
        VALUES => with_fields(bytes, |fields| {
            // As Responder::ok: no outputs are an empty object.
            let data = if fields.is_empty() { AnswerData::Empty } else { AnswerData::Values(fields) };
            Ok(responder.answer(code, data, message)?)
        }),
        _ => {
            let json = std::str::from_utf8(bytes).map_err(|_| Fault::internal("text that is no UTF-8"))?;
            Ok(responder.answer(code, AnswerData::Json(json), message)?)
        }
    }
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_abandon(env: *mut JNIEnv, _class: jclass, responder: jlong) {
    // SAFETY: the JVM calls this; Java gives each responder up once.
    unsafe {
        run(env, |_: Env<'_>| {
            drop(take::<Responder>(responder));
            Ok(())
        })
    }
}
