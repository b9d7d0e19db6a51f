//! A device: the SDK's engine, the driver around it, and its handler.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use enos_core::engine::{
    Answer, AnswerData, CallId, CommandKind, DeviceIx, Engine, Event, Input, Memory, Outcome, Output, Request,
};
use enos_core::json::{Point, Value};
use enos_core::{Config, Hub, Limits, Login, Now};

use super::network::{Kind, Way};
use super::rules::{Life, Post, Seen};
use super::run::{Act, World};
use crate::world::device::START_MS;

/// Outputs that an engine may have at once.
const MAX_ROUNDS: u32 = 10_000;
/// What every secret of this world begins with, and nothing else.
pub(super) const SECRET_MARK: &str = "kept-quiet-";

pub(super) struct Device {
    pub(super) device_key: String,
    pub(super) secret: String,
    pub(super) engine: Option<Engine<'static>>,
    /// Counts starts; what was planned for an earlier one is void.
    pub(super) power: u32,
    /// Its address of now.
    pub(super) address: SocketAddr,
    pub(super) has_link: bool,
    pub(super) online: bool,
    pub(super) wakes: Option<u64>,
    pub(super) late_until: u64,
    pub(super) posts: BTreeMap<u32, Post>,
    pub(super) last_time: i64,
}

enum Step {
    Dial,
    HangUp,
    Datagram(Vec<u8>),
    Life(Life, String),
    Settled(u32, bool, String),
    Command(u32, u64),
    Text(String),
    Wait(Option<u64>),
}

fn moment(now: u64) -> Now {
    Now { mono_ms: now, wall_ms: Some(START_MS + now) }
}

impl World {
    pub(super) fn power_up(&mut self, at: usize) {
        let entropy = std::array::from_fn(|_| self.rng.below(256) as u8);
        let lifetime_s = self.rng.pick(&[60, 300, 3_600]);
        let device = &mut self.devices[at];
        let login = Login::DeviceSecret {
            product_key: "static",
            device_key: &device.device_key,
            device_secret: &device.secret,
        };
        let hub = Hub::parse("coap://hub.test").expect("a URL");
        let mut config = Config::new(hub, login);
        config.coap.lifetime_s = lifetime_s;
        let engine = Engine::new(config, entropy, Memory::heap(&Limits::DEFAULT)).expect("a configuration");
        device.engine = Some(engine);
        device.power += 1;
        (device.has_link, device.online) = (false, false);
        self.see(at, Seen::PowerUp);
        let now = moment(self.now);
        if let Some(engine) = &mut self.devices[at].engine {
            let handle = Request::Handle { device: DeviceIx::ROOT, kind: CommandKind::Service("now") };
            engine.request(now, handle).expect("room for a handler");
            engine.request(now, Request::Connect { timeout_ms: None }).expect("it is new");
        }
        self.drain(at);
    }

    pub(super) fn power_cut(&mut self, at: usize) {
        let device = &mut self.devices[at];
        if device.engine.take().is_none() {
            return;
        }
        device.wakes = None;
        device.posts.clear();
        (device.has_link, device.online) = (false, false);
        self.see(at, Seen::PowerCut);
    }

    pub(super) fn input(&mut self, at: usize, input: Input) {
        let device = &mut self.devices[at];
        match input {
            Input::LinkUp => device.has_link = true,
            Input::LinkDown(_) => device.has_link = false,
            _ => {}
        }
        if let Some(engine) = &mut device.engine {
            engine.handle_input(moment(self.now), input);
            self.drain(at);
        }
    }

    /// A datagram has come to the device's socket, if it has one.
    pub(super) fn device_receives(&mut self, at: usize, bytes: &[u8]) {
        let device = &mut self.devices[at];
        if !device.has_link {
            return;
        }
        let Some(engine) = &mut device.engine else { return };
        let room = engine.receive_buffer();
        // A driver that may not read leaves the datagram to be lost.
        if room.len() < bytes.len() {
            return;
        }
        room[..bytes.len()].copy_from_slice(bytes);
        self.input(at, Input::Received(bytes.len()));
    }

    /// The driver's loop.
    pub(super) fn drain(&mut self, at: usize) {
        for round in 0.. {
            let step = self.next_step(at);
            let waits = matches!(step, Step::Wait(_));
            self.take_step(at, step);
            if waits || round > MAX_ROUNDS || self.devices[at].engine.is_none() {
                break;
            }
        }
        let late = if self.now < self.devices[at].late_until { self.rng.between(1, 8_000) } else { 0 };
        let device = &mut self.devices[at];
        device.wakes = device.engine.as_ref().and_then(Engine::deadline).map(|at| at + late);
    }

    fn next_step(&mut self, at: usize) -> Step {
        let now = moment(self.now);
        let Some(engine) = &mut self.devices[at].engine else { return Step::Wait(None) };
        match engine.poll_output(now) {
            Output::Wait(until) => Step::Wait(until),
            Output::Dial(_) => Step::Dial,
            Output::HangUp => Step::HangUp,
            Output::Store(_) => Step::Text("store".to_owned()),
            Output::Event(event) => step_of(event),
            Output::Transmit(bytes) => {
                let bytes = bytes.to_vec();
                engine.handle_input(now, Input::Sent(bytes.len()));
                Step::Datagram(bytes)
            }
        }
    }

    fn take_step(&mut self, at: usize, step: Step) {
        let power = self.devices[at].power;
        match step {
            Step::Wait(until) => self.see(at, Seen::Wait(until)),
            Step::Dial => self.agenda(1, Act::Dialled { device: at, power }),
            Step::HangUp => self.agenda(1, Act::HungUp { device: at, power }),
            Step::Datagram(bytes) => {
                self.see(at, Seen::Sent { way: Way::Up, bytes: &bytes });
                let address = self.devices[at].address;
                self.fly(Way::Up, address, bytes);
            }
            Step::Life(life, text) => {
                self.see(at, Seen::Text(&text));
                self.see(at, Seen::Life(life));
                self.devices[at].online = life == Life::Online;
                if life == Life::ConnectFailed && text.ends_with('!') {
                    self.agenda(5_000, Act::Connect { device: at, power });
                }
            }
            Step::Settled(request, acknowledged, text) => {
                self.see(at, Seen::Text(&text));
                self.see(at, Seen::Settled { request });
                let Some(post) = self.devices[at].posts.remove(&request) else { return };
                self.settled += 1;
                if acknowledged {
                    self.acknowledged += 1;
                    // While the hub is down nobody can look.
                    if let Some(samples) = self.samples(at, post.time, post.time) {
                        self.see(at, Seen::Kept { post, samples: &samples });
                    }
                }
            }
            Step::Command(call, number) => {
                self.see(at, Seen::Called { number });
                let takes = self.rng.pick(&[0, 50, 3_000]);
                self.agenda(takes, Act::Answer { device: at, power, call });
            }
            Step::Text(text) => self.see(at, Seen::Text(&text)),
        }
    }

    /// A host posts; false if the engine does not take it.
    pub(super) fn post(&mut self, at: usize, timeout_ms: u32) -> bool {
        let serial = self.serial + 1;
        let text = "x".repeat(self.rng.pick(&[0, 0, 0, 20, 1_200, 2_500]));
        let wall = (START_MS + self.now) as i64;
        let time = wall.max(self.devices[at].last_time + 1);
        let points = [
            Point { id: "p", value: Value::Int(serial as i64), quality: None },
            Point { id: "text", value: Value::Str(&text), quality: None },
        ];
        let points = if text.is_empty() { &points[..1] } else { &points[..] };
        let now = moment(self.now);
        let Some(engine) = &mut self.devices[at].engine else { return false };
        let time_ms = Some(time as u64);
        let request = Request::PostMeasurepoints { device: DeviceIx::ROOT, points, time_ms, timeout_ms };
        let Ok(id) = engine.request(now, request) else { return false };
        self.serial = serial;
        let post = Post { serial, time, until: self.now + u64::from(timeout_ms) };
        self.devices[at].last_time = time;
        self.devices[at].posts.insert(id.0, post);
        self.accepted += 1;
        self.see(at, Seen::Accepted { request: id.0, post });
        self.drain(at);
        true
    }

    pub(super) fn host_connects(&mut self, at: usize) {
        if let Some(engine) = &mut self.devices[at].engine {
            // Refused while it is connected or connecting.
            let _ = engine.request(moment(self.now), Request::Connect { timeout_ms: None });
            self.drain(at);
        }
    }

    pub(super) fn answer(&mut self, at: usize, call: u32) {
        if let Some(engine) = &mut self.devices[at].engine {
            let answer = Answer { code: 200, data: AnswerData::Json(r#"{"done":1}"#), message: "" };
            // Refused when the link is down, or the call is over.
            let _ = engine.request(moment(self.now), Request::Answer { call: CallId(call), answer });
            self.drain(at);
        }
    }

    pub(super) fn moved(&mut self, at: usize) {
        self.addresses += 1;
        let port = 20_000 + self.addresses;
        self.devices[at].address = SocketAddr::from(([192, 0, 2, 10 + at as u8], port));
        self.counts.add(Kind::Moved);
    }
}

fn step_of(event: Event<'_>) -> Step {
    match event {
        Event::Connecting => Step::Life(Life::Connecting, String::new()),
        Event::Online => Step::Life(Life::Online, String::new()),
        Event::ConnectFailed { error, retry_in_ms } => {
            let last = if retry_in_ms.is_none() { "!" } else { "" };
            Step::Life(Life::ConnectFailed, format!("{error}{last}"))
        }
        Event::Offline { reason, .. } => Step::Life(Life::Offline, reason.to_string()),
        Event::Closed => Step::Life(Life::Closed, String::new()),
        Event::Settled { request, outcome } => {
            let (acknowledged, text) = match outcome {
                Outcome::Acknowledged { .. } => (true, String::new()),
                Outcome::Rejected { error, message } => (false, format!("{error} {message}")),
                other => (false, format!("{other:?}")),
            };
            Step::Settled(request.0, acknowledged, text)
        }
        Event::Command(command) => {
            let params = String::from_utf8_lossy(command.params);
            let digits: String = params.chars().filter(char::is_ascii_digit).collect();
            Step::Command(command.call.0, digits.parse().unwrap_or(u64::MAX))
        }
        other => Step::Text(format!("{other:?}")),
    }
}
