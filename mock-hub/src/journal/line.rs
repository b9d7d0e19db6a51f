//! An entry as JSON.

use std::borrow::Cow;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{Detail, Message, Seen, clip};

/// Bytes of a payload shown unless more is asked for.
const EXCERPT: usize = 1024;

/// An entry on its way out; `full` shows the payload as far as it was kept.
pub(crate) struct Line<'a> {
    pub(crate) seen: &'a Seen,
    pub(crate) full: bool,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Seen { seq, time_ms, entry } = self.seen;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("seq", seq)?;
        map.serialize_entry("time", time_ms)?;
        map.serialize_entry("kind", entry.kind.name())?;
        if let Some(device) = &entry.device {
            map.serialize_entry("device", &device.to_string())?;
        }
        map.serialize_entry("text", &*entry.text)?;
        if let Some(rule) = entry.rule {
            map.serialize_entry("rule", &rule)?;
        }
        if let Some(fix) = entry.fix() {
            map.serialize_entry("fix", fix)?;
        }
        match &entry.detail {
            Detail::None => {}
            Detail::Json(detail) => map.serialize_entry("detail", detail)?,
            Detail::SignIn(sign_in) => map.serialize_entry("detail", &sign_in.to_json())?,
            Detail::Coap(sign_in) => map.serialize_entry("detail", &sign_in.to_json())?,
            Detail::Message(message) => {
                map.serialize_entry("detail", &Shown { message, full: self.full })?;
            }
        }
        map.end()
    }
}

struct Shown<'a> {
    message: &'a Message,
    full: bool,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let message = self.message;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("topic", &*message.topic)?;
        map.serialize_entry("id", &*message.id)?;
        map.serialize_entry("qos", &message.qos)?;
        map.serialize_entry("bytes", &message.bytes)?;
        if let Some(code) = message.code {
            map.serialize_entry("code", &code)?;
        }
        let (payload, truncated) = shown(message, self.full);
        map.serialize_entry("payload", &*payload)?;
        if !message.is_confidential() {
            map.serialize_entry("truncated", &truncated)?;
        }
        map.end()
    }
}

/// A payload as text, and whether it is cut.
pub(crate) fn shown(message: &Message, full: bool) -> (Cow<'_, str>, bool) {
    if message.is_confidential() {
        return ("(not shown: it carries a secret)".into(), false);
    }
    let most = if full { usize::MAX } else { EXCERPT };
    let text = String::from_utf8_lossy(&message.payload);
    let truncated = text.len() > most || message.payload.len() < message.bytes;
    match text {
        Cow::Borrowed(text) => (clip(text, most).into(), truncated),
        Cow::Owned(text) => (clip(&text, most).to_owned().into(), truncated),
    }
}
