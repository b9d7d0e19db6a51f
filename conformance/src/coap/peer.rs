//! A CoAP peer on a UDP socket of loopback: sends exactly what it is told and shows what comes.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::message::{Kind, Message};

/// Longest wait for a datagram that has to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A socket; a server of tests if it was not connected.
#[derive(Debug)]
pub struct Peer {
    socket: UdpSocket,
    /// Whom it talks to: whom it was connected to, or who spoke last.
    other: Option<SocketAddr>,
}

impl Peer {
    /// A peer of this address, on a free port.
    ///
    /// # Errors
    /// There is no free port.
    pub fn to(other: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(("127.0.0.1", 0))?;
        socket.connect(other)?;
        Ok(Self { socket, other: Some(other) })
    }

    /// A peer that waits for others, on a free port.
    ///
    /// # Errors
    /// There is no free port.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { socket: UdpSocket::bind(("127.0.0.1", 0))?, other: None })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Who spoke last.
    #[must_use]
    pub fn other(&self) -> Option<SocketAddr> {
        self.other
    }

    /// Sends a datagram as it is.
    ///
    /// # Errors
    /// Nobody is there to send it to, or the system does not take it.
    pub fn send_bytes(&self, datagram: &[u8]) -> io::Result<()> {
        let other = self.other.ok_or_else(|| io::Error::other("nobody has spoken yet"))?;
        let sent = match self.socket.peer_addr() {
            Ok(_) => self.socket.send(datagram),
            Err(_) => self.socket.send_to(datagram, other),
        };
        sent.map(drop)
    }

    /// Sends a message.
    ///
    /// # Errors
    /// As [`send_bytes`](Self::send_bytes).
    pub fn send(&self, message: &Message) -> io::Result<()> {
        self.send_bytes(&message.bytes())
    }

    /// The next datagram within a time; none if none comes.
    ///
    /// # Errors
    /// The socket is broken; a port that nobody listens at says nothing here.
    pub fn datagram(&mut self, within: Duration) -> io::Result<Option<Vec<u8>>> {
        let until = Instant::now() + within;
        let mut buffer = [0; 2048];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.socket.set_read_timeout(Some(left))?;
            match self.socket.recv_from(&mut buffer) {
                Ok((count, from)) => {
                    self.other = Some(from);
                    return Ok(Some(buffer[..count].to_vec()));
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next message within a time; none if none comes.
    ///
    /// # Errors
    /// The socket is broken, or what came is no CoAP.
    pub fn message(&mut self, within: Duration) -> io::Result<Option<Message>> {
        let Some(datagram) = self.datagram(within)? else { return Ok(None) };
        let message = Message::parse(&datagram);
        message.map(Some).map_err(|bad| io::Error::other(format!("{bad:?}: no CoAP: {datagram:02x?}")))
    }

    /// The next message, which has to come.
    ///
    /// # Errors
    /// None comes in time, or no CoAP.
    pub fn take(&mut self) -> io::Result<Message> {
        let message = self.message(PATIENCE)?;
        message.ok_or_else(|| io::Error::new(io::ErrorKind::TimedOut, "no datagram came"))
    }

    /// Sends a message and gives the next one that comes.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn ask(&mut self, message: &Message) -> io::Result<Message> {
        self.send(message)?;
        self.take()
    }

    /// What the other side says before it answers a ping: what it has not answered by then, it ignored, since it reads
    /// datagrams in their order. `id` must be new.
    ///
    /// # Errors
    /// The ping is not answered.
    pub fn until_pong(&mut self, id: u16) -> io::Result<Vec<Message>> {
        self.send(&Message::empty(Kind::Con, id))?;
        let pong = Message::empty(Kind::Rst, id);
        let mut before = Vec::new();
        loop {
            let came = self.take()?;
            if came == pong {
                return Ok(before);
            }
            before.push(came);
        }
    }
}
