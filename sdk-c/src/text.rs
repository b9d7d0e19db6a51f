//! Text across the border: pointer and length. And the number that every call gives.

use enos_runtime::{Error, ErrorKind};
use std::ffi::c_char;

/// What a call came to: `ENOS_OK`, or one of `ENOS_ERR_…`. The numbers are stable, and the same in every language.
pub type enos_status_t = i32;

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
    pub(crate) const EMPTY: Self = Self { ptr: std::ptr::null(), len: 0 };

    /// Lends a text of ours.
    pub(crate) fn lend(text: &str) -> Self {
        Self { ptr: text.as_ptr().cast(), len: text.len() }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The text, for as long as its owner lets it be.
    ///
    /// # Safety
    /// `ptr` is NULL, or points to `len` bytes that stay and do not change for `'a`.
    pub(crate) unsafe fn read<'a>(self, name: &str) -> Result<&'a str, Error> {
        // SAFETY: the caller's promise is the same.
        let bytes = unsafe { slice(self.ptr.cast::<u8>(), self.len, name)? };
        std::str::from_utf8(bytes).map_err(|error| {
            invalid(format!("{name} is no UTF-8: byte {} is wrong. Convert the text.", error.valid_up_to()))
        })
    }
}

/// An array of the caller.
///
/// # Safety
/// `first` is NULL, or points to `count` elements that stay and do not change for `'a`.
pub(crate) unsafe fn slice<'a, T>(first: *const T, count: usize, name: &str) -> Result<&'a [T], Error> {
    if count == 0 {
        return Ok(&[]);
    }
    if first.is_null() {
        return Err(invalid(format!("{name} is NULL, but its length is {count}. Give both.")));
    }
    if !first.is_aligned() {
        return Err(invalid(format!("{name} is not aligned. Pass the array as it was declared.")));
    }
    if count > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(invalid(format!("{name} has the length {count}, which no memory holds. Correct it.")));
    }
    // SAFETY: not NULL, aligned, of a possible size, and the caller promises the rest.
    Ok(unsafe { std::slice::from_raw_parts(first, count) })
}

/// An argument of the call is wrong.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}
