//! The hub's time: the only place that reads a clock or waits.
//!
//! Two readings: wall time stamps what is stored and shown, monotonic time measures how long something
//! took. Any clock can be stopped, resumed, moved on and offset while the hub runs, so a test lets two days
//! pass in no time. What must not stand with it, such as the stop of the hub, waits by `clock::real`.

pub(crate) mod real;

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;

/// The furthest that time can be moved in one step, in milliseconds: a hundred years.
pub const MAX_STEP_MS: u64 = 100 * 366 * 24 * 60 * 60 * 1_000;

/// A cheap handle to the hub's time; all clones share it.
#[derive(Clone)]
pub struct Clock(Arc<Source>);

struct Source {
    started: Instant,
    /// Monotonic reading plus one while the clock stands, 0 while it runs.
    standing: AtomicU64,
    /// While it runs: monotonic reading less the time since `started`.
    shift_ms: AtomicI64,
    /// While it runs: wall time less the machine's and the shift. Not 0 once a clock of its own was let run.
    wall_shift_ms: AtomicI64,
    /// While it stands: wall time at monotonic 0, without the offset.
    standing_wall_ms: AtomicI64,
    /// Added to the wall time.
    offset_ms: AtomicI64,
    /// One change at a time.
    changing: Mutex<()>,
    moved: Notify,
}

/// What a clock shows and how it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Wall time in milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// Milliseconds since the clock was made.
    pub monotonic_ms: u64,
    /// It stands until it is advanced or resumed.
    pub frozen: bool,
    /// What is added to the wall time, in milliseconds.
    pub offset_ms: i64,
}

impl Clock {
    /// A clock that runs with the machine's.
    #[must_use]
    pub fn system() -> Self {
        Self::new(0, 0)
    }

    /// A clock that stands at `start_ms` (milliseconds since the Unix epoch) until it is advanced.
    #[must_use]
    pub fn manual(start_ms: u64) -> Self {
        Self::new(1, signed(start_ms))
    }

    fn new(standing: u64, standing_wall_ms: i64) -> Self {
        Self(Arc::new(Source {
            started: Instant::now(),
            standing: AtomicU64::new(standing),
            shift_ms: AtomicI64::new(0),
            wall_shift_ms: AtomicI64::new(0),
            standing_wall_ms: AtomicI64::new(standing_wall_ms),
            offset_ms: AtomicI64::new(0),
            changing: Mutex::default(),
            moved: Notify::new(),
        }))
    }

    /// Wall time in milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        let source = &*self.0;
        let wall = match source.standing.load(Ordering::Acquire) {
            0 => source.running_wall_ms(),
            standing => source.standing_wall_ms.load(Ordering::Acquire).saturating_add(signed(standing - 1)),
        };
        u64::try_from(wall.saturating_add(source.offset_ms.load(Ordering::Acquire))).unwrap_or(0)
    }

    /// Milliseconds since the clock was made; never goes back, whatever happens to the wall time.
    #[must_use]
    pub fn monotonic_ms(&self) -> u64 {
        let source = &*self.0;
        match source.standing.load(Ordering::Acquire) {
            0 => source.running_ms(),
            standing => standing - 1,
        }
    }

    /// Everything at once.
    #[must_use]
    pub fn read(&self) -> Reading {
        let _whole = self.changing();
        Reading {
            now_ms: self.now_ms(),
            monotonic_ms: self.monotonic_ms(),
            frozen: self.0.standing.load(Ordering::Acquire) != 0,
            offset_ms: self.0.offset_ms.load(Ordering::Acquire),
        }
    }

    /// Stops the clock; it stands until it is advanced or resumed. Nothing happens if it stands already.
    pub fn freeze(&self) {
        let _one = self.changing();
        let source = &*self.0;
        if source.standing.load(Ordering::Acquire) == 0 {
            let now = source.running_ms();
            let wall = source.running_wall_ms();
            source.standing_wall_ms.store(wall.saturating_sub(signed(now)), Ordering::Release);
            source.standing.store(now.saturating_add(1), Ordering::Release);
        }
    }

    /// Lets the clock run on from where it stands. Its wall time does not jump back to the machine's.
    pub fn resume(&self) {
        {
            let _one = self.changing();
            let source = &*self.0;
            let standing = source.standing.load(Ordering::Acquire);
            if standing != 0 {
                let now = signed(standing - 1);
                let elapsed = signed(whole_ms(source.started.elapsed()));
                let shift = now.saturating_sub(elapsed);
                source.shift_ms.store(shift, Ordering::Release);
                let wall = source.standing_wall_ms.load(Ordering::Acquire).saturating_add(now);
                let jump = wall.saturating_sub(machine_ms().saturating_add(shift));
                source.wall_shift_ms.store(jump, Ordering::Release);
                source.standing.store(0, Ordering::Release);
            }
        }
        self.0.moved.notify_waiters();
    }

    /// Moves the clock on by `ms`, whether it stands or runs, and wakes whoever waited for a moment that has
    /// now come. More than [`MAX_STEP_MS`] counts as that.
    pub fn advance(&self, ms: u64) {
        {
            let _one = self.changing();
            let (source, ms) = (&*self.0, ms.min(MAX_STEP_MS));
            match source.standing.load(Ordering::Acquire) {
                0 => {
                    let shift = source.shift_ms.load(Ordering::Acquire);
                    source.shift_ms.store(shift.saturating_add(signed(ms)), Ordering::Release);
                }
                standing => {
                    let most = i64::MAX as u64;
                    source.standing.store(standing.saturating_add(ms).min(most), Ordering::Release);
                }
            }
        }
        self.0.moved.notify_waiters();
    }

    /// Sets what is added to the wall time. Nobody wakes: waits follow the monotonic time.
    pub fn set_offset(&self, offset_ms: i64) {
        let _one = self.changing();
        self.0.offset_ms.store(offset_ms, Ordering::Release);
    }

    /// Waits for `duration`, counted from this call and not from the first poll.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<> {
        self.sleep_until(self.monotonic_ms().saturating_add(whole_ms(duration)))
    }

    /// Waits until [`monotonic_ms`](Self::monotonic_ms) has reached `deadline_ms`.
    pub fn sleep_until(&self, deadline_ms: u64) -> impl Future<Output = ()> + Send + use<> {
        let clock = self.clone();
        async move {
            loop {
                let mut moved = pin!(clock.0.moved.notified());
                // Listening starts before the look at the time, or a step in between would be missed.
                moved.as_mut().enable();
                let now = clock.monotonic_ms();
                if now >= deadline_ms {
                    return;
                }
                if clock.0.standing.load(Ordering::Acquire) != 0 {
                    moved.await;
                    continue;
                }
                tokio::select! {
                    () = moved => {}
                    // If the clock was stopped meanwhile, the next look finds that the time has not come.
                    () = tokio::time::sleep(Duration::from_millis(deadline_ms - now)) => {}
                }
            }
        }
    }

    fn changing(&self) -> std::sync::MutexGuard<'_, ()> {
        self.0.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    /// The wall time of a clock that runs, without the offset.
    fn running_wall_ms(&self) -> i64 {
        let shift = self.shift_ms.load(Ordering::Acquire);
        machine_ms().saturating_add(shift).saturating_add(self.wall_shift_ms.load(Ordering::Acquire))
    }

    /// The monotonic reading of a clock that runs.
    fn running_ms(&self) -> u64 {
        let elapsed = signed(whole_ms(self.started.elapsed()));
        u64::try_from(elapsed.saturating_add(self.shift_ms.load(Ordering::Acquire))).unwrap_or(0)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.read().frozen { "standing" } else { "running" };
        write!(f, "Clock({kind}, {} ms)", self.now_ms())
    }
}

fn machine_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| signed(whole_ms(since)))
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_standing_clock_wakes_a_sleeper_only_when_its_moment_has_come() {
        let clock = Clock::manual(1_000);
        let mut sleep = polled(clock.sleep(Duration::from_millis(50)));
        clock.advance(49);
        assert!(!sleep.is_ready().await);
        clock.advance(1);
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

    #[tokio::test]
    async fn a_running_clock_can_be_moved_on_and_wakes_sleepers() {
        let clock = Clock::system();
        let before = clock.now_ms();
        assert!(before > 1_600_000_000_000);
        let mut sleep = polled(clock.sleep(Duration::from_secs(3_600)));
        assert!(!sleep.is_ready().await);
        clock.advance(3_600_000);
        assert!(sleep.is_ready().await);
        assert!(clock.now_ms() >= before + 3_600_000 && clock.monotonic_ms() >= 3_600_000);
    }

    #[tokio::test]
    async fn a_clock_that_was_stopped_stands_and_runs_on_from_there() {
        let clock = Clock::system();
        let mut sleep = polled(clock.sleep(Duration::from_millis(1)));
        clock.freeze();
        let stood = clock.read();
        assert!(stood.frozen);
        // Real time passes, the clock's does not.
        real::sleep(Duration::from_millis(3)).await;
        assert_eq!(clock.read(), stood);
        clock.advance(10);
        assert!(sleep.is_ready().await);
        assert_eq!(clock.now_ms(), stood.now_ms + 10);
        clock.resume();
        let running = clock.read();
        assert!(!running.frozen);
        assert!(running.monotonic_ms >= stood.monotonic_ms + 10);
        // The wall time did not jump; a little real time may have passed.
        assert!((stood.now_ms + 10..stood.now_ms + 10_000).contains(&running.now_ms), "{running:?}");
    }

    #[tokio::test]
    async fn a_sleeper_of_a_running_clock_waits_on_when_it_is_stopped() {
        let clock = Clock::system();
        let mut sleep = polled(clock.sleep(Duration::from_millis(5)));
        assert!(!sleep.is_ready().await);
        clock.freeze();
        real::sleep(Duration::from_millis(15)).await;
        assert!(!sleep.is_ready().await);
        clock.resume();
        // Woken by real time alone.
        real::timeout(Duration::from_secs(20), sleep.0).await.expect("it wakes");
    }

    #[tokio::test]
    async fn an_offset_moves_the_wall_time_only() {
        let clock = Clock::manual(5_000);
        clock.set_offset(-2_000);
        assert_eq!((clock.now_ms(), clock.monotonic_ms()), (3_000, 0));
        clock.set_offset(-9_000);
        assert_eq!(clock.now_ms(), 0);
        clock.advance(u64::MAX);
        clock.advance(u64::MAX);
        assert!(clock.monotonic_ms() >= 2 * MAX_STEP_MS);
    }

    #[test]
    fn a_manual_clock_can_be_let_run() {
        let clock = Clock::manual(7_000);
        clock.resume();
        assert!((7_000..1_000_000).contains(&clock.now_ms()));
        clock.freeze();
        assert!((7_000..1_000_000).contains(&clock.now_ms()));
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
