//! Ours, the hub: from the start of `serve` to its ready line.

use conformance::bench::plan::RUN_LIMIT;
use conformance::bench::process::Helper;
use conformance::bench::sample::Sample;
use conformance::bench::{Outcome, machine};
use serde_json::Value;

/// The hub's command line in this package's build.
const PROGRAM: &str = "conformance-hub";

/// Starts a hub and gives `ready_ms`.
pub(crate) fn run() -> Outcome<Sample> {
    let program = std::env::current_exe()?.with_file_name(PROGRAM);
    let mut arguments = vec!["serve", "--memory"];
    for listener in ["--mqtt", "--mqtts", "--http", "--https"] {
        arguments.extend([listener, "127.0.0.1:0"]);
    }
    let started = machine::monotonic_ns()?;
    let mut hub = Helper::program(&program, &arguments)?;
    let ready: Value = serde_json::from_str(&hub.line(RUN_LIMIT)?)?;
    let ended = machine::monotonic_ns()?;
    if ready["ready"] != true {
        return Err(format!("not a ready line: {ready}").into());
    }
    Ok(Sample::of("ready_ms", ended.saturating_sub(started) as f64 / 1e6))
}
