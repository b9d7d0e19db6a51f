//! Measurepoints across the border: layouts that never change.

use crate::text::enos_str_t;

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
///
/// Made by `enos_int(5)`, `enos_double(2.5)`, `enos_bool(1)`, `enos_text("…")`, `enos_array(items, count)`,
/// `enos_struct(fields, count)`, `enos_null()`, and `enos_with_quality(value, quality)`.
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
