//! Received datagrams, one at a time, and the body that their pieces make, in the memory of received bytes.
//!
//! The body lies in front, the datagram behind it, so that a message is one slice whether it came in one piece or in
//! many. The buffer of received bytes is the bound of a body.

use super::buffers::Rx;

/// Room for one datagram: no hub of EnOS sends more than 1 KB, but a larger one has to be seen to be refused.
pub(crate) const DATAGRAM: usize = 1_500;

impl Rx<'_> {
    /// Where the next datagram goes; empty while one is not yet read.
    pub(crate) fn datagram_buffer(&mut self) -> &mut [u8] {
        if self.start != self.end {
            return &mut [];
        }
        self.start = self.kept;
        self.end = self.kept;
        self.region.grow(self.kept + DATAGRAM);
        let kept = self.kept;
        self.region.slice_mut().get_mut(kept..).unwrap_or(&mut [])
    }

    /// A datagram of so many bytes was put there.
    pub(crate) fn received_datagram(&mut self, n: usize) {
        self.end = (self.start + n).min(self.region.len());
    }

    /// The datagram is read.
    pub(crate) fn drop_datagram(&mut self) {
        self.start = self.kept;
        self.end = self.kept;
    }

    /// The body so far is of no use; the datagram stays.
    pub(crate) fn forget_body(&mut self) {
        self.kept = 0;
    }

    /// The body is read, too.
    pub(crate) fn drop_body(&mut self) {
        self.kept = 0;
        self.drop_datagram();
    }

    /// Appends a piece of the datagram to the body. False if there is no room for it and one more datagram.
    pub(crate) fn keep(&mut self, from: usize, to: usize) -> bool {
        let fits = self.append_to_body(from, to) && self.kept + DATAGRAM <= self.region.max();
        self.drop_datagram();
        fits
    }

    /// Appends the last piece, if others came before it: where the whole body lies. The datagram stays, behind it.
    pub(crate) fn complete(&mut self, from: usize, to: usize) -> Option<(usize, usize)> {
        if self.kept == 0 {
            return Some((from, to));
        }
        self.append_to_body(from, to).then_some((0, self.kept))
    }

    fn append_to_body(&mut self, from: usize, to: usize) -> bool {
        let more = to.saturating_sub(from);
        if !self.region.grow(self.end + more) {
            return false;
        }
        let bytes = self.region.slice_mut();
        bytes.copy_within(self.start..self.end, self.start + more);
        bytes.copy_within(from + more..to + more, self.kept);
        self.kept += more;
        self.start += more;
        self.end += more;
        true
    }

    /// Puts bytes behind the datagram: where they lie. They stay until the next one comes.
    pub(crate) fn note(&mut self, bytes: &[u8]) -> Option<(usize, usize)> {
        let to = self.end + bytes.len();
        if !self.region.grow(to) {
            return None;
        }
        self.region.slice_mut().get_mut(self.end..to)?.copy_from_slice(bytes);
        Some((self.end, to))
    }

    /// Overwrites all that was received: it held a secret.
    pub(crate) fn wipe_all(&mut self) {
        zeroize::Zeroize::zeroize(self.region.slice_mut());
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::region::Region;

    fn receive(rx: &mut Rx<'_>, datagram: &[u8]) {
        rx.datagram_buffer()[..datagram.len()].copy_from_slice(datagram);
        rx.received_datagram(datagram.len());
        assert!(rx.datagram_buffer().is_empty(), "one at a time");
    }

    fn bytes(rx: &Rx<'_>, place: Option<(usize, usize)>) -> std::vec::Vec<u8> {
        let (from, to) = place.expect("room");
        rx.all()[from..to].to_vec()
    }

    #[test]
    fn pieces_make_a_body_and_the_last_datagram_stays() {
        let mut memory = [0; 2 * DATAGRAM];
        let mut rx = Rx::new(Region::lent(&mut memory));
        receive(&mut rx, b"<abcd>");
        let at = rx.start;
        assert!(rx.keep(at + 1, at + 5));
        receive(&mut rx, b"<efgh>");
        let at = rx.start;
        assert!(rx.keep(at + 1, at + 5));
        receive(&mut rx, b"[ij]");
        let at = rx.start;
        let whole = rx.complete(at + 1, at + 3);
        assert_eq!(bytes(&rx, whole), b"abcdefghij");
        assert_eq!(rx.unread(), b"[ij]");
        let noted = rx.note(b"/topic");
        assert_eq!(bytes(&rx, noted), b"/topic");
        assert_eq!(rx.unread(), b"[ij]");
        rx.drop_body();
        receive(&mut rx, b"(k)");
        let at = rx.start;
        assert_eq!(at, 0);
        let whole = rx.complete(at + 1, at + 2);
        assert_eq!(bytes(&rx, whole), b"k");
    }

    #[test]
    fn a_body_ends_where_the_memory_ends() {
        let mut memory = [0; DATAGRAM + 100];
        let mut rx = Rx::new(Region::lent(&mut memory));
        for round in 0..3 {
            receive(&mut rx, &[7; 50]);
            let at = rx.start;
            assert_eq!(rx.keep(at, at + 40), round < 2, "{round}");
        }
    }
}
