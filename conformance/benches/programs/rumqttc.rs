//! The program `bench-rumqttc`: see `conformance::bench::peers::rumqttc`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use conformance::bench::client;
use conformance::bench::peers::rumqttc;

fn main() -> ExitCode {
    client::main(rumqttc::run)
}
