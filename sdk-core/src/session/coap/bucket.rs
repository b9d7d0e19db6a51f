//! How fast a device may send: EnOS takes 10 KB/s of each (`docs-coap-http.md` A.1).

/// The least that fits: one whole datagram must always get through.
const LEAST: u64 = 1_024;

/// Bytes that may be sent now; filled at a fixed rate, up to one second's worth.
pub(super) struct Bucket {
    /// Bytes per second; 0: no limit.
    rate: u64,
    /// Thousandths of a byte.
    level: u64,
    filled_at: u64,
}

impl Bucket {
    pub(super) fn new(bytes_per_second: u32) -> Self {
        let rate = u64::from(bytes_per_second);
        Self { rate, level: rate.max(LEAST) * 1_000, filled_at: 0 }
    }

    /// Lets time pass.
    pub(super) fn fill(&mut self, now: u64) {
        let passed = now.saturating_sub(self.filled_at);
        let most = self.rate.max(LEAST) * 1_000;
        self.level = self.level.saturating_add(passed.saturating_mul(self.rate)).min(most);
        self.filled_at = now;
    }

    /// When so many bytes may go, if not yet.
    pub(super) fn ready_at(&self, bytes: usize) -> Option<u64> {
        let needed = (bytes as u64).min(LEAST.max(self.rate)) * 1_000;
        (self.rate > 0 && needed > self.level)
            .then(|| self.filled_at + (needed - self.level).div_ceil(self.rate))
    }

    /// So many bytes have gone.
    pub(super) fn take(&mut self, now: u64, bytes: usize) {
        self.fill(now);
        self.level = self.level.saturating_sub(bytes as u64 * 1_000);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_any_ten_seconds_no_more_than_the_rate_and_one_second_goes() {
        for rate in [100_u32, 1_000, 10_240] {
            let mut bucket = Bucket::new(rate);
            let (mut now, mut sent) = (0, 0);
            while now < 10_000 {
                bucket.fill(now);
                match bucket.ready_at(1_000) {
                    Some(at) => {
                        assert!(at > now);
                        now = at;
                    }
                    None => {
                        bucket.take(now, 1_000);
                        sent += 1_000;
                    }
                }
            }
            let most = u64::from(rate) * 10 + u64::from(rate).max(LEAST);
            assert!(sent <= most + 1_000 && sent + 2_000 > most, "{rate}: {sent} of {most}");
        }
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let mut bucket = Bucket::new(0);
        for _ in 0..1_000 {
            bucket.take(5, 1_024);
            assert_eq!(bucket.ready_at(1_024), None);
        }
    }
}
