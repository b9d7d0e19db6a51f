//! Errors across the border: a number everywhere, and a struct of the caller's for those who want the text.

use crate::boundary;
use crate::text::enos_str_t;
use enos_runtime::{Error, ErrorKind};
use std::ffi::c_char;
use std::mem::offset_of;

pub use enos_border::{ENOS_OK, enos_status_t};

pub(crate) use enos_border::status_of;

/// Bytes of an error's text, with the NUL at its end.
pub const ENOS_MESSAGE_SIZE: usize = 1000;

/// How a call went, with the text for people. The caller's: there is nothing to free, and every call takes NULL too.
///
/// Give it to `enos_error_init` once; each call that gets it then writes it, `ENOS_OK` and the empty text included.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct enos_error_t {
    /// `sizeof(enos_error_t)` of the program; `enos_error_init` sets it.
    pub size: u32,
    /// The kind.
    pub status: enos_status_t,
    /// The hub's code as it was sent; 0 where the hub said nothing.
    pub hub_code: i64,
    /// 1 if the same call may succeed later without anybody changing anything, else 0.
    pub retryable: i32,
    /// Zero.
    pub reserved: i32,
    /// Thing, cause and next step, for people; UTF-8, ends in NUL, cut at a character's end if it is too long. Never
    /// holds a secret.
    pub message: [c_char; ENOS_MESSAGE_SIZE],
}

/// The kind of a number that came from C; what is none is a bug of whoever gave it.
pub(crate) fn kind_of(status: enos_status_t) -> Option<ErrorKind> {
    u16::try_from(status).ok().and_then(ErrorKind::from_number)
}

impl enos_error_t {
    const OK: Self = Self {
        size: size_of::<Self>() as u32,
        status: ENOS_OK,
        hub_code: 0,
        retryable: 0,
        reserved: 0,
        message: [0; ENOS_MESSAGE_SIZE],
    };

    /// An error of ours, to lend to a callback.
    pub(crate) fn new(error: Option<&Error>) -> Self {
        let mut told = Self::OK;
        told.set(error);
        told
    }

    /// Whether `err` may be written: NULL is fine, too small a struct is not.
    ///
    /// # Safety
    /// `err` is NULL or points to an `enos_error_t`.
    pub(crate) unsafe fn can_be_told(err: *const Self) -> bool {
        // SAFETY: not NULL, so it points to the struct, whose first field is its size.
        err.is_null() || unsafe { (&raw const (*err).size).read() } as usize >= size_of::<Self>()
    }

    /// Writes how it went; nothing for NULL.
    ///
    /// # Safety
    /// [`can_be_told`](Self::can_be_told), and nobody else uses it now.
    pub(crate) unsafe fn tell(err: *mut Self, error: Option<&Error>) {
        // SAFETY: NULL or valid, and ours for now.
        if let Some(err) = unsafe { err.as_mut() } {
            err.set(error);
        }
    }

    fn set(&mut self, error: Option<&Error>) {
        self.status = error.map_or(ENOS_OK, |error| status_of(error.kind));
        self.hub_code = error.map_or(0, |error| error.hub_code);
        self.retryable = error.map_or(0, |error| i32::from(error.retryable));
        self.set_text(error.map_or("", |error| &error.message));
    }

    fn set_text(&mut self, text: &str) {
        // A NUL inside would end the text for C.
        let text = text.split('\0').next().unwrap_or_default();
        let end = text.floor_char_boundary_to(ENOS_MESSAGE_SIZE - 1);
        for (place, byte) in self.message.iter_mut().zip(text.as_bytes()[..end].iter().chain(&[0])) {
            *place = *byte as c_char;
        }
    }

    /// The text.
    pub(crate) fn text(&self) -> String {
        let bytes: Vec<u8> =
            self.message.iter().take_while(|byte| **byte != 0).map(|byte| *byte as u8).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// `str::floor_char_boundary`, which is newer than our oldest compiler.
trait Floor {
    fn floor_char_boundary_to(&self, most: usize) -> usize;
}

impl Floor for str {
    fn floor_char_boundary_to(&self, most: usize) -> usize {
        let mut end = most.min(self.len());
        while !self.is_char_boundary(end) {
            end -= 1;
        }
        end
    }
}

/// Makes an error ready: its size, `ENOS_OK` and the empty text.
///
/// NULL is ignored.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_error_init(err: *mut enos_error_t) {
    if err.is_null() {
        return;
    }
    // SAFETY: not NULL, and the caller gives room for the struct. The text needs its first byte only.
    unsafe {
        (&raw mut (*err).size).write(enos_error_t::OK.size);
        std::ptr::write_bytes(
            err.cast::<u8>().add(offset_of!(enos_error_t, status)),
            0,
            offset_of!(enos_error_t, message) - offset_of!(enos_error_t, status) + 1,
        );
    }
}

/// Fills an error in: for callbacks that tell the SDK why they failed, such as those of a secret store.
///
/// NULL is ignored, and so is an error that is not made ready. A number that is no `ENOS_ERR_…` becomes
/// `ENOS_ERR_INTERNAL`. A text that is no UTF-8 is repaired.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_error_set(err: *mut enos_error_t, status: enos_status_t, message: enos_str_t) {
    boundary::answer((), || {
        // SAFETY: the caller's promise is the same.
        if !unsafe { enos_error_t::can_be_told(err) } {
            return None;
        }
        // SAFETY: the text is borrowed for the call.
        let bytes = unsafe { crate::text::slice(message.ptr.cast::<u8>(), message.len, "message") }.ok()?;
        let kind = kind_of(status).unwrap_or(ErrorKind::Internal);
        let error = Error::new(kind, String::from_utf8_lossy(bytes));
        // SAFETY: checked above.
        unsafe { enos_error_t::tell(err, (status != ENOS_OK).then_some(&error)) };
        Some(())
    });
}

/// A status in C's words, such as `ENOS_ERR_TIMEOUT`; the empty text for what is none. Static.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub extern "C" fn enos_status_name(status: enos_status_t) -> enos_str_t {
    match kind_of(status) {
        Some(kind) => enos_str_t::lend(kind.c_name()),
        None if status == ENOS_OK => enos_str_t::lend("ENOS_OK"),
        None => enos_str_t::EMPTY,
    }
}

/// The next step for whoever meets this status; the empty text for what is none. Static.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub extern "C" fn enos_status_hint(status: enos_status_t) -> enos_str_t {
    kind_of(status).map_or(enos_str_t::EMPTY, |kind| enos_str_t::lend(kind.hint()))
}

/// 1 if a call that ended with this status may succeed later without anybody changing anything, else 0.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub extern "C" fn enos_status_retryable(status: enos_status_t) -> i32 {
    kind_of(status).map_or(0, |kind| i32::from(kind.retryable()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::ReadText as _;

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let mut error = enos_error_t::OK;
        error.set_text(&"é".repeat(ENOS_MESSAGE_SIZE));
        assert_eq!(error.text(), "é".repeat((ENOS_MESSAGE_SIZE - 1) / 2));
        error.set_text("short\0hidden");
        assert_eq!(error.text(), "short");
    }

    #[test]
    fn every_kind_has_its_name_hint_and_number_here() {
        for kind in ErrorKind::ALL {
            let status = status_of(*kind);
            // SAFETY: static texts.
            let (name, hint) = unsafe {
                (
                    enos_status_name(status).read("name").unwrap(),
                    enos_status_hint(status).read("hint").unwrap(),
                )
            };
            assert_eq!((name, hint), (kind.c_name(), kind.hint()));
            assert_eq!(enos_status_retryable(status), i32::from(kind.retryable()));
        }
        assert_eq!(enos_status_name(-1).len + enos_status_name(i32::MAX).len + enos_status_hint(0).len, 0);
        assert_eq!(enos_status_name(0).len, "ENOS_OK".len());
    }
}
