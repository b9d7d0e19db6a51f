//! The process: who we are after a fork.

use crate::error::Error;
use enos_core::ErrorKind;
use std::sync::atomic::{AtomicU64, Ordering};

/// The process that made a runtime; its threads exist only there.
pub(crate) struct Owner {
    process: u32,
    /// The last millisecond of the monotonic clock in which this was looked at.
    looked_at: AtomicU64,
}

impl Owner {
    pub(crate) fn this() -> Self {
        Self { process: std::process::id(), looked_at: AtomicU64::new(u64::MAX) }
    }

    pub(crate) fn is_this(&self) -> bool {
        self.process == std::process::id()
    }

    /// As [`check`](Self::check), but looks only once in a millisecond: asking the operating system costs as much
    /// as a fifth of a post. Good for what touches nothing but memory and waits for nothing.
    pub(crate) fn check_at(&self, mono_ms: u64) -> Result<(), Error> {
        if self.looked_at.load(Ordering::Relaxed) == mono_ms {
            return Ok(());
        }
        self.check()?;
        self.looked_at.store(mono_ms, Ordering::Relaxed);
        Ok(())
    }

    /// Refuses calls from a child made by `fork`: locks may be held there by threads that do not exist.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.is_this() {
            return Ok(());
        }
        let text = "the client belongs to the process before fork. Make a new client in the child process.";
        Err(Error::new(ErrorKind::InvalidState, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_refused_and_told_what_to_do() {
        let owner = Owner::this();
        owner.check_at(1).unwrap();
        // As a forked child finds it: the same memory, another process.
        let process = std::process::id().wrapping_add(1);
        let child = Owner { process, looked_at: AtomicU64::new(owner.looked_at.load(Ordering::Relaxed)) };
        assert!(!child.is_this());
        for error in
            [child.check().unwrap_err(), child.check_at(2).unwrap_err(), child.check_at(2).unwrap_err()]
        {
            assert_eq!(error.kind, ErrorKind::InvalidState);
            assert!(error.message.contains("new client"), "{error}");
        }
    }
}
