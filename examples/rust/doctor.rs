//! Says what keeps a device from its hub: the step that fails, why, and what to do. Ends with 0 if nothing does.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use enos_runtime::{Error, doctor};
use examples::Flags;

fn main() -> Result<ExitCode, Error> {
    let (flags, json) = Flags::read_with_switch("--json");
    let report = flags.builder()?.doctor(doctor::TIMEOUT);
    match json {
        true => println!("{}", report.json()),
        false => print!("{report}"),
    }
    Ok(report.exit_code().into())
}
