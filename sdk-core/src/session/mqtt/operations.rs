//! What an online session sends: messages, subscriptions, pings.

use super::{Mqtt, Phase, Pinged};
use crate::error::{Cause, Error, ErrorKind};
use crate::session::buffers::Tx;
use crate::session::{Exchange, Kind};
use crate::time::sooner;
use crate::wire::mqtt::{self, Publish, QoS};

/// A peer that sends so much within the time to answer a ping is slow, not silent.
const FAIR_BYTES: usize = 1024;

/// Fixed header with the longest length, topic length, packet identifier.
const PUBLISH_HEAD: usize = 9;

impl Mqtt {
    /// The largest topic and payload together in a packet of `most` bytes.
    pub(crate) fn most(&self, most: usize) -> usize {
        most.saturating_sub(PUBLISH_HEAD)
    }

    /// Encodes a message at QoS 1; false if there is no room now.
    pub(crate) fn offer(&mut self, exchange: &Exchange<'_>, tx: &mut Tx<'_>) -> bool {
        if exchange.kind == Kind::Fetch {
            // It comes by itself.
            return true;
        }
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

    /// So many bytes have left: the keep-alive clock starts anew.
    pub(crate) fn on_sent(&mut self, now: u64, n: usize) {
        self.last_sent = now;
        if let Some(ping) = self.pinged.as_mut().filter(|ping| ping.ahead > 0) {
            ping.ahead = ping.ahead.saturating_sub(n);
            ping.since = now;
        }
    }

    /// So many bytes have come, whole packets or not.
    pub(crate) fn on_received(&mut self, now: u64, n: usize) {
        if let Some(ping) = &mut self.pinged {
            ping.heard = ping.heard.saturating_add(n);
            if ping.heard >= FAIR_BYTES {
                ping.heard = 0;
                ping.since = now;
            }
        }
    }

    /// Sends a ping if one is due; true if one went out.
    pub(crate) fn ping(&mut self, now: u64, tx: &mut Tx<'_>) -> bool {
        let due = self.phase == Phase::Online
            && self.pinged.is_none()
            && self.ping_due().is_some_and(|due| now >= due);
        if due {
            write_ping(tx);
            // Without room the peer has not read for long: the same clock runs.
            let again = now + self.pause();
            self.pinged = Some(Pinged { since: now, ahead: tx.pending().len(), heard: 0, again });
        }
        due
    }

    /// Sends one more ping if the answer to the last takes long: a client that waits has to be heard all the same
    /// [MQTT-3.1.2-23]. To be called when all that has come is read.
    pub(crate) fn ping_again(&mut self, now: u64, tx: &mut Tx<'_>) {
        let (online, pause) = (self.phase == Phase::Online, self.pause());
        if let Some(ping) = self.pinged.as_mut().filter(|ping| online && pause > 0 && now >= ping.again) {
            ping.again = now + pause;
            // What waits to leave says that this client lives as well as another ping would.
            if tx.is_empty() {
                write_ping(tx);
            }
        }
    }

    /// Whether the peer owes an answer for too long. To be asked when all that has come is read, for a driver may
    /// read late.
    pub(crate) fn silence(&self, now: u64) -> Option<Error> {
        match (self.phase, self.pinged) {
            (Phase::SigningIn(phase), _) if now >= phase.until => {
                Some(Error::new(ErrorKind::Timeout, Cause::NoConnAck(self.sign_in_timeout_ms)))
            }
            (Phase::Online, Some(ping)) if now >= ping.since + u64::from(self.pong_timeout_ms) => {
                Some(Error::new(ErrorKind::LinkLost, Cause::PeerSilent))
            }
            _ => None,
        }
    }

    /// When a ping is due: early enough before the keep alive ends, counted from the last bytes that left, and
    /// also when the hub was silent for so long, so that a dead peer is found while messages are sent to it.
    fn ping_due(&self) -> Option<u64> {
        let pause = self.pause();
        (pause > 0).then(|| match self.pinged {
            Some(ping) => ping.again,
            None => self.last_sent.min(self.last_heard) + pause,
        })
    }

    /// How long this client or its hub may be silent until a ping is due; 0: for ever.
    fn pause(&self) -> u64 {
        self.keep_alive_ms - self.keep_alive_ms / 4
    }

    /// The next moment at which [`ping`](Self::ping) or [`silence`](Self::silence) has something to do.
    pub(crate) fn deadline(&self) -> Option<u64> {
        match self.phase {
            Phase::SigningIn(phase) => Some(phase.until),
            Phase::Online => match self.pinged {
                Some(ping) => sooner(Some(ping.since + u64::from(self.pong_timeout_ms)), self.ping_due()),
                None => self.ping_due(),
            },
            Phase::Down | Phase::Leaving => None,
        }
    }
}

fn write_ping(tx: &mut Tx<'_>) {
    let room = tx.room_for_ping();
    if let Some(n) = room.and_then(|room| mqtt::pingreq(room).ok()) {
        tx.commit(n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::Region;
    use crate::wire::mqtt::{Connect, Packet};

    fn online<'m>(memory: &'m mut [u8]) -> (Mqtt, Tx<'m>) {
        let mut tx = Tx::new(Region::lent(memory));
        let mut session = Mqtt::new(60, 10_000, 10_000, 8);
        let connect = Connect {
            client_id: "c",
            username: None,
            password: None,
            will: None,
            clean_session: true,
            keep_alive_s: 60,
        };
        assert!(session.start(0, &connect, &mut tx));
        let sent = tx.pending().len();
        tx.sent(sent);
        session.on_packet(0, Packet::ConnAck { session_present: false, code: 0 }, &mut tx);
        (session, tx)
    }

    #[test]
    fn a_slow_peer_is_not_silent_and_a_dribbling_one_is() {
        for (bytes, silent) in [(1024, false), (10, true)] {
            let mut memory = [0; 64];
            let (mut session, mut tx) = online(&mut memory);
            assert!(session.ping(45_000, &mut tx));
            session.on_sent(45_000, 2);
            session.on_received(54_000, bytes);
            assert!(session.silence(54_999).is_none());
            assert_eq!(session.silence(55_000).is_some(), silent);
            assert!(session.silence(64_000).is_some());
        }
    }

    // Proves: MQTT-3.1.2-23
    #[test]
    fn the_clock_of_a_ping_starts_when_it_has_left() {
        let mut memory = [0; 64];
        let (mut session, mut tx) = online(&mut memory);
        // Thirty bytes are still to leave before it.
        assert!(tx.room(30).is_some());
        tx.commit(30);
        assert!(session.ping(45_000, &mut tx));
        session.on_sent(54_000, 30);
        assert!(session.silence(63_999).is_none());
        session.on_sent(63_000, 2);
        assert!(session.silence(72_999).is_none());
        assert!(session.silence(73_000).is_some());
        assert_eq!(session.deadline(), Some(73_000));
    }

    #[test]
    fn a_client_that_waits_for_a_slow_answer_is_heard_all_the_same() {
        let mut memory = [0; 64];
        let (mut session, mut tx) = online(&mut memory);
        session.pong_timeout_ms = 60_000;
        assert!(session.ping(45_000, &mut tx));
        tx.sent(2);
        session.on_sent(45_000, 2);
        session.on_received(80_000, 5_000);
        session.ping_again(89_999, &mut tx);
        assert!(tx.is_empty());
        assert_eq!(session.deadline(), Some(90_000));
        // The second ping within 60 s, and the clock of the first runs on.
        session.ping_again(90_000, &mut tx);
        assert_eq!(tx.pending(), [0xC0, 0]);
        assert_eq!(session.deadline(), Some(135_000));
        assert!(session.silence(139_999).is_none());
        assert!(session.silence(140_000).is_some());
        // As long as something waits to leave, no third one is put behind it.
        session.ping_again(135_000, &mut tx);
        assert_eq!(tx.pending().len(), 2);
        assert!(!session.ping(135_000, &mut tx));
        session.on_packet(136_000, Packet::PingResp, &mut tx);
        assert!(session.silence(200_000).is_none());
    }
}
