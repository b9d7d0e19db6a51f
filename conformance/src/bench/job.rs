//! A task as it is run for one of the tables: its name, how much of it, how often.

use std::time::Duration;

use super::Outcome;
use super::plan::{RUN_LIMIT, Task, choose};

/// Who is measured, against what, and on which table it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Clients in Rust, against the responder.
    Client,
    /// Clients in C, against the same.
    C,
    /// Clients in Java, likewise.
    Java,
    /// Clients in Python, likewise.
    Python,
    /// Servers, under the load of this package's generator.
    Hub,
}

impl Part {
    /// Every part, in the order in which it is run and printed.
    pub const ALL: &'static [Self] = &[Self::Client, Self::C, Self::Java, Self::Python, Self::Hub];

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "rust",
            Self::C => "c",
            Self::Java => "java",
            Self::Python => "python",
            Self::Hub => "hub",
        }
    }

    /// Whether its clients are written in another language, and so are programs that this one has to make ready.
    pub fn is_foreign(self) -> bool {
        matches!(self, Self::C | Self::Java | Self::Python)
    }
}

/// A task as it is run in one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// Who is measured.
    pub part: Part,
    /// With what.
    pub task: Task,
}

impl Job {
    /// Every job, in the order in which it is run.
    pub fn all() -> Vec<Self> {
        let of = |&part: &Part| {
            let tasks = if part.is_foreign() { Task::FOREIGN } else { Task::ALL };
            let tasks = tasks.iter().copied().filter(move |task| part.is_foreign() || task.part() == part);
            tasks.map(move |task| Self { part, task })
        };
        Part::ALL.iter().flat_map(of).collect()
    }

    /// The name used in rows and on the command line.
    pub fn name(self) -> String {
        if self.part.is_foreign() {
            format!("{}_{}", self.part.name(), self.task.name())
        } else {
            self.task.name().to_owned()
        }
    }

    /// The job of that name, or all of the part of that name: `hub` is a job, so that part is `hub_all`.
    pub fn named(name: &str) -> Outcome<Vec<Self>> {
        let jobs = Self::all();
        let part = name.strip_suffix("_all").unwrap_or_default();
        let named: Vec<Self> =
            jobs.iter().copied().filter(|job| job.part.name() == part || job.name() == name).collect();
        if named.is_empty() {
            let known: Vec<String> = jobs.into_iter().map(Self::name).collect();
            let parts: Vec<String> = Part::ALL.iter().map(|part| format!("{}_all", part.name())).collect();
            let known = format!("{}; all of a table: {}", known.join(" "), parts.join(" "));
            return Err(format!("there is no task \"{name}\"; the tasks are: {known}").into());
        }
        Ok(named)
    }

    /// How many items one run has, those that warm up included.
    pub fn count(self, quick: bool) -> u32 {
        let (few, many) = match (self.part, self.task) {
            (_, Task::Memory) => (2_000, 1_100_000),
            (Part::Java, Task::Posts) => (2_000, 150_000),
            (Part::Java, Task::Commands) => (2_000, 80_000),
            (Part::Java, Task::Single) => (200, 10_000),
            (Part::Python, Task::Posts | Task::Commands) => (1_000, 20_000),
            (Part::Python, Task::Single) => (200, 2_000),
            _ => return self.task.count(quick),
        };
        choose(quick, few, many)
    }

    /// How many of them warm up. A Java machine compiles what it runs while it runs it.
    pub fn warm_up(self, quick: bool) -> u32 {
        let count = self.count(quick);
        match (self.part, self.task) {
            (_, Task::Memory) => count / 11,
            (Part::Java, Task::Posts) => count / 3 * 2,
            (Part::Java, Task::Commands | Task::Single) => count / 2,
            _ => count / 10,
        }
    }

    /// How often it is run: what no clock and no neighbour can change is looked at once.
    pub fn rounds(self, runs: u32) -> u32 {
        if matches!(self.task, Task::Memory | Task::Installed) { 1 } else { runs }
    }

    /// How long one run may take before its process is killed.
    pub fn limit(self) -> Duration {
        if self.task == Task::Memory { RUN_LIMIT * 4 } else { RUN_LIMIT }
    }
}
