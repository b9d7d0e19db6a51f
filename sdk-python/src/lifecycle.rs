//! Steps in a connection's life, as objects of `enos_sdk`.

use crate::error::exception;
use enos_runtime::Lifecycle;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// The object of a step: an instance of one of the classes of `enos_sdk.Lifecycle`.
pub(crate) fn object<'py>(py: Python<'py>, step: &Lifecycle) -> PyResult<Bound<'py, PyAny>> {
    let types = py.import("enos_sdk._types")?;
    let make = |class: &str, fields: Bound<'py, PyTuple>| types.getattr(class)?.call1(fields);
    match step {
        Lifecycle::Connecting => make("Connecting", PyTuple::empty(py)),
        Lifecycle::Online => make("Online", PyTuple::empty(py)),
        Lifecycle::Activated => make("Activated", PyTuple::empty(py)),
        Lifecycle::Closed => make("Closed", PyTuple::empty(py)),
        Lifecycle::ConnectFailed { error, retry_in } => {
            let retry_in = retry_in.map(|pause| pause.as_secs_f64());
            make("ConnectFailed", (exception(py, error)?, retry_in).into_pyobject(py)?)
        }
        Lifecycle::Offline { reason, will_retry } => {
            make("Offline", (exception(py, reason)?, *will_retry).into_pyobject(py)?)
        }
        _ => make("Lifecycle", PyTuple::empty(py)),
    }
}
