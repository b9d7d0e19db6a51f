//! The one thread that writes: takes what has come, commits it, tells who waits.

use std::collections::HashMap;

use rusqlite::{Connection, Result, Statement, ToSql, params};
use serde::Serialize;

use super::super::{Change, CommandRecord, Counters, DeviceImage, Image, StateRecord, StoreFault};
use super::column::Put;
use super::queue::{Job, Queue};
use super::schema::{self, LAST_MESSAGE_ID, ORG_ID};
use crate::enos::json::Value;

/// Writes until the queue is closed and empty, or closed and not writable.
pub(super) fn run(connection: &Connection, queue: &Queue, tell: &dyn Fn(Option<&StoreFault>)) -> Result<()> {
    let mut statements = Statements::new(connection)?;
    // What could not be written yet.
    let mut left: Vec<Change> = Vec::new();
    loop {
        let batch = queue.take(!left.is_empty());
        let mut outcome = Ok(());
        for job in batch.jobs {
            match job {
                Job::Change(change) => left.push(change),
                Job::Replace(image, told) => {
                    // What came before it is written before it.
                    outcome = outcome.and_then(|()| write(&mut statements, &mut left));
                    let replaced = match &outcome {
                        Ok(()) => transaction(&mut statements, |statements| statements.put_all(&image))
                            .map_err(|error| fault(&error)),
                        Err(error) => Err(fault(error)),
                    };
                    // The asker waits, or is gone and needs no answer.
                    let _ = told.send(replaced);
                }
            }
        }
        match outcome.and_then(|()| write(&mut statements, &mut left)) {
            Ok(()) => {
                if queue.committed(batch.last) {
                    tell(None);
                }
            }
            Err(error) => {
                let fault = fault(&error);
                if queue.failed(fault.clone()) {
                    tell(Some(&fault));
                }
            }
        }
        if batch.closed {
            return Ok(());
        }
    }
}

/// What a failed write means to a user.
pub(super) fn fault(error: &rusqlite::Error) -> StoreFault {
    let full = matches!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::DiskFull));
    let what = if full {
        "the disk of the data folder is full".to_owned()
    } else {
        format!("the data folder: {error}")
    };
    StoreFault::new(format!("not stored: {what}. Fix: give it room; the hub tries again by itself"))
}

/// Commits all of `changes`, or leaves them as they are.
fn write(statements: &mut Statements<'_>, changes: &mut Vec<Change>) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    transaction(statements, |statements| statements.put(changes))?;
    changes.clear();
    Ok(())
}

fn transaction<'c>(
    statements: &mut Statements<'c>,
    work: impl FnOnce(&mut Statements<'c>) -> Result<()>,
) -> Result<()> {
    let connection = statements.connection;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let written = work(statements).and_then(|()| connection.execute_batch("COMMIT"));
    if written.is_err() {
        undo(connection);
    }
    written
}

fn undo(connection: &Connection) {
    // Some errors have rolled back already; then there is nothing to do.
    if !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
}

const PUT_SAMPLE: &str =
    "INSERT INTO series (device, point, time, value, quality) VALUES (?1, ?2, ?3, ?4, ?5)
     ON CONFLICT (device, point, time) DO UPDATE SET value = excluded.value, quality = excluded.quality";
/// Only of a device that is there: it may be deleted in the same transaction.
const PUT_STATE: &str =
    "INSERT OR REPLACE INTO state SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM device WHERE key = ?1)";
const PUT_COUNTERS: &str = "INSERT OR REPLACE INTO counters SELECT ?1, ?2, ?3, ?4, ?5
     WHERE EXISTS (SELECT 1 FROM device WHERE key = ?1)";
const PUT_META: &str = "INSERT OR REPLACE INTO meta VALUES (?1, ?2)";
const PUT_HIGHEST_META: &str = "INSERT INTO meta VALUES (?1, ?2)
     ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)";
const PUT_MODEL: &str = "INSERT OR REPLACE INTO model VALUES (?1, ?2)";
const PUT_PRODUCT: &str = "INSERT OR REPLACE INTO product VALUES (?1, ?2)";
const PUT_DEVICE: &str = "INSERT OR REPLACE INTO device VALUES (?1, ?2)";
const PUT_APPLICATION: &str = "INSERT OR REPLACE INTO application VALUES (?1, ?2)";
const PUT_COMMAND: &str = "INSERT OR REPLACE INTO command VALUES (?1, ?2)";

/// Statements that are prepared once.
struct Statements<'c> {
    connection: &'c Connection,
    sample: Statement<'c>,
    state: Statement<'c>,
    counters: Statement<'c>,
    command: Statement<'c>,
}

/// What is written at the end of a transaction: the newest state and counters of each device. The ones in between
/// would be overwritten anyway.
#[derive(Default)]
struct Newest<'b> {
    states: HashMap<u64, &'b StateRecord>,
    counters: HashMap<u64, Counters>,
}

impl<'c> Statements<'c> {
    fn new(connection: &'c Connection) -> Result<Self> {
        Ok(Self {
            connection,
            sample: connection.prepare(PUT_SAMPLE)?,
            state: connection.prepare(PUT_STATE)?,
            counters: connection.prepare(PUT_COUNTERS)?,
            command: connection.prepare(PUT_COMMAND)?,
        })
    }

    fn put(&mut self, changes: &[Change]) -> Result<()> {
        let mut newest = Newest::default();
        changes.iter().try_for_each(|change| self.change(change, &mut newest))?;
        for (device, state) in newest.states {
            self.state.execute(params![signed(device), json(state)?])?;
        }
        for (device, counters) in newest.counters {
            self.put_counters(device, &counters)?;
        }
        Ok(())
    }

    fn change<'b>(&mut self, change: &'b Change, newest: &mut Newest<'b>) -> Result<()> {
        let run = |sql: &str, parameters: &[&dyn ToSql]| self.connection.execute(sql, parameters).map(drop);
        match change {
            Change::All(changes) => changes.iter().try_for_each(|change| self.change(change, newest)),
            Change::OrgId(org_id) => run(PUT_META, &[&ORG_ID, &&**org_id]),
            Change::Model(model) => run(PUT_MODEL, &[&model.model_id, &json(model)?]),
            Change::Product(record) => run(PUT_PRODUCT, &[&record.product.product_key, &json(record)?]),
            Change::ProductGone(key) => run("DELETE FROM product WHERE key = ?1", &[&&**key]),
            Change::Device(device, record) => run(PUT_DEVICE, &[&signed(*device), &json(record)?]),
            Change::DeviceGone(device) => {
                newest.states.remove(device);
                newest.counters.remove(device);
                for sql in [
                    "DELETE FROM device WHERE key = ?1",
                    "DELETE FROM state WHERE device = ?1",
                    "DELETE FROM counters WHERE device = ?1",
                    "DELETE FROM series WHERE device = ?1",
                ] {
                    run(sql, &[&signed(*device)])?;
                }
                Ok(())
            }
            Change::State(device, state) => {
                newest.states.insert(*device, state);
                Ok(())
            }
            Change::Counters(device, counters) => {
                newest.counters.insert(*device, *counters);
                Ok(())
            }
            Change::Application(record) => run(PUT_APPLICATION, &[&record.app_key, &json(record)?]),
            Change::Post(post) => {
                for (point, value, quality) in &post.values {
                    self.put_sample(post.device, *point, post.time, value, *quality)?;
                }
                newest.counters.insert(post.device, post.counters);
                Ok(())
            }
            Change::Command(record) => self.put_command(record),
            Change::CommandGone(id) => run("DELETE FROM command WHERE id = ?1", &[&signed(*id)]),
            Change::MessageIds(last) => run(PUT_HIGHEST_META, &[&LAST_MESSAGE_ID, &signed(*last)]),
        }
    }

    fn put_sample(
        &mut self,
        device: u64,
        point: usize,
        time: i64,
        value: &Value,
        quality: Option<u8>,
    ) -> Result<()> {
        self.sample.execute(params![signed(device), point as i64, time, Put(value), quality]).map(drop)
    }

    fn put_counters(&mut self, device: u64, counters: &Counters) -> Result<()> {
        let Counters { accepted, refused, unchanged, last_update } = *counters;
        let counters = [accepted, refused, unchanged, last_update].map(signed);
        let [accepted, refused, unchanged, last_update] = counters;
        self.counters.execute(params![signed(device), accepted, refused, unchanged, last_update]).map(drop)
    }

    fn put_command(&mut self, record: &CommandRecord) -> Result<()> {
        self.command.execute(params![signed(record.id), json(&record.body)?]).map(drop)
    }

    /// Puts a whole world in place of everything.
    fn put_all(&mut self, image: &Image) -> Result<()> {
        for table in schema::NAMES {
            self.connection.execute(&format!("DELETE FROM {table}"), [])?;
        }
        let run = |sql: &str, parameters: &[&dyn ToSql]| self.connection.execute(sql, parameters).map(drop);
        run(PUT_META, &[&ORG_ID, &image.org_id])?;
        run(PUT_META, &[&LAST_MESSAGE_ID, &signed(image.last_message_id)])?;
        for model in &image.models {
            run(PUT_MODEL, &[&model.model_id, &json(model)?])?;
        }
        for record in &image.products {
            run(PUT_PRODUCT, &[&record.product.product_key, &json(record)?])?;
        }
        for record in &image.applications {
            run(PUT_APPLICATION, &[&record.app_key, &json(record)?])?;
        }
        for record in &image.commands {
            self.put_command(record)?;
        }
        for DeviceImage { key, record, state, counters, samples } in &image.devices {
            run(PUT_DEVICE, &[&signed(*key), &json(record)?])?;
            self.state.execute(params![signed(*key), json(state)?])?;
            self.put_counters(*key, counters)?;
            for (point, sample) in samples {
                self.put_sample(*key, *point, sample.time, &sample.value, sample.quality)?;
            }
        }
        Ok(())
    }
}

/// A number as SQLite counts; none of ours comes near the limit.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn json(record: &impl Serialize) -> Result<String> {
    serde_json::to_string(record).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}
