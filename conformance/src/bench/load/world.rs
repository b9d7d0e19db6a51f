//! The one-seed world as a yardstick of itself: virtual seconds for each real one.

use std::time::Instant;

use super::begin;
use crate::bench::Outcome;
use crate::bench::plan::Order;
use crate::bench::sample::Sample;
use crate::world::{Mode, Plan, play};

/// Devices of the world.
const DEVICES: usize = 10;

/// Plays the first `order.count` seeds for safety; a broken rule is a failed run.
pub(super) fn run(order: &Order) -> Outcome<Sample> {
    begin()?;
    let plan = Plan { mode: Mode::Safety, devices: DEVICES, traced: false };
    let began = Instant::now();
    let mut virtual_ms = 0;
    for seed in 0..u64::from(order.count) {
        let played = play(seed, plan);
        if let Some(broken) = played.broken {
            return Err(format!("seed {seed}: {broken:?}").into());
        }
        virtual_ms += played.virtual_ms;
    }
    Ok(Sample::of("virtual_per_second", virtual_ms as f64 / 1e3 / began.elapsed().as_secs_f64()))
}
