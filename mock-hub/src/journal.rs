//! What the hub saw: a bounded ring of entries that a device developer reads to find out why.
//!
//! Entries are cheap to write and rendered when read. No entry holds a secret.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::fabric::DeviceId;

/// Entries kept; the oldest go first.
pub(crate) const CAPACITY: usize = 10_000;
/// Bytes of a payload kept with a message entry.
const EXCERPT: usize = 1024;
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
}

impl EntryKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
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
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub struct Entry {
    pub(crate) kind: EntryKind,
    pub(crate) device: Option<DeviceId>,
    pub(crate) text: Cow<'static, str>,
    pub(crate) detail: Detail,
}

/// What belongs to an entry beyond its text.
#[derive(Debug, Clone)]
pub(crate) enum Detail {
    None,
    Json(Value),
    Message(Message),
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
    excerpt: Box<[u8]>,
}

impl Message {
    pub(crate) fn new(topic: &str, id: &str, qos: u8, payload: &[u8], code: Option<i64>) -> Self {
        let excerpt = payload.get(..EXCERPT).unwrap_or(payload);
        Self {
            topic: topic.into(),
            id: clip(id, 64).into(),
            qos,
            bytes: payload.len(),
            code,
            excerpt: excerpt.into(),
        }
    }

    /// A message whose payload must not be shown, because it carries a secret.
    pub(crate) fn confidential(topic: &str, id: &str, qos: u8, bytes: usize) -> Self {
        Self { topic: topic.into(), id: id.into(), qos, bytes, code: None, excerpt: Box::default() }
    }

    fn to_json(&self) -> Value {
        let mut detail =
            json!({"topic": &*self.topic, "id": &*self.id, "qos": self.qos, "bytes": self.bytes});
        if let Some(code) = self.code {
            detail["code"] = code.into();
        }
        if self.excerpt.is_empty() && self.bytes > 0 {
            detail["payload"] = "(not shown: it carries a secret)".into();
        } else {
            detail["payload"] = String::from_utf8_lossy(&self.excerpt).into();
            detail["truncated"] = (self.excerpt.len() < self.bytes).into();
        }
        detail
    }
}

impl Entry {
    /// An entry with its text; keep secrets out of it.
    pub fn new(kind: EntryKind, text: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, device: None, text: text.into(), detail: Detail::None }
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
}

/// Which entries to read.
#[derive(Debug, Default, Clone)]
pub(crate) struct Filter {
    pub(crate) device: Option<DeviceId>,
    pub(crate) kind: Option<EntryKind>,
    /// Only entries with a higher number.
    pub(crate) since: Option<u64>,
    pub(crate) limit: usize,
}

struct Numbered {
    seq: u64,
    time_ms: u64,
    entry: Entry,
}

#[derive(Default)]
struct Ring {
    entries: VecDeque<Numbered>,
    next: u64,
}

/// The ring itself; writing takes a short lock and never blocks on anything else.
#[derive(Default)]
pub(crate) struct Journal(Mutex<Ring>);

impl Journal {
    pub(crate) fn write(&self, time_ms: u64, mut entry: Entry) {
        if entry.text.len() > MAX_TEXT {
            entry.text = clip(&entry.text, MAX_TEXT).to_owned().into();
        }
        let mut ring = self.ring();
        // Numbers start at 1, so that `since=0` means everything.
        ring.next += 1;
        let seq = ring.next;
        let dropped = if ring.entries.len() >= CAPACITY { ring.entries.pop_front() } else { None };
        ring.entries.push_back(Numbered { seq, time_ms, entry });
        drop(ring);
        // Freed outside the lock.
        drop(dropped);
    }

    /// The entries that match, oldest first; with more than `limit` matches the newest of them.
    pub(crate) fn read(&self, filter: &Filter) -> Value {
        let ring = self.ring();
        let oldest = ring.entries.front().map_or(ring.next + 1, |first| first.seq);
        let mut found: Vec<Value> = ring
            .entries
            .iter()
            .rev()
            .take_while(|item| filter.since.is_none_or(|since| item.seq > since))
            .filter(|item| filter.kind.is_none_or(|kind| kind == item.entry.kind))
            .filter(|item| filter.device.is_none() || filter.device == item.entry.device)
            .take(filter.limit)
            .map(Numbered::to_json)
            .collect();
        found.reverse();
        json!({"entries": found, "last": ring.next, "dropped": oldest - 1})
    }

    /// The number of the newest entry.
    pub(crate) fn last(&self) -> u64 {
        self.ring().next
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Numbered {
    fn to_json(&self) -> Value {
        let entry = &self.entry;
        let mut line =
            json!({"seq": self.seq, "time": self.time_ms, "kind": entry.kind.name(), "text": &*entry.text});
        if let Some(device) = &entry.device {
            line["device"] = device.to_string().into();
        }
        match &entry.detail {
            Detail::None => {}
            Detail::Json(detail) => line["detail"] = detail.clone(),
            Detail::Message(message) => line["detail"] = message.to_json(),
        }
        line
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
mod tests {
    use super::*;

    fn everything() -> Filter {
        Filter { limit: usize::MAX, ..Filter::default() }
    }

    #[test]
    fn the_ring_forgets_the_oldest_and_says_how_many() {
        let journal = Journal::default();
        for index in 0..CAPACITY + 7 {
            journal.write(index as u64, Entry::new(EntryKind::Admin, "x"));
        }
        let read = journal.read(&everything());
        assert_eq!(read["entries"].as_array().unwrap().len(), CAPACITY);
        assert_eq!(read["entries"][0]["seq"], 8);
        assert_eq!(read["dropped"], 7);
    }

    #[test]
    fn filters_combine() {
        let journal = Journal::default();
        let device = DeviceId::new("pk", "dk");
        journal.write(1, Entry::new(EntryKind::Connect, "a").device(&device));
        journal.write(2, Entry::new(EntryKind::Refused, "b").device(&device));
        journal.write(3, Entry::new(EntryKind::Refused, "c"));
        let read = |filter| journal.read(&filter)["entries"].as_array().unwrap().len();
        assert_eq!(read(everything()), 3);
        assert_eq!(read(Filter { kind: Some(EntryKind::Refused), ..everything() }), 2);
        assert_eq!(read(Filter { device: Some(device), since: Some(1), ..everything() }), 1);
        let newest = journal.read(&Filter { limit: 1, ..everything() });
        assert_eq!(newest["entries"][0]["text"], "c");
    }

    #[test]
    fn long_texts_and_payloads_are_cut() {
        let journal = Journal::default();
        let long = "é".repeat(5_000);
        let message = Message::new("/t", "1", 1, long.as_bytes(), None);
        journal.write(1, Entry::new(EntryKind::MessageIn, long).message(message));
        let entry = &journal.read(&everything())["entries"][0];
        assert_eq!(entry["text"].as_str().unwrap().len(), MAX_TEXT);
        assert_eq!(entry["detail"]["truncated"], true);
        assert_eq!(entry["detail"]["bytes"], 10_000);
    }
}
