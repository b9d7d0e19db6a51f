//! The two forms of a report: for people, and for programs.

use super::{Report, Session, Stage, Status, Step};
use serde_json::{Value, json};
use std::fmt::{self, Write as _};
use std::time::Duration;

/// Width of a line of the text form.
const WIDTH: usize = 100;
/// Where a step's words begin.
const INDENT: usize = 34;

impl Report {
    /// For people: the verdict first, then each step. Lines end in a line feed; plain ASCII frame, no colours.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let who = if self.device.is_empty() { "no device" } else { &self.device };
        writeln!(out, "Doctor: {who} at {}", self.hub)?;
        match self.failure() {
            Some(step) => {
                let cause = step.cause.map_or("", |cause| cause.code());
                writeln!(out, "WRONG:  {} ({cause})", step.stage.name())?;
                wrap(out, "  why:  ", 8, &step.detail)?;
                wrap(out, "  next: ", 8, &step.next)?;
            }
            None if self.complete() => writeln!(out, "HEALTHY: the hub answers this device.")?,
            None => writeln!(out, "NOTHING WRONG FOUND, but not everything was tried: see below.")?,
        }
        writeln!(out)?;
        for step in &self.steps {
            let status = match step.status {
                Status::Ok => "ok",
                Status::Warning => "WARNING",
                Status::Failed => "FAILED",
                Status::Skipped => "-",
            };
            let took = match step.status {
                Status::Skipped => String::new(),
                _ => format!("{} ms", millis(step.duration)),
            };
            let head = format!("  {status:<8} {:<14} {took:>7}  ", step.stage.name());
            wrap(out, &head, INDENT, &step.detail)?;
            if step.status == Status::Warning {
                wrap(out, &" ".repeat(INDENT), INDENT, &step.next)?;
            }
        }
        writeln!(out)?;
        let session = match self.session {
            Session::None => "no sign-in",
            Session::Live => "through the client's own session, which was up",
            Session::Joined => "through the client's own session",
            Session::Own => "by one sign-in of the doctor itself",
        };
        writeln!(out, "{} ms; {session}; exit code {}", millis(self.duration), self.exit_code())
    }

    /// For programs: one JSON object on one line. The names are stable; new ones may come.
    ///
    /// `healthy` and `complete` (booleans), `exit_code`, `hub`, `device`, `session` (`none live joined own`),
    /// `duration_ms`, `failure` (the first failed step, or null), `steps` (all, in order). A step has `step`,
    /// `status` (`ok warning failed skipped`), `cause` (a code, or null), `error_kind` (a number of the error
    /// table, or null), `hub_code`, `detail`, `next`, `duration_ms`.
    pub fn json(&self) -> String {
        let steps: Vec<Value> = self.steps.iter().map(of_step).collect();
        json!({
            "healthy": self.healthy(),
            "complete": self.complete(),
            "exit_code": self.exit_code(),
            "hub": self.hub,
            "device": self.device,
            "session": self.session.name(),
            "duration_ms": millis(self.duration),
            "failure": self.failure().map(of_step),
            "steps": steps,
        })
        .to_string()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

fn of_step(step: &Step) -> Value {
    json!({
        "step": step.stage.name(),
        "status": step.status.name(),
        "cause": step.cause.map(|cause| cause.code()),
        "error_kind": step.kind.map(|kind| kind.number()),
        "hub_code": step.hub_code,
        "detail": step.detail,
        "next": step.next,
        "duration_ms": millis(step.duration),
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Words behind `head`, further lines indented.
fn wrap(out: &mut String, head: &str, indent: usize, words: &str) -> fmt::Result {
    out.push_str(head);
    let mut column = head.len().max(indent);
    let mut first = true;
    for word in words.split_whitespace() {
        let length = word.chars().count();
        if !first && column + 1 + length > WIDTH {
            write!(out, "\n{:indent$}", "")?;
            column = indent;
            first = true;
        }
        if !first {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
        first = false;
    }
    out.push('\n');
    Ok(())
}

/// The steps that were not reached, of the way over UDP or over TCP.
pub(super) fn unreached(steps: &mut Vec<Step>, coap: bool) {
    let other = if coap { Stage::Tcp } else { Stage::Reach };
    for stage in Stage::ALL {
        if *stage != other && !steps.iter().any(|step| step.stage == *stage) {
            steps.push(Step::new(*stage, Status::Skipped, "not reached"));
        }
    }
    steps.sort_by_key(|step| step.stage);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Cause;

    fn report() -> Report {
        let mut steps = vec![
            Step::new(Stage::Configuration, Status::Ok, "settings"),
            Step::failed(Stage::Tls, Cause::HubCertificateExpired, "word ".repeat(60)),
        ];
        unreached(&mut steps, false);
        Report {
            hub: "ssl://hub.example:18883".to_owned(),
            device: "pk/dk".to_owned(),
            session: Session::None,
            steps,
            duration: Duration::from_millis(7),
        }
    }

    #[test]
    fn text_begins_with_the_verdict_and_keeps_its_width() {
        let text = report().text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..2],
            ["Doctor: pk/dk at ssl://hub.example:18883", "WRONG:  tls (hub_certificate_expired)"]
        );
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(
            text.contains("  next: The hub's operator must renew it") && text.contains("exit code 15"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}') && !text.contains(" \n"), "{text:?}");
    }

    #[test]
    fn json_has_the_names_that_are_documented() {
        let text = report().json();
        assert!(!text.contains('\n'));
        let tree: Value = serde_json::from_str(&text).unwrap();
        let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let mut top = names(&tree);
        top.sort();
        let documented = [
            "complete",
            "device",
            "duration_ms",
            "exit_code",
            "failure",
            "healthy",
            "hub",
            "session",
            "steps",
        ];
        assert_eq!(top, documented);
        let mut step = names(&tree["failure"]);
        step.sort();
        let documented =
            ["cause", "detail", "duration_ms", "error_kind", "hub_code", "next", "status", "step"];
        assert_eq!(step, documented);
        assert_eq!(tree["steps"].as_array().unwrap().len(), Stage::ALL.len() - 1);
        assert_eq!((tree["exit_code"].as_u64(), tree["complete"].as_bool()), (Some(15), Some(false)));
    }
}
