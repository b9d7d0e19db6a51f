//! The CoAP side without a socket: commands, blocks, limits, faults and time, each moment given by the test.
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

mod support;

use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};

use mock_hub::bare::{BareHub, Call, Coap};
use mock_hub::clock::Clock;
use mock_hub::fabric::DeviceId;
use serde_json::{Value, json};
use support::coap::{ACK, CON, GET, Message, NON, POST, RST, auth, code};

const TEMP: &str = "/topic/sys/pk1/d1/thing/measurepoint/post";
const REBOOT: &str = "/topic/sys/pk1/d1/thing/service/reboot";
const CHANGED: u8 = code(2, 4);

struct World {
    hub: BareHub,
    clock: Clock,
    coap: Coap,
    last_id: u16,
}

fn peer(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 7], port))
}

impl World {
    fn new(strict: bool) -> Self {
        let clock = Clock::manual(1_700_000_000_000);
        let hub = BareHub::new(clock.clone(), strict);
        hub.cloud().load_seed(support::SEED).unwrap();
        let coap = hub.coap();
        Self { hub, clock, coap, last_id: 0 }
    }

    /// A world in which d1 is signed in from port 1.
    fn signed_in(strict: bool) -> Self {
        let mut world = Self::new(strict);
        assert_eq!(world.ask(auth("d1", 3_600)).code, CHANGED);
        world
    }

    /// What the hub sends now, as bytes.
    fn sent(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        self.coap.take_news(&Context::from_waker(Waker::noop()));
        std::iter::from_fn(|| self.coap.transmit()).collect()
    }

    /// What the hub sends to a datagram.
    fn raw(&mut self, from: SocketAddr, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.coap.receive(from, bytes);
        self.sent().into_iter().map(|(_, bytes)| bytes).collect()
    }

    /// What the hub sends to a message from port 1.
    fn send(&mut self, message: Message) -> Vec<Message> {
        self.last_id += 1;
        let bytes = Message { id: self.last_id, ..message }.bytes();
        self.raw(peer(1), &bytes).iter().map(|bytes| Message::read(bytes)).collect()
    }

    /// The one answer to a request.
    fn ask(&mut self, message: Message) -> Message {
        let answers = self.send(message);
        let [answer] = &answers[..] else { panic!("{answers:?}") };
        assert_eq!((answer.kind, answer.id, &answer.token[..]), (ACK, self.last_id, &[0xA5, 1][..]));
        answer.clone()
    }

    fn post(&mut self) -> Message {
        self.ask(Message::request(POST, TEMP).payload(&support::post("1", 1.0)))
    }

    /// Moves the clock on, step by step to each deadline, and gives what is sent.
    fn pass(&mut self, ms: u64) -> Vec<(u64, Message)> {
        let (end, mut sent) = (self.clock.monotonic_ms() + ms, Vec::new());
        loop {
            let due = self.coap.deadline().filter(|due| *due <= end);
            let now = self.clock.monotonic_ms();
            self.clock.advance(due.unwrap_or(end).saturating_sub(now));
            self.coap.expire();
            let now = self.clock.monotonic_ms();
            sent.extend(self.sent().into_iter().map(|(_, bytes)| (now, Message::read(&bytes))));
            if due.is_none() {
                return sent;
            }
        }
    }

    fn call(&self, method: &str, path: &str, body: &str) -> Call {
        self.hub.call(method, path, body.to_owned())
    }

    /// The body of a call that is answered at once.
    fn rest(&self, method: &str, path: &str, body: &str) -> Value {
        done(&mut self.call(method, path, body)).expect("the call is answered at once")
    }

    /// Gives d1 a reboot; `query` holds time-out and ttl.
    fn invoke(&self, query: &str) -> Call {
        let path = format!(
            "/connect-service/v2.1/commands?action=invokeService&orgId=o1&productKey=pk1&deviceKey=d1&\
             serviceId=reboot{query}"
        );
        self.call("POST", &path, "{}")
    }

    /// A reboot that waits, by its id.
    fn cached(&self) -> String {
        let told = done(&mut self.invoke("&pendingTtl=3600&timeout=30")).unwrap();
        told["data"]["commandId"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
    }

    fn state(&self, command: &str) -> u64 {
        let path = format!(
            "/connect-service/v2.1/commands?action=get&orgId=o1&productKey=pk1&deviceKey=d1&commandId={command}"
        );
        let told = self.rest("GET", &path, "");
        told["data"]["state"].as_u64().unwrap_or_else(|| panic!("{told}"))
    }

    fn order(&self, fault: &str) {
        let told = self.rest("POST", "/hub/v1/faults", fault);
        assert!(told["id"].is_u64(), "{told}");
    }

    fn struck(&self) -> u64 {
        let told = self.rest("GET", "/hub/v1/faults", "");
        told["faults"].as_array().unwrap().iter().map(|fault| fault["struck"].as_u64().unwrap()).sum()
    }

    fn journal(&self, query: &str) -> Vec<Value> {
        let told = self.rest("GET", &format!("/hub/v1/journal?limit=1000&{query}"), "");
        told["entries"].as_array().unwrap_or_else(|| panic!("{told}")).clone()
    }
}

fn done(call: &mut Call) -> Option<Value> {
    match call.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready((_, body)) => Some(serde_json::from_str(&body).unwrap_or(Value::String(body))),
        Poll::Pending => None,
    }
}

/// The id in a command's payload, and the answer a device gives it.
fn answer_to(payload: &[u8]) -> (String, Message) {
    let command: Value = serde_json::from_slice(payload).unwrap();
    assert_eq!(command["method"], "thing.service.reboot");
    let id = command["id"].as_str().unwrap().to_owned();
    let reply = format!(r#"{{"id":"{id}","code":200,"data":{{"accepted":true}}}}"#);
    (id, Message::request(POST, &format!("{REBOOT}_reply")).payload(reply.as_bytes()))
}

#[test]
fn commands_wait_for_an_uplink_and_come_one_at_a_time() {
    let mut world = World::signed_in(false);
    let (first, second) = (world.cached(), world.cached());
    assert!(world.sent().is_empty(), "a device that sleeps is sent nothing");
    assert_eq!((world.state(&first), world.state(&second)), (1, 1));
    let answer = world.post();
    assert_eq!(answer.text(2_100), Some(REBOOT));
    let (id, reply) = answer_to(answer.option(2_102).unwrap());
    assert_eq!((&id, world.state(&first), world.state(&second)), (&first, 4, 1));
    // It is worked on: nothing else is offered, and it is not offered again.
    assert_eq!((world.post().option(2_100), world.post().option(2_102)), (None, None));
    // The answer to its answer brings the next.
    let answer = world.ask(reply);
    assert_eq!((answer.code, answer.payload.len()), (CHANGED, 0));
    let (id, reply) = answer_to(answer.option(2_102).unwrap());
    assert_eq!((&id, world.state(&first)), (&second, 5));
    let answer = world.ask(reply);
    assert_eq!((answer.option(2_100), world.state(&second)), (None, 5));
    // Asked for what does not wait.
    assert_eq!(world.ask(Message::request(GET, REBOOT)).code, code(4, 4));
}

#[test]
fn a_command_comes_with_the_sign_in_and_once_for_a_datagram_that_comes_twice() {
    let mut world = World::new(false);
    // Inactive: only a cached one is taken.
    let id = world.cached();
    let sign_in = Message { id: 77, ..auth("d1", 300) }.bytes();
    let first = world.raw(peer(1), &sign_in);
    let answer = Message::read(&first[0]);
    assert_eq!((answer.code, answer.text(2_100)), (CHANGED, Some(REBOOT)));
    assert_eq!(world.state(&id), 4);
    assert_eq!(world.raw(peer(1), &sign_in), first);
    assert!(first[0].len() <= 3 * sign_in.len());
    assert_eq!(world.journal("kind=message-out").len(), 1);
}

#[test]
fn what_does_not_fit_is_asked_for() {
    let mut world = World::signed_in(false);
    let topic = "/sys/pk1/d1/thing/service/long";
    let path = format!("/topic{topic}");
    let publish = |text: &str| {
        let body =
            json!({"productKey": "pk1", "deviceKey": "d1", "topic": topic, "payloadText": text, "qos": 1});
        body.to_string()
    };
    let told = world.rest("POST", "/hub/v1/publish", &publish(&"x".repeat(3_000)));
    assert_eq!(told["delivered"], true, "{told}");
    world.rest("POST", "/hub/v1/publish", &publish("short"));
    let answer = world.post();
    assert_eq!((answer.text(2_100), answer.option(2_102)), (Some(&*path), None));
    // It waits until it is asked for.
    assert_eq!(world.post().text(2_100), Some(&*path));
    let mut whole = Vec::new();
    for number in 0.. {
        let ask = Message::request(GET, &path);
        let answer = world.ask(if number == 0 { ask } else { ask.block(23, number, false, 5) });
        assert_eq!(answer.code, code(2, 5));
        assert!(answer.bytes().len() <= 1_024);
        whole.extend_from_slice(&answer.payload);
        let more = answer.number(23).unwrap() & 8 != 0;
        assert_eq!((answer.number(23).unwrap() >> 4, more), (number, whole.len() < 3_000));
        assert_eq!(answer.number(28), (number == 0).then_some(3_000));
        assert_eq!(answer.option(4).map(<[u8]>::len), Some(4));
        if !more {
            break;
        }
    }
    assert_eq!(whole, "x".repeat(3_000).as_bytes());
    // The first block told of the next one, which came with it.
    assert_eq!(world.post().option(2_100), None);
}

#[test]
fn an_instant_command_waits_for_the_next_uplink_or_its_time_out() {
    let mut world = World::signed_in(false);
    world.post();
    let mut call = world.invoke("&timeout=10");
    assert!(done(&mut call).is_none());
    let answer = world.post();
    let (_, reply) = answer_to(answer.option(2_102).unwrap());
    world.ask(reply);
    let told = done(&mut call).unwrap();
    assert_eq!((&told["code"], &told["data"]["outputData"]["accepted"]), (&json!(0), &json!(true)), "{told}");
    let mut late = world.invoke("&timeout=10");
    assert!(done(&mut late).is_none());
    world.clock.advance(10_000);
    world.hub.tick();
    assert_eq!(done(&mut late).unwrap()["code"], 11_904);
    assert_eq!(world.post().option(2_100), None);
    // Sent, but not answered in time: the next one has its turn.
    let sent = world.cached();
    world.post();
    world.clock.advance(30_000);
    world.hub.tick();
    assert_eq!(world.state(&sent), 7);
    // Offline, an instant one fails at once.
    world.pass(3_600_000);
    assert_eq!(done(&mut world.invoke("&timeout=10")).unwrap()["code"], 11_900);
}

#[test]
fn a_body_in_blocks_is_one_post() {
    let mut world = World::signed_in(false);
    let body = support::post("9", 1.0);
    let padded = [&body[..], &[b' '; 400]].concat();
    let parts: Vec<&[u8]> = padded.chunks(64).collect();
    let part = |number: usize, path: &str| {
        let more = number + 1 < parts.len();
        Message::request(POST, path).block(27, number as u32, more, 2).payload(parts[number])
    };
    for number in 0..parts.len() - 1 {
        let answer = world.ask(part(number, TEMP));
        assert_eq!((answer.code, answer.number(27)), (code(2, 31), Some((number as u32) << 4 | 8 | 2)));
    }
    assert!(world.journal("kind=message-in").is_empty());
    let answer = world.ask(part(parts.len() - 1, TEMP));
    assert_eq!((answer.code, answer.number(27)), (CHANGED, Some((parts.len() as u32 - 1) << 4 | 2)));
    assert_eq!(answer.payload, br#"{"id":"9","code":200,"data":""}"#);
    assert_eq!(world.journal("kind=message-in").len(), 1);
    // One left out; one of another resource in between; one too late; one too large.
    assert_eq!(world.ask(part(0, TEMP)).code, code(2, 31));
    assert_eq!(world.ask(part(0, "/topic/sys/pk1/d1/thing/tag/query")).code, code(2, 31));
    assert_eq!(world.ask(part(2, TEMP)).code, code(4, 8));
    assert_eq!(world.ask(part(1, TEMP)).code, code(2, 31));
    world.pass(247_001);
    assert_eq!(world.ask(part(2, TEMP)).code, code(4, 8));
    let large = part(0, TEMP).with(60, &[0x08, 0x00, 0x01]);
    let answer = world.ask(large);
    assert_eq!((answer.code, answer.number(60)), (code(4, 13), Some(512 * 1_024)));
    // A large block is answered with the size that keeps to 1 KB.
    let answer = world.ask(Message::request(POST, TEMP).block(27, 0, true, 6).payload(&[b' '; 1_024]));
    assert_eq!((answer.code, answer.number(27)), (code(2, 31), Some(8 | 5)));
    // An address change inside a body: nobody is signed in there.
    let bytes = part(1, TEMP).bytes();
    assert_eq!(Message::read(&world.raw(peer(2), &bytes)[0]).code, code(4, 1));
}

#[test]
fn a_reply_is_cut_as_the_device_asks() {
    let mut world = World::signed_in(false);
    let post = Message::request(POST, TEMP).payload(&support::post("1", 1.0)).block(23, 0, false, 0);
    let answer = world.ask(post);
    assert_eq!((answer.code, answer.payload.len(), answer.number(23)), (CHANGED, 16, Some(8)));
    let next = world.ask(Message::request(POST, TEMP).block(23, 1, false, 0));
    assert_eq!((next.code, next.number(23)), (CHANGED, Some(1 << 4)));
    assert_eq!([answer.payload, next.payload].concat(), br#"{"id":"1","code":200,"data":""}"#);
    assert_eq!(world.journal("kind=message-in").len(), 1);
    // It was handed out to the end, and there was nothing behind it.
    assert_eq!(world.ask(Message::request(POST, TEMP).block(23, 1, false, 0)).code, code(4, 8));
    world.ask(Message::request(POST, TEMP).payload(&support::post("2", 1.0)).block(23, 0, false, 0));
    assert_eq!(world.ask(Message::request(POST, TEMP).block(23, 9, false, 0)).code, code(4, 0));
}

/// Breaks a rule of `rules.md`; the code that it was answered with.
type Breach = fn(&mut World) -> u8;

const BREACHES: [(u8, u8, Breach); 5] = [
    (14, code(4, 0), |world| {
        world.clock.advance(1_000);
        world.ask(auth("d1", 29)).code
    }),
    (15, code(4, 29), |world| {
        world.clock.advance(999);
        world.ask(auth("d1", 30)).code
    }),
    (16, code(4, 29), |world| {
        let fill = Message::request(POST, TEMP).payload(&[b' '; 900]);
        (0..10).for_each(|_| drop(world.ask(fill.clone())));
        let refused = world.ask(fill.clone());
        if refused.code != CHANGED {
            assert_eq!(refused.number(14), Some(1), "when to ask again");
            world.clock.advance(1_000);
            assert_eq!(world.ask(fill).code, CHANGED);
        }
        refused.code
    }),
    (17, code(4, 29), |world| {
        let topic = "/sys/pk1/d1/thing/service/long";
        let body = json!({"productKey": "pk1", "deviceKey": "d1", "topic": topic, "payloadText": "x".repeat(15_000)});
        world.rest("POST", "/hub/v1/publish", &body.to_string());
        let ask = Message::request(GET, &format!("/topic{topic}"));
        assert_eq!(world.ask(ask.clone()).code, code(2, 5));
        (1..29)
            .map(|number| world.ask(ask.clone().block(23, number, false, 5)).code)
            .find(|code| *code != 0x45)
            .unwrap_or(CHANGED)
    }),
    (18, code(4, 13), |world| world.ask(Message::request(POST, TEMP).payload(&[b' '; 1_000])).code),
];

#[test]
fn every_rule_of_coap_is_enforced_when_strict_and_warned_of_when_lenient() {
    for (rule, refused, breach) in BREACHES {
        let mut world = World::signed_in(true);
        assert_eq!(breach(&mut world), refused, "rule {rule}");
        assert!(world.journal("kind=warning").is_empty(), "rule {rule}");
        let told = world.journal("kind=refused");
        assert!(
            told.iter().any(|line| line["text"].as_str().unwrap().contains(&format!("rule {rule}: "))),
            "{told:?}"
        );
        let mut world = World::signed_in(false);
        assert_eq!(breach(&mut world), CHANGED, "rule {rule}");
        let warnings = world.journal("kind=warning");
        assert_eq!(warnings.len(), 1, "rule {rule}: {warnings:?}");
        assert_eq!((&warnings[0]["rule"], &warnings[0]["device"]), (&json!(rule), &json!("pk1/d1")));
        assert!(warnings[0]["fix"].is_string());
    }
}

#[test]
fn datagrams_are_lost_doubled_and_late_as_ordered() {
    let mut world = World::signed_in(false);
    world.order(r#"{"kind":"drop","device":"pk1/d1","direction":"up","packet":"CON POST","count":1}"#);
    let post = Message { id: 500, ..Message::request(POST, TEMP).payload(&support::post("1", 1.0)) }.bytes();
    assert!(world.raw(peer(1), &post).is_empty());
    assert!(world.journal("kind=message-in").is_empty());
    world.order(r#"{"kind":"drop","device":"pk1/d1","direction":"down","packet":"ACK 2.04","count":1}"#);
    assert!(world.raw(peer(1), &post).is_empty());
    // The answer was lost: it is sent again as it was, and the post counts once.
    assert_eq!(Message::read(&world.raw(peer(1), &post)[0]).code, CHANGED);
    assert_eq!(world.journal("kind=message-in").len(), 1);
    world.order(r#"{"kind":"duplicate","direction":"down","packet":"2.04","count":1}"#);
    let twice = world.send(Message::request(POST, TEMP).payload(&support::post("2", 1.0)));
    assert_eq!((twice.len(), twice[0] == twice[1]), (2, true));
    world.order(r#"{"kind":"delay","delay":700,"direction":"down","count":1}"#);
    let late = Message::request(POST, TEMP).payload(&support::post("3", 1.0));
    assert!(world.send(late).is_empty());
    assert_eq!(world.pass(699).len(), 0);
    assert_eq!(world.pass(1).len(), 1);
    world.order(r#"{"kind":"reorder","delay":5000,"direction":"up","packet":"POST","count":1}"#);
    assert!(world.send(Message::request(POST, TEMP).payload(&support::post("4", 1.0))).is_empty());
    let both = world.send(Message::request(POST, TEMP).payload(&support::post("5", 1.0)));
    let ids: Vec<bool> = both.iter().map(|answer| answer.payload.starts_with(br#"{"id":"5""#)).collect();
    assert_eq!(ids, [true, false]);
    world.order(r#"{"kind":"corrupt","at":0,"xor":192,"direction":"up","count":1}"#);
    assert!(world.send(Message::request(POST, TEMP)).is_empty(), "it is of another version now");
    world.order(r#"{"kind":"wrong_id","by":1,"direction":"down","count":1}"#);
    let wrong = world.send(Message::request(POST, TEMP).payload(&support::post("6", 1.0)));
    assert_eq!(wrong[0].id, world.last_id + 1);
    assert_eq!(world.struck(), 7);
    assert_eq!(
        world
            .journal("kind=fault&device=pk1/d1&text=:")
            .iter()
            .filter(|line| line["text"].as_str().unwrap().contains(" up")
                || line["text"].as_str().unwrap().contains(" down"))
            .count(),
        7
    );
}

#[test]
fn an_answer_comes_separately_or_not_at_all_as_ordered() {
    let mut world = World::signed_in(false);
    world.order(r#"{"kind":"separate","delay":500,"count":1}"#);
    let post = Message { id: 600, ..Message::request(POST, TEMP).payload(&support::post("1", 1.0)) }.bytes();
    assert_eq!(world.raw(peer(1), &post), [b"\x60\x00\x02\x58"]);
    assert_eq!(world.raw(peer(1), &post), [b"\x60\x00\x02\x58"], "a duplicate is acknowledged again");
    let sent = world.pass(40_000);
    let times: Vec<u64> = sent.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [500, 2_500, 6_500, 14_500, 30_500]);
    assert!(sent.iter().all(|(_, answer)| *answer == sent[0].1));
    let answer = &sent[0].1;
    assert_eq!((answer.kind, answer.code, &answer.token[..]), (CON, CHANGED, &[0xA5, 1][..]));
    // One that is acknowledged, or rejected, is not sent again.
    for kind in [ACK, RST] {
        world.order(r#"{"kind":"separate","delay":0,"count":1}"#);
        world.send(Message::request(POST, TEMP).payload(&support::post("2", 1.0)));
        let answer = world.pass(1).remove(0).1;
        assert!(
            world.raw(peer(1), &Message { kind, id: answer.id, ..Message::default() }.bytes()).is_empty()
        );
        assert!(world.pass(60_000).is_empty());
    }
    world.order(r#"{"kind":"reset","count":1}"#);
    let answers = world.send(Message::request(POST, TEMP).payload(&support::post("3", 1.0)));
    assert_eq!((answers.len(), answers[0].kind, answers[0].id), (1, RST, world.last_id));
    world.order(r#"{"kind":"no_reply","count":1}"#);
    let answers = world.send(Message::request(POST, TEMP).payload(&support::post("4", 1.0)));
    assert_eq!((answers.len(), answers[0].kind, answers[0].code), (1, ACK, 0));
    assert!(world.pass(60_000).is_empty());
    for (fault, wanted) in [
        (r#"{"kind":"reply_code","code":1204,"count":1}"#, "\"code\":1204"),
        (r#"{"kind":"unknown_id","count":1}"#, "\"code\":200"),
        (r#"{"kind":"rate_limit","count":1}"#, "\"code\":429"),
    ] {
        world.order(fault);
        let answer = world.ask(Message::request(POST, TEMP).payload(&support::post("5", 1.0)));
        let text = String::from_utf8(answer.payload).unwrap();
        assert!(answer.code == CHANGED && text.contains(wanted), "{text}");
        assert_eq!(text.contains("\"id\":\"5\""), !fault.contains("unknown_id"));
        let control = fault.contains("rate_limit").then_some("/topic/sys/pk1/d1/traffic/control");
        let hint = answer.options.iter().find(|(number, _)| *number == 2_100);
        assert_eq!(hint.map(|(_, path)| &path[..]), control.map(str::as_bytes));
    }
    world.order(r#"{"kind":"refuse_connect","code":3,"count":1}"#);
    world.clock.advance(2_000);
    assert_eq!(world.ask(auth("d1", 300)).code, code(5, 3));
    world.order(r#"{"kind":"block","time":5000,"device":"pk1/d1","count":1}"#);
    assert_eq!(world.ask(auth("d1", 300)).code, code(4, 29));
    world.order(r#"{"kind":"secret_rotated","device":"pk1/d1","secret":"new"}"#);
    world.clock.advance(5_000);
    assert_eq!(world.ask(auth("d1", 300)).code, code(4, 1));
}

#[test]
fn a_sleepy_device_is_online_for_its_lifetime_and_leaves_nothing_behind() {
    let mut world = World::new(false);
    for port in 1..=50 {
        let answers = world.raw(peer(port), &Message { id: 1, ..auth("d2", 60) }.bytes());
        assert_eq!(Message::read(&answers[0]).code, CHANGED);
    }
    let id = DeviceId::new("pk1", "d2");
    assert_eq!((world.hub.fabric().connections(), world.hub.fabric().locate(&id).is_some()), (1, true));
    assert_eq!(world.journal("kind=disconnect").len(), 49);
    world.pass(60_000);
    assert_eq!((world.hub.fabric().connections(), world.hub.fabric().locate(&id)), (0, None));
    world.pass(3_600_000);
    assert_eq!(world.coap.deadline(), None, "nobody is left to look after");
    let texts: Vec<Value> = world.journal("kind=disconnect");
    assert!(texts.last().unwrap()["text"].as_str().unwrap().contains("silent for its lifetime of 60 s"));
    // The hub's end is told, too.
    world.raw(peer(1), &Message { id: 2, ..auth("d2", 60) }.bytes());
    world.hub.stop();
    world.sent();
    assert_eq!(world.hub.fabric().connections(), 0);
    let answers = world.raw(peer(1), &Message { id: 3, kind: NON, ..auth("d1", 60) }.bytes());
    assert_eq!((Message::read(&answers[0]).kind, Message::read(&answers[0]).code), (NON, code(5, 3)));
}

#[test]
fn no_bytes_hurt() {
    let mut world = World::signed_in(false);
    let seeds: Vec<Vec<u8>> = [
        auth("d1", 60),
        Message::request(POST, TEMP)
            .payload(&support::post("1", 1.0))
            .block(27, 1, true, 1)
            .block(23, 0, false, 2),
        Message::request(GET, REBOOT).with(17, &[50]).with(60, &[1]),
    ]
    .iter()
    .map(Message::bytes)
    .collect();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut draw = |limit: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as usize % limit
    };
    for round in 0..20_000 {
        let mut bytes = seeds[draw(seeds.len())].clone();
        for _ in 0..=draw(3) {
            let at = draw(bytes.len());
            match draw(3) {
                0 => bytes[at] = draw(256) as u8,
                1 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, draw(256) as u8),
            }
        }
        let from = peer(1 + u16::from(round % 2 == 0));
        let answers = world.raw(from, &bytes);
        assert!(answers.len() <= 1);
        for answer in answers {
            assert!(answer.len() <= 1_024);
            Message::read(&answer);
        }
        if round % 1_000 == 0 {
            world.clock.advance(400);
            world.coap.expire();
        }
    }
    world.clock.advance(300_000);
    assert_eq!(world.ask(auth("d1", 3_600)).code, CHANGED);
    assert_eq!(world.post().code, CHANGED);
}

#[test]
fn each_request_begins_the_lifetime_anew_and_its_end_needs_no_timer() {
    let mut world = World::new(false);
    assert_eq!(world.ask(auth("d1", 60)).code, CHANGED);
    for _ in 0..3 {
        world.clock.advance(59_999);
        assert_eq!(world.post().code, CHANGED);
    }
    world.clock.advance(60_000);
    assert_eq!(world.post().code, code(4, 1));
    assert_eq!(world.journal("kind=disconnect").len(), 1);
}

#[test]
fn what_waits_makes_the_answer_to_a_sign_in_no_weapon() {
    let mut world = World::new(false);
    let seed = r#"{"models": [{"modelId": "talker", "services": {"say": {"identifier": "say", "callType": "SYNC",
        "inputData": [{"identifier": "text", "dataType": "STRING"}], "outputData": []}}}],
        "products": [{"productKey": "pk9", "productSecret": "ps9", "productName": "t", "modelId": "talker"}],
        "devices": [{"productKey": "pk9", "deviceKey": "d9", "deviceSecret": "s9"}]}"#;
    world.hub.cloud().load_seed(seed).unwrap();
    let give = "/connect-service/v2.1/commands?action=invokeService&orgId=o1&productKey=pk9&deviceKey=d9&serviceId=say\
                &pendingTtl=3600";
    let told = world.rest("POST", give, &json!({"inputData": {"text": "x".repeat(700)}}).to_string());
    assert_eq!(told["code"], 0, "{told}");
    let payload = support::coap::auth_payload("pk9", "d9", 300, "s9");
    let sign_in = Message { id: 5, ..Message::request(POST, "/auth/pk9/d9").payload(&payload) }.bytes();
    let answer = world.raw(peer(9), &sign_in).remove(0);
    assert!(answer.len() <= 3 * sign_in.len(), "{} bytes for {}", answer.len(), sign_in.len());
    let answer = Message::read(&answer);
    assert_eq!((answer.code, answer.text(2_100)), (CHANGED, Some("/topic/sys/pk9/d9/thing/service/say")));
    assert_eq!(answer.option(2_102), None);
    // A peer that is known is given what waits.
    let post = Message::request(POST, "/topic/sys/pk9/d9/thing/tag/query").payload(b"{}");
    let answer = Message::read(&world.raw(peer(9), &Message { id: 6, ..post }.bytes())[0]);
    assert!(answer.option(2_102).is_some_and(|command| command.len() > 700));
}
