//! Being ready to sleep, across the border: a report is its numbers, of which the package makes a `WakeReport`.

use crate::bridge::Bridge;
use crate::error::Raise;
use crate::signal;
use enos_runtime::{Client, Error, WakeReport};
use pyo3::prelude::*;
use std::time::Duration;

/// Datagrams and bytes, each sent and received, and the milliseconds of the radio.
pub(crate) type Numbers = (u64, u64, u64, u64, u64);

pub(crate) fn numbers(report: &WakeReport) -> Numbers {
    (
        report.datagrams_sent,
        report.datagrams_received,
        report.bytes_sent,
        report.bytes_received,
        report.radio_on_ms,
    )
}

/// Waits until the device may sleep; may be interrupted, and what is open goes on then.
pub(crate) fn sleep(py: Python<'_>, client: &Client, timeout: Duration) -> PyResult<Numbers> {
    let report = signal::heard(py, |leave| client.sleep_unless(timeout, leave))?;
    Ok(numbers(&report))
}

/// The same; the future is told in its loop.
pub(crate) fn sleep_async(
    py: Python<'_>,
    client: &Client,
    timeout: Duration,
    bridge: Py<Bridge>,
    future: Py<PyAny>,
) -> PyResult<()> {
    let done = move |result: Result<WakeReport, Error>| bridge.get().slept(future, result);
    py.detach(|| client.submit_sleep(timeout, done)).raise(py)
}
