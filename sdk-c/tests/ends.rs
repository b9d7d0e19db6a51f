//! How C processes end: by fork, by exit at every stage, after many rounds; and what the watchers of memory say of it all.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use mock_hub::Hub;
use std::net::TcpListener;
use std::process::Command;
use support::{Language, Program};

fn hub() -> Hub {
    Hub::builder().ephemeral().seed_json(mock_hub::example_seed()).start().unwrap()
}

fn tcp(hub: &Hub) -> String {
    format!("tcp://{}", hub.mqtt())
}

/// Accepts by its backlog, and never answers.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    (listener, url)
}

#[test]
fn a_forked_child_is_told_at_once_and_its_parent_notices_nothing() {
    let hub = hub();
    assert_eq!(Program::new("ends.c", Language::C99).output(&["fork", &tcp(&hub)]), "done\n");
}

#[test]
fn a_process_may_exit_at_every_stage() {
    let (hub, program) = (hub(), Program::new("ends.c", Language::C99));
    let (_listener, silent) = silent();
    // Made, connecting, in a callback, online, while posts are open, while it closes.
    for stage in 0..=5 {
        let url = if stage == 1 { silent.clone() } else { tcp(&hub) };
        assert_eq!(program.output(&["exit", &url, &stage.to_string()]), "done\n", "stage {stage}");
    }
}

#[test]
fn a_thousand_rounds_leave_nothing_behind() {
    let hub = hub();
    assert_eq!(Program::new("ends.c", Language::C99).output(&["rounds", &tcp(&hub), "1000"]), "done\n");
}

/// Each program that ends by itself, with its arguments.
fn all(hub: &Hub, silent: &str) -> Vec<(&'static str, Vec<String>)> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    vec![
        ("edges.c", words(&[])),
        ("inspect.c", words(&[])),
        ("life.c", words(&[&tcp(hub), silent])),
        ("twins.c", words(&[&tcp(hub)])),
        ("ends.c", words(&["fork", &tcp(hub)])),
        ("ends.c", words(&["rounds", &tcp(hub), "30"])),
    ]
}

#[test]
fn the_sanitizers_find_no_fault_and_no_leak() {
    let hub = hub();
    let (_listener, silent) = silent();
    for (source, arguments) in all(&hub, &silent) {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        assert_eq!(Program::sanitized(source).output(&arguments), "done\n", "{source} {arguments:?}");
    }
}

#[test]
fn valgrind_finds_no_fault_and_no_leak() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: valgrind is not installed. Fix: apt-get install valgrind");
        assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "valgrind is missing");
        return;
    }
    let hub = hub();
    let (_listener, silent) = silent();
    // In a forked child what only the parent's threads held is lost by nature, and valgrind counts that.
    for (source, arguments) in
        all(&hub, &silent).into_iter().filter(|(_, words)| !words.contains(&"fork".to_owned()))
    {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let program = Program::new(source, Language::C99).watched();
        assert_eq!(program.output(&arguments), "done\n", "{source} {arguments:?}");
    }
}
