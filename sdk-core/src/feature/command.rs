//! Commands of the hub: service invocation, measurepoint set and get (`payloads.md` §8), and their answers.

use super::envelope;
use crate::json::{self, BadValue, JsonWriter, Members, Value};
use crate::topic::{self, Kind};
use crate::wire::Full;

/// What a command asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CommandKind<'a> {
    /// Invoke the service with this identifier.
    Service(&'a str),
    /// Set measurepoints.
    MeasurepointSet,
    /// Read measurepoints.
    MeasurepointGet,
}

/// The answer to a command.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// 200, or the device's own code from 2000 on (`payloads.md` §14); 1102 for a failed handler.
    pub code: i32,
    /// The outputs.
    pub data: AnswerData<'a>,
    /// A text for people; may be empty.
    pub message: &'a str,
}

/// The outputs of a command.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum AnswerData<'a> {
    /// None: `{}` goes out.
    Empty,
    /// Each output by its identifier.
    Values(&'a [(&'a str, Value<'a>)]),
    /// A JSON object as text; it is checked.
    Json(&'a str),
}

/// Why an answer cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadAnswer {
    Code,
    Json,
    TooMany,
    Value(u16, BadValue),
}

/// The answer where nothing handles the command (`payloads.md` §8).
pub(crate) const NO_HANDLER: i32 = 1101;
/// The answer where the handler failed, forgot, or there is no room to ask it.
pub(crate) const HANDLER_FAILED: i32 = 1102;

/// The command behind a topic's kind.
pub(crate) fn of_topic<'a>(kind: Kind<'a>) -> Option<CommandKind<'a>> {
    match kind {
        Kind::Service(id) => Some(CommandKind::Service(id)),
        Kind::MeasurepointSet => Some(CommandKind::MeasurepointSet),
        Kind::MeasurepointGet => Some(CommandKind::MeasurepointGet),
        _ => None,
    }
}

/// The topic kind of a command.
pub(crate) fn topic_kind(kind: CommandKind<'_>) -> Kind<'_> {
    match kind {
        CommandKind::Service(id) => Kind::Service(id),
        CommandKind::MeasurepointSet => Kind::MeasurepointSet,
        CommandKind::MeasurepointGet => Kind::MeasurepointGet,
    }
}

/// Whether the service identifier can stand in a topic.
pub(crate) fn is_askable(kind: CommandKind<'_>) -> bool {
    match kind {
        CommandKind::Service(id) => {
            !id.is_empty()
                && id.len() <= super::measure::MAX_IDENTIFIER
                && !id.bytes().any(|byte| byte < 0x20 || byte == 0x7F || b"/+#".contains(&byte))
        }
        CommandKind::MeasurepointSet | CommandKind::MeasurepointGet => true,
    }
}

/// Whether an answer can be sent.
pub(crate) fn check(answer: &Answer<'_>) -> Result<(), BadAnswer> {
    if !(200..=999_999).contains(&answer.code) {
        return Err(BadAnswer::Code);
    }
    match answer.data {
        AnswerData::Empty => Ok(()),
        AnswerData::Values(outputs) => {
            for (place, (_, value)) in outputs.iter().enumerate() {
                let place = u16::try_from(place).map_err(|_| BadAnswer::TooMany)?;
                json::check_value(value).map_err(|bad| BadAnswer::Value(place, bad))?;
            }
            Ok(())
        }
        AnswerData::Json(text) => {
            let mut members = Members::new(text.as_bytes()).map_err(|_| BadAnswer::Json)?;
            while members.next().map_err(|_| BadAnswer::Json)?.is_some() {}
            Ok(())
        }
    }
}

/// Writes topic and payload of a handler's answer.
pub(crate) fn write_answer(
    room: &mut [u8],
    keys: (&str, &str),
    kind: CommandKind<'_>,
    id: &[u8],
    answer: &Answer<'_>,
) -> Result<(usize, usize), Full> {
    write(room, keys, topic_kind(kind), id, answer.code, answer.message, |w| data(w, answer.data))
}

/// Writes topic and payload of an answer that the engine gives by itself.
pub(crate) fn write_refusal(
    room: &mut [u8],
    keys: (&str, &str),
    kind: Kind<'_>,
    id: &str,
    code: i32,
) -> Result<(usize, usize), Full> {
    let text = match code {
        NO_HANDLER => "no handler is registered for this command",
        _ => "the device cannot take this command now",
    };
    write(room, keys, kind, id.as_bytes(), code, text, |w| w.raw(b"{}"))
}

fn write(
    room: &mut [u8],
    (product_key, device_key): (&str, &str),
    kind: Kind<'_>,
    id: &[u8],
    code: i32,
    message: &str,
    data: impl FnOnce(&mut JsonWriter<'_>) -> Result<(), Full>,
) -> Result<(usize, usize), Full> {
    envelope::message(
        room,
        |w| topic::write_reply(w, product_key, device_key, kind),
        |w| envelope::answer(w, id, code, message, data),
    )
}

fn data(w: &mut JsonWriter<'_>, data: AnswerData<'_>) -> Result<(), Full> {
    match data {
        AnswerData::Empty => w.raw(b"{}"),
        AnswerData::Json(text) => w.raw(text.as_bytes()),
        AnswerData::Values(outputs) => {
            w.raw(b"{")?;
            for (place, (id, value)) in outputs.iter().enumerate() {
                if place > 0 {
                    w.raw(b",")?;
                }
                w.string(id)?;
                w.raw(b":")?;
                json::write_value(w, value)?;
            }
            w.raw(b"}")
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    fn text(written: Result<(usize, usize), Full>, room: &[u8]) -> (&str, &str) {
        let (topic, payload) = written.expect("it fits");
        let text = core::str::from_utf8(&room[..topic + payload]).expect("text");
        text.split_at(topic)
    }

    #[test]
    fn only_identifiers_that_can_stand_in_a_topic_are_askable() {
        for good in ["a", "INV.Control", "with blank", "é", &"x".repeat(128)] {
            assert!(is_askable(CommandKind::Service(good)), "{good}");
        }
        for bad in ["", "a/b", "+", "a#", "a\u{1F}", "\u{7F}", &"x".repeat(129)] {
            assert!(!is_askable(CommandKind::Service(bad)), "{bad:?}");
        }
        assert!(is_askable(CommandKind::MeasurepointSet) && is_askable(CommandKind::MeasurepointGet));
    }

    #[test]
    fn each_refusal_says_its_own_reason() {
        let mut room = [0; 256];
        let written = write_refusal(&mut room, ("pk", "dk"), Kind::Service("a"), "7", NO_HANDLER);
        assert_eq!(
            text(written, &room),
            (
                "/sys/pk/dk/thing/service/a_reply",
                r#"{"id":"7","code":1101,"data":{},"message":"no handler is registered for this command"}"#
            )
        );
        let written = write_refusal(&mut room, ("pk", "dk"), Kind::Service("a"), "7", HANDLER_FAILED);
        assert!(text(written, &room).1.contains("cannot take this command now"));
    }

    #[test]
    fn outputs_are_an_object() {
        let mut room = [0; 256];
        for (outputs, data) in [
            (&[][..], "{}"),
            (&[("a", Value::Int(1))], r#"{"a":1}"#),
            (
                &[("a", Value::Int(1)), ("b", Value::Bool(true)), ("c", Value::Int(3))],
                r#"{"a":1,"b":true,"c":3}"#,
            ),
        ] {
            let answer = Answer { code: 200, data: AnswerData::Values(outputs), message: "" };
            let written = write_answer(&mut room, ("pk", "dk"), CommandKind::MeasurepointGet, b"7", &answer);
            let wanted = std::format!(r#"{{"id":"7","code":200,"data":{data}}}"#);
            assert_eq!(text(written, &room), ("/sys/pk/dk/thing/service/measurepoint/get_reply", &*wanted));
        }
    }

    #[test]
    fn codes_have_their_bounds() {
        let answer = |code| Answer { code, data: AnswerData::Empty, message: "" };
        for (code, taken) in [(199, false), (200, true), (999_999, true), (1_000_000, false), (-200, false)] {
            assert_eq!(check(&answer(code)).is_ok(), taken, "{code}");
        }
    }
}
