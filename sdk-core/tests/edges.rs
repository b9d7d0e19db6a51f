//! Inputs in every stage of a connection, one by one: late ones, odd ones, and those that fall between two outputs.

#![allow(clippy::unwrap_used)]

mod sim;

use enos_core::engine::{
    DeviceIx, Engine, Input, LinkError, Memory, Output, Request, Room, StoreError, Warning,
};
use enos_core::json::{Point, Value};
use enos_core::wire::mqtt::{self, Publish, QoS};
use enos_core::{Config, Hub as Address, Limits, LinkFault, Login, Now};
use sim::hub::{DEVICE_SECRET, PRODUCT_SECRET};
use sim::{Told, check_grammar, told};

const CONNACK: &[u8] = &[0x20, 2, 0, 0];
const LOST: Input = Input::LinkDown(LinkError::Fault(LinkFault::Lost));
const HUNG_UP: Input = Input::LinkDown(LinkError::HungUp);
const REPLACED: Input = Input::LinkDown(LinkError::Replaced);

/// One output, without borrows.
#[derive(Clone, Debug, PartialEq)]
enum Out {
    Dial,
    Transmit(Vec<u8>),
    Store,
    HangUp,
    Told(Told),
}

/// An engine whose driver does nothing by itself.
struct Bare {
    engine: Engine<'static>,
    now: u64,
    told: Vec<Told>,
}

fn login(activating: bool) -> Config<'static> {
    let login = if activating {
        Login::DynamicActivation {
            product_key: "pk",
            device_key: "dk",
            product_secret: PRODUCT_SECRET,
            device_secret: None,
        }
    } else {
        Login::DeviceSecret { product_key: "pk", device_key: "dk", device_secret: DEVICE_SECRET }
    };
    Config::new(Address::parse("tcp://hub.test:11883").unwrap(), login)
}

fn packet(topic: &str, payload: &[u8], qos: QoS) -> Vec<u8> {
    let mut room = vec![0; topic.len() + payload.len() + 16];
    let packet_id = u16::from(qos != QoS::AtMostOnce);
    let n = mqtt::publish(&mut room, &Publish { dup: false, qos, retain: false, topic, packet_id, payload });
    room.truncate(n.unwrap());
    room
}

fn activation() -> Vec<u8> {
    let payload = format!(
        r#"{{"id":"90000000001","params":{{"productKey":"pk","deviceKey":"dk","deviceSecret":"{DEVICE_SECRET}"}}}}"#
    );
    packet("/ext/session/pk/dk/thing/activate/info", payload.as_bytes(), QoS::AtMostOnce)
}

impl Bare {
    fn new(config: Config<'_>) -> Self {
        let engine = Engine::new(config, [3; 32], Memory::heap(&Limits::DEFAULT)).unwrap();
        Self { engine, now: 1_000, told: Vec::new() }
    }

    fn now(&self) -> Now {
        Now { mono_ms: self.now, wall_ms: None }
    }

    /// All outputs up to `Wait`, whose deadline must lie ahead.
    fn poll(&mut self) -> Vec<Out> {
        let mut outs = Vec::new();
        for _ in 0..1_000 {
            let now = self.now();
            let out = match self.engine.poll_output(now) {
                Output::Dial(_) => Out::Dial,
                Output::Transmit(bytes) => {
                    let bytes = bytes.to_vec();
                    self.engine.handle_input(now, Input::Sent(bytes.len()));
                    Out::Transmit(bytes)
                }
                Output::Store(_) => Out::Store,
                Output::HangUp => Out::HangUp,
                Output::Event(event) => {
                    let told = told(event);
                    self.told.push(told.clone());
                    Out::Told(told)
                }
                Output::Wait(deadline) => {
                    assert!(deadline.is_none_or(|at| at > self.now), "a deadline in the past: {outs:?}");
                    check_grammar(&self.told);
                    assert!(matches!(self.engine.poll_output(now), Output::Wait(_)), "Wait was not last");
                    return outs;
                }
            };
            outs.push(out);
        }
        panic!("the engine never waits: {:?}", &outs[..20.min(outs.len())]);
    }

    fn feed(&mut self, input: Input) -> Vec<Out> {
        let now = self.now();
        self.engine.handle_input(now, input);
        self.poll()
    }

    fn hear(&mut self, bytes: &[u8]) -> Vec<Out> {
        let room = self.engine.receive_buffer();
        let n = bytes.len().min(room.len());
        room[..n].copy_from_slice(&bytes[..n]);
        self.feed(Input::Received(n))
    }

    fn ask(&mut self, request: Request<'_>) -> Vec<Out> {
        let now = self.now();
        self.engine.request(now, request).unwrap();
        self.poll()
    }

    fn connect(&mut self) -> Vec<Out> {
        self.ask(Request::Connect { timeout_ms: None })
    }

    fn close(&mut self) -> Vec<Out> {
        self.ask(Request::Close { timeout_ms: 1_000 })
    }

    fn pass(&mut self, ms: u64) -> Vec<Out> {
        self.now += ms;
        self.feed(Input::Tick)
    }

    fn count(&self, told: &Told) -> usize {
        self.told.iter().filter(|seen| *seen == told).count()
    }
}

/// Where a connection can stand.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Idle,
    Waiting,
    Dialing,
    SigningIn,
    Activating,
    Storing,
    StoreRetry,
    /// The answer to the activation was taken by the link, which is to be closed.
    Redialing,
    /// The activation is done; the second dial waits for the budget.
    WaitingToRedial,
    Online,
    /// The peer broke the protocol; the driver was asked to hang up.
    HangingUp,
    /// The attempt failed; the driver was asked to hang up.
    HangingUpFailed,
    WaitingAgain,
}

const STAGES: [Stage; 13] = [
    Stage::Idle,
    Stage::Waiting,
    Stage::Dialing,
    Stage::SigningIn,
    Stage::Activating,
    Stage::Storing,
    Stage::StoreRetry,
    Stage::Redialing,
    Stage::WaitingToRedial,
    Stage::Online,
    Stage::HangingUp,
    Stage::HangingUpFailed,
    Stage::WaitingAgain,
];

impl Stage {
    fn activates(self) -> bool {
        matches!(
            self,
            Self::Activating | Self::Storing | Self::StoreRetry | Self::Redialing | Self::WaitingToRedial
        )
    }

    /// The driver owes a `LinkDown`: it dials, or the link is up.
    fn has_link(self) -> bool {
        !matches!(self, Self::Idle | Self::Waiting | Self::WaitingToRedial | Self::WaitingAgain)
    }

    fn is_asked_to_hang_up(self) -> bool {
        matches!(self, Self::Redialing | Self::HangingUp | Self::HangingUpFailed)
    }

    fn reach(self) -> Bare {
        let mut config = login(self.activates());
        if self == Self::WaitingToRedial {
            config.dial_budget = 1;
        }
        let mut bare = Bare::new(config);
        if self == Self::Idle {
            return bare;
        }
        assert_eq!(bare.connect(), [Out::Dial, Out::Told(Told::Connecting)]);
        if self == Self::Waiting {
            bare.feed(LOST);
        }
        if matches!(self, Self::Waiting | Self::Dialing) {
            return bare;
        }
        assert!(matches!(bare.feed(Input::LinkUp)[..], [Out::Transmit(_)]));
        if self == Self::HangingUpFailed {
            assert_eq!(bare.hear(&[0x20, 2, 0, 4]), [Out::HangUp]);
        }
        if matches!(self, Self::SigningIn | Self::HangingUpFailed) {
            return bare;
        }
        bare.hear(CONNACK);
        if self.activates() {
            if self == Self::Activating {
                return bare;
            }
            assert_eq!(bare.hear(&activation()), [Out::Store]);
            match self {
                Self::Storing => {}
                Self::StoreRetry => {
                    bare.feed(Input::Stored(Err(StoreError)));
                }
                _ => {
                    let outs = bare.feed(Input::Stored(Ok(())));
                    assert_eq!(outs.last(), Some(&Out::HangUp));
                    if self == Self::WaitingToRedial {
                        assert!(
                            bare.feed(HUNG_UP)
                                .contains(&Out::Told(Told::Warning(Warning::DialDelayed(120_000))))
                        );
                    }
                }
            }
            return bare;
        }
        assert_eq!(bare.count(&Told::Online), 1);
        match self {
            Self::HangingUp => {
                assert_eq!(bare.hear(&[0xFF, 0xFF]), [Out::HangUp]);
            }
            Self::WaitingAgain => {
                bare.feed(LOST);
            }
            _ => {}
        }
        bare
    }
}

/// The driver does what it was asked, until the client is closed.
fn end(bare: &mut Bare, mut outs: Vec<Out>, mut link: bool) {
    for _ in 0..20 {
        if bare.told.last() == Some(&Told::Closed) {
            check_grammar(&bare.told);
            assert!(!outs.contains(&Out::Dial));
            return;
        }
        outs = if outs.contains(&Out::HangUp) && link {
            link = false;
            bare.feed(HUNG_UP)
        } else {
            bare.pass(500)
        };
    }
    panic!("never closed: {:?}", bare.told);
}

#[test]
fn close_in_every_stage_ends_with_closed_and_says_what_became_of_the_attempt() {
    for stage in STAGES {
        let mut bare = stage.reach();
        let mut outs = bare.close();
        if stage.is_asked_to_hang_up() {
            outs.push(Out::HangUp);
        }
        end(&mut bare, outs, stage.has_link());
        let begun = bare.count(&Told::Connecting);
        let ended =
            bare.told.iter().filter(|told| matches!(told, Told::Online | Told::ConnectFailed { .. })).count();
        assert_eq!(begun, ended, "{stage:?}: {:?}", bare.told);
        let before = bare.told.len();
        // Nothing wakes it again.
        for input in [
            Input::LinkUp,
            LOST,
            REPLACED,
            Input::Stored(Ok(())),
            Input::Stored(Err(StoreError)),
            Input::Sent(3),
        ] {
            assert_eq!(bare.feed(input), [], "{stage:?} {input:?}");
        }
        assert_eq!(bare.hear(CONNACK), []);
        assert_eq!(bare.pass(1_000_000), []);
        assert_eq!(bare.told.len(), before);
        assert!(
            bare.engine
                .request(Now { mono_ms: 1 << 40, wall_ms: None }, Request::Connect { timeout_ms: None })
                .is_err()
        );
    }
}

#[test]
fn connect_is_taken_when_idle_or_pausing_and_otherwise_refused_without_a_change() {
    for stage in STAGES {
        let mut bare = stage.reach();
        let now = bare.now();
        let taken = bare.engine.request(now, Request::Connect { timeout_ms: Some(5) });
        let is_taken = matches!(stage, Stage::Idle | Stage::WaitingAgain);
        assert_eq!(taken.is_ok(), is_taken, "{stage:?}");
        let outs = bare.poll();
        if is_taken {
            assert!(outs.contains(&Out::Dial), "{stage:?}: {outs:?}");
        } else {
            assert_eq!(outs, [], "{stage:?}");
        }
    }
}

#[test]
fn a_lost_link_in_every_stage_keeps_the_grammar_and_heals() {
    for input in [LOST, HUNG_UP, REPLACED] {
        for stage in STAGES {
            let mut bare = stage.reach();
            let outs = bare.feed(input);
            if !stage.has_link() {
                assert_eq!(outs, [], "{stage:?}: it comes late");
                continue;
            }
            if stage == Stage::HangingUpFailed && input != REPLACED {
                assert!(matches!(outs[..], [Out::Told(Told::ConnectFailed { retry: false, .. })]));
                continue;
            }
            if input == REPLACED && stage != Stage::Dialing {
                // The new link comes without a dial.
                assert!(!outs.contains(&Out::Dial) && !bare.pass(300_000).contains(&Out::Dial), "{stage:?}");
            } else {
                let outs = [outs, bare.pass(300_000)].concat();
                assert_eq!(outs.iter().filter(|out| **out == Out::Dial).count(), 1, "{stage:?}: {outs:?}");
            }
            let outs = bare.feed(Input::LinkUp);
            assert!(
                matches!(&outs[..], [Out::Transmit(connect)] if connect[0] == 0x10),
                "{stage:?} {outs:?}"
            );
            assert_eq!(
                bare.count(&Told::Connecting),
                bare.told.iter().filter(|t| matches!(t, Told::Online | Told::ConnectFailed { .. })).count()
                    + 1
            );
        }
    }
}

// Proves: BEHAVE-9-3
#[test]
fn what_was_never_asked_for_is_ignored_in_every_stage() {
    for stage in STAGES {
        for input in [
            Input::LinkUp,
            Input::Stored(Ok(())),
            Input::Stored(Err(StoreError)),
            Input::Sent(9),
            Input::Tick,
        ] {
            if (stage == Stage::Dialing && input == Input::LinkUp)
                || (stage == Stage::Storing && matches!(input, Input::Stored(_)))
            {
                continue;
            }
            let mut bare = stage.reach();
            assert_eq!(bare.feed(input), [], "{stage:?} {input:?}");
        }
    }
}

#[test]
fn nothing_is_heard_once_the_driver_was_asked_to_hang_up() {
    let command = packet("/sys/pk/dk/thing/service/a", br#"{"id":"1","params":{}}"#, QoS::AtLeastOnce);
    for stage in STAGES.into_iter().filter(|stage| stage.is_asked_to_hang_up()) {
        for bytes in
            [CONNACK, &[0xFF; 40], &command, &[0x30, 0xFF, 0xFF, 0xFF, 0x7F, 0, 1, b'a'], &activation()]
        {
            let mut bare = stage.reach();
            assert_eq!(bare.hear(bytes), [], "{stage:?}");
            assert_eq!(bare.pass(100_000), [], "{stage:?}");
        }
    }
}

#[test]
fn garbage_while_the_last_bytes_leave_is_ignored() {
    let mut bare = Stage::Storing.reach();
    let now = bare.now();
    bare.engine.handle_input(now, Input::Stored(Ok(())));
    // The driver finds the socket full: it stops draining, and reads meanwhile.
    while !matches!(bare.engine.poll_output(now), Output::Transmit(_)) {}
    let room = bare.engine.receive_buffer();
    room[..40].fill(0xFF);
    bare.engine.handle_input(now, Input::Received(40));
    assert!(matches!(bare.engine.poll_output(now), Output::Transmit(_)));
    let outs = bare.poll();
    assert!(matches!(&outs[..], [Out::Transmit(_), Out::HangUp]), "{outs:?}");
}

#[test]
fn a_second_link_up_does_not_disturb_what_is_half_received() {
    let mut bare = Stage::Online.reach();
    assert_eq!(bare.hear(&[0xD0]), []);
    assert_eq!(bare.feed(Input::LinkUp), []);
    assert_eq!(bare.hear(&[0x00]), []);
    assert_eq!(bare.feed(Input::Tick), []);
    assert_eq!(bare.count(&Told::Online), 1);
}

#[test]
fn connect_ends_at_its_time_though_the_budget_allows_no_dial() {
    let mut config = login(false);
    config.dial_budget = 1;
    let mut bare = Bare::new(config);
    bare.ask(Request::Connect { timeout_ms: Some(100) });
    bare.feed(LOST);
    bare.pass(100);
    let failed = |bare: &Bare| {
        bare.told.iter().filter(|t| matches!(t, Told::ConnectFailed { retry: false, .. })).count()
    };
    assert_eq!(failed(&bare), 1);
    let outs = bare.ask(Request::Connect { timeout_ms: Some(1_000) });
    assert_eq!(outs, [Out::Told(Told::Warning(Warning::DialDelayed(119_900)))]);
    assert_eq!(bare.engine.deadline(), Some(bare.now + 1_000));
    let outs = bare.pass(1_000);
    assert!(!outs.contains(&Out::Dial) && failed(&bare) == 2, "{outs:?}");
    assert_eq!(bare.pass(1_000_000), [], "it has given up");
}

#[test]
fn a_reply_and_a_pong_that_were_read_late_still_count() {
    let mut bare = Stage::Online.reach();
    assert_eq!(bare.pass(45_000), [Out::Transmit(vec![0xC0, 0])]);
    // The process was stopped; the pong lay in the socket.
    bare.now += 60_000;
    assert_eq!(bare.hear(&[0xD0, 0]), [Out::Transmit(vec![0xC0, 0])], "alive, and time for the next ping");
}

#[test]
fn lent_memory_holds_no_trace_of_the_engine_before() {
    type Board = Room<1024, 768, 768, 4, 1>;
    let mut board = Box::new(Board::new());
    let now = Now { mono_ms: 1_000, wall_ms: None };
    let online = |engine: &mut Engine<'_>, then: &[u8]| {
        let kind = enos_core::engine::CommandKind::Service("a");
        engine.request(now, Request::Handle { device: DeviceIx::ROOT, kind }).unwrap();
        engine.request(now, Request::Connect { timeout_ms: None }).unwrap();
        let mut down = [CONNACK, then].concat();
        let mut seen = Vec::new();
        loop {
            match engine.poll_output(now) {
                Output::Dial(_) => engine.handle_input(now, Input::LinkUp),
                Output::Transmit(bytes) => {
                    let n = bytes.len();
                    engine.handle_input(now, Input::Sent(n));
                }
                Output::Event(event) => seen.push(told(event)),
                Output::Wait(_) if down.is_empty() => return seen,
                Output::Wait(_) => {
                    engine.receive_buffer()[..down.len()].copy_from_slice(&down);
                    engine.handle_input(now, Input::Received(down.len()));
                    down.clear();
                }
                _ => {}
            }
        }
    };
    let command = packet("/sys/pk/dk/thing/service/a", br#"{"id":"1","params":{}}"#, QoS::AtLeastOnce);
    let points = [Point { id: "a", value: Value::Int(1), quality: None }];
    let post = Request::PostMeasurepoints {
        device: DeviceIx::ROOT,
        points: &points,
        time_ms: None,
        timeout_ms: 30_000,
    };
    // The first engine goes with open posts and an open call.
    let mut first = Engine::new(login(false), [1; 32], board.lend()).unwrap();
    for _ in 0..4 {
        first.request(now, post).unwrap();
    }
    assert!(matches!(online(&mut first, &command)[..], [.., Told::Command { .. }]));
    drop(first);
    // The second hears acknowledgements of the first one's packets, and takes a call of its own.
    let mut second = Engine::new(login(false), [2; 32], board.lend()).unwrap();
    let acknowledgements = [0x40, 2, 0, 1, 0x40, 2, 0, 2, 0x40, 2, 0, 3, 0x40, 2, 0, 4];
    let seen = online(&mut second, &[&acknowledgements[..], &command].concat());
    assert!(matches!(seen[..], [Told::Connecting, Told::Online, Told::Command { .. }]), "{seen:?}");
    for _ in 0..4 {
        second.request(now, post).unwrap();
    }
}

#[test]
fn a_puback_that_never_comes_gives_its_place_in_the_window_back_in_time() {
    let mut config = login(false);
    config.in_flight = 1;
    let mut bare = Bare::new(config);
    bare.connect();
    bare.feed(Input::LinkUp);
    bare.hear(CONNACK);
    let points = [Point { id: "a", value: Value::Int(1), quality: None }];
    let device = DeviceIx::ROOT;
    let now = bare.now();
    let post = |timeout_ms| Request::PostMeasurepoints { device, points: &points, time_ms: None, timeout_ms };
    let first = bare.engine.request(now, post(1_000)).unwrap().0;
    assert!(matches!(bare.poll()[..], [Out::Transmit(_)]));
    let reply = format!(r#"{{"id":"{first}","code":200}}"#);
    let reply = packet("/sys/pk/dk/thing/measurepoint/post_reply", reply.as_bytes(), QoS::AtMostOnce);
    assert_eq!(bare.hear(&reply), [Out::Told(Told::Acknowledged(first, String::new()))]);
    assert_eq!(bare.ask(post(20_000)), [], "the window is full");
    assert!(matches!(bare.pass(1_000)[..], [Out::Transmit(_)]));
}

#[test]
fn a_subscription_that_never_fits_is_told_at_once_and_the_rest_goes_on() {
    let mut board = Box::new(Room::<256, 170, 300, 1, 1>::new());
    let mut engine = Engine::new(login(false), [3; 32], board.lend()).unwrap();
    let now = Now { mono_ms: 1_000, wall_ms: None };
    let long = "s".repeat(128);
    let kind = enos_core::engine::CommandKind::Service(&long);
    engine.request(now, Request::Handle { device: DeviceIx::ROOT, kind }).unwrap();
    engine.request(now, Request::Connect { timeout_ms: None }).unwrap();
    let mut seen = Vec::new();
    for down in [CONNACK, &[]] {
        loop {
            match engine.poll_output(now) {
                Output::Dial(_) => engine.handle_input(now, Input::LinkUp),
                Output::Transmit(bytes) => {
                    let n = bytes.len();
                    engine.handle_input(now, Input::Sent(n));
                }
                Output::Event(event) => seen.push(told(event)),
                Output::Wait(_) => break,
                other => panic!("{other:?}"),
            }
        }
        assert!(matches!(engine.poll_output(now), Output::Wait(_)), "Wait was not last");
        engine.receive_buffer()[..down.len()].copy_from_slice(down);
        engine.handle_input(now, Input::Received(down.len()));
    }
    assert_eq!(seen, [Told::Connecting, Told::Online, Told::Warning(Warning::SubscriptionRefused(1))]);
}

#[test]
fn a_hub_that_never_reads_is_given_up_though_it_talks() {
    let mut bare = Stage::Online.reach();
    let points = [Point { id: "a", value: Value::Int(1), quality: None }];
    let device = DeviceIx::ROOT;
    let now = bare.now();
    let post = Request::PostMeasurepoints { device, points: &points, time_ms: None, timeout_ms: 600_000 };
    bare.engine.request(now, post).unwrap();
    let message = packet("/sys/pk/dk/nonsense", b"{}", QoS::AtMostOnce);
    for _ in 0..6 {
        bare.now += 10_000;
        let now = bare.now();
        bare.engine.receive_buffer()[..message.len()].copy_from_slice(&message);
        bare.engine.handle_input(now, Input::Received(message.len()));
        loop {
            match bare.engine.poll_output(now) {
                Output::HangUp => return,
                // The socket is full.
                Output::Transmit(_) | Output::Wait(_) => break,
                _ => {}
            }
        }
    }
    panic!("nothing left for a minute, and nobody minds");
}

#[test]
fn what_cannot_be_acknowledged_now_is_not_read_yet() {
    let command = packet("/sys/pk/dk/thing/service/a", br#"{"id":"1","params":{}}"#, QoS::AtLeastOnce);
    let kind = enos_core::engine::CommandKind::Service("a");
    let now = Now { mono_ms: 1_000, wall_ms: None };
    let mut waited = 0;
    for len in 0.. {
        let mut board = Box::new(Room::<512, 256, 768, 4, 1>::new());
        let mut engine = Engine::new(login(false), [3; 32], board.lend()).unwrap();
        engine.request(now, Request::Handle { device: DeviceIx::ROOT, kind }).unwrap();
        engine.request(now, Request::Connect { timeout_ms: None }).unwrap();
        let (mut sent, mut commands) = (Vec::new(), 0);
        // The socket takes nothing while `full`.
        let mut drain = |engine: &mut Engine<'_>, full: bool| loop {
            match engine.poll_output(now) {
                Output::Dial(_) => engine.handle_input(now, Input::LinkUp),
                Output::Transmit(_) if full => break commands,
                Output::Transmit(bytes) => {
                    let n = bytes.len();
                    sent.extend_from_slice(bytes);
                    engine.handle_input(now, Input::Sent(n));
                }
                Output::Event(event) => commands += usize::from(matches!(told(event), Told::Command { .. })),
                Output::Wait(_) => break commands,
                other => panic!("{other:?}"),
            }
        };
        let hear = |engine: &mut Engine<'_>, bytes: &[u8]| {
            engine.receive_buffer()[..bytes.len()].copy_from_slice(bytes);
            engine.handle_input(now, Input::Received(bytes.len()));
        };
        drain(&mut engine, false);
        hear(&mut engine, CONNACK);
        drain(&mut engine, false);
        let text = "x".repeat(len);
        let points = [Point { id: "a", value: Value::Str(&text), quality: None }];
        let post = Request::PostMeasurepoints {
            device: DeviceIx::ROOT,
            points: &points,
            time_ms: None,
            timeout_ms: 30_000,
        };
        if engine.request(now, post).is_err() {
            break;
        }
        drain(&mut engine, true);
        hear(&mut engine, &command);
        waited += usize::from(drain(&mut engine, true) == 0);
        assert_eq!(drain(&mut engine, false), 1, "{len}");
        let acknowledged = sent.windows(4).filter(|bytes| *bytes == [0x40, 2, 0, 1]).count();
        assert_eq!(acknowledged, 1, "{len}");
    }
    assert!((1..10).contains(&waited), "{waited} were not read at once");
}

#[test]
fn pauses_grow_with_bad_connections_and_shrink_after_a_good_one() {
    let mut config = login(false);
    (config.dial_budget, config.dial_window_s) = (8, 1);
    let mut bare = Bare::new(config);
    bare.connect();
    let mut pause = |online_ms: u64| {
        bare.feed(Input::LinkUp);
        bare.hear(CONNACK);
        bare.pass(online_ms);
        bare.feed(LOST);
        let pause = bare.engine.deadline().unwrap() - bare.now;
        assert!(bare.pass(pause).contains(&Out::Dial));
        pause
    };
    let longest = (0..20).map(|_| pause(100)).max().unwrap();
    assert!(longest > 20_000, "{longest}");
    for _ in 0..10 {
        pause(100);
        let after = pause(30_000);
        assert!((1_000..=3_000).contains(&after), "{after}");
    }
}
