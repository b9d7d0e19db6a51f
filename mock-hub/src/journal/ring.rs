//! The ring: two tracks under one lock, the journal proper and the packets, numbered by one counter.
//!
//! Packets have a track of their own, since in the same one they would push out what tells why.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{Entry, EntryKind, Filter, Kinds, MAX_TEXT, clip};

/// Entries kept on each track; the oldest go first.
pub(crate) const CAPACITY: usize = 10_000;
/// Bytes kept on each track, roughly; long payloads make it forget sooner.
const BYTES: usize = 64 * 1024 * 1024;
/// Entries looked at under one hold of the lock.
const CHUNK: usize = 1_024;

/// An entry in its place.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Counts entries and packets, from 1 on.
    pub(crate) seq: u64,
    /// Milliseconds since the Unix epoch, by the hub's clock.
    pub(crate) time_ms: u64,
    pub(crate) entry: Entry,
}

#[derive(Default)]
pub(super) struct Track {
    items: VecDeque<Arc<Seen>>,
    bytes: usize,
    /// Entries that were here and are forgotten; `forgotten + index` is an entry's ordinal.
    pub(super) forgotten: u64,
}

impl Track {
    fn push(&mut self, seen: Arc<Seen>) -> Vec<Arc<Seen>> {
        self.bytes += seen.entry.weight();
        self.items.push_back(seen);
        let mut out = Vec::new();
        while self.items.len() > CAPACITY || (self.bytes > BYTES && self.items.len() > 1) {
            let Some(oldest) = self.items.pop_front() else { break };
            self.bytes -= oldest.entry.weight();
            self.forgotten += 1;
            out.push(oldest);
        }
        out
    }

    /// The ordinal behind the newest entry.
    pub(super) fn end(&self) -> u64 {
        self.forgotten + self.items.len() as u64
    }

    /// The ordinal of the first entry with a number above `seq`, and how many such entries may be forgotten.
    pub(super) fn after(&self, seq: u64) -> (u64, u64) {
        let index = self.items.partition_point(|seen| seen.seq <= seq);
        let lost = match self.items.front() {
            Some(first) if index == 0 => (first.seq - 1).saturating_sub(seq).min(self.forgotten),
            _ => 0,
        };
        (self.forgotten + index as u64, lost)
    }

    /// At most `most` entries from an ordinal on.
    pub(super) fn from(&self, ordinal: u64, most: usize) -> impl Iterator<Item = &Arc<Seen>> {
        let skipped = usize::try_from(ordinal.saturating_sub(self.forgotten)).unwrap_or(usize::MAX);
        self.items.iter().skip(skipped).take(most)
    }

    /// At most [`CHUNK`] entries before an ordinal, oldest first, and the ordinal of the first of them.
    fn before(&self, ordinal: u64) -> (u64, Vec<Arc<Seen>>) {
        let end = usize::try_from(ordinal.saturating_sub(self.forgotten)).unwrap_or(usize::MAX);
        let end = end.min(self.items.len());
        let start = end.saturating_sub(CHUNK);
        (self.forgotten + start as u64, self.items.range(start..end).cloned().collect())
    }
}

#[derive(Default)]
pub(super) struct Ring {
    pub(super) journal: Track,
    pub(super) packets: Track,
    last: u64,
    pub(super) listeners: usize,
    pub(super) closed: bool,
}

/// What a read found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Oldest first.
    pub(crate) entries: Vec<Arc<Seen>>,
    /// The number of the newest entry, whether or not it was found.
    pub(crate) last: u64,
    /// How many entries of the journal are forgotten.
    pub(crate) dropped: u64,
}

#[cfg(test)]
impl Found {
    /// What was found, as the REST route shows it.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let lines: Vec<_> = self.entries.iter().map(|seen| super::Line { seen, full: false }).collect();
        serde_json::json!({"entries": lines, "last": self.last, "dropped": self.dropped})
    }
}

/// How much there is, for the metrics.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) entries: usize,
    pub(crate) packets: usize,
    pub(crate) bytes: usize,
    pub(crate) dropped: u64,
    pub(crate) listeners: usize,
}

/// The ring itself; writing takes a short lock and never waits for a reader.
#[derive(Default)]
pub(crate) struct Journal {
    ring: Mutex<Ring>,
    /// Wakes who listens.
    pub(super) news: Notify,
    /// How many listen to packets.
    pub(super) packet_listeners: AtomicUsize,
}

impl Journal {
    pub(crate) fn write(&self, time_ms: u64, mut entry: Entry) {
        if entry.text.len() > MAX_TEXT {
            entry.text = clip(&entry.text, MAX_TEXT).to_owned().into();
        }
        if entry.rule.is_none() && matches!(entry.kind, EntryKind::Warning | EntryKind::Refused) {
            entry.rule = entry.rule_in_text();
        }
        let is_packet = entry.kind == EntryKind::Packet;
        let mut seen = Arc::new(Seen { seq: 0, time_ms, entry });
        let mut ring = self.ring();
        // Numbers start at 1, so that `since=0` means everything.
        ring.last += 1;
        if let Some(fresh) = Arc::get_mut(&mut seen) {
            fresh.seq = ring.last;
        }
        let track = if is_packet { &mut ring.packets } else { &mut ring.journal };
        let forgotten = track.push(seen);
        let heard = ring.listeners > 0;
        drop(ring);
        // Freed outside the lock.
        drop(forgotten);
        if heard {
            self.news.notify_waiters();
        }
    }

    /// Whether packets are to be written at all: only while somebody listens to them.
    pub(crate) fn wants_packets(&self) -> bool {
        self.packet_listeners.load(Ordering::Relaxed) > 0
    }

    /// The entries that match, oldest first; with more than the filter's limit the newest of them.
    ///
    /// Matching happens outside the lock, in chunks, so that a long search holds up no device.
    pub(crate) fn read(&self, filter: &Filter) -> Found {
        let mut found = Found::default();
        {
            let ring = self.ring();
            (found.last, found.dropped) = (ring.last, ring.journal.forgotten);
        }
        let packets = filter.kinds.has(EntryKind::Packet);
        let journal = filter.kinds.without(EntryKind::Packet) != Kinds::NONE;
        let mut entries = Vec::new();
        if journal {
            self.search(|ring| &ring.journal, filter, &mut entries);
        }
        if packets {
            self.search(|ring| &ring.packets, filter, &mut entries);
            entries.sort_unstable_by_key(|seen| std::cmp::Reverse(seen.seq));
            entries.truncate(filter.limit);
        }
        entries.reverse();
        found.entries = entries;
        found
    }

    /// Appends what matches on one track, newest first.
    fn search(&self, track: impl Fn(&Ring) -> &Track, filter: &Filter, found: &mut Vec<Arc<Seen>>) {
        let most = found.len().saturating_add(filter.limit);
        let mut before = u64::MAX;
        while found.len() < most {
            let (first, chunk) = track(&self.ring()).before(before);
            before = first;
            let Some(oldest) = chunk.first().map(|seen| seen.seq) else { return };
            let matching = chunk.iter().rev().filter(|seen| filter.matches(seen));
            found.extend(matching.take(most - found.len()).cloned());
            if filter.since.is_some_and(|since| oldest <= since) {
                return;
            }
        }
    }

    /// The number of the newest entry.
    pub(crate) fn last(&self) -> u64 {
        self.ring().last
    }

    pub(crate) fn size(&self) -> Size {
        let ring = self.ring();
        Size {
            entries: ring.journal.items.len(),
            packets: ring.packets.items.len(),
            bytes: ring.journal.bytes + ring.packets.bytes,
            dropped: ring.journal.forgotten,
            listeners: ring.listeners,
        }
    }

    /// Ends everyone who listens, and lets nobody new in: the hub stops.
    pub(crate) fn close(&self) {
        self.ring().closed = true;
        self.news.notify_waiters();
    }

    pub(super) fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
