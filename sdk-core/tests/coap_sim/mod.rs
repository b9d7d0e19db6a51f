//! A simulated pair over datagrams: the engine against a scripted CoAP hub on virtual time.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

pub mod hub;

use enos_core::engine::{
    AnswerData, CallId, CommandKind, DeviceIx, Engine, Input, LinkError, Memory, Output, Request,
    RequestError, RequestId,
};
use enos_core::json::{Point, Value};
use enos_core::{CoapConfig, Config, Hub as Address, Limits, LinkFault, Login, Now};

use crate::sim::hub::{DEVICE_SECRET, PRODUCT_SECRET};
use crate::sim::{Told, told};
use hub::Hub;

/// Engine, hub, and what lies between them.
pub struct Pair<'m> {
    pub engine: Engine<'m>,
    pub hub: Hub,
    pub now: u64,
    pub told: Vec<Told>,
    pub stored: Vec<String>,
    pub store_works: bool,
    pub link: bool,
    /// The device's address; each dial takes a new one.
    pub address: u16,
    pub dials: Vec<u64>,
    /// Which of the next datagrams are lost, up and down.
    pub lose_up: Vec<bool>,
    pub lose_down: Vec<bool>,
    /// Each comes twice.
    pub doubles: bool,
    /// All datagrams that went up.
    pub sent: Vec<(u64, Vec<u8>)>,
    pub auto_answer: Option<i32>,
    pub hang_ups: usize,
}

pub fn device() -> Login<'static> {
    Login::DeviceSecret { product_key: "pk", device_key: "dk", device_secret: DEVICE_SECRET }
}

pub fn activation() -> Login<'static> {
    Login::DynamicActivation {
        product_key: "pk",
        device_key: "dk",
        product_secret: PRODUCT_SECRET,
        device_secret: None,
    }
}

pub fn config(secure: bool, login: Login<'static>) -> Config<'static> {
    let url = if secure { "coaps://hub.test" } else { "coap://hub.test" };
    let mut config = Config::new(Address::parse(url).unwrap(), login);
    config.coap = CoapConfig { bytes_per_second: 0, ..CoapConfig::DEFAULT };
    config
}

impl Pair<'static> {
    /// Over heap memory.
    pub fn heap(config: Config<'static>) -> Self {
        Self::new(config, Memory::heap(&Limits::DEFAULT))
    }
}

impl<'m> Pair<'m> {
    pub fn new(config: Config<'static>, memory: Memory<'m>) -> Self {
        let secure = config.hub.scheme == enos_core::Scheme::Coaps;
        Self {
            engine: Engine::new(config, [5; 32], memory).unwrap(),
            hub: Hub::new(secure),
            now: 1_000,
            told: Vec::new(),
            stored: Vec::new(),
            store_works: true,
            link: false,
            address: 0,
            dials: Vec::new(),
            lose_up: Vec::new(),
            lose_down: Vec::new(),
            doubles: false,
            sent: Vec::new(),
            auto_answer: None,
            hang_ups: 0,
        }
    }

    pub fn now(&self) -> Now {
        Now { mono_ms: self.now, wall_ms: Some(1_700_000_000_000 + self.now) }
    }

    pub fn input(&mut self, input: Input) {
        let now = self.now();
        self.engine.handle_input(now, input);
    }

    pub fn request(&mut self, request: Request<'_>) -> Result<RequestId, RequestError> {
        let now = self.now();
        self.engine.request(now, request)
    }

    pub fn connect(&mut self) {
        self.request(Request::Connect { timeout_ms: None }).unwrap();
        self.settle();
    }

    pub fn handle(&mut self, service: &str) {
        self.request(Request::Handle { device: DeviceIx::ROOT, kind: CommandKind::Service(service) })
            .unwrap();
    }

    pub fn post_text(&mut self, text: &str, timeout_ms: u32) -> u32 {
        let points = [Point { id: "t", value: Value::Str(text), quality: None }];
        let request =
            Request::PostMeasurepoints { device: DeviceIx::ROOT, points: &points, time_ms: None, timeout_ms };
        self.request(request).unwrap().0
    }

    pub fn post(&mut self) -> u32 {
        self.post_text("x", 600_000)
    }

    pub fn answer(&mut self, call: u32, code: i32) {
        let answer = enos_core::engine::Answer { code, data: AnswerData::Empty, message: "" };
        self.request(Request::Answer { call: CallId(call), answer }).unwrap();
    }

    /// Takes the engine's outputs until it waits.
    pub fn drain(&mut self) -> Option<u64> {
        for _ in 0..100_000 {
            let now = self.now();
            let mut answer = None;
            match self.engine.poll_output(now) {
                Output::Dial(dial) => {
                    assert!(!self.link);
                    self.address += 1;
                    self.dials.push(self.now);
                    let psk = dial.psk.map(|psk| {
                        let mut room = [0; 400];
                        (psk.write_identity(&mut room).unwrap().to_owned(), psk.key)
                    });
                    assert_eq!(psk.is_some(), self.hub.secure);
                    let up = match psk {
                        Some((identity, key)) => self.hub.handshake(self.address, &identity, &key),
                        None => true,
                    };
                    if up {
                        self.link = true;
                        self.input(Input::LinkUp);
                    } else {
                        self.input(Input::LinkDown(LinkError::Fault(LinkFault::Tls)));
                    }
                }
                Output::Transmit(bytes) => {
                    assert!(self.link && !bytes.is_empty() && bytes.len() <= 1_024);
                    let bytes = bytes.to_vec();
                    self.sent.push((self.now, bytes.clone()));
                    self.input(Input::Sent(bytes.len()));
                    let lost = !self.lose_up.is_empty() && self.lose_up.remove(0);
                    if !lost {
                        self.hub.on_datagram(self.address, &bytes);
                        if self.doubles {
                            self.hub.on_datagram(self.address, &bytes);
                        }
                    }
                }
                Output::Store(secret) => {
                    let secret = secret.device_secret.to_owned();
                    let works = self.store_works;
                    if works {
                        self.stored.push(secret);
                    }
                    self.input(Input::Stored(works.then_some(()).ok_or(enos_core::engine::StoreError)));
                }
                Output::HangUp => {
                    self.hang_ups += 1;
                    self.link = false;
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
                    return deadline;
                }
            }
            if let Some((call, code)) = answer {
                self.answer(call, code);
            }
        }
        panic!("the engine never waits");
    }

    /// Hands one datagram to the engine.
    pub fn receive(&mut self, bytes: &[u8]) {
        let room = self.engine.receive_buffer();
        assert!(room.len() >= 1_400, "{}", room.len());
        room[..bytes.len()].copy_from_slice(bytes);
        self.input(Input::Received(bytes.len()));
    }

    /// Moves datagrams until none moves any more; time stands still.
    pub fn settle(&mut self) -> Option<u64> {
        loop {
            let deadline = self.drain();
            if self.hub.out.is_empty() {
                return deadline;
            }
            let (address, bytes) = self.hub.out.remove(0);
            let lost = !self.lose_down.is_empty() && self.lose_down.remove(0);
            if lost || !self.link || address != self.address {
                continue;
            }
            self.receive(&bytes);
            if self.doubles {
                self.drain();
                if self.link {
                    self.receive(&bytes);
                }
            }
        }
    }

    /// Lets time pass, waking the engine whenever it wants.
    pub fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        loop {
            match self.settle() {
                Some(at) if at <= end => self.now = at,
                _ => {
                    self.now = end;
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
