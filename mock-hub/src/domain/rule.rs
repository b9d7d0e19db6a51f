//! The numbered rules of `--strict`, described in `mock-hub/rules.md`.
//!
//! Strict refuses what breaks a rule; otherwise the hub goes on and the journal warns once per rule and connection.

/// A rule: what the documents ask for and how a device complies.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// Stable, never reused; below 32, since a device remembers in 32 bits which warnings it had.
    pub(crate) number: u8,
    pub(crate) text: &'static str,
    pub(crate) fix: &'static str,
}

pub(crate) const CLIENT_ID_LIST: Rule = Rule {
    number: 1,
    text: "the client id carries securemode, signmethod and timestamp",
    fix: "send <clientId>|securemode=2,signmethod=sha256,timestamp=<ms>|",
};
pub(crate) const SIGN_BY_SHA256: Rule =
    Rule { number: 2, text: "logins are signed by SHA-256", fix: "send signmethod=sha256 and that digest" };
pub(crate) const CLIENT_ID_LENGTH: Rule = Rule {
    number: 3,
    text: "the client id has at most 64 characters before the bar",
    fix: "use the device key as client id",
};
pub(crate) const KEEP_ALIVE: Rule =
    Rule { number: 4, text: "the keep alive is 60 to 300 s", fix: "send a keep alive of 60" };
pub(crate) const CONNECT_BUDGET: Rule = Rule {
    number: 5,
    text: "a device sends at most 4 CONNECTs in 2 minutes, or it is blocked for 5 minutes",
    fix: "back off between attempts",
};
pub(crate) const ENVELOPE: Rule = Rule {
    number: 6,
    text: "a request carries version, method and params",
    fix: "send all three, version as \"1.0\"",
};
pub(crate) const METHOD: Rule = Rule {
    number: 7,
    text: "the method fits the topic (code 1260)",
    fix: "send the topic's segments after the keys, joined by dots",
};
pub(crate) const JSON: Rule = Rule {
    number: 8,
    text: "numbers are finite: JSON has no NaN and no Infinity",
    fix: "leave the point out, or send it with a quality",
};
pub(crate) const UTF8: Rule = Rule {
    number: 9,
    text: "payloads are UTF-8",
    fix: "encode the payload as UTF-8, not in the platform's charset",
};
pub(crate) const QUALITY: Rule = Rule {
    number: 10,
    text: "only a point with hasQuality is posted with a quality",
    fix: "set hasQuality in the model, or post the plain value",
};
pub(crate) const ANSWER_CODE: Rule = Rule {
    number: 11,
    text: "an answer carries code as an integer, 200 for success",
    fix: "send \"code\":200 or a code of your own from 2000 on",
};
pub(crate) const ANSWER_TOPIC: Rule = Rule {
    number: 12,
    text: "the answer's topic is the command's topic with _reply",
    fix: "answer on the topic that the command came on, with _reply appended",
};

/// All rules, for the page and its test.
#[cfg(test)]
pub(crate) const ALL: [&Rule; 12] = [
    &CLIENT_ID_LIST,
    &SIGN_BY_SHA256,
    &CLIENT_ID_LENGTH,
    &KEEP_ALIVE,
    &CONNECT_BUDGET,
    &ENVELOPE,
    &METHOD,
    &JSON,
    &UTF8,
    &QUALITY,
    &ANSWER_CODE,
    &ANSWER_TOPIC,
];

impl Rule {
    /// The bit that remembers that this rule's warning was given.
    pub(crate) fn bit(&self) -> u32 {
        1 << (self.number & 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_run_from_one_and_the_page_lists_every_rule() {
        let page = include_str!("../../rules.md");
        for (index, rule) in ALL.iter().enumerate() {
            assert_eq!(usize::from(rule.number), index + 1);
            assert!(
                page.contains(&format!("| {} | {} |", rule.number, rule.text)),
                "rules.md lacks {rule:?}"
            );
        }
        assert_eq!(page.lines().filter(|line| line.starts_with("| ")).count(), ALL.len() + 1);
    }
}
