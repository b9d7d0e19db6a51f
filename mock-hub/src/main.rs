//! The `mock-hub` command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mock_hub::cli::Allocator = mock_hub::cli::ALLOCATOR;

fn main() -> ExitCode {
    mock_hub::cli::run(std::env::args_os())
}
