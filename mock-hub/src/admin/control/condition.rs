//! Conditions on values of a message: `{"ge": 20}`, or `{"gt": 0, "lt": 5}`.

use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

/// What a value has to be; all that is given must hold.
#[derive(Debug, Default)]
pub(super) struct Condition(Vec<(Operator, Value)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
    In,
    Contains,
    Exists,
}

const OPERATORS: [(&str, Operator); 9] = [
    ("eq", Operator::Eq),
    ("ne", Operator::Ne),
    ("gt", Operator::Gt),
    ("ge", Operator::Ge),
    ("lt", Operator::Lt),
    ("le", Operator::Le),
    ("in", Operator::In),
    ("contains", Operator::Contains),
    ("exists", Operator::Exists),
];

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let Value::Object(fields) = Value::deserialize(deserializer)? else {
            return Err(Error::custom("is an object of operators, such as {\"ge\": 20}"));
        };
        let mut tests = Vec::new();
        for (name, operand) in fields {
            let Some((_, operator)) = OPERATORS.into_iter().find(|(known, _)| *known == name) else {
                let known: Vec<&str> = OPERATORS.iter().map(|(name, _)| *name).collect();
                return Err(Error::custom(format!("\"{name}\" is none of {}", known.join(" "))));
            };
            let fits = match operator {
                Operator::In => operand.is_array(),
                Operator::Exists => operand.is_boolean(),
                Operator::Contains => operand.is_string(),
                Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le => operand.is_number(),
                Operator::Eq | Operator::Ne => true,
            };
            if !fits {
                let wanted = "in takes an array, exists true or false, contains a text, an order a number";
                return Err(Error::custom(format!("{name}: {operand} does not fit: {wanted}")));
            }
            tests.push((operator, operand));
        }
        if tests.is_empty() {
            return Err(Error::custom("holds no operator"));
        }
        Ok(Self(tests))
    }
}

impl Condition {
    /// Whether a value, or its absence, is as wanted.
    pub(super) fn holds(&self, value: Option<&Value>) -> bool {
        self.0.iter().all(|(operator, operand)| holds(*operator, operand, value))
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (operator, operand)) in self.0.iter().enumerate() {
            let name = OPERATORS.iter().find(|(_, known)| known == operator).map_or("", |(name, _)| name);
            write!(f, "{}{name} {operand}", if index == 0 { "" } else { " and " })?;
        }
        Ok(())
    }
}

fn holds(operator: Operator, operand: &Value, value: Option<&Value>) -> bool {
    if operator == Operator::Exists {
        return *operand == Value::Bool(value.is_some());
    }
    let Some(value) = value else { return operator == Operator::Ne };
    match operator {
        Operator::Eq => equal(operand, value),
        Operator::Ne => !equal(operand, value),
        Operator::Gt => order(value, operand).is_some_and(|order| order.is_gt()),
        Operator::Ge => order(value, operand).is_some_and(|order| order.is_ge()),
        Operator::Lt => order(value, operand).is_some_and(|order| order.is_lt()),
        Operator::Le => order(value, operand).is_some_and(|order| order.is_le()),
        Operator::In => operand.as_array().is_some_and(|some| some.iter().any(|one| equal(one, value))),
        Operator::Contains => match (value, operand.as_str()) {
            (Value::String(text), Some(part)) => text.contains(part),
            _ => false,
        },
        Operator::Exists => true,
    }
}

/// 1 and 1.0 are the same number.
fn equal(one: &Value, other: &Value) -> bool {
    one == other || order(one, other).is_some_and(|order| order.is_eq())
}

fn order(one: &Value, other: &Value) -> Option<std::cmp::Ordering> {
    let (Value::Number(one), Value::Number(other)) = (one, other) else { return None };
    let wide = |number: &Number| number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
    match (wide(one), wide(other)) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

/// A value inside JSON, by names and indices with dots between.
pub(super) fn at<'a>(json: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(json, |inner, step| match inner {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn condition(json: Value) -> Condition {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn operators_compare_as_they_say() {
        for (wanted, value, holds) in [
            (json!({"ge": 20}), Some(json!(20)), true),
            (json!({"ge": 20}), Some(json!(19.999)), false),
            (json!({"gt": 20, "lt": 21}), Some(json!(20.5)), true),
            (json!({"gt": 20, "lt": 21}), Some(json!(21)), false),
            (json!({"le": 20}), Some(json!("20")), false),
            (json!({"eq": 1}), Some(json!(1.0)), true),
            (json!({"eq": "1"}), Some(json!(1)), false),
            (json!({"gt": 9_007_199_254_740_992_i64}), Some(json!(9_007_199_254_740_993_i64)), true),
            (json!({"ne": 1}), Some(json!(2)), true),
            (json!({"ne": 1}), None, true),
            (json!({"eq": null}), None, false),
            (json!({"in": [1, "a"]}), Some(json!("a")), true),
            (json!({"in": [1, "a"]}), Some(json!("b")), false),
            (json!({"contains": "ell"}), Some(json!("hello")), true),
            (json!({"contains": "ell"}), Some(json!(1)), false),
            (json!({"exists": true}), Some(json!(null)), true),
            (json!({"exists": false}), None, true),
            (json!({"exists": false}), Some(json!(0)), false),
        ] {
            assert_eq!(condition(wanted.clone()).holds(value.as_ref()), holds, "{wanted} of {value:?}");
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for wrong in [json!({}), json!({"over": 1}), json!({"in": 1}), json!({"ge": "20"}), json!(5)] {
            assert!(serde_json::from_value::<Condition>(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn paths_lead_into_objects_and_arrays() {
        let json = json!({"params": {"axis": [1, {"x": 2}]}});
        assert_eq!(at(&json, "params.axis.1.x"), Some(&json!(2)));
        assert_eq!(at(&json, "params.axis.x"), None);
        assert_eq!(at(&json, "nothing.here"), None);
    }
}
