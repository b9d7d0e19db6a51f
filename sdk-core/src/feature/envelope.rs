//! The JSON envelopes of requests, commands and replies (`payloads.md` §1).

use crate::json::{JsonError, JsonKind, JsonWriter, Members, Raw};
use crate::topic::{self, Kind};
use crate::wire::{Full, Writer};

/// The longest command id that is echoed, in bytes (`payloads.md` §1.3).
pub(crate) const MAX_COMMAND_ID: usize = 31;

/// Writes a request: `params` is written by the caller.
pub(crate) fn request(
    w: &mut JsonWriter<'_>,
    id: u32,
    kind: Kind<'_>,
    params: impl FnOnce(&mut JsonWriter<'_>) -> Result<(), Full>,
) -> Result<(), Full> {
    w.raw(b"{\"id\":\"")?;
    w.u64(u64::from(id))?;
    w.raw(b"\",\"version\":\"1.0\",\"method\":\"")?;
    topic::write_method(w.writer(), kind)?;
    w.raw(b"\",\"params\":")?;
    params(w)?;
    w.raw(b"}")
}

/// Writes the answer to a command. `id` goes back as it came: the inside of a JSON string.
pub(crate) fn answer(
    w: &mut JsonWriter<'_>,
    id: &[u8],
    code: i32,
    message: &str,
    data: impl FnOnce(&mut JsonWriter<'_>) -> Result<(), Full>,
) -> Result<(), Full> {
    w.raw(b"{\"id\":\"")?;
    w.raw(id)?;
    w.raw(b"\",\"code\":")?;
    w.i64(i64::from(code))?;
    w.raw(b",\"data\":")?;
    data(w)?;
    if !message.is_empty() {
        w.raw(b",\"message\":")?;
        w.string(message)?;
    }
    w.raw(b"}")
}

/// Writes topic and payload one after the other, as the outbox wants them.
pub(crate) fn message(
    room: &mut [u8],
    topic: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    payload: impl FnOnce(&mut JsonWriter<'_>) -> Result<(), Full>,
) -> Result<(usize, usize), Full> {
    let mut w = Writer::new(room);
    topic(&mut w)?;
    let topic_len = w.len();
    let mut json = JsonWriter::new(room.get_mut(topic_len..).ok_or(Full)?);
    payload(&mut json)?;
    Ok((topic_len, json.len()))
}

/// The hub's reply to a request.
#[derive(Clone, Copy)]
pub(crate) struct Reply<'p> {
    pub(crate) id: u32,
    pub(crate) code: i64,
    /// JSON text; empty for absent, null and `""`, which all mean nothing (`payloads.md` §1.2).
    pub(crate) data: &'p [u8],
    /// The inside of a JSON string.
    pub(crate) message: &'p str,
}

/// What is wrong with an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadEnvelope {
    Json,
    /// A member that must be there is missing or of another type.
    Member,
}

impl From<JsonError> for BadEnvelope {
    fn from(_: JsonError) -> Self {
        Self::Json
    }
}

/// Reads a reply. Of a member that is there twice the last counts.
pub(crate) fn reply(payload: &[u8]) -> Result<Reply<'_>, BadEnvelope> {
    let (mut id, mut code, mut data, mut message) = (None, None, None, None);
    let mut members = Members::new(payload)?;
    while let Some((key, value)) = members.next()? {
        match key.raw() {
            "id" => id = Some(value),
            "code" => code = Some(value),
            "data" => data = Some(value),
            "message" => message = value.as_text(),
            _ => {}
        }
    }
    // Our own id comes back as we sent it, or (some hubs) as a number.
    let id =
        id.and_then(|raw| raw.as_i64()).and_then(|n| u32::try_from(n).ok()).ok_or(BadEnvelope::Member)?;
    let code = code.and_then(|raw| raw.as_i64()).ok_or(BadEnvelope::Member)?;
    let data = data.map_or(&[][..], |raw| match raw.kind() {
        JsonKind::Null => &[],
        JsonKind::String if raw.as_bytes() == b"\"\"" => &[],
        _ => raw.as_bytes(),
    });
    Ok(Reply { id, code, data, message: message.map_or("", |text| text.raw()) })
}

/// A command of the hub.
#[derive(Clone, Copy)]
pub(crate) struct CommandEnvelope<'p> {
    /// The inside of the id's JSON string, or the digits of a number.
    pub(crate) id: &'p str,
    /// JSON text; `{}` where it is missing.
    pub(crate) params: Raw<'p>,
}

/// Reads a command. An id may be a string or a number.
pub(crate) fn command(payload: &[u8]) -> Result<CommandEnvelope<'_>, BadEnvelope> {
    let (mut id, mut params) = (None, None);
    let mut members = Members::new(payload)?;
    while let Some((key, value)) = members.next()? {
        match key.raw() {
            "id" => id = Some(value),
            "params" => params = Some(value),
            _ => {}
        }
    }
    let id = id.ok_or(BadEnvelope::Member)?;
    let id = match id.kind() {
        JsonKind::String => id.as_text().map(|text| text.raw()),
        JsonKind::Number => Some(id.as_str()),
        _ => None,
    };
    Ok(CommandEnvelope { id: id.ok_or(BadEnvelope::Member)?, params: params.ok_or(BadEnvelope::Member)? })
}
