//! The CoAP side over real sockets: sign-in, posts, codes, the message layer.
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

mod support;

use std::io::{BufRead, BufReader, Write};

use mock_hub::Hub;
use mock_hub::clock::Clock;
use mock_hub::fabric::DeviceId;
use support::coap::{Device, GET, Message, NON, POST, auth, auth_payload, code};
use support::{SEED, await_journal, device, http, hub, journal, signed_in, tcp};

const TEMP: &str = "/topic/sys/pk1/d1/thing/measurepoint/post";

fn standing_hub() -> (Hub, Clock) {
    let clock = Clock::manual(1_700_000_000_000);
    let hub = Hub::builder().ephemeral().seed_json(SEED).clock(clock.clone()).start().unwrap();
    (hub, clock)
}

fn state_of(hub: &Hub, device_key: &str) -> serde_json::Value {
    let (_, body) = http(&mut tcp(hub.http()), "GET", "/hub/v1/state", "");
    let world: serde_json::Value = serde_json::from_str(&body).unwrap();
    let devices = world["devices"].as_array().unwrap();
    devices.iter().find(|device| device["deviceKey"] == device_key).unwrap().clone()
}

#[test]
fn a_device_signs_in_and_posts() {
    let hub = hub();
    let mut device = Device::new(&hub);
    let answer = device.ask(auth("d1", 3_600));
    assert_eq!((answer.code, answer.payload.len()), (code(2, 4), 0));
    let answer = device.post("d1", "41", 21.5);
    assert_eq!(answer.code, code(2, 4));
    assert_eq!(answer.payload, br#"{"id":"41","code":200,"data":""}"#);
    assert_eq!(answer.number(12), Some(50));
    let state = state_of(&hub, "d1");
    assert_eq!(
        (&state["status"], &state["measurepoints"]["temp"]["value"]),
        (&"online".into(), &21.5.into())
    );
    // Also what the cloud refuses is answered with its own words.
    let unknown = String::from_utf8(support::post("42", 1.0)).unwrap().replace("temp", "nope");
    let answer = device.ask(Message::request(POST, TEMP).payload(unknown.as_bytes()));
    assert_eq!(answer.code, code(2, 4));
    assert!(String::from_utf8_lossy(&answer.payload).contains("\"code\":1204"), "{answer:?}");
    let connects = journal(&hub, "connect");
    assert!(connects[0].contains("pk1/d1 signed in by coap, securemode 2, lifetime 3600 s"), "{connects:?}");
}

#[test]
fn a_sign_in_that_is_refused_has_its_code_and_its_cause() {
    let hub = hub();
    let mut device = Device::new(&hub);
    let sign_in = |path: &str, payload: &[u8]| Message::request(POST, path).payload(payload);
    let right = auth_payload("pk1", "d1", 300, "secret-d1");
    for (message, wanted, cause) in [
        (
            sign_in("/auth/pk1/d1", &auth_payload("pk1", "d1", 300, "other")),
            code(4, 1),
            "the sign does not match",
        ),
        (
            sign_in("/auth/pk1/d1", &auth_payload("pk1", "d1", 300, "ps1")),
            code(4, 1),
            "with the product secret",
        ),
        (sign_in("/auth/pk1/d2", &right), code(4, 1), "the sign does not match"),
        (sign_in("/auth/pk1/nobody", &right), code(4, 1), "device pk1/nobody does not exist"),
        (sign_in("/auth/none/d1", &right), code(4, 1), "product \"none\" does not exist"),
        (sign_in("/auth/pk1/d1", b"{"), code(4, 0), "the payload is no JSON"),
        (sign_in("/auth/pk1/d1", b"{\"secureMode\":2}"), code(4, 0), "the payload has no lifetime"),
        (
            sign_in("/auth/pk2/t1", &auth_payload("pk2", "t1", 300, "secret-t1")),
            code(4, 3),
            "asks for a client certificate",
        ),
        (Message::request(GET, "/auth/pk1/d1"), code(4, 5), ""),
        (sign_in("/auth/pk1", &right), code(4, 4), ""),
        (sign_in("/auth/pk1/d1", &right).block(27, 0, true, 0), code(4, 13), ""),
    ] {
        let answer = device.ask(message);
        assert_eq!((answer.code, answer.payload.len()), (wanted, 0), "{cause}");
        let refused = journal(&hub, "refused");
        assert!(cause.is_empty() || refused.last().unwrap().contains(cause), "{cause}: {refused:#?}");
    }
    let told = journal(&hub, "all").join("\n");
    assert!(!told.contains("secret-d1") && !told.contains("ps1,"), "{told}");
    assert_eq!(device.post("d1", "1", 1.0).code, code(4, 1));
}

#[test]
fn a_disabled_device_is_cut_and_refused() {
    let hub = hub();
    let mut coap = Device::signed_in(&hub, "d1");
    let path = "/connect-service/v2.1/devices?action=disable&orgId=o1&productKey=pk1&deviceKey=d1";
    let (status, told) = http(&mut tcp(hub.http()), "POST", path, "");
    assert_eq!(status, 200, "{told}");
    assert_eq!(coap.post("d1", "1", 1.0).code, code(4, 1));
    assert_eq!(coap.ask(auth("d1", 300)).code, code(4, 3));
    await_journal(&hub, "disconnect", "the device was disabled");
}

#[test]
fn what_is_not_the_device_s_own_is_refused() {
    let hub = hub();
    let mut device = Device::new(&hub);
    let post = |path: &str| Message::request(POST, path).payload(b"{}");
    for (message, wanted) in [
        (post(TEMP), code(4, 1)),
        (Message::request(GET, "/topic/sys/pk1/d1/thing/service/reboot"), code(4, 1)),
        (post("/nowhere"), code(4, 4)),
        (Message::request(GET, "/.well-known/core"), code(4, 4)),
    ] {
        assert_eq!(device.ask(message.clone()).code, wanted, "{message:?}");
    }
    let mut device = Device::signed_in(&hub, "d1");
    for (message, wanted) in [
        (post("/topic/sys/pk1/d2/thing/measurepoint/post"), code(4, 3)),
        (post("/topic/sys/pk1"), code(4, 4)),
        (Message::request(GET, "/topic/sys/pk1/d1/thing/service/reboot"), code(4, 4)),
        (Message::request(3, TEMP), code(4, 5)),
        (Message::request(4, TEMP), code(4, 5)),
        (Message::request(7, TEMP), code(4, 5)),
        (post(TEMP).with(9, b"x"), code(4, 2)),
        (post(TEMP).with(5, b""), code(4, 2)),
        (post(TEMP).with(17, &[60]), code(4, 6)),
        (post(TEMP).with(35, b"coap://x"), code(5, 5)),
        (post(TEMP).with(27, &[7]), code(4, 0)),
        (Message::request(POST, "/topic/sys/pk1/d1").with(11, b"\xC3\x28"), code(4, 0)),
        // What is elective and what is not asked for does no harm.
        (
            post(TEMP)
                .with(6, b"")
                .with(17, &[50])
                .with(3, b"hub")
                .with(7, &[22])
                .with(15, b"a=b")
                .with(60, &[2]),
            code(2, 4),
        ),
    ] {
        assert_eq!(device.ask(message.clone()).code, wanted, "{message:?}");
    }
}

// Proves: COAP-4.2-1 COAP-4.3-1
#[test]
fn what_is_no_request_is_reset_or_ignored() {
    let hub = hub();
    let mut device = Device::new(&hub);
    for (bytes, is_reset) in [
        (&b"\x40\x00\x12\x34"[..], true),
        (b"\x40\x00\x12\x34x", true),
        (b"\x41\x00\x12\x34x", true),
        (b"\x50\x00\x12\x34", false),
        (b"\x60\x00\x12\x34", false),
        (b"\x70\x00\x12\x34", false),
        // Answers that nobody waits for, reserved classes, requests that are acknowledgements.
        (b"\x40\x44\x12\x34", true),
        (b"\x50\x44\x12\x34", false),
        (b"\x40\x21\x12\x34", true),
        (b"\x40\xE1\x12\x34", true),
        (b"\x60\x02\x12\x34", false),
        (b"\x70\x02\x12\x34", false),
        // Malformed: token of nine bytes, option cut off, marker without payload.
        (b"\x49\x02\x12\x34123456789", true),
        (b"\x59\x02\x12\x34123456789", false),
        (b"\x40\x02\x12\x34\xB9a", true),
        (b"\x40\x02\x12\x34\xB1a\xFF", true),
        // Another version, too short, nothing.
        (b"\x80\x02\x12\x34", false),
        (b"\x00\x01\x12\x34", false),
        (b"\x40\x02\x12", false),
        (b"", false),
    ] {
        device.raw(bytes);
        if is_reset {
            assert_eq!(device.datagram(), b"\x70\x00\x12\x34", "{bytes:?}");
        }
        device.nothing_came();
    }
    let told = journal(&hub, "transport");
    assert!(told.iter().any(|text| text.contains("no CoAP of version 1")), "{told:?}");
    assert!(told.iter().any(|text| text.contains("malformed")), "{told:?}");
}

// Proves: COAP-4.5-1
#[test]
fn a_datagram_that_comes_twice_is_acted_on_once() {
    let (hub, clock) = standing_hub();
    let mut device = Device::signed_in(&hub, "d1");
    let message = Message::request(POST, TEMP).payload(&support::post("7", 1.0));
    let bytes = Message { id: 9, ..message.clone() }.bytes();
    device.raw(&bytes);
    let first = device.datagram();
    for _ in 0..3 {
        device.raw(&bytes);
        assert_eq!(device.datagram(), first);
    }
    // Another content under the same Message ID is the same exchange.
    device.raw(&Message { id: 9, payload: support::post("8", 2.0), ..message.clone() }.bytes());
    assert_eq!(device.datagram(), first);
    assert_eq!(journal(&hub, "message-in").len(), 1);
    // From another address it is another exchange, and nobody is signed in there.
    let other = Device::new(&hub);
    other.raw(&bytes);
    assert_eq!(other.message().code, code(4, 1));
    clock.advance(248_000);
    device.raw(&bytes);
    assert_eq!(device.message().code, code(2, 4));
    assert_eq!(journal(&hub, "message-in").len(), 2);
    // A request that is not confirmable is answered once, by a message that is not either.
    device.raw(&Message { id: 10, kind: NON, ..message }.bytes());
    let answer = device.message();
    assert_eq!((answer.kind, answer.code, answer.token.len()), (NON, code(2, 4), 2));
    let again = Message { id: 10, kind: NON, ..Message::request(POST, TEMP) };
    device.raw(&again.bytes());
    device.nothing_came();
    // §5.4.1: one with a critical option that is not known is ignored.
    device.send(Message { kind: NON, ..Message::request(POST, TEMP) }.with(9, b""));
    device.nothing_came();
}

#[test]
fn nobody_is_answered_with_much_more_than_he_sent() {
    let hub = hub();
    // Something waits for the device, and would make the answer to its sign-in long.
    let give = "/connect-service/v2.1/commands?action=invokeService&orgId=o1&productKey=pk1&deviceKey=d1\
                &serviceId=reboot&pendingTtl=3600";
    let (status, told) = http(&mut tcp(hub.http()), "POST", give, "{}");
    assert_eq!(status, 200, "{told}");
    let mut device = Device::new(&hub);
    let ask = |code: u8, path: &str| Message { token: vec![], ..Message::request(code, path) };
    for message in [
        Message::default(),
        ask(POST, TEMP),
        ask(GET, "/x"),
        ask(GET, ""),
        ask(POST, "/auth/pk1/d1"),
        ask(POST, "/auth/pk1/d1").payload(b"{"),
        ask(POST, TEMP).with(17, &[60]),
        ask(POST, "/auth/a/b").with(9, b""),
        ask(POST, "").block(27, 0, true, 6),
        auth("d1", 300),
    ] {
        let id = device.send(message.clone());
        let sent = Message { id, ..message }.bytes().len();
        let answer = device.datagram();
        assert!(answer.len() <= 3 * sent, "{} for {sent}: {answer:?}", answer.len());
    }
}

#[test]
fn a_session_belongs_to_its_address() {
    let hub = hub();
    let mut first = Device::signed_in(&hub, "d1");
    let mut second = Device::new(&hub);
    assert_eq!(second.post("d1", "1", 1.0).code, code(4, 1));
    assert_eq!(second.ask(auth("d1", 300)).code, code(2, 4));
    assert_eq!(second.post("d1", "2", 1.0).code, code(2, 4));
    // The device is one: where it was is not signed in any more.
    assert_eq!(first.post("d1", "3", 1.0).code, code(4, 1));
    await_journal(&hub, "disconnect", "taken over by a newer connection");
    // Two devices may share an address, each with a session of its own.
    assert_eq!(second.ask(auth("d2", 300)).code, code(2, 4));
    assert_eq!(
        (second.post("d1", "4", 1.0).code, second.post("d2", "5", 1.0).code),
        (code(2, 4), code(2, 4))
    );
    assert_eq!(state_of(&hub, "d1")["status"], "online");
}

#[test]
fn mqtt_and_coap_take_a_device_over_from_each_other() {
    let hub = hub();
    let id = DeviceId::new("pk1", "d1");
    let mut coap = Device::signed_in(&hub, "d1");
    assert!(hub.fabric().pulls(&id));
    let mut mqtt = signed_in(&hub, &device("pk1", "d1"));
    assert!(!hub.fabric().pulls(&id));
    assert_eq!(coap.post("d1", "1", 1.0).code, code(4, 1));
    mqtt.ping();
    assert_eq!(coap.ask(auth("d1", 300)).code, code(2, 4));
    mqtt.closed();
    assert!(hub.fabric().pulls(&id));
    assert_eq!(coap.post("d1", "2", 1.0).code, code(2, 4));
    assert_eq!(state_of(&hub, "d1")["status"], "online");
}

#[test]
fn silence_for_the_lifetime_ends_a_session() {
    let (hub, clock) = standing_hub();
    let id = DeviceId::new("pk1", "d1");
    let mut device = Device::new(&hub);
    assert_eq!(device.ask(auth("d1", 60)).code, code(2, 4));
    clock.advance(59_999);
    assert_eq!(device.post("d1", "1", 1.0).code, code(2, 4));
    // Each request begins the time anew, a sign-in too.
    clock.advance(59_999);
    assert_eq!(device.ask(auth("d1", 30)).code, code(2, 4));
    clock.advance(29_999);
    device.nothing_came();
    assert!(hub.fabric().locate(&id).is_some(), "a ping is no request");
    clock.advance(1);
    await_journal(&hub, "disconnect", "silent for its lifetime of 30 s");
    assert!(hub.fabric().locate(&id).is_none());
    let state = state_of(&hub, "d1");
    assert_eq!(
        (&state["status"], &state["lastOfflineReason"]),
        (&"offline".into(), &"silent for its lifetime of 30 s".into())
    );
    assert_eq!(device.post("d1", "2", 1.0).code, code(4, 1));
    assert_eq!(device.ask(auth("d1", 60)).code, code(2, 4));
    assert_eq!(device.post("d1", "3", 1.0).code, code(2, 4));
}

#[test]
fn packets_are_told_to_those_who_listen() {
    let hub = hub();
    let mut listener = tcp(hub.http());
    write!(listener, "GET /hub/v1/events?kind=packet HTTP/1.1\r\nHost: hub\r\n\r\n").unwrap();
    let mut lines = BufReader::new(listener).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == ": listening"));
    let mut device = Device::signed_in(&hub, "d1");
    device.post("d1", "1", 1.0);
    let told: Vec<String> = lines.by_ref().filter(|line| line.starts_with("data: ")).take(4).collect();
    for (line, wanted) in told.iter().zip([
        "→ hub CON POST /auth/pk1/d1 mid 4097 token a501, 106 bytes",
        "hub → ACK 2.04 mid 4097 token a501",
        "→ hub CON POST /topic/sys/pk1/d1/thing/measurepoint/post mid 4098 token a501, 120 bytes",
        "hub → ACK 2.04 mid 4098 token a501, 31 bytes",
    ]) {
        assert!(line.contains(wanted) && line.contains("\"device\":\"pk1/d1\""), "{wanted}: {line}");
        assert!(!line.contains("secureMode"), "{line}");
    }
}
