//! What must hold for an engine whatever it is told, in whatever order: a script of bytes plays driver, hub and host.
//!
//! Nothing panics; after each input the engine comes to `Wait` within a bound, with a deadline that lies ahead; the
//! lifecycle grammar holds; each accepted post is settled exactly once; nothing grows beyond its limits.
#![allow(dead_code)]

use enos_core::engine::{
    Answer, AnswerData, CallId, CommandKind, DeviceIx, Engine, Event, Input, LinkError, Memory, Output,
    Request, StoreError,
};
use enos_core::json::{Point, Value};
use enos_core::wire::mqtt::{self, Publish, QoS};
use enos_core::{Config, Hub, LinkFault, Login, Now};

/// More outputs than one input can cause.
const MANY: usize = 2_000;

/// Reads the script; zeros once it is over.
pub(crate) struct Script<'a>(pub(crate) &'a [u8]);

impl<'a> Script<'a> {
    pub(crate) fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(crate) fn one_in(&mut self, n: u8) -> bool {
        self.next().is_multiple_of(n)
    }

    pub(crate) fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

#[derive(Default)]
pub(crate) struct Seen {
    connecting: bool,
    online: bool,
    closed: bool,
    pub(crate) open: Vec<u32>,
    pub(crate) calls: Vec<CallId>,
}

impl Seen {
    pub(crate) fn hear(&mut self, event: &Event<'_>) {
        assert!(!self.closed, "after Closed: {event:?}");
        match event {
            Event::Connecting => {
                assert!(!self.connecting && !self.online);
                self.connecting = true;
            }
            Event::Online => {
                assert!(self.connecting);
                (self.connecting, self.online) = (false, true);
            }
            Event::ConnectFailed { .. } => {
                assert!(self.connecting);
                self.connecting = false;
            }
            Event::Offline { .. } => {
                assert!(self.online);
                self.online = false;
            }
            Event::Closed => {
                assert!(!self.connecting && !self.online && self.open.is_empty());
                self.closed = true;
            }
            Event::Settled { request, .. } => {
                let at = self.open.iter().position(|id| *id == request.0);
                self.open.swap_remove(at.expect("settled twice, or never accepted"));
            }
            Event::Command(command) => {
                assert!(!self.calls.contains(&command.call));
                self.calls.push(command.call);
            }
            _ => {}
        }
    }
}

fn config(script: &mut Script<'_>) -> Config<'static> {
    let login = match script.next() % 2 {
        0 => Login::DynamicActivation {
            product_key: "pk",
            device_key: "dk",
            product_secret: "product-secret",
            device_secret: None,
        },
        _ => Login::DeviceSecret { product_key: "pk", device_key: "dk", device_secret: "device-secret" },
    };
    let mut config = Config::new(Hub::parse("tcp://hub.test").expect("an address"), login);
    config.clean_session = script.one_in(2);
    config.keep_alive_s = [60, 0, 1][usize::from(script.next() % 3)];
    config.in_flight = [1, 2, 256][usize::from(script.next() % 3)];
    config
}

/// Plays the script; the engine is online from the start if its first byte says so.
pub(crate) fn engine(memory: Memory<'_>, bytes: &[u8]) {
    let mut script = Script(bytes);
    let mut engine = Engine::new(config(&mut script), [script.next(); 32], memory).expect("it fits");
    let mut seen = Seen::default();
    let mut now = 1_000;
    if script.next() % 4 != 0 {
        let moment = Now { mono_ms: now, wall_ms: None };
        engine.request(moment, Request::Connect { timeout_ms: None }).expect("idle");
        drain(&mut engine, &mut script, &mut seen, now, true);
        engine.handle_input(moment, Input::LinkUp);
        drain(&mut engine, &mut script, &mut seen, now, true);
        receive(&mut engine, now, &[0x20, 2, 0, 0]);
        drain(&mut engine, &mut script, &mut seen, now, true);
    }
    while !script.0.is_empty() {
        step(&mut engine, &mut script, &mut seen, &mut now);
        let writable = script.next() % 8 != 0;
        drain(&mut engine, &mut script, &mut seen, now, writable);
        assert_eq!(engine.stats().open_requests as usize, seen.open.len());
    }
}

fn receive(engine: &mut Engine<'_>, now: u64, bytes: &[u8]) {
    let room = engine.receive_buffer();
    let n = room.len().min(bytes.len());
    room[..n].copy_from_slice(&bytes[..n]);
    engine.handle_input(Now { mono_ms: now, wall_ms: None }, Input::Received(n));
}

fn step(engine: &mut Engine<'_>, script: &mut Script<'_>, seen: &mut Seen, now: &mut u64) {
    let input = match script.next() % 16 {
        0 => {
            let n = script.next();
            return receive(engine, *now, script.take(usize::from(n)));
        }
        1..=4 => {
            let mut packet = message(script, seen);
            if script.one_in(4) && !packet.is_empty() {
                let at = usize::from(script.next()) % packet.len();
                packet[at] = script.next();
            }
            let cut = usize::from(script.next());
            let n = if cut < 200 { packet.len() } else { cut.min(packet.len()) };
            return receive(engine, *now, &packet[..n]);
        }
        5 => Input::LinkUp,
        6 => Input::LinkDown(match script.next() % 4 {
            0 => LinkError::HungUp,
            1 => LinkError::Replaced,
            _ => LinkError::Fault(LinkFault::Lost),
        }),
        7 => Input::Stored(if script.one_in(2) { Ok(()) } else { Err(StoreError) }),
        8 => Input::Sent(usize::from(script.next())),
        9 => {
            *now += [1, 100, 10_000, 100_000][usize::from(script.next() % 4)];
            Input::Tick
        }
        10 => {
            *now = engine.deadline().unwrap_or(*now);
            Input::Tick
        }
        _ => return request(engine, script, seen, *now),
    };
    engine.handle_input(Now { mono_ms: *now, wall_ms: None }, input);
}

/// One packet of a hub.
fn message(script: &mut Script<'_>, seen: &Seen) -> Vec<u8> {
    let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][usize::from(script.next() % 3)];
    let packet_id = if qos == QoS::AtMostOnce { 0 } else { 1 + u16::from(script.next()) };
    let (topic, payload) = match script.next() % 8 {
        0 => return vec![0x20, 2, script.next() % 2, script.next() % 6],
        1 => {
            return vec![[0x40, 0x50, 0x62, 0x70, 0xB0][usize::from(script.next() % 5)], 2, 0, script.next()];
        }
        2 => return vec![0xD0, 0],
        3 => {
            let id = seen.open.get(usize::from(script.next())).copied().unwrap_or(7);
            let code = if script.one_in(4) { 1204 } else { 200 };
            (
                "/sys/pk/dk/thing/measurepoint/post_reply",
                format!(r#"{{"id":"{id}","code":{code},"data":""}}"#),
            )
        }
        4 => {
            let payload = r#"{"id":"1","params":{"productKey":"pk","deviceKey":"dk","deviceSecret":"s"}}"#;
            ("/ext/session/pk/dk/thing/activate/info", payload.into())
        }
        5 => ("/sys/pk/dk/thing/service/a", format!(r#"{{"id":"{}","params":{{}}}}"#, script.next())),
        6 => ("/sys/pk/dk/thing/service/measurepoint/set", "x".repeat(usize::from(script.next()) * 20)),
        _ => ("/sys/pk/dk/thing/service/none", r#"{"id":"1","params":{}}"#.into()),
    };
    let mut room = vec![0; topic.len() + payload.len() + 16];
    let dup = qos != QoS::AtMostOnce && script.one_in(2);
    let publish = Publish { dup, qos, retain: false, topic, packet_id, payload: payload.as_bytes() };
    let n = mqtt::publish(&mut room, &publish).expect("room enough");
    room.truncate(n);
    room
}

fn request(engine: &mut Engine<'_>, script: &mut Script<'_>, seen: &mut Seen, now: u64) {
    let device = DeviceIx(u32::from(script.one_in(16)));
    let kind = [CommandKind::Service("a"), CommandKind::MeasurepointSet, CommandKind::Service("a/b")]
        [usize::from(script.next() % 3)];
    let text = "\"\u{1}".repeat(usize::from(script.next()));
    let points = [
        Point { id: "n", value: Value::Float(f64::from(script.next()) / 3.0), quality: None },
        Point { id: "s", value: Value::Str(&text), quality: Some(script.next() % 11) },
    ];
    let points = &points[..usize::from(script.next() % 3)];
    let timeout_ms = [0, 1, 30_000, u32::MAX][usize::from(script.next() % 4)];
    let moment = Now { mono_ms: now, wall_ms: (script.one_in(2)).then_some(now) };
    match script.next() % 12 {
        0 => drop(engine.request(moment, Request::Close { timeout_ms: timeout_ms.min(60_000) })),
        1 => drop(engine.request(moment, Request::Connect { timeout_ms: Some(timeout_ms) })),
        2 => drop(engine.request(moment, Request::Connect { timeout_ms: None })),
        3 | 4 => drop(engine.request(moment, Request::Handle { device, kind })),
        5 => drop(engine.request(moment, Request::Unhandle { device, kind })),
        6 | 7 => {
            let at = usize::from(script.next());
            let call =
                seen.calls.get(at % seen.calls.len().max(1)).copied().unwrap_or(CallId(u32::from(at as u16)));
            let data = match script.next() % 3 {
                0 => AnswerData::Empty,
                1 => AnswerData::Json(&text),
                _ => AnswerData::Json(r#"{"a":1}"#),
            };
            let answer = Answer { code: 200, data, message: &text };
            let _ = engine.request(moment, Request::Answer { call, answer });
        }
        _ => {
            let post = Request::PostMeasurepoints { device, points, time_ms: None, timeout_ms };
            if let Ok(id) = engine.request(moment, post) {
                assert!(!seen.open.contains(&id.0), "an id twice");
                seen.open.push(id.0);
            }
        }
    }
}

fn drain(engine: &mut Engine<'_>, script: &mut Script<'_>, seen: &mut Seen, now: u64, writable: bool) {
    let moment = Now { mono_ms: now, wall_ms: None };
    for _ in 0..MANY {
        match engine.poll_output(moment) {
            Output::Transmit(bytes) => {
                assert!(!bytes.is_empty());
                let all = bytes.len();
                let n = if script.one_in(4) { 1 + usize::from(script.next()) % all } else { all };
                if !writable {
                    break;
                }
                engine.handle_input(moment, Input::Sent(n));
            }
            Output::Event(event) => seen.hear(&event),
            Output::Wait(deadline) => {
                assert!(deadline.is_none_or(|at| at > now), "a deadline in the past");
                assert_eq!(engine.deadline(), deadline);
                assert!(
                    matches!(engine.poll_output(moment), Output::Wait(again) if again == deadline),
                    "Wait was not last"
                );
                return;
            }
            Output::Dial(_) | Output::Store(_) | Output::HangUp => {}
        }
    }
    assert!(!writable, "it never waits");
}
