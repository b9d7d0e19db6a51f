//! Random bytes and damaged sessions of the vendor's clients: a connection may be closed, the hub may not panic.
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Once, OnceLock};

use mock_hub::Hub;
use proptest::prelude::*;
use support::*;

const CAPTURES: &str = include_str!("../../conformance/vectors/captures.json");

static PANICS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// One hub for all cases of a test, since tests run side by side.
    static HUB: Hub = watched_hub();
}

/// A hub, and a hook that counts the panics of its threads.
fn watched_hub() -> Hub {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let current = std::thread::current();
            if current.name().is_some_and(|name| name.starts_with("mock-hub")) {
                PANICS.fetch_add(1, Ordering::SeqCst);
            }
            before(info);
        }));
    });
    hub()
}

/// The SUBSCRIBE and PUBLISH packets that the vendor's clients sent, as if `pk1/d1` had sent them.
fn captured() -> &'static Vec<Vec<u8>> {
    static PACKETS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    PACKETS.get_or_init(|| {
        let file: serde_json::Value = serde_json::from_str(CAPTURES).unwrap();
        let events =
            file["sessions"].as_array().unwrap().iter().flat_map(|s| s["events"].as_array().unwrap());
        let own = |topic: &str| {
            let mut levels: Vec<&str> = topic.split('/').collect();
            let keys = if levels.get(1) == Some(&"ext") { 3 } else { 2 };
            if levels.len() > keys + 1 {
                levels[keys] = "pk1";
                levels[keys + 1] = "d1";
            }
            levels.join("/")
        };
        let packets: Vec<Vec<u8>> = events
            .filter_map(|event| match event["ev"].as_str()? {
                "PUBLISH" => {
                    let payload = event["payload"].as_str().unwrap_or_default().as_bytes();
                    let id = u16::try_from(event["qos"].as_u64()?).ok()? * 9;
                    Some(publish(&own(event["topic"].as_str()?), id, payload))
                }
                "SUBSCRIBE" => Some(subscribe(5, &own(event["filters"][0][0].as_str()?), 1)),
                _ => None,
            })
            .collect();
        assert!(packets.len() > 100, "the captures hold {} packets", packets.len());
        packets
    })
}

/// Sends bytes, reads until the hub closes, and checks that the hub serves others as before.
fn survive(start: Option<&Login>, bytes: &[u8]) {
    HUB.with(|hub| survives(hub, start, bytes));
}

fn survives(hub: &Hub, start: Option<&Login>, bytes: &[u8]) {
    let mut stream = match start {
        Some(login) => signed_in(hub, login).0,
        None => client(hub).0,
    };
    // The hub may close at any byte, so that writing and reading may fail.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    drain(&mut stream);
    signed_in(hub, &device("pk1", "d2")).ping();
    assert_eq!(PANICS.load(Ordering::SeqCst), 0, "the hub panicked");
}

fn drain(stream: &mut TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(count) = stream.read(&mut buffer) {
        if count == 0 {
            break;
        }
    }
}

/// One kind of damage to a stream of bytes.
#[derive(Debug, Clone)]
enum Damage {
    Set(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Drop(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        any::<prop::sample::Index>().prop_map(Damage::Cut),
        (any::<prop::sample::Index>(), 1..40usize).prop_map(|(at, count)| Damage::Drop(at, count)),
        (any::<prop::sample::Index>(), 1..40usize).prop_map(|(at, count)| Damage::Repeat(at, count)),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match damage {
        Damage::Set(at, byte) => bytes[at.index(length)] = *byte,
        Damage::Cut(at) => bytes.truncate(at.index(length)),
        Damage::Drop(at, count) => {
            let at = at.index(length);
            bytes.drain(at..length.min(at + count));
        }
        Damage::Repeat(at, count) => {
            let at = at.index(length);
            let part = bytes[at..length.min(at + count)].to_vec();
            bytes.splice(at..at, part);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    // Proves: MQTT-4.8.0-2
    #[test]
    fn random_first_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survive(None, &bytes);
    }

    // Proves: MQTT-4.8.0-1
    #[test]
    fn random_bytes_after_sign_in(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        survive(Some(&device("pk1", "d1")), &bytes);
    }

    // Proves: MQTT-3.1.4-1
    #[test]
    fn a_damaged_connect(damages in prop::collection::vec(damage(), 0..4), clean in any::<bool>()) {
        let mut bytes = connect(&device("pk1", "d1"), clean, 60);
        damages.iter().for_each(|damage| apply(&mut bytes, damage));
        survive(None, &bytes);
    }

    #[test]
    fn damaged_sessions_of_vendor_clients(
        chosen in prop::collection::vec(any::<prop::sample::Index>(), 1..12),
        damages in prop::collection::vec(damage(), 0..6),
    ) {
        let packets = captured();
        let mut bytes: Vec<u8> = chosen.iter().flat_map(|index| packets[index.index(packets.len())].clone()).collect();
        damages.iter().for_each(|damage| apply(&mut bytes, damage));
        survive(Some(&device("pk1", "d1")), &bytes);
    }
}
