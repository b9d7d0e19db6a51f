//! The sockets of the hub: listeners, TLS, MQTT connections, CoAP, and the HTTP server that carries the REST routes.
//!
//! Owns bytes, packets, sessions and per-connection limits. Knows nothing of measurepoints: what a message
//! means is the cloud's business.

pub(crate) mod coap;
mod faulty;
pub(crate) mod http;
pub(crate) mod listen;
pub(crate) mod mqtt;
mod places;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use crate::capture::Capture;
use crate::clock::Clock;
use crate::domain::Cloud;
use crate::fabric::Fabric;
use crate::journal::{Entry, EntryKind};

/// What every connection shares.
pub(crate) struct Front {
    pub(crate) cloud: Arc<Cloud>,
    pub(crate) fabric: Fabric,
    pub(crate) clock: Clock,
    pub(crate) sessions: mqtt::Sessions,
    /// Where the traffic is written to, if it is.
    pub(crate) capture: Option<Arc<Capture>>,
    pub(crate) limits: Limits,
}

/// Bounds of the device side.
pub(crate) struct Limits {
    /// Connections at once, signed in or not.
    pub(crate) connections: usize,
    /// HTTP connections at once, for each port.
    pub(crate) http_connections: usize,
    /// Remaining length of a packet. Well above the 512 KB that a payload may have, which the cloud answers
    /// with code 1008.
    pub(crate) packet_bytes: usize,
    /// Time for the TLS handshake and a whole CONNECT, each.
    pub(crate) connect_wait: Duration,
    /// Time a refused client gets to read its CONNACK and close.
    pub(crate) linger: Duration,
    /// Milliseconds a peer may take nothing while something waits for it.
    pub(crate) stall_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            http_connections: 1_024,
            packet_bytes: 1024 * 1024,
            connect_wait: Duration::from_secs(10),
            linger: Duration::from_secs(2),
            stall_ms: 20_000,
        }
    }
}

impl Front {
    /// Writes a journal line about a connection of no known device.
    pub(crate) fn transport(&self, text: impl Into<std::borrow::Cow<'static, str>>) {
        self.cloud.note(Entry::new(EntryKind::Transport, text));
    }
}
