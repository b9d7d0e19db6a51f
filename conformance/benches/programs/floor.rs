//! The program `bench-floor`: see `conformance::bench::peers::floor`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use conformance::bench::client;
use conformance::bench::peers::floor;

fn main() -> ExitCode {
    client::main(floor::run)
}
