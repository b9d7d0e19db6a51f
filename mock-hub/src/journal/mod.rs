//! What the hub saw: a bounded record that a device developer reads to find out why.
//!
//! Entries are cheap to write and rendered when read; who listens reads from the same ring and costs the writer
//! nothing but a wake-up. No entry holds a secret.

mod coap;
mod filter;
mod line;
mod listener;
mod ring;
mod sign_in;

use std::borrow::Cow;

use serde_json::Value;

use crate::enos::json::Cursor;
use crate::fabric::DeviceId;

pub(crate) use coap::CoapSignIn;
pub(crate) use filter::{Filter, Kinds, is_of};
pub(crate) use line::{Line, shown};
pub(crate) use listener::Listener;
#[cfg(test)]
use listener::{Batch, TooMany};
pub(crate) use ring::{Journal, Seen};
pub(crate) use sign_in::SignIn;

/// Bytes of a payload kept with a message entry; the ring as a whole has a bound of its own.
const PAYLOAD: usize = 64 * 1024;
/// Bytes of an entry's text kept.
const MAX_TEXT: usize = 2048;

/// What an entry is about; the name is what `GET /hub/v1/journal?kind=` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryKind {
    /// A device signed in.
    Connect,
    /// A sign-in, message or subscription was refused; the text says why and what to do.
    Refused,
    /// A connection ended.
    Disconnect,
    /// A device subscribed.
    Subscribe,
    /// A message from a device.
    MessageIn,
    /// A message to a device.
    MessageOut,
    /// Something the hub tolerates and `--strict` refuses; the text names the rule and the fix.
    Warning,
    /// A command changed its state.
    Command,
    /// Something was changed from outside: seed, reset, REST.
    Admin,
    /// A packet or connection that broke the transport's rules.
    Transport,
    /// One MQTT packet, either way; recorded only while somebody listens to this kind.
    Packet,
    /// A fault that was ordered struck, or the hub's clock was moved.
    Fault,
}

impl EntryKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Connect,
        Self::Refused,
        Self::Disconnect,
        Self::Subscribe,
        Self::MessageIn,
        Self::MessageOut,
        Self::Warning,
        Self::Command,
        Self::Admin,
        Self::Transport,
        Self::Packet,
        Self::Fault,
    ];

    /// The name used in JSON and in queries.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Refused => "refused",
            Self::Disconnect => "disconnect",
            Self::Subscribe => "subscribe",
            Self::MessageIn => "message-in",
            Self::MessageOut => "message-out",
            Self::Warning => "warning",
            Self::Command => "command",
            Self::Admin => "admin",
            Self::Transport => "transport",
            Self::Packet => "packet",
            Self::Fault => "fault",
        }
    }

    /// The kind of this name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub struct Entry {
    pub(crate) kind: EntryKind,
    pub(crate) device: Option<DeviceId>,
    pub(crate) text: Cow<'static, str>,
    /// The rule of `rules.md` that was broken.
    pub(crate) rule: Option<u8>,
    pub(crate) detail: Detail,
}

/// What belongs to an entry beyond its text.
#[derive(Debug, Clone)]
pub(crate) enum Detail {
    None,
    Json(Value),
    Message(Message),
    SignIn(Box<SignIn>),
    Coap(Box<CoapSignIn>),
}

/// A message as the journal keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) topic: Box<str>,
    pub(crate) id: Box<str>,
    pub(crate) qos: u8,
    pub(crate) bytes: usize,
    /// The code of the reply, or of the answer that came.
    pub(crate) code: Option<i64>,
    /// The payload, or its beginning; empty if it must not be shown.
    pub(crate) payload: Box<[u8]>,
}

impl Message {
    pub(crate) fn new(topic: &str, id: &str, qos: u8, payload: &[u8], code: Option<i64>) -> Self {
        let kept = payload.get(..PAYLOAD).unwrap_or(payload);
        Self {
            topic: topic.into(),
            id: clip(id, 64).into(),
            qos,
            bytes: payload.len(),
            code,
            payload: kept.into(),
        }
    }

    /// A message whose payload must not be shown, because it carries a secret.
    pub(crate) fn confidential(topic: &str, id: &str, qos: u8, bytes: usize) -> Self {
        Self { topic: topic.into(), id: id.into(), qos, bytes, code: None, payload: Box::default() }
    }

    /// Whether the payload is a secret and was not kept.
    pub(crate) fn is_confidential(&self) -> bool {
        self.payload.is_empty() && self.bytes > 0
    }

    /// The whole payload as JSON, read as leniently as the cloud reads it; none if it is none, is a secret, or was too long to keep.
    pub(crate) fn json(&self) -> Option<Value> {
        if self.payload.len() < self.bytes {
            return None;
        }
        let text = std::str::from_utf8(&self.payload).ok()?;
        let mut cursor = Cursor::new(text);
        let value = cursor.value().ok()?;
        cursor.end().ok()?;
        Some(value.to_json())
    }
}

impl Entry {
    /// An entry with its text; keep secrets out of it.
    pub fn new(kind: EntryKind, text: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, device: None, text: text.into(), rule: None, detail: Detail::None }
    }

    /// Names the device it is about.
    #[must_use]
    pub fn device(mut self, device: &DeviceId) -> Self {
        self.device = Some(device.clone());
        self
    }

    /// Adds what was decoded, as JSON; keep secrets out of it.
    #[must_use]
    pub fn detail(mut self, detail: Value) -> Self {
        self.detail = Detail::Json(detail);
        self
    }

    pub(crate) fn message(mut self, message: Message) -> Self {
        self.detail = Detail::Message(message);
        self
    }

    pub(crate) fn sign_in(mut self, sign_in: SignIn) -> Self {
        self.detail = Detail::SignIn(Box::new(sign_in));
        self
    }

    pub(crate) fn coap_sign_in(mut self, sign_in: CoapSignIn) -> Self {
        self.detail = Detail::Coap(Box::new(sign_in));
        self
    }

    /// The rule that a warning or a refusal names in its text: `rule 6: …`.
    fn rule_in_text(&self) -> Option<u8> {
        let (_, rest) = self.text.split_once("rule ")?;
        let (number, _) = rest.split_once(':')?;
        number.parse().ok()
    }

    /// The topic it is about.
    pub(crate) fn topic(&self) -> Option<&str> {
        match &self.detail {
            Detail::Message(message) => Some(&message.topic),
            Detail::Json(detail) => detail["topic"].as_str(),
            Detail::None | Detail::SignIn(_) | Detail::Coap(_) => None,
        }
    }

    /// The id of the message or command it is about.
    pub(crate) fn id(&self) -> Option<&str> {
        match &self.detail {
            Detail::Message(message) => Some(&message.id),
            Detail::Json(detail) => detail["id"].as_str().or(detail["commandId"].as_str()),
            Detail::None | Detail::SignIn(_) | Detail::Coap(_) => None,
        }
    }

    /// What was decoded beside a message, as JSON.
    pub(crate) fn decoded(&self) -> Option<Cow<'_, Value>> {
        match &self.detail {
            Detail::Json(detail) => Some(Cow::Borrowed(detail)),
            Detail::SignIn(sign_in) => Some(Cow::Owned(sign_in.to_json())),
            Detail::Coap(sign_in) => Some(Cow::Owned(sign_in.to_json())),
            Detail::None | Detail::Message(_) => None,
        }
    }

    /// The code it ended with.
    pub(crate) fn code(&self) -> Option<i64> {
        match &self.detail {
            Detail::Message(message) => message.code,
            Detail::Json(detail) => detail["code"].as_i64(),
            Detail::SignIn(sign_in) => sign_in.refusal.map(|(_, code)| code.into()),
            Detail::Coap(sign_in) => sign_in.refused.map(i64::from),
            Detail::None => None,
        }
    }

    /// What to do about it: the text behind `Fix: `.
    pub(crate) fn fix(&self) -> Option<&str> {
        self.text.split_once("Fix: ").map(|(_, fix)| fix)
    }

    /// The message, if it is about one.
    pub(crate) fn as_message(&self) -> Option<&Message> {
        match &self.detail {
            Detail::Message(message) => Some(message),
            _ => None,
        }
    }

    /// Bytes it holds beyond its own size, roughly.
    fn weight(&self) -> usize {
        /// What decoded JSON takes, roughly.
        const JSON: usize = 1024;
        let text = if let Cow::Owned(text) = &self.text { text.len() } else { 0 };
        let detail = match &self.detail {
            Detail::None => 0,
            Detail::Json(_) => JSON,
            Detail::Message(message) => message.topic.len() + message.id.len() + message.payload.len(),
            Detail::SignIn(sign_in) => sign_in.weight(),
            Detail::Coap(_) => size_of::<CoapSignIn>(),
        };
        size_of::<Seen>() + text + detail
    }
}

/// The first `limit` bytes of a text, cut at a character.
pub(crate) fn clip(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let end = (0..=limit).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests;
