//! The one way into the library: pointers are checked, errors are told, and no panic gets out.

use crate::error::{enos_error_t, enos_status_t, status_of};
use crate::text::invalid;
use enos_runtime::{Error, ErrorKind};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs an export that can fail, and tells `err` how it went.
///
/// # Safety
/// `err` is NULL or points to an `enos_error_t` that nobody else uses during the call.
pub(crate) unsafe fn run(err: *mut enos_error_t, act: impl FnOnce() -> Result<(), Error>) -> enos_status_t {
    // SAFETY: the caller's promise is the same.
    if !unsafe { enos_error_t::can_be_told(err) } {
        return status_of(ErrorKind::InvalidArgument);
    }
    let result = catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| Err(of_panic(panic)));
    // SAFETY: checked above.
    unsafe { enos_error_t::tell(err, result.as_ref().err()) };
    result.map_or_else(|error| status_of(error.kind), |()| crate::ENOS_OK)
}

/// Runs an export that has no way to tell an error: it answers with `fallback` then.
pub(crate) fn answer<T>(fallback: T, act: impl FnOnce() -> Option<T>) -> T {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(answer) => answer.unwrap_or(fallback),
        Err(panic) => {
            let error = of_panic(panic);
            log::error!("{error}");
            fallback
        }
    }
}

fn of_panic(panic: Box<dyn Any + Send>) -> Error {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text.as_str(),
        _ => "no text",
    };
    Error::new(ErrorKind::Internal, format!("a panic inside the SDK: {text}. File a bug with the log."))
}

/// Whether a panic went through a client's code: what it left behind cannot be trusted.
#[derive(Clone, Default)]
pub(crate) struct Broken(Arc<AtomicBool>);

impl Broken {
    /// Runs a verb of the client, unless an earlier one panicked.
    pub(crate) fn run<T>(&self, act: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        if self.0.load(Ordering::Acquire) {
            let text =
                "this client is broken by an earlier panic inside the SDK. Free it and make a new one.";
            return Err(Error::new(ErrorKind::Internal, text));
        }
        catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| {
            self.0.store(true, Ordering::Release);
            Err(of_panic(panic))
        })
    }
}

/// What a handle points to.
///
/// # Safety
/// `handle` is NULL, or came from this library and has not been freed.
pub(crate) unsafe fn borrow<'a, T>(handle: *const T, name: &str) -> Result<&'a T, Error> {
    if handle.is_null() {
        return Err(invalid(format!("{name} is NULL. Give the handle.")));
    }
    // SAFETY: not NULL, and the caller promises the rest.
    Ok(unsafe { &*handle })
}

/// Gives a handle out.
pub(crate) fn give<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Takes a handle back; `None` for NULL.
///
/// # Safety
/// `handle` is NULL, or came from [`give`] and is not used again.
pub(crate) unsafe fn take<T>(handle: *mut T) -> Option<Box<T>> {
    if handle.is_null() {
        return None;
    }
    // SAFETY: it is a box of ours, and the caller gives it up.
    Some(unsafe { Box::from_raw(handle) })
}

/// The place where a result goes, set to `nothing` first, so that it never holds what was there before.
///
/// # Safety
/// `out` is NULL or may be written.
pub(crate) unsafe fn place<'a, T>(out: *mut T, nothing: T, name: &str) -> Result<&'a mut T, Error> {
    if out.is_null() {
        return Err(invalid(format!("{name} is NULL, so the result has no place. Give one.")));
    }
    // SAFETY: not NULL, and the caller promises that it may be written; what was there may be uninitialised.
    unsafe { out.write(nothing) };
    // SAFETY: initialised just now.
    Ok(unsafe { &mut *out })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::enos_error_init;

    #[test]
    fn no_panic_gets_out() {
        let mut err = std::mem::MaybeUninit::<enos_error_t>::uninit();
        // SAFETY: `err` is room for an error, and initialised before it is read.
        let (status, err) = unsafe {
            enos_error_init(err.as_mut_ptr());
            let status = run(err.as_mut_ptr(), || panic!("planted {}", 1));
            (status, err.assume_init())
        };
        assert_eq!(status, 900);
        assert!(err.text().contains("planted 1"), "{}", err.text());
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { run(std::ptr::null_mut(), || panic!("planted")) }, 900);
        assert_eq!(answer(7, || panic!("planted")), 7);
    }

    #[test]
    fn a_client_that_panicked_stays_broken() {
        let broken = Broken::default();
        assert_eq!(broken.run(|| Ok(1)).unwrap(), 1);
        let same = broken.clone();
        let error = same.run::<()>(|| panic!("planted")).unwrap_err();
        assert!(error.message.contains("planted"), "{error}");
        let error = broken.run(|| Ok(1)).unwrap_err();
        assert!(error.message.contains("earlier panic"), "{error}");
    }
}
