//! The hub's decoders as functions of bytes: what must hold for any bytes at all.
//!
//! Not part of the hub: compiled for its tests, which run each function on `fuzz/corpus` and on mutations of it, and
//! for `fuzz/`, where libFuzzer runs it for as long as one likes. Add a function here, its line in [`TARGETS`], a
//! program in `fuzz/` and a folder of seeds.

use serde_json::Value as Tree;

use crate::admin::expression_fuzz;
use crate::clock::Clock;
use crate::domain::{Cloud, CloudOptions};
use crate::enos::json::{Cursor, JsonKind, MAX_DEPTH, Value};
use crate::enos::{client_id, payload, topic as topics};
use crate::fabric::Fabric;
use crate::front::coap::server_fuzz;
use crate::front::mqtt::packet_fuzz;

/// A target: its name, and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("packet", packet_fuzz::packet),
    ("coap", server_fuzz::server),
    ("json", json),
    ("client_id", client_id),
    ("topic", topic),
    ("payload", payload),
    ("seed", seed),
    ("expression", expression_fuzz::expression),
];

/// Runs the target of this name.
///
/// # Panics
/// There is no such target, or what must hold does not.
pub fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target's name");
    target(data);
}

/// The reader takes what another one takes, and reads the same in it; skipping and reading agree.
fn json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut cursor = Cursor::new(text);
    let skipped = cursor.raw().and_then(|raw| cursor.end().map(|()| raw));
    let mut cursor = Cursor::new(text);
    let read = cursor.value().and_then(|value| cursor.end().map(|()| value));
    assert_eq!(skipped.is_ok(), read.is_ok(), "{skipped:?} {read:?}");
    let other = serde_json::from_str::<Tree>(text);
    match (read, other) {
        (Ok(value), Ok(other)) => {
            assert!(!cursor.saw_non_finite(), "the other reader knows no NaN");
            same(&value, &other);
        }
        // Only here: NaN and infinities, lone surrogates, numbers beyond a double.
        (Ok(_), Err(other)) => {
            let odd =
                cursor.saw_non_finite() || text.contains("\\u") || other.to_string().contains("out of range");
            assert!(odd, "{other}: {text}");
        }
        (Err(error), Ok(_)) => {
            let depth = text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count();
            assert!(depth > MAX_DEPTH as usize, "{error}: {text}");
            assert!(error.at <= text.len());
        }
        (Err(error), Err(_)) => assert!(error.at <= text.len()),
    }
}

fn same(ours: &Value, other: &Tree) {
    match (ours, other) {
        (Value::Null, Tree::Null) => {}
        (Value::Bool(a), Tree::Bool(b)) => assert_eq!(a, b),
        (Value::Int(a), Tree::Number(b)) => {
            assert!(b.as_i64() == Some(*a) || (*a == 0 && b.as_f64() == Some(0.0)))
        }
        // The other reader rounds the last digit in its own way.
        (Value::Float(a), Tree::Number(b)) => {
            let b = b.as_f64().expect("a double");
            assert!((a - b).abs() <= a.abs() * 1e-14, "{a} {b}");
        }
        (Value::Text(a), Tree::String(b)) => assert_eq!(**a, *b),
        (Value::Array(a), Tree::Array(b)) => {
            assert_eq!(a.len(), b.len());
            a.iter().zip(b).for_each(|(a, b)| same(a, b));
        }
        (Value::Object(a), Tree::Object(b)) => {
            // The last of two members with one name counts, here and there.
            for (name, value) in b {
                let (_, ours) =
                    a.iter().rfind(|(known, _)| **known == **name).expect("the member is here too");
                same(ours, value);
            }
            assert!(a.iter().all(|(name, _)| b.contains_key(&**name)));
        }
        _ => panic!("{ours:?} is {other:?} elsewhere"),
    }
}

/// What is signed is what stands before the first bar, whatever the rest is.
fn client_id(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(id) = client_id::parse(text) else {
        return assert!(!text.contains('|'));
    };
    let (signed, list) = text.split_once('|').expect("a bar");
    assert_eq!(id.signed, signed);
    assert!(signed.starts_with(id.name) && signed.len() >= id.name.len() + id.extension.len());
    for value in [id.secure_mode, id.sign_method, id.timestamp].into_iter().flatten() {
        assert!(list.contains(value) && !value.contains([',', '|']), "{value}");
    }
    if let Some(compression) = id.compression() {
        assert!(id.extension.contains(compression) && !compression.is_empty());
    }
    if let Some((device_key, product_key)) = client_id::parse_username(text) {
        assert!(!product_key.contains('&') && device_key.len() + 1 + product_key.len() == text.len());
    }
}

/// A topic that is understood is made of its parts; a filter is well formed exactly if each of its levels is.
fn topic(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let levels: Vec<&str> = text.split('/').collect();
    let well_formed = levels.iter().enumerate().all(|(at, level)| match *level {
        "+" => true,
        "#" => at + 1 == levels.len(),
        other => !other.contains(['+', '#']),
    });
    assert_eq!(topics::is_filter(text), well_formed && !text.is_empty() && !text.contains('\0'));
    let Some(cut) = topics::parse(text) else { return };
    let (prefix, rest) = match text.strip_prefix("/sys/") {
        Some(rest) => ("/sys", rest),
        None => ("/ext/session", text.strip_prefix("/ext/session/").expect("one of two prefixes")),
    };
    assert!(!cut.product_key.contains('/') && !cut.device_key.contains('/'));
    let tail = &rest[cut.product_key.len() + cut.device_key.len() + 2..];
    assert_eq!(format!("{prefix}/{}/{}/{tail}", cut.product_key, cut.device_key), text);
    match cut.kind {
        topics::Kind::MeasurepointPost => {
            assert_eq!(text, format!("/sys/{}/{}/thing/measurepoint/post", cut.product_key, cut.device_key))
        }
        topics::Kind::ActivationReply => {
            assert!(prefix == "/ext/session" && tail == "thing/activate/info_reply")
        }
        topics::Kind::Reply(request) => assert_eq!(format!("{request}_reply"), tail),
        topics::Kind::Other(other) => assert_eq!(other, tail),
    }
    assert!(!topics::method_of(tail).contains('/'));
}

/// A request's id comes back in its reply as it came, in JSON that others read; an answer's code is one number.
fn payload(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (id, understood) = match payload::request(text) {
        Ok(request) => {
            if let Some(params) = request.params {
                assert!(text.contains(params) && Cursor::new(params).kind().is_ok());
            }
            (request.id, true)
        }
        Err((error, id)) => {
            assert!(error.at <= text.len());
            (id, false)
        }
    };
    let reply = payload::reply(&id, if understood { 200 } else { 1220 }, (!understood).then_some(text));
    let reply: Tree = serde_json::from_slice(&reply).expect("the hub writes JSON");
    assert!(reply["id"] == *id && reply["data"] == "" && reply["code"].is_u64());
    assert_eq!(reply.get("message").is_some(), !understood);
    if let Ok(answer) = payload::answer(text) {
        assert!(understood, "an answer is an object, as a request is");
        assert!(answer.code.value().is_some() || answer.code.is_success());
        if let Some(data) = answer.data {
            assert!(text.contains(data) && Cursor::new(data).kind().is_ok());
        }
        assert!(answer.message.is_none() || matches!(Cursor::new(text).kind(), Ok(JsonKind::Object)));
    }
    // An activation message writes any text as well; a short one shows it.
    if understood || text.len() <= 32 {
        let activation = payload::activation(90_000_000_001, "a", "p", &id, text);
        let activation: Tree = serde_json::from_slice(&activation).expect("the hub writes JSON");
        assert!(activation["params"]["deviceSecret"] == *text && activation["params"]["deviceKey"] == *id);
    }
}

/// A seed is taken as a whole or not at all; one that was taken can be gone back to.
fn seed(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let cloud = Cloud::new(Clock::manual(1_700_000_000_000), Fabric::new(), CloudOptions::default());
    match cloud.load_seed(text) {
        Ok(()) => cloud.reset().expect("the same seed, again"),
        Err(error) => assert!(!error.reason.is_empty() && cloud.reset().is_ok(), "{error}"),
    }
}

#[cfg(test)]
mod tests;
