//! Faults over real sockets, on a clock that stands: nothing that waits moves before the test says so.
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

mod support;

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use mock_hub::Hub;
use mock_hub::clock::Clock;
use support::{
    Client, POST, SEED, await_journal, client, connect, device, http, journal, packet, post, publish,
    signed_in, subscribe, tcp,
};

fn standing_hub() -> (Hub, Clock) {
    let clock = Clock::manual(1_700_000_000_000);
    let hub = Hub::builder().ephemeral().seed_json(SEED).clock(clock.clone()).start().unwrap();
    (hub, clock)
}

fn order(hub: &Hub, fault: &str) {
    let (status, told) = http(&mut tcp(hub.http()), "POST", "/hub/v1/faults", fault);
    assert_eq!(status, 200, "{told}");
}

/// How often each fault has struck.
fn struck(hub: &Hub) -> Vec<u64> {
    let (_, told) = http(&mut tcp(hub.http()), "GET", "/hub/v1/faults", "");
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    told["faults"].as_array().unwrap().iter().map(|fault| fault["struck"].as_u64().unwrap()).collect()
}

/// Nothing has come, although what was sent before has been dealt with: another client's round trip lies behind it.
fn nothing_came(hub: &Hub, client: &mut Client<TcpStream>) {
    let mut other = signed_in(hub, &device("pk1", "d2"));
    other.ping();
    client.0.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut byte = [0];
    let read = client.0.read(&mut byte);
    assert!(matches!(&read, Err(error) if error.kind() == ErrorKind::WouldBlock), "{read:?} {byte:?}");
    client.0.set_read_timeout(Some(support::PATIENCE)).unwrap();
}

#[test]
fn the_third_puback_to_d1_is_lost_and_the_journal_says_so() {
    let (hub, _) = standing_hub();
    let fault =
        r#"{"kind":"drop","device":"pk1/d1","direction":"down","packet":"PUBACK","after":2,"count":1}"#;
    order(&hub, fault);
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    let mut acknowledged = Vec::new();
    for id in 1..=4 {
        client.send(&publish(POST, id, &post(&id.to_string(), 1.0)));
        let first = client.packet();
        if first.head == 0x40 {
            acknowledged.push(first.body[1]);
            client.packet().published();
        } else {
            first.published();
        }
    }
    assert_eq!(acknowledged, [1, 2, 4]);
    assert_eq!(struck(&hub), [1]);
    assert!(journal(&hub, "fault").contains(&"fault 1, drop: PUBACK down".to_owned()));
}

#[test]
fn what_a_fault_holds_back_comes_when_the_clock_has_moved() {
    let (hub, clock) = standing_hub();
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    order(&hub, r#"{"kind":"delay","delay":1000,"packet":"PUBLISH","direction":"down","count":1}"#);
    client.send(&publish(POST, 1, &post("1", 1.0)));
    assert_eq!(client.packet().head, 0x40);
    nothing_came(&hub, &mut client);
    clock.advance(999);
    client.ping();
    clock.advance(1);
    assert_eq!(client.packet().published().0, format!("{POST}_reply"));

    // Of this device: the other client of `nothing_came` pings, too, and may be read first.
    order(
        &hub,
        r#"{"kind":"delay","delay":1000,"packet":"PINGREQ","direction":"up","device":"pk1/d1","count":1}"#,
    );
    client.send(&[0xC0, 0]);
    nothing_came(&hub, &mut client);
    clock.advance(1_000);
    assert_eq!(client.packet().head, 0xD0);
    assert_eq!(struck(&hub), [1, 1]);
}

#[test]
fn bytes_come_late_and_a_fault_that_is_gone_is_gone() {
    let (hub, clock) = standing_hub();
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    order(&hub, r#"{"kind":"latency","latency":500,"device":"pk1/d1"}"#);
    // The other client of `nothing_came` is not struck: it is another device.
    client.send(&[0xC0, 0]);
    nothing_came(&hub, &mut client);
    // Up, and then down; how far the hub is when the clock moves is not known, so it moves until the answer is here.
    client.0.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let (mut head, deadline) = ([0], Instant::now() + support::PATIENCE);
    while client.0.read(&mut head).is_err() {
        assert!(Instant::now() < deadline, "no answer");
        clock.advance(500);
    }
    client.0.set_read_timeout(Some(support::PATIENCE)).unwrap();
    assert_eq!(head, [0xD0]);
    assert!(clock.monotonic_ms() >= 1_000, "{clock:?}");
    client.0.read_exact(&mut head).unwrap();
    let (status, _) = http(&mut tcp(hub.http()), "DELETE", "/hub/v1/faults/1", "");
    assert_eq!(status, 200);
    client.ping();
}

#[test]
fn a_reset_takes_a_connected_client_at_once() {
    let (hub, _) = standing_hub();
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    order(&hub, r#"{"kind":"reset_peer","timeout":0,"device":"pk1/d1"}"#);
    let read = client.0.read(&mut [0]);
    assert!(matches!(&read, Err(error) if error.kind() == ErrorKind::ConnectionReset), "{read:?}");
    await_journal(&hub, "disconnect", "reset by an ordered fault");
}

#[test]
fn a_limit_ends_the_connection_within_a_packet() {
    let (hub, _) = standing_hub();
    order(&hub, r#"{"kind":"limit_data","bytes":6,"direction":"down","count":1}"#);
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    client.send(&publish(POST, 1, &post("1", 1.0)));
    let mut rest = Vec::new();
    client.0.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, [0x40, 2], "two bytes behind the four of CONNACK");
    signed_in(&hub, &device("pk1", "d1")).ping();
}

#[test]
fn a_half_open_connection_is_silent_and_the_device_can_come_again() {
    let (hub, clock) = standing_hub();
    order(&hub, r#"{"kind":"half_open","packet":"PUBLISH","direction":"up","hold":60000,"count":1}"#);
    let mut old = signed_in(&hub, &device("pk1", "d1"));
    old.send(&publish(POST, 1, &post("1", 1.0)));
    await_journal(&hub, "disconnect", "half open for 60000 ms");
    nothing_came(&hub, &mut old);
    let mut new = signed_in(&hub, &device("pk1", "d1"));
    new.ping();
    clock.advance(30_000);
    new.ping();
    clock.advance(30_000);
    old.closed();
}

#[test]
fn a_slow_close_keeps_what_was_said_and_ends_late() {
    let (hub, clock) = standing_hub();
    order(&hub, r#"{"kind":"slow_close","delay":5000,"count":1}"#);
    let mut client = client(&hub);
    let mut login = device("pk1", "d1");
    login.password = "wrong".to_owned();
    client.send(&connect(&login, true, 60));
    assert_eq!(client.packet().body, [0, 4]);
    nothing_came(&hub, &mut client);
    clock.advance(5_000);
    client.closed();
}

#[test]
fn connects_are_refused_held_back_and_lose_their_session() {
    let (hub, clock) = standing_hub();
    for code in 1..=5 {
        order(&hub, &format!(r#"{{"kind":"refuse_connect","code":{code},"device":"pk1/d1","count":1}}"#));
    }
    for code in 1..=5 {
        let mut refused = client(&hub);
        refused.send(&connect(&device("pk1", "d1"), true, 60));
        assert_eq!(refused.packet().body, [0, code]);
    }
    order(&hub, r#"{"kind":"slow_connack","delay":3000,"count":1}"#);
    let mut slow = client(&hub);
    slow.send(&connect(&device("pk1", "d1"), false, 60));
    await_journal(&hub, "fault", "CONNACK held back");
    nothing_came(&hub, &mut slow);
    clock.advance(3_000);
    assert_eq!(slow.packet().body, [0, 0]);
    for (present, lost) in [(1, false), (0, true), (1, false)] {
        if lost {
            order(&hub, r#"{"kind":"lose_session","count":1}"#);
        }
        let mut next = client(&hub);
        next.send(&connect(&device("pk1", "d1"), false, 60));
        assert_eq!(next.packet().body, [present, 0]);
    }
}

#[test]
fn the_activation_message_comes_twice_or_in_front_of_suback() {
    let (hub, _) = standing_hub();
    let activation = || support::login("pk1", "d1", 3, "ps1");
    order(&hub, r#"{"kind":"activation_twice","count":1}"#);
    let mut twice = signed_in(&hub, &activation());
    let (topic, _, first) = twice.packet().published();
    assert_eq!(topic, "/ext/session/pk1/d1/thing/activate/info");
    assert_eq!(twice.packet().published().2, first);
    order(&hub, r#"{"kind":"activation_before_suback","count":1}"#);
    let mut late = signed_in(&hub, &activation());
    nothing_came(&hub, &mut late);
    late.send(&subscribe(7, "/ext/session/pk1/d1/thing/activate/info", 1));
    assert_eq!(late.packet().published().0, topic);
    assert_eq!(late.packet().head, 0x90);
}

#[test]
fn changed_packets_of_a_client_are_judged_as_they_arrive() {
    let (hub, _) = standing_hub();
    order(&hub, r#"{"kind":"corrupt","packet":"PINGREQ","at":0,"xor":192,"count":1}"#);
    let mut broken = signed_in(&hub, &device("pk1", "d1"));
    broken.send(&[0xC0, 0]);
    broken.closed();
    await_journal(&hub, "transport", "reserved packet type");
    order(&hub, r#"{"kind":"wrong_id","packet":"SUBSCRIBE","by":2,"count":1}"#);
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    client.send(&subscribe(7, &format!("{POST}_reply"), 1));
    assert_eq!(client.packet().body, [0, 9, 1]);
    order(&hub, r#"{"kind":"duplicate","packet":"PUBLISH","direction":"up","count":1}"#);
    client.send(&publish(POST, 3, &post("3", 1.0)));
    let heads: Vec<u8> = (0..4).map(|_| client.packet().head & 0xF0).collect();
    assert_eq!(heads, [0x40, 0x30, 0x40, 0x30]);
    client.send(&packet(0xE0, &[]));
}
