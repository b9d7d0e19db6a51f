//! The HTTP side on its sockets: plain and TLS, certificates over REST, limits, the orderly end.
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

mod support;

use serde_json::{Value, json};
use support::*;

#[test]
fn both_sockets_serve_the_routes() {
    let hub = hub();
    let (status, pem) = http(&mut tcp(hub.http()), "GET", "/hub/v1/ca.pem", "");
    assert_eq!((status, pem.trim()), (200, hub.ca_pem().trim()));
    let (status, state) = http(&mut tls(&hub, hub.https(), None), "GET", "/hub/v1/state", "");
    assert_eq!(status, 200);
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["mqtt"], hub.mqtt().to_string());
    assert_eq!(state["devices"].as_array().unwrap().len(), 4);
}

// Proves: DOC-4-1
#[test]
fn a_certificate_applied_for_over_rest_opens_the_mutual_tls_port() {
    let hub = hub();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "t1");
    let csr = params.serialize_request(&key).unwrap().pem().unwrap();
    let path = "/connect-service/v2.0/certificates?action=apply&orgId=o1&productKey=pk2&deviceKey=t1";
    let (status, answer) = http(&mut tcp(hub.http()), "POST", path, &json!({ "csr": csr }).to_string());
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let certificate = answer["data"]["cert"].as_str().unwrap();
    let mut client = Client(tls(&hub, hub.mqtts(), Some((certificate, &key.serialize_pem()))));
    client.send(&connect(&device("pk2", "t1"), true, 60));
    assert_eq!(client.packet().body, [0, 0]);
}

#[test]
fn what_is_no_http_is_closed_and_harms_nobody() {
    let hub = hub();
    let mut client = Client(tcp(hub.http()));
    client.send(&connect(&device("pk1", "d1"), true, 60));
    let mut rest = Vec::new();
    // At most a 400 comes back.
    let _ = std::io::Read::read_to_end(&mut client.0, &mut rest);
    assert_eq!(http(&mut tcp(hub.http()), "GET", "/hub/v1/state", "").0, 200);
}

#[test]
fn an_idle_http_connection_does_not_hold_up_the_end() {
    let hub = hub();
    let mut idle = Client(tcp(hub.http()));
    let mut half = Client(tcp(hub.http()));
    half.send(b"GET /hub/v1/state HTTP/1.1\r\n");
    drop(hub);
    idle.closed();
    half.closed();
}
