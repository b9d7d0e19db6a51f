//! The MQTT side of the hub on the wire, packet by packet.
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

mod support;

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use mock_hub::Hub;
use mock_hub::clock::Clock;
use mock_hub::fabric::{DeviceId, Outbound, Undelivered};
use support::*;

fn outbound(topic: &str, qos: u8) -> Outbound {
    Outbound { topic: topic.to_owned(), payload: b"{}".to_vec(), qos }
}

// Proves: MQTT-2.3.1-6 MQTT-3.3.4-1 MQTT-4.3.2-2 MQTT-4.5.0-1
#[test]
fn a_post_is_acknowledged_and_replied_to_without_a_subscription() {
    let hub = hub();
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    client.send(&publish(POST, 7, &post("41", 1.5)));
    assert_eq!(client.packet(), Packet { head: 0x40, body: vec![0, 7] });
    let (topic, _, payload) = client.packet().published();
    assert_eq!(topic, format!("{POST}_reply"));
    let reply: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!((reply["id"].as_str(), reply["code"].as_u64()), (Some("41"), Some(200)));
}

// Proves: MQTT-4.6.0-2
#[test]
fn replies_to_one_write_come_in_order() {
    let hub = hub();
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    let burst: Vec<u8> = (1..=500).flat_map(|id| publish(POST, id, &post(&id.to_string(), 1.0))).collect();
    client.send(&burst);
    for id in 1..=500u16 {
        assert_eq!(client.packet(), Packet { head: 0x40, body: id.to_be_bytes().to_vec() });
        let (_, packet_id, payload) = client.packet().published();
        assert!(String::from_utf8(payload).unwrap().contains(&format!("\"{id}\"")));
        client.send(&packet(0x40, &[&packet_id.to_be_bytes()]));
    }
}

#[test]
fn packets_cut_anywhere_are_put_together() {
    let hub = hub();
    let mut client = client(&hub);
    for byte in connect(&device("pk1", "d1"), true, 60) {
        client.send(&[byte]);
    }
    assert_eq!(client.packet().body, [0, 0]);
    for byte in publish(POST, 1, &post("1", 2.0)) {
        client.send(&[byte]);
    }
    assert_eq!(client.packet().body, [0, 1]);
    assert_eq!(client.packet().published().0, format!("{POST}_reply"));
}

// Proves: AUTH-2.5-4 MQTT-3.1.4-4 MQTT-3.12.4-1 MQTT-3.2.0-1 MQTT-3.8.4-1 MQTT-3.8.4-2
#[test]
fn what_is_pipelined_behind_connect_is_answered_after_connack() {
    let hub = hub();
    let mut client = client(&hub);
    let mut bytes = connect(&device("pk1", "d1"), true, 60);
    bytes.extend(subscribe(3, &format!("{POST}_reply"), 1));
    bytes.extend([0xC0, 0]);
    client.send(&bytes);
    assert_eq!(client.packet(), Packet { head: 0x20, body: vec![0, 0] });
    assert_eq!(client.packet(), Packet { head: 0x90, body: vec![0, 3, 1] });
    assert_eq!(client.packet().head, 0xD0);
}

// Proves: AUTH-2.5-1 MQTT-3.1.2-2 MQTT-3.1.3-8 MQTT-3.1.3-9 MQTT-3.2.2-4 MQTT-3.2.2-5
#[test]
fn refusals_carry_their_return_code_and_close() {
    let hub = hub();
    let wrong = login("pk1", "d1", 2, "another secret");
    let unknown = login("pk1", "nobody", 2, "secret");
    for refused in [&wrong, &unknown] {
        let mut client = client(&hub);
        client.send(&connect(refused, true, 60));
        assert_eq!(client.packet(), Packet { head: 0x20, body: vec![0, 4] });
        client.closed();
    }
    let mut client = support::client(&hub);
    client.send(&packet(0x10, &[b"\x00\x04MQTT\x05\xC2\x00\x3C\x00", &string("c"), &string("u")]));
    assert_eq!(client.packet().body, [0, 1]);
    client.closed();
    let mut client = support::client(&hub);
    client.send(&packet(0x10, &[b"\x00\x04MQTT\x04\x00\x00\x3C", &string("")]));
    assert_eq!(client.packet().body, [0, 2]);
    client.closed();
}

// Proves: MQTT-3.1.4-5
#[test]
fn a_refused_client_reads_its_return_code_although_it_sent_more() {
    let hub = hub();
    let mut client = client(&hub);
    let mut bytes = connect(&login("pk1", "d1", 2, "wrong"), true, 60);
    for id in 1..200 {
        bytes.extend(publish(POST, id, &post("1", 1.0)));
    }
    client.send(&bytes);
    assert_eq!(client.packet(), Packet { head: 0x20, body: vec![0, 4] });
}

// Proves: AUTH-2.3-1
#[test]
fn the_older_protocol_level_is_served() {
    let hub = hub();
    let login = device("pk1", "d1");
    let mut client = client(&hub);
    client.send(&packet(
        0x10,
        &[
            b"\x00\x06MQIsdp\x03\xC2\x00\x3C",
            &string(&login.client_id),
            &string(&login.user_name),
            &string(&login.password),
        ],
    ));
    assert_eq!(client.packet(), Packet { head: 0x20, body: vec![0, 0] });
}

// Proves: AUTH-2.5-7
#[test]
fn disconnect_closes_at_once() {
    let hub = hub();
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    client.send(&[0xE0, 0]);
    client.closed();
}

// Proves: AUTH-2.5-4 AUTH-3-1
#[test]
fn activation_comes_right_behind_connack_without_a_subscription() {
    let seed = SEED.replace("\"deviceSecret\": \"secret-d2\"", "\"deviceName\": \"d2\"");
    let hub = Hub::builder().ephemeral().seed_json(seed).start().unwrap();
    let mut client = signed_in(&hub, &login("pk1", "d2", 3, "ps1"));
    let (topic, _, payload) = client.packet().published();
    assert_eq!(topic, "/ext/session/pk1/d2/thing/activate/info");
    let message: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    let secret = message["params"]["deviceSecret"].as_str().unwrap();
    let reply = format!(r#"{{"id":{},"code":200}}"#, message["id"]);
    client.send(&publish(&format!("{topic}_reply"), 0, reply.as_bytes()));
    client.ping();
    client.send(&[0xE0, 0]);
    signed_in(&hub, &login("pk1", "d2", 2, secret)).ping();
}

// Proves: MQTT-2.3.1-7 MQTT-3.10.4-2 MQTT-3.10.4-4 MQTT-3.8.4-6 TOPIC-4-1
#[test]
fn a_message_reaches_the_device_without_a_subscription_at_the_qos_it_was_granted() {
    let hub = hub();
    let who = DeviceId::new("pk1", "d1");
    let topic = "/sys/pk1/d1/thing/service/reboot";
    assert_eq!(hub.fabric().deliver(&who, outbound(topic, 1)), Err(Undelivered::NotConnected));
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    hub.fabric().deliver(&who, outbound(topic, 1)).unwrap();
    let first = client.packet();
    assert_eq!(first.head, 0x32);
    let (_, id, payload) = first.published();
    assert_eq!(payload, b"{}");
    client.send(&packet(0x40, &[&id.to_be_bytes()]));
    client.send(&subscribe(1, "/sys/pk1/d1/thing/service/+", 0));
    assert_eq!(client.packet(), Packet { head: 0x90, body: vec![0, 1, 0] });
    hub.fabric().deliver(&who, outbound(topic, 1)).unwrap();
    assert_eq!(client.packet().head, 0x30);
    client.send(&packet(0xA2, &[&[0, 2], &string("/sys/pk1/d1/thing/service/+")]));
    assert_eq!(client.packet(), Packet { head: 0xB0, body: vec![0, 2] });
    hub.fabric().deliver(&who, outbound(topic, 1)).unwrap();
    assert_eq!(client.packet().head, 0x32);
}

// Proves: MQTT-3.8.3-1 MQTT-3.8.4-5 MQTT-3.9.3-1 TOPIC-4.4-2
#[test]
fn filters_of_others_and_broken_ones_are_refused_one_by_one() {
    let hub = hub();
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    client.send(&packet(
        0x82,
        &[
            &[0, 9],
            &string("/sys/pk1/d1/thing/service/+"),
            &[2],
            &string("/sys/pk1/d2/thing/service/+"),
            &[1],
            &string("/sys/pk1/d1/#/x"),
            &[1],
        ],
    ));
    assert_eq!(client.packet(), Packet { head: 0x90, body: vec![0, 9, 1, 0x80, 0x80] });
}

// Proves: MQTT-2.3.1-6 MQTT-3.3.4-1 MQTT-4.3.3-2
#[test]
fn qos_2_is_taken_once() {
    let hub = hub();
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    let bytes = packet(0x34, &[&string(POST), &[0, 5], &post("77", 1.0)]);
    client.send(&bytes);
    assert_eq!(client.packet(), Packet { head: 0x50, body: vec![0, 5] });
    assert_eq!(client.packet().published().0, format!("{POST}_reply"));
    client.send(&bytes);
    assert_eq!(client.packet(), Packet { head: 0x50, body: vec![0, 5] });
    client.send(&packet(0x62, &[&[0, 5]]));
    assert_eq!(client.packet(), Packet { head: 0x70, body: vec![0, 5] });
    client.ping();
}

// Proves: AUTH-2.5-5 MQTT-3.1.4-2
#[test]
fn a_newer_connection_takes_the_device_over() {
    let hub = hub();
    let login = device("pk1", "d1");
    let mut old = signed_in(&hub, &login);
    let mut new = signed_in(&hub, &login);
    old.closed();
    new.ping();
    let who = DeviceId::new("pk1", "d1");
    hub.fabric().deliver(&who, outbound("/sys/pk1/d1/x", 0)).unwrap();
    assert_eq!(new.packet().published().0, "/sys/pk1/d1/x");
    assert!(hub.fabric().cut(&who, "test"));
    new.closed();
}

// Proves: MQTT-3.1.4-2
#[test]
fn many_connections_of_one_device_leave_exactly_one() {
    let hub = hub();
    let login = device("pk1", "d1");
    let mut clients: Vec<_> = (0..20).map(|_| client(&hub)).collect();
    for client in &mut clients {
        client.send(&connect(&login, true, 60));
    }
    // Each was answered or closed before one is asked: none can be taken over any more.
    clients.retain_mut(|client| client.0.read_exact(&mut [0; 4]).is_ok());
    let alive = clients
        .iter_mut()
        .filter_map(|client| {
            client.0.write_all(&[0xC0, 0]).ok()?;
            client.0.read_exact(&mut [0; 2]).ok()
        })
        .count();
    assert_eq!(alive, 1);
}

// Proves: AUTH-2.5-6 BEHAVE-5-1 MQTT-3.1.2-4 MQTT-3.1.2-6 MQTT-3.1.4-3 MQTT-3.2.2-1 MQTT-3.2.2-2
// Proves: MQTT-3.2.2-3 MQTT-3.3.1-1 MQTT-4.4.0-1
#[test]
fn a_persistent_session_keeps_subscriptions_and_delivers_again() {
    let hub = hub();
    let login = device("pk1", "d1");
    let who = DeviceId::new("pk1", "d1");
    let mut client = support::client(&hub);
    client.send(&connect(&login, false, 60));
    assert_eq!(client.packet(), Packet { head: 0x20, body: vec![0, 0] });
    client.send(&subscribe(1, "/sys/pk1/d1/thing/service/+", 0));
    client.packet();
    hub.fabric().deliver(&who, outbound("/sys/pk1/d1/thing/model/down_raw", 1)).unwrap();
    let (_, id, _) = client.packet().published();
    drop(client);

    let mut client = support::client(&hub);
    client.send(&connect(&login, false, 60));
    assert_eq!(client.packet(), Packet { head: 0x20, body: vec![1, 0] });
    let again = client.packet();
    assert_eq!(again.head, 0x3A, "DUP is set");
    assert_eq!(again.published().1, id);
    client.send(&packet(0x40, &[&id.to_be_bytes()]));
    hub.fabric().deliver(&who, outbound("/sys/pk1/d1/thing/service/x", 1)).unwrap();
    assert_eq!(client.packet().head, 0x30, "the old subscription grants QoS 0");
    client.ping();
    drop(client);

    signed_in(&hub, &login).ping();
    let mut client = support::client(&hub);
    client.send(&connect(&login, false, 60));
    assert_eq!(client.packet(), Packet { head: 0x20, body: vec![0, 0] });
}

// Proves: MQTT-4.1.0-1 MQTT-4.6.0-1 MQTT-4.6.0-5
#[test]
fn a_persistent_session_loses_nothing_that_was_handed_over() {
    let hub = hub();
    let login = device("pk1", "d1");
    let who = DeviceId::new("pk1", "d1");
    let mut client = support::client(&hub);
    client.send(&connect(&login, false, 60));
    assert_eq!(client.packet().body, [0, 0]);
    // More than a connection sends ahead of its PUBACKs, so that some stay in the mailbox.
    let numbered =
        |number: u32| Outbound { payload: number.to_string().into(), ..outbound("/sys/pk1/d1/x", 1) };
    let deadline = Instant::now() + PATIENCE;
    for number in 0..1_200 {
        while hub.fabric().deliver(&who, numbered(number)) == Err(Undelivered::MailboxFull) {
            std::thread::yield_now();
            assert!(Instant::now() < deadline, "{number} finds no room");
        }
    }
    let first = client.packet().published().1;
    client.send(&packet(0x40, &[&first.to_be_bytes()]));
    drop(client);
    let mut client = support::client(&hub);
    client.send(&connect(&login, false, 60));
    assert_eq!(client.packet().body, [1, 0]);
    // The acknowledgement of the first may have been lost with the connection.
    let (_, id, payload) = client.packet().published();
    let mut next: u32 = String::from_utf8(payload).unwrap().parse().unwrap();
    assert!(next <= 1);
    client.send(&packet(0x40, &[&id.to_be_bytes()]));
    while next < 1_199 {
        next += 1;
        let (_, id, payload) = client.packet().published();
        assert_eq!(payload, next.to_string().as_bytes());
        client.send(&packet(0x40, &[&id.to_be_bytes()]));
    }
    client.ping();
}

// Proves: MQTT-2.3.1-1 MQTT-3.1.0-2 MQTT-3.3.1-4 MQTT-3.3.2-1 MQTT-3.3.2-2 MQTT-3.8.1-1 MQTT-3.8.3-3
// Proves: MQTT-4.8.0-1
#[test]
fn malformed_packets_close_the_connection() {
    let hub = hub();
    let cases: [&[u8]; 9] = [
        &[0x36, 5, 0, 1, b'a', 0, 1],
        &[0x30, 3, 0, 1, b'#'],
        &[0x32, 5, 0, 1, b'a', 0, 0],
        &[0x80, 6, 0, 1, 0, 1, b'a', 0],
        &[0x82, 2, 0, 1],
        &[0x30, 3, 0, 9, b'a'],
        &[0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
        &[0x20, 2, 0, 0],
        &[0x00, 0],
    ];
    for bytes in cases {
        let mut client = signed_in(&hub, &device("pk1", "d1"));
        client.send(bytes);
        client.closed();
    }
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    client.send(&connect(&device("pk1", "d1"), true, 60));
    client.closed();
}

// Proves: MQTT-3.1.0-1 MQTT-3.2.2-6
#[test]
fn what_is_no_mqtt_is_closed_at_once() {
    let hub = hub();
    for bytes in
        [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"GET / HTTP/1.1\r\n\r\n", b"\xC0\x00"]
    {
        let mut client = client(&hub);
        client.send(bytes);
        client.closed();
    }
}

// Proves: BEHAVE-1-1
#[test]
fn a_payload_over_the_documented_size_is_answered_and_a_packet_over_the_limit_closes() {
    let hub = hub();
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    client.send(&publish(POST, 1, &vec![b' '; 600 * 1024]));
    assert_eq!(client.packet().body, [0, 1]);
    let (_, _, payload) = client.packet().published();
    assert!(String::from_utf8(payload).unwrap().contains("1008"));
    client.send(&[0x30, 0x81, 0x80, 0x80, 0x01]);
    client.closed();
}

// Proves: MQTT-3.1.2-24
#[test]
fn a_silent_client_is_closed_after_one_and_a_half_times_its_keep_alive() {
    let clock = Clock::manual(1_700_000_000_000);
    let hub = Hub::builder().ephemeral().seed_json(SEED).clock(clock.clone()).start().unwrap();
    let mut client = support::client(&hub);
    client.send(&connect(&device("pk1", "d1"), true, 10));
    assert_eq!(client.packet().body, [0, 0]);
    clock.advance(14_999);
    client.ping();
    clock.advance(14_999);
    client.ping();
    clock.advance(15_000);
    client.closed();
}

#[test]
fn a_client_that_does_not_finish_its_connect_is_closed() {
    let clock = Clock::manual(1_700_000_000_000);
    let hub = Hub::builder().ephemeral().seed_json(SEED).clock(clock.clone()).start().unwrap();
    let mut client = support::client(&hub);
    let bytes = connect(&device("pk1", "d1"), true, 10);
    client.send(&bytes[..1]);
    let deadline = Instant::now() + PATIENCE;
    // The wait counts from when the hub has accepted.
    while hub.fabric().connections() == 0 {
        std::thread::yield_now();
        assert!(Instant::now() < deadline, "not accepted");
    }
    while hub.fabric().connections() > 0 || clock.now_ms() < 1_700_000_020_000 {
        clock.advance(1_000);
        std::thread::yield_now();
        assert!(Instant::now() < deadline, "not closed");
    }
    client.closed();
}

// Proves: MQTT-4.8.0-2
#[test]
fn a_client_that_never_reads_is_bounded_and_closed() {
    let clock = Clock::manual(1_700_000_000_000);
    let hub = Hub::builder().ephemeral().seed_json(SEED).clock(clock.clone()).start().unwrap();
    let mut client = support::client(&hub);
    client.send(&connect(&device("pk1", "d1"), true, 0));
    assert_eq!(client.packet().body, [0, 0]);
    client.0.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
    let burst: Vec<u8> = (0..200).flat_map(|_| publish(POST, 0, &post("1", 1.0))).collect();
    let (mut sent, deadline) = (0usize, Instant::now() + 3 * PATIENCE);
    let who = DeviceId::new("pk1", "d1");
    // The hub stops reading while its replies wait, so that writing blocks; time passes only then.
    while hub.fabric().locate(&who).is_some() {
        match client.0.write(&burst[sent % burst.len()..]) {
            Ok(count) => sent += count,
            Err(_) => clock.advance(5_000),
        }
        assert!(sent < 200_000_000, "the hub reads on and on");
        assert!(Instant::now() < deadline, "not closed");
    }
    await_journal(&hub, "disconnect", "the client does not read");
}

#[test]
fn the_end_of_the_hub_closes_every_connection() {
    let hub = hub();
    let mut signed = signed_in(&hub, &device("pk1", "d1"));
    let mut silent = client(&hub);
    drop(hub);
    signed.closed();
    silent.closed();
}
