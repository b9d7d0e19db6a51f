//! Data types of a thing model and the check of a value against one (`docs-model.md` §2).

use std::collections::HashSet;

use crate::enos::json::Value;
use crate::journal::clip;

use super::model::{DataDefinition, ItemSpec};

/// Bytes of a STRING without a `maxLength` of its own.
const MAX_TEXT: usize = 1024;
/// Members of an ARRAY.
const MAX_ITEMS: usize = 1024;

/// A compiled data type.
#[derive(Debug, Clone)]
pub(crate) enum ValueType {
    Int(Range),
    Float(Range),
    Double(Range),
    Bool,
    IntEnum(HashSet<i64>),
    TextEnum(HashSet<Box<str>>),
    Text { max_bytes: usize },
    Timestamp,
    Date,
    Array(Box<ValueType>),
    Struct(Vec<Member>),
    File,
}

/// Least and greatest value, both allowed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Range {
    min: Option<f64>,
    max: Option<f64>,
}

/// A member of a struct.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    identifier: String,
    value_type: ValueType,
    required: bool,
}

/// Which field of a definition is wrong, and why.
#[derive(Debug)]
pub(super) struct TypeFault {
    pub(super) field: String,
    pub(super) reason: String,
}

impl ValueType {
    /// Compiles a data type and its definition.
    pub(super) fn compile(name: &str, definition: Option<&DataDefinition>) -> Result<Self, TypeFault> {
        let empty = DataDefinition::default();
        let definition = definition.unwrap_or(&empty);
        let compiled = match name.to_ascii_uppercase().as_str() {
            "INT" => Self::Int(Range::compile(definition)?),
            "FLOAT" => Self::Float(Range::compile(definition)?),
            "DOUBLE" => Self::Double(Range::compile(definition)?),
            "BOOL" => Self::Bool,
            "ENUM" => enumeration(definition)?,
            "STRING" => Self::Text { max_bytes: definition.max_length.unwrap_or(MAX_TEXT) },
            "TIMESTAMP" => Self::Timestamp,
            "DATE" => Self::Date,
            "ARRAY" => Self::Array(Box::new(array_item(definition)?)),
            "STRUCT" => Self::Struct(members(definition.items.as_deref())?),
            "FILE" => Self::File,
            _ => {
                return Err(fault(
                    "dataType",
                    format!(
                        "\"{}\" is none of ARRAY BOOL DATE ENUM INT FLOAT DOUBLE STRUCT STRING TIMESTAMP FILE",
                        clip(name, 40)
                    ),
                ));
            }
        };
        foreign_fields(&compiled, definition).map(|()| compiled)
    }

    pub(crate) fn is_numeric(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Float(_) | Self::Double(_))
    }

    /// The type's name as models spell it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Int(_) => "INT",
            Self::Float(_) => "FLOAT",
            Self::Double(_) => "DOUBLE",
            Self::Bool => "BOOL",
            Self::IntEnum(_) | Self::TextEnum(_) => "ENUM",
            Self::Text { .. } => "STRING",
            Self::Timestamp => "TIMESTAMP",
            Self::Date => "DATE",
            Self::Array(_) => "ARRAY",
            Self::Struct(_) => "STRUCT",
            Self::File => "FILE",
        }
    }

    /// Tells whether the type is a struct with a member of this name.
    pub(crate) fn has_member(&self, identifier: &str) -> bool {
        matches!(self, Self::Struct(members) if members.iter().any(|member| member.identifier == identifier))
    }

    /// Checks a value; the error says why it does not fit, ready to follow the name of the point.
    pub(crate) fn check(&self, value: &Value) -> Result<(), String> {
        // Some languages write a whole number with a fraction of zero.
        let whole = match (self, value) {
            (Self::Int(_) | Self::IntEnum(_) | Self::Timestamp, Value::Float(number)) => whole(*number),
            _ => None,
        };
        match (self, whole.as_ref().unwrap_or(value)) {
            (Self::Int(range), Value::Int(number)) => {
                if i32::try_from(*number).is_err() {
                    return Err(format!("{number} is outside INT, a signed 32-bit number"));
                }
                range.check(*number as f64)
            }
            (Self::Float(range) | Self::Double(range), Value::Int(number)) => range.check(*number as f64),
            (Self::Float(range), Value::Float(number)) => {
                if number.is_finite() && number.abs() > f64::from(f32::MAX) {
                    return Err(format!("{number} is outside FLOAT"));
                }
                range.check(*number)
            }
            (Self::Double(range), Value::Float(number)) => range.check(*number),
            // Both spellings are documented.
            (Self::Bool, Value::Bool(_) | Value::Int(0 | 1)) => Ok(()),
            (Self::IntEnum(values), Value::Int(number)) => {
                in_enum(values.contains(number), &number.to_string())
            }
            (Self::TextEnum(values), Value::Text(text)) => in_enum(values.contains(text), text),
            (Self::Text { max_bytes }, Value::Text(text)) if text.len() > *max_bytes => {
                Err(format!("the string has {} bytes, at most {max_bytes} are allowed", text.len()))
            }
            (Self::Text { .. } | Self::File, Value::Text(_)) => Ok(()),
            (Self::Timestamp, Value::Int(_)) => Ok(()),
            (Self::Timestamp, Value::Text(text)) if text.parse::<i64>().is_ok() => Ok(()),
            (Self::Date, Value::Text(text)) if is_date(text) => Ok(()),
            (Self::Date, Value::Text(text)) => {
                Err(format!("\"{}\" is no DATE, written yyyy-MM-dd HH:mm:ss", clip(text, 40)))
            }
            (Self::Array(item), Value::Array(items)) => check_items(item, items),
            (Self::Struct(members), Value::Object(fields)) => check_members(members, fields),
            _ => Err(format!("expected {}, got {}", self.name(), value.kind_name())),
        }
    }
}

impl Range {
    fn compile(definition: &DataDefinition) -> Result<Self, TypeFault> {
        let (min, max) = (definition.min, definition.max);
        if let (Some(min), Some(max)) = (min, max)
            && min > max
        {
            return Err(fault("dataDefinition", format!("min {min} is greater than max {max}")));
        }
        Ok(Self { min, max })
    }

    fn check(self, number: f64) -> Result<(), String> {
        // Written so that NaN, which compares false, is outside of every range.
        let low = self.min.is_none_or(|min| number >= min);
        let high = self.max.is_none_or(|max| number <= max);
        if low && high {
            return Ok(());
        }
        let bound = |bound: Option<f64>| bound.map_or_else(|| "…".to_owned(), |bound| bound.to_string());
        Err(format!("{number} is outside the range {} to {}", bound(self.min), bound(self.max)))
    }
}

/// A number without a fraction that a double holds exactly, as an integer.
fn whole(number: f64) -> Option<Value> {
    let exact = number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0;
    exact.then_some(Value::Int(number as i64))
}

fn in_enum(known: bool, value: &str) -> Result<(), String> {
    if known { Ok(()) } else { Err(format!("{} is no value of the ENUM", clip(value, 40))) }
}

fn check_items(item: &ValueType, items: &[Value]) -> Result<(), String> {
    if items.len() > MAX_ITEMS {
        return Err(format!("the array has {} members, at most {MAX_ITEMS} are allowed", items.len()));
    }
    items.iter().enumerate().try_for_each(|(index, value)| {
        item.check(value).map_err(|reason| format!("member {index} of the array: {reason}"))
    })
}

fn check_members(members: &[Member], fields: &[(Box<str>, Value)]) -> Result<(), String> {
    for (name, value) in fields {
        let Some(member) = members.iter().find(|member| *member.identifier == **name) else {
            return Err(format!("the STRUCT has no member \"{}\"", clip(name, 64)));
        };
        if *value == Value::Null && !member.required {
            continue;
        }
        member.value_type.check(value).map_err(|reason| format!("member \"{name}\": {reason}"))?;
    }
    let missing = members
        .iter()
        .find(|member| member.required && !fields.iter().any(|(name, _)| **name == *member.identifier));
    match missing {
        Some(member) => Err(format!("member \"{}\" of the STRUCT is missing", member.identifier)),
        None => Ok(()),
    }
}

/// `yyyy-MM-dd HH:mm:ss`, each part in its range.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 19 {
        return false;
    }
    let separators = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')];
    if !separators.iter().all(|(at, byte)| bytes.get(*at) == Some(byte)) {
        return false;
    }
    let part = |from: usize, to: usize| {
        text.get(from..to).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
    };
    let within = |from, to, least: u32, most: u32| {
        part(from, to).is_some_and(|number: u32| (least..=most).contains(&number))
    };
    part(0, 4).is_some()
        && within(5, 7, 1, 12)
        && within(8, 10, 1, 31)
        && within(11, 13, 0, 23)
        && within(14, 16, 0, 59)
        && within(17, 19, 0, 60)
}

fn enumeration(definition: &DataDefinition) -> Result<ValueType, TypeFault> {
    let Some(values) = definition.enum_desc.as_ref().filter(|values| !values.is_empty()) else {
        return Err(fault("dataDefinition", "an ENUM needs enumDesc with at least one value".into()));
    };
    let numbers: Option<HashSet<i64>> = values.keys().map(|key| key.parse().ok()).collect();
    match (definition.enum_type.as_deref(), numbers) {
        (None | Some("INT"), Some(numbers)) => Ok(ValueType::IntEnum(numbers)),
        (None | Some("STRING"), _) => {
            Ok(ValueType::TextEnum(values.keys().map(|key| key.as_str().into()).collect()))
        }
        (Some("INT"), None) => {
            Err(fault("dataDefinition.enumDesc", "enumType INT needs numbers as keys".into()))
        }
        (Some(other), _) => Err(fault(
            "dataDefinition.enumType",
            format!("\"{}\" is neither INT nor STRING", clip(other, 40)),
        )),
    }
}

fn array_item(definition: &DataDefinition) -> Result<ValueType, TypeFault> {
    let item = definition.item_type.as_deref().unwrap_or_default();
    match item.to_ascii_uppercase().as_str() {
        "INT" => Ok(ValueType::Int(Range::default())),
        "FLOAT" => Ok(ValueType::Float(Range::default())),
        "DOUBLE" => Ok(ValueType::Double(Range::default())),
        "STRING" => Ok(ValueType::Text { max_bytes: MAX_TEXT }),
        _ => Err(fault(
            "dataDefinition.itemType",
            format!("\"{}\" is none of INT FLOAT DOUBLE STRING", clip(item, 40)),
        )),
    }
}

fn members(items: Option<&[ItemSpec]>) -> Result<Vec<Member>, TypeFault> {
    let Some(items) = items.filter(|items| !items.is_empty()) else {
        return Err(fault("dataDefinition", "a STRUCT needs items".into()));
    };
    let compiled = items.iter().enumerate().map(|(index, item)| {
        let place = format!("dataDefinition.items[{index}]");
        let value_type = ValueType::compile(&item.data_type, item.data_definition.as_ref())
            .map_err(|inner| fault(format!("{place}.{}", inner.field), inner.reason))?;
        if matches!(value_type, ValueType::Struct(_)) {
            return Err(fault(format!("{place}.dataType"), "a STRUCT holds no STRUCT".into()));
        }
        Ok(Member { identifier: item.identifier.clone(), value_type, required: item.required })
    });
    compiled.collect()
}

/// Refuses definition fields that belong to another type: they would be ignored in silence.
fn foreign_fields(compiled: &ValueType, definition: &DataDefinition) -> Result<(), TypeFault> {
    let is_enum = matches!(compiled, ValueType::IntEnum(_) | ValueType::TextEnum(_));
    let fields = [
        ("min", definition.min.is_some(), compiled.is_numeric()),
        ("max", definition.max.is_some(), compiled.is_numeric()),
        ("maxLength", definition.max_length.is_some(), matches!(compiled, ValueType::Text { .. })),
        ("enumDesc", definition.enum_desc.is_some(), is_enum),
        ("enumType", definition.enum_type.is_some(), is_enum),
        ("boolDesc", definition.bool_desc.is_some(), matches!(compiled, ValueType::Bool)),
        ("itemType", definition.item_type.is_some(), matches!(compiled, ValueType::Array(_))),
        ("items", definition.items.is_some(), matches!(compiled, ValueType::Struct(_))),
    ];
    match fields.iter().find(|(_, given, fits)| *given && !fits) {
        Some((name, ..)) => {
            Err(fault(format!("dataDefinition.{name}"), format!("means nothing for {}", compiled.name())))
        }
        None => Ok(()),
    }
}

fn fault(field: impl Into<String>, reason: String) -> TypeFault {
    TypeFault { field: field.into(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enos::json::Cursor;

    fn check(data_type: &str, definition: &str, value: &str) -> Result<(), String> {
        let definition = serde_json::from_str(definition).unwrap();
        let compiled = ValueType::compile(data_type, Some(&definition)).unwrap();
        compiled.check(&Cursor::new(value).value().unwrap())
    }

    // Proves: MODEL-2-1
    #[test]
    fn values_that_fit() {
        let point = r#"{"items":[{"identifier":"lat","dataType":"DOUBLE","required":true},{"identifier":"n","dataType":"STRING"}]}"#;
        for (data_type, definition, value) in [
            ("INT", "{}", "-2147483648"),
            ("int", "{}", "3.0"),
            ("INT", r#"{"min":1,"max":5}"#, "5"),
            ("ENUM", r#"{"enumDesc":{"1":"one"}}"#, "1.0"),
            ("TIMESTAMP", "{}", "1626345678901.0"),
            ("FLOAT", "{}", "2"),
            ("FLOAT", "{}", "NaN"),
            ("DOUBLE", "{}", "1e300"),
            ("DOUBLE", "{}", "-Infinity"),
            ("DOUBLE", r#"{"min":-0.5}"#, "1e300"),
            ("BOOL", r#"{"boolDesc":{"true":"on","false":"off"}}"#, "true"),
            ("BOOL", "{}", "0"),
            ("ENUM", r#"{"enumDesc":{"1":"one","2":"two"}}"#, "2"),
            ("ENUM", r#"{"enumDesc":{"1":"one"},"enumType":"STRING"}"#, "\"1\""),
            ("ENUM", r#"{"enumDesc":{"on":"ON"}}"#, "\"on\""),
            ("STRING", r#"{"maxLength":3}"#, "\"abc\""),
            ("STRING", "{}", "\"\""),
            ("TIMESTAMP", "{}", "1626345678901"),
            ("TIMESTAMP", "{}", "\"1626345678901\""),
            ("DATE", "{}", "\"2024-09-30 15:30:00\""),
            ("ARRAY", r#"{"itemType":"INT"}"#, "[1,2]"),
            ("ARRAY", r#"{"itemType":"STRING"}"#, "[]"),
            ("STRUCT", point, r#"{"lat":31.2}"#),
            ("STRUCT", point, r#"{"lat":31,"n":null}"#),
            ("FILE", "{}", "\"enos-connect://a.txt\""),
        ] {
            assert_eq!(check(data_type, definition, value), Ok(()), "{data_type} {definition} {value}");
        }
    }

    // Proves: DOC-11-4 MODEL-2-2
    #[test]
    fn values_that_do_not_fit_and_why() {
        let point = r#"{"items":[{"identifier":"lat","dataType":"DOUBLE","required":true}]}"#;
        let long = format!("\"{}\"", "x".repeat(1025));
        let many = format!("[{}1]", "1,".repeat(1024));
        for (data_type, definition, value, why) in [
            ("INT", "{}", "2147483648", "2147483648 is outside INT"),
            ("INT", "{}", "3e9", "3000000000 is outside INT"),
            ("INT", "{}", "1e300", "expected INT, got a number with a fraction"),
            ("INT", "{}", "1.5", "expected INT, got a number with a fraction"),
            ("INT", "{}", "\"1\"", "expected INT, got a string"),
            ("INT", "{}", "NaN", "expected INT, got a number"),
            ("INT", r#"{"max":5}"#, "6", "6 is outside the range … to 5"),
            ("FLOAT", "{}", "1e39", "is outside FLOAT"),
            ("DOUBLE", r#"{"min":0,"max":1}"#, "NaN", "NaN is outside the range 0 to 1"),
            ("DOUBLE", "{}", "true", "expected DOUBLE, got a boolean"),
            ("DOUBLE", "{}", "[1]", "expected DOUBLE, got an array"),
            ("BOOL", "{}", "2", "expected BOOL, got an integer"),
            ("BOOL", "{}", "\"true\"", "expected BOOL, got a string"),
            ("ENUM", r#"{"enumDesc":{"1":"one"}}"#, "2", "2 is no value of the ENUM"),
            ("ENUM", r#"{"enumDesc":{"1":"one"}}"#, "\"1\"", "expected ENUM, got a string"),
            ("STRING", "{}", &long, "1025 bytes, at most 1024"),
            ("STRING", r#"{"maxLength":2}"#, "\"é€\"", "5 bytes, at most 2"),
            ("STRING", "{}", "5", "expected STRING, got an integer"),
            ("TIMESTAMP", "{}", "\"soon\"", "expected TIMESTAMP, got a string"),
            ("DATE", "{}", "\"2024-13-30 15:30:00\"", "is no DATE"),
            ("DATE", "{}", "\"2024-09-30\"", "is no DATE"),
            ("ARRAY", r#"{"itemType":"INT"}"#, "[1,\"a\"]", "member 1 of the array: expected INT"),
            ("ARRAY", r#"{"itemType":"INT"}"#, &many, "1025 members, at most 1024"),
            ("STRUCT", point, r#"{"lat":1,"lon":2}"#, "no member \"lon\""),
            ("STRUCT", point, "{}", "member \"lat\" of the STRUCT is missing"),
            ("STRUCT", point, r#"{"lat":"1"}"#, "member \"lat\": expected DOUBLE"),
            ("FILE", "{}", "1", "expected FILE"),
        ] {
            let reason = check(data_type, definition, value).unwrap_err();
            assert!(reason.contains(why), "{data_type} {definition} {value}: {reason}");
        }
    }

    // Proves: MODEL-2-3
    #[test]
    fn definitions_that_make_no_sense_are_refused() {
        for (data_type, definition, field) in [
            ("LONG", "{}", "dataType"),
            ("ENUM", "{}", "dataDefinition"),
            ("ENUM", r#"{"enumDesc":{"a":"b"},"enumType":"INT"}"#, "dataDefinition.enumDesc"),
            ("ENUM", r#"{"enumDesc":{"1":"b"},"enumType":"BYTE"}"#, "dataDefinition.enumType"),
            ("ARRAY", "{}", "dataDefinition.itemType"),
            ("ARRAY", r#"{"itemType":"STRUCT"}"#, "dataDefinition.itemType"),
            ("STRUCT", "{}", "dataDefinition"),
            ("INT", r#"{"maxLength":3}"#, "dataDefinition.maxLength"),
            ("STRING", r#"{"max":3}"#, "dataDefinition.max"),
            (
                "STRUCT",
                r#"{"items":[{"identifier":"a","dataType":"X"}]}"#,
                "dataDefinition.items[0].dataType",
            ),
            (
                "STRUCT",
                r#"{"items":[{"identifier":"a","dataType":"STRUCT","dataDefinition":{"items":[{"identifier":"b","dataType":"INT"}]}}]}"#,
                "dataDefinition.items[0].dataType",
            ),
        ] {
            let definition: DataDefinition = serde_json::from_str(definition).unwrap();
            let fault = ValueType::compile(data_type, Some(&definition)).unwrap_err();
            assert_eq!(fault.field, field, "{data_type}");
        }
    }
}
