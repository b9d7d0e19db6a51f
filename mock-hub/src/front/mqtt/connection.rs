//! A connection of a device without its socket: bytes and the clock in, bytes and deadlines out.
//!
//! Whoever holds one moves the bytes. The listeners do it with a socket and tokio's timers, a simulation with
//! neither; the connection cannot tell. What is in a [`Connection`] never waits and never reads a real clock.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::clock::Clock;
use crate::domain::SignedIn;
use crate::fabric::{Claim, ConnectionId, News, OpenLine};
use crate::front::Front;

use super::buffers::Output;
use super::end::End;
use super::lines::{self, Way};
use super::online::{Online, Wanted};
use super::packet;
use super::sign_in::{self, Security};

/// Bytes read and dropped behind a refused CONNECT, so that the CONNACK is not lost to a reset.
const LINGER_BYTES: usize = 256 * 1024;

/// One connection, from its first byte to its end; dropping it ends it.
///
/// After each call that changes it: send [`transmit`](Self::transmit), report what was taken by
/// [`sent`](Self::sent), look at [`phase`](Self::phase), and come back with bytes
/// ([`receive`](Self::receive), unless it [wants none](Self::wants_bytes)), when the waker of the last
/// [`take_news`](Self::take_news) fires, or at [`deadline`](Self::deadline) ([`expire`](Self::expire)).
pub struct Connection {
    front: Arc<Front>,
    peer: SocketAddr,
    stage: Stage,
    /// Let go last: the connection that takes the device over waits for it.
    open: OpenLine,
}

/// How far a [`Connection`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Bytes flow.
    Open,
    /// The CONNECT was refused: send what waits, shut the sending side down, and go on reading until the peer
    /// closes or the connection is [`Gone`](Self::Gone).
    Refused,
    /// Send what the peer takes without a wait, then close.
    Closing,
    /// Close at once; nothing waits.
    Gone,
}

enum Stage {
    /// No whole CONNECT yet.
    Connecting {
        security: Security,
        received: Vec<u8>,
        until_ms: u64,
    },
    /// Signed in, but the connection that had the device before has not ended yet.
    Claiming {
        claim: Claim,
        who: SignedIn,
        wanted: Wanted,
        early: Vec<u8>,
    },
    /// Signed in; a fault holds the CONNACK back.
    Slow {
        who: SignedIn,
        wanted: Wanted,
        early: Vec<u8>,
        until_ms: u64,
    },
    Online(Box<Online>),
    /// Over, but a fault keeps the TCP connection: what waits is sent, nothing is read.
    Lingering {
        output: Output,
        until_ms: u64,
    },
    Refused {
        output: Output,
        dropped: usize,
        until_ms: u64,
    },
    Closing {
        output: Output,
        asked: bool,
    },
    Gone,
}

impl Connection {
    /// A connection that was just accepted.
    pub(crate) fn new(front: Arc<Front>, open: OpenLine, peer: SocketAddr, security: Security) -> Self {
        let wait_ms = u64::try_from(front.limits.connect_wait.as_millis()).unwrap_or(u64::MAX);
        let until_ms = front.clock.monotonic_ms().saturating_add(wait_ms);
        let stage = Stage::Connecting { security, received: Vec::new(), until_ms };
        Self { front, peer, stage, open }
    }

    /// Names the connection in the [fabric](crate::fabric::Fabric).
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        self.open.line().id()
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.front.clock
    }

    /// What its holder is to do with the socket.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match &self.stage {
            Stage::Connecting { .. }
            | Stage::Slow { .. }
            | Stage::Claiming { .. }
            | Stage::Online(_)
            | Stage::Lingering { .. } => Phase::Open,
            Stage::Refused { .. } => Phase::Refused,
            Stage::Closing { .. } => Phase::Closing,
            Stage::Gone => Phase::Gone,
        }
    }

    /// Whether the peer itself wanted the end, so that nothing of it is left unread.
    pub(super) fn is_asked_for(&self) -> bool {
        matches!(self.stage, Stage::Closing { asked: true, .. })
    }

    /// Whether bytes of the peer are taken now; what comes meanwhile must wait where it is.
    #[must_use]
    pub fn wants_bytes(&self) -> bool {
        match &self.stage {
            Stage::Connecting { .. } => true,
            Stage::Online(online) => online.wants_bytes(),
            Stage::Refused { output, .. } => output.waiting() == 0,
            Stage::Slow { .. }
            | Stage::Claiming { .. }
            | Stage::Lingering { .. }
            | Stage::Closing { .. }
            | Stage::Gone => false,
        }
    }

    /// Whether packets that came earlier waited for room, so that [`take_news`](Self::take_news) is due before
    /// anything is read.
    pub(super) fn is_behind(&self) -> bool {
        matches!(&self.stage, Stage::Online(online) if online.is_behind())
    }

    /// Takes bytes of the peer, cut anywhere.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.front.cloud.metrics.bytes_in.add(bytes.len() as u64);
        match &mut self.stage {
            Stage::Connecting { received, .. } => {
                received.extend_from_slice(bytes);
                match sign_in::whole_connect(received) {
                    Ok(Some(length)) => self.sign_in(length),
                    Ok(None) => {}
                    Err(reason) => self.give_up(&reason),
                }
            }
            Stage::Slow { early, .. } | Stage::Claiming { early, .. } => early.extend_from_slice(bytes),
            Stage::Online(online) => {
                let taken = online.receive(bytes);
                self.end_on(taken);
            }
            Stage::Refused { dropped, .. } => {
                *dropped = dropped.saturating_add(bytes.len());
                if *dropped >= LINGER_BYTES {
                    self.stage = Stage::Gone;
                }
            }
            Stage::Lingering { .. } | Stage::Closing { .. } | Stage::Gone => {}
        }
    }

    /// The peer has closed the connection.
    pub fn closed(&mut self) {
        self.stop("closed before a whole CONNECT had come".into(), End::Closed);
    }

    /// The connection broke.
    pub fn lost(&mut self, error: io::Error) {
        let reason = match &self.stage {
            Stage::Connecting { .. } => format!("lost before CONNECT: {error}").into(),
            _ => Cow::Borrowed(""),
        };
        self.stop(reason, End::Lost(error));
    }

    fn stop(&mut self, before_connect: Cow<'static, str>, end: End) {
        match &self.stage {
            Stage::Connecting { .. } => self.give_up(&before_connect),
            Stage::Online(_) => self.end_on(Err(end)),
            // Who waits for a predecessor must wait all the same, or the next one would not.
            Stage::Claiming { .. } => {
                self.open.line().end(&end.to_string());
            }
            Stage::Slow { .. }
            | Stage::Lingering { .. }
            | Stage::Refused { .. }
            | Stage::Closing { .. }
            | Stage::Gone => self.stage = Stage::Gone,
        }
    }

    /// Takes what the rest of the hub has for this connection: messages, an order to end, the end of the
    /// connection before it. The waker of `cx` hears when there is more.
    pub fn take_news(&mut self, cx: &Context<'_>) {
        let line = self.open.line();
        match &mut self.stage {
            Stage::Connecting { .. } | Stage::Slow { .. } | Stage::Refused { .. } => {
                if let Poll::Ready(News::End(_)) = line.poll_news(cx, false) {
                    self.stage = Stage::Gone;
                }
            }
            Stage::Claiming { claim, .. } => {
                if claim.poll_predecessor_gone(cx).is_ready() {
                    self.come_online();
                    self.take_news(cx);
                }
            }
            Stage::Online(online) => {
                let taken = online.take_news(line, cx);
                self.end_on(taken);
            }
            Stage::Lingering { .. } | Stage::Closing { .. } | Stage::Gone => {}
        }
    }

    /// What may go to the peer, in order. What tells of a change that a durable store has not kept yet is held back;
    /// the waker of the last [`take_news`](Self::take_news) fires when it may go.
    #[must_use]
    pub fn transmit(&self) -> &[u8] {
        match &self.stage {
            Stage::Online(online) => online.output().unsent(),
            Stage::Lingering { output, .. }
            | Stage::Refused { output, .. }
            | Stage::Closing { output, .. } => output.unsent(),
            Stage::Connecting { .. } | Stage::Slow { .. } | Stage::Claiming { .. } | Stage::Gone => &[],
        }
    }

    /// The first `count` bytes of [`transmit`](Self::transmit) are on their way.
    pub fn sent(&mut self, count: usize) {
        self.front.cloud.metrics.bytes_out.add(count as u64);
        match &mut self.stage {
            Stage::Online(online) => online.output_mut().sent(count),
            Stage::Lingering { output, .. }
            | Stage::Refused { output, .. }
            | Stage::Closing { output, .. } => {
                output.sent(count);
            }
            Stage::Connecting { .. } | Stage::Slow { .. } | Stage::Claiming { .. } | Stage::Gone => {}
        }
    }

    /// Tells whether the peer takes nothing at the moment although something waits for it. A peer that goes on so
    /// is given up.
    pub fn blocked(&mut self, blocked: bool) {
        if let Stage::Online(online) = &mut self.stage {
            online.blocked(blocked);
        }
    }

    /// When [`expire`](Self::expire) is due, by the hub's [monotonic clock](crate::clock::Clock::monotonic_ms);
    /// it may have moved on when that moment comes.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        match &self.stage {
            Stage::Connecting { until_ms, .. }
            | Stage::Slow { until_ms, .. }
            | Stage::Lingering { until_ms, .. }
            | Stage::Refused { until_ms, .. } => Some(*until_ms),
            Stage::Online(online) => online.deadline(),
            Stage::Claiming { .. } | Stage::Closing { .. } | Stage::Gone => None,
        }
    }

    /// Ends what has lasted too long.
    pub fn expire(&mut self) {
        let now_ms = self.front.clock.monotonic_ms();
        match &mut self.stage {
            Stage::Connecting { until_ms, .. } if now_ms >= *until_ms => {
                let waited = self.front.limits.connect_wait.as_secs();
                self.give_up(&format!("no whole CONNECT within {waited} s; closed"));
            }
            Stage::Refused { until_ms, .. } if now_ms >= *until_ms => self.stage = Stage::Gone,
            Stage::Slow { until_ms, .. } if now_ms >= *until_ms => {
                if let Stage::Slow { who, wanted, early, .. } =
                    std::mem::replace(&mut self.stage, Stage::Gone)
                {
                    self.claim(who, wanted, early);
                }
            }
            Stage::Lingering { until_ms, output } if now_ms >= *until_ms => {
                self.stage = Stage::Closing { output: std::mem::take(output), asked: false };
            }
            Stage::Online(online) => {
                let expired = online.expire(now_ms);
                self.end_on(expired);
            }
            _ => {}
        }
    }

    /// Gives a connection up that never signed in.
    fn give_up(&mut self, reason: &str) {
        self.front.transport(format!("{}: {reason}", self.peer));
        self.stage = Stage::Gone;
    }

    fn end_on(&mut self, outcome: Result<(), End>) {
        let Err(end) = outcome else { return };
        if let Stage::Online(online) = std::mem::replace(&mut self.stage, Stage::Gone) {
            let output = online.end(self.open.line(), &end);
            match end {
                // What waits never leaves: the hub has forgotten this connection.
                End::HalfOpen { hold_ms } => self.linger(Output::default(), hold_ms),
                _ => self.close(output, matches!(end, End::Disconnect | End::Closed)),
            }
        }
    }

    /// Sends what waits and ends, late if a fault wants it so.
    fn close(&mut self, output: Output, asked: bool) {
        let device = self.open.line().device().cloned();
        match self.front.cloud.faults.slow_close(device.as_ref()) {
            None => self.stage = Stage::Closing { output, asked },
            Some((strike, delay_ms)) => {
                self.front.cloud.note(strike.entry(device.as_ref()));
                self.linger(output, delay_ms);
            }
        }
    }

    /// Leaves the TCP connection open for a while. To the rest of the hub it is gone.
    fn linger(&mut self, output: Output, for_ms: u64) {
        self.open.line().finish();
        let until_ms = self.front.clock.monotonic_ms().saturating_add(for_ms);
        self.stage = Stage::Lingering { output, until_ms };
    }

    fn sign_in(&mut self, length: usize) {
        let Stage::Connecting { security, mut received, .. } =
            std::mem::replace(&mut self.stage, Stage::Gone)
        else {
            return;
        };
        let early = received.split_off(length);
        let connect = match sign_in::read(&received) {
            Ok(connect) => connect,
            Err(reason) => return self.give_up(&reason),
        };
        self.tell(Way::In, &received);
        match sign_in::ask(&self.front, &connect, self.peer, &security) {
            Err(code) => self.refuse(code),
            Ok(who) => {
                let wanted = Wanted { clean: connect.clean_session, keep_alive_s: connect.keep_alive_s };
                match self.front.cloud.faults.slow_connack(&who.device) {
                    None => self.claim(who, wanted, early),
                    Some((strike, delay_ms)) => {
                        self.front.cloud.struck(&strike, &who.device);
                        let until_ms = self.front.clock.monotonic_ms().saturating_add(delay_ms);
                        self.stage = Stage::Slow { who, wanted, early, until_ms };
                    }
                }
            }
        }
    }

    /// Takes the device over from the connection that has it, if one does.
    fn claim(&mut self, who: SignedIn, wanted: Wanted, early: Vec<u8>) {
        let claim = self.front.fabric.claim(&who.device, self.open.line());
        let first = !claim.has_predecessor();
        self.stage = Stage::Claiming { claim, who, wanted, early };
        if first {
            self.come_online();
        }
    }

    /// Answers CONNACK with a refusal and ends, without cutting off what the client still sends.
    fn refuse(&mut self, code: u8) {
        let mut output = Output::default();
        packet::put_connack(output.buffer(), false, code);
        output.release();
        self.tell(Way::Out, output.unsent());
        if let Some((strike, delay_ms)) = self.front.cloud.faults.slow_close(None) {
            self.front.cloud.note(strike.entry(None));
            return self.linger(output, delay_ms);
        }
        let linger_ms = u64::try_from(self.front.limits.linger.as_millis()).unwrap_or(u64::MAX);
        let until_ms = self.front.clock.monotonic_ms().saturating_add(linger_ms);
        self.stage = Stage::Refused { output, dropped: 0, until_ms };
    }

    /// Writes a packet of a connection that is not signed in into the journal, if somebody listens to packets.
    fn tell(&self, way: Way, bytes: &[u8]) {
        let cloud = &self.front.cloud;
        if cloud.journal.wants_packets()
            && let Ok(frame) = packet::frame(bytes, usize::MAX)
        {
            lines::note(cloud, None, self.id(), way, &frame);
        }
    }

    /// Goes on after the connection that had the device before has left its session and its state behind.
    fn come_online(&mut self) {
        let line = self.open.line();
        if line.is_ended() {
            // Another connection took the device over meanwhile, or the hub stops.
            self.stage = Stage::Gone;
            return;
        }
        if let Stage::Claiming { claim, who, wanted, early } = std::mem::replace(&mut self.stage, Stage::Gone)
        {
            let (online, queued) = Online::begin(&self.front, line, claim, who, wanted, early);
            self.stage = Stage::Online(Box::new(online));
            self.end_on(queued);
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({:?}, {}, {:?})", self.id(), self.peer, self.phase())
    }
}
