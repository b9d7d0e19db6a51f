//! The CORE and BLOCK cases of the ETSI CoAP plugtest list, and the rules of RFC 7252 and RFC 7959 around them.
//!
//! The list was made for servers with resources of any kind. Here its cases are written from the RFCs as they apply to
//! a device that only GETs and POSTs and to a hub whose resources are fixed: where the list wants a PUT or a DELETE to
//! be carried out, it has to be refused. The hub is a process, the client the SDK as a user has it; the other side of
//! both is `conformance::coap`, which shares no code with either.
//!
//! `cargo test -p conformance --test coap_plugtest [-- WORD…]` runs the cases whose names hold one of the words, and
//! prints the table whether they pass or not.

mod client;
mod client_rules;
mod hub;
mod hub_rules;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Cases wait for sockets and retransmissions more than they work.
const WORKERS: usize = 6;

/// One case.
pub(crate) struct Case {
    /// The case of the list, or the section of the RFC.
    pub(crate) id: &'static str,
    /// Who is tested.
    pub(crate) side: &'static str,
    /// What is shown, for a reader.
    pub(crate) what: &'static str,
    /// The function's name, under which it counts as a test.
    pub(crate) name: &'static str,
    /// Panics if it does not hold.
    pub(crate) run: fn(),
}

/// A list of cases: id, what, function.
macro_rules! cases {
    ($side:literal: $($id:literal, $what:literal, $run:ident;)*) => {
        &[$(crate::Case { id: $id, side: $side, what: $what, name: stringify!($run), run: $run }),*]
    };
}
pub(crate) use cases;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let all: Vec<&Case> =
        [hub::CASES, hub_rules::CASES, client::CASES, client_rules::CASES].into_iter().flatten().collect();
    if arguments.iter().any(|argument| argument == "--list") {
        all.iter().for_each(|case| println!("{}: test", case.name));
        return ExitCode::SUCCESS;
    }
    let words: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let chosen = |case: &Case| words.is_empty() || words.iter().any(|word| case.name.contains(word.as_str()));
    let cases: Vec<&Case> = all.iter().copied().filter(|case| chosen(case)).collect();
    println!("\nrunning {} tests", cases.len());
    let results = run(&cases);
    let mut failed = 0;
    for (case, (why, _)) in cases.iter().zip(&results) {
        println!("test {} ... {}", case.name, if why.is_none() { "ok" } else { "FAILED" });
        failed += usize::from(why.is_some());
    }
    println!("\n{:<17} {:<6} {:<78} result", "id", "side", "what");
    for (case, (why, took)) in cases.iter().zip(&results) {
        let result =
            why.as_ref().map_or_else(|| format!("{:.2} s", took.as_secs_f64()), |_| "FAILED".to_owned());
        println!("{:<17} {:<6} {:<78} {result}", case.id, case.side, case.what);
    }
    for (case, (why, _)) in cases.iter().zip(&results) {
        if let Some(why) = why {
            println!("\n{} ({}): {why}", case.name, case.id);
        }
    }
    let (passed, filtered) = (cases.len() - failed, all.len() - cases.len());
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; {filtered} filtered out"
    );
    // Nothing passed is no success, unless somebody looks for a test that is elsewhere.
    if failed == 0 && (passed > 0 || filtered > 0) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Why each case failed, if it did, and the time it took.
fn run(cases: &[&Case]) -> Vec<(Option<String>, Duration)> {
    let jobs = Mutex::new((0..cases.len()).collect::<VecDeque<_>>());
    let results: Vec<Mutex<(Option<String>, Duration)>> =
        cases.iter().map(|_| Mutex::new((Some("its worker was lost".to_owned()), Duration::ZERO))).collect();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(job) = job else { return };
                    let started = Instant::now();
                    let outcome = catch_unwind(AssertUnwindSafe(cases[job].run));
                    let why = outcome.err().map(|panic| {
                        let text = panic.downcast_ref::<String>().map(String::as_str);
                        text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
                    });
                    *results[job].lock().unwrap_or_else(PoisonError::into_inner) = (why, started.elapsed());
                }
            });
        }
    });
    results.into_iter().map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}
