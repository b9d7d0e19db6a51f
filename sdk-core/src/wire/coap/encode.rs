//! Putting a datagram together.

use coap_lite::{CoapOption, MessageClass, MessageType};

use super::{Block, MAX_TOKEN};
use crate::wire::{Full, Writer};

/// Version 1 and the type, in the upper half of a header's first byte (RFC 7252 §3).
const fn first(kind: MessageType) -> u8 {
    match kind {
        MessageType::Confirmable => 0x40,
        MessageType::NonConfirmable => 0x50,
        MessageType::Acknowledgement => 0x60,
        MessageType::Reset => 0x70,
    }
}

/// An empty message: acknowledgement, reset, or ping.
pub const fn empty(kind: MessageType, id: u16) -> [u8; 4] {
    let [high, low] = id.to_be_bytes();
    [first(kind), 0, high, low]
}

/// Writes one message: options in ascending order of their numbers, then the payload.
pub struct MessageWriter<'o> {
    out: Writer<'o>,
    number: u16,
}

impl<'o> MessageWriter<'o> {
    /// Header and token; fails on a token of more than 8 bytes.
    pub fn new(
        out: &'o mut [u8],
        kind: MessageType,
        code: MessageClass,
        id: u16,
        token: &[u8],
    ) -> Result<Self, Full> {
        if token.len() > MAX_TOKEN {
            return Err(Full);
        }
        let mut out = Writer::new(out);
        out.byte(first(kind) | token.len() as u8)?;
        out.byte(code.into())?;
        out.u16_be(id)?;
        out.bytes(token)?;
        Ok(Self { out, number: 0 })
    }

    /// One option; fails on a number below the last one, and on a value of more than 65,535 bytes.
    pub fn option(&mut self, number: u16, value: &[u8]) -> Result<(), Full> {
        let delta = number.checked_sub(self.number).ok_or(Full)?;
        let length = u16::try_from(value.len()).map_err(|_| Full)?;
        let start = self.out.len();
        let written = self.out.byte(nibble(delta) << 4 | nibble(length)).and_then(|()| {
            extension(&mut self.out, delta)?;
            extension(&mut self.out, length)?;
            self.out.bytes(value)
        });
        match written {
            Ok(()) => self.number = number,
            Err(Full) => self.out.truncate(start),
        }
        written
    }

    /// An option whose value is a number, in as few bytes as it takes.
    pub fn uint(&mut self, number: u16, value: u32) -> Result<(), Full> {
        let bytes = value.to_be_bytes();
        self.option(number, bytes.get(value.leading_zeros() as usize / 8..).unwrap_or(&[]))
    }

    /// A block option.
    pub fn block(&mut self, number: u16, block: Block) -> Result<(), Full> {
        self.uint(number, block.to_uint())
    }

    /// One Uri-Path option for each segment of `/a/b`; the text goes as it is, percent signs too.
    pub fn path(&mut self, path: &str) -> Result<(), Full> {
        let path = path.strip_prefix('/').unwrap_or(path);
        path.split('/').try_for_each(|segment| self.option(CoapOption::UriPath.into(), segment.as_bytes()))
    }

    /// The payload, if there is one; then the message is over. Returns its length.
    pub fn finish(mut self, payload: &[u8]) -> Result<usize, Full> {
        if !payload.is_empty() {
            self.out.byte(0xFF)?;
            self.out.bytes(payload)?;
        }
        Ok(self.out.len())
    }

    /// Bytes that a payload can still have.
    pub(crate) fn payload_room(&self) -> usize {
        self.out.remaining().saturating_sub(1)
    }
}

/// What stands in the first byte of an option for this delta or length (RFC 7252 §3.1).
fn nibble(number: u16) -> u8 {
    match number {
        0..=12 => number as u8,
        13..=268 => 13,
        _ => 14,
    }
}

fn extension(out: &mut Writer<'_>, number: u16) -> Result<(), Full> {
    match number {
        0..=12 => Ok(()),
        13..=268 => out.byte((number - 13) as u8),
        _ => out.u16_be(number - 269),
    }
}
