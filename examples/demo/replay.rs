//! A day of both devices goes up, and its figures are read back from the hub.

use std::error::Error;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use enos_runtime::{Client, ErrorKind, Point, PostOptions, Value};

use crate::day::{Cell, Day, Number};
use crate::report::Report;
use crate::rest::Rest;
use crate::{INVERTER, TURBINE};

/// The SDK's own view of a replay; the hub's is what counts.
struct Sent {
    acknowledged: u64,
    refused: u64,
    other: Vec<String>,
}

/// Replays both days at once, each over its own link.
pub(crate) fn both(
    report: &mut Report,
    rest: &Rest,
    turbine: &Client,
    inverter: &Client,
) -> Result<(), Box<dyn Error>> {
    report.part("A day of both, replayed through both links");
    let days = [
        ("turbine-1", TURBINE, turbine, Day::read("turbine")?),
        ("inverter-1", INVERTER, inverter, Day::read("inverter")?),
    ];
    let start = Instant::now();
    let sent: Vec<Result<Sent, String>> = thread::scope(|scope| {
        let running: Vec<_> =
            days.iter().map(|(_, _, client, day)| scope.spawn(|| replay(client, day))).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err("the replay panicked".into())))
            .collect()
    });
    report.note(format_args!(
        "{} rows in {} ms",
        days.iter().map(|d| d.3.rows.len()).sum::<usize>(),
        start.elapsed().as_millis()
    ));
    let state = rest.state()?;
    for ((name, keys, _, day), sent) in days.iter().zip(sent) {
        let sent = sent?;
        report.note(format_args!(
            "{name}: the SDK counted {} acknowledged, {} refused",
            sent.acknowledged, sent.refused
        ));
        for text in sent.other {
            report.step(format_args!("{name} posts"), false, text);
        }
        let device = state["devices"]
            .as_array()
            .and_then(|all| all.iter().find(|d| d["productKey"] == keys.0 && d["deviceKey"] == keys.1))
            .ok_or("the device is missing in the hub's state")?;
        let count = |key: &str| device["posts"][key].as_u64().unwrap_or(u64::MAX);
        let (accepted, refused) = (count("accepted"), count("refused"));
        report.step(
            format_args!("{name}'s good rows are stored"),
            accepted == day.expected.accepted,
            accepted,
        );
        report.step(format_args!("{name}'s bad rows are refused"), refused == day.expected.refused, refused);
        let latest = rest.latest(*keys)?;
        let same = day.expected.latest.iter().all(|(id, time, value)| {
            let found = latest.as_array().and_then(|all| all.iter().find(|point| point["id"] == id.as_str()));
            found.is_some_and(|point| {
                let seen = point["time"].as_u64().or_else(|| point["time"].as_str()?.parse().ok());
                seen == Some(*time) && (point["value"] == *value || point["value"].as_f64() == value.as_f64())
            })
        });
        let points = day.expected.latest.len();
        report.step(
            format_args!("{name}'s latest values are read back"),
            same,
            format_args!("{points} points"),
        );
    }
    Ok(())
}

/// Posts all rows without waiting for each, then waits for all.
fn replay(client: &Client, day: &Day) -> Result<Sent, String> {
    let (tell, told) = mpsc::channel();
    for row in &day.rows {
        let points: Vec<Point<'_>> = row.points.iter().map(point).collect();
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(row.time_ms);
        let options = PostOptions::new().time(time).timeout(Duration::from_secs(20));
        let tell = tell.clone();
        let done = move |result| {
            let _ = tell.send(result);
        };
        client.submit_measurepoints(&points, options, done).map_err(|error| error.to_string())?;
    }
    let mut sent = Sent { acknowledged: 0, refused: 0, other: Vec::new() };
    for _ in &day.rows {
        match told.recv_timeout(Duration::from_secs(30)) {
            Ok(Ok(_)) => sent.acknowledged += 1,
            Ok(Err(error)) if error.kind == ErrorKind::ModelMismatch => sent.refused += 1,
            Ok(Err(error)) => sent.other.push(error.to_string()),
            Err(_) => return Err("a post was never settled".into()),
        }
    }
    Ok(sent)
}

fn point(cell: &Cell) -> Point<'_> {
    let value = match &cell.value {
        Number::Int(number) => Value::Int(*number),
        Number::Float(number) => Value::Float(*number),
        Number::Text(text) => Value::Str(text),
    };
    let point = Point::new(&cell.id, value);
    match cell.quality {
        Some(quality) => point.quality(quality),
        None => point,
    }
}
