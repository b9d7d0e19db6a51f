//! The value of Block1 and Block2 (RFC 7959 §2.2).

/// One block of a body: its number, whether more follow, its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Which block, counted in blocks of this size; at most 2^20 - 1.
    pub number: u32,
    /// Whether more follow (or, in a request for a block, always false).
    pub more: bool,
    /// The size is 2^(4 + exponent) bytes; 0 to 6, which is 16 to 1,024 bytes.
    pub exponent: u8,
}

impl Block {
    /// The largest exponent; 7 is reserved.
    pub const MAX_EXPONENT: u8 = 6;
    /// The largest number.
    pub const MAX_NUMBER: u32 = (1 << 20) - 1;

    /// Bytes of a whole block.
    pub const fn size(self) -> usize {
        16 << self.exponent
    }

    /// Where the block begins in the body.
    pub const fn offset(self) -> usize {
        (self.number as usize) << (4 + self.exponent)
    }

    /// Reads an option's value; `None` for more than three bytes and for the reserved size.
    pub fn from_value(value: &[u8]) -> Option<Self> {
        let number = uint(value).filter(|_| value.len() <= 3)?;
        let block = Self { number: number >> 4, more: number & 8 != 0, exponent: (number & 7) as u8 };
        (block.exponent <= Self::MAX_EXPONENT).then_some(block)
    }

    /// The option's value as a number.
    pub(crate) const fn to_uint(self) -> u32 {
        self.number << 4 | (self.more as u32) << 3 | self.exponent as u32
    }
}

/// An option's value as a number (RFC 7252 §3.2); `None` for more than four bytes.
pub(super) fn uint(value: &[u8]) -> Option<u32> {
    (value.len() <= 4).then(|| value.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}
