//! Connecting: what fails, how it is told, and what heals.

use crate::hub::{CONNECT, Hub, PATIENCE};
use crate::{SOON, builder, online, says};
use enos_runtime::{Client, ErrorKind, Lifecycle, Point, Proxy};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Long enough for a dial on loopback, and a test may spend it.
const SHORT: Duration = Duration::from_millis(300);

#[test]
fn a_hub_that_is_down() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = builder(&format!("tcp://127.0.0.1:{port}")).build().unwrap();
    let error = client.connect(SHORT).unwrap_err();
    assert_eq!(error.kind, ErrorKind::ConnectFailed);
    assert!(error.retryable);
    says(&error, &["pk/dk", &format!("127.0.0.1:{port}"), "refused", "firewall"]);
}

#[test]
fn a_host_without_address() {
    // No name server is asked: a label has 63 bytes at the most (RFC 1035 §2.3.4).
    let host = format!("{}.invalid", "nowhere".repeat(10));
    let client = builder(&format!("tcp://{host}:1883")).build().unwrap();
    let error = client.connect(SHORT).unwrap_err();
    assert_eq!(error.kind, ErrorKind::ResolveFailed);
    says(&error, &[&host, "name server"]);
}

#[test]
fn settings_are_checked_before_any_dial() {
    let bad = [
        Client::builder("hub:1").build(),
        Client::builder("tcp://hub:1").build(),
        builder("tcp://hub:1").in_flight(0).build(),
        builder("tcp://hub:1").proxy(Proxy::new("", 1)).build(),
        builder("ssl://hub:1").tls(enos_runtime::Tls::new().ca("nonsense")).build(),
    ];
    for built in bad {
        assert_eq!(built.unwrap_err().kind, ErrorKind::InvalidArgument);
    }
}

#[test]
fn a_wrong_secret_returns_at_once_and_may_be_tried_again() {
    let hub = Hub::start(|number, mut conn| {
        assert_eq!(conn.packet().unwrap().kind(), CONNECT);
        conn.send(&[0x20, 2, 0, if number == 0 { 4 } else { 0 }]);
        if number > 0 {
            conn.serve_on();
        }
    });
    let client = builder(&hub.tcp_url()).build().unwrap();
    let start = Instant::now();
    let error = client.connect(PATIENCE).unwrap_err();
    assert!(start.elapsed() < PATIENCE / 2);
    assert_eq!(error.kind, ErrorKind::SignatureRejected);
    says(&error, &["unknown device", "wrong secret", "product key"]);
    client.connect(SOON).unwrap();
    client.connect(SOON).unwrap();
    client.post_measurepoints(&[Point::new("n", 1)]).unwrap();
}

#[test]
fn a_hub_that_closes_after_every_connect() {
    let hub = Hub::start(|_, mut conn| drop(conn.packet()));
    let client = builder(&hub.tcp_url()).build().unwrap();
    let error = client.connect(SHORT).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::LinkLost), "{error:?}");
    says(&error, &["closed the connection", "ssl://"]);
    assert!(hub.accepted() > 1, "it tries again while there is time");
    assert!(hub.accepted() <= 8, "but never beyond the dial budget");
}

#[test]
fn a_peer_that_sends_no_connack() {
    let hub = Hub::start(|_, mut conn| while conn.packet().is_some() {});
    let client = builder(&hub.tcp_url()).build().unwrap();
    let error = client.connect(SHORT).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    says(&error, &["CONNACK"]);
}

#[test]
fn close_ends_a_connect_that_waits() {
    // By address the caller dials and reads itself, by name it does not: both must hear of the close.
    for host in ["127.0.0.1", "localhost"] {
        let (tell, asked) = mpsc::channel();
        let tell = std::sync::Mutex::new(tell);
        let hub = Hub::start(move |_, mut conn| {
            assert_eq!(conn.packet().unwrap().kind(), CONNECT);
            let _ = tell.lock().unwrap().send(());
            while conn.packet().is_some() {}
        });
        let client = builder(&hub.tcp_url().replace("127.0.0.1", host)).build().unwrap();
        let waiting = client.clone();
        let connect = std::thread::spawn(move || waiting.connect(2 * PATIENCE));
        asked.recv_timeout(PATIENCE).unwrap();
        let start = Instant::now();
        client.close(SHORT).unwrap();
        assert_eq!(connect.join().unwrap().unwrap_err().kind, ErrorKind::Closed);
        assert!(start.elapsed() < PATIENCE, "{host}");
    }
}

#[test]
fn what_comes_with_connack_is_not_missed() {
    // The refusal and the end in one segment: the caller's own thread must see both.
    let hub = Hub::start(|_, mut conn| {
        drop(conn.packet());
        conn.send(&[0x20, 2]);
    });
    let client = builder(&hub.tcp_url()).build().unwrap();
    let error = client.connect(SHORT).unwrap_err();
    assert_eq!(error.kind, ErrorKind::LinkLost);
    assert!(hub.accepted() > 1, "it did not notice the end before its time was over");
}

#[test]
fn a_peer_that_sends_one_byte_at_a_time_and_slowly() {
    // The second byte of CONNACK never comes in time: one byte per wait of the client.
    let (tell, hear) = mpsc::channel::<()>();
    let hear = std::sync::Mutex::new(hear);
    let hub = Hub::start(move |_, mut conn| {
        drop(conn.packet());
        for byte in [0x20, 2, 0] {
            conn.send(&[byte]);
            // Pauses until the client has given up, or half its time is over.
            if hear.lock().unwrap().recv_timeout(SHORT / 2).is_ok() {
                return;
            }
        }
        drop(conn.packet());
    });
    let client = builder(&hub.tcp_url()).sign_in_timeout(SHORT).build().unwrap();
    let error = client.connect(SHORT).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    tell.send(()).unwrap();
}

#[test]
fn a_peer_that_is_no_hub() {
    for (bytes, kind) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], ErrorKind::Malformed),
        (&b"SSH-2.0-OpenSSH_9.2\r\n"[..], ErrorKind::Malformed),
        // A TLS alert: unexpected message.
        (&[0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x0A][..], ErrorKind::TlsFailed),
        (&[0xFF; 64][..], ErrorKind::Malformed),
    ] {
        let hub = Hub::start(move |_, mut conn| {
            drop(conn.packet());
            conn.send(bytes);
            drop(conn.packet());
        });
        let error = builder(&hub.tcp_url()).build().unwrap().connect(SHORT).unwrap_err();
        assert!(error.kind == kind || error.kind == ErrorKind::UnexpectedPacket, "{error:?}");
        if kind == ErrorKind::TlsFailed {
            says(&error, &["ssl://"]);
        }
    }
}

#[test]
fn a_peer_that_never_reads_does_not_hold_anybody() {
    let (release, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let hub = Hub::start(move |_, mut conn| {
        conn.accept().unwrap();
        let _ = held.lock().unwrap().recv_timeout(PATIENCE);
    });
    let client = online(&hub.tcp_url());
    let text = "x".repeat(300 * 1024);
    let options = enos_runtime::PostOptions::new().timeout(PATIENCE).wait(false);
    let mut refused = None;
    for _ in 0..200 {
        match client.post_measurepoints_with(&[Point::new("text", text.as_str())], options) {
            Ok(_) => {}
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let refused = refused.expect("the queue is bounded");
    assert_eq!(refused.kind, ErrorKind::QueueFull);
    let start = Instant::now();
    client.close(SHORT).unwrap();
    assert!(start.elapsed() < PATIENCE / 2);
    release.send(()).unwrap();
}

#[test]
fn lifecycle_follows_its_grammar_and_losses_heal() {
    let hub = Hub::good();
    let client = builder(&hub.tcp_url()).build().unwrap();
    let (tell, hear) = mpsc::channel();
    let registration = client.on_lifecycle(move |event| tell.send(event.clone()).unwrap()).unwrap();
    client.connect(SOON).unwrap();
    hub.cut();
    let next = || hear.recv_timeout(SOON).unwrap();
    assert_eq!(next(), Lifecycle::Connecting);
    assert_eq!(next(), Lifecycle::Online);
    assert!(matches!(next(), Lifecycle::Offline { will_retry: true, .. }));
    assert_eq!(next(), Lifecycle::Connecting);
    assert_eq!(next(), Lifecycle::Online);
    client.post_measurepoints(&[Point::new("n", 1)]).unwrap();
    client.close(SOON).unwrap();
    match next() {
        Lifecycle::Offline { reason, will_retry: false } => {
            assert_eq!(reason.kind, ErrorKind::Closed);
            says(&reason, &["pk/dk ended", "the client was closed."]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(next(), Lifecycle::Closed);
    assert!(hear.recv_timeout(Duration::ZERO).is_err());
    drop(registration);
}

#[test]
fn connect_within_a_callback_is_legal() {
    let hub = Hub::good();
    let client = builder(&hub.tcp_url()).build().unwrap();
    let (tell, hear) = mpsc::channel();
    let again = client.clone();
    client
        .submit_connect(SOON, move |result| {
            result.unwrap();
            tell.send(again.connect(SOON)).unwrap();
        })
        .unwrap();
    hear.recv_timeout(SOON).unwrap().unwrap();
}

/// A proxy that answers with these bytes; after a 200 it goes on as a hub.
fn proxy(answer: &'static str, tell: mpsc::Sender<String>) -> Hub {
    Hub::start(move |_, mut conn| {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if conn.stream.read(&mut byte).unwrap_or(0) == 0 {
                return;
            }
            head.push(byte[0]);
        }
        let _ = tell.send(String::from_utf8(head).unwrap());
        let _ = conn.stream.write_all(answer.as_bytes());
        if answer.starts_with("HTTP/1.1 200") {
            conn.serve();
        }
    })
}

#[test]
fn through_a_proxy() {
    let (tell, hear) = mpsc::channel();
    let hub = proxy("HTTP/1.1 200 Connection established\r\n\r\n", tell);
    let way = Proxy::new("127.0.0.1", hub.address.port()).login("user", "canary-password");
    let client = builder("tcp://hub.invalid:1883").proxy(way).build().unwrap();
    client.connect(SOON).unwrap();
    client.post_measurepoints(&[Point::new("n", 1)]).unwrap();
    let head = hear.recv_timeout(SOON).unwrap();
    assert!(head.starts_with("CONNECT hub.invalid:1883 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic "), "{head}");
}

#[test]
fn proxies_that_refuse() {
    for (answer, words) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", &["407", "user and password"][..]),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", &["403", "Allow"][..]),
        ("\u{0}\u{1}\u{2}garbage", &["no HTTP"][..]),
        ("", &["without an answer"][..]),
    ] {
        let hub = proxy(answer, mpsc::channel().0);
        let way = Proxy::new("127.0.0.1", hub.address.port());
        let error = builder("tcp://hub.invalid:1883").proxy(way).build().unwrap().connect(SHORT).unwrap_err();
        assert_eq!(error.kind, ErrorKind::ConnectFailed, "{error:?}");
        says(&error, words);
        says(&error, &["proxy"]);
    }
}

#[test]
fn a_connection_can_be_begun_and_waited_for_while_a_handler_is_slow() {
    let hub = Hub::good();
    let client = builder(&hub.tcp_url()).build().unwrap();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    client.on_lifecycle(move |_| held.lock().unwrap().recv().unwrap_or_default()).unwrap();
    let pending = client.begin_connect(SOON).unwrap();
    pending.wait(SOON).unwrap().unwrap();
    assert!(pending.wait(Duration::ZERO).is_none(), "it was told already");
    drop(release);
    client.close(SOON).unwrap();
}
