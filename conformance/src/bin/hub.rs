//! The hub as a process of its own: the same command line as `mock-hub`, built with this package's tests.
#![forbid(unsafe_code)]

#[global_allocator]
static ALLOCATOR: mock_hub::cli::Allocator = mock_hub::cli::ALLOCATOR;

fn main() -> std::process::ExitCode {
    mock_hub::cli::run(std::env::args_os())
}
