//! Somebody who follows the journal as it is written.
//!
//! A listener is a place in the ring and holds nothing else: one that reads slowly is overtaken by the ring, loses
//! the oldest entries, and is told how many.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::ring::{Journal, Seen};

/// Listeners at once.
const MOST: usize = 100;

/// As many listen already as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany;

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MOST} listen already, or the hub stops. Fix: close a listener and try again")
    }
}

/// What a listener has not seen yet.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Oldest first.
    pub(crate) entries: Vec<Arc<Seen>>,
    /// Entries that were forgotten before this listener came to them.
    pub(crate) lost: u64,
}

/// A place in the ring.
pub(crate) struct Listener {
    journal: Arc<Journal>,
    /// The ordinal to go on from, on the journal's track and on that of the packets.
    next: [u64; 2],
    lost: u64,
    packets: bool,
}

impl Listener {
    /// Listens from now on, or from behind the entry `since`; with `packets` to packets too.
    pub(crate) fn new(journal: &Arc<Journal>, since: Option<u64>, packets: bool) -> Result<Self, TooMany> {
        let mut ring = journal.ring();
        if ring.closed || ring.listeners >= MOST {
            return Err(TooMany);
        }
        ring.listeners += 1;
        let (next, lost) = match since {
            None => ([ring.journal.end(), ring.packets.end()], 0),
            Some(since) => {
                let (entry, lost) = ring.journal.after(since);
                ([entry, ring.packets.after(since).0], lost)
            }
        };
        drop(ring);
        if packets {
            journal.packet_listeners.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Self { journal: journal.clone(), next, lost, packets })
    }

    /// At most `most` entries that are new to this listener.
    pub(crate) fn take(&mut self, most: usize) -> Batch {
        let ring = self.journal.ring();
        let mut lost = std::mem::take(&mut self.lost);
        let mut entries = Vec::new();
        for (index, track) in [&ring.journal, &ring.packets].into_iter().enumerate() {
            if index == 1 && !self.packets {
                break;
            }
            lost += track.forgotten.saturating_sub(self.next[index]);
            self.next[index] = self.next[index].max(track.forgotten);
            entries.extend(track.from(self.next[index], most).cloned());
        }
        drop(ring);
        if self.packets {
            entries.sort_unstable_by_key(|seen| seen.seq);
            entries.truncate(most);
        }
        for seen in &entries {
            let is_packet = seen.entry.kind == super::EntryKind::Packet;
            self.next[usize::from(is_packet)] += 1;
        }
        Batch { entries, lost }
    }

    /// Waits until there is something new; false when the hub stops.
    pub(crate) async fn wait(&self) -> bool {
        loop {
            let mut news = pin!(self.journal.news.notified());
            // Listening starts before the look, or an entry in between would be missed.
            news.as_mut().enable();
            {
                let ring = self.journal.ring();
                if ring.closed {
                    return false;
                }
                let packets = self.packets && ring.packets.end() > self.next[1];
                if self.lost > 0 || packets || ring.journal.end() > self.next[0] {
                    return true;
                }
            }
            news.await;
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.journal.ring().listeners -= 1;
        if self.packets {
            self.journal.packet_listeners.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
