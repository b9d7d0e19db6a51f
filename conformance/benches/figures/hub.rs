//! Ours, the hub: from the start of `mock-hub serve` to its ready line.

use std::path::{Path, PathBuf};
use std::process::Command;

use conformance::bench::plan::RUN_LIMIT;
use conformance::bench::process::Helper;
use conformance::bench::sample::Sample;
use conformance::bench::{Outcome, machine};
use serde_json::Value;

/// Flags that take the address of a listener; those that the hub has get a free port each.
const LISTENERS: [&str; 6] = ["--mqtt", "--mqtts", "--coap", "--coaps", "--http", "--https"];

/// Starts a hub and gives `ready_ms`.
pub(crate) fn run() -> Outcome<Sample> {
    let hub = program()?;
    let help = Command::new(&hub).args(["serve", "--help"]).output()?;
    let help = String::from_utf8(help.stdout)?;
    let mut arguments = vec!["serve", "--memory"];
    for flag in LISTENERS {
        if help.contains(&format!("{flag} <")) {
            arguments.extend([flag, "127.0.0.1:0"]);
        }
    }
    let started = machine::monotonic_ns()?;
    let mut hub = Helper::program(&hub, &arguments)?;
    let ready: Value = serde_json::from_str(&hub.line(RUN_LIMIT)?)?;
    let ended = machine::monotonic_ns()?;
    if ready["ready"] != true {
        return Err(format!("not a ready line: {ready}").into());
    }
    Ok(Sample::of("ready_ms", ended.saturating_sub(started) as f64 / 1e6))
}

/// Builds the hub, unless there is a debug build, which the workspace's tests make.
pub(crate) fn build() -> Outcome<()> {
    if cfg!(debug_assertions) && program()?.exists() {
        return Ok(());
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--locked", "--package", "mock-hub", "--bin", "mock-hub"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let status = command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).status()?;
    if status.success() { Ok(()) } else { Err(format!("building mock-hub: {status}").into()) }
}

fn program() -> Outcome<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name("mock-hub"))
}
