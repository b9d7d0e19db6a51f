//! A TCP stream that byte faults can shape: below TLS, so that they meet what is really on the wire.
//!
//! Without a fault each call costs one comparison more than the bare socket.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::capture::Tapped;
use crate::clock::Clock;
use crate::fabric::Line;
use crate::fault::{Direction, Shaped, Shaper};

use super::Front;
use super::mqtt::Stream;

type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Bytes taken from the socket at once for a shaped direction.
const CHUNK: usize = 16 * 1024;

/// A connection's stream.
pub(super) struct Faulty {
    inner: Tapped<TcpStream>,
    front: Arc<Front>,
    line: Line,
    /// The generation of the list of faults that was looked at last.
    seen: u64,
    /// The device was not known then.
    anonymous: bool,
    /// The faults that were decided for this connection, and whether they struck.
    known: Vec<(u64, bool)>,
    shaping: Option<Box<Shaping>>,
}

struct Shaping {
    shaped: Shaped,
    up: Shaper,
    down: Shaper,
    /// The peer has closed its side.
    ended: bool,
    timer: Option<(u64, Timer)>,
}

impl Faulty {
    pub(super) fn new(inner: Tapped<TcpStream>, front: Arc<Front>, line: Line) -> Self {
        Self { inner, front, line, seen: 0, anonymous: true, known: Vec::new(), shaping: None }
    }

    /// The socket itself.
    pub(super) fn socket(&self) -> &TcpStream {
        self.inner.get_ref()
    }

    /// Looks at the list of faults if it has changed, or if it is known by now whose connection this is.
    fn look(&mut self) {
        let faults = &self.front.cloud.faults;
        let generation = faults.generation();
        let named = self.anonymous && self.seen > 0 && self.line.device().is_some();
        if generation == self.seen && !named {
            return;
        }
        let device = self.line.device();
        self.seen = generation;
        self.anonymous = device.is_none();
        let before: Vec<u64> = self.known.iter().filter(|(_, struck)| *struck).map(|(id, _)| *id).collect();
        let (active, strikes) = faults.attach(device, &mut self.known);
        for strike in &strikes {
            self.front.cloud.note(strike.entry(device));
        }
        let after: Vec<u64> = self.known.iter().filter(|(_, struck)| *struck).map(|(id, _)| *id).collect();
        if before == after {
            return;
        }
        let now_ms = self.front.clock.monotonic_ms();
        let shaped = Shaped::new(&active, now_ms);
        match &mut self.shaping {
            Some(shaping) => {
                shaping.shaped = shaped;
                shaping.up.set(&active, Direction::Up);
                shaping.down.set(&active, Direction::Down);
            }
            None => {
                let seed = self.line.id().0.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                self.shaping = Some(Box::new(Shaping {
                    shaped,
                    up: Shaper::new(&active, Direction::Up, seed),
                    down: Shaper::new(&active, Direction::Down, !seed),
                    ended: false,
                    timer: None,
                }));
            }
        }
        if active.is_empty()
            && self
                .shaping
                .as_ref()
                .is_some_and(|shaping| shaping.up.is_empty() && shaping.down.is_empty() && !shaping.ended)
        {
            self.shaping = None;
        }
    }
}

impl Shaping {
    /// What is due: moves bytes both ways. An error is the end of the connection; ready `true`: it is closed.
    fn pump(
        &mut self,
        inner: &mut Tapped<TcpStream>,
        clock: &Clock,
        cx: &mut Context<'_>,
    ) -> io::Result<bool> {
        loop {
            let now_ms = clock.monotonic_ms();
            if self.shaped.reset_at.is_some_and(|at| at <= now_ms) {
                // Closing now sends RST instead of FIN.
                inner.get_ref().set_zero_linger()?;
                return Err(io::Error::new(io::ErrorKind::ConnectionReset, "reset by an ordered fault"));
            }
            if self.shaped.close_at.is_some_and(|at| at <= now_ms) {
                return Ok(true);
            }
            self.read_in(inner, now_ms, cx)?;
            self.write_out(inner, now_ms, cx)?;
            if self.down.is_cut() || self.up.is_cut() {
                return Ok(true);
            }
            if self.wait(now_ms, clock, cx).is_pending() {
                return Ok(false);
            }
        }
    }

    /// Takes what the peer sent, as far as there is room.
    fn read_in(
        &mut self,
        inner: &mut Tapped<TcpStream>,
        now_ms: u64,
        cx: &mut Context<'_>,
    ) -> io::Result<()> {
        let mut chunk = [0; CHUNK];
        while !self.ended && self.up.room() >= CHUNK {
            let mut buffer = ReadBuf::new(&mut chunk);
            match Pin::new(&mut *inner).poll_read(cx, &mut buffer) {
                Poll::Pending => break,
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => self.ended = true,
                Poll::Ready(Ok(())) => self.up.put(now_ms, buffer.filled()),
            }
        }
        Ok(())
    }

    /// Gives the peer what has arrived, piece by piece.
    fn write_out(
        &mut self,
        inner: &mut Tapped<TcpStream>,
        now_ms: u64,
        cx: &mut Context<'_>,
    ) -> io::Result<()> {
        loop {
            let arrived = self.down.arrived(now_ms);
            if arrived.is_empty() {
                return Ok(());
            }
            match Pin::new(&mut *inner).poll_write(cx, arrived) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => self.down.take(count),
            }
        }
    }

    /// Waits for the next moment after `now_ms`, up to which all is done, at which something is due; ready if it
    /// has come meanwhile.
    fn wait(&mut self, now_ms: u64, clock: &Clock, cx: &mut Context<'_>) -> Poll<()> {
        // What has arrived already waits for the reader or the socket, not for the clock.
        let due = [self.up.next_due(), self.down.next_due(), self.shaped.close_at, self.shaped.reset_at];
        let next = due.into_iter().flatten().filter(|due| *due > now_ms).min();
        let Some(next) = next else {
            self.timer = None;
            return Poll::Pending;
        };
        if self.timer.as_ref().is_none_or(|(at, _)| *at != next) {
            self.timer = Some((next, Box::pin(clock.sleep_until(next))));
        }
        match &mut self.timer {
            Some((_, timer)) => timer.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

impl Stream for Faulty {
    fn poll_farewell(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Dropping the socket is all it takes.
        if self.shaping.is_none() { Poll::Ready(Ok(())) } else { self.poll_shutdown(cx) }
    }
}

impl Stream for Tapped<TlsStream<Faulty>> {
    fn poll_farewell(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (below, session) = self.as_mut().get_mut().inner_mut().get_mut();
        if below.shaping.is_some() {
            return self.poll_shutdown(cx);
        }
        session.send_close_notify();
        self.poll_flush(cx)
    }
}

impl AsyncRead for Faulty {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.look();
        let Some(shaping) = &mut this.shaping else { return Pin::new(&mut this.inner).poll_read(cx, buffer) };
        let closed = shaping.pump(&mut this.inner, &this.front.clock, cx)?;
        let arrived = shaping.up.arrived(this.front.clock.monotonic_ms());
        if !arrived.is_empty() {
            let count = arrived.len().min(buffer.remaining());
            buffer.put_slice(arrived.get(..count).unwrap_or_default());
            shaping.up.take(count);
            return Poll::Ready(Ok(()));
        }
        if closed || (shaping.ended && shaping.up.is_empty()) {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }
}

impl AsyncWrite for Faulty {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.look();
        let Some(shaping) = &mut this.shaping else { return Pin::new(&mut this.inner).poll_write(cx, bytes) };
        let room = shaping.down.room();
        if room > 0 {
            let count = bytes.len().min(room);
            let now_ms = this.front.clock.monotonic_ms();
            shaping.down.put(now_ms, bytes.get(..count).unwrap_or_default());
            shaping.pump(&mut this.inner, &this.front.clock, cx)?;
            return Poll::Ready(Ok(count));
        }
        shaping.pump(&mut this.inner, &this.front.clock, cx)?;
        if shaping.down.room() > 0 {
            // Drained just now: come back at once.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// The parts of a TLS flight leave in one packet; a shaped direction takes the first of them.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.look();
        if self.shaping.is_none() {
            return Pin::new(&mut self.inner).poll_write_vectored(cx, parts);
        }
        let first = parts.iter().find(|part| !part.is_empty()).map_or(&[][..], |part| part);
        self.poll_write(cx, first)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// What a shaped direction holds is on its way, as in the buffer of a socket.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    /// Ends the sending side once all that was written has gone.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(shaping) = &mut this.shaping {
            let closed = shaping.pump(&mut this.inner, &this.front.clock, cx)?;
            if !closed && !shaping.down.is_empty() {
                return Poll::Pending;
            }
        }
        Pin::new(&mut this.inner).poll_shutdown(cx)
    }
}
