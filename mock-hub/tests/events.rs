//! The live view over its socket: packets both ways for who asks, and an end with the hub.
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use mock_hub::Hub;
use serde_json::{Value, json};
use support::*;

/// A listener that reads events line by line; chunk sizes stand on lines of their own and are skipped.
struct Listener(BufReader<TcpStream>);

impl Listener {
    fn open(hub: &Hub, query: &str) -> Self {
        let mut stream = tcp(hub.http());
        write!(stream, "GET /hub/v1/events{query} HTTP/1.1\r\nHost: hub\r\n\r\n").unwrap();
        let mut listener = Self(BufReader::new(stream));
        // From this comment on nothing is missed.
        while listener.line().unwrap() != ": listening" {}
        listener
    }

    /// The next line; none at the end of the stream.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).unwrap();
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// The data of the next event.
    fn event(&mut self) -> Value {
        loop {
            let line = self.line().expect("the stream has ended");
            if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).unwrap();
            }
        }
    }

    /// The next packet: way, type and packet identifier.
    fn packet(&mut self) -> Value {
        let detail = &self.event()["detail"];
        json!([detail["direction"], detail["type"], detail["packetId"]])
    }
}

#[test]
fn packets_of_both_ways_are_told_to_who_asks() {
    let hub = hub();
    // Before anybody listens: not recorded.
    signed_in(&hub, &device("pk1", "d2")).ping();
    let mut packets = Listener::open(&hub, "?kind=packet");
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    client.send(&subscribe(1, &format!("{POST}_reply"), 1));
    client.packet();
    client.send(&publish(POST, 7, &post("12", 21.0)));
    client.packet();
    let (_, reply, _) = client.packet().published();
    client.send(&packet(0x40, &[&reply.to_be_bytes()]));
    client.ping();
    client.send(&[0xE0, 0]);
    let first = packets.event();
    assert!(first["text"].as_str().unwrap().starts_with("→ hub CONNECT as d1|"), "{first}");
    assert_eq!(first["detail"]["username"], "d1&pk1");
    for wanted in [
        json!(["out", "CONNACK", null]),
        json!(["in", "SUBSCRIBE", 1]),
        json!(["out", "SUBACK", 1]),
        json!(["in", "PUBLISH", 7]),
        json!(["out", "PUBACK", 7]),
        json!(["out", "PUBLISH", reply]),
        json!(["in", "PUBACK", reply]),
        json!(["in", "PINGREQ", null]),
        json!(["out", "PINGRESP", null]),
        json!(["in", "DISCONNECT", null]),
    ] {
        assert_eq!(packets.packet(), wanted);
    }
    let mut refused = support::client(&hub);
    refused.send(&connect(&login("pk1", "d1", 2, "wrong"), true, 60));
    assert_eq!(refused.packet().body, [0, 4]);
    assert_eq!(packets.packet(), json!(["in", "CONNECT", null]));
    assert!(packets.event()["text"].as_str().unwrap().contains("bad user name or password"));
    let (_, kept) = http(&mut tcp(hub.http()), "GET", "/hub/v1/journal?kind=packet&device=pk1/d1", "");
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept["entries"].as_array().unwrap().len(), 10);
    let (_, all) = http(&mut tcp(hub.http()), "GET", "/hub/v1/journal?limit=1000", "");
    assert!(!all.contains("\"packet\""), "packets are told only to who asks: {all}");
}

#[test]
fn the_meaning_stands_between_the_packets() {
    let hub = hub();
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    let mut all = Listener::open(&hub, "?kind=all&device=pk1/d1");
    client.send(&publish(POST, 7, &post("12", 21.0)));
    let kinds: Vec<Value> = (0..4).map(|_| all.event()["kind"].clone()).collect();
    assert_eq!(kinds, ["packet", "message-in", "packet", "packet"]);
}

#[test]
fn a_listener_ends_with_the_hub_and_does_not_hold_it_up() {
    let hub = hub();
    let mut listener = Listener::open(&hub, "");
    let started = std::time::Instant::now();
    drop(hub);
    while listener.line().is_some() {}
    assert!(started.elapsed() < std::time::Duration::from_secs(1), "{:?}", started.elapsed());
}
