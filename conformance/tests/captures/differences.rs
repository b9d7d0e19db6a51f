//! The committed list of what the hub does otherwise than the recorded clients need, and why.

use std::path::Path;

use serde::Deserialize;

/// One answer that was judged.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    /// `SDK: session`.
    pub(crate) session: String,
    /// What happened: the packet's name and what it was about.
    pub(crate) event: String,
    /// The answer that the client needs, by `protocol/`.
    pub(crate) wanted: String,
    /// The answer that came.
    pub(crate) came: String,
}

/// A line of `captures/differences.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    #[serde(default = "any")]
    sessions: String,
    event: String,
    wanted: String,
    came: String,
    reason: String,
}

fn any() -> String {
    "*".to_owned()
}

impl Difference {
    fn covers(&self, judged: &Judged) -> bool {
        matches(&self.sessions, &judged.session)
            && matches(&self.event, &judged.event)
            && self.wanted == judged.wanted
            && self.came == judged.came
    }
}

/// Holds what differed against the list: each must be on it, and each line must be needed.
pub(crate) fn faults(list: &Path, differing: &[Judged]) -> Vec<String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        difference: Vec<Difference>,
    }
    let text = std::fs::read_to_string(list).expect("the list of differences");
    let listed = toml::from_str::<File>(&text).unwrap_or_else(|error| panic!("{error}")).difference;
    let mut faults = Vec::new();
    for judged in differing {
        if !listed.iter().any(|line| line.covers(judged)) {
            let Judged { session, event, wanted, came } = judged;
            faults.push(format!("not listed: {session}: {event}: wanted {wanted}, came {came}"));
        }
    }
    for line in &listed {
        if !differing.iter().any(|judged| line.covers(judged)) {
            let Difference { sessions, event, came, .. } = line;
            faults.push(format!("stale: no session of {sessions} has {event} answered with {came}"));
        }
        if line.reason.is_empty() {
            faults.push(format!("no reason: {}", line.event));
        }
    }
    faults
}

/// Whether a text fits a pattern in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            (0..=text.len()).any(|at| text.is_char_boundary(at) && matches(rest, &text[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_anything() {
        for (pattern, text) in [("a*c", "abc"), ("*", ""), ("*b", "aab"), ("a", "a"), ("a*b*", "axbx")] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a*c", "ab"), ("", "a"), ("*b", "ba"), ("ä*", "a")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn an_unlisted_difference_and_a_stale_line_are_faults() {
        let scratch = conformance::peer::scratch::Scratch::new().expect("a folder");
        let line = "[[difference]]\nevent = 'PUBLISH /a/*'\nwanted = 'code 200'\ncame = 'code 1009'\nreason = 'later'\n";
        let list = scratch.write("list.toml", line).expect("written");
        let judged = |event: &str, came: &str| Judged {
            session: "java: x".to_owned(),
            event: event.to_owned(),
            wanted: "code 200".to_owned(),
            came: came.to_owned(),
        };
        assert_eq!(faults(&list, &[judged("PUBLISH /a/b", "code 1009")]), Vec::<String>::new());
        let found = faults(&list, &[judged("PUBLISH /a/b", "code 1204")]);
        assert!(
            found.len() == 2 && found[0].starts_with("not listed") && found[1].starts_with("stale"),
            "{found:?}"
        );
    }
}
