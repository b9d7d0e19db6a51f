//! The journal tells a device developer why a connection ended, and names the statement of the standard.
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

mod support;

use std::io::Write;
use std::time::Instant;

use mock_hub::Hub;
use mock_hub::clock::Clock;
use mock_hub::fabric::DeviceId;
use support::*;

#[test]
fn a_broken_packet_is_told_with_its_statement_and_its_device() {
    let hub = hub();
    let cases: [(&[u8], &str); 4] = [
        (&[0x36, 5, 0, 1, b'a', 0, 1], "[MQTT-3.3.1-4]"),
        (&[0x30, 3, 0, 1, b'#'], "[MQTT-3.3.2-2]"),
        (&[0x82, 2, 0, 1], "[MQTT-3.8.3-3]"),
        (&[0x30, 0x81, 0x80, 0x80, 0x01], "2097153 bytes is over the hub's limit"),
    ];
    for (bytes, wanted) in cases {
        let mut client = signed_in(&hub, &device("pk1", "d1"));
        client.send(bytes);
        client.closed();
        await_journal(&hub, "transport", wanted);
        await_journal(&hub, "disconnect", wanted);
    }
}

#[test]
fn what_is_no_mqtt_is_recognised() {
    let hub = hub();
    for (bytes, wanted) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], "use the mqtts port"),
        (b"GET / HTTP/1.1\r\n\r\n", "use the http port"),
        (b"\xC0\x00", "[MQTT-3.1.0-1]"),
        (b"\x10\x0A\x00\x04MQTX\x04\x02\x00\x3C", "[MQTT-3.1.2-1]"),
        (b"\x10\x0A\x00\x04MQTT\x05\x02\x00\x3C", "[MQTT-3.1.2-2]"),
        (b"\x10\x0C\x00\x04MQTT\x04\x00\x00\x3C\x00\x00", "[MQTT-3.1.3-8]"),
    ] {
        client(&hub).send(bytes);
        await_journal(&hub, "transport", wanted);
    }
}

#[test]
fn tls_trouble_comes_with_its_next_step() {
    let hub = hub();
    let mut plain = Client(tcp(hub.mqtts()));
    plain.send(&connect(&device("pk1", "d1"), true, 60));
    await_journal(&hub, "transport", "the peer does not speak TLS");
    // A hello with no cipher suite that the hub has.
    let hello = b"\x03\x03\
        0123456789abcdef0123456789abcdef\x00\x00\x02\x00\x2F\x01\x00\x00\x10\
        \x00\x0D\x00\x04\x00\x02\x04\x01\x00\x0A\x00\x04\x00\x02\x00\x17";
    let length = u8::try_from(hello.len()).unwrap();
    let mut odd = Client(tcp(hub.mqtts()));
    odd.send(&[&[0x16, 3, 1, 0, length + 4, 1, 0, 0, length], &hello[..]].concat());
    await_journal(&hub, "transport", "the hub offers TLS 1.2 and 1.3");
}

#[test]
fn the_way_a_connection_ended_is_told() {
    let hub = hub();
    let login = device("pk1", "d1");
    let mut client = signed_in(&hub, &login);
    client.send(&[0xE0, 0]);
    await_journal(&hub, "disconnect", "DISCONNECT");
    drop(signed_in(&hub, &login));
    await_journal(&hub, "disconnect", "without DISCONNECT");
    let _old = signed_in(&hub, &login);
    let _new = signed_in(&hub, &login);
    await_journal(&hub, "disconnect", "taken over by a newer connection");
    let mut client = signed_in(&hub, &device("pk1", "d2"));
    client.send(&subscribe(1, "/sys/pk1/d1/thing/service/+", 1));
    client.packet();
    await_journal(&hub, "refused", "SUBSCRIBE to /sys/pk1/d1/thing/service/+ refused");
    client.send(&subscribe(1, "/sys/pk1/d2/thing/service/+", 1));
    client.send(&packet(0xA2, &[&[0, 2], &string("/sys/pk1/d2/thing/service/+")]));
    await_journal(&hub, "subscribe", "UNSUBSCRIBE from /sys/pk1/d2/thing/service/+");
    await_journal(&hub, "subscribe", "subscribed to /sys/pk1/d2/thing/service/+");
}

#[test]
fn bytes_that_complete_no_packet_do_not_keep_a_connection_alive() {
    let clock = Clock::manual(1_700_000_000_000);
    let hub = Hub::builder().ephemeral().seed_json(SEED).clock(clock.clone()).start().unwrap();
    let mut client = client(&hub);
    client.send(&connect(&device("pk1", "d1"), true, 10));
    assert_eq!(client.packet().body, [0, 0]);
    let who = DeviceId::new("pk1", "d1");
    let deadline = Instant::now() + PATIENCE;
    client.send(&[0x30, 0xFF, 0x7F]);
    // One byte a second, by the hub's clock.
    while hub.fabric().locate(&who).is_some() {
        let _ = client.0.write_all(b"x");
        clock.advance(1_000);
        std::thread::yield_now();
        assert!(Instant::now() < deadline, "not closed");
    }
    assert!(clock.monotonic_ms() >= 15_000);
    await_journal(&hub, "disconnect", "keep alive of 10 s [MQTT-3.1.2-24]");
}
