//! The faults that were ordered of the cloud itself: what it says wrongly, and whom it lets in no more.

use crate::enos::payload;
use crate::enos::topic::Kind as TopicKind;
use crate::fabric::{DeviceId, Outbound};
use crate::fault::{BadField, Group, Kind, Strike};
use crate::journal;

use super::certificate::common_name;
use super::device::Secret;
use super::session::{Refused, UNAVAILABLE};
use super::{Cloud, Entry, EntryKind, SignedIn};

impl Cloud {
    /// Orders a fault; gives its number.
    pub(crate) fn order_fault(&self, text: &[u8]) -> Result<u64, BadField> {
        let (id, order) = self.faults.order(text)?;
        let mut entry = Entry::new(EntryKind::Fault, format!("fault {id}, {}: ordered", order.kind.name()));
        if let Some(device) = &order.device {
            entry = entry.device(device);
        }
        self.note(entry);
        // What the device stands on is taken away under it.
        let reason = match order.kind {
            Kind::SecretRotated { .. } => Some("the device has a new secret"),
            Kind::CertificateRevoked => Some("the device's certificate was revoked"),
            _ => None,
        };
        if let (Some(reason), Some(device)) = (reason, &order.device) {
            self.fabric.cut(device, reason);
        }
        self.fabric.nudge();
        Ok(id)
    }

    /// Takes a fault away; false if there is none of this number.
    pub(crate) fn remove_fault(&self, id: u64) -> bool {
        let removed = self.faults.remove(id);
        if removed {
            self.note(Entry::new(EntryKind::Fault, format!("fault {id}: removed")));
            self.fabric.nudge();
        }
        removed
    }

    /// Takes every fault away; how many there were.
    pub(crate) fn clear_faults(&self) -> usize {
        let count = self.faults.clear();
        if count > 0 {
            self.note(Entry::new(EntryKind::Fault, format!("{count} faults removed")));
            self.fabric.nudge();
        }
        count
    }

    /// Writes a strike into the journal.
    pub(crate) fn struck(&self, strike: &Strike, device: &DeviceId) {
        self.note(strike.entry(Some(device)));
    }

    /// Answers a request as the fault wants it.
    pub(super) fn spoilt_request(
        &self,
        strike: &Strike,
        who: &SignedIn,
        topic: &str,
        kind: TopicKind<'_>,
        payload: &[u8],
        qos: u8,
    ) -> Vec<Outbound> {
        self.struck(strike, &who.device);
        match strike.kind {
            Kind::ReplyCode { code } => vec![self.refused(who, topic, payload, qos, code)],
            Kind::RateLimit => {
                vec![self.refused(who, topic, payload, qos, 429), self.traffic_control(who)]
            }
            Kind::NoReply => {
                self.request(who, topic, Ok(kind), payload, qos);
                Vec::new()
            }
            _ => {
                let mut reply = self.request(who, topic, Ok(kind), payload, qos);
                reply.payload = payload::reply(&another_id(payload), 200, None);
                vec![reply]
            }
        }
    }

    /// A reply with a code that was ordered; nothing of the request is taken.
    fn refused(&self, who: &SignedIn, topic: &str, payload: &[u8], qos: u8, code: i64) -> Outbound {
        let text = String::from_utf8_lossy(payload);
        let id = match payload::request(&text) {
            Ok(request) => request.id,
            Err((_, id)) => id,
        };
        let code = u32::try_from(code).unwrap_or(500);
        let reply = payload::reply(&id, code, Some("an ordered fault of the hub"));
        let shown = journal::Message::new(topic, &id, qos, payload, Some(i64::from(code)));
        let entry = Entry::new(EntryKind::Refused, format!("refused with {code}, as a fault was ordered"));
        self.note(entry.device(&who.device).message(shown));
        Outbound { topic: format!("{topic}_reply"), payload: reply, qos: qos.min(who.qos_cap) }
    }

    /// The message by which the cloud asks a device for less; its params have no typed fields (`payloads.md` §13).
    fn traffic_control(&self, who: &SignedIn) -> Outbound {
        let DeviceId { product_key, device_key } = &who.device;
        let id = self.next_message_id();
        let payload = payload::command(id, "traffic.control", "{}");
        let topic = format!("/sys/{product_key}/{device_key}/traffic/control");
        let shown = journal::Message::new(&topic, &id.to_string(), who.qos_cap, &payload, None);
        let entry = Entry::new(EntryKind::MessageOut, "traffic control");
        self.note(entry.device(&who.device).message(shown));
        Outbound { topic, payload, qos: who.qos_cap }
    }

    /// The secret that took the place of the device's, if one did.
    pub(super) fn rotated_secret(&self, device: &DeviceId) -> Option<Secret> {
        let (strike, secret) = self.faults.rotated_secret(device)?;
        self.struck(&strike, device);
        Some(Secret::new(&secret))
    }

    /// Whether a fault revoked this client certificate (DER): it is known by its common name, the device key.
    pub(crate) fn is_certificate_revoked(&self, leaf: &[u8]) -> bool {
        if self.faults.quiet(Group::Enos) {
            return false;
        }
        let strike = common_name(leaf).and_then(|name| self.faults.revoked(&name));
        if let Some(strike) = &strike {
            self.note(strike.entry(None));
        }
        strike.is_some()
    }

    /// A block that was ordered.
    pub(super) fn check_ordered_block(&self, device: &DeviceId) -> Result<(), Refused> {
        let Some((strike, left_ms)) = self.faults.blocked(device, self.clock.monotonic_ms()) else {
            return Ok(());
        };
        if let Some(strike) = &strike {
            self.struck(strike, device);
        }
        let left = left_ms.div_ceil(1_000);
        let reason =
            format!("a block was ordered for {device}: {left} s more. Fix: wait, or move the hub's clock");
        Err(Refused::new(UNAVAILABLE, 429, reason))
    }
}

/// An id like that of the request, which the device has not open: far from those that it counts through.
fn another_id(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(payload);
    let id = payload::request(&text).ok().and_then(|request| request.id.parse::<u32>().ok());
    (id.unwrap_or(0) ^ 1 << 30).to_string()
}
