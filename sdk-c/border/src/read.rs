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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::enos_str_t;
    use crate::value::{enos_array_t, enos_as_t, enos_struct_t};
    use std::string::ToString as _;
    use std::vec;

    /// So many values and fields at the most in one test.
    const MOST: usize = 40;

    /// What is left of it.
    struct Left<'a> {
        values: &'a mut [Value<'a>],
        fields: &'a mut [(&'a str, Value<'a>)],
    }

    fn cut<'a, T>(rest: &mut &'a mut [T], count: usize) -> Result<&'a mut [T], Misuse> {
        let (front, behind) = core::mem::take(rest).split_at_mut_checked(count).ok_or(Misuse::Values)?;
        *rest = behind;
        Ok(front)
    }

    impl<'a> Room<'a> for Left<'a> {
        fn values(&mut self, count: usize) -> Result<&'a mut [Value<'a>], Misuse> {
            cut(&mut self.values, count)
        }

        fn fields(&mut self, count: usize) -> Result<&'a mut [(&'a str, Value<'a>)], Misuse> {
            cut(&mut self.fields, count)
        }
    }

    fn read<T>(given: &enos_point_t, judge: impl FnOnce(Result<Point<'_>, Misuse>) -> T) -> T {
        let (mut values, mut fields) = ([Value::Null; MOST], [("", Value::Null); MOST]);
        let room = Left { values: &mut values, fields: &mut fields };
        // SAFETY: all that a test gives lives until it is over.
        judge(unsafe { Reader { border: Border::NONE, room }.point(given) })
    }

    fn plain(r#type: i32, r#as: enos_as_t) -> enos_value_t {
        enos_value_t { r#type, quality: -1, r#as }
    }

    fn int(i: i64) -> enos_value_t {
        plain(ENOS_TYPE_INT, enos_as_t { i })
    }

    fn array(items: &[enos_value_t]) -> enos_value_t {
        let a = enos_array_t { items: items.as_ptr(), count: items.len() };
        plain(ENOS_TYPE_ARRAY, enos_as_t { a })
    }

    fn point(id: &str, value: enos_value_t) -> enos_point_t {
        enos_point_t { id: enos_str_t::lend(id), value }
    }

    #[test]
    fn every_type_is_read() {
        let text = plain(ENOS_TYPE_STR, enos_as_t { s: enos_str_t::lend("é") });
        let (list, truth) = ([int(1), int(2)], plain(ENOS_TYPE_BOOL, enos_as_t { b: 1 }));
        let rows = [array(&list), array(&list[..1])];
        let fields = [point("b", truth), point("rows", array(&rows))];
        let o = enos_struct_t { fields: fields.as_ptr(), count: fields.len() };
        let mut double = plain(ENOS_TYPE_DOUBLE, enos_as_t { f: 2.5 });
        double.quality = 9;
        let mut wanted = Point::new("f", Value::Float(2.5));
        wanted.quality = Some(9);
        read(&point("f", double), |told| assert_eq!(told, Ok(wanted)));
        let inner = [Value::Array(&[Value::Int(1), Value::Int(2)]), Value::Array(&[Value::Int(1)])];
        let told = [("b", Value::Bool(true)), ("rows", Value::Array(&inner))];
        for (id, given, wanted) in [
            ("i", int(-5), Value::Int(-5)),
            ("s", text, Value::Str("é")),
            ("o", plain(ENOS_TYPE_STRUCT, enos_as_t { o }), Value::Struct(&told)),
            ("n", plain(ENOS_TYPE_NULL, enos_as_t { i: 0 }), Value::Null),
        ] {
            read(&point(id, given), |told| assert_eq!(told, Ok(Point::new(id, wanted))));
        }
    }

    #[test]
    fn what_only_c_can_get_wrong_is_named() {
        let refusal = |point: enos_point_t| read(&point, |told| told.unwrap_err().to_string());
        let bad = enos_str_t::lend_bytes(b"a\xff");
        let none = enos_str_t { ptr: core::ptr::null(), len: 1 };
        let nothing = enos_array_t { items: core::ptr::null(), count: 3 };
        for (given, says) in [
            (enos_point_t { id: bad, value: int(1) }, "an identifier is no UTF-8: byte 1"),
            (enos_point_t { id: none, value: int(1) }, "an identifier is NULL"),
            (point("a", plain(ENOS_TYPE_STR, enos_as_t { s: bad })), "a text value is no UTF-8"),
            (point("a", plain(7, enos_as_t { i: 0 })), "type 7"),
            (point("a", plain(ENOS_TYPE_ARRAY, enos_as_t { a: nothing })), "items of an array is NULL"),
            (point("a", array(&vec![int(1); MOST + 1])), "more than limit_values"),
        ] {
            let told = refusal(given);
            assert!(told.contains(says), "{told}");
        }
        for quality in [-2, 256, i32::MIN] {
            let mut value = int(1);
            value.quality = quality;
            read(&point("a", value), |told| assert_eq!(told, Err(Misuse::Quality(quality))));
        }
    }

    #[test]
    fn a_ring_ends_at_the_cores_depth() {
        let mut ring = [int(0)];
        // By one pointer only: what C writes, it reads.
        let first = ring.as_mut_ptr();
        let own = enos_array_t { items: first, count: 1 };
        // SAFETY: the ring's one place.
        let given = unsafe {
            first.write(plain(ENOS_TYPE_ARRAY, enos_as_t { a: own }));
            point("ring", first.read())
        };
        read(&given, |told| assert!(enos_core::json::check_value(&told.unwrap().value).is_err()));
    }
}
