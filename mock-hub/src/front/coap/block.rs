//! The value of Block1 and Block2 (RFC 7959 §2.2).

/// Which part of a body, in which size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) number: u32,
    pub(super) more: bool,
    /// The size of a block is two to the power of this plus four; 0 to 6.
    pub(super) exponent: u8,
}

impl Block {
    /// Reads a value; nothing if it is too long or has the reserved exponent.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let bits = super::message::read_uint(value, 3)?;
        let exponent = (bits & 7) as u8;
        (exponent < 7).then_some(Self { number: bits >> 4, more: bits & 8 != 0, exponent })
    }

    pub(super) fn write(self) -> Vec<u8> {
        super::message::uint(self.number << 4 | u32::from(self.more) << 3 | u32::from(self.exponent))
    }

    /// Bytes of a block.
    pub(super) fn size(self) -> usize {
        16 << self.exponent
    }

    /// Where the block begins in the body.
    pub(super) fn start(self) -> usize {
        self.number as usize * self.size()
    }
}

/// The largest exponent whose blocks have at most `room` bytes; none below 16.
pub(super) fn exponent_for(room: usize) -> Option<u8> {
    (0..=6_u8).rev().find(|exponent| 16_usize << exponent <= room)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 7959 §2.2: NUM/M/szx.
    #[test]
    fn values_are_those_of_the_standard() {
        let block = |number, more, exponent| Block { number, more, exponent };
        for (value, read) in [
            (&b""[..], block(0, false, 0)),
            (b"\x0E", block(0, true, 6)),
            (b"\x16", block(1, false, 6)),
            (b"\x01\x0A", block(16, true, 2)),
            (b"\xFF\xFF\xFE", block(0xF_FFFF, true, 6)),
        ] {
            assert_eq!(Block::read(value), Some(read));
            assert_eq!(read.write(), value);
        }
        assert_eq!(Block::read(b"\x07"), None);
        assert_eq!(Block::read(b"\x00\x00\x00\x06"), None);
        assert_eq!(block(3, false, 5).start(), 1_536);
        assert_eq!((exponent_for(1_023), exponent_for(1_024), exponent_for(15)), (Some(5), Some(6), None));
    }
}
