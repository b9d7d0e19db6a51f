//! A message and its bytes (RFC 7252 §3), and the block options (RFC 7959 §2.2).

use std::fmt;

/// Codes that EnOS uses, as `c.dd` in the byte that they are on the wire.
pub mod code {
    /// 0.00: nothing but a header.
    pub const EMPTY: u8 = 0;
    /// 0.01.
    pub const GET: u8 = 1;
    /// 0.02.
    pub const POST: u8 = 2;
    /// 0.03.
    pub const PUT: u8 = 3;
    /// 0.04.
    pub const DELETE: u8 = 4;
    /// 2.01.
    pub const CREATED: u8 = of(2, 1);
    /// 2.04.
    pub const CHANGED: u8 = of(2, 4);
    /// 2.05.
    pub const CONTENT: u8 = of(2, 5);
    /// 2.31: the next block, please.
    pub const CONTINUE: u8 = of(2, 31);
    /// 4.00.
    pub const BAD_REQUEST: u8 = of(4, 0);
    /// 4.01: sign in first.
    pub const UNAUTHORIZED: u8 = of(4, 1);
    /// 4.02: a critical option that nobody knows.
    pub const BAD_OPTION: u8 = of(4, 2);
    /// 4.03.
    pub const FORBIDDEN: u8 = of(4, 3);
    /// 4.04.
    pub const NOT_FOUND: u8 = of(4, 4);
    /// 4.05.
    pub const METHOD_NOT_ALLOWED: u8 = of(4, 5);
    /// 4.08: a block is missing.
    pub const INCOMPLETE: u8 = of(4, 8);
    /// 4.13.
    pub const TOO_LARGE: u8 = of(4, 13);
    /// 4.15.
    pub const UNSUPPORTED_FORMAT: u8 = of(4, 15);
    /// 5.00.
    pub const INTERNAL: u8 = of(5, 0);

    /// The byte of `class.detail`.
    #[must_use]
    pub const fn of(class: u8, detail: u8) -> u8 {
        class << 5 | detail
    }
}

/// Numbers of options.
pub mod option {
    /// If-Match.
    pub const IF_MATCH: u16 = 1;
    /// Uri-Host.
    pub const URI_HOST: u16 = 3;
    /// ETag.
    pub const ETAG: u16 = 4;
    /// If-None-Match.
    pub const IF_NONE_MATCH: u16 = 5;
    /// Observe (RFC 7641).
    pub const OBSERVE: u16 = 6;
    /// Uri-Port.
    pub const URI_PORT: u16 = 7;
    /// Uri-Path.
    pub const URI_PATH: u16 = 11;
    /// Content-Format.
    pub const CONTENT_FORMAT: u16 = 12;
    /// Uri-Query.
    pub const URI_QUERY: u16 = 15;
    /// Accept.
    pub const ACCEPT: u16 = 17;
    /// Block2.
    pub const BLOCK2: u16 = 23;
    /// Block1.
    pub const BLOCK1: u16 = 27;
    /// Size2.
    pub const SIZE2: u16 = 28;
    /// Size1.
    pub const SIZE1: u16 = 60;
    /// Request-Tag (RFC 9175 §3).
    pub const REQUEST_TAG: u16 = 292;
    /// EnOS: where a command waits.
    pub const HINT: u16 = 2100;
    /// EnOS: the command itself.
    pub const COMMAND: u16 = 2102;
}

/// The type of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Confirmable.
    Con,
    /// Non-confirmable.
    Non,
    /// Acknowledgement.
    Ack,
    /// Reset.
    Rst,
}

/// What a datagram says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    /// Its type.
    pub kind: Kind,
    /// Its code; see [`code`].
    pub code: u8,
    /// Its Message ID.
    pub id: u16,
    /// Its token, 0 to 8 bytes.
    pub token: Vec<u8>,
    /// Its options, by number and then in their order.
    pub options: Vec<(u16, Vec<u8>)>,
    /// Its payload; empty for none.
    pub payload: Vec<u8>,
}

/// Why a datagram is none of CoAP's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// Too short, or of another version: to be ignored in silence (§3).
    Ignored,
    /// A message format error: a CON is answered by RST, anything else by nothing (§4.2, §4.3).
    Rejected,
}

impl Message {
    /// A message without options and payload.
    #[must_use]
    pub fn new(kind: Kind, code: u8, id: u16, token: &[u8]) -> Self {
        Self { kind, code, id, token: token.to_vec(), options: Vec::new(), payload: Vec::new() }
    }

    /// A message with nothing but its header: ping, acknowledgement, reset.
    #[must_use]
    pub fn empty(kind: Kind, id: u16) -> Self {
        Self::new(kind, code::EMPTY, id, &[])
    }

    /// The response that rides on the acknowledgement of this request.
    #[must_use]
    pub fn piggybacked(&self, code: u8) -> Self {
        Self::new(Kind::Ack, code, self.id, &self.token)
    }

    /// With an option more.
    #[must_use]
    pub fn with(mut self, number: u16, value: impl Into<Vec<u8>>) -> Self {
        let at = self.options.partition_point(|(other, _)| *other <= number);
        self.options.insert(at, (number, value.into()));
        self
    }

    /// With an option whose value is a number in as few bytes as it needs (§3.2).
    #[must_use]
    pub fn with_uint(self, number: u16, value: u32) -> Self {
        let skipped = value.leading_zeros() as usize / 8;
        self.with(number, &value.to_be_bytes()[skipped..])
    }

    /// With a Block1 or Block2.
    #[must_use]
    pub fn with_block(self, number: u16, block: Block) -> Self {
        self.with_uint(number, block.value())
    }

    /// With a Uri-Path option for each segment.
    #[must_use]
    pub fn with_path(self, path: &str) -> Self {
        let segments = path.trim_matches('/').split('/');
        segments.fold(self, |message, segment| message.with(option::URI_PATH, segment))
    }

    /// With a payload.
    #[must_use]
    pub fn with_payload(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.payload = payload.into();
        self
    }

    /// The first option of this number.
    #[must_use]
    pub fn option(&self, number: u16) -> Option<&[u8]> {
        self.options.iter().find(|(is, _)| *is == number).map(|(_, value)| &**value)
    }

    /// The value of the first option of this number, as a number.
    #[must_use]
    pub fn uint(&self, number: u16) -> Option<u32> {
        let value = self.option(number)?;
        (value.len() <= 4).then(|| value.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    }

    /// The first option of this number as text.
    #[must_use]
    pub fn text(&self, number: u16) -> Option<&str> {
        std::str::from_utf8(self.option(number)?).ok()
    }

    /// Block1 or Block2.
    #[must_use]
    pub fn block(&self, number: u16) -> Option<Block> {
        Block::of(self.uint(number)?)
    }

    /// The Uri-Path options behind slashes.
    #[must_use]
    pub fn path(&self) -> String {
        let segments = self.options.iter().filter(|(number, _)| *number == option::URI_PATH);
        segments.map(|(_, segment)| format!("/{}", String::from_utf8_lossy(segment))).collect()
    }

    /// Whether it asks for something.
    #[must_use]
    pub fn is_request(&self) -> bool {
        (1..32).contains(&self.code)
    }

    /// Whether it answers something.
    #[must_use]
    pub fn is_response(&self) -> bool {
        (64..192).contains(&self.code)
    }

    /// The payload as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.payload).unwrap_or_default()
    }

    /// The datagram.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = vec![0x40 | (self.kind as u8) << 4 | self.token.len() as u8, self.code];
        out.extend(self.id.to_be_bytes());
        out.extend(&self.token);
        let mut last = 0;
        for (number, value) in &self.options {
            let (delta, delta_more) = nibble(usize::from(number - last));
            let (length, length_more) = nibble(value.len());
            out.push(delta << 4 | length);
            out.extend(delta_more);
            out.extend(length_more);
            out.extend(value);
            last = *number;
        }
        if !self.payload.is_empty() {
            out.push(0xFF);
            out.extend(&self.payload);
        }
        out
    }

    /// Reads a datagram.
    ///
    /// # Errors
    /// It is none of CoAP's; the error says how its receiver has to take that.
    pub fn parse(datagram: &[u8]) -> Result<Self, Bad> {
        let [first, code, high, low, rest @ ..] = datagram else { return Err(Bad::Ignored) };
        if first >> 6 != 1 {
            return Err(Bad::Ignored);
        }
        let kind = [Kind::Con, Kind::Non, Kind::Ack, Kind::Rst][usize::from(first >> 4 & 3)];
        let token = usize::from(first & 15);
        let id = u16::from_be_bytes([*high, *low]);
        let is_empty = *code == code::EMPTY;
        if token > 8 || rest.len() < token || (is_empty && (token > 0 || !rest.is_empty())) {
            return Err(Bad::Rejected);
        }
        if !matches!(code >> 5, 0 | 2 | 4 | 5) {
            return Err(Bad::Rejected);
        }
        let (token, mut rest) = rest.split_at(token);
        let mut message = Self::new(kind, *code, id, token);
        let mut number: u16 = 0;
        while let [head, behind @ ..] = rest {
            if *head == 0xFF {
                if behind.is_empty() {
                    return Err(Bad::Rejected);
                }
                message.payload = behind.to_vec();
                break;
            }
            let (delta, behind) = extended(head >> 4, behind)?;
            let (length, behind) = extended(head & 15, behind)?;
            number =
                u16::try_from(delta).ok().and_then(|delta| number.checked_add(delta)).ok_or(Bad::Rejected)?;
            let (value, behind) = behind.split_at_checked(length).ok_or(Bad::Rejected)?;
            message.options.push((number, value.to_vec()));
            rest = behind;
        }
        Ok(message)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}.{:02} id={} token=", self.kind, self.code >> 5, self.code & 31, self.id)?;
        self.token.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        for (number, value) in &self.options {
            match std::str::from_utf8(value) {
                Ok(text) if text.chars().all(|c| !c.is_control()) => write!(f, " {number}={text}")?,
                _ => write!(f, " {number}={value:x?}")?,
            }
        }
        let payload = String::from_utf8_lossy(&self.payload);
        if payload.is_empty() { Ok(()) } else { write!(f, " :: {payload}") }
    }
}

/// A half byte and what follows it, for a delta or a length.
fn nibble(number: usize) -> (u8, Vec<u8>) {
    match number {
        0..13 => (number as u8, Vec::new()),
        13..269 => (13, vec![(number - 13) as u8]),
        _ => (14, ((number - 269) as u16).to_be_bytes().to_vec()),
    }
}

fn extended(nibble: u8, rest: &[u8]) -> Result<(usize, &[u8]), Bad> {
    match (nibble, rest) {
        (0..13, _) => Ok((usize::from(nibble), rest)),
        (13, [more, rest @ ..]) => Ok((13 + usize::from(*more), rest)),
        (14, [high, low, rest @ ..]) => Ok((269 + usize::from(u16::from_be_bytes([*high, *low])), rest)),
        _ => Err(Bad::Rejected),
    }
}

/// What a Block1 or Block2 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Which block, from 0.
    pub number: u32,
    /// Whether another follows.
    pub more: bool,
    /// Bytes of a block: 16 to 1,024, a power of two.
    pub size: usize,
}

impl Block {
    /// A block.
    #[must_use]
    pub const fn new(number: u32, more: bool, size: usize) -> Self {
        Self { number, more, size }
    }

    /// The option's value as a number.
    #[must_use]
    pub fn value(self) -> u32 {
        self.number << 4 | u32::from(self.more) << 3 | (self.size.trailing_zeros() - 4)
    }

    /// What the option's value says; none for the reserved size.
    #[must_use]
    pub fn of(value: u32) -> Option<Self> {
        let exponent = value & 7;
        (exponent < 7).then(|| Self { number: value >> 4, more: value & 8 != 0, size: 16 << exponent })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const VECTORS: &str = include_str!("../../vectors/coap.json");

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
    }

    fn message(words: &[&str]) -> Message {
        let kinds = ["CON", "NON", "ACK", "RST"];
        let [kind, code, id, token, rest @ ..] = words else { panic!("{words:?}") };
        let kind = kinds.iter().position(|name| name == kind).expect("a type");
        let kind = [Kind::Con, Kind::Non, Kind::Ack, Kind::Rst][kind];
        let (class, detail) = code.split_once('.').expect("c.dd");
        let code = code::of(class.parse().expect("a class"), detail.parse().expect("a detail"));
        let mut message = Message::new(kind, code, id.parse().expect("an id"), &unhex(token));
        for word in rest {
            let (name, value) = word.split_once('=').expect("NAME=VALUE");
            let (name, value) = match name.strip_suffix('#') {
                Some(name) => (name, unhex(value)),
                None => (name, value.as_bytes().to_vec()),
            };
            message = match name {
                "payload" => message.with_payload(value),
                "6" | "7" | "12" | "14" | "17" | "23" | "27" | "28" | "60" => message.with_uint(
                    name.parse().expect("a number"),
                    word.split_once('=').expect("=").1.parse().expect("a uint"),
                ),
                _ => message.with(name.parse().expect("a number"), value),
            };
        }
        message
    }

    #[test]
    fn the_vectors_of_whole_datagrams_hold() {
        let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
        let mut seen = [0, 0];
        for vector in vectors["vectors"].as_array().expect("vectors") {
            if vector["verb"] != "coap_datagram" {
                continue;
            }
            let words: Vec<&str> =
                vector["input"].as_array().expect("words").iter().filter_map(Value::as_str).collect();
            let output = vector["output"][0].as_str().expect("an output");
            if vector["result"] == "valid" {
                seen[0] += 1;
                let message = message(&words);
                let hex: String = message.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(hex, output, "{}", vector["id"]);
                assert_eq!(Message::parse(&unhex(output)), Ok(message), "{}", vector["id"]);
            } else {
                seen[1] += 1;
                let bad = if output == "ignored" { Bad::Ignored } else { Bad::Rejected };
                assert_eq!(Message::parse(&unhex(words[0])), Err(bad), "{}", vector["id"]);
            }
        }
        assert!(seen[0] >= 50 && seen[1] >= 15, "{seen:?}");
    }

    #[test]
    fn blocks_are_read_as_they_are_written() {
        for size in [16, 32, 64, 128, 256, 512, 1024] {
            for (number, more) in [(0, false), (1, true), (1_048_575, true)] {
                let block = Block::new(number, more, size);
                assert_eq!(Block::of(block.value()), Some(block));
            }
        }
        assert_eq!(Block::of(7), None);
    }
}
