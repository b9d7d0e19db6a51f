//! The pull reader: one object at a time, checked as it goes, nothing stored.
//!
//! Strict RFC 8259: UTF-8 without BOM, no trailing comma, no comment, no bare `NaN`. Nesting is kept in the
//! bits of one number, so depth costs no stack.

use super::Text;
use core::fmt;

/// How deep containers may stand in one another when read, the outermost included.
pub const MAX_READ_DEPTH: u32 = 32;

/// Why bytes are not the JSON they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// The bytes are not UTF-8.
    NotUtf8,
    /// The text ends too early.
    Incomplete,
    /// A byte that cannot stand where it does.
    Unexpected,
    /// A control character inside a string.
    ControlCharacter,
    /// An escape that does not exist.
    BadEscape,
    /// A number not written as RFC 8259 §6 says.
    BadNumber,
    /// Nested deeper than [`MAX_READ_DEPTH`].
    TooDeep,
    /// More than white space after the value.
    TrailingBytes,
    /// A well-formed value of another kind than asked for.
    WrongKind,
}

/// Why and where bytes are not the JSON they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// What is wrong.
    pub kind: JsonErrorKind,
    /// Byte offset in what was read.
    pub at: usize,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.kind {
            JsonErrorKind::NotUtf8 => "not UTF-8",
            JsonErrorKind::Incomplete => "ends too early",
            JsonErrorKind::Unexpected => "unexpected byte",
            JsonErrorKind::ControlCharacter => "control character in a string",
            JsonErrorKind::BadEscape => "unknown escape",
            JsonErrorKind::BadNumber => "malformed number",
            JsonErrorKind::TooDeep => "nested too deep",
            JsonErrorKind::TrailingBytes => "bytes after the value",
            JsonErrorKind::WrongKind => "value of another kind",
        };
        write!(f, "JSON: {text} at byte {}", self.at)
    }
}

impl core::error::Error for JsonError {}

/// What a JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum JsonKind {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

/// A JSON value as it was written, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'j>(&'j str);

impl<'j> Raw<'j> {
    /// Checks that `json` is one value and nothing else but white space around it.
    pub fn parse(json: &'j [u8]) -> Result<Self, JsonError> {
        let mut cursor = Cursor::new(json)?;
        cursor.white_space();
        let value = cursor.value(0)?;
        cursor.end()?;
        Ok(value)
    }

    /// The value's bytes.
    #[inline]
    pub fn as_bytes(&self) -> &'j [u8] {
        self.0.as_bytes()
    }

    /// The value's text, quotes and escapes included.
    #[inline]
    pub fn as_str(&self) -> &'j str {
        self.0
    }

    /// What it is, told by its first byte.
    pub fn kind(&self) -> JsonKind {
        match self.0.as_bytes().first() {
            Some(b'{') => JsonKind::Object,
            Some(b'[') => JsonKind::Array,
            Some(b'"') => JsonKind::String,
            Some(b't' | b'f') => JsonKind::Bool,
            Some(b'n') => JsonKind::Null,
            _ => JsonKind::Number,
        }
    }

    /// The inside of a string.
    pub fn as_text(&self) -> Option<Text<'j>> {
        let raw = self.0.strip_prefix('"')?.strip_suffix('"')?;
        Some(Text::new(raw, !raw.bytes().fold(false, |seen, b| seen | (b == b'\\'))))
    }

    /// A whole number, also one written as a string of digits, as some peers write `"code":"1101"`.
    ///
    /// `None` for a fraction, an exponent, a blank, or what an `i64` cannot hold.
    pub fn as_i64(&self) -> Option<i64> {
        let bytes = self.0.as_bytes();
        // What stands in a string but is no digit, an escape too, is refused below.
        let text = match bytes {
            [b'"', inside @ .., b'"'] => inside,
            _ => bytes,
        };
        let (negative, digits) = match text {
            [b'-', digits @ ..] => (true, digits),
            _ => (false, text),
        };
        if digits.is_empty() {
            return None;
        }
        // Counted downwards, since the smallest number has no positive twin.
        let mut number = 0_i64;
        for &byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            number = number.checked_mul(10)?.checked_sub(digit.into())?;
        }
        if negative { Some(number) } else { number.checked_neg() }
    }

    /// Walks an array; [`JsonErrorKind::WrongKind`] for anything else.
    pub fn elements(&self) -> Result<Elements<'j>, JsonError> {
        Ok(Elements(Items::open(Cursor { text: self.0, at: 0 }, b'[', b']')?))
    }

    /// Walks an object; [`JsonErrorKind::WrongKind`] for anything else.
    pub fn members(&self) -> Result<Members<'j>, JsonError> {
        Ok(Members(Items::open(Cursor { text: self.0, at: 0 }, b'{', b'}')?))
    }
}

/// Walks the members of one object, checking as it goes.
///
/// That the whole is well-formed is known only once [`Members::next`] has said `None`: act on nothing before.
/// A key that comes twice is handed out twice, and callers take the last one. After an error there is nothing
/// more.
#[derive(Clone, Debug)]
pub struct Members<'j>(Items<'j>);

impl<'j> Members<'j> {
    /// Starts at the `{` of the object, white space before it allowed.
    pub fn new(json: &'j [u8]) -> Result<Self, JsonError> {
        let mut cursor = Cursor::new(json)?;
        cursor.white_space();
        Ok(Members(Items::open(cursor, b'{', b'}')?))
    }

    /// The next key and value; `None` after the last, when only white space follows the object.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<(Text<'j>, Raw<'j>)>, JsonError> {
        self.0.next(|cursor| {
            let key = cursor.key()?;
            Ok((key, cursor.value(1)?))
        })
    }
}

/// Walks the elements of one array, checking as it goes; see [`Members`].
#[derive(Clone, Debug)]
pub struct Elements<'j>(Items<'j>);

impl<'j> Elements<'j> {
    /// The next element; `None` after the last.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Raw<'j>>, JsonError> {
        self.0.next(|cursor| cursor.value(1))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    First,
    Later,
    Done,
}

/// Comma-separated items of one container.
#[derive(Clone, Debug)]
struct Items<'j> {
    cursor: Cursor<'j>,
    close: u8,
    place: Place,
}

impl<'j> Items<'j> {
    fn open(mut cursor: Cursor<'j>, open: u8, close: u8) -> Result<Self, JsonError> {
        match cursor.peek()? {
            byte if byte == open => cursor.at += 1,
            _ => {
                cursor.value(0)?;
                cursor.end()?;
                return Err(JsonError { kind: JsonErrorKind::WrongKind, at: 0 });
            }
        }
        Ok(Items { cursor, close, place: Place::First })
    }

    fn next<T>(
        &mut self,
        item: impl FnOnce(&mut Cursor<'j>) -> Result<T, JsonError>,
    ) -> Result<Option<T>, JsonError> {
        if self.place == Place::Done {
            return Ok(None);
        }
        let first = self.place == Place::First;
        self.place = Place::Done;
        self.cursor.white_space();
        let byte = self.cursor.peek()?;
        if byte == self.close {
            self.cursor.at += 1;
            self.cursor.end()?;
            return Ok(None);
        }
        if !first {
            self.cursor.expect(b',')?;
            self.cursor.white_space();
        }
        let item = item(&mut self.cursor)?;
        self.place = Place::Later;
        Ok(Some(item))
    }
}

/// A place in the text, and the grammar.
#[derive(Clone, Debug)]
struct Cursor<'j> {
    text: &'j str,
    at: usize,
}

impl<'j> Cursor<'j> {
    fn new(json: &'j [u8]) -> Result<Self, JsonError> {
        match core::str::from_utf8(json) {
            Ok(text) => Ok(Cursor { text, at: 0 }),
            Err(error) => Err(JsonError { kind: JsonErrorKind::NotUtf8, at: error.valid_up_to() }),
        }
    }

    #[cold]
    fn fail<T>(&self, kind: JsonErrorKind) -> Result<T, JsonError> {
        Err(JsonError { kind, at: self.at })
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn peek(&self) -> Result<u8, JsonError> {
        match self.byte() {
            Some(byte) => Ok(byte),
            None => self.fail(JsonErrorKind::Incomplete),
        }
    }

    #[inline]
    fn expect(&mut self, wanted: u8) -> Result<(), JsonError> {
        if self.peek()? != wanted {
            return self.fail(JsonErrorKind::Unexpected);
        }
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn white_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
    }

    fn end(&mut self) -> Result<(), JsonError> {
        self.white_space();
        if self.at < self.text.len() { self.fail(JsonErrorKind::TrailingBytes) } else { Ok(()) }
    }

    #[inline]
    fn since(&self, start: usize) -> &'j str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// A key, its colon and the blanks up to the value.
    fn key(&mut self) -> Result<Text<'j>, JsonError> {
        if self.peek()? != b'"' {
            return self.fail(JsonErrorKind::Unexpected);
        }
        let key = self.string()?;
        self.white_space();
        self.expect(b':')?;
        self.white_space();
        Ok(key)
    }

    /// One value of any kind, `outer` containers deep; the cursor stands on its first byte.
    #[inline]
    fn value(&mut self, outer: u32) -> Result<Raw<'j>, JsonError> {
        let start = self.at;
        match self.peek()? {
            b'"' => {
                self.string()?;
            }
            b'-' | b'0'..=b'9' => self.number()?,
            _ => self.container_or_word(outer)?,
        }
        Ok(Raw(self.since(start)))
    }

    fn container_or_word(&mut self, outer: u32) -> Result<(), JsonError> {
        // One bit for each open container, the innermost lowest: 1 for an object.
        let mut objects = 0_u32;
        let mut depth = 0;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                b'-' | b'0'..=b'9' => self.number()?,
                open @ (b'{' | b'[') => {
                    if outer + depth >= MAX_READ_DEPTH {
                        return self.fail(JsonErrorKind::TooDeep);
                    }
                    self.at += 1;
                    self.white_space();
                    let object = open == b'{';
                    if self.peek()? == if object { b'}' } else { b']' } {
                        self.at += 1;
                    } else {
                        objects = objects << 1 | u32::from(object);
                        depth += 1;
                        if object {
                            self.key()?;
                        }
                        continue;
                    }
                }
                b't' => self.literal("true")?,
                b'f' => self.literal("false")?,
                b'n' => self.literal("null")?,
                _ => return self.fail(JsonErrorKind::Unexpected),
            }
            // A value is complete; so may be the containers round it.
            loop {
                if depth == 0 {
                    return Ok(());
                }
                self.white_space();
                let in_object = objects & 1 == 1;
                match self.peek()? {
                    b',' => {
                        self.at += 1;
                        self.white_space();
                        if in_object {
                            self.key()?;
                        }
                        break;
                    }
                    close if close == if in_object { b'}' } else { b']' } => {
                        self.at += 1;
                        objects >>= 1;
                        depth -= 1;
                    }
                    _ => return self.fail(JsonErrorKind::Unexpected),
                }
            }
        }
    }

    fn literal(&mut self, word: &str) -> Result<(), JsonError> {
        for &wanted in word.as_bytes() {
            self.expect(wanted)?;
        }
        Ok(())
    }

    /// A string; the cursor stands on its opening quote.
    #[inline]
    fn string(&mut self) -> Result<Text<'j>, JsonError> {
        self.at += 1;
        let start = self.at;
        self.plain_run();
        let plain = self.byte() == Some(b'"');
        if !plain {
            self.escapes()?;
        }
        let raw = self.since(start);
        self.at += 1;
        Ok(Text::new(raw, plain))
    }

    /// The rest of a string from its first escape up to its closing quote.
    #[cold]
    fn escapes(&mut self) -> Result<(), JsonError> {
        loop {
            match self.peek()? {
                b'"' => return Ok(()),
                b'\\' => self.escape()?,
                _ => return self.fail(JsonErrorKind::ControlCharacter),
            }
            self.plain_run();
        }
    }

    #[inline]
    fn plain_run(&mut self) {
        self.at += plain_run(self.text.as_bytes().get(self.at..).unwrap_or_default());
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        let digits = match self.peek()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 0,
            b'u' => 4,
            _ => return self.fail(JsonErrorKind::BadEscape),
        };
        self.at += 1;
        for _ in 0..digits {
            if !self.peek()?.is_ascii_hexdigit() {
                return self.fail(JsonErrorKind::BadEscape);
            }
            self.at += 1;
        }
        Ok(())
    }

    /// RFC 8259 §6.
    fn number(&mut self) -> Result<(), JsonError> {
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        if self.byte() == Some(b'0') {
            self.at += 1;
            if self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
                return self.fail(JsonErrorKind::BadNumber);
            }
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        if self.at > start {
            return Ok(());
        }
        match self.byte() {
            None => self.fail(JsonErrorKind::Incomplete),
            Some(_) => self.fail(JsonErrorKind::BadNumber),
        }
    }
}

/// How many bytes of a string come before the next quote, backslash or control character.
#[inline]
fn plain_run(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    // Eight bytes at a time: the top bit of each that is below `limit`, exact up to the first such byte.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    let mut run = 0;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
        let special = (below(word, 0x20) | quote | backslash) & TOPS;
        if special != 0 {
            return run + special.trailing_zeros() as usize / 8;
        }
        run += 8;
    }
    run + rest.iter().position(|&b| b == b'"' || b == b'\\' || b < 0x20).unwrap_or(rest.len())
}
