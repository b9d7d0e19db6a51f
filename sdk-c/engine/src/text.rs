//! Text across the border, and what the program's pointers are checked for.

use crate::status::Misuse;
use core::ffi::c_char;
use core::ops::Range;

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
    pub(crate) const EMPTY: Self = Self { ptr: core::ptr::null(), len: 0 };

    /// Lends a text of ours.
    pub(crate) const fn lend(text: &str) -> Self {
        Self { ptr: text.as_ptr().cast(), len: text.len() }
    }

    /// Lends bytes of ours that are UTF-8: JSON that was checked.
    pub(crate) const fn lend_bytes(text: &[u8]) -> Self {
        Self { ptr: text.as_ptr().cast(), len: text.len() }
    }
}

/// The engine's own memory, from where no argument may come: a call may overwrite it while it reads.
#[derive(Clone, Copy)]
pub(crate) struct Border {
    start: usize,
    end: usize,
}

impl Border {
    /// Nothing is ours yet.
    pub(crate) const NONE: Self = Self { start: 0, end: 0 };

    pub(crate) fn around(block: Range<usize>) -> Self {
        Self { start: block.start, end: block.end }
    }

    /// An array of the caller.
    ///
    /// # Safety
    /// `first` is NULL, or points to `count` elements that stay and do not change for `'a`.
    pub(crate) unsafe fn slice<'a, T>(
        self,
        first: *const T,
        count: usize,
        name: &'static str,
    ) -> Result<&'a [T], Misuse> {
        if count == 0 {
            return Ok(&[]);
        }
        if first.is_null() {
            return Err(Misuse::Null(name));
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
        // SAFETY: not NULL, aligned, of a possible size, apart from what the engine writes; the caller promises the rest.
        Ok(unsafe { core::slice::from_raw_parts(first, count) })
    }

    /// A text of the caller.
    ///
    /// # Safety
    /// As [`slice`](Self::slice).
    pub(crate) unsafe fn text<'a>(self, text: enos_str_t, name: &'static str) -> Result<&'a str, Misuse> {
        // SAFETY: the caller's promise is the same.
        let bytes = unsafe { self.slice(text.ptr.cast::<u8>(), text.len, name)? };
        core::str::from_utf8(bytes).map_err(|_| Misuse::Utf8(name))
    }
}
