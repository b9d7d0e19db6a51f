//! A program's handlers, as the runtime holds them.
//!
//! The functions themselves stay in a dictionary of the Python client, and here are only a weak reference to it and
//! their name: so a client and handlers that refer to it are garbage that Python's collector can see.

use crate::attach::callback;
use crate::bridge::Bridge;
use crate::command::{Invocation, tell_failed};
use crate::lifecycle;
use enos_runtime::Lifecycle;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};
use std::sync::{Mutex, PoisonError};

/// Finds a handler of a client.
pub(crate) struct Named {
    client: Py<PyWeakrefReference>,
    name: Py<PyAny>,
    /// Where calls go instead, for a client whose handlers run in an event loop.
    bridge: Option<Py<Bridge>>,
}

impl Named {
    pub(crate) fn new(
        client: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
        bridge: Option<Py<Bridge>>,
    ) -> PyResult<Self> {
        let client = PyWeakrefReference::new(client)?.unbind();
        Ok(Self { client, name: name.clone().unbind(), bridge })
    }

    /// The client, and its handler of this name.
    fn find<'py>(&self, py: Python<'py>) -> Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let client = self.client.bind(py).upgrade()?;
        let handlers = client.getattr(intern!(py, "_handlers")).ok()?;
        let handler = handlers.get_item(self.name.bind(py)).ok()?;
        Some((client, handler))
    }

    /// Runs the handler for a command. Without one, the command is answered as a failure.
    pub(crate) fn command(&self, call: enos_runtime::Invocation, responder: enos_runtime::Responder) {
        let ran = callback(|py| {
            let Some((client, handler)) = self.find(py) else { return Ok(()) };
            let invocation = Bound::new(py, Invocation::new(client.unbind(), call, responder))?;
            match &self.bridge {
                Some(bridge) => bridge.get().command(py, handler, invocation),
                None => invocation.get().finish(py, handler.call1((&invocation,))),
            }
            Ok::<(), PyErr>(())
        });
        if let Some(Err(error)) = ran {
            callback(|py| error.write_unraisable(py, None));
        }
    }

    /// Tells the handler a step.
    pub(crate) fn lifecycle(&self, step: &Lifecycle) {
        callback(|py| {
            let Some((_, handler)) = self.find(py) else { return };
            let told = lifecycle::object(py, step).and_then(|step| match &self.bridge {
                Some(bridge) => {
                    bridge.get().call(py, handler, step);
                    Ok(())
                }
                None => handler.call1((step,)).map(drop),
            });
            if let Err(error) = told {
                tell_failed(py, "the lifecycle handler", error);
            }
        });
    }
}

/// A handler that was registered. Letting this go leaves the handler in place.
#[pyclass(frozen, module = "enos_sdk")]
pub(crate) struct Registration(Mutex<Option<enos_runtime::Registration>>);

impl Registration {
    pub(crate) fn new(registration: enos_runtime::Registration) -> Self {
        Self(Mutex::new(Some(registration)))
    }
}

#[pymethods]
impl Registration {
    /// Takes the handler away, unless another has taken its place. A call that runs goes on.
    fn close(&self, py: Python<'_>) {
        let registration = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(registration) = registration {
            py.detach(|| registration.close());
        }
    }
}
