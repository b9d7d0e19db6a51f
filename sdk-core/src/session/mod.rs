//! Sessions: what a transport needs to carry exchanges, and no word of what they mean.
//!
//! Features hand exchanges down and get these answers up. A feature never names a transport; a session never knows
//! a method name. MQTT and CoAP stand side by side behind [`Session`].

pub(crate) mod backoff;
pub(crate) mod buffers;
#[cfg(feature = "coap")]
pub(crate) mod coap;
#[cfg(feature = "coap")]
pub(crate) mod datagrams;
pub(crate) mod mqtt;
pub(crate) mod outbox;

use crate::error::Error;
use buffers::Tx;
#[cfg(feature = "coap")]
use coap::Coap;
use mqtt::Mqtt;
use outbox::Token;

/// What is expected after a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A reply.
    Ask,
    /// Nothing but that it arrives.
    Tell,
    /// Nothing is said: what the hub holds under this topic is asked for. Nothing on MQTT, where it comes by itself.
    Fetch,
}

/// A message that a feature wants to have carried.
pub(crate) struct Exchange<'a> {
    /// The request that it belongs to; `None` for an answer, which nobody tracks.
    pub(crate) token: Option<Token>,
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a [u8],
    pub(crate) kind: Kind,
    /// It may have reached the hub before, in this same session.
    pub(crate) repeated: bool,
}

/// What a session tells upwards about one packet.
#[derive(Debug)]
pub(crate) enum Up<'p> {
    /// Nothing for anybody above.
    Nothing,
    /// Signed in.
    Online { session_present: bool },
    /// The hub refused the sign-in.
    Refused(u8),
    /// The hub has the message of this token.
    Accepted(Token),
    /// A message has come: a reply (its envelope names the request) or a command. `repeated`: the hub says that it
    /// may have been delivered before.
    Inbound { topic: &'p str, payload: &'p [u8], repeated: bool },
    /// The hub refused so many subscriptions.
    SubscriptionsRefused(u16),
    /// The peer broke the protocol: hang up.
    Fault(Error),
}

/// The session of a transport.
pub(crate) enum Session {
    Mqtt(Mqtt),
    /// Apart, so that a client of MQTT does not carry it.
    #[cfg(feature = "coap")]
    Coap(alloc::boxed::Box<Coap>),
}

impl Session {
    /// The largest topic and payload together, if packets of `most` bytes can be sent.
    pub(crate) fn most(&self, most: usize) -> usize {
        match self {
            Self::Mqtt(mqtt) => mqtt.most(most),
            // Blocks carry any.
            #[cfg(feature = "coap")]
            Self::Coap(_) => usize::MAX,
        }
    }

    /// So many bytes have left.
    pub(crate) fn on_sent(&mut self, now: u64, n: usize, tx: &mut Tx<'_>) {
        match self {
            Self::Mqtt(mqtt) => {
                tx.sent(n);
                mqtt.on_sent(now, n);
            }
            #[cfg(feature = "coap")]
            Self::Coap(coap) => coap.on_sent(now, n),
        }
    }

    /// Sends a ping if one is due; true if one went out after a long silence.
    pub(crate) fn ping(&mut self, now: u64, tx: &mut Tx<'_>) -> bool {
        match self {
            Self::Mqtt(mqtt) => mqtt.ping(now, tx),
            #[cfg(feature = "coap")]
            Self::Coap(_) => false,
        }
    }

    /// Sends one more ping if the answer to the last takes long.
    pub(crate) fn ping_again(&mut self, now: u64, tx: &mut Tx<'_>) {
        match self {
            Self::Mqtt(mqtt) => mqtt.ping_again(now, tx),
            #[cfg(feature = "coap")]
            Self::Coap(_) => {}
        }
    }

    /// Whether the peer owes an answer for too long.
    pub(crate) fn silence(&mut self, now: u64) -> Option<Error> {
        match self {
            Self::Mqtt(mqtt) => mqtt.silence(now),
            #[cfg(feature = "coap")]
            Self::Coap(coap) => coap.silence(now),
        }
    }

    /// Says good-bye; nothing may follow.
    pub(crate) fn leave(&mut self, tx: &mut Tx<'_>) {
        match self {
            Self::Mqtt(mqtt) => {
                mqtt.leave(tx);
            }
            #[cfg(feature = "coap")]
            Self::Coap(coap) => coap.leave(),
        }
    }

    /// The link is gone.
    pub(crate) fn down(&mut self, now: u64) {
        match self {
            Self::Mqtt(mqtt) => mqtt.down(),
            #[cfg(feature = "coap")]
            Self::Coap(coap) => coap.down(now),
        }
        // MQTT counts nothing.
        let _ = now;
    }

    /// The next moment at which something is due.
    pub(crate) fn deadline(&self, tx: &Tx<'_>) -> Option<u64> {
        match self {
            Self::Mqtt(mqtt) => mqtt.deadline(),
            #[cfg(feature = "coap")]
            Self::Coap(coap) => coap.deadline(tx),
        }
    }

    /// Whether all that was said has left.
    pub(crate) fn has_sent_all(&self, tx: &Tx<'_>) -> bool {
        match self {
            Self::Mqtt(_) => tx.is_empty(),
            #[cfg(feature = "coap")]
            Self::Coap(coap) => !coap.is_busy(),
        }
    }

    /// What is to be sent now, in one piece; empty if nothing is.
    pub(crate) fn offer<'t>(&'t mut self, now: u64, tx: &'t Tx<'_>) -> &'t [u8] {
        match self {
            Self::Mqtt(_) => tx.pending(),
            #[cfg(feature = "coap")]
            Self::Coap(coap) => coap.offer(now, tx),
        }
    }
}
