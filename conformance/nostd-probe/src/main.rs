//! The proof that sdk-core needs no standard library, no heap and no operating system: one device is activated,
//! signs in, posts and answers a command, all of it in memory lent to the engine.
//!
//! The hub's side is canned bytes. The exit code is 0, or the number of the step that went wrong. The probe has its
//! own panic handler and no allocator, so it stops to build the day `std` or `alloc` enters the core.
#![no_std]
#![no_main]

mod bare;

use enos_core::engine::{
    Answer, AnswerData, CallId, Command, CommandKind, DeviceIx, Engine, Event, Input, LinkError, Outcome,
    Output, Request, RequestId, Room,
};
use enos_core::json::{Point, Value};
use enos_core::wire::mqtt::{self, Publish, QoS};
use enos_core::{Config, Hub, Login, Now};

/// 1 kB to receive, 768 bytes each to transmit and to wait, 4 open requests, 1 open command.
type Board = Room<1024, 768, 768, 4, 1>;

const NOW: Now = Now { mono_ms: 1_000, wall_ms: None };
const CONNACK: &[u8] = &[0x20, 2, 0, 0];
const SECRET: &str = "cNk2Sf7R";
const ACTIVATION: &[u8] = br#"{"id":"90000000001","version":"1.0","method":"thing.activate.info","params":{"assetId":"a1","productKey":"pk","deviceKey":"dk","deviceSecret":"cNk2Sf7R"}}"#;
const COMMAND: &[u8] =
    br#"{"id":"90000000002","version":"1.0","method":"thing.service.reboot","params":{"delay":3}}"#;

/// What the engine did until it waited.
struct Seen {
    dials: u8,
    hung_up: bool,
    stored: bool,
    activated: bool,
    online: bool,
    closed: bool,
    command: Option<CallId>,
    acknowledged: Option<RequestId>,
    /// The last bytes that went up.
    sent: [u8; 768],
    len: usize,
}

impl Seen {
    const NOTHING: Self = Self {
        dials: 0,
        hung_up: false,
        stored: false,
        activated: false,
        online: false,
        closed: false,
        command: None,
        acknowledged: None,
        sent: [0; 768],
        len: 0,
    };

    fn holds(&self, part: &[u8]) -> bool {
        self.sent[..self.len].windows(part.len()).any(|window| window == part)
    }
}

/// Takes all outputs up to `Wait`; a link comes up as soon as it is dialled, and goes as soon as it is to.
fn drain(engine: &mut Engine<'_>, seen: &mut Seen) {
    *seen = Seen::NOTHING;
    loop {
        match engine.poll_output(NOW) {
            Output::Dial(dial) => {
                seen.dials += u8::from(dial.host == "hub" && dial.port == 11883);
                engine.handle_input(NOW, Input::LinkUp);
            }
            Output::Transmit(bytes) => {
                let n = bytes.len().min(seen.sent.len() - seen.len);
                seen.sent[seen.len..seen.len + n].copy_from_slice(&bytes[..n]);
                seen.len += n;
                let n = bytes.len();
                engine.handle_input(NOW, Input::Sent(n));
            }
            Output::Store(record) => {
                seen.stored = record.device_secret == SECRET;
                engine.handle_input(NOW, Input::Stored(Ok(())));
            }
            Output::HangUp => {
                seen.hung_up = true;
                engine.handle_input(NOW, Input::LinkDown(LinkError::HungUp));
            }
            Output::Event(event) => match event {
                Event::Activated => seen.activated = true,
                Event::Online => seen.online = true,
                Event::Closed => seen.closed = true,
                Event::Command(Command { call, kind, params, .. }) => {
                    let right = kind == CommandKind::Service("reboot") && params == br#"{"delay":3}"#;
                    seen.command = right.then_some(call);
                }
                Event::Settled { request, outcome: Outcome::Acknowledged { .. } } => {
                    seen.acknowledged = Some(request);
                }
                _ => {}
            },
            Output::Wait(_) => return,
        }
    }
}

/// Lets the engine hear these bytes.
fn hear(engine: &mut Engine<'_>, seen: &mut Seen, bytes: &[u8]) {
    let room = engine.receive_buffer();
    let n = room.len().min(bytes.len());
    room[..n].copy_from_slice(&bytes[..n]);
    engine.handle_input(NOW, Input::Received(n));
    drain(engine, seen);
}

/// Lets the engine hear a message of the hub.
fn hear_message(engine: &mut Engine<'_>, seen: &mut Seen, topic: &str, payload: &[u8], qos: QoS) {
    let packet_id = u16::from(qos != QoS::AtMostOnce) * 9;
    let publish = Publish { dup: false, qos, retain: false, topic, packet_id, payload };
    let n = mqtt::publish(engine.receive_buffer(), &publish).unwrap_or(0);
    engine.handle_input(NOW, Input::Received(n));
    drain(engine, seen);
}

/// Writes a number in decimal; returns its text.
fn decimal(mut number: usize, room: &mut [u8; 20]) -> &[u8] {
    let mut at = room.len();
    loop {
        at -= 1;
        room[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &room[at..];
        }
    }
}

fn print_number(name: &[u8], number: usize) {
    bare::print(name);
    bare::print(b" ");
    bare::print(decimal(number, &mut [0; 20]));
    bare::print(b"\n");
}

fn probe() -> u8 {
    let (mut board, mut seen) = (Board::new(), Seen::NOTHING);
    let failed = device(&mut board, &mut seen);
    if failed == 0 {
        print_number(b"engine", size_of::<Engine<'_>>());
        print_number(b"memory", size_of::<Board>());
        // The probe's frames are in it; what it holds in them is not the engine's.
        print_number(b"stack", bare::stack_used() - size_of::<(Board, Seen, Engine<'_>)>());
    }
    failed
}

/// The device's life; gives the number of the step that went wrong, or 0.
fn device(board: &mut Board, seen: &mut Seen) -> u8 {
    macro_rules! step {
        ($number:literal, $right:expr) => {
            if !$right {
                return $number;
            }
        };
    }
    let hub = match Hub::parse("tcp://hub:11883") {
        Ok(hub) => hub,
        Err(_) => return 1,
    };
    let login = Login::DynamicActivation {
        product_key: "pk",
        device_key: "dk",
        product_secret: "product-secret",
        device_secret: None,
    };
    let Ok(mut engine) = Engine::new(Config::new(hub, login), [7; 32], board.lend()) else { return 2 };
    let handle = Request::Handle { device: DeviceIx::ROOT, kind: CommandKind::Service("reboot") };
    step!(3, engine.request(NOW, handle).is_ok());
    step!(4, engine.request(NOW, Request::Connect { timeout_ms: Some(60_000) }).is_ok());

    // Activation: mode 3, the secret is stored, answered, and used.
    drain(&mut engine, seen);
    step!(10, seen.dials == 1 && seen.holds(b"dk|securemode=3,signmethod=sha256,timestamp=1000|"));
    hear(&mut engine, seen, CONNACK);
    step!(11, !seen.online);
    hear_message(&mut engine, seen, "/ext/session/pk/dk/thing/activate/info", ACTIVATION, QoS::AtMostOnce);
    step!(12, seen.stored && seen.activated && seen.hung_up && !seen.online);
    step!(13, seen.holds(b"/ext/session/pk/dk/thing/activate/info_reply"));
    step!(14, seen.holds(br#"{"id":"90000000001","code":200,"data":{}}"#));
    // Sign-in: mode 2.
    step!(15, seen.dials == 1 && seen.holds(b"dk|securemode=2,"));
    hear(&mut engine, seen, CONNACK);
    step!(16, seen.online && seen.holds(b"/sys/pk/dk/thing/service/reboot"));

    // A post, settled by the hub's reply.
    let points = [
        Point { id: "temp", value: Value::Float(21.5), quality: None },
        Point {
            id: "axis",
            value: Value::Array(&[Value::Int(-1), Value::Bool(true), Value::Str("a\"b")]),
            quality: Some(9),
        },
    ];
    let post = Request::PostMeasurepoints {
        device: DeviceIx::ROOT,
        points: &points,
        time_ms: Some(17),
        timeout_ms: 9_000,
    };
    let Ok(id) = engine.request(NOW, post) else { return 20 };
    drain(&mut engine, seen);
    step!(21, seen.holds(b"/sys/pk/dk/thing/measurepoint/post"));
    step!(
        22,
        seen.holds(
            br#""measurepoints":{"temp":21.5,"axis":{"value":[-1,true,"a\"b"],"quality":9}},"time":17}"#
        )
    );
    let mut reply = [0; 64];
    let mut len = 0;
    for part in [&b"{\"id\":\""[..], decimal(id.0 as usize, &mut [0; 20]), b"\",\"code\":200,\"data\":\"\"}"]
    {
        reply[len..len + part.len()].copy_from_slice(part);
        len += part.len();
    }
    let topic = "/sys/pk/dk/thing/measurepoint/post_reply";
    hear_message(&mut engine, seen, topic, &reply[..len], QoS::AtLeastOnce);
    step!(23, seen.acknowledged == Some(id) && seen.holds(&[0x40, 2, 0, 9]));

    // A command and its answer.
    hear_message(&mut engine, seen, "/sys/pk/dk/thing/service/reboot", COMMAND, QoS::AtLeastOnce);
    let Some(call) = seen.command else { return 30 };
    let answer =
        Answer { code: 200, data: AnswerData::Values(&[("accepted", Value::Bool(true))]), message: "" };
    step!(31, engine.request(NOW, Request::Answer { call, answer }).is_ok());
    drain(&mut engine, seen);
    step!(32, seen.holds(b"/sys/pk/dk/thing/service/reboot_reply"));
    step!(33, seen.holds(br#"{"id":"90000000002","code":200,"data":{"accepted":true}}"#));

    step!(40, engine.request(NOW, Request::Close { timeout_ms: 1_000 }).is_ok());
    drain(&mut engine, seen);
    step!(41, seen.closed && seen.hung_up && seen.sent[..seen.len] == [0xE0, 0]);
    0
}
