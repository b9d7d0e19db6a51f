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
    /// What a device meets in strict mode.
    pub(crate) refused_with: &'static str,
    /// Where the documents ask for it.
    pub(crate) source: &'static str,
}

pub(crate) const CLIENT_ID_LIST: Rule = Rule {
    number: 1,
    text: "the client id carries securemode, signmethod and timestamp",
    fix: "send <clientId>|securemode=2,signmethod=sha256,timestamp=<ms>|",
    refused_with: "CONNACK 2",
    source: "docs-mqtt.md §2 (LOGIN)",
};
pub(crate) const SIGN_BY_SHA256: Rule = Rule {
    number: 2,
    text: "logins are signed by SHA-256",
    fix: "send signmethod=sha256 and that digest",
    refused_with: "CONNACK 2",
    source: "docs-mqtt.md §2 (LOGIN); `hmacsha256` counts as SHA-256, auth.md §1",
};
pub(crate) const CLIENT_ID_LENGTH: Rule = Rule {
    number: 3,
    text: "the client id has at most 64 characters before the bar",
    fix: "use the device key as client id",
    refused_with: "CONNACK 2",
    source: "docs-mqtt.md §12 (LOGIN); the block in braces of the vendor's Java client does not count",
};
pub(crate) const KEEP_ALIVE: Rule = Rule {
    number: 4,
    text: "the keep alive is 60 to 300 s",
    fix: "send a keep alive of 60",
    refused_with: "CONNACK 5",
    source: "docs-mqtt.md §12 (LIM)",
};
pub(crate) const CONNECT_BUDGET: Rule = Rule {
    number: 5,
    text: "a device sends at most 4 CONNECTs in 2 minutes, or it is blocked for 5 minutes",
    fix: "back off between attempts",
    refused_with: "CONNACK 3",
    source: "docs-mqtt.md §12 (LIM); only correctly signed CONNECTs count",
};
pub(crate) const ENVELOPE: Rule = Rule {
    number: 6,
    text: "a request carries version, method and params",
    fix: "send all three, version as \"1.0\"",
    refused_with: "code 1200",
    source: "docs-mqtt.md §5 (COMMON)",
};
pub(crate) const METHOD: Rule = Rule {
    number: 7,
    text: "the method fits the topic (code 1260)",
    fix: "send the topic's segments after the keys, joined by dots",
    refused_with: "code 1260",
    source: "docs-mqtt.md §11 (COMMON)",
};
pub(crate) const JSON: Rule = Rule {
    number: 8,
    text: "numbers are finite: JSON has no NaN and no Infinity",
    fix: "leave the point out, or send it with a quality",
    refused_with: "code 1220",
    source: "docs-mqtt.md §11; RFC 8259 §6",
};
pub(crate) const UTF8: Rule = Rule {
    number: 9,
    text: "payloads are UTF-8",
    fix: "encode the payload as UTF-8, not in the platform's charset",
    refused_with: "code 1220",
    source: "docs-mqtt.md §11; RFC 8259 §8.1",
};
pub(crate) const QUALITY: Rule = Rule {
    number: 10,
    text: "only a point with hasQuality is posted with a quality",
    fix: "set hasQuality in the model, or post the plain value",
    refused_with: "code 1204",
    source: "docs-model.md §2",
};
pub(crate) const ANSWER_CODE: Rule = Rule {
    number: 11,
    text: "an answer carries code as an integer, 200 for success",
    fix: "send \"code\":200 or a code of your own from 2000 on",
    refused_with: "the command fails",
    source: "docs-mqtt.md §5 (COMMON)",
};
pub(crate) const ANSWER_TOPIC: Rule = Rule {
    number: 12,
    text: "the answer's topic is the command's topic with _reply",
    fix: "answer on the topic that the command came on, with _reply appended",
    refused_with: "the answer is ignored",
    source: "docs-mqtt.md §5 (COMMON)",
};

pub(crate) const TOKEN_REQUEST: Rule = Rule {
    number: 13,
    text: "an application sends a token request once",
    fix: "take a new timestamp for each token request",
    refused_with: "status 1001",
    source: "docs-model.md §9.1 (duplicate request)",
};

pub(crate) const COAP_LIFETIME: Rule = Rule {
    number: 14,
    text: "the lifetime of a CoAP session is 30 to 86,400 s",
    fix: "send a lifetime in between, such as 3600",
    refused_with: "4.00, by DTLS no handshake",
    source: "docs-coap-http.md A.1 (COAP-L)",
};
pub(crate) const COAP_CONNECTS: Rule = Rule {
    number: 15,
    text: "a device signs in by CoAP at most once a second",
    fix: "wait a second between sign-ins, and keep the session for its lifetime",
    refused_with: "4.29, by DTLS closed",
    source: "docs-coap-http.md A.1 (LIM 2.4.4)",
};
pub(crate) const COAP_UPLINK: Rule = Rule {
    number: 16,
    text: "a CoAP device sends at most 10 KB a second",
    fix: "post less often, or several points in one message",
    refused_with: "4.29",
    source: "docs-coap-http.md A.1 (LIM 2.4.4)",
};
pub(crate) const COAP_DOWNLINK: Rule = Rule {
    number: 17,
    text: "a CoAP device is sent at most 10 KB a second",
    fix: "ask for less in a second",
    refused_with: "4.29",
    source: "docs-coap-http.md A.1 (LIM 2.4.4)",
};
pub(crate) const COAP_PACKET: Rule = Rule {
    number: 18,
    text: "a CoAP datagram has at most 1,024 bytes",
    fix: "send a larger body block-wise, in blocks of 512 bytes (RFC 7959)",
    refused_with: "4.13",
    source: "docs-coap-http.md A.1 (COAP-L, LIM 2.4.4)",
};

/// All rules, for the page and its test.
#[cfg(test)]
pub(crate) const ALL: [&Rule; 18] = [
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
    &TOKEN_REQUEST,
    &COAP_LIFETIME,
    &COAP_CONNECTS,
    &COAP_UPLINK,
    &COAP_DOWNLINK,
    &COAP_PACKET,
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
    fn numbers_run_from_one_and_the_page_is_the_table() {
        let page = include_str!("../../rules.md");
        let listed: Vec<&str> = page.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
        let row = |rule: &&Rule| {
            format!("| {} | {} | {} | {} |", rule.number, rule.text, rule.refused_with, rule.source)
        };
        assert_eq!(listed, ALL.iter().map(row).collect::<Vec<_>>());
        for (index, rule) in ALL.iter().enumerate() {
            assert_eq!(usize::from(rule.number), index + 1);
            assert!(!rule.fix.is_empty() && !rule.source.is_empty());
        }
    }
}
