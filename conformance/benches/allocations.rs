//! Counts what the engine allocates per post and per command once it has grown; prints one line of JSON.
//!
//! A program of its own, since its counting allocator would slow what is timed. The one argument is how many
//! posts, and as many commands, are counted.
#![forbid(unsafe_code)]

use std::alloc::System;
use std::process::ExitCode;

use conformance::bench::Outcome;
use conformance::bench::engine::{Pair, Probe};
use conformance::bench::sample::Sample;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How many are open at a time.
const OPEN: u32 = 100;

fn main() -> ExitCode {
    match count() {
        Ok(sample) => {
            println!("{}", sample.to_line());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench-allocations: {error}");
            ExitCode::FAILURE
        }
    }
}

fn count() -> Outcome<Sample> {
    let rounds =
        std::env::args().nth(1).ok_or("usage: bench-allocations COUNT")?.parse::<u32>()?.div_ceil(OPEN);
    let mut pair = Pair::online()?;
    let mut warm_up = Counter::default();
    for _ in 0..rounds.div_ceil(10) {
        pair.posts(OPEN, &mut warm_up)?;
        pair.commands(OPEN, &mut warm_up)?;
    }
    if warm_up.allocations == 0 {
        return Err("nothing was counted while the engine grew: the counter does not count".into());
    }
    let (mut posts, mut commands) = (Counter::default(), Counter::default());
    for _ in 0..rounds {
        pair.posts(OPEN, &mut posts)?;
        pair.commands(OPEN, &mut commands)?;
    }
    let items = f64::from(rounds * OPEN);
    Ok(Sample::of("per_post", posts.allocations as f64 / items)
        .with("per_command", commands.allocations as f64 / items))
}

/// Allocations and reallocations while the engine works.
#[derive(Default)]
struct Counter {
    allocations: usize,
    began: usize,
}

impl Probe for Counter {
    fn begin(&mut self) -> Outcome<()> {
        self.began = so_far();
        Ok(())
    }

    fn end(&mut self) -> Outcome<()> {
        self.allocations += so_far() - self.began;
        Ok(())
    }
}

fn so_far() -> usize {
    let stats = ALLOCATOR.stats();
    stats.allocations + stats.reallocations
}
