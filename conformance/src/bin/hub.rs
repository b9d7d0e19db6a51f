//! The hub as a process of its own: the same command line as `mock-hub`, built with this package's tests.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    mock_hub::cli::run(std::env::args_os())
}
