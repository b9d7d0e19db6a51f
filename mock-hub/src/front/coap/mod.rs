//! CoAP (RFC 7252, RFC 7959) as EnOS binds it (`docs-coap-http.md` A): sign-in, uplinks, commands for the asking.
//!
//! A [`Server`] takes and gives plain CoAP datagrams and has no socket; [`serve`] moves its datagrams. What lies between
//! the two, DTLS or nothing, is an [`Endpoint`]. Knows nothing of measurepoints: what a message means is the cloud's
//! business.

mod answer;
mod auth;
mod block;
#[cfg(feature = "coaps")]
pub(crate) mod dtls;
mod harm;
mod lines;
mod message;
mod peer;
mod rate;
mod recent;
mod request;
mod respond;
mod rings;
mod separate;
mod server;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod server_fuzz;
mod shell;
mod transfer;

use std::net::SocketAddr;
use std::task::Context;

pub(crate) use server::Server;
pub(crate) use shell::serve;

/// The largest datagram that the hub sends, and that a device should (rule 18).
pub(crate) const DATAGRAM: usize = 1_024;
/// How long a Message ID names one exchange, in milliseconds (RFC 7252 §4.8.2, EXCHANGE_LIFETIME).
const EXCHANGE_MS: u64 = 247_000;

/// A datagram on its way to a peer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Datagram {
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

/// A server of datagrams without a socket: whoever has one moves the bytes, wakes it and keeps its time.
pub(crate) trait Endpoint {
    /// One datagram came.
    fn receive(&mut self, from: SocketAddr, datagram: &[u8]);

    /// The next datagram to send; to be called until there is none.
    fn transmit(&mut self) -> Option<Datagram>;

    /// Looks at what the rest of the hub wants. The waker of `cx` hears when there is more.
    fn take_news(&mut self, cx: &Context<'_>);

    /// When [`expire`](Self::expire) is due, by the hub's monotonic clock; it may have moved on when that moment comes.
    fn deadline(&self) -> Option<u64>;

    /// Ends what has lasted too long, and sends again what was not acknowledged.
    fn expire(&mut self);

    /// Ends every session: the hub stops.
    fn stop(&mut self);
}
