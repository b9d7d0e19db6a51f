//! The requirement table: which rules hold, where they come from, and which tests prove them.
//!
//! Rules are rows of `requirements/*.toml`. A test names the rules that it proves: a line `// Proves: ID ID` above a
//! Rust test, `proves = ["ID"]` in a scenario. [`page`] joins both to `REQUIREMENTS.md`; [`unproved`] holds the marks
//! against what `cargo test` printed, so that a rule counts only if its tests ran and passed.

mod log;
mod marks;
mod page;

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

pub use log::{Outcome, Results};
pub use marks::{Mark, marks};
pub use page::page;

/// Whether a rule is proved by good input or by bad.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Case {
    /// Good input, a peer that behaves.
    Good,
    /// Bad input, or a wrong peer.
    Bad,
}

/// A row.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, the standard's where there is one.
    pub id: String,
    /// File and section.
    pub source: String,
    /// How it is proved.
    pub case: Case,
    /// What holds, in one sentence.
    pub text: String,
}

/// Statements that neither a device nor this hub can break.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// The statements.
    pub ids: Vec<String>,
    /// Why they are no rows.
    pub why: String,
}

/// Rules of a capability that does not exist yet.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Later {
    /// File and section.
    pub source: String,
    /// What they are about.
    pub text: String,
    /// With what they come.
    pub capability: String,
}

/// All rows.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// What must be proved.
    #[serde(default, rename = "rule")]
    pub rules: Vec<Rule>,
    /// What cannot be broken.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// What does not exist yet.
    #[serde(default)]
    pub later: Vec<Later>,
}

impl Rules {
    /// Reads every `.toml` of a folder, in the order of their names.
    ///
    /// # Errors
    /// A file cannot be read, or holds something else than rows.
    pub fn load(folder: &Path) -> Result<Self, String> {
        let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
        files.sort();
        let mut all = Self::default();
        for file in files {
            let named = |error: String| format!("{}: {error}", file.display());
            let text = std::fs::read_to_string(&file).map_err(|error| named(error.to_string()))?;
            let rows: Self = toml::from_str(&text).map_err(|error| named(error.to_string()))?;
            all.rules.extend(rows.rules);
            all.left_out.extend(rows.left_out);
            all.later.extend(rows.later);
        }
        Ok(all)
    }
}

/// What is wrong with rows and marks, whatever the tests do.
pub fn faults(rules: &Rules, marks: &[Mark]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut known = BTreeSet::new();
    let rows = rules.rules.iter().map(|rule| &rule.id);
    for id in rows.chain(rules.left_out.iter().flat_map(|left_out| &left_out.ids)) {
        if !known.insert(id) {
            faults.push(format!("{id}: a row twice"));
        }
    }
    for rule in &rules.rules {
        if rule.text.is_empty() || rule.source.is_empty() {
            faults.push(format!("{}: no text, or no source", rule.id));
        }
        if !marks.iter().any(|mark| mark.id == rule.id) {
            faults.push(format!(
                "{}: no test proves it. Fix: write `// Proves: {}` above a test",
                rule.id, rule.id
            ));
        }
    }
    for mark in marks {
        if !rules.rules.iter().any(|rule| rule.id == mark.id) {
            faults.push(format!("{}: {} proves it, but there is no such row", mark.id, mark.test));
        }
    }
    let bad = rules.rules.iter().filter(|rule| rule.case == Case::Bad).count();
    if 2 * bad < rules.rules.len() {
        faults.push(format!("{bad} of {} rules are proved by bad input: less than half", rules.rules.len()));
    }
    faults
}

/// The marks whose tests did not run, or did not pass, in the run that printed this log.
pub fn unproved(marks: &[Mark], results: &Results) -> Vec<String> {
    let mut faults = Vec::new();
    for mark in marks {
        match results.outcome(&mark.target, &mark.test_name) {
            Outcome::Passed => {}
            Outcome::Failed => faults.push(format!("{}: {} failed", mark.id, mark.test)),
            Outcome::Missing => faults.push(format!("{}: {} did not run", mark.id, mark.test)),
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(id: &str) -> Mark {
        Mark {
            id: id.to_owned(),
            target: "mqtt".to_owned(),
            test_name: "t".to_owned(),
            test: "mqtt::t".to_owned(),
        }
    }

    fn rules(text: &str) -> Rules {
        toml::from_str(text).expect("rows")
    }

    #[test]
    fn rows_and_marks_without_each_other_are_faults() {
        let row = |id: &str, case: &str| {
            format!("[[rule]]\nid = '{id}'\nsource = 's'\ncase = '{case}'\ntext = 't'\n")
        };
        let two = rules(&(row("A", "bad") + &row("B", "good")));
        assert_eq!(faults(&two, &[mark("A"), mark("B")]), Vec::<String>::new());
        assert!(faults(&two, &[mark("A")])[0].starts_with("B: no test proves it"));
        assert!(faults(&two, &[mark("A"), mark("B"), mark("C")])[0].contains("no such row"));
        assert!(faults(&rules(&row("B", "good")), &[mark("B")])[0].contains("less than half"));
        assert!(faults(&rules(&(row("A", "bad") + &row("A", "bad"))), &[mark("A")])[0].contains("twice"));
    }

    #[test]
    fn a_rule_is_proved_by_a_test_that_ran_and_passed() {
        let head = "     Running tests/mqtt.rs (target/debug/deps/mqtt-0011223344556677)\n";
        let log = |line: &str| Results::read(&format!("{head}{line}\n"));
        assert_eq!(unproved(&[mark("A")], &log("test t ... ok")), Vec::<String>::new());
        assert_eq!(unproved(&[mark("A")], &log("test room::t ... ok")), Vec::<String>::new());
        assert!(unproved(&[mark("A")], &log("test t ... FAILED"))[0].contains("failed"));
        assert!(unproved(&[mark("A")], &log("test t ... ignored"))[0].contains("did not run"));
        assert!(unproved(&[mark("A")], &log("test other ... ok"))[0].contains("did not run"));
    }
}
