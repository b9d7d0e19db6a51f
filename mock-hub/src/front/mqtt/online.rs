//! The life of a signed-in connection: news, writing, reading and timers in one hand-driven loop.
//!
//! All that one read brings is answered before the write, so replies leave in one system call.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::clock::Clock;
use crate::fabric::{Line, News};

use super::buffers::poll_read;
use super::end::End;
use super::inbound::{HIGH_WATER, Inbound};

type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A signed-in connection with its socket.
pub(super) struct Online<'a, S> {
    stream: S,
    clock: &'a Clock,
    line: &'a Line,
    inbound: Inbound<'a>,
    keep_alive: KeepAlive,
    stall: Stall,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Online<'a, S> {
    pub(super) fn new(
        stream: S,
        clock: &'a Clock,
        line: &'a Line,
        inbound: Inbound<'a>,
        keep_alive_s: u16,
        stall_ms: u64,
    ) -> Self {
        let keep_alive = KeepAlive { seconds: keep_alive_s, heard_ms: clock.monotonic_ms(), timer: None };
        let stall = Stall { limit_ms: stall_ms, blocked: false, since: None };
        Self { stream, clock, line, inbound, keep_alive, stall }
    }

    /// Runs until the connection ends.
    pub(super) async fn run(&mut self) -> End {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// Sends what can go without waiting, ends the stream, and gives the session back.
    pub(super) async fn close(mut self) -> Inbound<'a> {
        poll_fn(|cx| {
            // The peer may be gone or slow: one try each, and no wait.
            let _ = self.inbound.output().poll_write(&mut self.stream, cx);
            let _ = Pin::new(&mut self.stream).poll_shutdown(cx);
            Poll::Ready(())
        })
        .await;
        self.inbound
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if let Err(end) = self.poll_io(cx) {
            return Poll::Ready(end);
        }
        let output = self.inbound.output();
        if self.stall.poll(cx, self.clock, output.total()).is_ready() {
            return Poll::Ready(End::Stalled { bytes: output.waiting() });
        }
        ready!(self.keep_alive.poll(cx, self.clock));
        Poll::Ready(End::KeepAlive { seconds: self.keep_alive.seconds })
    }

    /// Does all that can be done without waiting.
    fn poll_io(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        let Self { stream, clock, line, inbound, keep_alive, stall } = self;
        loop {
            while let Poll::Ready(news) = line.poll_news(cx, inbound.has_room()) {
                match news {
                    News::End(reason) => return Err(End::Ordered(reason)),
                    News::Messages(messages) => messages.iter().try_for_each(|m| inbound.send(m))?,
                }
            }
            stall.blocked = match inbound.output().poll_write(stream, cx) {
                Poll::Ready(written) => {
                    written.map_err(End::Lost)?;
                    false
                }
                Poll::Pending => true,
            };
            if inbound.output().waiting() >= HIGH_WATER {
                return Ok(());
            }
            if inbound.is_behind() {
                inbound.receive(&[])?;
                continue;
            }
            let received = poll_read(stream, cx, |bytes| {
                if bytes.is_empty() { Err(End::Closed) } else { inbound.receive(bytes) }
            });
            match received {
                Poll::Pending => return Ok(()),
                Poll::Ready(Err(error)) => return Err(End::Lost(error)),
                Poll::Ready(Ok(whole_packet)) => {
                    if whole_packet? {
                        keep_alive.heard_ms = clock.monotonic_ms();
                    }
                }
            }
        }
    }
}

/// When the client was last heard, and how long it may be silent.
struct KeepAlive {
    seconds: u16,
    heard_ms: u64,
    timer: Option<Timer>,
}

impl KeepAlive {
    /// Ready when nothing was heard for one and a half times the keep alive (MQTT-3.1.2-24); 0 switches it
    /// off.
    fn poll(&mut self, cx: &mut Context<'_>, clock: &Clock) -> Poll<()> {
        if self.seconds == 0 {
            return Poll::Pending;
        }
        loop {
            // Set anew only when it fires: moving it with every packet would cost more than the packet.
            let deadline_ms = self.heard_ms.saturating_add(u64::from(self.seconds) * 1_500);
            let timer = self.timer.get_or_insert_with(|| Box::pin(clock.sleep_until(deadline_ms)));
            ready!(timer.as_mut().poll(cx));
            self.timer = None;
            if clock.monotonic_ms() >= deadline_ms {
                return Poll::Ready(());
            }
        }
    }
}

/// How long the peer has taken nothing although something waits for it.
struct Stall {
    limit_ms: u64,
    blocked: bool,
    /// Bytes taken when the timer was set.
    since: Option<(u64, Timer)>,
}

impl Stall {
    fn poll(&mut self, cx: &mut Context<'_>, clock: &Clock, taken: u64) -> Poll<()> {
        if !self.blocked {
            self.since = None;
            return Poll::Pending;
        }
        loop {
            let (before, timer) = self.since.get_or_insert_with(|| {
                let deadline_ms = clock.monotonic_ms().saturating_add(self.limit_ms);
                (taken, Box::pin(clock.sleep_until(deadline_ms)))
            });
            ready!(timer.as_mut().poll(cx));
            let before = *before;
            self.since = None;
            if before == taken {
                return Poll::Ready(());
            }
        }
    }
}
