//! Sessions: what a transport needs to carry exchanges, and no word of what they mean.
//!
//! Features hand exchanges down and get these answers up. A feature never names a transport; a session never knows
//! a method name. MQTT is the first session; CoAP will stand beside it behind the same two types.

pub(crate) mod backoff;
pub(crate) mod buffers;
pub(crate) mod mqtt;
pub(crate) mod outbox;

use crate::error::Error;
use outbox::Token;

/// A message that a feature wants to have carried.
pub(crate) struct Exchange<'a> {
    /// The request that it belongs to; `None` for an answer, which nobody tracks.
    pub(crate) token: Option<Token>,
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a [u8],
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
