//! The tables, and how each connection is set up.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Result};

/// Marks a database as a mock hub's ("eNOS").
pub(super) const APPLICATION_ID: i32 = 0x654E_4F53;
/// Format of the tables and of the JSON in them.
pub(super) const VERSION: i32 = 1;

/// Pages that the write-ahead log may have (4 kB each) before it is carried over into the database: more costs
/// disk, less costs a wait more often.
const LOG_PAGES: u32 = 8_000;
/// Kilobytes of pages that the writer keeps in memory.
const CACHE_KB: u32 = 16 * 1024;

/// `series` is ordered by its key, so a point's samples lie side by side in the order of their times, and a sample
/// that is posted again finds the first one.
const TABLES: &str = "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE model (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE product (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE device (key INTEGER PRIMARY KEY, body TEXT NOT NULL);
    CREATE TABLE state (device INTEGER PRIMARY KEY, body TEXT NOT NULL);
    CREATE TABLE counters (device INTEGER PRIMARY KEY, accepted INTEGER NOT NULL, refused INTEGER NOT NULL,
        unchanged INTEGER NOT NULL, last_update INTEGER NOT NULL);
    CREATE TABLE application (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE command (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
    CREATE TABLE series (device INTEGER NOT NULL, point INTEGER NOT NULL, time INTEGER NOT NULL, value, quality INTEGER,
        PRIMARY KEY (device, point, time)) WITHOUT ROWID;
";

/// Names in `meta`.
pub(super) const ORG_ID: &str = "orgId";
pub(super) const LAST_MESSAGE_ID: &str = "lastMessageId";

/// Every table.
pub(super) const NAMES: [&str; 9] =
    ["meta", "model", "product", "device", "state", "counters", "application", "command", "series"];

/// Makes the tables of a new database.
pub(super) fn create(connection: &Connection) -> Result<()> {
    connection.execute_batch(&format!(
        "PRAGMA synchronous = FULL; BEGIN; {TABLES} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = \
         {VERSION}; COMMIT;"
    ))
}

/// The one connection that writes.
///
/// `synchronous = NORMAL`: a commit is in the operating system's hands before it is told, so the death of the
/// process, however sudden, loses nothing. The death of the machine may lose the last commits, but never damages
/// what is older. `FULL` would wait for the disk at each commit, and a test double need not outlive its machine.
pub(super) fn writer(database: &Path) -> Result<Connection> {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = {LOG_PAGES}; PRAGMA \
         journal_size_limit = {}; PRAGMA cache_size = -{CACHE_KB}; PRAGMA temp_store = MEMORY;",
        u64::from(LOG_PAGES) * 4096
    ))?;
    Ok(connection)
}

/// A connection that reads beside the writer.
pub(super) fn reader(database: &Path) -> Result<Connection> {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}
