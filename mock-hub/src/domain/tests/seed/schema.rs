//! The part of JSON Schema that `seed.schema.json` uses; a keyword that is not known here fails the test.
//!
//! A full validator takes a minute to build, for one test.

use serde_json::{Map, Value};

/// Why a value does not fit a schema; `root` holds the definitions.
pub(super) fn fault(root: &Value, schema: &Value, value: &Value) -> Option<String> {
    let keywords = schema.as_object().unwrap();
    keywords.iter().find_map(|(keyword, wanted)| {
        let fits = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let pointer = wanted.as_str().unwrap().strip_prefix('#').unwrap();
                return fault(root, root.pointer(pointer).unwrap(), value);
            }
            "type" => is_of(wanted.as_str().unwrap(), value),
            "const" => value == wanted,
            "enum" => wanted.as_array().unwrap().contains(value),
            "minLength" => {
                value.as_str().is_none_or(|text| text.chars().count() as u64 >= wanted.as_u64().unwrap())
            }
            "maxLength" => {
                value.as_str().is_none_or(|text| text.chars().count() as u64 <= wanted.as_u64().unwrap())
            }
            "pattern" => value.as_str().is_none_or(|text| matches(wanted.as_str().unwrap(), text)),
            "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().unwrap()),
            "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= wanted.as_u64().unwrap()),
            "minProperties" => {
                value.as_object().is_none_or(|fields| fields.len() as u64 >= wanted.as_u64().unwrap())
            }
            "required" => {
                let names = wanted.as_array().unwrap();
                value
                    .as_object()
                    .is_none_or(|fields| names.iter().all(|name| fields.contains_key(name.as_str().unwrap())))
            }
            "oneOf" => {
                let fitting =
                    wanted.as_array().unwrap().iter().filter(|option| fault(root, option, value).is_none());
                fitting.count() == 1
            }
            "items" => return value.as_array()?.iter().find_map(|item| fault(root, wanted, item)),
            "propertyNames" => {
                return value.as_object()?.keys().find_map(|name| fault(root, wanted, &name.as_str().into()));
            }
            "properties" => {
                let fields = value.as_object()?;
                return wanted
                    .as_object()
                    .unwrap()
                    .iter()
                    .find_map(|(name, inner)| fault(root, inner, fields.get(name)?));
            }
            "additionalProperties" => return additional(root, keywords, wanted, value),
            unknown => panic!("this test does not know the keyword {unknown}"),
        };
        (!fits).then(|| format!("{value} against {keyword} {wanted}"))
    })
}

fn additional(root: &Value, keywords: &Map<String, Value>, wanted: &Value, value: &Value) -> Option<String> {
    let listed = keywords.get("properties").and_then(Value::as_object);
    let mut others =
        value.as_object()?.iter().filter(|(name, _)| listed.is_none_or(|listed| !listed.contains_key(*name)));
    match wanted {
        Value::Bool(false) => others.next().map(|(name, _)| format!("\"{name}\" is not allowed")),
        schema => others.find_map(|(_, inner)| fault(root, schema, inner)),
    }
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        unknown => panic!("this test does not know the type {unknown}"),
    }
}

/// The patterns of the schema are all `^[…]+$` or `^[^…]+$`: characters that must, or must not, stand there.
fn matches(pattern: &str, text: &str) -> bool {
    let set = pattern.strip_prefix("^[").and_then(|rest| rest.strip_suffix("]+$")).unwrap();
    let (negated, set) = set.strip_prefix('^').map_or((false, set), |set| (true, set));
    let word = set.starts_with("A-Za-z0-9");
    let listed = set.strip_prefix("A-Za-z0-9").unwrap_or(set);
    let stands_in =
        |character: char| (word && character.is_ascii_alphanumeric()) || listed.contains(character);
    !text.is_empty() && text.chars().all(|character| stands_in(character) != negated)
}
