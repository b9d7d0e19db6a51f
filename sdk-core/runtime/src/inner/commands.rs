//! Commands: who handles them, and how their answers leave.

use super::Inner;
use crate::command::{Handler, Registration};
use crate::drive::{LateAnswer, Phase};
use crate::error::Error;
use crate::inspect::value_json;
use crate::jobs::{Job, LifecycleHandler};
use crate::os::clock;
use crate::waiter::{Completion, Leave};
use enos_core::ErrorKind;
use enos_core::engine::{Answer, AnswerData, CallId, CommandKind, DeviceIx, Request, RequestError};
use enos_core::json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// How long an answer waits for room.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);

/// What a handler is for.
#[derive(Clone, Debug)]
pub(crate) enum Slot {
    Service(Arc<str>),
    MeasurepointSet,
    MeasurepointGet,
    Lifecycle,
}

impl Inner {
    pub(crate) fn answer(
        self: &Arc<Self>,
        call: CallId,
        code: i32,
        data: AnswerData<'_>,
        message: &str,
        mut leave: Leave<'_>,
    ) -> Result<(), Error> {
        let mut now = clock::now_undated();
        let mut core = self.lock_soon(now)?;
        let mut end = None;
        loop {
            let refused = match core
                .engine
                .request(now, Request::Answer { call, answer: Answer { code, data, message } })
            {
                Ok(_) => {
                    core.answered();
                    return self.send(core, now);
                }
                Err(refused) => refused,
            };
            let end = *end.get_or_insert_with(|| Instant::now() + ANSWER_PATIENCE);
            let left = end.saturating_duration_since(Instant::now());
            if refused == RequestError::QueueFull && !left.is_zero() && core.phase != Phase::Closed {
                core.room_waiters += 1;
                let piece = leave.piece(left);
                core = self.room.wait_timeout(core, piece).unwrap_or_else(PoisonError::into_inner).0;
                core.room_waiters -= 1;
                if piece < left {
                    drop(core);
                    if leave.now() {
                        self.abandon(call);
                        return Err(self.left("answer to a command"));
                    }
                    core = self.lock();
                }
                now = clock::now_undated();
                continue;
            }
            let error = core.refused_answer(self, call, refused, data);
            self.write(core, now);
            return Err(error);
        }
    }

    /// The same without waiting: what finds no room is kept until there is some.
    pub(crate) fn submit_answer(
        self: &Arc<Self>,
        call: CallId,
        code: i32,
        data: AnswerData<'_>,
        message: &str,
        done: Completion<()>,
    ) -> Result<(), Error> {
        let now = clock::now_undated();
        let mut core = self.lock_soon(now)?;
        let answer = Answer { code, data, message };
        match core.engine.request(now, Request::Answer { call, answer }) {
            Ok(_) => {
                core.answered();
                self.send(core, now)?;
                self.tell(done);
                Ok(())
            }
            Err(RequestError::QueueFull) => {
                drop(core);
                let json = owned(data).inspect_err(|_| self.abandon(call))?;
                let deadline = now.mono_ms.saturating_add(clock::millis(ANSWER_PATIENCE));
                let late = LateAnswer { call, code, json, message: message.to_owned(), deadline, done };
                self.act(|core, _, _| core.late.push_back(late));
                Ok(())
            }
            Err(refused) => {
                let error = core.refused_answer(self, call, refused, data);
                self.write(core, now);
                Err(error)
            }
        }
    }

    /// Brings a good result in order with the other callbacks.
    fn tell(self: &Arc<Self>, done: Completion<()>) {
        match done {
            Completion::Call(done) => {
                if self.jobs.append(&mut VecDeque::from([Job::Done(done, Ok(()))])) {
                    self.shared.callbacks().schedule(self);
                }
            }
            Completion::Wake(waiter) => waiter.bring(Ok(())),
            Completion::Nobody => {}
        }
    }

    /// Nobody will answer this call: it is answered with a failure.
    pub(crate) fn abandon(self: &Arc<Self>, call: CallId) {
        if !self.shared.owner().is_this() {
            return;
        }
        let closed = self.act(|core, _, _| {
            let closed = core.phase == Phase::Closed;
            if !closed {
                core.abandoned.push(call);
            }
            closed
        });
        if !closed {
            log::warn!("{}: a command was not answered by its handler; it was answered with 1102", self.name);
        }
    }

    pub(crate) fn register(
        self: &Arc<Self>,
        device: DeviceIx,
        slot: Slot,
        handler: Handler,
    ) -> Result<Registration, Error> {
        self.shared.owner().check()?;
        let number = self.act(|core, now, _| {
            if let Some(kind) = slot.kind() {
                core.engine.request(now, Request::Handle { device, kind }).map_err(|error| {
                    let what = self.act_name("registering a handler");
                    match error {
                        RequestError::QueueFull => Error::new(
                            ErrorKind::QueueFull,
                            format!("{what} refused: no room for another name. Raise limits.handlers or limits.names."),
                        ),
                        error => Error::request(&what, error, |_| None),
                    }
                })?;
            }
            core.registrations += 1;
            let entry = (core.registrations, handler);
            let earlier = match &slot {
                Slot::Service(id) => core.services.insert(id.clone(), entry),
                Slot::MeasurepointSet => core.set.replace(entry),
                _ => core.get.replace(entry),
            };
            if let Some(earlier) = earlier {
                core.dispose(earlier);
            }
            Ok::<u64, Error>(core.registrations)
        })?;
        Ok(Registration { inner: self.clone(), slot, number })
    }

    pub(crate) fn register_lifecycle(
        self: &Arc<Self>,
        handler: LifecycleHandler,
    ) -> Result<Registration, Error> {
        self.shared.owner().check()?;
        let number = self.act(|core, _, _| {
            if core.phase == Phase::Closed {
                return Err(Error::closed(&self.act_name("registering a handler")));
            }
            core.registrations += 1;
            let number = core.registrations;
            core.lifecycle = core.lifecycle.iter().cloned().chain([(number, handler)]).collect();
            Ok(number)
        })?;
        Ok(Registration { inner: self.clone(), slot: Slot::Lifecycle, number })
    }

    pub(crate) fn unregister(self: &Arc<Self>, slot: &Slot, number: u64) {
        if !self.shared.owner().is_this() {
            return;
        }
        self.act(|core, now, _| {
            let is_it = |entry: &Option<(u64, Handler)>| entry.as_ref().is_some_and(|(n, _)| *n == number);
            let gone = match slot {
                Slot::Service(id) => match core.services.get(id) {
                    Some((n, _)) if *n == number => core.services.remove(id),
                    _ => None,
                },
                Slot::MeasurepointSet if is_it(&core.set) => core.set.take(),
                Slot::MeasurepointGet if is_it(&core.get) => core.get.take(),
                Slot::Lifecycle => {
                    let rest = core.lifecycle.iter().filter(|(n, _)| *n != number).cloned().collect();
                    let earlier = std::mem::replace(&mut core.lifecycle, rest);
                    core.dispose(earlier);
                    None
                }
                _ => None,
            };
            if let Some(gone) = gone {
                if let Some(kind) = slot.kind() {
                    let _ = core.engine.request(now, Request::Unhandle { device: DeviceIx::ROOT, kind });
                }
                core.dispose(gone);
            }
        });
    }
}

/// Outputs as a text of our own.
fn owned(data: AnswerData<'_>) -> Result<Option<String>, Error> {
    match data {
        AnswerData::Empty => Ok(None),
        AnswerData::Json(json) => Ok(Some(json.to_owned())),
        AnswerData::Values(values) => value_json(&Value::Struct(values)).map(Some),
        _ => Err(Error::new(ErrorKind::Internal, "outputs of a form that this runtime does not know")),
    }
}

impl Slot {
    pub(super) fn kind(&self) -> Option<CommandKind<'_>> {
        match self {
            Self::Service(id) => Some(CommandKind::Service(id)),
            Self::MeasurepointSet => Some(CommandKind::MeasurepointSet),
            Self::MeasurepointGet => Some(CommandKind::MeasurepointGet),
            Self::Lifecycle => None,
        }
    }
}
