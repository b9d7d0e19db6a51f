//! The two byte buffers of a link: what was received and not yet read, what is encoded and not yet sent.

use crate::region::Region;

/// How far a receive buffer grows for speed alone; a larger packet may make it larger.
const BATCH: usize = 64 * 1024;

/// Bytes kept free in the transmit buffer, so that a PINGREQ always fits.
const PING_ROOM: usize = 2;

/// Received bytes. Packets are read where they lie; nothing moves while one is looked at.
pub(crate) struct Rx<'m> {
    pub(super) region: Region<'m, u8>,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Bytes in front of the datagram: the body so far (`datagrams`).
    #[cfg(feature = "coap")]
    pub(super) kept: usize,
    /// Bytes still to come of a packet that is skipped.
    skip: usize,
    /// What the packet that is coming needs in all.
    wanted: usize,
}

impl<'m> Rx<'m> {
    pub(crate) fn new(region: Region<'m, u8>) -> Self {
        Self {
            region,
            start: 0,
            end: 0,
            #[cfg(feature = "coap")]
            kept: 0,
            skip: 0,
            wanted: 0,
        }
    }

    /// Where the next bytes go; empty while there is no room.
    pub(crate) fn buffer(&mut self) -> &mut [u8] {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
        if self.region.len() == 0 {
            self.region.grow(1);
        }
        let full = self.end == self.region.len();
        if self.start > 0 && (full || self.start + self.wanted > self.region.len()) {
            self.region.slice_mut().copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.wanted > self.region.len() {
            self.region.grow(self.wanted);
        }
        let end = self.end;
        self.region.slice_mut().get_mut(end..).unwrap_or(&mut [])
    }

    /// So many bytes were put into [`buffer`](Self::buffer). A read that filled it asks for a larger one.
    pub(crate) fn received(&mut self, n: usize) {
        self.end = (self.end + n).min(self.region.len());
        if self.end == self.region.len() && self.region.len() < BATCH {
            let larger = (self.region.len() * 2).min(BATCH).min(self.region.max());
            self.region.grow(larger);
        }
        self.pass_over();
    }

    fn pass_over(&mut self) {
        let passed = self.skip.min(self.end - self.start);
        self.skip -= passed;
        self.start += passed;
    }

    /// What is there and not yet read.
    pub(crate) fn unread(&self) -> &[u8] {
        self.region.slice().get(self.start..self.end).unwrap_or(&[])
    }

    /// The whole buffer; spans count from its start.
    pub(crate) fn all(&self) -> &[u8] {
        self.region.slice()
    }

    /// Whether a packet of this size can ever be held.
    pub(crate) fn fits(&self, total: usize) -> bool {
        total <= self.region.max()
    }

    /// Whether not one more byte can be held.
    pub(crate) fn is_full(&self) -> bool {
        self.start == 0 && self.end == self.region.max()
    }

    /// More bytes are needed: the packet has this many in all.
    pub(crate) fn want(&mut self, total: usize) {
        self.wanted = total;
    }

    /// Takes the first bytes off; returns where they lie.
    pub(crate) fn take(&mut self, n: usize) -> (usize, usize) {
        let from = self.start;
        self.start = (self.start + n).min(self.end);
        self.wanted = 0;
        (from, self.start)
    }

    /// Passes over a packet of this size, here or still to come.
    pub(crate) fn skip(&mut self, total: usize) {
        self.skip = total;
        self.wanted = 0;
        self.pass_over();
    }

    /// Overwrites received bytes: they held a secret.
    pub(crate) fn wipe(&mut self, from: usize, to: usize) {
        if let Some(bytes) = self.region.slice_mut().get_mut(from..to) {
            zeroize::Zeroize::zeroize(bytes);
        }
    }

    /// The link is gone, and with it what came over it.
    pub(crate) fn clear(&mut self) {
        #[cfg(feature = "coap")]
        {
            self.kept = 0;
        }
        self.start = 0;
        self.end = 0;
        self.skip = 0;
        self.wanted = 0;
        self.region.shrink(0);
    }

    /// Nothing has come for long: give memory back.
    pub(crate) fn idle(&mut self) {
        if self.start == self.end && self.wanted == 0 {
            self.start = 0;
            self.end = 0;
            self.region.shrink(0);
        }
    }
}

/// Encoded bytes, offered in one piece until they are sent.
pub(crate) struct Tx<'m> {
    region: Region<'m, u8>,
    start: usize,
    end: usize,
}

impl<'m> Tx<'m> {
    pub(crate) fn new(region: Region<'m, u8>) -> Self {
        Self { region, start: 0, end: 0 }
    }

    /// What is to be sent.
    pub(crate) fn pending(&self) -> &[u8] {
        self.region.slice().get(self.start..self.end).unwrap_or(&[])
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The largest packet that can ever be sent.
    pub(crate) fn max(&self) -> usize {
        self.region.max().saturating_sub(PING_ROOM)
    }

    /// Room for a packet of `n` bytes, if there is; then [`commit`](Self::commit).
    pub(crate) fn room(&mut self, n: usize) -> Option<&mut [u8]> {
        self.room_beside(n, PING_ROOM)
    }

    /// The room that is kept for PINGREQ.
    pub(crate) fn room_for_ping(&mut self) -> Option<&mut [u8]> {
        self.room_beside(PING_ROOM, 0)
    }

    fn room_beside(&mut self, n: usize, kept: usize) -> Option<&mut [u8]> {
        let wanted = self.end.checked_add(n)?.checked_add(kept)?;
        if wanted > self.region.len() && !self.make_room(n + kept) {
            return None;
        }
        let end = self.end;
        self.region.slice_mut().get_mut(end..end + n)
    }

    fn make_room(&mut self, n: usize) -> bool {
        let waiting = self.end - self.start;
        // Moving a little is cheaper than growing; growing is cheaper than moving much again and again.
        if waiting + n <= self.region.len() && waiting <= self.start {
            self.compact();
            return true;
        }
        if self.region.grow(self.end + n) {
            return true;
        }
        self.compact();
        self.region.grow(self.end + n)
    }

    fn compact(&mut self) {
        self.region.slice_mut().copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
    }

    /// So many bytes of the room were filled.
    pub(crate) fn commit(&mut self, n: usize) {
        self.end = (self.end + n).min(self.region.len());
    }

    /// So many bytes were sent.
    pub(crate) fn sent(&mut self, n: usize) {
        self.start = (self.start + n).min(self.end);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Nothing of it is needed any more.
    #[cfg(feature = "coap")]
    pub(crate) fn reset(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    /// The link is gone, and with it what was to go over it.
    pub(crate) fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
        self.region.shrink(0);
    }

    /// Nothing has gone for long: give memory back.
    pub(crate) fn idle(&mut self) {
        self.compact();
        self.region.shrink(self.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_fits_where_nothing_else_does() {
        let mut memory = [0; 8];
        let mut tx = Tx::new(Region::lent(&mut memory));
        assert_eq!(tx.max(), 6);
        assert_eq!(tx.room(6).map(|room| room.len()), Some(6));
        tx.commit(6);
        assert!(tx.room(1).is_none());
        assert_eq!(tx.room_for_ping().map(|room| room.len()), Some(2));
        tx.sent(4);
        assert!(tx.room(4).is_some(), "compaction frees what was sent");
        assert_eq!(tx.pending().len(), 2);
    }

    #[test]
    fn skipped_bytes_never_need_room() {
        let mut memory = [0; 4];
        let mut rx = Rx::new(Region::lent(&mut memory));
        assert_eq!(rx.buffer().len(), 4);
        rx.received(4);
        rx.skip(10);
        assert_eq!(rx.buffer().len(), 4);
        rx.received(4);
        assert_eq!(rx.unread().len(), 0);
        rx.buffer()[..4].copy_from_slice(b"abcd");
        rx.received(4);
        assert_eq!(rx.unread(), b"cd");
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn a_read_that_fills_the_buffer_gets_a_larger_one() {
        let mut rx = Rx::new(Region::heap(1024, 1 << 20));
        let mut seen = 0;
        for _ in 0..12 {
            let n = rx.buffer().len();
            rx.received(n);
            seen = rx.all().len();
        }
        assert!((BATCH..=2 * BATCH).contains(&seen) || seen == BATCH, "{seen}");
    }
}
