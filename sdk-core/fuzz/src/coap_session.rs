//! What must hold for an engine over CoAP whatever it is told: a script of bytes plays driver, hub and host.
//!
//! The hub of the script answers what was sent last, in every way that the RFCs know and in some that they forbid, so
//! that message layer and block assembly are reached behind Message IDs and tokens that fit.
#![allow(dead_code)]

#[path = "engine.rs"]
mod base;

use base::{Script, Seen};
use enos_core::engine::{
    Answer, AnswerData, CallId, CommandKind, DeviceIx, Engine, Input, LinkError, Memory, Output, Request,
    StoreError,
};
use enos_core::json::{Point, Value};
use enos_core::wire::coap::{Block, MessageClass, MessageType, MessageWriter, decode, option};
use enos_core::{Config, Hub, LinkFault, Login, Now};

/// More outputs than one input can cause.
const MANY: usize = 2_000;

/// What the script plays with.
struct Play<'m> {
    engine: Engine<'m>,
    seen: Seen,
    now: u64,
    /// The datagram that left last.
    last: Vec<u8>,
    /// Sleeps that were asked for and not yet told.
    sleeps: Vec<u32>,
}

fn config(script: &mut Script<'_>) -> Config<'static> {
    let secure = script.one_in(2);
    let login = if secure && script.one_in(2) {
        Login::DynamicActivation {
            product_key: "pk",
            device_key: "dk",
            product_secret: "product-secret",
            device_secret: None,
        }
    } else {
        Login::DeviceSecret { product_key: "pk", device_key: "dk", device_secret: "device-secret" }
    };
    let url = if secure { "coaps://hub.test" } else { "coap://hub.test" };
    let mut config = Config::new(Hub::parse(url).expect("an address"), login);
    config.coap.sleepy = script.one_in(2);
    config.coap.lifetime_s = [30, 3_600][usize::from(script.next() % 2)];
    config.coap.bytes_per_second = [0, 500, 10_240][usize::from(script.next() % 3)];
    config.coap.datagram = [256, 1_024][usize::from(script.next() % 2)];
    config
}

/// Plays the script.
pub(crate) fn coap_session(memory: Memory<'_>, bytes: &[u8]) {
    let mut script = Script(bytes);
    let engine = Engine::new(config(&mut script), [script.next(); 32], memory).expect("it fits");
    let mut play = Play { engine, seen: Seen::default(), now: 1_000, last: Vec::new(), sleeps: Vec::new() };
    let handle = Request::Handle { device: DeviceIx::ROOT, kind: CommandKind::Service("a") };
    play.engine.request(play.moment(), handle).expect("room");
    if script.next() % 8 != 0 {
        play.engine.request(play.moment(), Request::Connect { timeout_ms: None }).expect("idle");
        play.drain(true);
        play.engine.handle_input(play.moment(), Input::LinkUp);
        play.drain(true);
    }
    while !script.0.is_empty() {
        play.step(&mut script);
        play.drain(script.next() % 8 != 0);
        assert_eq!(play.engine.stats().open_requests as usize, play.seen.open.len());
    }
}

impl Play<'_> {
    fn moment(&self) -> Now {
        Now { mono_ms: self.now, wall_ms: None }
    }

    fn receive(&mut self, bytes: &[u8]) {
        let room = self.engine.receive_buffer();
        let n = room.len().min(bytes.len());
        room[..n].copy_from_slice(&bytes[..n]);
        let moment = self.moment();
        self.engine.handle_input(moment, Input::Received(n));
    }

    fn step(&mut self, script: &mut Script<'_>) {
        let input = match script.next() % 16 {
            0 => {
                let n = script.next();
                return self.receive(script.take(usize::from(n)));
            }
            1..=7 => {
                let mut datagram = self.answer(script);
                if script.one_in(8) && !datagram.is_empty() {
                    let at = usize::from(script.next()) % datagram.len();
                    datagram[at] = script.next();
                }
                self.receive(&datagram);
                if script.one_in(6) {
                    self.drain(true);
                    self.receive(&datagram);
                }
                return;
            }
            8 => Input::LinkUp,
            9 => Input::LinkDown(match script.next() % 4 {
                0 => LinkError::HungUp,
                1 => LinkError::Replaced,
                _ => LinkError::Fault(LinkFault::Lost),
            }),
            10 => Input::Stored(if script.one_in(4) { Err(StoreError) } else { Ok(()) }),
            11 => {
                self.now += [1, 100, 10_000, 100_000][usize::from(script.next() % 4)];
                Input::Tick
            }
            12 => {
                self.now = self.engine.deadline().unwrap_or(self.now);
                Input::Tick
            }
            _ => return self.request(script),
        };
        let moment = self.moment();
        self.engine.handle_input(moment, input);
    }

    /// An answer to what was sent last, or nearly one.
    fn answer(&self, script: &mut Script<'_>) -> Vec<u8> {
        let Ok(asked) = decode(&self.last) else { return vec![0x40, 0, 0, script.next()] };
        let kind = [
            MessageType::Acknowledgement,
            MessageType::Acknowledgement,
            MessageType::Acknowledgement,
            MessageType::Confirmable,
            MessageType::NonConfirmable,
            MessageType::Reset,
        ][usize::from(script.next() % 6)];
        let code = [0x44, 0x44, 0x44, 0x45, 0x5F, 0x5F, 0x81, 0x84, 0x88, 0x8D, 0x9D, 0xA0, 0, 0, 1, 0x41]
            [usize::from(script.next() % 16)];
        let id = match (kind, script.next() % 16) {
            (MessageType::Acknowledgement | MessageType::Reset, 1..) => asked.id,
            (_, n) => 0x7000 | u16::from(n),
        };
        let token = if code == 0 { &[][..] } else { asked.token };
        let mut out = vec![0; 1_500];
        let mut w = MessageWriter::new(&mut out, kind, MessageClass::from(code), id, token).expect("room");
        if code == 0 {
            let n = w.finish(&[]).expect("room");
            out.truncate(n);
            return out;
        }
        let mut payload = match script.next() % 4 {
            0 => Vec::new(),
            1 => br#"{"id":"1","params":{"productKey":"pk","deviceKey":"dk","deviceSecret":"s"}}"#.to_vec(),
            2 => format!(r#"{{"id":"{}","params":{{}}}}"#, script.next()).into_bytes(),
            _ => {
                let id = self.seen.open.first().copied().unwrap_or(7);
                let code = if script.one_in(4) { 1204 } else { 200 };
                format!(r#"{{"id":"{id}","code":{code},"data":""}}"#).into_bytes()
            }
        };
        let asked_block = |number| asked.block(number).ok().flatten();
        if script.one_in(3) {
            let number = asked_block(23).map_or(0, |block| block.number) + u32::from(script.one_in(16));
            let block = Block { number, more: !script.one_in(3), exponent: script.next() % 7 };
            payload.resize(if block.more { block.size() } else { payload.len() }, b' ');
            if script.one_in(16) {
                w.option(4, &[script.next()]).expect("room");
            }
            w.block(23, block).expect("room");
        }
        if let Some(block) = asked_block(27) {
            let exponent = if script.one_in(4) { script.next() % 7 } else { block.exponent };
            w.block(27, Block { exponent, ..block }).expect("room");
        } else if script.one_in(16) {
            w.block(27, Block { number: 0, more: true, exponent: script.next() % 7 }).expect("room");
        }
        if script.one_in(16) {
            w.option(31, &[1]).expect("room");
        }
        if script.one_in(3) {
            let path: &[u8] = match script.next() % 4 {
                0 => b"/topic/sys/pk/dk/thing/service/none",
                1 => b"/topic",
                _ => b"/topic/sys/pk/dk/thing/service/a",
            };
            w.option(option::COMMAND_PATH, path).expect("room");
            if script.one_in(2) {
                w.option(option::COMMAND, br#"{"id":"9","params":{}}"#).expect("room");
            }
        }
        let n = w.finish(&payload).expect("room");
        out.truncate(n);
        out
    }

    fn request(&mut self, script: &mut Script<'_>) {
        let moment = self.moment();
        let timeout_ms = [0, 1, 30_000, u32::MAX][usize::from(script.next() % 4)];
        let text = "\"".repeat(usize::from(script.next()) * 8);
        match script.next() % 12 {
            0 => drop(self.engine.request(moment, Request::Close { timeout_ms: timeout_ms.min(60_000) })),
            1 => drop(self.engine.request(moment, Request::Connect { timeout_ms: Some(timeout_ms) })),
            2 => drop(self.engine.request(moment, Request::Connect { timeout_ms: None })),
            3 | 4 => {
                let at = usize::from(script.next());
                let call = self.seen.calls.get(at % self.seen.calls.len().max(1)).copied();
                let answer = Answer { code: 200, data: AnswerData::Empty, message: &text };
                let call = call.unwrap_or(CallId(u32::from(at as u16)));
                let _ = self.engine.request(moment, Request::Answer { call, answer });
            }
            5 | 6 => {
                if let Ok(id) = self.engine.request(moment, Request::Sleep { timeout_ms }) {
                    assert!(self.sleeps.is_empty() && !self.seen.open.contains(&id.0));
                    self.sleeps.push(id.0);
                }
            }
            _ => {
                let points = [Point { id: "s", value: Value::Str(&text), quality: None }];
                let post = Request::PostMeasurepoints {
                    device: DeviceIx::ROOT,
                    points: &points,
                    time_ms: None,
                    timeout_ms,
                };
                if let Ok(id) = self.engine.request(moment, post) {
                    assert!(!self.seen.open.contains(&id.0) && !self.sleeps.contains(&id.0), "an id twice");
                    self.seen.open.push(id.0);
                }
            }
        }
    }

    fn drain(&mut self, writable: bool) {
        let moment = self.moment();
        for _ in 0..MANY {
            match self.engine.poll_output(moment) {
                Output::Transmit(bytes) => {
                    assert!(!bytes.is_empty() && bytes.len() <= 1_024);
                    let message = decode(bytes).expect("what is sent is a message");
                    if !writable {
                        break;
                    }
                    if message.code != MessageClass::Empty {
                        self.last = bytes.to_vec();
                    }
                    let n = bytes.len();
                    self.engine.handle_input(moment, Input::Sent(n));
                }
                Output::Event(enos_core::engine::Event::Slept { request, .. }) => {
                    assert_eq!(self.sleeps.pop(), Some(request.0), "told twice, or never asked for");
                }
                Output::Event(event) => self.seen.hear(&event),
                Output::Wait(deadline) => {
                    assert!(deadline.is_none_or(|at| at > self.now), "a deadline in the past");
                    assert_eq!(self.engine.deadline(), deadline);
                    let again = self.engine.poll_output(moment);
                    assert!(matches!(again, Output::Wait(again) if again == deadline), "Wait was not last");
                    return;
                }
                Output::Dial(_) | Output::Store(_) | Output::HangUp => {}
            }
        }
        assert!(!writable, "it never waits");
    }
}
