//! The engine's contract, step by step, on virtual time.

#![allow(clippy::unwrap_used)]

mod sim;

use enos_core::engine::{
    AnswerData, CommandKind, DeviceIx, Engine, Memory, Request, RequestError, Room, Warning,
};
use enos_core::json::{Point, Value};
use enos_core::wire::mqtt::QoS;
use enos_core::{Config, Hub as Address, Limits, Login};
use serde_json::json;
use sim::hub::{DEVICE_SECRET, Hub, PRODUCT_SECRET};
use sim::{Store, Told, World, check_grammar};

/// Where the engine under test keeps its bytes. Every test runs over all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Heap,
    /// The memory of a small board: 4 open requests, 1 open call.
    Room,
}

impl Kind {
    fn memory(self) -> Memory<'static> {
        match self {
            Self::Heap => Memory::heap(&Limits::DEFAULT),
            Self::Room => Box::leak(Box::new(Room::<1024, 768, 768, 4, 1>::new())).lend(),
        }
    }
}

macro_rules! over_both_memories {
    ($($test:ident)*) => {
        mod heap {
            $(#[test] fn $test() { super::$test(super::Kind::Heap); })*
        }
        mod room {
            $(#[test] fn $test() { super::$test(super::Kind::Room); })*
        }
    };
}

over_both_memories! {
    signs_in_posts_and_closes
    a_rejected_post_names_kind_code_and_message
    bad_points_are_refused_by_their_place
    refusals_end_the_attempt_and_name_the_cause
    a_refusal_while_healing_pauses_until_the_host_asks
    connect_gives_up_at_its_timeout_and_stays_within_the_dial_budget
    a_lost_link_heals_and_what_was_unsettled_goes_again
    a_dial_of_the_driver_counts_against_the_budget
    a_probe_is_answered_and_changes_nothing
    offline_posts_wait_and_then_fail_as_offline
    commands_are_answered_now_later_and_by_the_engine_itself
    an_open_call_outlives_its_link_and_an_offline_answer_is_refused
    activation_stores_answers_and_signs_in_with_the_new_secret
    a_store_that_fails_keeps_the_link_and_is_tried_again
    an_activation_that_never_comes_ends_in_an_error
    pings_keep_the_link_and_find_a_dead_peer
    oversize_messages_are_acknowledged_skipped_and_reported
    garbage_from_the_peer_ends_the_link_with_a_named_cause
    quality_of_service_2_is_handed_up_once
    full_means_an_error_and_settled_requests_make_room
    closing_settles_what_it_can_and_fails_the_rest
    a_full_outbox_refuses_an_answer_and_keeps_the_call
    a_full_call_table_answers_1102_and_says_so
    only_a_resumed_session_repeats_with_dup
}

fn config(secret: &'static str) -> Config<'static> {
    let login = Login::DeviceSecret { product_key: "pk", device_key: "dk", device_secret: secret };
    Config::new(Address::parse("tcp://hub.test:11883").unwrap(), login)
}

fn activating() -> Config<'static> {
    let login = Login::DynamicActivation {
        product_key: "pk",
        device_key: "dk",
        product_secret: PRODUCT_SECRET,
        device_secret: None,
    };
    Config::new(Address::parse("tcp://hub.test:11883").unwrap(), login)
}

fn world_of(kind: Kind, config: Config<'_>) -> World<'static> {
    World::new(Engine::new(config, [3; 32], kind.memory()).unwrap(), Hub::new())
}

fn world(kind: Kind) -> World<'static> {
    world_of(kind, config(DEVICE_SECRET))
}

// Proves: MQTT-3.14.4-1 MQTT-3.14.4-2
fn signs_in_posts_and_closes(kind: Kind) {
    let mut world = world(kind);
    world.connect();
    assert_eq!(world.take(), [Told::Connecting, Told::Online]);
    assert_eq!(world.hub.filters, ["/sys/pk/dk/thing/measurepoint/post_reply"]);
    let points = [
        Point { id: "temp", value: Value::Float(21.5), quality: None },
        Point { id: "level", value: Value::Int(3), quality: Some(9) },
        Point { id: "axis", value: Value::Array(&[Value::Int(1), Value::Int(2)]), quality: None },
    ];
    let id = world.post(&points).unwrap();
    world.settle();
    assert_eq!(world.take(), [Told::Acknowledged(id, String::new())]);
    let (seen, params, dup) = &world.hub.posts[0];
    assert_eq!((seen, *dup), (&id.to_string(), false));
    assert_eq!(
        *params,
        json!({"measurepoints": {"temp": 21.5, "level": {"value": 3, "quality": 9}, "axis": [1, 2]},
               "time": 1_700_000_000_000_u64 + 1_000})
    );
    world.request(Request::Close { timeout_ms: 1_000 }).unwrap();
    world.settle();
    assert_eq!(world.take(), [Told::Offline { kind: 104, will_retry: false }, Told::Closed]);
    assert!(world.hub.said_goodbye && !world.link);
    assert_eq!(world.post_number(1), Err(RequestError::Closed));
    assert_eq!(world.drain(), None);
}

// Proves: PAYLOAD-14-1
fn a_rejected_post_names_kind_code_and_message(kind: Kind) {
    let mut world = world(kind);
    world.connect();
    world.hub.code = 1204;
    let id = world.post_number(1).unwrap();
    world.settle();
    assert_eq!(world.told.last(), Some(&Told::Rejected(id, 604, 1204, "refused".into())));
}

// Proves: PAYLOAD-2.1-4
fn bad_points_are_refused_by_their_place(kind: Kind) {
    let mut world = world(kind);
    world.connect();
    let good = Point { id: "a", value: Value::Int(1), quality: None };
    for (bad, error) in [
        (Point { id: "", ..good }, RequestError::PointId(1)),
        (Point { id: "a\n", ..good }, RequestError::PointId(1)),
        (Point { value: Value::Float(f64::NAN), ..good }, RequestError::NotFinite(1)),
        (Point { value: Value::Array(&[Value::Float(f64::INFINITY)]), ..good }, RequestError::NotFinite(1)),
        (Point { quality: Some(10), ..good }, RequestError::Quality(1)),
    ] {
        assert_eq!(world.post(&[good, bad]), Err(error));
    }
    assert_eq!(world.post(&[]), Err(RequestError::NoPoints));
    let large = "x".repeat(600_000);
    assert_eq!(world.post(&[Point { value: Value::Str(&large), ..good }]), Err(RequestError::TooLarge));
    world.settle();
    assert!(world.hub.posts.is_empty());
}

// Proves: AUTH-2.5-8 DEVICE-8
fn refusals_end_the_attempt_and_name_the_cause(kind: Kind) {
    for (connack, number) in [(4, 401), (5, 403), (2, 401)] {
        let mut world = world(kind);
        world.hub.connack = connack;
        world.request(Request::Connect { timeout_ms: Some(10_000) }).unwrap();
        world.pass(100);
        let told = world.take();
        let Told::ConnectFailed { kind: seen, hub_code, retry, .. } = &told[1] else { panic!("{told:?}") };
        assert_eq!((*seen, *hub_code, *retry), (number, i64::from(connack), false));
        assert!(!world.link);
        // It may be tried again once somebody has changed something.
        world.hub.connack = 0;
        world.connect();
        assert_eq!(world.take(), [Told::Connecting, Told::Online]);
    }
    let mut world = world_of(kind, config("wrong"));
    world.connect();
    assert!(
        matches!(&world.told[1], Told::ConnectFailed { kind: 401, text, .. } if text.contains("wrong secret"))
    );
}

fn a_refusal_while_healing_pauses_until_the_host_asks(kind: Kind) {
    let mut world = world(kind);
    world.connect();
    world.hub.connack = 5;
    world.cut();
    world.pass(10_000);
    let told = world.take();
    assert!(matches!(told.last(), Some(Told::ConnectFailed { kind: 403, retry: true, .. })), "{told:?}");
    world.hub.connack = 0;
    world.pass(60_000);
    assert_eq!(world.take(), [], "nobody has asked");
    world.connect();
    world.pass(1);
    assert_eq!(world.take(), [Told::Connecting, Told::Online]);
    world.engine.request(world.now(), Request::Connect { timeout_ms: None }).unwrap_err();
}

// Proves: DEVICE-3
fn connect_gives_up_at_its_timeout_and_stays_within_the_dial_budget(kind: Kind) {
    let mut world = world(kind);
    world.reachable = false;
    world.request(Request::Connect { timeout_ms: Some(60_000) }).unwrap();
    world.pass(120_000);
    let told = world.take();
    check_grammar(&told);
    assert!(matches!(told.last(), Some(Told::ConnectFailed { kind: 302, retry: false, .. })), "{told:?}");
    assert!((2..=4).contains(&world.dials.len()), "{:?}", world.dials);
}

// Proves: DEVICE-3
fn a_dial_of_the_driver_counts_against_the_budget(kind: Kind) {
    let mut world = world(kind);
    for dial in 0..4 {
        let now = world.now();
        assert_eq!(world.engine.spend_dial(now), Ok(()), "{dial}");
    }
    let now = world.now();
    assert_eq!(world.engine.spend_dial(now), Err(120_000));
    world.request(Request::Connect { timeout_ms: None }).unwrap();
    world.pass(119_000);
    assert!(world.dials.is_empty(), "{:?}", world.dials);
    world.pass(2_000);
    assert_eq!(world.dials.len(), 1);

    // One that waits for its own next dial waits for the budget's.
    let mut world = world_of(kind, Config { dial_budget: 2, ..config(DEVICE_SECRET) });
    world.reachable = false;
    world.request(Request::Connect { timeout_ms: None }).unwrap();
    world.settle();
    let now = world.now();
    assert_eq!(world.engine.spend_dial(now), Ok(()));
    world.pass(119_000);
    assert_eq!(world.dials.len(), 1, "{:?}", world.dials);
    world.pass(10_000);
    assert!(world.dials.len() > 1, "{:?}", world.dials);
}

fn a_probe_is_answered_and_changes_nothing(kind: Kind) {
    let mut world = world(kind);
    world.connect();
    world.take();
    let id = world.request(Request::Probe { timeout_ms: 1_000 }).unwrap();
    world.settle();
    assert_eq!(world.take(), [Told::Acknowledged(id.0, String::new())]);
    assert_eq!(world.hub.queries, [r#"{"tags":["enos.sdk.probe"]}"#]);
    assert!(world.hub.posts.is_empty());
    world.hub.replies = false;
    let id = world.request(Request::Probe { timeout_ms: 1_000 }).unwrap();
    world.pass(2_000);
    assert_eq!(world.take(), [Told::Failed(id.0, 305)]);
    world.request(Request::Close { timeout_ms: 0 }).unwrap();
    assert_eq!(world.request(Request::Probe { timeout_ms: 1_000 }), Err(RequestError::Closed));
}

// Proves: BEHAVE-2-1 DEVICE-2
fn a_lost_link_heals_and_what_was_unsettled_goes_again(kind: Kind) {
    let mut world = world(kind);
    world.connect();
    world.hub.replies = false;
    let first = world.post_number(1).unwrap();
    world.settle();
    world.cut();
    let second = world.post_number(2).unwrap();
    world.hub.replies = true;
    world.pass(10_000);
    let told = world.take();
    check_grammar(&told);
    for id in [first, second] {
        assert!(told.contains(&Told::Acknowledged(id, String::new())), "{told:?}");
    }
    let ids: Vec<_> =
        world.hub.posts.iter().map(|(id, params, _)| (id.clone(), params["time"].clone())).collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(ids[0], ids[1], "the same id and the same time");
    let stats = world.engine.stats();
    assert_eq!((stats.retries, stats.reconnects, stats.acknowledged), (1, 1, 2));
}

fn offline_posts_wait_and_then_fail_as_offline(kind: Kind) {
    let mut world = world(kind);
    let early = world.post_number(1).unwrap();
    world.pass(29_999);
    assert_eq!(world.take(), []);
    world.pass(1);
    assert_eq!(world.take(), [Told::Failed(early, 304)]);
    world.connect();
    world.hub.replies = false;
    let late = world.post_number(2).unwrap();
    world.pass(30_000);
    assert_eq!(world.told.last(), Some(&Told::Failed(late, 305)));
}

// Proves: MQTT-4.3.2-2 PAYLOAD-8-2
fn commands_are_answered_now_later_and_by_the_engine_itself(kind: Kind) {
    let mut world = world(kind);
    world.handle("reboot");
    world.connect();
    assert_eq!(
        world.hub.filters,
        ["/sys/pk/dk/thing/measurepoint/post_reply", "/sys/pk/dk/thing/service/reboot"]
    );
    assert_eq!(world.hub.subscribes, 1);
    // A handler that comes later is subscribed then.
    world.request(Request::Handle { device: DeviceIx::ROOT, kind: CommandKind::MeasurepointSet }).unwrap();
    world.settle();
    assert_eq!(world.hub.filters[2..], ["/sys/pk/dk/thing/service/measurepoint/set"]);
    world.take();
    world.hub.command("90000000001", "reboot", json!({"delay": 3}));
    let mut again = world.hub.out.clone();
    again[0] |= 8;
    world.hub.out.extend(again);
    world.hub.command("90000000002", "other", json!({}));
    world.hub.command("90000000004", "measurepoint/get", json!(["a"]));
    world.settle();
    let told = world.take();
    let [Told::Command { call, what, params }] = &told[..] else { panic!("{told:?}") };
    assert_eq!((what.as_str(), params.as_str()), ("reboot", r#"{"delay":3}"#));
    let codes: Vec<_> = world.hub.answers.iter().map(|(_, v)| (v["id"].clone(), v["code"].clone())).collect();
    assert_eq!(codes, [(json!("90000000002"), json!(1101)), (json!("90000000004"), json!(1101))]);
    world.hub.answers.clear();
    let outputs = [("accepted", Value::Bool(true))];
    world.answer(*call, 200, AnswerData::Values(&outputs)).unwrap();
    assert_eq!(world.answer(*call, 200, AnswerData::Empty), Err(RequestError::Call));
    world.hub.command("90000000003", "measurepoint/set", json!({"a": 1}));
    world.settle();
    let told = world.take();
    let [Told::Command { call: set, what, .. }] = &told[..] else { panic!("{told:?}") };
    assert_eq!(what, "MeasurepointSet");
    assert_eq!(world.answer(*set, 200, AnswerData::Json("[1]")), Err(RequestError::Json));
    assert_eq!(world.answer(*set, 7, AnswerData::Empty), Err(RequestError::Code));
    world.answer(*set, 2001, AnswerData::Json(r#"{"a": 1}"#)).unwrap();
    world.settle();
    assert_eq!(
        world.hub.answers,
        [
            (
                "/sys/pk/dk/thing/service/reboot_reply".to_owned(),
                json!({"id": "90000000001", "code": 200, "data": {"accepted": true}})
            ),
            (
                "/sys/pk/dk/thing/service/measurepoint/set_reply".to_owned(),
                json!({"id": "90000000003", "code": 2001, "data": {"a": 1}})
            ),
        ]
    );
}

// Proves: DEVICE-6
fn an_open_call_outlives_its_link_and_an_offline_answer_is_refused(kind: Kind) {
    let memory = match kind {
        Kind::Heap => kind.memory(),
        Kind::Room => Box::leak(Box::new(Room::<1024, 768, 768, 4, 2>::new())).lend(),
    };
    let mut world = World::new(Engine::new(config(DEVICE_SECRET), [3; 32], memory).unwrap(), Hub::new());
    world.handle("a");
    world.connect();
    world.hub.command("90000000001", "a", json!({}));
    world.hub.command("90000000002", "a", json!({}));
    world.settle();
    let calls: Vec<u32> = world
        .take()
        .iter()
        .filter_map(|t| if let Told::Command { call, .. } = t { Some(*call) } else { None })
        .collect();
    world.cut();
    assert_eq!(world.answer(calls[0], 200, AnswerData::Empty), Err(RequestError::Offline));
    assert_eq!(world.answer(calls[0], 200, AnswerData::Empty), Err(RequestError::Call));
    world.pass(10_000);
    world.answer(calls[1], 200, AnswerData::Empty).unwrap();
    world.settle();
    assert_eq!(world.hub.answers.len(), 1);
    assert_eq!(world.hub.answers[0].1["id"], "90000000002");
}

// Proves: AUTH-3-3
fn activation_stores_answers_and_signs_in_with_the_new_secret(kind: Kind) {
    let mut world = world_of(kind, activating());
    let id = world.post_number(1).unwrap();
    world.connect();
    assert_eq!(world.hub.modes, [3, 2]);
    assert_eq!(world.stored, [DEVICE_SECRET]);
    assert_eq!(
        world.take(),
        [Told::Connecting, Told::Activated, Told::Online, Told::Acknowledged(id, String::new())]
    );
    assert_eq!(
        world.hub.answers,
        [(
            "/ext/session/pk/dk/thing/activate/info_reply".to_owned(),
            json!({"id": "90000000001", "code": 200, "data": {}})
        )]
    );
}

fn a_store_that_fails_keeps_the_link_and_is_tried_again(kind: Kind) {
    let mut world = world_of(kind, activating());
    world.store = Store::Fails;
    world.connect();
    world.pass(10_000);
    assert!(world.link && world.hub.modes == [3] && world.hub.answers.is_empty());
    let warnings: Vec<_> = world.told.iter().filter(|t| matches!(t, Told::Warning(_))).cloned().collect();
    assert_eq!(warnings, [1_000, 2_000, 4_000, 8_000].map(|ms| Told::Warning(Warning::StoreFailed(ms))));
    world.store = Store::Works;
    world.pass(10_000);
    assert_eq!(world.hub.modes, [3, 2]);
    assert_eq!(world.told.last(), Some(&Told::Online));
    check_grammar(&world.told);
}

fn an_activation_that_never_comes_ends_in_an_error(kind: Kind) {
    let mut world = world_of(kind, activating());
    world.hub.mute_activation = true;
    world.request(Request::Connect { timeout_ms: Some(40_000) }).unwrap();
    world.pass(120_000);
    assert!(
        world.told.iter().any(|t| matches!(t, Told::ConnectFailed { kind: 305, .. })),
        "{:?}",
        world.told
    );
    check_grammar(&world.told);
}

// Proves: MQTT-3.1.2-23
fn pings_keep_the_link_and_find_a_dead_peer(kind: Kind) {
    let mut world = world(kind);
    world.connect();
    world.pass(300_000);
    assert!((5..=7).contains(&world.hub.pings), "{}", world.hub.pings);
    assert_eq!(world.take(), [Told::Connecting, Told::Online]);
    world.hub.answers_pings = false;
    world.reachable = false;
    world.pass(55_000);
    let told = world.take();
    assert_eq!(told[..2], [Told::Offline { kind: 304, will_retry: true }, Told::Connecting]);
    world.hub.answers_pings = true;
    world.reachable = true;
    world.pass(130_000);
    check_grammar(&[&[Told::Connecting, Told::Online], &told[..], &world.told[..]].concat());
    assert_eq!(world.told.last(), Some(&Told::Online));
}

// Proves: DEVICE-4
fn oversize_messages_are_acknowledged_skipped_and_reported(kind: Kind) {
    let memory = match kind {
        Kind::Heap => Memory::heap(&Limits { receive: 1024, ..Limits::DEFAULT }),
        Kind::Room => kind.memory(),
    };
    let engine = Engine::new(config(DEVICE_SECRET), [3; 32], memory).unwrap();
    let mut world = World::new(engine, Hub::new());
    world.connect();
    world.hub.publish("/sys/pk/dk/thing/service/big", &[b'x'; 5_000], QoS::AtLeastOnce);
    let id = world.post_number(1).unwrap();
    world.settle();
    let told = world.take();
    assert!(matches!(told[2], Told::Warning(Warning::Oversize(5_035))), "{told:?}");
    assert_eq!(told[3], Told::Acknowledged(id, String::new()));
    assert!(world.link);
    assert!(world.sent.windows(4).any(|w| w == [0x40, 2, 0, 1]), "PUBACK went out");
}

// Proves: MQTT-4.8.0-1
fn garbage_from_the_peer_ends_the_link_with_a_named_cause(kind: Kind) {
    for (bytes, word) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "MQTT"),
        (&[0x20, 2, 0, 0, 0x20, 2, 0, 0], "CONNACK"),
        (&[0x20, 2, 0, 0, 0xC0, 0], "only clients send"),
        (&[0x20, 0xFF, 0xFF, 0xFF, 0xFF, 1], "MQTT"),
    ] {
        let mut world = world(kind);
        world.hub.connack = 99;
        world.request(Request::Connect { timeout_ms: Some(1) }).unwrap();
        world.drain();
        world.hub.out = bytes.to_vec();
        world.settle();
        world.pass(5);
        let told = world.take();
        check_grammar(&told);
        assert!(
            told.iter().any(
                |t| matches!(t, Told::ConnectFailed { kind: 501 | 502, text, .. } if text.contains(word))
                    || matches!(t, Told::Offline { kind: 501 | 502, .. })
            ),
            "{told:?}"
        );
    }
}

// Proves: MQTT-2.3.1-6 MQTT-4.3.3-2
fn quality_of_service_2_is_handed_up_once(kind: Kind) {
    let mut world = world(kind);
    world.handle("a");
    world.connect();
    let payload = br#"{"id":"90000000009","version":"1.0","method":"m","params":{}}"#;
    let topic = "/sys/pk/dk/thing/service/a";
    let before = world.hub.out.len();
    world.hub.publish(topic, payload, QoS::ExactlyOnce);
    let mut again = world.hub.out[before..].to_vec();
    again[0] |= 8;
    world.hub.out.extend_from_slice(&again);
    world.auto_answer = Some(200);
    world.settle();
    let commands = world.told.iter().filter(|t| matches!(t, Told::Command { .. })).count();
    assert_eq!(commands, 1);
}

// Proves: BEHAVE-1-3
fn full_means_an_error_and_settled_requests_make_room(kind: Kind) {
    let mut world = world(kind);
    world.connect();
    let mut taken = Vec::new();
    let mut refused = 0;
    for n in 0..10_000 {
        match world.post_number(n) {
            Ok(id) => taken.push(id),
            Err(RequestError::QueueFull) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    let places = if kind == Kind::Heap { 1024 } else { 4 };
    assert_eq!((taken.len(), refused), (places, 10_000 - places));
    world.take();
    world.settle();
    let settled: Vec<u32> = world
        .take()
        .iter()
        .map(|t| if let Told::Acknowledged(id, _) = t { *id } else { panic!("{t:?}") })
        .collect();
    assert_eq!(settled, taken);
    assert!(world.post_number(0).is_ok());
}

// Proves: DEVICE-11
fn closing_settles_what_it_can_and_fails_the_rest(kind: Kind) {
    let mut world = world(kind);
    world.connect();
    world.hub.replies = false;
    let id = world.post_number(1).unwrap();
    world.request(Request::Close { timeout_ms: 500 }).unwrap();
    world.pass(499);
    assert_eq!(world.take(), [Told::Connecting, Told::Online]);
    world.pass(1);
    assert_eq!(
        world.take(),
        [Told::Failed(id, 104), Told::Offline { kind: 104, will_retry: false }, Told::Closed]
    );
    let mut idle = self::world(kind);
    let id = idle.post_number(1).unwrap();
    idle.request(Request::Close { timeout_ms: 500 }).unwrap();
    idle.settle();
    assert_eq!(idle.take(), [Told::Failed(id, 104), Told::Closed]);
}

fn calls(told: &[Told]) -> Vec<u32> {
    told.iter().filter_map(|t| if let Told::Command { call, .. } = t { Some(*call) } else { None }).collect()
}

/// A world with little memory: outbox and calls are soon full.
fn small_world(kind: Kind) -> World<'static> {
    let memory = match kind {
        Kind::Heap => Memory::heap(&Limits { outbox: 768, calls: 1, ..Limits::DEFAULT }),
        Kind::Room => kind.memory(),
    };
    World::new(Engine::new(config(DEVICE_SECRET), [3; 32], memory).unwrap(), Hub::new())
}

fn a_full_outbox_refuses_an_answer_and_keeps_the_call(kind: Kind) {
    let mut world = small_world(kind);
    world.handle("a");
    world.connect();
    world.hub.command("90000000001", "a", json!({}));
    world.settle();
    let call = calls(&world.take())[0];
    let text = "x".repeat(520);
    let id = world.post(&[Point { id: "text", value: Value::Str(&text), quality: None }]).unwrap();
    let output = format!(r#"{{"text":"{}"}}"#, "y".repeat(200));
    assert_eq!(world.answer(call, 200, AnswerData::Json(&output)), Err(RequestError::QueueFull));
    world.settle();
    assert_eq!(world.take(), [Told::Acknowledged(id, String::new())]);
    assert!(world.hub.answers.is_empty());
    world.answer(call, 200, AnswerData::Json(&output)).unwrap();
    world.settle();
    assert_eq!(world.hub.answers[0].1["code"], 200);
}

// Proves: DEVICE-5
fn a_full_call_table_answers_1102_and_says_so(kind: Kind) {
    let mut world = small_world(kind);
    world.handle("a");
    world.connect();
    world.take();
    world.hub.command("90000000001", "a", json!({}));
    world.hub.command("90000000002", "a", json!({}));
    world.settle();
    let told = world.take();
    assert!(matches!(told[..], [Told::Command { .. }, Told::Warning(Warning::CallsFull)]), "{told:?}");
    let answer = &world.hub.answers[0].1;
    assert_eq!((&answer["id"], &answer["code"]), (&json!("90000000002"), &json!(1102)));
    world.answer(calls(&told)[0], 200, AnswerData::Empty).unwrap();
    world.hub.command("90000000003", "a", json!({}));
    world.settle();
    assert_eq!(calls(&world.take()).len(), 1, "there is room again");
}

// Proves: MQTT-2.3.1-3 MQTT-3.3.1-1 MQTT-4.1.0-1 MQTT-4.4.0-1
fn only_a_resumed_session_repeats_with_dup(kind: Kind) {
    for keeps in [true, false] {
        let mut config = config(DEVICE_SECRET);
        config.clean_session = false;
        let mut world = world_of(kind, config);
        (world.hub.keeps_session, world.hub.acknowledges, world.hub.replies) = (keeps, false, false);
        world.connect();
        world.post_number(1).unwrap();
        world.settle();
        world.cut();
        let late = world.post_number(2).unwrap();
        (world.hub.acknowledges, world.hub.replies) = (true, true);
        world.pass(10_000);
        assert!(world.told.contains(&Told::Acknowledged(late, String::new())));
        let repeated: Vec<bool> = world.hub.posts.iter().map(|(.., dup)| *dup).collect();
        assert_eq!(repeated, [false, keeps, false]);
    }
}
