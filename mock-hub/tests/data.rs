//! The data folder from outside: who may use it, what is refused, and what a full disk does.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use mock_hub::Hub;
use serde_json::Value;

use support::process::{FREE, Folder, Process, ended};
use support::*;

/// Starts a hub over a folder that it must refuse, in one line that says `wanted`; nothing in the folder changes.
fn refuses(folder: &str, wanted: &[&str]) {
    let before = contents(Path::new(folder));
    let output = ended(&[&FREE[..], &["--data", folder]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(output.stdout.is_empty());
    assert_eq!(said.lines().count(), 1, "{said}");
    for wanted in wanted.iter().chain(&["Fix: "]) {
        assert!(said.contains(wanted), "\"{wanted}\" is not in: {said}");
    }
    assert_eq!(contents(Path::new(folder)), before, "the folder was touched");
}

/// Every file of a folder with what is in it.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn two_hubs_do_not_share_a_folder_and_the_second_says_who_has_it() {
    let folder = Folder::new("two");
    let data = folder.file("data");
    let mut first = Process::start(&["--data", &data]);
    let holder = format!("process {}", first.child.id());
    let output = ended(&[&FREE[..], &["--data", &data]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    for wanted in ["is in use by another hub", &holder, "Fix: stop that hub"] {
        assert!(said.contains(wanted), "{said}");
    }
    // The first one is not disturbed, and its lock goes with it, however it ends.
    assert_eq!(http(&mut tcp(first.http()), "GET", "/hub/v1/state", "").0, 200);
    first.signal("KILL");
    first.child.wait().unwrap();
    let third = Process::start(&["--data", &data]);
    assert_eq!(http(&mut tcp(third.http()), "GET", "/hub/v1/state", "").0, 200);
}

#[test]
fn a_folder_that_is_not_this_hubs_is_refused_untouched() {
    let folder = Folder::new("foreign");
    let made = folder.file("made");
    drop(Hub::builder().ephemeral().seed_json(SEED).data(&made).start().unwrap());
    let good = fs::read(Path::new(&made).join("hub.db")).unwrap();
    let with = |name: &str, database: &[u8]| {
        let folder = folder.file(name);
        fs::create_dir(&folder).unwrap();
        fs::write(Path::new(&folder).join("hub.db"), database).unwrap();
        folder
    };
    let changed = |at: usize, bytes: [u8; 4]| {
        let mut database = good.clone();
        database[at..at + 4].copy_from_slice(&bytes);
        database
    };
    refuses(&with("newer", &changed(60, [0, 0, 0, 2])), &["newer hub", "format 2", "reads 1"]);
    refuses(&with("older", &changed(60, [0, 0, 0, 0])), &["unknown format 0"]);
    refuses(&with("program", &changed(68, *b"GPKG")), &["belongs to another program"]);
    refuses(&with("text", b"Dear diary, this is no database at all."), &["is no database"]);
    refuses(&with("empty", b""), &["is no database"]);
    let home = folder.file("home");
    fs::create_dir(&home).unwrap();
    fs::write(Path::new(&home).join("thesis.doc"), "years of work").unwrap();
    refuses(&home, &["thesis.doc", "no hub's data"]);
    // A folder that cannot be made, since a file has its name.
    let output = ended(&[&FREE[..], &["--data", &format!("{made}/hub.db")]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("the data folder"));
    // Both at once make no sense.
    let both = ended(&[&FREE[..], &["--data", &made, "--memory"]].concat());
    assert!(!both.status.success());
}

#[test]
fn a_damaged_database_is_told_and_not_served() {
    let folder = Folder::new("damaged");
    let data = folder.file("data");
    drop(Hub::builder().ephemeral().seed_json(SEED).data(&data).start().unwrap());
    let database = Path::new(&data).join("hub.db");
    let mut bytes = fs::read(&database).unwrap();
    // Everything behind the first page, where the schema is.
    bytes[4096..].fill(0x55);
    fs::write(&database, bytes).unwrap();
    let output = ended(&[&FREE[..], &["--data", &data]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot read the data folder") && said.contains("Fix: "), "{said}");
}

#[test]
fn secrets_in_the_folder_are_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("private");
    let data = folder.file("data");
    let hub = Hub::builder().ephemeral().seed_json(SEED).data(&data).start().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(Path::new(&data)), 0o700);
    for name in contents(Path::new(&data)).into_keys() {
        assert_eq!(mode(&Path::new(&data).join(&name)), 0o600, "{name}");
    }
    drop(hub);
}

/// What a post is answered.
fn posted(client: &mut Client<std::net::TcpStream>, time: usize) -> Value {
    // Large enough to fill what the hub may write soon.
    let text = "x".repeat(900);
    let payload = format!(
        r#"{{"id":"{time}","version":"1.0","method":"thing.measurepoint.post","params":{{"measurepoints":{{"note":"{text}"}},"time":{time}}}}}"#
    );
    client.send(&publish(POST, u16::try_from(time % 60_000).unwrap() + 1, payload.as_bytes()));
    loop {
        let packet = client.packet();
        if packet.head & 0xF0 == 0x30 {
            let (_, id, payload) = packet.published();
            client.send(&[&[0x40, 2][..], &id.to_be_bytes()].concat());
            return serde_json::from_slice(&payload).unwrap();
        }
        assert_eq!(packet.head, 0x40, "neither a reply nor a PUBACK");
    }
}

const NOTES: &str = r#"{
  "models": [{"modelId": "m", "measurepoints": {"note": {"identifier": "note", "dataType": "STRING"}}}],
  "products": [{"productKey": "pk1", "productSecret": "ps1", "modelId": "m"}],
  "devices": [{"productKey": "pk1", "deviceKey": "d1", "deviceSecret": "secret-d1"},
    {"productKey": "pk1", "deviceKey": "d2", "deviceSecret": "secret-d2"}]
}"#;

fn notes(hub: &Process) -> Vec<i64> {
    let (status, body) = http(&mut tcp(hub.http()), "GET", "/hub/v1/snapshot", "");
    assert_eq!(status, 200, "{body}");
    let world: Value = serde_json::from_str(&body).unwrap();
    let devices = world["devices"].as_array().unwrap();
    let device = devices.iter().find(|device| device["device"]["deviceKey"] == "d1").unwrap();
    let rows = device["measurepoints"]["note"].as_array().into_iter().flatten();
    rows.map(|row| row[0].as_i64().unwrap()).collect()
}

fn journal_of(hub: &Process) -> String {
    http(&mut tcp(hub.http()), "GET", "/hub/v1/journal?limit=10000", "").1
}

/// A hub whose files may not grow beyond a limit of its process: the system refuses the write as it does on a full
/// disk, without a disk of one's own. The limit is lifted from outside afterwards.
#[test]
fn a_full_disk_refuses_posts_and_nothing_else_and_ends_by_itself() {
    let folder = Folder::new("full");
    let (seed, data) = (folder.file("seed.json"), folder.file("data"));
    fs::write(&seed, NOTES).unwrap();
    // Made without the limit; then 4 MB for each file.
    drop(Process::start(&["--data", &data, "--seed", &seed]));
    let mut limited = Command::new("sh");
    let hub = env!("CARGO_BIN_EXE_mock-hub");
    limited.args(["-c", "trap '' XFSZ; ulimit -S -f 8192; exec \"$0\" \"$@\"", hub]);
    limited.args([&FREE[..], &["--data", &data, "--seed", &seed]].concat());
    let mut hub = Process::from(limited);
    let mut client = Client(tcp(hub.mqtt()));
    client.send(&connect(&device("pk1", "d1"), true, 60));
    assert_eq!(client.packet().body, [0, 0]);
    let mut stored = Vec::new();
    let refused = (1..5_000).find_map(|time| {
        let reply = posted(&mut client, time);
        match reply["code"].as_i64().unwrap() {
            200 => stored.push(i64::try_from(time).unwrap()),
            _ => return Some(reply),
        }
        None
    });
    let refused = refused.unwrap();
    assert!(stored.len() > 100, "the limit struck too early: {}", stored.len());
    assert_eq!(refused["code"], 500);
    assert!(refused["message"].as_str().unwrap().contains("Fix: give it room"), "{refused}");
    // The next one is refused before anything is changed.
    assert_eq!(posted(&mut client, 9_000)["code"], 500);
    let text = journal_of(&hub);
    assert!(text.contains("posts and changes are refused: not stored"), "{text}");
    assert!(text.contains("refused after all with 500"), "{text}");
    // Nobody else is disturbed: another device signs in, REST reads go on, REST changes say why they do not.
    let mut other = Client(tcp(hub.mqtt()));
    other.send(&connect(&device("pk1", "d2"), true, 60));
    assert_eq!(other.packet().body, [0, 0]);
    other.ping();
    client.ping();
    let get = "/connect-service/v2.1/devices?action=get&productKey=pk1&deviceKey=d1";
    assert!(http(&mut tcp(hub.http()), "GET", get, "").1.contains("\"code\":0"));
    let create = r#"{"productKey":"pk1","deviceName":"x","timezone":"+00:00"}"#;
    let (status, body) =
        http(&mut tcp(hub.http()), "POST", "/connect-service/v2.1/devices?action=create", create);
    assert_eq!(status, 507, "{body}");
    assert!(body.contains("99500") && body.contains("not stored"), "{body}");
    let (status, body) = http(&mut tcp(hub.http()), "POST", "/hub/v1/reset", "");
    assert_eq!(status, 507, "{body}");
    // Room again: the hub finds out by itself.
    let pid = hub.child.id().to_string();
    let lifted = Command::new("prlimit").args(["--fsize=unlimited", "--pid", &pid]).status().unwrap();
    assert!(lifted.success());
    let deadline = Instant::now() + PATIENCE;
    let mut time = 10_000;
    while posted(&mut client, time)["code"] != 200 {
        assert!(Instant::now() < deadline, "still refused");
        time += 1;
        // The hub looks again every half second.
        std::thread::yield_now();
    }
    stored.push(i64::try_from(time).unwrap());
    assert!(journal_of(&hub).contains("the store takes posts and changes again"));
    hub.signal("KILL");
    hub.child.wait().unwrap();
    let again = Process::start(&["--data", &data, "--seed", &seed]);
    let kept = notes(&again);
    assert!(stored.iter().all(|time| kept.contains(time)), "a post that was answered with 200 is gone");
    assert!(!kept.contains(&9_000), "a post was refused before anything was changed, and is there");
}

#[test]
fn what_a_coap_device_was_answered_outlives_the_hub() {
    let folder = Folder::new("coap");
    let (data, seed) = (folder.file("data"), folder.file("seed.json"));
    fs::write(&seed, SEED).unwrap();
    let mut hub = Process::start(&["--data", &data, "--seed", &seed]);
    let mut device = coap::Device::at(hub.ready["coap"].as_str().unwrap().parse().unwrap());
    let accepted = coap::code(2, 4);
    assert_eq!(device.ask(coap::auth("d1", 300)).code, accepted);
    for id in 0..20_u64 {
        let value = id as f64;
        let post = String::from_utf8(post(&id.to_string(), value)).unwrap();
        let post = post.replace("1700000000000", &(1_700_000_000_000_u64 + id).to_string());
        let path = "/topic/sys/pk1/d1/thing/measurepoint/post";
        let answer = device.ask(coap::Message::request(coap::POST, path).payload(post.as_bytes()));
        assert!(String::from_utf8_lossy(&answer.payload).contains("\"code\":200"), "{answer:?}");
    }
    hub.signal("KILL");
    hub.child.wait().unwrap();
    let hub = Process::start(&["--data", &data, "--seed", &seed]);
    let (_, body) = http(&mut tcp(hub.http()), "GET", "/hub/v1/state", "");
    let world: Value = serde_json::from_str(&body).unwrap();
    let device =
        world["devices"].as_array().unwrap().iter().find(|device| device["deviceKey"] == "d1").unwrap();
    assert_eq!(
        (&device["measurepoints"]["temp"]["value"], &device["posts"]["accepted"]),
        (&19.into(), &20.into())
    );
    // Sessions are not kept: the device signs in again.
    let mut again = coap::Device::at(hub.ready["coap"].as_str().unwrap().parse().unwrap());
    assert_eq!(again.post("d1", "x", 1.0).code, coap::code(4, 1));
}
