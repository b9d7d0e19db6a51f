//! Over CoAP, too, the engine allocates nothing in steady state: not per post, not per command.

#![allow(clippy::unwrap_used)]

use enos_core::engine::{
    Answer, AnswerData, CommandKind, DeviceIx, Engine, Event, Input, Memory, Outcome, Output, Request,
};
use enos_core::json::{Point, Value};
use enos_core::wire::coap::{
    MessageClass, MessageType, MessageWriter, RequestType, ResponseType, decode, option,
};
use enos_core::{Config, Hub, Limits, Login, Now};

const ROUNDS: usize = 10_000;
const REBOOT: &str = "/topic/sys/pk/dk/thing/service/reboot";

/// An engine that is online, and a hub that answers each datagram at once; no buffer of its own is on the heap.
struct Bench {
    now: Now,
    engine: Engine<'static>,
    settled: usize,
    answered: usize,
    /// Answers hint at a command.
    hints: bool,
}

impl Bench {
    fn online() -> Self {
        let login = Login::DeviceSecret { product_key: "pk", device_key: "dk", device_secret: "secret" };
        let mut config = Config::new(Hub::parse("coap://hub.test").unwrap(), login);
        config.coap.bytes_per_second = 0;
        let now = Now { mono_ms: 1_000, wall_ms: Some(1_700_000_000_000) };
        let mut bench = Self {
            now,
            engine: Engine::new(config, [3; 32], Memory::heap(&Limits::DEFAULT)).unwrap(),
            settled: 0,
            answered: 0,
            hints: false,
        };
        let kind = CommandKind::Service("reboot");
        bench.engine.request(now, Request::Handle { device: DeviceIx::ROOT, kind }).unwrap();
        bench.engine.request(now, Request::Connect { timeout_ms: None }).unwrap();
        bench.drain();
        bench
    }

    /// What the hub answers.
    fn answer(&mut self, datagram: &[u8], out: &mut [u8]) -> usize {
        let message = decode(datagram).unwrap();
        let get = message.code == MessageClass::Request(RequestType::Get);
        let code = if get { ResponseType::Content } else { ResponseType::Changed };
        let class = MessageClass::Response(code);
        let mut w =
            MessageWriter::new(out, MessageType::Acknowledgement, class, message.id, message.token).unwrap();
        if get {
            return w.finish(br#"{"id":"90000000001","params":{"delay":3}}"#).unwrap();
        }
        let last = message.options().filter(|(number, _)| *number == 11).last().unwrap().1;
        if last != b"post" {
            self.answered += usize::from(last == b"reboot_reply");
            return w.finish(&[]).unwrap();
        }
        if self.hints {
            w.option(option::COMMAND_PATH, REBOOT.as_bytes()).unwrap();
        }
        let id = &message.payload[7..];
        let len = id.iter().position(|byte| *byte == b'"').unwrap();
        let mut payload = [0; 64];
        let parts: [&[u8]; 3] = [b"{\"id\":\"", &id[..len], b"\",\"code\":200,\"data\":\"\"}"];
        let mut at = 0;
        for part in parts {
            payload[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        w.finish(&payload[..at]).unwrap()
    }

    fn drain(&mut self) {
        let (mut up, mut down) = ([0; 1_024], [0; 1_024]);
        loop {
            let mut call = None;
            match self.engine.poll_output(self.now) {
                Output::Dial(_) => self.engine.handle_input(self.now, Input::LinkUp),
                Output::Transmit(bytes) => {
                    let n = bytes.len();
                    up[..n].copy_from_slice(bytes);
                    self.engine.handle_input(self.now, Input::Sent(n));
                    let n = self.answer(&up[..n], &mut down);
                    self.engine.receive_buffer()[..n].copy_from_slice(&down[..n]);
                    self.engine.handle_input(self.now, Input::Received(n));
                    // A message in 10 ms, so that Message IDs last.
                    self.now.mono_ms += 10;
                }
                Output::Event(Event::Settled { outcome: Outcome::Acknowledged { .. }, .. }) => {
                    self.settled += 1;
                }
                Output::Event(Event::Command(command)) => call = Some(command.call),
                Output::Event(Event::Connecting | Event::Online) => {}
                Output::Wait(_) => return,
                other => panic!("{other:?}"),
            }
            if let Some(call) = call {
                let outputs = [("accepted", Value::Bool(true))];
                let answer = Answer { code: 200, data: AnswerData::Values(&outputs), message: "" };
                self.engine.request(self.now, Request::Answer { call, answer }).unwrap();
            }
        }
    }

    fn post(&mut self) {
        let points = [
            Point { id: "temp", value: Value::Float(21.53), quality: None },
            Point { id: "level", value: Value::Int(3), quality: Some(9) },
        ];
        let request = Request::PostMeasurepoints {
            device: DeviceIx::ROOT,
            points: &points,
            time_ms: None,
            timeout_ms: 30_000,
        };
        self.engine.request(self.now, request).unwrap();
        self.drain();
    }
}

#[test]
fn a_post_allocates_nothing() {
    let mut bench = Bench::online();
    (0..100).for_each(|_| bench.post());
    let before = bench.settled;
    let counted = allocation_counter::measure(|| (0..ROUNDS).for_each(|_| bench.post()));
    assert_eq!(bench.settled - before, ROUNDS);
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
}

#[test]
fn a_command_that_is_fetched_allocates_nothing() {
    let mut bench = Bench::online();
    bench.hints = true;
    (0..100).for_each(|_| bench.post());
    let before = (bench.settled, bench.answered);
    let counted = allocation_counter::measure(|| (0..ROUNDS).for_each(|_| bench.post()));
    assert_eq!((bench.settled - before.0, bench.answered - before.1), (ROUNDS, ROUNDS));
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
}

/// A meter that posts once in a while must not hold what a burst made it take.
#[test]
fn an_idle_device_is_small() {
    let mut bench = None;
    let counted = allocation_counter::measure(|| {
        let mut made = Bench::online();
        made.post();
        made.engine.request(made.now, Request::Sleep { timeout_ms: 1 }).unwrap();
        assert!(matches!(
            made.engine.poll_output(made.now),
            Output::Event(Event::Slept { report: Ok(_), .. })
        ));
        bench = Some(made);
    });
    assert!(counted.bytes_current < 6_000, "{counted:?}");
    assert!(bench.is_some());
}
