//! The `mock-hub` command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    mock_hub::cli::run(std::env::args_os())
}
