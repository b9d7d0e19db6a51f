//! The CoAP server without a socket: messages, duplicates, sessions and their ends (RFC 7252 §4).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::capture::Side;
use crate::domain::SignedIn;
use crate::fabric::{News, TAKEN_OVER};
use crate::fault::{Group, Kind as Fault};
use crate::front::Front;
use crate::store::Ticket;

use super::answer::Answer;
use super::harm::Harm;
use super::lines::{self, Way};
use super::message::{self, FORBIDDEN, Head, Kind, UNAVAILABLE, is_request};
use super::peer::{Peer, RATE, SESSIONS, Session};
use super::rate::Bucket;
use super::recent::Kept;
use super::request::{self, Request};
use super::rings::Rings;
use super::separate::Separate;
use super::transfer::Moving;
use super::{DATAGRAM, Datagram, EXCHANGE_MS, Endpoint};

/// An unauthenticated datagram is answered with at most so many times its bytes.
const AMPLIFICATION: usize = 3;
/// Journal lines a second about datagrams that are no CoAP.
const NOISE: u64 = 20;

/// The CoAP server of one socket.
pub(crate) struct Server {
    pub(super) front: Arc<Front>,
    pub(super) side: Side,
    pub(super) peers: HashMap<SocketAddr, Peer>,
    /// When the sessions of a peer are looked at; of several entries of a peer the one it names counts.
    ends: BinaryHeap<Reverse<(u64, SocketAddr)>>,
    rings: Arc<Rings>,
    kept: Kept,
    pub(super) moving: Moving,
    separate: Separate,
    pub(super) harm: Option<Box<Harm>>,
    /// Answers that wait until the store has kept what they tell of.
    held: VecDeque<(Ticket, Done)>,
    pub(super) out: VecDeque<Outgoing>,
    sweep_ms: Option<u64>,
    noise: Bucket,
    /// Where Message IDs start, since a hub that starts anew must not begin with those it just used.
    first_id: u16,
    last_id: u16,
    pub(super) last_tag: u32,
}

/// A datagram that leaves, and whether its payload is to be shown nowhere.
pub(super) struct Outgoing {
    pub(super) datagram: Datagram,
    pub(super) secret: bool,
}

/// A request that was acted on, and what it is answered.
pub(super) struct Done {
    to: SocketAddr,
    kind: Kind,
    id: u16,
    token: Vec<u8>,
    /// Bytes of the answer, at most.
    most: usize,
    outcome: Outcome,
}

/// What a request leads to.
pub(super) struct Outcome {
    /// None: the cloud stays silent, as a fault was ordered.
    pub(super) answer: Option<Answer>,
    /// Of a signed-in device: who it is, and the topic it asked about.
    pub(super) about: Option<(SignedIn, String)>,
}

impl Outcome {
    /// A bare code, of nobody.
    pub(super) fn code(code: u8) -> Self {
        Self { answer: Some(Answer::of(code)), about: None }
    }
}

impl Server {
    /// A server of one socket; `side` is that of its peers.
    pub(crate) fn new(front: Arc<Front>, side: Side) -> Self {
        let now_ms = front.clock.monotonic_ms();
        // Any start will do that differs from the last one's.
        let first_id = (front.clock.now_ms() / 10) as u16;
        Self {
            front,
            side,
            peers: HashMap::new(),
            ends: BinaryHeap::new(),
            rings: Arc::default(),
            kept: Kept::default(),
            moving: Moving::default(),
            separate: Separate::default(),
            harm: None,
            held: VecDeque::new(),
            out: VecDeque::new(),
            sweep_ms: None,
            noise: Bucket::new(now_ms),
            first_id,
            last_id: 0,
            last_tag: 0,
        }
    }

    /// A DTLS handshake is done: `who` is signed in from this address, and nobody else is.
    #[cfg(feature = "coaps")]
    pub(crate) fn signed_in(&mut self, from: SocketAddr, who: SignedIn, lifetime_s: u32) {
        self.end_where(from, TAKEN_OVER, |session| session.who.device != who.device);
        // Refused: then the first request is answered with 4.01.
        let _ = self.admit(from, who, lifetime_s);
    }

    /// The peer of this address is gone: it said so, or its DTLS association is.
    pub(crate) fn close(&mut self, from: SocketAddr, reason: &str) {
        self.end_where(from, reason, |_| true);
    }

    /// Whether somebody is signed in from this address.
    #[cfg(any(test, feature = "fuzz"))]
    pub(super) fn knows(&self, from: SocketAddr) -> bool {
        self.peers.contains_key(&from)
    }

    /// Fails if anything is remembered although nobody is signed in.
    #[cfg(any(test, feature = "fuzz"))]
    pub(super) fn is_empty(&self) {
        assert!(self.peers.is_empty() && self.held.is_empty());
        assert_eq!((self.kept.bytes(), self.moving.bytes()), (0, 0));
    }

    /// Acts on a datagram, as it arrives.
    pub(super) fn handle(&mut self, from: SocketAddr, datagram: &[u8]) {
        let Some(head) = Head::read(datagram) else {
            return self.ignored(from, "it is no CoAP of version 1 (RFC 7252 section 3)");
        };
        if self.front.cloud.journal.wants_packets() {
            self.tell(Way::In, from, datagram);
        }
        let asks = matches!(head.kind, Kind::Con | Kind::Non);
        match head.code {
            0 if asks => self.reject(from, head, None),
            0 => self.separate.settled(from, head.id),
            code if asks && is_request(code) => self.request(from, head, datagram),
            _ => self.reject(from, head, Some("it is an answer to nothing that was asked")),
        }
    }

    /// A message that cannot be taken: a confirmable one is reset (§4.2), a ping among them; others are ignored.
    fn reject(&mut self, from: SocketAddr, head: Head, reason: Option<&str>) {
        if let Some(reason) = reason {
            self.ignored(from, reason);
        }
        if head.kind == Kind::Con {
            self.send(from, message::empty(Kind::Rst, head.id), false);
        }
    }

    fn ignored(&mut self, from: SocketAddr, reason: &str) {
        let now_ms = self.front.clock.monotonic_ms();
        if self.noise.take(1, NOISE, now_ms) {
            self.front.transport(format!("{from}: a datagram was not taken: {reason}"));
        }
    }

    fn request(&mut self, from: SocketAddr, head: Head, datagram: &[u8]) {
        let now_ms = self.front.clock.monotonic_ms();
        let known = self.peers.get(&from);
        let most = if known.is_some() { DATAGRAM } else { DATAGRAM.min(AMPLIFICATION * datagram.len()) };
        if let Some(answer) = known.and_then(|peer| peer.recent.find(head.kind, head.id, now_ms)) {
            // Only a confirmable message is answered again (§4.5); one that is being answered is not yet.
            if !answer.is_empty() && head.kind == Kind::Con {
                let answer = answer.to_vec();
                self.send(from, answer, true);
            }
            return;
        }
        let Some(packet) = message::read(datagram) else {
            return self.reject(from, head, Some("it is malformed (RFC 7252 section 3)"));
        };
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.recent.begin(head.kind, head.id, now_ms, &mut self.kept);
        }
        let token = packet.get_token().to_vec();
        let outcome = match Request::read(head.code, packet, datagram.len()) {
            Ok(request) => self.respond(from, request, most, now_ms),
            // §5.4.1: a non-confirmable message with a critical option that is not known is ignored.
            Err(message::BAD_OPTION) if head.kind == Kind::Non => return,
            Err(code) => Outcome::code(code),
        };
        let done = Done { to: from, kind: head.kind, id: head.id, token, most, outcome };
        let store = &self.front.cloud.store;
        if store.is_durable() && done.outcome.about.is_some() {
            self.held.push_back((store.last(), done));
        } else {
            self.finish(done);
        }
    }

    /// Sends an answer, and remembers it.
    fn finish(&mut self, done: Done) {
        let Done { to, kind, id, token, most, outcome: Outcome { answer, about } } = done;
        let now_ms = self.front.clock.monotonic_ms();
        let faults = &self.front.cloud.faults;
        let strike = match &about {
            Some((who, _)) if !faults.quiet(Group::Answers) => faults.on_answer(&who.device),
            _ => None,
        };
        if let (Some(strike), Some((who, _))) = (&strike, &about) {
            self.front.cloud.struck(strike, &who.device);
        }
        let secret = answer.as_ref().is_some_and(|answer| answer.secret);
        let bytes = match (kind, answer, strike.map(|strike| strike.kind)) {
            (_, _, Some(Fault::Reset)) => message::empty(Kind::Rst, id),
            (Kind::Con, Some(answer), Some(Fault::Separate { delay })) => {
                let own = self.next_id(to);
                let bytes = answer.write(Kind::Con, own, &token);
                let due_ms = now_ms.saturating_add(delay.unsigned_abs());
                self.separate.add(to, own, bytes, due_ms);
                message::empty(Kind::Ack, id)
            }
            (Kind::Con, Some(answer), _) => fitting(&answer, Kind::Ack, id, &token, most),
            (Kind::Con, None, _) => message::empty(Kind::Ack, id),
            (_, Some(answer), _) => {
                let own = self.next_id(to);
                fitting(&answer, Kind::Non, own, &token, most)
            }
            (_, None, _) => return,
        };
        if let Some(peer) = self.peers.get_mut(&to) {
            if peer.recent.find(kind, id, now_ms).is_none() {
                peer.recent.begin(kind, id, now_ms, &mut self.kept);
            }
            peer.recent.answered(kind, id, &bytes, &mut self.kept);
            if let Some((who, _)) = &about
                && let Some(session) = peer.session(&who.device.product_key, &who.device.device_key)
            {
                session.down.spend(bytes.len(), RATE, now_ms);
            }
        }
        self.send(to, bytes, secret);
    }

    /// Lets go what the store has kept; what it cannot keep is told as refused.
    fn let_go(&mut self, cx: &Context<'_>) {
        while let Some((ticket, _)) = self.held.front() {
            let kept = match self.front.cloud.store.poll_committed(*ticket, cx) {
                Poll::Pending => return,
                Poll::Ready(kept) => kept,
            };
            let Some((_, mut done)) = self.held.pop_front() else { return };
            if let (Err(fault), Some((who, topic)), Some(answer)) =
                (kept, &done.outcome.about, &mut done.outcome.answer)
            {
                let topic = format!("{topic}_reply");
                if let Some(payload) = self.front.cloud.not_kept(who, &topic, &answer.payload, &fault) {
                    answer.payload = payload;
                }
            }
            self.finish(done);
        }
    }

    /// Lets a signed-in device in; the code if it is not.
    pub(super) fn admit(&mut self, from: SocketAddr, who: SignedIn, lifetime_s: u32) -> Result<(), u8> {
        let now_ms = self.front.clock.monotonic_ms();
        let device = who.device.clone();
        if let Some(peer) = self.peers.get_mut(&from)
            && let Some(session) = peer.session(&device.product_key, &device.device_key)
            && session.who.secure_mode == who.secure_mode
            && !session.line().is_ended()
        {
            session.renew(who, lifetime_s, now_ms);
            self.schedule(from);
            return Ok(());
        }
        self.end_where(from, TAKEN_OVER, |session| session.who.device == device);
        if self.peers.get(&from).is_some_and(|peer| peer.sessions.len() >= SESSIONS) {
            self.front
                .transport(format!("{from}: {SESSIONS} devices are signed in from this address already"));
            return Err(UNAVAILABLE);
        }
        let limit = self.front.limits.connections;
        let Some(open) = self.front.fabric.open_pulling(limit) else {
            self.front.transport(format!("{from}: not signed in, since {limit} connections are open"));
            return Err(UNAVAILABLE);
        };
        let claim = self.front.fabric.claim(&device, open.line());
        // The session that the device had elsewhere on this server ends first.
        self.answer_rings();
        let session = Session::new(who.clone(), lifetime_s, open, claim, now_ms);
        let connection = session.connection();
        let sessions = &mut self.peers.entry(from).or_default().sessions;
        // One is the rule; room for four would be most of what a sleeping device costs.
        sessions.reserve_exact(1);
        sessions.push(session);
        self.sweep_ms.get_or_insert(now_ms.saturating_add(EXCHANGE_MS));
        self.schedule(from);
        let online = self.front.cloud.come_online(&who, connection);
        self.answer_ring(from);
        if online { Ok(()) } else { Err(FORBIDDEN) }
    }

    /// Ends those sessions of an address that `ends` names.
    fn end_where(&mut self, from: SocketAddr, reason: &str, ends: impl Fn(&Session) -> bool) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        while let Some(place) = peer.sessions.iter().position(&ends) {
            peer.sessions.remove(place).end(&self.front, reason);
        }
        if peer.sessions.is_empty() {
            peer.recent.clear(&mut self.kept);
            if let Some(transfers) = &mut peer.transfers {
                transfers.clear(&mut self.moving);
            }
            self.peers.remove(&from);
        }
    }

    /// Ends the session of a device that was told to end.
    pub(super) fn end_of(&mut self, from: SocketAddr, who: &SignedIn, reason: &str) {
        self.end_where(from, reason, |session| session.who.device == who.device);
    }

    fn answer_rings(&mut self) {
        for from in self.rings.take() {
            self.answer_ring(from);
        }
    }

    /// Looks whether a session of an address is to end, and listens on.
    fn answer_ring(&mut self, from: SocketAddr) {
        let Some(peer) = self.peers.get(&from) else { return };
        let waker = self.rings.waker(from);
        let cx = Context::from_waker(&waker);
        let ended: Vec<_> = peer
            .sessions
            .iter()
            .filter_map(|session| match session.line().poll_news(&cx, false) {
                Poll::Ready(News::End(reason)) => Some((session.connection(), reason)),
                _ => None,
            })
            .collect();
        for (connection, reason) in ended {
            self.end_where(from, &reason, |session| session.connection() == connection);
        }
    }

    /// Sees to it that the ends of an address's sessions are looked at in time.
    fn schedule(&mut self, from: SocketAddr) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let Some(first_ms) = peer.first_end_ms() else { return };
        if peer.due_ms.is_none_or(|due_ms| first_ms < due_ms) {
            peer.due_ms = Some(first_ms);
            self.ends.push(Reverse((first_ms, from)));
        }
    }

    fn end_silent(&mut self, now_ms: u64) {
        while let Some(Reverse((due_ms, from))) = self.ends.peek().copied()
            && due_ms <= now_ms
        {
            self.ends.pop();
            let Some(peer) = self.peers.get_mut(&from).filter(|peer| peer.due_ms == Some(due_ms)) else {
                continue;
            };
            peer.due_ms = None;
            while let Some(peer) = self.peers.get(&from)
                && let Some(silent) = peer.sessions.iter().find(|session| session.ends_ms() <= now_ms)
            {
                let (connection, lifetime_s) = (silent.connection(), silent.lifetime_s());
                let reason = format!("silent for its lifetime of {lifetime_s} s");
                self.end_where(from, &reason, |session| session.connection() == connection);
            }
            self.schedule(from);
        }
    }

    /// Gives room back that nobody has asked for.
    fn sweep(&mut self, now_ms: u64) {
        if self.sweep_ms.is_none_or(|sweep_ms| now_ms < sweep_ms) {
            return;
        }
        for peer in self.peers.values_mut() {
            peer.recent.forget(now_ms, &mut self.kept);
            if let Some(transfers) = &mut peer.transfers {
                transfers.forget(now_ms, &mut self.moving);
                if transfers.is_empty() {
                    peer.transfers = None;
                }
            }
        }
        self.sweep_ms = (!self.peers.is_empty()).then_some(now_ms.saturating_add(EXCHANGE_MS));
    }

    fn next_id(&mut self, to: SocketAddr) -> u16 {
        if let Some(peer) = self.peers.get_mut(&to) {
            return peer.next_id(self.first_id);
        }
        self.last_id = self.last_id.wrapping_add(1);
        self.last_id.wrapping_add(self.first_id)
    }

    /// Sends a datagram, as far as the faults let it pass.
    pub(super) fn send(&mut self, to: SocketAddr, bytes: Vec<u8>, secret: bool) {
        if self.is_harmed() {
            return self.pass_down(to, bytes, secret);
        }
        self.out.push_back(Outgoing { datagram: Datagram { to, bytes }, secret });
    }

    /// Writes a datagram into the journal, for those who listen to packets.
    fn tell(&self, way: Way, peer: SocketAddr, datagram: &[u8]) {
        let cloud = &self.front.cloud;
        lines::note(cloud, self.device(peer, datagram).as_ref(), peer, way, datagram);
    }

    /// The device that a datagram is about: the one it names, else the one that is signed in from there.
    pub(super) fn device(&self, peer: SocketAddr, datagram: &[u8]) -> Option<crate::fabric::DeviceId> {
        let named = message::read(datagram).map(|packet| request::path(&packet));
        let named = named.as_deref().and_then(|path| request::Resource::of(path).device());
        if let Some((product_key, device_key)) = named {
            return Some(crate::fabric::DeviceId::new(product_key, device_key));
        }
        self.peers.get(&peer)?.sessions.first().map(|session| session.who.device.clone())
    }
}

impl Endpoint for Server {
    fn receive(&mut self, from: SocketAddr, datagram: &[u8]) {
        let metrics = &self.front.cloud.metrics;
        metrics.bytes_in.add(datagram.len() as u64);
        metrics.datagrams_in.add(1);
        if let Some(capture) = &self.front.capture {
            capture.datagram(self.side, from, true, datagram, false);
        }
        if self.is_harmed() {
            self.pass_up(from, datagram);
        } else {
            self.handle(from, datagram);
        }
    }

    fn transmit(&mut self) -> Option<Datagram> {
        let Outgoing { datagram, secret } = self.out.pop_front()?;
        let metrics = &self.front.cloud.metrics;
        metrics.bytes_out.add(datagram.bytes.len() as u64);
        metrics.datagrams_out.add(1);
        if let Some(capture) = &self.front.capture {
            capture.datagram(self.side, datagram.to, false, &datagram.bytes, secret);
        }
        if self.front.cloud.journal.wants_packets() {
            self.tell(Way::Out, datagram.to, &datagram.bytes);
        }
        Some(datagram)
    }

    fn take_news(&mut self, cx: &Context<'_>) {
        self.rings.listen(cx.waker());
        self.answer_rings();
        self.let_go(cx);
    }

    fn deadline(&self) -> Option<u64> {
        let end = self.ends.peek().map(|Reverse((due_ms, _))| *due_ms);
        let harm = self.harm.as_ref().and_then(|harm| harm.next_due());
        [end, harm, self.separate.deadline(), self.sweep_ms].into_iter().flatten().min()
    }

    fn expire(&mut self) {
        let now_ms = self.front.clock.monotonic_ms();
        self.end_silent(now_ms);
        for Datagram { to, bytes } in self.separate.due(now_ms) {
            self.send(to, bytes, true);
        }
        self.let_go_harmed(now_ms);
        self.sweep(now_ms);
    }

    fn stop(&mut self) {
        let all: Vec<SocketAddr> = self.peers.keys().copied().collect();
        for from in all {
            self.close(from, "the hub is stopping");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The bytes of an answer; only its code if it would be longer than the peer may be sent.
fn fitting(answer: &Answer, kind: Kind, id: u16, token: &[u8], most: usize) -> Vec<u8> {
    let bytes = answer.write(kind, id, token);
    if bytes.len() <= most { bytes } else { Answer::of(answer.code).write(kind, id, token) }
}
