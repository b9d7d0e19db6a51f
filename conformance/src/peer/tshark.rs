//! What tshark, a third party, says of recorded traffic.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// What is odd to it: what it cannot decode, what does not fit together, and bytes on the ports of MQTT and CoAP that are
/// neither.
/// A packet that a broken link cut short is not odd: it ends with its stream.
const ODD: &str = "_ws.malformed || tcp.checksum.status == 0 || udp.checksum.status == 0 || ip.checksum.status == 0 || \
                   (udp.port == 5683 && !coap) || \
                   (tcp.payload && tcp.port == 1883 && !mqtt && !tcp.segment_data && !tcp.segment)";

/// What it says of Request-Tag (RFC 9175), which releases before 4.2 do not know and take for malformed.
const NEW_OPTION: &str = "Invalid Option Number 292";

/// Whether it is installed.
pub fn is_here() -> bool {
    let mut version = Command::new("tshark");
    version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

/// Reads a capture: the number of frames that hold MQTT or CoAP, and a line for each frame that is odd.
///
/// # Errors
/// tshark cannot be run, or cannot read the file.
pub fn read(capture: &Path) -> io::Result<(usize, Vec<String>)> {
    let filter = format!("mqtt || coap || {ODD}");
    let output = Command::new("tshark")
        .args(["-n", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"])
        .args(["-o", "ip.check_checksum:TRUE", "-r"])
        .arg(capture)
        .args([
            "-Y",
            &filter,
            "-T",
            "fields",
            "-e",
            "frame.number",
            "-e",
            "_ws.malformed",
            "-e",
            "mqtt",
            "-e",
            "coap",
        ])
        .args(["-e", "_ws.expert.message", "-e", "_ws.col.Info"])
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || said.contains("cut short") {
        return Err(io::Error::other(format!("tshark cannot read {}: {said}", capture.display())));
    }
    let (mut count, mut odd) = (0, Vec::new());
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let is = |at: usize| fields.get(at).is_some_and(|field| !field.is_empty());
        let is_new = fields.get(4) == Some(&NEW_OPTION);
        if !is_new && (is(1) || !(is(2) || is(3))) {
            odd.push(format!("frame {}", fields.join(" ")));
        } else {
            count += 1;
        }
    }
    Ok((count, odd))
}
