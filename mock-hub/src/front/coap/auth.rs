//! The payload of `POST /auth` (`docs-coap-http.md` A.3).

use serde_json::Value;

/// What a device says about itself, each as it wrote it, since that is what it signed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Auth {
    pub(super) secure_mode: String,
    pub(super) lifetime: String,
    pub(super) sign: String,
}

impl Auth {
    /// Reads it; the error says what is missing.
    pub(super) fn read(payload: &[u8]) -> Result<Self, String> {
        let value: Value =
            serde_json::from_slice(payload).map_err(|error| format!("the payload is no JSON: {error}"))?;
        let field = |name: &str| match value.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            _ => Err(format!("the payload has no {name}")),
        };
        Ok(Self { secure_mode: field("secureMode")?, lifetime: field("lifetime")?, sign: field("sign")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_be_written_as_text() {
        for payload in [
            &br#"{"secureMode":2,"lifetime":3600,"sign":"AB"}"#[..],
            br#" {"lifetime":"3600", "sign":"AB", "more":null, "secureMode":"2"}"#,
        ] {
            let read = Auth::read(payload).unwrap();
            assert_eq!((&*read.secure_mode, &*read.lifetime, &*read.sign), ("2", "3600", "AB"));
        }
        for bad in [
            "",
            "{",
            "[]",
            "{}",
            r#"{"secureMode":2,"lifetime":[],"sign":"x"}"#,
            r#"{"secureMode":2,"lifetime":1}"#,
        ] {
            assert!(Auth::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
