//! Time as data: the driver samples it once per call; the core has no clock.

/// The moment of a call, sampled once by the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds of a clock that never goes back; its zero is the driver's choice.
    pub mono_ms: u64,
    /// Milliseconds since 1970-01-01 UTC; `None` where the device does not know the time.
    pub wall_ms: Option<u64>,
}

impl Now {
    /// The CONNECT timestamp: wall-clock time, else the monotonic one. A hub never judges its age (`auth.md` §2.1).
    pub(crate) const fn stamp(self) -> u64 {
        match self.wall_ms {
            Some(wall) => wall,
            None => self.mono_ms,
        }
    }
}

/// The sooner of two deadlines.
pub(crate) fn sooner(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, None) => a,
        (None, b) => b,
    }
}
