//! A signed-in connection: packets, mailbox and the moments at which it ends by itself.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::fabric::{Claim, ConnectionId, Line, News};
use crate::front::Front;
use crate::journal::{Entry, EntryKind};
use crate::store::Ticket;

use super::buffers::Output;
use super::end::End;
use super::inbound::{HIGH_WATER, Inbound};
use super::packet;
use super::timers::{KeepAlive, Stall};

use crate::domain::SignedIn;

/// What a signed-in connection is made of. Leaving scope tells the cloud that the device is gone.
pub(super) struct Online {
    inbound: Inbound,
    connection: ConnectionId,
    keep_alive: KeepAlive,
    stall: Stall,
    /// What the store must keep before the rest of the output may go.
    held: Option<Ticket>,
    ended: Option<String>,
    /// Let go last, after the cloud knows.
    _claim: Claim,
}

/// What a CONNECT says of the session.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) clean: bool,
    pub(super) keep_alive_s: u16,
}

impl Online {
    /// Answers CONNACK and queues what the device is sent first.
    pub(super) fn begin(
        front: &Arc<Front>,
        line: &Line,
        claim: Claim,
        who: SignedIn,
        wanted: Wanted,
        early: Vec<u8>,
    ) -> (Self, Result<(), End>) {
        let lost = if wanted.clean { None } else { front.cloud.faults.lose_session(&who.device) };
        if let Some(strike) = &lost {
            front.cloud.struck(strike, &who.device);
            // Taken as by a clean sign-in, and let go.
            front.sessions.take(&who.device, true);
        }
        let (session, present) = front.sessions.take(&who.device, wanted.clean);
        let mut inbound = Inbound::new(front.clone(), who, line.id(), session, early);
        packet::put_connack(inbound.output_mut().buffer(), present, 0);
        let first = front.cloud.connected(inbound.who(), line.id());
        let queued = inbound.send_first(first);
        let queued = queued.and_then(|()| inbound.resume());
        inbound.tell_output();
        let mut online = Self {
            inbound,
            connection: line.id(),
            keep_alive: KeepAlive::new(wanted.keep_alive_s, front.clock.monotonic_ms()),
            stall: Stall::new(front.limits.stall_ms),
            held: None,
            ended: None,
            _claim: claim,
        };
        let queued = queued.and(online.hold());
        (online, queued)
    }

    pub(super) fn output(&self) -> &Output {
        self.inbound.output()
    }

    pub(super) fn output_mut(&mut self) -> &mut Output {
        self.inbound.output_mut()
    }

    pub(super) fn wants_bytes(&self) -> bool {
        self.held.is_none() && self.output().waiting() < HIGH_WATER
    }

    pub(super) fn is_behind(&self) -> bool {
        self.inbound.is_behind()
    }

    /// Holds back what was answered until everything that was changed up to now is kept: nothing that leaves the hub
    /// tells of what a sudden end could undo. Meanwhile nothing more is read, so each connection waits with one read's
    /// answers at most, and the commit is shared with whoever else changed something. In memory nothing waits.
    fn hold(&mut self) -> Result<(), End> {
        let store = &self.inbound.front().cloud.store;
        if !store.is_durable() {
            return self.inbound.pass_down();
        }
        if self.inbound.output().is_held() {
            self.held = Some(store.last());
        }
        Ok(())
    }

    /// Lets go what was held back, if the store has kept it; what it cannot keep is told as refused.
    fn let_go(&mut self, cx: &Context<'_>) -> Result<(), End> {
        let Some(ticket) = self.held else { return Ok(()) };
        match self.inbound.front().cloud.store.poll_committed(ticket, cx) {
            Poll::Pending => return Ok(()),
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(fault)) => self.inbound.refuse_held(&fault),
        }
        self.held = None;
        self.inbound.pass_down()
    }

    /// Takes what has come from the rest of the hub, and packets that had to wait for room.
    pub(super) fn take_news(&mut self, line: &Line, cx: &Context<'_>) -> Result<(), End> {
        self.let_go(cx)?;
        while let Poll::Ready(news) = line.poll_news(cx, self.held.is_none() && self.inbound.has_room()) {
            match news {
                News::End(reason) => return Err(End::Ordered(reason)),
                News::Messages(messages) => {
                    messages.iter().try_for_each(|message| self.inbound.send(message))?;
                    if !self.inbound.is_harmed() {
                        self.inbound.tell_output();
                    }
                    self.hold()?;
                    self.let_go(cx)?;
                }
            }
        }
        if self.is_behind() && self.wants_bytes() {
            self.receive(&[])?
        } else {
            self.hold()?
        }
        // Asked once more, so that the waker hears of what is held by now.
        self.let_go(cx)
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<(), End> {
        let taken = self.inbound.receive(bytes);
        let held = self.hold();
        if taken? {
            self.keep_alive.heard(self.inbound.front().clock.monotonic_ms());
        }
        held
    }

    /// Whether the peer takes nothing at the moment.
    pub(super) fn blocked(&mut self, blocked: bool) {
        if blocked {
            let now_ms = self.inbound.front().clock.monotonic_ms();
            self.stall.blocked(self.inbound.output().total(), now_ms);
        } else {
            self.stall.clear();
        }
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        let ends = [self.keep_alive.deadline(), self.stall.deadline(), self.inbound.next_due()];
        ends.into_iter().flatten().min()
    }

    /// Ends the connection if its time is up.
    pub(super) fn expire(&mut self, now_ms: u64) -> Result<(), End> {
        if self.stall.is_over(self.output().total(), now_ms) {
            return Err(End::Stalled { bytes: self.output().waiting() });
        }
        if self.keep_alive.deadline().is_some_and(|deadline| now_ms >= deadline) {
            return Err(End::KeepAlive { seconds: self.keep_alive.seconds });
        }
        self.inbound.let_go(now_ms)?;
        self.hold()
    }

    /// Leaves the session behind for the next connection, and gives what was not sent yet. What still waits for the
    /// store is not sent at all: who ends a connection does not wait for answers, and sends again what got none.
    pub(super) fn end(mut self, line: &Line, end: &End) -> Output {
        // A fault that ends the connection once more changes nothing.
        let _ = self.let_go(&Context::from_waker(Waker::noop()));
        let (mut session, mut output) = self.inbound.take_apart();
        if self.inbound.front().cloud.store.is_durable() {
            output.take_fresh();
        }
        output.release();
        let (front, device) = (self.inbound.front(), &self.inbound.who().device);
        if end.is_fault() {
            front.cloud.note(Entry::new(EntryKind::Transport, format!("{end}; closed")).device(device));
        }
        session.keep_unsent(line.take_mail());
        front.sessions.park(device, session);
        self.ended = Some(end.to_string());
        output
    }
}

impl Drop for Online {
    fn drop(&mut self) {
        let reason = self.ended.as_deref().unwrap_or("the hub stopped");
        self.inbound.front().cloud.disconnected(self.inbound.who(), self.connection, reason);
    }
}
