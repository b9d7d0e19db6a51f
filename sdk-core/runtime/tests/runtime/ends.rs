//! Ends: close, drop, use after close, and what must be given back.

use crate::hub::{DISCONNECT, Hub, PATIENCE, PUBLISH};
use crate::{SOON, builder, online, says};
use enos_runtime::{Client, Delivery, ErrorKind, Lifecycle, Point, PostOptions, Runtime};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

#[test]
fn use_after_close_is_told() {
    let hub = Hub::good();
    let client = online(&hub.tcp_url());
    client.close(SOON).unwrap();
    client.close(SOON).unwrap();
    let closed = |result: Result<(), enos_runtime::Error>| {
        let error = result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Closed);
        says(&error, &["closed", "new client"]);
    };
    closed(client.connect(SOON));
    closed(client.post_measurepoints(&[Point::new("n", 1)]).map(drop));
    closed(client.on_service("s", |_, _| ()).map(drop));
    closed(client.on_lifecycle(|_| ()).map(drop));
    assert_eq!(client.stats().unwrap().failed, 0);
}

#[test]
fn close_fails_what_does_not_settle_in_time() {
    let (last, goodbye) = mpsc::channel();
    let hub = Hub::start(move |_, mut conn| {
        conn.accept().unwrap();
        let mut kind = 0;
        while let Some(packet) = conn.packet() {
            kind = packet.kind();
        }
        last.send(kind).unwrap();
    });
    let client = online(&hub.tcp_url());
    let (tell, hear) = mpsc::channel();
    client
        .submit_measurepoints(&[Point::new("n", 1)], PostOptions::new(), move |result| {
            tell.send(result).unwrap()
        })
        .unwrap();
    client.close(Duration::from_millis(50)).unwrap();
    assert_eq!(hear.recv_timeout(SOON).unwrap().unwrap_err().kind, ErrorKind::Closed);
    assert_eq!(goodbye.recv_timeout(SOON).unwrap(), DISCONNECT, "it signs off all the same");
}

#[test]
fn close_within_a_callback_only_starts() {
    let hub = Hub::good();
    let client = online(&hub.tcp_url());
    let (tell, hear) = mpsc::channel();
    let again = client.clone();
    let done = move |_: Result<Delivery, _>| tell.send(again.close(SOON)).unwrap();
    client.submit_measurepoints(&[Point::new("n", 1)], PostOptions::new(), done).unwrap();
    hear.recv_timeout(SOON).unwrap().unwrap();
    client.close(SOON).unwrap();
}

#[test]
fn the_last_handle_may_go_within_a_callback() {
    let hub = Hub::good();
    let client = online(&hub.tcp_url());
    let (tell, hear) = mpsc::channel();
    let (ready, go) = mpsc::channel::<()>();
    let held = client.clone();
    let done = move |_: Result<Delivery, _>| {
        go.recv_timeout(SOON).unwrap();
        drop(held);
        tell.send(()).unwrap();
    };
    client.submit_measurepoints(&[Point::new("n", 1)], PostOptions::new(), done).unwrap();
    drop(client);
    ready.send(()).unwrap();
    hear.recv_timeout(SOON).unwrap();
}

#[test]
fn submitted_close_is_the_last_callback() {
    let hub = Hub::good();
    let client = online(&hub.tcp_url());
    let order = Arc::new(Mutex::new(Vec::new()));
    let (tell, hear) = mpsc::channel();
    let (first, second, third) = (order.clone(), order.clone(), order.clone());
    client.on_lifecycle(move |event| first.lock().unwrap().push(format!("{event:?}"))).unwrap();
    client
        .submit_measurepoints(&[Point::new("n", 1)], PostOptions::new(), move |_| {
            second.lock().unwrap().push("post".to_owned());
        })
        .unwrap();
    client
        .submit_close(SOON, move |result| {
            result.unwrap();
            third.lock().unwrap().push("close".to_owned());
            tell.send(()).unwrap();
        })
        .unwrap();
    hear.recv_timeout(SOON).unwrap();
    let order = order.lock().unwrap();
    assert_eq!(order.last().unwrap(), "close");
    assert_eq!(order[order.len() - 2], "Closed");
    assert_eq!(order[0], "post");
}

#[test]
fn drop_while_a_call_is_in_flight() {
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let hub = Hub::start(move |_, mut conn| {
        conn.accept().unwrap();
        let post = conn.expect(PUBLISH).unwrap();
        held.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        conn.answer(&post, 200);
        conn.serve_on();
    });
    let client = online(&hub.tcp_url());
    let device = client.device().clone();
    let (tell, hear) = mpsc::channel();
    let poster = std::thread::spawn(move || {
        tell.send(()).unwrap();
        device.post_measurepoints(&[Point::new("n", 1)])
    });
    hear.recv_timeout(SOON).unwrap();
    // The reply comes while the drop waits, or the post fails when that gives up: never a hang, never a lie.
    release.send(()).unwrap();
    drop(client);
    match poster.join().unwrap() {
        Ok(Delivery::Acknowledged { .. }) => {}
        Ok(other) => panic!("{other:?}"),
        Err(error) => assert_eq!(error.kind, ErrorKind::Closed, "{error}"),
    }
}

#[test]
fn times_without_end_are_taken() {
    let hub = Hub::good();
    let client = builder(&hub.tcp_url())
        .dial_timeout(Duration::MAX)
        .address_timeout(Duration::MAX)
        .handshake_timeout(Duration::MAX)
        .build()
        .unwrap();
    client.connect(Duration::MAX).unwrap();
    let options = PostOptions::new().timeout(Duration::MAX);
    client.post_measurepoints_with(&[Point::new("n", 1)], options).unwrap();
    client.close(Duration::MAX).unwrap();
}

#[test]
fn a_client_that_never_connected_closes_at_once() {
    let client = builder("tcp://127.0.0.1:9").build().unwrap();
    let start = Instant::now();
    client.close(PATIENCE).unwrap();
    assert!(start.elapsed() < PATIENCE / 2);
}

#[test]
fn closing_calls_a_dial_off() {
    let hub = Hub::start(|_, mut conn| while conn.packet().is_some() {});
    let client = builder(&hub.tls_url("127.0.0.1")).build().unwrap();
    let (tell, hear) = mpsc::channel();
    client.submit_connect(PATIENCE, move |result| tell.send(result).unwrap()).unwrap();
    let start = Instant::now();
    client.close(PATIENCE).unwrap();
    assert!(start.elapsed() < PATIENCE / 2);
    assert_eq!(hear.recv_timeout(SOON).unwrap().unwrap_err().kind, ErrorKind::Closed);
}

// --- what must be given back; counted in processes of their own, where no other test runs ---

/// Runs one ignored test of this file alone in a process.
fn alone(test: &str) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn rounds_give_descriptors_and_threads_back() {
    alone("ends::rounds");
}

#[cfg(target_os = "linux")]
#[test]
fn many_clients_need_few_threads() {
    alone("ends::many_clients");
}

#[cfg(target_os = "linux")]
fn count(of: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{of}")).unwrap().count()
}

/// Waits until the count is at most this; threads end a moment after they were joined.
#[cfg(target_os = "linux")]
fn settles_at(of: &str, most: usize) {
    let end = Instant::now() + PATIENCE;
    while count(of) > most {
        assert!(Instant::now() < end, "{} {of}, not {most}", count(of));
        std::thread::yield_now();
    }
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "runs in a process of its own, started by rounds_give_descriptors_and_threads_back"]
fn rounds() {
    let hub = Hub::good();
    let round = |number: usize| {
        let client = online(&hub.tcp_url());
        client.on_service("s", |_, _| ()).unwrap();
        client.post_measurepoints(&[Point::new("n", 1)]).unwrap();
        if number.is_multiple_of(2) {
            client.close(SOON).unwrap();
        }
    };
    round(0);
    let mine = |of| count(of);
    hub.cut();
    let threads = mine("task");
    for number in 0..200 {
        round(number);
        hub.cut();
    }
    // The hub keeps a thread for each connection until it sees the end.
    settles_at("task", threads + 2);
    settles_at("fd", 20);
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "runs in a process of its own, started by many_clients_need_few_threads"]
fn many_clients() {
    const CLIENTS: usize = 300;
    let before = count("task");
    let runtime = Runtime::new().unwrap();
    let clients: Vec<_> =
        (0..CLIENTS).map(|_| builder("tcp://127.0.0.1:9").runtime(&runtime).build().unwrap()).collect();
    let (tell, hear) = mpsc::channel();
    for client in &clients {
        let tell = tell.clone();
        client
            .submit_connect(Duration::from_millis(100), move |result| tell.send(result.is_err()).unwrap())
            .unwrap();
    }
    for _ in &clients {
        assert!(hear.recv_timeout(SOON).unwrap(), "nobody listens there");
    }
    // The dial threads go when idle.
    settles_at("task", before + 5);
    drop(clients);
    drop(runtime);
    settles_at("task", before);
}

#[test]
fn closing_again_and_again_is_told_each_time() {
    let hub = Hub::good();
    let client = online(&hub.tcp_url());
    client.close(SOON).unwrap();
    for _ in 0..4 {
        let (tell, hear) = mpsc::channel();
        client.submit_close(SOON, move |result| tell.send(result).unwrap()).unwrap();
        hear.recv_timeout(SOON).unwrap().unwrap();
    }
}

#[test]
fn a_connect_can_be_left_and_goes_on() {
    let (tell, hear) = mpsc::channel::<()>();
    let hear = Mutex::new(hear);
    let hub = Hub::start(move |_, mut conn| {
        hear.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        conn.accept().unwrap();
        conn.serve_on();
    });
    let client = builder(&hub.tcp_url()).build().unwrap();
    let start = Instant::now();
    let error = client.connect_unless(PATIENCE, || true).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    says(&error, &["connect of pk/dk was left"]);
    assert!(start.elapsed() < PATIENCE / 2);
    tell.send(()).unwrap();
    client.connect(PATIENCE).unwrap();
}

/// A client whose callback is held, what lets it go, and the end of its last handler.
fn held(hub: &Hub) -> (Client, mpsc::Sender<()>, mpsc::Receiver<()>) {
    let client = builder(&hub.tcp_url()).build().unwrap();
    let (release, held) = mpsc::channel::<()>();
    let (began, begun) = mpsc::channel();
    let held = Mutex::new(held);
    client
        .on_lifecycle(move |step| {
            if matches!(step, Lifecycle::Online) {
                began.send(()).unwrap();
                held.lock().unwrap().recv_timeout(PATIENCE).unwrap();
            }
            if matches!(step, Lifecycle::Closed) {
                began.send(()).unwrap();
            }
        })
        .unwrap();
    client.connect(SOON).unwrap();
    begun.recv_timeout(SOON).unwrap();
    (client, release, begun)
}

#[test]
fn a_close_can_be_left_and_goes_on() {
    let hub = Hub::good();
    let (client, release, ended) = held(&hub);
    let start = Instant::now();
    let error = client.close_unless(PATIENCE, || true).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    says(&error, &["close of pk/dk was left"]);
    // The end does not wait for the callback either.
    drop(client);
    assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
    release.send(()).unwrap();
    ended.recv_timeout(SOON).unwrap();
}
