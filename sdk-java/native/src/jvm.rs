//! The JVM: its interface in a few safe words, the methods that are called back, and threads that are attached once.
//!
//! Owns every call through the JNI table. Refuses modified UTF-8: text crosses as bytes of real UTF-8.

use crate::boundary::Fault;
use enos_runtime::{Error, ErrorKind};
use jni_sys::{
    JNI_OK, JNI_VERSION_1_8, JNIEnv, JavaVM, JavaVMAttachArgs, jbyteArray, jclass, jlongArray, jmethodID,
    jobject, jthrowable, jvalue,
};
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char};
use std::marker::PhantomData;
use std::ptr;
use std::sync::OnceLock;

/// Calls through the table of an environment.
macro_rules! jni {
    ($env:expr, $version:ident, $name:ident $(, $argument:expr)*) => {
        ((**$env.0).$version.$name)($env.0 $(, $argument)*)
    };
}

/// What is looked up once, when the library is loaded.
struct Found {
    vm: *mut JavaVM,
    upcalls: jclass,
    methods: [jmethodID; Upcall::ALL.len()],
}

// SAFETY: the JVM's own handle, a global reference and method identifiers are good on every thread.
unsafe impl Send for Found {}
// SAFETY: as above.
unsafe impl Sync for Found {}

static FOUND: OnceLock<Found> = OnceLock::new();

/// The static methods of `io.enos.sdk.Upcalls`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upcall {
    Settled,
    Failed,
    Command,
    Lifecycle,
    Released,
    Load,
    Store,
    Log,
    Error,
    Interrupted,
    Left,
}

impl Upcall {
    const ALL: [(Self, &'static CStr, &'static CStr); 11] = [
        (Self::Settled, c"settled", c"(Lio/enos/sdk/Session;IJ)V"),
        (Self::Failed, c"failed", c"(Lio/enos/sdk/Session;IIJZ[B)V"),
        (Self::Command, c"command", c"(Lio/enos/sdk/Session;IJ[B)V"),
        (Self::Lifecycle, c"lifecycle", c"(Lio/enos/sdk/Session;IIJZIJZ[B)V"),
        (Self::Released, c"released", c"(Lio/enos/sdk/Session;I)V"),
        (Self::Load, c"load", c"(Lio/enos/sdk/SecretStore;[B[B)[B"),
        (Self::Store, c"store", c"(Lio/enos/sdk/SecretStore;[B[B[B)[B"),
        (Self::Log, c"log", c"(I[B[B)V"),
        (Self::Error, c"error", c"(IJZ[B)Ljava/lang/Throwable;"),
        (Self::Interrupted, c"interrupted", c"()Z"),
        (Self::Left, c"left", c"([B)Ljava/lang/Throwable;"),
    ];
}

/// Finds what is called back. Called by `JNI_OnLoad`; on failure an exception is pending.
pub(crate) fn find(vm: *mut JavaVM) -> Option<()> {
    let env = current(vm)?;
    // SAFETY: `env` is this thread's; names and signatures end in NUL.
    let found = unsafe {
        let class = jni!(env, v1_1, FindClass, c"io/enos/sdk/Upcalls".as_ptr());
        if class.is_null() {
            return None;
        }
        let upcalls = jni!(env, v1_1, NewGlobalRef, class);
        let mut methods = [ptr::null_mut(); Upcall::ALL.len()];
        for (method, (_, name, signature)) in methods.iter_mut().zip(Upcall::ALL) {
            *method = jni!(env, v1_1, GetStaticMethodID, upcalls, name.as_ptr(), signature.as_ptr());
            if method.is_null() {
                return None;
            }
        }
        Found { vm, upcalls, methods }
    };
    FOUND.set(found).ok()
}

/// The environment of this thread, if it is attached.
fn current(vm: *mut JavaVM) -> Option<Env<'static>> {
    let mut env = ptr::null_mut();
    // SAFETY: the JVM's own handle; `env` is room for the answer.
    let told = unsafe { ((**vm).v1_2.GetEnv)(vm, &mut env, JNI_VERSION_1_8) };
    (told == JNI_OK && !env.is_null()).then_some(Env(env.cast(), PhantomData))
}

thread_local! {
    /// The environment of a thread of ours, once it is attached.
    static OURS: Cell<*mut JNIEnv> = const { Cell::new(ptr::null_mut()) };
    static ATTACHED: RefCell<Option<Attached>> = const { RefCell::new(None) };
}

/// Detaches the thread at its end.
struct Attached(*mut JavaVM);

impl Drop for Attached {
    fn drop(&mut self) {
        OURS.set(ptr::null_mut());
        // SAFETY: this thread was attached by `attach`, and no Java frame is below it.
        unsafe { ((**self.0).v1_1.DetachCurrentThread)(self.0) };
    }
}

/// The environment of this thread, which is attached for the rest of its life if need be: as a daemon, since a client
/// must not hold up the end of the JVM. `None` if the JVM refuses.
pub(crate) fn attached() -> Option<Env<'static>> {
    let ours = OURS.get();
    if !ours.is_null() {
        return Some(Env(ours, PhantomData));
    }
    let vm = FOUND.get()?.vm;
    current(vm).or_else(|| attach(vm))
}

fn attach(vm: *mut JavaVM) -> Option<Env<'static>> {
    let mut arguments = JavaVMAttachArgs {
        version: JNI_VERSION_1_8,
        name: c"enos-callback".as_ptr().cast_mut().cast::<c_char>(),
        group: ptr::null_mut(),
    };
    let mut env = ptr::null_mut();
    // SAFETY: the JVM's own handle; the arguments live during the call.
    let told =
        unsafe { ((**vm).v1_4.AttachCurrentThreadAsDaemon)(vm, &mut env, (&raw mut arguments).cast()) };
    if told != JNI_OK || env.is_null() {
        return None;
    }
    // A thread that ends right now has no place to remember it in: then it stays attached until the process ends.
    let _ = ATTACHED.try_with(|place| place.replace(Some(Attached(vm))));
    OURS.set(env.cast());
    Some(Env(env.cast(), PhantomData))
}

/// The environment of a native frame, or of a thread of ours.
#[derive(Clone, Copy)]
pub(crate) struct Env<'f>(*mut JNIEnv, PhantomData<&'f ()>);

impl<'f> Env<'f> {
    /// # Safety
    /// The JVM gave it to the native method that runs.
    pub(crate) unsafe fn new(env: *mut JNIEnv) -> Self {
        Self(env, PhantomData)
    }

    /// Copies the first `length` bytes of an array out.
    pub(crate) fn read(self, array: jbyteArray, into: &mut [u8]) -> Result<(), Fault> {
        let length = i32::try_from(into.len()).map_err(|_| too_large())?;
        // SAFETY: a live reference of this frame; the JVM checks the bounds.
        unsafe { jni!(self, v1_1, GetByteArrayRegion, array, 0, length, into.as_mut_ptr().cast()) };
        self.pending()
    }

    /// A whole array.
    pub(crate) fn bytes(self, array: jbyteArray) -> Result<Vec<u8>, Fault> {
        if array.is_null() {
            return Ok(Vec::new());
        }
        // SAFETY: a live reference of this frame.
        let length = unsafe { jni!(self, v1_1, GetArrayLength, array) };
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        self.read(array, &mut bytes)?;
        Ok(bytes)
    }

    /// A whole array that is text.
    pub(crate) fn text(self, array: jbyteArray) -> Result<String, Fault> {
        String::from_utf8(self.bytes(array)?).map_err(|_| Fault::internal("text that is no UTF-8"))
    }

    /// A new array; a local reference.
    pub(crate) fn array(self, bytes: &[u8]) -> Result<jbyteArray, Fault> {
        let length = i32::try_from(bytes.len()).map_err(|_| too_large())?;
        // SAFETY: the environment is this thread's, and the array is as long as what is copied.
        unsafe {
            let array = jni!(self, v1_1, NewByteArray, length);
            if array.is_null() {
                return Err(Fault::Thrown);
            }
            jni!(self, v1_1, SetByteArrayRegion, array, 0, length, bytes.as_ptr().cast());
            Ok(array)
        }
    }

    /// Fills an array of numbers.
    pub(crate) fn fill(self, array: jlongArray, numbers: &[i64]) -> Result<(), Fault> {
        let length = i32::try_from(numbers.len()).map_err(|_| too_large())?;
        // SAFETY: a live reference of this frame; the JVM checks the bounds.
        unsafe { jni!(self, v1_1, SetLongArrayRegion, array, 0, length, numbers.as_ptr()) };
        self.pending()
    }

    /// Whether an exception waits.
    pub(crate) fn pending(self) -> Result<(), Fault> {
        // SAFETY: the environment is this thread's.
        if unsafe { jni!(self, v1_2, ExceptionCheck) } { Err(Fault::Thrown) } else { Ok(()) }
    }

    /// Clears an exception that came out of an upcall. None is meant to, so it is told.
    pub(crate) fn clear(self, from: &str) {
        if self.pending().is_err() {
            // SAFETY: the environment is this thread's; both calls are allowed with an exception.
            unsafe {
                jni!(self, v1_1, ExceptionDescribe);
                jni!(self, v1_1, ExceptionClear);
            }
            log::error!("an exception came out of {from}");
        }
    }

    /// Drops an exception that waits.
    pub(crate) fn discard(self) {
        // SAFETY: the environment is this thread's; the call is allowed with an exception.
        unsafe { jni!(self, v1_1, ExceptionClear) };
    }

    /// Makes the native method that runs throw what this error becomes in Java.
    pub(crate) fn throw(self, error: &Error) {
        let Ok(text) = self.array(error.message.as_bytes()) else { return };
        let arguments = [
            jvalue { i: i32::from(error.kind.number()) },
            jvalue { j: error.hub_code },
            jvalue { z: error.retryable },
            jvalue { l: text },
        ];
        self.throw_made(self.call_object(Upcall::Error, &arguments));
    }

    /// Makes the native method that runs throw `EnosInterruptedException`.
    pub(crate) fn throw_interrupted(self, text: &str) {
        let Ok(text) = self.array(text.as_bytes()) else { return };
        self.throw_made(self.call_object(Upcall::Left, &[jvalue { l: text }]));
    }

    fn throw_made(self, exception: jthrowable) {
        if self.pending().is_ok() && !exception.is_null() {
            // SAFETY: a live reference to a Throwable.
            unsafe { jni!(self, v1_1, Throw, exception) };
        }
    }

    /// Calls a method that returns nothing. An exception may wait afterwards.
    pub(crate) fn call(self, method: Upcall, arguments: &[jvalue]) {
        let Some(found) = FOUND.get() else { return };
        let id = found.methods[method as usize];
        // SAFETY: the class is a global reference; arguments fit the signature by which the method was found.
        unsafe { jni!(self, v1_1, CallStaticVoidMethodA, found.upcalls, id, arguments.as_ptr()) };
    }

    /// Calls a method that returns an object: a local reference, or null. An exception may wait afterwards.
    pub(crate) fn call_object(self, method: Upcall, arguments: &[jvalue]) -> jobject {
        let Some(found) = FOUND.get() else { return ptr::null_mut() };
        let id = found.methods[method as usize];
        // SAFETY: as in `call`.
        unsafe { jni!(self, v1_1, CallStaticObjectMethodA, found.upcalls, id, arguments.as_ptr()) }
    }

    /// Whether somebody interrupted this thread.
    pub(crate) fn is_interrupted(self) -> bool {
        let Some(found) = FOUND.get() else { return false };
        let id = found.methods[Upcall::Interrupted as usize];
        // SAFETY: as in `call`; the method takes no arguments.
        let is = unsafe { jni!(self, v1_1, CallStaticBooleanMethodA, found.upcalls, id, ptr::null()) };
        self.clear("asking for an interrupt");
        is
    }

    /// Lets go of a local reference: a thread of ours has no frame that would do it.
    pub(crate) fn forget(self, local: jobject) {
        // SAFETY: a live local reference, or null, which is not used again.
        unsafe { jni!(self, v1_1, DeleteLocalRef, local) };
    }

    /// Keeps an object alive.
    pub(crate) fn keep(self, object: jobject) -> Kept {
        // SAFETY: a live reference.
        Kept(unsafe { jni!(self, v1_1, NewGlobalRef, object) })
    }
}

fn too_large() -> Fault {
    Fault::Sdk(Error::new(ErrorKind::PayloadTooLarge, "more than 2 GB cannot cross. Split the message."))
}

/// A Java object that is kept alive.
pub(crate) struct Kept(jobject);

// SAFETY: global references are good on every thread.
unsafe impl Send for Kept {}
// SAFETY: as above.
unsafe impl Sync for Kept {}

impl Kept {
    pub(crate) fn get(&self) -> jobject {
        self.0
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(env) = attached() {
            // SAFETY: a global reference of ours, not used again.
            unsafe { jni!(env, v1_1, DeleteGlobalRef, self.0) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_upcall_stands_at_its_own_place() {
        for (at, (upcall, ..)) in Upcall::ALL.iter().enumerate() {
            assert_eq!(*upcall as usize, at);
        }
    }
}
