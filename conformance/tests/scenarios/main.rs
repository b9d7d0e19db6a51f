//! The matrix: every scenario and every group of vectors, with every driver, in one table.
//!
//! `cargo test -p conformance --test scenarios [-- WORD…]` runs those whose names hold one of the words. A word that is
//! the name of a driver runs that driver only.

mod languages;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use conformance::driver::Driver;
use conformance::peer::tshark;
use conformance::scenario::{self, Cell, Scenario, Table, Tools};
use conformance::vectors::{self, Group};
use languages::Language;

/// Scenarios that wait for sockets and clocks run side by side.
const WORKERS: usize = 6;

/// What a driver cannot do yet: its name, the scenario's or group's, and why. May only shrink.
const SKIPPED: &[(&str, &str, &str)] = &[];

/// Whether tshark reads what was on the wire. With CI=true it has to be there, as `main` sees to.
static TSHARK: LazyLock<bool> = LazyLock::new(tshark::is_here);

/// One row of the table.
enum Row {
    Vectors(Group),
    Scenario(Scenario),
}

impl Row {
    fn name(&self) -> &str {
        match self {
            Self::Vectors(group) => &group.name,
            Self::Scenario(scenario) => &scenario.name,
        }
    }

    /// Its longest time, in seconds.
    fn bound_s(&self) -> u64 {
        match self {
            Self::Vectors(_) => 0,
            Self::Scenario(scenario) => scenario.bound_s,
        }
    }

    fn run(&self, tools: &Tools) -> Result<Cell, String> {
        match self {
            Self::Vectors(group) => check(group, tools),
            Self::Scenario(scenario) => {
                scenario::run(scenario, tools).map(Cell::Passed).map_err(|failed| failed.to_string())
            }
        }
    }
}

fn check(group: &Group, tools: &Tools) -> Result<Cell, String> {
    let started = Instant::now();
    let (program, arguments) = tools.driver.split_first().ok_or("no driver")?;
    let mut driver =
        Driver::start(Command::new(program).args(arguments)).map_err(|error| error.to_string())?;
    if !driver.knows(&group.verb) {
        return Err(format!("the driver does not know `{}`", group.verb));
    }
    group.run(&mut driver)?;
    driver.end().map_err(|error| error.to_string())?;
    Ok(Cell::Passed(started.elapsed()))
}

fn rows() -> Result<Vec<Row>, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let groups = vectors::load(&folder.join("vectors")).map_err(|error| error.to_string())?;
    let scenarios = scenario::load(&folder.join("scenarios")).map_err(|error| error.to_string())?;
    if groups.is_empty() || scenarios.is_empty() {
        return Err("there is nothing to run".to_owned());
    }
    Ok(groups.into_iter().map(Row::Vectors).chain(scenarios.into_iter().map(Row::Scenario)).collect())
}

/// The words among the arguments, which are filters; options are those of tools that take this for a common test.
fn filters(arguments: impl Iterator<Item = String>) -> Vec<String> {
    const WITH_VALUE: &[&str] = &["--test-threads", "--skip", "--color", "--format", "--logfile", "-Z"];
    let (mut words, mut value) = (Vec::new(), false);
    for argument in arguments {
        let is_value = std::mem::replace(&mut value, WITH_VALUE.contains(&argument.as_str()));
        if !is_value && !argument.starts_with('-') {
            words.push(argument);
        }
    }
    words
}

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--list") {
        println!("scenarios: test");
        return ExitCode::SUCCESS;
    }
    if !*TSHARK {
        println!("skipped: decoding by tshark, which is not installed. Fix: apt-get install tshark");
        if std::env::var_os("CI").is_some_and(|value| value == "true") {
            return ExitCode::FAILURE;
        }
    }
    let filters = filters(std::env::args().skip(1));
    let mut rows = match rows() {
        Ok(rows) => rows,
        Err(why) => {
            println!("{why}");
            return ExitCode::FAILURE;
        }
    };
    let mut drivers = match languages::build() {
        Ok(drivers) => drivers,
        Err(why) => {
            println!("{why}");
            return ExitCode::FAILURE;
        }
    };
    let (languages, words): (Vec<_>, Vec<_>) =
        filters.into_iter().partition(|word| drivers.iter().any(|driver| driver.name == word));
    drivers.retain(|driver| languages.is_empty() || languages.iter().any(|name| name == driver.name));
    let all = rows.len();
    rows.retain(|row| words.is_empty() || words.iter().any(|word| row.name().contains(word.as_str())));
    run(&rows, &drivers, all - rows.len())
}

fn run(rows: &[Row], drivers: &[Language], filtered: usize) -> ExitCode {
    let mut jobs: Vec<_> =
        (0..rows.len()).flat_map(|row| (0..drivers.len()).map(move |driver| (row, driver))).collect();
    // The longest first, so that none of them is left alone at the end.
    jobs.sort_by_key(|(row, _)| std::cmp::Reverse(rows[*row].bound_s()));
    let jobs = VecDeque::from(jobs);
    let results: Vec<Vec<_>> =
        rows.iter().map(|_| drivers.iter().map(|_| Mutex::new(None)).collect()).collect();
    let jobs = Mutex::new(jobs);
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some((row, driver)) = job else { return };
                    let cell = cell(&rows[row], &drivers[driver]);
                    *results[row][driver].lock().unwrap_or_else(PoisonError::into_inner) = Some(cell);
                }
            });
        }
    });
    let mut table = Table::new(drivers.iter().map(|driver| driver.name.to_owned()).collect());
    let mut faults = Vec::new();
    for (row, cells) in rows.iter().zip(results) {
        let mut judged = Vec::new();
        for (driver, cell) in drivers.iter().map(|driver| driver.name).zip(cells) {
            match cell.into_inner().unwrap_or_else(PoisonError::into_inner) {
                Some(Ok(cell)) => judged.push(cell),
                Some(Err(why)) => {
                    faults.push(format!("{} with {driver}: {why}", row.name()));
                    judged.push(Cell::Failed);
                }
                None => {
                    faults.push(format!("{} with {driver}: its worker was lost", row.name()));
                    judged.push(Cell::Failed);
                }
            }
        }
        table.row(row.name(), judged);
    }
    if !rows.is_empty() {
        println!("\n{table}");
    }
    for fault in &faults {
        println!("{fault}\n");
    }
    let (passed, failed, skipped) = table.counts();
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "test result: {word}. {passed} passed; {failed} failed; {skipped} ignored; 0 measured; {filtered} filtered out"
    );
    // Nothing passed is no success, unless somebody looks for a test that is elsewhere.
    if failed == 0 && (passed > 0 || filtered > 0) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn cell(row: &Row, driver: &Language) -> Result<Cell, String> {
    if let Some((_, _, reason)) =
        SKIPPED.iter().find(|(of, what, _)| *of == driver.name && *what == row.name())
    {
        return Ok(Cell::Skipped((*reason).to_owned()));
    }
    let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/plant.json");
    let tools = Tools {
        hub: PathBuf::from(env!("CARGO_BIN_EXE_conformance-hub")),
        seed,
        driver: driver.command.clone(),
        tshark: *TSHARK,
    };
    row.run(&tools)
}
