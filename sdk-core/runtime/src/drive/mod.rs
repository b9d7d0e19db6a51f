//! The loop between one engine and its link: outputs are done, inputs are told, events become jobs.
//!
//! Owns everything of a client that changes, under the client's one lock. Runs no user code and blocks on nothing;
//! what must happen without the lock is left in [`Effects`].

mod answers;
mod host;
mod lend;
mod life;
mod sleep;

use crate::command::Handler;
use crate::device::Delivery;
use crate::dial::{Cancel, Target};
use crate::error::Error;
use crate::inner::Inner;
use crate::jobs::{Job, LifecycleHandler};
use crate::link::{Down, First, Link, Wire};
use crate::os::clock;
use crate::secret::Secret;
use crate::waiter::{Completion, Done, Wakes};
pub(crate) use answers::LateAnswer;
use enos_core::engine::{CallId, Engine, Input, LinkError, Output, StoreError, WakeReport};
use enos_core::{ErrorKind, LinkFault, Now};
use host::{Host, Then};
use mio::Registry;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::Instant;

/// So many reads are made for one client before another's turn comes.
const READS: usize = 16;

/// Who is told when there may be room in the queue.
pub(crate) type RoomCall = Done<()>;

/// Everything of a client that changes.
pub(crate) struct Core {
    pub(crate) engine: Engine<'static>,
    pub(crate) phase: Phase,
    link: Option<Link>,
    /// What went over links that are gone.
    wire: Wire,
    /// What had gone over the wire when the device last slept.
    wire_at_sleep: Wire,
    /// The socket is full: nothing is written until it says otherwise.
    blocked: bool,
    /// The socket may hold bytes that were not read.
    readable: bool,
    dialing: Option<Dialing>,
    dials: u64,
    /// The dial that the link came from.
    linked: u64,
    /// The link is read by the thread that waits for the connection, not by the I/O thread; this ends that.
    lent: Option<Arc<Cancel>>,
    /// What the last link or dial said when it went down.
    last_down: Option<Down>,
    /// The first bytes that came over the last link.
    first: First,
    /// What the secret store said when it failed.
    last_store: Option<String>,
    /// Why the last attempt failed, while there will be another.
    last_failure: Option<Error>,
    /// Why the last attempt failed, whether there will be another or not.
    last_error: Option<Error>,
    pub(crate) requests: HashMap<u32, Completion<Delivery>, BuildHasherDefault<Spread>>,
    /// Who waits for the device to be ready to sleep.
    pub(crate) sleeps: Vec<(u32, Completion<WakeReport>)>,
    pub(crate) connects: Vec<(u64, Completion<()>)>,
    pub(crate) closes: Vec<Completion<()>>,
    /// When a close is forced.
    pub(crate) force_at: Option<u64>,
    pub(crate) services: HashMap<Arc<str>, (u64, Handler)>,
    pub(crate) set: Option<(u64, Handler)>,
    pub(crate) get: Option<(u64, Handler)>,
    pub(crate) lifecycle: Arc<[(u64, LifecycleHandler)]>,
    /// The number of the next registration.
    pub(crate) registrations: u64,
    /// Commands that were handed out and not answered.
    pub(crate) calls: usize,
    /// The last of them was answered, and that was not told.
    answered_all: bool,
    /// Commands that nobody will answer: 1102 goes out when there is room.
    pub(crate) abandoned: Vec<CallId>,
    /// Answers that wait for room, in the order they were given.
    pub(crate) late: VecDeque<LateAnswer>,
    /// Threads that wait for room in the queue.
    pub(crate) room_waiters: usize,
    /// Whom to tell when there may be room.
    pub(crate) room_calls: Vec<RoomCall>,
    /// How often there has been room, and how often when a post was last refused for want of it.
    rooms: (u64, u64),
    /// A post was refused because too many callbacks wait, so room comes when they have run.
    pub(crate) full_of_callbacks: bool,
    /// Something waits to be sent, and a thread knows that it has to.
    pub(crate) dirty: bool,
    /// When a calling thread last wrote by itself.
    pub(crate) wrote_at: u64,
    /// The I/O thread looks after this client at that moment, or sooner.
    armed: u64,
    jobs: VecDeque<Job>,
}

/// Where the client stands, as far as callers care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not connected, and nothing is being done about it.
    Idle,
    /// Not connected, and something is.
    Connecting,
    Online,
    Closed,
}

/// A dial that runs.
struct Dialing {
    number: u64,
    cancel: Arc<Cancel>,
    deadline: u64,
}

/// A dial that somebody must make.
pub(crate) struct DialOrder {
    pub(crate) number: u64,
    pub(crate) target: Target,
    pub(crate) cancel: Arc<Cancel>,
}

/// Numbers of requests are as good as random in their low bits already.
#[derive(Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(26);
    }
}

/// What is left to do once the lock is given back.
#[derive(Default)]
pub(crate) struct Effects {
    pub(crate) delivered: Wakes<Delivery>,
    pub(crate) done: Wakes<()>,
    pub(crate) slept: Wakes<WakeReport>,
    /// There may be room in the queue again, and somebody waits for it.
    pub(crate) room: bool,
    /// The client must be scheduled for its callbacks.
    pub(crate) schedule: bool,
    pub(crate) dial: Option<DialOrder>,
    pub(crate) store: Option<(String, String, Secret)>,
    /// The I/O thread must look at the client at this moment of the monotonic clock.
    pub(crate) arm: Option<u64>,
    /// There is more to read, or to send: the I/O thread goes on.
    pub(crate) attention: bool,
    pub(crate) closed: bool,
}

impl Core {
    pub(crate) fn new(engine: Engine<'static>) -> Self {
        Self {
            engine,
            phase: Phase::Idle,
            link: None,
            wire: Wire::default(),
            wire_at_sleep: Wire::default(),
            blocked: false,
            readable: false,
            dialing: None,
            dials: 0,
            linked: 0,
            lent: None,
            last_down: None,
            first: First::default(),
            last_store: None,
            last_failure: None,
            last_error: None,
            requests: HashMap::default(),
            sleeps: Vec::new(),
            connects: Vec::new(),
            closes: Vec::new(),
            force_at: None,
            services: HashMap::new(),
            set: None,
            get: None,
            lifecycle: Arc::new([]),
            registrations: 0,
            calls: 0,
            answered_all: false,
            abandoned: Vec::new(),
            late: VecDeque::new(),
            room_waiters: 0,
            room_calls: Vec::new(),
            rooms: (1, 0),
            full_of_callbacks: false,
            dirty: false,
            wrote_at: 0,
            armed: u64::MAX,
            jobs: VecDeque::new(),
        }
    }

    /// The link of a dial is up, or never will be. Late ones are let go.
    pub(crate) fn on_dialed(
        &mut self,
        client: &Arc<Inner>,
        now: Now,
        number: u64,
        result: Result<Link, Down>,
    ) {
        let registry = client.shared().registry();
        if self.dialing.as_ref().is_none_or(|dialing| dialing.number != number) {
            if let Ok(link) = result {
                link.hang_up(registry);
            }
            return;
        }
        self.dialing = None;
        match result {
            Ok(link) => {
                let may_hold_bytes = link.may_hold_bytes();
                self.first = First::default();
                self.link = Some(link);
                self.linked = number;
                self.blocked = false;
                // What TLS has read already gives no event.
                self.readable = may_hold_bytes;
                self.engine.handle_input(now, Input::LinkUp);
            }
            Err(down) => {
                log::info!("{}: no connection: {}", client.name(), down.text);
                let fault = down.fault;
                self.last_down = Some(down);
                self.engine.handle_input(now, Input::LinkDown(LinkError::Fault(fault)));
            }
        }
    }

    /// The socket has something to say.
    pub(crate) fn on_ready(&mut self, readable: bool, writable: bool, ended: bool) {
        let Some(link) = &mut self.link else { return };
        if ended {
            link.note_end();
        }
        self.blocked &= !writable;
        self.readable |= readable || ended;
    }

    /// The close has run out of time: the link goes without ceremony.
    pub(crate) fn force(&mut self, now: Now, registry: &Registry) {
        self.force_at = None;
        if let Some(dialing) = self.dialing.take() {
            dialing.cancel.cancel();
        }
        if let Some(mut link) = self.part_with_link() {
            link.unwatch(registry);
        }
        self.engine.handle_input(now, Input::LinkDown(LinkError::Fault(LinkFault::Lost)));
    }

    /// Does what is due and possible, reading included if `read`, until the engine has nothing more.
    pub(crate) fn drive(&mut self, client: &Arc<Inner>, now: Now, read: bool, effects: &mut Effects) {
        self.on_time(client, now, effects);
        if self.link.is_some() && !self.blocked {
            self.flush_link(client, now);
        }
        if read && self.readable {
            self.read(client, now, effects);
        }
        self.dirty = false;
        self.drain(client, now, true, effects);
        if !self.abandoned.is_empty() || !self.late.is_empty() {
            self.answer_late(client, now, effects);
            self.drain(client, now, true, effects);
        }
        let more = self.readable && !self.engine.receive_buffer().is_empty() && self.link.is_some();
        effects.attention |= more && self.lent.is_none();
        effects.room |= std::mem::take(&mut self.answered_all);
        if effects.room {
            self.rooms.0 += 1;
            let calls = self.room_calls.drain(..);
            self.jobs.extend(calls.map(|done| Job::Done(done, Ok(()))));
            effects.room = self.room_waiters > 0;
        }
    }

    /// A post was refused for want of room.
    pub(crate) fn refused_for_room(&mut self) {
        self.rooms.1 = self.rooms.0;
    }

    /// Whether there has been room since.
    pub(crate) fn has_had_room(&self) -> bool {
        self.rooms.0 != self.rooms.1
    }

    /// Hands the jobs over and sets the clock; the last act under the lock.
    pub(crate) fn finish(&mut self, client: &Arc<Inner>, effects: &mut Effects) {
        self.end_lending();
        if !self.jobs.is_empty() {
            effects.schedule = client.jobs().append(&mut self.jobs);
        }
        let deadline = self.deadline().unwrap_or(u64::MAX);
        if deadline < self.armed {
            self.armed = deadline;
            effects.arm = Some(deadline);
        }
    }

    /// The I/O thread's clock has reached `at`; false if that is no longer this client's time.
    pub(crate) fn disarm(&mut self, at: u64) -> bool {
        let due = self.armed == at;
        if due {
            self.armed = u64::MAX;
        }
        due
    }

    fn deadline(&self) -> Option<u64> {
        let dialing = self.dialing.as_ref().map(|dialing| dialing.deadline);
        let connects = self.connects.iter().map(|(deadline, _)| *deadline).min();
        let late = self.late.front().map(|late| late.deadline);
        let link = self.link.as_ref().and_then(Link::deadline).map(clock::mono_at);
        [self.engine.deadline(), dialing, connects, late, link, self.force_at].into_iter().flatten().min()
    }

    fn on_time(&mut self, client: &Arc<Inner>, now: Now, effects: &mut Effects) {
        if self.dialing.as_ref().is_some_and(|dialing| now.mono_ms >= dialing.deadline)
            && let Some(dialing) = self.dialing.take()
        {
            dialing.cancel.cancel();
            let text =
                "name look-up and connection together took too long. Check the name server and the network";
            log::info!("{}: no connection: {text}", client.name());
            self.last_down = Some(Down::new(LinkFault::Timeout, text));
            self.engine.handle_input(now, Input::LinkDown(LinkError::Fault(LinkFault::Timeout)));
        }
        if let Some(link) = &mut self.link
            && link.deadline().is_some_and(|at| now.mono_ms >= clock::mono_at(at))
            && let Err(down) = link.on_time(Instant::now())
        {
            self.link_down(client, now, down);
        }
        if self.force_at.is_some_and(|at| now.mono_ms >= at) {
            self.force(now, client.shared().registry());
        }
        let mut at = 0;
        while let Some((deadline, _)) = self.connects.get(at) {
            if now.mono_ms < *deadline {
                at += 1;
                continue;
            }
            let (_, completion) = self.connects.swap_remove(at);
            let last = self.last_failure.as_ref().map(|error| format!(". The last attempt: {error}"));
            let text = format!("connect of {} ran out of time{}", client.name(), last.unwrap_or_default());
            self.complete(completion, Err(Error::new(ErrorKind::Timeout, text)), effects);
        }
    }

    /// What the link said when it last went down, the first bytes that came over it, and why the last attempt failed.
    pub(crate) fn evidence(&self) -> (Option<Down>, First, Option<Error>) {
        (self.last_down.clone(), self.first, self.last_error.clone())
    }

    /// The secret store has answered.
    pub(crate) fn on_stored(&mut self, now: Now, result: Result<(), String>) {
        self.last_store = result.err();
        let answer = if self.last_store.is_some() { Err(StoreError) } else { Ok(()) };
        self.engine.handle_input(now, Input::Stored(answer));
    }

    /// The socket is full.
    fn on_full(&mut self, client: &Arc<Inner>) {
        // Registered elsewhere as long as it is lent, and for room as well.
        if !std::mem::replace(&mut self.blocked, true)
            && self.lent.is_none()
            && let Some(link) = &mut self.link
            && let Err(error) = link.watch_room(client.shared().registry(), client.token())
        {
            log::error!("{}: the operating system cannot watch the socket: {error}", client.name());
        }
    }

    /// Sends what TLS holds; false if that was the link's end.
    fn flush_link(&mut self, client: &Arc<Inner>, now: Now) -> bool {
        let Some(link) = &mut self.link else { return true };
        match link.flush() {
            Ok(true) => self.blocked = false,
            Ok(false) => self.on_full(client),
            Err(down) => {
                self.link_down(client, now, down);
                return false;
            }
        }
        true
    }

    /// Reads what has come; events are taken in between, so that the buffer empties.
    fn read(&mut self, client: &Arc<Inner>, now: Now, effects: &mut Effects) {
        for _ in 0..READS {
            let Some(link) = &mut self.link else {
                self.readable = false;
                return;
            };
            let buffer = self.engine.receive_buffer();
            if buffer.is_empty() {
                return;
            }
            match link.read(buffer) {
                Ok(received) => {
                    self.readable = received.more;
                    if received.count > 0 {
                        self.engine.handle_input(now, Input::Received(received.count));
                        self.drain(client, now, false, effects);
                    }
                }
                Err(down) => {
                    self.readable = false;
                    self.link_down(client, now, down);
                }
            }
            if !self.readable {
                return;
            }
        }
    }

    /// The link, which is none of the client's any more; what went over it stays counted.
    fn part_with_link(&mut self) -> Option<Link> {
        let link = self.link.take()?;
        self.wire.add(&link.wire());
        Some(link)
    }

    fn link_down(&mut self, client: &Arc<Inner>, now: Now, down: Down) {
        if let Some(mut link) = self.part_with_link() {
            self.first = link.first();
            link.unwatch(client.shared().registry());
        }
        let fault = down.fault;
        self.last_down = Some(down);
        self.engine.handle_input(now, Input::LinkDown(LinkError::Fault(fault)));
    }

    /// Takes the engine's outputs until it waits, or the socket is full, or (without `write`) bytes are to be sent.
    fn drain(&mut self, client: &Arc<Inner>, now: Now, write: bool, effects: &mut Effects) {
        loop {
            match self.engine.poll_output(now) {
                Output::Wait(_) => {
                    // All that TLS was given leaves in one write.
                    if !write || self.blocked || self.flush_link(client, now) {
                        return;
                    }
                }
                Output::Transmit(bytes) => {
                    if !write || self.blocked {
                        return;
                    }
                    let sent = match &mut self.link {
                        Some(link) => link.write(bytes),
                        None => Err(Down::new(LinkFault::Lost, "")),
                    };
                    match sent {
                        Ok(0) => {
                            self.on_full(client);
                            return;
                        }
                        Ok(count) => {
                            self.engine.handle_input(now, Input::Sent(count));
                            effects.room = true;
                        }
                        Err(down) => self.link_down(client, now, down),
                    }
                }
                Output::Event(event) => {
                    let host = Host {
                        client,
                        requests: &mut self.requests,
                        services: &self.services,
                        set: self.set.as_ref(),
                        get: self.get.as_ref(),
                        calls: &mut self.calls,
                        jobs: &mut self.jobs,
                        effects,
                        last_down: self.last_down.as_ref(),
                    };
                    match host.event(event) {
                        Then::Nothing => {}
                        Then::Refuse(call) => {
                            self.calls += 1;
                            self.abandoned.push(call);
                        }
                        Then::Step(step) => self.step(client, step, effects),
                        Then::Slept(request, report) => self.slept(client, request, report, effects),
                    }
                }
                Output::Dial(dial) => {
                    let target = Target::new(&dial);
                    self.dials += 1;
                    let cancel = Arc::new(Cancel::default());
                    let deadline = now.mono_ms.saturating_add(client.dial_limit_ms());
                    self.dialing = Some(Dialing { number: self.dials, cancel: cancel.clone(), deadline });
                    effects.dial = Some(DialOrder { number: self.dials, target, cancel });
                }
                Output::Store(record) => {
                    let secret = Secret::new(record.device_secret);
                    effects.store =
                        Some((record.product_key.to_owned(), record.device_key.to_owned(), secret));
                }
                Output::HangUp => {
                    if let Some(dialing) = self.dialing.take() {
                        dialing.cancel.cancel();
                    }
                    if let Some(link) = self.part_with_link() {
                        self.first = link.first();
                        link.hang_up(client.shared().registry());
                    }
                    self.engine.handle_input(now, Input::LinkDown(LinkError::HungUp));
                }
            }
        }
    }
}
