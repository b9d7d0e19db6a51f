//! The command as a user or a CI job runs it: the ready line, the files, the signals, the errors.
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

mod support;

use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::process::Output;
use std::time::Instant;

use support::process::{FREE, Folder, Process, command};
use support::*;

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// Asserts that the command fails with exactly one line on stderr that holds `wanted`.
fn fails_with(arguments: &[&str], wanted: &str) {
    let output = run(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{arguments:?}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(wanted), "{said}");
}

#[cfg(unix)]
#[test]
fn it_says_where_it_listens_and_ends_in_order_on_either_signal() {
    let folder = Folder::new("ready");
    let (seed, ready_file) = (folder.file("seed.json"), folder.file("ready.json"));
    std::fs::write(&seed, SEED).unwrap();
    std::fs::write(&ready_file, "stale").unwrap();
    for signal in ["TERM", "INT"] {
        let mut hub = Process::start(&["--memory", "--seed", &seed, "--ready-file", &ready_file]);
        assert_eq!(hub.ready["ready"], true);
        assert!(hub.ready["ca_pem"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
        let mut client = Client(tcp(hub.ready["mqtt"].as_str().unwrap().parse().unwrap()));
        client.send(&connect(&device("pk1", "d1"), true, 60));
        assert_eq!(client.packet().body, [0, 0]);
        // The file is written right after the line.
        let deadline = Instant::now() + PATIENCE;
        let told = loop {
            let text = std::fs::read_to_string(&ready_file).unwrap_or_default();
            match serde_json::from_str::<serde_json::Value>(&text) {
                Ok(told) => break told,
                Err(_) => assert!(Instant::now() < deadline, "no ready file: {text}"),
            }
            std::thread::yield_now();
        };
        assert_eq!(told, hub.ready);
        hub.signal(signal);
        client.closed();
        assert!(hub.child.wait().unwrap().success());
        assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1, "only the seed is left");
    }
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken_by_udp = datagrams.local_addr().unwrap().to_string();
    for socket in ["mqtt", "mqtts", "coap", "http", "https"] {
        let address = if socket == "coap" { taken_by_udp.clone() } else { address.clone() };
        let mut arguments = FREE;
        let flag = arguments.iter().position(|argument| *argument == format!("--{socket}")).unwrap();
        arguments[flag + 1] = &address;
        fails_with(&arguments, &format!("cannot listen on {address} for {socket}"));
    }
}

#[test]
fn a_wrong_seed_is_told_with_its_place() {
    let folder = Folder::new("seed");
    let seed = folder.file("seed.json");
    let missing = folder.file("nowhere.json");
    fails_with(&[&FREE[..], &["--seed", &missing]].concat(), "cannot read the seed");
    std::fs::write(&seed, r#"{"devices": [{"productKey": "pk", "deviceKye": "d"}]}"#).unwrap();
    fails_with(&[&FREE[..], &["--seed", &seed]].concat(), "deviceKye");
}

#[test]
fn other_machines_may_reach_it_only_if_somebody_says_so() {
    fails_with(&["serve", "--mqtt", "0.0.0.0:0"], "--allow-remote");
}

#[test]
fn the_example_seed_is_a_seed() {
    let example = run(&["seed", "--example"]);
    assert!(example.status.success());
    let folder = Folder::new("example");
    let seed = folder.file("seed.json");
    std::fs::write(&seed, &example.stdout).unwrap();
    let mut hub = Process::start(&["--seed", &seed]);
    assert_eq!(hub.ready["ready"], true);
    hub.child.kill().unwrap();
    let mut rest = Vec::new();
    hub.child.stdout.take().unwrap().read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty(), "only the ready line goes to stdout");
}
