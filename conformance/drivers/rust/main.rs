//! The Rust driver: turns lines into calls of the SDK and what comes of them into lines.
//!
//! Holds no expectation and no logic of its own (`drivers/README.md`). Verbs that may wait run on a thread each.
#![forbid(unsafe_code)]

mod client;
mod lines;
mod pure;
mod values;

use std::io::{self, BufRead};
use std::sync::Arc;

use client::Clients;
use lines::{Out, Said};

const VERBS: &[&str] = &[
    "hello",
    "sign",
    "client_id",
    "username",
    "password",
    "coap_sign",
    "coap_psk_identity",
    "coap_psk_key",
    "topic",
    "topic_parse",
    "json_value",
    "error_kind",
    "hub_code",
    "hub_url",
    "new",
    "connect",
    "post",
    "submit",
    "on_lifecycle",
    "on_service",
    "on_measurepoint_set",
    "on_measurepoint_get",
    "off",
    "answer",
    "forget",
    "stats",
    "doctor",
    "sleep",
    "close",
    "drop",
];

fn main() -> io::Result<()> {
    let out = Arc::new(Out::default());
    let clients = Arc::new(Clients::default());
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Option<Vec<String>> = line.split('\t').map(lines::decode).collect();
        let Some((id, words)) = words.as_deref().and_then(|words| words.split_first()) else {
            return Err(io::Error::other(format!("no request: {line}")));
        };
        let (id, words) = (id.clone(), words.to_vec());
        const WAITING: &[&str] = &["connect", "post", "answer", "doctor", "sleep", "close", "drop"];
        if words.first().is_some_and(|verb| WAITING.contains(&verb.as_str())) {
            let (out, clients) = (out.clone(), clients.clone());
            std::thread::spawn(move || {
                let said = perform(&words, &out, &clients);
                out.answer(&id, &said);
            });
        } else {
            let said = perform(&words, &out, &clients);
            out.answer(&id, &said);
        }
    }
    clients.clear();
    Ok(())
}

fn perform(words: &[String], out: &Arc<Out>, clients: &Clients) -> Said {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match &*words {
        ["hello"] => {
            let mut told = vec!["rust".to_owned()];
            told.extend(VERBS.iter().map(|verb| (*verb).to_owned()));
            Said::Ok(told)
        }
        [verb, rest @ ..] => pure::perform(verb, rest).unwrap_or_else(|| clients.perform(verb, rest, out)),
        [] => Said::misuse("a request has a verb"),
    }
}
