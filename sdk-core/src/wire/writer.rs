//! The append-only cursor that every encoder of the core writes with.

use core::fmt;

/// The output slice is too small, or a text does not fit the length field in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the output slice is too small")
    }
}

impl core::error::Error for Full {}

/// An append-only cursor over the caller's slice.
///
/// A write that does not fit returns [`Full`] and leaves the cursor where it was.
pub struct Writer<'o> {
    out: &'o mut [u8],
    len: usize,
}

impl<'o> Writer<'o> {
    /// Starts at the beginning of `out`.
    #[inline]
    pub fn new(out: &'o mut [u8]) -> Self {
        Writer { out, len: 0 }
    }

    /// How many bytes have been written.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing has been written yet.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many more bytes fit.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.out.len().saturating_sub(self.len)
    }

    /// What has been written so far.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        self.out.get(..self.len).unwrap_or_default()
    }

    /// Takes back everything written after `len`; a longer `len` changes nothing.
    #[inline]
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Appends bytes as they are.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.room(bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// Appends one byte.
    #[inline]
    pub fn byte(&mut self, byte: u8) -> Result<(), Full> {
        *self.out.get_mut(self.len).ok_or(Full)? = byte;
        self.len += 1;
        Ok(())
    }

    /// Appends a 16-bit number, most significant byte first.
    #[inline]
    pub fn u16_be(&mut self, number: u16) -> Result<(), Full> {
        self.bytes(&number.to_be_bytes())
    }

    /// Appends a number in decimal digits.
    pub fn decimal_u64(&mut self, number: u64) -> Result<(), Full> {
        let mut room = [0; Decimal::MAX];
        self.bytes(Decimal::of(number, &mut room))
    }

    /// Appends a signed number in decimal digits.
    pub fn decimal_i64(&mut self, number: i64) -> Result<(), Full> {
        let start = self.len;
        if number < 0 {
            self.byte(b'-')?;
        }
        self.decimal_u64(number.unsigned_abs()).inspect_err(|_| self.len = start)
    }

    /// Claims the next `count` bytes for the caller to fill.
    #[inline]
    pub(crate) fn room(&mut self, count: usize) -> Result<&mut [u8], Full> {
        // Neither length can exceed `isize::MAX`, so the sum cannot overflow.
        let end = self.len + count;
        let room = self.out.get_mut(self.len..end).ok_or(Full)?;
        self.len = end;
        Ok(room)
    }

    /// The bytes written after `start`, to be changed in place.
    #[inline]
    pub(crate) fn written_since(&mut self, start: usize) -> &mut [u8] {
        self.out.get_mut(start..self.len).unwrap_or_default()
    }
}

/// Decimal digits of unsigned numbers, right-aligned in a small buffer.
pub(crate) struct Decimal;

impl Decimal {
    /// Digits of the largest `u64`.
    pub(crate) const MAX: usize = 20;

    /// The digits of `number`, written at the end of `room`.
    pub(crate) fn of(mut number: u64, room: &mut [u8; Self::MAX]) -> &[u8] {
        let mut left = Self::MAX;
        for digit in room.iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
            left -= 1;
            if number == 0 {
                break;
            }
        }
        room.get(left..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_numbers_as_printed() {
        extern crate std;
        use std::string::ToString;
        for number in [0, 9, 10, 99, 100, 200, 4_294_967_295, u64::MAX] {
            let mut out = [0; 20];
            let mut w = Writer::new(&mut out);
            w.decimal_u64(number).unwrap();
            assert_eq!(w.as_slice(), number.to_string().as_bytes());
        }
        for number in [0, 1, -1, i64::MIN, i64::MAX] {
            let mut out = [0; 20];
            let mut w = Writer::new(&mut out);
            w.decimal_i64(number).unwrap();
            assert_eq!(w.as_slice(), number.to_string().as_bytes());
        }
    }

    #[test]
    fn a_write_that_does_not_fit_changes_nothing() {
        let mut out = [0; 4];
        let mut w = Writer::new(&mut out);
        w.bytes(b"abc").unwrap();
        assert_eq!(w.bytes(b"de"), Err(Full));
        assert_eq!(w.u16_be(7), Err(Full));
        assert_eq!(w.decimal_i64(-1), Err(Full));
        assert_eq!(w.decimal_u64(10), Err(Full));
        assert_eq!(w.as_slice(), b"abc");
        w.byte(b'd').unwrap();
        assert_eq!(w.byte(b'e'), Err(Full));
        assert_eq!((w.len(), w.remaining()), (4, 0));
        w.truncate(1);
        assert_eq!(w.as_slice(), b"a");
        w.truncate(3);
        assert_eq!(w.len(), 1);
    }
}
