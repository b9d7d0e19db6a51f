//! Each numbered rule broken in both modes: strict refuses, lenient goes on and warns.

use super::*;
use crate::domain::rule;
use crate::domain::{CommandKind, NewCommand, names::I18n};

const POST: &str = "/sys/Tq4zR9Lw/t-1/thing/measurepoint/post";
const GOOD: &str =
    r#"{"id":"1","version":"1.0","method":"thing.measurepoint.post","params":{"measurepoints":{"temp":1}}}"#;

/// Breaks a rule; gives what the hub refused it with, if it did.
type Breach = fn(&World) -> Option<String>;

fn login(world: &World, bend: fn(&mut Connect)) -> Option<String> {
    let mut connect = Connect::of("Tq4zR9Lw", "t-1");
    bend(&mut connect);
    world.sign_in(&connect).err().map(|refused| format!("CONNACK {}", refused.connack))
}

fn post(world: &World, payload: &[u8]) -> Option<String> {
    let who = world.online("Tq4zR9Lw", "t-1");
    let code = reply(&world.cloud.message(&who, POST, payload, 1))["code"].clone();
    (code != 200).then(|| format!("code {code}"))
}

/// A command that a device answers on a topic and with a text of its own.
fn answer(world: &World, topic: &str, rest: &str, then: fn(u8) -> Option<String>) -> Option<String> {
    let device = world.player("Tq4zR9Lw", "t-1");
    let new = NewCommand {
        kind: CommandKind::Service,
        identifier: "reboot".into(),
        name: I18n::or_default(None, "reboot"),
        params: json!({}),
        timeout_s: 5,
        pending_ttl_s: 0,
    };
    let (id, _) = world.cloud.give_command(&device.who.target, new).unwrap();
    world.cloud.message(&device.who, topic, format!("{{\"id\":\"{id}\",{rest}}}").as_bytes(), 1);
    let state = world.cloud.look_at_command(&device.who.target, id, |command| command.progress as u8);
    then(state.unwrap())
}

const REPLY: &str = "/sys/Tq4zR9Lw/t-1/thing/service/reboot_reply";

/// The device rules; the one of token requests is broken in `admin/tests/signed.rs`, those of CoAP in
/// `front/coap/tests/limits.rs`.
const BREACHES: [(u8, Breach); 12] = [
    (1, |world| login(world, |c| c.client_id = "t-1|signmethod=sha256,timestamp=1626345678901|".into())),
    (2, |world| {
        login(world, |c| {
            // The SHA-1 of the content, made by another tool than the hub.
            c.client_id = "t-1|securemode=2,signmethod=sha1,timestamp=1|".into();
            c.password = "2db94db9242bc6ff23dcfb21ad506b40ddf24429".into();
        })
    }),
    (3, |world| {
        login(world, |c| {
            let id = "x".repeat(65);
            let content = sign::login_content(&id, "t-1", "Tq4zR9Lw", "1");
            c.client_id = format!("{id}|securemode=2,signmethod=sha256,timestamp=1|");
            c.password = sign::sha256_hex(&[&content, "u8Yp2QvKs0t1"]);
        })
    }),
    (4, |world| login(world, |c| c.keep_alive_s = 301)),
    (5, |world| {
        for _ in 0..4 {
            assert_eq!(login(world, |_| ()), None);
            assert!(world.journal("warning").is_empty());
        }
        login(world, |_| ())
    }),
    (6, |world| post(world, GOOD.replace(r#""version":"1.0","#, "").as_bytes())),
    (7, |world| post(world, GOOD.replace("measurepoint.post", "event.post").as_bytes())),
    (8, |world| post(world, GOOD.replace("\"temp\":1", "\"blades\":[NaN]").as_bytes())),
    (9, |world| {
        post(world, &[GOOD.replace("\"temp\":1}}}", "\"note\":\"").as_bytes(), &[0xe9], b"\"}}}"].concat())
    }),
    (10, |world| post(world, GOOD.replace("\"temp\":1", r#""starts":{"value":1,"quality":1}"#).as_bytes())),
    (11, |world| {
        answer(world, REPLY, r#""code":"200""#, |state| (state == 6).then(|| "the command fails".to_owned()))
    }),
    (12, |world| {
        let odd = "/ext/session/session/Tq4zR9Lw/service/reboot_reply";
        answer(world, odd, r#""code":200"#, |state| (state == 4).then(|| "the answer is ignored".to_owned()))
    }),
];

#[test]
fn every_rule_is_enforced_when_strict_and_warned_of_when_lenient() {
    let numbers: Vec<u8> = BREACHES.iter().map(|(number, _)| *number).collect();
    let known: Vec<u8> = rule::ALL.iter().map(|rule| rule.number).filter(|number| *number < 13).collect();
    assert_eq!(numbers, known);
    for (number, breach) in BREACHES {
        let rule = rule::ALL[usize::from(number) - 1];
        let world = World::strict();
        assert_eq!(breach(&world).as_deref(), Some(rule.refused_with), "rule {number}");
        assert!(world.journal("warning").is_empty(), "rule {number}");
        assert!(world.last("refused").contains(rule.text) || number == 11, "{}", world.last("refused"));
        let world = World::example();
        assert_eq!(breach(&world), None, "rule {number}");
        let warnings = world.journal("warning");
        assert_eq!(warnings.len(), 1, "rule {number}: {warnings:?}");
        assert_eq!(warnings[0]["detail"]["rule"], number);
        assert_eq!(warnings[0]["device"], "Tq4zR9Lw/t-1");
        let text = warnings[0]["text"].as_str().unwrap();
        assert!(text.contains(rule.text) && text.contains(rule.fix), "{text}");
    }
}

#[test]
fn a_time_far_ahead_is_warned_of_once_and_stored_as_it_is() {
    for world in [World::example(), World::strict()] {
        let who = world.online("Tq4zR9Lw", "t-1");
        let post = |time: i64| {
            let payload = GOOD.replace("}}}", &format!("}},\"time\":{time}}}}}"));
            assert_eq!(reply(&world.cloud.message(&who, POST, payload.as_bytes(), 1)), ok("1"));
            world.journal("warning").len()
        };
        let now = i64::try_from(START_MS).unwrap();
        assert_eq!((post(0), post(now), post(now + 600_000)), (0, 0, 0));
        assert_eq!((post(i64::MAX), post(now + 600_001)), (1, 1));
        let text = world.last("warning");
        assert!(text.contains("ahead of the hub's clock") && text.contains("Fix: "), "{text}");
        // A new connection is warned anew.
        let who = world.online("Tq4zR9Lw", "t-1");
        let payload = GOOD.replace("}}}", &format!("}},\"time\":{}}}}}", now + 600_001));
        world.cloud.message(&who, POST, payload.as_bytes(), 1);
        assert_eq!(world.journal("warning").len(), 2);
    }
}
