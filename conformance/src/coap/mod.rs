//! CoAP as this package speaks it by itself: a codec, what EnOS says over it, and a peer on a UDP socket.
//!
//! Written from RFC 7252 and RFC 7959 for the tests of client and hub. Shares nothing with the SDK, the hub or
//! `coap-lite`, so that one bug cannot hide in both sides of a test. Refuses to be clever: it sends what a test asks
//! for, also what is forbidden, and retransmits nothing.

pub mod enos;
pub mod message;
pub mod peer;

pub use message::{Bad, Block, Kind, Message, code, option};
pub use peer::Peer;
