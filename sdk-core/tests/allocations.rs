//! In steady state the engine allocates nothing: not per post, not per command, heap memory or not.

#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;

use enos_core::engine::{
    Answer, AnswerData, CallId, CommandKind, DeviceIx, Engine, Event, Input, Memory, Outcome, Output, Request,
};
use enos_core::json::{Point, Value};
use enos_core::wire::mqtt::{self, FixedHeader, Packet, Publish, QoS};
use enos_core::{Config, Hub, Limits, Login, Now};

const OPEN: usize = 100;
const ROUNDS: usize = 10_000;

const NOW: Now = Now { mono_ms: 1_000, wall_ms: Some(1_700_000_000_000) };

/// An engine that is online, and the far end of its link; its own buffers are full-grown from the start.
struct Bench {
    now: Now,
    engine: Engine<'static>,
    down: Vec<u8>,
    /// Ids of posts that the hub has, oldest first.
    posted: VecDeque<([u8; 10], usize)>,
    calls: VecDeque<CallId>,
    packet_id: u16,
    settled: usize,
    answered: usize,
}

impl Bench {
    fn online() -> Self {
        let login = Login::DeviceSecret { product_key: "pk", device_key: "dk", device_secret: "secret" };
        let config = Config::new(Hub::parse("tcp://hub.test").unwrap(), login);
        let mut bench = Self {
            now: NOW,
            engine: Engine::new(config, [3; 32], Memory::heap(&Limits::DEFAULT)).unwrap(),
            down: Vec::with_capacity(1 << 16),
            posted: VecDeque::with_capacity(2 * OPEN),
            calls: VecDeque::with_capacity(2 * OPEN),
            packet_id: 0,
            settled: 0,
            answered: 0,
        };
        let kind = CommandKind::Service("reboot");
        bench.engine.request(NOW, Request::Handle { device: DeviceIx::ROOT, kind }).unwrap();
        bench.engine.request(NOW, Request::Connect { timeout_ms: None }).unwrap();
        bench.drain();
        bench
    }

    fn write(&mut self, encode: impl FnOnce(&mut [u8]) -> usize) {
        let mut room = [0; 512];
        let n = encode(&mut room);
        self.down.extend_from_slice(&room[..n]);
    }

    /// Lets the engine say and hear all it wants.
    fn drain(&mut self) {
        loop {
            match self.engine.poll_output(self.now) {
                Output::Dial(_) => self.engine.handle_input(self.now, Input::LinkUp),
                Output::Transmit(bytes) => {
                    let n = bytes.len();
                    let mut rest = bytes;
                    while let Some(header) = FixedHeader::parse(rest).unwrap() {
                        let (packet, after) = rest.split_at(header.total());
                        rest = after;
                        let reply = match mqtt::decode(header, &packet[header.header_len..]).unwrap() {
                            Packet::Connect(_) => Some(Ok(())),
                            Packet::Publish(publish) => {
                                let id = &publish.payload[7..];
                                let len = id.iter().position(|byte| *byte == b'"').unwrap();
                                if publish.topic.ends_with("/post") {
                                    let mut kept = [0; 10];
                                    kept[..len].copy_from_slice(&id[..len]);
                                    self.posted.push_back((kept, len));
                                } else {
                                    self.answered += 1;
                                }
                                Some(Err(publish.packet_id))
                            }
                            _ => None,
                        };
                        let mut room = [0; 4];
                        match reply {
                            Some(Ok(())) => mqtt::connack(&mut room, false, 0).unwrap(),
                            Some(Err(id)) => mqtt::puback(&mut room, id).unwrap(),
                            None => continue,
                        };
                        self.down.extend_from_slice(&room);
                    }
                    self.engine.handle_input(self.now, Input::Sent(n));
                }
                Output::Event(Event::Settled { outcome: Outcome::Acknowledged { .. }, .. }) => {
                    self.settled += 1;
                }
                Output::Event(Event::Command(command)) => self.calls.push_back(command.call),
                Output::Event(Event::Connecting | Event::Online) => {}
                Output::Wait(_) if self.down.is_empty() => return,
                Output::Wait(_) => {
                    let room = self.engine.receive_buffer();
                    let n = room.len().min(self.down.len());
                    room[..n].copy_from_slice(&self.down[..n]);
                    self.down.drain(..n);
                    self.engine.handle_input(self.now, Input::Received(n));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn post(&mut self) {
        let points = [
            Point { id: "temp", value: Value::Float(21.53), quality: None },
            Point { id: "level", value: Value::Int(3), quality: Some(9) },
            Point { id: "name", value: Value::Str("line 1\n"), quality: None },
        ];
        let request = Request::PostMeasurepoints {
            device: DeviceIx::ROOT,
            points: &points,
            time_ms: None,
            timeout_ms: 30_000,
        };
        self.engine.request(self.now, request).unwrap();
    }

    /// The hub replies to the oldest post.
    fn reply(&mut self) {
        let (id, len) = self.posted.pop_front().unwrap();
        let mut payload = [0; 64];
        let parts: [&[u8]; 3] = [b"{\"id\":\"", &id[..len], b"\",\"code\":200,\"data\":\"\"}"];
        let mut at = 0;
        for part in parts {
            payload[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        self.publish("/sys/pk/dk/thing/measurepoint/post_reply", &payload[..at]);
    }

    fn command(&mut self) {
        self.publish("/sys/pk/dk/thing/service/reboot", br#"{"id":"90000000001","params":{"delay":3}}"#);
    }

    fn publish(&mut self, topic: &str, payload: &[u8]) {
        self.packet_id = self.packet_id % 60_000 + 1;
        let packet_id = self.packet_id;
        let qos = QoS::AtLeastOnce;
        self.write(|room| {
            mqtt::publish(room, &Publish { dup: false, qos, retain: false, topic, packet_id, payload })
                .unwrap()
        });
    }

    /// Answers the oldest call.
    fn answer(&mut self) {
        let call = self.calls.pop_front().unwrap();
        let outputs = [("accepted", Value::Bool(true))];
        let answer = Answer { code: 200, data: AnswerData::Values(&outputs), message: "" };
        self.engine.request(self.now, Request::Answer { call, answer }).unwrap();
    }
}

#[test]
fn a_post_allocates_nothing() {
    let mut bench = Bench::online();
    let round = |bench: &mut Bench| {
        bench.post();
        bench.reply();
        bench.drain();
    };
    (0..OPEN).for_each(|_| bench.post());
    bench.drain();
    (0..2 * OPEN).for_each(|_| round(&mut bench));
    let before = bench.settled;
    let counted = allocation_counter::measure(|| (0..ROUNDS).for_each(|_| round(&mut bench)));
    assert_eq!(bench.settled - before, ROUNDS);
    assert_eq!(bench.engine.stats().open_requests as usize, OPEN);
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
}

#[test]
fn a_command_allocates_nothing() {
    let mut bench = Bench::online();
    let round = |bench: &mut Bench| {
        bench.command();
        bench.answer();
        bench.drain();
    };
    (0..OPEN).for_each(|_| bench.command());
    bench.drain();
    assert_eq!(bench.calls.len(), OPEN);
    (0..2 * OPEN).for_each(|_| round(&mut bench));
    let before = bench.answered;
    let counted = allocation_counter::measure(|| (0..ROUNDS).for_each(|_| round(&mut bench)));
    assert_eq!(bench.answered - before, ROUNDS);
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
}

#[test]
fn an_idle_engine_gives_back_what_a_burst_made_it_take() {
    const BURST: usize = 500;
    let mut bench = Bench::online();
    bench.posted.reserve(BURST);
    bench.down.reserve(1 << 20);
    let text = "x".repeat(4_000);
    let points = [Point { id: "text", value: Value::Str(&text), quality: None }];
    let post = Request::PostMeasurepoints {
        device: DeviceIx::ROOT,
        points: &points,
        time_ms: None,
        timeout_ms: 30_000,
    };
    let counted = allocation_counter::measure(|| {
        for _ in 0..BURST {
            bench.engine.request(NOW, post).unwrap();
        }
        bench.drain();
        (0..BURST).for_each(|_| bench.reply());
        bench.drain();
        assert_eq!(bench.settled, BURST);
        // The next ping finds nothing to do.
        bench.now.mono_ms += 46_000;
        bench.drain();
    });
    assert!(counted.bytes_max > 2_000_000, "{counted:?}");
    assert!(counted.bytes_current < 8_000, "{counted:?}");
}

#[test]
fn the_counter_counts() {
    let counted = allocation_counter::measure(|| drop(vec![0_u8; 10]));
    assert_eq!((counted.count_total, counted.bytes_total), (1, 10));
}
