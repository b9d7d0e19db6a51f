//! Commands and flags; each error is one line on stderr and an exit code other than 0.

mod address;
mod ready;
mod serve;
mod signal;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use address::Address;

/// What the hub's own programs allocate with.
pub type Allocator = mimalloc::MiMalloc;

/// The allocator of the hub's own programs, which a program sets and a library must not: a sign-in makes some dozens of
/// short-lived pieces, a TLS handshake hundreds, and the system's allocator takes a tenth of all CPU for them.
pub const ALLOCATOR: Allocator = mimalloc::MiMalloc;

/// The cloud side of EnOS on this machine: devices connect, applications call the REST routes.
#[derive(Debug, Parser)]
#[command(name = "mock-hub", version)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run a hub until SIGTERM or SIGINT; prints one JSON line when it accepts connections.
    Serve(Box<Serve>),
    /// Work with seed files.
    Seed {
        /// Print a seed to start from.
        #[arg(long, required = true)]
        example: bool,
    },
}

/// Addresses are `HOST:PORT`; port 0 picks a free one, which the ready line tells.
#[derive(Debug, Args)]
struct Serve {
    /// Plain MQTT for devices.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:11883")]
    mqtt: Address,
    /// MQTT over TLS for devices.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:18883")]
    mqtts: Address,
    /// Plain CoAP (UDP) for devices.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5683")]
    coap: Address,
    /// CoAP over DTLS with pre-shared keys, for devices [default: the port after that of --coap; a free one if that is 0]
    #[cfg(feature = "coaps")]
    #[arg(long, value_name = "ADDR")]
    coaps: Option<Address>,
    /// REST and control routes.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    http: Address,
    /// REST and control routes over TLS.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8443")]
    https: Address,
    /// Keep everything in memory and leave no file behind (the default).
    #[arg(long)]
    memory: bool,
    /// Keep everything in this folder instead; made if need be. What is in it stays beside the seed.
    #[arg(long, value_name = "DIR", conflicts_with = "memory")]
    data: Option<PathBuf>,
    /// Models, products, devices and applications to start with (JSON; see `mock-hub seed --example`).
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
    /// Refuse what the vendor's documents forbid, instead of warning of it.
    #[arg(long)]
    strict: bool,
    /// Write all MQTT and CoAP traffic to this file (pcapng; TLS and DTLS taken off, secrets masked); one that is there is replaced.
    #[arg(long, value_name = "FILE")]
    capture: Option<PathBuf>,
    /// Write the ready line to this file too; it is removed at the end.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Allow addresses that other machines can reach, without --strict.
    #[arg(long)]
    allow_remote: bool,
}

#[cfg(feature = "coaps")]
impl Serve {
    /// Where CoAP over DTLS listens: beside plain CoAP, as 5684 is beside 5683.
    fn coaps(&self) -> Address {
        let beside = self.coap.0.port().checked_add(u16::from(self.coap.0.port() != 0)).unwrap_or(0);
        self.coaps.unwrap_or(Address(std::net::SocketAddr::new(self.coap.0.ip(), beside)))
    }
}

/// Runs a command line; the first argument is the program's name. Ends the process on `--help` and on bad flags.
///
/// A program that links the hub can be a hub's own process with it.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let result = match Command::parse_from(args).verb {
        Verb::Serve(options) => serve::serve(&options),
        Verb::Seed { .. } => ready::print(crate::example_seed()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("mock-hub: {reason}");
            ExitCode::FAILURE
        }
    }
}
