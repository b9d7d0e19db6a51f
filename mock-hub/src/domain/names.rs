//! Names and identifiers: which texts may be a key, and names in several languages.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};

use crate::journal::clip;

/// A name with its translations (`docs-model.md` §2); plain text reads as the default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct I18n {
    pub(crate) default_value: String,
    i18n_value: BTreeMap<String, String>,
}

impl I18n {
    /// The given name, or one made of an identifier.
    pub(crate) fn or_default(given: Option<&Self>, identifier: &str) -> Self {
        given
            .cloned()
            .unwrap_or_else(|| Self { default_value: identifier.to_owned(), i18n_value: BTreeMap::new() })
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({"defaultValue": self.default_value, "i18nValue": self.i18n_value})
    }
}

impl<'de> Deserialize<'de> for I18n {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct Full {
            default_value: String,
            #[serde(default)]
            i18n_value: Option<BTreeMap<String, String>>,
        }
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = I18n;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name: text, or {\"defaultValue\": …, \"i18nValue\": {…}}")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<I18n, E> {
                Ok(I18n::or_default(None, text))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<I18n, A::Error> {
                let full = Full::deserialize(MapAccessDeserializer::new(map))?;
                Ok(I18n {
                    default_value: full.default_value,
                    i18n_value: full.i18n_value.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Checks the identifier of a model or of one of its elements: letters, digits, `-`, `_`, `.`
/// (`docs-model.md` §2).
pub(crate) fn identifier(text: &str, longest: usize) -> Result<(), String> {
    let good = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    if text.is_empty() || text.len() > longest || !text.chars().all(good) {
        let text = clip(text, 80);
        return Err(format!("\"{text}\" is no identifier: 1 to {longest} letters, digits, '-', '_' or '.'"));
    }
    Ok(())
}

/// Checks a product or device key. Only what would break topics and client ids is refused: the vendor's pages
/// disagree on the alphabet (`docs-mqtt.md` §14 no. 6) and its clients use non-ASCII keys.
pub(crate) fn key(text: &str) -> Result<(), String> {
    let bad =
        |character: char| matches!(character, '/' | '+' | '#' | '|' | '{' | '}') || character.is_control();
    if text.is_empty() || text.chars().count() > 64 || text.contains(bad) {
        let text = clip(text, 80);
        return Err(format!("\"{text}\" is no key: 1 to 64 characters, none of / + # | {{ }}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_text_or_a_table() {
        let plain: I18n = serde_json::from_str("\"turbine\"").unwrap();
        assert_eq!(plain.to_json().to_string(), r#"{"defaultValue":"turbine","i18nValue":{}}"#);
        let full: I18n = serde_json::from_str(r#"{"defaultValue":"a","i18nValue":{"en_US":"b"}}"#).unwrap();
        assert_eq!(full.to_json().to_string(), r#"{"defaultValue":"a","i18nValue":{"en_US":"b"}}"#);
        let error = serde_json::from_str::<I18n>("5").unwrap_err().to_string();
        assert!(error.contains("expected a name"), "{error}");
    }

    // Proves: DOC-12-4
    #[test]
    fn keys_and_identifiers() {
        for good in ["t-1", "温度计-01", "a.b_c:d", "a&b"] {
            assert!(key(good).is_ok(), "{good}");
        }
        for bad in ["", "a/b", "a+", "#", "a|b", "a\0"] {
            assert!(key(bad).is_err(), "{bad}");
        }
        assert!(identifier("INV.Control", 128).is_ok());
        assert!(identifier("a b", 128).is_err());
        assert!(identifier(&"a".repeat(129), 128).is_err());
    }
}
