//! An [`Endpoint`] on a real socket: moves datagrams, sleeps until its deadline, decides nothing.
//!
//! One task for all peers: a datagram is no reason for a task, and what one read leads to leaves before the next.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

use crate::clock::Clock;
use crate::front::listen::Stop;

use super::{Datagram, Endpoint};

type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The longest datagram that UDP carries.
const LONGEST: usize = 64 * 1024;
/// Datagrams that are read before news and times are looked at.
const BATCH: usize = 64;

/// Serves a socket until the stop.
pub(crate) async fn serve(endpoint: impl Endpoint, socket: UdpSocket, clock: Clock, mut stop: Stop) {
    let buffer = vec![0; LONGEST].into_boxed_slice();
    let mut shell = Shell { endpoint, socket, clock, buffer, unsent: None, timer: None };
    tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => {}
        () = poll_fn(|cx| shell.poll(cx)) => {}
    }
    shell.endpoint.stop();
    // What is answered by now may leave, but nobody waits for room.
    while let Some(Datagram { to, bytes }) = shell.unsent.take().or_else(|| shell.endpoint.transmit()) {
        let _ = shell.socket.try_send_to(&bytes, to);
    }
}

struct Shell<E> {
    endpoint: E,
    socket: UdpSocket,
    clock: Clock,
    buffer: Box<[u8]>,
    /// The datagram that found no room.
    unsent: Option<Datagram>,
    /// Fires at the moment beside it, or later than the deadline was when it was set.
    timer: Option<(u64, Timer)>,
}

impl<E: Endpoint> Shell<E> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // Asked of the clock, since a timer may never get its turn while datagrams keep coming.
            if self.endpoint.deadline().is_some_and(|deadline| deadline <= self.clock.monotonic_ms()) {
                self.endpoint.expire();
            }
            self.endpoint.take_news(cx);
            ready!(self.poll_send(cx));
            let mut read_any = false;
            for _ in 0..BATCH {
                let mut buffer = ReadBuf::new(&mut self.buffer);
                let Poll::Ready(read) = self.socket.poll_recv_from(cx, &mut buffer) else { break };
                read_any = true;
                // An error is that of a datagram that was sent: nobody is there any more.
                if let Ok(from) = read {
                    self.endpoint.receive(from, buffer.filled());
                    ready!(self.poll_send(cx));
                }
            }
            // What was read may wait for the store, which is to wake this task. Under load the socket says that it has
            // nothing when others are to have their turn, and wakes it too.
            if !read_any {
                ready!(self.poll_timer(cx));
            }
        }
    }

    /// Sends what waits; ready when nothing waits any more.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(datagram) = self.unsent.take().or_else(|| self.endpoint.transmit()) {
            if self.socket.poll_send_to(cx, &datagram.bytes, datagram.to).is_pending() {
                self.unsent = Some(datagram);
                return Poll::Pending;
            }
            // A datagram that cannot be sent is lost, as datagrams are.
        }
        Poll::Ready(())
    }

    /// Ready when the endpoint's time may be up, and it has been told.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.endpoint.deadline() else { return Poll::Pending };
        // Set anew only when it fires, unless it would fire too late.
        if self.timer.as_ref().is_none_or(|(at, _)| *at > deadline) {
            self.timer = Some((deadline, Box::pin(self.clock.sleep_until(deadline))));
        }
        if let Some((_, timer)) = &mut self.timer {
            ready!(timer.as_mut().poll(cx));
        }
        self.timer = None;
        self.endpoint.expire();
        Poll::Ready(())
    }
}
