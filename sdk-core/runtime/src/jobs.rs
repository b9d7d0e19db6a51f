//! Callbacks: one queue for each client, in order, emptied by the runtime's callback threads.
//!
//! Owns who runs user code and when. No lock is held while it runs, and a panic in it ends nothing but itself.

use crate::command::{Handler, Invocation, Responder};
use crate::device::Delivery;
use crate::error::Error;
use crate::inner::Inner;
use crate::lifecycle::Lifecycle;
use crate::os::{clock, thread};
use crate::waiter::Done;
use enos_core::engine::WakeReport;
use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// So many callbacks of one client run before another client's turn comes.
const TURN: usize = 256;

/// A handler for lifecycle events.
pub(crate) type LifecycleHandler = Arc<dyn Fn(&Lifecycle) + Send + Sync>;

/// One piece of user code to run.
pub(crate) enum Job {
    Delivered(Done<Delivery>, Result<Delivery, Error>),
    Done(Done<()>, Result<(), Error>),
    Slept(Done<WakeReport>, Result<WakeReport, Error>),
    Command(Handler, Invocation, Responder),
    Lifecycle(Arc<[(u64, LifecycleHandler)]>, Lifecycle),
    /// What the user gave us and we no longer need: dropping it may run their code.
    Dispose(#[allow(dead_code)] Box<dyn std::any::Any + Send>),
}

impl Job {
    fn run(self) {
        match self {
            Self::Delivered(done, result) => done(result),
            Self::Done(done, result) => done(result),
            Self::Slept(done, result) => done(result),
            Self::Command(handler, invocation, responder) => handler(invocation, responder),
            Self::Lifecycle(handlers, event) => handlers.iter().for_each(|(_, handler)| handler(&event)),
            Self::Dispose(_) => {}
        }
    }
}

/// The callbacks of one client that have not run yet.
#[derive(Default)]
pub(crate) struct Jobs {
    queue: Mutex<Queue>,
    /// The queue is empty and nothing runs.
    idle: Condvar,
    /// How many wait or run.
    pending: AtomicUsize,
    /// Many callbacks wait, and the I/O thread knows: what they send may wait for the last of them.
    corked: AtomicBool,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// In the run queue, or running.
    scheduled: bool,
    /// Threads that wait for `idle`.
    waiters: usize,
}

impl Jobs {
    pub(crate) fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    /// Appends all of `new`, which is empty then. True if the client must be scheduled.
    pub(crate) fn append(&self, new: &mut VecDeque<Job>) -> bool {
        self.pending.fetch_add(new.len(), Ordering::Relaxed);
        let mut queue = self.lock();
        queue.jobs.append(new);
        !std::mem::replace(&mut queue.scheduled, true)
    }

    /// What is sent while this client's callbacks run may wait for the last of them. True if that is new.
    pub(crate) fn cork(&self) -> bool {
        !self.corked.swap(true, Ordering::SeqCst)
    }

    pub(crate) fn uncork(&self) {
        self.corked.store(false, Ordering::SeqCst);
    }

    /// Whether what is sent now will be flushed once the callbacks that wait have run.
    pub(crate) fn is_corked(&self) -> bool {
        self.corked.load(Ordering::SeqCst)
    }

    /// Whether the caller is a callback of this client.
    pub(crate) fn is_running_here(&self) -> bool {
        RUNNING.get() == std::ptr::from_ref(self).addr()
    }

    /// Waits until nothing waits or runs; false if the time ran out.
    pub(crate) fn wait_idle(&self, longest: Duration) -> bool {
        let deadline = clock::after(longest);
        let mut queue = self.lock();
        while queue.scheduled {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            queue.waiters += 1;
            queue = self.idle.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
            queue.waiters -= 1;
        }
        true
    }

    /// Takes out the commands that no handler has begun with.
    pub(crate) fn take_commands(&self) -> Vec<Job> {
        let mut queue = self.lock();
        let jobs = std::mem::take(&mut queue.jobs);
        let (commands, rest): (Vec<_>, _) = jobs.into_iter().partition(|job| matches!(job, Job::Command(..)));
        queue.jobs.extend::<Vec<_>>(rest);
        self.pending.fetch_sub(commands.len(), Ordering::Relaxed);
        commands
    }

    /// Takes the jobs of one turn into `batch`; false if there are none, and the client leaves the run queue.
    fn take(&self, batch: &mut VecDeque<Job>) -> bool {
        let mut queue = self.lock();
        if queue.jobs.is_empty() {
            queue.scheduled = false;
            self.uncork();
            if queue.waiters > 0 {
                self.idle.notify_all();
            }
            return false;
        }
        if queue.jobs.len() <= TURN {
            std::mem::swap(batch, &mut queue.jobs);
        } else {
            batch.extend(queue.jobs.drain(..TURN));
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    /// Address of the `Jobs` whose callbacks this thread runs; 0 for none.
    static RUNNING: Cell<usize> = const { Cell::new(0) };
}

/// The threads that run callbacks, and the clients that have some.
pub(crate) struct Callbacks {
    most: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    clients: VecDeque<Arc<Inner>>,
    threads: Vec<JoinHandle<()>>,
    /// Threads that have not ended; `threads` may hold some that have.
    running: usize,
    idle: usize,
    closing: bool,
}

impl Callbacks {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, state: Mutex::default(), changed: Condvar::new() }
    }

    /// A client has callbacks to run.
    pub(crate) fn schedule(&self, client: &Arc<Inner>) {
        let mut state = self.lock();
        state.clients.push_back(client.clone());
        if state.clients.len() <= state.idle {
            drop(state);
            self.changed.notify_one();
            return;
        }
        if state.running >= self.most {
            return;
        }
        let shared = client.shared().clone();
        match thread::spawn("enos-callback", move || shared.callbacks().work()) {
            Ok(handle) => {
                state.running += 1;
                state.threads.push(handle);
            }
            Err(error) => log::error!("{error}"),
        }
    }

    /// The threads go once every callback has run.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.changed.notify_all();
    }

    /// The threads, for whoever waits for their end.
    pub(crate) fn threads(&self) -> Vec<JoinHandle<()>> {
        std::mem::take(&mut self.lock().threads)
    }

    fn work(&self) {
        let mut batch = VecDeque::new();
        let mut state = self.lock();
        loop {
            if let Some(client) = state.clients.pop_front() {
                drop(state);
                self.serve(&client, &mut batch);
                drop(client);
                state = self.lock();
                continue;
            }
            if state.closing {
                state.running -= 1;
                return;
            }
            state.idle += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// Runs a client's callbacks until it has none, or another client waits.
    fn serve(&self, client: &Arc<Inner>, batch: &mut VecDeque<Job>) {
        let jobs = client.jobs();
        loop {
            if !jobs.take(batch) {
                // Somebody may have relied on the cork until a moment ago.
                client.flush_if_dirty();
                return;
            }
            let count = batch.len();
            RUNNING.set(std::ptr::from_ref(jobs).addr());
            for job in batch.drain(..) {
                if catch_unwind(AssertUnwindSafe(|| job.run())).is_err() {
                    log::error!("{}: a callback panicked; the panic was caught", client.name());
                }
            }
            RUNNING.set(0);
            jobs.pending.fetch_sub(count, Ordering::Relaxed);
            client.flush_if_dirty();
            let mut state = self.lock();
            if !state.clients.is_empty() {
                state.clients.push_back(client.clone());
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
