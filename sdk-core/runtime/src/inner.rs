//! One client as its threads share it: the lock, what is done before and after it, and what callers may ask.

use crate::command::{Handler, Registration};
use crate::device::{Delivery, PostOptions};
use crate::dial::{self, Plan};
use crate::drive::{Core, Effects, Phase};
use crate::error::Error;
use crate::jobs::{Jobs, LifecycleHandler};
use crate::link::{Down, Link};
use crate::os::clock;
use crate::runtime::Shared;
use crate::secret::SecretStore;
use crate::waiter::{Completion, Waiter};
use enos_core::engine::{
    Answer, AnswerData, CallId, CommandKind, DeviceIx, Engine, Input, Request, RequestError, RequestId,
    Stats, StoreError,
};
use enos_core::json::Point;
use enos_core::{ErrorKind, LinkFault, Now};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// How much longer than asked a caller waits for an answer that the engine owes it.
const GRACE: Duration = Duration::from_millis(500);

/// How long an answer waits for room.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);

/// What a client is made of, beside its engine.
pub(crate) struct Parts {
    pub(crate) product_key: String,
    pub(crate) device_key: String,
    pub(crate) plan: Plan,
    pub(crate) store: Option<Arc<dyn SecretStore>>,
    /// Requests open at once.
    pub(crate) requests: usize,
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

/// What a handler is for.
#[derive(Clone, Debug)]
pub(crate) enum Slot {
    Service(Arc<str>),
    MeasurepointSet,
    MeasurepointGet,
    Lifecycle,
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

    /// The lock for a post. If it is held, that may be for ever: by a thread that a fork has left behind.
    fn lock_for_post(&self, now: Now) -> Result<MutexGuard<'_, Core>, Error> {
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
        let now = clock::now();
        let mut effects = Effects::default();
        let mut core = self.lock();
        let result = change(&mut core, now, &mut effects);
        core.drive(self, now, false, &mut effects);
        core.finish(self, &mut effects);
        drop(core);
        self.settle(effects);
        result
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
        if self.lock().dirty {
            self.act(|_, _, _| ());
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
        if let Some((number, target, cancel)) = effects.dial {
            let client = self.clone();
            let dialed = self.shared.pool().submit(move || {
                let result = dial::dial(&client.parts.plan, &target, client.shared.roots(), &cancel);
                client.dialed(number, result);
            });
            if let Err(error) = dialed {
                self.dialed(number, Err(Down::new(LinkFault::Connect, error.message)));
            }
        }
        if let Some((product_key, device_key, secret)) = effects.store {
            let client = self.clone();
            // Not on a callback thread: a callback that waits for `connect` would keep it from running.
            let submitted = self.shared.pool().submit(move || {
                let stored = match &client.parts.store {
                    Some(store) => store.store(&product_key, &device_key, &secret),
                    None => Ok(()),
                };
                if let Err(error) = &stored {
                    log::warn!("{}: the device secret could not be stored: {error}", client.name);
                }
                client.stored(stored.map_err(|_| StoreError));
            });
            if let Err(error) = submitted {
                log::warn!("{}: the device secret could not be stored: {error}", self.name);
                self.stored(Err(StoreError));
            }
        }
        if effects.arm.is_some() || effects.attention {
            self.shared.attend(self, effects.arm, effects.attention);
        }
        effects.delivered.bring();
        effects.done.bring();
        if effects.closed {
            self.shared.remove(self.token);
        }
    }

    fn dialed(self: &Arc<Self>, number: u64, result: Result<Link, Down>) {
        self.act(|core, now, _| core.on_dialed(self, now, number, result));
    }

    fn stored(self: &Arc<Self>, result: Result<(), StoreError>) {
        self.act(|core, now, _| core.engine.handle_input(now, Input::Stored(result)));
    }

    // --- connecting and closing ---

    pub(crate) fn connect(
        self: &Arc<Self>,
        timeout: Duration,
        completion: Completion<()>,
    ) -> Result<(), Error> {
        self.shared.owner().check()?;
        self.act(|core, now, effects| {
            if core.phase == Phase::Online {
                core.complete(completion, Ok(()), effects);
                return Ok(());
            }
            let timeout_ms = clock::timeout_ms(timeout);
            match core.engine.request(now, Request::Connect { timeout_ms: Some(timeout_ms) }) {
                // The second: it is being done already, and will be told to all who ask.
                Ok(_) | Err(RequestError::State(_)) => {}
                Err(RequestError::Closed) => return Err(Error::closed(&self.act_name("connect"))),
                Err(error) => return Err(Error::request(&self.act_name("connect"), error, |_| None)),
            }
            core.phase = Phase::Connecting;
            let grace = clock::millis(GRACE) / 2;
            core.connects.push((now.mono_ms + u64::from(timeout_ms) + grace, completion));
            Ok(())
        })
    }

    pub(crate) fn connect_and_wait(self: &Arc<Self>, timeout: Duration) -> Result<(), Error> {
        let waiter = Waiter::new();
        self.connect(timeout, Completion::Wake(waiter.clone()))?;
        waiter.wait(timeout.saturating_add(GRACE)).unwrap_or_else(|| Err(self.late("connect")))
    }

    /// Starts closing; the completion is told once it is over.
    pub(crate) fn close(
        self: &Arc<Self>,
        timeout: Duration,
        completion: Completion<()>,
    ) -> Result<(), Error> {
        self.shared.owner().check()?;
        self.act(|core, now, effects| {
            if core.phase == Phase::Closed {
                core.complete(completion, Ok(()), effects);
                return;
            }
            let timeout_ms = clock::timeout_ms(timeout);
            let end = now.mono_ms + u64::from(timeout_ms);
            let end = core.force_at.map_or(end, |earlier| earlier.min(end));
            core.closes.push(completion);
            core.force_at = Some(end);
            // Refused if it is closing already: then only the end may have moved.
            let _ = core.engine.request(now, Request::Close { timeout_ms });
        });
        Ok(())
    }

    /// Closes, and waits for the end and for the callbacks that run; within a callback it only starts closing.
    pub(crate) fn close_and_wait(self: &Arc<Self>, timeout: Duration) -> Result<(), Error> {
        if self.jobs.is_running_here() {
            return self.close(timeout, Completion::Nobody);
        }
        let deadline = Instant::now() + timeout.saturating_add(GRACE);
        let waiter = Waiter::new();
        self.close(timeout, Completion::Wake(waiter.clone()))?;
        waiter.wait(timeout.saturating_add(GRACE)).unwrap_or_else(|| Err(self.late("close")))?;
        if self.jobs.wait_idle(deadline) {
            return Ok(());
        }
        let text = format!("close of {}: it is closed, but a callback has not returned in time.", self.name);
        Err(Error::new(ErrorKind::Timeout, text))
    }

    fn late(&self, verb: &str) -> Error {
        Error::new(ErrorKind::Timeout, format!("{verb} of {} ran out of time. Allow more.", self.name))
    }

    fn act_name(&self, verb: &str) -> String {
        format!("{verb} of {}", self.name)
    }

    // --- posting ---

    pub(crate) fn post(
        self: &Arc<Self>,
        device: DeviceIx,
        points: &[Point<'_>],
        options: &PostOptions,
        completion: Completion<Delivery>,
    ) -> Result<RequestId, Error> {
        let now = if options.time.is_some() { clock::now_undated() } else { clock::now() };
        let mut core = self.lock_for_post(now)?;
        if self.jobs.pending() >= self.most_jobs() {
            drop(core);
            return Err(self.refusal(RequestError::QueueFull, points));
        }
        let timeout_ms = clock::timeout_ms(options.timeout);
        let request = match self.request(&mut core, now, device, points, options, timeout_ms) {
            Ok(request) => request,
            Err(error) => {
                drop(core);
                return Err(error);
            }
        };
        core.requests.insert(request.0, completion);
        self.send(core, now)?;
        Ok(request)
    }

    /// Posts and waits for the reply; while the queue is full, for room first.
    pub(crate) fn post_and_wait(
        self: &Arc<Self>,
        device: DeviceIx,
        points: &[Point<'_>],
        options: &PostOptions,
    ) -> Result<Delivery, Error> {
        self.shared.owner().check()?;
        let end = Instant::now() + options.timeout;
        let waiter = Waiter::new();
        let mut core = self.lock();
        let now = loop {
            let now = clock::now();
            let left = end.saturating_duration_since(Instant::now());
            match self.request(&mut core, now, device, points, options, clock::timeout_ms(left)) {
                Ok(request) => {
                    core.requests.insert(request.0, Completion::Wake(waiter.clone()));
                    break now;
                }
                Err(error) if error.kind == ErrorKind::QueueFull && !left.is_zero() => {
                    core.room_waiters += 1;
                    core = self.room.wait_timeout(core, left).unwrap_or_else(PoisonError::into_inner).0;
                    core.room_waiters -= 1;
                }
                Err(error) => return Err(error),
            }
        };
        self.write(core, now);
        let left = end.saturating_duration_since(Instant::now());
        waiter.wait(left.saturating_add(GRACE)).unwrap_or_else(|| Err(self.late("post")))
    }

    fn request(
        &self,
        core: &mut Core,
        now: Now,
        device: DeviceIx,
        points: &[Point<'_>],
        options: &PostOptions,
        timeout_ms: u32,
    ) -> Result<RequestId, Error> {
        let time_ms = match options.time {
            None => None,
            Some(time) => Some(clock::wall_ms(time).ok_or_else(|| {
                Error::invalid(format!("post of {} refused: its time is before 1970. Correct it.", self.name))
            })?),
        };
        core.engine
            .request(now, Request::PostMeasurepoints { device, points, time_ms, timeout_ms })
            .map_err(|error| self.refusal(error, points))
    }

    fn refusal(&self, error: RequestError, points: &[Point<'_>]) -> Error {
        Error::request(&self.act_name("post"), error, |at| points.get(at).map(|point| point.id))
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

    // --- answering ---

    pub(crate) fn answer(
        self: &Arc<Self>,
        call: CallId,
        code: i32,
        data: AnswerData<'_>,
        message: &str,
    ) -> Result<(), Error> {
        self.shared.owner().check()?;
        let end = Instant::now() + ANSWER_PATIENCE;
        let mut core = self.lock();
        loop {
            let now = clock::now();
            let refused = match core
                .engine
                .request(now, Request::Answer { call, answer: Answer { code, data, message } })
            {
                Ok(_) => {
                    core.calls = core.calls.saturating_sub(1);
                    return self.send(core, now);
                }
                Err(refused) => refused,
            };
            let left = end.saturating_duration_since(Instant::now());
            if refused == RequestError::QueueFull && !left.is_zero() && core.phase != Phase::Closed {
                core.room_waiters += 1;
                core = self.room.wait_timeout(core, left).unwrap_or_else(PoisonError::into_inner).0;
                core.room_waiters -= 1;
                continue;
            }
            let over = matches!(refused, RequestError::Offline | RequestError::Call | RequestError::Closed);
            if over {
                core.calls = core.calls.saturating_sub(1);
                drop(core);
            } else {
                core.abandoned.push(call);
                self.write(core, now);
            }
            let error = Error::request(&self.act_name("answer to a command"), refused, |at| match data {
                AnswerData::Values(outputs) => outputs.get(at).map(|(id, _)| *id),
                _ => None,
            });
            log::warn!("{error}");
            return Err(error);
        }
    }

    /// Nobody will answer this call: it is answered with a failure.
    pub(crate) fn abandon(self: &Arc<Self>, call: CallId) {
        if !self.shared.owner().is_this() {
            return;
        }
        let closed = self.act(|core, _, _| {
            let closed = core.phase == Phase::Closed;
            if !closed {
                core.abandoned.push(call);
            }
            closed
        });
        if !closed {
            log::warn!("{}: a command was not answered by its handler; it was answered with 1102", self.name);
        }
    }

    // --- handlers ---

    pub(crate) fn register(
        self: &Arc<Self>,
        device: DeviceIx,
        slot: Slot,
        handler: Handler,
    ) -> Result<Registration, Error> {
        self.shared.owner().check()?;
        let number = self.act(|core, now, _| {
            if let Some(kind) = slot.kind() {
                core.engine.request(now, Request::Handle { device, kind }).map_err(|error| {
                    Error::request(&self.act_name("registering a handler"), error, |_| None)
                })?;
            }
            core.registrations += 1;
            let entry = (core.registrations, handler);
            let earlier = match &slot {
                Slot::Service(id) => core.services.insert(id.clone(), entry),
                Slot::MeasurepointSet => core.set.replace(entry),
                _ => core.get.replace(entry),
            };
            if let Some(earlier) = earlier {
                core.dispose(earlier);
            }
            Ok::<u64, Error>(core.registrations)
        })?;
        Ok(Registration { inner: self.clone(), slot, number })
    }

    pub(crate) fn register_lifecycle(
        self: &Arc<Self>,
        handler: LifecycleHandler,
    ) -> Result<Registration, Error> {
        self.shared.owner().check()?;
        let number = self.act(|core, _, _| {
            if core.phase == Phase::Closed {
                return Err(Error::closed(&self.act_name("registering a handler")));
            }
            core.registrations += 1;
            let number = core.registrations;
            core.lifecycle = core.lifecycle.iter().cloned().chain([(number, handler)]).collect();
            Ok(number)
        })?;
        Ok(Registration { inner: self.clone(), slot: Slot::Lifecycle, number })
    }

    pub(crate) fn unregister(self: &Arc<Self>, slot: &Slot, number: u64) {
        if !self.shared.owner().is_this() {
            return;
        }
        self.act(|core, now, _| {
            let is_it = |entry: &Option<(u64, Handler)>| entry.as_ref().is_some_and(|(n, _)| *n == number);
            let gone = match slot {
                Slot::Service(id) => match core.services.get(id) {
                    Some((n, _)) if *n == number => core.services.remove(id),
                    _ => None,
                },
                Slot::MeasurepointSet if is_it(&core.set) => core.set.take(),
                Slot::MeasurepointGet if is_it(&core.get) => core.get.take(),
                Slot::Lifecycle => {
                    let rest = core.lifecycle.iter().filter(|(n, _)| *n != number).cloned().collect();
                    let earlier = std::mem::replace(&mut core.lifecycle, rest);
                    core.dispose(earlier);
                    None
                }
                _ => None,
            };
            if let Some(gone) = gone {
                if let Some(kind) = slot.kind() {
                    let _ = core.engine.request(now, Request::Unhandle { device: DeviceIx::ROOT, kind });
                }
                core.dispose(gone);
            }
        });
    }

    pub(crate) fn stats(&self) -> Result<Stats, Error> {
        self.shared.owner().check()?;
        Ok(self.lock().engine.stats())
    }
}

impl Slot {
    fn kind(&self) -> Option<CommandKind<'_>> {
        match self {
            Self::Service(id) => Some(CommandKind::Service(id)),
            Self::MeasurepointSet => Some(CommandKind::MeasurepointSet),
            Self::MeasurepointGet => Some(CommandKind::MeasurepointGet),
            Self::Lifecycle => None,
        }
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
