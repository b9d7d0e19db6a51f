//! A few threads for work that blocks, started when needed and gone when idle.

use crate::error::Error;
use crate::os::thread;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Most threads at once.
const MAX_THREADS: usize = 4;

/// How long a thread waits for more work before it goes.
const IDLE: Duration = Duration::from_secs(1);

type Job = Box<dyn FnOnce() + Send>;

/// The threads and what waits for them.
#[derive(Default)]
pub(crate) struct Pool {
    state: Mutex<State>,
    changed: Condvar,
    /// A thread has gone.
    gone: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    closing: bool,
}

impl Pool {
    /// Runs the job on one of the threads, soon. Fails only if there is no thread at all.
    pub(crate) fn submit(self: &Arc<Self>, job: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let mut state = self.lock();
        state.jobs.push_back(Box::new(job));
        if state.jobs.len() <= state.idle {
            self.changed.notify_one();
            return Ok(());
        }
        if state.threads >= MAX_THREADS {
            return Ok(());
        }
        let pool = self.clone();
        match thread::spawn("enos-dial", move || pool.work()) {
            Ok(_) => state.threads += 1,
            Err(error) if state.threads == 0 => {
                state.jobs.pop_back();
                return Err(error);
            }
            Err(_) => {}
        }
        Ok(())
    }

    /// Lets idle threads go at once; those that work go when they are done.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.changed.notify_all();
    }

    /// Waits until no thread is left; false if the time ran out.
    pub(crate) fn wait_gone(&self, deadline: Instant) -> bool {
        let mut state = self.lock();
        while state.threads > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.gone.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn work(&self) {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                if catch_unwind(AssertUnwindSafe(job)).is_err() {
                    log::error!("a dial panicked: this is a bug");
                }
                state = self.lock();
                continue;
            }
            if state.closing {
                break;
            }
            state.idle += 1;
            let (woken, wait) =
                self.changed.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if wait.timed_out() && state.jobs.is_empty() {
                break;
            }
        }
        state.threads -= 1;
        self.gone.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn jobs_run_in_at_most_four_threads_which_go_when_idle() {
        let pool = Arc::new(Pool::default());
        let (tell, hear) = mpsc::channel();
        for number in 0..50 {
            let tell = tell.clone();
            pool.submit(move || {
                if number == 25 {
                    panic!("on purpose");
                }
                tell.send(number).unwrap();
            })
            .unwrap();
            assert!(pool.lock().threads <= MAX_THREADS);
        }
        drop(tell);
        let done: std::collections::BTreeSet<i32> = hear.iter().collect();
        assert_eq!(done.len(), 49);
        // They go by themselves: nothing is closed here.
        assert!(pool.wait_gone(Instant::now() + Duration::from_secs(20)));
        pool.submit(|| ()).unwrap();
        pool.close();
        assert!(pool.wait_gone(Instant::now() + Duration::from_secs(20)));
    }
}
