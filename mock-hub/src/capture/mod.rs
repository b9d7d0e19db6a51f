//! MQTT and CoAP traffic as a pcapng file: what went over each device's connection, with TLS taken off, as TCP over IP,
//! and each CoAP datagram, with DTLS taken off, as UDP over IP.
//!
//! The frames are made up: the bytes are what the socket gave and took, addresses and handshakes are what a capture on
//! the wire would show. The hub's side is port 1883 or 5683, so that readers know MQTT and CoAP without being told. Passwords and device
//! secrets are masked, byte for byte.
//!
//! Each block is written at once and alone, so nothing is held back: memory stays bounded, and a file is whole
//! whenever the hub ends, however it ends. A slow disk slows the devices then, which is the price of losing nothing.

mod cut;
mod datagram;
mod file;
mod frames;
mod redact;
mod stream;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Clock;

use cut::Cutter;
use file::PcapNg;
use frames::{ACK, FIN, PSH, SYN, Segment};
use redact::{Connect, Secrets};
pub(crate) use stream::Tapped;

/// The port of the hub in a capture: the one that readers take for MQTT.
const PORT: u16 = 1883;
/// The port of the hub's CoAP in a capture.
const COAP_PORT: u16 = 5683;
/// Bytes of a segment; a block with it stays well below a page.
const SEGMENT: usize = 1_400;

/// Which interface of the file a connection belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Plain MQTT.
    Plain,
    /// MQTT over TLS, as it is inside.
    Tls,
    /// Plain CoAP.
    Coap,
    /// CoAP over DTLS, as it is inside.
    Coaps,
}

/// A capture under way; connections write into it as they go.
pub(crate) struct Capture {
    path: PathBuf,
    file: Mutex<Result<PcapNg, ()>>,
    clock: Clock,
    connections: AtomicU32,
    /// Told once, when the file cannot be written any more.
    failed: Box<dyn Fn(String) + Send + Sync>,
}

impl Capture {
    /// Starts a file; one that is there is replaced. `failed` hears if writing fails later.
    pub(crate) fn create(
        path: &Path,
        clock: Clock,
        failed: impl Fn(String) + Send + Sync + 'static,
    ) -> io::Result<Arc<Self>> {
        let file = PcapNg::create(path, clock.now_ms())?;
        Ok(Arc::new(Self {
            path: path.to_owned(),
            file: Mutex::new(Ok(file)),
            clock,
            connections: AtomicU32::new(0),
            failed: Box::new(failed),
        }))
    }

    /// Begins a connection from `client` to the hub's `server` address.
    pub(crate) fn connection(self: &Arc<Self>, client: SocketAddr, server: SocketAddr, side: Side) -> Tap {
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        // A client may use one port towards both listeners at the same time: their hubs must not look like one.
        let address = match (side, server.ip()) {
            (Side::Plain | Side::Coap, address) => address,
            (Side::Tls | Side::Coaps, address) => inside(address),
        };
        // A port that is used again must not look like the same connection going on.
        let first = number.wrapping_mul(0x9E37_79B1);
        let mut tap = Tap {
            capture: self.clone(),
            side,
            ends: [End::new(client, first), End::new(SocketAddr::new(address, PORT), first ^ 0x5555_5555)],
            connect: Connect::default(),
            secrets: [Secrets::default(), Secrets::default()],
            cutters: [Cutter::default(), Cutter::default()],
        };
        let comment = format!("connection {number} to {server}");
        tap.segment(CLIENT, SYN, &[], Some(&comment));
        tap.segment(SERVER, SYN | ACK, &[], None);
        tap.segment(CLIENT, ACK, &[], None);
        tap
    }

    /// A CoAP datagram `up` from the peer, or down to it. With `secret` its payload is masked as a whole.
    pub(crate) fn datagram(&self, side: Side, peer: SocketAddr, up: bool, bytes: &[u8], secret: bool) {
        let loopback = match peer.ip() {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        };
        let address = if side == Side::Coaps { inside(loopback) } else { loopback };
        let hub = SocketAddr::new(address, COAP_PORT);
        let (source, target) = if up { (peer, hub) } else { (hub, peer) };
        self.write(side, &frames::datagram(source, target, &datagram::masked(bytes, secret)), None);
    }

    fn write(&self, side: Side, frame: &[u8], comment: Option<&str>) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(open) = &mut *file else { return };
        if let Err(error) = open.packet(side, self.clock.now_ms(), frame, comment) {
            *file = Err(());
            drop(file);
            let path = self.path.display();
            (self.failed)(format!(
                "the capture {path} ends here: {error}. Fix: make room, and start the hub anew"
            ));
        }
    }
}

/// The hub's address for what goes over TLS or DTLS: one that no listener has.
fn inside(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Capture({})", self.path.display())
    }
}

const CLIENT: usize = 0;
const SERVER: usize = 1;

/// One end of a connection: its address and where its stream of bytes is.
struct End {
    address: SocketAddr,
    next: u32,
    finished: bool,
}

impl End {
    fn new(address: SocketAddr, first: u32) -> Self {
        Self { address, next: first, finished: false }
    }
}

/// A connection that is captured; leaving scope ends it in the file too.
pub(crate) struct Tap {
    capture: Arc<Capture>,
    side: Side,
    ends: [End; 2],
    connect: Connect,
    secrets: [Secrets; 2],
    cutters: [Cutter; 2],
}

impl Tap {
    /// The client sent this.
    pub(crate) fn received(&mut self, bytes: &[u8]) {
        // Held back until the CONNECT is whole, since where its password lies shows only then.
        if let Some(mut bytes) = self.connect.pass(bytes) {
            self.data(CLIENT, &mut bytes);
        }
    }

    /// The hub sent this.
    pub(crate) fn sent(&mut self, bytes: &[u8]) {
        self.data(SERVER, &mut bytes.to_vec());
    }

    /// The client ended its stream.
    pub(crate) fn client_finished(&mut self) {
        self.finish(CLIENT);
    }

    /// The hub ended its stream.
    pub(crate) fn hub_finished(&mut self) {
        self.finish(SERVER);
    }

    fn data(&mut self, from: usize, bytes: &mut [u8]) {
        self.secrets[from].mask(bytes);
        let mut cutter = std::mem::take(&mut self.cutters[from]);
        cutter.cut(bytes, |segment| self.segment(from, PSH | ACK, segment, None));
        self.cutters[from] = cutter;
    }

    fn finish(&mut self, from: usize) {
        if from == CLIENT
            && let Some(mut rest) = self.connect.give_up()
        {
            self.data(CLIENT, &mut rest);
        }
        let rest = self.cutters[from].rest();
        if !rest.is_empty() {
            self.segment(from, PSH | ACK, &rest, None);
        }
        if !std::mem::replace(&mut self.ends[from].finished, true) {
            self.segment(from, FIN | ACK, &[], None);
            self.segment(1 - from, ACK, &[], None);
        }
    }

    fn segment(&mut self, from: usize, flags: u8, data: &[u8], comment: Option<&str>) {
        let (source, target) = (&self.ends[from], &self.ends[1 - from]);
        let segment = Segment {
            source: source.address,
            target: target.address,
            sequence: source.next,
            acknowledged: if flags & ACK != 0 { target.next } else { 0 },
            flags,
            data,
        };
        self.capture.write(self.side, &segment.frame(), comment);
        let length = data.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.ends[from].next = self.ends[from].next.wrapping_add(length);
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.finish(SERVER);
        self.finish(CLIENT);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_ends_the_capture_with_one_line_and_harms_no_connection() {
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = said.clone();
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let capture = Arc::new(Capture {
            path: "/dev/full".into(),
            file: Mutex::new(Ok(PcapNg::over(full))),
            clock: Clock::manual(0),
            connections: AtomicU32::new(0),
            failed: Box::new(move |text| heard.lock().unwrap().push(text)),
        });
        for _ in 0..2 {
            let address = "127.0.0.1:1".parse().unwrap();
            let mut tap = capture.connection(address, address, Side::Plain);
            tap.received(b"\xC0\x00");
            tap.sent(b"\xD0\x00");
        }
        let said = said.lock().unwrap();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("the capture /dev/full ends here: No space left"), "{said:?}");
    }
}
