//! A point's value as SQLite keeps it: integers, reals and texts as such, everything else as JSON in a blob.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use super::super::kept_value;
use crate::enos::json::Value;

/// A value on its way into a column.
pub(super) struct Put<'a>(pub(super) &'a Value);

impl ToSql for Put<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Int(number) => (*number).into(),
            // SQLite turns NaN into NULL.
            Value::Float(number) if !number.is_nan() => (*number).into(),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            other => kept_value::write(other).to_string().into_bytes().into(),
        })
    }
}

/// A value out of a column.
pub(super) struct Got(pub(super) Value);

impl FromSql for Got {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let odd = |reason: String| FromSqlError::Other(reason.into());
        Ok(Self(match value {
            ValueRef::Integer(number) => Value::Int(number),
            ValueRef::Real(number) => Value::Float(number),
            ValueRef::Text(text) => {
                Value::Text(std::str::from_utf8(text).map_err(|error| odd(error.to_string()))?.into())
            }
            ValueRef::Blob(json) => {
                let json = serde_json::from_slice(json).map_err(|error| odd(error.to_string()))?;
                Self(kept_value::read(&json).map_err(odd)?).0
            }
            ValueRef::Null => return Err(FromSqlError::InvalidType),
        }))
    }
}
