//! Waiting so that Ctrl-C is heard: in pieces, without the interpreter's lock, with a look at signals in between.

use pyo3::{PyResult, Python};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a signal may wait for its handler.
pub(crate) const PIECE: Duration = Duration::from_millis(50);

/// Waits until `poll`, which waits so long at the most, gives something; `None` once `longest` is over.
pub(crate) fn wait<T: Send>(
    py: Python<'_>,
    longest: Option<Duration>,
    mut poll: impl FnMut(Duration) -> Option<T> + Send,
) -> PyResult<Option<T>> {
    let end = longest.and_then(|longest| Instant::now().checked_add(longest));
    loop {
        let left = end.map_or(PIECE, |end| end.saturating_duration_since(Instant::now()).min(PIECE));
        if let Some(result) = py.detach(|| poll(left)) {
            return Ok(Some(result));
        }
        py.check_signals()?;
        if end.is_some_and(|end| Instant::now() >= end) {
            return Ok(None);
        }
    }
}

/// A result that a callback brings to a thread that waits.
pub(crate) struct Slot<T> {
    result: Mutex<Option<T>>,
    brought: Condvar,
}

impl<T> Slot<T> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { result: Mutex::new(None), brought: Condvar::new() })
    }

    pub(crate) fn bring(&self, result: T) {
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        self.brought.notify_all();
    }

    /// The result; `None` if it does not come so soon.
    pub(crate) fn wait(&self, longest: Duration) -> Option<T> {
        let result = self.result.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.brought.wait_timeout_while(result, longest, |result| result.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.take()
    }
}
