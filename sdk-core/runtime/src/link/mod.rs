//! An established link to the hub: a stream of bytes over TCP or TLS, or datagrams over UDP or DTLS.
//!
//! Owns what is said over a socket that stands, without blocking. Refuses to bring one up ([`dial`](crate::dial) does)
//! and to decide what follows its end (the engine does).

mod datagram;
#[cfg(feature = "coaps")]
mod dtls;
mod stream;

pub(crate) use datagram::{Datagrams, Unheard};
#[cfg(feature = "coaps")]
pub(crate) use datagram::{LARGEST, lost};
#[cfg(all(test, feature = "coaps"))]
pub(crate) use dtls::server as dtls_server;
#[cfg(feature = "coaps")]
pub(crate) use dtls::{Session as DtlsSession, silent};
pub(crate) use stream::Stream;

use crate::doctor::Cause;
use enos_core::LinkFault;
use mio::Registry;
use std::io;
use std::time::Instant;

/// Why there is no link, or none any more: what the engine is told, and the text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Down {
    pub(crate) fault: LinkFault,
    /// Thing and cause; empty if the fault says it all.
    pub(crate) text: String,
    /// What exactly it was, where that is known.
    pub(crate) cause: Option<Cause>,
}

impl Down {
    pub(crate) fn new(fault: LinkFault, text: impl Into<String>) -> Self {
        Self { fault, text: text.into(), cause: None }
    }

    /// Names the exact cause.
    pub(crate) fn because(mut self, cause: Cause) -> Self {
        self.cause = Some(cause);
        self
    }
}

/// The first bytes that a peer says, enough to tell what it speaks.
pub(crate) type First = [u8; 5];

/// What went over the wire as UDP payload, DTLS and its handshake included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wire {
    pub(crate) datagrams_sent: u64,
    pub(crate) datagrams_received: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
    /// Time spent in handshakes.
    pub(crate) handshake_ms: u64,
}

impl Wire {
    pub(crate) fn add(&mut self, other: &Self) {
        self.datagrams_sent += other.datagrams_sent;
        self.datagrams_received += other.datagrams_received;
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.handshake_ms += other.handshake_ms;
    }

    fn sent(&mut self, bytes: usize) {
        self.datagrams_sent += 1;
        self.bytes_sent += bytes as u64;
    }

    fn received(&mut self, bytes: usize) {
        self.datagrams_received += 1;
        self.bytes_received += bytes as u64;
    }
}

/// A way to the hub that stands.
pub(crate) enum Link {
    /// MQTT flows over it.
    Stream(Stream),
    /// CoAP does: each read and each write is one datagram.
    Datagrams(Datagrams),
}

impl Link {
    /// Whether something may have come by the time the link is handed over, which then gives no event.
    pub(crate) fn may_hold_bytes(&self) -> bool {
        match self {
            Self::Stream(stream) => stream.is_tls(),
            Self::Datagrams(_) => true,
        }
    }

    /// Reports what comes, and room if `blocked`: a new socket has room, and nobody needs to wake for that.
    pub(crate) fn watch(&mut self, registry: &Registry, token: usize, blocked: bool) -> io::Result<()> {
        match self {
            Self::Stream(stream) => stream.watch(registry, token, blocked),
            Self::Datagrams(datagrams) => datagrams.watch(registry, token, blocked),
        }
    }

    /// Reports room as well from now on; at once if there is some by now.
    pub(crate) fn watch_room(&mut self, registry: &Registry, token: usize) -> io::Result<()> {
        match self {
            Self::Stream(stream) => stream.watch_room(registry, token),
            Self::Datagrams(datagrams) => datagrams.watch_room(registry, token),
        }
    }

    pub(crate) fn unwatch(&mut self, registry: &Registry) {
        match self {
            Self::Stream(stream) => stream.unwatch(registry),
            Self::Datagrams(datagrams) => datagrams.unwatch(registry),
        }
    }

    /// The poller says that the peer's side is shut, or the socket broken.
    pub(crate) fn note_end(&mut self) {
        match self {
            Self::Stream(stream) => stream.note_end(),
            // UDP has no end; the error that the poller means is what the next read returns.
            Self::Datagrams(_) => {}
        }
    }

    /// Takes as many of the bytes as the socket lets in; 0 if it is full. Of datagrams all or none. What is encrypted
    /// may be held until [`flush`](Self::flush).
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<usize, Down> {
        match self {
            Self::Stream(stream) => stream.write(bytes),
            Self::Datagrams(datagrams) => datagrams.write(bytes),
        }
    }

    /// Sends what is held; false if the socket is full.
    pub(crate) fn flush(&mut self) -> Result<bool, Down> {
        match self {
            Self::Stream(stream) => stream.flush(),
            Self::Datagrams(datagrams) => datagrams.flush(),
        }
    }

    /// Reads what has come, at most a buffer full; of datagrams one. `more` tells whether another read may find
    /// something.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<Received, Down> {
        match self {
            Self::Stream(stream) => stream.read(buffer),
            Self::Datagrams(datagrams) => datagrams.read(buffer),
        }
    }

    /// The first bytes that came from the hub; zeroes where none came.
    pub(crate) fn first(&self) -> First {
        match self {
            Self::Stream(stream) => stream.first(),
            Self::Datagrams(_) => First::default(),
        }
    }

    /// What went over the wire so far; nothing for a stream.
    pub(crate) fn wire(&self) -> Wire {
        match self {
            Self::Stream(_) => Wire::default(),
            Self::Datagrams(datagrams) => datagrams.wire(),
        }
    }

    /// When [`on_time`](Self::on_time) is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Stream(_) => None,
            Self::Datagrams(datagrams) => datagrams.deadline(),
        }
    }

    /// Does what the link's own clock asks for.
    pub(crate) fn on_time(&mut self, now: Instant) -> Result<(), Down> {
        match self {
            Self::Stream(_) => Ok(()),
            Self::Datagrams(datagrams) => datagrams.on_time(now),
        }
    }

    /// Says goodbye as far as that needs no waiting.
    pub(crate) fn hang_up(self, registry: &Registry) {
        match self {
            Self::Stream(stream) => stream.hang_up(registry),
            Self::Datagrams(datagrams) => datagrams.hang_up(registry),
        }
    }
}

/// What a read brought.
pub(crate) struct Received {
    pub(crate) count: usize,
    pub(crate) more: bool,
}

fn retry<T>(mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match act() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

fn blocking_is_zero(act: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    match retry(act) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        done => done,
    }
}
