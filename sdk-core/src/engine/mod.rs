//! The engine: inputs in, outputs out, nothing else. Every driver is the same loop:
//!
//! after each call that changes the engine, take [`poll_output`](Engine::poll_output) until `Wait`, answer `Dial`
//! with `LinkUp` or `LinkDown`, `Transmit` with `Sent`, `Store` with `Stored`, `HangUp` with `LinkDown`.
//!
//! The engine has no clock, no link and no randomness of its own, allocates nothing per message, and never grows
//! beyond the memory it was given.

mod connection;
#[cfg(feature = "coap")]
mod datagrams;
mod dispatch;
mod memory;
mod requests;
mod state;
mod tables;
mod types;

pub use memory::{Lent, Memory, Room};
pub use tables::{CallSlot, DeviceRecord, HandlerSlot};
pub use types::*;

pub use crate::region::Region;
pub use crate::session::outbox::RequestSlot;

use connection::{Move, Stage, Then};
use dispatch::{End, Told};
use state::State;

use crate::config::{Config, ConfigError};
use crate::error::{Cause, Error, ErrorKind};
use crate::session::buffers::Rx;
use crate::session::mqtt::ANSWER_ROOM;
use crate::session::{Session, Up};
use crate::time::Now;
use crate::wire::mqtt::{self, FixedHeader};

/// One client of the hub. See the module's description for the loop that drives it.
pub struct Engine<'m> {
    rx: Rx<'m>,
    state: State<'m>,
}

/// What `poll_output` gives, with ranges in place of borrows.
enum Emit {
    Dial,
    HangUp,
    Transmit,
    Store,
    Notice(Event<'static>),
    Told(Told),
    #[cfg(feature = "coap")]
    Slept(u32, Result<(), Error>),
    Wait(Option<u64>),
}

/// What reading one packet led to.
enum Read {
    /// No whole packet is here, or no room to answer one.
    Nothing,
    /// Something changed; nobody is to be told.
    Quiet,
    Told(Told),
}

impl<'m> Engine<'m> {
    /// An engine for one client. It copies what it needs of the configuration.
    ///
    /// `entropy` must differ from start to start: it seeds jitter and message ids. Fails on values out of range,
    /// and where lent memory is too small for keys, secrets or CONNECT.
    pub fn new(config: Config<'_>, entropy: [u8; 32], memory: Memory<'m>) -> Result<Self, ConfigError> {
        let (rx, state) = State::new(&config, entropy, memory)?;
        Ok(Self { rx, state })
    }

    /// Where the driver puts what it reads, to be told by [`Input::Received`]. Empty: read nothing until bytes
    /// were sent.
    pub fn receive_buffer(&mut self) -> &mut [u8] {
        match &self.state.session {
            Session::Mqtt(_) => self.rx.buffer(),
            #[cfg(feature = "coap")]
            Session::Coap(_) => self.rx.datagram_buffer(),
        }
    }

    /// Takes what has happened. What comes late, or was never asked for, is ignored.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        match input {
            Input::Received(n) => match &mut self.state.session {
                Session::Mqtt(mqtt) => {
                    if self.state.connection.listens() {
                        self.state.stats.bytes_received += n as u64;
                        self.rx.received(n);
                        mqtt.on_received(now.mono_ms, n);
                    }
                }
                #[cfg(feature = "coap")]
                Session::Coap(_) => self.received_datagram(n),
            },
            Input::Sent(n) => {
                if n > 0 && self.state.connection.has_link() {
                    self.state.stats.bytes_sent += n as u64;
                    let State { session, tx, .. } = &mut self.state;
                    session.on_sent(now.mono_ms, n, tx);
                    #[cfg(feature = "coap")]
                    if matches!(session, Session::Coap(_)) {
                        self.state.stats.datagrams_sent += 1;
                    }
                }
            }
            Input::LinkUp => {
                if self.state.on_link_up(now) {
                    self.rx.clear();
                }
            }
            Input::LinkDown(error) => {
                self.rx.clear();
                self.state.on_link_down(now.mono_ms, error);
            }
            Input::Stored(result) => self.state.on_stored(now.mono_ms, result.is_ok()),
            Input::Tick => {}
        }
    }

    /// Asks for something. A refused request leaves no trace; an accepted post is told by exactly one `Settled`.
    /// The number is of use for posts only.
    pub fn request(&mut self, now: Now, request: Request<'_>) -> Result<RequestId, RequestError> {
        self.state.request(now, request)
    }

    /// What is to be done or told next; to be called until it gives `Wait`.
    ///
    /// Order: lifecycle notices; `Dial`, or `HangUp` on a lost peer; own messages are encoded; events of received
    /// packets, one each; `Store`; time-outs; `Transmit`; `HangUp` once all is sent; `Wait`. So the same input, cut
    /// differently, gives the same bytes and events.
    #[inline(never)]
    pub fn poll_output(&mut self, now: Now) -> Output<'_> {
        match self.advance(now.mono_ms) {
            Emit::Dial => Output::Dial(self.state.dial()),
            Emit::HangUp => Output::HangUp,
            Emit::Transmit => {
                let State { session, tx, .. } = &mut self.state;
                Output::Transmit(session.offer(now.mono_ms, tx))
            }
            Emit::Store => Output::Store(self.state.secret()),
            Emit::Notice(event) => Output::Event(event),
            Emit::Told(told) => Output::Event(told.event(self.rx.all())),
            #[cfg(feature = "coap")]
            Emit::Slept(id, ready) => {
                let report = ready.map(|()| self.state.wake_report());
                Output::Event(Event::Slept { request: RequestId(id), report })
            }
            Emit::Wait(deadline) => Output::Wait(deadline),
        }
    }

    /// The next moment at which [`poll_output`](Self::poll_output) has something to do by itself.
    pub fn deadline(&self) -> Option<u64> {
        self.state.deadline()
    }

    /// Counts a dial that the driver makes for another purpose, such as a diagnosis that signs in as this device: the
    /// hub counts them together. Refused, with the milliseconds until there is room, if the budget is used up.
    pub fn spend_dial(&mut self, now: Now) -> Result<(), u64> {
        self.state.connection.spend_dial(now.mono_ms)
    }

    /// Counters since the engine was made.
    pub fn stats(&self) -> Stats {
        Stats {
            open_requests: self.state.outbox.open() as u32,
            queued_bytes: self.state.outbox.bytes() as u64,
            #[cfg(feature = "coap")]
            radio_on_ms: self.state.radio_on_ms(),
            ..self.state.stats
        }
    }

    fn advance(&mut self, now: u64) -> Emit {
        loop {
            let Self { rx, state } = &mut *self;
            if let Some(notice) = state.connection.notice() {
                return Emit::Notice(notice);
            }
            if state.session.ping(now, &mut state.tx) {
                // A ping goes out after a long silence: a good moment to give memory back.
                rx.idle();
                state.tx.idle();
                state.outbox.idle();
            }
            let storing = state.is_storing();
            let all_sent = state.session.has_sent_all(&state.tx);
            match state.connection.step(now, all_sent, storing) {
                Some(Move::Dial) => return Emit::Dial,
                Some(Move::HangUp) => {
                    state.session.down(now);
                    state.tx.clear();
                    return Emit::HangUp;
                }
                None => {}
            }
            match &state.session {
                Session::Mqtt(_) => state.encode(),
                #[cfg(feature = "coap")]
                Session::Coap(_) => {
                    if state.encode_datagram(now) {
                        continue;
                    }
                }
            }
            if state.connection.has_notice() {
                continue;
            }
            let read = match &state.session {
                Session::Mqtt(_) => self.read(now),
                #[cfg(feature = "coap")]
                Session::Coap(_) => self.read_datagram(now),
            };
            match read {
                Read::Told(told) => return Emit::Told(told),
                Read::Quiet => continue,
                Read::Nothing => {}
            }
            let state = &mut self.state;
            if let Some(error) = state.session.silence(now).filter(|_| state.connection.listens()) {
                state.connection.fault(now, error);
                continue;
            }
            state.session.ping_again(now, &mut state.tx);
            if !matches!(state.connection.stage, Stage::Closed) && state.activation.ask(now) {
                return Emit::Store;
            }
            let given_up = state.connection.gives_up(now);
            let in_flight = state.outbox.in_flight();
            if let Some(ended) = state.outbox.end_next(now, given_up) {
                state.stats.failed += 1;
                #[cfg(feature = "coap")]
                if let Session::Coap(coap) = &mut state.session {
                    coap.cancel(now, ended.token, &mut state.tx);
                }
                let error = state.failure(ended.acknowledged, given_up);
                return Emit::Told(Told::Settled { id: ended.id, end: End::Failed(error) });
            }
            if state.outbox.in_flight() < in_flight {
                // Nobody waits for its PUBACK any more: the next message may go.
                continue;
            }
            #[cfg(feature = "coap")]
            if let Some((id, ready)) = state.fall_asleep(now) {
                return Emit::Slept(id, ready);
            }
            if state.connection.is_leaving() && self.part(now) {
                continue;
            }
            let State { session, tx, connection, .. } = &mut self.state;
            if connection.has_link() && !session.offer(now, tx).is_empty() {
                return Emit::Transmit;
            }
            return Emit::Wait(self.state.deadline());
        }
    }

    /// A closing client goes on to its end once nothing is open. True if something changed.
    fn part(&mut self, now: u64) -> bool {
        let state = &mut self.state;
        if state.outbox.open() > 0 {
            return false;
        }
        match state.connection.stage {
            Stage::Ending => {
                state.connection.end();
                true
            }
            Stage::Online => {
                let in_time = !state.connection.gives_up(now);
                if in_time && (state.outbox.answers() > 0 || state.calls.open > 0) {
                    return false;
                }
                state.session.leave(&mut state.tx);
                state.connection.leave(now);
                true
            }
            _ => false,
        }
    }

    /// Reads one packet, if it is here whole and there is room to answer it.
    fn read(&mut self, now: u64) -> Read {
        let Self { rx, state } = self;
        if !state.connection.listens() {
            rx.clear();
            return Read::Nothing;
        }
        if rx.unread().is_empty() || state.tx.room(ANSWER_ROOM).is_none() {
            return Read::Nothing;
        }
        let unread = rx.unread();
        let header = match FixedHeader::parse(unread) {
            Ok(Some(header)) => header,
            Ok(None) => return Read::Nothing,
            Err(error) => return malformed(state, now, error),
        };
        let total = header.total();
        if !rx.fits(total) {
            return read_oversize(rx, state, now, header);
        }
        if unread.len() < total {
            rx.want(total);
            return Read::Nothing;
        }
        let (from, to) = rx.take(total);
        let base = rx.all();
        let body = base.get(from + header.header_len..to).unwrap_or(&[]);
        let packet = match mqtt::decode(header, body) {
            Ok(packet) => packet,
            Err(error) => return malformed(state, now, error),
        };
        let Session::Mqtt(mqtt) = &mut state.session else { return Read::Nothing };
        let told = match mqtt.on_packet(now, packet, &mut state.tx) {
            Up::Inbound { topic, payload, repeated } => state.dispatch(now, base, topic, payload, repeated),
            Up::Accepted(token) => {
                state.outbox.acknowledged(token);
                None
            }
            Up::Nothing => None,
            Up::Online { session_present } => {
                state.on_signed_in(now, session_present);
                None
            }
            Up::Refused(code) => {
                let error = Error::connack(code, state.signs_in_with_product_secret());
                state.connection.hang_up(now, Then::Failed(error), false);
                None
            }
            Up::SubscriptionsRefused(n) => Some(Told::Warning(Warning::SubscriptionRefused(n))),
            Up::Fault(error) => {
                state.connection.fault(now, error);
                None
            }
        };
        if core::mem::take(&mut state.received_secret) {
            rx.wipe(from, to);
        }
        told.map_or(Read::Quiet, Read::Told)
    }
}

/// A packet that can never be held: a PUBLISH is acknowledged and passed over, anything else ends the link.
fn read_oversize(rx: &mut Rx<'_>, state: &mut State<'_>, now: u64, header: FixedHeader) -> Read {
    let total = header.total();
    let seen = rx.unread().get(header.header_len..).unwrap_or(&[]);
    if !header.is_publish() {
        return fault(state, now, ErrorKind::Malformed, "a packet larger than its type can be");
    }
    match mqtt::decode_publish_head(header, seen) {
        Ok(Some(head)) => {
            let Session::Mqtt(mqtt) = &mut state.session else { return Read::Nothing };
            let up = mqtt.on_oversize(now, &head, &mut state.tx);
            if let Up::Fault(error) = up {
                state.connection.fault(now, error);
                return Read::Quiet;
            }
            rx.skip(total);
            state.stats.dropped_oversize += 1;
            Read::Told(Told::Warning(Warning::Oversize(total.min(u32::MAX as usize) as u32)))
        }
        Ok(None) if rx.is_full() => {
            fault(state, now, ErrorKind::PayloadTooLarge, "a topic longer than the receive buffer")
        }
        Ok(None) => {
            rx.want(total.min(LONGEST_HEAD));
            Read::Nothing
        }
        Err(error) => malformed(state, now, error),
    }
}

/// Fixed header, the longest topic with its length, packet identifier.
const LONGEST_HEAD: usize = 5 + 2 + 65_535 + 2;

fn malformed(state: &mut State<'_>, now: u64, error: mqtt::DecodeError) -> Read {
    state.connection.fault(now, Error::new(ErrorKind::Malformed, Cause::Malformed(error)));
    Read::Quiet
}

fn fault(state: &mut State<'_>, now: u64, kind: ErrorKind, text: &'static str) -> Read {
    state.connection.fault(now, Error::new(kind, Cause::Protocol(text)));
    Read::Quiet
}
