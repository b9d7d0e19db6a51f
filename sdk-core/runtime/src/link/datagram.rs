//! Datagrams: a connected UDP socket, in clear or through DTLS.

#[cfg(feature = "coaps")]
use super::dtls::Session;
use super::{Down, Received, Wire, blocking_is_zero, retry};
use crate::doctor::Cause;
use enos_core::LinkFault;
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// The largest datagram that is read. CoAP keeps within 1,280 bytes where the path is not known (RFC 7252 §4.6), and
/// DTLS adds some thirty.
pub(crate) const LARGEST: usize = 2_048;

/// So many datagrams that hold nothing for the caller are passed over in one read; a flood must end somewhere.
const PASSED_OVER: usize = 32;

/// How many links over which nothing was ever heard have ended. UDP does not say which address of a host is alive, so
/// each such end lets the next dial begin with the next address.
pub(crate) type Unheard = Arc<AtomicUsize>;

/// A way to the hub on which CoAP flows.
pub(crate) struct Datagrams {
    socket: UdpSocket,
    #[cfg(feature = "coaps")]
    dtls: Option<Box<Session>>,
    /// Something has come from the hub since the link stands.
    heard: bool,
    /// Datagrams that were dropped here: too large, or nothing that DTLS could make sense of.
    dropped: u64,
    /// In clear; a session counts its own.
    wire: Wire,
    unheard: Unheard,
}

impl Datagrams {
    /// In clear over a connected socket.
    pub(crate) fn plain(socket: UdpSocket, unheard: Unheard) -> Self {
        Self {
            socket,
            #[cfg(feature = "coaps")]
            dtls: None,
            heard: false,
            dropped: 0,
            wire: Wire::default(),
            unheard,
        }
    }

    /// Through a session whose handshake is done; the peer has been heard then.
    #[cfg(feature = "coaps")]
    pub(crate) fn secured(socket: UdpSocket, session: Box<Session>, unheard: Unheard) -> Self {
        let mut link = Self::plain(socket, unheard);
        link.dtls = Some(session);
        link.heard = true;
        link
    }

    pub(crate) fn watch(&mut self, registry: &Registry, token: usize, blocked: bool) -> io::Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        let interest = if blocked { both } else { Interest::READABLE };
        registry.register(&mut self.socket, Token(token), interest)
    }

    pub(crate) fn watch_room(&mut self, registry: &Registry, token: usize) -> io::Result<()> {
        registry.reregister(&mut self.socket, Token(token), Interest::READABLE | Interest::WRITABLE)
    }

    pub(crate) fn unwatch(&mut self, registry: &Registry) {
        let _ = registry.deregister(&mut self.socket);
    }

    /// Sends one datagram, or nothing if the socket is full.
    pub(crate) fn write(&mut self, datagram: &[u8]) -> Result<usize, Down> {
        #[cfg(feature = "coaps")]
        if let Some(session) = &mut self.dtls {
            return session.write(&self.socket, datagram);
        }
        // UDP takes all of it or nothing.
        let sent = blocking_is_zero(|| self.socket.send(datagram)).map_err(|error| lost(&error))?;
        if sent > 0 {
            self.wire.sent(sent);
        }
        Ok(sent)
    }

    /// Sends the record that is held; false if the socket is full.
    pub(crate) fn flush(&mut self) -> Result<bool, Down> {
        #[cfg(feature = "coaps")]
        if let Some(session) = &mut self.dtls {
            return session.flush(&self.socket);
        }
        Ok(true)
    }

    /// Reads one datagram. What is larger than the buffer, or than any that CoAP allows, is dropped and counted.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<Received, Down> {
        // One byte more than is taken: a datagram that fills it was cut by the socket.
        let mut block = [0; LARGEST + 1];
        for _ in 0..PASSED_OVER {
            #[cfg(feature = "coaps")]
            if let Some(session) = &mut self.dtls
                && let Some(datagram) = session.next()?
            {
                match buffer.get_mut(..datagram.len()) {
                    Some(room) => {
                        room.copy_from_slice(&datagram);
                        return Ok(Received { count: datagram.len(), more: true });
                    }
                    None => self.drop_one("a message larger than the receive buffer"),
                }
                continue;
            }
            let datagram = match retry(|| self.socket.recv(&mut block)) {
                Ok(count) if count <= LARGEST => block.get(..count).unwrap_or_default(),
                Ok(_) => {
                    self.drop_one("a datagram larger than any that CoAP allows");
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Received { count: 0, more: false });
                }
                Err(error) => return Err(lost(&error)),
            };
            #[cfg(feature = "coaps")]
            if let Some(session) = &mut self.dtls {
                if !session.take(&self.socket, datagram)? {
                    self.drop_one(
                        "a datagram that is no record of this DTLS session, or one that came before",
                    );
                }
                continue;
            }
            self.wire.received(datagram.len());
            match buffer.get_mut(..datagram.len()) {
                Some(room) if !room.is_empty() => {
                    room.copy_from_slice(datagram);
                    self.heard = true;
                    return Ok(Received { count: datagram.len(), more: true });
                }
                Some(_) => self.drop_one("an empty datagram"),
                None => self.drop_one("a datagram larger than the receive buffer"),
            }
        }
        Ok(Received { count: 0, more: true })
    }

    fn drop_one(&mut self, what: &str) {
        self.dropped += 1;
        log::debug!("{what} was dropped, the {}. on this connection", self.dropped);
    }

    pub(crate) fn wire(&self) -> Wire {
        #[cfg(feature = "coaps")]
        if let Some(session) = &self.dtls {
            return session.wire();
        }
        self.wire
    }

    /// When DTLS wants its turn: after a handshake that is only in answer to what its peer repeats.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        #[cfg(feature = "coaps")]
        if let Some(session) = &self.dtls {
            return session.deadline();
        }
        None
    }

    pub(crate) fn on_time(&mut self, now: Instant) -> Result<(), Down> {
        #[cfg(feature = "coaps")]
        if let Some(session) = &mut self.dtls {
            return session.on_time(&self.socket, now);
        }
        let _ = now;
        Ok(())
    }

    /// Says goodbye, if DTLS is spoken; plain UDP has nothing to say.
    pub(crate) fn hang_up(mut self, registry: &Registry) {
        self.unwatch(registry);
        #[cfg(feature = "coaps")]
        if let Some(session) = &mut self.dtls {
            session.close(&self.socket);
        }
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        if !self.heard {
            self.unheard.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The socket is of no use any more.
///
/// A connected socket reports what routers and the peer's system say (ICMP): port closed, host or network out of reach.
pub(crate) fn lost(error: &io::Error) -> Down {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            let text = "the hub's host says that nobody listens on this UDP port";
            Down::new(LinkFault::Connect, text).because(Cause::ConnectionRefused)
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
            Down::new(LinkFault::Lost, format!("the hub is out of reach: {error}"))
                .because(Cause::Unreachable)
        }
        _ => Down::new(LinkFault::Lost, format!("the UDP socket failed: {error}")),
    }
}

#[cfg(test)]
impl Datagrams {
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn local(&self) -> std::net::SocketAddr {
        self.socket.local_addr().unwrap()
    }

    pub(crate) fn peer(&self) -> std::net::SocketAddr {
        self.socket.peer_addr().unwrap()
    }
}
