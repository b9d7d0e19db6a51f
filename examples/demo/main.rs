//! A hub in its own process, devices that do the main job, and every step confirmed through the hub's REST
//! interface, never through the SDK.
#![forbid(unsafe_code)]

mod commands;
mod day;
mod hub;
mod replay;
mod report;
mod rest;
mod sign_in;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use hub::{AS_HUB, Hub};
use report::Report;
use rest::Rest;

/// Product key and device key of the demo's devices, as in `data/seed.json`.
pub(crate) const TURBINE: (&str, &str) = ("Tq4zR9Lw", "turbine-1");
pub(crate) const INVERTER: (&str, &str) = ("Sx2pV7Ka", "inverter-1");
pub(crate) const NEW_TURBINE: (&str, &str) = ("Dy5nA8Mt", "turbine-2");

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [AS_HUB, ..] => mock_hub::cli::run(std::env::args_os().skip(1)),
        [] => run(false),
        ["--keep"] => run(true),
        _ => {
            eprintln!("usage: cargo demo [--keep]");
            ExitCode::from(2)
        }
    }
}

fn run(keep: bool) -> ExitCode {
    let mut report = Report::default();
    if let Err(error) = demo(&mut report, keep) {
        report.step("the demo goes on", false, error);
    }
    if report.close() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn demo(report: &mut Report, keep: bool) -> Result<(), Box<dyn Error>> {
    let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/seed.json");
    let scratch = Scratch::new()?;

    report.part("A hub, in a process of its own");
    let hub = Hub::start(&seed, keep)?;
    let rest = Rest::new(hub.http());
    let state = rest.state()?;
    let what = format!("process {} answers at {}", hub.process_id(), hub.http());
    let devices = state["devices"].as_array().map_or(0, Vec::len);
    report.step(what, devices == 3, format_args!("{devices} devices in its seed"));

    let turbine = sign_in::over_tcp(report, &hub, &rest)?;
    let inverter = sign_in::over_tls_with_certificate(report, &hub, &rest)?;
    sign_in::activated(report, &hub, &rest, &scratch.0)?;
    replay::both(report, &rest, &turbine, &inverter)?;
    commands::down_and_up(report, &rest, &turbine, &inverter)?;
    sign_in::off(report, &rest, &turbine, &inverter)?;

    let stats = turbine.stats()?;
    report.part("What the turbine's link carried");
    report.note(format_args!(
        "{} bytes up, {} down; {} messages up, {} down",
        stats.bytes_sent, stats.bytes_received, stats.messages_sent, stats.messages_received
    ));
    if keep {
        report.part("The hub stays up");
        report.note(format_args!("REST and control:  curl {}/hub/v1/state", hub.http()));
        report.note(format_args!("devices:           {} and {}", hub.tcp_url(), hub.tls_url()));
        report.note(format_args!("stop it:           kill {}", hub.process_id()));
    }
    Ok(())
}

/// A folder that goes with this value.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> std::io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("enos-demo-{}", std::process::id()));
        std::fs::create_dir(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
