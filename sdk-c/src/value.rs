//! Measurepoints of a C program, read into the core's borrowed values: a few without asking for memory, nested ones with
//! asking once.

use crate::text::{invalid, refused, slice};
use enos_border::{Border, Misuse, Reader, Room};
use enos_core::json::MAX_DEPTH;
use enos_runtime::{Error, Point, Value};

pub use enos_border::{
    ENOS_TYPE_ARRAY, ENOS_TYPE_BOOL, ENOS_TYPE_DOUBLE, ENOS_TYPE_INT, ENOS_TYPE_NULL, ENOS_TYPE_STR,
    ENOS_TYPE_STRUCT, enos_array_t, enos_as_t, enos_point_t, enos_struct_t, enos_value_t,
};

/// So many points are read without asking for memory.
const FEW: usize = 16;

/// Reads points and hands them to `act`.
///
/// # Safety
/// `points` points to `count` of them, and all they point to stays and does not change during the call.
pub(crate) unsafe fn with_points<T>(
    points: *const enos_point_t,
    count: usize,
    act: impl FnOnce(&[Point<'_>]) -> Result<T, Error>,
) -> Result<T, Error> {
    // SAFETY: the caller's promise is the same, and so it is for everything below.
    let given = unsafe { slice(points, count, "points")? };
    let mut need = Need::default();
    for point in given {
        // SAFETY: as above.
        unsafe { need.count(&point.value, MAX_DEPTH)? };
    }
    need.meet(|reader| {
        let mut few = [Point::new("", Value::Null); FEW];
        let mut many = Vec::new();
        let read = match few.get_mut(..count) {
            Some(few) => few,
            None => {
                many.resize(count, Point::new("", Value::Null));
                &mut many[..]
            }
        };
        for (at, (place, point)) in read.iter_mut().zip(given).enumerate() {
            // SAFETY: as above.
            *place = unsafe { reader.point(point) }
                .map_err(|misuse| invalid(format!("points[{at}]: {misuse}")))?;
        }
        act(read)
    })
}

/// Reads named values, such as a command's outputs, and hands them to `act`.
///
/// # Safety
/// As [`with_points`].
pub(crate) unsafe fn with_fields<T>(
    fields: *const enos_point_t,
    count: usize,
    act: impl FnOnce(&[(&str, Value<'_>)]) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut need = Need::default();
    // SAFETY: the caller's promise is the same, and so it is below.
    unsafe { need.count_fields(fields, count, MAX_DEPTH)? };
    // SAFETY: as above.
    need.meet(|reader| act(unsafe { reader.fields(fields, count, MAX_DEPTH) }.map_err(refused)?))
}

/// Reads one value and hands it to `act`; its quality counts for nothing.
///
/// # Safety
/// `value` is NULL or points to one, and otherwise as [`with_points`].
pub(crate) unsafe fn with_value<T>(
    value: *const enos_value_t,
    act: impl FnOnce(&Value<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    // SAFETY: the caller's promise is the same, and so it is for everything below.
    let given = unsafe { crate::boundary::borrow(value, "value")? };
    let mut need = Need::default();
    // SAFETY: as above.
    unsafe { need.count(given, MAX_DEPTH)? };
    // SAFETY: as above.
    need.meet(|reader| act(&unsafe { reader.value(given, MAX_DEPTH) }.map_err(refused)?))
}

/// How many nested values and fields there are; counted first, so that they get their memory at once.
#[derive(Default)]
struct Need {
    values: usize,
    fields: usize,
}

impl Need {
    /// Counts down to the depth that the reader goes.
    ///
    /// # Safety
    /// As [`with_points`].
    unsafe fn count(&mut self, value: &enos_value_t, depth: usize) -> Result<(), Error> {
        if depth == 0 {
            return Ok(());
        }
        match value.r#type {
            ENOS_TYPE_ARRAY => {
                // SAFETY: the type says which member it is, and the caller promises what it points to.
                let items = unsafe { slice(value.r#as.a.items, value.r#as.a.count, "items of an array")? };
                self.values = sum(self.values, items.len())?;
                for item in items {
                    // SAFETY: as above.
                    unsafe { self.count(item, depth - 1)? };
                }
            }
            ENOS_TYPE_STRUCT => {
                // SAFETY: as above.
                unsafe { self.count_fields(value.r#as.o.fields, value.r#as.o.count, depth - 1)? };
            }
            _ => {}
        }
        Ok(())
    }

    /// # Safety
    /// As [`with_points`].
    unsafe fn count_fields(
        &mut self,
        first: *const enos_point_t,
        count: usize,
        depth: usize,
    ) -> Result<(), Error> {
        // SAFETY: the caller's promise is the same.
        let fields = unsafe { slice(first, count, "fields of a struct")? };
        self.fields = sum(self.fields, fields.len())?;
        for field in fields {
            // SAFETY: as above.
            unsafe { self.count(&field.value, depth)? };
        }
        Ok(())
    }

    /// Gets the memory for what was counted, and reads.
    fn meet<T>(&self, read: impl FnOnce(&mut Reader<Counted<'_>>) -> Result<T, Error>) -> Result<T, Error> {
        let mut values = vec![Value::Null; self.values];
        let mut fields = vec![("", Value::Null); self.fields];
        let room = Counted { values: &mut values, fields: &mut fields };
        // Nothing of the SDK's own is in a program's reach.
        read(&mut Reader { border: Border::NONE, room })
    }
}

/// So many nested values at the most: each takes two bytes of a message at least, and no message is that large.
const MOST: usize = enos_core::MAX_PAYLOAD;

fn sum(so_far: usize, more: usize) -> Result<usize, Error> {
    so_far.checked_add(more).filter(|sum| *sum <= MOST).ok_or_else(|| {
        Error::new(
            enos_runtime::ErrorKind::PayloadTooLarge,
            "arrays and structs hold more values than a message has bytes. Split the message.",
        )
    })
}

/// What is left of the memory for nested values.
struct Counted<'a> {
    values: &'a mut [Value<'a>],
    fields: &'a mut [(&'a str, Value<'a>)],
}

impl<'a> Room<'a> for Counted<'a> {
    fn values(&mut self, count: usize) -> Result<&'a mut [Value<'a>], Misuse> {
        cut(&mut self.values, count)
    }

    fn fields(&mut self, count: usize) -> Result<&'a mut [(&'a str, Value<'a>)], Misuse> {
        cut(&mut self.fields, count)
    }
}

/// Cuts so many off the front; all were counted, unless the program changes its arrays under our eyes.
fn cut<'a, T>(rest: &mut &'a mut [T], count: usize) -> Result<&'a mut [T], Misuse> {
    let (front, behind) = std::mem::take(rest).split_at_mut_checked(count).ok_or(Misuse::Values)?;
    *rest = behind;
    Ok(front)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::enos_str_t;

    fn int(i: i64) -> enos_value_t {
        enos_value_t { r#type: ENOS_TYPE_INT, quality: -1, r#as: enos_as_t { i } }
    }

    fn array(items: &[enos_value_t]) -> enos_value_t {
        let a = enos_array_t { items: items.as_ptr(), count: items.len() };
        enos_value_t { r#type: ENOS_TYPE_ARRAY, quality: -1, r#as: enos_as_t { a } }
    }

    fn point(id: &str, value: enos_value_t) -> enos_point_t {
        enos_point_t { id: enos_str_t::lend(id), value }
    }

    fn shown(points: &[enos_point_t]) -> Result<String, Error> {
        // SAFETY: all of it lives in the test.
        unsafe { with_points(points.as_ptr(), points.len(), |points| Ok(format!("{points:?}"))) }
    }

    #[test]
    fn few_and_many_points_are_read_and_what_is_in_them() {
        let points: Vec<_> = (0..40).map(|number| point("p", int(number))).collect();
        assert_eq!(shown(&points).unwrap().matches("Int").count(), 40);
        assert_eq!(shown(&[]).unwrap(), "[]");
        let (items, more) = ([int(1), int(2)], [int(3), int(4), int(5)]);
        let rows = [array(&items), array(&more)];
        let told = shown(&[point("rows", array(&rows)), point("row", array(&items))]).unwrap();
        let shape: String = told.chars().filter(|c| "[]12345".contains(*c)).collect();
        assert_eq!(shape, "[[[12][345]][12]]");
    }

    #[test]
    fn a_wrong_point_is_named_by_its_place() {
        let refusal = |points: &[enos_point_t]| shown(points).unwrap_err().message;
        let bad = enos_str_t::lend_bytes(b"a\xff");
        assert!(
            refusal(&[point("a", int(1)), enos_point_t { id: bad, value: int(1) }])
                .contains("points[1]: an identifier is no UTF-8: byte 1")
        );
        for quality in [-2, 256, i32::MIN] {
            let mut value = int(1);
            value.quality = quality;
            assert!(refusal(&[point("a", value)]).contains(&format!("points[0]: the quality {quality}")));
        }
        // SAFETY: NULL with a length is refused before anything is read.
        let error = unsafe { with_points(std::ptr::null(), 1, |_| Ok(())) }.unwrap_err();
        assert!(error.message.contains("points is NULL"), "{error}");
    }

    #[test]
    fn what_fans_out_beyond_any_message_is_refused() {
        let mut level = vec![int(0); 100];
        let mut kept = Vec::new();
        for _ in 0..4 {
            kept.push(level);
            level = vec![array(kept.last().unwrap()); 100];
        }
        assert_eq!(shown(&[point("a", array(&level))]).unwrap_err().kind.number(), 603);
    }
}
