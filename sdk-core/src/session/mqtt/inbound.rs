//! Received packets, after and besides CONNACK.

use super::handshake::protocol_fault;
use super::{Mqtt, Phase};
use crate::error::{Cause, Error, ErrorKind};
use crate::session::Up;
use crate::session::buffers::Tx;
use crate::session::outbox::Token;
use crate::wire::mqtt::{self, Packet, PublishHead, QoS};

/// QoS 2 messages received whose PUBREL is still to come.
const RECEIPTS: usize = 16;

/// The packet identifiers of QoS 2 messages that were handed up and must not be handed up again.
#[derive(Default)]
pub(super) struct Receipts {
    ids: [u16; RECEIPTS],
    used: usize,
}

enum Receipt {
    New,
    Repeated,
    Full,
}

impl Receipts {
    pub(super) fn clear(&mut self) {
        self.used = 0;
    }

    fn note(&mut self, id: u16) -> Receipt {
        if self.ids[..self.used].contains(&id) {
            return Receipt::Repeated;
        }
        match self.ids.get_mut(self.used) {
            Some(place) => {
                *place = id;
                self.used += 1;
                Receipt::New
            }
            None => Receipt::Full,
        }
    }

    fn release(&mut self, id: u16) {
        if let Some(at) = self.ids[..self.used].iter().position(|known| *known == id) {
            self.used -= 1;
            self.ids[at] = self.ids[self.used];
        }
    }
}

/// Room that answering any one packet may need.
pub(crate) const ANSWER_ROOM: usize = 4;

impl Mqtt {
    /// Takes one packet. The caller has made sure that `tx` has [`ANSWER_ROOM`].
    pub(crate) fn on_packet<'p>(&mut self, now: u64, packet: Packet<'p>, tx: &mut Tx<'_>) -> Up<'p> {
        match self.phase {
            Phase::Down | Phase::Leaving => return Up::Nothing,
            Phase::SigningIn(_) if !matches!(packet, Packet::ConnAck { .. }) => {
                return protocol_fault("a packet before CONNACK [MQTT-3.2.0-1]");
            }
            _ => {}
        }
        self.last_heard = now;
        match packet {
            Packet::ConnAck { session_present, code } => self.on_connack(session_present, code),
            Packet::Publish(publish) => {
                if self.receipt(publish.qos, publish.packet_id, tx) {
                    Up::Inbound { topic: publish.topic, payload: publish.payload, repeated: publish.dup }
                } else {
                    Up::Nothing
                }
            }
            Packet::PubAck(id) if id <= self.places => Up::Accepted(Token(id - 1)),
            // Of an answer or a SUBSCRIBE of ours: nobody waits for it.
            Packet::PubAck(_) | Packet::UnsubAck(_) => Up::Nothing,
            Packet::PubRel(id) => {
                self.receipts.release(id);
                self.answer(tx, |room| mqtt::pubcomp(room, id));
                Up::Nothing
            }
            Packet::SubAck(suback) => match suback.codes().iter().filter(|code| **code == 0x80).count() {
                0 => Up::Nothing,
                refused => Up::SubscriptionsRefused(refused as u16),
            },
            Packet::PingResp => {
                self.pinged = None;
                Up::Nothing
            }
            Packet::PubRec(_) | Packet::PubComp(_) => {
                protocol_fault("PUBREC or PUBCOMP, but no QoS 2 was sent")
            }
            Packet::Connect(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(_)
            | Packet::PingReq
            | Packet::Disconnect => protocol_fault("a packet that only clients send"),
        }
    }

    /// A PUBLISH that is too large to be held: acknowledged like any other, its payload passed over.
    pub(crate) fn on_oversize(&mut self, now: u64, head: &PublishHead<'_>, tx: &mut Tx<'_>) -> Up<'static> {
        if self.phase != Phase::Online {
            return Up::Fault(Error::new(
                ErrorKind::Malformed,
                Cause::Protocol("a packet before CONNACK [MQTT-3.2.0-1]"),
            ));
        }
        self.last_heard = now;
        self.receipt(head.qos, head.packet_id, tx);
        Up::Nothing
    }

    /// Acknowledges a PUBLISH; true if it is to be handed up.
    fn receipt(&mut self, qos: QoS, id: u16, tx: &mut Tx<'_>) -> bool {
        match qos {
            QoS::AtMostOnce => true,
            QoS::AtLeastOnce => {
                self.answer(tx, |room| mqtt::puback(room, id));
                true
            }
            QoS::ExactlyOnce => {
                let new = match self.receipts.note(id) {
                    Receipt::New => true,
                    Receipt::Repeated => false,
                    // Handed up without a receipt: a repetition after a lost link is better than a loss.
                    Receipt::Full => true,
                };
                self.answer(tx, |room| mqtt::pubrec(room, id));
                new
            }
        }
    }

    fn answer(&mut self, tx: &mut Tx<'_>, write: impl FnOnce(&mut [u8]) -> Result<usize, crate::wire::Full>) {
        if let Some(n) = tx.room(ANSWER_ROOM).and_then(|room| write(room).ok()) {
            tx.commit(n);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qos_2_message_is_handed_up_once_and_receipts_are_bounded() {
        let mut receipts = Receipts::default();
        for id in 1..=RECEIPTS as u16 {
            assert!(matches!(receipts.note(id), Receipt::New));
            assert!(matches!(receipts.note(id), Receipt::Repeated));
        }
        assert!(matches!(receipts.note(100), Receipt::Full));
        receipts.release(3);
        assert!(matches!(receipts.note(100), Receipt::New));
        assert!(matches!(receipts.note(100), Receipt::Repeated));
        // The very one was released, no other.
        assert!(matches!(receipts.note(1), Receipt::Repeated));
        receipts.release(1);
        receipts.release(200);
        assert!(matches!(receipts.note(3), Receipt::New));
        assert!(matches!(receipts.note(1), Receipt::Full));
    }
}
