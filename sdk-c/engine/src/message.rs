//! Texts for people. Nothing else here formats, so who does not ask for one does not link it.

use crate::engine::enos_engine_t;
use crate::status::Last;
use core::ffi::c_char;
use core::fmt::{self, Write};
use enos_core::engine::Warning;

/// The program's buffer, filled as far as it goes.
struct Buffer {
    at: *mut u8,
    /// What is left, without the NUL.
    left: usize,
    /// Bytes of the whole text.
    len: usize,
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.len = self.len.saturating_add(text.len());
        let mut n = text.len().min(self.left);
        while !text.is_char_boundary(n) {
            n -= 1;
        }
        // SAFETY: `n` bytes are left, and the program's buffer is not the engine's text.
        unsafe {
            core::ptr::copy_nonoverlapping(text.as_ptr(), self.at, n);
            self.at = self.at.add(n);
        }
        // What comes behind a cut has no place.
        self.left = if n < text.len() { 0 } else { self.left - n };
        Ok(())
    }
}

/// The text of what this engine last refused, failed or warned of, for people: thing, cause and next step; never a secret.
/// Empty if nothing has gone wrong yet.
///
/// Writes at most `size` bytes with the NUL at the end, cut at a character's end; gives the bytes of the whole text without
/// the NUL, as `snprintf` does. `buffer` may be NULL if `size` is 0.
///
/// @threads owner
/// @blocking no
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_engine_message(
    engine: *const enos_engine_t,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    let size = if buffer.is_null() { 0 } else { size };
    let mut text = Buffer { at: buffer.cast(), left: size.saturating_sub(1), len: 0 };
    // SAFETY: the caller's engine, which is only read.
    let last = match unsafe { enos_engine_t::alive(engine.cast_mut()) } {
        Ok(engine) => engine.last,
        Err(_) => Last::Nothing,
    };
    // The buffer takes all that it is given, so nothing fails.
    let _ = match last {
        Last::Nothing => Ok(()),
        Last::Misuse(misuse) => write!(text, "{misuse}"),
        Last::Request(error) => write!(text, "{error}"),
        Last::Error(error) => write!(text, "{error}"),
        Last::Warning(warning) => warn(&mut text, warning),
    };
    if size > 0 {
        // SAFETY: one byte was kept for it.
        unsafe { text.at.write(0) };
    }
    text.len
}

fn warn(text: &mut Buffer, warning: Warning) -> fmt::Result {
    match warning {
        Warning::SubscriptionRefused(n) => {
            write!(
                text,
                "the hub refused {n} subscriptions. EnOS delivers without them; another broker may not."
            )
        }
        Warning::Oversize(n) => {
            write!(
                text,
                "a message of {n} bytes is larger than limit_receive and was dropped. Raise the limit."
            )
        }
        Warning::UnknownTopic => {
            text.write_str("a message on a topic that this SDK does not know was dropped.")
        }
        Warning::MalformedMessage => text.write_str("a message that is no valid envelope was dropped."),
        Warning::StrayReply => {
            text.write_str("a reply to no open request came; late, or twice. It was dropped.")
        }
        Warning::DialDelayed(ms) => {
            write!(text, "the dial budget is used up: the next dial follows in {ms} ms. Look why dials fail.")
        }
        Warning::StoreFailed(ms) => {
            write!(text, "the device secret could not be stored; again in {ms} ms. Check the store.")
        }
        Warning::CallsFull => {
            text.write_str("a command came while limit_calls were open; it was answered with 1102.")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_once_and_at_a_characters_end() {
        let mut room = [b'x'; 8];
        for (left, kept) in
            [(8, "aéübz"), (7, "aéübz"), (6, "aéüb"), (5, "aéü"), (4, "aé"), (2, "a"), (0, "")]
        {
            let mut text = Buffer { at: room.as_mut_ptr(), left, len: 0 };
            for part in ["aé", "üb", "z"] {
                assert_eq!(text.write_str(part), Ok(()));
            }
            assert_eq!(text.len, 7);
            let used = text.at.addr() - room.as_ptr().addr();
            assert_eq!(&room[..used], kept.as_bytes(), "{left} bytes");
        }
    }
}
