//! One client as its threads share it: the lock, what is done before and after it, and what callers may ask.

mod commands;
mod connection;
mod diagnosis;
mod dialing;
mod posts;
mod sleep;

pub(crate) use commands::Slot;

use crate::dial::Plan;
use crate::drive::{Core, DialOrder, Effects};
use crate::error::Error;
use crate::jobs::Jobs;
use crate::os::clock;
use crate::recipe::Recipe;
use crate::runtime::Shared;
use crate::secret::SecretStore;
use crate::waiter::Waited;
use enos_core::engine::{Engine, Stats};
use enos_core::{ErrorKind, Now};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

/// How much longer than asked a caller waits for an answer that the engine owes it.
const GRACE: Duration = Duration::from_millis(500);

/// What a client is made of, beside its engine.
pub(crate) struct Parts {
    pub(crate) product_key: String,
    pub(crate) device_key: String,
    pub(crate) plan: Plan,
    pub(crate) store: Option<Arc<dyn SecretStore>>,
    /// Of what another engine of the same device is made.
    pub(crate) recipe: Arc<Recipe>,
    /// Requests open at once.
    pub(crate) requests: usize,
    /// The client whose handlers this session's commands go to, if it is a second session beside it.
    pub(crate) beside: Option<Arc<Inner>>,
}

/// A client.
pub(crate) struct Inner {
    shared: Arc<Shared>,
    token: usize,
    name: String,
    parts: Parts,
    core: Mutex<Core>,
    room: Condvar,
    jobs: Jobs,
}

impl Inner {
    pub(crate) fn new(shared: Arc<Shared>, token: usize, parts: Parts, engine: Engine<'static>) -> Self {
        let name = format!("{}/{}", parts.product_key, parts.device_key);
        let core = Mutex::new(Core::new(engine));
        Self { shared, token, name, parts, core, room: Condvar::new(), jobs: Jobs::default() }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn token(&self) -> usize {
        self.token
    }

    /// Product key and device key, for logs and messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn product_key(&self) -> &str {
        &self.parts.product_key
    }

    pub(crate) fn device_key(&self) -> &str {
        &self.parts.device_key
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    pub(crate) fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// How many callbacks may wait before posts are refused.
    pub(crate) fn most_jobs(&self) -> usize {
        2 * self.parts.requests
    }

    pub(crate) fn dial_limit_ms(&self) -> u64 {
        // The dial itself ends at its limit; a look-up may not.
        clock::millis(self.parts.plan.total_timeout).saturating_add(1_000)
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock for what happens often. If it is held, that may be for ever: by a thread that a fork left behind.
    fn lock_soon(&self, now: Now) -> Result<MutexGuard<'_, Core>, Error> {
        self.shared.owner().check_at(now.mono_ms)?;
        match self.core.try_lock() {
            Ok(core) => Ok(core),
            Err(TryLockError::Poisoned(core)) => Ok(core.into_inner()),
            Err(TryLockError::WouldBlock) => {
                self.shared.owner().check()?;
                Ok(self.lock())
            }
        }
    }

    /// Changes something under the lock, then does all that follows from it.
    pub(crate) fn act<R>(self: &Arc<Self>, change: impl FnOnce(&mut Core, Now, &mut Effects) -> R) -> R {
        let (result, order) = self.act_but_dial(change);
        if let Some(order) = order {
            self.dial_elsewhere(order);
        }
        result
    }

    /// The same, but leaves the dial that may follow to the caller.
    fn act_but_dial<R>(
        self: &Arc<Self>,
        change: impl FnOnce(&mut Core, Now, &mut Effects) -> R,
    ) -> (R, Option<DialOrder>) {
        let now = clock::now();
        let mut effects = Effects::default();
        let mut core = self.lock();
        let result = change(&mut core, now, &mut effects);
        core.drive(self, now, false, &mut effects);
        core.finish(self, &mut effects);
        drop(core);
        let order = effects.dial.take();
        self.settle(effects);
        (result, order)
    }

    /// The I/O thread's turn for this client.
    pub(crate) fn turn(self: &Arc<Self>, change: impl FnOnce(&mut Core)) -> Turn {
        let now = clock::now();
        let mut effects = Effects::default();
        let mut core = self.lock();
        change(&mut core);
        core.drive(self, now, true, &mut effects);
        core.finish(self, &mut effects);
        // Before the callbacks can run: what they send then waits for the last of them.
        let corked = self.jobs.pending() > 1 && self.jobs.cork();
        drop(core);
        let turn = Turn { arm: effects.arm.take(), again: std::mem::take(&mut effects.attention), corked };
        self.settle(effects);
        turn
    }

    /// The I/O thread's clock has reached `at`.
    pub(crate) fn on_clock(self: &Arc<Self>, at: u64) -> Option<Turn> {
        let due = self.lock().disarm(at);
        due.then(|| self.turn(|_| ()))
    }

    /// A batch of callbacks takes long: what they have sent so far must not wait for its end.
    pub(crate) fn uncork(self: &Arc<Self>) {
        self.jobs.uncork();
        self.flush_if_dirty();
    }

    pub(crate) fn flush_if_dirty(self: &Arc<Self>) {
        let core = self.lock();
        let due = core.dirty || core.full_of_callbacks;
        drop(core);
        if due {
            self.act(|core, _, effects| effects.room |= std::mem::take(&mut core.full_of_callbacks));
        }
    }

    /// What follows from a change, without the lock.
    fn settle(self: &Arc<Self>, effects: Effects) {
        if effects.schedule {
            self.shared.callbacks().schedule(self);
        }
        if effects.room {
            self.room.notify_all();
        }
        if let Some(order) = effects.dial {
            self.dial_elsewhere(order);
        }
        if let Some((product_key, device_key, secret)) = effects.store {
            let client = self.clone();
            // Not on a callback thread: a callback that waits for `connect` would keep it from running.
            let submitted = self.shared.pool().submit(move || {
                let store = || match &client.parts.store {
                    Some(store) => store.store(&product_key, &device_key, &secret),
                    None => Ok(()),
                };
                let stored = catch_unwind(AssertUnwindSafe(store))
                    .unwrap_or_else(|_| Err(io::Error::other("the store panicked")));
                client.stored(stored.map_err(|error| error.to_string()));
            });
            if let Err(error) = submitted {
                self.stored(Err(error.message));
            }
        }
        if effects.arm.is_some() || effects.attention {
            self.shared.attend(self, effects.arm, effects.attention);
        }
        effects.delivered.bring();
        effects.done.bring();
        effects.slept.bring();
        if effects.closed {
            self.shared.remove(self.token);
        }
    }

    /// The store's answer; an error is the store's own words.
    fn stored(self: &Arc<Self>, result: Result<(), String>) {
        if let Err(error) = &result {
            log::warn!("{}: the device secret could not be stored: {error}", self.name);
        }
        self.act(|core, now, _| core.on_stored(now, result));
    }

    fn late(&self, verb: &str) -> Error {
        Error::new(ErrorKind::Timeout, format!("{verb} of {} ran out of time. Allow more.", self.name))
    }

    /// What a blocking verb ends with.
    fn told<T>(&self, verb: &str, waited: Waited<T>) -> Result<T, Error> {
        match waited {
            Waited::Told(result) => result,
            Waited::Late => Err(self.late(verb)),
            Waited::Left => Err(self.left(verb)),
        }
    }

    /// The caller's own way out: what that means they know best, so bindings say it in their own words.
    fn left(&self, verb: &str) -> Error {
        let text = format!("{verb} of {} was left before it was over. Ask again if it matters.", self.name);
        Error::new(ErrorKind::Timeout, text)
    }

    pub(crate) fn act_name(&self, verb: &str) -> String {
        format!("{verb} of {}", self.name)
    }

    /// Sees to it that what was asked for leaves soon: by this thread if it is alone, else by whoever sends next.
    fn send(self: &Arc<Self>, mut core: MutexGuard<'_, Core>, now: Now) -> Result<(), Error> {
        if core.dirty {
            return Ok(());
        }
        if self.jobs.is_corked() {
            core.dirty = true;
            return Ok(());
        }
        self.shared.owner().check()?;
        let alone = core.requests.len() + core.calls <= 1;
        if alone || core.wrote_at != now.mono_ms {
            core.wrote_at = now.mono_ms;
            self.write(core, now);
        } else {
            core.dirty = true;
            drop(core);
            self.shared.attend(self, None, true);
        }
        Ok(())
    }

    /// Sends by this thread.
    fn write(self: &Arc<Self>, mut core: MutexGuard<'_, Core>, now: Now) {
        let mut effects = Effects::default();
        core.drive(self, now, false, &mut effects);
        core.finish(self, &mut effects);
        drop(core);
        self.settle(effects);
    }

    pub(crate) fn stats(&self) -> Result<Stats, Error> {
        self.shared.owner().check()?;
        Ok(self.lock().stats())
    }
}

/// What the I/O thread has to remember after a client's turn.
pub(crate) struct Turn {
    pub(crate) arm: Option<u64>,
    pub(crate) again: bool,
    pub(crate) corked: bool,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("name", &self.name).finish_non_exhaustive()
    }
}
