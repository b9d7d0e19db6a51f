//! JSON text as Python objects, in one pass.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// The objects of a text; an error says what is wrong with it.
pub(crate) fn objects<'py>(py: Python<'py>, text: &str) -> Result<Bound<'py, PyAny>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let object = Object(py).deserialize(&mut reader)?;
    reader.end()?;
    Ok(object)
}

#[derive(Clone, Copy)]
struct Object<'py>(Python<'py>);

impl<'de, 'py> DeserializeSeed<'de> for Object<'py> {
    type Value = Bound<'py, PyAny>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, 'py> Visitor<'de> for Object<'py> {
    type Value = Bound<'py, PyAny>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(self.0.None().into_bound(self.0))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(PyBool::new(self.0, truth).to_owned().into_any())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(PyInt::new(self.0, number).into_any())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(PyInt::new(self.0, number).into_any())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(PyFloat::new(self.0, number).into_any())
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(PyString::new(self.0, text).into_any())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let list = PyList::empty(self.0);
        while let Some(item) = items.next_element_seed(self)? {
            list.append(item).map_err(A::Error::custom)?;
        }
        Ok(list.into_any())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let dict = PyDict::new(self.0);
        while let Some(name) = fields.next_key_seed(self)? {
            dict.set_item(name, fields.next_value_seed(self)?).map_err(A::Error::custom)?;
        }
        Ok(dict.into_any())
    }
}
