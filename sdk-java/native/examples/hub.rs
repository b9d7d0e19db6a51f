//! The hub as a process of its own, for the tests of this package.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    mock_hub::cli::run(std::env::args_os())
}
