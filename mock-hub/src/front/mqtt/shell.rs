//! A [`Connection`] on a real stream: moves bytes, sleeps until its deadline, decides nothing.
//!
//! All that one read brings is answered before the write, so replies leave in one system call.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::fabric::OpenLine;
use crate::front::Front;

use super::buffers::poll_read;
use super::connection::{Connection, Phase};
use super::sign_in::Security;

type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A stream that a connection can be served on.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {
    /// Does what a shutdown does and the drop that follows does not: for a peer that waits for nothing more, that saves
    /// a call to the system.
    fn poll_farewell(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// Serves one connection until it ends.
pub(crate) async fn serve<S: Stream>(
    front: &Arc<Front>,
    open: OpenLine,
    stream: S,
    peer: SocketAddr,
    security: Security,
) {
    let connection = Connection::new(front.clone(), open, peer, security);
    let mut shell = Shell { stream, unflushed: false, shut: false, timer: None, connection };
    poll_fn(|cx| shell.poll(cx)).await;
}

struct Shell<S> {
    stream: S,
    /// The stream itself (TLS) holds what it could not pass on.
    unflushed: bool,
    /// The sending side is shut down.
    shut: bool,
    /// Fires at the moment beside it, or later than the connection's deadline was when it was set.
    timer: Option<(u64, Timer)>,
    connection: Connection,
}

impl<S: Stream> Shell<S> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.poll_io(cx);
            match self.connection.phase() {
                Phase::Open | Phase::Refused => ready!(self.poll_timer(cx)),
                Phase::Closing => {
                    // The peer may be gone or slow: one try each, and no wait.
                    let _ = self.poll_write(cx);
                    let stream = Pin::new(&mut self.stream);
                    let _ = if self.connection.is_asked_for() {
                        stream.poll_farewell(cx)
                    } else {
                        stream.poll_shutdown(cx)
                    };
                    return Poll::Ready(());
                }
                Phase::Gone => return Poll::Ready(()),
            }
        }
    }

    /// Does all that can be done without waiting.
    fn poll_io(&mut self, cx: &mut Context<'_>) {
        loop {
            self.connection.take_news(cx);
            match self.connection.phase() {
                Phase::Open | Phase::Refused => {}
                Phase::Closing | Phase::Gone => return,
            }
            match self.poll_write(cx) {
                Poll::Ready(Ok(())) => self.connection.blocked(false),
                Poll::Ready(Err(error)) => return self.connection.lost(error),
                Poll::Pending => self.connection.blocked(true),
            }
            if !self.connection.wants_bytes() {
                return;
            }
            if self.connection.is_behind() {
                continue;
            }
            if self.connection.phase() == Phase::Refused && !self.shut {
                // An error here shows in the read as well.
                if Pin::new(&mut self.stream).poll_shutdown(cx).is_pending() {
                    return;
                }
                self.shut = true;
            }
            let connection = &mut self.connection;
            let received = poll_read(&mut self.stream, cx, |bytes| {
                if bytes.is_empty() { connection.closed() } else { connection.receive(bytes) }
            });
            match received {
                Poll::Pending => return,
                Poll::Ready(Err(error)) => return self.connection.lost(error),
                Poll::Ready(Ok(())) => {}
            }
        }
    }

    /// Writes what waits; ready when nothing waits any more.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let waiting = self.connection.transmit();
            if waiting.is_empty() {
                break;
            }
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, waiting))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.connection.sent(count);
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when the connection's time may be up, and the connection has been told.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.connection.deadline() else { return Poll::Pending };
        // Set anew only when it fires, unless it would fire too late: moving it with every packet would cost more
        // than the packet.
        if self.timer.as_ref().is_none_or(|(at, _)| *at > deadline) {
            self.timer = Some((deadline, Box::pin(self.connection.clock().sleep_until(deadline))));
        }
        if let Some((_, timer)) = &mut self.timer {
            ready!(timer.as_mut().poll(cx));
        }
        self.timer = None;
        self.connection.expire();
        Poll::Ready(())
    }
}
