//! CoAP messages (RFC 7252 §3): one message is one datagram, decoded in place and encoded into the caller's slice.
//!
//! Owns the message format, in both directions, and the value of the block options (RFC 7959 §2.2). Refuses to allocate,
//! and refuses every datagram that the RFC calls a message format error. Whether a well-formed message is expected at
//! this moment is the session's business.
//!
//! The header and the registries of codes and option numbers are `coap-lite`'s. Its `Packet` is not used: it keeps each
//! option in a vector of its own, in a list, in a tree, which is some thirty allocations for one post and its answer,
//! and this crate allocates nothing per message; so options are walked where they lie. In tests `Packet` is the judge:
//! what is written here it must read, and the reverse.

mod block;
mod decode;
mod encode;
#[cfg(test)]
mod tests;

pub use block::Block;
pub use coap_lite::{CoapOption, MessageClass, MessageType, RequestType, ResponseType};
pub use decode::{DecodeError, Message, Options, decode, sender};
pub use encode::{MessageWriter, empty};

/// Options that EnOS has beside those of the RFCs (`docs-coap-http.md` A.5).
pub mod option {
    /// Tells the blocks of one body from those of another (RFC 9175 §3). Elective.
    pub const REQUEST_TAG: u16 = 292;
    /// Path of a command that waits at the hub: `/topic/…`, a string. Elective.
    pub const COMMAND_PATH: u16 = 2100;
    /// The command itself, where it fits the datagram. Elective, unsafe to forward.
    pub const COMMAND: u16 = 2102;
}

/// Content-Formats that EnOS messages have (RFC 7252 §12.3; which ones is our reading, `decisions.md` §7).
pub mod content_format {
    /// Bytes of the device's own format: `application/octet-stream`.
    pub const OCTET_STREAM: u32 = 42;
    /// Everything else: `application/json`.
    pub const JSON: u32 = 50;
}

/// The longest token (RFC 7252 §3).
pub const MAX_TOKEN: usize = 8;

/// Class and detail of a code, as people write it: 4.04 is (4, 4).
pub fn class_and_detail(code: MessageClass) -> (u8, u8) {
    let number = u8::from(code);
    (number >> 5, number & 0x1F)
}

/// Whether a receiver that does not know the option must refuse the message (RFC 7252 §5.4.1).
pub const fn is_critical(option: u16) -> bool {
    option & 1 == 1
}
