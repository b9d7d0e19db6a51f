//! Errors as exceptions. Their classes are Python's (`_errors.py`); here they are made, which is rare.

use enos_runtime::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// The exception of an error.
pub(crate) fn exception<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let make =
        MAKE.get_or_try_init(py, || py.import("enos_sdk._errors")?.getattr("_exception").map(Bound::unbind))?;
    make.bind(py).call1((error.kind.number(), error.hub_code, &*error.message, error.retryable))
}

/// An error, to be raised.
pub(crate) fn raised(py: Python<'_>, error: &Error) -> PyErr {
    match exception(py, error) {
        Ok(exception) => PyErr::from_value(exception),
        Err(failed) => failed,
    }
}

/// A wrong argument that only Python can give.
pub(crate) fn invalid(py: Python<'_>, message: impl Into<String>) -> PyErr {
    raised(py, &Error::new(ErrorKind::InvalidArgument, message))
}

/// A call that does not fit the state.
pub(crate) fn state(py: Python<'_>, message: impl Into<String>) -> PyErr {
    raised(py, &Error::new(ErrorKind::InvalidState, message))
}

/// Results of the runtime, raised where they are errors.
pub(crate) trait Raise<T> {
    fn raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> Raise<T> for Result<T, Error> {
    fn raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| raised(py, &error))
    }
}

/// The core's error table: number, name, name in C, whether trying again may help, next step.
#[pyfunction]
pub(crate) fn error_table() -> Vec<(u16, String, &'static str, bool, &'static str)> {
    let row =
        |kind: &ErrorKind| (kind.number(), format!("{kind:?}"), kind.c_name(), kind.retryable(), kind.hint());
    ErrorKind::ALL.iter().map(row).collect()
}

/// The number of the kind that a hub's code maps to.
#[pyfunction]
pub(crate) fn kind_of_hub_code(code: i64) -> u16 {
    enos_runtime::inspect::kind_of_hub_code(code).number()
}
