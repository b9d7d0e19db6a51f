//! CoAP in clear, as a client of the runtime speaks it: sign-in, posts, commands, sleep, and what goes wrong.

use crate::coap_peer::{CHANGED, CONTENT, GET, POST, Peer, Reply, Request, UNAUTHORIZED};
use crate::{SOON, builder, online, says};
use enos_runtime::doctor::{Cause, Stage, Status};
use enos_runtime::{Client, ErrorKind, Login, MemorySecretStore, Point, Proxy, Tls};
use std::net::UdpSocket;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(500);

/// Signs in and accepts everything.
fn kind(request: &Request) -> Option<Reply> {
    assert_eq!(request.code, POST);
    Some(match request.path.as_str() {
        "/auth/pk/dk" => Reply::new(CHANGED),
        _ if request.path.ends_with("_reply") => Reply::new(CHANGED),
        _ => request.accepted(),
    })
}

#[test]
fn a_sleepy_device_posts_and_its_report_is_what_went_over_the_wire() {
    let peer = Peer::start(kind);
    let client = builder(&peer.url()).sleepy(true).coap_lifetime(Duration::from_secs(60)).build().unwrap();
    client.connect(SOON).unwrap();
    client.post_measurepoints(&[Point::new("temp", 21.5)]).unwrap();
    let report = client.sleep(SOON).unwrap();
    let seen = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
    assert_eq!(report.datagrams_sent, 2, "sign-in and post");
    assert_eq!(
        (report.datagrams_sent, report.bytes_sent),
        (seen(&peer.seen.datagrams_in), seen(&peer.seen.bytes_in))
    );
    assert_eq!(
        (report.datagrams_received, report.bytes_received),
        (seen(&peer.seen.datagrams_out), seen(&peer.seen.bytes_out))
    );
    let requests = peer.requests();
    assert_eq!(requests[0].json()["lifetime"], 60);
    assert_eq!(requests[1].path, "/topic/sys/pk/dk/thing/measurepoint/post");
    assert_eq!(requests[1].json()["params"]["measurepoints"]["temp"], 21.5);
    // The next report begins where this one ended, and the counters do not.
    client.post_measurepoints(&[Point::new("temp", 22.0)]).unwrap();
    assert_eq!(client.sleep(SOON).unwrap().datagrams_sent, 1);
    assert_eq!(client.stats().unwrap().datagrams_sent, 3);
    client.close(SOON).unwrap();
}

#[test]
fn commands_come_with_the_hint_and_are_answered_before_sleep() {
    let command =
        |id: u8| format!("{{\"id\":\"{id}\",\"method\":\"thing.service.reboot\",\"params\":{{\"n\":{id}}}}}");
    const PATH: &str = "/topic/sys/pk/dk/thing/service/reboot";
    let peer = Peer::start(move |request| {
        Some(match (request.code, request.path.as_str()) {
            (POST, "/auth/pk/dk") => Reply::new(CHANGED),
            // Inline, beside the reply of the post.
            (POST, "/topic/sys/pk/dk/thing/measurepoint/post") => {
                request.accepted().option(2100, PATH).option(2102, command(1))
            }
            // The answer to the first brings the hint to a second, to be fetched.
            (POST, "/topic/sys/pk/dk/thing/service/reboot_reply") if request.json()["id"] == "1" => {
                Reply::new(CHANGED).option(2100, PATH)
            }
            (POST, "/topic/sys/pk/dk/thing/service/reboot_reply") => Reply::new(CHANGED),
            (GET, PATH) => Reply::new(CONTENT).payload(command(2)),
            other => panic!("{other:?}"),
        })
    });
    let client = builder(&peer.url()).sleepy(true).build().unwrap();
    let (tell, hear) = mpsc::channel();
    client
        .on_service("reboot", move |call, reply| {
            tell.send(call.params().to_owned()).unwrap();
            let _ = reply.ok(&[]);
        })
        .unwrap();
    let (say, refused) = mpsc::channel();
    let own = client.clone();
    client.submit_connect(SOON, move |_| say.send(own.sleep(SOON).unwrap_err()).unwrap()).unwrap();
    let refused = refused.recv_timeout(SOON).unwrap();
    assert_eq!(refused.kind, ErrorKind::InvalidState, "within a callback it would wait for itself");
    client.post_measurepoints(&[Point::new("temp", 21.5)]).unwrap();
    let report = client.sleep(SOON).unwrap();
    assert_eq!(hear.try_iter().collect::<Vec<_>>(), ["{\"n\":1}", "{\"n\":2}"]);
    let replies: Vec<_> = peer
        .requests()
        .iter()
        .filter(|request| request.path.ends_with("_reply"))
        .map(Request::json)
        .collect();
    assert!(replies.len() == 2 && replies.iter().all(|reply| reply["code"] == 200), "{replies:?}");
    assert_eq!(report.datagrams_sent, 5, "sign-in, post, answer, fetch, answer");
}

#[test]
fn a_wrong_secret_returns_at_once() {
    let peer = Peer::start(|_| Some(Reply::new(UNAUTHORIZED)));
    let client = builder(&peer.url()).build().unwrap();
    let start = Instant::now();
    let error = client.connect(SOON).unwrap_err();
    assert!(start.elapsed() < SOON / 2);
    assert_eq!((error.kind, error.hub_code), (ErrorKind::SignatureRejected, 401));
    says(&error, &["pk/dk", "secret"]);
}

#[test]
fn a_session_that_the_hub_forgot_is_made_anew() {
    let mut posts = 0;
    let peer = Peer::start(move |request| match request.path.as_str() {
        "/auth/pk/dk" => Some(Reply::new(CHANGED)),
        _ => {
            posts += 1;
            Some(if posts == 1 { Reply::new(UNAUTHORIZED) } else { request.accepted() })
        }
    });
    let client = online(&peer.url());
    client.post_measurepoints(&[Point::new("temp", 21.5)]).unwrap();
    let paths: Vec<_> = peer.requests().iter().map(|request| request.path.len()).collect();
    assert_eq!(paths.len(), 4, "sign-in, post, sign-in, post");
}

#[test]
fn nobody_listens_or_nobody_answers() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("coap://{}", silent.local_addr().unwrap());
    let ill = builder(&url).build().unwrap().doctor(Duration::from_secs(4));
    let step = ill.failure().unwrap();
    assert_eq!((step.stage, step.cause), (Stage::Reach, Some(Cause::NoAnswer)), "{ill}");
    assert_eq!(ill.exit_code(), 12);
    let secured = url.replace("coap", "coaps");
    let ill = builder(&secured).build().unwrap().doctor(Duration::from_secs(4));
    let step = ill.failure().unwrap();
    assert_eq!((step.stage, step.cause), (Stage::Reach, Some(Cause::NoAnswer)), "{ill}");
    drop(silent);
    let ill = builder(&secured).build().unwrap().doctor(Duration::from_secs(4));
    let step = ill.failure().unwrap();
    assert_eq!((step.stage, step.cause), (Stage::Reach, Some(Cause::ConnectionRefused)), "{ill}");
    let error = builder(&url).build().unwrap().connect(SHORT).unwrap_err();
    assert_eq!(error.kind, ErrorKind::ConnectFailed, "{error}");
    says(&error, &["nobody listens"]);
    let ill = builder(&url).build().unwrap().doctor(Duration::from_secs(4));
    let step = ill.failure().unwrap();
    assert_eq!((step.stage, step.cause), (Stage::Reach, Some(Cause::ConnectionRefused)), "{ill}");
}

#[test]
fn the_doctor_walks_the_way_over_udp() {
    let peer = Peer::start(kind);
    let report = builder(&peer.url()).build().unwrap().doctor(SOON);
    assert!(report.healthy() && report.complete(), "{report}");
    let stages: Vec<_> = report.steps().iter().map(|step| step.stage).collect();
    assert!(stages.contains(&Stage::Reach) && !stages.contains(&Stage::Tcp), "{stages:?}");
    let peer = Peer::start(|_| Some(Reply::new(UNAUTHORIZED)));
    let ill = builder(&peer.url()).build().unwrap().doctor(SOON);
    let step = ill.failure().unwrap();
    assert_eq!((step.stage, step.cause), (Stage::SignIn, Some(Cause::CredentialsRefused)), "{ill}");
    assert!(step.detail.contains("4.01") && step.status == Status::Failed, "{ill}");
}

#[test]
fn what_coap_does_not_offer_is_refused_at_once_and_names_what_does() {
    let tls = Tls::new().client("certificate", "key");
    let activation = Login::dynamic_activation("pk", "dk", "canary-product", MemorySecretStore::new());
    for (built, words) in [
        (builder("coap://hub").proxy(Proxy::new("proxy", 1)).build(), ["proxy", "ssl://"]),
        (builder("coaps://hub").tls(tls).build(), ["client certificate", "ssl://"]),
        (Client::builder("coap://hub").login(activation).build(), ["activation", "coaps"]),
    ] {
        let error = built.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported, "{error}");
        says(&error, &words);
    }
    let wrong = builder("coap://hub").coap_lifetime(Duration::from_secs(29)).build().unwrap_err();
    assert_eq!(wrong.kind, ErrorKind::InvalidArgument, "{wrong}");
}

#[test]
fn sleep_is_for_coap_and_fails_while_something_is_open() {
    let client = builder("tcp://127.0.0.1:1").build().unwrap();
    let error = client.sleep(SOON).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    says(&error, &["coap"]);
    // The sign-in is answered, the post is not.
    let peer = Peer::start(|request| (request.path == "/auth/pk/dk").then(|| Reply::new(CHANGED)));
    let client = online(&peer.url());
    let pending = client.begin_measurepoints(&[Point::new("temp", 1)], Default::default()).unwrap();
    let error = client.sleep(SHORT).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
    // A close gives the post up, and so ends a sleep that waits for it.
    let (tell, hear) = mpsc::channel();
    client.submit_sleep(SOON, move |result| tell.send(result).unwrap()).unwrap();
    client.close(SHORT).unwrap();
    assert!(hear.recv_timeout(SOON).is_ok(), "told, once");
    assert!(hear.recv_timeout(SOON).is_err());
    assert!(pending.wait(SOON).unwrap().is_err());
}
