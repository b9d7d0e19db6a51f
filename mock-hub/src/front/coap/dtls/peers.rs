//! Who has an association or shakes hands, by address; bounded, and in order of what is due.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;

use crate::fabric::DeviceId;

use super::association::Association;
use super::shaking::Shaking;

/// Handshakes at once. One more takes the place of the oldest.
const HANDSHAKES: usize = 512;
/// Milliseconds that an association outlives its session, so that the device hears 4.01 and not silence.
const GRACE_MS: u64 = 300_000;

/// An association that stands.
pub(super) struct Kept {
    pub(super) association: Association,
    pub(super) device: DeviceId,
    pub(super) lifetime_ms: u64,
    /// When it was last heard.
    pub(super) heard_ms: u64,
}

impl Kept {
    fn end_ms(&self) -> u64 {
        self.heard_ms.saturating_add(self.lifetime_ms).saturating_add(GRACE_MS)
    }

    /// Whether nothing was heard for so long that it is dropped.
    pub(super) fn is_stale(&self, now_ms: u64) -> bool {
        now_ms >= self.end_ms()
    }
}

/// One address. A client that starts anew shakes hands while its old association still stands: it could be somebody
/// else's datagram (RFC 6347 §4.2.8).
#[derive(Default)]
pub(super) struct Peer {
    pub(super) kept: Option<Kept>,
    pub(super) shaking: Option<Shaking>,
    /// Where it stands in the order of what is due.
    due_ms: Option<u64>,
}

/// All addresses.
#[derive(Default)]
pub(super) struct Peers {
    table: HashMap<SocketAddr, Peer>,
    /// Handshakes by age.
    shaking: BTreeMap<u64, SocketAddr>,
    due: BTreeSet<(u64, SocketAddr)>,
    /// The address at which a device signed in last.
    devices: HashMap<DeviceId, SocketAddr>,
    last_number: u64,
}

impl Peers {
    /// Addresses that something is kept of.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn get(&mut self, address: &SocketAddr) -> Option<&mut Peer> {
        self.table.get_mut(address)
    }

    /// All addresses, in no order.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (SocketAddr, &mut Peer)> {
        self.table.iter_mut().map(|(address, peer)| (*address, peer))
    }

    /// A number for a handshake that begins.
    pub(super) fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Puts a handshake in; gives the one whose place it took, if any.
    pub(super) fn shake(&mut self, address: SocketAddr, shaking: Shaking) -> Option<(SocketAddr, Shaking)> {
        self.stop_shaking(address);
        let mut moved_out = None;
        let oldest = self.shaking.first_key_value().map(|(_, oldest)| *oldest);
        if self.shaking.len() >= HANDSHAKES
            && let Some(oldest) = oldest
        {
            moved_out = self.stop_shaking(oldest).map(|shaking| (oldest, shaking));
        }
        self.shaking.insert(shaking.number, address);
        self.table.entry(address).or_default().shaking = Some(shaking);
        self.arm(address);
        moved_out
    }

    /// Takes a handshake out.
    pub(super) fn stop_shaking(&mut self, address: SocketAddr) -> Option<Shaking> {
        let shaking = self.table.get_mut(&address)?.shaking.take()?;
        self.shaking.remove(&shaking.number);
        self.arm(address);
        Some(shaking)
    }

    /// Keeps an association; gives the device's former address if it is another one.
    pub(super) fn keep(&mut self, address: SocketAddr, kept: Kept) -> Option<SocketAddr> {
        self.drop_kept(address);
        let former = self.devices.insert(kept.device.clone(), address);
        self.table.entry(address).or_default().kept = Some(kept);
        self.arm(address);
        former.filter(|former| *former != address)
    }

    /// Takes an association out.
    pub(super) fn drop_kept(&mut self, address: SocketAddr) -> Option<Kept> {
        let kept = self.table.get_mut(&address)?.kept.take()?;
        if self.devices.get(&kept.device) == Some(&address) {
            self.devices.remove(&kept.device);
        }
        self.arm(address);
        Some(kept)
    }

    /// The next moment at which something is to be done.
    pub(super) fn deadline(&self) -> Option<u64> {
        self.due.first().map(|(due_ms, _)| *due_ms)
    }

    /// An address at which something may be due. It is out of the order until it is armed again.
    pub(super) fn take_due(&mut self, now_ms: u64) -> Option<SocketAddr> {
        let (due_ms, address) = *self.due.first()?;
        if due_ms > now_ms {
            return None;
        }
        self.due.pop_first();
        if let Some(peer) = self.table.get_mut(&address) {
            peer.due_ms = None;
        }
        Some(address)
    }

    /// Puts an address where it belongs in the order, or forgets it if nothing is kept of it.
    pub(super) fn arm(&mut self, address: SocketAddr) {
        let Some(peer) = self.table.get_mut(&address) else { return };
        let shaking = peer.shaking.as_ref().map(Shaking::deadline);
        let kept = peer.kept.as_ref().map(Kept::end_ms);
        let due_ms = shaking.into_iter().chain(kept).min();
        if peer.due_ms != due_ms {
            if let Some(before) = peer.due_ms {
                self.due.remove(&(before, address));
            }
            if let Some(due_ms) = due_ms {
                self.due.insert((due_ms, address));
            }
            peer.due_ms = due_ms;
        }
        if due_ms.is_none() {
            self.table.remove(&address);
        }
    }

    /// Whether every list agrees with the table.
    #[cfg(test)]
    pub(super) fn is_consistent(&self) -> bool {
        let shaking = self.table.values().filter(|peer| peer.shaking.is_some()).count();
        let kept = self.table.values().filter(|peer| peer.kept.is_some()).count();
        self.shaking.len() == shaking && self.devices.len() <= kept && self.due.len() == self.table.len()
    }
}
