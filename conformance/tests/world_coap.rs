//! Worlds over CoAP, drawn from a seed: see `conformance::world::coap`. One that fails plays again with its trace by
//! `ENOS_COAP_SEED=… cargo test -p conformance --test world_coap -- --nocapture`.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use conformance::world::coap::{Counts, Plan, Played, play, rule_names};

/// Seeds of a run; `ENOS_COAP_SEEDS` plays another number.
const SEEDS: u64 = 300;
/// What every world must hold, or it proves little.
const LEAST: [(&str, u64); 3] = [("posts", 100), ("acknowledged posts", 20), ("commands", 15)];

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

fn fault(seed: u64, played: &Played) -> Option<String> {
    if let Some(broken) = &played.broken {
        return Some(format!(
            "{} at {}: {}\nplay it again: ENOS_COAP_SEED={seed} cargo test -p conformance --test world_coap -- --nocapture",
            broken.rule, broken.at, broken.what
        ));
    }
    let has = [played.posts, played.acknowledged, played.commands];
    let ((name, least), has) = LEAST.iter().zip(has).find(|((_, least), has)| has < least)?;
    Some(format!("seed {seed} has {has} {name}, at least {least}"))
}

#[derive(Default)]
struct Sum {
    worlds: u64,
    faults: Counts,
    posts: u64,
    acknowledged: u64,
    commands: u64,
    succeeded: u64,
    datagrams: u64,
    failed: Vec<(u64, String)>,
}

// Proves: ENOS-COAP-W-1 ENOS-COAP-W-2 COAP-4.2-6 COAP-4.4-2
#[test]
fn every_coap_world_keeps_every_rule() {
    if let Some(seed) = variable("ENOS_COAP_SEED") {
        let played = play(seed, Plan { traced: true, ..Plan::of(seed) });
        print!("{}{}", played.trace, played.faults);
        if let Some(fault) = fault(seed, &played) {
            panic!("{fault}");
        }
        return;
    }
    let started = Instant::now();
    let seeds = variable("ENOS_COAP_SEEDS").unwrap_or(SEEDS);
    let (next, sum) = (AtomicU64::new(0), Mutex::new(Sum::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    let played = play(seed, Plan::of(seed));
                    let mut sum = sum.lock().expect("no thread panics here");
                    sum.worlds += 1;
                    sum.faults.merge(&played.faults);
                    sum.posts += played.posts;
                    sum.acknowledged += played.acknowledged;
                    sum.commands += played.commands;
                    sum.succeeded += played.succeeded;
                    sum.datagrams += played.datagrams;
                    sum.failed.extend(fault(seed, &played).map(|fault| (seed, fault)));
                    if sum.failed.len() > 20 {
                        return;
                    }
                }
            });
        }
    });
    let mut sum = sum.into_inner().expect("no thread panics here");
    let text = format!(
        "\n{}{} worlds over CoAP, {} rules, {} datagrams, {} of {} posts acknowledged, {} of {} commands succeeded, {:.1} s\n",
        sum.faults,
        sum.worlds,
        rule_names().len(),
        sum.datagrams,
        sum.acknowledged,
        sum.posts,
        sum.succeeded,
        sum.commands,
        started.elapsed().as_secs_f64()
    );
    // Nobody reads it if it cannot be written.
    let _ = std::io::stderr().write_all(text.as_bytes());
    sum.failed.sort();
    let failed: Vec<&str> = sum.failed.iter().map(|(_, text)| &**text).collect();
    assert!(failed.is_empty(), "{} worlds failed:\n{}", failed.len(), failed.join("\n"));
    if seeds >= 100 {
        assert!(sum.faults.missing().is_empty(), "never struck: {:?}", sum.faults.missing());
        assert!(sum.succeeded > 0, "no command succeeded");
    }
}

#[test]
fn the_same_seed_gives_the_same_coap_trace() {
    for seed in [0, 1, 7] {
        let plan = Plan { traced: true, ..Plan::of(seed) };
        let [first, second] = [play(seed, plan), play(seed, plan)];
        assert!(first.trace.len() > 20_000, "the trace is short: {} bytes", first.trace.len());
        assert_eq!(first.trace, second.trace, "seed {seed}");
    }
}
