//! The program `bench-ours`: see `conformance::bench::peers::{engine, ours}`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use conformance::bench::client;
use conformance::bench::peers::{engine, ours};
use conformance::bench::plan::Task;

fn main() -> ExitCode {
    client::main(|task, order| if task == Task::Engine { engine::run(order) } else { ours::run(task, order) })
}
