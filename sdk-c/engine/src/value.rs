//! Measurepoints of a C program, read into the room of the caller's block.

use crate::scratch::Scratch;
use crate::status::Misuse;
use enos_core::json::{Point, Value};

pub use enos_border::{
    ENOS_TYPE_ARRAY, ENOS_TYPE_BOOL, ENOS_TYPE_DOUBLE, ENOS_TYPE_INT, ENOS_TYPE_NULL, ENOS_TYPE_STR,
    ENOS_TYPE_STRUCT, enos_array_t, enos_as_t, enos_point_t, enos_struct_t, enos_value_t,
};

impl<'a> enos_border::Room<'a> for Scratch<'a> {
    fn values(&mut self, count: usize) -> Result<&'a mut [Value<'a>], Misuse> {
        self.take(count, Value::Null)
    }

    fn fields(&mut self, count: usize) -> Result<&'a mut [(&'a str, Value<'a>)], Misuse> {
        self.take(count, ("", Value::Null))
    }
}

/// Reads what a call was given into the core's values.
pub(crate) type Reader<'a> = enos_border::Reader<Scratch<'a>>;

/// # Safety
/// `points` points to `count` of them, and all they point to stays and does not change for `'a`.
pub(crate) unsafe fn read_points<'a>(
    reader: &mut Reader<'a>,
    points: *const enos_point_t,
    count: usize,
) -> Result<&'a [Point<'a>], Misuse> {
    // SAFETY: the caller's promise is the same.
    let given = unsafe { reader.border.slice(points, count, "points")? };
    let places = reader.room.take(given.len(), Point::new("", Value::Null))?;
    for (place, point) in places.iter_mut().zip(given) {
        // SAFETY: as above.
        *place = unsafe { reader.point(point)? };
    }
    Ok(places)
}
