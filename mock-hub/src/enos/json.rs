//! A JSON reader for what EnOS devices really send (`payloads.md` §1.4).
//!
//! It reads RFC 8259 plus the bare tokens `NaN`, `Infinity` and `-Infinity` that the vendor's Python SDK writes,
//! keeps integers exact, and refuses values nested deeper than [`MAX_DEPTH`]. No tree is built where the caller
//! does not ask for one.

use std::borrow::Cow;
use std::fmt;

/// Arrays and objects inside each other, at most. A thing model nests two.
pub(crate) const MAX_DEPTH: u32 = 64;

/// Why a text is not JSON, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JsonError {
    pub(crate) at: usize,
    what: &'static str,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

/// What kind of value comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonKind {
    Null,
    Bool,
    Number,
    Text,
    Array,
    Object,
}

/// A value as a device sent it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Box<str>),
    Array(Vec<Value>),
    /// Members in the order they came; the last of two with one name counts.
    Object(Vec<(Box<str>, Value)>),
}

impl Value {
    /// Names the kind for a message to a person.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a number with a fraction",
            Self::Text(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// The value for a REST reply; NaN and infinity, which JSON lacks, become text.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(flag) => (*flag).into(),
            Self::Int(number) => (*number).into(),
            Self::Float(number) => match serde_json::Number::from_f64(*number) {
                Some(number) => serde_json::Value::Number(number),
                None if number.is_nan() => "NaN".into(),
                None if *number > 0.0 => "Infinity".into(),
                None => "-Infinity".into(),
            },
            Self::Text(text) => (&**text).into(),
            Self::Array(items) => items.iter().map(Self::to_json).collect(),
            Self::Object(members) => {
                members.iter().map(|(name, value)| (name.to_string(), value.to_json())).collect()
            }
        }
    }
}

/// Reads one text from front to back.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    non_finite: bool,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0, non_finite: false }
    }

    /// Tells whether `NaN` or an infinity was read so far.
    pub(crate) fn saw_non_finite(&self) -> bool {
        self.non_finite
    }

    /// Looks at the next value without reading it.
    pub(crate) fn kind(&mut self) -> Result<JsonKind, JsonError> {
        self.blank();
        match self.peek() {
            Some(b'{') => Ok(JsonKind::Object),
            Some(b'[') => Ok(JsonKind::Array),
            Some(b'"') => Ok(JsonKind::Text),
            Some(b't' | b'f') => Ok(JsonKind::Bool),
            Some(b'n') => Ok(JsonKind::Null),
            Some(b'-' | b'0'..=b'9' | b'N' | b'I') => Ok(JsonKind::Number),
            _ => Err(self.error("expected a value")),
        }
    }

    /// Reads an object; `member` gets each name and must read the value that follows.
    pub(crate) fn object<E: From<JsonError>>(
        &mut self,
        mut member: impl FnMut(Cow<'a, str>, &mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open(b'{', "expected an object")?;
        if self.closes(b'}') {
            return Ok(());
        }
        loop {
            self.blank();
            let name = self.text()?;
            self.blank();
            self.expect(b':', "expected ':'")?;
            member(name, self)?;
            if self.ends(b'}', "expected ',' or '}'")? {
                return Ok(());
            }
        }
    }

    /// Reads an array; `item` must read one value each time.
    pub(crate) fn array<E: From<JsonError>>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open(b'[', "expected an array")?;
        if self.closes(b']') {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.ends(b']', "expected ',' or ']'")? {
                return Ok(());
            }
        }
    }

    /// Reads any value, checks its grammar and gives back its text.
    pub(crate) fn raw(&mut self) -> Result<&'a str, JsonError> {
        self.blank();
        let from = self.at;
        self.skip()?;
        Ok(self.text.get(from..self.at).unwrap_or(""))
    }

    /// Reads any value into a tree.
    pub(crate) fn value(&mut self) -> Result<Value, JsonError> {
        match self.kind()? {
            JsonKind::Null => self.word("null").map(|()| Value::Null),
            JsonKind::Bool => self.boolean().map(Value::Bool),
            JsonKind::Number => self.number(),
            JsonKind::Text => Ok(Value::Text(self.text()?.into())),
            JsonKind::Array => {
                let mut items = Vec::new();
                self.array(|cursor| cursor.value().map(|value| items.push(value)))?;
                Ok(Value::Array(items))
            }
            JsonKind::Object => {
                let mut members: Vec<(Box<str>, Value)> = Vec::new();
                self.object(|name, cursor| cursor.value().map(|value| members.push((name.into(), value))))?;
                Ok(Value::Object(members))
            }
        }
    }

    /// Checks that nothing but blanks follows.
    pub(crate) fn end(&mut self) -> Result<(), JsonError> {
        self.blank();
        if self.at == self.text.len() { Ok(()) } else { Err(self.error("text after the value")) }
    }

    /// Reads a string.
    pub(crate) fn text(&mut self) -> Result<Cow<'a, str>, JsonError> {
        let from = self.at + 1;
        let escaped = self.skip_text()?;
        let inner = self.text.get(from..self.at - 1).unwrap_or("");
        Ok(if escaped { Cow::Owned(unescape(inner)) } else { Cow::Borrowed(inner) })
    }

    fn skip(&mut self) -> Result<(), JsonError> {
        match self.kind()? {
            JsonKind::Null => self.word("null"),
            JsonKind::Bool => self.boolean().map(drop),
            JsonKind::Number => self.number_text().map(drop),
            JsonKind::Text => self.skip_text().map(drop),
            JsonKind::Array => self.array(|cursor| cursor.skip()),
            JsonKind::Object => self.object(|_, cursor| cursor.skip()),
        }
    }

    fn boolean(&mut self) -> Result<bool, JsonError> {
        if self.peek() == Some(b't') {
            self.word("true").map(|()| true)
        } else {
            self.word("false").map(|()| false)
        }
    }

    fn word(&mut self, word: &str) -> Result<(), JsonError> {
        if self.rest().starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(());
        }
        Err(self.error("expected a value"))
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let at = self.at;
        let text = self.number_text()?;
        if !text.contains(['.', 'e', 'E', 'N', 'I'])
            && let Ok(number) = text.parse()
        {
            return Ok(Value::Int(number));
        }
        match text {
            "NaN" => Ok(Value::Float(f64::NAN)),
            "Infinity" => Ok(Value::Float(f64::INFINITY)),
            "-Infinity" => Ok(Value::Float(f64::NEG_INFINITY)),
            _ => text.parse().map(Value::Float).map_err(|_| JsonError { at, what: "not a number" }),
        }
    }

    /// The text of a number, by the grammar of RFC 8259 §6 plus the three bare tokens.
    fn number_text(&mut self) -> Result<&'a str, JsonError> {
        let from = self.at;
        for token in ["NaN", "Infinity", "-Infinity"] {
            if self.rest().starts_with(token.as_bytes()) {
                self.at += token.len();
                self.non_finite = true;
                return Ok(token);
            }
        }
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.error("not a number")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Ok(self.text.get(from..self.at).unwrap_or(""))
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self) -> Result<(), JsonError> {
        let from = self.at;
        self.digits();
        if self.at == from { Err(self.error("expected a digit")) } else { Ok(()) }
    }

    /// Steps over a string; true if it holds an escape.
    fn skip_text(&mut self) -> Result<bool, JsonError> {
        self.expect(b'"', "expected a string")?;
        let mut escaped = false;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at += 1;
                    self.escape()?;
                }
                Some(0x20..) => self.at += 1,
                Some(_) => return Err(self.error("control character in a string")),
                None => return Err(self.error("string without an end")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let hex = self.rest().get(1..5).unwrap_or(&[]);
                if hex.len() != 4 || !hex.iter().all(u8::is_ascii_hexdigit) {
                    return Err(self.error("\\u without four hex digits"));
                }
                self.at += 5;
            }
            _ => return Err(self.error("unknown escape")),
        }
        Ok(())
    }

    fn open(&mut self, bracket: u8, what: &'static str) -> Result<(), JsonError> {
        self.blank();
        self.expect(bracket, what)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("nested deeper than 64 levels"));
        }
        Ok(())
    }

    fn closes(&mut self, bracket: u8) -> bool {
        self.blank();
        let closes = self.peek() == Some(bracket);
        if closes {
            self.at += 1;
            self.depth -= 1;
        }
        closes
    }

    fn ends(&mut self, bracket: u8, what: &'static str) -> Result<bool, JsonError> {
        if self.closes(bracket) {
            return Ok(true);
        }
        self.expect(b',', what).map(|()| false)
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), JsonError> {
        if self.peek() != Some(byte) {
            return Err(self.error(what));
        }
        self.at += 1;
        Ok(())
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or(&[])
    }

    fn error(&self, what: &'static str) -> JsonError {
        JsonError { at: self.at, what }
    }
}

/// Resolves the escapes of a string whose grammar was checked; a lone surrogate becomes U+FFFD.
fn unescape(inner: &str) -> String {
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let mut characters = after.chars();
        match characters.next() {
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('u') => {
                let (character, used) = unicode(after);
                text.push(character);
                rest = after.get(used..).unwrap_or("");
                continue;
            }
            Some(other) => text.push(other),
            None => {}
        }
        rest = characters.as_str();
    }
    text.push_str(rest);
    text
}

/// Decodes `uXXXX` or a pair of surrogates; also tells how many bytes that took.
fn unicode(after: &str) -> (char, usize) {
    let unit = |at: usize| after.get(at..at + 4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let Some(high) = unit(1) else { return (char::REPLACEMENT_CHARACTER, 1) };
    if (0xd800..0xdc00).contains(&high)
        && after.get(5..7) == Some("\\u")
        && let Some(low @ 0xdc00..0xe000) = unit(7)
    {
        let scalar = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        return (char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER), 11);
    }
    (char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 5)
}

/// Appends `text` as a JSON string.
pub(crate) fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => {
                out.push_str("\\u00");
                for nibble in [u32::from(control) >> 4, u32::from(control) & 0xf] {
                    out.push(char::from_digit(nibble, 16).unwrap_or('0'));
                }
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Value, JsonError> {
        let mut cursor = Cursor::new(text);
        let value = cursor.value()?;
        cursor.end().map(|()| value)
    }

    // Proves: PAYLOAD-1.4-1 PAYLOAD-1.4-3 PAYLOAD-1.4-5
    #[test]
    fn reads_what_devices_send() {
        assert_eq!(read("9007199254740993").unwrap(), Value::Int(9_007_199_254_740_993));
        assert_eq!(read(" -2.0e1 ").unwrap(), Value::Float(-20.0));
        assert_eq!(read("99999999999999999999").unwrap(), Value::Float(1e20));
        assert!(matches!(read("NaN").unwrap(), Value::Float(number) if number.is_nan()));
        assert_eq!(read("-Infinity").unwrap(), Value::Float(f64::NEG_INFINITY));
        assert_eq!(read(r#""\u003c\u00e9\u0026\u0027é""#).unwrap(), Value::Text("<é&'é".into()));
        assert_eq!(read(r#""\ud83d\ude00\ud83d""#).unwrap(), Value::Text("😀\u{fffd}".into()));
        assert_eq!(
            read("{ \"a\" : [ 1 ,\t2 ] ,\n\"b\":null}").unwrap().to_json().to_string(),
            r#"{"a":[1,2],"b":null}"#
        );
    }

    #[test]
    fn refuses_what_is_no_json() {
        for bad in [
            "",
            "{",
            "}",
            "[1,]",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{a:1}",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "tru",
            "nul",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"a",
            "\"a\nb\"",
            "[1 2]",
            "1 2",
            "{\"a\":1}}",
            "'a'",
            "nan",
            "--1",
            "Inf",
        ] {
            assert!(read(bad).is_err(), "{bad}");
            let mut cursor = Cursor::new(bad);
            assert!(cursor.raw().and_then(|_| cursor.end()).is_err(), "{bad}");
        }
    }

    #[test]
    fn ten_thousand_levels_are_refused_without_a_deep_stack() {
        for text in ["[".repeat(10_000), "{\"a\":".repeat(10_000)] {
            assert_eq!(read(&text).unwrap_err().what, "nested deeper than 64 levels");
        }
        let deepest = format!("{}1{}", "[".repeat(64), "]".repeat(64));
        assert!(read(&deepest).is_ok());
    }

    #[test]
    fn raw_gives_the_exact_text_back() {
        let mut cursor = Cursor::new(" {\"a\": [NaN]} ");
        assert_eq!(cursor.raw().unwrap(), "{\"a\": [NaN]}");
        assert!(cursor.saw_non_finite());
    }

    proptest! {
        #[test]
        fn never_panics_and_agrees_with_serde_json(text in ".{0,60}") {
            let ours = read(&text);
            if let Ok(theirs) = serde_json::from_str::<serde_json::Value>(&text) {
                prop_assert_eq!(ours.unwrap().to_json(), theirs);
            }
        }

        #[test]
        fn random_json_like_text_never_panics(text in "[\\[\\]{}\",:0-9eE.+\\-ntfaulrsNI\\\\u \n]{0,80}") {
            let ours = read(&text);
            if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
                prop_assert!(ours.is_ok(), "{}", text);
            }
        }

        #[test]
        fn written_text_reads_back(text in "\\PC{0,40}|[\\x00-\\x7f]{0,20}") {
            let mut out = String::new();
            write_text(&mut out, &text);
            prop_assert_eq!(read(&out).unwrap(), Value::Text(text.into()));
        }
    }
}
