//! The two moments at which a signed-in connection ends by itself. Pure values: whoever holds them waits.

/// When the client was last heard, and how long it may be silent.
pub(super) struct KeepAlive {
    pub(super) seconds: u16,
    heard_ms: u64,
}

impl KeepAlive {
    pub(super) fn new(seconds: u16, now_ms: u64) -> Self {
        Self { seconds, heard_ms: now_ms }
    }

    /// A whole packet came.
    pub(super) fn heard(&mut self, now_ms: u64) {
        self.heard_ms = now_ms;
    }

    /// When silence has lasted one and a half times the keep alive (MQTT-3.1.2-24); 0 switches it off.
    pub(super) fn deadline(&self) -> Option<u64> {
        (self.seconds > 0).then(|| self.heard_ms.saturating_add(u64::from(self.seconds) * 1_500))
    }
}

/// How long the peer has taken nothing although something waits for it.
pub(super) struct Stall {
    limit_ms: u64,
    /// Bytes taken when it was last looked at, and when it is looked at again.
    since: Option<(u64, u64)>,
}

impl Stall {
    pub(super) fn new(limit_ms: u64) -> Self {
        Self { limit_ms, since: None }
    }

    /// The peer takes nothing at the moment; `taken` counts what it took since the start.
    pub(super) fn blocked(&mut self, taken: u64, now_ms: u64) {
        self.since.get_or_insert((taken, now_ms.saturating_add(self.limit_ms)));
    }

    /// Nothing waits for the peer.
    pub(super) fn clear(&mut self) {
        self.since = None;
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        self.since.map(|(_, deadline)| deadline)
    }

    /// Whether the peer took nothing for the whole time; if it took something, a new time begins.
    pub(super) fn is_over(&mut self, taken: u64, now_ms: u64) -> bool {
        let Some((before, deadline)) = self.since else { return false };
        if now_ms < deadline {
            return false;
        }
        self.since = None;
        if before == taken {
            return true;
        }
        self.blocked(taken, now_ms);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Proves: MQTT-3.1.2-24
    #[test]
    fn silence_ends_after_one_and_a_half_times_the_keep_alive() {
        let mut keep_alive = KeepAlive::new(60, 1_000);
        assert_eq!(keep_alive.deadline(), Some(91_000));
        keep_alive.heard(5_000);
        assert_eq!(keep_alive.deadline(), Some(95_000));
        assert_eq!(KeepAlive::new(0, 0).deadline(), None);
    }

    #[test]
    fn a_peer_that_takes_a_little_in_each_span_does_not_stall() {
        let mut stall = Stall::new(20);
        assert!(!stall.is_over(0, 1_000));
        stall.blocked(0, 0);
        stall.blocked(5, 10);
        assert_eq!(stall.deadline(), Some(20));
        assert!(!stall.is_over(5, 19));
        assert!(!stall.is_over(5, 20));
        assert_eq!(stall.deadline(), Some(40));
        assert!(stall.is_over(5, 40));
        stall.blocked(5, 50);
        stall.clear();
        assert!(!stall.is_over(5, 500));
    }
}
