//! The hub without sockets, threads and timers: bytes, calls and a clock in, bytes and deadlines out.
//!
//! For simulations and fuzzers. Everything a [`Hub`](crate::Hub) does behind its sockets is the very same code here;
//! what is missing is whoever moves bytes and waits. With a [manual clock](crate::clock::Clock::manual) and one
//! caller, what happens depends on the calls alone.
//!
//! ```
//! use mock_hub::bare::{BareHub, Phase};
//! use mock_hub::clock::Clock;
//! use std::task::{Context, Waker};
//!
//! let clock = Clock::manual(1_700_000_000_000);
//! let hub = BareHub::new(clock.clone(), false);
//! hub.cloud().load_seed(mock_hub::example_seed())?;
//! let peer = "192.0.2.1:50000".parse()?;
//! let mut connection = hub.connect(peer).ok_or("too many connections")?;
//! connection.receive(b"GET / HTTP/1.1\r\n");
//! connection.take_news(&Context::from_waker(Waker::noop()));
//! assert_eq!(connection.phase(), Phase::Gone);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use tower::ServiceExt as _;

use crate::admin::{self, ServerInfo};
use crate::capture::Side;
use crate::clock::Clock;
use crate::domain::{Cloud, CloudOptions};
use crate::fabric::{DeviceId, Fabric};
use crate::front::coap::{self, Endpoint as _};
use crate::front::{Front, Limits, mqtt};
use crate::store::SeriesQuery;

pub use crate::front::mqtt::{Connection, Phase};

/// Bytes of a reply of the REST API that are read.
const MAX_REPLY: usize = 256 * 1024 * 1024;

/// A hub that does nothing by itself.
pub struct BareHub {
    front: Arc<Front>,
    router: Router,
}

impl BareHub {
    /// A hub with no seed; `strict` as in [`Builder::strict`](crate::Builder::strict).
    #[must_use]
    pub fn new(clock: Clock, strict: bool) -> Self {
        let fabric = Fabric::new();
        let cloud = Cloud::new(clock.clone(), fabric.clone(), CloudOptions { strict });
        let router = admin::router(cloud.clone(), ServerInfo::default());
        let (sessions, limits) = (mqtt::Sessions::default(), Limits::default());
        Self { front: Arc::new(Front { cloud, fabric, clock, sessions, capture: None, limits }), router }
    }

    /// The cloud behind the connections.
    #[must_use]
    pub fn cloud(&self) -> &Arc<Cloud> {
        &self.front.cloud
    }

    /// Where devices are connected.
    #[must_use]
    pub fn fabric(&self) -> &Fabric {
        &self.front.fabric
    }

    /// Accepts a plain MQTT connection from `peer`; none if as many are open as the hub takes, or after
    /// [`stop`](Self::stop).
    #[must_use]
    pub fn connect(&self, peer: SocketAddr) -> Option<Connection> {
        let front = &self.front;
        let open = front.fabric.open(front.limits.connections)?;
        Some(Connection::new(front.clone(), open, peer, mqtt::Security::Plain))
    }

    /// A socket of plain CoAP. Sessions live in it: a second one knows nothing of those of the first.
    #[must_use]
    pub fn coap(&self) -> Coap {
        Coap(coap::Server::new(self.front.clone(), Side::Coap))
    }

    /// Forgets the session that a device of cleanSession 0 left behind; false if there is none.
    pub fn forget_session(&self, device: &DeviceId) -> bool {
        self.front.sessions.forget(device)
    }

    /// The world as JSON, secrets included, as `GET /hub/v1/snapshot` gives it.
    ///
    /// # Errors
    /// The store cannot be read, or holds too much for one document; the text says what to do.
    pub fn snapshot(&self) -> Result<String, String> {
        self.front.cloud.snapshot().map_err(|fault| fault.0.to_string())
    }

    /// Puts the world of a snapshot in place of this one.
    ///
    /// # Errors
    /// It is no snapshot, or one of a newer hub; nothing was changed then.
    pub fn restore(&self, snapshot: &str) -> Result<(), String> {
        self.front.cloud.restore(snapshot).map_err(|error| error.to_string())
    }

    /// What is stored of a point from one time to another (both included), oldest first: time and value. None of an
    /// unknown device or point.
    #[must_use]
    pub fn samples(
        &self,
        device: &DeviceId,
        point: &str,
        from: i64,
        to: i64,
    ) -> Vec<(i64, serde_json::Value)> {
        let cloud = &self.front.cloud;
        let Some(device) = cloud.store.device(device) else { return Vec::new() };
        let query = SeriesQuery { from, to, limit: usize::MAX, newest_first: false };
        let samples = cloud.series(&device, point, &query).unwrap_or_default();
        samples.into_iter().map(|sample| (sample.time, sample.value.to_json())).collect()
    }

    /// Calls a route of the REST API; `body` is sent as JSON, also an empty one.
    ///
    /// # Panics
    /// `path_and_query` is no path.
    #[must_use]
    pub fn call(&self, method: &str, path_and_query: &str, body: String) -> Call {
        let request = Request::builder()
            .method(method)
            .uri(path_and_query)
            .header("content-type", "application/json")
            .body(Body::from(body))
            .unwrap_or_else(|error| panic!("{method} {path_and_query} is no request: {error}"));
        let reply = self.router.clone().oneshot(request);
        Call(Box::pin(async move {
            let reply = reply.await.unwrap_or_else(|never| match never {});
            let (head, body) = reply.into_parts();
            let body = to_bytes(body, MAX_REPLY).await.unwrap_or_default();
            (head.status, String::from_utf8_lossy(&body).into_owned())
        }))
    }

    /// When [`tick`](Self::tick) is due, by the [monotonic clock](Clock::monotonic_ms).
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.front.cloud.next_deadline_ms()
    }

    /// Ends what has lasted too long beside the connections: commands.
    pub fn tick(&self) {
        self.front.cloud.tick();
    }

    /// Tells every connection to end, and takes no new one.
    pub fn stop(&self) {
        self.front.fabric.end_all("the hub is stopping");
    }
}

impl fmt::Debug for BareHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BareHub({:?})", self.front.clock)
    }
}

/// The hub's CoAP socket without a socket. Dropping it ends every session.
pub struct Coap(coap::Server);

impl Coap {
    /// One datagram came.
    pub fn receive(&mut self, from: SocketAddr, datagram: &[u8]) {
        self.0.receive(from, datagram);
    }

    /// The next datagram to send; to be called until there is none, after each of the other calls.
    pub fn transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.0.transmit().map(|datagram| (datagram.to, datagram.bytes))
    }

    /// Looks at what the rest of the hub wants: a device is cut, or taken over. The waker of `cx` hears when there is
    /// more.
    pub fn take_news(&mut self, cx: &Context<'_>) {
        self.0.take_news(cx);
    }

    /// When [`expire`](Self::expire) is due, by the hub's [monotonic clock](Clock::monotonic_ms).
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.0.deadline()
    }

    /// Ends what has lasted too long, and sends again what was not acknowledged.
    pub fn expire(&mut self) {
        self.0.expire();
    }
}

impl fmt::Debug for Coap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Coap")
    }
}

/// A call of the REST API on its way: a command is answered when the device has answered.
pub struct Call(Pin<Box<dyn Future<Output = (StatusCode, String)> + Send>>);

impl Call {
    /// Status and body of the reply, once it is there; the waker of `cx` hears when it may be. Not to be called
    /// again after that.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(u16, String)> {
        let (status, body) = ready!(self.0.as_mut().poll(cx));
        Poll::Ready((status.as_u16(), body))
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Call")
    }
}
