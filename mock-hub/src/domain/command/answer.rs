//! What a device answers to a command.

use serde_json::Value;

use crate::domain::rule;
use crate::domain::{Cloud, Entry, EntryKind, SignedIn};
use crate::enos::json::Cursor;
use crate::enos::payload::{self, Answer, AnswerCode};
use crate::journal;

use super::give::end;
use super::{Outcome, Progress};

impl Cloud {
    /// Takes a device's answer. It is matched by id and device, not by topic: some clients answer on a wrong one.
    pub(in crate::domain) fn command_answer(
        &self,
        who: &SignedIn,
        topic: &str,
        segments: &str,
        payload: &[u8],
        qos: u8,
    ) {
        // An answer that comes after its time finds its command ended, whenever the hub's timer runs.
        self.tick();
        let text = String::from_utf8_lossy(payload);
        let refused = |text: String, id: &str, code: Option<i64>| {
            let shown = journal::Message::new(topic, id, qos, payload, code);
            self.note(Entry::new(EntryKind::Refused, text).device(&who.device).message(shown));
        };
        let answer = match payload::answer(&text) {
            Ok(answer) => answer,
            Err(error) => return refused(format!("answer to a command ignored, no JSON: {error}"), "", None),
        };
        let code = answer.code.value();
        let found = answer.id.parse().ok().and_then(|id: u64| {
            let commands = self.lock_commands();
            let command = commands.get(id).filter(|command| command.device == who.device)?;
            Some((id, command.progress, *segments == *command.segments()))
        });
        let Some((id, progress, right_topic)) = found else {
            let text = "answer ignored: no command of this id was sent to this device";
            return refused(text.to_owned(), &answer.id, code);
        };
        if progress != Progress::Sent {
            let text = if progress == Progress::Created { "was not sent yet" } else { "is settled already" };
            return refused(format!("answer ignored: command {id} {text}"), &answer.id, code);
        }
        if !right_topic {
            if self.options.strict {
                let rule = &rule::ANSWER_TOPIC;
                let text = format!("answer ignored: rule {}: {}", rule.number, rule.text);
                return refused(text, &answer.id, code);
            }
            self.warn(&who.target, &rule::ANSWER_TOPIC, topic, &answer.id, "matched by its id");
        }
        let shown = journal::Message::new(topic, &answer.id, qos, payload, code);
        self.note(Entry::new(EntryKind::MessageIn, "answer to a command").device(&who.device).message(shown));
        let outcome = self.read_answer(who, topic, &answer);
        let ended = end(&mut self.lock_commands(), id, outcome);
        self.note_all(ended.into_iter().collect());
        self.send_next(&who.target.asset_id);
    }

    fn read_answer(&self, who: &SignedIn, topic: &str, answer: &Answer<'_>) -> Outcome {
        let odd = !matches!(answer.code, AnswerCode::Integer(code) if code != 0);
        if odd && self.options.strict {
            let rule = &rule::ANSWER_CODE;
            let message = format!("rule {}: {}", rule.number, rule.text);
            return Outcome::new(Progress::Failed, answer.code.value(), message);
        }
        if odd {
            self.warn(&who.target, &rule::ANSWER_CODE, topic, &answer.id, "read as well as possible");
        }
        let progress = if answer.code.is_success() { Progress::Succeeded } else { Progress::Failed };
        let message = answer.message.as_deref().unwrap_or_default();
        let output = answer.data.map(output_value);
        Outcome { output, ..Outcome::new(progress, answer.code.value(), message) }
    }
}

/// The data of an answer as JSON; what serde_json refuses (NaN) goes through the lenient reader.
fn output_value(data: &str) -> Value {
    serde_json::from_str(data)
        .unwrap_or_else(|_| Cursor::new(data).value().map_or(Value::Null, |value| value.to_json()))
}
