//! Message IDs, both sides': ours are not used again before the hub has forgotten them, and what the hub repeats is
//! recognised (RFC 7252 §4.4, §4.5, §4.8.2).

/// So long a Message ID must not be used again, and a repetition may still come (EXCHANGE_LIFETIME), in milliseconds.
pub(super) const EXCHANGE_LIFETIME_MS: u64 = 247_000;

/// Ids per piece of the circle.
const PIECE: u16 = 4_096;
/// Pieces of the circle.
const PIECES: usize = 16;

/// Our own Message IDs: they go round, from a random start. For each sixteenth of the circle one moment is kept, the
/// last at which one of its ids was taken; so 61,440 to 65,536 messages go within one lifetime.
pub(super) struct MessageIds {
    next: u16,
    taken_at: [Option<u64>; PIECES],
}

impl MessageIds {
    pub(super) fn new(start: u16) -> Self {
        Self { next: start, taken_at: [None; PIECES] }
    }

    /// When the next id may be taken, if not yet.
    pub(super) fn ready_at(&self, now: u64) -> Option<u64> {
        if !self.next.is_multiple_of(PIECE) {
            return None;
        }
        let free = self.taken_at[usize::from(self.next / PIECE)]? + EXCHANGE_LIFETIME_MS;
        (free > now).then_some(free)
    }

    /// The next id.
    pub(super) fn take(&mut self, now: u64) -> u16 {
        let id = self.next;
        self.next = id.wrapping_add(1);
        self.taken_at[usize::from(id / PIECE)] = Some(now);
        id
    }

    /// Another address is another endpoint: its ids are its own.
    pub(super) fn forget(&mut self) {
        self.taken_at = [None; PIECES];
    }
}

/// How a confirmable message of the hub was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Acknowledged,
    Reset,
}

/// Confirmable messages of the hub that a repetition is recognised for; of more than these the oldest is forgotten.
const REMEMBERED: usize = 8;

/// The hub's confirmable messages of late, each answered the same way again when it comes again.
#[derive(Default)]
pub(super) struct Seen {
    ring: [Option<(u16, u64, Verdict)>; REMEMBERED],
    next: usize,
}

impl Seen {
    /// How this message was answered before.
    pub(super) fn find(&self, now: u64, id: u16) -> Option<Verdict> {
        let alive = |(known, at, _): &(u16, u64, Verdict)| *known == id && now < at + EXCHANGE_LIFETIME_MS;
        self.ring.iter().flatten().find(|entry| alive(entry)).map(|(.., verdict)| *verdict)
    }

    pub(super) fn note(&mut self, now: u64, id: u16, verdict: Verdict) {
        // Another of the same id is older than its lifetime.
        if let Some(place) = self.ring.iter_mut().find(|entry| entry.is_some_and(|(known, ..)| known == id)) {
            *place = Some((id, now, verdict));
            return;
        }
        self.ring[self.next] = Some((id, now, verdict));
        self.next = (self.next + 1) % REMEMBERED;
    }

    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Proves: COAP-4.4-2
    #[test]
    fn no_id_is_taken_twice_within_its_lifetime() {
        for start in [0_u16, 1, 4_095, 40_000, 65_535] {
            let mut ids = MessageIds::new(start);
            let mut last = [None; 65_536];
            let mut now = 0_u64;
            for _ in 0..200_000 {
                if let Some(at) = ids.ready_at(now) {
                    assert!(at > now);
                    now = at;
                }
                let id = usize::from(ids.take(now));
                assert!(last[id].is_none_or(|at| now - at >= EXCHANGE_LIFETIME_MS), "{id} again at {now}");
                last[id] = Some(now);
                now += 1;
            }
            assert!(now < 4 * EXCHANGE_LIFETIME_MS, "it waited too long: {now}");
        }
    }

    // Proves: COAP-4.5-3
    #[test]
    fn repetitions_are_known_for_their_lifetime_and_few_are_kept() {
        let mut seen = Seen::default();
        seen.note(0, 7, Verdict::Acknowledged);
        assert_eq!(seen.find(EXCHANGE_LIFETIME_MS - 1, 7), Some(Verdict::Acknowledged));
        assert_eq!(seen.find(EXCHANGE_LIFETIME_MS, 7), None);
        assert_eq!(seen.find(0, 8), None);
        seen.note(EXCHANGE_LIFETIME_MS, 7, Verdict::Reset);
        assert_eq!(seen.find(EXCHANGE_LIFETIME_MS, 7), Some(Verdict::Reset));
        for id in 100..107 {
            seen.note(1, id, Verdict::Reset);
        }
        assert_eq!(seen.find(EXCHANGE_LIFETIME_MS, 7), Some(Verdict::Reset), "the eighth");
        seen.note(1, 107, Verdict::Reset);
        assert_eq!(seen.find(EXCHANGE_LIFETIME_MS, 7), None, "the ninth takes its place");
    }
}
