//! The one error type of the runtime: the core's kind, the hub's code, and a text that names thing, cause, next step.

use enos_core::engine::RequestError;
use enos_core::{ConfigError, ErrorKind, HubUrlError};
use std::fmt;

/// What went wrong. Prints its message; never holds a secret.
///
/// Its `Debug` form reads like a line for people too, since that is what a `main` that returns it prints.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Error {
    /// The stable kind; its number is the same in every language.
    pub kind: ErrorKind,
    /// The hub's code as it was sent; 0 where the hub said nothing.
    pub hub_code: i64,
    /// Thing, cause and next step, for people.
    pub message: String,
    /// Whether the same call may succeed later without anybody changing anything.
    pub retryable: bool,
}

impl Error {
    /// An error of this kind; the message should name thing, cause and next step.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, hub_code: 0, message: message.into(), retryable: kind.retryable() }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    /// The core's refusal of a request; `names` tells what stands at a place of it.
    pub(crate) fn request<'n>(
        what: &str,
        error: RequestError,
        name: impl FnOnce(usize) -> Option<&'n str>,
    ) -> Self {
        let named = error.place().and_then(|at| name(usize::from(at)));
        let message = match named {
            Some(name) => format!("{what} refused, because of {}: {error}", shown(name)),
            None => format!("{what} refused: {error}"),
        };
        Self::new(error.kind(), message)
    }

    /// The core's failure of a named act, with the hub's own words or the link's finer text where there are any.
    pub(crate) fn core(what: &str, error: &enos_core::Error, detail: &str) -> Self {
        let whole = error.to_string();
        let hint = error.kind.hint();
        let message = match (detail, whole.strip_suffix(hint)) {
            ("", _) => format!("{what} failed: {whole}"),
            (detail, Some(cause)) => {
                format!("{what} failed: {}: {detail}. {hint}", cause.trim_end_matches([' ', '.']))
            }
            (detail, None) => format!("{what} failed: {whole} ({detail})"),
        };
        Self { kind: error.kind, hub_code: error.hub_code, message, retryable: error.kind.retryable() }
    }

    pub(crate) fn closed(what: &str) -> Self {
        Self::new(ErrorKind::Closed, format!("{what} refused: the client was closed. Make a new client."))
    }
}

/// A name from outside, short and without control characters.
pub(crate) fn shown(name: &str) -> String {
    let mut text: String = name.chars().take(64).flat_map(char::escape_debug).collect();
    if name.chars().nth(64).is_some() {
        text.push('…');
    }
    format!("\"{text}\"")
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ({}): {}", self.kind, self.kind.number(), self.message)
    }
}

impl std::error::Error for Error {}

impl From<HubUrlError> for Error {
    fn from(error: HubUrlError) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Unsupported(_) => Self::new(error.kind(), error.to_string()),
            _ => Self::invalid(format!("the client's configuration is wrong: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_point_is_named() {
        let error = Error::request("post", RequestError::NotFinite(1), |at| ["a", "te\nmp"].get(at).copied());
        assert_eq!(error.kind, ErrorKind::InvalidArgument);
        assert!(error.message.contains("\"te\\nmp\"") && error.message.contains("NaN"), "{error}");
    }

    #[test]
    fn the_finer_cause_stands_before_the_next_step() {
        let error =
            Error::core("connect", &enos_core::Error::link(enos_core::LinkFault::Tls), "it is expired");
        let text = "connect failed: the TLS handshake with the hub failed: it is expired. Check CA, server name, \
                    client certificate and the clock.";
        assert_eq!(error.message, text);
    }

    #[test]
    fn a_main_that_fails_prints_a_line_for_people() {
        let error = Error::closed("the call on pk/dk");
        let text = "Closed (104): the call on pk/dk refused: the client was closed. Make a new client.";
        assert_eq!(format!("{error:?}"), text);
    }

    #[test]
    fn long_names_are_cut() {
        assert!(shown(&"x".repeat(100)).len() < 75);
    }
}
