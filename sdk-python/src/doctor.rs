//! The doctor across the border: a report is its two texts; `_doctor.py` makes objects of them.

use crate::bridge::Bridge;
use crate::client::Runtime;
use crate::config::{self, ProxyParts, TlsParts};
use crate::error::Raise;
use crate::signal;
use crate::time::duration;
use enos_runtime::Client;
use enos_runtime::doctor::{Report, TIMEOUT};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::time::Duration;

/// The time for a diagnosis in seconds; none is the runtime's own.
fn time(py: Python<'_>, timeout: Option<f64>) -> PyResult<Duration> {
    timeout.map_or(Ok(TIMEOUT), |timeout| duration(py, timeout, "timeout"))
}

/// The report for programs, and the one for people.
fn texts(report: &Report) -> (String, String) {
    (report.json(), report.text())
}

/// Asks the doctor; may be interrupted.
pub(crate) fn ask(py: Python<'_>, client: &Client, timeout: Option<f64>) -> PyResult<(String, String)> {
    let timeout = time(py, timeout)?;
    signal::heard(py, |leave| Ok(texts(&client.doctor_unless(timeout, leave)?)))
}

/// Asks the doctor; the future is told in its loop.
pub(crate) fn ask_async(
    py: Python<'_>,
    client: &Client,
    timeout: Option<f64>,
    bridge: Py<Bridge>,
    future: Py<PyAny>,
) -> PyResult<()> {
    let timeout = time(py, timeout)?;
    let done = move |report: Report| bridge.get().reported(future, texts(&report));
    py.detach(|| client.submit_doctor(timeout, done)).raise(py)
}

/// Asks the doctor of settings of which no client was made; the arguments are those of `ClientCore`.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "it is called in one place, by the package itself")]
pub(crate) fn examine(
    py: Python<'_>,
    hub: &str,
    login: (String, String, String),
    store: Option<&Bound<'_, PyAny>>,
    tls: Option<TlsParts>,
    proxy: Option<ProxyParts>,
    limits: Option<&Bound<'_, PyDict>>,
    runtime: Option<&Bound<'_, Runtime>>,
    options: &Bound<'_, PyDict>,
    timeout: Option<f64>,
) -> PyResult<(String, String)> {
    let timeout = time(py, timeout)?;
    let builder =
        config::whole(py, (hub, login, store, tls, proxy), (limits, runtime.map(Bound::get), options))?;
    signal::heard(py, |leave| Ok(texts(&builder.doctor_unless(timeout, leave)?)))
}
