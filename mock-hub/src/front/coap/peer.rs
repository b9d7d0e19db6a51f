//! A peer that is signed in: its sessions, and what the hub remembers of its datagrams.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::domain::SignedIn;
use crate::fabric::{Claim, ConnectionId, News, OpenLine, Outbound};
use crate::front::Front;

use super::rate::Bucket;
use super::recent::Recent;
use super::transfer::Transfers;

/// Sessions of one address: several devices may share a socket.
pub(super) const SESSIONS: usize = 16;
/// Rules 16 and 17: bytes in a second, each way.
pub(super) const RATE: u64 = 10 * 1024;

/// What the hub knows of an address with a session. It is forgotten with its last one.
#[derive(Default)]
pub(super) struct Peer {
    pub(super) sessions: Vec<Session>,
    pub(super) recent: Recent,
    pub(super) transfers: Option<Box<Transfers>>,
    /// When the ends of its sessions are looked at next; an older entry of the queue means nothing.
    pub(super) due_ms: Option<u64>,
    next_id: u16,
}

impl Peer {
    /// The session of a device.
    pub(super) fn session(&mut self, product_key: &str, device_key: &str) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| {
            let device = &session.who.device;
            *device.product_key == *product_key && *device.device_key == *device_key
        })
    }

    /// A Message ID that the hub has not used towards this peer for long.
    pub(super) fn next_id(&mut self, start: u16) -> u16 {
        self.next_id = self.next_id.wrapping_add(1);
        self.next_id.wrapping_add(start)
    }

    /// When the first of its sessions ends.
    pub(super) fn first_end_ms(&self) -> Option<u64> {
        self.sessions.iter().map(Session::ends_ms).min()
    }
}

/// A device that is signed in from an address (`decisions.md` §7).
pub(super) struct Session {
    pub(super) who: SignedIn,
    lifetime_s: u32,
    heard_ms: u64,
    pub(super) up: Bucket,
    pub(super) down: Bucket,
    /// Messages that wait for the device to ask, oldest first.
    pub(super) waiting: VecDeque<Outbound>,
    /// Let go in this order: the claim, then the place.
    _claim: Claim,
    open: OpenLine,
}

impl Session {
    pub(super) fn new(who: SignedIn, lifetime_s: u32, open: OpenLine, claim: Claim, now_ms: u64) -> Self {
        Self {
            who,
            lifetime_s: lifetime_s.max(1),
            heard_ms: now_ms,
            up: Bucket::new(now_ms),
            down: Bucket::new(now_ms),
            waiting: VecDeque::new(),
            _claim: claim,
            open,
        }
    }

    /// The device signed in again.
    pub(super) fn renew(&mut self, who: SignedIn, lifetime_s: u32, now_ms: u64) {
        self.who = who;
        self.lifetime_s = lifetime_s.max(1);
        self.heard_ms = now_ms;
    }

    /// The device said something: silence begins anew.
    pub(super) fn heard(&mut self, now_ms: u64) {
        self.heard_ms = now_ms;
    }

    /// When silence has lasted for the lifetime.
    pub(super) fn ends_ms(&self) -> u64 {
        self.heard_ms.saturating_add(u64::from(self.lifetime_s) * 1_000)
    }

    pub(super) fn lifetime_s(&self) -> u32 {
        self.lifetime_s
    }

    pub(super) fn connection(&self) -> ConnectionId {
        self.open.line().id()
    }

    pub(super) fn line(&self) -> &crate::fabric::Line {
        self.open.line()
    }

    /// Takes what has come for the device; the reason if the session is to end.
    pub(super) fn look(&mut self) -> Result<(), Arc<str>> {
        match self.open.line().look() {
            Some(News::End(reason)) => Err(reason),
            Some(News::Messages(messages)) => {
                self.waiting.extend(messages);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Ends the session and tells the cloud why.
    pub(super) fn end(self, front: &Front, reason: &str) {
        front.cloud.disconnected(&self.who, self.connection(), reason);
    }
}
