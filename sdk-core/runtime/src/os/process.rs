//! The process: who we are after a fork.

use crate::error::Error;
use enos_core::ErrorKind;

/// The process that made a runtime; its threads exist only there.
#[derive(Clone, Copy)]
pub(crate) struct Owner(u32);

impl Owner {
    pub(crate) fn this() -> Self {
        Self(std::process::id())
    }

    pub(crate) fn is_this(self) -> bool {
        self.0 == std::process::id()
    }

    /// Refuses calls from a child made by `fork`: locks may be held there by threads that do not exist.
    pub(crate) fn check(self) -> Result<(), Error> {
        if self.is_this() {
            return Ok(());
        }
        let text = "the client belongs to the process before fork. Make a new client in the child process.";
        Err(Error::new(ErrorKind::InvalidState, text))
    }
}
