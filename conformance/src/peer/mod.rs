//! What stands on the other side of a test: the hub's process, relays that break links, servers that misbehave.
//!
//! Everything listens on loopback and on free ports, is bounded in time, and ends with its handle.

pub mod application;
pub mod certificate;
pub mod child;
pub mod datagrams;
pub mod http;
pub mod hub;
pub mod net;
pub mod scratch;
pub mod tshark;
