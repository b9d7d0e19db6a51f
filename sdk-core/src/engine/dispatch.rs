//! What a received message leads to: which feature it belongs to, and what the host is told.

use zeroize::Zeroize;

use super::state::{State, keys_of};
use super::tables::{Span, Verb};
use super::types::{CallId, Command, CommandKind, DeviceIx, Event, Outcome, RequestId, Warning};
use crate::error::Error;
use crate::feature::activation::MAX_SECRET;
use crate::feature::command;
use crate::feature::envelope::{self, MAX_COMMAND_ID};
use crate::topic::{self, Kind};

/// Something for the host, with ranges of the receive buffer in place of borrows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    Settled { id: u32, end: End },
    Command { call: CallId, device: DeviceIx, verb: Verb, service: Span, params: Span },
    Warning(Warning),
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Acknowledged { data: Span },
    Rejected { error: Error, message: Span },
    Failed(Error),
}

impl Told {
    /// Borrows what the ranges stand for.
    pub(super) fn event(self, base: &[u8]) -> Event<'_> {
        match self {
            Self::Settled { id, end } => Event::Settled {
                request: RequestId(id),
                outcome: match end {
                    End::Acknowledged { data } => Outcome::Acknowledged { data: data.bytes(base) },
                    End::Rejected { error, message } => {
                        Outcome::Rejected { error, message: message.text(base) }
                    }
                    End::Failed(error) => Outcome::Failed(error),
                },
            },
            Self::Command { call, device, verb, service, params } => Event::Command(Command {
                call,
                device,
                kind: verb.kind(service.text(base)),
                params: params.bytes(base),
            }),
            Self::Warning(warning) => Event::Warning(warning),
        }
    }
}

impl State<'_> {
    /// Takes a message that lies in `base`, the receive buffer.
    pub(super) fn dispatch(
        &mut self,
        now: u64,
        base: &[u8],
        topic: &str,
        payload: &[u8],
        repeated: bool,
    ) -> Option<Told> {
        self.stats.messages_received += 1;
        let Some(parsed) = topic::parse(topic) else { return self.unknown() };
        let Some(device) = self.devices.find(&self.names, parsed.product_key, parsed.device_key) else {
            return self.unknown();
        };
        if parsed.reply {
            return match envelope::reply(payload) {
                Ok(reply) => self.on_reply(base, &reply),
                Err(_) => self.malformed(),
            };
        }
        match (command::of_topic(parsed.kind), parsed.kind) {
            (Some(asked), kind) => self.on_command(base, device, (kind, asked), payload, repeated),
            (None, Kind::ActivateInfo) if device == DeviceIx::ROOT => self.on_activation(now, payload),
            _ => self.unknown(),
        }
    }

    pub(super) fn on_reply(&mut self, base: &[u8], reply: &envelope::Reply<'_>) -> Option<Told> {
        if !self.outbox.settle(reply.id) {
            self.stats.dropped_stray += 1;
            return Some(Told::Warning(Warning::StrayReply));
        }
        let end = if reply.code == 200 {
            self.stats.acknowledged += 1;
            End::Acknowledged { data: Span::of(base, reply.data) }
        } else {
            self.stats.rejected += 1;
            End::Rejected { error: Error::hub(reply.code), message: Span::of(base, reply.message.as_bytes()) }
        };
        Some(Told::Settled { id: reply.id, end })
    }

    fn on_command(
        &mut self,
        base: &[u8],
        device: DeviceIx,
        (kind, asked): (Kind<'_>, CommandKind<'_>),
        payload: &[u8],
        repeated: bool,
    ) -> Option<Told> {
        let Ok(command) = envelope::command(payload) else { return self.malformed() };
        if command.id.len() > MAX_COMMAND_ID {
            return self.malformed();
        }
        let Some(handler) = self.handlers.find(&self.names, device, asked) else {
            return self.refuse(device, kind, command.id, command::NO_HANDLER);
        };
        if repeated && self.calls.holds(device, &handler, command.id.as_bytes()) {
            // Delivered twice; the answer that is on its way serves both.
            return None;
        }
        if self.connection.is_leaving() {
            return self.refuse(device, kind, command.id, command::HANDLER_FAILED);
        }
        let Some(call) = self.calls.open(device, &handler, command.id.as_bytes()) else {
            self.refuse(device, kind, command.id, command::HANDLER_FAILED);
            return Some(Told::Warning(Warning::CallsFull));
        };
        let (verb, id) = Verb::of(asked);
        Some(Told::Command {
            call,
            device,
            verb,
            service: Span::of(base, id.as_bytes()),
            params: Span::of(base, command.params.as_bytes()),
        })
    }

    /// Answers a command by itself.
    fn refuse(&mut self, device: DeviceIx, kind: Kind<'_>, id: &str, code: i32) -> Option<Told> {
        let keys = keys_of(&self.names, &self.devices, device);
        let most = self.most();
        let taken =
            self.outbox.append_answer(most, |room| command::write_refusal(room, keys, kind, id, code));
        if taken.is_err() {
            self.stats.dropped_answers += 1;
        }
        None
    }

    fn on_activation(&mut self, now: u64, payload: &[u8]) -> Option<Told> {
        let Some(room) = self.new_secret else { return self.unknown() };
        let mut secret = [0; MAX_SECRET];
        let keys = keys_of(&self.names, &self.devices, DeviceIx::ROOT);
        let taken = self.activation.on_message(payload, keys, &mut secret);
        self.received_secret = true;
        let told = match taken {
            Ok(Some(len)) => {
                let span = Span { start: room.start, end: room.start + len as u32 };
                self.names.bytes_mut(span).copy_from_slice(&secret[..len]);
                self.devices.set_secret(DeviceIx::ROOT, span);
                None
            }
            // Already stored: the hub did not hear so. Say it again.
            Ok(None) if !self.activation.is_open() => {
                self.confirm_activation(now);
                None
            }
            Ok(None) => None,
            Err(_) => self.malformed(),
        };
        secret.zeroize();
        told
    }

    fn unknown(&mut self) -> Option<Told> {
        self.stats.dropped_unknown += 1;
        Some(Told::Warning(Warning::UnknownTopic))
    }

    pub(super) fn malformed(&mut self) -> Option<Told> {
        self.stats.dropped_malformed += 1;
        Some(Told::Warning(Warning::MalformedMessage))
    }
}
