//! The threads that clients share: one for sockets and timers, some for callbacks, a few for dialling.

use crate::dial::{Pool, Spare};
use crate::error::Error;
use crate::inner::Inner;
use crate::jobs::Callbacks;
use crate::os::process::Owner;
use crate::os::thread;
use crate::reactor::Reactor;
use crate::tls::SystemRoots;
use enos_core::ErrorKind;
use mio::{Registry, Waker};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Callback threads of a runtime that many clients share.
const CALLBACK_THREADS: usize = 4;

/// How long the end of the threads is waited for.
const PARTING: Duration = Duration::from_secs(1);

/// Threads for many clients: give it to their builders.
///
/// One thread moves bytes, four run callbacks, up to four dial; none is started before it is needed, and the
/// dialling ones go when idle. It ends when the last handle and the last client are gone.
#[derive(Clone, Debug)]
pub struct Runtime {
    handle: Arc<Handle>,
}

impl Runtime {
    /// Threads for many clients. Fails if the operating system gives no poller or thread.
    pub fn new() -> Result<Self, Error> {
        Self::with_callback_threads(CALLBACK_THREADS)
    }

    /// Threads for one client.
    pub(crate) fn single() -> Result<Self, Error> {
        Self::with_callback_threads(1)
    }

    fn with_callback_threads(count: usize) -> Result<Self, Error> {
        let no_poller = |error: std::io::Error| {
            let text =
                format!("the operating system gives no poller: {error}. Raise the limit on open files.");
            Error::new(ErrorKind::OutOfMemory, text)
        };
        let poll = mio::Poll::new().map_err(no_poller)?;
        let registry = poll.registry().try_clone().map_err(no_poller)?;
        let waker = Waker::new(&registry, Reactor::WOKEN).map_err(no_poller)?;
        let shared = Arc::new(Shared {
            owner: Owner::this(),
            registry,
            waker,
            inbox: Mutex::default(),
            asleep: AtomicBool::new(false),
            wakes_at: AtomicU64::new(0),
            pool: Arc::default(),
            spare: Spare::default(),
            roots: SystemRoots::default(),
            callbacks: Callbacks::new(count),
            life: Mutex::new(Life { has_handles: true, ..Life::default() }),
        });
        let reactor = Reactor::new(poll, shared.clone());
        let io = thread::spawn("enos-io", move || reactor.run())?;
        shared.life().io = Some(io);
        Ok(Self { handle: Arc::new(Handle(shared)) })
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.0
    }

    /// Lets go of this handle; if it was the last, waits for the threads to end, for a moment.
    pub(crate) fn end(self) {
        let shared = self.shared().clone();
        drop(self);
        shared.wait_gone(Instant::now() + PARTING);
    }
}

struct Handle(Arc<Shared>);

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Runtime")
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.0.owner.is_this() {
            self.0.life().has_handles = false;
            self.0.end_if_unused();
        }
    }
}

/// What the threads and the clients of a runtime share.
pub(crate) struct Shared {
    owner: Owner,
    registry: Registry,
    waker: Waker,
    inbox: Mutex<Inbox>,
    /// The I/O thread sleeps, or is about to: it must be woken.
    asleep: AtomicBool,
    /// When it wakes by itself, on the monotonic clock.
    wakes_at: AtomicU64,
    pool: Arc<Pool>,
    spare: Spare,
    roots: SystemRoots,
    callbacks: Callbacks,
    life: Mutex<Life>,
}

#[derive(Default)]
struct Life {
    has_handles: bool,
    /// By token.
    clients: Vec<Option<Arc<Inner>>>,
    used: usize,
    ending: bool,
    io: Option<JoinHandle<()>>,
}

/// What the I/O thread has not looked at yet.
#[derive(Default)]
struct Inbox {
    list: Vec<Attend>,
    /// The I/O thread has ended. What came now would hold its client, and that its runtime, for ever.
    closed: bool,
}

/// A client that the I/O thread must look at.
pub(crate) struct Attend {
    pub(crate) client: Arc<Inner>,
    /// At this moment of the monotonic clock.
    pub(crate) at: Option<u64>,
    /// Now.
    pub(crate) now: bool,
}

impl Shared {
    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Where dials leave what the next one can use.
    pub(crate) fn spare(&self) -> &Spare {
        &self.spare
    }

    pub(crate) fn roots(&self) -> &SystemRoots {
        &self.roots
    }

    pub(crate) fn callbacks(&self) -> &Callbacks {
        &self.callbacks
    }

    /// Adds the client that `make` makes of its token.
    pub(crate) fn add(&self, make: impl FnOnce(usize) -> Inner) -> Result<Arc<Inner>, Error> {
        let mut life = self.life();
        if life.ending {
            return Err(Error::closed("making a client"));
        }
        let token = life.clients.iter().position(Option::is_none).filter(|_| life.used < life.clients.len());
        let token = token.unwrap_or(life.clients.len());
        let client = Arc::new(make(token));
        match life.clients.get_mut(token) {
            Some(place) => *place = Some(client.clone()),
            None => life.clients.push(Some(client.clone())),
        }
        life.used += 1;
        Ok(client)
    }

    pub(crate) fn client(&self, token: usize) -> Option<Arc<Inner>> {
        self.life().clients.get(token)?.clone()
    }

    /// A client is closed.
    pub(crate) fn remove(&self, token: usize) {
        let mut life = self.life();
        let gone = life.clients.get_mut(token).and_then(Option::take);
        life.used -= usize::from(gone.is_some());
        drop(life);
        drop(gone);
        self.end_if_unused();
    }

    fn end_if_unused(&self) {
        let mut life = self.life();
        if life.has_handles || life.used > 0 || std::mem::replace(&mut life.ending, true) {
            return;
        }
        drop(life);
        self.pool.close();
        self.callbacks.close();
        let _ = self.waker.wake();
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.life().ending
    }

    /// Waits for the end of all threads, if it has begun and none of them is the caller.
    fn wait_gone(&self, deadline: Instant) {
        if !self.is_ending() {
            return;
        }
        let io = self.life().io.take();
        let threads: Vec<_> = io.into_iter().chain(self.callbacks.threads()).collect();
        let here = std::thread::current().id();
        if threads.iter().any(|thread| thread.thread().id() == here) {
            return;
        }
        for thread in threads {
            // A thread that runs a callback which does not return is left alone; the others end by themselves.
            while !thread.is_finished() && Instant::now() < deadline {
                std::thread::park_timeout(Duration::from_millis(1));
            }
            if thread.is_finished() {
                let _ = thread.join();
            }
        }
        self.pool.wait_gone(deadline);
    }

    /// Asks the I/O thread to look at a client: now, or at a moment.
    pub(crate) fn attend(&self, client: &Arc<Inner>, at: Option<u64>, now: bool) {
        let mut inbox = self.inbox();
        if inbox.closed {
            return;
        }
        inbox.list.push(Attend { client: client.clone(), at, now });
        drop(inbox);
        // A moment later than its next waking needs none of its own: it finds the inbox in time.
        let can_wait = !now && at.is_some_and(|at| at >= self.wakes_at.load(Ordering::SeqCst));
        if self.asleep.load(Ordering::SeqCst) && !can_wait && self.asleep.swap(false, Ordering::SeqCst) {
            let _ = self.waker.wake();
        }
    }

    /// Takes all that was asked for into `list`, which is empty.
    pub(crate) fn take_inbox(&self, list: &mut Vec<Attend>) {
        std::mem::swap(list, &mut self.inbox().list);
    }

    /// The I/O thread ends: nobody will look at what is there or comes later.
    pub(crate) fn close_inbox(&self) {
        let mut inbox = self.inbox();
        inbox.closed = true;
        let left = std::mem::take(&mut inbox.list);
        drop(inbox);
        drop(left);
    }

    /// The I/O thread is about to sleep until that moment; false if there is something to do.
    pub(crate) fn fall_asleep(&self, until: u64) -> bool {
        self.wakes_at.store(until, Ordering::SeqCst);
        self.asleep.store(true, Ordering::SeqCst);
        let empty = self.inbox().list.is_empty();
        if !empty {
            self.asleep.store(false, Ordering::SeqCst);
        }
        empty
    }

    pub(crate) fn awake(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
