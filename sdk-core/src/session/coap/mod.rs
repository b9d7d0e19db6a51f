//! A CoAP session (RFC 7252) with block-wise transfer (RFC 7959), one exchange at a time (NSTART 1).
//!
//! Owns Message IDs, tokens, retransmission, the sign-in in clear and when it has to be renewed, the pieces of large
//! bodies, the hub's hints to commands that wait, and the rate that EnOS takes. Refuses to know what a topic or a
//! payload means, when to dial, and what to send again over another link (the outbox does).
//!
//! Split by phase: `exchange` (what is asked now, and its datagrams), `inbound` (received datagrams), `timers`
//! (retransmission, lifetime, what may be sent when), `ids`, `bucket`.
//!
//! A message stays in the outbox until it is answered; its datagram lies in the transmit buffer, to be sent again.

mod bucket;
mod exchange;
mod ids;
mod inbound;
#[cfg(test)]
mod tests;
mod timers;

use alloc::vec::Vec;

use crate::config::CoapConfig;
use crate::error::Error;
use crate::session::backoff::Jitter;
use crate::session::buffers::Tx;
use crate::session::outbox::Token;
use crate::wire::coap::MessageType;
use bucket::Bucket;
use exchange::Open;
pub(crate) use exchange::{SignIn, path_room};
use ids::{MessageIds, Seen};
pub(crate) use inbound::Hint;

/// The longest path of a command that is followed: `/sys/`, keys, `/thing/service/`, an identifier.
const MAX_HINT: usize = 512;
/// Acknowledgements and resets that wait to be sent; nothing more is read while there are so many.
const REPLIES: usize = 4;

/// Where the session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No link, or a link that nothing may be said on.
    Down,
    /// In clear: the sign-in must be answered until then.
    SigningIn { until: u64 },
    /// Signed in. `activating`: with the product's secret, to fetch the device's own and nothing else.
    Online { activating: bool },
    /// What is open may still be answered; nothing new begins.
    Leaving,
}

/// What an exchange is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Signing in, in clear.
    SignIn,
    /// A request of the outbox.
    Ask(Token),
    /// An answer of the outbox.
    Tell,
    /// The last word of an activation; its text is nowhere but in its datagram.
    LastWord,
    /// A command that waits at the hub, or the activation message.
    Fetch,
}

/// What comes next, once nothing is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    /// [`Coap::write_sign_in`].
    SignIn,
    /// [`Coap::write_message`], with the outbox's oldest.
    Message,
    /// [`Coap::write_fetch`].
    Fetch,
}

/// What a datagram means to those above.
#[derive(Clone, Debug)]
pub(crate) enum Heard<'p> {
    /// Nothing.
    Nothing,
    /// It belongs to nothing that is open.
    Stray,
    /// It is no message, or one that does not belong here.
    Malformed,
    /// A piece of a body; the rest is asked for.
    Part(&'p [u8]),
    /// Signed in, for the first time over this link.
    Online,
    /// The hub refuses the sign-in.
    Denied(Error),
    /// The hub has taken the request and answers later.
    Accepted(Token),
    /// The answer to a request: all of it, or the last piece.
    Reply { token: Token, payload: &'p [u8] },
    /// A request was refused, or its answer is of no use; for an answer of ours, none.
    Failed { token: Option<Token>, error: Error },
    /// An answer of ours has arrived.
    Delivered,
    /// What was fetched: all of it, or the last piece.
    Fetched(&'p [u8]),
    /// What was to be fetched cannot be had.
    NotFetched(Error),
    /// The hub no longer knows this link: another handshake is needed.
    Unknown,
    /// The peer broke off.
    Fault(Error),
}

/// What the driver was offered last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Offered {
    Nothing,
    Reply,
    Request,
}

/// Empty messages that wait to be sent.
#[derive(Default)]
struct Replies {
    queue: [[u8; 4]; REPLIES],
    used: usize,
}

impl Replies {
    fn push(&mut self, message: [u8; 4]) {
        if let Some(place) = self.queue.get_mut(self.used) {
            *place = message;
            self.used += 1;
        }
    }

    fn pop(&mut self) {
        if self.used > 0 {
            self.queue.rotate_left(1);
            self.used -= 1;
        }
    }
}

/// The state of one session.
pub(crate) struct Coap {
    settings: CoapConfig,
    /// Over DTLS: the handshake is the sign-in.
    secure: bool,
    sign_in_timeout_ms: u32,
    phase: Phase,
    random: Jitter,
    ids: MessageIds,
    /// The number behind the newest token.
    token: u32,
    open: Option<Open>,
    /// Was refused with 4.01, and goes again once signed in.
    paused: Option<Open>,
    /// The hub has forgotten this device: sign in, then go on.
    signs_in_again: bool,
    /// Over DTLS: was refused with 4.01, and goes again once after the next handshake.
    refused: Option<What>,
    /// Path of what is to be fetched; empty if nothing is.
    hint: Vec<u8>,
    seen: Seen,
    replies: Replies,
    bucket: Bucket,
    offered: Offered,
    /// When a request was sent that the hub has answered: its lifetime counts from then at the earliest.
    renewed_at: u64,
    /// Nothing may be written before.
    ids_ready_at: Option<u64>,
    /// Datagrams in a row that nothing was heard after in time.
    unheard: u8,
    /// Since then an answer is waited for.
    radio_since: Option<u64>,
    radio_on_ms: u64,
    /// Options of the datagram that was heard last are still to be looked at.
    second_look: bool,
}

impl Coap {
    pub(crate) fn new(
        settings: CoapConfig,
        secure: bool,
        sign_in_timeout_ms: u32,
        mut random: Jitter,
    ) -> Self {
        let (id, token) = (random.next() as u16, random.next() as u32);
        Self {
            settings,
            secure,
            sign_in_timeout_ms,
            phase: Phase::Down,
            random,
            ids: MessageIds::new(id),
            token,
            open: None,
            paused: None,
            signs_in_again: false,
            refused: None,
            hint: Vec::new(),
            seen: Seen::default(),
            replies: Replies::default(),
            bucket: Bucket::new(settings.bytes_per_second),
            offered: Offered::Nothing,
            renewed_at: 0,
            ids_ready_at: None,
            unheard: 0,
            radio_since: None,
            radio_on_ms: 0,
            second_look: false,
        }
    }

    /// A new link is up. True if that is all there is to a sign-in. `again`: it replaces one of this same session.
    pub(crate) fn start(&mut self, now: u64, activating: bool, again: bool) -> bool {
        self.ids.forget();
        self.seen.forget();
        self.unheard = 0;
        self.renewed_at = now;
        if !again {
            self.hint.clear();
            self.refused = None;
        }
        self.phase = if self.secure {
            Phase::Online { activating }
        } else {
            Phase::SigningIn { until: now + u64::from(self.sign_in_timeout_ms) }
        };
        self.secure
    }

    /// Nothing new begins.
    pub(crate) fn leave(&mut self) {
        self.phase = Phase::Leaving;
        self.paused = None;
    }

    /// The link is gone.
    #[inline(never)]
    pub(crate) fn down(&mut self, now: u64) {
        self.phase = Phase::Down;
        self.paused = None;
        self.signs_in_again = false;
        self.open = None;
        self.radio_off(now);
        self.replies = Replies::default();
        self.offered = Offered::Nothing;
        self.ids_ready_at = None;
        self.second_look = false;
    }

    /// Whether something is asked and not yet answered, or an empty message is to be sent.
    pub(crate) fn is_busy(&self) -> bool {
        self.open.is_some() || self.paused.is_some() || self.replies.used > 0
    }

    /// Whether nothing is open, and no command is known to wait.
    pub(crate) fn is_quiet(&self) -> bool {
        !self.is_busy() && self.hint.is_empty() && !self.second_look
    }

    /// Whether pieces of an answer are here, and more are asked for.
    pub(crate) fn is_downloading(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.download.is_some())
    }

    /// Whether a datagram can be answered.
    pub(crate) fn can_hear(&self) -> bool {
        self.replies.used < REPLIES
    }

    /// Whether the options of the datagram that was heard last are still to be looked at.
    pub(crate) fn looks_again(&self) -> bool {
        self.second_look
    }

    /// The path of what was fetched last, or is to be fetched.
    pub(crate) fn fetched_path(&self) -> &[u8] {
        &self.hint
    }

    /// What is to be fetched, by its topic.
    pub(crate) fn fetch(&mut self, topic: &str) {
        self.hint.clear();
        if topic.len() <= MAX_HINT {
            self.hint.extend_from_slice(topic.as_bytes());
        }
    }

    /// Milliseconds during which an answer was waited for, without the exchange that is open.
    pub(crate) fn radio_on_ms(&self) -> u64 {
        self.radio_on_ms
    }

    fn radio_off(&mut self, now: u64) {
        if let Some(since) = self.radio_since.take() {
            self.radio_on_ms += now.saturating_sub(since);
        }
    }

    /// The open exchange is over.
    fn finish(&mut self, now: u64) -> Option<Open> {
        let open = self.open.take();
        if self.paused.is_none() {
            self.radio_off(now);
        }
        open
    }

    /// The time of this request is over: nobody waits for its answer any more.
    #[inline(never)]
    pub(crate) fn cancel(&mut self, now: u64, token: Token, tx: &mut Tx<'_>) {
        let is_it = |open: &Option<Open>| open.as_ref().is_some_and(|open| open.what == What::Ask(token));
        if self.refused == Some(What::Ask(token)) {
            self.refused = None;
        }
        if is_it(&self.paused) {
            self.paused = None;
        } else if is_it(&self.open) {
            if let Some(open) = self.finish(now)
                && open.was_not_heard()
            {
                self.unheard = self.unheard.saturating_add(1);
            }
            tx.reset();
        }
    }

    fn reset(&mut self, id: u16) {
        self.replies.push(crate::wire::coap::empty(MessageType::Reset, id));
    }

    fn acknowledge(&mut self, id: u16) {
        self.replies.push(crate::wire::coap::empty(MessageType::Acknowledgement, id));
    }
}
