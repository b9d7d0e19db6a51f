//! Worlds drawn from a seed: see `conformance::world`. One that fails plays again with its trace by
//! `ENOS_WORLD_SEED=… cargo test -p conformance --test world -- --nocapture`.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use conformance::world::{Broken, Counts, Plan, Played, invariant_names, play};

/// Seeds of a run; `ENOS_WORLD_SEEDS` plays another number.
const SEEDS: u64 = 2_000;
/// What every world must hold, or it proves little.
const LEAST: [(&str, u64); 4] = [("virtual seconds", 600), ("posts", 200), ("commands", 20), ("faults", 5)];

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

fn again(seed: u64, broken: &Broken) -> String {
    format!(
        "{}: {}\nplay it again: ENOS_WORLD_SEED={seed} cargo test -p conformance --test world -- --nocapture",
        broken.invariant, broken.what
    )
}

/// What is missing in a world.
fn too_little(played: &Played) -> Option<String> {
    let has = [played.virtual_ms / 1_000, played.posts, played.commands, played.faults.total()];
    let missing = LEAST.iter().zip(has).find(|((_, least), has)| has < least)?;
    Some(format!("{} {}, at least {}", missing.1, missing.0.0, missing.0.1))
}

#[derive(Default)]
struct Sum {
    worlds: u64,
    faults: Counts,
    posts: u64,
    acknowledged: u64,
    commands: u64,
    succeeded: u64,
    facts: u64,
    virtual_ms: u64,
    failed: Vec<(u64, String)>,
}

impl Sum {
    fn add(&mut self, seed: u64, played: &Played) {
        self.worlds += 1;
        self.faults.merge(&played.faults);
        self.posts += played.posts;
        self.acknowledged += played.acknowledged;
        self.commands += played.commands;
        self.succeeded += played.succeeded;
        self.facts += played.facts;
        self.virtual_ms += played.virtual_ms;
        let failed = played.broken.as_ref().map(|broken| again(seed, broken));
        if let Some(failed) = failed.or_else(|| Some(format!("seed {seed} has {}", too_little(played)?))) {
            self.failed.push((seed, failed));
        }
    }
}

fn play_all(seeds: u64) -> Sum {
    let (next, sum) = (AtomicU64::new(0), Mutex::new(Sum::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        // Each world lives in one thread.
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    let played = play(seed, Plan::of(seed));
                    let mut sum = sum.lock().expect("no thread panics here");
                    sum.add(seed, &played);
                    if sum.failed.len() > 20 {
                        return;
                    }
                }
            });
        }
    });
    sum.into_inner().expect("no thread panics here")
}

/// Says it whether the test passes or not: the harness holds back what goes by `print!` and `eprint!` only.
fn tell(text: &str) {
    // Nobody reads it if it cannot be written.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

#[test]
fn every_world_keeps_every_rule() {
    if let Some(seed) = variable("ENOS_WORLD_SEED") {
        let played = play(seed, Plan { traced: true, ..Plan::of(seed) });
        print!("{}{}", played.trace, played.faults);
        if let Some(broken) = played.broken {
            panic!("{}", again(seed, &broken));
        }
        return;
    }
    let started = Instant::now();
    let seeds = variable("ENOS_WORLD_SEEDS").unwrap_or(SEEDS);
    let mut sum = play_all(seeds);
    let took = started.elapsed();
    tell(&format!(
        "\n{}{} worlds, {} rules, {} facts judged, {} of {} posts acknowledged, {} of {} commands succeeded,\n\
         {} virtual hours in {:.1} s\n",
        sum.faults,
        sum.worlds,
        invariant_names().len(),
        sum.facts,
        sum.acknowledged,
        sum.posts,
        sum.succeeded,
        sum.commands,
        sum.virtual_ms / 3_600_000,
        took.as_secs_f64()
    ));
    sum.failed.sort();
    let failed: Vec<&str> = sum.failed.iter().map(|(_, text)| &**text).collect();
    assert!(failed.is_empty(), "{} worlds failed:\n{}", failed.len(), failed.join("\n"));
    if seeds >= 200 {
        assert!(sum.faults.missing().is_empty(), "never struck: {:?}", sum.faults.missing());
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in [0, 1, 2, 3, 10, 11] {
        let plan = Plan { traced: true, ..Plan::of(seed) };
        let [first, second] = [play(seed, plan), play(seed, plan)];
        assert!(first.trace.len() > 100_000, "the trace is short: {} bytes", first.trace.len());
        let differs = first.trace.lines().zip(second.trace.lines()).find(|(a, b)| a != b);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.trace, second.trace, "seed {seed}");
    }
}
