//! MQTT 3.1.1 (and 3.1) towards devices: one [`Connection`] each, which a task moves bytes for.
//!
//! Not a broker: what a device publishes goes to the cloud, and what the cloud sends reaches the device with
//! or without a subscription (`topics.md` §4). Own codec instead of `mqtt-protocol-core`: that crate tells a
//! peer's fault only as "malformed" or "protocol error", while a device developer needs the statement that
//! was broken, and it copies topic and payload of each packet where this one borrows them.

mod buffers;
mod connection;
mod end;
mod harm;
mod inbound;
mod lines;
mod online;
mod packet;
mod reader;
mod session;
mod shell;
mod sign_in;
mod timers;

#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod packet_fuzz;
#[cfg(test)]
mod packet_tests;

pub use connection::{Connection, Phase};
pub(crate) use session::Sessions;
pub(crate) use shell::{Stream, serve};
pub(crate) use sign_in::Security;
