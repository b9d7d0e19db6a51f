//! What each packet of a signed-in client leads to.

use std::sync::Arc;

use crate::domain::SignedIn;
use crate::fabric::{ConnectionId, Outbound};
use crate::front::Front;
use crate::journal::{Entry, EntryKind};
use crate::store::StoreFault;

use super::buffers::Output;
use super::end::End;
use super::harm::Harm;
use super::lines::{self, Way};
use super::packet::{self, Filters, Frame, Malformed, Packet, Publish, Unframed, frame};
use super::session::Session;

/// With this much unsent output nothing more is read from the peer.
pub(super) const HIGH_WATER: usize = 256 * 1024;

/// The packet half of a signed-in connection: state and output, no socket.
pub(super) struct Inbound {
    pub(super) front: Arc<Front>,
    pub(super) who: SignedIn,
    connection: ConnectionId,
    session: Session,
    pub(super) output: Output,
    /// What faults hold back; there is none as long as none struck.
    pub(super) harm: Option<Box<Harm>>,
    /// Received bytes that are not yet a whole packet, or that wait for output to drain.
    partial: Vec<u8>,
    behind: bool,
}

impl Inbound {
    /// A connection that just signed in; `early` is what came behind the CONNECT.
    pub(super) fn new(
        front: Arc<Front>,
        who: SignedIn,
        connection: ConnectionId,
        session: Session,
        early: Vec<u8>,
    ) -> Self {
        let (output, behind) = (Output::default(), !early.is_empty());
        Self { front, who, connection, session, output, harm: None, behind, partial: early }
    }

    pub(super) fn front(&self) -> &Front {
        &self.front
    }

    pub(super) fn who(&self) -> &SignedIn {
        &self.who
    }

    pub(super) fn output(&self) -> &Output {
        &self.output
    }

    pub(super) fn output_mut(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Whether output and session can take more messages from the mailbox.
    pub(super) fn has_room(&self) -> bool {
        self.session.has_room() && self.output.waiting() < HIGH_WATER
    }

    /// Whether received packets wait until output has drained.
    pub(super) fn is_behind(&self) -> bool {
        self.behind
    }

    /// Gives up session and output at the end of the connection.
    pub(super) fn take_apart(&mut self) -> (Session, Output) {
        let session = std::mem::replace(&mut self.session, Session::new(false));
        (session, std::mem::take(&mut self.output))
    }

    /// Acts on the packets that `bytes` complete; true if there was one.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<bool, End> {
        if self.partial.is_empty() {
            let used = self.run(bytes)?;
            self.partial.extend_from_slice(bytes.get(used..).unwrap_or_default());
            return Ok(used > 0);
        }
        let mut held = std::mem::take(&mut self.partial);
        held.extend_from_slice(bytes);
        let used = self.run(&held)?;
        if used < held.len() {
            held.drain(..used);
            self.partial = held;
        }
        Ok(used > 0)
    }

    /// Acts on the whole packets in `bytes` while there is room for output, and tells how many bytes they are.
    fn run(&mut self, bytes: &[u8]) -> Result<usize, End> {
        let mut used = 0;
        let limit = self.front.limits.packet_bytes;
        self.behind = false;
        loop {
            let rest = bytes.get(used..).unwrap_or_default();
            let frame = match frame(rest, limit) {
                Ok(frame) => frame,
                Err(Unframed::Incomplete) => return Ok(used),
                Err(Unframed::TooLong(bytes)) => return Err(End::TooLong { bytes, limit }),
                Err(Unframed::Malformed(malformed)) => return Err(End::Malformed(malformed)),
            };
            if self.output.waiting() >= HIGH_WATER {
                self.behind = true;
                return Ok(used);
            }
            let watched = self.front.cloud.journal.wants_packets();
            if watched {
                let (cloud, device) = (&self.front.cloud, &self.who.device);
                lines::note(cloud, Some(device), self.connection, Way::In, &frame);
            }
            let length = frame.length;
            if self.is_harmed() {
                self.pass_up(rest.get(..length).unwrap_or_default())?;
            } else {
                self.packet(packet::decode(&frame).map_err(End::Malformed)?)?;
            }
            if watched && !self.is_harmed() {
                self.tell_output();
            }
            used += length;
        }
    }

    /// Writes what was queued since the last call into the journal, if somebody listens to packets.
    pub(super) fn tell_output(&mut self) {
        let cloud = &self.front.cloud;
        if !cloud.journal.wants_packets() {
            return;
        }
        let mut rest = self.output.untold();
        // The hub's own packets are whole, and longer than a client may send.
        while let Ok(frame) = frame(rest, usize::MAX) {
            lines::note(cloud, Some(&self.who.device), self.connection, Way::Out, &frame);
            rest = rest.get(frame.length..).unwrap_or_default();
        }
    }

    /// What is held back tells of changes that the store cannot keep: no reply may say that they were taken.
    pub(super) fn refuse_held(&mut self, fault: &StoreFault) {
        let held = self.output.take_fresh();
        let mut rest = &*held;
        while let Ok(frame) = frame(rest, usize::MAX) {
            let (whole, behind) = rest.split_at(frame.length.min(rest.len()));
            if !self.refuse_reply(&frame, fault) {
                self.output.buffer().extend_from_slice(whole);
            }
            rest = behind;
        }
        self.tell_output();
    }

    /// Queues a reply anew, if it says that something was taken; false if it does not.
    fn refuse_reply(&mut self, frame: &Frame<'_>, fault: &StoreFault) -> bool {
        let Ok(Packet::Publish(Publish { topic, payload, qos, id })) = packet::decode(frame) else {
            return false;
        };
        let Some(payload) = self.front.cloud.not_kept(&self.who, topic, payload, fault) else { return false };
        let id = (qos > 0).then_some(id);
        // It is a few hundred bytes longer than the reply was, so it fits.
        let _ = packet::put_publish(self.output.buffer(), topic, &payload, id, false);
        if let Some(id) = id {
            self.session.amend(id, payload);
        }
        true
    }

    /// Queues a message to the device, at the QoS that it can take.
    pub(super) fn send(&mut self, message: &Outbound) -> Result<(), End> {
        let granted = self.session.granted(&message.topic).unwrap_or(1);
        let qos = message.qos.min(granted).min(self.who.qos_cap).min(1);
        let id = match qos {
            0 => None,
            _ => Some(self.session.track(message).map_err(|_| End::Unacknowledged)?),
        };
        self.publish(message, id, false);
        Ok(())
    }

    /// Queues what the session kept: first what the client had not acknowledged, then what was never sent.
    pub(super) fn resume(&mut self) -> Result<(), End> {
        for (id, message) in self.session.resend() {
            self.publish(&message, Some(id), true);
        }
        self.session.take_unsent().iter().try_for_each(|message| self.send(message))
    }

    fn publish(&mut self, message: &Outbound, id: Option<u16>, dup: bool) {
        self.front.cloud.metrics.messages_out.add(1);
        let fits = packet::put_publish(self.output.buffer(), &message.topic, &message.payload, id, dup);
        if !fits {
            if let Some(id) = id {
                self.session.acknowledge(id);
            }
            let text = format!("a message on {} is too long for MQTT and was dropped", message.topic);
            self.note(EntryKind::Transport, text);
        }
    }

    pub(super) fn packet(&mut self, packet: Packet<'_>) -> Result<(), End> {
        match packet {
            Packet::Publish(publish) => self.published(&publish)?,
            // An identifier nobody waits for is harmless: a client may acknowledge again after a reconnect.
            Packet::PubAck(id) => {
                self.session.acknowledge(id);
            }
            Packet::PubRel(id) => {
                self.session.release(id);
                packet::put_id(self.output.buffer(), packet::PUBCOMP, id);
            }
            // The hub sends nothing at QoS 2.
            Packet::PubRec(_) | Packet::PubComp(_) => {}
            Packet::Subscribe { id, filters } => {
                self.send_late_activation()?;
                self.subscribe(id, filters);
            }
            Packet::Unsubscribe { id, filters } => self.unsubscribe(id, filters),
            Packet::PingReq => packet::put_pingresp(self.output.buffer()),
            Packet::Disconnect => return Err(End::Disconnect),
            Packet::Connect(_) => {
                return Err(End::Malformed(Malformed::new("a second CONNECT", "MQTT-3.1.0-2")));
            }
        }
        Ok(())
    }

    fn published(&mut self, publish: &Publish<'_>) -> Result<(), End> {
        self.front.cloud.metrics.messages_in.add(1);
        let first = publish.qos < 2 || self.session.receive(publish.id).map_err(|_| End::Unreleased)?;
        let replies = if first {
            self.front.cloud.message(&self.who, publish.topic, publish.payload, publish.qos)
        } else {
            Vec::new()
        };
        // Acknowledged only now: what the client counts as received is in the cloud.
        match publish.qos {
            0 => {}
            1 => packet::put_id(self.output.buffer(), packet::PUBACK, publish.id),
            _ => packet::put_id(self.output.buffer(), packet::PUBREC, publish.id),
        }
        replies.iter().try_for_each(|reply| self.send(reply))
    }

    fn subscribe(&mut self, id: u16, filters: Filters<'_>) {
        let codes: Vec<u8> = filters
            .map(|(filter, qos)| {
                // The hub sends at QoS 0 and 1 only.
                let qos = qos.min(1);
                let granted =
                    self.front.cloud.may_subscribe(&self.who, filter).map_err(|denied| denied.to_string());
                let granted = granted.and_then(|()| {
                    let full = |_| "the session holds too many filters".to_owned();
                    self.session.subscribe(filter, qos).map_err(full)
                });
                granted.map_or_else(
                    |reason| {
                        self.note(EntryKind::Refused, format!("SUBSCRIBE to {filter} refused: {reason}"));
                        packet::SUBSCRIPTION_REFUSED
                    },
                    |()| qos,
                )
            })
            .collect();
        packet::put_suback(self.output.buffer(), id, &codes);
    }

    fn unsubscribe(&mut self, id: u16, filters: Filters<'_>) {
        for (filter, _) in filters {
            self.session.unsubscribe(filter);
            self.note(EntryKind::Subscribe, format!("UNSUBSCRIBE from {filter}"));
        }
        packet::put_id(self.output.buffer(), packet::UNSUBACK, id);
    }

    fn note(&self, kind: EntryKind, text: String) {
        self.front.cloud.note(Entry::new(kind, text).device(&self.who.device));
    }
}
