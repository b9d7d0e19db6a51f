//! What must survive: series, snapshots, and the world that a snapshot starts.

use super::scratch::{Kept, Kind, over_both_stores};
use super::*;
use crate::domain::{DeviceSpec, WorldError};
use crate::enos::json;
use crate::store::{Sample, SeriesQuery};

over_both_stores! {
    a_post_is_in_the_series_by_its_time_and_a_repeated_one_is_there_once,
    a_deleted_device_leaves_no_series_to_its_successor,
    a_snapshot_of_one_hub_starts_another,
    a_restore_cuts_the_old_world_and_a_reset_goes_to_the_seed_all_the_same,
    a_bad_snapshot_is_refused_whole_with_the_place,
}

pub(super) const EVERY: SeriesQuery =
    SeriesQuery { from: i64::MIN, to: i64::MAX, limit: 1_000, newest_first: false };

pub(super) fn post(world: &World, who: &SignedIn, params: &str) -> i64 {
    let DeviceId { product_key, device_key } = &who.device;
    let topic = format!("/sys/{product_key}/{device_key}/thing/measurepoint/post");
    let payload =
        format!(r#"{{"id":"1","version":"1.0","method":"thing.measurepoint.post","params":{params}}}"#);
    reply(&world.cloud.message(who, &topic, payload.as_bytes(), 1))["code"].as_i64().unwrap()
}

pub(super) fn series(world: &World, who: &SignedIn, point: &str, query: &SeriesQuery) -> Vec<Sample> {
    let device = world.cloud.store.device(&who.device).unwrap();
    world.cloud.store.wait().unwrap();
    world.cloud.series(&device, point, query).unwrap()
}

/// All that must survive, without what a restart changes. A durable store has kept the very same as is in memory.
pub(super) fn shown(cloud: &Cloud) -> Value {
    let kept = ordered(&cloud.snapshot().unwrap());
    same(&ordered(&cloud.snapshot_of_memory().unwrap()), &kept);
    kept
}

/// Fails with the first place in which two worlds differ.
#[track_caller]
pub(super) fn same(left: &Value, right: &Value) {
    fn difference(left: &Value, right: &Value) -> Option<String> {
        match (left, right) {
            (Value::Object(left), Value::Object(right)) if left.keys().eq(right.keys()) => {
                left.iter().find_map(|(key, value)| {
                    difference(value, &right[key]).map(|place| format!("/{key}{place}"))
                })
            }
            (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
                let pairs = left.iter().zip(right).enumerate();
                pairs.into_iter().find_map(|(index, (left, right))| {
                    difference(left, right).map(|place| format!("/{index}{place}"))
                })
            }
            _ => (left != right).then(|| format!(": {left:.300} is not {right:.300}")),
        }
    }
    if let Some(difference) = difference(left, right) {
        panic!("worlds differ at {difference}");
    }
}

fn ordered(snapshot: &str) -> Value {
    let mut world: Value = serde_json::from_str(snapshot).unwrap();
    for field in ["time", "lastMessageId"] {
        world.as_object_mut().unwrap().remove(field);
    }
    let devices = world["devices"].as_array_mut().unwrap();
    devices.sort_by_key(|device| device["device"].to_string());
    world
}

/// A world with something of everything in it.
pub(super) fn lived_in(kind: Kind) -> Kept {
    let kept = Kept::example(kind);
    let world = &kept.world;
    let who = world.online("Tq4zR9Lw", "t-1");
    for time in 0..5 {
        assert_eq!(
            post(world, &who, &format!(r#"{{"measurepoints":{{"temp":{time}.5}},"time":{time}}}"#)),
            200
        );
    }
    assert_eq!(post(world, &who, r#"{"measurepoints":{"temp":"warm"}}"#), 1204);
    assert_eq!(post(world, &who, r#"{"measurepoints":{"temp":{"value":2.25,"quality":9}},"time":2}"#), 200);
    let made: DeviceSpec =
        serde_json::from_value(json!({"productKey": "Tq4zR9Lw", "deviceKey": "made"})).unwrap();
    let made = world.cloud.create_device(made).map_err(|fault| fault.reason).unwrap();
    world.cloud.disable_device(&made).unwrap();
    world.clock.advance(1_000);
    world.cloud.disconnected(&who, ConnectionId(1), "test");
    kept
}

fn a_post_is_in_the_series_by_its_time_and_a_repeated_one_is_there_once(kind: Kind) {
    let Kept { world, .. } = &lived_in(kind);
    let who = world.online("Tq4zR9Lw", "t-1");
    let sample = |time: i64, value, quality| Sample { time, value: json::Value::Float(value), quality };
    let newest = SeriesQuery { limit: 2, newest_first: true, ..EVERY };
    assert_eq!(series(world, &who, "temp", &newest), [sample(4, 4.5, None), sample(3, 3.5, None)]);
    let some = SeriesQuery { from: 1, to: 2, ..EVERY };
    assert_eq!(series(world, &who, "temp", &some), [sample(1, 1.5, None), sample(2, 2.25, Some(9))]);
    assert_eq!(series(world, &who, "nope", &EVERY), []);
}

fn a_deleted_device_leaves_no_series_to_its_successor(kind: Kind) {
    let Kept { world, .. } = &lived_in(kind);
    let who = world.online("Tq4zR9Lw", "t-1");
    let device = world.cloud.store.device(&who.device).unwrap();
    world.cloud.delete_device(&device);
    // A series is read from what is committed.
    world.cloud.store.wait().unwrap();
    assert_eq!(world.cloud.series(&device, "temp", &EVERY).unwrap(), []);
    let again: DeviceSpec =
        serde_json::from_value(json!({"productKey": "Tq4zR9Lw", "deviceKey": "t-1"})).unwrap();
    let again = world.cloud.create_device(again).map_err(|fault| fault.reason).unwrap();
    assert_ne!(again.key, device.key);
    assert_eq!(world.cloud.series(&again, "temp", &EVERY).unwrap(), []);
}

fn a_snapshot_of_one_hub_starts_another(kind: Kind) {
    let Kept { world, .. } = &lived_in(kind);
    let snapshot = world.cloud.snapshot().unwrap();
    let other = Cloud::new(Clock::manual(START_MS), Fabric::new(), CloudOptions::default());
    other.restore(&snapshot).unwrap();
    same(&shown(&other), &shown(&world.cloud));
    let id = DeviceId::new("Tq4zR9Lw", "t-1");
    let (old, new) = (world.cloud.store.device(&id).unwrap(), other.store.device(&id).unwrap());
    assert_eq!(new.to_json("o1"), old.to_json("o1"));
    assert_eq!(other.series(&new, "temp", &EVERY), world.cloud.series(&old, "temp", &EVERY));
    // Ids go on behind those that the first hub used.
    let last = serde_json::from_str::<Value>(&snapshot).unwrap()["lastMessageId"].as_u64().unwrap();
    assert!(other.next_message_id() > last);
    // Its devices sign in, and what they post goes on.
    let other = World { cloud: other, clock: Clock::manual(START_MS) };
    let who = other.online("Tq4zR9Lw", "t-1");
    assert_eq!(post(&other, &who, r#"{"measurepoints":{"temp":7},"time":7}"#), 200);
    assert_eq!(series(&other, &who, "temp", &EVERY).len(), 6);
}

fn a_restore_cuts_the_old_world_and_a_reset_goes_to_the_seed_all_the_same(kind: Kind) {
    let Kept { world, .. } = &lived_in(kind);
    let snapshot = world.cloud.snapshot().unwrap();
    let who = world.online("Tq4zR9Lw", "t-1");
    assert_eq!(post(world, &who, r#"{"measurepoints":{"temp":9},"time":9}"#), 200);
    world.cloud.restore(&snapshot).unwrap();
    assert_eq!(series(world, &who, "temp", &EVERY).len(), 5);
    // What still arrives on the old connection changes nothing.
    assert_eq!(post(world, &who, r#"{"measurepoints":{"temp":9},"time":9}"#), 705);
    assert_eq!(world.status(&who.device), "offline");
    world.cloud.reset().unwrap();
    assert_eq!(world.status(&who.device), "inactive");
    assert_eq!(series(world, &who, "temp", &EVERY), []);
    assert!(world.cloud.store.device(&DeviceId::new("Tq4zR9Lw", "made")).is_none());
}

fn a_bad_snapshot_is_refused_whole_with_the_place(kind: Kind) {
    let Kept { world, .. } = &lived_in(kind);
    let good: Value = serde_json::from_str(&world.cloud.snapshot().unwrap()).unwrap();
    let before = shown(&world.cloud);
    let device =
        good["devices"].as_array().unwrap().iter().position(|device| device["device"]["deviceKey"] == "t-1");
    let device = device.unwrap();
    let at = |rest: &str| format!("/devices/{device}/{rest}");
    for (pointer, value, place) in [
        ("/format".to_owned(), json!("something"), "format: ".to_owned()),
        ("/version".to_owned(), json!(2), "version: 2 is no version".to_owned()),
        ("/orgId".to_owned(), json!(""), "orgId: ".to_owned()),
        ("/colour".to_owned(), json!(1), "colour: unknown field".to_owned()),
        ("/models/0/modelId".to_owned(), json!("other"), "products[".to_owned()),
        ("/products/0/createTime".to_owned(), json!("x"), "products[0].createTime: ".to_owned()),
        (at("device/deviceKey"), json!("a/b"), format!("devices[{device}].device.deviceKey: ")),
        (
            at("device/deviceSecret"),
            json!(5),
            format!("devices[{device}].device.deviceSecret: expected a string"),
        ),
        (at("device/productKey"), json!("nope"), format!("devices[{device}].measurepoints.temp: ")),
        (at("measurepoints/nope"), json!([[1, 1]]), format!("devices[{device}].measurepoints.nope: ")),
        (at("measurepoints/temp/3"), json!([3]), format!("devices[{device}].measurepoints.temp[3]: ")),
        (at("measurepoints/temp/3"), json!([3, "x"]), format!("devices[{device}].measurepoints.temp[3]: ")),
        (
            at("measurepoints/temp/3"),
            json!([3, 1.5, 10]),
            format!("devices[{device}].measurepoints.temp[3]: "),
        ),
    ] {
        let mut bent = good.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match bent.pointer_mut(parent).unwrap() {
            Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
            other => other[key] = value,
        }
        let error = world.cloud.restore(&bent.to_string()).unwrap_err();
        assert!(matches!(error, WorldError::Wrong(_)));
        assert!(error.to_string().starts_with(&place), "{pointer}: {error}");
        same(&shown(&world.cloud), &before);
    }
    let mut twice = good.clone();
    let again = good["devices"][device].clone();
    twice["devices"].as_array_mut().unwrap().push(again);
    assert!(world.cloud.restore(&twice.to_string()).unwrap_err().to_string().contains("is there twice"));
    assert!(world.cloud.restore("{").unwrap_err().to_string().contains("EOF"));
    same(&shown(&world.cloud), &before);
}
