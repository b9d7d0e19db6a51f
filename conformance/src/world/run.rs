//! The world itself: everything in it, the agenda, and the loop that plays one seed.

use std::collections::{BTreeMap, BTreeSet};

use enos_core::engine::{Input, LinkError};
use enos_core::{Limits, LinkFault};
use mock_hub::bare::BareHub;
use mock_hub::clock::Clock;
use mock_hub::fabric::DeviceId;

use super::application::Pending;
use super::device::{Client, Identity, SECRET_MARK, START_MS};
use super::faults::{Counts, Kind};
use super::invariants::{Broken, Plant, Watch};
use super::network::{Link, LinkId, Way};
use super::rng::Rng;
use super::seen::{Ban, Seen};

/// How a world treats its inhabitants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Faults go on to the end: nothing bad may happen.
    Safety,
    /// Faults stop: everything good must happen then.
    Liveness,
}

/// What is played, beside the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Safety or liveness.
    pub mode: Mode,
    /// Devices; 0 draws 2 to 5 from the seed.
    pub devices: usize,
    /// Keep a trace.
    pub traced: bool,
}

impl Plan {
    /// What the suite plays for a seed: even ones for safety, odd ones for liveness.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mode = if seed.is_multiple_of(2) { Mode::Safety } else { Mode::Liveness };
        Self { mode, devices: 0, traced: false }
    }
}

/// What came of a world.
#[derive(Clone, Debug)]
pub struct Played {
    /// The rule that was broken, if one was.
    pub broken: Option<Broken>,
    /// Faults that took effect.
    pub faults: Counts,
    /// Posts that engines took.
    pub posts: u64,
    /// Posts that were acknowledged.
    pub acknowledged: u64,
    /// Commands that the hub took.
    pub commands: u64,
    /// Commands that succeeded.
    pub succeeded: u64,
    /// Virtual milliseconds.
    pub virtual_ms: u64,
    /// Facts that were judged.
    pub facts: u64,
    /// The trace, if it was kept.
    pub trace: String,
}

/// Faults go on so long; then a safety world ends, and a liveness world calms down.
const FAULTS_MS: u64 = 600_000;
/// What is left must drain within this after the faults; commands may wait 120 s and then run 30 s, one by one.
const DRAIN_MS: u64 = 600_000;
const POSTS: usize = 240;
const COMMANDS: usize = 30;

/// What happens later.
#[derive(Clone, Debug)]
pub(super) enum Act {
    DialDone {
        client: usize,
        power: u32,
        dial: u32,
    },
    Arrive {
        link: LinkId,
        way: Way,
        bytes: Vec<u8>,
    },
    /// One end was closed, and the other hears of it.
    Eof {
        link: LinkId,
        way: Way,
    },
    HungUp {
        client: usize,
        power: u32,
        link: Option<LinkId>,
        dial: Option<u32>,
    },
    Stored {
        client: usize,
        power: u32,
    },
    PowerUp {
        client: usize,
        power: u32,
    },
    Connect {
        client: usize,
        power: u32,
    },
    Answer {
        client: usize,
        power: u32,
        call: u32,
        wrong: bool,
    },
    Post {
        client: usize,
    },
    Command,
    Fault(Kind),
    HubUp,
    Enable {
        device: usize,
    },
    Create {
        device: usize,
    },
    TwinLeaves {
        client: usize,
        power: u32,
    },
    Probe,
    /// What was wrong with a link for some time is over.
    Heal {
        link: LinkId,
    },
}

/// What is planned, in order.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    acts: BTreeMap<(u64, u64), Act>,
    planned: u64,
}

impl Agenda {
    pub(super) fn at(&mut self, when: u64, act: Act) {
        self.planned += 1;
        self.acts.insert((when, self.planned), act);
    }

    fn first(&self) -> Option<u64> {
        self.acts.first_key_value().map(|((when, _), _)| *when)
    }

    fn pop(&mut self, now: u64) -> Option<Act> {
        if self.first()? > now {
            return None;
        }
        self.acts.pop_first().map(|(_, act)| act)
    }
}

/// A device as the cloud knows it.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) id: DeviceId,
    pub(super) identity: Identity,
    pub(super) ban: Ban,
    /// Counts deletions.
    pub(super) epoch: u32,
    /// Times that posts of it have.
    pub(super) times: BTreeSet<i64>,
}

pub(super) struct World {
    pub(super) now: u64,
    pub(super) clock: Clock,
    pub(super) rng: Rng,
    pub(super) agenda: Agenda,
    pub(super) hub: Option<BareHub>,
    /// The hub's store while it is down.
    pub(super) snapshot: String,
    pub(super) devices: Vec<Device>,
    pub(super) clients: Vec<Client>,
    pub(super) links: BTreeMap<LinkId, Link>,
    pub(super) last_link: LinkId,
    pub(super) calls: Vec<Pending>,
    /// What waits for the next link of a client.
    pub(super) next_link: Vec<(usize, Kind)>,
    pub(super) watch: Watch,
    pub(super) counts: Counts,
    pub(super) calm: bool,
    pub(super) journal_seen: u64,
    pub(super) serial: u64,
    pub(super) accepted: u64,
    pub(super) settled: u64,
    pub(super) acknowledged: u64,
    pub(super) commands: u64,
    /// Commands that succeeded, by their ids.
    pub(super) succeeded: BTreeSet<u64>,
}

/// Plays one seed.
#[must_use]
pub fn play(seed: u64, plan: Plan) -> Played {
    play_with(seed, plan, None, None)
}

/// Plays one seed while something else is seen than happens, judged by one rule or all.
pub(super) fn play_with(seed: u64, plan: Plan, plant: Option<Plant>, only: Option<&str>) -> Played {
    let mut world = World::new(seed, plan, only);
    world.watch.plant = plant;
    world.run(plan.mode);
    let Watch { broken, trace, facts, .. } = world.watch;
    Played {
        broken,
        faults: world.counts,
        posts: world.accepted,
        acknowledged: world.acknowledged,
        commands: world.commands,
        succeeded: world.succeeded.len() as u64,
        virtual_ms: world.now,
        facts,
        trace: trace.into_text(),
    }
}

impl World {
    fn new(seed: u64, plan: Plan, only: Option<&str>) -> Self {
        let mut rng = Rng::new(seed);
        let count = if plan.devices > 0 { plan.devices } else { 2 + rng.below(4) };
        let mut devices = Vec::new();
        let mut clients = Vec::new();
        for number in 0..count {
            // The first is always activated dynamically, the second never.
            let dynamic = number == 0 || (number > 1 && rng.one_in(2));
            let product_secret = dynamic.then(|| format!("{SECRET_MARK}product"));
            let identity = Identity {
                product_key: if dynamic { "dynamic" } else { "static" },
                device_key: format!("d{number}"),
                secret: format!("{SECRET_MARK}device-{number}"),
                product_secret,
            };
            let clean_session = rng.one_in(2);
            let in_flight = rng.pick(&[2, 256]);
            let small = number > 0 && rng.one_in(3);
            let limits = if small {
                Limits {
                    receive: 1_024,
                    transmit: 1_024,
                    outbox: 2_048,
                    requests: 4,
                    calls: 2,
                    handlers: 8,
                    names: 1_024,
                }
            } else {
                Limits { calls: rng.pick(&[2, 16]), requests: rng.pick(&[16, 1_024]), ..Limits::DEFAULT }
            };
            let id = DeviceId::new(identity.product_key, &*identity.device_key);
            let client = Client::new(number, identity.clone(), limits, clean_session, in_flight);
            let (ban, times) = (Ban::Created, BTreeSet::new());
            devices.push(Device { id, identity, ban, epoch: 0, times });
            clients.push(client);
        }
        let mut twin = Client::new(1, devices[1].identity.clone(), Limits::DEFAULT, rng.one_in(2), 256);
        twin.is_twin = true;
        clients.push(twin);
        let clock = Clock::manual(START_MS);
        let secrets: Vec<String> = devices
            .iter()
            .map(|device| device.identity.secret.clone())
            .chain([format!("{SECRET_MARK}product"), format!("{SECRET_MARK}static")])
            .collect();
        let hub = BareHub::new(clock.clone(), false);
        hub.cloud().load_seed(&super::application::seed(&devices)).expect("the world's seed");
        Self {
            now: 0,
            clock,
            rng,
            agenda: Agenda::default(),
            hub: Some(hub),
            snapshot: String::new(),
            devices,
            clients,
            links: BTreeMap::new(),
            last_link: 0,
            calls: Vec::new(),
            next_link: Vec::new(),
            watch: Watch::new(&secrets, plan.traced, only),
            counts: Counts::default(),
            calm: false,
            journal_seen: 0,
            serial: 0,
            accepted: 0,
            settled: 0,
            acknowledged: 0,
            commands: 0,
            succeeded: BTreeSet::new(),
        }
    }

    /// Plans what hosts and applications do, and what goes wrong.
    fn plan(&mut self) {
        let count = self.devices.len();
        for client in 0..count {
            let power = 0;
            let when = self.rng.between(0, 5_000);
            self.agenda.at(when, Act::PowerUp { client, power });
        }
        for number in 0..POSTS.max(count * 40) {
            let client = if self.rng.one_in(15) { count } else { number % count };
            let when = self.rng.between(1_000, FAULTS_MS - 20_000);
            // Now and then many at once.
            for _ in 0..if self.rng.one_in(20) { 6 } else { 1 } {
                self.agenda.at(when, Act::Post { client });
            }
        }
        for _ in 0..COMMANDS {
            let when = self.rng.between(5_000, FAULTS_MS - 90_000);
            self.agenda.at(when, Act::Command);
        }
        for number in 0..10 + self.rng.below(25) {
            // The activation is over soon: what disturbs it must come early.
            let early = number < 2;
            let kind = if early {
                self.rng.pick(&[
                    Kind::StoreFailure,
                    Kind::StoreCrash,
                    Kind::ActivationTwice,
                    Kind::SlowConnack,
                ])
            } else {
                self.rng.pick(Kind::ALL)
            };
            let when = if early { 0 } else { self.rng.between(5_000, FAULTS_MS - 10_000) };
            self.agenda.at(when, Act::Fault(kind));
        }
        for minute in 1..=FAULTS_MS / 60_000 {
            self.agenda.at(minute * 60_000 - 1, Act::Probe);
        }
    }

    fn run(&mut self, mode: Mode) {
        self.plan();
        if !self.until(FAULTS_MS) {
            return;
        }
        if mode == Mode::Liveness {
            self.calm_down();
            let left = self.drains(FAULTS_MS + DRAIN_MS);
            if self.watch.broken.is_some() {
                return;
            }
            self.watch.see(self.now, usize::MAX, usize::MAX, Seen::End { left: left.as_deref() });
        }
        self.bring_hub_up();
        self.probe();
    }

    /// Plays until a moment; false if a rule was broken on the way.
    pub(super) fn until(&mut self, end: u64) -> bool {
        while let Some(next) = self.next_moment().filter(|next| *next <= end) {
            if self.watch.broken.is_some() {
                return false;
            }
            self.advance(next.max(self.now));
            self.step();
        }
        self.advance(end);
        self.watch.broken.is_none()
    }

    fn advance(&mut self, to: u64) {
        let by = to.saturating_sub(self.now);
        if by > 0 {
            self.clock.advance(by);
            self.now = to;
        }
    }

    fn next_moment(&self) -> Option<u64> {
        let wakes = self.clients.iter().filter_map(|client| client.wakes);
        let ends = self.links.values().filter_map(|link| link.hub.as_ref()?.deadline());
        let hub = self.hub.as_ref().and_then(BareHub::deadline);
        wakes.chain(ends).chain(hub).chain(self.agenda.first()).min()
    }

    /// Does one of the things that are due.
    fn step(&mut self) {
        if let Some(act) = self.agenda.pop(self.now) {
            self.act(act);
        } else {
            self.hub_wakes();
            for client in 0..self.clients.len() {
                if self.clients[client].wakes.is_some_and(|at| at <= self.now) {
                    self.clients[client].wakes = None;
                    self.drain(client);
                }
            }
        }
        self.pump();
        if let Some(hub) = &self.hub {
            let open = self.links.values().filter(|link| link.hub.is_some()).count();
            let seen = Seen::Connections { hub: hub.fabric().connections(), links: open };
            self.watch.see(self.now, usize::MAX, usize::MAX, seen);
        }
    }

    fn is_now(&self, client: usize, power: u32) -> bool {
        self.clients[client].power == power && self.clients[client].engine.is_some()
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::DialDone { client, power, dial } => {
                let c = &self.clients[client];
                // A dial that was given up brings no link.
                if self.is_now(client, power) && c.dialing == Some(dial) && !c.hanging_up {
                    self.dial_done(client);
                }
            }
            Act::Arrive { link, way, bytes } => self.arrive(link, way, &bytes),
            Act::Eof { link, way } => self.eof(link, way),
            Act::HungUp { client, power, link, dial } => {
                let c = &self.clients[client];
                if self.is_now(client, power) && c.link == link && c.dialing == dial {
                    if let Some(link) = link {
                        self.device_lets_go(link, true);
                    }
                    self.input(client, Input::LinkDown(LinkError::HungUp));
                }
            }
            Act::Stored { client, power } if self.is_now(client, power) => self.stored(client),
            Act::PowerUp { client, power } => {
                if self.clients[client].power == power && self.clients[client].engine.is_none() {
                    self.power_up(client);
                }
            }
            Act::Connect { client, power } if self.is_now(client, power) => self.host_connects(client),
            Act::Answer { client, power, call, wrong } if self.is_now(client, power) => {
                self.answer(client, call, wrong);
            }
            Act::Post { client } => {
                let timeout_ms = self.rng.pick(&[500, 5_000, 20_000, 60_000]);
                if !self.post(client, timeout_ms) && !self.clients[client].is_twin {
                    // The host tries again.
                    self.agenda.at(self.now + 3_000, Act::Post { client });
                }
            }
            Act::Command => self.give_command(),
            Act::Fault(kind) => self.strike(kind),
            Act::HubUp => self.bring_hub_up(),
            Act::Enable { device } => self.enable(device),
            Act::Create { device } => self.create(device),
            Act::TwinLeaves { client, power } if self.is_now(client, power) => {
                self.host_closes(client, 1_000);
                self.agenda.at(self.now + 5_000, Act::TwinLeaves { client, power });
                if self.clients[client].closed {
                    self.power_cut(client);
                }
            }
            Act::Probe => self.probe(),
            Act::Heal { link } => self.heal(link),
            Act::Stored { .. } | Act::Connect { .. } | Act::Answer { .. } | Act::TwinLeaves { .. } => {}
        }
    }

    fn dial_done(&mut self, client: usize) {
        let c = &mut self.clients[client];
        if c.refusals > 0 {
            c.refusals -= 1;
            self.counts.add(Kind::Refused);
            return self.link_down(client, LinkFault::Connect);
        }
        let peer = std::net::SocketAddr::from(([192, 0, 2, 1], 50_000));
        let Some(connection) = self.hub.as_ref().and_then(|hub| hub.connect(peer)) else {
            return self.link_down(client, LinkFault::Connect);
        };
        self.last_link += 1;
        self.links.insert(self.last_link, Link::new(client, connection, self.now));
        let c = &mut self.clients[client];
        c.dialing = None;
        c.link = Some(self.last_link);
        self.begin_link(self.last_link);
        self.input(client, Input::LinkUp);
    }
}
