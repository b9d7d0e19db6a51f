//! How fast a world goes: virtual seconds for each real one with 10 devices, and seeds of the suite in 10 minutes.

use std::time::{Duration, Instant};

use conformance::world::{Mode, Plan, play};
use nix::sys::resource::{UsageWho, getrusage};

/// What the project wants: `issue "Hub and proof"`, table of figures.
const GOAL_SPEED: f64 = 1_000.0;
const GOAL_SEEDS: f64 = 20_000.0;

/// CPU time of this process so far.
fn cpu() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return Duration::ZERO };
    let micros = |time: nix::sys::time::TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
    Duration::from_micros(u64::try_from(micros(usage.user_time()) + micros(usage.system_time())).unwrap_or(0))
}

/// Smallest, median and largest.
fn spread(mut figures: Vec<f64>) -> [f64; 3] {
    figures.sort_by(f64::total_cmp);
    [figures[0], figures[figures.len() / 2], figures[figures.len() - 1]]
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (rounds, seeds) = if quick { (1, 2) } else { (7, 40) };
    let (mut by_clock, mut by_cpu, mut suite) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let (started, used) = (Instant::now(), cpu());
        let mut virtual_s = 0.0;
        for seed in 0..seeds {
            let plan = Plan { mode: Mode::Safety, devices: 10, traced: false };
            let played = play(round * 1_000 + seed, plan);
            assert!(played.broken.is_none(), "{:?}", played.broken);
            virtual_s += played.virtual_ms as f64 / 1_000.0;
        }
        by_clock.push(virtual_s / started.elapsed().as_secs_f64());
        by_cpu.push(virtual_s / (cpu() - used).as_secs_f64());
        let used = cpu();
        for seed in 0..seeds {
            let seed = round * 1_000 + seed;
            let played = play(seed, Plan::of(seed));
            assert!(played.broken.is_none(), "{:?}", played.broken);
        }
        // Two cores, 10 minutes.
        suite.push(seeds as f64 / (cpu() - used).as_secs_f64() * 1_200.0);
    }
    let row = |what: &str, figures: Vec<f64>, goal: f64| {
        let [least, median, most] = spread(figures);
        let verdict = if median >= goal { "reached" } else { "MISSED" };
        println!("| {what} | {median:.0} ({least:.0}–{most:.0}) | ≥ {goal:.0} | {verdict} |");
    };
    println!("| one world, one seed | measured | goal | |");
    println!("|---|---|---|---|");
    row("virtual seconds per second, 10 devices, wall clock", by_clock, GOAL_SPEED);
    row("virtual seconds per second of CPU, 10 devices", by_cpu, GOAL_SPEED);
    row("seeds of the suite in 10 minutes on two cores, by CPU", suite, GOAL_SEEDS);
}
