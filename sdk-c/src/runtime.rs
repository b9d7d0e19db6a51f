//! Threads that clients share, and the library's version.

use crate::boundary::{borrow, give, place, run, take};
use crate::error::{enos_error_t, enos_status_t};
use enos_runtime::{Error, Runtime};
use std::ffi::{CStr, c_char};

/// Threads for many clients: one moves bytes, four run callbacks, up to four dial.
pub struct enos_runtime_t(Runtime);

impl enos_runtime_t {
    /// # Safety
    /// `handle` came from `enos_runtime_new` and has not been freed.
    pub(crate) unsafe fn shared(handle: *const Self) -> Result<Runtime, Error> {
        // SAFETY: the caller's promise is the same.
        Ok(unsafe { borrow(handle, "config.runtime")? }.0.clone())
    }
}

/// Makes threads for many clients: set `config.runtime` to it. A client without one makes its own.
///
/// Free it with `enos_runtime_free`. Fails if the operating system gives no poller or thread.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_runtime_new(
    out: *mut *mut enos_runtime_t,
    err: *mut enos_error_t,
) -> enos_status_t {
    // SAFETY: `out` and `err` are NULL or the caller's.
    unsafe {
        run(err, || {
            let out = place(out, std::ptr::null_mut(), "out")?;
            *out = give(enos_runtime_t(Runtime::new()?));
            Ok(())
        })
    }
}

/// Lets go of the threads; they end when the last client on them is gone. NULL is fine.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn enos_runtime_free(runtime: *mut enos_runtime_t) {
    // SAFETY: the caller gives the handle up.
    crate::boundary::answer((), || unsafe { take(runtime) }.map(drop));
}

/// The version of the library that runs, such as "0.1.0"; compare it with `ENOS_VERSION`, that of the header. Static.
///
/// @threads any
/// @blocking no
/// @callback-safe yes
#[unsafe(no_mangle)]
pub extern "C" fn enos_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}
