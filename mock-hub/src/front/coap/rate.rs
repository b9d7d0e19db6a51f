//! How much may flow in a second: a bucket that fills by the hub's clock.

/// A bucket that is full at the start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// What has been taken out and not come back yet.
    taken: u64,
    at_ms: u64,
}

impl Bucket {
    pub(super) fn new(now_ms: u64) -> Self {
        Self { taken: 0, at_ms: now_ms }
    }

    /// Takes `amount` out of a bucket that holds `rate` and gets as much in a second; false if it was not in it. Then
    /// nothing is taken.
    pub(super) fn take(&mut self, amount: usize, rate: u64, now_ms: u64) -> bool {
        self.fill(rate, now_ms);
        let taken = self.taken.saturating_add(amount as u64);
        if taken > rate {
            return false;
        }
        self.taken = taken;
        true
    }

    /// Takes `amount` out, be it in there or not: what is sent is sent. Two seconds' worth are the most that is owed.
    pub(super) fn spend(&mut self, amount: usize, rate: u64, now_ms: u64) {
        self.fill(rate, now_ms);
        self.taken = self.taken.saturating_add(amount as u64).min(2 * rate);
    }

    /// Whether more was spent than there was.
    pub(super) fn is_over(&mut self, rate: u64, now_ms: u64) -> bool {
        self.fill(rate, now_ms);
        self.taken > rate
    }

    fn fill(&mut self, rate: u64, now_ms: u64) {
        let back = now_ms.saturating_sub(self.at_ms).saturating_mul(rate) / 1_000;
        if back > 0 {
            self.taken = self.taken.saturating_sub(back);
            self.at_ms = now_ms;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_brings_a_second_s_worth_back() {
        let mut bucket = Bucket::new(5_000);
        assert!(bucket.take(600, 1_000, 5_000));
        assert!(!bucket.take(401, 1_000, 5_000));
        assert!(bucket.take(400, 1_000, 5_000));
        assert!(!bucket.take(100, 1_000, 5_099));
        assert!(bucket.take(100, 1_000, 5_100));
        assert!(bucket.take(1_000, 1_000, 7_000));
        assert!(!bucket.take(1, 1_000, 7_000));
        // A clock that stands brings nothing back, one that steps by less than a byte loses nothing.
        let mut slow = Bucket::new(0);
        assert!(slow.take(10, 10, 0));
        for now_ms in 1..100 {
            assert!(!slow.take(1, 10, now_ms), "{now_ms}");
        }
        assert!(slow.take(1, 10, 100));
    }

    #[test]
    fn what_is_spent_is_owed_for_two_seconds_at_most() {
        let mut bucket = Bucket::new(0);
        bucket.spend(1_000, 1_000, 0);
        assert!(!bucket.is_over(1_000, 0));
        bucket.spend(50_000, 1_000, 0);
        assert!(bucket.is_over(1_000, 999));
        assert!(!bucket.is_over(1_000, 1_000));
    }
}
