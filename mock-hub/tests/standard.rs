//! Statements of MQTT 3.1.1 that no other test of the hub breaks or keeps, on the wire.
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

mod support;

use mock_hub::Hub;
use mock_hub::fabric::{DeviceId, Outbound};
use support::*;

const COMMAND: &str = "/sys/pk1/d1/thing/service/reboot";

fn outbound(topic: &str) -> Outbound {
    Outbound { topic: topic.to_owned(), payload: b"{}".to_vec(), qos: 1 }
}

/// The first byte of a command as the device gets it, acknowledged if it asks for that.
fn command_head(hub: &Hub, client: &mut Client<std::net::TcpStream>) -> u8 {
    hub.fabric().deliver(&DeviceId::new("pk1", "d1"), outbound(COMMAND)).unwrap();
    let message = client.packet();
    let (topic, id, _) = message.published();
    assert_eq!(topic, COMMAND);
    if id != 0 {
        client.send(&packet(0x40, &[&id.to_be_bytes()]));
    }
    message.head
}

/// A CONNECT of device d1 from its flags and the fields behind the keep alive.
fn raw_connect(flags: u8, fields: &[&[u8]]) -> Vec<u8> {
    let head = [b"\x00\x04MQTT\x04".as_slice(), &[flags], b"\x00\x3C"].concat();
    packet(0x10, &[&[head.as_slice()], fields].concat())
}

// Proves: MQTT-3.1.2-18 MQTT-3.1.2-19 MQTT-3.1.2-21 MQTT-3.1.2-3 MQTT-3.1.2-9 MQTT-3.1.3-10 MQTT-3.1.3-11
// Proves: MQTT-3.1.3-3 MQTT-3.1.4-1 MQTT-3.2.2-6
#[test]
fn a_connect_that_breaks_the_standard_is_closed_without_a_word() {
    let hub = hub();
    let login = device("pk1", "d1");
    let [id, user, password] = [&login.client_id, &login.user_name, &login.password].map(|text| string(text));
    let bad = [0, 2, 0xC3, 0x28];
    for (what, bytes) in [
        ("the reserved flag", raw_connect(0xC3, &[&id, &user, &password])),
        ("a will that is not there", raw_connect(0xC6, &[&id, &user, &password])),
        ("a will topic that is no UTF-8", raw_connect(0xC6, &[&id, &bad, &[0, 0], &user, &password])),
        ("a user name that is no UTF-8", raw_connect(0xC2, &[&id, &bad, &password])),
        ("a user name that is not there", raw_connect(0x82, &[&id])),
        ("a password that is not there", raw_connect(0xC2, &[&id, &user])),
        ("a user name without its flag", raw_connect(0x02, &[&id, &user])),
        ("no client identifier", raw_connect(0x02, &[])),
        ("bytes behind the end", raw_connect(0xC2, &[&id, &user, &password, &[0]])),
    ] {
        let mut client = client(&hub);
        client.send(&bytes);
        // Nothing is read before the end: no CONNACK.
        client.closed();
        println!("closed: {what}");
    }
    let mut client = client(&hub);
    client.send(&raw_connect(0xC2, &[&id, &user, &password]));
    assert_eq!(client.packet(), Packet { head: 0x20, body: vec![0, 0] }, "the whole one is taken");
}

#[test]
fn a_will_is_read_and_never_published() {
    let hub = hub();
    let login = device("pk1", "d1");
    let [id, user, password] = [&login.client_id, &login.user_name, &login.password].map(|text| string(text));
    let mut client = client(&hub);
    let message = post("1", 1.0);
    let will = [u16::try_from(message.len()).unwrap().to_be_bytes().to_vec(), message].concat();
    client.send(&raw_connect(0xC6, &[&id, &string(POST), &will, &user, &password]));
    assert_eq!(client.packet().body, [0, 0]);
    drop(client);
    await_journal(&hub, "disconnect", "");
    assert!(journal(&hub, "message-in").is_empty());
}

// Proves: MQTT-3.1.4-5
#[test]
fn nothing_behind_a_refused_connect_is_taken() {
    let hub = hub();
    let mut client = client(&hub);
    let mut bytes = connect(&login("pk1", "d1", 2, "wrong"), true, 60);
    bytes.extend(publish(POST, 1, &post("1", 1.0)));
    client.send(&bytes);
    assert_eq!(client.packet(), Packet { head: 0x20, body: vec![0, 4] });
    client.closed();
    assert!(journal(&hub, "message-in").is_empty(), "the post was taken");
}

// Proves: MQTT-1.5.3-3
#[test]
fn a_byte_order_mark_is_part_of_a_text() {
    let hub = hub();
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    let topic = format!("\u{FEFF}{POST}");
    client.send(&publish(&topic, 1, &post("1", 1.0)));
    assert_eq!(client.packet(), Packet { head: 0x40, body: vec![0, 1] });
    let (answered, _, payload) = client.packet().published();
    assert_eq!(answered, format!("{topic}_reply"));
    assert!(String::from_utf8(payload).unwrap().contains("1009"), "it is another topic");
}

// Proves: MQTT-4.7.3-4
#[test]
fn texts_are_compared_byte_by_byte() {
    // The same letter in its two forms of Unicode.
    let (composed, decomposed) = ("\u{E9}1", "e\u{301}1");
    let seed = SEED.replace(
        "\"deviceKey\": \"d1\", \"deviceSecret\": \"secret-d1\"",
        &format!("\"deviceKey\": \"{composed}\", \"deviceSecret\": \"s\""),
    );
    let hub = Hub::builder().ephemeral().seed_json(seed).start().unwrap();
    signed_in(&hub, &login("pk1", composed, 2, "s")).ping();
    let mut client = client(&hub);
    client.send(&connect(&login("pk1", decomposed, 2, "s"), true, 60));
    assert_eq!(client.packet(), Packet { head: 0x20, body: vec![0, 4] });
}

// Proves: MQTT-3.8.4-3
#[test]
fn a_filter_given_again_replaces_the_one_before() {
    let hub = hub();
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    for (id, qos, head) in [(1, 0, 0x30), (2, 1, 0x32), (3, 0, 0x30)] {
        client.send(&subscribe(id, COMMAND, qos));
        assert_eq!(client.packet(), Packet { head: 0x90, body: vec![0, u8::try_from(id).unwrap(), qos] });
        assert_eq!(command_head(&hub, &mut client), head);
    }
    client.ping();
}

// Proves: MQTT-3.10.4-6 MQTT-3.8.4-4
#[test]
fn filters_of_one_packet_are_as_good_as_filters_of_several() {
    let hub = hub();
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    let other = "/sys/pk1/d1/thing/model/#";
    client.send(&packet(0x82, &[&[0, 1], &string(COMMAND), &[0], &string(other), &[1]]));
    assert_eq!(client.packet(), Packet { head: 0x90, body: vec![0, 1, 0, 1] });
    assert_eq!(command_head(&hub, &mut client), 0x30);
    client.send(&packet(0xA2, &[&[0, 2], &string(COMMAND), &string(other)]));
    assert_eq!(client.packet(), Packet { head: 0xB0, body: vec![0, 2] });
    assert_eq!(command_head(&hub, &mut client), 0x32, "no subscription lowers it any more");
}

// Proves: MQTT-3.10.4-1 MQTT-3.10.4-5
#[test]
fn an_unsubscribe_takes_the_very_filter_and_is_acknowledged_anyway() {
    let hub = hub();
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    client.send(&subscribe(1, "/sys/pk1/d1/thing/service/+", 0));
    client.packet();
    // It matches the same topics, and is another filter.
    client.send(&packet(0xA2, &[&[0, 2], &string("/sys/pk1/d1/thing/service/#"), &string(COMMAND)]));
    assert_eq!(client.packet(), Packet { head: 0xB0, body: vec![0, 2] });
    assert_eq!(command_head(&hub, &mut client), 0x30, "the subscription is still there");
}

// Proves: MQTT-4.3.3-2
#[test]
fn acknowledgements_of_nothing_harm_nobody() {
    let hub = hub();
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    client.send(&packet(0x40, &[&[0, 9]]));
    client.send(&packet(0x50, &[&[0, 9]]));
    client.send(&packet(0x70, &[&[0, 9]]));
    // A release of what was never received is completed: the client may have lost the completion.
    client.send(&packet(0x62, &[&[0, 9]]));
    assert_eq!(client.packet(), Packet { head: 0x70, body: vec![0, 9] });
    client.ping();
}

// Proves: MQTT-3.14.4-2
#[test]
fn what_comes_behind_disconnect_is_not_taken() {
    let hub = hub();
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    let mut bytes = vec![0xE0, 0];
    bytes.extend(publish(POST, 0, &post("1", 1.0)));
    client.send(&bytes);
    client.closed();
    await_journal(&hub, "disconnect", "");
    assert!(journal(&hub, "message-in").is_empty(), "the post was taken");
}
