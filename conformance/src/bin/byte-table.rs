//! Prints what a post costs on the wire, by transport; needs unshare, dumpcap and tshark.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use conformance::bytes;

fn main() -> ExitCode {
    let measured = match std::env::args().nth(1).as_deref() {
        Some("inside") => bytes::inside(),
        _ => std::env::current_exe().map_err(Into::into).and_then(|program| bytes::measure(&program)),
    };
    match measured {
        Ok(table) => {
            print!("{table}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("byte-table: {error}");
            ExitCode::FAILURE
        }
    }
}
