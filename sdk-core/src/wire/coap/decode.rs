//! Taking a datagram apart.

use core::fmt;

use coap_lite::{Header, HeaderRaw, MessageClass, MessageType};

use super::{Block, MAX_TOKEN};

/// Why a datagram is no CoAP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// Fewer than the four bytes of a header.
    Short,
    /// Another version than 1: to be ignored in silence (RFC 7252 §3).
    Version(u8),
    /// A token length of 9 to 15, or a token that is not there whole.
    Token,
    /// An option's delta or length is reserved, or it ends behind the datagram, or its number is above 65,535.
    Option,
    /// A payload marker with nothing behind it.
    EmptyPayload,
    /// Code 0.00 with something behind the header (RFC 7252 §4.1).
    NotEmpty,
    /// A code of a class that no message may have: 1, 6 or 7.
    Class,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "shorter than a header",
            Self::Version(_) => "another version than 1",
            Self::Token => "a token that is too long, or cut off",
            Self::Option => "an option that is reserved, or cut off",
            Self::EmptyPayload => "a payload marker without a payload",
            Self::NotEmpty => "an empty message that is not empty",
            Self::Class => "a code of a reserved class",
        })
    }
}

impl core::error::Error for DecodeError {}

/// A message that borrows its datagram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Message<'a> {
    /// Confirmable, non-confirmable, acknowledgement or reset.
    pub kind: MessageType,
    /// Empty, a method, or a response code.
    pub code: MessageClass,
    /// Message ID.
    pub id: u16,
    /// Token; 0 to 8 bytes.
    pub token: &'a [u8],
    /// What the options are walked over.
    options: &'a [u8],
    /// Payload; empty if there is none.
    pub payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// Number and value of each option, in ascending order of the numbers.
    pub fn options(&self) -> Options<'a> {
        Options { rest: self.options, number: 0 }
    }

    /// The value of the first option with this number.
    pub fn option(&self, number: u16) -> Option<&'a [u8]> {
        self.options().find(|(known, _)| *known == number).map(|(_, value)| value)
    }

    /// A block option; `Err` if it is there and malformed.
    pub fn block(&self, number: u16) -> Result<Option<Block>, DecodeError> {
        self.option(number).map(|value| Block::from_value(value).ok_or(DecodeError::Option)).transpose()
    }
}

/// Walks the options of a message.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    rest: &'a [u8],
    number: u16,
}

impl<'a> Options<'a> {
    /// The next option; `Ok(None)` at the payload marker or the end, which is left in `rest`.
    fn step(&mut self) -> Result<Option<(u16, &'a [u8])>, DecodeError> {
        let Some((&first, rest)) = self.rest.split_first() else { return Ok(None) };
        if first == 0xFF {
            return Ok(None);
        }
        let (delta, rest) = extended(first >> 4, rest)?;
        let (length, rest) = extended(first & 0x0F, rest)?;
        let delta = u16::try_from(delta).map_err(|_| DecodeError::Option)?;
        self.number = self.number.checked_add(delta).ok_or(DecodeError::Option)?;
        let (value, rest) = rest.split_at_checked(length).ok_or(DecodeError::Option)?;
        self.rest = rest;
        Ok(Some((self.number, value)))
    }
}

/// A delta or length with the bytes that extend it (RFC 7252 §3.1).
fn extended(nibble: u8, rest: &[u8]) -> Result<(usize, &[u8]), DecodeError> {
    match (nibble, rest) {
        (0..=12, rest) => Ok((nibble.into(), rest)),
        (13, [byte, rest @ ..]) => Ok((13 + usize::from(*byte), rest)),
        (14, [high, low, rest @ ..]) => Ok((269 + usize::from(u16::from_be_bytes([*high, *low])), rest)),
        _ => Err(DecodeError::Option),
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // `decode` has walked them all.
        self.step().ok().flatten()
    }
}

/// Takes a datagram apart.
pub fn decode(datagram: &[u8]) -> Result<Message<'_>, DecodeError> {
    let raw = HeaderRaw::try_from(datagram).map_err(|_| DecodeError::Short)?;
    let header = Header::from_raw(&raw);
    if header.get_version() != 1 {
        return Err(DecodeError::Version(header.get_version()));
    }
    let body = datagram.get(4..).unwrap_or(&[]);
    let length = usize::from(header.get_token_length());
    if header.code == MessageClass::Empty && (length > 0 || !body.is_empty()) {
        return Err(DecodeError::NotEmpty);
    }
    if matches!(u8::from(header.code) >> 5, 1 | 6 | 7) {
        return Err(DecodeError::Class);
    }
    if length > MAX_TOKEN {
        return Err(DecodeError::Token);
    }
    let (token, body) = body.split_at_checked(length).ok_or(DecodeError::Token)?;
    let mut walk = Options { rest: body, number: 0 };
    while walk.step()?.is_some() {}
    let options = body.get(..body.len() - walk.rest.len()).unwrap_or(&[]);
    let payload = match walk.rest {
        [] => &[][..],
        [_marker] => return Err(DecodeError::EmptyPayload),
        [_marker, payload @ ..] => payload,
    };
    Ok(Message { kind: header.get_type(), code: header.code, id: header.message_id, token, options, payload })
}

/// Type and Message ID of a datagram of version 1, whatever stands behind its header: enough to reject it.
pub fn sender(datagram: &[u8]) -> Option<(MessageType, u16)> {
    let header = Header::from_raw(&HeaderRaw::try_from(datagram).ok()?);
    (header.get_version() == 1).then(|| (header.get_type(), header.message_id))
}
