//! A program's points and values, read into the core's borrowed ones without a copy of any text.

use crate::misuse::Misuse;
use crate::text::Border;
use crate::value::{
    ENOS_TYPE_ARRAY, ENOS_TYPE_BOOL, ENOS_TYPE_DOUBLE, ENOS_TYPE_INT, ENOS_TYPE_NULL, ENOS_TYPE_STR,
    ENOS_TYPE_STRUCT, enos_point_t, enos_value_t,
};
use enos_core::json::{MAX_DEPTH, Point, Value};

/// Memory for what lies inside of arrays and structs, which the core reads as slices of its own.
pub trait Room<'a> {
    /// Room for the items of an array.
    fn values(&mut self, count: usize) -> Result<&'a mut [Value<'a>], Misuse>;

    /// Room for the fields of a struct.
    fn fields(&mut self, count: usize) -> Result<&'a mut [(&'a str, Value<'a>)], Misuse>;
}

/// Reads what a call was given.
///
/// It goes as deep as the core does, and hands it an empty array or struct there, which the core refuses in its own
/// words, whatever would be inside. So a ring ends.
pub struct Reader<R> {
    /// From where no argument may come.
    pub border: Border,
    /// Where nested values go.
    pub room: R,
}

impl<'a, R: Room<'a>> Reader<R> {
    /// A measurepoint.
    ///
    /// # Safety
    /// All that it points to stays and does not change for `'a`. So it is for all below.
    pub unsafe fn point(&mut self, point: &enos_point_t) -> Result<Point<'a>, Misuse> {
        // SAFETY: the caller's promise is the same.
        let (id, value) = unsafe { self.field(point, "an identifier", MAX_DEPTH)? };
        let mut read = Point::new(id, value);
        read.quality = match point.value.quality {
            -1 => None,
            quality => Some(u8::try_from(quality).map_err(|_| Misuse::Quality(quality))?),
        };
        Ok(read)
    }

    /// Named values, `depth` levels below which there is nothing more.
    ///
    /// # Safety
    /// `first` is NULL or points to `count` fields, and otherwise as [`point`](Self::point).
    pub unsafe fn fields(
        &mut self,
        first: *const enos_point_t,
        count: usize,
        depth: usize,
    ) -> Result<&'a [(&'a str, Value<'a>)], Misuse> {
        // SAFETY: the caller's promise is the same.
        let given = unsafe { self.border.slice(first, count, "fields of a struct")? };
        let places = self.room.fields(given.len())?;
        for (place, field) in places.iter_mut().zip(given) {
            // SAFETY: as above.
            *place = unsafe { self.field(field, "a field's name", depth)? };
        }
        Ok(places)
    }

    /// # Safety
    /// As [`point`](Self::point).
    unsafe fn field(
        &mut self,
        field: &enos_point_t,
        name: &'static str,
        depth: usize,
    ) -> Result<(&'a str, Value<'a>), Misuse> {
        // SAFETY: the caller's promise is the same.
        unsafe { Ok((self.border.text(field.id, name)?, self.value(&field.value, depth)?)) }
    }

    /// A value; its quality counts for nothing.
    ///
    /// # Safety
    /// As [`point`](Self::point).
    pub unsafe fn value(&mut self, value: &enos_value_t, depth: usize) -> Result<Value<'a>, Misuse> {
        let inner = &value.r#as;
        Ok(match value.r#type {
            ENOS_TYPE_NULL => Value::Null,
            // SAFETY: the type says which member it is; every bit pattern is a number.
            ENOS_TYPE_INT => Value::Int(unsafe { inner.i }),
            // SAFETY: as above.
            ENOS_TYPE_DOUBLE => Value::Float(unsafe { inner.f }),
            // SAFETY: as above.
            ENOS_TYPE_BOOL => Value::Bool(unsafe { inner.b } != 0),
            // SAFETY: as above, and the caller promises what the text points to.
            ENOS_TYPE_STR => Value::Str(unsafe { self.border.text(inner.s, "a text value")? }),
            ENOS_TYPE_ARRAY if depth == 0 => Value::Array(&[]),
            ENOS_TYPE_STRUCT if depth == 0 => Value::Struct(&[]),
            ENOS_TYPE_ARRAY => {
                // SAFETY: as for texts.
                let given = unsafe { self.border.slice(inner.a.items, inner.a.count, "items of an array")? };
                let places = self.room.values(given.len())?;
                for (place, item) in places.iter_mut().zip(given) {
                    // SAFETY: as above.
                    *place = unsafe { self.value(item, depth - 1)? };
                }
                Value::Array(places)
            }
            ENOS_TYPE_STRUCT => {
                // SAFETY: as for texts.
                Value::Struct(unsafe { self.fields(inner.o.fields, inner.o.count, depth - 1)? })
            }
            other => return Err(Misuse::Type(other)),
        })
    }
}
