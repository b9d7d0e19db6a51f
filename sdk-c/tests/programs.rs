//! C programs against a hub in this process: what they do stands in `tests/c`, and the hub's REST says what came of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use mock_hub::Hub;
use std::net::TcpListener;
use support::{Language, Program};

fn hub() -> Hub {
    Hub::builder().ephemeral().seed_json(mock_hub::example_seed()).start().unwrap()
}

fn tcp(hub: &Hub) -> String {
    format!("tcp://{}", hub.mqtt())
}

const DEVICE: &str = "orgId=o1&productKey=Tq4zR9Lw&deviceKey=t-1";

fn command(hub: &Hub, action: &str, body: &str) -> String {
    let path = format!("/connect-service/v2.1/commands?action={action}&pendingTtl=0&timeout=20&{DEVICE}");
    support::http(hub.http(), "POST", &path, body)
}

fn reboot(hub: &Hub, delay: u32) -> String {
    command(hub, "invokeService&serviceId=reboot", &format!("{{\"inputData\":{{\"delay\":{delay}}}}}"))
}

fn talk(language: Language) {
    let hub = hub();
    let program = Program::new("talk.c", language);
    let mut talk = program.start(&[&tcp(&hub)]);
    talk.says("ready");
    let latest = format!("/connect-service/v2.1/measurepoints?action=queryLatest&{DEVICE}");
    let latest = support::http(hub.http(), "POST", &latest, "{}");
    for value in ["21.5", "\"grüß\"", "[1.5,2.0,-3.25]", "54.5", "true"] {
        assert!(latest.contains(value), "{value} is not in {latest}");
    }
    let now = reboot(&hub, 1);
    assert!(now.contains("\"accepted\":true"), "{now}");
    let text = reboot(&hub, 2);
    assert!(text.contains("\"accepted\":false"), "{text}");
    let refused = reboot(&hub, 3);
    assert!(refused.contains("2001") && refused.contains("too late for that"), "{refused}");
    for (delay, says) in
        [(6, "\"accepted\":true"), (7, "\"accepted\":false"), (8, "not at night"), (10, "\"accepted\":true")]
    {
        let told = reboot(&hub, delay);
        assert!(told.contains(says), "{told}");
    }
    for forgotten in [reboot(&hub, 4), reboot(&hub, 5), reboot(&hub, 9)] {
        assert!(forgotten.contains("1102"), "{forgotten}");
    }
    let set = || command(&hub, "setMeasurepoint&measurepointId=setpoint", "{\"value\":1500}");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(set);
        talk.says("set came");
        assert!(!waiting.is_finished());
        talk.tell("answer it");
        let answered = waiting.join().unwrap();
        assert!(answered.contains("\"code\":0"), "{answered}");
    });
    talk.tell("take it away");
    talk.says("set is gone");
    let nobody = set();
    assert!(nobody.contains("1101"), "{nobody}");
    talk.tell("end");
    talk.says("done");
    talk.end();
}

#[test]
fn posts_and_commands_in_c99() {
    talk(Language::C99);
}

#[test]
fn posts_and_commands_in_cpp11() {
    talk(Language::Cpp11);
}

#[test]
fn what_only_c_can_get_wrong_is_refused() {
    assert_eq!(Program::new("edges.c", Language::C99).output(&[]), "done\n");
}

#[test]
fn what_goes_on_the_wire_is_told_without_a_client() {
    for language in [Language::C99, Language::Cpp11] {
        assert_eq!(Program::new("inspect.c", language).output(&[]), "done\n");
    }
}

#[test]
fn the_doctor_tells_what_is_wrong() {
    for language in [Language::C99, Language::Cpp11] {
        let hub = hub();
        assert_eq!(Program::new("doctor.c", language).output(&[&tcp(&hub)]), "done\n");
    }
}

#[test]
fn every_end_is_told_once() {
    let hub = hub();
    // Accepts by its backlog, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_url = format!("tcp://{}", silent.local_addr().unwrap());
    assert_eq!(Program::new("life.c", Language::C99).output(&[&tcp(&hub), &silent_url]), "done\n");
}

#[test]
fn two_clients_of_one_device_keep_apart_and_the_newest_is_online() {
    for language in [Language::C99, Language::Cpp11] {
        let hub = hub();
        assert_eq!(Program::new("twins.c", language).output(&[&tcp(&hub)]), "done\n");
        // The hub saw each of the two thrown out, by its own word.
        let journal = support::http(hub.http(), "GET", "/hub/v1/journal?kind=disconnect", "");
        assert_eq!(journal.matches("taken over by a newer connection").count(), 2, "{journal}");
    }
}

#[test]
fn activation_and_certificates() {
    let (hub, other) = (hub(), hub());
    let folder =
        std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("secrets-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let device = mock_hub::fabric::DeviceId::new("Ce7rT1Qz", "cert-1");
    let (certificate, key) = hub.issue_client_certificate(&device).unwrap();
    let arguments = [
        tcp(&hub),
        format!("ssl://{}", hub.mqtts()),
        folder.to_str().unwrap().to_owned(),
        file("ca.pem", hub.ca_pem()),
        file("other.pem", other.ca_pem()),
        file("cert.pem", &certificate),
        file("key.pem", &key),
    ];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    assert_eq!(Program::new("secrets.c", Language::C99).output(&arguments), "done\n");
    std::fs::remove_dir_all(&folder).unwrap();
}
