//! Ours, the engine alone: CPU time in memory.

use crate::bench::pair::{Pair, Probe};
use crate::bench::plan::Order;
use crate::bench::sample::Sample;
use crate::bench::{Outcome, machine};

/// Does one run: CPU time per item as `post_us` and `command_us`, the first tenth left out.
pub fn run(order: &Order) -> Outcome<Sample> {
    let open = u32::from(order.window);
    let rounds = order.count.div_ceil(open);
    let mut pair = Pair::online()?;
    let (mut posts, mut commands) = (Clock::default(), Clock::default());
    for round in 0..rounds {
        if round == rounds / 10 {
            (posts, commands) = (Clock::default(), Clock::default());
        }
        pair.posts(open, &mut posts)?;
        pair.commands(open, &mut commands)?;
    }
    let items = f64::from((rounds - rounds / 10) * open);
    let micros = |clock: Clock| clock.spent_ns as f64 / 1e3 / items;
    Ok(Sample::of("post_us", micros(posts)).with("command_us", micros(commands)))
}

/// CPU time of this thread while the engine works: unlike the wall clock, no neighbour lengthens it.
#[derive(Default)]
struct Clock {
    spent_ns: u64,
    began_ns: u64,
}

impl Probe for Clock {
    fn begin(&mut self) -> Outcome<()> {
        self.began_ns = machine::thread_cpu_ns()?;
        Ok(())
    }

    fn end(&mut self) -> Outcome<()> {
        self.spent_ns += machine::thread_cpu_ns()?.saturating_sub(self.began_ns);
        Ok(())
    }
}
