//! The state of an MQTT session: what is subscribed, what is not yet acknowledged, what may still come twice.
//!
//! A session of cleanSession 0 outlives its connection: it is parked in [`Sessions`] under its device, since
//! the vendor's client identifier changes with every CONNECT (`auth.md` §2.1). All of it is bounded.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::enos::topic;
use crate::fabric::{DeviceId, Outbound};

/// Filters one session may hold: a gateway's C client makes 15 for each sub-device (`topics.md` §4.1).
const FILTERS: usize = 20_000;
/// QoS 1 messages that may wait for PUBACK before the peer counts as one that never acknowledges. The
/// vendor's Java client keeps up to 10,000 requests open (`auth.md` §2.3), each answered once.
const UNACKNOWLEDGED: usize = 16_384;
/// Above this many unacknowledged messages a connection takes no more from its mailbox.
const WINDOW: usize = 1_024;
/// Messages and bytes that a parked session keeps for delivery again.
const KEPT_MESSAGES: usize = 2 * WINDOW;
const KEPT_BYTES: usize = 1024 * 1024;
/// QoS 2 publishes that may wait for PUBREL.
const UNRELEASED: usize = 1_024;
/// Sessions that may be parked.
const PARKED: usize = 10_000;

/// A bound of the session was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// The state of one session.
#[derive(Debug)]
pub(super) struct Session {
    persistent: bool,
    subscriptions: Subscriptions,
    unacknowledged: HashMap<u16, Sent>,
    kept_messages: usize,
    kept_bytes: usize,
    last_id: u16,
    sent: u64,
    /// Handed over for the device, but not sent before its connection ended; as many as a mailbox holds.
    unsent: Vec<Outbound>,
    unreleased: HashSet<u16>,
}

#[derive(Debug)]
struct Sent {
    order: u64,
    /// Only a persistent session can deliver again.
    message: Option<Outbound>,
}

impl Session {
    pub(super) fn new(persistent: bool) -> Self {
        Self {
            persistent,
            subscriptions: Subscriptions::default(),
            unacknowledged: HashMap::new(),
            kept_messages: 0,
            kept_bytes: 0,
            last_id: 0,
            sent: 0,
            unsent: Vec::new(),
            unreleased: HashSet::new(),
        }
    }

    pub(super) fn subscribe(&mut self, filter: &str, qos: u8) -> Result<(), Full> {
        self.subscriptions.insert(filter, qos)
    }

    pub(super) fn unsubscribe(&mut self, filter: &str) {
        self.subscriptions.remove(filter);
    }

    /// The QoS granted to the subscriptions that match a topic, the highest if several do (MQTT-3.3.5-1);
    /// none if nothing matches.
    pub(super) fn granted(&self, topic: &str) -> Option<u8> {
        self.subscriptions.granted(topic)
    }

    /// Whether more messages may be taken from the mailbox.
    pub(super) fn has_room(&self) -> bool {
        self.unacknowledged.len() < WINDOW
    }

    /// Gives a QoS 1 message its packet identifier and waits for its PUBACK from now on.
    pub(super) fn track(&mut self, message: &Outbound) -> Result<u16, Full> {
        if self.unacknowledged.len() >= UNACKNOWLEDGED {
            return Err(Full);
        }
        let id = self.free_id();
        let size = message.topic.len() + message.payload.len();
        let keep = self.persistent
            && self.kept_messages < KEPT_MESSAGES
            && self.kept_bytes.saturating_add(size) <= KEPT_BYTES;
        if keep {
            self.kept_messages += 1;
            self.kept_bytes += size;
        }
        self.sent += 1;
        let sent = Sent { order: self.sent, message: keep.then(|| message.clone()) };
        self.unacknowledged.insert(id, sent);
        Ok(id)
    }

    /// Changes the payload of a message that waits for its PUBACK.
    pub(super) fn amend(&mut self, id: u16, payload: Vec<u8>) {
        let sent = self.unacknowledged.get_mut(&id);
        if let Some(message) = sent.and_then(|sent| sent.message.as_mut()) {
            self.kept_bytes = self.kept_bytes - message.payload.len() + payload.len();
            message.payload = payload;
        }
    }

    /// A PUBACK came; false if nothing waited for it.
    pub(super) fn acknowledge(&mut self, id: u16) -> bool {
        let Some(sent) = self.unacknowledged.remove(&id) else { return false };
        if let Some(message) = sent.message {
            self.kept_messages -= 1;
            self.kept_bytes -= message.topic.len() + message.payload.len();
        }
        true
    }

    /// Whether a QoS 2 PUBLISH is the first with its packet identifier, to be handed on; its PUBREC is due
    /// either way (section 4.3.3).
    pub(super) fn receive(&mut self, id: u16) -> Result<bool, Full> {
        if self.unreleased.len() >= UNRELEASED && !self.unreleased.contains(&id) {
            return Err(Full);
        }
        Ok(self.unreleased.insert(id))
    }

    /// A PUBREL came.
    pub(super) fn release(&mut self, id: u16) {
        self.unreleased.remove(&id);
    }

    /// What is to be delivered again after a reconnect, oldest first (MQTT-4.4.0-1, MQTT-4.6.0-1). What was
    /// not kept is given up.
    pub(super) fn resend(&mut self) -> Vec<(u16, Outbound)> {
        self.unacknowledged.retain(|_, sent| sent.message.is_some());
        let mut waiting: Vec<(u64, u16, &Outbound)> = self
            .unacknowledged
            .iter()
            .filter_map(|(&id, sent)| sent.message.as_ref().map(|message| (sent.order, id, message)))
            .collect();
        waiting.sort_unstable_by_key(|&(order, ..)| order);
        waiting.into_iter().map(|(_, id, message)| (id, message.clone())).collect()
    }

    /// Keeps what was left in the mailbox for the next connection, as far as the session does.
    pub(super) fn keep_unsent(&mut self, mut messages: Vec<Outbound>) {
        messages.retain(|message| self.persistent && message.qos > 0);
        self.unsent = messages;
    }

    /// What [`keep_unsent`](Self::keep_unsent) kept.
    pub(super) fn take_unsent(&mut self) -> Vec<Outbound> {
        std::mem::take(&mut self.unsent)
    }

    fn free_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if !self.unacknowledged.contains_key(&self.last_id) {
                return self.last_id;
            }
        }
    }
}

/// Filters and what they were granted. Exact ones are found by hash, the few with wildcards one by one.
#[derive(Debug, Default)]
struct Subscriptions {
    exact: HashMap<Box<str>, u8>,
    wild: Vec<(Box<str>, u8)>,
}

impl Subscriptions {
    fn insert(&mut self, filter: &str, qos: u8) -> Result<(), Full> {
        if let Some(granted) = self.find(filter) {
            *granted = qos;
            return Ok(());
        }
        if self.exact.len() + self.wild.len() >= FILTERS {
            return Err(Full);
        }
        if filter.contains(['+', '#']) {
            self.wild.push((filter.into(), qos));
        } else {
            self.exact.insert(filter.into(), qos);
        }
        Ok(())
    }

    fn find(&mut self, filter: &str) -> Option<&mut u8> {
        let wild = self.wild.iter_mut().find(|(held, _)| **held == *filter).map(|(_, qos)| qos);
        wild.or(self.exact.get_mut(filter))
    }

    fn remove(&mut self, filter: &str) {
        self.exact.remove(filter);
        self.wild.retain(|(held, _)| **held != *filter);
    }

    fn granted(&self, topic: &str) -> Option<u8> {
        let exact = self.exact.get(topic).copied();
        let wild =
            self.wild.iter().filter(|(filter, _)| topic::matches(filter, topic)).map(|&(_, qos)| qos).max();
        exact.max(wild)
    }
}

/// Sessions of cleanSession 0 whose device is away.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<Parked>);

#[derive(Debug, Default)]
struct Parked {
    sessions: HashMap<DeviceId, (u64, Session)>,
    parkings: u64,
}

impl Sessions {
    /// Keeps a persistent session for the device's next CONNECT; any other is forgotten.
    pub(super) fn park(&self, device: &DeviceId, session: Session) {
        let mut parked = self.parked();
        if !session.persistent {
            return;
        }
        if parked.sessions.len() >= PARKED && !parked.sessions.contains_key(device) {
            let oldest = parked.sessions.iter().min_by_key(|(_, (order, _))| *order);
            if let Some(oldest) = oldest.map(|(device, _)| device.clone()) {
                parked.sessions.remove(&oldest);
            }
        }
        parked.parkings += 1;
        let order = parked.parkings;
        parked.sessions.insert(device.clone(), (order, session));
    }

    /// The session a CONNECT goes on with, and whether it was there before (MQTT-3.1.2-4 to -6).
    pub(super) fn take(&self, device: &DeviceId, clean: bool) -> (Session, bool) {
        match self.parked().sessions.remove(device) {
            Some((_, session)) if !clean => (session, true),
            _ => (Session::new(!clean), false),
        }
    }

    /// Forgets a device's parked session; false if there is none.
    pub(crate) fn forget(&self, device: &DeviceId) -> bool {
        self.parked().sessions.remove(device).is_some()
    }

    fn parked(&self) -> MutexGuard<'_, Parked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(size: usize) -> Outbound {
        Outbound { topic: "/t".into(), payload: vec![b'x'; size], qos: 1 }
    }

    // Proves: MQTT-4.7.1-1
    #[test]
    fn filters_match_as_the_standard_says() {
        let cases = [
            ("/sys/pk/dk/thing/service/+", "/sys/pk/dk/thing/service/reboot", true),
            ("/sys/pk/dk/thing/service/+", "/sys/pk/dk/thing/service/measurepoint/get", false),
            ("/sys/#", "/sys", true),
            ("/sys/#", "/sys/a/b", true),
            ("/sys/+", "/sys", false),
            ("+", "/a", false),
            ("/+", "/a", true),
            ("a", "a/", false),
        ];
        for (filter, topic, wanted) in cases {
            assert_eq!(topic::matches(filter, topic), wanted, "{filter} on {topic}");
        }
    }

    // Proves: MQTT-3.3.5-1
    #[test]
    fn the_highest_granted_qos_of_matching_filters_counts() {
        let mut session = Session::new(false);
        assert_eq!(session.granted("/a/b"), None);
        session.subscribe("/a/+", 0).unwrap();
        assert_eq!(session.granted("/a/b"), Some(0));
        session.subscribe("/a/b", 1).unwrap();
        assert_eq!(session.granted("/a/b"), Some(1));
        session.unsubscribe("/a/b");
        session.unsubscribe("/a/+");
        assert_eq!(session.granted("/a/b"), None);
    }

    // Proves: MQTT-2.3.1-4
    #[test]
    fn identifiers_go_round_and_skip_what_is_open() {
        let mut session = Session::new(false);
        let first = session.track(&message(1)).unwrap();
        assert_eq!(first, 1);
        for _ in 0..65_534 {
            let id = session.track(&message(1)).unwrap();
            assert!(session.acknowledge(id));
        }
        assert_eq!(session.track(&message(1)), Ok(2));
        assert!(!session.acknowledge(3));
    }

    #[test]
    fn a_peer_that_never_acknowledges_meets_a_bound() {
        let mut session = Session::new(true);
        let taken = (0..100_000).take_while(|_| session.track(&message(10)).is_ok()).count();
        assert_eq!(taken, UNACKNOWLEDGED);
        assert!(!session.has_room());
        assert_eq!(session.resend().len(), KEPT_MESSAGES);
        let received = (1..=u16::MAX).take_while(|&id| session.receive(id).is_ok()).count();
        assert_eq!(received, UNRELEASED);
    }

    // Proves: MQTT-3.1.2-4 MQTT-3.1.2-6 MQTT-4.3.2-1
    #[test]
    fn a_persistent_session_comes_back_in_order_and_a_clean_one_does_not() {
        let sessions = Sessions::default();
        let device = DeviceId::new("pk", "dk");
        let (mut session, present) = sessions.take(&device, false);
        assert!(!present);
        session.last_id = u16::MAX - 1;
        let ids: Vec<u16> = (1..4).map(|size| session.track(&message(size)).unwrap()).collect();
        assert_eq!(ids, [u16::MAX, 1, 2]);
        session.acknowledge(1);
        sessions.park(&device, session);
        let (mut session, present) = sessions.take(&device, false);
        assert!(present);
        assert_eq!(session.resend(), [(u16::MAX, message(1)), (2, message(3))]);
        sessions.park(&device, session);
        let (session, present) = sessions.take(&device, true);
        assert!(!present && session.unacknowledged.is_empty());
        sessions.park(&device, session);
        assert!(!sessions.take(&device, false).1);
    }
}
