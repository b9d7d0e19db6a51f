//! What a caller gives along with a callback: a pointer, and the function that ends its life.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Told once, when the `user` pointer that was given along will not be used any more. May be NULL.
///
/// It runs on a callback thread, or within the call that failed, and may call anything.
pub type enos_drop_fn = Option<unsafe extern "C-unwind" fn(user: *mut c_void)>;

/// A user's pointer; its drop function runs once, when this goes.
pub(crate) struct User {
    pointer: *mut c_void,
    ended: enos_drop_fn,
}

// SAFETY: the header says that `user` is handed to callbacks on other threads, so the caller has made it fit for that.
unsafe impl Send for User {}
// SAFETY: as above; this type itself only hands the pointer on.
unsafe impl Sync for User {}

impl User {
    pub(crate) fn new(pointer: *mut c_void, ended: enos_drop_fn) -> Self {
        Self { pointer, ended }
    }

    pub(crate) fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for User {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            // A test may give a function written in Rust; nothing of it may go further than here.
            let told = catch_unwind(AssertUnwindSafe(|| {
                // SAFETY: the caller gave the two together, and it is called once, here.
                unsafe { ended(self.pointer) }
            }));
            if told.is_err() {
                log::warn!("a drop function of the program panicked");
            }
        }
    }
}
