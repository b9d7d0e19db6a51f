//! Steps in the life of a connection across the border.

use crate::error::enos_error_t;
use enos_runtime::{Error, Lifecycle};
use std::ffi::c_void;

/// A step that this header does not name yet.
pub const ENOS_LIFECYCLE_OTHER: i32 = 0;
/// A dial begins; an activation and the sign-in that follows it are one.
pub const ENOS_LIFECYCLE_CONNECTING: i32 = 1;
/// Signed in: posts flow and commands arrive.
pub const ENOS_LIFECYCLE_ONLINE: i32 = 2;
/// The attempt failed: `error`, `retry_in_ms`.
pub const ENOS_LIFECYCLE_CONNECT_FAILED: i32 = 3;
/// The connection is gone: `error` (`ENOS_ERR_CLOSED` if it was asked for), `will_retry`.
pub const ENOS_LIFECYCLE_OFFLINE: i32 = 4;
/// The device received its own secret and stored it.
pub const ENOS_LIFECYCLE_ACTIVATED: i32 = 5;
/// The client was closed; nothing follows.
pub const ENOS_LIFECYCLE_CLOSED: i32 = 6;

/// A step in the life of a connection; the SDK's, for the time of the callback. Later versions append fields.
///
/// Each `CONNECTING` is followed by exactly one `ONLINE` or `CONNECT_FAILED`, each `ONLINE` by exactly one `OFFLINE`;
/// `CLOSED` is last.
#[repr(C)]
pub struct enos_lifecycle_t {
    /// Bytes of this struct in the library.
    pub size: u32,
    /// `ENOS_LIFECYCLE_…`.
    pub step: i32,
    /// Milliseconds until the next dial; -1 if none follows.
    pub retry_in_ms: i64,
    /// 1 if the client dials again by itself, else 0.
    pub will_retry: i32,
    /// Zero.
    pub reserved: i32,
    /// Why; NULL where there is nothing to tell.
    pub error: *const enos_error_t,
}

/// Hears of each step in the life of a connection, in order, on a callback thread.
pub type enos_lifecycle_fn =
    Option<unsafe extern "C-unwind" fn(user: *mut c_void, step: *const enos_lifecycle_t)>;

/// Hands a step to `tell` in C's form.
pub(crate) fn with_step(step: &Lifecycle, tell: impl FnOnce(&enos_lifecycle_t)) {
    let (number, error, retry_in, will_retry): (_, Option<&Error>, _, _) = match step {
        Lifecycle::Connecting => (ENOS_LIFECYCLE_CONNECTING, None, None, false),
        Lifecycle::Online => (ENOS_LIFECYCLE_ONLINE, None, None, false),
        Lifecycle::ConnectFailed { error, retry_in } => {
            (ENOS_LIFECYCLE_CONNECT_FAILED, Some(error), *retry_in, retry_in.is_some())
        }
        Lifecycle::Offline { reason, will_retry } => {
            (ENOS_LIFECYCLE_OFFLINE, Some(reason), None, *will_retry)
        }
        Lifecycle::Activated => (ENOS_LIFECYCLE_ACTIVATED, None, None, false),
        Lifecycle::Closed => (ENOS_LIFECYCLE_CLOSED, None, None, false),
        _ => (ENOS_LIFECYCLE_OTHER, None, None, false),
    };
    let error = error.map(|error| enos_error_t::new(Some(error)));
    let retry_in_ms = retry_in.map_or(-1, |pause| i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
    tell(&enos_lifecycle_t {
        size: size_of::<enos_lifecycle_t>() as u32,
        step: number,
        retry_in_ms,
        will_retry: i32::from(will_retry),
        reserved: 0,
        error: error.as_ref().map_or(std::ptr::null(), std::ptr::from_ref),
    });
}
