//! The data folder: who may use it, and whether what lies in it is a hub's.
//!
//! Nothing in it is touched before that is clear. `hub.db` appears under its name when it is whole, and a lock file
//! keeps a second hub out for as long as the first one lives, however it ends.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::super::StoreFault;
use super::schema;

const DATABASE: &str = "hub.db";
/// A database that is being made.
const UNFINISHED: &str = "hub.db.new";
const LOCK: &str = "lock";
/// What file systems put into a folder by themselves.
const FOREIGN: &[&str] = &["lost+found"];

/// A data folder that this process holds.
pub(super) struct Folder {
    /// The database, made if there was none.
    pub(super) database: PathBuf,
    /// Locked until it is dropped, by the end of the process at the latest.
    _lock: File,
}

impl Folder {
    /// Takes a folder for this process; makes it, and the database in it, if there are none.
    pub(super) fn open(path: &Path) -> Result<Self, StoreFault> {
        let fault =
            |error: io::Error| StoreFault::new(format!("the data folder {}: {error}", path.display()));
        make(path).map_err(fault)?;
        let database = path.join(DATABASE);
        let is_used = database.exists();
        if !is_used && let Some(name) = stranger(path).map_err(fault)? {
            return Err(StoreFault::new(format!(
                "the data folder {} holds \"{name}\" and no hub's data. Fix: name an empty folder, or one that a \
                 hub made",
                path.display()
            )));
        }
        if is_used {
            check(&database)?;
        }
        let lock = lock(path)?;
        let _ = fs::remove_file(path.join(UNFINISHED));
        // Looked at again: another hub may have made it while this one waited for nothing.
        if database.exists() {
            check(&database)?;
        } else {
            create(path, &database)?;
        }
        Ok(Self { database, _lock: lock })
    }
}

/// Makes the folder, for its owner alone: the database holds secrets.
fn make(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A file in a folder without a database that is not ours.
fn stranger(path: &Path) -> io::Result<Option<String>> {
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        let known = [LOCK, UNFINISHED].iter().chain(FOREIGN).any(|known| name == *known);
        if !known {
            return Ok(Some(name.to_string_lossy().into_owned()));
        }
    }
    Ok(None)
}

fn lock(path: &Path) -> Result<File, StoreFault> {
    let at = path.join(LOCK);
    let fault = |error: io::Error| {
        StoreFault::new(format!("cannot lock the data folder by {}: {error}", at.display()))
    };
    let mut file = private().read(true).write(true).create(true).truncate(false).open(&at).map_err(fault)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Who holds it is told if it can be read.
            let _ = file.read_to_string(&mut holder);
            let holder = holder.trim();
            let holder = if holder.is_empty() { String::new() } else { format!(" (process {holder})") };
            return Err(StoreFault::new(format!(
                "the data folder {} is in use by another hub{holder}. Fix: stop that hub, or name another folder",
                path.display()
            )));
        }
        Err(TryLockError::Error(error)) => return Err(fault(error)),
    }
    file.set_len(0).and_then(|()| file.rewind()).map_err(fault)?;
    writeln!(file, "{}", std::process::id()).map_err(fault)?;
    Ok(file)
}

/// How files with secrets are made.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes the database under another name, and gives it its own when it is whole and on the disk.
fn create(folder: &Path, database: &Path) -> Result<(), StoreFault> {
    let unfinished = folder.join(UNFINISHED);
    let fault = |error: &dyn std::fmt::Display| {
        StoreFault::new(format!("cannot make the database {}: {error}", database.display()))
    };
    private().write(true).create(true).truncate(true).open(&unfinished).map_err(|error| fault(&error))?;
    let connection = Connection::open(&unfinished).map_err(|error| fault(&error))?;
    schema::create(&connection).map_err(|error| fault(&error))?;
    connection.close().map_err(|(_, error)| fault(&error))?;
    fs::rename(&unfinished, database).map_err(|error| fault(&error))?;
    // The name must survive as the file does; not every system lets a folder be opened for that.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Looks at the head of a database without opening it, since opening may already change files beside it
/// (<https://www.sqlite.org/fileformat2.html#the_database_header>).
fn check(database: &Path) -> Result<(), StoreFault> {
    let at = database.display();
    let mut head = [0; 100];
    let read = File::open(database).and_then(|mut file| file.read_exact(&mut head));
    match read {
        Ok(()) if head.starts_with(b"SQLite format 3\0") => {}
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            return Err(StoreFault::new(format!("cannot read {at}: {error}")));
        }
        _ => {
            let text = format!("{at} is no database. Fix: name another data folder, or move the file away");
            return Err(StoreFault::new(text));
        }
    }
    let number = |at: usize| {
        let bytes = head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, i32::from_be_bytes)
    };
    let (version, application) = (number(60), number(68));
    if application != schema::APPLICATION_ID {
        let text = format!("{at} belongs to another program. Fix: name another data folder");
        return Err(StoreFault::new(text));
    }
    if version > schema::VERSION {
        return Err(StoreFault::new(format!(
            "{at} was written by a newer hub (format {version}, this one reads {}). Fix: use that hub, or name another \
             data folder",
            schema::VERSION
        )));
    }
    if version < schema::VERSION {
        let text = format!("{at} has the unknown format {version}. Fix: name another data folder");
        return Err(StoreFault::new(text));
    }
    Ok(())
}
