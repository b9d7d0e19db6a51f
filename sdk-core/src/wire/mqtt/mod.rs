//! MQTT 3.1.1 packets: all 14 types, borrowed decode and encode into the caller's slice.
//!
//! Owns the packet format of the OASIS standard, in both directions. Refuses to allocate, and refuses
//! every packet the standard calls malformed; each refusal names the statement it rests on.
//! Whether a well-formed packet is expected at this moment is the session's business.

mod decode;
mod encode;
mod error;
mod filters;

pub use decode::{FixedHeader, PublishHead, decode, decode_publish_head};
pub use encode::{
    SubscribeWriter, UnsubscribeWriter, connack, connect, disconnect, pingreq, pingresp, puback, pubcomp,
    publish, publish_len, pubrec, pubrel, suback, unsuback,
};
pub use error::DecodeError;
pub use filters::{SubAck, SubAckCodes, Subscribe, SubscribeFilters, Unsubscribe, UnsubscribeFilters};

/// The largest remaining length that four bytes can say (§2.2.3).
pub const MAX_REMAINING_LENGTH: usize = 268_435_455;

/// First bytes of the packets, with the flags that §2.2.2 fixes.
pub mod first {
    /// CONNECT.
    pub const CONNECT: u8 = 0x10;
    /// CONNACK.
    pub const CONNACK: u8 = 0x20;
    /// PUBLISH without flags.
    pub const PUBLISH: u8 = 0x30;
    /// PUBACK.
    pub const PUBACK: u8 = 0x40;
    /// PUBREC.
    pub const PUBREC: u8 = 0x50;
    /// PUBREL.
    pub const PUBREL: u8 = 0x62;
    /// PUBCOMP.
    pub const PUBCOMP: u8 = 0x70;
    /// SUBSCRIBE.
    pub const SUBSCRIBE: u8 = 0x82;
    /// SUBACK.
    pub const SUBACK: u8 = 0x90;
    /// UNSUBSCRIBE.
    pub const UNSUBSCRIBE: u8 = 0xA2;
    /// UNSUBACK.
    pub const UNSUBACK: u8 = 0xB0;
    /// PINGREQ.
    pub const PINGREQ: u8 = 0xC0;
    /// PINGRESP.
    pub const PINGRESP: u8 = 0xD0;
    /// DISCONNECT.
    pub const DISCONNECT: u8 = 0xE0;
}

/// CONNACK return codes (§3.2.2.3).
pub mod connack_code {
    /// Connection accepted.
    pub const ACCEPTED: u8 = 0x00;
    /// Unacceptable protocol version.
    pub const BAD_PROTOCOL_VERSION: u8 = 0x01;
    /// Identifier rejected.
    pub const IDENTIFIER_REJECTED: u8 = 0x02;
    /// Server unavailable.
    pub const SERVER_UNAVAILABLE: u8 = 0x03;
    /// Bad user name or password.
    pub const BAD_USER_NAME_OR_PASSWORD: u8 = 0x04;
    /// Not authorized.
    pub const NOT_AUTHORIZED: u8 = 0x05;
}

/// SUBACK return code of a filter that was refused (§3.9.3).
pub const SUBACK_FAILURE: u8 = 0x80;

/// Quality of service of a PUBLISH (§4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum QoS {
    /// Sent once, never acknowledged.
    AtMostOnce = 0,
    /// Acknowledged by PUBACK; may arrive twice.
    AtLeastOnce = 1,
    /// Arrives exactly once.
    ExactlyOnce = 2,
}

impl QoS {
    /// The level with this number; 3 and above are none.
    pub const fn from_bits(bits: u8) -> Option<QoS> {
        match bits {
            0 => Some(QoS::AtMostOnce),
            1 => Some(QoS::AtLeastOnce),
            2 => Some(QoS::ExactlyOnce),
            _ => None,
        }
    }
}

/// A decoded packet that borrows the receive buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum Packet<'a> {
    /// Client asks for a session.
    Connect(Connect<'a>),
    /// Server's answer to CONNECT.
    ConnAck {
        /// Whether the server kept state from an earlier session.
        session_present: bool,
        /// See [`connack_code`].
        code: u8,
    },
    /// A message, either way.
    Publish(Publish<'a>),
    /// QoS 1 message taken over.
    PubAck(u16),
    /// QoS 2 message received, first part.
    PubRec(u16),
    /// QoS 2 message released, second part.
    PubRel(u16),
    /// QoS 2 message complete, third part.
    PubComp(u16),
    /// Client asks for topic filters.
    Subscribe(Subscribe<'a>),
    /// Server's answer, one code for each filter.
    SubAck(SubAck<'a>),
    /// Client drops topic filters.
    Unsubscribe(Unsubscribe<'a>),
    /// Server's answer to UNSUBSCRIBE.
    UnsubAck(u16),
    /// Client asks for a sign of life.
    PingReq,
    /// Server's answer to PINGREQ.
    PingResp,
    /// Client leaves in good order.
    Disconnect,
}

/// A PUBLISH packet (§3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// Sent before; only with QoS 1 and 2.
    pub dup: bool,
    /// Quality of service.
    pub qos: QoS,
    /// The server keeps it for later subscribers.
    pub retain: bool,
    /// Topic name, without wildcards.
    pub topic: &'a str,
    /// Packet identifier; 0 at QoS 0, never 0 otherwise.
    pub packet_id: u16,
    /// The application's bytes.
    pub payload: &'a [u8],
}

/// A CONNECT packet of protocol level 4 (§3.1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Connect<'a> {
    /// Client identifier.
    pub client_id: &'a str,
    /// User name.
    pub username: Option<&'a str>,
    /// Password; needs a user name.
    pub password: Option<&'a [u8]>,
    /// Message that the server sends if the client vanishes.
    pub will: Option<Will<'a>>,
    /// Start without state from earlier sessions.
    pub clean_session: bool,
    /// Longest silence of the client in seconds; 0: no limit.
    pub keep_alive_s: u16,
}

impl core::fmt::Debug for Connect<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Connect")
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .field("password", &self.password.map(|_| ".."))
            .field("will", &self.will)
            .field("clean_session", &self.clean_session)
            .field("keep_alive_s", &self.keep_alive_s)
            .finish()
    }
}

/// The will of a CONNECT packet (§3.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Will<'a> {
    /// Topic name, without wildcards.
    pub topic: &'a str,
    /// The message, at most 65,535 bytes.
    pub message: &'a [u8],
    /// Quality of service.
    pub qos: QoS,
    /// Whether the server keeps it for later subscribers.
    pub retain: bool,
}

#[cfg(test)]
mod tests;
