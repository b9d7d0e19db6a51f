//! What each request leads to: sign-in, uplink, or a command for the asking.

use std::net::SocketAddr;

use crate::capture::Side;
use crate::domain::{CoapLimit, CoapSignIn, Refused, SignedIn};
use crate::fabric::DeviceId;
use crate::fault::Kind as Fault;
use crate::front::Front;
use crate::journal::{Entry, EntryKind};

use super::answer::{Answer, hint_bytes};
use super::auth::Auth;
use super::block::Block;
use super::message::{
    BAD_REQUEST, CHANGED, CONTENT, CONTINUE, FORBIDDEN, GET, METHOD_NOT_ALLOWED, NOT_FOUND, POST, TOO_LARGE,
    TOO_MANY_REQUESTS, UNAUTHORIZED, UNAVAILABLE, is_success,
};
use super::peer::{RATE, Session};
use super::request::{Request, Resource, TOPIC};
use super::server::{Outcome, Server};
use super::transfer::{self, Taken};

/// Messages that wait for one device to ask; what is over is dropped.
const WAITING: usize = 512;

impl Server {
    /// Acts on a request. The answer has at most `most` bytes.
    pub(super) fn respond(
        &mut self,
        from: SocketAddr,
        request: Request,
        most: usize,
        now_ms: u64,
    ) -> Outcome {
        let path = request.path.clone();
        match Resource::of(&path) {
            // Over DTLS the handshake is the sign-in.
            Resource::Auth { .. } if self.side == Side::Coaps => Outcome::code(NOT_FOUND),
            Resource::Auth { .. } if request.method != POST => Outcome::code(METHOD_NOT_ALLOWED),
            Resource::Auth { product_key, device_key } => {
                self.auth(from, &request, DeviceId::new(product_key, device_key), most)
            }
            Resource::Topic { topic, product_key, device_key } => {
                self.topic(from, request, topic, (product_key, device_key), now_ms)
            }
            Resource::Unknown => Outcome::code(NOT_FOUND),
        }
    }

    fn auth(&mut self, from: SocketAddr, request: &Request, device: DeviceId, most: usize) -> Outcome {
        // Nothing is put together for a peer that nobody knows, and a sign-in is no long text.
        if request.block1.is_some_and(|block| block.more || block.number > 0) {
            return Outcome::code(TOO_LARGE);
        }
        let auth = match Auth::read(&request.payload) {
            Ok(auth) => auth,
            Err(reason) => {
                let text = format!(
                    "POST /auth refused with 4.00: {reason}. Fix: send {{\"secureMode\":2,\"lifetime\":seconds,\
                     \"sign\":\"…\"}}"
                );
                self.front.cloud.note(Entry::new(EntryKind::Refused, text).device(&device));
                return Outcome::code(BAD_REQUEST);
            }
        };
        if let Some(code) = refused_by_order(&self.front, &device) {
            return Outcome::code(code);
        }
        let signed = self.front.cloud.coap_sign_in(CoapSignIn {
            product_key: &device.product_key,
            device_key: &device.device_key,
            secure_mode: &auth.secure_mode,
            lifetime: &auth.lifetime,
            sign: &auth.sign,
            peer: from,
        });
        let (who, lifetime_s) = match signed {
            Ok(signed) => signed,
            Err(refused) => return Outcome::code(code_of(&refused)),
        };
        if let Err(code) = self.admit(from, who.clone(), lifetime_s) {
            return Outcome::code(code);
        }
        let mut answer = Answer::of(CHANGED);
        answer.block1 = request.block1;
        self.hint(from, &who, &mut answer, request.token.len(), most);
        Outcome { answer: Some(answer), about: Some((who, String::new())) }
    }

    fn topic(
        &mut self,
        from: SocketAddr,
        request: Request,
        topic: &str,
        (product_key, device_key): (&str, &str),
        now_ms: u64,
    ) -> Outcome {
        let Some(peer) = self.peers.get_mut(&from) else { return Outcome::code(UNAUTHORIZED) };
        // Somebody is signed in from there, but not this device.
        let Some(session) = peer.session(product_key, device_key) else { return Outcome::code(FORBIDDEN) };
        let who = session.who.clone();
        if let Err(reason) = session.look() {
            self.end_of(from, &who, &reason);
            return Outcome::code(UNAUTHORIZED);
        }
        if session.ends_ms() <= now_ms {
            // Its time is up, whenever the hub's timer runs.
            let reason = format!("silent for its lifetime of {} s", session.lifetime_s());
            self.end_of(from, &who, &reason);
            return Outcome::code(UNAUTHORIZED);
        }
        session.heard(now_ms);
        let about = Some((who.clone(), topic.to_owned()));
        if let Some(answer) = over_a_limit(&self.front, session, request.bytes, topic, now_ms) {
            return Outcome { answer: Some(answer), about };
        }
        if who.secure_mode == 3 && !activates(request.method, topic) {
            let reason = "a session of secure mode 3 only asks for its activation and confirms it";
            let text = format!("refused with 4.03: {reason}. Fix: sign in with secure mode 2");
            self.front.cloud.note(Entry::new(EntryKind::Refused, text).device(&who.device));
            return Outcome { answer: Some(Answer::of(FORBIDDEN)), about };
        }
        let answer = match request.method {
            POST | GET if is_next_block(&request) => {
                let block = request.block2.unwrap_or(Block { number: 0, more: false, exponent: 6 });
                let transfers = peer.transfers.get_or_insert_default();
                Some(transfers.block(&request.path, block, now_ms, &mut self.moving))
            }
            POST => self.post(from, &who, &request, topic, now_ms),
            GET => {
                let found = self.fetch(from, &who, topic);
                Some(self.dressed(from, &who, &request, found, now_ms))
            }
            _ => Some(Answer::of(METHOD_NOT_ALLOWED)),
        };
        Outcome { answer, about }
    }

    fn post(
        &mut self,
        from: SocketAddr,
        who: &SignedIn,
        request: &Request,
        topic: &str,
        now_ms: u64,
    ) -> Option<Answer> {
        let whole = match request.block1 {
            None => None,
            Some(block) => {
                let transfers = self.peers.get_mut(&from)?.transfers.get_or_insert_default();
                let (body, payload, size) = (request.body(), &request.payload, request.size1);
                match transfers.upload(&body, block, payload, size, now_ms, &mut self.moving) {
                    Taken::Whole(body) => Some(body),
                    Taken::Continue(block) => return Some(transfer::go_on(block)),
                    Taken::Refused(code, size) => return Some(transfer::refused(code, size)),
                }
            }
        };
        let payload = whole.as_deref().unwrap_or(&request.payload);
        self.front.cloud.metrics.messages_in.add(1);
        let replies = self.front.cloud.message(who, topic, payload, 1);
        let mut reply = None;
        for message in replies {
            if reply.is_none() && message.topic.strip_suffix("_reply") == Some(topic) {
                reply = Some(message.payload);
            } else if let Some(session) = self.session(from, who)
                && session.waiting.len() < WAITING
            {
                session.waiting.push_back(message);
            }
        }
        let answer = match reply {
            Some(payload) => Answer::with(CHANGED, payload),
            // An answer is never replied to; a request is, unless a fault keeps the cloud silent.
            None if topic.ends_with("_reply") => Answer::of(CHANGED),
            None => return None,
        };
        Some(self.dressed(from, who, request, answer, now_ms))
    }

    /// What waits for the device under this topic; it is handed out by this.
    fn fetch(&mut self, from: SocketAddr, who: &SignedIn, topic: &str) -> Answer {
        let cloud = self.front.cloud.clone();
        if who.secure_mode == 3 {
            let message = cloud.activation(who);
            if message.topic == topic {
                cloud.metrics.messages_out.add(1);
                return Answer { secret: true, ..Answer::with(CONTENT, message.payload) };
            }
        }
        let Some(session) = self.session(from, who) else { return Answer::of(UNAUTHORIZED) };
        let waiting = session.waiting.iter().position(|message| message.topic == topic);
        let message = match waiting.and_then(|place| session.waiting.remove(place)) {
            Some(message) => Some(message),
            None => cloud
                .offer_command(who, session.connection(), |command| command.topic == topic)
                .and_then(|(command, taken)| taken.then_some(command)),
        };
        match message {
            Some(message) => {
                cloud.metrics.messages_out.add(1);
                Answer::with(CONTENT, message.payload)
            }
            None => Answer::of(NOT_FOUND),
        }
    }

    /// Cuts an answer that is too long into blocks, and adds what else the device is to know.
    fn dressed(
        &mut self,
        from: SocketAddr,
        who: &SignedIn,
        request: &Request,
        mut answer: Answer,
        now_ms: u64,
    ) -> Answer {
        answer.block1 = request.block1.map(|block| Block { more: false, ..block });
        let token = request.token.len();
        if let Some(first) = answer.split(request.block2, token) {
            self.last_tag = self.last_tag.wrapping_add(1);
            let whole = answer.tagged(self.last_tag);
            let Some(part) = whole.part(first) else { return Answer::of(UNAVAILABLE) };
            let Some(peer) = self.peers.get_mut(&from) else { return Answer::of(UNAUTHORIZED) };
            let transfers = peer.transfers.get_or_insert_default();
            let whole = Answer { block1: None, ..whole };
            if !transfers.keep(&request.path, whole, now_ms, &mut self.moving) {
                return Answer::of(UNAVAILABLE);
            }
            answer = part;
        }
        self.hint(from, who, &mut answer, token, super::DATAGRAM);
        answer
    }

    /// Tells the device of what waits for it, as far as it fits; over plain CoAP with what waits itself, which is handed
    /// out by this.
    fn hint(&mut self, from: SocketAddr, who: &SignedIn, answer: &mut Answer, token: usize, most: usize) {
        if !is_success(answer.code) || answer.code == CONTINUE {
            return;
        }
        let (room, plain) = (answer.room(token, most), self.side == Side::Coap);
        let cloud = self.front.cloud.clone();
        let Some(session) = self.session(from, who) else { return };
        let fits = |topic: &str, payload: &[u8]| {
            let path = format!("{TOPIC}{topic}");
            let (alone, both) = hint_bytes(&path, payload);
            (path, alone <= room, plain && both <= room)
        };
        let (path, hinted, payload) = match session.waiting.front() {
            Some(message) => {
                let (path, hinted, inline) = fits(&message.topic, &message.payload);
                let message = if inline { session.waiting.pop_front() } else { None };
                (path, hinted, message.map(|message| message.payload))
            }
            None => {
                let offered = cloud.offer_command(who, session.connection(), |command| {
                    fits(&command.topic, &command.payload).2
                });
                let Some((command, taken)) = offered else { return };
                let (path, hinted, _) = fits(&command.topic, &command.payload);
                (path, hinted, taken.then_some(command.payload))
            }
        };
        if hinted {
            answer.hint = Some(path);
        }
        if let Some(payload) = payload {
            cloud.metrics.messages_out.add(1);
            answer.inline = Some(payload);
        }
    }

    fn session(&mut self, from: SocketAddr, who: &SignedIn) -> Option<&mut Session> {
        let device = &who.device;
        self.peers.get_mut(&from)?.session(&device.product_key, &device.device_key)
    }
}

/// Whether a request belongs to the dynamic activation, for which alone a session of secure mode 3 is there.
fn activates(method: u8, topic: &str) -> bool {
    let own = topic.strip_prefix("/ext/session/").and_then(|rest| rest.splitn(3, '/').nth(2));
    matches!((method, own), (GET, Some("thing/activate/info")) | (POST, Some("thing/activate/info_reply")))
}

/// Whether a request asks for a further block of an answer that was begun.
fn is_next_block(request: &Request) -> bool {
    request.block2.is_some_and(|block| block.number > 0)
        && request.block1.is_none()
        && request.payload.is_empty()
}

/// Rules 16 to 18: what a request is refused with, if it is.
fn over_a_limit(
    front: &Front,
    session: &mut Session,
    bytes: usize,
    topic: &str,
    now_ms: u64,
) -> Option<Answer> {
    let broken = [
        (!session.up.take(bytes, RATE, now_ms), CoapLimit::Uplink, TOO_MANY_REQUESTS),
        (session.down.is_over(RATE, now_ms), CoapLimit::Downlink, TOO_MANY_REQUESTS),
        (bytes > super::DATAGRAM, CoapLimit::Packet, TOO_LARGE),
    ];
    for (over, limit, code) in broken {
        if over && front.cloud.over_coap_limit(&session.who, limit, topic) {
            let wait = (code == TOO_MANY_REQUESTS).then_some(1);
            return Some(Answer { max_age: wait, ..Answer::of(code) });
        }
    }
    None
}

/// A refusal that was ordered, told in the codes of CoAP.
fn refused_by_order(front: &Front, device: &DeviceId) -> Option<u8> {
    let strike = front.cloud.faults.refuse_connect(Some(device))?;
    front.cloud.struck(&strike, device);
    match strike.kind {
        Fault::RefuseConnect { code: 3 } => Some(UNAVAILABLE),
        Fault::RefuseConnect { code: 5 } => Some(FORBIDDEN),
        _ => Some(UNAUTHORIZED),
    }
}

/// The code of a refused sign-in: wrong credentials are 4.01, what they may not do 4.03.
fn code_of(refused: &Refused) -> u8 {
    match refused.code {
        705 | 742 => UNAUTHORIZED,
        429 => TOO_MANY_REQUESTS,
        1200 => BAD_REQUEST,
        _ => FORBIDDEN,
    }
}
