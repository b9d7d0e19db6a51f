//! The hub's time: the only place that reads a clock or waits.
//!
//! Two readings: wall time stamps what is stored and shown, monotonic time measures how long something
//! took. A manual clock moves only when told, for both, so a test can let two days pass in no time.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;

/// A cheap handle to the hub's time; all clones share it.
#[derive(Clone)]
pub struct Clock(Arc<Source>);

enum Source {
    System { started: Instant },
    Manual { start_ms: u64, passed_ms: AtomicU64, moved: Notify },
}

impl Clock {
    /// The machine's clocks.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(Source::System { started: Instant::now() }))
    }

    /// A clock that stands at `start_ms` (milliseconds since the Unix epoch) until it is advanced.
    #[must_use]
    pub fn manual(start_ms: u64) -> Self {
        Self(Arc::new(Source::Manual { start_ms, passed_ms: AtomicU64::new(0), moved: Notify::new() }))
    }

    /// Wall time in milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        match &*self.0 {
            Source::System { .. } => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, whole_ms),
            Source::Manual { start_ms, passed_ms, .. } => {
                start_ms.saturating_add(passed_ms.load(Ordering::Acquire))
            }
        }
    }

    /// Milliseconds since the clock was made; never goes back, whatever happens to the wall time.
    #[must_use]
    pub fn monotonic_ms(&self) -> u64 {
        match &*self.0 {
            Source::System { started } => whole_ms(started.elapsed()),
            Source::Manual { passed_ms, .. } => passed_ms.load(Ordering::Acquire),
        }
    }

    /// Moves a manual clock on by `ms` and wakes whoever waited for a moment that has now come.
    ///
    /// Returns false, and does nothing, on a system clock.
    pub fn advance(&self, ms: u64) -> bool {
        match &*self.0 {
            Source::System { .. } => false,
            Source::Manual { passed_ms, moved, .. } => {
                passed_ms.fetch_add(ms, Ordering::AcqRel);
                moved.notify_waiters();
                true
            }
        }
    }

    /// Waits for `duration`, counted from this call and not from the first poll.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<> {
        self.sleep_until(self.monotonic_ms().saturating_add(whole_ms(duration)))
    }

    /// Waits until [`monotonic_ms`](Self::monotonic_ms) has reached `deadline_ms`.
    pub fn sleep_until(&self, deadline_ms: u64) -> impl Future<Output = ()> + Send + use<> {
        let clock = self.clone();
        async move {
            match &*clock.0 {
                Source::System { started } => {
                    let left = Duration::from_millis(deadline_ms).saturating_sub(started.elapsed());
                    tokio::time::sleep(left).await;
                }
                Source::Manual { passed_ms, moved, .. } => loop {
                    let mut moved = pin!(moved.notified());
                    // Listening starts before the look at the time, or a step in between would be missed.
                    moved.as_mut().enable();
                    if passed_ms.load(Ordering::Acquire) >= deadline_ms {
                        return;
                    }
                    moved.await;
                },
            }
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &*self.0 {
            Source::System { .. } => "system",
            Source::Manual { .. } => "manual",
        };
        write!(f, "Clock({kind}, {} ms)", self.now_ms())
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_a_sleeper_only_when_its_moment_has_come() {
        let clock = Clock::manual(1_000);
        let mut sleep = polled(clock.sleep(Duration::from_millis(50)));
        assert!(clock.advance(49));
        assert!(!sleep.is_ready().await);
        assert!(clock.advance(1));
        assert!(sleep.is_ready().await);
        assert_eq!((clock.now_ms(), clock.monotonic_ms()), (1_050, 50));
    }

    #[tokio::test]
    async fn a_sleep_counts_from_the_call() {
        let clock = Clock::manual(0);
        let sleep = clock.sleep(Duration::from_secs(5));
        clock.advance(5_000);
        sleep.await;
    }

    #[test]
    fn a_system_clock_cannot_be_advanced_and_tells_the_wall_time() {
        let clock = Clock::system();
        assert!(!clock.advance(1));
        assert!(clock.now_ms() > 1_600_000_000_000);
    }

    /// A future polled by hand, so that "not yet" can be told without waiting.
    struct Polled<F>(std::pin::Pin<Box<F>>);

    fn polled<F: Future<Output = ()>>(future: F) -> Polled<F> {
        Polled(Box::pin(future))
    }

    impl<F: Future<Output = ()>> Polled<F> {
        async fn is_ready(&mut self) -> bool {
            std::future::poll_fn(|cx| std::task::Poll::Ready(self.0.as_mut().poll(cx).is_ready())).await
        }
    }
}
