//! What a C program points to, read with the error that a wrong argument is.

use enos_border::{Border, Misuse};
use enos_runtime::{Error, ErrorKind};

pub use enos_border::enos_str_t;

/// Texts of the program.
pub(crate) trait ReadText {
    /// The text, for as long as its owner lets it be.
    ///
    /// # Safety
    /// `ptr` is NULL, or points to `len` bytes that stay and do not change for `'a`.
    unsafe fn read<'a>(self, name: &'static str) -> Result<&'a str, Error>;
}

impl ReadText for enos_str_t {
    unsafe fn read<'a>(self, name: &'static str) -> Result<&'a str, Error> {
        // SAFETY: the caller's promise is the same.
        unsafe { Border::NONE.text(self, name) }.map_err(refused)
    }
}

/// An array of the caller.
///
/// # Safety
/// `first` is NULL, or points to `count` elements that stay and do not change for `'a`.
pub(crate) unsafe fn slice<'a, T>(
    first: *const T,
    count: usize,
    name: &'static str,
) -> Result<&'a [T], Error> {
    // SAFETY: the caller's promise is the same.
    unsafe { Border::NONE.slice(first, count, name) }.map_err(refused)
}

/// What only C can get wrong, as an error.
pub(crate) fn refused(misuse: Misuse) -> Error {
    Error::new(misuse.kind(), misuse.to_string())
}

/// An argument of the call is wrong.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}
