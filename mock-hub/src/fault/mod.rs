//! Faults by name, ordered while the hub runs: a list of what is to go wrong, for whom, when and how often.
//!
//! Owns the list and its decisions; without a socket, a clock or a thread, so that a simulation breaks its world
//! with the same rules. Refuses to do the harm: the front drops the packets, the domain keeps the reply back. Who
//! acts on a [`Strike`] writes it into the journal.

mod bytes;
mod datagram;
mod fields;
mod kind;
mod order;
mod packet;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::fabric::DeviceId;
use crate::journal::{Entry, EntryKind};

pub(crate) use bytes::{Shaped, Shaper};
pub(crate) use datagram::DatagramPipe;
pub(crate) use fields::{BadField, Fields};
pub(crate) use kind::{Group, Kind};
pub(crate) use order::{Direction, Order};
use packet::PacketType;
pub(crate) use packet::Pipe;

/// The name of every fault that can be ordered, as `kind` of `POST /hub/v1/faults`.
pub const KINDS: &[&str] = Kind::NAMES;

/// Faults that may stand at once.
pub(crate) const MAX_FAULTS: usize = 100;

/// The list of faults; a cheap handle, all clones share it. While it is empty, asking it costs one load.
#[derive(Clone, Default)]
pub(crate) struct Faults(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Bits of the groups that a fault of the list can strike.
    live: AtomicU32,
    /// Counts changes of the list.
    generation: AtomicU64,
    list: Mutex<List>,
}

#[derive(Default)]
struct List {
    last_id: u64,
    faults: Vec<Fault>,
}

struct Fault {
    id: u64,
    order: Order,
    matched: u64,
    struck: u64,
    /// Until then the device of this name is blocked.
    blocked: Vec<(DeviceId, u64)>,
}

/// A fault does what was ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strike {
    pub(crate) id: u64,
    pub(crate) kind: Kind,
    /// What exactly, for the journal.
    what: String,
}

impl Strike {
    /// The journal's line.
    pub(crate) fn entry(&self, device: Option<&DeviceId>) -> Entry {
        let text = format!("fault {}, {}: {}", self.id, self.kind.name(), self.what);
        let entry =
            Entry::new(EntryKind::Fault, text).detail(json!({"fault": self.id, "kind": self.kind.name()}));
        match device {
            Some(device) => entry.device(device),
            None => entry,
        }
    }
}

impl Fault {
    fn is_spent(&self) -> bool {
        self.order.count.is_some_and(|count| self.struck >= count)
    }

    fn fits(&self, device: Option<&DeviceId>) -> bool {
        !self.is_spent()
            && self.order.device.as_ref().is_none_or(|wanted| device.is_some_and(|device| device == wanted))
    }

    /// Counts a match; true if it strikes.
    fn count(&mut self) -> bool {
        self.matched += 1;
        let strikes = self.matched > self.order.after;
        self.struck += u64::from(strikes);
        strikes
    }

    fn to_json(&self) -> Value {
        let mut told = self.order.to_json();
        told.insert("id".to_owned(), self.id.into());
        told.insert("matched".to_owned(), self.matched.into());
        told.insert("struck".to_owned(), self.struck.into());
        told.insert("spent".to_owned(), self.is_spent().into());
        told.into()
    }
}

impl Faults {
    /// Whether no fault of this group can strike.
    pub(crate) fn quiet(&self, group: Group) -> bool {
        self.0.live.load(Ordering::Relaxed) & group.bit() == 0
    }

    /// Changes with every change of the list; 0 before the first fault.
    pub(crate) fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Relaxed)
    }

    /// Adds a fault; gives its number.
    pub(crate) fn order(&self, text: &[u8]) -> Result<(u64, Order), BadField> {
        let order = Order::read(text)?;
        let mut list = self.lock();
        if list.faults.len() >= MAX_FAULTS {
            let wrong = format!("{MAX_FAULTS} faults stand already");
            return Err(BadField::new("faults", &wrong, "remove one: DELETE /hub/v1/faults/{id}"));
        }
        list.last_id += 1;
        let id = list.last_id;
        let fault = Fault { id, order: order.clone(), matched: 0, struck: 0, blocked: Vec::new() };
        list.faults.push(fault);
        self.changed(&list);
        Ok((id, order))
    }

    /// Every fault, spent ones too, in the order in which they came.
    pub(crate) fn list(&self) -> Value {
        let faults: Vec<Value> = self.lock().faults.iter().map(Fault::to_json).collect();
        json!({"faults": faults})
    }

    /// One fault.
    pub(crate) fn one(&self, id: u64) -> Option<Value> {
        self.lock().faults.iter().find(|fault| fault.id == id).map(Fault::to_json)
    }

    /// Takes a fault away; false if there is none of this number.
    pub(crate) fn remove(&self, id: u64) -> bool {
        let mut list = self.lock();
        let before = list.faults.len();
        list.faults.retain(|fault| fault.id != id);
        self.changed(&list);
        list.faults.len() < before
    }

    /// Takes every fault away; how many there were.
    pub(crate) fn clear(&self) -> usize {
        let mut list = self.lock();
        let count = std::mem::take(&mut list.faults).len();
        self.changed(&list);
        count
    }

    /// A packet is on its way.
    fn on_packet(
        &self,
        device: &DeviceId,
        direction: Direction,
        packet: PacketType,
        has_identifier: bool,
    ) -> Option<Strike> {
        let what = || format!("{} {}", packet.name(), direction.name());
        self.strike(Group::Packets, Some(device), what, |order| {
            order.direction.is_none_or(|wanted| wanted == direction)
                && order.packet.is_none_or(|wanted| wanted == packet)
                && (has_identifier || !matches!(order.kind, Kind::WrongId { .. }))
        })
    }

    /// A CoAP datagram is on its way; `head` is its type and code, none of one that has no header.
    fn on_datagram(
        &self,
        device: Option<&DeviceId>,
        direction: Direction,
        head: Option<(u8, u8)>,
    ) -> Option<Strike> {
        let what = || match head {
            Some((kind, code)) => {
                let packet = PacketType::Coap { kind: Some(kind), code: Some(code) };
                format!("{} {}", packet.name(), direction.name())
            }
            None => format!("a datagram {}", direction.name()),
        };
        self.strike(Group::Packets, device, what, |order| {
            order.direction.is_none_or(|wanted| wanted == direction)
                && order
                    .packet
                    .is_none_or(|wanted| head.is_some_and(|(kind, code)| wanted.is_coap(kind, code)))
                && !matches!(order.kind, Kind::HalfOpen { .. })
                && (head.is_some() || !matches!(order.kind, Kind::WrongId { .. }))
        })
    }

    /// A CoAP request of a signed-in device is to be answered.
    pub(crate) fn on_answer(&self, device: &DeviceId) -> Option<Strike> {
        self.strike(Group::Answers, Some(device), || "an answer".to_owned(), |_| true)
    }

    /// A CONNECT was read: [`Kind::RefuseConnect`], or not.
    pub(crate) fn refuse_connect(&self, device: Option<&DeviceId>) -> Option<Strike> {
        let what = || "CONNECT refused".to_owned();
        self.strike(Group::Session, device, what, |order| matches!(order.kind, Kind::RefuseConnect { .. }))
    }

    /// A device signed in: how long its CONNACK is held back.
    pub(crate) fn slow_connack(&self, device: &DeviceId) -> Option<(Strike, u64)> {
        let what = || "CONNACK held back".to_owned();
        let slow = |order: &Order| matches!(order.kind, Kind::SlowConnack { .. });
        self.strike(Group::Session, Some(device), what, slow).map(with_delay)
    }

    /// A device that asked for its old session: whether it is lost.
    pub(crate) fn lose_session(&self, device: &DeviceId) -> Option<Strike> {
        let what = || "the session that was kept is gone".to_owned();
        self.strike(Group::Session, Some(device), what, |order| order.kind == Kind::LoseSession)
    }

    /// The hub is about to end a connection: how long it waits before it does.
    pub(crate) fn slow_close(&self, device: Option<&DeviceId>) -> Option<(Strike, u64)> {
        let what = || "the connection ends late".to_owned();
        let slow = |order: &Order| matches!(order.kind, Kind::SlowClose { .. });
        self.strike(Group::Session, device, what, slow).map(with_delay)
    }

    /// A request of a device is to be answered.
    pub(crate) fn on_request(&self, device: &DeviceId) -> Option<Strike> {
        let what = || "a request".to_owned();
        self.strike(Group::Enos, Some(device), what, |order| {
            matches!(order.kind, Kind::NoReply | Kind::UnknownId | Kind::ReplyCode { .. } | Kind::RateLimit)
        })
    }

    /// The activation message is due.
    pub(crate) fn on_activation(&self, device: &DeviceId) -> Option<Strike> {
        let what = || "the activation message".to_owned();
        self.strike(Group::Enos, Some(device), what, |order| {
            matches!(order.kind, Kind::ActivationTwice | Kind::ActivationBeforeSuback { .. })
        })
    }

    /// The secret that took the place of the device's, if one did.
    pub(crate) fn rotated_secret(&self, device: &DeviceId) -> Option<(Strike, String)> {
        let what = || "a sign-in is judged by the new secret".to_owned();
        let rotated = |order: &Order| matches!(order.kind, Kind::SecretRotated { .. });
        let strike = self.strike(Group::Enos, Some(device), what, rotated)?;
        match &strike.kind {
            Kind::SecretRotated { secret } => {
                let secret = secret.clone();
                Some((strike, secret))
            }
            _ => None,
        }
    }

    /// Whether any certificate is revoked now.
    pub(crate) fn revokes(&self) -> bool {
        let revokes = |fault: &Fault| !fault.is_spent() && fault.order.kind == Kind::CertificateRevoked;
        !self.quiet(Group::Enos) && self.lock().faults.iter().any(revokes)
    }

    /// A TLS peer shows a certificate that was issued to `device_key`: whether it is revoked.
    pub(crate) fn revoked(&self, device_key: &str) -> Option<Strike> {
        if self.quiet(Group::Enos) {
            return None;
        }
        let named = self.lock().faults.iter().find_map(|fault| {
            let device = fault.order.device.as_ref()?;
            let revoked = fault.order.kind == Kind::CertificateRevoked;
            (revoked && *device.device_key == *device_key).then(|| device.clone())
        })?;
        let what = || format!("the certificate of {named} is refused");
        self.strike(Group::Enos, Some(&named), what, |order| order.kind == Kind::CertificateRevoked)
    }

    /// Milliseconds for which the device is blocked, by a block that stands or one that begins now. The strike is
    /// told once, when it begins.
    pub(crate) fn blocked(&self, device: &DeviceId, now_ms: u64) -> Option<(Option<Strike>, u64)> {
        if self.0.live.load(Ordering::Relaxed) == 0 && self.generation() == 0 {
            return None;
        }
        {
            let mut list = self.lock();
            for fault in &mut list.faults {
                fault.blocked.retain(|(_, until)| *until > now_ms);
                if let Some((_, until)) = fault.blocked.iter().find(|(blocked, _)| blocked == device) {
                    return Some((None, until - now_ms));
                }
            }
        }
        let what = || "the block begins".to_owned();
        let strike =
            self.strike(Group::Enos, Some(device), what, |order| matches!(order.kind, Kind::Block { .. }))?;
        let Kind::Block { time } = strike.kind else { return None };
        let time = time.unsigned_abs();
        let mut list = self.lock();
        if let Some(fault) = list.faults.iter_mut().find(|fault| fault.id == strike.id) {
            fault.blocked.push((device.clone(), now_ms.saturating_add(time)));
        }
        Some((Some(strike), time))
    }

    /// The byte faults of a connection, in order. `known` are those that were decided for it before, each with
    /// whether it struck; it is brought up to date, and new strikes are given back.
    pub(crate) fn attach(
        &self,
        device: Option<&DeviceId>,
        known: &mut Vec<(u64, bool)>,
    ) -> (Vec<(Kind, Option<Direction>)>, Vec<Strike>) {
        let (mut active, mut strikes) = (Vec::new(), Vec::new());
        let mut list = self.lock();
        known.retain(|(id, _)| list.faults.iter().any(|fault| fault.id == *id));
        for fault in list.faults.iter_mut().filter(|fault| fault.order.kind.group() == Group::Bytes) {
            let decided = known.iter().find(|(id, _)| *id == fault.id).map(|(_, struck)| *struck);
            let strikes_here = match decided {
                Some(struck) => struck,
                None if fault.fits(device) => {
                    let struck = fault.count();
                    known.push((fault.id, struck));
                    if struck {
                        let what = "a connection".to_owned();
                        strikes.push(Strike { id: fault.id, kind: fault.order.kind.clone(), what });
                    }
                    struck
                }
                None => false,
            };
            if strikes_here {
                active.push((fault.order.kind.clone(), fault.order.direction));
            }
        }
        self.changed_strikes(&list);
        (active, strikes)
    }

    /// The first fault that fits and strikes. Those that fit and still let pass are counted.
    fn strike(
        &self,
        group: Group,
        device: Option<&DeviceId>,
        what: impl FnOnce() -> String,
        fits: impl Fn(&Order) -> bool,
    ) -> Option<Strike> {
        if self.quiet(group) {
            return None;
        }
        let mut list = self.lock();
        let fault = list
            .faults
            .iter_mut()
            .filter(|fault| fault.order.kind.group() == group && fault.fits(device) && fits(&fault.order))
            .find_map(|fault| fault.count().then_some(fault))?;
        let strike = Strike { id: fault.id, kind: fault.order.kind.clone(), what: what() };
        self.changed_strikes(&list);
        Some(strike)
    }

    fn changed(&self, list: &List) {
        self.changed_strikes(list);
        self.0.generation.fetch_add(1, Ordering::Release);
    }

    fn changed_strikes(&self, list: &List) {
        let unspent = list.faults.iter().filter(|fault| !fault.is_spent());
        let bits = unspent.fold(0, |bits, fault| bits | fault.order.kind.group().bit());
        self.0.live.store(bits, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        self.0.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn with_delay(strike: Strike) -> (Strike, u64) {
    let delay = match strike.kind {
        Kind::SlowConnack { delay } | Kind::SlowClose { delay } => delay.unsigned_abs(),
        _ => 0,
    };
    (strike, delay)
}

#[cfg(test)]
mod tests;
