//! The golden vectors of `conformance/vectors/coap.json`: signatures, identities, keys, and each datagram both ways.
//!
//! Every verb asserts how many vectors it has checked, so that an emptied file fails.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use enos_core::engine::{Engine, Input, Memory, Output, Psk, Request};
use enos_core::wire::coap::{self, DecodeError, MessageClass, MessageType, MessageWriter};
use enos_core::{Config, Hub, Limits, Login, Now, sign};
use serde_json::Value;

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance/vectors/coap.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn texts(vector: &Value, key: &str) -> Vec<String> {
    vector[key].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The payload of the sign-in that an engine sends.
fn sign_in([pk, dk, lifetime, secret]: [&str; 4]) -> Vec<u8> {
    let login = Login::DeviceSecret { product_key: pk, device_key: dk, device_secret: secret };
    let mut config = Config::new(Hub::parse("coap://hub.test").unwrap(), login);
    config.coap.lifetime_s = lifetime.parse().unwrap();
    let mut engine = Engine::new(config, [1; 32], Memory::heap(&Limits::DEFAULT)).unwrap();
    let now = Now { mono_ms: 0, wall_ms: None };
    engine.request(now, Request::Connect { timeout_ms: None }).unwrap();
    loop {
        match engine.poll_output(now) {
            Output::Dial(_) => engine.handle_input(now, Input::LinkUp),
            Output::Transmit(datagram) => {
                let message = coap::decode(datagram).unwrap();
                let path: Vec<_> =
                    message.options().filter(|(n, _)| *n == 11).map(|(_, segment)| segment).collect();
                assert_eq!(path, [b"auth", pk.as_bytes(), dk.as_bytes()]);
                assert_eq!(message.option(12), Some(&[50][..]));
                return message.payload.to_vec();
            }
            Output::Event(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn kind(text: &str) -> MessageType {
    match text {
        "CON" => MessageType::Confirmable,
        "NON" => MessageType::NonConfirmable,
        "ACK" => MessageType::Acknowledgement,
        "RST" => MessageType::Reset,
        other => panic!("{other}"),
    }
}

fn code(text: &str) -> MessageClass {
    let (class, detail) = text.split_once('.').unwrap();
    MessageClass::from(class.parse::<u8>().unwrap() << 5 | detail.parse::<u8>().unwrap())
}

/// Options whose value is a number.
const UINTS: [u16; 10] = [6, 7, 12, 14, 17, 23, 27, 28, 60, 258];

/// Writes the datagram that a vector describes, and reads it back.
fn both_ways(fields: &[String]) -> Vec<u8> {
    let [kind_, code_, id, token, rest @ ..] = fields else { panic!("{fields:?}") };
    let (kind, code, id, token) = (kind(kind_), code(code_), id.parse().unwrap(), bytes(token));
    let mut out = vec![0; 2_000];
    let mut w = MessageWriter::new(&mut out, kind, code, id, &token).unwrap();
    let (mut payload, mut options) = (Vec::new(), Vec::new());
    for field in rest {
        let (name, value, is_hex) = match field.split_once("#=") {
            Some((name, value)) if !name.contains('=') => (name, value, true),
            _ => {
                let (name, value) = field.split_once('=').unwrap();
                (name, value, false)
            }
        };
        let raw = if is_hex { bytes(value) } else { value.as_bytes().to_vec() };
        if name == "payload" {
            payload = raw;
            continue;
        }
        let number: u16 = name.parse().unwrap();
        if !is_hex && UINTS.contains(&number) {
            let value: u32 = value.parse().unwrap();
            w.uint(number, value).unwrap();
            let short: Vec<u8> = value.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            options.push((number, short));
        } else {
            w.option(number, &raw).unwrap();
            options.push((number, raw));
        }
    }
    let n = w.finish(&payload).unwrap();
    out.truncate(n);
    let message = coap::decode(&out).unwrap();
    assert_eq!((message.kind, message.code, message.id), (kind, code, id));
    assert_eq!((message.token, message.payload), (&token[..], &payload[..]));
    let read: Vec<_> = message.options().map(|(number, value)| (number, value.to_vec())).collect();
    assert_eq!(read, options);
    out
}

#[test]
fn every_vector() {
    let vectors = vectors();
    let mut counts = BTreeMap::<String, usize>::new();
    for vector in vectors["vectors"].as_array().unwrap() {
        let (verb, input, output) =
            (vector["verb"].as_str().unwrap(), texts(vector, "input"), texts(vector, "output"));
        let input_: Vec<&str> = input.iter().map(String::as_str).collect();
        let ours = match (verb, vector["result"].as_str().unwrap()) {
            ("coap_sign", "valid") => {
                let [pk, dk, lifetime, secret] = input_[..] else { panic!("{vector}") };
                let sign = sign::coap_sign(dk, lifetime.parse().unwrap(), pk, secret.as_bytes());
                String::from_utf8(sign.to_vec()).unwrap()
            }
            ("coap_auth_payload", "valid") => {
                String::from_utf8(sign_in(input_[..].try_into().unwrap())).unwrap()
            }
            ("coap_psk_identity", "valid") => {
                let [product_key, device_key, mode, lifetime] = input_[..] else { panic!("{vector}") };
                let psk = Psk {
                    product_key,
                    device_key,
                    secure_mode: mode.parse().unwrap(),
                    lifetime_s: lifetime.parse().unwrap(),
                    key: [0xAB; 16],
                };
                assert!(!format!("{psk:?}").contains("171"), "the key is not printed");
                psk.write_identity(&mut [0; 400]).unwrap().to_owned()
            }
            ("coap_psk_key", "valid") => hex(&sign::psk_key(input[0].as_bytes())),
            ("coap_datagram", "valid") => hex(&both_ways(&input)),
            ("coap_datagram", "invalid") => {
                let datagram = bytes(&input[0]);
                match coap::decode(&datagram) {
                    Err(DecodeError::Version(_) | DecodeError::Short) => "ignored".to_owned(),
                    Err(_) => "rejected".to_owned(),
                    Ok(message) => format!("{message:?}"),
                }
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(ours, output[0], "{vector}");
        *counts.entry(verb.to_owned()).or_default() += 1;
    }
    for (verb, least) in [
        ("coap_sign", 6),
        ("coap_auth_payload", 2),
        ("coap_psk_identity", 4),
        ("coap_psk_key", 4),
        ("coap_datagram", 75),
    ] {
        assert!(counts.get(verb).is_some_and(|count| *count >= least), "{verb}: {counts:?}");
    }
}
