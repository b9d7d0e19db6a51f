//! The benchmark runs and leaves nothing out: every row, every peer. No time is judged here.
#![forbid(unsafe_code)]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use serde_json::Value;

const BENCH: &str = env!("CARGO_BIN_EXE_bench-figures");

/// Every row and who must have a value in it.
const EXPECTED: &[(&str, &[&str])] = &[
    ("posts.cpu_us", &["floor", "rumqttc", "ours"]),
    ("posts.per_second", &["floor", "rumqttc", "ours"]),
    ("single.p50_us", &["floor", "rumqttc", "ours"]),
    ("single.p99_us", &["floor", "rumqttc", "ours"]),
    ("single.cpu_us", &["floor", "rumqttc", "ours"]),
    ("commands.cpu_us", &["floor", "rumqttc", "ours"]),
    ("commands.per_second", &["floor", "rumqttc", "ours"]),
    ("commands.p50_us", &["floor", "rumqttc", "ours"]),
    ("engine.post_us", &["ours"]),
    ("engine.command_us", &["ours"]),
    ("allocations.per_post", &["ours"]),
    ("allocations.per_command", &["ours"]),
    ("burst.lost", &["rumqttc", "ours"]),
    ("burst.settled", &["rumqttc", "ours"]),
    ("burst.refused", &["rumqttc", "ours"]),
    ("burst.grown_mb", &["rumqttc", "ours"]),
    ("idle.rss_mb", &["floor", "rumqttc", "ours"]),
    ("idle_tls.rss_mb", &["rustls", "ours"]),
    ("start.ms", &["floor", "rumqttc", "ours"]),
    ("start.cpu_ms", &["floor", "rumqttc", "ours"]),
    ("connect_tls.cpu_ms", &["rustls", "ours"]),
    ("many.threads", &["ours"]),
    ("many.kb_each", &["ours"]),
    ("c_posts.cpu_us", &["libmosquitto", "ours"]),
    ("c_posts.per_second", &["libmosquitto", "ours"]),
    ("c_commands.cpu_us", &["libmosquitto", "ours"]),
    ("c_commands.per_second", &["libmosquitto", "ours"]),
    ("c_single.p50_us", &["libmosquitto", "ours"]),
    ("c_single.p99_us", &["libmosquitto", "ours"]),
    ("c_single.cpu_us", &["libmosquitto", "ours"]),
    ("c_idle.rss_mb", &["libmosquitto", "ours"]),
    ("c_start.ms", &["libmosquitto", "ours", "empty"]),
    ("c_memory.grown_percent", &["ours"]),
    ("c_memory.handles", &["ours"]),
    ("c_installed.mb", &["libmosquitto", "ours"]),
    ("java_posts.cpu_us", &["AWS CRT", "Paho", "ours"]),
    ("java_posts.per_second", &["AWS CRT", "Paho", "ours"]),
    ("java_commands.cpu_us", &["AWS CRT", "Paho", "ours"]),
    ("java_commands.per_second", &["AWS CRT", "Paho", "ours"]),
    ("java_single.p50_us", &["AWS CRT", "HiveMQ", "ours"]),
    ("java_single.p99_us", &["AWS CRT", "HiveMQ", "ours"]),
    ("java_single.cpu_us", &["AWS CRT", "HiveMQ", "ours"]),
    ("java_idle.rss_mb", &["AWS CRT", "Paho", "HiveMQ", "ours"]),
    ("java_start.ms", &["AWS CRT", "Paho", "ours", "empty"]),
    ("java_memory.grown_percent", &["ours"]),
    ("java_memory.handles", &["ours"]),
    ("java_installed.mb", &["AWS CRT", "Paho", "HiveMQ", "ours"]),
    ("python_posts.cpu_us", &["gmqtt", "awscrt", "paho 2", "vendor", "ours", "ours async"]),
    ("python_posts.per_second", &["gmqtt", "awscrt", "paho 2", "vendor", "ours", "ours async"]),
    ("python_commands.cpu_us", &["gmqtt", "awscrt", "paho 2", "vendor", "ours", "ours async"]),
    ("python_commands.per_second", &["gmqtt", "awscrt", "paho 2", "vendor", "ours", "ours async"]),
    ("python_single.p50_us", &["gmqtt", "awscrt", "paho 2", "vendor", "ours", "ours async"]),
    ("python_single.p99_us", &["gmqtt", "awscrt", "paho 2", "vendor", "ours", "ours async"]),
    ("python_single.cpu_us", &["gmqtt", "awscrt", "paho 2", "vendor", "ours", "ours async"]),
    ("python_idle.rss_mb", &["gmqtt", "awscrt", "paho 2", "vendor", "ours", "ours async"]),
    ("python_start.ms", &["gmqtt", "awscrt", "paho 2", "vendor", "ours", "ours async", "empty"]),
    ("python_memory.grown_percent", &["ours", "ours async"]),
    ("python_memory.handles", &["ours", "ours async"]),
    ("python_installed.mb", &["gmqtt", "awscrt", "paho 2", "vendor", "ours"]),
    ("hub.ready_ms", &["ours"]),
    ("hub_connect.cpu_us", &["mosquitto", "ours"]),
    ("hub_connect.per_second", &["mosquitto", "ours"]),
    ("hub_connect.load_percent", &["mosquitto", "ours"]),
    ("hub_connect_tls.cpu_us", &["rustls", "ours"]),
    ("hub_connect_mutual.cpu_us", &["rustls", "ours"]),
    ("hub_posts.cpu_us", &["mosquitto", "ours"]),
    ("hub_posts.per_second", &["mosquitto", "ours"]),
    ("hub_posts.load_percent", &["mosquitto", "ours"]),
    ("hub_posts_qos1.cpu_us", &["mosquitto", "ours"]),
    ("hub_posts_qos1.per_second", &["mosquitto", "ours"]),
    ("hub_posts_kept.cpu_us", &["sqlite", "ours"]),
    ("hub_posts_kept.per_second", &["sqlite", "ours"]),
    ("hub_idle.kb_each", &["mosquitto", "ours"]),
    ("hub_idle.mb", &["mosquitto", "ours"]),
    ("hub_idle_tls.kb_each", &["rustls", "ours"]),
    ("hub_command.p50_ms", &["ours"]),
    ("hub_command.p99_ms", &["ours"]),
    ("hub_command.cpu_us", &["ours"]),
    ("hub_live.percent", &["ours"]),
    ("world.virtual_per_second", &["ours"]),
];

/// Peers that may be absent where it is not CI: they come from Debian, PyPI or Maven Central.
const OPTIONAL: &[&str] = &[
    "mosquitto",
    "libmosquitto in c",
    "AWS CRT in java",
    "Paho in java",
    "HiveMQ in java",
    "gmqtt in python",
    "awscrt in python",
    "paho 2 in python",
    "vendor in python",
];

/// How the program names a peer that is absent, in a row of that id.
fn label(id: &str, peer: &str) -> String {
    let language = ["c", "java", "python"].into_iter().find(|name| id.starts_with(&format!("{name}_")));
    language.map_or_else(|| peer.to_owned(), |language| format!("{peer} in {language}"))
}

#[test]
fn every_row_has_every_peer() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("figures.json");
    let output = Command::new(BENCH).arg("--quick").arg("--json").arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );

    let figures: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let rows = figures["rows"].as_array().unwrap();
    let ids: Vec<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
    assert_eq!(ids, EXPECTED.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    let absent: Vec<&str> =
        OPTIONAL.iter().copied().filter(|peer| figures["absent"][peer].is_string()).collect();
    if !absent.is_empty() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "left out: {}", figures["absent"]);
        println!("skipped: {}", figures["absent"]);
    }
    for (row, (id, peers)) in rows.iter().zip(EXPECTED) {
        let is_here = |peer: &&str| !absent.contains(&label(id, peer).as_str());
        let peers: Vec<&str> = peers.iter().copied().filter(is_here).collect();
        let mut found: Vec<&String> = row["values"].as_object().unwrap().keys().collect();
        let mut wanted = peers.clone();
        found.sort();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{id}");
        for peer in peers {
            let median = row["values"][peer]["median"].as_f64().unwrap();
            // What a live view costs may drown in what a busy machine adds, and memory may shrink.
            let may_be_less =
                ["hub_live.percent", "java_memory.grown_percent", "python_memory.grown_percent"];
            assert!(
                median.is_finite() && (median >= 0.0 || may_be_less.contains(id)),
                "{id} by {peer}: {median}"
            );
        }
        assert!(said.contains(row["what"].as_str().unwrap()), "{id} is not in the table:\n{said}");
    }
    // Counted, not timed: these hold in every build and on every machine.
    let nothing = [
        "allocations.per_post",
        "allocations.per_command",
        "burst.lost",
        "c_memory.handles",
        "java_memory.handles",
    ];
    for id in nothing.into_iter().chain(["python_memory.handles"]) {
        let row = rows.iter().find(|row| row["id"] == id).unwrap();
        assert_eq!(row["values"]["ours"]["max"], 0.0, "{id}");
    }
    assert!(figures["failures"].as_array().unwrap().is_empty());
    assert_eq!(figures["machine"]["packages"]["rumqttc"], "0.25.1");
}

/// One task, and nothing but its rows.
#[test]
fn single_tasks_can_be_chosen() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("figures-only.json");
    let output =
        Command::new(BENCH).args(["--quick", "--only", "hub,engine", "--json"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let figures: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let ids: Vec<&str> =
        figures["rows"].as_array().unwrap().iter().filter_map(|row| row["id"].as_str()).collect();
    assert_eq!(ids, ["engine.post_us", "engine.command_us", "hub.ready_ms"]);
}

#[test]
fn unknown_arguments_are_refused() {
    let wrong: &[&[&str]] = &[
        &["--fast"],
        &["--runs"],
        &["--runs", "0"],
        &["--only"],
        &["--only", "posts,nothing"],
        &["--only", "everything_all"],
        &["load", "ours", "hub", "no order"],
    ];
    for &arguments in wrong {
        let output = Command::new(BENCH).args(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn children_end_with_the_thread_that_started_them() {
    let started = thread::spawn(|| {
        let mut child = Command::new(BENCH).arg("responder").stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut ready = String::new();
        output.read_line(&mut ready).unwrap();
        (child, output, ready)
    });
    let (mut child, mut output, ready) = started.join().unwrap();
    assert!(serde_json::from_str::<Value>(&ready).unwrap()["tcp"].is_string());
    let (sender, ended) = channel();
    thread::spawn(move || sender.send(output.read_to_end(&mut Vec::new()).is_ok()));
    let closed = ended.recv_timeout(Duration::from_secs(20));
    let _ = child.kill();
    child.wait().unwrap();
    assert_eq!(closed, Ok(true), "the responder outlived the thread that started it");
}
