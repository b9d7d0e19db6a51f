//! What a post costs on the wire, by transport: one device, one post at a time, all that crosses the loopback of a network
//! of its own captured by dumpcap, read by tshark and counted with its IP, UDP and TCP headers.
//!
//! The network is a namespace made by `unshare`: nothing else is in the capture, and a segment is at most 1,500 bytes as
//! on Ethernet. Phases are told apart by datagrams that carry their names.

mod capture;
mod device;
mod table;

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub use capture::Count;
pub use table::{Row, Table};

use crate::peer::child::{Child, Silence};

/// Any failure; its text is all that is needed.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long the whole of it may take.
const LIMIT: Duration = Duration::from_secs(120);
/// The largest segment or datagram of the network.
const MTU: u32 = 1_500;

/// Whether what it needs is installed.
pub fn is_here() -> bool {
    ["dumpcap", "tshark"].iter().all(|tool| {
        let mut version = Command::new(tool);
        version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    })
}

/// Measures in a network of its own; `program` is `byte-table`, which calls [`inside`] there.
///
/// # Errors
/// No namespace can be made, or something failed in it; the text says what.
pub fn measure(program: &Path) -> Result<Table, Failure> {
    // Loopback would join segments that a wire would not.
    let script = format!("ip link set lo mtu {MTU} gso_max_segs 1 up && exec \"$0\" inside");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net", "--kill-child", "--fork", "sh", "-c", &script]).arg(program);
    let mut child = Child::start("byte-table", &mut command)?;
    child.end_input();
    let until = Instant::now() + LIMIT;
    let mut lines = Vec::new();
    loop {
        match child.line(until) {
            Ok(line) => lines.push(line),
            Err(Silence::Ended) => break,
            Err(Silence::Late) => {
                return Err(format!("no table within {LIMIT:?}: {}", child.errors()).into());
            }
        }
    }
    if !child.ended(LIMIT)? {
        return Err(io::Error::other(format!("byte-table failed: {}", child.errors())).into());
    }
    Table::read(&lines.join("\n")).ok_or_else(|| format!("no table: {lines:#?}").into())
}

/// Measures in this network, which is to be of its own.
///
/// # Errors
/// The capture, the hub or the device failed.
pub fn inside() -> Result<Table, Failure> {
    let capture = capture::Capture::start()?;
    device::live(&capture)?;
    let counts = capture.end()?;
    table::of(&counts)
}
