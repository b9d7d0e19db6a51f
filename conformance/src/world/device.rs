//! A client: the SDK's engine and the driver around it, its handlers and its secret store.

use std::collections::BTreeMap;

use enos_core::engine::{
    Answer, AnswerData, CallId, CommandKind, DeviceIx, Engine, Event, Input, LinkError, Memory, Outcome,
    Output, Request, RequestError, StoreError,
};
use enos_core::json::{Point, Value};
use enos_core::{Config, Hub, Limits, LinkFault, Login, Now};

use super::faults::Kind;
use super::network::{LinkId, Way};
use super::run::{Act, World};
use super::seen::{How, Life, Post, Seen};

/// Every secret of a world begins with it and nothing else does, so that one that leaks is found at once.
pub(super) const SECRET_MARK: &str = "kept-quiet-";
/// Wall time at a world's start.
pub(super) const START_MS: u64 = 1_700_000_000_000;
/// Keep alive of every client.
const KEEP_ALIVE_S: u16 = 60;
/// Outputs that a client may have at once.
const MAX_ROUNDS: u32 = 20_000;

/// Who a device is, beside what it does.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) product_key: &'static str,
    pub(super) device_key: String,
    pub(super) secret: String,
    /// The secret of its product, by which it is activated.
    pub(super) product_secret: Option<String>,
}

/// A client and what lies around it.
pub(super) struct Client {
    /// The device it signs in as.
    pub(super) device: usize,
    pub(super) identity: Identity,
    /// Comes to fight for a device that another client has.
    pub(super) is_twin: bool,
    pub(super) limits: Limits,
    clean_session: bool,
    in_flight: u16,
    /// Survives power cuts.
    store: Option<String>,
    pub(super) engine: Option<Engine<'static>>,
    /// Counts starts; what was planned for an earlier one is void.
    pub(super) power: u32,
    pub(super) link: Option<LinkId>,
    /// The dial that is under way.
    pub(super) dialing: Option<u32>,
    dials: u32,
    pub(super) hanging_up: bool,
    /// The pipe takes nothing at the moment.
    pub(super) blocked: bool,
    pub(super) online: bool,
    pub(super) connecting: bool,
    pub(super) closed: bool,
    /// Milliseconds that the wall clock is off.
    pub(super) wall_offset: i64,
    /// Until then the driver wakes up late.
    pub(super) late_until: u64,
    /// When it wakes up next by itself.
    pub(super) wakes: Option<u64>,
    posts: BTreeMap<u32, (Post, u32)>,
    /// Dials that will fail.
    pub(super) refusals: u32,
    /// Stores that will fail, and one that the power cut interrupts.
    pub(super) store_failures: u32,
    pub(super) store_crash: bool,
    /// Calls that nobody has answered.
    pub(super) silent: Vec<u32>,
}

impl Client {
    pub(super) fn new(
        device: usize,
        identity: Identity,
        limits: Limits,
        clean: bool,
        in_flight: u16,
    ) -> Self {
        Self {
            device,
            identity,
            is_twin: false,
            limits,
            clean_session: clean,
            in_flight,
            store: None,
            engine: None,
            power: 0,
            link: None,
            dialing: None,
            dials: 0,
            hanging_up: false,
            blocked: false,
            online: false,
            connecting: false,
            closed: false,
            wall_offset: 0,
            late_until: 0,
            wakes: None,
            posts: BTreeMap::new(),
            refusals: 0,
            store_failures: 0,
            store_crash: false,
            silent: Vec::new(),
        }
    }

    fn moment(&self, now: u64) -> Now {
        let wall = START_MS.saturating_add(now).saturating_add_signed(self.wall_offset);
        Now { mono_ms: now, wall_ms: Some(wall) }
    }

    pub(super) fn open_posts(&self) -> usize {
        self.posts.len()
    }
}

/// The services of the model, and how their handlers behave.
pub(super) const SERVICES: [&str; 5] = ["now", "later", "never", "wrong", "nobody"];

/// What to do about an output, with nothing borrowed of the engine.
enum Step {
    Dial,
    HangUp,
    Sent,
    Blocked,
    Store(bool),
    Life(Life, String),
    Activated,
    Settled(u32, How, String),
    Command(u32, String),
    Warning(String),
    Wait(Option<u64>),
}

impl World {
    /// Starts a client with what its store holds.
    pub(super) fn power_up(&mut self, client: usize) {
        let entropy = std::array::from_fn(|_| self.rng.below(256) as u8);
        let c = &mut self.clients[client];
        let Identity { product_key, device_key, secret, product_secret } = &c.identity;
        let login = match product_secret {
            None => Login::DeviceSecret { product_key, device_key, device_secret: secret },
            Some(product_secret) => Login::DynamicActivation {
                product_key,
                device_key,
                product_secret,
                device_secret: c.store.as_deref(),
            },
        };
        let hub = Hub::parse("tcp://hub.test:11883").expect("a URL");
        let mut config = Config::new(hub, login);
        config.keep_alive_s = KEEP_ALIVE_S;
        config.clean_session = c.clean_session;
        config.in_flight = c.in_flight;
        let engine = Engine::new(config, entropy, Memory::heap(&c.limits)).expect("a configuration");
        c.engine = Some(engine);
        c.power += 1;
        (c.link, c.dialing, c.hanging_up, c.blocked) = (None, None, false, false);
        (c.online, c.connecting, c.closed) = (false, false, false);
        let secret = c.store.is_some() || c.identity.product_secret.is_none();
        let (limits, device) = (c.limits, c.device);
        let keep_alive_ms = u64::from(KEEP_ALIVE_S) * 1_000;
        self.watch.see(self.now, client, device, Seen::PowerUp { limits: &limits, keep_alive_ms, secret });
        let now = self.clients[client].moment(self.now);
        if let Some(engine) = &mut self.clients[client].engine {
            let kinds = SERVICES[..4].iter().map(|id| CommandKind::Service(id));
            for kind in kinds.chain([CommandKind::MeasurepointSet]) {
                engine
                    .request(now, Request::Handle { device: DeviceIx::ROOT, kind })
                    .expect("room for handlers");
            }
        }
        self.host_connects(client);
    }

    /// The host asks to connect, as far as that makes sense.
    pub(super) fn host_connects(&mut self, client: usize) {
        let timeout_ms = if self.calm { None } else { self.rng.pick(&[None, None, Some(200_000)]) };
        let c = &mut self.clients[client];
        let now = c.moment(self.now);
        let Some(engine) = &mut c.engine else { return };
        // Refused while it is connected or connecting.
        let _ = engine.request(now, Request::Connect { timeout_ms });
        self.drain(client);
    }

    /// The host closes the client.
    pub(super) fn host_closes(&mut self, client: usize, timeout_ms: u32) {
        let c = &mut self.clients[client];
        let now = c.moment(self.now);
        if let Some(engine) = &mut c.engine {
            let _ = engine.request(now, Request::Close { timeout_ms });
            self.drain(client);
        }
    }

    /// The power goes: what is not in the store is lost, and nobody says good-bye.
    pub(super) fn power_cut(&mut self, client: usize) {
        let c = &mut self.clients[client];
        if c.engine.take().is_none() {
            return;
        }
        c.wakes = None;
        c.posts.clear();
        c.silent.clear();
        c.dialing = None;
        let (link, device) = (c.link.take(), c.device);
        self.watch.see(self.now, client, device, Seen::PowerCut);
        if let Some(link) = link {
            // The hub hears of it, or has to find out.
            let tells = self.rng.one_in(2);
            self.device_lets_go(link, tells);
        }
    }

    pub(super) fn input(&mut self, client: usize, input: Input) {
        let c = &mut self.clients[client];
        let (now, device) = (c.moment(self.now), c.device);
        match input {
            Input::LinkUp => self.watch.see(self.now, client, device, Seen::LinkUp),
            Input::LinkDown(_) => self.watch.see(self.now, client, device, Seen::LinkDown),
            Input::Stored(result) => {
                self.watch.see(self.now, client, device, Seen::Stored(result.is_ok()));
            }
            _ => {}
        }
        let c = &mut self.clients[client];
        if let Input::LinkDown(_) = input {
            (c.link, c.dialing, c.hanging_up, c.blocked) = (None, None, false, false);
        }
        if let Some(engine) = &mut c.engine {
            engine.handle_input(now, input);
            self.drain(client);
        }
    }

    /// The driver's loop: takes outputs until the engine waits, or the pipe is full.
    pub(super) fn drain(&mut self, client: usize) {
        let device = self.clients[client].device;
        let mut rounds = 0;
        loop {
            rounds += 1;
            let step = self.next_step(client);
            let blocked = matches!(step, Step::Blocked);
            let waits = matches!(step, Step::Wait(_));
            self.take_step(client, device, step);
            if waits || blocked || rounds >= MAX_ROUNDS || self.clients[client].engine.is_none() {
                break;
            }
        }
        let late = if self.now < self.clients[client].late_until { self.rng.between(1, 15_000) } else { 0 };
        let c = &mut self.clients[client];
        let Some(engine) = &mut c.engine else { return };
        let receive = engine.receive_buffer().len();
        let stats = engine.stats();
        c.wakes = engine.deadline().map(|at| at + late);
        let free = !c.blocked && c.link.is_some();
        self.watch.see(self.now, client, device, Seen::Idle { rounds, stats: &stats, receive, free });
    }

    fn next_step(&mut self, client: usize) -> Step {
        let c = &mut self.clients[client];
        let (now, device) = (c.moment(self.now), c.device);
        let Some(engine) = &mut c.engine else { return Step::Wait(None) };
        match engine.poll_output(now) {
            Output::Wait(until) => Step::Wait(until),
            Output::Dial(_) => Step::Dial,
            Output::HangUp => Step::HangUp,
            Output::Store(record) => Step::Store(record.device_secret == c.identity.secret),
            Output::Event(event) => step_of(event),
            Output::Transmit(bytes) => {
                if c.blocked {
                    return Step::Blocked;
                }
                self.watch.see(self.now, client, device, Seen::Transmit(bytes.len()));
                let Some((id, link)) = c.link.and_then(|id| Some((id, self.links.get_mut(&id)?))) else {
                    return Step::Blocked;
                };
                let count = link.up.room(bytes.len());
                if count == 0 {
                    c.blocked = true;
                    return Step::Blocked;
                }
                let bytes = &bytes[..count];
                let watch = &mut self.watch;
                link.up.written.push(bytes, |packet| {
                    watch.see(self.now, client, device, Seen::Written { link: id, way: Way::Up, packet });
                });
                for (due, piece) in link.up.carry(self.now, &mut self.rng, bytes) {
                    self.agenda.at(due, Act::Arrive { link: id, way: Way::Up, bytes: piece });
                }
                engine.handle_input(now, Input::Sent(count));
                self.watch.see(self.now, client, device, Seen::Sent(count));
                Step::Sent
            }
        }
    }

    fn take_step(&mut self, client: usize, device: usize, step: Step) {
        let seen = match step {
            Step::Sent | Step::Blocked => return,
            Step::Wait(until) => Seen::Wait(until),
            Step::Dial => {
                self.watch.see(self.now, client, device, Seen::Dial);
                let c = &mut self.clients[client];
                c.dials += 1;
                c.dialing = Some(c.dials);
                let (power, dial) = (c.power, c.dials);
                let takes = self.rng.between(1, 1_500);
                self.agenda.at(self.now + takes, Act::DialDone { client, power, dial });
                return;
            }
            Step::HangUp => {
                self.watch.see(self.now, client, device, Seen::HangUp);
                let takes = self.rng.between(0, 200);
                let c = &mut self.clients[client];
                c.hanging_up = true;
                let act = Act::HungUp { client, power: c.power, link: c.link, dial: c.dialing };
                self.agenda.at(self.now + takes, act);
                return;
            }
            Step::Store(right) => {
                let takes = self.rng.between(0, 5_000);
                let power = self.clients[client].power;
                self.agenda.at(self.now + takes, Act::Stored { client, power });
                Seen::StoreAsked { right }
            }
            Step::Life(life, text) => {
                self.watch.see(self.now, client, device, Seen::Text(&text));
                return self.on_life(client, device, life);
            }
            Step::Activated => Seen::Activated,
            Step::Settled(request, how, text) => {
                self.watch.see(self.now, client, device, Seen::Text(&text));
                return self.on_settled(client, device, request, how);
            }
            Step::Command(call, service) => {
                self.watch.see(self.now, client, device, Seen::Command { call });
                return self.on_command(client, call, &service);
            }
            Step::Warning(text) => {
                self.watch.see(self.now, client, device, Seen::Text(&text));
                return;
            }
        };
        self.watch.see(self.now, client, device, seen);
    }

    fn on_life(&mut self, client: usize, device: usize, life: Life) {
        self.watch.see(self.now, client, device, Seen::Life(life));
        let c = &mut self.clients[client];
        c.online = life == Life::Online;
        c.connecting = life == Life::Connecting;
        c.closed |= life == Life::Closed;
        let power = c.power;
        match life {
            Life::Online => self.look_who_is_held(client),
            Life::ConnectFailed { retry: false } => {
                let pause = self.rng.between(1_000, 40_000);
                self.agenda.at(self.now + pause, Act::Connect { client, power });
            }
            _ => {}
        }
    }

    fn on_settled(&mut self, client: usize, device: usize, request: u32, how: How) {
        self.watch.see(self.now, client, device, Seen::Settled { request, how });
        self.settled += 1;
        let Some((post, epoch)) = self.clients[client].posts.remove(&request) else { return };
        if how != How::Acknowledged {
            return;
        }
        self.acknowledged += 1;
        if self.devices[device].epoch != epoch || self.hub.is_none() {
            self.watch.see(self.now, client, device, Seen::Void { request });
            return;
        }
        let samples = self.samples(device, post.time, post.time);
        self.watch.see(self.now, client, device, Seen::Kept { post, samples: &samples });
    }

    fn on_command(&mut self, client: usize, call: u32, service: &str) {
        let power = self.clients[client].power;
        let wait = match service {
            _ if self.calm => 0,
            "later" => {
                self.counts.add(Kind::HandlerLate);
                self.rng.between(500, 20_000)
            }
            "never" => {
                self.clients[client].silent.push(call);
                return self.counts.add(Kind::HandlerSilent);
            }
            "wrong" => {
                self.counts.add(Kind::HandlerWrong);
                0
            }
            _ => 0,
        };
        self.agenda.at(self.now + wait, Act::Answer { client, power, call, wrong: service == "wrong" });
    }

    /// A handler answers.
    pub(super) fn answer(&mut self, client: usize, call: u32, wrong: bool) {
        let id = CallId(call);
        if wrong {
            for (code, data) in [(200, AnswerData::Json("[1]")), (1, AnswerData::Empty)] {
                self.ask(client, Request::Answer { call: id, answer: Answer { code, data, message: "" } });
            }
        }
        let code = if wrong { 2_001 } else { 200 };
        let answer = Answer { code, data: AnswerData::Json(r#"{"done":1}"#), message: "" };
        let outcome = self.ask(client, Request::Answer { call: id, answer });
        let Some(outcome) = outcome else { return };
        let device = self.clients[client].device;
        if outcome == Err(RequestError::QueueFull) {
            let power = self.clients[client].power;
            let act = Act::Answer { client, power, call, wrong };
            return self.agenda.at(self.now + 1_000, act);
        }
        self.watch.see(self.now, client, device, Seen::Answer { call, taken: outcome.is_ok() });
        if wrong {
            // Once more; whether it was taken shows on the wire.
            self.ask(client, Request::Answer { call: id, answer });
        }
        self.drain(client);
    }

    fn ask(&mut self, client: usize, request: Request<'_>) -> Option<Result<u32, RequestError>> {
        let c = &mut self.clients[client];
        let now = c.moment(self.now);
        let result = c.engine.as_mut()?.request(now, request).map(|id| id.0);
        if let Err(error) = result {
            let (text, device) = (error.to_string(), c.device);
            self.watch.see(self.now, client, device, Seen::Text(&text));
        }
        Some(result)
    }

    /// A host posts; false if the engine did not take it.
    pub(super) fn post(&mut self, client: usize, timeout_ms: u32) -> bool {
        let device = self.clients[client].device;
        let wall = self.clients[client].moment(self.now).wall_ms.unwrap_or(0);
        let times = &mut self.devices[device].times;
        // A device without a time of its own gets the engine's clock, as long as that time is free.
        let own = i64::try_from(wall).is_ok_and(|wall| !times.contains(&wall)) && self.rng.one_in(2);
        let mut time = wall;
        while times.contains(&(time as i64)) {
            time += 1;
        }
        let serial = self.serial + 1;
        let text = "x".repeat(self.rng.pick(&[0, 0, 10, 300]));
        let quality = self.rng.one_in(3).then_some(0);
        let points = [
            Point { id: "p", value: Value::Int(serial as i64), quality },
            Point { id: "text", value: Value::Str(&text), quality: None },
        ];
        let points = if text.is_empty() { &points[..1] } else { &points[..] };
        let request = Request::PostMeasurepoints {
            device: DeviceIx::ROOT,
            points,
            time_ms: (!own).then_some(time),
            timeout_ms,
        };
        let Some(Ok(id)) = self.ask(client, request) else { return false };
        self.serial = serial;
        self.devices[device].times.insert(time as i64);
        let until = self.now + u64::from(timeout_ms);
        let post = Post { serial, time: time as i64, until };
        let epoch = self.devices[device].epoch;
        self.clients[client].posts.insert(id, (post, epoch));
        self.accepted += 1;
        self.watch.see(self.now, client, device, Seen::Accepted { request: id, post });
        self.drain(client);
        true
    }

    /// The secret store answers, if the power lasts so long.
    pub(super) fn stored(&mut self, client: usize) {
        let c = &mut self.clients[client];
        let secret = c.identity.secret.clone();
        if std::mem::take(&mut c.store_crash) {
            self.counts.add(Kind::StoreCrash);
            if self.rng.one_in(2) {
                self.clients[client].store = Some(secret);
            }
            self.power_cut(client);
            return self.start_later(client);
        }
        let fails = c.store_failures > 0;
        if fails {
            c.store_failures -= 1;
            self.counts.add(Kind::StoreFailure);
            return self.input(client, Input::Stored(Err(StoreError)));
        }
        c.store = Some(secret);
        self.input(client, Input::Stored(Ok(())));
    }

    pub(super) fn start_later(&mut self, client: usize) {
        let pause = self.rng.between(500, 20_000);
        let power = self.clients[client].power;
        self.agenda.at(self.now + pause, Act::PowerUp { client, power });
    }

    /// The link of a client is gone.
    pub(super) fn link_down(&mut self, client: usize, fault: LinkFault) {
        self.input(client, Input::LinkDown(LinkError::Fault(fault)));
    }

    /// Reads what has arrived, as far as the engine has room.
    pub(super) fn device_reads(&mut self, id: LinkId) {
        loop {
            let Some(link) = self.links.get_mut(&id) else { return };
            if !link.device_end || link.down.arrived.is_empty() {
                return;
            }
            let client = link.client;
            let c = &mut self.clients[client];
            let (now, device) = (c.moment(self.now), c.device);
            let Some(engine) = &mut c.engine else { return };
            let room = engine.receive_buffer();
            let count = room.len().min(link.down.arrived.len());
            if count == 0 {
                return;
            }
            let bytes: Vec<u8> = link.down.arrived.drain(..count).collect();
            room[..count].copy_from_slice(&bytes);
            let watch = &mut self.watch;
            link.down.read.push(&bytes, |packet| {
                watch.see(self.now, client, device, Seen::Read { link: id, way: Way::Down, packet });
            });
            engine.handle_input(now, Input::Received(count));
            self.drain(client);
        }
    }
}

/// What an event is, and its text; a text is what a person may come to read of it.
fn step_of(event: Event<'_>) -> Step {
    match event {
        Event::Connecting => Step::Life(Life::Connecting, String::new()),
        Event::Online => Step::Life(Life::Online, String::new()),
        Event::ConnectFailed { error, retry_in_ms } => {
            Step::Life(Life::ConnectFailed { retry: retry_in_ms.is_some() }, error.to_string())
        }
        Event::Offline { reason, will_retry } => {
            Step::Life(Life::Offline { retry: will_retry }, reason.to_string())
        }
        Event::Closed => Step::Life(Life::Closed, String::new()),
        Event::Activated => Step::Activated,
        Event::Settled { request, outcome } => {
            let (how, text) = match outcome {
                Outcome::Acknowledged { .. } => (How::Acknowledged, String::new()),
                Outcome::Rejected { error, message } => (How::Rejected, format!("{error} {message}")),
                Outcome::Failed(error) => (How::Failed, error.to_string()),
                other => (How::Failed, format!("{other:?}")),
            };
            Step::Settled(request.0, how, text)
        }
        Event::Command(command) => {
            let service = match command.kind {
                CommandKind::Service(id) => id.to_owned(),
                _ => "set".to_owned(),
            };
            Step::Command(command.call.0, service)
        }
        other => Step::Warning(format!("{other:?}")),
    }
}
