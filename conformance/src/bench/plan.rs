//! What is measured and how long it may take. [`job`](super::job) says of whom, [`programs`](super::programs) who
//! takes part, [`rows`](super::rows) what is printed.

use std::net::SocketAddr;
use std::time::Duration;

use super::Outcome;
use super::job::Part;

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
    /// A million posts: how much larger the process is at the end, `grown_percent`; what it still holds, `handles`.
    Memory,
    /// What a user installs, read off the disk: `mb`.
    Installed,
}

impl Task {
    /// What clients in other languages are asked.
    pub(crate) const FOREIGN: &'static [Self] =
        &[Self::Posts, Self::Commands, Self::Single, Self::Idle, Self::Start, Self::Memory, Self::Installed];

    /// Every task of Rust's clients and of servers, in the order in which they are run.
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
            Self::Memory => "memory",
            Self::Installed => "installed",
        }
    }

    /// The task of that name.
    pub fn named(name: &str) -> Outcome<Self> {
        let task = Self::ALL.iter().copied().find(|task| task.name() == name);
        task.ok_or_else(|| format!("there is no task \"{name}\"").into())
    }

    /// Whether it measures clients in Rust or servers.
    pub(crate) fn part(self) -> Part {
        if self == Self::World || self.name().starts_with("hub") { Part::Hub } else { Part::Client }
    }

    /// How many items one run of it has.
    pub(crate) fn count(self, quick: bool) -> u32 {
        match self {
            Self::Posts => choose(quick, 2_000, 100_000),
            Self::Single => choose(quick, 200, 5_000),
            Self::Commands => choose(quick, 2_000, 50_000),
            Self::Idle | Self::IdleTls | Self::Start | Self::Hub | Self::Memory | Self::Installed => 1,
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
            Self::Posts | Self::Commands | Self::Burst | Self::Engine | Self::Allocations | Self::Memory => {
                100
            }
            Self::HubConnect => 64,
            // Of each connection.
            Self::HubPosts | Self::HubPostsQos1 | Self::HubPostsKept | Self::HubLive => 16,
            _ => 1,
        }
    }
}

pub(crate) fn choose(quick: bool, few: u32, many: u32) -> u32 {
    if quick { few } else { many }
}

/// How long one run may take before its process is killed.
pub const RUN_LIMIT: Duration = Duration::from_secs(60);

/// How long a whole benchmark may take before it is killed.
pub fn whole_limit(quick: bool) -> Duration {
    Duration::from_secs(if quick { 300 } else { 3_600 })
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
