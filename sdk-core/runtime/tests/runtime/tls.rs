//! TLS: who is trusted, who is not, and what is said about it.

use crate::hub::{Authority, Hub};
use crate::{SOON, builder, says};
use enos_runtime::{Error, ErrorKind, Point, Tls};
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use std::time::{Duration, Instant};

const BOTH: &[&SupportedProtocolVersion] = &[&TLS12, &TLS13];
const SHORT: Duration = Duration::from_millis(500);

fn serve(authority: &Authority, names: &[&str], versions: &[&'static SupportedProtocolVersion]) -> Hub {
    let server = authority.server(authority.issue(names, |_| ()), versions, None);
    Hub::tls(server, |_, conn| conn.serve())
}

fn refusal(hub: &Hub, host: &str, tls: Tls) -> Error {
    builder(&hub.tls_url(host)).tls(tls).build().unwrap().connect(SHORT).unwrap_err()
}

#[test]
fn both_versions_names_and_addresses() {
    let authority = Authority::new();
    for versions in [&[&TLS12][..], &[&TLS13]] {
        let hub = serve(&authority, &["localhost", "127.0.0.1"], versions);
        for host in ["localhost", "127.0.0.1"] {
            let client = builder(&hub.tls_url(host)).tls(Tls::new().ca(authority.pem())).build().unwrap();
            client.connect(SOON).unwrap();
            client.post_measurepoints(&[Point::new("temp", 21.5)]).unwrap();
            // More than one record, and more than a socket takes at once.
            let text = "x".repeat(400 * 1024);
            client.post_measurepoints(&[Point::new("text", text.as_str())]).unwrap();
            client.close(SOON).unwrap();
        }
    }
}

#[test]
fn untrusted_issuers() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    // By name a thread of the pool dials, by address the caller.
    for host in ["localhost", "127.0.0.1"] {
        let hub = serve(&theirs, &[host], BOTH);
        let client = builder(&hub.tls_url(host)).tls(Tls::new().ca(ours.pem())).build().unwrap();
        let start = Instant::now();
        let error = client.connect(SOON).unwrap_err();
        assert!(start.elapsed() < SOON / 2, "{host}: waiting cannot cure it");
        assert_eq!(error.kind, ErrorKind::TlsFailed);
        assert!(!error.retryable);
        says(&error, &["not trusted", "Give the hub's CA"]);
        assert_eq!(hub.accepted(), 1, "trying again cannot cure it");
    }
}

#[test]
fn the_systems_cas_do_not_know_ours() {
    let hub = serve(&Authority::new(), &["localhost"], BOTH);
    let error = refusal(&hub, "localhost", Tls::new());
    assert_eq!(error.kind, ErrorKind::TlsFailed);
    assert!(error.message.contains("CA"), "{error}");
}

#[test]
fn expired_and_not_yet_valid() {
    let authority = Authority::new();
    for (from, to, words) in [
        (2000, 2001, &["expired", "days ago", "clock"][..]),
        (2500, 2501, &["becomes valid in", "days", "clock"][..]),
    ] {
        let issued = authority.issue(&["localhost"], |params| {
            params.not_before = rcgen::date_time_ymd(from, 1, 1);
            params.not_after = rcgen::date_time_ymd(to, 1, 1);
        });
        let hub = Hub::tls(authority.server(issued, BOTH, None), |_, conn| conn.serve());
        let error = refusal(&hub, "localhost", Tls::new().ca(authority.pem()));
        assert_eq!(error.kind, ErrorKind::TlsFailed);
        says(&error, words);
    }
}

#[test]
fn misnamed() {
    let authority = Authority::new();
    let hub = serve(&authority, &["hub.example"], BOTH);
    for host in ["localhost", "127.0.0.1"] {
        let error = refusal(&hub, host, Tls::new().ca(authority.pem()));
        assert_eq!(error.kind, ErrorKind::TlsFailed);
        says(&error, &[host, "hub.example", "hub URL"]);
    }
}

#[test]
fn client_certificates() {
    let (servers, devices) = (Authority::new(), Authority::new());
    for versions in [&[&TLS12][..], &[&TLS13]] {
        let server = servers.server(servers.issue(&["localhost"], |_| ()), versions, Some(&devices));
        let hub = Hub::tls(server, |_, mut conn| {
            if conn.packet().is_some() {
                conn.send(&[0x20, 2, 0, 0]);
                conn.serve_on();
            }
        });
        let trust = || Tls::new().ca(servers.pem());
        let (certificate, key) = devices.issue(&["device"], |_| ());
        let shown = trust().client(certificate.pem(), key.serialize_pem());
        let client = builder(&hub.tls_url("localhost")).tls(shown).build().unwrap();
        client.connect(SOON).unwrap();
        client.post_measurepoints(&[Point::new("temp", 21.5)]).unwrap();
        client.close(SOON).unwrap();

        let error = refusal(&hub, "localhost", trust());
        assert_eq!(error.kind, ErrorKind::TlsFailed, "{error}");
        says(&error, &["client certificate", "Give certificate and key"]);

        let (certificate, key) = Authority::new().issue(&["device"], |_| ());
        let error = refusal(&hub, "localhost", trust().client(certificate.pem(), key.serialize_pem()));
        assert_eq!(error.kind, ErrorKind::TlsFailed, "{error}");
        says(&error, &["refused the client certificate"]);
    }
}

#[test]
fn tls_to_a_port_in_clear() {
    // A hub in clear takes the handshake for a malformed packet and closes.
    let hub = Hub::start(|_, mut conn| {
        let mut hello = [0; 64];
        let _ = std::io::Read::read(&mut conn.stream, &mut hello);
    });
    let error = refusal(&hub, "127.0.0.1", Tls::new().ca(Authority::new().pem()));
    assert_eq!(error.kind, ErrorKind::ConnectFailed);
    says(&error, &["instead of a TLS handshake", "tcp://"]);

    // Something that answers in clear.
    let hub = Hub::start(|_, mut conn| {
        conn.send(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        while conn.packet().is_some() {}
    });
    let error = refusal(&hub, "127.0.0.1", Tls::new().ca(Authority::new().pem()));
    assert_eq!(error.kind, ErrorKind::TlsFailed);
    says(&error, &["not with TLS", "tcp://"]);
}

#[test]
fn clear_to_a_tls_port() {
    let authority = Authority::new();
    let hub = serve(&authority, &["localhost"], BOTH);
    let error = builder(&hub.tcp_url()).build().unwrap().connect(SHORT).unwrap_err();
    says(&error, &["ssl://"]);
}

#[test]
fn a_port_that_never_answers_the_handshake() {
    let hub = Hub::start(|_, mut conn| {
        let mut block = [0; 512];
        while std::io::Read::read(&mut conn.stream, &mut block).is_ok_and(|count| count > 0) {}
    });
    let client = builder(&hub.tls_url("127.0.0.1"))
        .tls(Tls::new().ca(Authority::new().pem()))
        .handshake_timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    let error = client.connect(SHORT).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    says(&error, &["TLS handshake in time"]);
}
