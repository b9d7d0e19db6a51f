//! What a client tells its Java side: results, commands, steps of its life. Each is one call into Java.

use crate::jvm::{Kept, Upcall, attached};
use enos_runtime::{Delivery, Error, ErrorKind, Lifecycle};
use jni_sys::jvalue;
use std::sync::Arc;

/// The Java side of a client, `io.enos.sdk.Session`. It does not hold the client itself.
#[derive(Clone)]
pub(crate) struct Session(Arc<Kept>);

impl Session {
    pub(crate) fn new(session: Kept) -> Self {
        Self(Arc::new(session))
    }

    /// Completes the future at this place.
    pub(crate) fn settle(&self, slot: i32, result: Result<i64, Error>) {
        let Some(env) = attached() else { return };
        let first = [jvalue { l: self.0.get() }, jvalue { i: slot }];
        match result {
            Ok(told) => env.call(Upcall::Settled, &[first[0], first[1], jvalue { j: told }]),
            Err(error) => {
                let text = env.array(error.message.as_bytes());
                env.clear("an allocation");
                let text = text.unwrap_or(std::ptr::null_mut());
                let [kind, code, retryable] = words(&error);
                env.call(Upcall::Failed, &[first[0], first[1], kind, code, retryable, jvalue { l: text }]);
                env.forget(text);
            }
        }
        env.clear("a completion");
    }

    /// Runs a command's handler, which takes the responder; false if it could not be called.
    pub(crate) fn command(&self, handler: i32, responder: i64, params: &str) -> bool {
        let Some(env) = attached() else { return false };
        let Ok(text) = env.array(params.as_bytes()) else {
            env.clear("an allocation");
            return false;
        };
        let first = [jvalue { l: self.0.get() }, jvalue { i: handler }];
        env.call(Upcall::Command, &[first[0], first[1], jvalue { j: responder }, jvalue { l: text }]);
        env.forget(text);
        env.clear("a handler");
        true
    }

    /// Tells a step in the connection's life.
    pub(crate) fn lifecycle(&self, handler: i32, step: &Lifecycle) {
        let Some(env) = attached() else { return };
        let none = Error::new(ErrorKind::Internal, "");
        let (number, error, retry_in, will_retry) = match step {
            Lifecycle::Connecting => (0, None, None, true),
            Lifecycle::Online => (1, None, None, true),
            Lifecycle::ConnectFailed { error, retry_in } => (2, Some(error), *retry_in, retry_in.is_some()),
            Lifecycle::Offline { reason, will_retry } => (3, Some(reason), None, *will_retry),
            Lifecycle::Activated => (4, None, None, true),
            Lifecycle::Closed => (5, None, None, false),
            _ => (6, None, None, true),
        };
        let text = match error.map(|error| env.array(error.message.as_bytes())) {
            Some(Ok(text)) => text,
            Some(Err(_)) | None => std::ptr::null_mut(),
        };
        env.clear("an allocation");
        let [kind, code, retryable] = words(error.unwrap_or(&none));
        let retry_ms = retry_in.map_or(-1, |pause| i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
        env.call(
            Upcall::Lifecycle,
            &[
                jvalue { l: self.0.get() },
                jvalue { i: handler },
                jvalue { i: number },
                jvalue { j: retry_ms },
                jvalue { z: will_retry },
                kind,
                code,
                retryable,
                jvalue { l: text },
            ],
        );
        env.forget(text);
        env.clear("a lifecycle handler");
    }

    /// The handler will not be called any more.
    pub(crate) fn released(&self, handler: i32) {
        if let Some(env) = attached() {
            env.call(Upcall::Released, &[jvalue { l: self.0.get() }, jvalue { i: handler }]);
            env.clear("a release");
        }
    }
}

fn words(error: &Error) -> [jvalue; 3] {
    [
        jvalue { i: i32::from(error.kind.number()) },
        jvalue { j: error.hub_code },
        jvalue { z: error.retryable },
    ]
}

/// A delivery as one number: its kind above, the request below.
pub(crate) fn told(delivery: Delivery) -> i64 {
    match delivery {
        Delivery::Acknowledged { request } => i64::from(request.0),
        Delivery::Queued { request } => i64::from(request.0) | 1 << 32,
        _ => 2 << 32,
    }
}
