//! Waiting so that Ctrl-C is heard: in pieces, without the interpreter's lock, with a look at signals in between.

use crate::error::Raise;
use enos_runtime::Error;
use pyo3::{PyResult, Python};
use std::time::{Duration, Instant};

/// How long a signal may wait for its handler.
const PIECE: Duration = Duration::from_millis(25);

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

/// Runs a verb that waits; it is left, and the exception raised, when a signal's handler raises one.
///
/// The verb is given what it has to ask whether to leave.
pub(crate) fn heard<T: Send>(
    py: Python<'_>,
    verb: impl FnOnce(&mut dyn FnMut() -> bool) -> Result<T, Error> + Send,
) -> PyResult<T> {
    let mut raised = None;
    let mut leave = || {
        // At the interpreter's end there is nothing to hear.
        raised = Python::try_attach(|py| py.check_signals().err()).flatten();
        raised.is_some()
    };
    let result = py.detach(|| verb(&mut leave));
    match raised {
        Some(exception) => Err(exception),
        None => result.raise(py),
    }
}
