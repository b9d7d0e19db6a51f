//! Reading what is kept.

use std::collections::HashMap;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use serde::de::DeserializeOwned;

use super::super::{
    CommandRecord, Counters, DeviceImage, Image, Sample, SeriesQuery, StateRecord, StoreFault,
};
use super::column::Got;
use super::schema::{LAST_MESSAGE_ID, ORG_ID};

/// How much of the series an image holds.
#[derive(Clone, Copy)]
pub(super) enum Depth {
    /// The newest sample of each point.
    Newest,
    /// All of them, if they are no more than this.
    All(usize),
}

/// What went wrong while reading.
pub(super) fn fault(error: &rusqlite::Error) -> StoreFault {
    StoreFault::new(format!(
        "cannot read the data folder: {error}. Fix: start with another folder, or PUT a snapshot to a new hub"
    ))
}

/// Samples of a point.
pub(super) fn series(
    connection: &Connection,
    device: u64,
    point: usize,
    query: &SeriesQuery,
) -> Result<Vec<Sample>> {
    let order = if query.newest_first { "DESC" } else { "ASC" };
    let mut found = connection.prepare(&format!(
        "SELECT time, value, quality FROM series WHERE device = ?1 AND point = ?2 AND time BETWEEN ?3 AND ?4 ORDER BY \
         time {order} LIMIT ?5"
    ))?;
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let device = i64::try_from(device).unwrap_or(i64::MAX);
    let rows =
        found.query_map(params![device, point as i64, query.from, query.to, limit], |row| sample(row, 0))?;
    rows.collect()
}

/// The world as it is kept, by one look at the database.
pub(super) fn image(connection: &Connection, depth: Depth) -> std::result::Result<Image, StoreFault> {
    // Never committed: it changes nothing.
    let look = connection.unchecked_transaction().map_err(|error| fault(&error))?;
    if let Depth::All(most) = depth {
        let limit = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
        let count = "SELECT count(*) FROM (SELECT 1 FROM series LIMIT ?1)";
        let count: i64 = look.query_row(count, [limit], |row| row.get(0)).map_err(|error| fault(&error))?;
        if count >= limit {
            return Err(StoreFault::new(format!(
                "the series hold more than {most} samples, too many for a snapshot. Fix: stop the hub and copy the \
                 data folder"
            )));
        }
    }
    whole(&look, depth).map_err(|error| fault(&error))
}

fn whole(connection: &Connection, depth: Depth) -> Result<Image> {
    let org_id: Option<String> = meta(connection, ORG_ID)?;
    let last_message_id: Option<i64> = meta(connection, LAST_MESSAGE_ID)?;
    let mut states: HashMap<i64, StateRecord> =
        all(connection, "SELECT device, body FROM state", |row| Ok((row.get(0)?, json(row, 1)?)))?;
    let mut counters: HashMap<i64, Counters> = all(connection, "SELECT * FROM counters", counters)?;
    let devices = all::<_, Vec<_>>(connection, "SELECT key, body FROM device ORDER BY key", |row| {
        Ok((row.get::<_, i64>(0)?, json(row, 1)?))
    })?;
    let mut image = Image {
        org_id: org_id.unwrap_or_default(),
        last_message_id: last_message_id.map_or(0, unsigned),
        models: all(connection, "SELECT body FROM model", |row| json(row, 0))?,
        products: all(connection, "SELECT body FROM product", |row| json(row, 0))?,
        devices: Vec::with_capacity(devices.len()),
        applications: all(connection, "SELECT body FROM application", |row| json(row, 0))?,
        commands: all(connection, "SELECT id, body FROM command ORDER BY id", |row| {
            Ok(CommandRecord { id: unsigned(row.get(0)?), body: json(row, 1)? })
        })?,
    };
    for (key, record) in devices {
        let samples = match depth {
            Depth::Newest => newest(connection, key)?,
            Depth::All(_) => every(connection, key)?,
        };
        image.devices.push(DeviceImage {
            key: unsigned(key),
            record,
            state: states.remove(&key).unwrap_or_default(),
            counters: counters.remove(&key).unwrap_or_default(),
            samples,
        });
    }
    Ok(image)
}

/// The newest sample of each point of a device: two steps in the tree for each, however many samples there are.
fn newest(connection: &Connection, device: i64) -> Result<Vec<(usize, Sample)>> {
    let mut next = connection
        .prepare("SELECT point FROM series WHERE device = ?1 AND point > ?2 ORDER BY point LIMIT 1")?;
    let mut last = connection.prepare(
        "SELECT time, value, quality FROM series WHERE device = ?1 AND point = ?2 ORDER BY time DESC LIMIT 1",
    )?;
    let mut found = Vec::new();
    let mut before = -1;
    while let Some(point) = next.query_row(params![device, before], |row| row.get::<_, i64>(0)).optional()? {
        let newest = last.query_row(params![device, point], |row| sample(row, 0))?;
        found.push((usize::try_from(point).unwrap_or(usize::MAX), newest));
        before = point;
    }
    Ok(found)
}

fn every(connection: &Connection, device: i64) -> Result<Vec<(usize, Sample)>> {
    let sql = "SELECT point, time, value, quality FROM series WHERE device = ?1 ORDER BY point, time";
    let mut found = connection.prepare(sql)?;
    let rows = found.query_map([device], |row| {
        let point: i64 = row.get(0)?;
        Ok((usize::try_from(point).unwrap_or(usize::MAX), sample(row, 1)?))
    })?;
    rows.collect()
}

fn sample(row: &Row<'_>, first: usize) -> Result<Sample> {
    let Got(value) = row.get(first + 1)?;
    Ok(Sample { time: row.get(first)?, value, quality: row.get(first + 2)? })
}

fn counters(row: &Row<'_>) -> Result<(i64, Counters)> {
    let number = |at| row.get(at).map(unsigned);
    let counters = Counters {
        accepted: number(1)?,
        refused: number(2)?,
        unchanged: number(3)?,
        last_update: number(4)?,
    };
    Ok((row.get(0)?, counters))
}

fn meta<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> Result<Option<T>> {
    connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0)).optional()
}

fn all<T, C: FromIterator<T>>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<C> {
    connection.prepare(sql)?.query_map([], read)?.collect()
}

fn json<T: DeserializeOwned>(row: &Row<'_>, at: usize) -> Result<T> {
    let text = row
        .get_ref(at)?
        .as_str()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, error.into()))?;
    serde_json::from_str(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, error.into()))
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
