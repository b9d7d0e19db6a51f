//! What is measured: tasks, who takes part, and how long each may take. [`rows`](super::rows) says what is printed.

use std::net::SocketAddr;
use std::time::Duration;

use super::Outcome;
use super::report::OURS;

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
    /// Sign-ins over TCP, many under way: the server's `cpu_us`, `per_second`, `load_percent`.
    HubConnect,
    /// Full TLS 1.2 handshake, sign-in, hang-up, one at a time: the server's `cpu_us`.
    HubConnectTls,
    /// The same with a certificate of the client: the server's `cpu_us`.
    HubConnectMutual,
    /// Posts of QoS 0, 50 connections: the server's `cpu_us`, `per_second`, `load_percent`.
    HubPosts,
    /// Posts of QoS 1, answered at QoS 1: the same figures.
    HubPostsQos1,
    /// Posts of QoS 0 that are answered once they are on disk: the same figures.
    HubPostsKept,
    /// Idle connections over TCP: the server's growth `kb_each`, and all of it, `mb`.
    HubIdle,
    /// Idle connections over TLS: the server's growth `kb_each`.
    HubIdleTls,
    /// A command by REST, device and answer: `p50_ms`, `p99_ms`, the server's `cpu_us`.
    HubCommand,
    /// Posts with a live view beside them: how much dearer they are for the server, `percent`.
    HubLive,
    /// The one-seed world with ten devices: `virtual_per_second`.
    World,
}

/// What a task runs against, and on which table it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Clients, against the responder.
    Client,
    /// Servers, under the load of this package's generator.
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
        Self::HubConnect,
        Self::HubConnectTls,
        Self::HubConnectMutual,
        Self::HubPosts,
        Self::HubPostsQos1,
        Self::HubPostsKept,
        Self::HubIdle,
        Self::HubIdleTls,
        Self::HubCommand,
        Self::HubLive,
        Self::World,
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
            Self::HubConnect => "hub_connect",
            Self::HubConnectTls => "hub_connect_tls",
            Self::HubConnectMutual => "hub_connect_mutual",
            Self::HubPosts => "hub_posts",
            Self::HubPostsQos1 => "hub_posts_qos1",
            Self::HubPostsKept => "hub_posts_kept",
            Self::HubIdle => "hub_idle",
            Self::HubIdleTls => "hub_idle_tls",
            Self::HubCommand => "hub_command",
            Self::HubLive => "hub_live",
            Self::World => "world",
        }
    }

    /// The task of that name.
    pub fn named(name: &str) -> Outcome<Self> {
        let known = || Self::ALL.iter().map(|task| task.name()).collect::<Vec<_>>().join(" ");
        let task = Self::ALL.iter().copied().find(|task| task.name() == name);
        task.ok_or_else(|| format!("there is no task \"{name}\"; the tasks are: {}", known()).into())
    }

    /// Whether it measures clients or servers.
    pub fn part(self) -> Part {
        if self == Self::World || self.name().starts_with("hub") { Part::Hub } else { Part::Client }
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
            // At most four of each device, or the hub warns (rule 5).
            Self::HubConnect => choose(quick, 400, 20_000),
            Self::HubConnectTls | Self::HubConnectMutual => choose(quick, 20, 400),
            Self::HubPosts | Self::HubPostsQos1 => choose(quick, 4_000, 300_000),
            Self::HubPostsKept => choose(quick, 2_000, 100_000),
            Self::HubIdle => choose(quick, 200, 10_000),
            Self::HubIdleTls => choose(quick, 20, 1_000),
            Self::HubCommand => choose(quick, 100, 3_000),
            Self::HubLive => choose(quick, 4_000, 300_000),
            // Seeds.
            Self::World => choose(quick, 1, 6),
        }
    }

    /// How many items may be open at a time.
    pub fn window(self) -> u16 {
        match self {
            Self::Posts | Self::Commands | Self::Burst | Self::Engine | Self::Allocations => 100,
            Self::HubConnect => 64,
            // Of each connection.
            Self::HubPosts | Self::HubPostsQos1 | Self::HubPostsKept | Self::HubLive => 16,
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
    /// An order that needs no responder.
    pub fn alone(count: u32, window: u16, started_ns: u64) -> Self {
        let nobody = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { tcp: nobody, tls: nobody, ca: String::new(), count, window, started_ns }
    }

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

/// A program that is measured, one process per run: `PROGRAM ROLE… TASK ORDER…` prints a sample.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The column its figures stand in; several may share one, as long as their tasks differ.
    pub column: &'static str,
    /// Its file, beside this program's.
    pub file: &'static str,
    /// What stands before the task, for a program that has several roles.
    pub role: &'static [&'static str],
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
        role: &[],
        tasks: &[Task::Posts, Task::Single, Task::Commands, Task::Idle, Task::Start],
    },
    Program {
        column: "rumqttc",
        file: "bench-rumqttc",
        role: &[],
        tasks: &[Task::Posts, Task::Single, Task::Commands, Task::Burst, Task::Idle, Task::Start],
    },
    Program { column: "rustls", file: "bench-rustls", role: &[], tasks: &[Task::ConnectTls, Task::IdleTls] },
    Program {
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
    Program { column: OURS, file: "bench-allocations", role: &[], tasks: &[Task::Allocations] },
    Program { column: OURS, file: "bench-figures", role: &["load", OURS], tasks: OURS_AS_SERVER },
    Program {
        column: "mosquitto",
        file: "bench-figures",
        role: &["load", "mosquitto"],
        tasks: &[Task::HubConnect, Task::HubPosts, Task::HubPostsQos1, Task::HubIdle],
    },
    Program {
        column: "rustls",
        file: "bench-figures",
        role: &["load", "rustls"],
        tasks: &[Task::HubConnectTls, Task::HubConnectMutual, Task::HubIdleTls],
    },
    Program {
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
