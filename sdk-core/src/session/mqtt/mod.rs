//! One MQTT 3.1.1 session over one link after the other: sign-on, keep-alive, QoS 0/1 out, QoS 0/1/2 in.
//!
//! Owns packet identifiers of its own packets, the keep-alive clock and the QoS 2 receipts. Refuses to know what a
//! topic or a payload means, when to dial, and what to send again (the outbox does).
//!
//! Split by phase: `handshake` (CONNECT, CONNACK, DISCONNECT), `inbound` (all other received packets),
//! `operations` (PUBLISH, SUBSCRIBE, pings).

mod handshake;
mod inbound;
mod operations;
#[cfg(test)]
mod tests;

pub(crate) use handshake::connect_len;
pub(crate) use inbound::ANSWER_ROOM;
use inbound::Receipts;

/// Where the session stands. Each step is taken by a method that consumes the phase it starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No link, or a link that nothing may be said on.
    Down,
    /// CONNECT is out; CONNACK must come until then.
    SigningIn(SigningIn),
    /// CONNACK 0 has come.
    Online,
    /// DISCONNECT is encoded; what still comes is ignored.
    Leaving,
}

/// CONNECT is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SigningIn {
    until: u64,
    clean: bool,
}

/// A PINGREQ that waits for its answer. Its clock starts when it has left, and a peer that still sends at a fair
/// rate pushes it back: over a slow link a large message takes long, and the answer comes behind it.
#[derive(Clone, Copy, Debug)]
struct Pinged {
    since: u64,
    /// Bytes still to leave, the PINGREQ's own last.
    ahead: usize,
    /// Bytes that came since the clock was pushed.
    heard: usize,
    /// Another one goes out then.
    again: u64,
}

/// The state of one session.
pub(crate) struct Mqtt {
    phase: Phase,
    keep_alive_ms: u64,
    sign_in_timeout_ms: u32,
    pong_timeout_ms: u32,
    last_sent: u64,
    last_heard: u64,
    /// The unanswered PINGREQ.
    pinged: Option<Pinged>,
    /// Packet identifiers up to this belong to the outbox's places.
    places: u16,
    next_own_id: u16,
    receipts: Receipts,
}

impl Mqtt {
    pub(crate) fn new(keep_alive_s: u16, sign_in_timeout_ms: u32, pong_timeout_ms: u32, places: u16) -> Self {
        Self {
            phase: Phase::Down,
            keep_alive_ms: u64::from(keep_alive_s) * 1000,
            sign_in_timeout_ms,
            pong_timeout_ms,
            last_sent: 0,
            last_heard: 0,
            pinged: None,
            places,
            next_own_id: places,
            receipts: Receipts::default(),
        }
    }

    /// A packet identifier for a SUBSCRIBE or an answer: above the outbox's places, in turn.
    fn own_id(&mut self) -> u16 {
        self.next_own_id = match self.next_own_id.checked_add(1) {
            Some(id) => id,
            None => self.places + 1,
        };
        self.next_own_id
    }
}
