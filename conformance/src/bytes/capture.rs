//! The capture of a loopback, cut into phases.

use std::collections::{BTreeMap, HashSet};
use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, thread};

use super::{Failure, MTU};
use crate::peer::child::Child;
use crate::peer::scratch::Scratch;

/// How long dumpcap may take to begin, and to end.
const PATIENCE: Duration = Duration::from_secs(20);
/// After this long nothing more comes of what was done: four times the longest that TCP holds an ACK back.
const QUIET: Duration = Duration::from_millis(160);
/// The last mark.
const END: &str = "the capture ends here";
/// What is told of each frame.
const FIELDS: [&str; 7] =
    ["ip.len", "udp.srcport", "udp.dstport", "tcp.srcport", "tcp.dstport", "tcp.stream", "udp.payload"];

/// What crossed the wire in a phase. Bytes are those of whole IP packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Datagrams or segments of the device.
    pub sent: u32,
    /// Their bytes.
    pub bytes_sent: u32,
    /// Datagrams or segments of the hub.
    pub received: u32,
    /// Their bytes.
    pub bytes_received: u32,
}

impl Count {
    /// Datagrams or segments both ways.
    pub fn packets(&self) -> u32 {
        self.sent + self.received
    }

    /// Bytes both ways.
    pub fn bytes(&self) -> u32 {
        self.bytes_sent + self.bytes_received
    }
}

/// A capture that runs.
pub(super) struct Capture {
    folder: Scratch,
    dumpcap: Child,
    marks: UdpSocket,
    sink: UdpSocket,
}

impl Capture {
    /// Begins; returns when dumpcap listens.
    pub(super) fn start() -> Result<Self, Failure> {
        let folder = Scratch::new()?;
        let mut command = Command::new("dumpcap");
        command.args(["-q", "-i", "lo", "-f", "tcp or udp", "-w"]).arg(folder.path().join("all.pcapng"));
        let dumpcap = Child::start("dumpcap", &mut command)?;
        let deadline = Instant::now() + PATIENCE;
        // It names its file when it listens; nothing but a look tells.
        while !dumpcap.errors().contains("File:") {
            if Instant::now() > deadline {
                return Err(format!("dumpcap does not begin: {}", dumpcap.errors()).into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        let (marks, sink) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
        marks.connect(sink.local_addr()?)?;
        sink.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { folder, dumpcap, marks, sink })
    }

    /// Does something as a phase of this name, with all that follows of it.
    pub(super) fn phase<T>(
        &self,
        name: &str,
        act: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.mark(name)?;
        let done = act()?;
        self.settle();
        self.mark("-")?;
        Ok(done)
    }

    /// Waits until TCP has acknowledged what it holds back: that is a matter of time alone.
    pub(super) fn settle(&self) {
        thread::sleep(QUIET);
    }

    fn mark(&self, name: &str) -> Result<(), Failure> {
        self.marks.send(name.as_bytes())?;
        let mut room = [0; 64];
        self.sink.recv(&mut room)?;
        Ok(())
    }

    /// Ends and counts, by the names of the phases.
    pub(super) fn end(mut self) -> Result<BTreeMap<String, Count>, Failure> {
        self.mark(END)?;
        let file = self.folder.path().join("all.pcapng");
        let deadline = Instant::now() + PATIENCE;
        // dumpcap writes what it has now and then, and drops what it has not written.
        while !fs::read(&file)?.windows(END.len()).any(|bytes| bytes == END.as_bytes()) {
            if Instant::now() > deadline {
                return Err("dumpcap does not write".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.dumpcap.terminate();
        if !self.dumpcap.ended(PATIENCE)? {
            return Err(format!("dumpcap failed: {}", self.dumpcap.errors()).into());
        }
        let sink = self.sink.local_addr()?.port();
        count(&read(&file)?, sink)
    }
}

/// One frame.
#[derive(Debug)]
struct Frame {
    bytes: u32,
    source: u16,
    target: u16,
    stream: Option<u32>,
    payload: String,
}

fn read(file: &Path) -> Result<Vec<Frame>, Failure> {
    if fs::metadata(file)?.len() == 0 {
        return Err("dumpcap wrote nothing".into());
    }
    let mut command = Command::new("tshark");
    command.args(["-n", "-r"]).arg(file).args(["-T", "fields"]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("tshark: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = String::from_utf8(output.stdout)?;
    text.lines().map(frame).collect()
}

fn frame(line: &str) -> Result<Frame, Failure> {
    let fields: Vec<&str> = line.split('\t').collect();
    let odd = || Failure::from(format!("tshark said {line:?}"));
    let field = |at: usize| fields.get(at).copied().unwrap_or_default();
    let either = |udp: usize, tcp: usize| {
        let text = if field(udp).is_empty() { field(tcp) } else { field(udp) };
        text.parse::<u16>().map_err(|_| odd())
    };
    let bytes = field(0).parse().map_err(|_| odd())?;
    if bytes > MTU {
        return Err(format!("a packet of {bytes} bytes, which no wire would carry: {line:?}").into());
    }
    Ok(Frame {
        bytes,
        source: either(1, 3)?,
        target: either(2, 4)?,
        stream: field(5).parse().ok(),
        payload: field(6).to_owned(),
    })
}

/// Counts by phase. A connection that was there before its phase began is not the phase's, unless it is all there is.
fn count(frames: &[Frame], sink: u16) -> Result<BTreeMap<String, Count>, Failure> {
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let (mut phase, mut before, mut seen) = (String::new(), HashSet::new(), HashSet::new());
    let mut ended = false;
    for frame in frames {
        if frame.target == sink {
            phase = name_of(&frame.payload)?;
            ended |= phase == END;
            before = if phase.ends_with(NEW_ONLY) { seen.clone() } else { HashSet::new() };
            continue;
        }
        seen.extend(frame.stream);
        if phase.is_empty() || phase == "-" || frame.stream.is_some_and(|stream| before.contains(&stream)) {
            continue;
        }
        let count = counts.entry(phase.clone()).or_default();
        if HUB.contains(&frame.target) {
            count.sent += 1;
            count.bytes_sent += frame.bytes;
        } else if HUB.contains(&frame.source) {
            count.received += 1;
            count.bytes_received += frame.bytes;
        }
    }
    if ended { Ok(counts) } else { Err("the capture has no end: frames were lost".into()) }
}

/// The ports of the hub, which are free in a network of its own.
pub(super) const HUB: [u16; 4] = [11_883, 18_883, 5_683, 5_684];
/// The name of a phase that counts connections which begin in it ends so.
pub(super) const NEW_ONLY: &str = "!";

fn name_of(hex: &str) -> Result<String, Failure> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let bytes: Result<Vec<u8>, Failure> =
        digits.chunks(2).map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?)).collect();
    Ok(String::from_utf8(bytes?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_in_their_phase_by_direction() {
        let end: String = END.bytes().map(|byte| format!("{byte:02x}")).collect();
        let lines = [
            "99\t5000\t5683\t\t\t\t61", // before all phases
            "33\t4000\t9\t\t\t\t6e:6f:77",
            "100\t5000\t5683\t\t\t\tff",
            "60\t5683\t5000\t\t\t\tff",
            "31\t4000\t9\t\t\t\t2d",
            "500\t5000\t5683\t\t\t\tff",
            "52\t\t\t5001\t11883\t3\t",
            "31\t4000\t9\t\t\t\t6e65772d21",
            "52\t\t\t5001\t11883\t3\t",
            "40\t\t\t5002\t11883\t4\t",
            &format!("31\t4000\t9\t\t\t\t{end}"),
        ];
        let frames: Vec<Frame> = lines.iter().map(|line| frame(line).unwrap()).collect();
        let counts = count(&frames, 9).unwrap();
        assert_eq!(counts["now"], Count { sent: 1, bytes_sent: 100, received: 1, bytes_received: 60 });
        assert_eq!(counts["new-!"], Count { sent: 1, bytes_sent: 40, received: 0, bytes_received: 0 });
        assert_eq!(counts.len(), 2);
        assert!(count(&frames[..9], 9).is_err());
        assert!(frame("1501\t1\t2\t\t\t\t").is_err());
    }
}
