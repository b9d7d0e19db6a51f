//! `cargo counts [--renew]`: see `conformance::bench::instructions`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use conformance::bench::instructions;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match instructions::main(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench-instructions: {error}");
            ExitCode::FAILURE
        }
    }
}
