//! A value as JSON that loses nothing: JSON has no NaN and no infinity.

use serde_json::json;

use crate::enos::json::Value;

/// Stands for a number that JSON lacks; no member of a struct can have this name.
const FLOAT: &str = "$float";

/// The value as JSON; `NaN` is `{"$float": "NaN"}`.
pub(crate) fn write(value: &Value) -> serde_json::Value {
    match value {
        Value::Float(number) if number.is_nan() => json!({FLOAT: "NaN"}),
        Value::Float(number) if number.is_infinite() => {
            json!({FLOAT: if *number > 0.0 { "Infinity" } else { "-Infinity" }})
        }
        Value::Array(items) => items.iter().map(write).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.to_string(), write(value))).collect()
        }
        plain => plain.to_json(),
    }
}

/// The value that was [written](write).
pub(crate) fn read(json: &serde_json::Value) -> Result<Value, String> {
    use serde_json::Value as Json;
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(fraction)) => Value::Float(fraction),
            (None, None) => return Err(format!("{number} is no number that a point can have")),
        },
        Json::String(text) => Value::Text(text.as_str().into()),
        Json::Array(items) => Value::Array(items.iter().map(read).collect::<Result<_, _>>()?),
        Json::Object(members) => match members.get(FLOAT).and_then(Json::as_str) {
            Some("NaN") => Value::Float(f64::NAN),
            Some("Infinity") => Value::Float(f64::INFINITY),
            Some("-Infinity") => Value::Float(f64::NEG_INFINITY),
            Some(other) => return Err(format!("\"{other}\" is none of NaN, Infinity and -Infinity")),
            None => {
                let member = |(name, value): (&String, &Json)| Ok((name.as_str().into(), read(value)?));
                Value::Object(members.iter().map(member).collect::<Result<_, String>>()?)
            }
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_as_it_was() {
        let text = |text: &str| Value::Text(text.into());
        for value in [
            Value::Int(i64::MIN),
            Value::Int(5),
            Value::Float(5.0),
            Value::Float(0.1 + 0.2),
            Value::Float(f64::NEG_INFINITY),
            text("NaN"),
            Value::Bool(true),
            Value::Null,
            Value::Array(vec![Value::Float(f64::INFINITY), text("é\0"), Value::Array(Vec::new())]),
            Value::Object(vec![("a".into(), Value::Int(1)), ("b".into(), Value::Null)]),
        ] {
            let written = write(&value).to_string();
            assert_eq!(read(&serde_json::from_str(&written).unwrap()).unwrap(), value, "{written}");
        }
        let Value::Float(number) = read(&write(&Value::Float(f64::NAN))).unwrap() else { panic!() };
        assert!(number.is_nan());
        assert!(read(&json!({"$float": "1"})).is_err());
    }
}
