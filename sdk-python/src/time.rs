//! Times and durations as Python has them.

use crate::error::invalid;
use pyo3::prelude::*;
use std::time::{Duration, SystemTime};

/// Seconds, as a duration; more than a duration holds is for ever.
pub(crate) fn duration(py: Python<'_>, seconds: f64, name: &str) -> PyResult<Duration> {
    if seconds.is_nan() || seconds < 0.0 {
        return Err(invalid(py, format!("{name} is {seconds}. Give seconds, 0 or more.")));
    }
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// A `datetime`, or seconds since 1970 as `time.time()` gives them.
pub(crate) fn moment(given: &Bound<'_, PyAny>) -> PyResult<SystemTime> {
    let seconds: f64 = match given.extract() {
        Ok(seconds) => seconds,
        Err(_) => given.call_method0("timestamp").and_then(|seconds| seconds.extract()).map_err(|_| {
            invalid(
                given.py(),
                "time is no moment. Give a datetime, or seconds since 1970 as time.time() does.",
            )
        })?,
    };
    // Whole milliseconds, as the wire has them: a double of today has no more than a quarter of a microsecond.
    let millis = (seconds.abs() * 1000.0).round();
    let wrong = || invalid(given.py(), format!("time is {seconds} seconds since 1970. Correct it."));
    if !millis.is_finite() || millis > 1e17 {
        return Err(wrong());
    }
    let offset = Duration::from_millis(millis as u64);
    let at = match seconds < 0.0 {
        true => SystemTime::UNIX_EPOCH.checked_sub(offset),
        false => SystemTime::UNIX_EPOCH.checked_add(offset),
    };
    at.ok_or_else(wrong)
}
