//! The world itself: devices, the hub and its socket, applications, the agenda, and the loop that plays one seed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use enos_core::engine::{Input, LinkError};
use mock_hub::bare::{BareHub, Call, Coap};
use mock_hub::clock::Clock;
use mock_hub::fabric::DeviceId;
use serde_json::{Value, json};

use super::device::{Device, SECRET_MARK};
use super::network::{Counts, Flight, Kind, Network, Way};
use super::rules::{self, Broken, Fact, Rule, Seen};
use crate::coap::{Kind as Type, Message};
use crate::world::device::START_MS;
use crate::world::network::Flag;
use crate::world::rng::Rng;

/// What is played, beside the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Faults stop after a while, and then everything must drain.
    pub liveness: bool,
    /// Keep a trace.
    pub traced: bool,
}

impl Plan {
    /// What the suite plays for a seed: even ones for safety, odd ones for liveness.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self { liveness: !seed.is_multiple_of(2), traced: false }
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
    /// Datagrams that were sent.
    pub datagrams: u64,
    /// The trace, if it was kept.
    pub trace: String,
}

/// Faults go on so long.
const FAULTS_MS: u64 = 900_000;
/// What is left must drain within this after them: an exchange may wait for 93 s, and commands for 120 s.
const DRAIN_MS: u64 = 900_000;
const POSTS: usize = 120;
const COMMANDS: usize = 24;

/// What happens later.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Arrive(Flight),
    Dialled { device: usize, power: u32 },
    HungUp { device: usize, power: u32 },
    Connect { device: usize, power: u32 },
    Answer { device: usize, power: u32, call: u32 },
    PowerUp { device: usize },
    Post { device: usize },
    Command { device: usize },
    Fault(Kind),
    HubUp,
    Probe,
}

struct Pending {
    call: Call,
    flag: Arc<Flag>,
    waker: Waker,
    device: usize,
    number: u64,
}

/// Sees a fact in another way than it was, to show that a rule can break.
pub(super) type Plant = Box<dyn FnMut(&Fact<'_>, &mut dyn FnMut(&Fact<'_>))>;

pub(super) struct World {
    pub(super) now: u64,
    clock: Clock,
    pub(super) rng: Rng,
    acts: BTreeMap<(u64, u64), Act>,
    planned: u64,
    hub: Option<(BareHub, Coap)>,
    snapshot: String,
    news: (Arc<Flag>, Waker),
    pub(super) devices: Vec<Device>,
    network: Network,
    pub(super) counts: Counts,
    pub(super) addresses: u16,
    calls: Vec<Pending>,
    rules: Vec<Box<dyn Rule>>,
    plant: Option<Plant>,
    broken: Option<Broken>,
    trace: Option<String>,
    pub(super) serial: u64,
    pub(super) accepted: u64,
    pub(super) settled: u64,
    pub(super) acknowledged: u64,
    commands: u64,
    succeeded: BTreeSet<u64>,
    datagrams: u64,
}

/// Plays one seed.
#[must_use]
pub fn play(seed: u64, plan: Plan) -> Played {
    play_with(seed, plan, None, None)
}

/// Plays one seed while something else is seen than happens, judged by one rule or all.
pub(super) fn play_with(seed: u64, plan: Plan, plant: Option<Plant>, only: Option<&str>) -> Played {
    let mut world = World::new(seed, plan, only);
    world.plant = plant;
    world.run(plan.liveness);
    Played {
        broken: world.broken,
        faults: world.counts,
        posts: world.accepted,
        acknowledged: world.acknowledged,
        commands: world.commands,
        succeeded: world.succeeded.len() as u64,
        datagrams: world.datagrams,
        trace: world.trace.unwrap_or_default(),
    }
}

impl World {
    fn new(seed: u64, plan: Plan, only: Option<&str>) -> Self {
        let mut rng = Rng::new(seed ^ 0xC0AB);
        let devices: Vec<Device> = (0..2 + rng.below(2))
            .map(|number| Device {
                device_key: format!("d{number}"),
                secret: format!("{SECRET_MARK}{number}"),
                engine: None,
                power: 0,
                address: SocketAddr::from(([192, 0, 2, 10 + number as u8], 5_000)),
                has_link: false,
                online: false,
                wakes: None,
                late_until: 0,
                posts: BTreeMap::new(),
                last_time: 0,
            })
            .collect();
        let clock = Clock::manual(START_MS);
        let hub = BareHub::new(clock.clone(), false);
        hub.cloud().load_seed(&seed_of(&devices)).expect("the world's seed");
        let socket = hub.coap();
        let mut rules = rules::all(SECRET_MARK);
        rules.retain(|rule| only.is_none_or(|only| only == rule.name()));
        Self {
            now: 0,
            clock,
            rng,
            acts: BTreeMap::new(),
            planned: 0,
            hub: Some((hub, socket)),
            snapshot: String::new(),
            news: Flag::pair(),
            devices,
            network: Network::default(),
            counts: Counts::default(),
            addresses: 0,
            calls: Vec::new(),
            rules,
            plant: None,
            broken: None,
            trace: plan.traced.then(String::new),
            serial: 0,
            accepted: 0,
            settled: 0,
            acknowledged: 0,
            commands: 0,
            succeeded: BTreeSet::new(),
            datagrams: 0,
        }
    }

    /// Something can be seen of a device.
    pub(super) fn see(&mut self, device: usize, seen: Seen<'_>) {
        let fact = Fact { now: self.now, device, seen };
        if let Some(trace) = self.trace.as_mut().filter(|_| !matches!(seen, Seen::Wait(_) | Seen::Text(""))) {
            let told = match seen {
                Seen::Sent { way, bytes } => format!("{way:?} {:?}", Message::parse(bytes)),
                _ => format!("{seen:?}"),
            };
            trace.push_str(&format!("{:>8} d{device} {told}\n", self.now));
        }
        let (rules, broken) = (&mut self.rules, &mut self.broken);
        let mut judge = |fact: &Fact<'_>| {
            for rule in rules.iter_mut() {
                if let Err(what) = rule.see(fact) {
                    let what = format!("device {}: {what}", fact.device);
                    broken.get_or_insert(Broken { rule: rule.name(), what, at: fact.now });
                }
            }
        };
        match &mut self.plant {
            Some(plant) => plant(&fact, &mut judge),
            None => judge(&fact),
        }
    }

    fn note(&mut self, text: &str) {
        if let Some(trace) = &mut self.trace {
            trace.push_str(&format!("{:>8} -- {text}\n", self.now));
        }
    }

    pub(super) fn agenda(&mut self, later: u64, act: Act) {
        self.planned += 1;
        self.acts.insert((self.now + later, self.planned), act);
    }

    /// A datagram is sent.
    pub(super) fn fly(&mut self, way: Way, device: SocketAddr, bytes: Vec<u8>) {
        self.datagrams += 1;
        let reset = way == Way::Up && !self.network.calm && self.rng.one_in(80);
        if reset
            && let Ok(message) = Message::parse(&bytes)
            && message.kind == Type::Con
        {
            // Somebody else sits at the hub's address for a moment.
            let bytes = Message::empty(Type::Rst, message.id).bytes();
            let number = u64::MAX;
            self.agenda(30, Act::Arrive(Flight { way: Way::Down, device, bytes, number }));
            return self.counts.add(Kind::Reset);
        }
        let flights = self.network.send(self.now, &mut self.rng, &mut self.counts, way, device, bytes);
        for (due, flight) in flights {
            self.agenda(due - self.now, Act::Arrive(flight));
        }
    }

    fn plan(&mut self) {
        let count = self.devices.len();
        for device in 0..count {
            let later = self.rng.between(0, 3_000);
            self.agenda(later, Act::PowerUp { device });
        }
        for number in 0..POSTS {
            let later = self.rng.between(1_000, FAULTS_MS - 60_000);
            self.agenda(later, Act::Post { device: number % count });
        }
        for number in 0..COMMANDS {
            let later = self.rng.between(5_000, FAULTS_MS - 200_000);
            self.agenda(later, Act::Command { device: number % count });
        }
        for _ in 0..12 {
            let kind = self.rng.pick(&[
                Kind::Moved,
                Kind::Moved,
                Kind::Outage,
                Kind::HubRestart,
                Kind::DeviceRestart,
                Kind::LateDriver,
            ]);
            let later = self.rng.between(5_000, FAULTS_MS - 30_000);
            self.agenda(later, Act::Fault(kind));
        }
        for minute in 1..=FAULTS_MS / 60_000 {
            self.agenda(minute * 60_000 - 1, Act::Probe);
        }
    }

    fn run(&mut self, liveness: bool) {
        self.plan();
        self.until(FAULTS_MS);
        if liveness && self.broken.is_none() {
            self.note("the faults stop");
            (self.network.calm, self.network.outage_until) = (true, 0);
            self.hub_up();
            for device in 0..self.devices.len() {
                self.devices[device].late_until = 0;
                if self.devices[device].engine.is_none() {
                    self.power_up(device);
                }
            }
            let end = self.now + DRAIN_MS;
            while self.now < end && self.broken.is_none() && self.left().is_some() {
                self.until((self.now + 5_000).min(end));
            }
            let mut left = self.left();
            if left.is_none() {
                // Everything works as on the first day.
                for device in 0..self.devices.len() {
                    if !self.post(device, 150_000) {
                        left = Some(format!("device {device} takes no post"));
                    }
                }
                let before = self.acknowledged;
                // An exchange of before may take its time.
                self.until(self.now + 150_000);
                let more = self.acknowledged - before;
                if left.is_none() && more < self.devices.len() as u64 {
                    left = Some(format!("{more} of {} last posts were acknowledged", self.devices.len()));
                }
            }
            self.see(usize::MAX, Seen::End { left: left.as_deref() });
        }
        self.hub_up();
        self.probe();
    }

    /// What has not drained.
    fn left(&self) -> Option<String> {
        self.devices.iter().enumerate().find_map(|(number, device)| {
            if !device.online {
                return Some(format!("device {number} is not online"));
            }
            let open = device.posts.len();
            (open > 0).then(|| format!("device {number} has {open} open posts"))
        })
    }

    fn until(&mut self, end: u64) {
        while self.broken.is_none() {
            let acts = self.acts.first_key_value().map(|((due, _), _)| *due);
            let wakes = self.devices.iter().filter_map(|device| device.wakes);
            let hub = self.hub.iter().flat_map(|(hub, socket)| [hub.deadline(), socket.deadline()]).flatten();
            let Some(next) = wakes.chain(hub).chain(acts).min().filter(|next| *next <= end) else { break };
            self.advance(next.max(self.now));
            self.step();
        }
        self.advance(end);
    }

    fn advance(&mut self, to: u64) {
        self.clock.advance(to.saturating_sub(self.now));
        self.now = self.now.max(to);
    }

    fn step(&mut self) {
        let due = self.acts.first_key_value().is_some_and(|((due, _), _)| *due <= self.now);
        if due && let Some((_, act)) = self.acts.pop_first() {
            self.act(act);
        } else {
            if let Some((hub, socket)) = &mut self.hub {
                if hub.deadline().is_some_and(|due| due <= self.now) {
                    hub.tick();
                }
                if socket.deadline().is_some_and(|due| due <= self.now) {
                    socket.expire();
                }
            }
            for device in 0..self.devices.len() {
                if self.devices[device].wakes.is_some_and(|at| at <= self.now) {
                    self.devices[device].wakes = None;
                    self.drain(device);
                }
            }
        }
        self.pump();
    }

    fn is_now(&self, device: usize, power: u32) -> bool {
        self.devices[device].power == power && self.devices[device].engine.is_some()
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Arrive(flight) => self.arrive(&flight),
            Act::Dialled { device, power } if self.is_now(device, power) => self.input(device, Input::LinkUp),
            Act::HungUp { device, power } if self.is_now(device, power) => {
                self.input(device, Input::LinkDown(LinkError::HungUp));
            }
            Act::Connect { device, power } if self.is_now(device, power) => self.host_connects(device),
            Act::Answer { device, power, call } if self.is_now(device, power) => self.answer(device, call),
            Act::PowerUp { device } if self.devices[device].engine.is_none() => self.power_up(device),
            Act::Post { device } => {
                let timeout_ms = self.rng.pick(&[5_000, 60_000, 180_000]);
                if !self.post(device, timeout_ms) {
                    self.agenda(7_000, Act::Post { device });
                }
            }
            Act::Command { device } => self.command(device),
            Act::Fault(kind) => self.strike(kind),
            Act::HubUp => self.hub_up(),
            Act::Probe => self.probe(),
            _ => {}
        }
    }

    fn strike(&mut self, kind: Kind) {
        if self.network.calm {
            return;
        }
        let device = self.rng.below(self.devices.len());
        self.note(kind.name());
        match kind {
            Kind::Moved => return self.moved(device),
            Kind::Outage => self.network.outage_until = self.now + self.rng.between(5_000, 120_000),
            Kind::HubRestart => {
                let Some((hub, _)) = self.hub.take() else { return };
                self.snapshot = hub.snapshot().expect("a snapshot");
                self.calls.clear();
                let down = self.rng.between(50, 60_000);
                self.agenda(down, Act::HubUp);
            }
            Kind::DeviceRestart => {
                self.power_cut(device);
                let down = self.rng.between(500, 60_000);
                self.agenda(down, Act::PowerUp { device });
            }
            Kind::LateDriver => {
                self.devices[device].late_until = self.now + self.rng.between(20_000, 90_000);
            }
            // The network does these by itself.
            _ => return,
        }
        self.counts.add(kind);
    }

    fn hub_up(&mut self) {
        if self.hub.is_none() {
            let hub = BareHub::new(self.clock.clone(), false);
            hub.restore(&self.snapshot).expect("the hub reads its own store");
            let socket = hub.coap();
            self.hub = Some((hub, socket));
        }
    }

    fn arrive(&mut self, flight: &Flight) {
        if flight.number != u64::MAX {
            self.network.arrives(flight, &mut self.counts);
        }
        match flight.way {
            Way::Up => {
                if let Some((_, socket)) = &mut self.hub {
                    socket.receive(flight.device, &flight.bytes);
                }
            }
            Way::Down => match self.devices.iter().position(|device| device.address == flight.device) {
                Some(device) => self.device_receives(device, &flight.bytes),
                None => self.counts.add(Kind::Astray),
            },
        }
    }

    /// Moves what the hub has to say, until it has nothing more.
    fn pump(&mut self) {
        loop {
            let Some((_, socket)) = &mut self.hub else { return };
            if self.news.0.take() {
                socket.take_news(&Context::from_waker(&self.news.1));
            }
            let mut out = Vec::new();
            while let Some(datagram) = socket.transmit() {
                out.push(datagram);
            }
            let quiet = out.is_empty();
            for (to, bytes) in out {
                let device =
                    self.devices.iter().position(|device| device.address == to).unwrap_or(usize::MAX);
                self.see(device, Seen::Sent { way: Way::Down, bytes: &bytes });
                self.fly(Way::Down, to, bytes);
            }
            if !self.poll_calls() && quiet {
                return;
            }
        }
    }

    /// An application gives a command.
    fn command(&mut self, device: usize) {
        let Some((hub, _)) = &self.hub else { return self.agenda(10_000, Act::Command { device }) };
        let number = self.commands;
        let ttl = self.rng.pick(&[120, 600]);
        let path = format!(
            "/connect-service/v2.1/commands?action=invokeService&productKey=static&deviceKey={}&serviceId=now\
             &timeout=30&pendingTtl={ttl}",
            self.devices[device].device_key
        );
        let call = hub.call("POST", &path, json!({ "inputData": { "n": number } }).to_string());
        let (flag, waker) = Flag::pair();
        self.commands += 1;
        self.calls.push(Pending { call, flag, waker, device, number });
    }

    /// Looks whether calls were answered; true if one was.
    fn poll_calls(&mut self) -> bool {
        let (mut answered, mut at) = (false, 0);
        while let Some(pending) = self.calls.get_mut(at) {
            let ready = if pending.flag.take() {
                pending.call.poll(&mut Context::from_waker(&pending.waker))
            } else {
                Poll::Pending
            };
            let Poll::Ready((_, body)) = ready else {
                at += 1;
                continue;
            };
            answered = true;
            let Pending { device, number, .. } = self.calls.remove(at);
            let reply: Value = serde_json::from_str(&body).unwrap_or_default();
            if reply["data"]["outputData"].is_object() {
                self.succeeded.insert(number);
                self.see(device, Seen::Replied { number, succeeded: true });
            }
        }
        answered
    }

    fn rest(&self, method: &str, path: &str) -> Option<String> {
        let (hub, _) = self.hub.as_ref()?;
        let mut call = hub.call(method, path, "{}".to_owned());
        match call.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready((_, body)) => Some(body),
            Poll::Pending => None,
        }
    }

    /// What the store holds of a device's points; none while the hub is down.
    pub(super) fn samples(&self, device: usize, from: i64, to: i64) -> Option<Vec<(i64, u64)>> {
        let (hub, _) = self.hub.as_ref()?;
        let id = DeviceId::new("static", &*self.devices[device].device_key);
        let samples = hub.samples(&id, "p", from, to);
        Some(samples.into_iter().map(|(time, value)| (time, value.as_u64().unwrap_or(u64::MAX))).collect())
    }

    /// Looks at all that the hub shows.
    fn probe(&mut self) {
        for device in 0..self.devices.len() {
            if let Some(samples) = self.samples(device, i64::MIN, i64::MAX) {
                self.see(device, Seen::Samples(&samples));
            }
            let key = &self.devices[device].device_key;
            let path =
                format!("/connect-service/v2.1/commands?action=search&productKey=static&deviceKey={key}");
            let found: Value = self
                .rest("POST", &path)
                .and_then(|body| serde_json::from_str(&body).ok())
                .unwrap_or_default();
            for command in
                found["data"].as_array().into_iter().flatten().filter(|command| command["state"] == 5)
            {
                if let Some(number) = command["inputData"]["n"].as_u64() {
                    self.succeeded.insert(number);
                    self.see(device, Seen::Replied { number, succeeded: true });
                }
            }
        }
        if let Some(text) = self.rest("GET", "/hub/v1/journal?limit=10000") {
            self.see(usize::MAX, Seen::Text(&text));
        }
    }
}

fn seed_of(devices: &[Device]) -> String {
    let devices: Vec<Value> = devices
        .iter()
        .map(|device| json!({ "productKey": "static", "deviceKey": device.device_key, "deviceSecret": device.secret }))
        .collect();
    json!({
        "models": [{
            "modelId": "m",
            "measurepoints": {
                "p": { "identifier": "p", "dataType": "INT", "hasQuality": true },
                "text": { "identifier": "text", "dataType": "STRING", "dataDefinition": { "maxLength": 4_000 } },
            },
            "services": { "now": { "identifier": "now", "callType": "SYNC",
                "inputData": [{ "identifier": "n", "dataType": "INT" }], "outputData": [] } },
        }],
        "products": [{ "productKey": "static", "productSecret": format!("{SECRET_MARK}product"),
                       "productName": "q", "modelId": "m" }],
        "devices": devices,
    })
    .to_string()
}
