//! The load generator: devices on raw sockets, in one thread, against a server whose CPU and memory are read from
//! outside.
//!
//! It knows nothing of the SDK and of the hub's code. Each run starts a server of its own on the first core, and works
//! on the second.

use std::time::{Duration, Instant};

use super::plan::{Order, RUN_LIMIT, Task};
use super::report::OURS;
use super::sample::Sample;
use super::{Outcome, machine, process};

pub mod acceptor;
mod command;
mod connects;
pub(crate) mod devices;
mod idle;
mod live;
pub mod mosquitto;
mod posts;
mod ready;
mod server;
mod sources;
mod sqlite;
mod tls;
mod world;

use machine::Core;
use server::Server;

/// Files that a run may open: ten thousand sockets and some.
const FILES: u64 = 16_384;

/// `load PEER TASK ORDER…`: one run of a task against that server.
pub fn run(peer: &str, arguments: &[String]) -> Outcome<Sample> {
    process::end_with_parent(RUN_LIMIT)?;
    let (task, order) = arguments.split_first().ok_or("usage: load PEER TASK ORDER…")?;
    let (task, order) = (Task::named(task)?, Order::from_arguments(order)?);
    machine::allow_sockets(FILES)?;
    match (task, peer) {
        (Task::Hub, OURS) => ready::run(),
        (Task::HubConnect, _) => connects::plain(peer, &order),
        (Task::HubConnectTls, _) => connects::secured(peer, &order, false),
        (Task::HubConnectMutual, _) => connects::secured(peer, &order, true),
        (Task::HubPosts, _) => posts::run(peer, &order, 0, false),
        (Task::HubPostsQos1, _) => posts::run(peer, &order, 1, false),
        (Task::HubPostsKept, OURS) => posts::run(peer, &order, 0, true),
        (Task::HubPostsKept, "sqlite") => sqlite::run(&order),
        (Task::HubIdle, _) => idle::plain(peer, &order),
        (Task::HubIdleTls, _) => idle::secured(peer, &order),
        (Task::HubCommand, OURS) => command::run(&order),
        (Task::HubLive, OURS) => live::run(&order),
        (Task::World, OURS) => world::run(&order),
        _ => Err(format!("{peer} takes no part in {}", task.name()).into()),
    }
}

/// Starts what there is to do with a server that is up: from here on this process works on its own core.
fn begin() -> Outcome<()> {
    machine::pin(Core::Client)
}

/// What a server and this process use from here on.
struct Watch<'a> {
    server: &'a Server,
    began: Instant,
    cpu: Duration,
    own: Duration,
}

impl<'a> Watch<'a> {
    fn begin(server: &'a Server) -> Outcome<Self> {
        Ok(Self { server, cpu: server.cpu_time()?, own: machine::cpu_time()?, began: Instant::now() })
    }

    /// The server's `cpu_us` for each item, items `per_second`, and how busy this process was, `load_percent`.
    fn end(self, items: u32) -> Outcome<Sample> {
        let wall = self.began.elapsed().as_secs_f64();
        let cpu = self.server.cpu_time()?.saturating_sub(self.cpu).as_secs_f64();
        let own = machine::cpu_time()?.saturating_sub(self.own).as_secs_f64();
        let items = f64::from(items);
        Ok(Sample::of("cpu_us", cpu * 1e6 / items)
            .with("per_second", items / wall)
            .with("load_percent", own * 100.0 / wall))
    }
}
