//! What comes back after the end of a hub, over both stores.

use super::keep::{EVERY, lived_in, post, same, series, shown};
use super::scratch::{Kept, Kind, over_both_stores};
use super::*;
use crate::domain::command::{CommandKind, NewCommand, Progress};
use crate::domain::names::I18n;
use crate::domain::{DeviceSpec, ProductSpec};

over_both_stores! {
    the_whole_world_comes_back,
    commands_come_back_as_they_were_and_none_is_sent_twice,
    ids_are_never_used_twice,
    a_new_seed_adds_and_what_is_there_stays,
}

fn the_whole_world_comes_back(kind: Kind) {
    let kept = lived_in(kind);
    let before = shown(&kept.world.cloud);
    let kept = kept.again(5_000);
    same(&shown(&kept.world.cloud), &before);
    let world = &kept.world;
    let id = DeviceId::new("Tq4zR9Lw", "t-1");
    let device = world.cloud.store.device(&id).unwrap();
    assert_eq!(device.state().status().name(), "offline");
    let model = &device.product.model;
    let latest = device.state().points.latest(model).map(|(_, latest)| latest.time).collect::<Vec<_>>();
    assert_eq!(latest, [4]);
    assert_eq!(world.status(&DeviceId::new("Tq4zR9Lw", "made")), "disabled");
    // And goes on: an old sample is known, a new one is the newest.
    let who = world.online("Tq4zR9Lw", "t-1");
    let unchanged = device.state().points.unchanged;
    assert_eq!(post(world, &who, r#"{"measurepoints":{"temp":4.5},"time":4}"#), 200);
    assert_eq!(device.state().points.unchanged, unchanged + 1);
    assert_eq!(post(world, &who, r#"{"measurepoints":{"temp":5},"time":5}"#), 200);
    assert_eq!(series(world, &who, "temp", &EVERY).len(), 6);
    let before = shown(&world.cloud);
    let kept = kept.again(0);
    same(&shown(&kept.world.cloud)["devices"], &before["devices"]);
}

fn command(pending_ttl_s: u32) -> NewCommand {
    NewCommand {
        kind: CommandKind::Service,
        identifier: "x".to_owned(),
        name: I18n::or_default(None, "x"),
        params: json!({"deep": [1, 2.5, null]}),
        timeout_s: 30,
        pending_ttl_s,
    }
}

fn commands_come_back_as_they_were_and_none_is_sent_twice(kind: Kind) {
    let kept = Kept::example(kind);
    let world = &kept.world;
    let turbine = |world: &World| world.cloud.store.device(&DeviceId::new("Tq4zR9Lw", "t-1")).unwrap();
    let give = |ttl_s| world.cloud.give_command(&turbine(world), command(ttl_s)).unwrap().0;
    let player = world.player("Tq4zR9Lw", "t-1");
    let (answered, sent, instant, waits, short) = (give(60), give(60), give(0), give(600), give(60));
    assert_eq!(player.commands(), [answered]);
    player.answer(answered, 200);
    assert_eq!(player.commands(), [sent]);
    player.leave();
    let before = shown(&world.cloud);
    let kept = kept.again(10_000);
    let world = &kept.world;
    let fate = |id| {
        world.cloud.look_at_command(&turbine(world), id, |command| (command.progress, command.params.clone()))
    };
    let progress = |id| fate(id).unwrap().0;
    assert_eq!(fate(answered), Some((Progress::Succeeded, json!({"deep": [1, 2.5, null]}))));
    assert_eq!(progress(sent), Progress::Sent);
    // Who gave it is gone.
    assert_eq!(progress(instant), Progress::Failed);
    let after = shown(&world.cloud);
    for id in [answered, sent, waits] {
        let of = |world: &Value| {
            world["commands"].as_array().unwrap().iter().find(|command| command["id"] == id).cloned()
        };
        assert_eq!(of(&after), of(&before));
    }
    // Times to live go on where they were: 10 s have passed.
    world.pass(19_999);
    assert_eq!(progress(sent), Progress::Sent);
    world.pass(1);
    assert_eq!(progress(sent), Progress::TimedOut);
    world.pass(30_000);
    assert_eq!(progress(short), Progress::Expired);
    let player = world.player("Tq4zR9Lw", "t-1");
    assert_eq!(player.commands(), [waits]);
}

fn ids_are_never_used_twice(kind: Kind) {
    let mut kept = Kept::example(kind);
    let mut last = 0;
    for _ in 0..4 {
        for _ in 0..700 {
            let id = kept.world.cloud.next_message_id();
            assert!(id > last, "{id} after {last}");
            last = id;
        }
        kept = kept.again(0);
    }
}

fn a_new_seed_adds_and_what_is_there_stays(kind: Kind) {
    let seed = json!({
        "orgId": "plant",
        "models": [{"modelId": "m", "measurepoints": {"a": {"identifier": "a", "dataType": "INT"}}}],
        "products": [{"productKey": "p", "modelId": "m"}],
        "devices": [{"productKey": "p", "deviceKey": "d"}, {"productKey": "p"}],
        "applications": [{"appKey": "app", "appSecret": "s"}]
    });
    let kept = Kept::new(kind, &seed.to_string());
    let before = shown(&kept.world.cloud);
    let kept = kept.again(1);
    // The same seed changes nothing: no new secret, no second device without a key.
    same(&shown(&kept.world.cloud), &before);
    assert!(kept.world.journal("warning").is_empty());
    if kind == Kind::Memory {
        // Without a data folder nothing was found, and a snapshot takes the place of the seed as a whole.
        return;
    }
    let mut other = seed.clone();
    other["orgId"] = "other".into();
    other["models"][0]["measurepoints"]["a"]["dataType"] = "DOUBLE".into();
    other["products"][0]["productSecret"] = "another".into();
    other["applications"][0]["appSecret"] = "another".into();
    other["devices"][0]["deviceSecret"] = "another".into();
    other["devices"].as_array_mut().unwrap().push(json!({"productKey": "p", "deviceKey": "new"}));
    let kept = kept.again_with(1, &other.to_string());
    let world = &kept.world;
    let conflicts: Vec<Value> = world.journal("warning").iter().map(|entry| entry["text"].clone()).collect();
    let places = [
        "orgId",
        "models[0]",
        "products[0].productSecret",
        "devices[0].deviceSecret",
        "applications[0].appSecret",
    ];
    assert_eq!(conflicts.len(), places.len(), "{conflicts:?}");
    for place in places {
        let named = format!("seed {place}: ");
        assert!(
            conflicts.iter().any(|text| text.as_str().unwrap().starts_with(&named)),
            "{place}: {conflicts:?}"
        );
    }
    let mut after = shown(&world.cloud);
    let devices = after["devices"].as_array_mut().unwrap();
    let added = devices.iter().position(|device| device["device"]["deviceKey"] == "new").unwrap();
    devices.remove(added);
    same(&after, &before);
    // A reset takes the seed as it is now, and a restart keeps what the reset left.
    world.cloud.reset().unwrap();
    let reset = shown(&world.cloud);
    assert_eq!(reset["orgId"], "other");
    assert_eq!(reset["devices"].as_array().unwrap().len(), 3);
    let kept = kept.again_with(1, &other.to_string());
    same(&shown(&kept.world.cloud), &reset);
    assert!(kept.world.journal("warning").is_empty());
}

/// What may happen to a world.
#[derive(Clone, Debug)]
enum Act {
    Post { device: usize, time: i64, value: i64 },
    Create(u8),
    Delete(u8),
    Disable(usize),
    Replace(u8),
    Command { device: usize, ttl_s: u32 },
    Cancel(usize),
    Pass(u16),
    Product,
    Reset,
    Restart,
    Copy,
}

fn acts() -> impl proptest::strategy::Strategy<Value = Vec<Act>> {
    use proptest::prelude::*;
    let act = prop_oneof![
        10 => (0..3_usize, -3..9_i64, 0..4_i64).prop_map(|(device, time, value)| Act::Post { device, time, value }),
        2 => (0..4_u8).prop_map(Act::Create),
        1 => (0..4_u8).prop_map(Act::Delete),
        1 => (0..3_usize).prop_map(Act::Disable),
        1 => (0..4_u8).prop_map(Act::Replace),
        4 => (0..3_usize, prop_oneof![Just(0_u32), Just(20), Just(900)])
            .prop_map(|(device, ttl_s)| Act::Command { device, ttl_s }),
        1 => (0..3_usize).prop_map(Act::Cancel),
        2 => any::<u16>().prop_map(Act::Pass),
        1 => Just(Act::Product),
        1 => Just(Act::Reset),
        3 => Just(Act::Restart),
        1 => Just(Act::Copy),
    ];
    proptest::collection::vec(act, 1..40)
}

const SEED: &str = r#"{"models":[{"modelId":"m","measurepoints":{"a":{"identifier":"a","dataType":"INT"},
    "b":{"identifier":"b","dataType":"ARRAY","dataDefinition":{"itemType":"DOUBLE"}}}}],
    "products":[{"productKey":"p","productSecret":"ps","modelId":"m"}],
    "devices":[{"productKey":"p","deviceKey":"d0","deviceSecret":"s"},{"productKey":"p","deviceKey":"d1","deviceSecret":"s"},
    {"productKey":"p","deviceKey":"d2","deviceSecret":"s"}]}"#;

fn device(world: &World, name: &str) -> Option<Arc<super::super::device::Device>> {
    world.cloud.store.device(&DeviceId::new("p", name))
}

fn act(mut kept: Kept, act: &Act) -> Kept {
    let world = &kept.world;
    let nth = |index: &usize| device(world, &format!("d{index}")).unwrap();
    match act {
        Act::Post { device, time, value } => {
            let device = nth(device);
            let connect = Connect::signed("p", &device.id.device_key, 2, device.secret.expose());
            if let Ok(who) = world.sign_in(&connect) {
                world.cloud.connected(&who, ConnectionId(7));
                let params =
                    format!(r#"{{"measurepoints":{{"a":{value},"b":[{value},NaN]}},"time":{time}}}"#);
                assert_eq!(post(world, &who, &params), 200);
                // One that is refused, too.
                assert_eq!(post(world, &who, r#"{"measurepoints":{"a":[]}}"#), 1204);
                world.cloud.disconnected(&who, ConnectionId(7), "over");
            }
        }
        Act::Create(name) => {
            let spec = json!({"productKey": "p", "deviceKey": format!("x{name}"), "deviceTags": {"n": name}});
            let spec: DeviceSpec = serde_json::from_value(spec).unwrap();
            let _ = world.cloud.create_device(spec);
        }
        Act::Delete(name) => {
            if let Some(device) = device(world, &format!("x{name}")) {
                world.cloud.delete_device(&device);
            }
        }
        Act::Disable(index) => {
            let device = nth(index);
            if world.cloud.disable_device(&device).is_err() {
                world.cloud.enable_device(&device).unwrap();
            }
        }
        Act::Replace(name) => {
            if let Some(device) = device(world, &format!("x{name}")) {
                let _ = world.cloud.replace_device(&device, &format!("x{}", (name + 1) % 4));
            }
        }
        Act::Command { device, ttl_s } => {
            let _ = world.cloud.give_command(&nth(device), command(*ttl_s));
        }
        Act::Cancel(index) => {
            world.cloud.cancel_commands(&nth(index), None, |command| command.id.into()).unwrap();
        }
        Act::Pass(ms) => {
            world.pass(u64::from(*ms));
            world.cloud.tick();
        }
        Act::Product => {
            let mut spec: ProductSpec = serde_json::from_value(json!({"modelId": "m"})).unwrap();
            spec.fill();
            world.cloud.store.write(|directory| {
                let product = Arc::new(spec.build(directory, 5).map_err(|fault| fault.reason).unwrap());
                world.cloud.keep_product(&product);
                directory.products.insert(product.key.clone(), product);
            });
        }
        Act::Reset => world.cloud.reset().unwrap(),
        Act::Restart => {
            let before = shown(&world.cloud);
            kept = kept.again(0);
            same(&shown(&kept.world.cloud), &before);
        }
        Act::Copy => {
            let before = shown(&world.cloud);
            let snapshot = world.cloud.snapshot().unwrap();
            world.cloud.restore(&snapshot).unwrap();
            same(&shown(&world.cloud), &before);
        }
    }
    kept
}

fn live(kind: Kind, acts: &[Act]) {
    let kept = acts.iter().fold(Kept::new(kind, SEED), act);
    shown(&kept.world.cloud);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    /// Whatever happens, what is kept is what is in memory, and both come back as they were.
    #[test]
    fn any_life_survives_restarts_over_memory(acts in acts()) {
        live(Kind::Memory, &acts);
    }

    #[test]
    fn any_life_survives_restarts_over_sqlite(acts in acts()) {
        live(Kind::Sqlite, &acts);
    }
}
