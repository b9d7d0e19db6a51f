//! The secured side under a network that tests make: no socket, a clock that stands.

#[allow(dead_code, reason = "tests on sockets use the rest")]
#[path = "../../../../../tests/support/dtls_client.rs"]
pub(super) mod client;
mod handshakes;
mod hostile;

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;

use crate::clock::Clock;
use crate::domain::{Cloud, CloudOptions};
use crate::fabric::Fabric;
use crate::front::{Front, Limits, mqtt};
use crate::journal::Filter;

use super::{Dtls, Endpoint};
use client::{CCM8, DtlsClient, POST, request, response};

const SEED: &str = r#"{
  "models": [{"modelId": "m", "measurepoints": {"temp": {"identifier": "temp", "dataType": "DOUBLE"}}}],
  "products": [{"productKey": "pk1", "productSecret": "ps1", "productName": "p", "modelId": "m",
     "dynamicActivateEnabled": true},
    {"productKey": "pk2", "productSecret": "ps2", "productName": "q", "modelId": "m"}],
  "devices": [{"productKey": "pk1", "deviceKey": "d1", "deviceSecret": "secret-d1"},
    {"productKey": "pk1", "deviceKey": "d2", "deviceSecret": "secret-d2"},
    {"productKey": "pk2", "deviceKey": "d1", "deviceSecret": "secret-d1"}]
}"#;

/// A hub's secured side, and the clock that it lives by.
pub(super) struct World {
    pub(super) dtls: Dtls,
    pub(super) clock: Clock,
    front: Arc<Front>,
    last_id: u16,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(CloudOptions::default())
    }

    pub(super) fn with(options: CloudOptions) -> Self {
        let (clock, fabric) = (Clock::manual(1_700_000_000_000), Fabric::new());
        let cloud = Cloud::new(clock.clone(), fabric.clone(), options);
        cloud.load_seed(SEED).unwrap();
        let (sessions, limits) = (mqtt::Sessions::default(), Limits::default());
        let front = Arc::new(Front { cloud, fabric, clock: clock.clone(), sessions, capture: None, limits });
        Self { dtls: Dtls::new(front.clone()).unwrap(), clock, front, last_id: 0 }
    }

    pub(super) fn cloud(&self) -> &Cloud {
        &self.front.cloud
    }

    /// Lets a datagram in; gives what comes out for its sender, and fails if something comes out for others.
    pub(super) fn tell(&mut self, from: SocketAddr, datagram: &[u8]) -> Vec<Vec<u8>> {
        self.dtls.receive(from, datagram);
        let all = self.take();
        all.into_iter()
            .map(|(to, bytes)| {
                assert_eq!(to, from, "for another");
                bytes
            })
            .collect()
    }

    /// What comes out.
    pub(super) fn take(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        std::iter::from_fn(|| self.dtls.transmit()).map(|datagram| (datagram.to, datagram.bytes)).collect()
    }

    /// Moves the clock on and lets what is due happen; gives what comes out.
    pub(super) fn pass(&mut self, ms: u64) -> Vec<(SocketAddr, Vec<u8>)> {
        self.clock.advance(ms);
        self.dtls.expire();
        self.take()
    }

    /// Shakes hands as far as it goes; gives what the client was told once it was signed in.
    pub(super) fn shake(&mut self, from: SocketAddr, client: &mut DtlsClient) {
        while client.over.is_none() {
            let flight = client.transmit();
            if flight.is_empty() {
                return;
            }
            for datagram in flight {
                self.dtls.receive(from, &datagram);
                for (to, bytes) in self.take() {
                    if to == from {
                        client.receive(&bytes);
                    }
                }
            }
        }
    }

    /// A client of the device d1 of pk1 that is signed in.
    pub(super) fn signed_in(&mut self, from: SocketAddr) -> DtlsClient {
        let mut client = d1();
        self.shake(from, &mut client);
        assert!(client.done && client.over.is_none(), "{:?} {:#?}", client.over, self.journal("refused"));
        client
    }

    /// A sealed post of a value; its id is the Message ID too.
    pub(super) fn sealed_post(&mut self, client: &mut DtlsClient) -> Vec<u8> {
        self.last_id += 1;
        let id = self.last_id;
        let payload = format!(
            r#"{{"id":"{id}","version":"1.0","method":"thing.measurepoint.post","params":{{"measurepoints":{{"temp":{id}}}}}}}"#
        );
        client.seal(&request(POST, id, "/topic/sys/pk1/d1/thing/measurepoint/post", payload.as_bytes()))
    }

    /// The CoAP code that a post is answered with; none if it is not.
    pub(super) fn post(&mut self, from: SocketAddr, client: &mut DtlsClient) -> Option<u16> {
        let sealed = self.sealed_post(client);
        let answer = self.tell(from, &sealed).pop()?;
        let plain = client.receive(&answer).pop()?;
        Some(response(&plain).0)
    }

    /// The texts of the journal's entries of a kind, oldest first.
    pub(super) fn journal(&self, kind: &str) -> Vec<String> {
        let found = self.front.cloud.journal.read(&Filter { limit: 10_000, ..Filter::default() });
        let lines = found.entries.iter().map(|seen| {
            let line = crate::journal::Line { seen, full: false };
            serde_json::to_value(line).unwrap()
        });
        lines
            .filter(|line: &Value| line["kind"] == kind)
            .map(|line| line["text"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Fails unless the newest line of a kind holds a text.
    pub(super) fn last_says(&self, kind: &str, wanted: &str) {
        let lines = self.journal(kind);
        assert!(
            lines.last().is_some_and(|last| last.contains(wanted)),
            "\"{wanted}\" is not the last of {lines:#?}"
        );
    }
}

/// A client of the device d1 of pk1 that has said its first hello.
pub(super) fn d1() -> DtlsClient {
    DtlsClient::new("pk1,d1,2,300", "secret-d1", CCM8)
}

pub(super) fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}
