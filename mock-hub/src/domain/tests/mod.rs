//! The cloud driven from outside: sign-ins, messages and commands, against the example seed or a small one.

mod captures;
mod commands;
mod inbound;
mod keep;
mod kept;
mod lifecycle;
mod properties;
mod rules;
mod scratch;
mod seed;
mod session;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use serde_json::{Value, json};

use super::{Cloud, CloudOptions, Refused, SignIn, SignedIn, TlsPeer, example_seed};
use crate::clock::Clock;
use crate::enos::sign;
use crate::fabric::{Claim, ConnectionId, DeviceId, Fabric, News, OpenLine, Outbound};
use crate::journal::{Filter, Kinds};

/// Wall time at which the manual clock stands.
const START_MS: u64 = 1_700_000_000_000;

/// A cloud with a clock that moves by hand.
struct World {
    cloud: Arc<Cloud>,
    clock: Clock,
}

impl World {
    fn new(strict: bool, seed: &str) -> Self {
        let clock = Clock::manual(START_MS);
        let cloud = Cloud::new(clock.clone(), Fabric::new(), CloudOptions { strict });
        cloud.load_seed(seed).unwrap();
        Self { cloud, clock }
    }

    fn example() -> Self {
        Self::new(false, example_seed())
    }

    fn strict() -> Self {
        Self::new(true, example_seed())
    }

    /// Signs a device of the example seed in and connects it.
    fn online(&self, product_key: &str, device_key: &str) -> SignedIn {
        let who = self.sign_in(&Connect::of(product_key, device_key)).unwrap();
        self.cloud.connected(&who, ConnectionId(1));
        who
    }

    fn sign_in(&self, connect: &Connect) -> Result<SignedIn, Refused> {
        let tls = connect
            .certificate
            .as_ref()
            .map(|certificate| TlsPeer { client_certificate: certificate.as_deref() });
        self.cloud.sign_in(SignIn {
            client_id: &connect.client_id,
            username: &connect.username,
            password: connect.password.as_bytes(),
            clean_session: true,
            keep_alive_s: connect.keep_alive_s,
            peer: "127.0.0.1:40000".parse().unwrap(),
            tls,
        })
    }

    fn journal(&self, kind: &str) -> Vec<Value> {
        let kind = super::EntryKind::ALL.into_iter().find(|known| known.name() == kind);
        let kinds = Kinds::NONE.with(kind.unwrap());
        let filter = Filter { kinds, limit: 100, ..Filter::default() };
        self.cloud.journal.read(&filter).to_json()["entries"].as_array().unwrap().clone()
    }

    /// The text of the newest entry of a kind.
    fn last(&self, kind: &str) -> String {
        self.journal(kind).last().map_or_else(String::new, |entry| entry["text"].as_str().unwrap().to_owned())
    }

    /// Signs a device of the example seed in on a line of its own, as the transport would.
    fn player(&self, product_key: &str, device_key: &str) -> Player {
        let who = self.sign_in(&Connect::of(product_key, device_key)).unwrap();
        self.on_a_line(who)
    }

    fn on_a_line(&self, who: SignedIn) -> Player {
        let open = self.cloud.fabric.open(1_000).unwrap();
        let claim = self.cloud.fabric.claim(&who.device, open.line());
        self.cloud.connected(&who, open.line().id());
        Player { cloud: self.cloud.clone(), who, open, claim }
    }

    /// Lets time pass and the timer run, as the hub does.
    fn pass(&self, ms: u64) {
        self.clock.advance(ms);
        self.cloud.tick();
    }

    fn status(&self, id: &DeviceId) -> &'static str {
        self.cloud.store.device(id).unwrap().state().status().name()
    }
}

/// A connected device whose part the test plays.
struct Player {
    cloud: Arc<Cloud>,
    who: SignedIn,
    open: OpenLine,
    claim: Claim,
}

impl Player {
    /// What the hub sent since the last look, or why it ended the connection.
    fn news(&self) -> Result<Vec<Outbound>, String> {
        match self.open.line().poll_news(&Context::from_waker(Waker::noop()), true) {
            Poll::Pending => Ok(Vec::new()),
            Poll::Ready(News::Messages(messages)) => Ok(messages),
            Poll::Ready(News::End(reason)) => Err(reason.to_string()),
        }
    }

    /// Whether the hub ended the connection; takes nothing that it sent.
    fn is_cut(&self) -> bool {
        self.open.line().poll_news(&Context::from_waker(Waker::noop()), false).is_ready()
    }

    /// The ids of the commands that came since the last look.
    fn commands(&self) -> Vec<u64> {
        let id = |message: Outbound| {
            let command: Value = serde_json::from_slice(&message.payload).unwrap();
            command["id"].as_str().unwrap().parse().unwrap()
        };
        self.news().unwrap().into_iter().map(id).collect()
    }

    fn answer(&self, id: u64, code: i64) {
        let topic = format!(
            "/sys/{}/{}/thing/service/x_reply",
            self.who.device.product_key, self.who.device.device_key
        );
        let payload = format!("{{\"id\":\"{id}\",\"code\":{code},\"data\":{{}}}}");
        assert!(self.cloud.message(&self.who, &topic, payload.as_bytes(), 1).is_empty());
    }

    /// The connection ends.
    fn leave(self) {
        let connection = self.open.line().id();
        drop((self.claim, self.open));
        self.cloud.disconnected(&self.who, connection, "left");
    }
}

/// A CONNECT of the strict form, ready to be bent.
struct Connect {
    client_id: String,
    username: String,
    password: String,
    keep_alive_s: u16,
    /// None: no TLS; Some(None): TLS without a certificate.
    certificate: Option<Option<Vec<u8>>>,
}

impl Connect {
    /// A static login of a device of the example seed.
    fn of(product_key: &str, device_key: &str) -> Self {
        let seed: Value = serde_json::from_str(example_seed()).unwrap();
        let devices = seed["devices"].as_array().unwrap();
        let device = devices.iter().find(|device| device["deviceKey"] == device_key).unwrap();
        Self::signed(product_key, device_key, 2, device["deviceSecret"].as_str().unwrap())
    }

    fn signed(product_key: &str, device_key: &str, mode: u8, secret: &str) -> Self {
        let timestamp = "1626345678901";
        let content = sign::login_content(device_key, device_key, product_key, timestamp);
        Self {
            client_id: format!("{device_key}|securemode={mode},signmethod=sha256,timestamp={timestamp}|"),
            username: format!("{device_key}&{product_key}"),
            password: sign::sha256_hex(&[&content, secret]),
            keep_alive_s: 60,
            certificate: None,
        }
    }
}

/// The reply to a request, as JSON.
fn reply(outbound: &[crate::fabric::Outbound]) -> Value {
    assert_eq!(outbound.len(), 1);
    serde_json::from_slice(&outbound[0].payload).unwrap()
}

fn ok(id: &str) -> Value {
    json!({"id": id, "code": 200, "data": ""})
}
