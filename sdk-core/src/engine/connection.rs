//! When to dial, when to hang up, and what to tell about it: the lifecycle of one client.
//!
//! Grammar: each `Connecting` is followed by exactly one `Online` or `ConnectFailed`, each `Online` by exactly one
//! `Offline`; `Closed` is last. Each dial is answered by `LinkUp` or `LinkDown`, each `LinkUp` by one `LinkDown`.

use super::types::{Event, LinkError, RequestError, Warning};
use crate::config::Config;
use crate::error::{Cause, Error, ErrorKind, LinkFault};
use crate::session::backoff::{Backoff, Budget, Jitter};
use crate::time::sooner;

/// A connection that lasted so long was a good one: the next pause is short again.
const STABLE_MS: u64 = 30_000;
/// Pause after a refusal that only the cloud can lift, once the device has been online: it may be lifted.
const REFUSED_PAUSE_MS: u64 = 300_000;
/// Time to let the last bytes leave before the link is closed all the same.
const PARTING_MS: u64 = 1_000;

/// Where the client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nobody has asked to connect, or it was given up.
    Idle,
    /// The next dial is at this moment.
    Waiting(u64),
    /// The driver brings the link up.
    Dialing,
    /// CONNECT is out.
    SigningIn,
    /// Signed in with the product secret, to receive the device's own.
    Activating { until: u64 },
    /// Signed in as the device.
    Online,
    /// The link is to go.
    HangingUp(Parting),
    /// No link, and none wanted: what is open fails, then it is over.
    Ending,
    /// Over.
    Closed,
}

/// How a link goes, and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parting {
    /// The driver was asked.
    asked: bool,
    /// Until then what is encoded may still leave.
    until: u64,
    then: Then,
}

/// What follows when the link is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The attempt failed.
    Failed(Error),
    /// The connection is gone.
    Offline(Error),
    /// The activation is done: sign in with the device secret.
    Redial,
    /// The hub is about to forget this link, or has: another takes its place, and the client stays online.
    Renew,
}

/// What the host wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    Nothing,
    Online,
    Leave { until: u64 },
}

/// What the driver is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    Dial,
    HangUp,
}

/// Notices that wait to be told: few, since a driver drains after each input.
#[derive(Default)]
struct Notices {
    queue: [Option<Event<'static>>; 8],
    used: usize,
}

impl Notices {
    fn push(&mut self, notice: Event<'static>) {
        if let Some(place) = self.queue.get_mut(self.used) {
            *place = Some(notice);
            self.used += 1;
        }
    }

    fn pop(&mut self) -> Option<Event<'static>> {
        let first = self.queue[0].take()?;
        self.queue.rotate_left(1);
        self.used -= 1;
        Some(first)
    }
}

pub(super) struct Connection {
    pub(super) stage: Stage,
    goal: Goal,
    budget: Budget,
    backoff: Backoff,
    pub(super) jitter: Jitter,
    /// The first `Online` must come until then.
    give_up: Option<u64>,
    sign_in_timeout_ms: u32,
    activation_timeout_ms: u32,
    /// Since the host asked to connect.
    was_online: bool,
    online_since: u64,
    /// A `Connecting` waits for its end.
    attempt: bool,
    /// Another link is on its way while the client stays online.
    renewing: bool,
    notices: Notices,
}

impl Connection {
    pub(super) fn new(config: &Config<'_>, jitter: Jitter) -> Self {
        Self {
            stage: Stage::Idle,
            goal: Goal::Nothing,
            budget: Budget::new(config.dial_budget, config.dial_window_s),
            backoff: Backoff::new(config.backoff_ms.0, config.backoff_ms.1),
            jitter,
            give_up: None,
            sign_in_timeout_ms: config.sign_in_timeout_ms,
            activation_timeout_ms: config.activation_timeout_ms,
            was_online: false,
            online_since: 0,
            attempt: false,
            renewing: false,
            notices: Notices::default(),
        }
    }

    pub(super) fn notice(&mut self) -> Option<Event<'static>> {
        self.notices.pop()
    }

    pub(super) fn has_notice(&self) -> bool {
        self.notices.used > 0
    }

    pub(super) fn tell(&mut self, notice: Event<'static>) {
        self.notices.push(notice);
    }

    pub(super) fn has_link(&self) -> bool {
        matches!(
            self.stage,
            Stage::SigningIn | Stage::Activating { .. } | Stage::Online | Stage::HangingUp(_)
        )
    }

    /// Whether what the peer says still counts: no longer once the link is to go.
    pub(super) fn listens(&self) -> bool {
        matches!(self.stage, Stage::SigningIn | Stage::Activating { .. } | Stage::Online)
    }

    /// The host asks to connect.
    pub(super) fn connect(&mut self, now: u64, timeout_ms: Option<u32>) -> Result<(), RequestError> {
        match self.stage {
            Stage::Idle if self.goal == Goal::Nothing => {}
            Stage::Closed | Stage::Ending => return Err(RequestError::Closed),
            _ if matches!(self.goal, Goal::Leave { .. }) => return Err(RequestError::Closed),
            // It heals by itself, after a pause of up to minutes: who asks now has mended what was refused.
            Stage::Waiting(_) if self.was_online && !self.attempt => {
                self.backoff.reset();
                self.wait_until(now, now);
                return Ok(());
            }
            _ => return Err(RequestError::State("the client is connected or connecting already")),
        }
        self.goal = Goal::Online;
        self.was_online = false;
        self.backoff.reset();
        self.give_up = timeout_ms.map(|ms| now + u64::from(ms));
        self.wait_until(now, now);
        Ok(())
    }

    /// The host asks to close.
    pub(super) fn close(&mut self, now: u64, timeout_ms: u32) -> Result<(), RequestError> {
        if matches!(self.goal, Goal::Leave { .. }) {
            return Err(RequestError::Closed);
        }
        self.goal = Goal::Leave { until: now + u64::from(timeout_ms) };
        match self.stage {
            // The second dial of an activation, or another link of this same session.
            Stage::Waiting(_) if self.attempt || self.renewing => self.failed(now, closed()),
            Stage::Idle | Stage::Waiting(_) => self.stage = Stage::Ending,
            Stage::Dialing | Stage::SigningIn | Stage::Activating { .. } => {
                self.hang_up(now, Then::Failed(closed()), false);
            }
            Stage::Online | Stage::HangingUp(_) | Stage::Ending | Stage::Closed => {}
        }
        Ok(())
    }

    /// Another link is to take the place of this one; the client stays online.
    #[cfg(feature = "coap")]
    pub(super) fn renew(&mut self, now: u64) {
        self.hang_up(now, Then::Renew, false);
    }

    /// Whether another link takes, or is about to take, the place of one that the client was online with.
    pub(super) fn is_renewing(&self) -> bool {
        self.renewing || matches!(self.stage, Stage::HangingUp(Parting { then: Then::Renew, .. }))
    }

    /// Whether the link is to go, and what is said may still be answered.
    #[cfg(feature = "coap")]
    pub(super) fn is_parting(&self) -> bool {
        matches!(self.stage, Stage::HangingUp(Parting { asked: false, .. }))
    }

    /// Whether the host has asked to close.
    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.goal, Goal::Leave { .. })
    }

    /// Whether open requests are to be given up: the time to leave is over, or there is no link to settle them on.
    pub(super) fn gives_up(&self, now: u64) -> bool {
        match (self.stage, self.goal) {
            (Stage::Ending, _) => true,
            (Stage::Online, Goal::Leave { until }) => now >= until,
            _ => false,
        }
    }

    /// Everything is settled: part from the hub.
    pub(super) fn leave(&mut self, now: u64) {
        self.hang_up(now, Then::Offline(closed()), true);
    }

    /// The link is to go; `politely`: once what is encoded has left.
    pub(super) fn hang_up(&mut self, now: u64, then: Then, politely: bool) {
        let until = if politely { now + PARTING_MS } else { now };
        self.stage = Stage::HangingUp(Parting { asked: false, until, then });
    }

    /// Something is wrong with the link or with what came over it.
    pub(super) fn fault(&mut self, now: u64, error: Error) {
        match self.stage {
            Stage::Online => self.hang_up(now, Then::Offline(error), false),
            Stage::Dialing | Stage::SigningIn | Stage::Activating { .. } => {
                self.hang_up(now, Then::Failed(error), false);
            }
            _ => {}
        }
    }

    /// The link is up; true if CONNECT is to go out.
    pub(super) fn on_link_up(&mut self) -> bool {
        let expected = matches!(self.stage, Stage::Dialing);
        if expected {
            self.stage = Stage::SigningIn;
        }
        expected
    }

    /// Signed in with the product secret.
    pub(super) fn on_activating(&mut self, now: u64) {
        self.stage = Stage::Activating { until: now + u64::from(self.activation_timeout_ms) };
    }

    /// Signed in with the device secret. True if the device had been online before.
    pub(super) fn on_online(&mut self, now: u64) -> bool {
        let again = self.was_online;
        self.stage = Stage::Online;
        if core::mem::take(&mut self.renewing) {
            return false;
        }
        self.online_since = now;
        self.was_online = true;
        self.attempt = false;
        self.notices.push(Event::Online);
        again
    }

    /// The link is gone, or the dial failed.
    pub(super) fn on_link_down(&mut self, now: u64, error: LinkError) {
        let fault = match error {
            LinkError::Fault(fault) => Error::link(fault),
            LinkError::HungUp => Error::link(LinkFault::Lost),
            LinkError::Replaced if self.has_link() && !self.is_leaving() => return self.replace(now),
            LinkError::Replaced => Error::link(LinkFault::Lost),
        };
        match self.stage {
            Stage::Dialing | Stage::SigningIn | Stage::Activating { .. } => self.failed(now, fault),
            Stage::Online => self.lost(now, fault),
            Stage::HangingUp(Parting { then: Then::Failed(error), .. }) => self.failed(now, error),
            Stage::HangingUp(Parting { then: Then::Offline(reason), .. }) => self.lost(now, reason),
            Stage::HangingUp(Parting { then: Then::Redial, .. }) if self.is_leaving() => {
                self.failed(now, closed());
            }
            Stage::HangingUp(Parting { then: Then::Redial, .. }) => self.wait_until(now, now),
            Stage::HangingUp(Parting { then: Then::Renew, .. }) if self.is_leaving() => {
                self.lost(now, closed());
            }
            Stage::HangingUp(Parting { then: Then::Renew, .. }) => {
                self.renewing = true;
                self.wait_until(now, now);
            }
            // It comes late.
            Stage::Idle | Stage::Waiting(_) | Stage::Ending | Stage::Closed => {}
        }
    }

    /// The driver swaps the link: a new one comes without a dial.
    fn replace(&mut self, now: u64) {
        self.renewing = self.is_renewing();
        match self.stage {
            Stage::Online => {
                let reason = Error::link(LinkFault::Lost);
                self.notices.push(Event::Offline { reason, will_retry: true });
            }
            Stage::HangingUp(Parting { then: Then::Offline(reason), .. }) => {
                self.notices.push(Event::Offline { reason, will_retry: true });
            }
            Stage::HangingUp(Parting { then: Then::Failed(reason), .. }) if self.renewing => {
                self.renewing = false;
                self.notices.push(Event::Offline { reason, will_retry: true });
            }
            Stage::HangingUp(Parting { then: Then::Failed(error), .. }) => {
                self.attempt = false;
                self.notices.push(Event::ConnectFailed { error, retry_in_ms: Some(0) });
            }
            _ => {}
        }
        if !self.attempt && !self.renewing {
            self.notices.push(Event::Connecting);
            self.attempt = true;
        }
        self.budget.spend(now);
        self.stage = Stage::Dialing;
    }

    fn failed(&mut self, now: u64, error: Error) {
        if core::mem::take(&mut self.renewing) {
            return self.lost(now, error);
        }
        let retry = if self.is_leaving() { None } else { self.retry_at(now, &error) };
        if self.attempt {
            self.attempt = false;
            let retry_in_ms = retry.map(|at| (at - now).min(u64::from(u32::MAX)) as u32);
            self.notices.push(Event::ConnectFailed { error, retry_in_ms });
        }
        match retry {
            Some(at) => self.stage = Stage::Waiting(at),
            None => self.rest(),
        }
    }

    fn lost(&mut self, now: u64, reason: Error) {
        if now.saturating_sub(self.online_since) >= STABLE_MS {
            self.backoff.reset();
        }
        let will_retry = !self.is_leaving();
        self.notices.push(Event::Offline { reason, will_retry });
        if will_retry {
            let pause = u64::from(self.backoff.pause(&mut self.jitter));
            self.wait_until(now, now + pause);
        } else {
            self.rest();
        }
    }

    /// No further dial.
    fn rest(&mut self) {
        if self.is_leaving() {
            self.stage = Stage::Ending;
        } else {
            self.stage = Stage::Idle;
            self.goal = Goal::Nothing;
        }
    }

    /// When to try again after a failed attempt; `None`: not at all.
    fn retry_at(&mut self, now: u64, error: &Error) -> Option<u64> {
        if error.is_final() {
            return self.was_online.then(|| self.budget.soonest(now + REFUSED_PAUSE_MS));
        }
        let pause = u64::from(self.backoff.pause(&mut self.jitter));
        let at = self.budget.soonest(now + pause);
        match self.give_up {
            Some(end) if !self.was_online && at >= end => None,
            _ => Some(at),
        }
    }

    /// The next dial is at `at`, or when the budget allows; says so if that is later.
    fn wait_until(&mut self, now: u64, at: u64) {
        let allowed = self.budget.soonest(at);
        if allowed > at {
            let wait = (allowed - now).min(u64::from(u32::MAX)) as u32;
            self.notices.push(Event::Warning(Warning::DialDelayed(wait)));
        }
        self.stage = Stage::Waiting(allowed);
    }

    /// A dial that the driver makes for another purpose, if the budget has room for it.
    pub(super) fn spend_dial(&mut self, now: u64) -> Result<(), u64> {
        match self.budget.soonest(now) {
            at if at > now => Err(at - now),
            _ => {
                self.budget.spend(now);
                // The next dial of its own was planned without this one.
                if let Stage::Waiting(at) = self.stage {
                    self.stage = Stage::Waiting(self.budget.soonest(at));
                }
                Ok(())
            }
        }
    }

    /// Everything open has failed: it is over.
    pub(super) fn end(&mut self) {
        self.stage = Stage::Closed;
        self.notices.push(Event::Closed);
    }

    /// What is due at the link. `storing`: the activation waits for the store.
    pub(super) fn step(&mut self, now: u64, tx_is_empty: bool, storing: bool) -> Option<Move> {
        if self.give_up.is_some_and(|end| now >= end) && !self.was_online && !self.is_leaving() {
            self.run_out_of_time(now, storing);
        }
        match self.stage {
            Stage::Waiting(at) if now >= at => {
                self.budget.spend(now);
                self.stage = Stage::Dialing;
                if !self.attempt && !self.renewing {
                    self.attempt = true;
                    self.notices.push(Event::Connecting);
                }
                Some(Move::Dial)
            }
            Stage::Activating { until } if now >= until && !storing => {
                let cause = Cause::NoActivation(self.activation_timeout_ms);
                self.fault(now, Error::new(ErrorKind::Timeout, cause));
                self.step(now, tx_is_empty, storing)
            }
            Stage::HangingUp(parting) if !parting.asked && (tx_is_empty || now >= parting.until) => {
                self.stage = Stage::HangingUp(Parting { asked: true, ..parting });
                Some(Move::HangUp)
            }
            _ => None,
        }
    }

    fn run_out_of_time(&mut self, now: u64, storing: bool) {
        let error = match self.stage {
            Stage::Dialing => Error::link(LinkFault::Timeout),
            Stage::SigningIn => Error::new(ErrorKind::Timeout, Cause::NoConnAck(self.sign_in_timeout_ms)),
            Stage::Activating { .. } if storing => Error::new(ErrorKind::StorageFailed, Cause::Store),
            Stage::Activating { .. } => {
                Error::new(ErrorKind::Timeout, Cause::NoActivation(self.activation_timeout_ms))
            }
            // A dial that the budget delays beyond the end.
            Stage::Waiting(_) => {
                if !self.attempt {
                    self.attempt = true;
                    self.notices.push(Event::Connecting);
                }
                return self.failed(now, Error::link(LinkFault::Timeout));
            }
            _ => return,
        };
        self.hang_up(now, Then::Failed(error), false);
    }

    /// The next moment at which [`step`](Self::step) or [`gives_up`](Self::gives_up) has something to say.
    pub(super) fn deadline(&self, storing: bool) -> Option<u64> {
        let give_up = self.give_up.filter(|_| !self.was_online && !self.is_leaving());
        match self.stage {
            Stage::Waiting(at) => sooner(Some(at), give_up),
            Stage::Dialing | Stage::SigningIn => give_up,
            Stage::Activating { until } => sooner((!storing).then_some(until), give_up),
            Stage::Online => match self.goal {
                Goal::Leave { until } => Some(until),
                _ => None,
            },
            Stage::HangingUp(parting) => (!parting.asked).then_some(parting.until),
            Stage::Idle | Stage::Ending | Stage::Closed => None,
        }
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, Cause::Closed)
}
