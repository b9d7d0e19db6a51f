//! Measurepoints across the border: frozen layouts, read into the core's borrowed values without a copy of any text.
//!
//! The layouts are those of `enos.h`; the header's test compares them.

use crate::scratch::Scratch;
use crate::status::Misuse;
use crate::text::{Border, enos_str_t};
use enos_core::json::{MAX_DEPTH, Point, Value};

/// No value; a hub ignores or refuses such a point.
pub const ENOS_TYPE_NULL: i32 = 0;
/// A whole number: `as.i`.
pub const ENOS_TYPE_INT: i32 = 1;
/// A double, finite: `as.f`.
pub const ENOS_TYPE_DOUBLE: i32 = 2;
/// True or false: `as.b`, 1 or 0.
pub const ENOS_TYPE_BOOL: i32 = 3;
/// Text: `as.s`.
pub const ENOS_TYPE_STR: i32 = 4;
/// Values in order: `as.a`.
pub const ENOS_TYPE_ARRAY: i32 = 5;
/// Named values in order: `as.o`.
pub const ENOS_TYPE_STRUCT: i32 = 6;

/// The values of an array, the caller's.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct enos_array_t {
    /// The first value.
    pub items: *const enos_value_t,
    /// How many.
    pub count: usize,
}

/// The fields of a struct, the caller's.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct enos_struct_t {
    /// The first field; a field is a point whose quality counts for nothing.
    pub fields: *const enos_point_t,
    /// How many.
    pub count: usize,
}

/// The value itself; `type` says which member counts.
#[repr(C)]
#[derive(Clone, Copy)]
pub union enos_as_t {
    /// `ENOS_TYPE_INT`.
    pub i: i64,
    /// `ENOS_TYPE_DOUBLE`.
    pub f: f64,
    /// `ENOS_TYPE_BOOL`: 1 or 0.
    pub b: i32,
    /// `ENOS_TYPE_STR`.
    pub s: enos_str_t,
    /// `ENOS_TYPE_ARRAY`.
    pub a: enos_array_t,
    /// `ENOS_TYPE_STRUCT`.
    pub o: enos_struct_t,
}

/// A value. Its layout never changes, so arrays of it are safe.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct enos_value_t {
    /// `ENOS_TYPE_…`.
    #[allow(non_snake_case, reason = "the name is C's")]
    pub r#type: i32,
    /// The quality of the value, 0 to 255; -1 where the model has none.
    pub quality: i32,
    /// The value itself.
    pub r#as: enos_as_t,
}

/// A measurepoint: its identifier in the thing model, and its value. Its layout never changes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct enos_point_t {
    /// The identifier.
    pub id: enos_str_t,
    /// The value, with its quality.
    pub value: enos_value_t,
}

/// Reads what a call was given into the core's values.
pub(crate) struct Reader<'a> {
    pub(crate) border: Border,
    pub(crate) scratch: Scratch<'a>,
}

impl<'a> Reader<'a> {
    /// # Safety
    /// `points` points to `count` of them, and all they point to stays and does not change for `'a`. So it is for all
    /// below.
    pub(crate) unsafe fn points(
        &mut self,
        points: *const enos_point_t,
        count: usize,
    ) -> Result<&'a [Point<'a>], Misuse> {
        // SAFETY: the caller's promise is the same.
        let given = unsafe { self.border.slice(points, count, "points")? };
        let places = self.scratch.take(given.len(), Point::new("", Value::Null))?;
        for (place, point) in places.iter_mut().zip(given) {
            // SAFETY: as above.
            let (id, value) = unsafe { self.field(point, MAX_DEPTH)? };
            *place = Point::new(id, value);
            place.quality = match point.value.quality {
                -1 => None,
                quality => Some(u8::try_from(quality).map_err(|_| Misuse::Number("quality"))?),
            };
        }
        Ok(places)
    }

    /// # Safety
    /// As [`points`](Self::points).
    pub(crate) unsafe fn fields(
        &mut self,
        fields: *const enos_point_t,
        count: usize,
        depth: usize,
    ) -> Result<&'a [(&'a str, Value<'a>)], Misuse> {
        // SAFETY: the caller's promise is the same.
        let given = unsafe { self.border.slice(fields, count, "fields")? };
        let places = self.scratch.take(given.len(), ("", Value::Null))?;
        for (place, field) in places.iter_mut().zip(given) {
            // SAFETY: as above.
            *place = unsafe { self.field(field, depth)? };
        }
        Ok(places)
    }

    /// # Safety
    /// As [`points`](Self::points).
    unsafe fn field(&mut self, field: &enos_point_t, depth: usize) -> Result<(&'a str, Value<'a>), Misuse> {
        // SAFETY: the caller's promise is the same.
        unsafe { Ok((self.border.text(field.id, "id")?, self.value(&field.value, depth)?)) }
    }

    /// Reads down to the depth that the core takes: the empty array or struct that it is given there it refuses, in its
    /// own words. So a ring ends.
    ///
    /// # Safety
    /// As [`points`](Self::points).
    unsafe fn value(&mut self, value: &enos_value_t, depth: usize) -> Result<Value<'a>, Misuse> {
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
            ENOS_TYPE_STR => Value::Str(unsafe { self.border.text(inner.s, "as.s")? }),
            ENOS_TYPE_ARRAY if depth == 0 => Value::Array(&[]),
            ENOS_TYPE_STRUCT if depth == 0 => Value::Struct(&[]),
            ENOS_TYPE_ARRAY => {
                // SAFETY: as for texts.
                let given = unsafe { self.border.slice(inner.a.items, inner.a.count, "items")? };
                let places = self.scratch.take(given.len(), Value::Null)?;
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
            _ => return Err(Misuse::Number("type")),
        })
    }
}
