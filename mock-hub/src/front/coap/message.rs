//! From a datagram to a message and back: coap-lite reads and writes, this file knows what it takes for granted.

use coap_lite::{MessageClass, MessageType, Packet};

/// Message types by their number on the wire (RFC 7252 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Con = 0,
    Non = 1,
    Ack = 2,
    Rst = 3,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Con => "CON",
            Self::Non => "NON",
            Self::Ack => "ACK",
            Self::Rst => "RST",
        }
    }
}

/// Codes of requests (RFC 7252 §12.1.1).
pub(super) const GET: u8 = 0x01;
pub(super) const POST: u8 = 0x02;
/// Codes of responses: the class in three bits, the detail in five.
pub(super) const CHANGED: u8 = code(2, 4);
pub(super) const CONTENT: u8 = code(2, 5);
pub(super) const CONTINUE: u8 = code(2, 31);
pub(super) const BAD_REQUEST: u8 = code(4, 0);
pub(super) const UNAUTHORIZED: u8 = code(4, 1);
pub(super) const BAD_OPTION: u8 = code(4, 2);
pub(super) const FORBIDDEN: u8 = code(4, 3);
pub(super) const NOT_FOUND: u8 = code(4, 4);
pub(super) const METHOD_NOT_ALLOWED: u8 = code(4, 5);
pub(super) const NOT_ACCEPTABLE: u8 = code(4, 6);
pub(super) const INCOMPLETE: u8 = code(4, 8);
pub(super) const TOO_LARGE: u8 = code(4, 13);
pub(super) const TOO_MANY_REQUESTS: u8 = code(4, 29);
pub(super) const UNAVAILABLE: u8 = code(5, 3);
pub(super) const NO_PROXY: u8 = code(5, 5);

const fn code(class: u8, detail: u8) -> u8 {
    class << 5 | detail
}

/// Whether a code is a request's.
pub(super) fn is_request(code: u8) -> bool {
    (1..32).contains(&code)
}

/// Whether a code is that of a success.
pub(super) fn is_success(code: u8) -> bool {
    code >> 5 == 2
}

/// A code as the standard prints it.
pub(super) fn code_name(code: u8) -> String {
    match code {
        0 => "empty".to_owned(),
        1 => "GET".to_owned(),
        2 => "POST".to_owned(),
        3 => "PUT".to_owned(),
        4 => "DELETE".to_owned(),
        5 => "FETCH".to_owned(),
        6 => "PATCH".to_owned(),
        7 => "iPATCH".to_owned(),
        other => format!("{}.{:02}", other >> 5, other & 0x1F),
    }
}

/// Numbers of options (RFC 7252 §12.2, RFC 7959 §6, `docs-coap-http.md` A.5).
pub(super) mod option {
    pub(in super::super) const URI_HOST: u16 = 3;
    pub(in super::super) const ETAG: u16 = 4;
    pub(in super::super) const URI_PORT: u16 = 7;
    pub(in super::super) const URI_PATH: u16 = 11;
    pub(in super::super) const CONTENT_FORMAT: u16 = 12;
    pub(in super::super) const MAX_AGE: u16 = 14;
    pub(in super::super) const URI_QUERY: u16 = 15;
    pub(in super::super) const ACCEPT: u16 = 17;
    pub(in super::super) const BLOCK2: u16 = 23;
    pub(in super::super) const BLOCK1: u16 = 27;
    pub(in super::super) const SIZE2: u16 = 28;
    pub(in super::super) const PROXY_URI: u16 = 35;
    pub(in super::super) const PROXY_SCHEME: u16 = 39;
    pub(in super::super) const SIZE1: u16 = 60;
    /// Request-Tag (RFC 9175 §3).
    pub(in super::super) const REQUEST_TAG: u16 = 292;
    /// EnOS: the path of what waits for the device.
    pub(in super::super) const HINT: u16 = 2100;
    /// EnOS: what waits itself.
    pub(in super::super) const INLINE: u16 = 2102;
}

/// The first four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    pub(super) code: u8,
    pub(super) id: u16,
}

impl Head {
    /// Reads them; nothing of another version or too short to have any, which is ignored without a word
    /// (RFC 7252 §3).
    pub(super) fn read(datagram: &[u8]) -> Option<Self> {
        let [first, code, high, low, ..] = *datagram else { return None };
        if first >> 6 != 1 {
            return None;
        }
        let kind = match first >> 4 & 3 {
            0 => Kind::Con,
            1 => Kind::Non,
            2 => Kind::Ack,
            _ => Kind::Rst,
        };
        Some(Self { kind, code, id: u16::from_be_bytes([high, low]) })
    }
}

/// Reads a message that is not empty; nothing if it is malformed.
pub(super) fn read(datagram: &[u8]) -> Option<Packet> {
    let packet = Packet::from_bytes(datagram).ok()?;
    if packet.payload.is_empty()
        && datagram.last() == Some(&0xFF)
        && packet.to_bytes_unlimited().is_ok_and(|bytes| bytes.len() < datagram.len())
    {
        // A payload marker without a payload is a format error (RFC 7252 §3), which the codec lets pass.
        return None;
    }
    Some(packet)
}

/// A message without anything but its four bytes: an acknowledgement, a reset.
pub(super) fn empty(kind: Kind, id: u16) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    vec![1 << 6 | (kind as u8) << 4, 0, high, low]
}

/// A packet to be filled.
pub(super) fn packet(kind: Kind, code: u8, id: u16, token: &[u8]) -> Packet {
    let mut packet = Packet::new();
    packet.header.set_version(1);
    packet.header.set_type(match kind {
        Kind::Con => MessageType::Confirmable,
        Kind::Non => MessageType::NonConfirmable,
        Kind::Ack => MessageType::Acknowledgement,
        Kind::Rst => MessageType::Reset,
    });
    packet.header.code = MessageClass::from(code);
    packet.header.message_id = id;
    packet.set_token(token.to_vec());
    packet
}

/// The shortest form of an unsigned number (RFC 7252 §3.2).
pub(super) fn uint(number: u32) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default().to_vec()
}

/// Reads an unsigned number of at most `most` bytes.
pub(super) fn read_uint(value: &[u8], most: usize) -> Option<u32> {
    (value.len() <= most).then(|| value.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

/// Bytes that an option takes behind one with a much smaller number: at most this.
pub(super) fn option_bytes(length: usize) -> usize {
    1 + 2
        + if length < 13 {
            0
        } else if length < 269 {
            1
        } else {
            2
        }
        + length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_short_as_they_go() {
        for (number, bytes) in
            [(0, &b""[..]), (1, b"\x01"), (255, b"\xFF"), (256, b"\x01\x00"), (65_536, b"\x01\x00\x00")]
        {
            assert_eq!(uint(number), bytes);
            assert_eq!(read_uint(bytes, 4), Some(number));
        }
        assert_eq!(read_uint(b"\x00\x00\x00", 2), None);
    }

    #[test]
    fn another_version_and_a_stump_are_no_messages() {
        assert_eq!(Head::read(b"\x40\x01\x00\x07"), Some(Head { kind: Kind::Con, code: 1, id: 7 }));
        assert_eq!(Head::read(b"\x70\x00\x12\x34"), Some(Head { kind: Kind::Rst, code: 0, id: 0x1234 }));
        for bytes in
            [&b""[..], b"\x40\x01\x00", b"\x00\x01\x00\x07", b"\x80\x01\x00\x07", b"\xC0\x01\x00\x07"]
        {
            assert_eq!(Head::read(bytes), None);
        }
    }

    #[test]
    fn what_the_codec_lets_pass_is_seen() {
        assert!(read(b"\x40\x02\x00\x01\xB1a").is_some());
        assert!(read(b"\x40\x02\x00\x01\xB1a\xFFx").is_some());
        // A marker and nothing behind it; a value that ends in the same byte.
        assert!(read(b"\x40\x02\x00\x01\xB1a\xFF").is_none());
        assert!(read(b"\x40\x02\x00\x01\xFF").is_none());
        assert!(read(b"\x40\x02\x00\x01\xB1\xFF").is_some());
        // Token of nine bytes, an option cut off, the reserved lengths.
        for bytes in [
            &b"\x49\x02\x00\x01123456789"[..],
            b"\x40\x02\x00\x01\xB2a",
            b"\x40\x02\x00\x01\xBFa",
            b"\x40\x02\x00\x01\xF1a",
        ] {
            assert!(read(bytes).is_none(), "{bytes:?}");
        }
    }
}
