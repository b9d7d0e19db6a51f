//! Values on their way across the border: one array of bytes for a message, written and read on both sides.
//!
//! Little-endian. A text is a u32 of bytes and UTF-8. A value is a tag and what follows it. A tree begins with two u32:
//! how many values stand in its arrays and how many fields in its structs, so that they get their memory at once.
//! `io.enos.sdk.Encoder` and `Decoder` are the other end; the jar and the library are of one version, so nothing here
//! needs to last.

use crate::boundary::Fault;
use enos_core::json::MAX_DEPTH;
use enos_runtime::{Point, Value};

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const DOUBLE: u8 = 4;
const TEXT: u8 = 5;
const ARRAY: u8 = 6;
const STRUCT: u8 = 7;
/// A number of JSON that is neither, as its text; to Java only.
const NUMBER: u8 = 8;

/// Reads what Java wrote.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or_else(short)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Fault> {
        Ok(self.take::<1>()?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Fault> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Fault> {
        Ok(i64::from_le_bytes(self.take()?))
    }

    pub(crate) fn text(&mut self) -> Result<&'b str, Fault> {
        let length = self.count()?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(short)?;
        self.0 = rest;
        std::str::from_utf8(taken).map_err(|_| Fault::internal("text that is no UTF-8"))
    }

    fn count(&mut self) -> Result<usize, Fault> {
        usize::try_from(self.u32()?).map_err(|_| short())
    }

    /// As [`count`](Self::count), for things that take a byte each at least.
    fn counted(&mut self) -> Result<usize, Fault> {
        let count = self.count()?;
        if count > self.0.len() { Err(short()) } else { Ok(count) }
    }
}

fn short() -> Fault {
    Fault::internal("a message that is too short")
}

/// Hands points on, as the runtime takes them.
pub(crate) fn with_points<T>(
    bytes: &[u8],
    act: impl FnOnce(&[Point<'_>]) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut reader = Reader::new(bytes);
    let mut memory = Memory::for_tree(&mut reader)?;
    let mut room = memory.room();
    let count = reader.counted()?;
    let mut points = Vec::with_capacity(count);
    for _ in 0..count {
        let id = reader.text()?;
        let quality = match reader.u8()? {
            0 => None,
            _ => Some(reader.u8()?),
        };
        let mut point = Point::new(id, room.value(&mut reader, MAX_DEPTH + 1)?);
        point.quality = quality;
        points.push(point);
    }
    act(&points)
}

/// Hands named values on: outputs of a command.
pub(crate) fn with_fields<T>(
    bytes: &[u8],
    act: impl FnOnce(&[(&str, Value<'_>)]) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut reader = Reader::new(bytes);
    let mut memory = Memory::for_tree(&mut reader)?;
    let mut room = memory.room();
    let count = reader.counted()?;
    let mut fields = Vec::with_capacity(count);
    for _ in 0..count {
        fields.push((reader.text()?, room.value(&mut reader, MAX_DEPTH + 1)?));
    }
    act(&fields)
}

/// Hands one value on.
pub(crate) fn with_value<T>(
    bytes: &[u8],
    act: impl FnOnce(Value<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut reader = Reader::new(bytes);
    let mut memory = Memory::for_tree(&mut reader)?;
    let value = memory.room().value(&mut reader, MAX_DEPTH + 1)?;
    act(value)
}

/// Memory for nested values and fields, counted by the writer.
struct Memory<'a> {
    values: Vec<Value<'a>>,
    fields: Vec<(&'a str, Value<'a>)>,
}

impl<'a> Memory<'a> {
    fn for_tree(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let (values, fields) = (reader.count()?, reader.count()?);
        if values > reader.0.len() || fields > reader.0.len() {
            return Err(short());
        }
        Ok(Self { values: vec![Value::Null; values], fields: vec![("", Value::Null); fields] })
    }

    fn room(&'a mut self) -> Room<'a> {
        Room { values: &mut self.values, fields: &mut self.fields }
    }
}

/// What is left of the memory.
struct Room<'a> {
    values: &'a mut [Value<'a>],
    fields: &'a mut [(&'a str, Value<'a>)],
}

impl<'a> Room<'a> {
    fn value(&mut self, reader: &mut Reader<'a>, depth: usize) -> Result<Value<'a>, Fault> {
        Ok(match reader.u8()? {
            NULL => Value::Null,
            FALSE => Value::Bool(false),
            TRUE => Value::Bool(true),
            INT => Value::Int(reader.i64()?),
            DOUBLE => Value::Float(f64::from_le_bytes(reader.take()?)),
            TEXT => Value::Str(reader.text()?),
            // The writer writes the first level that the core does not take, so that the core refuses it in its own words.
            ARRAY | STRUCT if depth == 0 => return Err(Fault::internal("a value that is nested too deep")),
            ARRAY => {
                let places = cut(&mut self.values, reader.count()?)?;
                for place in places.iter_mut() {
                    *place = self.value(reader, depth - 1)?;
                }
                Value::Array(places)
            }
            STRUCT => {
                let places = cut(&mut self.fields, reader.count()?)?;
                for place in places.iter_mut() {
                    *place = (reader.text()?, self.value(reader, depth - 1)?);
                }
                Value::Struct(places)
            }
            _ => return Err(Fault::internal("a value of no type")),
        })
    }
}

/// Cuts so many off the front.
fn cut<'a, T>(rest: &mut &'a mut [T], count: usize) -> Result<&'a mut [T], Fault> {
    if count > rest.len() {
        return Err(short());
    }
    let (front, behind) = std::mem::take(rest).split_at_mut(count);
    *rest = behind;
    Ok(front)
}

/// Writes what Java reads.
#[derive(Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn u8(&mut self, number: u8) {
        self.0.push(number);
    }

    pub(crate) fn i64(&mut self, number: i64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn count(&mut self, count: usize) {
        // Four billion bytes do not fit into an array of Java's: making it fails before anybody reads this.
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&count.to_le_bytes());
    }

    pub(crate) fn tree(&mut self, value: &serde_json::Value) {
        use serde_json::Value as Json;
        match value {
            Json::Null => self.u8(NULL),
            Json::Bool(false) => self.u8(FALSE),
            Json::Bool(true) => self.u8(TRUE),
            Json::Number(number) => self.number(number),
            Json::String(text) => {
                self.u8(TEXT);
                self.text(text);
            }
            Json::Array(items) => {
                self.u8(ARRAY);
                self.count(items.len());
                items.iter().for_each(|item| self.tree(item));
            }
            Json::Object(fields) => {
                self.u8(STRUCT);
                self.count(fields.len());
                for (name, field) in fields {
                    self.text(name);
                    self.tree(field);
                }
            }
        }
    }

    fn number(&mut self, number: &serde_json::Number) {
        if let Some(whole) = number.as_i64() {
            self.u8(INT);
            self.i64(whole);
        } else if number.is_u64() {
            self.u8(NUMBER);
            self.text(&number.to_string());
        } else {
            self.u8(DOUBLE);
            self.0.extend_from_slice(&number.as_f64().unwrap_or(f64::NAN).to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
