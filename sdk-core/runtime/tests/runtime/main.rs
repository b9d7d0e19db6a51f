//! The runtime against scripted hubs on loopback: good ones, bad ones, and none at all.

// A failed step of a test is its end.
#![allow(clippy::unwrap_used)]

mod coap;
mod coap_peer;
mod commands;
mod connect;
mod ends;
mod hub;
mod posts;
mod tls;

use enos_runtime::{Client, ClientBuilder, Error, Login};
use std::time::Duration;

/// Long enough for anything that works.
const SOON: Duration = Duration::from_secs(20);

/// A builder with a login, and pauses short enough for tests.
fn builder(url: &str) -> ClientBuilder {
    Client::builder(url)
        .login(Login::device_secret("pk", "dk", "canary-secret"))
        .backoff(Duration::from_millis(1), Duration::from_millis(5))
        .dial_budget(8, Duration::from_secs(1))
}

fn online(url: &str) -> Client {
    let client = builder(url).build().unwrap();
    client.connect(SOON).unwrap();
    client
}

/// Every error must name cause and next step, and no secret.
fn says(error: &Error, words: &[&str]) {
    for word in words {
        assert!(error.message.contains(word), "{word:?} is not in: {error}");
    }
    assert!(!error.message.contains("canary"), "{error}");
}
