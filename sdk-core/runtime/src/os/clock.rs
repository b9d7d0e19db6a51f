//! The clocks: one monotonic zero for the whole process, and the wall clock.

use enos_core::Now;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

static START: OnceLock<Instant> = OnceLock::new();

/// The process's zero of monotonic time.
fn start() -> Instant {
    *START.get_or_init(Instant::now)
}

/// Both clocks, now.
pub(crate) fn now() -> Now {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    Now { mono_ms: mono_ms(), wall_ms: wall.map(millis) }
}

/// The monotonic clock alone, for what needs no date.
pub(crate) fn now_undated() -> Now {
    Now { mono_ms: mono_ms(), wall_ms: None }
}

/// The monotonic clock, in milliseconds since the process's zero.
pub(crate) fn mono_ms() -> u64 {
    millis(start().elapsed())
}

/// A moment on the monotonic clock, rounded up.
pub(crate) fn mono_at(moment: Instant) -> u64 {
    millis(moment.saturating_duration_since(start()) + Duration::from_nanos(999_999))
}

/// The moment after so long; for times without end, one that nobody lives to see.
pub(crate) fn after(duration: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(3_155_760_000);
    let now = Instant::now();
    now.checked_add(duration).unwrap_or_else(|| now + CENTURY)
}

/// Whole milliseconds, as many as fit.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds for the engine's time-outs: rounded up, and never more than fits.
pub(crate) fn timeout_ms(duration: Duration) -> u32 {
    u32::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

/// The wall clock's reading as EnOS writes it: milliseconds since 1970; `None` before that.
pub(crate) fn wall_ms(time: SystemTime) -> Option<u64> {
    time.duration_since(UNIX_EPOCH).ok().map(millis)
}
