//! A cursor over a packet's bytes that cannot run past them.

use super::packet::Malformed;

/// Reads MQTT's field types from the front of a slice.
pub(super) struct Reader<'a>(&'a [u8]);

const TOO_SHORT: Malformed = Malformed::new("the packet ends inside a field", "section 2.2.3");

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Takes all that is left.
    pub(super) fn skip_all(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        let (&byte, rest) = self.0.split_first().ok_or(TOO_SHORT)?;
        self.0 = rest;
        Ok(byte)
    }

    pub(super) fn number(&mut self) -> Result<u16, Malformed> {
        let (&bytes, rest) = self.0.split_first_chunk::<2>().ok_or(TOO_SHORT)?;
        self.0 = rest;
        Ok(u16::from_be_bytes(bytes))
    }

    /// A packet identifier, which is never 0.
    pub(super) fn packet_identifier(&mut self) -> Result<u16, Malformed> {
        match self.number()? {
            0 => Err(Malformed::new("the packet identifier is 0", "MQTT-2.3.1-1")),
            id => Ok(id),
        }
    }

    /// Bytes behind a two-byte length.
    pub(super) fn block(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::from(self.number()?);
        let (block, rest) = self.0.split_at_checked(length).ok_or(TOO_SHORT)?;
        self.0 = rest;
        Ok(block)
    }

    /// A UTF-8 string without U+0000.
    pub(super) fn text(&mut self) -> Result<&'a str, Malformed> {
        let text = std::str::from_utf8(self.block()?)
            .map_err(|_| Malformed::new("a string is not UTF-8", "MQTT-1.5.3-1"))?;
        if text.as_bytes().contains(&0) {
            return Err(Malformed::new("a string holds U+0000", "MQTT-1.5.3-2"));
        }
        Ok(text)
    }
}
