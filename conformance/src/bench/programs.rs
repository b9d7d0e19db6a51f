//! Who is measured: the columns of the tables.

use super::job::{Job, Part};
use super::plan::Task;
use super::report::OURS;

/// A program that is measured, one process per run: `PROGRAM ROLE… TASK ORDER…` prints a sample.
///
/// One in another language prints lines instead: see [`foreign`](super::foreign).
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Whose table it stands in.
    pub part: Part,
    /// The column its figures stand in; several may share one, as long as their tasks differ.
    pub column: &'static str,
    /// Its file, beside this program's; the source's name, if it is in another language.
    pub file: &'static str,
    /// What stands before the task, for a program that has several roles.
    pub role: &'static [&'static str],
    /// The tasks it takes part in.
    pub tasks: &'static [Task],
}

impl Program {
    /// Which column of which table: how failures and absences name it.
    pub fn label(&self) -> String {
        if self.part.is_foreign() {
            format!("{} in {}", self.column, self.part.name())
        } else {
            self.column.to_owned()
        }
    }

    /// Whether it takes part in that job.
    pub fn takes(&self, job: Job) -> bool {
        self.part == job.part && self.tasks.contains(&job.task)
    }
}

/// The column of Python's `AsyncClient`, for which goals are set too.
pub const OURS_ASYNC: &str = "ours async";

/// Everyone who is measured, in the order of the columns.
///
/// Each is a program of its own, so that no one's memory and start carry another's code.
pub const PROGRAMS: &[Program] = &[
    Program {
        part: Part::Client,
        column: "floor",
        file: "bench-floor",
        role: &[],
        tasks: &[Task::Posts, Task::Single, Task::Commands, Task::Idle, Task::Start],
    },
    Program {
        part: Part::Client,
        column: "rumqttc",
        file: "bench-rumqttc",
        role: &[],
        tasks: &[Task::Posts, Task::Single, Task::Commands, Task::Burst, Task::Idle, Task::Start],
    },
    Program {
        part: Part::Client,
        column: "rustls",
        file: "bench-rustls",
        role: &[],
        tasks: &[Task::ConnectTls, Task::IdleTls],
    },
    Program {
        part: Part::Client,
        column: OURS,
        file: "bench-ours",
        role: &[],
        tasks: &[
            Task::Posts,
            Task::Single,
            Task::Commands,
            Task::Burst,
            Task::Idle,
            Task::IdleTls,
            Task::Start,
            Task::ConnectTls,
            Task::Many,
            Task::Engine,
        ],
    },
    Program {
        part: Part::Client,
        column: OURS,
        file: "bench-allocations",
        role: &[],
        tasks: &[Task::Allocations],
    },
    Program { part: Part::C, column: "libmosquitto", file: "libmosquitto", role: &[], tasks: AS_CLIENT },
    Program { part: Part::C, column: OURS, file: "ours", role: &[], tasks: OURS_AS_CLIENT },
    Program { part: Part::C, column: "empty", file: "empty", role: &[], tasks: &[Task::Start] },
    Program { part: Part::Java, column: "AWS CRT", file: "Crt", role: &[], tasks: AS_CLIENT },
    Program {
        part: Part::Java,
        column: "Paho",
        file: "Paho",
        role: &[],
        tasks: &[Task::Posts, Task::Commands, Task::Idle, Task::Start, Task::Installed],
    },
    Program {
        part: Part::Java,
        column: "HiveMQ",
        file: "HiveMq",
        role: &[],
        tasks: &[Task::Single, Task::Idle, Task::Installed],
    },
    Program { part: Part::Java, column: OURS, file: "Ours", role: &[], tasks: OURS_AS_CLIENT },
    Program { part: Part::Java, column: "empty", file: "Empty", role: &[], tasks: &[Task::Start] },
    Program { part: Part::Python, column: "gmqtt", file: "gmqtt_client", role: &[], tasks: AS_CLIENT },
    Program { part: Part::Python, column: "awscrt", file: "awscrt_client", role: &[], tasks: AS_CLIENT },
    Program { part: Part::Python, column: "paho 2", file: "paho_client", role: &[], tasks: AS_CLIENT },
    Program { part: Part::Python, column: "vendor", file: "vendor_client", role: &[], tasks: AS_CLIENT },
    Program { part: Part::Python, column: OURS, file: "ours", role: &[], tasks: OURS_AS_CLIENT },
    Program {
        part: Part::Python,
        column: OURS_ASYNC,
        file: "ours_async",
        role: &[],
        tasks: &[Task::Posts, Task::Commands, Task::Single, Task::Idle, Task::Start, Task::Memory],
    },
    Program { part: Part::Python, column: "empty", file: "empty", role: &[], tasks: &[Task::Start] },
    Program {
        part: Part::Hub,
        column: OURS,
        file: "bench-figures",
        role: &["load", OURS],
        tasks: OURS_AS_SERVER,
    },
    Program {
        part: Part::Hub,
        column: "mosquitto",
        file: "bench-figures",
        role: &["load", "mosquitto"],
        tasks: &[Task::HubConnect, Task::HubPosts, Task::HubPostsQos1, Task::HubIdle],
    },
    Program {
        part: Part::Hub,
        column: "rustls",
        file: "bench-figures",
        role: &["load", "rustls"],
        tasks: &[Task::HubConnectTls, Task::HubConnectMutual, Task::HubIdleTls],
    },
    Program {
        part: Part::Hub,
        column: "sqlite",
        file: "bench-figures",
        role: &["load", "sqlite"],
        tasks: &[Task::HubPostsKept],
    },
];

/// What the hub is measured by.
const OURS_AS_SERVER: &[Task] = &[
    Task::Hub,
    Task::HubConnect,
    Task::HubConnectTls,
    Task::HubConnectMutual,
    Task::HubPosts,
    Task::HubPostsQos1,
    Task::HubPostsKept,
    Task::HubIdle,
    Task::HubIdleTls,
    Task::HubCommand,
    Task::HubLive,
    Task::World,
];

/// What a client in another language is measured by.
const AS_CLIENT: &[Task] =
    &[Task::Posts, Task::Commands, Task::Single, Task::Idle, Task::Start, Task::Installed];

/// What ours is.
const OURS_AS_CLIENT: &[Task] = Task::FOREIGN;
