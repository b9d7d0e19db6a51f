//! What people, programs and the network do wrong, all at once or much of it: each gets its answer and a line in the
//! journal, nobody else notices, and nothing is stored half.
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mock_hub::Hub;
use mock_hub::clock::Clock;
use serde_json::Value;
use support::*;

/// An answer that takes longer is one that waited for somebody else.
const PROMPT: Duration = Duration::from_secs(3);

/// The world, but for what moves by itself.
fn world(hub: &Hub) -> Value {
    let (status, body) = http(&mut tcp(hub.http()), "GET", "/hub/v1/state?secrets=true", "");
    assert_eq!(status, 200, "{body}");
    let mut world: Value = serde_json::from_str(&body).unwrap();
    for moving in ["time", "journalLast", "connections"] {
        world.as_object_mut().unwrap().remove(moving);
    }
    world
}

/// Posts and waits for the reply.
fn posts(client: &mut Client<TcpStream>, topic: &str) {
    let start = Instant::now();
    client.send(&publish(topic, 0, &post("1", 20.5)));
    let (reply, _, payload) = client.packet().published();
    assert_eq!(reply, format!("{topic}_reply"));
    assert!(String::from_utf8(payload).unwrap().contains("200"));
    assert!(start.elapsed() < PROMPT, "waited for somebody else: {:?}", start.elapsed());
}

#[test]
fn a_thousand_half_open_connections_disturb_nobody_and_end() {
    let clock = Clock::manual(1_700_000_000_000);
    let hub = Hub::builder().ephemeral().seed_json(SEED).clock(clock.clone()).start().unwrap();
    let whole = connect(&device("pk1", "d2"), true, 60);
    let started: Vec<TcpStream> = (0..1_000)
        .map(|number| {
            let mut stream = tcp(hub.mqtt());
            // Nothing, a byte, or all of a CONNECT but its last byte.
            stream.write_all(&whole[..[0, 1, whole.len() - 1][number % 3]]).unwrap();
            stream
        })
        .collect();
    let mut other = signed_in(&hub, &device("pk1", "d1"));
    posts(&mut other, POST);
    clock.advance(11_000);
    for stream in started {
        Client(stream).closed();
    }
    await_journal(&hub, "transport", "CONNECT");
    posts(&mut other, POST);
    let deadline = Instant::now() + PATIENCE;
    while hub.fabric().connections() > 1 {
        assert!(Instant::now() < deadline, "{} connections are left", hub.fabric().connections());
        std::thread::yield_now();
    }
    assert_eq!(journal(&hub, "connect").len(), 1, "only one device signed in");
}

#[test]
fn a_device_that_floods_slows_no_other_down_and_loses_nothing_that_was_answered() {
    const POSTS: u32 = 20_000;
    let hub = hub();
    let mut flood = signed_in(&hub, &device("pk1", "d1"));
    let mut other = signed_in(&hub, &device("pk1", "d2"));
    let over = AtomicBool::new(false);
    let mut reader = Client(flood.0.try_clone().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..POSTS {
                flood.send(&publish(POST, 0, &post(&number.to_string(), f64::from(number))));
            }
        });
        scope.spawn(|| {
            for _ in 0..POSTS {
                let (_, _, reply) = reader.packet().published();
                assert!(String::from_utf8(reply).unwrap().contains("\"code\":200"));
            }
            over.store(true, Ordering::SeqCst);
        });
        while !over.load(Ordering::SeqCst) {
            posts(&mut other, "/sys/pk1/d2/thing/measurepoint/post");
        }
    });
    let world = world(&hub);
    let flooded =
        world["devices"].as_array().unwrap().iter().find(|device| device["deviceKey"] == "d1").unwrap();
    assert_eq!(flooded["posts"]["accepted"], POSTS);
}

#[test]
fn rest_bodies_of_the_wrong_type_change_nothing() {
    let hub = hub();
    let before = world(&hub);
    let devices = "/connect-service/v2.1/devices?orgId=o1&productKey=pk1";
    let create = format!("{devices}&action=create");
    for (path, body, said) in [
        (&create, "5", "invalid type"),
        (&create, "[]", "is a list"),
        (&create, r#" ["pk1","new"]"#, "is a list"),
        (&create, "null", "invalid type"),
        (&create, "\"device\"", "invalid type"),
        (&create, "{", "EOF"),
        (&create, r#"{"productKey":"pk1"}}"#, "trailing"),
        (&create, "\u{0}", "expected value"),
        (&create, r#"{"productKey":"pk1","deviceKey":5}"#, "deviceKey"),
        (&create, r#"{"productKey":"pk1","deviceKey":["new"]}"#, "deviceKey"),
        (&create, r#"{"productKey":"pk1","deviceKey":"new","deviceAttributes":[]}"#, "deviceAttributes"),
        (&create, r#"{"productKey":"pk1","deviceKey":"a/b","deviceName":{"defaultValue":"x"}}"#, "deviceKey"),
    ] {
        let (status, answer) = http(&mut tcp(hub.http()), "POST", path, body);
        let read: Value = serde_json::from_str(&answer).unwrap();
        assert!(status < 500, "{body}: {status} {answer}");
        assert_ne!(read["code"], 0, "{body}: {answer}");
        assert!(read["msg"].as_str().unwrap().contains(said), "{body}: {answer}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let (_, answer) = http(&mut tcp(hub.http()), "POST", &create, &deep);
    assert!(!answer.is_empty());
    assert_eq!(world(&hub), before);
}

#[test]
fn huge_bodies_are_refused_before_they_are_taken() {
    let hub = hub();
    let before = world(&hub);
    let path = "/connect-service/v2.1/devices?action=create&orgId=o1&productKey=pk1";
    for framing in ["Content-Length: 10737418240", "Transfer-Encoding: chunked"] {
        let mut stream = tcp(hub.http());
        write!(stream, "POST {path} HTTP/1.1\r\nHost: hub\r\n{framing}\r\n\r\n").unwrap();
        let chunk = format!("{:x}\r\n{}\r\n", 64 * 1024, " ".repeat(64 * 1024));
        // The hub stops reading where the body is too large, so that writing may fail.
        for _ in 0..1_000 {
            if stream.write_all(chunk.as_bytes()).is_err() {
                break;
            }
        }
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        // A reset may overtake the answer; what matters is that the hub has given up.
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{framing}: {answer}");
    }
    let large = " ".repeat(2 * 1024 * 1024);
    let (status, _) = http(&mut tcp(hub.http()), "POST", "/hub/v1/verify", "");
    assert!(status < 500);
    let mut stream = tcp(hub.http());
    let _ =
        write!(stream, "POST {path} HTTP/1.1\r\nHost: hub\r\nContent-Length: {}\r\n\r\n{large}", large.len());
    assert_eq!(world(&hub), before);
}

#[test]
fn a_slow_loris_keeps_nobody_from_the_rest_api() {
    let hub = hub();
    let mut lorises: Vec<TcpStream> = (0..1_024)
        .map(|number| {
            let mut stream = tcp(hub.http());
            stream.write_all(&b"GET /hub/v1/state HTTP/1.1\r\nX-a: b"[..1 + number % 30]).unwrap();
            stream
        })
        .collect();
    let start = Instant::now();
    for _ in 0..20 {
        world(&hub);
    }
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
    // Those that stayed may go on, one byte at a time.
    for loris in &mut lorises {
        let _ = loris.write_all(b"c");
    }
    world(&hub);
    await_journal(&hub, "transport", "another came");
}
