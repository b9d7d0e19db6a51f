//! The one way into the library: errors become exceptions, and no panic gets out.

use crate::jvm::Env;
use enos_runtime::{Error, ErrorKind};
use jni_sys::JNIEnv;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

/// Why a native method ends early.
#[derive(Debug)]
pub(crate) enum Fault {
    /// With an error of the SDK, to be thrown.
    Sdk(Error),
    /// With an exception of Java that waits already.
    Thrown,
    /// Its thread was interrupted while it waited; what is said of what it waited for.
    Interrupted(&'static str),
}

impl Fault {
    /// A bug of ours.
    pub(crate) fn internal(what: &str) -> Self {
        Self::Sdk(Error::new(
            ErrorKind::Internal,
            format!("the Java side sent {what}. File a bug with the log."),
        ))
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Sdk(error)
    }
}

/// Runs a native method.
///
/// # Safety
/// The JVM gave `env` to the native method that runs.
pub(crate) unsafe fn run<T: Default>(env: *mut JNIEnv, act: impl FnOnce(Env<'_>) -> Result<T, Fault>) -> T {
    // SAFETY: the caller's promise is the same.
    let env = unsafe { Env::new(env) };
    let result = catch_unwind(AssertUnwindSafe(|| act(env)));
    match result.unwrap_or_else(|panic| Err(Fault::Sdk(of_panic(&*panic)))) {
        Ok(value) => value,
        Err(Fault::Thrown) => T::default(),
        Err(Fault::Sdk(error)) => {
            env.throw(&error);
            T::default()
        }
        Err(Fault::Interrupted(text)) => {
            env.throw_interrupted(text);
            T::default()
        }
    }
}

fn of_panic(panic: &(dyn Any + Send)) -> Error {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text.as_str(),
        _ => "no text",
    };
    Error::new(ErrorKind::Internal, format!("a panic inside the SDK: {text}. File a bug with the log."))
}

/// Whether a panic went through a client's code: what it left behind cannot be trusted.
#[derive(Default)]
pub(crate) struct Broken(AtomicBool);

impl Broken {
    /// Runs a verb of the client, unless an earlier one panicked.
    pub(crate) fn run<T>(&self, act: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        if self.0.load(Ordering::Acquire) {
            let text =
                "this client is broken by an earlier panic inside the SDK. Close it and make a new one.";
            return Err(Error::new(ErrorKind::Internal, text));
        }
        catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| {
            self.0.store(true, Ordering::Release);
            Err(of_panic(&*panic))
        })
    }
}

/// What a number of Java's points to.
///
/// # Safety
/// It came from [`give`] for the same type, and the Java side's counter keeps it alive during the call.
pub(crate) unsafe fn borrow<'a, T>(handle: i64) -> Result<&'a T, Fault> {
    let pointer = std::ptr::with_exposed_provenance::<T>(handle as usize);
    // SAFETY: the caller's promise.
    unsafe { pointer.as_ref() }.ok_or_else(|| Fault::internal("a handle that is zero"))
}

/// Gives a value to Java.
pub(crate) fn give<T>(value: T) -> i64 {
    Box::into_raw(Box::new(value)).expose_provenance() as i64
}

/// Takes a value back; `None` for zero.
///
/// # Safety
/// It came from [`give`] for the same type, and is not used again.
pub(crate) unsafe fn take<T>(handle: i64) -> Option<Box<T>> {
    let pointer = std::ptr::with_exposed_provenance_mut::<T>(handle as usize);
    // SAFETY: the caller's promise.
    (!pointer.is_null()).then(|| unsafe { Box::from_raw(pointer) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_panicked_stays_broken() {
        let broken = Broken::default();
        assert_eq!(broken.run(|| Ok(1)).map_err(|error| error.message), Ok(1));
        let error = broken.run::<()>(|| panic!("planted {}", 1)).expect_err("it panicked");
        assert!(error.message.contains("planted 1"), "{error}");
        let error = broken.run(|| Ok(1)).expect_err("it is broken");
        assert!(error.message.contains("earlier panic"), "{error}");
    }

    #[test]
    fn what_is_given_is_taken_back() {
        let handle = give(7_u8);
        // SAFETY: given just now, for the same type, and taken once.
        unsafe {
            assert_eq!(borrow::<u8>(handle).ok(), Some(&7));
            assert_eq!(take::<u8>(handle), Some(Box::new(7)));
            assert!(take::<u8>(0).is_none());
            assert!(borrow::<u8>(0).is_err());
        }
    }
}
