//! A post that is under way.

use crate::error::raised;
use crate::signal;
use crate::time::duration;
use enos_runtime::{Delivery, Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A fate as the member of `enos_sdk.Delivery`.
pub(crate) fn fate(py: Python<'_>, delivery: Delivery) -> PyResult<Py<PyAny>> {
    static FATES: PyOnceLock<[Py<PyAny>; 2]> = PyOnceLock::new();
    let fates = FATES.get_or_try_init(py, || {
        let class = py.import("enos_sdk._types")?.getattr("Delivery")?;
        Ok::<_, PyErr>([class.getattr("ACKNOWLEDGED")?.unbind(), class.getattr("QUEUED")?.unbind()])
    })?;
    match delivery {
        Delivery::Acknowledged { .. } => Ok(fates[0].clone_ref(py)),
        Delivery::Queued { .. } => Ok(fates[1].clone_ref(py)),
        _ => {
            let text = "a fate that this package does not know. File a bug.";
            Err(raised(py, &Error::new(ErrorKind::Internal, text)))
        }
    }
}

/// A post whose fate is not known yet. Letting it go leaves the post alone.
#[pyclass(frozen, module = "enos_sdk")]
pub(crate) struct Pending {
    pending: enos_runtime::Pending,
    told: Mutex<Option<Result<Delivery, Error>>>,
}

impl Pending {
    pub(crate) fn new(pending: enos_runtime::Pending) -> Self {
        Self { pending, told: Mutex::new(None) }
    }

    /// The fate, kept for whoever asks again.
    fn poll(&self, longest: Duration) -> Option<Result<Delivery, Error>> {
        let told = |told: &Mutex<Option<Result<Delivery, Error>>>| {
            told.lock().unwrap_or_else(PoisonError::into_inner).clone()
        };
        if let Some(told) = told(&self.told) {
            return Some(told);
        }
        match self.pending.wait(longest) {
            Some(result) => {
                *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(result.clone());
                Some(result)
            }
            // Another thread may have been told meanwhile.
            None => told(&self.told),
        }
    }

    pub(crate) fn settled(&self, py: Python<'_>, longest: Option<Duration>) -> PyResult<Py<PyAny>> {
        match signal::wait(py, longest, |piece| self.poll(piece))? {
            Some(Ok(delivery)) => fate(py, delivery),
            Some(Err(error)) => Err(raised(py, &error)),
            None => {
                let text = "the post has not been settled yet. Wait longer.";
                Err(raised(py, &Error::new(ErrorKind::Timeout, text)))
            }
        }
    }
}

#[pymethods]
impl Pending {
    /// Waits for the fate, and raises what the post failed with.
    #[pyo3(signature = (timeout = None))]
    fn result(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Py<PyAny>> {
        let longest = timeout.map(|timeout| duration(py, timeout, "timeout")).transpose()?;
        if let Some(Ok(delivery)) = self.poll(Duration::ZERO) {
            return fate(py, delivery);
        }
        self.settled(py, longest)
    }

    /// Whether the fate is known.
    fn done(&self) -> bool {
        self.poll(Duration::ZERO).is_some()
    }
}
