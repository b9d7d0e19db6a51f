//! What an event of the engine becomes: a job, a woken thread, a step, or a line in the log.

use super::life::Step;
use super::{Effects, Spread};
use crate::command::{Handler, Invocation, InvocationKind, Responder};
use crate::device::{Delivery, Device};
use crate::error::Error;
use crate::inner::Inner;
use crate::jobs::Job;
use crate::link::Down;
use crate::waiter::Completion;
use enos_core::engine::{CallId, Command, CommandKind, Event, Outcome, RequestId, WakeReport, Warning};
use enos_core::{Cause, ErrorKind};
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::sync::Arc;

/// What an event asks of the core.
pub(super) enum Then {
    Nothing,
    Refuse(CallId),
    Step(Step),
    Slept(RequestId, Result<WakeReport, enos_core::Error>),
}

/// The parts of the core that an event may touch while it borrows the engine.
pub(super) struct Host<'c> {
    pub(super) client: &'c Arc<Inner>,
    pub(super) requests: &'c mut HashMap<u32, Completion<Delivery>, BuildHasherDefault<Spread>>,
    pub(super) services: &'c HashMap<Arc<str>, (u64, Handler)>,
    pub(super) set: Option<&'c (u64, Handler)>,
    pub(super) get: Option<&'c (u64, Handler)>,
    pub(super) calls: &'c mut usize,
    pub(super) jobs: &'c mut VecDeque<Job>,
    pub(super) effects: &'c mut Effects,
    pub(super) last_down: Option<&'c Down>,
}

impl Host<'_> {
    pub(super) fn event(self, event: Event<'_>) -> Then {
        match event {
            Event::Settled { request, outcome } => {
                self.effects.room = true;
                let Some(completion) = self.requests.remove(&request.0) else { return Then::Nothing };
                let result = match outcome {
                    Outcome::Acknowledged { .. } => Ok(Delivery::Acknowledged { request }),
                    Outcome::Rejected { error, message } => Err(self.failure(&error, &words_of(message))),
                    Outcome::Failed(error) => Err(self.failure(&error, self.why_offline(&error))),
                    _ => Err(Error::new(ErrorKind::Internal, "an outcome that this runtime does not know")),
                };
                if let (Completion::Nobody, Err(error)) = (&completion, &result) {
                    log::warn!("{error}");
                }
                complete_delivery(completion, result, self.jobs, self.effects);
                Then::Nothing
            }
            Event::Command(command) => self.command(command),
            Event::Warning(warning) => {
                self.warn(warning);
                Then::Nothing
            }
            Event::Slept { request, report } => Then::Slept(request, report),
            Event::Connecting => Then::Step(Step::Connecting),
            Event::Online => Then::Step(Step::Online),
            Event::ConnectFailed { error, retry_in_ms } => {
                Then::Step(Step::ConnectFailed { error, retry_in_ms })
            }
            Event::Offline { reason, will_retry } => Then::Step(Step::Offline { reason, will_retry }),
            Event::Activated => Then::Step(Step::Activated),
            Event::Closed => Then::Step(Step::Closed),
            event => {
                log::error!("{}: an event that this runtime does not know: {event:?}", self.client.name());
                Then::Nothing
            }
        }
    }

    fn failure(&self, error: &enos_core::Error, detail: &str) -> Error {
        Error::core(&format!("post of {}", self.client.name()), error, detail)
    }

    fn why_offline(&self, error: &enos_core::Error) -> &str {
        match (error.cause, self.last_down) {
            (Cause::Offline, Some(down)) => &down.text,
            _ => "",
        }
    }

    fn command(self, command: Command<'_>) -> Then {
        let (kind, identifier, handler) = match command.kind {
            CommandKind::Service(id) => match self.services.get_key_value(id) {
                Some((id, (_, handler))) => (InvocationKind::Service, id.clone(), Some(handler)),
                None => return Then::Refuse(command.call),
            },
            CommandKind::MeasurepointSet => {
                (InvocationKind::MeasurepointSet, "".into(), self.set.map(|(_, handler)| handler))
            }
            CommandKind::MeasurepointGet => {
                (InvocationKind::MeasurepointGet, "".into(), self.get.map(|(_, handler)| handler))
            }
            _ => return Then::Refuse(command.call),
        };
        let (Some(handler), Ok(params)) = (handler, std::str::from_utf8(command.params)) else {
            return Then::Refuse(command.call);
        };
        *self.calls += 1;
        let device = Device::new(self.client.commanded().clone(), command.device);
        let invocation = Invocation { device, kind, identifier, params: params.into() };
        let responder = Responder::new(self.client.clone(), command.call);
        self.jobs.push_back(Job::Command(handler.clone(), invocation, responder));
        Then::Nothing
    }

    fn warn(&self, warning: Warning) {
        let name = self.client.name();
        match warning {
            Warning::SubscriptionRefused(count) => log::warn!(
                "{name}: the hub refused {count} subscriptions. It may deliver without them; check the device's topics"
            ),
            Warning::Oversize(bytes) => log::warn!(
                "{name}: a message of {bytes} bytes was larger than the limit and was dropped. Raise limits.receive"
            ),
            Warning::DialDelayed(ms) => {
                log::info!(
                    "{name}: the next dial waits {ms} ms, because the hub blocks devices that dial too often"
                );
            }
            Warning::StoreFailed(ms) => {
                log::warn!("{name}: the device secret could not be stored; next try in {ms} ms");
            }
            Warning::CallsFull => {
                log::warn!(
                    "{name}: a command was answered with 1102, because too many are open. Answer sooner"
                );
            }
            other => log::info!("{name}: a message was dropped: {other:?}"),
        }
    }
}

/// The hub's own words as people read them: the escapes of JSON undone, controls made visible, at most 200 characters.
fn words_of(json: &str) -> String {
    let text: String = serde_json::from_str(&format!("\"{json}\"")).unwrap_or_else(|_| json.to_owned());
    let mut words = String::new();
    for c in text.chars().take(200) {
        if c.is_control() {
            words.extend(c.escape_default());
        } else {
            words.push(c);
        }
    }
    words
}

pub(super) fn complete_delivery(
    completion: Completion<Delivery>,
    result: Result<Delivery, Error>,
    jobs: &mut VecDeque<Job>,
    effects: &mut Effects,
) {
    match completion {
        Completion::Call(done) => jobs.push_back(Job::Delivered(done, result)),
        Completion::Wake(waiter) => effects.delivered.push(waiter, result),
        Completion::Nobody => {}
    }
}

#[cfg(test)]
mod tests {
    use super::words_of;

    #[test]
    fn the_hubs_words_are_readable_and_harmless() {
        assert_eq!(words_of(r#"point \"temp\": 151 \u2265 150"#), "point \"temp\": 151 ≥ 150");
        assert_eq!(words_of(r"a\nb\u001b[31m"), "a\\nb\\u{1b}[31m");
        assert_eq!(words_of("a lone \\ stays"), "a lone \\ stays");
        assert_eq!(words_of(&"é".repeat(500)).chars().count(), 200);
    }
}
