//! What is measured: tasks, who takes part, the rows printed, and how long each may take.

use std::net::SocketAddr;
use std::time::Duration;

use super::Outcome;
use super::report::{Goal, OURS, Row};

/// One thing that peers are asked to do; each run of it is a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Posts with a full window open: `cpu_us`, `per_second`.
    Posts,
    /// One post at a time: `p50_us`, `p99_us`, `cpu_us`.
    Single,
    /// Commands answered with a full window open: `cpu_us`; the responder adds `per_second`, `p50_us`.
    Commands,
    /// As many posts as fast as they are taken, nothing polled: `lost`, `refused`, `settled`, `grown_mb`.
    Burst,
    /// Memory once connected over TCP: `rss_mb`.
    Idle,
    /// Memory once connected over TLS: `rss_mb`.
    IdleTls,
    /// From the start of the process to the first settled post: `ms`, `cpu_ms`.
    Start,
    /// TLS 1.3 handshake, sign-in, hang-up: `cpu_ms`.
    ConnectTls,
    /// Idle clients in one process: `threads` beside the caller's, `kb_each`.
    Many,
    /// The engine alone, in memory: `post_us`, `command_us`.
    Engine,
    /// Heap allocations of the engine alone, once it has grown: `per_post`, `per_command`.
    Allocations,
    /// From the start of the hub's process to its ready line: `ready_ms`.
    Hub,
}

impl Task {
    /// Every task, in the order in which they are run.
    pub const ALL: &'static [Self] = &[
        Self::Posts,
        Self::Commands,
        Self::Single,
        Self::Burst,
        Self::Idle,
        Self::IdleTls,
        Self::Start,
        Self::ConnectTls,
        Self::Many,
        Self::Engine,
        Self::Allocations,
        Self::Hub,
    ];

    /// The name used in rows and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Posts => "posts",
            Self::Single => "single",
            Self::Commands => "commands",
            Self::Burst => "burst",
            Self::Idle => "idle",
            Self::IdleTls => "idle_tls",
            Self::Start => "start",
            Self::ConnectTls => "connect_tls",
            Self::Many => "many",
            Self::Engine => "engine",
            Self::Allocations => "allocations",
            Self::Hub => "hub",
        }
    }

    /// How many items one run has.
    pub fn count(self, quick: bool) -> u32 {
        match self {
            Self::Posts => choose(quick, 2_000, 100_000),
            Self::Single => choose(quick, 200, 5_000),
            Self::Commands => choose(quick, 2_000, 50_000),
            Self::Idle | Self::IdleTls | Self::Start | Self::Hub => 1,
            Self::Burst => 10_000,
            Self::ConnectTls => choose(quick, 10, 200),
            Self::Many => choose(quick, 50, 2_000),
            Self::Engine => choose(quick, 2_000, 200_000),
            Self::Allocations => choose(quick, 2_000, 20_000),
        }
    }

    /// How many items may be open at a time.
    pub fn window(self) -> u16 {
        match self {
            Self::Posts | Self::Commands | Self::Burst | Self::Engine | Self::Allocations => 100,
            _ => 1,
        }
    }
}

fn choose(quick: bool, few: u32, many: u32) -> u32 {
    if quick { few } else { many }
}

/// How long one run may take before its process is killed.
pub const RUN_LIMIT: Duration = Duration::from_secs(60);

/// How long a whole benchmark may take before it is killed.
pub fn whole_limit(quick: bool) -> Duration {
    Duration::from_secs(if quick { 120 } else { 1_800 })
}

/// Where and how much: what a peer's run is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The responder's plain listener.
    pub tcp: SocketAddr,
    /// The responder's TLS listener; its certificate is for `localhost` and 127.0.0.1.
    pub tls: SocketAddr,
    /// The certificate to trust, in PEM.
    pub ca: String,
    /// Items to do.
    pub count: u32,
    /// Items that may be open at a time.
    pub window: u16,
    /// The monotonic clock when the process was started, in nanoseconds.
    pub started_ns: u64,
}

impl Order {
    /// As command line arguments.
    pub fn to_arguments(&self) -> [String; 6] {
        [
            self.tcp.to_string(),
            self.tls.to_string(),
            self.ca.clone(),
            self.count.to_string(),
            self.window.to_string(),
            self.started_ns.to_string(),
        ]
    }

    /// Reads what [`Order::to_arguments`] wrote.
    pub fn from_arguments(arguments: &[String]) -> Outcome<Self> {
        let [tcp, tls, ca, count, window, started_ns] = arguments else {
            return Err("a client takes six arguments behind peer and task".into());
        };
        Ok(Self {
            tcp: tcp.parse()?,
            tls: tls.parse()?,
            ca: ca.clone(),
            count: count.parse()?,
            window: window.parse()?,
            started_ns: started_ns.parse()?,
        })
    }
}

/// A program that is measured, one process per run: `PROGRAM TASK ORDER…` prints a sample.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The column its figures stand in; several may share one, as long as their tasks differ.
    pub column: &'static str,
    /// Its file, beside this program's.
    pub file: &'static str,
    /// The tasks it takes part in.
    pub tasks: &'static [Task],
}

/// Everyone who is measured, in the order of the columns.
///
/// Each is a program of its own, so that no one's memory and start carry another's code.
pub const PROGRAMS: &[Program] = &[
    Program {
        column: "floor",
        file: "bench-floor",
        tasks: &[Task::Posts, Task::Single, Task::Commands, Task::Idle, Task::Start],
    },
    Program {
        column: "rumqttc",
        file: "bench-rumqttc",
        tasks: &[Task::Posts, Task::Single, Task::Commands, Task::Burst, Task::Idle, Task::Start],
    },
    Program { column: "rustls", file: "bench-rustls", tasks: &[Task::ConnectTls, Task::IdleTls] },
    Program {
        column: OURS,
        file: "bench-ours",
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
    Program { column: OURS, file: "bench-allocations", tasks: &[Task::Allocations] },
    Program { column: OURS, file: "bench-figures", tasks: &[Task::Hub] },
];

/// Every row of the table, in order.
pub const ROWS: &[Row] = &[
    Row {
        id: "posts.cpu_us",
        what: "post settled, 100 open: CPU µs",
        goals: &[Goal::TimesPeer(0.55, "rumqttc"), Goal::TimesPeer(4.0, "floor")],
    },
    Row { id: "posts.per_second", what: "… posts/s", goals: &[] },
    Row {
        id: "single.p50_us",
        what: "post settled, one at a time: p50 µs",
        goals: &[Goal::TimesPeer(1.4, "floor")],
    },
    Row { id: "single.p99_us", what: "… p99 µs", goals: &[] },
    Row { id: "single.cpu_us", what: "… CPU µs", goals: &[] },
    Row {
        id: "commands.cpu_us",
        what: "command answered, 100 open: CPU µs",
        goals: &[Goal::TimesPeer(0.7, "rumqttc")],
    },
    Row { id: "commands.per_second", what: "… commands/s, seen by the hub", goals: &[] },
    Row { id: "commands.p50_us", what: "… round trip seen by the hub, p50 µs", goals: &[] },
    Row {
        id: "engine.post_us",
        what: "post in the engine alone, 100 open: CPU µs",
        goals: &[Goal::AtMost(0.6)],
    },
    Row { id: "engine.command_us", what: "command in the engine alone, 100 open: CPU µs", goals: &[] },
    Row {
        id: "allocations.per_post",
        what: "heap allocations of the engine per post",
        goals: &[Goal::AtMost(0.0)],
    },
    Row { id: "allocations.per_command", what: "… per command", goals: &[Goal::AtMost(0.0)] },
    Row { id: "burst.lost", what: "10,000 posts, nothing polled: lost", goals: &[Goal::AtMost(0.0)] },
    Row { id: "burst.settled", what: "… settled", goals: &[] },
    Row { id: "burst.refused", what: "… refused with an error", goals: &[] },
    // What the default limits add up to: outbox, transmit, receive.
    Row { id: "burst.grown_mb", what: "… growth of memory: MB", goals: &[Goal::AtMost(6.5)] },
    Row { id: "idle.rss_mb", what: "resident, idle, plain: MB", goals: &[Goal::AtMost(3.0)] },
    Row { id: "idle_tls.rss_mb", what: "resident, idle, TLS: MB", goals: &[Goal::AtMost(4.0)] },
    Row { id: "start.ms", what: "start to first settled post: ms", goals: &[Goal::AtMost(5.0)] },
    Row { id: "start.cpu_ms", what: "… CPU ms", goals: &[] },
    Row {
        id: "connect_tls.cpu_ms",
        what: "TLS 1.3 connect, full handshake: CPU ms",
        goals: &[Goal::TimesPeer(1.3, "rustls")],
    },
    Row {
        id: "many.threads",
        what: "2,000 clients in one process, idle: threads",
        goals: &[Goal::AtMost(5.0)],
    },
    Row { id: "many.kb_each", what: "… kB each", goals: &[Goal::AtMost(12.0)] },
    Row { id: "hub.ready_ms", what: "hub: ready after start: ms", goals: &[Goal::AtMost(100.0)] },
];
