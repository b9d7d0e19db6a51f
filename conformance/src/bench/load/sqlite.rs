//! SQLite alone: the rows of a post and a commit, post after post, with no hub and no socket around it.

use std::time::Instant;

use rusqlite::{Connection, params};

use crate::bench::machine::{self, Core};
use crate::bench::plan::Order;
use crate::bench::sample::Sample;
use crate::bench::{Outcome, payload};
use crate::peer::scratch::Scratch;

/// As the hub keeps samples, in a log that a crash of the process does not harm.
const TABLES: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE series (device INTEGER NOT NULL, point INTEGER NOT NULL, time INTEGER NOT NULL, value, quality INTEGER,
        PRIMARY KEY (device, point, time)) WITHOUT ROWID;
";
const PUT: &str = "INSERT INTO series (device, point, time, value, quality) VALUES (?1, ?2, ?3, ?4, NULL)";
/// Devices that post in turns.
const DEVICES: u32 = 50;

/// `per_second` posts, each with its own commit, and `cpu_us`; on the servers' core, the first tenth left out.
pub(super) fn run(order: &Order) -> Outcome<Sample> {
    machine::pin(Core::Server)?;
    let files = Scratch::within(&std::env::current_exe()?.with_file_name(""))?;
    let database = Connection::open(files.path().join("alone.sqlite"))?;
    database.execute_batch(TABLES)?;
    let mut begin = database.prepare("BEGIN")?;
    let mut put = database.prepare(PUT)?;
    let mut commit = database.prepare("COMMIT")?;
    let warm_up = order.count / 10;
    let mut since = (Instant::now(), machine::cpu_time()?);
    for number in 0..order.count {
        if number == warm_up {
            since = (Instant::now(), machine::cpu_time()?);
        }
        let (device, time) = (number % DEVICES, payload::TIME_MS + u64::from(number / DEVICES));
        let time = i64::try_from(time)?;
        begin.execute([])?;
        put.execute(params![device, 0, time, 21.5])?;
        put.execute(params![device, 1, time, 1234])?;
        put.execute(params![device, 2, time, 1530.25])?;
        put.execute(params![device, 3, time, "running"])?;
        commit.execute([])?;
    }
    let posts = f64::from(order.count - warm_up);
    let (wall, cpu) = (since.0.elapsed(), machine::cpu_time()?.saturating_sub(since.1));
    Ok(Sample::of("per_second", posts / wall.as_secs_f64()).with("cpu_us", cpu.as_secs_f64() * 1e6 / posts))
}
