//! The benchmark itself: every task, every peer, round by round, interleaved.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use conformance::bench::plan::{Order, PROGRAMS, Part, Program, RUN_LIMIT, Task, whole_limit};
use conformance::bench::process::{self, Helper};
use conformance::bench::report::{Results, Row};
use conformance::bench::rows::{NOTES, ROWS};
use conformance::bench::sample::Sample;
use conformance::bench::{Outcome, load, machine};
use serde_json::Value;

/// Packages whose versions are printed.
const PACKAGES: &[&str] = &["rumqttc", "tokio", "rustls", "ring"];

/// What the command line asks for.
pub(crate) struct Options {
    quick: bool,
    runs: u32,
    json: PathBuf,
    only: Vec<Task>,
}

impl Options {
    /// Reads the arguments; an unknown one is an error.
    pub(crate) fn read(arguments: &[String]) -> Outcome<Self> {
        let quick = arguments.iter().any(|argument| argument == "--quick");
        let mut options =
            Self { quick, runs: if quick { 1 } else { 7 }, json: default_json()?, only: Task::ALL.to_vec() };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match (argument.as_str(), rest.len()) {
                ("--quick", _) => {}
                ("--runs", 1..) => options.runs = rest.next().map_or(Ok(1), |text| text.parse())?,
                ("--json", 1..) => options.json = rest.next().map(PathBuf::from).unwrap_or_default(),
                ("--only", 1..) => {
                    let names = rest.next().map(String::as_str).unwrap_or_default();
                    options.only = names.split(',').map(Task::named).collect::<Outcome<_>>()?;
                }
                _ => {
                    let usage =
                        "usage: bench-figures [--quick] [--runs N] [--json FILE] [--only TASK[,TASK]]";
                    return Err(usage.into());
                }
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
    let mut tasks: Vec<Task> = Task::ALL.to_vec();
    tasks.retain(|task| options.only.contains(task));
    leave_out_absent(&tasks, &mut results);
    for &task in &tasks {
        let mut takers = takers(task, &results);
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
    print_tables(&tasks, &results);
    if options.quick || cfg!(debug_assertions) {
        println!("A small run or a debug build: it shows that all is measured, and no time of it counts.");
    }
    for (peer, why) in results.absent() {
        println!("left out: {peer}: {why}");
    }
    for failure in results.failures() {
        println!("failed: {failure}");
    }
    let rows = rows_of(&tasks);
    let columns: BTreeSet<&str> = PROGRAMS.iter().map(|program| program.column).collect();
    let mut json = results.to_json(&rows, &Vec::from_iter(columns));
    if let Some(object) = json.as_object_mut() {
        object.insert("machine".to_owned(), facts);
        object.insert("quick".to_owned(), options.quick.into());
        object.insert("runs".to_owned(), options.runs.into());
        object.insert("notes".to_owned(), NOTES.into());
    }
    let mut file = std::fs::File::create(&options.json)?;
    writeln!(file, "{json:#}")?;
    let (goals, missed) = results.verdict(&rows);
    println!(
        "figures: {} rows, {goals} goals, {missed} missed, {} failures, {} s; {}",
        rows.len(),
        results.failures().len(),
        began.elapsed().as_secs(),
        options.json.display()
    );
    Ok(if results.failures().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Makes ready whom the tasks need, and leaves out who is not there.
fn leave_out_absent(tasks: &[Task], results: &mut Results) {
    let wanted = |column: &str| {
        let mut programs = PROGRAMS.iter().filter(|program| program.column == column);
        programs.any(|program| program.tasks.iter().any(|task| tasks.contains(task)))
    };
    if wanted("mosquitto")
        && let Err(why) = load::mosquitto::prepare()
    {
        results.leave_out("mosquitto", &why.to_string());
    }
}

fn takers(task: Task, results: &Results) -> Vec<&'static Program> {
    let mut takers: Vec<&Program> = PROGRAMS.iter().filter(|program| program.tasks.contains(&task)).collect();
    takers.retain(|program| !results.absent().contains_key(program.column));
    takers
}

fn rows_of(tasks: &[Task]) -> Vec<Row> {
    let mut rows = ROWS.to_vec();
    rows.retain(|row| tasks.iter().any(|task| row.id.split('.').next() == Some(task.name())));
    rows
}

/// A table of clients and one of servers, each with the columns of those who take part.
fn print_tables(tasks: &[Task], results: &Results) {
    let parts = [
        (Part::Client, "Clients on the second core, the responder on the first."),
        (
            Part::Hub,
            "Servers on the first core, the load generator on the second: 50 connections, 16 posts open on each.",
        ),
    ];
    for (part, title) in parts {
        let tasks: Vec<Task> = tasks.iter().copied().filter(|task| task.part() == part).collect();
        if tasks.is_empty() {
            continue;
        }
        let mut columns: Vec<&str> = Vec::new();
        for program in PROGRAMS {
            if program.tasks.iter().any(|task| tasks.contains(task)) && !columns.contains(&program.column) {
                columns.push(program.column);
            }
        }
        println!("{title}\n{}", results.table(&rows_of(&tasks), &columns));
        if part == Part::Hub {
            println!("{}\n", NOTES.join("\n"));
        }
    }
}

/// One task in fresh processes: a responder and the program that is measured.
fn one_run(program: &Program, task: Task, quick: bool) -> Outcome<Sample> {
    if task.part() == Part::Hub {
        let order = Order::alone(task.count(quick), task.window(), machine::monotonic_ns()?);
        return measure(program, task, &order);
    }
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
    let sample = measure(program, task, &order)?;
    if task != Task::Commands {
        return Ok(sample);
    }
    Ok(sample.and(Sample::from_line(&responder.line(RUN_LIMIT)?)?))
}

/// One run of the program that measures, or is measured.
fn measure(program: &Program, task: Task, order: &Order) -> Outcome<Sample> {
    let file = std::env::current_exe()?.with_file_name(program.file);
    let mut command = Command::new(file);
    command.args(program.role).arg(task.name()).args(order.to_arguments());
    Sample::from_line(&Helper::start(&mut command)?.last_line(RUN_LIMIT)?)
}

fn show_facts(facts: &Value) -> String {
    let word = |key: &str| facts[key].as_str().map_or_else(|| facts[key].to_string(), str::to_owned);
    let packages = facts["packages"].as_object().into_iter().flatten();
    let packages: Vec<String> =
        packages.map(|(name, version)| format!("{name} {}", version.as_str().unwrap_or_default())).collect();
    format!(
        "{}, {} cores, Linux {}, load {} at the start\n{}, {} build; {}\n\
         Loopback only.\n",
        word("cpu"),
        word("cores"),
        word("kernel"),
        word("load"),
        word("rustc"),
        word("profile"),
        packages.join(", ")
    )
}
