//! The program `bench-rustls`: see `conformance::bench::peers::rustls`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use conformance::bench::client;
use conformance::bench::peers::rustls;

fn main() -> ExitCode {
    client::main(rustls::run)
}
