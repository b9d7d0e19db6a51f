//! Values and points written the short way: `Point::new("temp", 21.5).quality(0)`.

use super::{Point, Value};

impl<'a> Point<'a> {
    /// A point without a quality.
    pub fn new(id: &'a str, value: impl Into<Value<'a>>) -> Self {
        Self { id, value: value.into(), quality: None }
    }

    /// The same point with a quality, 0 to 9 (`docs-mqtt.md` §6).
    pub fn quality(self, quality: u8) -> Self {
        Self { quality: Some(quality), ..self }
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident;)*) => {$(
        impl From<$type> for Value<'_> {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from! {
    i8 => Int;
    i16 => Int;
    i32 => Int;
    i64 => Int;
    u8 => Int;
    u16 => Int;
    u32 => Int;
    f64 => Float;
    bool => Bool;
}

/// Exact: every `f32` is a double. Its text may be longer (`21.1_f32` is `21.100000381469727`).
impl From<f32> for Value<'_> {
    fn from(value: f32) -> Self {
        Self::Float(value.into())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Str(text)
    }
}

impl<'a> From<&'a [Value<'a>]> for Value<'a> {
    fn from(items: &'a [Value<'a>]) -> Self {
        Self::Array(items)
    }
}

impl<'a> From<&'a [(&'a str, Value<'a>)]> for Value<'a> {
    fn from(fields: &'a [(&'a str, Value<'a>)]) -> Self {
        Self::Struct(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_becomes_its_value() {
        assert_eq!(Value::from(3_u8), Value::Int(3));
        assert_eq!(Value::from(-3_i64), Value::Int(-3));
        assert_eq!(Value::from(0.5_f32), Value::Float(0.5));
        assert_eq!(Value::from(true), Value::Bool(true));
        assert_eq!(Value::from("a"), Value::Str("a"));
        let items = [Value::Null];
        assert_eq!(Value::from(&items[..]), Value::Array(&items));
        let point = Point::new("temp", 21.5).quality(9);
        assert_eq!(point, Point { id: "temp", value: Value::Float(21.5), quality: Some(9) });
    }
}
