//! Why a connection ended, in words for a device developer.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::packet::Malformed;

/// The one reason a connection ended for.
#[derive(Debug)]
pub(super) enum End {
    /// The client said DISCONNECT.
    Disconnect,
    /// The client closed the TCP connection without DISCONNECT.
    Closed,
    /// The TCP or TLS connection failed.
    Lost(io::Error),
    /// Something else in the hub ordered it.
    Ordered(Arc<str>),
    /// Nothing came for one and a half times the keep alive.
    KeepAlive {
        /// Keep alive of the CONNECT.
        seconds: u16,
    },
    /// A packet breaks the standard.
    Malformed(Malformed),
    /// A packet is longer than the hub reads.
    TooLong {
        /// Its length.
        bytes: usize,
        /// The hub's limit.
        limit: usize,
    },
    /// The client does not acknowledge QoS 1 messages.
    Unacknowledged,
    /// The client does not release QoS 2 messages.
    Unreleased,
    /// An ordered fault: the hub forgets the device and leaves the TCP connection open.
    HalfOpen {
        /// Milliseconds for which it stays open.
        hold_ms: u64,
    },
    /// The client does not read.
    Stalled {
        /// Bytes that wait for it.
        bytes: usize,
    },
}

impl End {
    /// Whether the client broke a rule, which deserves a line of its own in the journal.
    pub(super) fn is_fault(&self) -> bool {
        matches!(
            self,
            Self::Malformed(_)
                | Self::TooLong { .. }
                | Self::Unacknowledged
                | Self::Unreleased
                | Self::Stalled { .. }
        )
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnect => f.write_str("DISCONNECT"),
            Self::Closed => f.write_str("the client closed the connection without DISCONNECT"),
            Self::Lost(error) => write!(f, "the connection was lost: {error}"),
            Self::Ordered(reason) => f.write_str(reason),
            Self::KeepAlive { seconds } => write!(
                f,
                "no packet for one and a half times the keep alive of {seconds} s [MQTT-3.1.2-24]; \
                 send PINGREQ when idle"
            ),
            Self::Malformed(malformed) => write!(f, "malformed packet: {malformed}"),
            Self::TooLong { bytes, limit } => {
                write!(f, "a packet of {bytes} bytes is over the hub's limit of {limit} bytes")
            }
            Self::Unacknowledged => f.write_str(
                "too many QoS 1 messages wait for PUBACK [MQTT-4.3.2-2]; the client must acknowledge them",
            ),
            Self::Unreleased => f.write_str(
                "too many QoS 2 messages wait for PUBREL [MQTT-4.3.3-1]; the client must release them",
            ),
            Self::HalfOpen { hold_ms } => {
                write!(f, "half open for {hold_ms} ms, as a fault was ordered")
            }
            Self::Stalled { bytes } => {
                write!(f, "the client does not read: {bytes} bytes have waited for too long")
            }
        }
    }
}
