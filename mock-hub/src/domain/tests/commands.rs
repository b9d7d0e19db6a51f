//! Commands on virtual time: order, limits, time-outs, cancelling, and that each ends in exactly one state.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::command::{CommandFault, CommandKind, MAX_PENDING_TTL_S, NewCommand, Progress};
use crate::domain::device::Device;
use crate::domain::names::I18n;

const SECOND: u64 = 1_000;

fn turbine(world: &World) -> Arc<Device> {
    world.cloud.store.device(&DeviceId::new("Tq4zR9Lw", "t-1")).unwrap()
}

/// A call of the service `x`, instant if `pending_ttl_s` is 0.
fn new(pending_ttl_s: u32, timeout_s: u32) -> NewCommand {
    NewCommand {
        kind: CommandKind::Service,
        identifier: "x".to_owned(),
        name: I18n::or_default(None, "x"),
        params: json!({}),
        timeout_s,
        pending_ttl_s,
    }
}

fn give(world: &World, pending_ttl_s: u32, timeout_s: u32) -> Result<u64, CommandFault> {
    world.cloud.give_command(&turbine(world), new(pending_ttl_s, timeout_s)).map(|(id, _)| id)
}

fn cached(world: &World) -> u64 {
    give(world, MAX_PENDING_TTL_S, 30).unwrap()
}

/// State and code of a command.
fn fate(world: &World, id: u64) -> (Progress, Option<i64>) {
    world.cloud.look_at_command(&turbine(world), id, |command| (command.progress, command.code)).unwrap()
}

// Proves: MODEL-5-2 MODEL-5-9
#[test]
fn cached_commands_wait_for_the_device_and_come_in_order_one_at_a_time() {
    let world = World::example();
    let ids = [cached(&world), cached(&world), cached(&world)];
    assert!(ids.iter().all(|id| fate(&world, *id) == (Progress::Created, None)));
    let device = world.player("Tq4zR9Lw", "t-1");
    assert_eq!(device.commands(), [ids[0]]);
    assert_eq!(fate(&world, ids[0]).0, Progress::Sent);
    // What comes for a command that was not sent is no answer to it.
    device.answer(ids[1], 200);
    assert!(device.commands().is_empty());
    device.answer(ids[0], 200);
    assert_eq!(device.commands(), [ids[1]]);
    device.answer(ids[1], 1102);
    assert_eq!(device.commands(), [ids[2]]);
    device.leave();
    // The device had it, so it is not sent again; the answer may come on the next connection.
    let device = world.player("Tq4zR9Lw", "t-1");
    assert!(device.commands().is_empty());
    device.answer(ids[2], 200);
    let fates = ids.map(|id| fate(&world, id));
    let expected =
        [(Progress::Succeeded, Some(200)), (Progress::Failed, Some(1102)), (Progress::Succeeded, Some(200))];
    assert_eq!(fates, expected);
    assert_eq!(world.cloud.next_deadline_ms(), None);
}

// Proves: MODEL-5-7
#[test]
fn a_cached_command_lives_as_long_as_its_ttl_to_the_millisecond() {
    let world = World::example();
    let id = cached(&world);
    let ttl_ms = u64::from(MAX_PENDING_TTL_S) * SECOND;
    assert_eq!(world.cloud.next_deadline_ms(), Some(ttl_ms));
    world.pass(ttl_ms - 1);
    assert_eq!(fate(&world, id), (Progress::Created, None));
    world.pass(1);
    assert_eq!(fate(&world, id), (Progress::Expired, None));
    assert!(world.player("Tq4zR9Lw", "t-1").commands().is_empty());
    assert!(world.last("command").contains("not sent within its pendingTtl of 172800 s"));
}

// Proves: MODEL-5-8
#[test]
fn a_late_timer_neither_sends_nor_accepts_what_is_over() {
    let world = World::example();
    let id = give(&world, 60, 5).unwrap();
    world.clock.advance(60 * SECOND);
    let device = world.player("Tq4zR9Lw", "t-1");
    assert!(device.commands().is_empty());
    assert_eq!(fate(&world, id).0, Progress::Expired);
    let id = give(&world, 60, 5).unwrap();
    assert_eq!(device.commands(), [id]);
    world.clock.advance(5 * SECOND);
    device.answer(id, 200);
    assert_eq!(fate(&world, id), (Progress::TimedOut, Some(11915)));
    assert!(world.last("refused").contains("is settled already"));
}

// Proves: MODEL-5-7
#[test]
fn the_time_out_of_a_cached_command_begins_when_it_is_sent() {
    let world = World::example();
    let ids = [give(&world, MAX_PENDING_TTL_S, 10).unwrap(), cached(&world)];
    world.pass(100_000 * SECOND);
    let device = world.player("Tq4zR9Lw", "t-1");
    assert_eq!(device.commands(), [ids[0]]);
    world.pass(10 * SECOND - 1);
    assert_eq!(fate(&world, ids[0]).0, Progress::Sent);
    world.pass(1);
    assert_eq!(fate(&world, ids[0]), (Progress::TimedOut, Some(11915)));
    assert_eq!(device.commands(), [ids[1]]);
}

// Proves: MODEL-5-3
#[test]
fn at_most_fifty_commands_wait_for_a_device() {
    let world = World::example();
    let ids: Vec<u64> = (0..50).map(|_| cached(&world)).collect();
    let full = give(&world, 60, 5).unwrap_err();
    assert_eq!(full.code, 11902);
    assert!(full.message.contains("50 commands wait for Tq4zR9Lw/t-1"), "{}", full.message);
    // Another device has its own fifty.
    let other = world.cloud.store.device(&DeviceId::new("Tq4zR9Lw", "t-2")).unwrap();
    assert!(world.cloud.give_command(&other, new(60, 5)).is_ok());
    // What the device works on waits no more.
    let device = world.player("Tq4zR9Lw", "t-1");
    assert_eq!(device.commands(), [ids[0]]);
    let last = cached(&world);
    assert_eq!(give(&world, 0, 5).unwrap_err().code, 11902);
    assert_eq!(
        world
            .cloud
            .cancel_commands(&turbine(&world), Some(last), |command| command.to_json("o1"))
            .unwrap()
            .len(),
        1
    );
    assert!(give(&world, 0, 5).is_ok());
}

#[test]
fn an_instant_command_waits_behind_cached_ones_and_no_longer_than_its_time_out() {
    let world = World::example();
    let device = world.player("Tq4zR9Lw", "t-1");
    let first = cached(&world);
    let (waiting, instant) = (cached(&world), give(&world, 0, 7).unwrap());
    assert_eq!(device.commands(), [first]);
    world.pass(7 * SECOND - 1);
    assert_eq!(fate(&world, instant).0, Progress::Created);
    world.pass(1);
    assert_eq!(fate(&world, instant), (Progress::Expired, Some(11904)));
    let instant = give(&world, 0, 7).unwrap();
    device.leave();
    // The turn of the cached one comes: it stays, and the instant one stays behind it until its time is up.
    world.pass(30 * SECOND);
    assert_eq!(fate(&world, first), (Progress::TimedOut, Some(11915)));
    assert_eq!(fate(&world, waiting).0, Progress::Created);
    assert_eq!(fate(&world, instant), (Progress::Expired, Some(11904)));
}

#[test]
fn an_instant_command_whose_turn_comes_when_the_device_is_gone_fails() {
    let world = World::example();
    let device = world.player("Tq4zR9Lw", "t-1");
    let (sent, instant) = (give(&world, 0, 5).unwrap(), give(&world, 0, 60).unwrap());
    assert_eq!(device.commands(), [sent]);
    device.leave();
    world.pass(5 * SECOND);
    assert_eq!(fate(&world, sent), (Progress::TimedOut, Some(11915)));
    assert_eq!(fate(&world, instant), (Progress::Failed, Some(11900)));
    assert_eq!(give(&world, 0, 5).unwrap_err().code, 11900);
}

// Proves: MODEL-5-6
#[test]
fn only_a_cached_command_that_waits_is_cancelled() {
    let world = World::example();
    let cancel = |id| world.cloud.cancel_commands(&turbine(&world), id, |command| command.to_json("o1"));
    let refusal = |id| cancel(Some(id)).unwrap_err();
    let device = world.player("Tq4zR9Lw", "t-1");
    let (sent, instant, waiting) = (cached(&world), give(&world, 0, 60).unwrap(), cached(&world));
    assert_eq!(refusal(sent).code, 99400);
    assert!(refusal(sent).message.contains("was sent already"));
    assert!(refusal(instant).message.contains("only cached commands are cancelled"));
    let other = world.cloud.store.device(&DeviceId::new("Tq4zR9Lw", "t-2")).unwrap();
    assert_eq!(
        world.cloud.cancel_commands(&other, Some(waiting), |command| command.to_json("o1")).unwrap_err().code,
        99404
    );
    let cancelled = cancel(Some(waiting)).unwrap();
    assert_eq!(
        (&cancelled[0]["commandId"], &cancelled[0]["state"]),
        (&json!(waiting.to_string()), &json!(2))
    );
    assert_eq!(refusal(waiting).code, 99400);
    assert!(refusal(waiting).message.contains("has ended already"));
    assert_eq!(refusal(5).code, 99404);
    let all = [cached(&world), cached(&world)];
    assert_eq!(cancel(None).unwrap().len(), 2);
    assert_eq!(cancel(None).unwrap(), Vec::<Value>::new());
    assert!(all.iter().all(|id| fate(&world, *id) == (Progress::Cancelled, None)));
    device.answer(sent, 200);
    // The instant one came next and was sent.
    assert_eq!(device.commands(), [sent, instant]);
}

#[test]
fn a_full_mailbox_is_tried_again() {
    let world = World::example();
    let device = world.player("Tq4zR9Lw", "t-1");
    let message = || Outbound { topic: "/t".into(), payload: b"x".to_vec(), qos: 0 };
    while world.cloud.fabric.deliver(&device.who.device, message()).is_ok() {}
    let id = cached(&world);
    assert_eq!(give(&world, 0, 5).map(|id| fate(&world, id)), Ok((Progress::Created, None)));
    world.pass(SECOND);
    assert_eq!(fate(&world, id).0, Progress::Created);
    assert!(device.news().unwrap().len() > 100);
    assert_eq!(world.cloud.next_deadline_ms(), Some(2 * SECOND));
    world.pass(SECOND);
    assert_eq!(device.commands(), [id]);
}

// Proves: MODEL-5-9
#[test]
fn a_device_in_dynamic_activation_gets_its_commands_after_the_static_login() {
    let world = World::example();
    let id = DeviceId::new("Dy5nA8Mt", "new-1");
    let device = world.cloud.store.device(&id).unwrap();
    assert_eq!(world.cloud.give_command(&device, new(0, 5)).unwrap_err().code, 11888);
    let (command, _) = world.cloud.give_command(&device, new(600, 5)).unwrap();
    let who = world.sign_in(&Connect::signed("Dy5nA8Mt", "new-1", 3, "PsEcret03")).unwrap();
    let first = world.on_a_line(who);
    assert!(first.news().unwrap().is_empty());
    first.leave();
    let secret = device.secret.expose();
    let who = world.sign_in(&Connect::signed("Dy5nA8Mt", "new-1", 2, secret)).unwrap();
    assert_eq!(world.on_a_line(who).commands(), [command]);
}

/// Answers and the timer come from several threads at once.
#[test]
fn an_end_that_another_thread_was_quicker_with_changes_nothing() {
    for round in 0..300 {
        let world = World::example();
        let device = world.player("Tq4zR9Lw", "t-1");
        let id = give(&world, 0, 5).unwrap();
        let start = std::sync::Barrier::new(3);
        std::thread::scope(|scope| {
            for code in [200, 1102] {
                let (device, start) = (&device, &start);
                scope.spawn(move || {
                    start.wait();
                    device.answer(id, code);
                });
            }
            start.wait();
            if round % 2 == 0 {
                world.pass(5 * SECOND);
            } else {
                world.cloud.delete_device(&turbine(&world));
            }
        });
        assert_eq!(world.journal("command").len(), 1, "round {round}: {:?}", world.journal("command"));
    }
}

#[test]
fn history_is_bounded_by_number_and_age() {
    let world = World::example();
    let device = world.player("Tq4zR9Lw", "t-1");
    let first = cached(&world);
    let kept = cached(&world);
    device.answer(first, 200);
    for _ in 0..10_000 {
        let id = give(&world, 0, 5).unwrap();
        device.answer(kept, 200);
        device.answer(id, 200);
        drop(device.news());
    }
    // The first has gone; 10,000 settled ones are kept.
    assert!(world.cloud.look_at_command(&turbine(&world), first, |_| ()).is_none());
    let mut known = 0;
    world.cloud.look_at_commands(&turbine(&world), |_| known += 1);
    assert_eq!(known, 10_000);
    world.pass(15 * 24 * 3_600 * SECOND);
    known = 0;
    world.cloud.look_at_commands(&turbine(&world), |_| known += 1);
    assert_eq!(known, 0);
}

/// One step of a story that any order of may happen.
#[derive(Debug, Clone)]
enum Step {
    Give {
        pending_ttl_s: u32,
        timeout_s: u32,
    },
    Connect,
    Leave,
    /// Answers the command that was given as the nth, sent or not.
    Answer {
        nth: usize,
        code: i64,
    },
    Cancel {
        nth: Option<usize>,
    },
    Pass {
        ms: u64,
        with_timer: bool,
    },
    Disable,
    Enable,
    Replace,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (prop_oneof![Just(0_u32), 1_u32..200], 1_u32..60).prop_map(|(pending_ttl_s, timeout_s)| Step::Give { pending_ttl_s, timeout_s }),
        2 => Just(Step::Connect),
        1 => Just(Step::Leave),
        4 => (0_usize..20, prop_oneof![Just(200_i64), Just(1102)]).prop_map(|(nth, code)| Step::Answer { nth, code }),
        1 => proptest::option::of(0_usize..20).prop_map(|nth| Step::Cancel { nth }),
        3 => (0_u64..60_000, any::<bool>()).prop_map(|(ms, with_timer)| Step::Pass { ms, with_timer }),
        1 => Just(Step::Disable),
        1 => Just(Step::Enable),
        1 => Just(Step::Replace),
    ]
}

/// A world, what was given, and what is known of each.
struct Story {
    world: World,
    asset: Arc<Device>,
    device: Option<Player>,
    given: Vec<u64>,
    seen: BTreeMap<u64, Progress>,
    replaced: u32,
}

impl Story {
    fn take(&mut self, step: &Step) {
        let cloud = self.world.cloud.clone();
        match *step {
            Step::Give { pending_ttl_s, timeout_s } => {
                if let Ok((id, _)) = cloud.give_command(&self.asset, new(pending_ttl_s, timeout_s)) {
                    self.given.push(id);
                }
            }
            Step::Connect => {
                let secret = self.asset.secret.expose();
                let id = &self.asset.id;
                let connect = Connect::signed(&id.product_key, &id.device_key, 2, secret);
                if let Ok(who) = self.world.sign_in(&connect) {
                    let before = self.device.replace(self.world.on_a_line(who));
                    if let Some(before) = before {
                        before.leave();
                    }
                }
            }
            Step::Leave => self.leave(),
            Step::Answer { nth, code } => {
                if let (Some(device), Some(id)) = (&self.device, self.given.get(nth)) {
                    device.answer(*id, code);
                }
            }
            Step::Cancel { nth } => {
                let id = nth.and_then(|nth| self.given.get(nth).copied());
                let _ = cloud.cancel_commands(&self.asset, id, |command| command.to_json("o1"));
            }
            Step::Pass { ms, with_timer } => {
                self.world.clock.advance(ms);
                if with_timer {
                    cloud.tick();
                }
            }
            Step::Disable => {
                let _ = cloud.disable_device(&self.asset);
            }
            Step::Enable => {
                let _ = cloud.enable_device(&self.asset);
            }
            Step::Replace => {
                self.replaced += 1;
                let key = format!("t-1-{}", self.replaced);
                self.asset = cloud.replace_device(&self.asset, &key).unwrap();
            }
        }
        // A connection that was told to end does so.
        if self.device.as_ref().is_some_and(Player::is_cut) {
            self.leave();
        }
        self.check();
    }

    fn leave(&mut self) {
        if let Some(device) = self.device.take() {
            device.leave();
        }
    }

    fn check(&mut self) {
        let mut sent = 0;
        for id in &self.given {
            let now = self.world.cloud.look_at_command(&self.asset, *id, |command| command.progress).unwrap();
            sent += usize::from(now == Progress::Sent);
            let before = self.seen.insert(*id, now).unwrap_or(Progress::Created);
            let legal = match before {
                Progress::Created => true,
                Progress::Sent => !matches!(now, Progress::Created | Progress::Cancelled | Progress::Expired),
                ended => ended == now,
            };
            assert!(legal, "command {id} went from {before:?} to {now:?}");
        }
        assert!(sent <= 1, "{sent} commands are sent at the same time");
        self.world.cloud.tick();
        let now = self.world.clock.monotonic_ms();
        assert!(self.world.cloud.next_deadline_ms().is_none_or(|deadline_ms| deadline_ms > now));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    // Proves: MODEL-5-5
    #[test]
    fn each_command_ends_in_exactly_one_state(steps in proptest::collection::vec(step(), 1..60)) {
        let world = World::example();
        let asset = turbine(&world);
        let mut story = Story { world, asset, device: None, given: Vec::new(), seen: BTreeMap::new(), replaced: 0 };
        for step in &steps {
            story.take(step);
        }
        // Left alone, everything ends by itself.
        while let Some(deadline_ms) = story.world.cloud.next_deadline_ms() {
            let ms = deadline_ms - story.world.clock.monotonic_ms();
            story.take(&Step::Pass { ms, with_timer: true });
        }
        prop_assert!(story.seen.values().all(|progress| progress.is_settled()), "{:?}", story.seen);
    }
}
