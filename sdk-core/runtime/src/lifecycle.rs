//! What a client tells about its connection.

use crate::error::Error;
use std::time::Duration;

/// A step in the life of a connection.
///
/// Each `Connecting` is followed by exactly one `Online` or `ConnectFailed`, each `Online` by exactly one
/// `Offline`; `Closed` is last.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lifecycle {
    /// A dial begins; an activation and the sign-in that follows it are one.
    Connecting,
    /// Signed in: posts flow and commands arrive.
    Online,
    /// The attempt failed.
    ConnectFailed {
        /// Why.
        error: Error,
        /// When the next dial follows; `None`: the client has stopped trying.
        retry_in: Option<Duration>,
    },
    /// The connection is gone.
    Offline {
        /// Why; kind `Closed` if it was asked for.
        reason: Error,
        /// Whether the client dials again by itself.
        will_retry: bool,
    },
    /// The device received its own secret and stored it.
    Activated,
    /// The client was closed; nothing follows.
    Closed,
}
