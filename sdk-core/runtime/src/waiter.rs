//! Who is told when something asked for is over: a callback, a thread that waits, or nobody.

use crate::error::Error;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a caller who may leave a wait is asked.
const LOOK: Duration = Duration::from_millis(25);

/// A caller's way out of a wait.
pub(crate) struct Leave<'a>(Option<&'a mut dyn FnMut() -> bool>);

impl<'a> Leave<'a> {
    /// The wait ends by itself only.
    pub(crate) const NEVER: Leave<'static> = Leave(None);

    /// The caller is asked now and then.
    pub(crate) fn when(ask: &'a mut dyn FnMut() -> bool) -> Self {
        Self(Some(ask))
    }

    /// How long to wait at a stretch, with so much time left.
    pub(crate) fn piece(&self, left: Duration) -> Duration {
        if self.0.is_some() { left.min(LOOK) } else { left }
    }

    /// Whether the caller leaves. It is their code, so no lock may be held.
    pub(crate) fn now(&mut self) -> bool {
        self.0.as_mut().is_some_and(|ask| ask())
    }
}

/// How a wait ended.
pub(crate) enum Waited<T> {
    Told(Result<T, Error>),
    /// It did not come in time.
    Late,
    /// The caller did not want to wait any longer.
    Left,
}

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

    /// The same for a caller who may leave.
    pub(crate) fn wait_or_leave(&self, longest: Duration, leave: &mut Leave<'_>) -> Waited<T> {
        let end = Instant::now().checked_add(longest);
        loop {
            let left = end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
            if let Some(result) = self.wait(leave.piece(left)) {
                return Waited::Told(result);
            }
            if left.is_zero() {
                return Waited::Late;
            }
            if leave.now() {
                return Waited::Left;
            }
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
