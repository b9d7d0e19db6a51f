//! The inside of a JSON string, with its escapes still in place.

use crate::wire::{Full, Writer};

/// The inside of a JSON string that the reader has checked, escapes still in place.
#[derive(Clone, Copy, Debug)]
pub struct Text<'j> {
    raw: &'j str,
    plain: bool,
}

impl<'j> Text<'j> {
    /// `raw` holds only escapes that exist; `plain` says that it holds none.
    #[inline]
    pub(super) fn new(raw: &'j str, plain: bool) -> Self {
        Text { raw, plain }
    }

    /// What stands between the quotes.
    #[inline]
    pub fn raw(&self) -> &'j str {
        self.raw
    }

    /// The text itself, if it was written without escapes.
    #[inline]
    pub fn as_plain(&self) -> Option<&'j str> {
        self.plain.then_some(self.raw)
    }

    /// Whether the text, escapes understood, is `other`.
    #[inline]
    pub fn eq_str(&self, other: &str) -> bool {
        if self.plain { self.raw == other } else { self.eq_unescaped(other) }
    }

    #[cold]
    fn eq_unescaped(&self, other: &str) -> bool {
        let mut rest = other.as_bytes();
        let same = self.pieces(|piece| {
            rest = rest.strip_prefix(piece).ok_or(Full)?;
            Ok(())
        });
        same.is_ok() && rest.is_empty()
    }

    /// Writes the text, escapes undone, as UTF-8 into `out` and returns its length.
    ///
    /// It is never longer than [`Text::raw`]. Half of a surrogate pair becomes U+FFFD.
    pub fn unescape(&self, out: &mut [u8]) -> Result<usize, Full> {
        let mut w = Writer::new(out);
        self.pieces(|piece| w.bytes(piece))?;
        Ok(w.len())
    }

    /// Hands out the text in pieces: runs without escapes, and characters that were escaped.
    fn pieces(&self, mut take: impl FnMut(&[u8]) -> Result<(), Full>) -> Result<(), Full> {
        let mut rest = self.raw;
        while let Some((run, escape)) = rest.split_once('\\') {
            take(run.as_bytes())?;
            let (character, used) = unescape(escape.as_bytes());
            take(character.encode_utf8(&mut [0; 4]).as_bytes())?;
            rest = escape.get(used..).unwrap_or_default();
        }
        take(rest.as_bytes())
    }
}

/// The character behind a backslash, and how many bytes say so (RFC 8259 §7).
fn unescape(escape: &[u8]) -> (char, usize) {
    let simple = match escape.first() {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unescape_unit(escape),
        Some(&other) => char::from(other),
        None => char::REPLACEMENT_CHARACTER,
    };
    (simple, 1)
}

/// `uXXXX`, and the second half if it starts a surrogate pair.
fn unescape_unit(escape: &[u8]) -> (char, usize) {
    let unit = hex4(escape.get(1..5));
    if let 0xD800..=0xDBFF = unit
        && let Some(b"\\u") = escape.get(5..7)
        && let low @ 0xDC00..=0xDFFF = hex4(escape.get(7..11))
    {
        let code = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 11);
    }
    (char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), 5)
}

fn hex4(digits: Option<&[u8]>) -> u32 {
    let digits = digits.unwrap_or_default();
    digits.iter().fold(0, |code, &d| code << 4 | char::from(d).to_digit(16).unwrap_or_default())
}
