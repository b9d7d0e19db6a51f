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
        fill_digits(self.room(digit_count(number))?, number);
        Ok(())
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

/// How many digits a number has; 0 has one.
#[inline]
pub(crate) fn digit_count(number: u64) -> usize {
    number.checked_ilog10().unwrap_or_default() as usize + 1
}

/// Fills a place with the last digits of a number, zeros in front, and returns what is left of it.
pub(crate) fn fill_digits(place: &mut [u8], mut number: u64) -> u64 {
    let mut places = place.iter_mut().rev();
    // Eight digits at a time: 32-bit division is the cheap one, and the groups do not wait for each other.
    while number > u64::from(u32::MAX) && places.len() >= 8 {
        let mut low = (number % 100_000_000) as u32;
        number /= 100_000_000;
        for digit in places.by_ref().take(8) {
            *digit = b'0' + (low % 10) as u8;
            low /= 10;
        }
    }
    if let Ok(mut low) = u32::try_from(number) {
        for digit in places {
            *digit = b'0' + (low % 10) as u8;
            low /= 10;
        }
        return low.into();
    }
    for digit in places {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_numbers_as_printed() {
        extern crate std;
        use std::string::ToString;
        let powers = (0..20).map(|n| 10_u64.pow(n));
        let edges =
            powers.flat_map(|power| [power - 1, power, power + 1, power | 0x55, power.wrapping_mul(7)]);
        for number in edges.chain((0..20_000).map(|n| n * 9_973 % 100_000_007)).chain([u64::MAX]) {
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
