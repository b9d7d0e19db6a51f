//! Tells the hub's timer that a deadline came up which is earlier than the one it sleeps for.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Needs no runtime: who has none looks at the deadlines itself and never waits here.
#[derive(Debug)]
pub(crate) struct Alarm {
    /// What the timer sleeps for, by the monotonic clock; the far future if for nothing.
    set_for_ms: AtomicU64,
    earlier: Notify,
}

impl Default for Alarm {
    fn default() -> Self {
        Self { set_for_ms: AtomicU64::new(u64::MAX), earlier: Notify::new() }
    }
}

impl Alarm {
    /// Records what the timer is about to sleep for. Look at the deadlines once more after this call.
    pub(crate) fn set(&self, deadline_ms: Option<u64>) {
        self.set_for_ms.store(deadline_ms.unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Wakes the timer if it would sleep beyond `deadline_ms`. Most deadlines come later than the first, so most
    /// calls wake nobody.
    pub(crate) fn ring_for(&self, deadline_ms: u64) {
        if deadline_ms < self.set_for_ms.load(Ordering::SeqCst) {
            self.earlier.notify_one();
        }
    }

    /// Waits for the ring; one that came before the call counts.
    pub(crate) async fn rung(&self) {
        self.earlier.notified().await;
    }
}
