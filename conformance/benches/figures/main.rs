//! The figures of the project, each beside a peer measured in the same run.
//!
//! `bench-figures [--quick] [--runs N] [--json FILE]` prints a table and writes it as JSON; `--quick` is a
//! small run that proves completeness, not speed. The program starts itself again as the responder and as
//! each client. It ends with failure if a run failed, not if a goal was missed: times are for people to judge.
#![forbid(unsafe_code)]

mod engine;
mod floor;
mod hub;
mod ours;
mod plan;
mod responder;
mod rumqttc;
mod run;
mod rustls;

use std::process::ExitCode;

use conformance::bench::machine::{self, Core};
use conformance::bench::{Outcome, process};

use crate::plan::{Order, Peer, RUN_LIMIT, Task};

/// Everyone who is measured, in the order of the columns.
const PEERS: &[&dyn Peer] =
    &[&floor::Floor, &rumqttc::Rumqttc, &rustls::Rustls, &ours::Ours, &engine::EngineAlone, &hub::MockHub];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match act(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench-figures {}: {error}", arguments.first().map_or("", String::as_str));
            ExitCode::FAILURE
        }
    }
}

fn act(arguments: &[String]) -> Outcome<ExitCode> {
    match arguments {
        [role] if role == "responder" => {
            process::end_with_parent(plan::whole_limit(false))?;
            machine::pin(Core::Server)?;
            responder::serve()?;
        }
        [role, peer, task, order @ ..] if role == "client" => {
            process::end_with_parent(RUN_LIMIT)?;
            machine::pin(Core::Client)?;
            println!("{}", client(peer, task, order)?);
        }
        [role, program, rest @ ..] if role == "exec" => {
            return Err(process::become_program(program, rest, RUN_LIMIT));
        }
        options => return run::run(&run::Options::read(options)?, PEERS),
    }
    Ok(ExitCode::SUCCESS)
}

fn client(peer: &str, task: &str, order: &[String]) -> Outcome<String> {
    let task = Task::ALL.iter().copied().find(|known| known.name() == task).ok_or("no such task")?;
    let peer = PEERS.iter().find(|known| known.name() == peer && known.tasks().contains(&task));
    let sample = peer.ok_or("no such peer for this task")?.run(task, &Order::from_arguments(order)?)?;
    Ok(sample.to_line())
}
