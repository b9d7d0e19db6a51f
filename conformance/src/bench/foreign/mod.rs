//! Clients in C, Java and Python: made ready before anything is measured, started on the clients' core, and read from
//! outside, so that all of them are measured by the same clock.
//!
//! A program takes the order of `arguments` and prints lines:
//!
//! | line | says | read then |
//! |---|---|---|
//! | `begin NS` | the warm-up is over | CPU, or memory |
//! | `end NS` | all is done | the same |
//! | `first NS` | the first post is settled | |
//! | `idle NS` | connected | memory |
//! | `figures {…}` | what it measured itself | |
//!
//! NS is the monotonic clock. It goes on only when its input is closed, so that it is still there to be read.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::job::{Job, Part};
use super::plan::{Order, Task};
use super::process::Helper;
use super::programs::Program;
use super::sample::Sample;
use super::{Outcome, machine, payload};

mod c;
mod java;
mod python;
pub mod rows;

/// The word before the moment at which a program was started.
pub const BEGAN: &str = "began";

/// Makes a program ready to be started: fetches what it needs, builds what is not built. The error says what is missing
/// and how to get it.
pub fn prepare(program: &Program) -> Outcome<()> {
    match program.part {
        Part::C => c::prepare(program.file),
        Part::Java => java::prepare(program.file),
        Part::Python => python::prepare(program.file),
        Part::Client | Part::Hub => Ok(()),
    }
}

/// The peers of these tables with their versions.
pub fn versions() -> Vec<String> {
    c::version().into_iter().chain(java::versions()).chain(python::versions()).collect()
}

/// One run of a program that was made ready.
pub fn measure(
    program: &Program,
    job: Job,
    quick: bool,
    order: &Order,
    responder: &mut Helper,
) -> Outcome<Sample> {
    let size = match program.part {
        Part::C => c::installed,
        Part::Java => java::installed,
        _ => python::installed,
    };
    if job.task == Task::Installed {
        return Ok(Sample::of("mb", size(program.file)? as f64 / 1e6));
    }
    let mut command = match program.part {
        Part::C => c::command(program.file)?,
        Part::Java => java::command(program.file, job.task)?,
        _ => python::command(program.file)?,
    };
    command.args(arguments(job, quick, order));
    Reading::new(job, quick).follow(Helper::client(&command, job.limit())?, responder)
}

/// TASK HOST PORT COUNT WARM_UP WINDOW PRODUCT_KEY DEVICE_KEY POST_REST, the last being what stands behind the id in a
/// post.
fn arguments(job: Job, quick: bool, order: &Order) -> [String; 9] {
    let device = match job.task {
        Task::Commands => payload::commanded_device(order.count, order.window),
        _ => "t-1".to_owned(),
    };
    [
        job.task.name().to_owned(),
        order.tcp.ip().to_string(),
        order.tcp.port().to_string(),
        order.count.to_string(),
        job.warm_up(quick).to_string(),
        order.window.to_string(),
        payload::PRODUCT_KEY.to_owned(),
        device,
        payload::post_rest(),
    ]
}

/// What is read of a program while it runs.
struct Reading {
    job: Job,
    items: f64,
    /// When it was started.
    began: u64,
    /// The moment, and what was read, at the end of the warm-up.
    warm: Option<(u64, f64)>,
    sample: Sample,
}

impl Reading {
    fn new(job: Job, quick: bool) -> Self {
        let items = f64::from(job.count(quick) - job.warm_up(quick));
        Self { job, items, began: 0, warm: None, sample: Sample::default() }
    }

    /// Reads a program's lines until it has ended.
    fn follow(mut self, mut program: Helper, responder: &mut Helper) -> Outcome<Sample> {
        let limit = self.job.limit();
        while let Some(line) = program.line_or_end(limit)? {
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            if self.take(word, rest, program.id())? {
                if self.job.task == Task::Commands {
                    // Released, it hangs up: not before all answers have come.
                    let seen = Sample::from_line(&responder.line(limit)?)?;
                    self.sample = std::mem::take(&mut self.sample).and(seen);
                }
                program.release();
            }
        }
        let figure = match self.job.task {
            Task::Idle => "rss_mb",
            Task::Start => "ms",
            Task::Memory => "grown_percent",
            _ => "cpu_us",
        };
        match self.sample.get(figure) {
            Some(_) => Ok(self.sample),
            None => Err(format!("ended without {figure}").into()),
        }
    }

    /// Takes one line; says whether it is the last thing to be read.
    fn take(&mut self, word: &str, rest: &str, process: u32) -> Outcome<bool> {
        let moment = || -> Outcome<u64> { Ok(rest.parse()?) };
        let sample = std::mem::take(&mut self.sample);
        let is_memory = self.job.task == Task::Memory;
        let read = || -> Outcome<f64> {
            if is_memory {
                machine::resident_kb_of(process)
            } else {
                Ok(machine::cpu_time_of(process)?.as_secs_f64() * 1e6)
            }
        };
        let (sample, is_last) = match word {
            BEGAN => {
                self.began = moment()?;
                (sample, false)
            }
            "begin" => {
                self.warm = Some((moment()?, read()?));
                (sample, false)
            }
            "end" => {
                let (since, before) = self.warm.ok_or("all is done, and no warm-up was")?;
                let now = read()?;
                let seconds = (moment()?.saturating_sub(since)) as f64 / 1e9;
                let figures = if is_memory {
                    Sample::of("grown_percent", (now / before - 1.0) * 100.0).with("mb", now / 1000.0)
                } else {
                    Sample::of("cpu_us", (now - before) / self.items).with("per_second", self.items / seconds)
                };
                (sample.and(figures), true)
            }
            "first" => (sample.with("ms", moment()?.saturating_sub(self.began) as f64 / 1e6), true),
            "idle" => (sample.with("rss_mb", machine::resident_kb_of(process)? / 1000.0), true),
            "figures" => (sample.and(Sample::from_line(rest)?), false),
            _ => return Err(format!("a line that says nothing: {word} {rest}").into()),
        };
        self.sample = sample;
        Ok(is_last)
    }
}

/// A folder beside this program, for what is built and fetched.
fn workshop(language: &str) -> Outcome<PathBuf> {
    let folder = std::env::current_exe()?.with_file_name("bench-foreign").join(language);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// A folder of this package's sources.
fn sources(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches").join(language)
}

/// A folder of the repository.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The shared library of a binding: in a debug build what cargo built along with the tests of this package, else as it
/// ships, by that profile.
///
/// That is one crate type at a time, since beside an rlib cargo does no link-time optimisation; in a folder of its own, so
/// that cargo's other builds of it stay.
fn library(package: &str, profile: &str, file: &str) -> Outcome<PathBuf> {
    if cfg!(debug_assertions) {
        return Ok(std::env::current_exe()?.with_file_name("deps").join(file));
    }
    let target = workshop("target")?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(repository()).args(["rustc", "--quiet", "--locked", "-p", package, "--lib"]);
    cargo.args(["--profile", profile, "--crate-type", "cdylib", "--target-dir"]).arg(&target);
    run(&mut cargo, &format!("build {package}"), "cargo")?;
    Ok(target.join(profile).join(file))
}

/// Runs a tool to its end; an error says what it was for, and the last lines of what it wrote.
fn run(command: &mut Command, what: &str, package: &str) -> Outcome<String> {
    let tool = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("cannot {what}: {tool}: {error}. Fix: install {package}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("; ");
    Err(format!("cannot {what}: {last}").into())
}

/// Bytes of a file, links followed.
fn size(file: &Path) -> Outcome<u64> {
    Ok(std::fs::metadata(file).map_err(|error| format!("{}: {error}", file.display()))?.len())
}
