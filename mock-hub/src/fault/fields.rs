//! The fields of a JSON object, taken one by one; what is left over at the end means nothing and is refused.

use serde_json::{Map, Value};

/// What is wrong with an order, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadField(pub(crate) String);

impl BadField {
    /// `field` is the place, `fix` the next step.
    pub(crate) fn new(field: &str, wrong: &str, fix: &str) -> Self {
        Self(format!("{field}: {wrong}. Fix: {fix}"))
    }
}

/// An object of which fields are taken.
pub(crate) struct Fields {
    left: Map<String, Value>,
    asked: Vec<&'static str>,
}

impl Fields {
    /// Reads an object.
    pub(crate) fn read(text: &[u8]) -> Result<Self, BadField> {
        let value: Value = serde_json::from_slice(text)
            .map_err(|error| BadField::new("body", &format!("no JSON: {error}"), "send one JSON object"))?;
        match value {
            Value::Object(left) => Ok(Self { left, asked: Vec::new() }),
            _ => Err(BadField::new("body", "no JSON object", "send one JSON object")),
        }
    }

    /// A field of any type; `null` counts as absent.
    pub(crate) fn value(&mut self, name: &'static str) -> Option<Value> {
        self.asked.push(name);
        self.left.remove(name).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Result<Option<String>, BadField> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(BadField::new(name, &format!("{other} is no string"), "send a JSON string")),
        }
    }

    pub(crate) fn flag(&mut self, name: &'static str) -> Result<Option<bool>, BadField> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(other) => {
                Err(BadField::new(name, &format!("{other} is no truth value"), "send true or false"))
            }
        }
    }

    /// A whole number within bounds.
    pub(crate) fn number(
        &mut self,
        name: &'static str,
        least: i64,
        most: i64,
    ) -> Result<Option<i64>, BadField> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.as_i64().filter(|number| (least..=most).contains(number)).map(Some).ok_or_else(|| {
            let fix = format!("send a whole number from {least} to {most}");
            BadField::new(name, &format!("{value} is out of place"), &fix)
        })
    }

    /// Nothing may be left; `of` is what the fields belong to.
    pub(crate) fn end(self, of: &str) -> Result<(), BadField> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(name) => {
                let fix = format!("its fields are {}", self.asked.join(", "));
                Err(BadField::new(name, &format!("{of} has no such field"), &fix))
            }
        }
    }
}
