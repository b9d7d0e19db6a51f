//! What a test expects of the journal, and why an entry is not it.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::enos::topic;
use crate::fabric::DeviceId;
use crate::journal::{Entry, Kinds, Seen, clip, is_of};

use super::body::Failure;
use super::condition::{Condition, at};
use super::query;

/// Longest wait, by the hub's clock.
const MAX_WAIT_MS: u64 = 60_000;

/// The body of a verify call.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    device: Option<String>,
    kind: Option<String>,
    topic: Option<String>,
    id: Option<String>,
    code: Option<i64>,
    rule: Option<u8>,
    text: Option<String>,
    #[serde(default)]
    points: BTreeMap<String, Condition>,
    #[serde(default)]
    payload: BTreeMap<String, Condition>,
    since: Option<u64>,
    within_ms: Option<u64>,
    #[serde(default)]
    wait_ms: u64,
    at_least: Option<u64>,
    at_most: Option<u64>,
    exactly: Option<u64>,
}

/// What is expected, checked; made from JSON.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Raw(Asked);

/// An expectation.
pub(super) struct Expectation {
    pub(super) device: Option<DeviceId>,
    kinds: Kinds,
    topic: Option<String>,
    id: Option<String>,
    code: Option<i64>,
    rule: Option<u8>,
    text: Option<String>,
    points: BTreeMap<String, Condition>,
    payload: BTreeMap<String, Condition>,
    pub(super) since: u64,
    from_ms: u64,
    pub(super) wait_ms: u64,
    pub(super) count: Count,
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    least: u64,
    most: u64,
}

/// Whether a count is as wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is, and more would not change that.
    Satisfied,
    /// It is not, and more would not change that.
    Missed,
    /// It is so far; one too many may still come.
    SoFar,
    /// It is not yet.
    NotYet,
}

impl Count {
    fn new(at_least: Option<u64>, at_most: Option<u64>, exactly: Option<u64>) -> Result<Self, Failure> {
        match (at_least, at_most, exactly) {
            (None, None, Some(exactly)) => Ok(Self { least: exactly, most: exactly }),
            (_, _, Some(_)) => Err(Failure::bad("exactly: stands alone, without atLeast and atMost")),
            (least, most, None) => {
                let (least, most) = match (least, most) {
                    (None, None) => (1, u64::MAX),
                    (least, most) => (least.unwrap_or(0), most.unwrap_or(u64::MAX)),
                };
                if least > most {
                    return Err(Failure::bad("atMost: is below atLeast"));
                }
                Ok(Self { least, most })
            }
        }
    }

    pub(super) fn standing(self, found: u64) -> Standing {
        match self {
            _ if found > self.most => Standing::Missed,
            _ if found < self.least => Standing::NotYet,
            Self { most: u64::MAX, .. } => Standing::Satisfied,
            _ => Standing::SoFar,
        }
    }

    pub(super) fn describe(self) -> String {
        match self {
            Self { least, most } if least == most => format!("exactly {least}"),
            Self { least, most: u64::MAX } => format!("at least {least}"),
            Self { least: 0, most } => format!("at most {most}"),
            Self { least, most } => format!("{least} to {most}"),
        }
    }
}

impl Raw {
    /// Checks what was asked; `now_ms` is the hub's time.
    pub(super) fn check(self, now_ms: u64) -> Result<Expectation, Failure> {
        let asked = self.0;
        let bad = |fault: super::super::reply::Fault| Failure(StatusCode::BAD_REQUEST, fault.msg);
        let device = asked.device.as_deref().map(query::device).transpose().map_err(bad)?;
        let names = asked.kind.as_deref().unwrap_or("message-in");
        let kinds = names.split(',').try_fold(Kinds::NONE, query::with_kind).map_err(bad)?;
        if asked.topic.as_deref().is_some_and(|filter| !topic::is_filter(filter)) {
            return Err(Failure::bad("topic: is no MQTT topic filter"));
        }
        if asked.wait_ms > MAX_WAIT_MS {
            return Err(Failure::bad(format!("waitMs: is at most {MAX_WAIT_MS}")));
        }
        Ok(Expectation {
            device,
            kinds,
            topic: asked.topic,
            id: asked.id,
            code: asked.code,
            rule: asked.rule,
            text: asked.text,
            points: asked.points,
            payload: asked.payload,
            since: asked.since.unwrap_or(0),
            from_ms: asked.within_ms.map_or(0, |within| now_ms.saturating_sub(within)),
            wait_ms: asked.wait_ms,
            count: Count::new(asked.at_least, asked.at_most, asked.exactly)?,
        })
    }
}

impl Expectation {
    pub(super) fn packets(&self) -> bool {
        self.kinds.has(crate::domain::EntryKind::Packet)
    }

    /// Why an entry is not what is expected; nothing if it is. None if it has nothing to do with it at all.
    pub(super) fn reasons(&self, seen: &Seen) -> Option<Vec<String>> {
        let entry = &seen.entry;
        let mut why = Vec::new();
        if self.device.as_ref().is_some_and(|wanted| !is_of(wanted, entry.device.as_ref())) {
            return None;
        }
        if !self.kinds.has(entry.kind) {
            // A refused post is worth telling of; a disconnect is no post at all.
            entry.as_message()?;
            why.push(format!("it is of kind {}: {}", entry.kind.name(), clip(&entry.text, 300)));
        }
        if seen.time_ms < self.from_ms {
            why.push(format!("it came {} ms too early", self.from_ms - seen.time_ms));
        }
        if let Some(wanted) = &self.topic
            && !entry.topic().is_some_and(|topic| topic::matches(wanted, topic))
        {
            why.push(format!("its topic is {}, wanted {wanted}", entry.topic().unwrap_or("none")));
        }
        if let Some(wanted) = &self.id
            && entry.id() != Some(wanted)
        {
            why.push(format!("its id is \"{}\", wanted \"{wanted}\"", entry.id().unwrap_or("")));
        }
        if let Some(wanted) = self.code
            && entry.code() != Some(wanted)
        {
            let found = entry.code().map_or_else(|| "none".to_owned(), |code| code.to_string());
            why.push(format!("its code is {found}, wanted {wanted}"));
        }
        if let Some(wanted) = self.rule
            && entry.rule != Some(wanted)
        {
            why.push(format!("it does not break rule {wanted}"));
        }
        if let Some(wanted) = &self.text
            && !entry.text.contains(&**wanted)
        {
            why.push(format!("its text \"{}\" lacks \"{wanted}\"", clip(&entry.text, 200)));
        }
        if !(self.points.is_empty() && self.payload.is_empty()) {
            self.judge_payload(entry, &mut why);
        }
        Some(why)
    }

    fn judge_payload(&self, entry: &Entry, why: &mut Vec<String>) {
        let Some(message) = entry.as_message() else {
            why.push("it is no message".to_owned());
            return;
        };
        let Some(json) = message.json() else {
            why.push(
                "its payload is no JSON, is a secret, or is longer than the 64 kB that the journal keeps"
                    .into(),
            );
            return;
        };
        for (name, wanted) in &self.points {
            let points = at(&json, "params.measurepoints");
            let value = points.and_then(|points| points.get(name)).map(plain);
            if !wanted.holds(value) {
                why.push(format!("point {name} is {}, wanted {wanted}", found(value)));
            }
        }
        for (path, wanted) in &self.payload {
            let value = at(&json, path);
            if !wanted.holds(value) {
                why.push(format!("{path} is {}, wanted {wanted}", found(value)));
            }
        }
    }
}

/// The value of a point that may be posted with a quality.
fn plain(value: &Value) -> &Value {
    let pair = value.as_object().filter(|fields| fields.len() == 2 && fields.contains_key("quality"));
    pair.and_then(|fields| fields.get("value")).unwrap_or(value)
}

fn found(value: Option<&Value>) -> String {
    value.map_or_else(|| "not there".to_owned(), |value| clip(&value.to_string(), 100).to_owned())
}
