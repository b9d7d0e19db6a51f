//! From the start of `serve` to its ready line.

use super::begin;
use super::server::Server;
use crate::bench::sample::Sample;
use crate::bench::{Outcome, machine};

/// Starts a hub and gives `ready_ms`.
pub(super) fn run() -> Outcome<Sample> {
    let started = machine::monotonic_ns()?;
    let server = Server::hub(1, 0, false)?;
    let ended = machine::monotonic_ns()?;
    drop(server);
    begin()?;
    Ok(Sample::of("ready_ms", ended.saturating_sub(started) as f64 / 1e6))
}
