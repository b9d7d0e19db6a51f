//! Finds a key that stands twice in one object. JSON leaves open which of the two counts (RFC 8259 §4), so a file that
//! somebody wrote by hand is refused instead of guessed at.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The place of the first key that stands twice, as `models[0].services.reboot`; none if there is none, or if the text
/// is no JSON.
pub(super) fn find(json: &str) -> Option<String> {
    let found = RefCell::new(None);
    let _ = Place { name: "", found: &found }.deserialize(&mut serde_json::Deserializer::from_str(json));
    found.into_inner()
}

#[derive(Clone, Copy)]
struct Place<'p> {
    name: &'p str,
    found: &'p RefCell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let name = if self.name.is_empty() { key.clone() } else { format!("{}.{key}", self.name) };
            if !keys.insert(key) {
                self.found.replace(Some(name));
                return Err(A::Error::custom("twice"));
            }
            map.next_value_seed(Place { name: &name, ..self })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut index = 0;
        loop {
            let name = format!("{}[{index}]", self.name);
            if list.next_element_seed(Place { name: &name, ..self })?.is_none() {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn the_place_of_a_double_key_is_named() {
        for (json, place) in [
            (r#"{"devices":[],"devices":[]}"#, Some("devices")),
            (r#"{"models":[{},{"services":{"a":{},"a":{}}}]}"#, Some("models[1].services.a")),
            (r#"[[{"x":1,"y":[null,true,1.5,-1,"s"],"x":2}]]"#, Some("[0][0].x")),
            (r#"{"a":{"x":1},"b":{"x":1}}"#, None),
            ("{", None),
            ("", None),
        ] {
            assert_eq!(find(json).as_deref(), place, "{json}");
        }
    }
}
