//! The figures of the project, each beside a peer measured in the same run.
//!
//! `bench-figures [--quick] [--runs N] [--json FILE] [--only TASK[,TASK]]` prints two tables, of clients and of
//! servers, and writes them as JSON; `--quick` is a small run that proves completeness, not speed, and `--only` runs
//! single tasks or whole tables (`--only c_all,java_all`). It starts itself again as the responder, the load generator and
//! the bare TLS server, and the programs beside it as clients; those in other languages it makes ready first. It ends with failure if a run failed, not if a goal was missed: times are for people to judge.
#![forbid(unsafe_code)]

mod responder;
mod run;

use std::process::ExitCode;
use std::time::Duration;

use conformance::bench::foreign::BEGAN;
use conformance::bench::machine::{self, Core};
use conformance::bench::plan::{RUN_LIMIT, whole_limit};
use conformance::bench::{Outcome, load, process};

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
            process::end_with_parent(whole_limit(false))?;
            machine::pin(Core::Server)?;
            responder::serve()?;
        }
        [role, program, rest @ ..] if role == "exec" => {
            return Err(process::become_program(program, rest, RUN_LIMIT));
        }
        [role, limit, program, rest @ ..] if role == "exec-client" => {
            machine::pin(Core::Client)?;
            let limit = Duration::from_secs(limit.parse()?);
            println!("{BEGAN} {}", machine::monotonic_ns()?);
            return Err(process::become_program(program, rest, limit));
        }
        [role, program, rest @ ..] if role == "exec-server" => {
            machine::pin(Core::Server)?;
            return Err(process::become_program(program, rest, RUN_LIMIT));
        }
        [role, kind] if role == "acceptor" => load::acceptor::serve(kind)?,
        [role, peer, rest @ ..] if role == "load" => println!("{}", load::run(peer, rest)?.to_line()),
        options => return run::run(&run::Options::read(options)?),
    }
    Ok(ExitCode::SUCCESS)
}
