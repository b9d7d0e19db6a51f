//! Sudden death: a hub over a data folder is killed at random moments under load, and what it answered is there.
//!
//! `MOCK_HUB_CRASH_SEED` replays the moments and sizes of a run that failed (as far as threads allow).
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use support::process::{Folder, Process};
use support::*;

/// Times the hub is killed.
const KILLS: u64 = 50;
/// Devices that post at once.
const DEVICES: usize = 4;
/// Posts of a device that may be unanswered.
const WINDOW: usize = 32;

/// Two points in each post, so that half of one would show.
fn seed() -> String {
    let devices: Vec<Value> = (0..DEVICES)
        .map(|index| {
            let key = format!("c{index}");
            serde_json::json!({"productKey": "pk1", "deviceKey": key, "deviceSecret": format!("secret-{key}")})
        })
        .collect();
    serde_json::json!({
        "models": [{"modelId": "m", "measurepoints": {
            "a": {"identifier": "a", "dataType": "INT"},
            "b": {"identifier": "b", "dataType": "STRING"}}}],
        "products": [{"productKey": "pk1", "productSecret": "ps1", "modelId": "m"}],
        "devices": devices,
    })
    .to_string()
}

/// xorshift64*: enough to choose moments.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }
}

/// Posts until the connection dies; gives the times of the posts that were answered with 200, and of all.
fn post_until_death(address: SocketAddr, device_index: usize, first_time: i64) -> (Vec<i64>, Vec<i64>) {
    let key = format!("c{device_index}");
    let topic = format!("/sys/pk1/{key}/thing/measurepoint/post");
    let (mut answered, mut sent) = (Vec::new(), Vec::new());
    let Ok(stream) = TcpStream::connect(address) else { return (answered, sent) };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut client = Client(stream);
    if client.try_send(&connect(&device("pk1", &key), true, 60)).is_err() {
        return (answered, sent);
    }
    let mut reader = client.0.try_clone().unwrap();
    let mut received = Vec::new();
    let mut time = first_time;
    loop {
        let mut batch = Vec::new();
        while sent.len() - answered.len() < WINDOW {
            let payload = format!(
                r#"{{"id":"{time}","version":"1.0","method":"thing.measurepoint.post","params":{{"measurepoints":{{"a":{time},"b":"{time}"}},"time":{time}}}}}"#
            );
            batch.extend(publish(&topic, u16::try_from(time % 60_000).unwrap() + 1, payload.as_bytes()));
            sent.push(time);
            time += 1;
        }
        if client.try_send(&batch).is_err() {
            break;
        }
        let mut chunk = [0; 16 * 1024];
        match reader.read(&mut chunk) {
            Ok(0) | Err(_) => break,
            Ok(count) => received.extend_from_slice(&chunk[..count]),
        }
        answered.extend(replies(&mut received, &mut client));
    }
    // What was on its way when the hub died counts too.
    answered.extend(replies(&mut received, &mut client));
    (answered, sent)
}

/// Takes the whole packets out of `received`; acknowledges replies, and gives the ids of those that say 200.
fn replies(received: &mut Vec<u8>, client: &mut Client<TcpStream>) -> Vec<i64> {
    let (mut taken, mut rest) = (Vec::new(), &received[..]);
    let mut acknowledgements = Vec::new();
    while let Some((packet, length)) = Packet::cut(rest) {
        rest = &rest[length..];
        if packet.head & 0xF0 != 0x30 {
            continue;
        }
        let (_, id, payload) = packet.published();
        acknowledgements.extend([0x40, 2]);
        acknowledgements.extend(id.to_be_bytes());
        let reply: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(reply["code"], 200, "{reply}");
        taken.push(reply["id"].as_str().unwrap().parse().unwrap());
    }
    *received = rest.to_vec();
    // The hub may be dead by now.
    let _ = client.try_send(&acknowledgements);
    taken
}

/// The world of a hub over REST.
fn snapshot(hub: &Process) -> Value {
    let (status, body) = http(&mut tcp(hub.http()), "GET", "/hub/v1/snapshot", "");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// Times of the samples of a point, by device; each value must be what was posted at its time.
fn stored(world: &Value, point: &str) -> BTreeMap<String, BTreeSet<i64>> {
    let devices = world["devices"].as_array().unwrap().iter();
    devices
        .map(|device| {
            let rows = device["measurepoints"][point].as_array().into_iter().flatten();
            let times = rows.map(|row| {
                let time = row[0].as_i64().unwrap();
                let value =
                    if point == "a" { row[1].as_i64() } else { row[1].as_str().unwrap().parse().ok() };
                assert_eq!(value, Some(time), "{row}");
                time
            });
            (device["device"]["deviceKey"].as_str().unwrap().to_owned(), times.collect())
        })
        .collect()
}

#[test]
fn what_was_answered_survives_fifty_sudden_deaths() {
    let began = Instant::now();
    let seed_of_run = std::env::var("MOCK_HUB_CRASH_SEED").ok().and_then(|text| text.parse().ok());
    let seed_of_run = seed_of_run.unwrap_or_else(|| u64::from(std::process::id()) * 2_654_435_761 + 1);
    println!("MOCK_HUB_CRASH_SEED={seed_of_run}");
    let mut random = Random(seed_of_run);
    let folder = Folder::new("crash");
    let (seed_file, data) = (folder.file("seed.json"), folder.file("data"));
    std::fs::write(&seed_file, seed()).unwrap();
    let mut answered: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    let mut sent = answered.clone();
    let mut created = BTreeSet::new();
    let (mut posts, mut in_doubt, mut kept_in_doubt) = (0, 0, 0);
    let mut next_time = 1;
    for kill in 0..=KILLS {
        let mut hub = Process::start(&["--data", &data, "--seed", &seed_file]);
        let world = snapshot(&hub);
        let (a, b) = (stored(&world, "a"), stored(&world, "b"));
        assert_eq!(a, b, "kill {kill}: a post is stored half");
        for (device, times) in &answered {
            let lost: Vec<_> = times.difference(&a[device]).collect();
            assert!(lost.is_empty(), "kill {kill}: {device} lost {lost:?}, which were answered with 200");
            let invented: Vec<_> = a[device].difference(&sent[device]).collect();
            assert!(invented.is_empty(), "kill {kill}: {device} has {invented:?}, which nobody posted");
        }
        for device in &created {
            assert!(a.contains_key(device), "kill {kill}: device {device}, which REST created, is gone");
        }
        kept_in_doubt = a.values().map(BTreeSet::len).sum::<usize>() - posts;
        if kill == KILLS {
            break;
        }
        let after = Duration::from_micros(random.below(120_000));
        let address = hub.mqtt();
        let rest = hub.http();
        let (tell, told) = mpsc::channel();
        std::thread::scope(|scope| {
            let posters: Vec<_> = (0..DEVICES)
                .map(|index| scope.spawn(move || post_until_death(address, index, next_time)))
                .collect();
            // REST changes meanwhile.
            scope.spawn(move || {
                for number in 0.. {
                    let key = format!("made-{kill}-{number}");
                    let body = format!(
                        r#"{{"productKey":"pk1","deviceKey":"{key}","deviceName":"x","timezone":"+00:00"}}"#
                    );
                    let path = "/connect-service/v2.1/devices?action=create";
                    match try_http(rest, "POST", path, &body) {
                        Some((200, body)) if body.contains("\"code\":0") => tell.send(key).unwrap(),
                        _ => break,
                    }
                }
            });
            // The moment of death is what is random here; nothing waits for it.
            std::thread::sleep(after);
            hub.signal("KILL");
            hub.child.wait().unwrap();
            for (index, poster) in posters.into_iter().enumerate() {
                let (ok, all) = poster.join().unwrap();
                posts += ok.len();
                in_doubt += all.len() - ok.len();
                answered.entry(format!("c{index}")).or_default().extend(ok);
                next_time = next_time.max(all.last().copied().unwrap_or(0) + 1);
                sent.entry(format!("c{index}")).or_default().extend(all);
            }
        });
        created.extend(told.try_iter());
    }
    let devices = created.len();
    println!(
        "{KILLS} kills: {posts} posts and {devices} new devices answered, none lost; {in_doubt} posts in doubt, \
         {kept_in_doubt} of them kept, none half; {:.1} s",
        began.elapsed().as_secs_f64()
    );
    assert!(posts > 1_000, "only {posts} posts were answered: that is no load");
    assert!(in_doubt > 50, "hardly anything was in flight at the kills");
}
