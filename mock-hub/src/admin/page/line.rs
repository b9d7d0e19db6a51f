//! A journal entry as the page shows it.

use std::borrow::Cow;

use askama::Template;
use serde_json::Value;

use crate::domain::EntryKind;
use crate::journal::{Entry, Message, Seen, clip, shown};

use super::time_of_day;

/// Prefixes of the ids of lines: an entry may stand in both lists.
pub(super) const TRAFFIC: char = 'l';
pub(super) const NOTICES: char = 'n';

/// Points of a post that a line shows before it is opened.
const GIST: usize = 4;

/// One line.
pub(super) struct Line {
    pub(super) id: String,
    pub(super) time: String,
    pub(super) tone: &'static str,
    pub(super) label: &'static str,
    pub(super) device: Option<String>,
    pub(super) what: String,
    /// The values of a post, in short.
    pub(super) gist: Option<String>,
    pub(super) rule: Option<u8>,
    pub(super) fix: Option<String>,
    pub(super) facts: Vec<(String, String)>,
    pub(super) points: Vec<PointOf>,
    pub(super) has_quality: bool,
    pub(super) body: Option<String>,
}

/// A point of a post.
pub(super) struct PointOf {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) quality: String,
}

/// One line alone.
#[derive(Template)]
#[template(path = "line.html")]
pub(super) struct LineTemplate<'a> {
    pub(super) line: &'a Line,
}

impl Line {
    pub(super) fn new(seen: &Seen, list: char) -> Self {
        let entry = &seen.entry;
        let (tone, label) = look(entry);
        let json = entry.as_message().and_then(Message::json);
        let points = json.as_ref().map(points).unwrap_or_default();
        Self {
            id: format!("{list}{}", seen.seq),
            time: time_of_day(seen.time_ms),
            tone,
            label,
            device: entry.device.as_ref().map(ToString::to_string),
            what: what(entry),
            gist: gist(&points),
            rule: entry.rule,
            fix: entry.fix().map(str::to_owned),
            facts: facts(entry),
            has_quality: points.iter().any(|point| !point.quality.is_empty()),
            points,
            body: entry.as_message().map(|message| body(message, json)),
        }
    }
}

/// Tone and name of a kind; the direction shows as an arrow.
fn look(entry: &Entry) -> (&'static str, &'static str) {
    match entry.kind {
        EntryKind::Connect => ("ok", "connect"),
        EntryKind::Refused => ("bad", "refused"),
        EntryKind::Warning => ("warn", "warning"),
        EntryKind::Transport => ("bad", "transport"),
        EntryKind::MessageIn => ("quiet", "→ message"),
        EntryKind::MessageOut => ("quiet", "← message"),
        other => ("quiet", other.name()),
    }
}

/// The text without the fix, which has a place of its own.
fn what(entry: &Entry) -> String {
    let text = entry.text.split("Fix: ").next().unwrap_or_default().trim_end();
    text.strip_suffix('.').unwrap_or(text).to_owned()
}

fn points(json: &Value) -> Vec<PointOf> {
    let Some(points) = json["params"]["measurepoints"].as_object() else { return Vec::new() };
    let point = |(name, value): (&String, &Value)| {
        let pair = value.as_object().filter(|fields| fields.len() == 2 && fields.contains_key("quality"));
        let (value, quality) = match pair.and_then(|fields| Some((fields.get("value")?, &fields["quality"])))
        {
            Some((value, quality)) => (value, quality.to_string()),
            None => (value, String::new()),
        };
        PointOf { name: name.clone(), value: clip(&value.to_string(), 200).to_owned(), quality }
    };
    points.iter().map(point).collect()
}

fn gist(points: &[PointOf]) -> Option<String> {
    if points.is_empty() {
        return None;
    }
    let shown: Vec<String> = points
        .iter()
        .take(GIST)
        .map(|point| format!("{} = {}", clip(&point.name, 60), clip(&point.value, 60)))
        .collect();
    let more = if points.len() > GIST { format!(" and {} more", points.len() - GIST) } else { String::new() };
    Some(format!("{}{more}", shown.join(", ")))
}

fn facts(entry: &Entry) -> Vec<(String, String)> {
    let fact = |name: &str, value: Cow<'_, str>| (name.to_owned(), value.into_owned());
    if let Some(message) = entry.as_message() {
        let mut facts = vec![fact("topic", (&*message.topic).into())];
        if !message.id.is_empty() {
            facts.push(fact("id", (&*message.id).into()));
        }
        facts.push(fact("QoS", message.qos.to_string().into()));
        facts.push(fact("bytes", message.bytes.to_string().into()));
        if let Some(code) = message.code {
            facts.push(fact("code", code.to_string().into()));
        }
        return facts;
    }
    match entry.decoded().as_deref() {
        None => Vec::new(),
        Some(Value::Object(fields)) => fields
            .iter()
            .filter(|(name, value)| !value.is_null() && !matches!(&***name, "fix" | "rule"))
            .map(|(name, value)| match value {
                Value::String(text) => fact(name, text.into()),
                other => fact(name, clip(&other.to_string(), 400).into()),
            })
            .filter(|(_, value)| !value.is_empty())
            .collect(),
        Some(other) => vec![fact("detail", other.to_string().into())],
    }
}

/// The payload, JSON with a line for each member.
fn body(message: &Message, json: Option<Value>) -> String {
    if let Some(pretty) = json.and_then(|json| serde_json::to_string_pretty(&json).ok())
        && pretty.len() <= 8 * 1024
    {
        return pretty;
    }
    let (text, truncated) = shown(message, false);
    if truncated { format!("{text} …") } else { text.into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(entry: Entry) -> Line {
        Line::new(&Seen { seq: 7, time_ms: 1_700_000_000_123, entry }, TRAFFIC)
    }

    #[test]
    fn a_post_is_shown_with_its_points_and_a_refusal_with_its_fix() {
        let payload = br#"{"id":"1","params":{"measurepoints":{"a":{"value":1.5,"quality":9},"b":[1],"c":1,"d":2,"e":3}}}"#;
        let message = Message::new("/t", "1", 1, payload, Some(1204));
        let text = "refused with 1204: no point. Fix: post what the model has";
        let line = line(Entry::new(EntryKind::Refused, text).message(message));
        assert_eq!((line.tone, &*line.id, &*line.time), ("bad", "l7", "22:13:20.123"));
        assert_eq!(line.what, "refused with 1204: no point");
        assert_eq!(line.fix.as_deref(), Some("post what the model has"));
        assert_eq!(line.gist.as_deref(), Some("a = 1.5, b = [1], c = 1, d = 2 and 1 more"));
        assert_eq!((&*line.points[0].value, &*line.points[0].quality), ("1.5", "9"));
        assert!(line.body.unwrap().contains("\n  \"params\""));
    }

    #[test]
    fn what_devices_send_is_escaped() {
        let evil = "<script>alert(1)</script>\"'&";
        let message = Message::new(evil, evil, 1, evil.as_bytes(), None);
        let entry = Entry::new(EntryKind::Refused, format!("{evil} Fix: {evil}"));
        let device = crate::fabric::DeviceId::new(evil, evil);
        let line = line(entry.device(&device).message(message));
        let html = LineTemplate { line: &line }.render().unwrap();
        assert!(html.contains("&#60;script&#62;") && !html.contains("<script"), "{html}");
    }
}
