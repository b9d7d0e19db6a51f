//! The writer: values, measurepoints and the pieces an envelope is made of.

use super::float::{Decimal, shortest};
use crate::wire::{Full, Writer, digit_count, fill_digits};
use core::fmt;

/// How deep arrays and structs may stand in one another in a value that is sent.
pub const MAX_DEPTH: usize = 16;

/// A value of a measurepoint, an event output or a service result.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// A whole number: no fraction, no exponent.
    Int(i64),
    /// A double; never written without a `.` or an exponent, so that it stays one (`payloads.md §1.3`).
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Text.
    Str(&'a str),
    /// Values in order.
    Array(&'a [Value<'a>]),
    /// Named fields in order.
    Struct(&'a [(&'a str, Value<'a>)]),
    /// No value. A hub ignores or refuses such a point.
    Null,
}

/// A measurepoint: its identifier, its value and, if told, the quality of the value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point<'a> {
    /// Identifier in the thing model.
    pub id: &'a str,
    /// The value.
    pub value: Value<'a>,
    /// The value's quality; `None` where the model has none.
    pub quality: Option<u8>,
}

/// Why a value cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadValue {
    /// NaN or an infinity, which JSON cannot say.
    NotFinite,
    /// Arrays and structs stand deeper in one another than [`MAX_DEPTH`].
    TooDeep,
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadValue::NotFinite => "NaN or infinity cannot be sent",
            BadValue::TooDeep => "value is nested too deep",
        })
    }
}

impl core::error::Error for BadValue {}

/// Checks that a value can be sent; done once, before anything is written.
pub fn check_value(v: &Value<'_>) -> Result<(), BadValue> {
    check(v, MAX_DEPTH)
}

fn check(v: &Value<'_>, depth: usize) -> Result<(), BadValue> {
    match v {
        Value::Float(x) if !x.is_finite() => Err(BadValue::NotFinite),
        Value::Array(_) | Value::Struct(_) if depth == 0 => Err(BadValue::TooDeep),
        Value::Array(items) => items.iter().try_for_each(|item| check(item, depth - 1)),
        Value::Struct(fields) => fields.iter().try_for_each(|(_, field)| check(field, depth - 1)),
        _ => Ok(()),
    }
}

/// Writes JSON into the caller's slice, piece by piece; commas and braces are the caller's, by [`JsonWriter::raw`].
pub struct JsonWriter<'o>(Writer<'o>);

impl<'o> JsonWriter<'o> {
    /// Starts at the beginning of `out`.
    #[inline]
    pub fn new(out: &'o mut [u8]) -> Self {
        JsonWriter(Writer::new(out))
    }

    /// How many bytes have been written.
    #[inline]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing has been written yet.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What has been written so far.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The cursor below, for functions that write text which needs no escapes, such as a method.
    #[inline]
    pub fn writer(&mut self) -> &mut Writer<'o> {
        &mut self.0
    }

    /// Writes bytes as they are.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.0.bytes(bytes)
    }

    /// Writes a string with its quotes: raw UTF-8, escapes only where JSON wants them.
    pub fn string(&mut self, text: &str) -> Result<(), Full> {
        let start = self.0.len();
        let bytes = text.as_bytes();
        // Without a branch on each byte, so that long texts are checked many bytes at a time.
        let escapes = bytes.iter().fold(false, |seen, &b| seen | (b < 0x20) | (b == b'"') | (b == b'\\'));
        if !escapes {
            let room = self.0.room(bytes.len() + 2)?;
            if let [open, inside @ .., close] = room {
                *open = b'"';
                inside.copy_from_slice(bytes);
                *close = b'"';
            }
            return Ok(());
        }
        self.escaped(bytes).inspect_err(|_| self.0.truncate(start))
    }

    #[cold]
    fn escaped(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.0.byte(b'"')?;
        for &byte in bytes {
            match byte {
                b'"' | b'\\' => self.0.bytes(&[b'\\', byte])?,
                b'\n' => self.0.bytes(b"\\n")?,
                b'\r' => self.0.bytes(b"\\r")?,
                b'\t' => self.0.bytes(b"\\t")?,
                0..=0x1F => {
                    let low = byte & 0x0F;
                    let digit = low + if low < 10 { b'0' } else { b'a' - 10 };
                    self.0.bytes(&[b'\\', b'u', b'0', b'0', b'0' + (byte >> 4), digit])?;
                }
                _ => self.0.byte(byte)?,
            }
        }
        self.0.byte(b'"')
    }

    /// Writes a whole number.
    #[inline]
    pub fn u64(&mut self, number: u64) -> Result<(), Full> {
        self.0.decimal_u64(number)
    }

    /// Writes a whole number.
    #[inline]
    pub fn i64(&mut self, number: i64) -> Result<(), Full> {
        self.0.decimal_i64(number)
    }

    /// Writes a double; see [`write_f64`].
    #[inline]
    pub fn f64(&mut self, number: f64) -> Result<(), Full> {
        write_f64(&mut self.0, number)
    }

    /// Writes `true` or `false`.
    pub fn boolean(&mut self, value: bool) -> Result<(), Full> {
        self.0.bytes(if value { b"true" } else { b"false" })
    }

    /// Writes `null`.
    pub fn null(&mut self) -> Result<(), Full> {
        self.0.bytes(b"null")
    }
}

/// Writes a double with the fewest digits that read back as the same one.
///
/// Plain notation from 0.00001 up to, not including, 10^16, and always with a `.`: `21.0`, `-0.0`, `0.001`.
/// Beyond that an exponent and a `.` only where needed: `1e16`, `1.5e-7`. A `.` or `e` tells a double from a
/// whole number (`payloads.md §1.3`). NaN and the infinities, which callers refuse before, become `null`.
pub fn write_f64(w: &mut Writer<'_>, x: f64) -> Result<(), Full> {
    if !x.is_finite() {
        return w.bytes(b"null");
    }
    let start = w.len();
    let text = if x.is_sign_negative() { w.byte(b'-') } else { Ok(()) };
    text.and_then(|()| digits_and_point(w, shortest(x))).inspect_err(|_| w.truncate(start))
}

fn digits_and_point(w: &mut Writer<'_>, x: Decimal) -> Result<(), Full> {
    let count = digit_count(x.digits);
    // How many digits stand before the point.
    let whole = count as i32 + x.exponent;
    if 0 < whole && whole <= 16 {
        if x.exponent >= 0 {
            fill_digits(w.room(count)?, x.digits);
            w.room(x.exponent as usize)?.fill(b'0');
            return w.bytes(b".0");
        }
        split_digits(w.room(count + 1)?, x.digits, whole as usize)
    } else if -5 < whole && whole <= 0 {
        w.bytes(b"0.0000".get(..(2 - whole) as usize).unwrap_or_default())?;
        fill_digits(w.room(count)?, x.digits);
    } else {
        match count {
            1 => w.byte(b'0' + x.digits as u8)?,
            _ => split_digits(w.room(count + 1)?, x.digits, 1),
        }
        w.byte(b'e')?;
        w.decimal_i64((whole - 1).into())?;
    }
    Ok(())
}

/// Fills a place with digits and a point behind the first `whole` of them.
fn split_digits(place: &mut [u8], digits: u64, whole: usize) {
    if let Some((whole, [point, fraction @ ..])) = place.split_at_mut_checked(whole) {
        let rest = fill_digits(fraction, digits);
        *point = b'.';
        fill_digits(whole, rest);
    }
}

/// Writes a value. What [`check_value`] refuses is written as `null`.
pub fn write_value(w: &mut JsonWriter<'_>, v: &Value<'_>) -> Result<(), Full> {
    nested(w, v, MAX_DEPTH)
}

fn nested(w: &mut JsonWriter<'_>, v: &Value<'_>, depth: usize) -> Result<(), Full> {
    match *v {
        Value::Int(number) => w.i64(number),
        Value::Float(number) => w.f64(number),
        Value::Bool(value) => w.boolean(value),
        Value::Str(text) => w.string(text),
        Value::Array(items) if depth > 0 => {
            w.raw(b"[")?;
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    w.raw(b",")?;
                }
                nested(w, item, depth - 1)?;
            }
            w.raw(b"]")
        }
        Value::Struct(fields) if depth > 0 => {
            w.raw(b"{")?;
            for (place, (name, field)) in fields.iter().enumerate() {
                if place > 0 {
                    w.raw(b",")?;
                }
                w.string(name)?;
                w.raw(b":")?;
                nested(w, field, depth - 1)?;
            }
            w.raw(b"}")
        }
        _ => w.null(),
    }
}

/// Writes a measurepoint as a member: `"id":value`, or `"id":{"value":v,"quality":q}` (`payloads.md §2.1`).
pub fn write_point(w: &mut JsonWriter<'_>, p: &Point<'_>) -> Result<(), Full> {
    w.string(p.id)?;
    let Some(quality) = p.quality else {
        w.raw(b":")?;
        return write_value(w, &p.value);
    };
    w.raw(b":{\"value\":")?;
    write_value(w, &p.value)?;
    w.raw(b",\"quality\":")?;
    w.u64(quality.into())?;
    w.raw(b"}")
}
