//! What a peer asked lately and was answered, so that a datagram that comes twice is acted on once
//! (RFC 7252 §4.5).

use std::collections::VecDeque;

use super::EXCHANGE_MS;
use super::message::Kind;

/// Exchanges remembered for one peer; one that keeps to NSTART has a few in EXCHANGE_LIFETIME.
const MOST: usize = 64;
/// Bytes of answers kept for all peers; beyond it each keeps its newest only.
const ALL_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of answers that are kept for all peers together.
#[derive(Debug, Default)]
pub(super) struct Kept(usize);

#[cfg(any(test, feature = "fuzz"))]
impl Kept {
    pub(super) fn bytes(&self) -> usize {
        self.0
    }
}

#[derive(Debug)]
struct Exchange {
    id: u16,
    /// A confirmable message is no duplicate of a non-confirmable one: it must be acknowledged.
    kind: Kind,
    /// Seconds of the hub's monotonic clock, rounded up.
    at_s: u32,
    /// As it was sent; empty if nothing was, or not yet.
    answer: Box<[u8]>,
}

impl Exchange {
    fn is(&self, kind: Kind, id: u16) -> bool {
        self.kind == kind && self.id == id
    }
}

/// The exchanges of one peer, oldest first.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<Exchange>);

impl Recent {
    /// The answer to an earlier datagram of this kind and Message ID; empty if it has none (yet).
    pub(super) fn find(&self, kind: Kind, id: u16, now_ms: u64) -> Option<&[u8]> {
        let found = self.0.iter().rev().find(|exchange| exchange.is(kind, id))?;
        is_fresh(found, now_ms).then_some(&found.answer)
    }

    /// Remembers an exchange that has no answer yet.
    pub(super) fn begin(&mut self, kind: Kind, id: u16, now_ms: u64, kept: &mut Kept) {
        self.forget(now_ms, kept);
        while self.0.len() >= MOST || (kept.0 > ALL_BYTES && !self.0.is_empty()) {
            self.drop_oldest(kept);
        }
        let at_s = u32::try_from(now_ms.div_ceil(1_000)).unwrap_or(u32::MAX);
        self.0.push_back(Exchange { id, kind, at_s, answer: Box::default() });
    }

    /// Keeps the answer of an exchange.
    pub(super) fn answered(&mut self, kind: Kind, id: u16, answer: &[u8], kept: &mut Kept) {
        if let Some(exchange) = self.0.iter_mut().rev().find(|exchange| exchange.is(kind, id)) {
            kept.0 = kept.0 - exchange.answer.len() + answer.len();
            exchange.answer = answer.into();
        }
    }

    /// Drops what is older than EXCHANGE_LIFETIME.
    pub(super) fn forget(&mut self, now_ms: u64, kept: &mut Kept) {
        while self.0.front().is_some_and(|oldest| !is_fresh(oldest, now_ms)) {
            self.drop_oldest(kept);
        }
        if self.0.is_empty() {
            self.0 = VecDeque::new();
        }
    }

    /// Drops everything.
    pub(super) fn clear(&mut self, kept: &mut Kept) {
        while !self.0.is_empty() {
            self.drop_oldest(kept);
        }
    }

    fn drop_oldest(&mut self, kept: &mut Kept) {
        if let Some(oldest) = self.0.pop_front() {
            kept.0 -= oldest.answer.len();
        }
    }
}

fn is_fresh(exchange: &Exchange, now_ms: u64) -> bool {
    now_ms <= u64::from(exchange.at_s) * 1_000 + EXCHANGE_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_is_remembered_for_its_lifetime() {
        let (mut recent, mut kept) = (Recent::default(), Kept::default());
        recent.begin(Kind::Con, 7, 1_500, &mut kept);
        assert_eq!(recent.find(Kind::Con, 7, 1_500), Some(&b""[..]));
        recent.answered(Kind::Con, 7, b"answer", &mut kept);
        assert_eq!(recent.find(Kind::Con, 7, 2_000 + EXCHANGE_MS), Some(&b"answer"[..]));
        assert_eq!(recent.find(Kind::Con, 7, 2_001 + EXCHANGE_MS), None);
        assert_eq!(recent.find(Kind::Con, 8, 1_500), None);
        assert_eq!(recent.find(Kind::Non, 7, 1_500), None);
        // The same Message ID once more, after its time: the newer one counts.
        recent.begin(Kind::Con, 7, 300_000, &mut kept);
        assert_eq!(kept.0, 0);
        recent.answered(Kind::Con, 7, b"other", &mut kept);
        assert_eq!(recent.find(Kind::Con, 7, 300_000), Some(&b"other"[..]));
    }

    #[test]
    fn it_is_bounded_in_number_and_in_all_bytes() {
        let (mut recent, mut kept) = (Recent::default(), Kept::default());
        for id in 0..1_000 {
            recent.begin(Kind::Con, id, 0, &mut kept);
            recent.answered(Kind::Con, id, &[0; 10], &mut kept);
        }
        assert_eq!((recent.0.len(), kept.0), (MOST, MOST * 10));
        assert_eq!(
            (recent.find(Kind::Con, 1_000 - MOST as u16 - 1, 0), recent.find(Kind::Con, 999, 0)),
            (None, Some(&[0; 10][..]))
        );
        kept.0 += ALL_BYTES;
        recent.begin(Kind::Con, 1, 0, &mut kept);
        assert_eq!(recent.0.len(), 1);
        recent.clear(&mut kept);
        assert_eq!(kept.0, ALL_BYTES);
    }
}
