//! The rows that are printed, their goals, and what a reader must know of them.

use super::foreign;
use super::report::{Goal, Row};

/// What stands below the hub's table.
pub const NOTES: &[&str] = &[
    "CPU is the server's process: what getrusage sums up, read from its CPU clock while it runs.",
    "mosquitto: Debian's, with a plugin of this package: it checks the same signature with OpenSSL, lets a device use \
     its own topics only, and answers 200 to each post. It reads no point, checks no model and stores nothing.",
    "rustls: a server of this package with nothing but rustls behind the socket: handshake, CONNECT read, CONNACK.",
    "sqlite: SQLite alone, four rows and a commit for each post, no socket; the hub commits what waits in one go.",
    "The journal is always on, so its cost is in every row; the live view is GET /hub/v1/events, read as fast as it comes.",
    "A rate counts only while the load generator is not busy itself: see its rows. TLS goes one at a time, since a client \
     works more for a handshake than the server.",
];

/// Every row of every table, in order.
pub fn all() -> Vec<Row> {
    let (clients, hub): (Vec<Row>, Vec<Row>) = ROWS.iter().partition(|row| !is_of_servers(row));
    [clients, foreign::rows::ROWS.to_vec(), hub].concat()
}

fn is_of_servers(row: &Row) -> bool {
    row.id.starts_with("hub") || row.id.starts_with("world")
}

/// The rows of clients in Rust, and of servers.
const ROWS: &[Row] = &[
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
    Row {
        id: "hub_connect.cpu_us",
        what: "CONNECT with signature, plain: CPU µs",
        goals: &[Goal::AtMost(35.0)],
    },
    Row { id: "hub_connect.per_second", what: "… per s", goals: &[Goal::AtLeast(20_000.0)] },
    Row { id: "hub_connect.load_percent", what: "… load generator busy: %", goals: &[] },
    Row {
        id: "hub_connect_tls.cpu_us",
        what: "CONNECT over TLS 1.2, full handshake: CPU µs",
        goals: &[Goal::TimesPeer(1.3, "rustls")],
    },
    Row {
        id: "hub_connect_mutual.cpu_us",
        what: "… with a client certificate: CPU µs",
        goals: &[Goal::TimesPeer(1.3, "rustls")],
    },
    Row {
        id: "hub_posts.cpu_us",
        what: "post → check → store → reply, QoS 0: CPU µs",
        goals: &[Goal::AtMost(6.5)],
    },
    Row { id: "hub_posts.per_second", what: "… posts/s", goals: &[Goal::AtLeast(150_000.0)] },
    Row { id: "hub_posts.load_percent", what: "… load generator busy: %", goals: &[] },
    Row { id: "hub_posts_qos1.cpu_us", what: "the same, QoS 1 both ways: CPU µs", goals: &[] },
    Row { id: "hub_posts_qos1.per_second", what: "… posts/s", goals: &[] },
    Row { id: "hub_posts_kept.cpu_us", what: "post answered after SQLite's commit: CPU µs", goals: &[] },
    Row { id: "hub_posts_kept.per_second", what: "… posts/s", goals: &[Goal::AtLeast(30_000.0)] },
    Row { id: "hub_idle.kb_each", what: "idle device, plain: kB each", goals: &[Goal::AtMost(8.0)] },
    Row { id: "hub_idle.mb", what: "10,000 idle, all of the process: MB", goals: &[Goal::AtMost(150.0)] },
    Row { id: "hub_idle_tls.kb_each", what: "idle device, TLS: kB each", goals: &[Goal::AtMost(30.0)] },
    Row {
        id: "hub_command.p50_ms",
        what: "command by REST, there and back: p50 ms",
        goals: &[Goal::AtMost(0.4)],
    },
    Row { id: "hub_command.p99_ms", what: "… p99 ms", goals: &[] },
    Row { id: "hub_command.cpu_us", what: "… CPU µs", goals: &[] },
    Row {
        id: "hub_live.percent",
        what: "a post while a live view is open: dearer by %",
        goals: &[Goal::AtMost(15.0)],
    },
    Row {
        id: "world.virtual_per_second",
        what: "one-seed world, 10 devices: virtual s per s",
        goals: &[Goal::AtLeast(1_000.0)],
    },
];
