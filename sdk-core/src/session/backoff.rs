//! When to dial again: decorrelated jitter, within the hub's budget of dials.
//!
//! EnOS blocks a device for 5 minutes that dials more than 4 times in 2 minutes (`docs-mqtt.md` §12).

/// Random numbers from a seed; good for jitter and for ids that do not repeat, not for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        for chunk in seed.chunks_exact(8) {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            state = (state ^ u64::from_le_bytes(word)).wrapping_mul(0xD134_2543_DE82_EF95).rotate_left(29);
        }
        Self(state)
    }

    /// Numbers from a smaller seed.
    #[cfg(feature = "coap")]
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number (SplitMix64).
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u32, high: u32) -> u32 {
        let width = u64::from(high.saturating_sub(low)) + 1;
        low + (self.next() % width) as u32
    }
}

/// Pauses that grow at random and forget nothing: each is drawn between the first and three times the last.
pub(crate) struct Backoff {
    first: u32,
    most: u32,
    last: u32,
}

impl Backoff {
    pub(crate) const fn new(first: u32, most: u32) -> Self {
        Self { first, most, last: first }
    }

    /// The next pause in milliseconds.
    pub(crate) fn pause(&mut self, jitter: &mut Jitter) -> u32 {
        let high = self.last.saturating_mul(3).min(self.most);
        self.last = jitter.between(self.first.min(high), high);
        self.last
    }

    pub(crate) fn reset(&mut self) {
        self.last = self.first;
    }
}

/// The most dials a budget can count.
pub(crate) const MAX_DIALS: usize = 8;

/// So many dials within so much time, activation included.
pub(crate) struct Budget {
    window_ms: u64,
    dials: usize,
    past: [Option<u64>; MAX_DIALS],
    next: usize,
}

impl Budget {
    pub(crate) fn new(dials: u8, window_s: u16) -> Self {
        let dials = usize::from(dials).clamp(1, MAX_DIALS);
        Self { window_ms: u64::from(window_s) * 1000, dials, past: [None; MAX_DIALS], next: 0 }
    }

    /// The soonest moment, from `at` on, at which a dial is within the budget.
    pub(crate) fn soonest(&self, at: u64) -> u64 {
        match self.past[self.next] {
            Some(oldest) => at.max(oldest.saturating_add(self.window_ms)),
            None => at,
        }
    }

    /// A dial begins.
    pub(crate) fn spend(&mut self, now: u64) {
        self.past[self.next] = Some(now);
        self.next = (self.next + 1) % self.dials;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Proves: DEVICE-3
    #[test]
    fn never_more_dials_than_the_budget_in_any_window() {
        let mut jitter = Jitter::new([7; 32]);
        let mut budget = Budget::new(4, 120);
        let (mut now, mut dials) = (0, [0_u64; 200]);
        for dial in &mut dials {
            now = budget.soonest(now + jitter.next() % 50_000);
            budget.spend(now);
            *dial = now;
        }
        for five in dials.windows(5) {
            assert!(five[4] - five[0] >= 120_000, "{five:?}");
        }
    }

    #[test]
    fn pauses_stay_between_first_and_most_and_differ() {
        let mut jitter = Jitter::new([1; 32]);
        let mut backoff = Backoff::new(1_000, 64_000);
        let first = backoff.pause(&mut jitter);
        assert!((1_000..=3_000).contains(&first));
        let mut largest = 0;
        for _ in 0..1_000 {
            let pause = backoff.pause(&mut jitter);
            assert!((1_000..=64_000).contains(&pause));
            largest = largest.max(pause);
        }
        assert!(largest > 50_000);
        backoff.reset();
        assert!(backoff.pause(&mut jitter) <= 3_000);
    }
}
