//! The HTTP side through its router, with devices that are played by hand.

mod codes;
mod commands;
mod control;
mod devices;
mod eyes;
mod faults;
mod logs;
mod metrics;
mod openapi;
mod signed;
mod tsdb;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{ServerInfo, router};
use crate::clock::Clock;
use crate::domain::{Cloud, CloudOptions, SignIn, SignedIn, example_seed};
use crate::enos::sign;
use crate::fabric::{Claim, DeviceId, Fabric, News, OpenLine, Outbound};

const START_MS: u64 = 1_700_000_000_000;
const TOKEN_GET: &str = "/apim-token-service/v2.0/token/get";

/// A hub without sockets.
struct Rest {
    router: Router,
    cloud: Arc<Cloud>,
    clock: Clock,
}

impl Rest {
    fn new() -> Self {
        Self::with(false, ServerInfo { ca_pem: "(a certificate)".to_owned(), ..ServerInfo::default() })
    }

    fn with(strict: bool, info: ServerInfo) -> Self {
        let clock = Clock::manual(START_MS);
        let cloud = Cloud::new(clock.clone(), Fabric::new(), CloudOptions { strict });
        cloud.load_seed(example_seed()).unwrap();
        Self { router: router(cloud.clone(), info), cloud, clock }
    }

    /// Lets time pass and the timer run, as the hub does.
    fn pass(&self, ms: u64) {
        self.clock.advance(ms);
        self.cloud.tick();
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let json = serde_json::from_slice(&body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
        (status, json)
    }

    async fn call(&self, method: Method, uri: &str, body: &str) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(uri).body(Body::from(body.to_owned())).unwrap();
        self.send(request).await
    }

    async fn get(&self, uri: &str) -> Value {
        self.call(Method::GET, uri, "").await.1
    }

    async fn post(&self, uri: &str, body: &str) -> Value {
        self.call(Method::POST, uri, body).await.1
    }

    /// A call signed by the application of the example seed.
    async fn signed_post(&self, uri: &str, body: &str) -> Value {
        let token = self.post(TOKEN_GET, &token_body("demo-app", "demo-app-secret")).await;
        let token = token["data"]["accessToken"].as_str().unwrap();
        self.send(signed(Method::POST, uri, body, token, "demo-app-secret")).await.1
    }

    /// `POST /connect-service/v2.1/…` for a device of the example seed.
    async fn post_for(&self, device: &str, resource_and_action: &str, body: &str) -> Value {
        self.post(&uri(device, resource_and_action), body).await
    }

    /// Signs a device of the example seed in, as the transport would.
    fn device(&self, name: &str) -> Player {
        let (product_key, device_key) = name.split_once('/').unwrap();
        let device = self.cloud.store.device(&DeviceId::new(product_key, device_key)).unwrap();
        let content = sign::login_content(device_key, device_key, product_key, "1");
        let who = self
            .cloud
            .sign_in(SignIn {
                client_id: &format!("{device_key}|securemode=2,signmethod=sha256,timestamp=1|"),
                username: &format!("{device_key}&{product_key}"),
                password: sign::sha256_hex(&[&content, device.secret.expose()]).as_bytes(),
                clean_session: true,
                keep_alive_s: 60,
                peer: "127.0.0.1:40000".parse().unwrap(),
                tls: None,
            })
            .unwrap();
        let open = self.cloud.fabric.open(100).unwrap();
        let claim = self.cloud.fabric.claim(&who.device, open.line());
        self.cloud.connected(&who, open.line().id());
        Player { cloud: self.cloud.clone(), who, open, _claim: claim }
    }

    async fn journal(&self, kind: &str) -> Vec<Value> {
        let read = self.get(&format!("/hub/v1/journal?kind={kind}&limit=1000")).await;
        read["entries"].as_array().unwrap().clone()
    }
}

fn uri(device: &str, resource_and_action: &str) -> String {
    let (product_key, device_key) = device.split_once('/').unwrap();
    format!("/connect-service/v2.1/{resource_and_action}&productKey={product_key}&deviceKey={device_key}")
}

/// A connected device whose part the test plays.
struct Player {
    cloud: Arc<Cloud>,
    who: SignedIn,
    open: OpenLine,
    _claim: Claim,
}

impl Player {
    /// The device's secret.
    fn who_secret(&self) -> String {
        self.cloud.store.device(&self.who.device).unwrap().secret.expose().to_owned()
    }

    /// What comes next; fails if nothing does, however often the others had their turn.
    async fn news(&self) -> News {
        let mut news = pin!(self.open.line().news());
        for _ in 0..100_000 {
            if let Poll::Ready(news) = poll_fn(|cx| Poll::Ready(news.as_mut().poll(cx))).await {
                return news;
            }
            tokio::task::yield_now().await;
        }
        panic!("nothing came for {}", self.who.device);
    }

    /// The next command.
    async fn command(&self) -> Command {
        match self.news().await {
            News::Messages(mut messages) => {
                assert_eq!(messages.len(), 1, "one command at a time");
                Command(messages.remove(0))
            }
            News::End(reason) => panic!("cut: {reason}"),
        }
    }

    fn say(&self, topic: &str, payload: &str) -> Vec<Outbound> {
        self.cloud.message(&self.who, topic, payload.as_bytes(), 1)
    }

    fn answer(&self, command: &Command, rest: &str) {
        let reply = format!("{}_reply", command.0.topic);
        assert!(self.say(&reply, &format!("{{\"id\":\"{}\",{rest}}}", command.id())).is_empty());
    }
}

struct Command(Outbound);

impl Command {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.0.payload).unwrap()
    }

    fn id(&self) -> String {
        self.json()["id"].as_str().unwrap().to_owned()
    }
}

/// A token request with a time stamp of its own.
fn token_body(app_key: &str, secret: &str) -> String {
    static LAST: AtomicU64 = AtomicU64::new(START_MS);
    let timestamp = LAST.fetch_add(1, Ordering::Relaxed);
    let encryption = sign::sha256_hex(&[app_key, &timestamp.to_string(), secret]);
    json!({"appKey": app_key, "encryption": encryption, "timestamp": timestamp}).to_string()
}

fn signed(method: Method, uri: &str, body: &str, token: &str, secret: &str) -> Request<Body> {
    let query = uri.split_once('?').unwrap().1;
    let mut pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    pairs.sort();
    let parameters: String = pairs.into_iter().map(|(name, value)| name + &value).collect();
    let signature = sign::sha256_hex(&[token, &parameters, body, "5", secret]);
    Request::builder()
        .method(method)
        .uri(uri)
        .header("apim-accesstoken", token)
        .header("apim-signature", signature)
        .header("apim-timestamp", "5")
        .body(Body::from(body.to_owned()))
        .unwrap()
}
