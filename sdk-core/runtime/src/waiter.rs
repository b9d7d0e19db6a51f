//! Who is told when something asked for is over: a callback, a thread that waits, or nobody.

use crate::error::Error;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A result that one thread waits for and another brings.
pub(crate) struct Waiter<T> {
    result: Mutex<Option<Result<T, Error>>>,
    brought: Condvar,
}

impl<T> Waiter<T> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { result: Mutex::new(None), brought: Condvar::new() })
    }

    pub(crate) fn bring(&self, result: Result<T, Error>) {
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        self.brought.notify_one();
    }

    /// The result; `None` if it did not come in time.
    pub(crate) fn wait(&self, longest: Duration) -> Option<Result<T, Error>> {
        let end = Instant::now().checked_add(longest);
        let mut result = self.result.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(result) = result.take() {
                return Some(result);
            }
            let left = match end {
                Some(end) => end.saturating_duration_since(Instant::now()),
                None => Duration::MAX,
            };
            if left.is_zero() {
                return None;
            }
            result = self.brought.wait_timeout(result, left).unwrap_or_else(PoisonError::into_inner).0;
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
