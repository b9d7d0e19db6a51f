//! Envelopes: requests and answers of devices read leniently, replies and commands of the hub written strictly
//! (`payloads.md` §1).

use std::borrow::Cow;

use super::json::{Cursor, JsonError, JsonKind, Value, write_text};

/// Messages of this many bytes or more are refused with 1008 (`docs-mqtt.md` §12).
pub(crate) const MAX_PAYLOAD: usize = 512 * 1024;

/// A device's request; `params` is checked JSON text, not yet understood.
#[derive(Debug, Default)]
pub(crate) struct Request<'a> {
    /// As text, whatever its type was: replies echo it as a string.
    pub(crate) id: Cow<'a, str>,
    pub(crate) has_version: bool,
    pub(crate) method: Option<Cow<'a, str>>,
    pub(crate) params: Option<&'a str>,
    /// `NaN` or an infinity stands somewhere in the message.
    pub(crate) non_finite: bool,
}

/// A device's answer to a command.
#[derive(Debug, Default)]
pub(crate) struct Answer<'a> {
    pub(crate) id: Cow<'a, str>,
    pub(crate) code: AnswerCode,
    pub(crate) data: Option<&'a str>,
    pub(crate) message: Option<Cow<'a, str>>,
}

/// The code of an answer, by how the device wrote it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerCode {
    /// No code, or one that is no integer.
    #[default]
    Missing,
    Integer(i64),
    /// A string, as the vendor's Python SDK sends for its automatic answers.
    Text(i64),
}

impl AnswerCode {
    pub(crate) fn value(self) -> Option<i64> {
        match self {
            Self::Missing => None,
            Self::Integer(code) | Self::Text(code) => Some(code),
        }
    }

    /// 200 is success; so are 0 and none at all, which the vendor's Python SDK sends (`payloads.md` §1.4).
    pub(crate) fn is_success(self) -> bool {
        matches!(self.value(), None | Some(0 | 200))
    }
}

/// Reads a request. On an error the id comes back too, if it was read before the fault.
pub(crate) fn request(text: &str) -> Result<Request<'_>, (JsonError, Cow<'_, str>)> {
    let mut request = Request::default();
    let mut cursor = Cursor::new(text);
    let read = cursor.object(|name, cursor| {
        match &*name {
            "id" => request.id = scalar_text(cursor)?,
            "version" => {
                cursor.raw()?;
                request.has_version = true;
            }
            "method" => request.method = optional_text(cursor)?,
            "params" => request.params = Some(cursor.raw()?),
            _ => drop(cursor.raw()?),
        }
        Ok(())
    });
    match read.and_then(|()| cursor.end()) {
        Ok(()) => {
            request.non_finite = cursor.saw_non_finite();
            Ok(request)
        }
        Err(error) => Err((error, request.id)),
    }
}

/// Reads an answer to a command.
pub(crate) fn answer(text: &str) -> Result<Answer<'_>, JsonError> {
    let mut answer = Answer::default();
    let mut cursor = Cursor::new(text);
    cursor.object(|name, cursor| {
        match &*name {
            "id" => answer.id = scalar_text(cursor)?,
            "code" => {
                answer.code = match cursor.value()? {
                    Value::Int(code) => AnswerCode::Integer(code),
                    Value::Text(text) => text.trim().parse().map_or(AnswerCode::Missing, AnswerCode::Text),
                    _ => AnswerCode::Missing,
                }
            }
            "data" => answer.data = Some(cursor.raw()?),
            "message" => answer.message = optional_text(cursor)?,
            _ => drop(cursor.raw()?),
        }
        Ok::<_, JsonError>(())
    })?;
    cursor.end().map(|()| answer)
}

/// Writes a reply: `id` as a string, `code` as an integer, `data` always there, `message` only on failure
/// (`payloads.md` §1.3).
pub(crate) fn reply(id: &str, code: u32, message: Option<&str>) -> Vec<u8> {
    reply_with(id, code, "\"\"", message)
}

/// The same with `data`, which is JSON text.
pub(crate) fn reply_with(id: &str, code: u32, data: &str, message: Option<&str>) -> Vec<u8> {
    let mut out = String::with_capacity(40 + id.len() + data.len() + message.map_or(0, str::len));
    out.push_str("{\"id\":");
    write_text(&mut out, id);
    out.push_str(",\"code\":");
    out.push_str(&code.to_string());
    out.push_str(",\"data\":");
    out.push_str(data);
    if let Some(message) = message {
        out.push_str(",\"message\":");
        write_text(&mut out, message);
    }
    out.push('}');
    out.into_bytes()
}

/// Writes a command; `params` is JSON text.
pub(crate) fn command(id: u64, method: &str, params: &str) -> Vec<u8> {
    let mut out = String::with_capacity(64 + method.len() + params.len());
    out.push_str("{\"id\":\"");
    out.push_str(&id.to_string());
    out.push_str("\",\"version\":\"1.0\",\"method\":");
    write_text(&mut out, method);
    out.push_str(",\"params\":");
    out.push_str(params);
    out.push('}');
    out.into_bytes()
}

/// Writes the activation message. No blank may follow a colon: the vendor's C client searches for the text
/// `"deviceSecret":"` (`auth.md` §3).
pub(crate) fn activation(
    id: u64,
    asset_id: &str,
    product_key: &str,
    device_key: &str,
    secret: &str,
) -> Vec<u8> {
    let mut params = String::with_capacity(128);
    let members = [
        ("assetId", asset_id),
        ("productKey", product_key),
        ("deviceKey", device_key),
        ("deviceSecret", secret),
    ];
    for (index, (name, value)) in members.iter().enumerate() {
        params.push(if index == 0 { '{' } else { ',' });
        write_text(&mut params, name);
        params.push(':');
        write_text(&mut params, value);
    }
    params.push('}');
    command(id, "thing.activate.info", &params)
}

/// A string, or the text of a number; anything else reads as empty.
fn scalar_text<'a>(cursor: &mut Cursor<'a>) -> Result<Cow<'a, str>, JsonError> {
    match cursor.kind()? {
        JsonKind::Text => cursor.text(),
        JsonKind::Number => cursor.raw().map(Cow::Borrowed),
        _ => cursor.raw().map(|_| Cow::Borrowed("")),
    }
}

fn optional_text<'a>(cursor: &mut Cursor<'a>) -> Result<Option<Cow<'a, str>>, JsonError> {
    match cursor.kind()? {
        JsonKind::Text => cursor.text().map(Some),
        _ => cursor.raw().map(|_| None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Proves: PAYLOAD-1.4-2
    #[test]
    fn reads_requests_in_any_order_and_spacing() {
        let request = request(
            "{\"method\": \"thing.measurepoint.post\", \"params\":{\"a\": [1]},\n\t\"id\" :\"41\",\"version\":\"1.1\",\"files\":{}}",
        )
        .unwrap();
        assert_eq!(request.id, "41");
        assert_eq!(request.method.as_deref(), Some("thing.measurepoint.post"));
        assert_eq!(request.params, Some("{\"a\": [1]}"));
        assert!(request.has_version && !request.non_finite);
    }

    // Proves: PAYLOAD-1.2-1
    #[test]
    fn ids_of_any_type_become_text() {
        for (text, id) in [
            (r#"{"id":7}"#, "7"),
            (r#"{"id":"x\"y"}"#, "x\"y"),
            (r#"{"id":null}"#, ""),
            (r#"{"id":{"a":1}}"#, ""),
            ("{}", ""),
        ] {
            assert_eq!(request(text).unwrap().id, id, "{text}");
        }
    }

    #[test]
    fn a_broken_request_still_tells_its_id() {
        let (error, id) = request(r#"{"id":"9","params":{"a":}}"#).unwrap_err();
        assert_eq!(id, "9");
        assert_eq!(error.to_string(), "expected a value at byte 24");
        assert_eq!(request("\u{1}").unwrap_err().1, "");
        assert!(request(r#"["id"]"#).is_err());
    }

    // Proves: PAYLOAD-1.4-4
    #[test]
    fn answers_with_odd_codes_are_read() {
        let code = |text: &str| answer(text).unwrap().code;
        assert_eq!(code(r#"{"id":"1","code":200}"#), AnswerCode::Integer(200));
        assert_eq!(code(r#"{"id":"1","code":"1101"}"#), AnswerCode::Text(1101));
        assert_eq!(code(r#"{"id":"1","code":0,"data":null}"#), AnswerCode::Integer(0));
        assert_eq!(code(r#"{"id":"1"}"#), AnswerCode::Missing);
        assert!(AnswerCode::Integer(0).is_success() && AnswerCode::Missing.is_success());
        assert!(!AnswerCode::Text(500).is_success());
    }

    // Proves: PAYLOAD-1.3-1 PAYLOAD-1.3-2
    #[test]
    fn replies_are_compact_and_complete() {
        assert_eq!(reply("1", 200, None), br#"{"id":"1","code":200,"data":""}"#);
        assert_eq!(
            reply("a\"b", 1204, Some("point \"x\"")),
            br#"{"id":"a\"b","code":1204,"data":"","message":"point \"x\""}"#
        );
    }

    // Proves: AUTH-3-2
    /// The exact text that the recording hub pushed to the vendor's clients (`auth.md` §3).
    #[test]
    fn the_activation_message_is_the_captured_one() {
        assert_eq!(
            activation(90_000_000_001, "As7Qk2", "Tq4zR9Lw", "meter-7", "Zs3cretFromHub"),
            br#"{"id":"90000000001","version":"1.0","method":"thing.activate.info","params":{"assetId":"As7Qk2","productKey":"Tq4zR9Lw","deviceKey":"meter-7","deviceSecret":"Zs3cretFromHub"}}"#
        );
    }
}
