//! Who is told when something asked for is over: a callback, a thread that waits, or nobody.

use crate::error::Error;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A result that one thread waits for and another brings.
pub(crate) struct Waiter<T> {
    state: Mutex<State<T>>,
    brought: Condvar,
}

struct State<T> {
    result: Option<Result<T, Error>>,
    /// The thread sleeps. Often it is the one that brings the result, and then a call to wake it serves nothing.
    asleep: bool,
}

impl<T> Waiter<T> {
    pub(crate) fn new() -> Arc<Self> {
        let state = State { result: None, asleep: false };
        Arc::new(Self { state: Mutex::new(state), brought: Condvar::new() })
    }

    pub(crate) fn bring(&self, result: Result<T, Error>) {
        let asleep = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.result = Some(result);
            state.asleep
        };
        if asleep {
            self.brought.notify_one();
        }
    }

    /// The result; `None` if it did not come in time.
    pub(crate) fn wait(&self, longest: Duration) -> Option<Result<T, Error>> {
        let end = Instant::now().checked_add(longest);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(result) = state.result.take() {
                return Some(result);
            }
            let left = match end {
                Some(end) => end.saturating_duration_since(Instant::now()),
                None => Duration::MAX,
            };
            if left.is_zero() {
                return None;
            }
            state.asleep = true;
            state = self.brought.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            state.asleep = false;
        }
    }
}

/// A callback for the end of something.
pub(crate) type Done<T> = Box<dyn FnOnce(Result<T, Error>) + Send>;

/// Who is told.
pub(crate) enum Completion<T> {
    Call(Done<T>),
    Wake(Arc<Waiter<T>>),
    Nobody,
}

/// Results for threads that wait, kept until no lock is held: a woken thread would only run into it.
pub(crate) struct Wakes<T> {
    /// The usual case needs no memory.
    first: Option<Wake<T>>,
    more: Vec<Wake<T>>,
}

type Wake<T> = (Arc<Waiter<T>>, Result<T, Error>);

impl<T> Default for Wakes<T> {
    fn default() -> Self {
        Self { first: None, more: Vec::new() }
    }
}

impl<T> Wakes<T> {
    pub(crate) fn push(&mut self, waiter: Arc<Waiter<T>>, result: Result<T, Error>) {
        if self.first.is_none() {
            self.first = Some((waiter, result));
        } else {
            self.more.push((waiter, result));
        }
    }

    pub(crate) fn bring(self) {
        for (waiter, result) in self.first.into_iter().chain(self.more) {
            waiter.bring(result);
        }
    }
}
