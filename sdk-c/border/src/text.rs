//! Text across the border, what the program's pointers are checked for, and the number that every call gives.

use crate::misuse::Misuse;
use core::ffi::c_char;
use core::ops::Range;
use enos_core::ErrorKind;

/// What a call came to: `ENOS_OK`, or one of `ENOS_ERR_…`. The numbers are stable, and the same in every language.
pub type enos_status_t = i32;

/// It went well.
pub const ENOS_OK: enos_status_t = 0;

/// A kind of the error table in C's numbers.
pub fn status_of(kind: ErrorKind) -> enos_status_t {
    i32::from(kind.number())
}

/// Text: UTF-8 of so many bytes, which need not end in NUL.
///
/// As an argument it is borrowed for the call. `{NULL, 0}` is the empty text. `ENOS_LIT("…")` makes one of a literal,
/// `enos_str(s)` of a text that ends in NUL.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct enos_str_t {
    /// The first byte.
    pub ptr: *const c_char,
    /// How many bytes.
    pub len: usize,
}

impl enos_str_t {
    /// No text.
    pub const EMPTY: Self = Self { ptr: core::ptr::null(), len: 0 };

    /// Lends a text of ours.
    pub const fn lend(text: &str) -> Self {
        Self::lend_bytes(text.as_bytes())
    }

    /// Lends bytes of ours that are UTF-8: JSON that was checked.
    pub const fn lend_bytes(text: &[u8]) -> Self {
        Self { ptr: text.as_ptr().cast(), len: text.len() }
    }

    /// Whether it has no bytes, wherever it points.
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// Memory of the SDK's own from where no argument may come: a call may overwrite it while it reads.
#[derive(Clone, Copy)]
pub struct Border {
    start: usize,
    end: usize,
}

impl Border {
    /// Nothing is ours that a program could point to.
    pub const NONE: Self = Self { start: 0, end: 0 };

    /// A block at these addresses is ours.
    pub const fn around(block: Range<usize>) -> Self {
        Self { start: block.start, end: block.end }
    }

    /// An array of the caller; no NULL, no alignment and no length of it goes unchecked.
    ///
    /// # Safety
    /// `first` is NULL, or points to `count` elements that stay and do not change for `'a`.
    pub unsafe fn slice<'a, T>(
        self,
        first: *const T,
        count: usize,
        name: &'static str,
    ) -> Result<&'a [T], Misuse> {
        if count == 0 {
            return Ok(&[]);
        }
        if first.is_null() {
            return Err(Misuse::NullOf(name));
        }
        if !first.is_aligned() {
            return Err(Misuse::Aligned(name));
        }
        let bytes = count.checked_mul(size_of::<T>()).filter(|bytes| *bytes <= isize::MAX as usize);
        let start = first.addr();
        let end = bytes.and_then(|bytes| start.checked_add(bytes)).ok_or(Misuse::Length(name))?;
        if start < self.end && self.start < end {
            return Err(Misuse::Lent(name));
        }
        // SAFETY: not NULL, aligned, of a possible size, apart from what the SDK writes; the caller promises the rest.
        Ok(unsafe { core::slice::from_raw_parts(first, count) })
    }

    /// A text of the caller.
    ///
    /// # Safety
    /// As [`slice`](Self::slice).
    pub unsafe fn text<'a>(self, text: enos_str_t, name: &'static str) -> Result<&'a str, Misuse> {
        // SAFETY: the caller's promise is the same.
        let bytes = unsafe { self.slice(text.ptr.cast::<u8>(), text.len, name)? };
        core::str::from_utf8(bytes)
            .map_err(|error| Misuse::Utf8(name, u32::try_from(error.valid_up_to()).unwrap_or(u32::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString as _;

    fn bytes(first: *const u8, count: usize, border: Border) -> Result<usize, Misuse> {
        // SAFETY: each test gives what lives in it, or what is refused before it is read.
        unsafe { border.slice(first, count, "it") }.map(<[u8]>::len)
    }

    #[test]
    fn no_length_gets_past_the_end_of_memory() {
        let there = [1_u8; 4];
        assert_eq!(bytes(there.as_ptr(), 4, Border::NONE), Ok(4));
        assert_eq!(bytes(core::ptr::null(), 0, Border::NONE), Ok(0));
        assert_eq!(bytes(core::ptr::null(), 1, Border::NONE), Err(Misuse::NullOf("it")));
        for count in [usize::MAX, isize::MAX as usize + 1] {
            assert_eq!(bytes(there.as_ptr(), count, Border::NONE), Err(Misuse::Length("it")));
        }
        let wide = [1_u64; 2];
        // SAFETY: refused before it is read.
        let odd = unsafe { Border::NONE.slice(wide.as_ptr().cast::<u8>().add(1).cast::<u64>(), 1, "it") };
        assert_eq!(odd, Err(Misuse::Aligned("it")));
        // SAFETY: as above.
        let long = unsafe { Border::NONE.slice(wide.as_ptr(), usize::MAX / 8 + 1, "it") };
        assert_eq!(long, Err(Misuse::Length("it")));
    }

    #[test]
    fn what_touches_our_block_is_refused_to_the_byte() {
        let memory = [1_u8; 12];
        let at = memory.as_ptr();
        let border = Border::around(at.addr() + 4..at.addr() + 8);
        for (offset, count, is_lent) in [
            (0, 4, false),
            (0, 5, true),
            (3, 1, false),
            (4, 1, true),
            (7, 1, true),
            (8, 4, false),
            (0, 12, true),
        ] {
            let told = bytes(at.wrapping_add(offset), count, border);
            assert_eq!(told == Err(Misuse::Lent("it")), is_lent, "{offset}, {count}: {told:?}");
        }
    }

    #[test]
    fn a_text_names_its_first_wrong_byte() {
        let bad = enos_str_t::lend_bytes(b"ab\xffc\xff");
        // SAFETY: the bytes are static.
        let told = unsafe { Border::NONE.text(bad, "a name") }.unwrap_err();
        assert_eq!(told, Misuse::Utf8("a name", 2));
        assert_eq!(told.to_string(), "a name is no UTF-8: byte 2 is wrong. Convert the text.");
        // SAFETY: as above.
        assert_eq!(unsafe { Border::NONE.text(enos_str_t::lend("é"), "a name") }, Ok("é"));
        assert!(enos_str_t::EMPTY.is_empty() && !enos_str_t::lend("é").is_empty());
    }
}
