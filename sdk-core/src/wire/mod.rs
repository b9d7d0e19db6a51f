//! Bytes on the wire: packets of the transports, decoded in place and encoded into the caller's slice.
//!
//! Owns the packet formats. Refuses to know a topic, a signature or a session: it only reads and writes.

#[cfg(feature = "coap")]
pub mod coap;
pub mod mqtt;
mod writer;

pub use writer::{Full, Writer};
pub(crate) use writer::{digit_count, fill_digits};
