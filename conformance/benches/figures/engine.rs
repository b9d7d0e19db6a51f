//! Ours, the engine alone: CPU time in memory, and allocations counted by the program `bench-allocations`.

use conformance::bench::engine::{Pair, Probe};
use conformance::bench::process::Helper;
use conformance::bench::report::OURS;
use conformance::bench::sample::Sample;
use conformance::bench::{Outcome, machine};

use crate::plan::{Order, Peer, RUN_LIMIT, Task};

/// The engine without a runtime.
pub(crate) struct EngineAlone;

impl Peer for EngineAlone {
    fn name(&self) -> &'static str {
        OURS
    }

    fn tasks(&self) -> &'static [Task] {
        &[Task::Engine, Task::Allocations]
    }

    fn run(&self, task: Task, order: &Order) -> Outcome<Sample> {
        match task {
            Task::Engine => time(order),
            Task::Allocations => {
                let program = std::env::current_exe()?.with_file_name("bench-allocations");
                let helper = Helper::program(&program, &[&order.count.to_string()])?;
                Sample::from_line(&helper.last_line(RUN_LIMIT)?)
            }
            _ => Err("not a task of the engine alone".into()),
        }
    }
}

/// CPU time per item as `post_us` and `command_us`, the first tenth left out.
fn time(order: &Order) -> Outcome<Sample> {
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
