//! Threads of the SDK that run Python code.

use pyo3::{Python, ffi};

thread_local! {
    /// This thread's state in the interpreter, kept between callbacks.
    static KEPT: Kept = Kept::new();
}

/// A thread state of the interpreter. Making one for each callback costs more than the callback.
struct Kept {
    state: ffi::PyGILState_STATE,
    thread: *mut ffi::PyThreadState,
}

impl Kept {
    fn new() -> Self {
        // SAFETY: the interpreter lives, since `callback` asked it just before; each call is paired in `drop`.
        unsafe {
            let state = ffi::PyGILState_Ensure();
            Self { state, thread: ffi::PyEval_SaveThread() }
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // At the end of the interpreter it takes all thread states with it.
        if Python::try_attach(|_| ()).is_some() {
            // SAFETY: the interpreter lives, and the thread does not hold its lock; both calls are the pairs of `new`'s.
            unsafe {
                ffi::PyEval_RestoreThread(self.thread);
                ffi::PyGILState_Release(self.state);
            }
        }
    }
}

/// Runs Python code as a callback on a thread of the SDK; `None` if the interpreter is at its end.
pub(crate) fn callback<R>(act: impl FnOnce(Python<'_>) -> R) -> Option<R> {
    Python::try_attach(|_| ())?;
    KEPT.with(|_| ());
    Python::try_attach(act)
}
