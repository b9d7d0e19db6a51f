//! A stream: non-blocking bytes over TCP, in clear or through TLS.

use super::{Down, First, Received, blocking_is_zero, retry};
use crate::doctor::Cause;
use crate::os::socket::SHORT_READ_MEANS_EMPTY;
use crate::tls::{explain, explain_io};
use enos_core::LinkFault;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::ClientConnection;
use std::io::{self, Read, Write};
use std::net::Shutdown;

/// So many reads empty the socket of a link that is given up; a hub may send on without end.
const READS_AT_END: usize = 32;

/// A connection to the hub, over which MQTT flows.
pub(crate) struct Stream {
    stream: TcpStream,
    tls: Option<Box<Session>>,
    /// Bytes have come from the hub.
    heard: bool,
    /// The first of them.
    first: First,
    /// The hub has shut its side: read to the end, whatever a short read may mean otherwise.
    to_the_end: bool,
}

struct Session {
    tls: ClientConnection,
    host: String,
    certificate_shown: bool,
    /// The last read emptied the socket.
    drained: bool,
}

impl Stream {
    pub(crate) fn new(
        stream: TcpStream,
        tls: Option<ClientConnection>,
        host: &str,
        certificate_shown: bool,
    ) -> Self {
        let tls = tls
            .map(|tls| Box::new(Session { tls, host: host.to_owned(), certificate_shown, drained: false }));
        Self { stream, tls, heard: false, first: First::default(), to_the_end: false }
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Reports what comes, and room if `blocked`: a new socket has room, and nobody needs to wake for that.
    pub(crate) fn watch(&mut self, registry: &Registry, token: usize, blocked: bool) -> io::Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        let interest = if blocked { both } else { Interest::READABLE };
        registry.register(&mut self.stream, Token(token), interest)
    }

    /// Reports room as well from now on; at once if there is some by now.
    pub(crate) fn watch_room(&mut self, registry: &Registry, token: usize) -> io::Result<()> {
        registry.reregister(&mut self.stream, Token(token), Interest::READABLE | Interest::WRITABLE)
    }

    pub(crate) fn unwatch(&mut self, registry: &Registry) {
        let _ = registry.deregister(&mut self.stream);
    }

    /// The hub will send no more than what is on its way.
    pub(crate) fn note_end(&mut self) {
        self.to_the_end = true;
    }

    /// Takes as many of the bytes as the socket lets in; 0 if it is full. TLS may hold them until [`flush`](Self::flush).
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<usize, Down> {
        if self.tls.is_none() {
            return blocking_is_zero(|| self.stream.write(bytes)).map_err(|error| self.lost(&error));
        }
        match self.encrypt(bytes)? {
            0 if self.flush()? => self.encrypt(bytes),
            taken => Ok(taken),
        }
    }

    /// Takes as many of the bytes as TLS has room for.
    fn encrypt(&mut self, bytes: &[u8]) -> Result<usize, Down> {
        let Some(session) = &mut self.tls else { return Ok(0) };
        blocking_is_zero(|| session.tls.writer().write(bytes)).map_err(|error| self.lost(&error))
    }

    /// Sends what TLS holds; false if the socket is full.
    pub(crate) fn flush(&mut self) -> Result<bool, Down> {
        let Some(session) = &mut self.tls else { return Ok(true) };
        while session.tls.wants_write() {
            match blocking_is_zero(|| session.tls.write_tls(&mut self.stream)) {
                Ok(0) => return Ok(false),
                Ok(_) => {}
                Err(error) => return Err(self.lost(&error)),
            }
        }
        Ok(true)
    }

    /// Reads what has come, at most a buffer full. `more` tells whether another read may find something.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<Received, Down> {
        if self.tls.is_some() {
            return self.read_tls(buffer);
        }
        let count = match retry(|| self.stream.read(buffer)) {
            Ok(0) => return Err(self.ended()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Ok(Received { count: 0, more: false });
            }
            Err(error) => return Err(self.lost(&error)),
        };
        // The first record of TLS is an alert to somebody who does not speak it (RFC 8446 §5.1).
        if !self.heard && buffer.starts_with(&[0x15, 0x03]) {
            let text = "the hub's port speaks TLS, but the hub URL says tcp. Use ssl:// with this port";
            return Err(Down::new(LinkFault::Tls, text).because(Cause::TlsExpected));
        }
        self.hear(buffer, count);
        let more = count == buffer.len() || self.to_the_end || !SHORT_READ_MEANS_EMPTY;
        Ok(Received { count, more })
    }

    fn read_tls(&mut self, buffer: &mut [u8]) -> Result<Received, Down> {
        let Some(session) = &mut self.tls else { return Ok(Received { count: 0, more: false }) };
        loop {
            match session.tls.reader().read(buffer) {
                Ok(0) => return Err(self.ended()),
                Ok(count) => {
                    self.hear(buffer, count);
                    return Ok(Received { count, more: true });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The hub closed without close_notify; MQTT has its own ends, so nothing can be cut unseen.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(self.ended()),
                Err(error) => return Err(self.lost(&error)),
            }
            if std::mem::take(&mut session.drained) && !self.to_the_end {
                return Ok(Received { count: 0, more: false });
            }
            let mut source = Watched { stream: &self.stream, short: false };
            match retry(|| session.tls.read_tls(&mut source)) {
                Ok(_) => session.drained = source.short && SHORT_READ_MEANS_EMPTY,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Received { count: 0, more: false });
                }
                Err(error) => {
                    return Err(match explain_io(&error, &session.host, session.certificate_shown) {
                        Some(down) => down,
                        None => self.lost(&error),
                    });
                }
            }
            if let Err(error) = session.tls.process_new_packets() {
                let _ = session.tls.write_tls(&mut self.stream);
                return Err(explain(&error, &session.host, session.certificate_shown));
            }
        }
    }

    fn hear(&mut self, buffer: &[u8], count: usize) {
        if !std::mem::replace(&mut self.heard, true) {
            for (first, byte) in self.first.iter_mut().zip(buffer.iter().take(count)) {
                *first = *byte;
            }
        }
    }

    /// The first bytes that came from the hub; zeroes where none came.
    pub(crate) fn first(&self) -> First {
        self.first
    }

    /// Says goodbye as far as that needs no waiting.
    pub(crate) fn hang_up(mut self, registry: &Registry) {
        // First, so that nobody wakes for what follows.
        self.unwatch(registry);
        if let Some(session) = &mut self.tls {
            session.tls.send_close_notify();
            let _ = session.tls.write_tls(&mut self.stream);
        }
        let _ = self.stream.shutdown(Shutdown::Write);
        // Closing over unread bytes resets the connection, and that may overtake what was sent last.
        let mut unread = [0; 2048];
        for _ in 0..READS_AT_END {
            if !matches!(self.stream.read(&mut unread), Ok(1..)) {
                break;
            }
        }
    }

    fn ended(&self) -> Down {
        let text = match (self.heard, self.tls.is_some()) {
            (true, _) => "",
            (false, true) => "it did so before it had answered. Its journal knows why",
            (false, false) => {
                "it did so before it had answered. Its journal knows why; if the port speaks TLS, use ssl://"
            }
        };
        let down = Down::new(LinkFault::PeerClosed, text);
        if self.heard { down } else { down.because(Cause::ClosedBeforeConnack) }
    }

    fn lost(&self, error: &io::Error) -> Down {
        let down = Down::new(LinkFault::Lost, error.to_string());
        if self.heard { down } else { down.because(Cause::ClosedBeforeConnack) }
    }
}

/// The socket under TLS, which remembers whether it gave less than was asked for.
struct Watched<'s> {
    stream: &'s TcpStream,
    short: bool,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut stream = self.stream;
        let count = stream.read(buffer)?;
        self.short = count < buffer.len();
        Ok(count)
    }
}
