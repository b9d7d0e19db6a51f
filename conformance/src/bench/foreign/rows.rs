//! The rows of clients in other languages, and their goals.

use crate::bench::programs::OURS_ASYNC;
use crate::bench::report::{Goal, Row};

/// What stands below these tables.
pub const NOTES: &[&str] = &[
    "A post is the SDK's real one: points in, JSON built, answered by the hub, settled, the caller told. A peer's is an \
     id pasted into ready text, QoS 1, and the reply's id found; the vendor's SDK builds its request as its users do.",
    "CPU is the process's, what getrusage sums up, read from its CPU clock where it says that warm-up and work are over.",
    "start: from the exec of the program; empty is one that does nothing. Page cache warm.",
    "installed: unpacked, without byte code; libmosquitto with OpenSSL. memory: 1,000,000 posts, 100 open.",
];

/// A goal for both of Python's clients.
const fn both(limit: f64) -> [Goal; 2] {
    [Goal::AtMost(limit), Goal::AtMostOf(OURS_ASYNC, limit)]
}

const PYTHON_POSTS: &[Goal] = &both(14.0);
const PYTHON_COMMANDS: &[Goal] = &both(18.0);
const PYTHON_MEMORY: &[Goal] = &both(2.0);
const PYTHON_HANDLES: &[Goal] = &both(0.0);

const POST: &str = "post settled, 100 open: CPU µs";
const POSTS: &str = "… posts/s";
const COMMAND: &str = "command answered, 100 open: CPU µs";
const COMMANDS: &str = "… commands/s, seen by the hub";
const SINGLE: &str = "post settled, one at a time: p50 µs";
const P99: &str = "… p99 µs";
const SINGLE_CPU: &str = "… CPU µs";
const IDLE: &str = "resident, idle, plain: MB";
const START: &str = "start to first settled post: ms";
const GROWN: &str = "1,000,000 posts: memory grown by %";
const HANDLES: &str = "… handles left";
const INSTALLED: &str = "installed: MB";

const fn row(id: &'static str, what: &'static str, goals: &'static [Goal]) -> Row {
    Row { id, what, goals }
}

/// Every row, in order.
pub const ROWS: &[Row] = &[
    row("c_posts.cpu_us", POST, &[Goal::AtMost(3.5)]),
    row("c_posts.per_second", POSTS, &[]),
    row("c_commands.cpu_us", COMMAND, &[Goal::AtMost(4.0)]),
    row("c_commands.per_second", COMMANDS, &[]),
    row("c_single.p50_us", SINGLE, &[Goal::TimesPeer(1.3, "libmosquitto")]),
    row("c_single.p99_us", P99, &[]),
    row("c_single.cpu_us", SINGLE_CPU, &[]),
    row("c_idle.rss_mb", IDLE, &[Goal::AtMost(3.6)]),
    row("c_start.ms", START, &[Goal::AtMost(6.0)]),
    row("c_memory.grown_percent", GROWN, &[Goal::AtMost(2.0)]),
    row("c_memory.handles", HANDLES, &[Goal::AtMost(0.0)]),
    row("c_installed.mb", INSTALLED, &[Goal::AtMost(1.6)]),
    row("java_posts.cpu_us", POST, &[Goal::AtMost(6.0)]),
    row("java_posts.per_second", POSTS, &[]),
    row("java_commands.cpu_us", COMMAND, &[Goal::AtMost(7.0)]),
    row("java_commands.per_second", COMMANDS, &[]),
    row("java_single.p50_us", SINGLE, &[Goal::TimesPeer(1.0, "AWS CRT")]),
    row("java_single.p99_us", P99, &[]),
    row("java_single.cpu_us", SINGLE_CPU, &[]),
    row("java_idle.rss_mb", IDLE, &[Goal::AtMost(48.0)]),
    row("java_start.ms", START, &[Goal::TimesPeer(0.7, "AWS CRT")]),
    row("java_memory.grown_percent", GROWN, &[Goal::AtMost(2.0)]),
    row("java_memory.handles", HANDLES, &[Goal::AtMost(0.0)]),
    row("java_installed.mb", INSTALLED, &[Goal::AtMost(2.0)]),
    row("python_posts.cpu_us", POST, PYTHON_POSTS),
    row("python_posts.per_second", POSTS, &[]),
    row("python_commands.cpu_us", COMMAND, PYTHON_COMMANDS),
    row("python_commands.per_second", COMMANDS, &[]),
    row("python_single.p50_us", SINGLE, &[Goal::TimesPeer(1.0, "awscrt")]),
    row("python_single.p99_us", P99, &[]),
    row("python_single.cpu_us", SINGLE_CPU, &[]),
    row("python_idle.rss_mb", IDLE, &[Goal::AtMost(19.0)]),
    row("python_start.ms", START, &[Goal::TimesPeer(0.8, "paho 2")]),
    row("python_memory.grown_percent", GROWN, PYTHON_MEMORY),
    row("python_memory.handles", HANDLES, PYTHON_HANDLES),
    row("python_installed.mb", INSTALLED, &[Goal::AtMost(2.0)]),
];
