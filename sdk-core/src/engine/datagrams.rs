//! The engine over CoAP: what goes into the next datagram, what one that has come leads to, and falling asleep.

use super::connection::Stage;
use super::dispatch::{End, Told};
use super::state::{State, credentials, keys_of};
use super::tables::Span;
use super::types::{DeviceIx, Psk, RequestError, RequestId, Stats, WakeReport, Warning};
use super::{Engine, Read};
use crate::config::{CoapConfig, Config, ConfigError, Login, Scheme};
use crate::error::{Cause, Error, ErrorKind};
use crate::feature::envelope;
use crate::session::backoff::Jitter;
use crate::session::buffers::Rx;
use crate::session::coap::{Coap, Heard, Hint, Needs, SignIn, path_room};
use crate::session::datagrams::DATAGRAM;
use crate::session::outbox::Token;
use crate::session::{Exchange, Kind, Session};
use crate::sign;

/// The longest segment of a path (RFC 7252 §5.10).
const MAX_SEGMENT: usize = 255;
/// What the longest topic has beside the keys: `/sys//`, `/thing/service/`, an identifier, `_reply`.
const TOPIC: usize = 6 + 15 + 128 + 6;
/// The smallest block, and the largest payload that must not be cut: the sign-in's.
const LEAST: usize = 128;

/// A sleep that was asked for.
#[derive(Clone, Copy)]
struct Sleep {
    id: u32,
    until: u64,
}

/// Settings, and what is counted from one sleep to the next.
pub(super) struct Wakes {
    lifetime_s: u32,
    sleep: Option<Sleep>,
    /// The counters when the device fell asleep last.
    before: Stats,
}

impl Wakes {
    pub(super) fn new(settings: CoapConfig) -> Self {
        Self { lifetime_s: settings.lifetime_s, sleep: None, before: Stats::default() }
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        self.sleep.map(|sleep| sleep.until)
    }
}

/// The session of this configuration.
pub(super) fn session(config: &Config<'_>, jitter: &mut Jitter) -> Session {
    let secure = config.hub.scheme == Scheme::Coaps;
    let random = Jitter::of(jitter.next());
    Session::Coap(Coap::new(config.coap, secure, config.sign_in_timeout_ms, random).into())
}

/// Checks what only CoAP asks for.
pub(super) fn check(config: &Config<'_>, receive: usize, transmit: usize) -> Result<(), ConfigError> {
    let CoapConfig { lifetime_s, datagram, .. } = config.coap;
    let (product_key, device_key) = config.login.identity();
    if !(30..=86_400).contains(&lifetime_s) {
        return Err(ConfigError::Range("coap.lifetime_s (30 to 86400)"));
    }
    if !(256..=1_024).contains(&datagram) {
        return Err(ConfigError::Range("coap.datagram (256 to 1024)"));
    }
    if product_key.len() > MAX_SEGMENT || device_key.len() > MAX_SEGMENT {
        return Err(ConfigError::DeviceKey);
    }
    if let (Scheme::Coap, Login::DynamicActivation { device_secret: None, .. }) =
        (config.hub.scheme, config.login)
    {
        return Err(ConfigError::Unsupported(
            "EnOS activates no device over CoAP in clear. Use coaps://, ssl:// or tcp:// for the activation",
        ));
    }
    let keys = product_key.len() + device_key.len();
    let least = path_room(keys + TOPIC).max(path_room(keys) + LEAST);
    if least > usize::from(datagram) {
        return Err(ConfigError::Range("coap.datagram (too small for these keys)"));
    }
    if receive < DATAGRAM {
        return Err(ConfigError::Memory("receive"));
    }
    if transmit < least {
        return Err(ConfigError::Memory("transmit"));
    }
    Ok(())
}

impl State<'_> {
    /// Who the device is in the handshake that comes next.
    #[inline(never)]
    pub(super) fn psk(&self) -> Option<Psk<'_>> {
        if self.scheme != Scheme::Coaps {
            return None;
        }
        let known = credentials(&self.names, &self.devices, self.product_secret, self.next_mode())?;
        Some(Psk {
            product_key: known.product_key,
            device_key: known.device_key,
            secure_mode: known.mode as u8,
            lifetime_s: self.coap.lifetime_s,
            key: sign::psk_key(known.secret.as_bytes()),
        })
    }

    /// The link is up: over DTLS that is all, in clear the sign-in goes out.
    #[inline(never)]
    pub(super) fn start_datagrams(&mut self, now: u64) {
        let activating = self.signs_in_with_product_secret();
        let again = self.connection.is_renewing();
        let Session::Coap(coap) = &mut self.session else { return };
        if coap.start(now, activating, again) {
            self.on_signed_in(now, again);
        }
    }

    /// Writes the next datagram, if nothing is open. True if the link is to go instead.
    #[inline(never)]
    pub(super) fn encode_datagram(&mut self, now: u64) -> bool {
        let online = matches!(self.connection.stage, Stage::Online);
        let Self { session: Session::Coap(coap), outbox, tx, names, devices, connection, stats, .. } = self
        else {
            return false;
        };
        if !online && !connection.listens() {
            return false;
        }
        let waiting = online && outbox.unsent().is_some();
        if online && coap.wants_new_link(now, waiting) {
            connection.renew(now);
            return true;
        }
        match coap.needs(now, waiting) {
            Needs::Nothing => {}
            Needs::SignIn => {
                let (product_key, device_key) = keys_of(names, devices, DeviceIx::ROOT);
                let secret = devices.get(DeviceIx::ROOT).map_or(Span::EMPTY, |record| record.secret);
                let who = SignIn { product_key, device_key, secret: names.text(secret) };
                coap.write_sign_in(now, &who, tx);
            }
            Needs::Fetch => {
                if !coap.write_fetch(now, tx) {
                    // A path that no datagram can hold.
                    coap.too_large(now);
                }
            }
            Needs::Message => {
                let Some(record) = outbox.unsent() else { return false };
                let exchange = Exchange {
                    token: record.token,
                    topic: record.topic,
                    payload: record.payload,
                    kind: if record.token.is_some() { Kind::Ask } else { Kind::Tell },
                    repeated: record.dup,
                };
                let first = coap.begins();
                // It fits: that was checked at the start for the longest path.
                coap.write_message(now, &exchange, tx);
                if let Some(again) = outbox.begin().filter(|_| first) {
                    stats.messages_sent += 1;
                    stats.retries += u64::from(again);
                }
            }
        }
        false
    }

    fn failed(&mut self, token: Token, error: Error) -> Option<Told> {
        let id = self.outbox.id_of(token)?;
        self.outbox.settle(id);
        self.outbox.acknowledged(token);
        let end = match error.cause {
            Cause::CoapCode => {
                self.stats.rejected += 1;
                End::Rejected { error, message: Span::EMPTY }
            }
            _ => {
                self.stats.failed += 1;
                End::Failed(error)
            }
        };
        Some(Told::Settled { id, end })
    }

    /// The reply to a request of ours; it lies in `base`.
    fn on_answer(&mut self, base: &[u8], token: Token, payload: &[u8]) -> Option<Told> {
        self.stats.messages_received += 1;
        let id = self.outbox.id_of(token)?;
        let told = match envelope::reply(payload) {
            Ok(reply) if reply.id == id => self.on_reply(base, &reply),
            _ => {
                self.stats.dropped_malformed += 1;
                let cause = Cause::Protocol("the answer to a request is no reply of EnOS to it");
                return self.failed(token, Error::new(ErrorKind::Malformed, cause));
            }
        };
        self.outbox.acknowledged(token);
        told
    }

    /// Whether the last word of an activation is being waited for, or nothing more is to be heard.
    fn hears(&self) -> bool {
        self.connection.listens() || self.connection.is_parting()
    }

    /// A device wants to sleep.
    pub(super) fn sleep(&mut self, until: u64) -> Result<RequestId, RequestError> {
        if self.connection.is_leaving() {
            return Err(RequestError::Closed);
        }
        if self.coap.sleep.is_some() {
            return Err(RequestError::State("the client is falling asleep already"));
        }
        let id = self.outbox.other_id();
        self.coap.sleep = Some(Sleep { id, until });
        Ok(RequestId(id))
    }

    /// Whether a sleep that was asked for can begin, or has to be given up.
    pub(super) fn fall_asleep(&mut self, now: u64) -> Option<(u32, Result<(), Error>)> {
        let Sleep { id, until } = self.coap.sleep?;
        let Session::Coap(coap) = &self.session else { return None };
        let done = match self.connection.stage {
            Stage::Ending | Stage::Closed => Err(Error::new(ErrorKind::Closed, Cause::Closed)),
            Stage::Idle | Stage::Waiting(_) | Stage::Online if self.is_quiet(coap) => Ok(()),
            _ if now >= until => Err(Error::new(ErrorKind::Timeout, Cause::Awake)),
            _ => return None,
        };
        self.coap.sleep = None;
        Some((id, done))
    }

    fn is_quiet(&self, coap: &Coap) -> bool {
        coap.is_quiet()
            && !self.connection.is_renewing()
            && self.outbox.open() == 0
            && self.outbox.answers() == 0
            && self.calls.open == 0
    }

    pub(super) fn radio_on_ms(&self) -> u64 {
        match &self.session {
            Session::Coap(coap) => coap.radio_on_ms(),
            Session::Mqtt(_) => 0,
        }
    }

    /// What was done since the last sleep; memory is given back.
    #[inline(never)]
    pub(super) fn wake_report(&mut self) -> WakeReport {
        self.tx.idle();
        self.outbox.idle();
        let now = Stats { radio_on_ms: self.radio_on_ms(), ..self.stats };
        let before = core::mem::replace(&mut self.coap.before, now);
        WakeReport {
            datagrams_sent: now.datagrams_sent - before.datagrams_sent,
            datagrams_received: now.datagrams_received - before.datagrams_received,
            bytes_sent: now.bytes_sent - before.bytes_sent,
            bytes_received: now.bytes_received - before.bytes_received,
            radio_on_ms: now.radio_on_ms - before.radio_on_ms,
        }
    }
}

impl Engine<'_> {
    /// The driver has read one datagram.
    #[inline(never)]
    pub(super) fn received_datagram(&mut self, n: usize) {
        if n > 0 && self.state.hears() {
            self.state.stats.datagrams_received += 1;
            self.state.stats.bytes_received += n as u64;
            self.rx.received_datagram(n);
        }
    }

    /// Reads the datagram that is here, if there is room to answer it.
    #[inline(never)]
    pub(super) fn read_datagram(&mut self, now: u64) -> Read {
        let Self { rx, state } = self;
        let hears = state.hears();
        let Session::Coap(coap) = &mut state.session else { return Read::Nothing };
        if rx.unread().is_empty() {
            return Read::Nothing;
        }
        if coap.looks_again() {
            return look_again(rx, state, now);
        }
        if !hears {
            rx.drop_body();
            return Read::Quiet;
        }
        if !coap.can_hear() {
            return Read::Nothing;
        }
        if !coap.is_downloading() {
            // Of an answer that nobody waits for any more.
            rx.forget_body();
        }
        let heard = coap.on_datagram(now, rx.unread(), &mut state.tx);
        let read = hear(rx, state, now, heard_at(rx.all(), heard));
        let Session::Coap(coap) = &mut state.session else { return read };
        if !coap.looks_again() {
            rx.drop_datagram();
        }
        read
    }
}

/// What was heard, with a range of the received bytes in place of a borrow.
struct At {
    heard: Heard<'static>,
    payload: Span,
}

fn heard_at(base: &[u8], heard: Heard<'_>) -> At {
    let at = |payload| Span::of(base, payload);
    let (heard, payload) = match heard {
        Heard::Part(payload) => (Heard::Part(&[]), at(payload)),
        Heard::Reply { token, payload } => (Heard::Reply { token, payload: &[] }, at(payload)),
        Heard::Fetched(payload) => (Heard::Fetched(&[]), at(payload)),
        Heard::Nothing => (Heard::Nothing, Span::EMPTY),
        Heard::Stray => (Heard::Stray, Span::EMPTY),
        Heard::Malformed => (Heard::Malformed, Span::EMPTY),
        Heard::Online => (Heard::Online, Span::EMPTY),
        Heard::Denied(error) => (Heard::Denied(error), Span::EMPTY),
        Heard::Accepted(token) => (Heard::Accepted(token), Span::EMPTY),
        Heard::Failed { token, error } => (Heard::Failed { token, error }, Span::EMPTY),
        Heard::Delivered => (Heard::Delivered, Span::EMPTY),
        Heard::NotFetched(error) => (Heard::NotFetched(error), Span::EMPTY),
        Heard::Unknown => (Heard::Unknown, Span::EMPTY),
        Heard::Fault(error) => (Heard::Fault(error), Span::EMPTY),
    };
    At { heard, payload }
}

/// Takes what was heard to those whom it is for.
fn hear(rx: &mut Rx<'_>, state: &mut State<'_>, now: u64, At { heard, payload }: At) -> Read {
    let Session::Coap(coap) = &mut state.session else { return Read::Nothing };
    let (from, to) = (payload.start as usize, payload.end as usize);
    if !state.connection.listens() {
        // The link is to go: only whether the last word has arrived matters, and the session knows that.
        return Read::Quiet;
    }
    let told = match heard {
        Heard::Nothing => None,
        Heard::Part(_) => {
            if !rx.keep(from, to) {
                rx.drop_body();
                let failed = coap.too_large(now);
                state.stats.dropped_oversize += 1;
                return hear(rx, state, now, At { heard: failed, payload: Span::EMPTY });
            }
            None
        }
        Heard::Stray => {
            state.stats.dropped_stray += 1;
            None
        }
        Heard::Malformed => {
            state.stats.dropped_malformed += 1;
            None
        }
        Heard::Online => {
            state.on_signed_in(now, false);
            None
        }
        Heard::Accepted(token) => {
            state.outbox.acknowledged(token);
            None
        }
        Heard::Delivered => {
            state.outbox.end_answer();
            None
        }
        Heard::Denied(error) | Heard::Fault(error) => {
            state.connection.fault(now, error);
            None
        }
        Heard::Unknown if matches!(state.connection.stage, Stage::Online) => {
            state.connection.renew(now);
            None
        }
        Heard::Unknown => {
            // While it activates there is nobody who thinks it online: this attempt has failed, the next may do.
            let error = Error { kind: ErrorKind::LinkLost, ..Error::coap(4, 1) };
            state.connection.fault(now, error);
            None
        }
        Heard::NotFetched(error) => {
            if matches!(state.connection.stage, Stage::Activating { .. }) {
                state.connection.fault(now, activation_refused(error));
            }
            None
        }
        Heard::Failed { token: Some(token), error } => state.failed(token, error),
        Heard::Failed { token: None, .. } => {
            state.outbox.end_answer();
            state.stats.dropped_answers += 1;
            None
        }
        Heard::Reply { token, .. } => match rx.complete(from, to) {
            Some((from, to)) => {
                let base = rx.all();
                state.on_answer(base, token, base.get(from..to).unwrap_or(&[]))
            }
            None => state.failed(token, too_large()),
        },
        Heard::Fetched(_) => return fetched(rx, state, now, (from, to)),
    };
    told.map_or(Read::Quiet, Read::Told)
}

/// A command that was fetched, or the activation message.
fn fetched(rx: &mut Rx<'_>, state: &mut State<'_>, now: u64, (from, to): (usize, usize)) -> Read {
    let Session::Coap(coap) = &mut state.session else { return Read::Nothing };
    let body = rx.complete(from, to);
    // Its topic must lie where the payload lies.
    let noted = body.and_then(|body| Some((body, rx.note(coap.fetched_path())?)));
    coap.forget_hint();
    let Some(((from, to), (topic_from, topic_to))) = noted else {
        state.stats.dropped_oversize += 1;
        return Read::Told(Told::Warning(Warning::Oversize((to - from) as u32)));
    };
    let base = rx.all();
    let topic = base.get(topic_from..topic_to).and_then(|topic| core::str::from_utf8(topic).ok());
    let told = state.dispatch(now, base, topic.unwrap_or(""), base.get(from..to).unwrap_or(&[]), true);
    if core::mem::take(&mut state.received_secret) {
        rx.wipe_all();
        rx.drop_body();
        if let Session::Coap(coap) = &mut state.session {
            // There is nothing left to look at.
            coap.on_hint(&[]);
        }
    }
    told.map_or(Read::Quiet, Read::Told)
}

/// Looks at the options of the datagram that was heard last: a command may lie in them.
fn look_again(rx: &mut Rx<'_>, state: &mut State<'_>, now: u64) -> Read {
    let Session::Coap(coap) = &mut state.session else { return Read::Nothing };
    let told = match coap.on_hint(rx.unread()) {
        _ if !state.connection.listens() => None,
        Hint::Nothing => None,
        Hint::Malformed => state.malformed(),
        Hint::Command { topic, payload } => {
            let (topic, payload) = (Span::of(rx.all(), topic.as_bytes()), Span::of(rx.all(), payload));
            let base = rx.all();
            state.dispatch(now, base, topic.text(base), payload.bytes(base), true)
        }
    };
    rx.drop_body();
    told.map_or(Read::Quiet, Read::Told)
}

fn too_large() -> Error {
    Error::new(ErrorKind::PayloadTooLarge, Cause::Protocol("an answer larger than the limits of this client"))
}

/// No secret for this device: what the hub means by its code (`auth.md` §2.5 says so for MQTT).
fn activation_refused(error: Error) -> Error {
    match error.hub_code {
        401 | 403 | 404 => Error { kind: ErrorKind::ActivationRefused, ..error },
        _ => error,
    }
}
