//! The connection's life: who is told of each step, and what its end leaves to do.

use super::host::complete_delivery;
use super::{Core, Effects, Phase};
use crate::error::Error;
use crate::inner::Inner;
use crate::jobs::Job;
use crate::lifecycle::Lifecycle;
use crate::waiter::Completion;
use enos_core::{Cause, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

/// Most lifecycle events that wait for a callback that does not return.
const MAX_JOBS_OF_LIFECYCLE: usize = 4096;

/// Lifecycle events of the engine, which are values.
pub(super) enum Step {
    Connecting,
    Online,
    ConnectFailed { error: enos_core::Error, retry_in_ms: Option<u32> },
    Offline { reason: enos_core::Error, will_retry: bool },
    Activated,
    Closed,
}

impl Core {
    /// A step of the connection's life.
    pub(super) fn step(&mut self, client: &Arc<Inner>, step: Step, effects: &mut Effects) {
        let name = client.name();
        let event = match step {
            Step::Connecting => {
                log::info!("{name}: connecting");
                self.phase = Phase::Connecting;
                Lifecycle::Connecting
            }
            Step::Online => {
                log::info!("{name}: online");
                self.phase = Phase::Online;
                self.last_down = None;
                self.last_failure = None;
                self.last_error = None;
                for (_, completion) in std::mem::take(&mut self.connects) {
                    self.complete(completion, Ok(()), effects);
                }
                Lifecycle::Online
            }
            Step::ConnectFailed { error, retry_in_ms } => {
                let detail = self.detail(&error);
                let cannot_be_cured = error.is_final();
                let mut error = Error::core(&format!("connect of {name}"), &error, &detail);
                if error.kind != ErrorKind::Closed {
                    self.last_error = Some(error.clone());
                }
                match retry_in_ms {
                    Some(ms) => {
                        log::info!("{error}. Next attempt in {ms} ms");
                        self.last_failure = Some(error.clone());
                        // Healing goes on, but whoever waits for a connection is told at once.
                        if cannot_be_cured {
                            for (_, completion) in std::mem::take(&mut self.connects) {
                                self.complete(completion, Err(error.clone()), effects);
                            }
                        }
                    }
                    None => {
                        if error.kind == ErrorKind::Timeout
                            && let Some(last) = &self.last_failure
                        {
                            error.message.push_str(&format!(" The attempt before: {last}"));
                        }
                        if error.kind == ErrorKind::Closed {
                            log::info!("{error}");
                        } else {
                            log::warn!("{error} The client has stopped trying.");
                        }
                        self.phase = Phase::Idle;
                        for (_, completion) in std::mem::take(&mut self.connects) {
                            self.complete(completion, Err(error.clone()), effects);
                        }
                    }
                }
                let retry_in = retry_in_ms.map(|ms| Duration::from_millis(u64::from(ms)));
                Lifecycle::ConnectFailed { error, retry_in }
            }
            Step::Offline { reason, will_retry } => {
                // Whoever waits for answers to commands waits in vain.
                effects.room = true;
                let detail = self.detail(&reason);
                let what = format!("the connection of {name}");
                let reason = match reason.kind {
                    ErrorKind::Closed => {
                        Error::new(ErrorKind::Closed, format!("{what} ended: the client was closed."))
                    }
                    _ => Error::core(&what, &reason, &detail),
                };
                self.phase = if will_retry { Phase::Connecting } else { Phase::Idle };
                if will_retry {
                    log::info!("{reason}");
                } else {
                    log::info!("{name}: offline");
                }
                self.last_failure = will_retry.then(|| reason.clone());
                Lifecycle::Offline { reason, will_retry }
            }
            Step::Activated => {
                log::info!("{name}: activated, its secret is stored");
                Lifecycle::Activated
            }
            Step::Closed => {
                log::info!("{name}: closed");
                self.close(client, effects);
                return;
            }
        };
        if !self.lifecycle.is_empty() {
            if client.jobs().pending() + self.jobs.len() < client.most_jobs() + MAX_JOBS_OF_LIFECYCLE {
                self.jobs.push_back(Job::Lifecycle(self.lifecycle.clone(), event));
            } else {
                log::warn!("{name}: a lifecycle event was dropped, because a callback does not return");
            }
        }
    }

    /// The end: everybody who waits is told, and what the user gave is let go.
    fn close(&mut self, client: &Arc<Inner>, effects: &mut Effects) {
        self.phase = Phase::Closed;
        self.force_at = None;
        let closed = || Error::closed(&format!("the call on {}", client.name()));
        for (_, completion) in std::mem::take(&mut self.requests) {
            complete_delivery(completion, Err(closed()), &mut self.jobs, effects);
        }
        for (_, completion) in std::mem::take(&mut self.sleeps) {
            self.wake(completion, Err(closed()), effects);
        }
        for (_, completion) in std::mem::take(&mut self.connects) {
            self.complete(completion, Err(closed()), effects);
        }
        for late in std::mem::take(&mut self.late) {
            self.answered();
            self.complete(late.done, Err(closed()), effects);
        }
        self.jobs.extend(self.room_calls.drain(..).map(|done| Job::Done(done, Err(closed()))));
        if !self.lifecycle.is_empty() {
            self.jobs.push_back(Job::Lifecycle(self.lifecycle.clone(), Lifecycle::Closed));
        }
        for completion in std::mem::take(&mut self.closes) {
            self.complete(completion, Ok(()), effects);
        }
        let services = std::mem::take(&mut self.services);
        let lifecycle = std::mem::replace(&mut self.lifecycle, Arc::new([]));
        let given = (services, self.set.take(), self.get.take(), lifecycle);
        if !given.0.is_empty() || given.1.is_some() || given.2.is_some() || !given.3.is_empty() {
            self.jobs.push_back(Job::Dispose(Box::new(given)));
        }
        effects.closed = true;
        effects.room = true;
    }

    pub(crate) fn complete(
        &mut self,
        completion: Completion<()>,
        result: Result<(), Error>,
        effects: &mut Effects,
    ) {
        match completion {
            Completion::Call(done) => self.jobs.push_back(Job::Done(done, result)),
            Completion::Wake(waiter) => effects.done.push(waiter, result),
            Completion::Nobody => {}
        }
    }

    /// Lets go of what a user gave, without running their code here.
    pub(crate) fn dispose(&mut self, given: impl std::any::Any + Send) {
        self.jobs.push_back(Job::Dispose(Box::new(given)));
    }

    /// The finer text of whose error it is: the link's or the secret store's.
    fn detail(&self, error: &enos_core::Error) -> String {
        match (&self.last_down, error.cause) {
            (Some(down), Cause::Link(fault)) if down.fault == fault => down.text.clone(),
            (_, Cause::Store) => self.last_store.clone().unwrap_or_default(),
            _ => String::new(),
        }
    }
}
