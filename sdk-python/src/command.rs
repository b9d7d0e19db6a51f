//! Commands from the hub: what is asked, and the answer to it.

use crate::error::{Raise, invalid, state};
use crate::json;
use crate::signal;
use crate::values::{Nested, Reader, Room};
use enos_core::json::MAX_DEPTH;
use enos_runtime::{AnswerData, InvocationKind};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::sync::{Mutex, PoisonError};

/// The code that says "done".
const DONE: i32 = 200;

/// A command of the hub.
#[pyclass(frozen, module = "enos_sdk")]
pub(crate) struct Invocation {
    call: enos_runtime::Invocation,
    responder: Mutex<Option<enos_runtime::Responder>>,
    /// The client that took it.
    device: Py<PyAny>,
    args: PyOnceLock<Py<PyAny>>,
}

impl Invocation {
    pub(crate) fn new(
        device: Py<PyAny>,
        call: enos_runtime::Invocation,
        responder: enos_runtime::Responder,
    ) -> Self {
        Self { call, responder: Mutex::new(Some(responder)), device, args: PyOnceLock::new() }
    }

    fn take(&self) -> Option<enos_runtime::Responder> {
        self.responder.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What a handler returned becomes the answer, unless it answers by itself.
    pub(crate) fn finish(&self, py: Python<'_>, result: PyResult<Bound<'_, PyAny>>) {
        let Some(responder) = self.take() else {
            if let Err(error) = result {
                self.failed(py, error);
            }
            return;
        };
        let answered = match result {
            Ok(outputs) => answer(py, responder, DONE, Some(&outputs), ""),
            Err(error) => match service_error(py, &error) {
                Some((code, message)) => answer(py, responder, code, None, &message),
                // Dropping the responder answers with the failure.
                None => Err(error),
            },
        };
        if let Err(error) = answered {
            self.failed(py, error);
        }
    }

    fn failed(&self, py: Python<'_>, error: PyErr) {
        let what = match self.call.kind() {
            InvocationKind::Service => self.call.identifier(),
            InvocationKind::MeasurepointSet => "measurepoint set",
            InvocationKind::MeasurepointGet => "measurepoint get",
            _ => "command",
        };
        tell_failed(py, &format!("the handler of {what}"), error);
    }
}

/// Logs an exception that left a program's callback, with its traceback.
pub(crate) fn tell_failed(py: Python<'_>, what: &str, error: PyErr) {
    let value = error.value(py);
    if let Some(traceback) = error.traceback(py) {
        // Before 3.12 the exception itself does not hold it yet.
        let _ = value.setattr("__traceback__", traceback);
    }
    let told = py.import("enos_sdk._logging").and_then(|logging| logging.getattr("callback_failed"));
    let told = told.and_then(|tell| tell.call1((what, value)));
    if let Err(worse) = told {
        worse.write_unraisable(py, None);
    }
}

/// Code and message, if the exception is a `ServiceError`.
fn service_error(py: Python<'_>, error: &PyErr) -> Option<(i32, String)> {
    let class = py.import("enos_sdk._types").and_then(|types| types.getattr("ServiceError")).ok()?;
    if !error.is_instance(py, &class) {
        return None;
    }
    let value = error.value(py);
    let code = value.getattr("code").ok()?.extract().ok()?;
    Some((code, value.getattr("message").ok()?.extract().ok()?))
}

/// Answers, without the interpreter's lock: it may wait for room in the queue.
fn answer(
    py: Python<'_>,
    responder: enos_runtime::Responder,
    code: i32,
    outputs: Option<&Bound<'_, PyAny>>,
    message: &str,
) -> PyResult<()> {
    let (room, nested) = (Room::new(), Nested::new());
    let fields = match outputs {
        Some(outputs) if !outputs.is_none() => Reader::new(&room, &nested).fields(outputs, MAX_DEPTH)?,
        _ => Vec::new(),
    };
    let data = if fields.is_empty() { AnswerData::Empty } else { AnswerData::Values(&fields) };
    signal::heard(py, |leave| responder.answer_unless(code, data, message, leave))
}

#[pymethods]
impl Invocation {
    /// What is asked for: "service", "measurepoint_set" or "measurepoint_get".
    #[getter]
    fn kind(&self) -> &'static str {
        match self.call.kind() {
            InvocationKind::Service => "service",
            InvocationKind::MeasurepointSet => "measurepoint_set",
            InvocationKind::MeasurepointGet => "measurepoint_get",
            _ => "other",
        }
    }

    /// The service's identifier; empty for measurepoints.
    #[getter]
    fn identifier(&self) -> &str {
        self.call.identifier()
    }

    /// The arguments as objects.
    #[getter]
    fn args<'py>(&'py self, py: Python<'py>) -> PyResult<&'py Bound<'py, PyAny>> {
        let read = || match json::objects(py, self.call.params()) {
            Ok(objects) => Ok(objects.unbind()),
            Err(error) => Err(invalid(py, format!("the arguments of the command cannot be read: {error}."))),
        };
        Ok(self.args.get_or_try_init(py, read)?.bind(py))
    }

    /// The arguments as JSON text.
    #[getter]
    fn params(&self) -> &str {
        self.call.params()
    }

    /// Who is meant.
    #[getter]
    fn device(&self, py: Python<'_>) -> Py<PyAny> {
        self.device.clone_ref(py)
    }

    /// Takes the answer into the handler's own hands: what it returns then counts for nothing.
    fn defer(&self, py: Python<'_>) -> PyResult<Responder> {
        let text =
            "the command's answer was taken already. Answer through the Responder that the first call gave.";
        let responder = self.take().ok_or_else(|| state(py, text))?;
        Ok(Responder(Mutex::new(Some(responder))))
    }

    /// What an asynchronous handler returned.
    fn _finish(&self, py: Python<'_>, outputs: Bound<'_, PyAny>) {
        self.finish(py, Ok(outputs));
    }

    /// What an asynchronous handler raised.
    fn _fail(&self, py: Python<'_>, error: Bound<'_, PyAny>) {
        self.finish(py, Err(PyErr::from_value(error)));
    }

    fn __repr__(&self) -> String {
        format!("Invocation(kind={:?}, identifier={:?})", self.kind(), self.identifier())
    }
}

/// Answers a command: now or later, from any thread, once. Let go without an answer, it answers 1102.
#[pyclass(frozen, module = "enos_sdk")]
pub(crate) struct Responder(Mutex<Option<enos_runtime::Responder>>);

impl Responder {
    fn take(&self, py: Python<'_>) -> PyResult<enos_runtime::Responder> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.ok_or_else(|| state(py, "the command was answered already. Answer it once."))
    }
}

#[pymethods]
impl Responder {
    /// Done (200), with these outputs.
    #[pyo3(signature = (outputs = None))]
    fn ok(&self, py: Python<'_>, outputs: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        answer(py, self.take(py)?, DONE, outputs, "")
    }

    /// Not done: a code of the device (from 2000 on), and a text for people.
    fn fail(&self, py: Python<'_>, code: i32, message: &str) -> PyResult<()> {
        answer(py, self.take(py)?, code, None, message)
    }

    /// Any answer: code, outputs, and a text for people.
    #[pyo3(signature = (code, outputs = None, message = ""))]
    fn answer(
        &self,
        py: Python<'_>,
        code: i32,
        outputs: Option<&Bound<'_, PyAny>>,
        message: &str,
    ) -> PyResult<()> {
        answer(py, self.take(py)?, code, outputs, message)
    }

    /// Any answer, with outputs as the text of a JSON object.
    #[pyo3(signature = (code, outputs, message = ""))]
    fn answer_json(&self, py: Python<'_>, code: i32, outputs: &str, message: &str) -> PyResult<()> {
        let responder = self.take(py)?;
        py.detach(|| responder.answer(code, AnswerData::Json(outputs), message)).raise(py)
    }
}
