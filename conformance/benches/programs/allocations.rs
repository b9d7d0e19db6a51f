//! Counts what the engine allocates per post and per command once it has grown; prints one line of JSON.
//!
//! A program of its own, since its counting allocator would slow what is timed.
#![forbid(unsafe_code)]

use std::alloc::System;
use std::process::ExitCode;

use conformance::bench::pair::{Pair, Probe};
use conformance::bench::plan::Order;
use conformance::bench::sample::Sample;
use conformance::bench::{Outcome, client};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    client::main(|_, order| count(order))
}

fn count(order: &Order) -> Outcome<Sample> {
    let open = u32::from(order.window);
    let rounds = order.count.div_ceil(open);
    let mut pair = Pair::online()?;
    let mut warm_up = Counter::default();
    for _ in 0..rounds.div_ceil(10) {
        pair.posts(open, &mut warm_up)?;
        pair.commands(open, &mut warm_up)?;
    }
    if warm_up.allocations == 0 {
        return Err("nothing was counted while the engine grew: the counter does not count".into());
    }
    let (mut posts, mut commands) = (Counter::default(), Counter::default());
    for _ in 0..rounds {
        pair.posts(open, &mut posts)?;
        pair.commands(open, &mut commands)?;
    }
    let items = f64::from(rounds * open);
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
