//! A world drawn from one number: a device, a hub, and a network that loses, doubles, delays and reorders datagrams,
//! and changes addresses, on virtual time.
//!
//! Then the faults stop, and everything must drain. What the device was told is acknowledged, the hub has stored, once.
//! A failure prints its seed; `ENOS_SIM_SEED=<seed> cargo test -p sdk-core --test coap_world` plays it again.

#![allow(clippy::unwrap_used)]

mod coap_sim;
mod sim;

use std::collections::{BTreeMap, BTreeSet};

use coap_sim::hub::Hub;
use coap_sim::{activation, config, device};
use enos_core::engine::{
    Answer, AnswerData, CallId, CommandKind, DeviceIx, Engine, Input, LinkError, Memory, Output, Request,
    Room, StoreError,
};
use enos_core::json::{Point, Value};
use enos_core::{Limits, LinkFault, Now};
use serde_json::json;
use sim::rng::Rng;
use sim::{Told, told};

const SEEDS: u64 = 1_500;
/// How long faults go on, and how long what is left may take to drain.
const FAULTS: u64 = 400_000;
const DRAIN: u64 = 1_200_000;

type Board = Room<4096, 1040, 2048, 4, 2>;

#[derive(Clone, Debug)]
enum Act {
    DialDone(bool),
    HungUp,
    Up(u16, Vec<u8>),
    Down(u16, Vec<u8>),
    Stored(bool),
    Post,
    Command,
    Answer(u32),
    /// The device's address changes under it.
    Move,
    Garbage,
    Sleep,
    Writable,
    Tick,
}

struct Sim<'m> {
    rng: Rng,
    engine: Engine<'m>,
    hub: Hub,
    now: u64,
    acts: Vec<(u64, u32, Act)>,
    /// Per cent of datagrams that are lost, doubled, delayed for long.
    loss: usize,
    doubles: usize,
    late: usize,
    link: bool,
    dialing: bool,
    hanging_up: bool,
    writable: bool,
    generation: u32,
    address: u16,
    addresses: u16,
    storing: bool,
    stored: bool,
    told: Vec<Told>,
    open: BTreeSet<u32>,
    /// What each post said.
    texts: BTreeMap<u32, String>,
    posted: usize,
    commands: u32,
    heard: BTreeMap<String, usize>,
    sleeps: usize,
    slept: usize,
    sent: Vec<(u64, Vec<u8>)>,
    calls: usize,
}

fn build<'m>(seed: u64, board: &'m mut Board) -> Sim<'m> {
    let mut rng = Rng::new(seed);
    let secure = rng.one_in(2);
    let login = if secure && rng.one_in(2) { activation() } else { device() };
    let mut config = config(secure, login);
    config.coap.sleepy = rng.one_in(3);
    config.coap.lifetime_s = [60, 300, 3_600][rng.below(3)];
    config.coap.bytes_per_second = [0, 10_240, 600][rng.below(3)];
    config.coap.datagram = [256, 512, 1_024][rng.below(3)];
    let mut hub = Hub::new(secure);
    hub.separate = rng.one_in(3);
    hub.silent_ack = rng.one_in(2);
    hub.inline = !secure && rng.one_in(2);
    hub.exponent = [0, 2, 4, 5][rng.below(4)];
    hub.shrinks_by_413 = rng.one_in(4);
    hub.incomplete = rng.below(3);
    hub.forgets = rng.below(2);
    hub.padding = [0, 0, 1_100][rng.below(3)];
    hub.code = if rng.one_in(6) { 1_204 } else { 200 };
    let memory = if rng.one_in(2) { board.lend() } else { Memory::heap(&Limits::DEFAULT) };
    let mut entropy = [0; 32];
    entropy.fill_with(|| rng.below(256) as u8);
    let mut sim = Sim {
        engine: Engine::new(config, entropy, memory).unwrap(),
        hub,
        now: 1_000,
        acts: Vec::new(),
        loss: [0, 10, 30, 30][rng.below(4)],
        doubles: [0, 20][rng.below(2)],
        late: [0, 10][rng.below(2)],
        link: false,
        dialing: false,
        hanging_up: false,
        writable: true,
        generation: 0,
        address: 0,
        addresses: 0,
        storing: false,
        stored: false,
        told: Vec::new(),
        open: BTreeSet::new(),
        texts: BTreeMap::new(),
        posted: 0,
        commands: 0,
        heard: BTreeMap::new(),
        sleeps: 0,
        slept: 0,
        sent: Vec::new(),
        calls: 0,
        rng,
    };
    for (most, act) in [
        (12, Act::Post),
        (6, Act::Command),
        (4, Act::Move),
        (3, Act::Garbage),
        (3, Act::Sleep),
        (40, Act::Tick),
    ] {
        for _ in 0..sim.rng.below(most + 1) {
            sim.plan(FAULTS, act.clone());
        }
    }
    sim
}

impl Sim<'_> {
    fn plan(&mut self, within: u64, act: Act) {
        let when = self.now + self.rng.between(0, within);
        self.acts.push((when, self.generation, act));
    }

    fn moment(&self) -> Now {
        Now { mono_ms: self.now, wall_ms: Some(1_700_000_000_000 + self.now) }
    }

    fn input(&mut self, input: Input) {
        let now = self.moment();
        self.engine.handle_input(now, input);
        self.drain();
    }

    fn percent(&mut self, percent: usize) -> bool {
        self.rng.below(100) < percent
    }

    /// A datagram goes its way, if it does.
    fn carry(&mut self, act: Act) {
        for _ in 0..=usize::from(self.percent(self.doubles)) {
            if self.percent(self.loss) {
                continue;
            }
            let delay = if self.percent(self.late) { 20_000 } else { 200 };
            self.plan(delay, act.clone());
        }
    }

    fn drain(&mut self) {
        for _ in 0..10_000 {
            let now = self.moment();
            match self.engine.poll_output(now) {
                Output::Dial(dial) => {
                    assert!(!self.link && !self.dialing, "a dial while a link is up");
                    self.generation += 1;
                    self.addresses += 1;
                    self.address = self.addresses;
                    self.dialing = true;
                    let works = self.rng.below(100) >= self.loss / 2
                        && dial.psk.is_none_or(|psk| {
                            let mut room = [0; 400];
                            let identity = psk.write_identity(&mut room).unwrap();
                            self.hub.handshake(self.addresses, identity, &psk.key)
                        });
                    self.plan(2_000, Act::DialDone(works));
                }
                Output::Transmit(bytes) => {
                    assert!(self.link && !bytes.is_empty() && bytes.len() <= 1_024);
                    if !self.writable {
                        break;
                    }
                    if self.rng.below(100) < self.loss / 6 {
                        self.writable = false;
                        self.plan(500, Act::Writable);
                        break;
                    }
                    let bytes = bytes.to_vec();
                    self.sent.push((self.now, bytes.clone()));
                    let address = self.address;
                    self.carry(Act::Up(address, bytes.clone()));
                    self.engine.handle_input(now, Input::Sent(bytes.len()));
                }
                Output::Store(_) => {
                    assert!(!self.storing, "asked to store twice");
                    self.storing = true;
                    let works = !self.percent(self.loss);
                    self.plan(5_000, Act::Stored(works));
                }
                Output::HangUp => {
                    assert!((self.link || self.dialing) && !self.hanging_up, "nothing to hang up");
                    self.hanging_up = true;
                    self.plan(300, Act::HungUp);
                }
                Output::Event(event) => {
                    let told = told(event);
                    self.hear(told);
                }
                Output::Wait(deadline) => {
                    assert_eq!(deadline, self.engine.deadline());
                    break;
                }
            }
        }
        let deadline = self.engine.deadline();
        assert!(deadline.is_none_or(|at| at > self.now), "a deadline in the past");
    }

    fn hear(&mut self, told: Told) {
        match &told {
            Told::Acknowledged(id, _) | Told::Rejected(id, ..) | Told::Failed(id, _) => {
                assert!(self.open.remove(id), "settled twice, or never accepted: {told:?}");
                if matches!(told, Told::Acknowledged(..)) {
                    let stored = &self.hub.posts.get(&id.to_string()).expect("acknowledged and not stored");
                    assert!(
                        stored["measurepoints"]["t"] == self.texts[id].as_str(),
                        "another body than was posted"
                    );
                }
            }
            Told::Command { call, params, .. } => {
                *self.heard.entry(params.clone()).or_default() += 1;
                self.calls += 1;
                let call = *call;
                self.acts.push((self.now + 50, u32::MAX, Act::Answer(call)));
            }
            Told::Slept(_, report) => {
                self.slept += 1;
                if report.is_ok() {
                    assert!(self.open.is_empty(), "asleep with something open");
                }
            }
            _ => {}
        }
        self.told.push(told);
    }

    fn act(&mut self, act: Act, generation: u32) {
        let now = self.moment();
        let mine = generation == self.generation;
        match act {
            Act::DialDone(works) if mine && self.dialing => {
                self.dialing = false;
                if self.hanging_up {
                    return;
                }
                self.link = works;
                self.writable = true;
                let fault = LinkError::Fault(LinkFault::Timeout);
                self.input(if works { Input::LinkUp } else { Input::LinkDown(fault) });
            }
            Act::HungUp if self.hanging_up => {
                (self.hanging_up, self.link, self.dialing) = (false, false, false);
                self.input(Input::LinkDown(LinkError::HungUp));
            }
            Act::Up(address, bytes) => {
                self.hub.on_datagram(address, &bytes);
                for (address, bytes) in std::mem::take(&mut self.hub.out) {
                    self.carry(Act::Down(address, bytes));
                }
            }
            Act::Down(address, bytes) if self.link && !self.hanging_up && address == self.address => {
                let room = self.engine.receive_buffer();
                if room.len() < bytes.len() {
                    // The socket keeps it until there is room; here it is lost.
                    return;
                }
                room[..bytes.len()].copy_from_slice(&bytes);
                self.input(Input::Received(bytes.len()));
            }
            Act::Stored(works) if self.storing => {
                self.storing = false;
                self.stored |= works;
                self.input(Input::Stored(works.then_some(()).ok_or(StoreError)));
            }
            Act::Post => {
                self.posted += 1;
                let text = format!("{:04}", self.posted).repeat([1, 1, 300, 700][self.rng.below(4)]);
                let points = [Point { id: "t", value: Value::Str(&text), quality: None }];
                let timeout_ms = [8_000, 100_000, 900_000][self.rng.below(3)];
                let post = Request::PostMeasurepoints {
                    device: DeviceIx::ROOT,
                    points: &points,
                    time_ms: None,
                    timeout_ms,
                };
                if let Ok(id) = self.engine.request(now, post) {
                    self.open.insert(id.0);
                    self.texts.insert(id.0, text);
                }
                self.drain();
            }
            Act::Command => {
                self.commands += 1;
                self.hub.command(&self.commands.to_string(), "reboot", json!({"n": self.commands}));
            }
            Act::Answer(call) => {
                let answer = Answer { code: 200, data: AnswerData::Empty, message: "" };
                // It may be refused offline.
                let _ = self.engine.request(now, Request::Answer { call: CallId(call), answer });
                self.drain();
            }
            Act::Move if self.link => {
                // Over DTLS nothing from the new address is answered: the hub knows no such peer.
                self.addresses += 1;
                self.address = self.addresses;
            }
            Act::Garbage if self.link && !self.hanging_up => {
                let n = 1 + self.rng.below(40);
                let mut bytes: Vec<u8> = (0..n).map(|_| self.rng.below(256) as u8).collect();
                bytes[0] = bytes[0] & 0x3F | 0x40;
                if let Some((_, last)) =
                    self.sent.last().filter(|(_, last)| n.is_multiple_of(2) && last.len() > 8)
                {
                    // An answer to somebody else's message, nearly.
                    bytes = [&[0x64, 0x44], &last[2..7], &[0]].concat();
                }
                let room = self.engine.receive_buffer();
                if room.len() >= bytes.len() {
                    room[..bytes.len()].copy_from_slice(&bytes);
                    self.input(Input::Received(bytes.len()));
                }
            }
            Act::Sleep => {
                if self.engine.request(now, Request::Sleep { timeout_ms: 30_000 }).is_ok() {
                    self.sleeps += 1;
                }
                self.drain();
            }
            Act::Writable if mine => {
                self.writable = true;
                self.drain();
            }
            Act::Tick => self.drain(),
            _ => {}
        }
    }

    fn run(&mut self) {
        let handle = Request::Handle { device: DeviceIx::ROOT, kind: CommandKind::Service("reboot") };
        let now = self.moment();
        self.engine.request(now, handle).unwrap();
        self.engine.request(now, Request::Connect { timeout_ms: None }).unwrap();
        self.drain();
        let (faults, end) = (self.now + FAULTS, self.now + FAULTS + DRAIN);
        let mut still = false;
        while self.now < end {
            if !still && self.now >= faults {
                still = true;
                (self.loss, self.doubles, self.late) = (0, 0, 0);
                (self.hub.incomplete, self.hub.forgets) = (0, 0);
            }
            let next = self.acts.iter().enumerate().min_by_key(|(at, (when, ..))| (*when, *at));
            let (at, when) = next.map_or((None, end), |(at, (when, ..))| (Some(at), *when));
            match self.engine.deadline().filter(|deadline| *deadline <= when) {
                // Nothing is due while the socket is full.
                Some(deadline) if self.writable || at.is_none() => {
                    self.now = self.now.max(deadline);
                    self.drain();
                }
                _ => {
                    self.now = self.now.max(when);
                    let Some(at) = at else { break };
                    let (_, generation, act) = self.acts.remove(at);
                    self.act(act, generation);
                }
            }
        }
        self.finish();
    }

    fn finish(&mut self) {
        assert!(self.open.is_empty(), "{} posts never ended", self.open.len());
        assert_eq!(self.sleeps, self.slept, "a sleep never ended");
        if std::env::var("ENOS_SIM_SEED").is_ok() {
            println!("{:#?}", self.told);
        }
        sim::check_grammar(&self.told);
        // Each stored post was stored once by its id, however often it came.
        let came: BTreeSet<_> = self.hub.came.iter().collect();
        assert_eq!(came.len(), self.hub.posts.len());
        for (params, times) in &self.heard {
            assert_eq!(*times, 1, "{params} was told twice");
        }
        assert!(self.calls <= self.commands as usize);
        assert_eq!(self.engine.stats().open_requests, 0);
    }
}

/// What must be the same in each run of one seed.
#[derive(PartialEq)]
struct Trace {
    told: Vec<Told>,
    sent: Vec<(u64, Vec<u8>)>,
}

fn play(seed: u64) -> Trace {
    let mut board = Box::new(Board::new());
    let mut sim = build(seed, &mut board);
    sim.run();
    Trace { told: sim.told, sent: sim.sent }
}

#[test]
fn whatever_the_network_does_acknowledged_means_stored() {
    let seeds = match std::env::var("ENOS_SIM_SEED") {
        Ok(seed) => {
            let seed = seed.parse().unwrap();
            seed..seed + 1
        }
        Err(_) => 0..SEEDS,
    };
    let mut seen = BTreeMap::<String, usize>::new();
    let all = seeds.end - seeds.start > 1;
    for seed in seeds {
        let trace = std::panic::catch_unwind(|| play(seed))
            .unwrap_or_else(|_| panic!("seed {seed}: play it again with ENOS_SIM_SEED={seed}"));
        for told in &trace.told {
            let name: String = format!("{told:?}").chars().take_while(|c| c.is_alphanumeric()).collect();
            *seen.entry(name).or_default() += 1;
        }
    }
    if all {
        // A world in which nothing happens proves nothing.
        for (name, least) in [
            ("Online", 1_500),
            ("Acknowledged", 3_000),
            ("Rejected", 300),
            ("Failed", 300),
            ("Command", 2_000),
            ("Offline", 200),
            ("Activated", 200),
            ("Slept", 1_000),
        ] {
            assert!(seen.get(name).is_some_and(|count| *count >= least), "{name}: {seen:?}");
        }
    }
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in 0..20 {
        assert!(play(seed) == play(seed), "seed {seed}");
    }
}
