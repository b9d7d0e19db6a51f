//! The link is cut, or the power fails, at every byte that crosses it, up and down counted together.

#![allow(clippy::unwrap_used)]

mod sim;

use std::collections::BTreeMap;

use enos_core::engine::{CommandKind, DeviceIx, Engine, Memory, Request, Room};
use enos_core::{Config, Hub as Address, Limits, Login};
use proptest::prelude::*;
use serde_json::{Value, json};
use sim::hub::{DEVICE_SECRET, Hub, PRODUCT_SECRET};
use sim::rng::Rng;
use sim::{Power, Store, Told, World, check_dials, check_grammar};

const CHUNKS: [usize; 4] = [1, 3, 64, 4096];
const MINUTES: u64 = 60_000;

type Board = Room<1024, 768, 768, 4, 1>;

/// Both kinds of memory, each time the same: what an engine left in lent memory must not disturb the next.
struct Memories(Board);

impl Memories {
    fn new() -> Box<Self> {
        Box::new(Self(Room::new()))
    }

    fn get(&mut self, heap: bool) -> Memory<'_> {
        if heap { Memory::heap(&Limits::DEFAULT) } else { self.0.lend() }
    }
}

fn config(login: Login<'_>) -> Config<'_> {
    Config::new(Address::parse("tcp://hub.test:11883").unwrap(), login)
}

fn device() -> Config<'static> {
    config(Login::DeviceSecret { product_key: "pk", device_key: "dk", device_secret: DEVICE_SECRET })
}

fn activating(stored: Option<&str>) -> Config<'_> {
    config(Login::DynamicActivation {
        product_key: "pk",
        device_key: "dk",
        product_secret: PRODUCT_SECRET,
        device_secret: stored,
    })
}

fn world<'m>(config: Config<'_>, start: u8, memory: Memory<'m>, hub: Hub) -> World<'m> {
    World::new(Engine::new(config, [start; 32], memory).unwrap(), hub)
}

/// What the hub has stored: point and time, which posts are idempotent by, and the ids they came with.
fn stored(hub: &Hub) -> BTreeMap<(String, u64), Vec<String>> {
    let mut seen: BTreeMap<_, Vec<String>> = BTreeMap::new();
    let mut by_id: BTreeMap<String, Value> = BTreeMap::new();
    for (id, params, _) in &hub.posts {
        assert_eq!(
            by_id.entry(id.clone()).or_insert_with(|| params.clone()),
            params,
            "sent again, but changed"
        );
        for point in params["measurepoints"].as_object().unwrap().keys() {
            seen.entry((point.clone(), params["time"].as_u64().unwrap())).or_default().push(id.clone());
        }
    }
    for ids in seen.values_mut() {
        ids.dedup();
        assert_eq!(ids.len(), 1, "two posts for one point and time");
    }
    seen
}

/// Checks what must hold whatever was cut: each accepted post settled exactly once; if acknowledged, it is stored.
fn check_posts(world: &World<'_>, accepted: &[u32]) {
    let mut settled = Vec::new();
    let kept: Vec<String> = stored(&world.hub).into_values().flatten().collect();
    for told in &world.told {
        match told {
            Told::Acknowledged(id, _) => {
                assert!(kept.contains(&id.to_string()), "acknowledged, but not in the hub");
                settled.push(*id);
            }
            Told::Rejected(id, ..) | Told::Failed(id, _) => settled.push(*id),
            _ => {}
        }
    }
    settled.sort_unstable();
    let mut wanted = accepted.to_vec();
    wanted.sort_unstable();
    assert_eq!(settled, wanted, "each accepted post is settled exactly once");
}

/// Runs `case` without a cut to count the bytes, then with a cut at each; `case` says how many bytes moved.
fn at_every_byte(mut case: impl FnMut(Option<usize>) -> usize) -> usize {
    let all = case(None);
    assert!(all > 100);
    for at in 0..=all {
        case(Some(at));
    }
    all
}

/// One activation with a post that waits for it; returns the bytes that moved.
fn activate(
    memories: &mut Memories,
    heap: bool,
    chunk: usize,
    store: Store,
    power: Power,
    cut_after: Option<usize>,
) -> usize {
    let mut first = world(activating(None), 1, memories.get(heap), Hub::new());
    (first.chunk, first.store, first.power, first.cut_after) = (chunk, store, power, cut_after);
    let id = first.post_number(1).unwrap();
    first.request(Request::Connect { timeout_ms: None }).unwrap();
    first.pass(20_000);
    if store == Store::Fails {
        // It never works, and then the power fails.
        first.pass(120_000);
        first.dead = true;
        first.hub.link_down();
    }
    if store != Store::Works && !first.dead {
        // The store works again. One that hangs answers now.
        let hangs = first.store == Store::Hangs && first.asked_to_store > first.stored.len();
        first.store = Store::Works;
        if hangs {
            first.finish_store();
        }
        first.pass(70_000);
    }
    check_grammar(&first.told);
    check_dials(&first.dials);
    let moved = first.moved;
    let stored = first.stored.last().cloned();
    assert!(first.stored.iter().all(|secret| secret == DEVICE_SECRET));
    assert!(stored.is_some() || !first.hub.modes.contains(&2), "signs in with a secret that is not stored");
    if !first.dead {
        assert!(first.told.contains(&Told::Online), "{:?}", first.told);
        assert_eq!(first.told.iter().filter(|told| **told == Told::Activated).count(), 1);
        first.pass(30_000);
        check_posts(&first, &[id]);
    }
    let (hub, now) = (std::mem::take(&mut first.hub), first.now);
    drop(first);
    // After the next start, with whatever was stored, the device signs in again and posts.
    let mut second = world(activating(stored.as_deref()), 2, memories.get(heap), hub);
    second.now = now + 1;
    second.connect();
    let id = second.post_number(2).unwrap();
    second.pass(MINUTES);
    assert!(second.told.contains(&Told::Online), "bricked: {:?} {:?}", second.told, second.hub.modes);
    assert_eq!(second.hub.modes.last(), Some(&2));
    check_posts(&second, &[id]);
    check_grammar(&second.told);
    moved
}

fn activations(store: Store, powers: &[Power]) {
    let mut memories = Memories::new();
    for heap in [true, false] {
        for chunk in CHUNKS {
            for power in powers {
                at_every_byte(|cut| activate(&mut memories, heap, chunk, store, *power, cut));
            }
        }
    }
}

// Proves: AUTH-3-9
#[test]
fn an_activation_cut_anywhere_ends_in_a_device_that_signs_in() {
    activations(Store::Works, &[Power::Stays]);
}

#[test]
fn an_activation_without_power_anywhere_ends_in_a_device_that_signs_in() {
    activations(Store::Works, &[Power::FailsAtCut]);
}

#[test]
fn an_activation_without_power_at_the_store_ends_in_a_device_that_signs_in() {
    activations(Store::Works, &[Power::FailsBeforeStore, Power::FailsAfterStore]);
}

#[test]
fn an_activation_whose_store_fails_once_ends_in_a_device_that_signs_in() {
    activations(Store::FailsOnce, &[Power::Stays]);
}

// Proves: AUTH-3-7
#[test]
fn an_activation_whose_store_never_works_is_no_activation() {
    activations(Store::Fails, &[Power::Stays]);
}

#[test]
fn an_activation_whose_store_hangs_ends_in_a_device_that_signs_in() {
    activations(Store::Hangs, &[Power::Stays]);
}

/// Posts from before the sign-in and after it; returns the bytes that moved.
fn post(memories: &mut Memories, heap: bool, chunk: usize, cut_after: Option<usize>) -> usize {
    let mut world = world(device(), 1, memories.get(heap), Hub::new());
    (world.chunk, world.cut_after) = (chunk, cut_after);
    let mut accepted = vec![world.post_number(1).unwrap(), world.post_named("before").unwrap()];
    world.connect();
    accepted.push(world.post_named("after").unwrap());
    accepted.push(world.post_named("later").unwrap());
    world.settle();
    let moved = world.moved;
    world.pass(10_000);
    accepted.push(world.post_named("last").unwrap());
    world.pass(MINUTES);
    check_posts(&world, &accepted);
    let acknowledged = world.told.iter().filter(|told| matches!(told, Told::Acknowledged(..))).count();
    assert_eq!(acknowledged, 5, "one cut loses no post: {:?}", world.told);
    assert_eq!(stored(&world.hub).len(), 5);
    check_grammar(&world.told);
    check_dials(&world.dials);
    moved
}

// Proves: BEHAVE-9-2
#[test]
fn posts_cut_anywhere_are_stored_once_and_settled_once() {
    let mut memories = Memories::new();
    for heap in [true, false] {
        for chunk in CHUNKS {
            at_every_byte(|cut| post(&mut memories, heap, chunk, cut));
        }
    }
}

/// A command that is answered; returns the bytes that moved.
fn command(memories: &mut Memories, heap: bool, chunk: usize, cut_after: Option<usize>) -> usize {
    let mut world = world(device(), 1, memories.get(heap), Hub::new());
    (world.chunk, world.cut_after, world.auto_answer) = (chunk, cut_after, Some(200));
    world.request(Request::Handle { device: DeviceIx::ROOT, kind: CommandKind::Service("a") }).unwrap();
    world.connect();
    if world.link {
        world.hub.command("90000000001", "a", json!({"x": 1}));
        world.settle();
    }
    let moved = world.moved;
    world.pass(10_000);
    world.hub.command("90000000002", "a", json!({"x": 2}));
    world.settle();
    let told = world.told.iter().filter(|told| matches!(told, Told::Command { .. })).count();
    let answered: Vec<_> = world.hub.answers.iter().map(|(_, answer)| answer["id"].clone()).collect();
    let dropped = world.engine.stats().dropped_answers as usize;
    assert!(answered.contains(&json!("90000000002")));
    assert!(answered.len() <= told && answered.len() + dropped <= 2, "{answered:?} {dropped}");
    if cut_after.is_none() {
        assert_eq!((told, answered.len(), dropped), (2, 2, 0));
    }
    check_grammar(&world.told);
    check_dials(&world.dials);
    moved
}

#[test]
fn a_command_cut_anywhere_does_not_disturb_the_next() {
    let mut memories = Memories::new();
    for heap in [true, false] {
        for chunk in CHUNKS {
            at_every_byte(|cut| command(&mut memories, heap, chunk, cut));
        }
    }
}

/// A bit of everything; returns all bytes that went up and all that was told.
fn a_day(memory: Memory<'_>, chunks: Option<Rng>) -> (Vec<u8>, Vec<Told>) {
    let mut world = world(activating(None), 1, memory, Hub::new());
    (world.chunks, world.auto_answer) = (chunks, Some(200));
    world.request(Request::Handle { device: DeviceIx::ROOT, kind: CommandKind::Service("a") }).unwrap();
    world.post_named("first").unwrap();
    world.connect();
    for round in 0..4 {
        world.hub.command(&format!("9000000000{round}"), "a", json!({"x": round}));
        world.hub.command(&format!("9000000001{round}"), "b", json!({"x": round}));
        let _ = world.post_named("some");
        let _ = world.post_named("more");
        world.hub.code = if round == 2 { 1204 } else { 200 };
        world.settle();
        world.hub.publish(
            "/sys/pk/dk/thing/service/a",
            &[b'x'; 3_000],
            enos_core::wire::mqtt::QoS::ExactlyOnce,
        );
        world.hub.publish("/sys/pk/dk/nonsense", b"{}", enos_core::wire::mqtt::QoS::AtMostOnce);
        world.settle();
        world.pass(20_000);
    }
    world.request(Request::Close { timeout_ms: 1_000 }).unwrap();
    world.settle();
    assert_eq!(world.told.last(), Some(&Told::Closed));
    (world.sent, world.told)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    // Proves: DEVICE-12
    #[test]
    fn the_same_input_cut_differently_gives_the_same_bytes_and_events(seed: u64) {
        let mut memories = Memories::new();
        for heap in [true, false] {
            let whole = a_day(memories.get(heap), None);
            let cut = a_day(memories.get(heap), Some(Rng::new(seed)));
            prop_assert_eq!(&whole.1, &cut.1);
            prop_assert!(whole.0 == cut.0, "other bytes went up");
        }
    }
}
