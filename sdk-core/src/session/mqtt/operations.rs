//! What an online session sends: messages, subscriptions, pings.

use super::{Mqtt, Phase};
use crate::error::{Cause, Error, ErrorKind};
use crate::session::Exchange;
use crate::session::buffers::Tx;
use crate::wire::mqtt::{self, Publish, QoS};

/// Fixed header with the longest length, topic length, packet identifier.
const PUBLISH_HEAD: usize = 9;

impl Mqtt {
    /// The largest topic and payload together in a packet of `most` bytes.
    pub(crate) fn most(&self, most: usize) -> usize {
        most.saturating_sub(PUBLISH_HEAD)
    }

    /// Encodes a message at QoS 1; false if there is no room now.
    pub(crate) fn offer(&mut self, exchange: &Exchange<'_>, tx: &mut Tx<'_>) -> bool {
        let len = mqtt::publish_len(exchange.topic.len(), QoS::AtLeastOnce, exchange.payload.len());
        let Some(room) = len.and_then(|len| tx.room(len)) else { return false };
        let packet_id = match exchange.token {
            Some(token) => token.0 + 1,
            None => self.own_id(),
        };
        let publish = Publish {
            dup: exchange.repeated,
            qos: QoS::AtLeastOnce,
            retain: false,
            topic: exchange.topic,
            packet_id,
            payload: exchange.payload,
        };
        match mqtt::publish(room, &publish) {
            Ok(n) => {
                tx.commit(n);
                true
            }
            Err(_) => false,
        }
    }

    /// A packet identifier for a SUBSCRIBE that the caller writes.
    pub(crate) fn subscribe_id(&mut self) -> u16 {
        self.own_id()
    }

    /// Bytes have left: the keep-alive clock starts anew.
    pub(crate) fn on_sent(&mut self, now: u64) {
        self.last_sent = now;
    }

    /// Sends a ping if one is due; true if one went out.
    pub(crate) fn ping(&mut self, now: u64, tx: &mut Tx<'_>) -> bool {
        let due = self.phase == Phase::Online
            && self.pinged.is_none()
            && self.ping_due().is_some_and(|due| now >= due);
        if due {
            let room = tx.room_for_ping();
            if let Some(n) = room.and_then(|room| mqtt::pingreq(room).ok()) {
                tx.commit(n);
            }
            // Without room the peer has not read for long: the same clock runs.
            self.pinged = Some(now);
        }
        due
    }

    /// Whether the peer owes an answer for too long. To be asked when all that has come is read, for a driver may
    /// read late.
    pub(crate) fn silence(&self, now: u64) -> Option<Error> {
        match (self.phase, self.pinged) {
            (Phase::SigningIn(phase), _) if now >= phase.until => {
                Some(Error::new(ErrorKind::Timeout, Cause::NoConnAck(self.sign_in_timeout_ms)))
            }
            (Phase::Online, Some(at)) if now >= at + u64::from(self.pong_timeout_ms) => {
                Some(Error::new(ErrorKind::LinkLost, Cause::PeerSilent))
            }
            _ => None,
        }
    }

    /// When a ping is due: early enough before the keep alive ends, counted from the last bytes that left, and
    /// also when the hub was silent for so long, so that a dead peer is found while messages are sent to it.
    fn ping_due(&self) -> Option<u64> {
        let pause = self.keep_alive_ms - self.keep_alive_ms / 4;
        (pause > 0).then(|| self.last_sent.min(self.last_heard) + pause)
    }

    /// The next moment at which [`ping`](Self::ping) or [`silence`](Self::silence) has something to do.
    pub(crate) fn deadline(&self) -> Option<u64> {
        match self.phase {
            Phase::SigningIn(phase) => Some(phase.until),
            Phase::Online => match self.pinged {
                Some(at) => Some(at + u64::from(self.pong_timeout_ms)),
                None => self.ping_due(),
            },
            Phase::Down | Phase::Leaving => None,
        }
    }
}
