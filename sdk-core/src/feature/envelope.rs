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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    match compact_reply(payload) {
        Some(reply) => Ok(reply),
        None => any_reply(payload),
    }
}

/// The reply that nearly every post gets, `{"id":"41","code":200,"data":""}` to the letter (`payloads.md` §1.3), read
/// in a tenth of the time; `None` for any other.
fn compact_reply(payload: &[u8]) -> Option<Reply<'_>> {
    let (id, rest) = number(payload.strip_prefix(b"{\"id\":\"")?)?;
    let (code, rest) = number(rest.strip_prefix(b"\",\"code\":")?)?;
    let id = u32::try_from(id).ok()?;
    (rest == b",\"data\":\"\"}").then_some(Reply { id, code, data: &[], message: "" })
}

/// One to ten digits without a leading zero, and what follows them.
fn number(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let digits = bytes.iter().take(11).take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = bytes.split_at_checked(digits)?;
    let plain = match number {
        [] => false,
        [b'0', rest @ ..] => rest.is_empty(),
        _ => digits <= 10,
    };
    let value = || number.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    plain.then(|| (value(), rest))
}

/// A reply in any valid form.
fn any_reply(payload: &[u8]) -> Result<Reply<'_>, BadEnvelope> {
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

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_compact_form_is_taken_and_others_are_left() {
        let reply = Reply { id: 4_294_967_295, code: 200, data: &[], message: "" };
        assert_eq!(compact_reply(br#"{"id":"4294967295","code":200,"data":""}"#), Some(reply));
        for other in [
            &br#"{"id":"4294967296","code":200,"data":""}"#[..],
            br#"{"id":"01","code":200,"data":""}"#,
            br#"{"id":"1","code":0200,"data":""}"#,
            br#"{"id":"","code":200,"data":""}"#,
            br#"{"id":"1","code":,"data":""}"#,
            br#"{"id":"1","code":-1,"data":""}"#,
            br#"{"id":"12345678901","code":200,"data":""}"#,
            br#"{"id":"1","code":200,"data":"x"}"#,
            br#"{"id":"1","code":200,"data":""} "#,
            br#"{"id":"1","code":200,"data":"","id":"2"}"#,
            br#"{"id": "1","code":200,"data":""}"#,
            b"",
        ] {
            assert_eq!(compact_reply(other), None, "{}", std::string::String::from_utf8_lossy(other));
        }
    }

    // Proves: PAYLOAD-14-1
    #[test]
    fn a_reply_in_any_form_is_read() {
        for (payload, data, message) in [
            (r#"{"id":"4","code":200}"#, "", ""),
            (r#"{"id":"4","code":200,"data":null}"#, "", ""),
            (r#"{"id":4,"code":200,"data":""}"#, "", ""),
            (r#"{"data":"1","code":200,"id":"4"}"#, r#""1""#, ""),
            (r#"{"id":"4","code":200,"data":{"a":[1]},"message":"m\\n"}"#, r#"{"a":[1]}"#, r"m\\n"),
        ] {
            let wanted = Reply { id: 4, code: 200, data: data.as_bytes(), message };
            assert_eq!(reply(payload.as_bytes()), Ok(wanted), "{payload}");
        }
        for payload in
            [r#"{"id":"4"}"#, r#"{"code":200}"#, r#"{"id":"x","code":200}"#, r#"{"id":"4","code":"x"}"#]
        {
            assert_eq!(reply(payload.as_bytes()), Err(BadEnvelope::Member), "{payload}");
        }
        assert_eq!(reply(b"[]"), Err(BadEnvelope::Json));
    }

    #[test]
    fn the_id_of_a_command_is_a_string_or_a_number() {
        for (payload, id) in [
            (r#"{"id":"90000000001","params":{}}"#, Some("90000000001")),
            (r#"{"params":[],"id":7}"#, Some("7")),
            (r#"{"id":null,"params":{}}"#, None),
            (r#"{"id":["7"],"params":{}}"#, None),
            (r#"{"id":"7"}"#, None),
            (r#"{"params":{}}"#, None),
        ] {
            assert_eq!(command(payload.as_bytes()).ok().map(|command| command.id), id, "{payload}");
        }
    }

    proptest! {
        /// Whatever the short way takes, the long way reads the same.
        #[test]
        fn both_ways_agree(id in any::<u64>(), code in any::<u32>(), at in 0_usize..48, byte in any::<u8>()) {
            let text = std::format!("{{\"id\":\"{}\",\"code\":{code},\"data\":\"\"}}", id >> (id % 64));
            let mut bytes = text.into_bytes();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            if let Some(reply) = compact_reply(&bytes) {
                prop_assert_eq!(any_reply(&bytes), Ok(reply));
            }
        }
    }
}
