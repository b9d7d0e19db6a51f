//! Commands from the hub: what is asked, and the answer to it.

use crate::device::Device;
use crate::error::Error;
use crate::inner::{Inner, Slot};
use crate::waiter::{Completion, Leave};
use enos_core::engine::{AnswerData, CallId};
use enos_core::json::Value;
use std::sync::Arc;

/// A handler for commands; runs on a callback thread.
pub(crate) type Handler = Arc<dyn Fn(Invocation, Responder) + Send + Sync>;

/// The code that says "done" (`payloads.md` §14).
const DONE: i32 = 200;
/// The code for a handler that failed or gave no answer.
pub(crate) const HANDLER_FAILED: i32 = 1102;

/// What a command asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvocationKind {
    /// Invoke a service.
    Service,
    /// Set measurepoints; the arguments are the points by identifier.
    MeasurepointSet,
    /// Read measurepoints; the arguments name them.
    MeasurepointGet,
}

/// A command of the hub.
pub struct Invocation {
    pub(crate) device: Device,
    pub(crate) kind: InvocationKind,
    pub(crate) identifier: Arc<str>,
    pub(crate) params: Box<str>,
}

impl Invocation {
    /// What is asked for.
    pub fn kind(&self) -> InvocationKind {
        self.kind.clone()
    }

    /// The service's identifier; empty for measurepoints.
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The arguments as a tree. They are valid JSON; what is nested beyond 128 levels becomes null.
    pub fn args(&self) -> serde_json::Value {
        serde_json::from_str(&self.params).unwrap_or_default()
    }

    /// The arguments as JSON text.
    pub fn params(&self) -> &str {
        &self.params
    }

    /// Who is meant.
    pub fn device(&self) -> &Device {
        &self.device
    }
}

impl std::fmt::Debug for Invocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invocation")
            .field("kind", &self.kind)
            .field("identifier", &self.identifier)
            .finish_non_exhaustive()
    }
}

/// Answers a command: now or later, from any thread. Dropped without an answer, it answers 1102.
///
/// Each answer waits for room in the queue like a post. Fails with `LinkLost` if there is no connection to carry
/// it: the hub has given the command up then. A failure is logged too, so it may be ignored.
#[must_use = "dropping it answers the command with a failure"]
pub struct Responder {
    inner: Option<Arc<Inner>>,
    call: CallId,
}

impl Responder {
    pub(crate) fn new(inner: Arc<Inner>, call: CallId) -> Self {
        Self { inner: Some(inner), call }
    }

    /// Done (200), with these outputs.
    pub fn ok(self, outputs: &[(&str, Value<'_>)]) -> Result<(), Error> {
        let data = if outputs.is_empty() { AnswerData::Empty } else { AnswerData::Values(outputs) };
        self.answer(DONE, data, "")
    }

    /// A code of the device (from 2000 on; 200 is done), and outputs as the text of a JSON object.
    pub fn json(self, code: i32, outputs: &str) -> Result<(), Error> {
        self.answer(code, AnswerData::Json(outputs), "")
    }

    /// Not done: a code of the device (from 2000 on), and a text for people.
    pub fn fail(self, code: i32, message: &str) -> Result<(), Error> {
        self.answer(code, AnswerData::Empty, message)
    }

    /// Any answer: code, outputs, and a text for people.
    pub fn answer(mut self, code: i32, data: AnswerData<'_>, message: &str) -> Result<(), Error> {
        match self.inner.take() {
            Some(inner) => inner.answer(self.call, code, data, message, Leave::NEVER),
            None => Ok(()),
        }
    }

    /// As [`answer`](Self::answer), for a caller who may have to leave the wait for room: `leave` is called on this thread
    /// each 25 ms while it waits. Once it gives true this fails with `Timeout` at once, and the hub gets 1102.
    pub fn answer_unless(
        mut self,
        code: i32,
        data: AnswerData<'_>,
        message: &str,
        mut leave: impl FnMut() -> bool,
    ) -> Result<(), Error> {
        match self.inner.take() {
            Some(inner) => inner.answer(self.call, code, data, message, Leave::when(&mut leave)),
            None => Ok(()),
        }
    }

    /// As [`answer`](Self::answer), without waiting; `done` is called once, on a callback thread, when the answer has
    /// found its place in the queue, or never will.
    ///
    /// Fails, without calling `done`, on what is wrong with the answer, and if there is no connection to carry it. While
    /// the queue is full the answer is kept, 10 s at the most; then `done` gets `QueueFull`, and the hub 1102.
    pub fn submit_answer(
        mut self,
        code: i32,
        data: AnswerData<'_>,
        message: &str,
        done: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) -> Result<(), Error> {
        match self.inner.take() {
            Some(inner) => {
                inner.submit_answer(self.call, code, data, message, Completion::Call(Box::new(done)))
            }
            None => Ok(()),
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take() {
            inner.abandon(self.call);
        }
    }
}

impl std::fmt::Debug for Responder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Responder").field("call", &self.call).finish_non_exhaustive()
    }
}

/// A handler that was registered. Dropping this leaves it in place until the client is closed.
#[derive(Debug)]
pub struct Registration {
    pub(crate) inner: Arc<Inner>,
    pub(crate) slot: Slot,
    pub(crate) number: u64,
}

impl Registration {
    /// Takes the handler away, unless another has taken its place. A call that runs goes on.
    pub fn close(self) {
        self.inner.unregister(&self.slot, self.number);
    }
}
