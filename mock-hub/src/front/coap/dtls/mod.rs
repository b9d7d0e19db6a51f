//! CoAP over DTLS 1.2 with pre-shared keys (`docs-coap-http.md` A.2): one OpenSSL for each address, in front of the same
//! CoAP server that the plain port has. A handshake that is done is a sign-in.
//!
//! No socket and no clock of its own. Nothing is kept of an address until it has shown by a cookie that it can hear, and
//! it is sent less than it sent until then. A client that starts anew at the same address is let in; the association
//! that stands there goes only when the new handshake is done. What cannot be read is dropped without an answer.

mod association;
mod context;
mod cookie;
mod hello;
mod hush;
mod peers;
mod record;
mod shaking;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Context as Waking;

use crate::capture::Side;
use crate::front::Front;

use super::{Datagram, Endpoint, Server};
use association::{Association, Over};
use context::Context;
use cookie::Cookies;
use hello::{First, Hello};
use hush::Hush;
use peers::{Kept, Peers};
use record::records;
use shaking::{Shaking, Step};

/// The secured side of CoAP.
pub(crate) struct Dtls {
    front: Arc<Front>,
    context: Context,
    cookies: Cookies,
    peers: Peers,
    server: Server,
    outgoing: VecDeque<Datagram>,
    hush: Hush,
}

impl Dtls {
    /// # Errors
    /// OpenSSL has no DTLS 1.2 with pre-shared keys, or the system gives no random bytes.
    pub(crate) fn new(front: Arc<Front>) -> io::Result<Self> {
        let context = Context::new(front.cloud.clone()).map_err(io::Error::other)?;
        let cookies = Cookies::new().map_err(io::Error::other)?;
        Ok(Self {
            context,
            cookies,
            peers: Peers::default(),
            server: Server::new(front.clone(), Side::Coaps),
            outgoing: VecDeque::new(),
            hush: Hush::default(),
            front,
        })
    }

    fn now_ms(&self) -> u64 {
        self.front.clock.monotonic_ms()
    }

    /// Writes a journal line about what anybody can send, unless there were many.
    fn whisper(&mut self, text: impl FnOnce() -> String) {
        if let Some(line) = self.hush.line(self.now_ms(), text) {
            self.front.transport(line);
        }
    }

    fn send(&mut self, to: SocketAddr, bytes: Vec<u8>) {
        self.outgoing.push_back(Datagram { to, bytes });
    }

    /// A hello: asks for the cookie, or begins the handshake that the cookie allows.
    fn hello(&mut self, from: SocketAddr, hello: &Hello<'_>) {
        let now_ms = self.now_ms();
        if !self.cookies.is_good(from, hello.random, hello.cookie, now_ms) {
            let cookie = self.cookies.make(from, hello.random, now_ms);
            return self.send(from, hello.verify_request(&cookie));
        }
        if let Some(peer) = self.peers.get(&from) {
            // The peer did not hear the answer, or the network doubled its question.
            if let Some(shaking) = peer.shaking.as_ref().filter(|shaking| began(shaking, hello)) {
                let again = shaking.flight().iter().map(|bytes| Datagram { to: from, bytes: bytes.clone() });
                return self.outgoing.extend(again);
            }
            if peer.kept.as_ref().is_some_and(|kept| kept.association.began_with(hello.random)) {
                return self
                    .whisper(|| format!("{from}: a ClientHello came again after its handshake; dropped"));
            }
        } else if self.peers.len() >= self.front.limits.connections {
            let limit = self.front.limits.connections;
            return self
                .whisper(|| format!("{from}: handshake not begun, since {limit} peers have associations"));
        }
        if hello.message > MOST_ASKED {
            let count = hello.message;
            return self.whisper(|| format!("{from}: a ClientHello with message number {count}; dropped"));
        }
        self.begin(from, hello, now_ms);
    }

    fn begin(&mut self, from: SocketAddr, hello: &Hello<'_>, now_ms: u64) {
        let (association, progress) = match Association::begin(&self.context, from, hello) {
            Ok(begun) => begun,
            Err(error) => return self.whisper(|| format!("{from}: no handshake: {error}")),
        };
        let mut shaking = Shaking::new(association, self.peers.number(), now_ms);
        let step = shaking.judge(&self.context, progress);
        self.flush_flight(from, &mut shaking);
        match step {
            Step::Open => {
                if let Some((address, _)) = self.peers.shake(from, shaking) {
                    self.whisper(|| format!("{address}: handshake given up, since too many are under way"));
                }
            }
            // With pre-shared keys nothing is done after one message.
            Step::Done => {}
            Step::Failed(failure) => self.failed(from, shaking, failure),
        }
    }

    fn flush_flight(&mut self, to: SocketAddr, shaking: &mut Shaking) {
        let flight = shaking.next_flight();
        self.outgoing.extend(flight.into_iter().map(|bytes| Datagram { to, bytes }));
    }

    /// A datagram for the handshake of an address.
    fn shake(&mut self, from: SocketAddr, datagram: &[u8], now_ms: u64) {
        let Some(mut shaking) = self.peers.stop_shaking(from) else { return };
        let step = shaking.receive(&self.context, datagram, now_ms);
        self.flush_flight(from, &mut shaking);
        match step {
            Step::Open => drop(self.peers.shake(from, shaking)),
            Step::Done => self.done(from, shaking.association, now_ms),
            Step::Failed(failure) => self.failed(from, shaking, failure),
        }
    }

    /// A handshake failed: the peer hears an alert, the journal the reason.
    fn failed(&mut self, from: SocketAddr, mut shaking: Shaking, failure: Option<shaking::Failure>) {
        if let Some(alert) = shaking.alert() {
            self.send(from, alert);
        }
        if let Some(failure) = failure {
            let named = shaking.association.attempt(&self.context).and_then(|attempt| attempt.identity());
            self.front.cloud.psk_failed(named.as_ref(), from, failure.code, &failure.reason);
        }
    }

    /// A handshake is done: the device is signed in.
    fn done(&mut self, from: SocketAddr, mut association: Association, now_ms: u64) {
        let named = association.attempt(&self.context).and_then(|attempt| attempt.identity());
        let lifetime_s = named.as_ref().map_or(0, |named| named.lifetime_s);
        let signed_in = named.map(|named| self.front.cloud.psk_signed_in(&named, from));
        let Some(Ok(who)) = signed_in else {
            // The cloud changed its mind since it gave the key, and has said why.
            association.close();
            return self.flush(from, &mut association);
        };
        let device = who.device.clone();
        let lifetime_ms = u64::from(lifetime_s) * 1_000;
        self.server.signed_in(from, who, lifetime_s);
        let kept = Kept { association, device, lifetime_ms, heard_ms: now_ms };
        if let Some(former) = self.peers.keep(from, kept) {
            // The session went with the sign-in; its association has no use any more.
            self.drop_kept(former);
        }
        // The end of the handshake may have had company in its datagram.
        self.read(from, now_ms, Association::read);
    }

    /// Sends what an association has made.
    fn flush(&mut self, to: SocketAddr, association: &mut Association) {
        self.outgoing
            .extend(std::iter::from_fn(|| association.transmit()).map(|bytes| Datagram { to, bytes }));
    }

    /// Lets an association read, and hands on what it held.
    fn read(
        &mut self,
        from: SocketAddr,
        now_ms: u64,
        read: impl FnOnce(&mut Association) -> (Vec<Vec<u8>>, Option<Over>),
    ) {
        let Some(kept) = self.peers.get(&from).and_then(|peer| peer.kept.as_mut()) else { return };
        let (plain, over) = read(&mut kept.association);
        if !plain.is_empty() {
            kept.heard_ms = now_ms;
        }
        let sent = std::iter::from_fn(|| kept.association.transmit());
        self.outgoing.extend(sent.map(|bytes| Datagram { to: from, bytes }));
        for datagram in plain {
            self.server.receive(from, &datagram);
        }
        match over {
            None => {}
            Some(Over::Closed) => {
                // What was answered on its way out still gets there.
                self.seal_all();
                self.server.close(from, "the device closed its DTLS session (close_notify)");
                self.drop_kept(from);
            }
            Some(Over::Broken(text)) => {
                self.server.close(from, "its DTLS session broke");
                self.drop_kept(from);
                self.whisper(|| format!("{from}: DTLS session over: {text}"));
            }
        }
    }

    /// Drops an association and says goodbye.
    fn drop_kept(&mut self, address: SocketAddr) {
        if let Some(mut kept) = self.peers.drop_kept(address) {
            kept.association.close();
            self.flush(address, &mut kept.association);
        }
    }

    /// Seals what the server has to say.
    fn seal_all(&mut self) {
        while let Some(Datagram { to, bytes }) = self.server.transmit() {
            let Some(kept) = self.peers.get(&to).and_then(|peer| peer.kept.as_mut()) else { continue };
            let sealed = kept.association.send(&bytes);
            self.outgoing.extend(
                std::iter::from_fn(|| kept.association.transmit()).map(|bytes| Datagram { to, bytes }),
            );
            if let Err(error) = sealed {
                self.whisper(|| format!("{to}: cannot seal a datagram: {error}"));
            }
        }
    }

    /// Does what is due at an address.
    fn expire_at(&mut self, address: SocketAddr, now_ms: u64) {
        if let Some(mut shaking) = self.peers.stop_shaking(address) {
            if shaking.is_due(now_ms) {
                let again =
                    shaking.flight().iter().map(|bytes| Datagram { to: address, bytes: bytes.clone() });
                self.outgoing.extend(again);
            }
            match shaking.expire(&self.context, now_ms) {
                Step::Failed(failure) => self.failed(address, shaking, failure),
                Step::Open | Step::Done => drop(self.peers.shake(address, shaking)),
            }
        }
        let stale = self.peers.get(&address).and_then(|peer| peer.kept.as_ref());
        if stale.is_some_and(|kept| kept.is_stale(now_ms)) {
            self.server.close(address, "nothing was heard for its lifetime");
            self.drop_kept(address);
        }
        self.peers.arm(address);
    }
}

/// Bytes of a sealed record, at the least: nonce and tag of CCM-8. OpenSSL ends the association over a shorter one, though
/// anybody can send that.
const SHORTEST: usize = 16;

/// How often a client may be asked for its cookie in one handshake.
const MOST_ASKED: u16 = 3;

fn began(shaking: &Shaking, hello: &Hello<'_>) -> bool {
    shaking.association.began_with(hello.random)
}

impl Endpoint for Dtls {
    fn receive(&mut self, from: SocketAddr, datagram: &[u8]) {
        let now_ms = self.now_ms();
        let Some(first) = records(datagram).next() else {
            let length = datagram.len();
            return self.whisper(|| {
                format!("{from}: {length} bytes that are no DTLS; dropped. Plain CoAP has its own port")
            });
        };
        if records(datagram).any(|record| record.epoch > 0 && record.body.len() < SHORTEST) {
            return self
                .whisper(|| format!("{from}: a sealed DTLS record that is too short to be one; dropped"));
        }
        match hello::read(&first) {
            First::Hello(hello) => return self.hello(from, &hello),
            First::Broken(what) => return self.whisper(|| format!("{from}: {what}; dropped")),
            First::Other => {}
        }
        let Some(peer) = self.peers.get(&from) else {
            return self.whisper(|| {
                format!("{from}: a DTLS record of an association that the hub does not have; dropped. The client must \
                         shake hands anew")
            });
        };
        let (shaking, kept) = (peer.shaking.is_some(), peer.kept.is_some());
        // Sealed records may be of either: the one with the wrong keys drops them.
        if kept && (first.epoch > 0 || !shaking) {
            self.read(from, now_ms, |association| association.receive(datagram));
        }
        if shaking {
            self.shake(from, datagram, now_ms);
        }
    }

    fn transmit(&mut self) -> Option<Datagram> {
        if self.outgoing.is_empty() {
            self.seal_all();
        }
        self.outgoing.pop_front()
    }

    fn take_news(&mut self, cx: &Waking<'_>) {
        self.server.take_news(cx);
    }

    fn deadline(&self) -> Option<u64> {
        self.server.deadline().into_iter().chain(self.peers.deadline()).min()
    }

    fn expire(&mut self) {
        self.server.expire();
        let now_ms = self.now_ms();
        while let Some(address) = self.peers.take_due(now_ms) {
            self.expire_at(address, now_ms);
        }
    }

    fn stop(&mut self) {
        self.server.stop();
        self.seal_all();
        let mut farewell = Vec::new();
        for (to, peer) in self.peers.iter_mut() {
            let Some(kept) = peer.kept.as_mut() else { continue };
            kept.association.close();
            farewell.extend(
                std::iter::from_fn(|| kept.association.transmit()).map(|bytes| Datagram { to, bytes }),
            );
        }
        self.outgoing.extend(farewell);
    }
}

#[cfg(test)]
mod tests;
