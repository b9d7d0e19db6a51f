//! The main function of every program that is measured.

use std::process::ExitCode;

use super::machine::{self, Core};
use super::plan::{Order, RUN_LIMIT, Task};
use super::sample::Sample;
use super::{Outcome, process};

/// `PROGRAM TASK ORDER…`: pins itself, does one run, prints its sample as one line of JSON.
pub fn main(run: impl Fn(Task, &Order) -> Outcome<Sample>) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match once(&arguments, run) {
        Ok(sample) => {
            println!("{}", sample.to_line());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}: {error}", std::env::args().next().unwrap_or_default());
            ExitCode::FAILURE
        }
    }
}

/// The same for a program that does other things too.
pub fn once(arguments: &[String], run: impl Fn(Task, &Order) -> Outcome<Sample>) -> Outcome<Sample> {
    process::end_with_parent(RUN_LIMIT)?;
    machine::pin(Core::Client)?;
    let (task, order) = arguments.split_first().ok_or("usage: PROGRAM TASK ORDER…")?;
    run(Task::named(task)?, &Order::from_arguments(order)?)
}
