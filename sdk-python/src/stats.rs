//! A client's counters.

use enos_runtime::Stats;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The counters by name; the same names in every language.
pub(crate) fn counters<'py>(py: Python<'py>, stats: &Stats) -> PyResult<Bound<'py, PyDict>> {
    let counters: [(&str, u64); 19] = [
        ("bytes_sent", stats.bytes_sent),
        ("bytes_received", stats.bytes_received),
        ("messages_sent", stats.messages_sent),
        ("messages_received", stats.messages_received),
        ("retries", stats.retries),
        ("reconnects", stats.reconnects),
        ("acknowledged", stats.acknowledged),
        ("rejected", stats.rejected),
        ("failed", stats.failed),
        ("dropped_oversize", stats.dropped_oversize),
        ("dropped_unknown", stats.dropped_unknown),
        ("dropped_malformed", stats.dropped_malformed),
        ("dropped_stray", stats.dropped_stray),
        ("dropped_answers", stats.dropped_answers),
        ("open_requests", stats.open_requests.into()),
        ("queued_bytes", stats.queued_bytes),
        ("datagrams_sent", stats.datagrams_sent),
        ("datagrams_received", stats.datagrams_received),
        ("radio_on_ms", stats.radio_on_ms),
    ];
    let dict = PyDict::new(py);
    for (name, number) in counters {
        dict.set_item(name, number)?;
    }
    Ok(dict)
}
