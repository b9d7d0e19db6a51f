//! The benchmark itself: every task, every peer, round by round, interleaved.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use conformance::bench::job::{Job, Part};
use conformance::bench::plan::{Order, RUN_LIMIT, Task, whole_limit};
use conformance::bench::process::{self, Helper};
use conformance::bench::programs::{PROGRAMS, Program};
use conformance::bench::report::{Results, Row};
use conformance::bench::sample::Sample;
use conformance::bench::{Outcome, foreign, load, machine, rows};
use serde_json::Value;

/// Packages whose versions are printed.
const PACKAGES: &[&str] = &["rumqttc", "tokio", "rustls", "ring"];

/// How long building and fetching what is measured may take.
const PREPARATION: Duration = Duration::from_secs(1_200);

/// What the command line asks for.
pub(crate) struct Options {
    quick: bool,
    runs: u32,
    json: PathBuf,
    only: Vec<Job>,
}

impl Options {
    /// Reads the arguments; an unknown one is an error.
    pub(crate) fn read(arguments: &[String]) -> Outcome<Self> {
        let quick = arguments.iter().any(|argument| argument == "--quick");
        let mut options =
            Self { quick, runs: if quick { 1 } else { 7 }, json: default_json()?, only: Job::all() };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match (argument.as_str(), rest.len()) {
                ("--quick", _) => {}
                ("--runs", 1..) => options.runs = rest.next().map_or(Ok(1), |text| text.parse())?,
                ("--json", 1..) => options.json = rest.next().map(PathBuf::from).unwrap_or_default(),
                ("--only", 1..) => {
                    let names = rest.next().map(String::as_str).unwrap_or_default();
                    let jobs: Vec<Vec<Job>> = names.split(',').map(Job::named).collect::<Outcome<_>>()?;
                    options.only = jobs.concat();
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
    process::end_after(PREPARATION)?;
    let began = Instant::now();
    let facts = machine::facts(PACKAGES);
    let peers = foreign::versions();
    println!("{}", show_facts(&facts, &peers));
    let mut results = Results::default();
    let mut jobs = Job::all();
    jobs.retain(|job| options.only.contains(job));
    make_ready(&jobs, &mut results);
    process::end_after(whole_limit(options.quick))?;
    for &job in &jobs {
        let mut takers = takers(job, &results);
        for _ in 0..job.rounds(options.runs) {
            for program in &takers {
                let outcome = one_run(program, job, options.quick).map_err(|error| error.to_string());
                results.add(&job.name(), program.column, outcome);
            }
            // Each peer comes first as often as the others.
            if !takers.is_empty() {
                takers.rotate_left(1);
            }
        }
    }
    print_tables(&jobs, &results);
    if options.quick || cfg!(debug_assertions) {
        println!("A small run or a debug build: it shows that all is measured, and no time of it counts.");
    }
    for (peer, why) in results.absent() {
        println!("left out: {peer}: {why}");
    }
    for failure in results.failures() {
        println!("failed: {failure}");
    }
    let rows = rows_of(&jobs);
    let columns: BTreeSet<&str> = PROGRAMS.iter().map(|program| program.column).collect();
    let mut json = results.to_json(&rows, &Vec::from_iter(columns));
    if let Some(object) = json.as_object_mut() {
        object.insert("machine".to_owned(), facts);
        object.insert("peers".to_owned(), peers.into());
        object.insert("quick".to_owned(), options.quick.into());
        object.insert("runs".to_owned(), options.runs.into());
        object.insert("notes".to_owned(), [rows::NOTES, foreign::rows::NOTES].concat().into());
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

/// Makes ready whom the jobs need, and leaves out who is not there.
fn make_ready(jobs: &[Job], results: &mut Results) {
    for program in PROGRAMS.iter().filter(|program| jobs.iter().any(|&job| program.takes(job))) {
        let ready = match program.column {
            "mosquitto" => load::mosquitto::prepare(),
            _ => foreign::prepare(program),
        };
        if let Err(why) = ready {
            results.leave_out(&program.label(), &why.to_string());
        }
    }
}

fn takers(job: Job, results: &Results) -> Vec<&'static Program> {
    let mut takers: Vec<&Program> = PROGRAMS.iter().filter(|program| program.takes(job)).collect();
    takers.retain(|program| !results.absent().contains_key(&program.label()));
    takers
}

fn rows_of(jobs: &[Job]) -> Vec<Row> {
    let names: Vec<String> = jobs.iter().map(|job| job.name()).collect();
    let mut chosen = rows::all();
    chosen.retain(|row| names.iter().any(|name| row.id.split('.').next() == Some(name)));
    chosen
}

/// What stands above and below a table.
fn words(part: Part) -> (&'static str, &'static [&'static str]) {
    match part {
        Part::Client => ("Clients on the second core, the responder on the first.", &[]),
        Part::C => ("C: clients on the second core, the responder on the first.", &[]),
        Part::Java => ("Java: the same.", &[]),
        Part::Python => ("Python: the same.", foreign::rows::NOTES),
        Part::Hub => (
            "Servers on the first core, the load generator on the second: 50 connections, 16 posts open on each.",
            rows::NOTES,
        ),
    }
}

/// A table for each part, with the columns of those who take part.
fn print_tables(jobs: &[Job], results: &Results) {
    for &part in Part::ALL {
        let jobs: Vec<Job> = jobs.iter().copied().filter(|job| job.part == part).collect();
        if jobs.is_empty() {
            continue;
        }
        let mut columns: Vec<&str> = Vec::new();
        for program in PROGRAMS {
            if jobs.iter().any(|&job| program.takes(job)) && !columns.contains(&program.column) {
                columns.push(program.column);
            }
        }
        let (title, notes) = words(part);
        println!("{title}\n{}", results.table(&rows_of(&jobs), &columns));
        if !notes.is_empty() {
            println!("{}\n", notes.join("\n"));
        }
    }
}

/// One job in fresh processes: a responder and the program that is measured.
fn one_run(program: &Program, job: Job, quick: bool) -> Outcome<Sample> {
    let (count, window) = (job.count(quick), job.task.window());
    if job.part == Part::Hub {
        return measure(program, job.task, &Order::alone(count, window, machine::monotonic_ns()?));
    }
    let mut responder = Helper::again(&["responder"])?;
    let ready: Value = serde_json::from_str(&responder.line(RUN_LIMIT)?)?;
    let address = |key: &str| -> Outcome<SocketAddr> { Ok(ready[key].as_str().unwrap_or_default().parse()?) };
    let order = Order {
        tcp: address("tcp")?,
        tls: address("tls")?,
        ca: ready["ca"].as_str().unwrap_or_default().to_owned(),
        count,
        window,
        started_ns: machine::monotonic_ns()?,
    };
    if job.part.is_foreign() {
        return foreign::measure(program, job, quick, &order, &mut responder);
    }
    let sample = measure(program, job.task, &order)?;
    if job.task != Task::Commands {
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

fn show_facts(facts: &Value, peers: &[String]) -> String {
    let word = |key: &str| facts[key].as_str().map_or_else(|| facts[key].to_string(), str::to_owned);
    let packages = facts["packages"].as_object().into_iter().flatten();
    let packages: Vec<String> =
        packages.map(|(name, version)| format!("{name} {}", version.as_str().unwrap_or_default())).collect();
    format!(
        "{}, {} cores, Linux {}, load {} at the start\n{}, {} build; {}, {}\n\
         Loopback only.\n",
        word("cpu"),
        word("cores"),
        word("kernel"),
        word("load"),
        word("rustc"),
        word("profile"),
        packages.join(", "),
        peers.join(", ")
    )
}
