//! Changes on their way to the writer, and who waits for them.
//!
//! Appending takes a short lock and no disk. The writer takes all that has come since its last commit at once, so a
//! commit is shared by whoever came meanwhile.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::super::{Change, Counters, Image, StateRecord, StoreFault, Ticket};

/// Pause before the writer tries again what it could not write. Real time: a disk does not follow the hub's clock.
const RETRY: Duration = Duration::from_millis(500);

/// Something for the writer.
pub(super) enum Job {
    Change(Change),
    /// The world as a whole; told apart, since somebody waits for its own outcome.
    Replace(Box<Image>, mpsc::SyncSender<Result<(), StoreFault>>),
}

/// What the writer takes at once.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) jobs: Vec<Job>,
    /// Jobs up to this ticket are in it.
    pub(super) last: Ticket,
    /// The hub ends; nothing more comes.
    pub(super) closed: bool,
}

/// The queue; shared by the writer and everybody else.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    work: Condvar,
    last: AtomicU64,
    committed: AtomicU64,
    failing: AtomicBool,
}

#[derive(Default)]
struct State {
    jobs: Vec<Job>,
    /// While nothing can be written, the newest state and counters of each device stand here, so that a device that
    /// comes and goes does not make the queue grow.
    states: HashMap<u64, Box<StateRecord>>,
    counters: HashMap<u64, Counters>,
    waiters: Vec<(Ticket, Waker)>,
    fault: Option<StoreFault>,
    idle: bool,
    closed: bool,
}

impl Queue {
    pub(super) fn append(&self, job: Job) -> Ticket {
        let mut state = self.state();
        match job {
            Job::Change(Change::State(device, record)) if state.fault.is_some() => {
                state.states.insert(device, record);
            }
            Job::Change(Change::Counters(device, counters)) if state.fault.is_some() => {
                state.counters.insert(device, counters);
            }
            job => state.jobs.push(job),
        }
        // Under the lock, so that tickets have the order of the jobs.
        let ticket = Ticket(self.last.load(Ordering::Relaxed) + 1);
        self.last.store(ticket.0, Ordering::Release);
        let wake = std::mem::take(&mut state.idle);
        drop(state);
        if wake {
            self.work.notify_one();
        }
        ticket
    }

    pub(super) fn last(&self) -> Ticket {
        Ticket(self.last.load(Ordering::Acquire))
    }

    pub(super) fn ready(&self) -> Result<(), StoreFault> {
        if !self.failing.load(Ordering::Acquire) {
            return Ok(());
        }
        self.state().fault.clone().map_or(Ok(()), Err)
    }

    pub(super) fn poll_committed(&self, ticket: Ticket, cx: &Context<'_>) -> Poll<Result<(), StoreFault>> {
        if self.committed.load(Ordering::Acquire) >= ticket.0 {
            return Poll::Ready(Ok(()));
        }
        let mut state = self.state();
        // Looked at again: the commit may have come in between.
        if self.committed.load(Ordering::Acquire) >= ticket.0 {
            return Poll::Ready(Ok(()));
        }
        if let Some(fault) = &state.fault {
            return Poll::Ready(Err(fault.clone()));
        }
        // Who asks twice is woken twice, which does no harm.
        state.waiters.push((ticket, cx.waker().clone()));
        Poll::Pending
    }

    /// Nothing more comes; the writer finishes what is there.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.work.notify_one();
    }

    /// Waits for work and takes all there is. With something `left` from a try that failed it waits for the next
    /// try instead.
    pub(super) fn take(&self, left: bool) -> Batch {
        let mut state = self.state();
        if left {
            let waited = self.work.wait_timeout_while(state, RETRY, |state| !state.closed);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        } else {
            while state.jobs.is_empty() && !state.closed {
                state.idle = true;
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        state.idle = false;
        let mut jobs = std::mem::take(&mut state.jobs);
        let states = state.states.drain().map(|(device, record)| Job::Change(Change::State(device, record)));
        jobs.extend(states);
        let counters = state.counters.drain();
        jobs.extend(counters.map(|(device, counters)| Job::Change(Change::Counters(device, counters))));
        Batch { jobs, last: self.last(), closed: state.closed }
    }

    /// The writer has committed up to a ticket; true if it could not before.
    pub(super) fn committed(&self, ticket: Ticket) -> bool {
        let (woken, recovered) = {
            let mut state = self.state();
            self.committed.store(ticket.0, Ordering::Release);
            self.failing.store(false, Ordering::Release);
            let recovered = state.fault.take().is_some();
            let (woken, waiting) =
                std::mem::take(&mut state.waiters).into_iter().partition(|(of, _)| *of <= ticket);
            state.waiters = waiting;
            (woken, recovered)
        };
        wake(woken);
        recovered
    }

    /// The writer could not commit; true if it could before.
    pub(super) fn failed(&self, fault: StoreFault) -> bool {
        let (woken, news) = {
            let mut state = self.state();
            self.failing.store(true, Ordering::Release);
            let news = state.fault.replace(fault).is_none();
            (std::mem::take(&mut state.waiters), news)
        };
        wake(woken);
        news
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(waiters: Vec<(Ticket, Waker)>) {
    for (_, waker) in waiters {
        waker.wake();
    }
}
