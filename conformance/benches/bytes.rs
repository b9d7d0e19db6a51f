//! What a post costs on the wire, by transport: runs the program `byte-table`, which needs unshare, dumpcap and tshark.
#![forbid(unsafe_code)]

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    // Single tasks of the figures were asked for.
    if std::env::args().any(|argument| argument == "--only") {
        return ExitCode::SUCCESS;
    }
    match Command::new(env!("CARGO_BIN_EXE_byte-table")).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("byte-table did not start: {error}");
            ExitCode::FAILURE
        }
    }
}
