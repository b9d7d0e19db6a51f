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
use std::net::SocketAddr;
use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::{Cloud, CloudOptions};
use crate::fabric::Fabric;
use crate::front::{Front, Limits, mqtt};

pub use crate::front::mqtt::{Connection, Phase};

/// A hub that does nothing by itself.
pub struct BareHub {
    front: Arc<Front>,
}

impl BareHub {
    /// A hub with no seed; `strict` as in [`Builder::strict`](crate::Builder::strict).
    #[must_use]
    pub fn new(clock: Clock, strict: bool) -> Self {
        let fabric = Fabric::new();
        let cloud = Cloud::new(clock.clone(), fabric.clone(), CloudOptions { strict });
        let (sessions, limits) = (mqtt::Sessions::default(), Limits::default());
        Self { front: Arc::new(Front { cloud, fabric, clock, sessions, limits }) }
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
