//! Captures, read by tshark: every packet is MQTT to it and none is malformed, whatever the hub's end was.
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

mod support;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mock_hub::Hub;
use mock_hub::fabric::{DeviceId, Outbound};
use support::*;

/// A file of this test alone, gone with it.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("mock-hub-{name}-{}.pcapng", std::process::id())))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Whether tshark is here; with CI=true it has to be.
fn has_tshark() -> bool {
    let found = Command::new("tshark").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        let must = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!must, "tshark is missing. Fix: apt-get install tshark");
        eprintln!("skipped: tshark is not installed");
    }
    found
}

/// What tshark says of a file: one line for each frame that the filter passes, fields with tabs between.
fn tshark(file: &Path, filter: &str, fields: &[&str]) -> Vec<String> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-r", file.to_str().unwrap(), "-Y", filter, "-T", "fields"]);
    // Checksums are right too.
    command.args([
        "-o",
        "tcp.check_checksum:TRUE",
        "-o",
        "ip.check_checksum:TRUE",
        "-o",
        "udp.check_checksum:TRUE",
    ]);
    for field in fields {
        command.args(["-e", field]);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !said.contains("cut short"), "{said}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Asserts that nothing in a file is odd to tshark.
fn is_sound(file: &Path) {
    let odd = "_ws.malformed || _ws.unreassembled || tcp.analysis.flags || tcp.checksum.status == 0 || \
               ip.checksum.status == 0 || (tcp.payload && tcp.port == 1883 && !mqtt && !tcp.segment_data)";
    let found = tshark(file, odd, &["frame.number", "_ws.col.Info", "_ws.expert.message"]);
    assert!(found.is_empty(), "{found:#?}");
}

/// The types of the MQTT packets of one connection, in order.
fn types(file: &Path, filter: &str) -> Vec<u8> {
    let lines = tshark(file, filter, &["mqtt.msgtype"]);
    lines.iter().flat_map(|line| line.split(',')).filter_map(|text| text.parse().ok()).collect()
}

fn post_and_leave<S: std::io::Read + std::io::Write>(client: &mut Client<S>, topic: &str, payload: &[u8]) {
    client.send(&subscribe(1, &format!("{topic}_reply"), 1));
    client.packet();
    client.send(&publish(topic, 7, payload));
    client.packet();
    let (_, id, _) = client.packet().published();
    client.send(&packet(0x40, &[&id.to_be_bytes()]));
    client.ping();
    client.send(&[0xE0, 0]);
    client.closed();
}

const WHOLE: [u8; 11] = [1, 2, 8, 9, 3, 4, 3, 4, 12, 13, 14];

#[test]
fn tshark_decodes_plain_and_tls_traffic_and_sees_no_secret() {
    if !has_tshark() {
        return;
    }
    let file = File::new("decoded");
    let hub = Hub::builder().ephemeral().seed_json(SEED).capture(file.path()).start().unwrap();
    // An activation, whose message carries the secret, over a CONNECT that comes in pieces.
    let mut young = client(&hub);
    for piece in connect(&login("pk1", "d1", 3, "ps1"), true, 60).chunks(10) {
        young.send(piece);
    }
    assert_eq!(young.packet().body, [0, 0]);
    assert!(young.packet().published().0.ends_with("/thing/activate/info"));
    let mut plain = signed_in(&hub, &device("pk1", "d1"));
    post_and_leave(&mut plain, POST, &post("12", 21.0));
    let mut inside = Client(tls(&hub, hub.mqtts(), None));
    inside.send(&connect(&device("pk1", "d2"), true, 60));
    assert_eq!(inside.packet().body, [0, 0]);
    // Far over one segment, both ways.
    let long = format!("{{\"id\":\"{}\",\"x\":\"{}\"}}", "1".repeat(60_000), "x".repeat(200_000));
    post_and_leave(&mut inside, "/sys/pk1/d2/thing/measurepoint/post", long.as_bytes());
    let mut active = signed_in(&hub, &device("pk1", "d2"));
    let command =
        Outbound { topic: "/sys/pk1/d2/thing/service/reboot".into(), payload: b"{}".to_vec(), qos: 1 };
    hub.fabric().deliver(&DeviceId::new("pk1", "d2"), command).unwrap();
    active.packet();
    let mut refused = client(&hub);
    refused.send(&connect(&login("pk1", "d2", 2, "wrong"), true, 60));
    assert_eq!(refused.packet().body, [0, 4]);
    drop((young, active, refused));
    drop(hub);
    is_sound(&file.0);
    assert_eq!(types(&file.0, "mqtt && frame.interface_name == \"mqtt\" && tcp.stream == 1"), WHOLE);
    assert_eq!(types(&file.0, "mqtt && ip.addr == 192.0.2.1"), WHOLE);
    let lengths = tshark(&file.0, "mqtt.msgtype == 3 && ip.dst == 192.0.2.1", &["mqtt.len"]);
    assert!(lengths[0].parse::<usize>().unwrap() > 260_000, "{lengths:?}");
    let passwords = tshark(&file.0, "mqtt.msgtype == 1", &["mqtt.passwd"]);
    assert_eq!(passwords.len(), 5);
    assert!(
        passwords.iter().all(|one| one.len() == 64 && one.bytes().all(|byte| byte == b'*')),
        "{passwords:?}"
    );
    let activation = tshark(&file.0, "mqtt.topic contains \"activate\"", &["mqtt.topic"]);
    assert_eq!(activation, ["/ext/session/pk1/d1/thing/activate/info"]);
    let bytes = std::fs::read(&file.0).unwrap();
    for secret in ["secret-d1", "secret-d2", &*device("pk1", "d1").password] {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} is in the capture");
    }
}

/// Runs the command, lets a device post without pause, and ends it by a signal in the middle.
fn end_by(signal: &str) {
    if !has_tshark() {
        return;
    }
    let (file, seed) = (File::new(signal), File::new(&format!("{signal}-seed")));
    std::fs::write(&seed.0, SEED).unwrap();
    let any = "127.0.0.1:0";
    let mut hub = Command::new(env!("CARGO_BIN_EXE_mock-hub"))
        .args(["serve", "--mqtt", any, "--mqtts", any, "--coap", any, "--http", any, "--https", any])
        .args(["--seed", seed.path(), "--capture", file.path()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(hub.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let mut client = Client(tcp(ready["mqtt"].as_str().unwrap().parse().unwrap()));
    client.send(&connect(&device("pk1", "d1"), true, 60));
    client.packet();
    let pid = hub.id().to_string();
    for id in 1..2_000_u16 {
        if id == 1_000 {
            assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        }
        let bytes = publish(POST, id, &post(&id.to_string(), 21.0));
        if std::io::Write::write_all(&mut client.0, &bytes).is_err() {
            break;
        }
        if id < 1_000 {
            assert_eq!(client.packet().head, 0x40);
            let (_, reply, _) = client.packet().published();
            client.send(&packet(0x40, &[&reply.to_be_bytes()]));
        }
    }
    hub.wait().unwrap();
    is_sound(&file.0);
    let posts = tshark(&file.0, "mqtt.topic contains \"post_reply\"", &["mqtt.msgid"]).len();
    assert!(posts >= 990, "{posts}");
}

#[test]
fn a_hub_that_is_told_to_end_leaves_a_whole_file() {
    end_by("TERM");
}

#[test]
fn a_hub_that_is_killed_leaves_a_whole_file() {
    end_by("KILL");
}

#[test]
fn a_file_that_cannot_be_written_is_told_at_the_start() {
    let error = Hub::builder().ephemeral().capture("/nowhere/x.pcapng").start().unwrap_err();
    assert!(error.to_string().starts_with("cannot write the capture /nowhere/x.pcapng: "), "{error}");
    #[cfg(target_os = "linux")]
    {
        let full = Hub::builder().ephemeral().capture("/dev/full").start().unwrap_err();
        assert!(full.to_string().contains("No space left"), "{full}");
    }
}

#[test]
fn tshark_decodes_coap_and_sees_no_sign() {
    if !has_tshark() {
        return;
    }
    let file = File::new("coap");
    let hub = Hub::builder().ephemeral().seed_json(SEED).capture(file.path()).start().unwrap();
    let mut device = coap::Device::signed_in(&hub, "d1");
    // Readers find the request of an answer by its token.
    let post = coap::Message::request(coap::POST, "/topic/sys/pk1/d1/thing/measurepoint/post");
    device.ask(coap::Message { token: vec![7; 8], ..post.payload(&support::post("1", 1.0)) });
    device.nothing_came();
    drop(hub);
    let odd = "_ws.malformed || udp.checksum.status == 0 || ip.checksum.status == 0 || (udp && !coap)";
    assert_eq!(tshark(&file.0, odd, &["frame.number", "_ws.col.Info"]), [""; 0]);
    let lines = tshark(&file.0, "coap", &["udp.port", "coap.type", "coap.code", "coap.opt.uri_path_recon"]);
    let told: Vec<String> = lines.iter().map(|line| line.split_once('\t').unwrap().1.to_owned()).collect();
    let told: Vec<&str> = told.iter().map(|line| line.trim_end()).collect();
    let post = "/topic/sys/pk1/d1/thing/measurepoint/post";
    assert_eq!(
        told,
        [
            "0\t2\t/auth/pk1/d1",
            "2\t68\t/auth/pk1/d1",
            &format!("0\t2\t{post}"),
            &format!("2\t68\t{post}"),
            "0\t0",
            "3\t0"
        ]
    );
    assert!(lines.iter().all(|line| line.contains("5683")), "{lines:?}");
    let bytes = std::fs::read(&file.0).unwrap();
    let payload = String::from_utf8(coap::auth_payload("pk1", "d1", 3_600, "secret-d1")).unwrap();
    let sign = payload.split('"').rev().nth(1).unwrap();
    assert!(sign.len() == 64 && !String::from_utf8_lossy(&bytes).contains(sign));
    assert!(String::from_utf8_lossy(&bytes).contains(&format!("\"sign\":\"{}\"", "*".repeat(64))));
}
