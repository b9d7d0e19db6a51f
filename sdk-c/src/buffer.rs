//! A text for the caller's own buffer.

use crate::boundary::run;
use crate::error::{enos_error_t, enos_status_t};
use crate::text::invalid;
use enos_runtime::{Error, ErrorKind};
use std::ffi::c_char;

/// Where a text goes: the caller's buffer, and the place for its length.
pub(crate) struct Buffer {
    pub(crate) first: *mut c_char,
    pub(crate) capacity: usize,
    pub(crate) length: *mut usize,
}

impl Buffer {
    /// Runs an export whose result is a text.
    ///
    /// # Safety
    /// As [`take`](Self::take), and `err` is NULL or points to an `enos_error_t` that nobody else uses during the call.
    pub(crate) unsafe fn fill<T: AsRef<str>>(
        self,
        err: *mut enos_error_t,
        make: impl FnOnce() -> Result<T, Error>,
    ) -> enos_status_t {
        // SAFETY: the caller's promise is the same.
        unsafe { run(err, || self.take(make()?.as_ref())) }
    }

    /// Writes the text and a NUL, or only the length if there is no room for both.
    ///
    /// # Safety
    /// `first` is NULL or has room for `capacity` bytes, `length` is NULL or may be written.
    pub(crate) unsafe fn take(&self, text: &str) -> Result<(), Error> {
        if !self.length.is_null() {
            // SAFETY: not NULL, and the caller promises that it may be written.
            unsafe { self.length.write(text.len()) };
        }
        if text.len() >= self.capacity {
            return Err(Error::new(
                ErrorKind::BufferTooSmall,
                format!(
                    "the text needs {} bytes with its NUL, and capacity is {}. Give a larger buffer.",
                    text.len() + 1,
                    self.capacity
                ),
            ));
        }
        if self.first.is_null() {
            return Err(invalid("buffer is NULL, but capacity is not 0. Give a buffer."));
        }
        // SAFETY: the buffer has room for the text and a NUL, as checked, and is none of ours.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr().cast(), self.first, text.len());
            self.first.add(text.len()).write(0);
        }
        Ok(())
    }
}
