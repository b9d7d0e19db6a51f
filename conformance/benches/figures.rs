//! `cargo bench -p conformance`: runs the program `bench-figures` with the arguments given behind `--`.
#![forbid(unsafe_code)]

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    // Cargo adds `--bench`; everything else is the user's.
    let arguments = std::env::args_os().skip(1).filter(|argument| argument != "--bench");
    match Command::new(env!("CARGO_BIN_EXE_bench-figures")).args(arguments).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench-figures did not start: {error}");
            ExitCode::FAILURE
        }
    }
}
