//! A simulated pair: the engine against a scripted hub on virtual time. No sockets, no clock, no sleep.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

pub mod hub;
pub mod rng;

use enos_core::engine::{
    AnswerData, CallId, Command, CommandKind, DeviceIx, Engine, Event, Input, LinkError, Outcome, Output,
    Request, RequestError, RequestId, StoreError, WakeReport, Warning,
};
use enos_core::json::{Point, Value};
use enos_core::{LinkFault, Now};
use hub::Hub;
use rng::Rng;

/// What the engine told its host, without borrows.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Connecting,
    Online,
    ConnectFailed {
        kind: u16,
        hub_code: i64,
        retry: bool,
        text: String,
    },
    Offline {
        kind: u16,
        will_retry: bool,
    },
    Closed,
    Activated,
    Acknowledged(u32, String),
    Rejected(u32, u16, i64, String),
    Failed(u32, u16),
    Command {
        call: u32,
        what: String,
        params: String,
    },
    Warning(Warning),
    /// Datagrams sent and received, bytes sent and received, milliseconds; or a kind.
    Slept(u32, Result<[u64; 5], u16>),
}

pub fn told(event: Event<'_>) -> Told {
    match event {
        Event::Connecting => Told::Connecting,
        Event::Online => Told::Online,
        Event::ConnectFailed { error, retry_in_ms } => Told::ConnectFailed {
            kind: error.kind.number(),
            hub_code: error.hub_code,
            retry: retry_in_ms.is_some(),
            text: error.to_string(),
        },
        Event::Offline { reason, will_retry } => Told::Offline { kind: reason.kind.number(), will_retry },
        Event::Closed => Told::Closed,
        Event::Activated => Told::Activated,
        Event::Settled { request, outcome } => match outcome {
            Outcome::Acknowledged { data } => {
                Told::Acknowledged(request.0, String::from_utf8_lossy(data).into_owned())
            }
            Outcome::Rejected { error, message } => {
                Told::Rejected(request.0, error.kind.number(), error.hub_code, message.into())
            }
            Outcome::Failed(error) => Told::Failed(request.0, error.kind.number()),
            other => panic!("{other:?}"),
        },
        Event::Command(Command { call, kind, params, .. }) => Told::Command {
            call: call.0,
            what: match kind {
                CommandKind::Service(id) => id.into(),
                other => format!("{other:?}"),
            },
            params: String::from_utf8_lossy(params).into_owned(),
        },
        Event::Warning(warning) => Told::Warning(warning),
        Event::Slept { request, report } => Told::Slept(
            request.0,
            report.map_err(|error| error.kind.number()).map(|report| {
                let WakeReport { datagrams_sent, datagrams_received, bytes_sent, bytes_received, .. } =
                    report;
                [datagrams_sent, datagrams_received, bytes_sent, bytes_received, report.radio_on_ms]
            }),
        ),
        other => panic!("{other:?}"),
    }
}

/// How the driver answers to `Store`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Store {
    Works,
    Fails,
    /// The first time; then it works.
    FailsOnce,
    /// Not at all, until the test says so.
    Hangs,
}

/// When the device loses its power: its engine is gone, what was stored stays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Power {
    Stays,
    /// Where the link is cut.
    FailsAtCut,
    /// When the secret is about to be written.
    FailsBeforeStore,
    /// When the secret was written, and the engine has not heard of it.
    FailsAfterStore,
}

/// Engine, hub, link, clock.
pub struct World<'m> {
    pub engine: Engine<'m>,
    pub hub: Hub,
    pub now: u64,
    pub told: Vec<Told>,
    /// Secrets that the driver has stored.
    pub stored: Vec<String>,
    pub store: Store,
    pub asked_to_store: usize,
    /// The hub can be reached.
    pub reachable: bool,
    pub link: bool,
    pub dials: Vec<u64>,
    /// Bytes that one write or read moves at the most.
    pub chunk: usize,
    /// All bytes that went up.
    pub sent: Vec<u8>,
    /// After so many bytes in all, up and down, the link breaks.
    pub cut_after: Option<usize>,
    pub moved: usize,
    /// Answer each command at once with this code.
    pub auto_answer: Option<i32>,
    pub power: Power,
    /// The power is gone.
    pub dead: bool,
    /// Draws the size of each move, in place of `chunk`; a write may be refused.
    pub chunks: Option<Rng>,
    /// The last write was refused.
    refused: bool,
}

impl<'m> World<'m> {
    pub fn new(engine: Engine<'m>, hub: Hub) -> Self {
        Self {
            engine,
            hub,
            now: 1_000,
            told: Vec::new(),
            stored: Vec::new(),
            store: Store::Works,
            asked_to_store: 0,
            reachable: true,
            link: false,
            dials: Vec::new(),
            chunk: 4096,
            sent: Vec::new(),
            cut_after: None,
            moved: 0,
            auto_answer: None,
            power: Power::Stays,
            dead: false,
            chunks: None,
            refused: false,
        }
    }

    pub fn now(&self) -> Now {
        Now { mono_ms: self.now, wall_ms: Some(1_700_000_000_000 + self.now) }
    }

    pub fn request(&mut self, request: Request<'_>) -> Result<RequestId, RequestError> {
        let now = self.now();
        self.engine.request(now, request)
    }

    pub fn connect(&mut self) {
        self.request(Request::Connect { timeout_ms: None }).unwrap();
        self.settle();
    }

    pub fn post(&mut self, points: &[Point<'_>]) -> Result<u32, RequestError> {
        self.request(Request::PostMeasurepoints {
            device: DeviceIx::ROOT,
            points,
            time_ms: None,
            timeout_ms: 30_000,
        })
        .map(|id| id.0)
    }

    pub fn post_number(&mut self, number: i64) -> Result<u32, RequestError> {
        self.post(&[Point { id: "n", value: Value::Int(number), quality: None }])
    }

    /// Posts one point of this name.
    pub fn post_named(&mut self, id: &str) -> Result<u32, RequestError> {
        self.post(&[Point { id, value: Value::Int(1), quality: None }])
    }

    /// A store that hung has done it.
    pub fn finish_store(&mut self) {
        self.stored.push(hub::DEVICE_SECRET.to_owned());
        self.input(Input::Stored(Ok(())));
    }

    pub fn answer(&mut self, call: u32, code: i32, data: AnswerData<'_>) -> Result<RequestId, RequestError> {
        let answer = enos_core::engine::Answer { code, data, message: "" };
        self.request(Request::Answer { call: CallId(call), answer })
    }

    pub fn handle(&mut self, service: &str) {
        self.request(Request::Handle { device: DeviceIx::ROOT, kind: CommandKind::Service(service) })
            .unwrap();
    }

    pub fn input(&mut self, input: Input) {
        let now = self.now();
        self.engine.handle_input(now, input);
    }

    fn die(&mut self) {
        self.dead = true;
        self.link = false;
        self.hub.link_down();
    }

    /// How many bytes the next move takes at the most; 0 only if a write may be refused.
    fn next_chunk(&mut self, refusable: bool) -> usize {
        match &mut self.chunks {
            Some(rng) => match rng.below(4) {
                0 if refusable => 0,
                0 | 1 => 1 + rng.below(4),
                2 => 1 + rng.below(64),
                _ => 4096,
            },
            None => self.chunk,
        }
    }

    /// The link breaks now.
    pub fn cut(&mut self) {
        assert!(self.link);
        self.link = false;
        self.hub.link_down();
        self.input(Input::LinkDown(LinkError::Fault(LinkFault::Lost)));
    }

    fn cut_due(&self) -> bool {
        self.link && self.cut_after.is_some_and(|after| self.moved >= after)
    }

    fn may_move(&mut self, n: usize, refusable: bool) -> usize {
        let n = n.min(self.next_chunk(refusable));
        self.cut_after.map_or(n, |after| n.min(after.saturating_sub(self.moved)))
    }

    /// Takes the engine's outputs until it waits.
    pub fn drain(&mut self) -> Option<u64> {
        for _ in 0..100_000 {
            if self.dead {
                return None;
            }
            if self.cut_due() {
                self.cut_after = None;
                self.chunk = 4096;
                if self.power == Power::FailsAtCut {
                    self.die();
                    return None;
                }
                self.cut();
            }
            let now = self.now();
            let mut answer = None;
            match self.engine.poll_output(now) {
                Output::Dial(dial) => {
                    assert_eq!((dial.host, dial.port), ("hub.test", 11883));
                    assert!(!self.link);
                    self.dials.push(self.now);
                    if self.reachable {
                        self.link = true;
                        self.hub.link_up();
                        self.input(Input::LinkUp);
                    } else {
                        self.input(Input::LinkDown(LinkError::Fault(LinkFault::Connect)));
                    }
                }
                Output::Transmit(bytes) => {
                    assert!(!bytes.is_empty() && self.link);
                    let bytes = bytes.to_vec();
                    let n = self.may_move(bytes.len(), true);
                    self.refused = n == 0;
                    if self.refused {
                        // The socket is full: the driver waits until it is writable, and reads meanwhile.
                        let deadline = self.engine.deadline();
                        assert!(deadline.is_none_or(|at| at > self.now), "a deadline in the past");
                        return deadline;
                    }
                    let bytes = bytes[..n].to_vec();
                    self.sent.extend_from_slice(&bytes);
                    self.moved += n;
                    self.hub.on_bytes(&bytes);
                    self.input(Input::Sent(n));
                }
                Output::Store(secret) => {
                    assert_eq!((secret.product_key, secret.device_key), ("pk", "dk"));
                    let secret = secret.device_secret.to_owned();
                    if matches!(self.power, Power::FailsBeforeStore | Power::FailsAfterStore) {
                        if self.power == Power::FailsAfterStore {
                            self.stored.push(secret);
                        }
                        self.die();
                        return None;
                    }
                    self.asked_to_store += 1;
                    match self.store {
                        Store::FailsOnce => {
                            self.store = Store::Works;
                            self.input(Input::Stored(Err(StoreError)));
                        }
                        Store::Works => {
                            self.stored.push(secret);
                            self.input(Input::Stored(Ok(())));
                        }
                        Store::Fails => self.input(Input::Stored(Err(StoreError))),
                        Store::Hangs => {}
                    }
                }
                Output::HangUp => {
                    self.link = false;
                    self.hub.link_down();
                    self.input(Input::LinkDown(LinkError::HungUp));
                }
                Output::Event(event) => {
                    let told = told(event);
                    if let (Told::Command { call, .. }, Some(code)) = (&told, self.auto_answer) {
                        answer = Some((*call, code));
                    }
                    self.told.push(told);
                }
                Output::Wait(deadline) => {
                    assert!(deadline.is_none_or(|at| at > self.now), "a deadline in the past");
                    assert_eq!(self.engine.deadline(), deadline);
                    assert!(matches!(self.engine.poll_output(now), Output::Wait(_)), "Wait was not last");
                    return deadline;
                }
            }
            if let Some((call, code)) = answer {
                self.answer(call, code, AnswerData::Empty).unwrap();
            }
        }
        panic!("the engine never waits");
    }

    /// Moves bytes until nothing moves any more; time stands still.
    pub fn settle(&mut self) -> Option<u64> {
        loop {
            let deadline = self.drain();
            if self.dead {
                return None;
            }
            if self.link && self.hub.wants_to_close() {
                self.link = false;
                self.hub.link_down();
                self.input(Input::LinkDown(LinkError::Fault(LinkFault::PeerClosed)));
                continue;
            }
            if !self.link || self.hub.out.is_empty() {
                if self.refused {
                    continue;
                }
                return deadline;
            }
            let most = self.may_move(self.hub.out.len(), false);
            if most == 0 {
                continue;
            }
            let room = self.engine.receive_buffer();
            let n = room.len().min(most);
            if n == 0 && self.refused {
                continue;
            }
            assert!(n > 0, "the engine takes nothing and sends nothing");
            room[..n].copy_from_slice(&self.hub.out[..n]);
            self.hub.out.drain(..n);
            self.moved += n;
            self.input(Input::Received(n));
        }
    }

    /// Lets time pass, waking the engine whenever it wants.
    pub fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        loop {
            match self.settle() {
                Some(at) if at <= end => {
                    self.now = at;
                    self.input(Input::Tick);
                }
                _ if self.dead => {
                    self.now = end;
                    return;
                }
                _ => {
                    self.now = end;
                    self.input(Input::Tick);
                    self.settle();
                    return;
                }
            }
        }
    }

    /// What was told since the last call.
    pub fn take(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }
}

/// Checks that no window of 2 minutes holds more than 4 dials.
pub fn check_dials(dials: &[u64]) {
    for five in dials.windows(5) {
        assert!(five[4] - five[0] >= 120_000, "more dials than the budget: {dials:?}");
    }
}

/// Checks the lifecycle grammar of everything that was told.
pub fn check_grammar(told: &[Told]) {
    let (mut connecting, mut online, mut closed) = (false, false, false);
    for event in told {
        assert!(!closed, "something after Closed: {event:?}");
        match event {
            Told::Connecting => {
                assert!(!connecting && !online);
                connecting = true;
            }
            Told::Online => {
                assert!(connecting && !online);
                (connecting, online) = (false, true);
            }
            Told::ConnectFailed { .. } => {
                assert!(connecting);
                connecting = false;
            }
            Told::Offline { .. } => {
                assert!(online);
                online = false;
            }
            Told::Closed => {
                assert!(!connecting && !online);
                closed = true;
            }
            _ => {}
        }
    }
}
