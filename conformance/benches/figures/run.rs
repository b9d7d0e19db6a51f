//! The benchmark itself: every task, every peer, round by round, interleaved.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use conformance::bench::plan::{Order, PROGRAMS, Program, ROWS, RUN_LIMIT, Task, whole_limit};
use conformance::bench::process::{self, Helper};
use conformance::bench::report::Results;
use conformance::bench::sample::Sample;
use conformance::bench::{Outcome, machine};
use serde_json::Value;

/// Packages whose versions are printed.
const PACKAGES: &[&str] = &["rumqttc", "tokio", "rustls", "ring"];

/// What the command line asks for.
pub(crate) struct Options {
    quick: bool,
    runs: u32,
    json: PathBuf,
}

impl Options {
    /// Reads the arguments; an unknown one is an error.
    pub(crate) fn read(arguments: &[String]) -> Outcome<Self> {
        let quick = arguments.iter().any(|argument| argument == "--quick");
        let mut options = Self { quick, runs: if quick { 1 } else { 7 }, json: default_json()? };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match (argument.as_str(), rest.len()) {
                ("--quick", _) => {}
                ("--runs", 1..) => options.runs = rest.next().map_or(Ok(1), |text| text.parse())?,
                ("--json", 1..) => options.json = rest.next().map(PathBuf::from).unwrap_or_default(),
                _ => return Err("usage: bench-figures [--quick] [--runs N] [--json FILE]".into()),
            }
        }
        if !(1..=100).contains(&options.runs) {
            return Err("--runs takes 1 to 100".into());
        }
        Ok(options)
    }
}

/// `figures.json` beside the program, so that nothing is left outside the build's folder.
fn default_json() -> Outcome<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name("figures.json"))
}

/// Runs everything, prints the table and writes the JSON.
pub(crate) fn run(options: &Options) -> Outcome<ExitCode> {
    process::end_after(whole_limit(options.quick))?;
    let began = Instant::now();
    let facts = machine::facts(PACKAGES);
    println!("{}", show_facts(&facts));
    let mut results = Results::default();
    for &task in Task::ALL {
        let mut takers: Vec<&Program> =
            PROGRAMS.iter().filter(|program| program.tasks.contains(&task)).collect();
        for _ in 0..options.runs {
            for program in &takers {
                let outcome = one_run(program, task, options.quick).map_err(|error| error.to_string());
                results.add(task.name(), program.column, outcome);
            }
            // Each peer comes first as often as the others.
            if !takers.is_empty() {
                takers.rotate_left(1);
            }
        }
    }
    let mut columns: Vec<&str> = PROGRAMS.iter().map(|program| program.column).collect();
    columns.dedup();
    println!("{}", results.table(ROWS, &columns));
    if options.quick || cfg!(debug_assertions) {
        println!("A small run or a debug build: it shows that all is measured, and no time of it counts.");
    }
    for failure in results.failures() {
        println!("failed: {failure}");
    }
    let mut json = results.to_json(ROWS, &columns);
    if let Some(object) = json.as_object_mut() {
        object.insert("machine".to_owned(), facts);
        object.insert("quick".to_owned(), options.quick.into());
        object.insert("runs".to_owned(), options.runs.into());
    }
    let mut file = std::fs::File::create(&options.json)?;
    writeln!(file, "{json:#}")?;
    let (goals, missed) = results.verdict(ROWS);
    println!(
        "figures: {} rows, {goals} goals, {missed} missed, {} failures, {} s; {}",
        ROWS.len(),
        results.failures().len(),
        began.elapsed().as_secs(),
        options.json.display()
    );
    Ok(if results.failures().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One task in fresh processes: a responder and the program that is measured.
fn one_run(program: &Program, task: Task, quick: bool) -> Outcome<Sample> {
    let mut responder = Helper::again(&["responder"])?;
    let ready: Value = serde_json::from_str(&responder.line(RUN_LIMIT)?)?;
    let address = |key: &str| -> Outcome<SocketAddr> { Ok(ready[key].as_str().unwrap_or_default().parse()?) };
    let order = Order {
        tcp: address("tcp")?,
        tls: address("tls")?,
        ca: ready["ca"].as_str().unwrap_or_default().to_owned(),
        count: task.count(quick),
        window: task.window(),
        started_ns: machine::monotonic_ns()?,
    };
    let file = std::env::current_exe()?.with_file_name(program.file);
    let mut command = Command::new(file);
    command.arg(task.name()).args(order.to_arguments());
    let sample = Sample::from_line(&Helper::start(&mut command)?.last_line(RUN_LIMIT)?)?;
    if task != Task::Commands {
        return Ok(sample);
    }
    Ok(sample.and(Sample::from_line(&responder.line(RUN_LIMIT)?)?))
}

fn show_facts(facts: &Value) -> String {
    let word = |key: &str| facts[key].as_str().map_or_else(|| facts[key].to_string(), str::to_owned);
    let packages = facts["packages"].as_object().into_iter().flatten();
    let packages: Vec<String> =
        packages.map(|(name, version)| format!("{name} {}", version.as_str().unwrap_or_default())).collect();
    format!(
        "{}, {} cores, Linux {}, load {} at the start\n{}, {} build; {}\n\
         Responder on the first core, clients on the second; loopback only.\n",
        word("cpu"),
        word("cores"),
        word("kernel"),
        word("load"),
        word("rustc"),
        word("profile"),
        packages.join(", ")
    )
}
