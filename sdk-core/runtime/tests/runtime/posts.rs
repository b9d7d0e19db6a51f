//! Posts: settled by the hub's reply, refused with a name, held back when the queue is full, never lost.

use crate::hub::{Hub, PUBLISH};
use crate::{SOON, builder, online, says};
use enos_runtime::{Client, Delivery, ErrorKind, Limits, Pending, Point, PostOptions, Runtime, Value};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, UNIX_EPOCH};

#[test]
fn a_post_is_settled_by_the_reply() {
    let hub = Hub::good();
    let client = online(&hub.tcp_url());
    let delivery = client.post_measurepoints(&[Point::new("temp", 21.5)]).unwrap();
    assert!(matches!(delivery, Delivery::Acknowledged { .. }));
    let stats = client.stats().unwrap();
    assert_eq!((stats.acknowledged, stats.failed, stats.open_requests), (1, 0, 0));
    client.close(SOON).unwrap();
}

#[test]
fn time_and_values_arrive_as_given() {
    let (tell, hear) = mpsc::channel();
    let hub = Hub::start(move |_, mut conn| {
        conn.accept().unwrap();
        let post = conn.expect(PUBLISH).unwrap();
        tell.send(post.publish().2.to_owned()).unwrap();
        conn.answer(&post, 200);
        conn.serve_on();
    });
    let client = online(&hub.tcp_url());
    let list = [Value::Int(1), Value::Str("x")];
    let points = [Point::new("temp", 21.5).quality(3), Point::new("list", &list[..]), Point::new("on", true)];
    client.post_measurepoints_at(&points, UNIX_EPOCH + Duration::from_millis(1_700_000_000_123)).unwrap();
    let sent: serde_json::Value = serde_json::from_str(&hear.recv_timeout(SOON).unwrap()).unwrap();
    assert_eq!(sent["params"]["time"], 1_700_000_000_123_u64);
    let points = &sent["params"]["measurepoints"];
    assert_eq!(points["temp"]["value"], 21.5);
    assert_eq!(points["temp"]["quality"], 3);
    assert_eq!(points["list"], serde_json::json!([1, "x"]));
}

#[test]
fn a_bad_point_is_named_and_nothing_is_sent() {
    let hub = Hub::good();
    let client = online(&hub.tcp_url());
    let error = client.post_measurepoints(&[Point::new("ok", 1), Point::new("bad", f64::NAN)]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidArgument);
    says(&error, &["\"bad\"", "NaN"]);
    assert!(client.post_measurepoints(&[]).is_err());
    let large = "x".repeat(600 * 1024);
    let error = client.post_measurepoints(&[Point::new("large", large.as_str())]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::PayloadTooLarge);
    assert_eq!(client.stats().unwrap().messages_sent, 0);
}

#[test]
fn the_hubs_code_comes_back() {
    let hub = Hub::start(|_, mut conn| {
        conn.accept().unwrap();
        while let Some(packet) = conn.packet() {
            conn.answer(&packet, 1204);
        }
    });
    let client = online(&hub.tcp_url());
    let error = client.post_measurepoints(&[Point::new("temp", 1)]).unwrap_err();
    assert_eq!((error.kind, error.hub_code), (ErrorKind::ModelMismatch, 1204));
    assert!(!error.retryable);
    says(&error, &["pk/dk", "1204", "scripted", "thing model"]);
}

#[test]
fn no_reply_and_no_connection_run_out_of_time() {
    let hub = Hub::start(|_, mut conn| {
        conn.accept().unwrap();
        while conn.packet().is_some() {}
    });
    let client = online(&hub.tcp_url());
    let short = PostOptions::new().timeout(Duration::from_millis(30));
    let error = client.post_measurepoints_with(&[Point::new("temp", 1)], short).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(error.retryable);
    let offline = builder("tcp://127.0.0.1:9").build().unwrap();
    let error = offline.post_measurepoints_with(&[Point::new("temp", 1)], short).unwrap_err();
    assert_eq!(error.kind, ErrorKind::LinkLost);
}

#[test]
fn ten_thousand_posts_in_a_tight_loop_lose_nothing() {
    const POSTS: usize = 10_000;
    let hub = Hub::good();
    let client = online(&hub.tcp_url());
    let over = Arc::new(AtomicUsize::new(0));
    let (tell, hear) = mpsc::channel();
    let mut refused = 0;
    for number in 0..POSTS {
        let (over, tell) = (over.clone(), tell.clone());
        let done = move |result: Result<Delivery, _>| {
            result.unwrap();
            over.fetch_add(1, Ordering::SeqCst);
            let _ = tell.send(());
        };
        let points = [Point::new("n", number as i64)];
        match client.submit_measurepoints(&points, PostOptions::new().timeout(SOON), done) {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::QueueFull);
                assert!(error.retryable);
                refused += 1;
            }
        }
    }
    for _ in 0..POSTS - refused {
        hear.recv_timeout(SOON).unwrap();
    }
    assert_eq!(over.load(Ordering::SeqCst) + refused, POSTS);
    assert_eq!(client.stats().unwrap().acknowledged as usize, POSTS - refused);
}

#[test]
fn a_full_queue_holds_blocking_posts_back() {
    let hub = Hub::good();
    let limits = Limits { requests: 4, ..Limits::DEFAULT };
    let client = builder(&hub.tcp_url()).limits(limits).build().unwrap();
    client.connect(SOON).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for number in 0..50 {
                    let options = PostOptions::new().timeout(SOON);
                    client.post_measurepoints_with(&[Point::new("n", number)], options).unwrap();
                }
            });
        }
    });
    assert_eq!(client.stats().unwrap().acknowledged, 800);
}

#[test]
fn posts_that_were_begun_are_waited_for_in_pieces() {
    let (release, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let hub = Hub::start(move |_, mut conn| {
        conn.accept().unwrap();
        while let Some(packet) = conn.expect(PUBLISH) {
            if held.lock().unwrap().recv().is_err() {
                return;
            }
            conn.answer(&packet, 200);
        }
    });
    // Goes before the hub, which would wait for it.
    let release = release;
    let limits = Limits { requests: 2, ..Limits::DEFAULT };
    let client = builder(&hub.tcp_url()).limits(limits).build().unwrap();
    client.connect(SOON).unwrap();
    let short = Duration::from_millis(10);
    let begin = |number: i64| {
        client.begin_measurepoints(&[Point::new("n", number)], PostOptions::new().timeout(SOON))
    };
    let (first, second) = (begin(1).unwrap(), begin(2).unwrap());
    assert_eq!(begin(3).unwrap_err().kind, ErrorKind::QueueFull);
    assert!(first.wait(short).is_none());
    let (tell, hear) = mpsc::channel();
    client.submit_room(move |told| tell.send(told).unwrap()).unwrap();
    release.send(()).unwrap();
    assert!(matches!(first.wait(SOON), Some(Ok(Delivery::Acknowledged { .. }))));
    hear.recv_timeout(SOON).unwrap().unwrap();
    let third = begin(3).unwrap();
    release.send(()).unwrap();
    release.send(()).unwrap();
    second.wait(SOON).unwrap().unwrap();
    third.wait(SOON).unwrap().unwrap();
    assert!(first.wait(Duration::ZERO).is_none(), "it was told already");
    client.close(SOON).unwrap();
    assert_eq!(client.submit_room(|_| ()).unwrap_err().kind, ErrorKind::Closed);
    assert_eq!(begin(5).unwrap_err().kind, ErrorKind::Closed);
}

#[test]
fn a_post_that_nobody_waits_for_is_queued() {
    let hub = Hub::good();
    let client = online(&hub.tcp_url());
    let options = PostOptions::new().wait(false);
    let delivery = client.post_measurepoints_with(&[Point::new("n", 1)], options).unwrap();
    assert!(matches!(delivery, Delivery::Queued { .. }));
    client.close(SOON).unwrap();
    assert_eq!(client.stats().unwrap().acknowledged, 1, "close lets open posts settle");
}

#[test]
fn a_post_goes_again_after_a_lost_link() {
    let hub = Hub::start(|number, mut conn| {
        conn.accept().unwrap();
        match number {
            // It takes the post and goes.
            0 => drop(conn.expect(PUBLISH)),
            _ => conn.serve_on(),
        }
    });
    let client = online(&hub.tcp_url());
    let options = PostOptions::new().timeout(SOON);
    client.post_measurepoints_with(&[Point::new("n", 1)], options).unwrap();
    let stats = client.stats().unwrap();
    assert_eq!((stats.retries, stats.reconnects, stats.acknowledged), (1, 1, 1));
}

#[test]
fn completions_keep_their_order_and_may_post() {
    let hub = Hub::good();
    let client = online(&hub.tcp_url());
    let (tell, hear) = mpsc::channel();
    for number in 0..300 {
        let (tell, device) = (tell.clone(), client.device().clone());
        let done = move |result: Result<Delivery, _>| {
            result.unwrap();
            if number % 50 == 0 {
                // Blocking within a callback is legal.
                device.post_measurepoints(&[Point::new("inner", number)]).unwrap();
            }
            tell.send(number).unwrap();
        };
        client.submit_measurepoints(&[Point::new("n", number)], PostOptions::new(), done).unwrap();
    }
    drop(tell);
    assert!(hear.iter().eq(0..300));
}

#[test]
fn two_clients_share_a_runtime_and_do_not_delay_each_other() {
    let hub = Hub::good();
    let runtime = Runtime::new().unwrap();
    let make = || {
        let client = builder(&hub.tcp_url()).runtime(&runtime).build().unwrap();
        client.connect(SOON).unwrap();
        client
    };
    let (first, second) = (make(), make());
    let (release, held) = mpsc::channel::<()>();
    let (tell, hear) = mpsc::channel();
    let done = move |_| {
        tell.send(()).unwrap();
        held.recv_timeout(SOON).unwrap();
    };
    first.submit_measurepoints(&[Point::new("n", 1)], PostOptions::new(), done).unwrap();
    hear.recv_timeout(SOON).unwrap();
    // The first client's callback blocks now.
    let (tell, hear) = mpsc::channel();
    let done = move |result: Result<Delivery, _>| tell.send(result).unwrap();
    second.submit_measurepoints(&[Point::new("n", 1)], PostOptions::new(), done).unwrap();
    hear.recv_timeout(SOON).unwrap().unwrap();
    first.post_measurepoints(&[Point::new("n", 2)]).unwrap();
    release.send(()).unwrap();
    first.close(SOON).unwrap();
    second.close(SOON).unwrap();
}

#[test]
fn what_callbacks_send_does_not_wait_for_a_slow_one() {
    // The first callback posts, the second blocks until the hub has that post.
    let (tell, hear) = mpsc::channel();
    let hear = std::sync::Mutex::new(hear);
    let hub = Hub::start(move |_, mut conn| {
        conn.accept().unwrap();
        // Both replies leave at once, so that both callbacks are one batch.
        let first = conn.expect(PUBLISH).unwrap();
        let second = conn.expect(PUBLISH).unwrap();
        conn.answer(&first, 200);
        conn.answer(&second, 200);
        let third = conn.expect(PUBLISH).unwrap();
        tell.send(()).unwrap();
        conn.answer(&third, 200);
        conn.serve_on();
    });
    let client = online(&hub.tcp_url());
    let device = client.device().clone();
    let points = [Point::new("n", 1)];
    let posts = move |_| {
        let options = PostOptions::new().wait(false);
        device.post_measurepoints_with(&[Point::new("n", 3)], options).unwrap();
    };
    let (done, end) = mpsc::channel();
    client.submit_measurepoints(&points, PostOptions::new(), posts).unwrap();
    let blocks = move |_| {
        let start = Instant::now();
        hear.lock().unwrap().recv_timeout(SOON).unwrap();
        done.send(start.elapsed()).unwrap();
    };
    client.submit_measurepoints(&points, PostOptions::new(), blocks).unwrap();
    end.recv_timeout(SOON).unwrap();
}

#[test]
fn every_post_ends_once_while_links_break() {
    const EACH: usize = 60;
    // Each of the first six links takes some packets and breaks, at another place each time.
    let hub = Hub::start(|number, mut conn| {
        conn.accept().unwrap();
        if number >= 6 {
            return conn.serve_on();
        }
        for _ in 0..7 * number + 3 {
            match conn.packet() {
                Some(packet) => conn.answer(&packet, 200),
                None => return,
            }
        }
    });
    let limits = Limits { requests: 16, ..Limits::DEFAULT };
    let client = builder(&hub.tcp_url()).limits(limits).build().unwrap();
    client.connect(SOON).unwrap();
    let (tell, hear) = mpsc::channel();
    let options = PostOptions::new().timeout(SOON);
    let accepted = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for number in 0..EACH {
                    client.post_measurepoints_with(&[Point::new("n", number as i64)], options).unwrap();
                }
            });
            let tell = tell.clone();
            let (client, accepted) = (&client, &accepted);
            scope.spawn(move || {
                for number in 0..EACH {
                    let tell = tell.clone();
                    let done = move |result| tell.send(result).unwrap();
                    match client.submit_measurepoints(&[Point::new("n", number as i64)], options, done) {
                        Ok(_) => drop(accepted.fetch_add(1, Ordering::SeqCst)),
                        Err(error) => assert_eq!(error.kind, ErrorKind::QueueFull),
                    }
                }
            });
        }
    });
    drop(tell);
    let ends: Vec<Result<Delivery, _>> = hear.iter().collect();
    assert_eq!(ends.len(), accepted.load(Ordering::SeqCst));
    assert!(ends.iter().all(Result::is_ok));
    let stats = client.stats().unwrap();
    assert_eq!((stats.failed, stats.open_requests), (0, 0));
    assert_eq!(stats.acknowledged as usize, 2 * EACH + ends.len());
    client.close(SOON).unwrap();
}

/// A client that never connects, with room for one post, which is taken.
fn full() -> (Client, Pending) {
    let limits = Limits { requests: 1, ..Limits::DEFAULT };
    let client = builder("tcp://127.0.0.1:9").limits(limits).build().unwrap();
    let open = client.begin_measurepoints(&[Point::new("n", 1)], PostOptions::new().timeout(SOON)).unwrap();
    (client, open)
}

#[test]
fn a_wait_for_room_can_be_left() {
    let (client, _open) = full();
    let start = Instant::now();
    let mut asked = 0;
    let leave = || {
        asked += 1;
        asked == 3
    };
    let options = PostOptions::new().timeout(SOON);
    let error = client.post_measurepoints_unless(&[Point::new("n", 2)], options, leave).unwrap_err();
    assert_eq!((error.kind, asked), (ErrorKind::Timeout, 3));
    says(&error, &["post of pk/dk was left"]);
    assert!(start.elapsed() < SOON / 2);
    assert_eq!(client.stats().unwrap().open_requests, 1, "it was not posted");
}

#[test]
fn who_may_leave_and_does_not_gets_what_the_others_get() {
    let hub = Hub::good();
    let client = online(&hub.tcp_url());
    let options = PostOptions::new().timeout(SOON);
    client.post_measurepoints_unless(&[Point::new("n", 2)], options, || false).unwrap();
    let (client, _open) = full();
    let short = PostOptions::new().timeout(Duration::from_millis(60));
    let error = client.post_measurepoints_unless(&[Point::new("n", 2)], short, || false).unwrap_err();
    assert_eq!(error.kind, ErrorKind::QueueFull);
}

#[test]
fn room_is_told_once_and_never_missed() {
    let (client, open) = full();
    let (tell, hear) = mpsc::channel();
    let refused = |client: &Client| {
        let error = client.begin_measurepoints(&[Point::new("n", 2)], PostOptions::new()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::QueueFull);
    };
    let ask = |client: &Client, who: u8| {
        let tell = tell.clone();
        client.submit_room(move |told| tell.send((who, told)).unwrap()).unwrap();
    };
    // Nobody was refused yet: there may be room.
    ask(&client, 0);
    assert_eq!(hear.recv_timeout(SOON).unwrap(), (0, Ok(())));
    refused(&client);
    ask(&client, 1);
    assert!(hear.recv_timeout(Duration::from_millis(50)).is_err(), "there is no room");
    // A hub answers the open post: that is room, for whoever asked before and whoever asks from now on.
    let (answer, answered) = (open, Hub::good());
    drop(client);
    assert_eq!(hear.recv_timeout(SOON).unwrap().1.unwrap_err().kind, ErrorKind::Closed);
    drop(answer);
    let limits = Limits { requests: 1, ..Limits::DEFAULT };
    let client = builder(&answered.tcp_url()).limits(limits).build().unwrap();
    let open = client.begin_measurepoints(&[Point::new("n", 1)], PostOptions::new().timeout(SOON)).unwrap();
    refused(&client);
    ask(&client, 2);
    client.connect(SOON).unwrap();
    open.wait(SOON).unwrap().unwrap();
    assert_eq!(hear.recv_timeout(SOON).unwrap(), (2, Ok(())));
    // Room came between a refusal and the question.
    ask(&client, 3);
    assert_eq!(hear.recv_timeout(SOON).unwrap(), (3, Ok(())));
    client.post_measurepoints(&[Point::new("n", 3)]).unwrap();
}

#[test]
fn room_comes_when_callbacks_have_run() {
    let hub = Hub::good();
    let limits = Limits { requests: 1, ..Limits::DEFAULT };
    let client = builder(&hub.tcp_url()).limits(limits).build().unwrap();
    client.connect(SOON).unwrap();
    let (release, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let hold = move |_| held.lock().unwrap().recv_timeout(SOON).unwrap();
    client.submit_measurepoints(&[Point::new("n", 1)], PostOptions::new(), hold).unwrap();
    // The callbacks of these wait behind the one that is held.
    let end = Instant::now() + SOON;
    let error = loop {
        match client.submit_measurepoints(&[Point::new("n", 1)], PostOptions::new(), |_| ()) {
            Err(error) if client.stats().unwrap().open_requests == 0 => break error,
            _ => assert!(Instant::now() < end),
        }
    };
    assert_eq!(error.kind, ErrorKind::QueueFull);
    let (tell, hear) = mpsc::channel();
    client.submit_room(move |told| tell.send(told).unwrap()).unwrap();
    release.send(()).unwrap();
    hear.recv_timeout(SOON).unwrap().unwrap();
}
