//! Links between devices and the hub: byte pipes with a window and delays, and a hand that spoils packets.
//!
//! Pure values; `run` keeps the agenda and moves what arrives.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use mock_hub::bare::Connection;

use super::faults::Kind;
use super::packet::{self, Framer};
use super::rng::Rng;

/// Names a link; one for each dial.
pub(super) type LinkId = u32;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// From the device to the hub.
    Up,
    /// From the hub to the device.
    Down,
}

/// Says that there is news, until it is asked.
#[derive(Debug, Default)]
pub(super) struct Flag(AtomicBool);

impl Flag {
    pub(super) fn pair() -> (Arc<Self>, Waker) {
        let flag = Arc::new(Self(AtomicBool::new(true)));
        (flag.clone(), flag.into())
    }

    pub(super) fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.raise();
    }
}

/// How the bytes of one way are carried.
#[derive(Debug)]
pub(super) struct Pipe {
    /// Bytes that may be under way at once.
    pub(super) window: usize,
    pub(super) in_flight: usize,
    /// When the last byte arrives; none overtakes another.
    pub(super) last_due: u64,
    pub(super) latency: (u64, u64),
    /// Until then bytes come in small pieces.
    pub(super) slices_until: u64,
    /// Bytes a second, until when.
    pub(super) rate: Option<(u64, u64)>,
    /// The link breaks behind so many more bytes.
    pub(super) cut_after: Option<usize>,
    /// Packets on their way to the pipe, spoilt already.
    pub(super) waiting: Vec<u8>,
    /// Arrived, but not yet taken by the far end.
    pub(super) arrived: VecDeque<u8>,
    pub(super) spoiler: Spoiler,
    /// The packets that the sender wrote, and those that the far end read.
    pub(super) written: Framer,
    pub(super) read: Framer,
}

impl Pipe {
    fn new(now: u64) -> Self {
        Self {
            window: 64 * 1024,
            in_flight: 0,
            last_due: now,
            latency: (1, 30),
            slices_until: 0,
            rate: None,
            cut_after: None,
            waiting: Vec::new(),
            arrived: VecDeque::new(),
            spoiler: Spoiler::default(),
            written: Framer::default(),
            read: Framer::default(),
        }
    }

    /// How many of `count` bytes the pipe takes now.
    pub(super) fn room(&self, count: usize) -> usize {
        count.min(self.window.saturating_sub(self.in_flight))
    }

    /// Puts bytes under way; gives the pieces and when each arrives.
    pub(super) fn carry(&mut self, now: u64, rng: &mut Rng, bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
        self.in_flight += bytes.len();
        let mut pieces = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let most = if now < self.slices_until { 1 + rng.below(4) } else { rest.len() };
            let (piece, behind) = rest.split_at(most.min(rest.len()));
            rest = behind;
            let mut due = self.last_due.max(now + rng.between(self.latency.0, self.latency.1));
            if let Some((rate, until)) = self.rate
                && now < until
            {
                due += 1 + piece.len() as u64 * 1_000 / rate;
            }
            self.last_due = due;
            pieces.push((due, piece.to_vec()));
        }
        pieces
    }
}

/// Which packet a spoiler waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pick {
    Any,
    /// A reply to a post.
    PostReply,
    /// The activation message.
    Activation,
}

impl Pick {
    fn takes(self, packet: &[u8]) -> bool {
        let Some(publish) = packet::publish(packet) else { return self == Self::Any };
        match self {
            Self::Any => true,
            Self::PostReply => publish.topic.ends_with("/measurepoint/post_reply"),
            Self::Activation => publish.is_activation(),
        }
    }
}

/// Spoils single packets of a stream, in the order in which that was asked for.
#[derive(Debug, Default)]
pub(super) struct Spoiler {
    armed: VecDeque<(Kind, Pick)>,
    held: Vec<u8>,
    /// Bytes of the packet under way that pass as they are.
    passing: usize,
    /// Goes behind the next packet.
    behind: Option<Vec<u8>>,
}

impl Spoiler {
    pub(super) fn arm(&mut self, kind: Kind, pick: Pick) {
        self.armed.push_back((kind, pick));
    }

    pub(super) fn disarm(&mut self) {
        self.armed.clear();
    }

    /// Passes bytes on to `out`; gives the faults that took effect.
    pub(super) fn pass(&mut self, rng: &mut Rng, bytes: &[u8], out: &mut Vec<u8>) -> Vec<Kind> {
        let mut done = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.passing > 0 {
                let (now, later) = rest.split_at(self.passing.min(rest.len()));
                out.extend_from_slice(now);
                self.passing -= now.len();
                rest = later;
                continue;
            }
            self.held.push(rest[0]);
            rest = &rest[1..];
            let length = match packet_length(&self.held) {
                Ok(Some(length)) => length,
                Ok(None) => continue,
                Err(()) => {
                    // No packet: nothing to find in what follows.
                    out.append(&mut self.held);
                    self.passing = usize::MAX;
                    continue;
                }
            };
            let missing = length - self.held.len();
            if self.armed.is_empty() && self.behind.is_none() {
                out.append(&mut self.held);
                self.passing = missing;
                continue;
            }
            let (now, later) = rest.split_at(missing.min(rest.len()));
            self.held.extend_from_slice(now);
            rest = later;
            if self.held.len() == length {
                let packet = std::mem::take(&mut self.held);
                done.extend(self.spoil(rng, packet, out));
            }
        }
        done
    }

    fn spoil(&mut self, rng: &mut Rng, mut packet: Vec<u8>, out: &mut Vec<u8>) -> Option<Kind> {
        if let Some(behind) = self.behind.take() {
            out.append(&mut packet);
            out.extend_from_slice(&behind);
            return Some(Kind::Reorder);
        }
        let at = self.armed.iter().position(|(_, pick)| pick.takes(&packet));
        let Some((kind, _)) = at.and_then(|at| self.armed.remove(at)) else {
            out.append(&mut packet);
            return None;
        };
        match kind {
            Kind::Drop | Kind::ReplyLost => {}
            Kind::Duplicate | Kind::ActivationTwice => {
                out.extend_from_slice(&packet);
                out.append(&mut packet);
            }
            Kind::Reorder => {
                self.behind = Some(packet);
                return None;
            }
            Kind::Corrupt => corrupt(rng, packet, out),
            Kind::ReplyUnknown => out.extend(rewritten(packet, "\"id\":\"", |id| {
                // As long as before, so that no length changes.
                for byte in id.iter_mut() {
                    *byte = b'9' - (*byte - b'0').min(9);
                }
            })),
            Kind::ReplyCode => {
                let code: &[u8; 3] = rng.pick(&[b"429", b"705", b"500"]);
                if let Some(at) = find(&packet, b"\"code\":200") {
                    packet[at + 7..at + 10].copy_from_slice(code);
                }
                out.append(&mut packet);
            }
            _ => out.append(&mut packet),
        }
        Some(kind)
    }
}

fn packet_length(bytes: &[u8]) -> Result<Option<usize>, ()> {
    let mut length = 0;
    for at in 0..4 {
        let Some(byte) = bytes.get(1 + at) else { return Ok(None) };
        length |= usize::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(Some(2 + at + length));
        }
    }
    Err(())
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).rposition(|part| part == wanted)
}

/// Changes the digits that follow `mark`, if it is there.
fn rewritten(mut packet: Vec<u8>, mark: &str, change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    if let Some(at) = find(&packet, mark.as_bytes()) {
        let from = at + mark.len();
        let digits = packet[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        change(&mut packet[from..from + digits]);
    }
    packet
}

/// Breaks a packet so that it can no longer be taken for one that somebody meant.
fn corrupt(rng: &mut Rng, mut packet: Vec<u8>, out: &mut Vec<u8>) {
    match rng.below(4) {
        0 => packet[0] = 0xF0,
        1 => packet[0] = 0x00,
        2 => {
            packet.truncate(1);
            packet.extend([0xFF; 5]);
        }
        // The end of the JSON, where there is any.
        _ if packet::publish(&packet).is_some_and(|publish| publish.payload.ends_with(b"}")) => {
            let last = packet.len() - 1;
            packet[last] = b'x';
        }
        _ => packet[0] |= 0x0F,
    }
    out.append(&mut packet);
}

/// One dial of a device and what came of it.
pub(super) struct Link {
    pub(super) client: usize,
    /// The hub's end.
    pub(super) hub: Option<Connection>,
    pub(super) flag: Arc<Flag>,
    pub(super) waker: Waker,
    /// The device holds its end.
    pub(super) device_end: bool,
    /// Nothing arrives any more.
    pub(super) dead: bool,
    /// CONNACK and all behind it wait so long.
    pub(super) hold_connack_ms: u64,
    pub(super) up: Pipe,
    pub(super) down: Pipe,
}

impl Link {
    pub(super) fn new(client: usize, hub: Connection, now: u64) -> Self {
        let (flag, waker) = Flag::pair();
        Self {
            client,
            hub: Some(hub),
            flag,
            waker,
            device_end: true,
            dead: false,
            hold_connack_ms: 0,
            up: Pipe::new(now),
            down: Pipe::new(now),
        }
    }

    pub(super) fn pipe(&mut self, way: Way) -> &mut Pipe {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(kind: Option<(Kind, Pick)>, cut: usize, stream: &[u8]) -> (Vec<u8>, Vec<Kind>) {
        let (mut spoiler, mut rng, mut out) = (Spoiler::default(), Rng::new(1), Vec::new());
        if let Some((kind, pick)) = kind {
            spoiler.arm(kind, pick);
        }
        let mut done = spoiler.pass(&mut rng, &stream[..cut], &mut out);
        done.extend(spoiler.pass(&mut rng, &stream[cut..], &mut out));
        (out, done)
    }

    #[test]
    fn a_spoiler_hits_one_packet_and_leaves_the_rest_as_it_is() {
        let (ping, ack) = ([0xC0, 0], [0x40, 2, 0, 7]);
        let reply = b"\x30\x3e\x00\x20/sys/p/d/thing/measurepoint/post_reply{\"id\":\"12\",\"code\":200}";
        let mut reply = reply.to_vec();
        let topic = "/sys/p/d/thing/measurepoint/post_reply";
        reply.splice(0..4, [0x30, (2 + topic.len() + 22) as u8, 0, topic.len() as u8]);
        let stream = [&ping[..], &ack, &reply].concat();
        for cut in 0..=stream.len() {
            assert_eq!(passed(None, cut, &stream), (stream.clone(), vec![]));
            assert_eq!(passed(Some((Kind::Drop, Pick::Any)), cut, &stream).0, [&ack[..], &reply].concat());
            let twice = [&ping[..], &stream].concat();
            assert_eq!(passed(Some((Kind::Duplicate, Pick::Any)), cut, &stream).0, twice);
            let swapped = [&ack[..], &ping, &reply].concat();
            assert_eq!(
                passed(Some((Kind::Reorder, Pick::Any)), cut, &stream),
                (swapped, vec![Kind::Reorder])
            );
            let (out, done) = passed(Some((Kind::ReplyUnknown, Pick::PostReply)), cut, &stream);
            assert_eq!((out.len(), done), (stream.len(), vec![Kind::ReplyUnknown]));
            assert!(find(&out, b"\"id\":\"87\"").is_some());
            let (out, _) = passed(Some((Kind::ReplyCode, Pick::PostReply)), cut, &stream);
            assert!(find(&out, b"\"code\":200").is_none() && out.len() == stream.len());
        }
    }
}
