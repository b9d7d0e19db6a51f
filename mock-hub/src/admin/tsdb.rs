//! `tsdb-service/v2.1/latest | raw | ai-normalized`: the latest values, the samples and the windows of points
//! (`docs-model.md` §9.3). Faults have codes of their own: 80400, 80401, 80500.

use std::sync::Arc;

use axum::http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::runtime::Handle;

use crate::domain::aggregate::{Function, Windows};
use crate::domain::device::Device;
use crate::domain::{Cloud, local_time};
use crate::store::{Sample, SeriesQuery, StoreFault};

use super::Admin;
use super::call::Call;
use super::reply::{Fault, Reply};

/// Assets times points of one query (`docs-model.md` §8).
const MAX_PAIRS: usize = 3_000;
/// Assets times points times page size (`docs-model.md` §8).
const MAX_ASKED: usize = 640_000;
const DEFAULT_PAGE: u64 = 1_000;
/// Items that a reply of this hub really holds, so that it fits into memory a few times.
const MAX_ITEMS: usize = 200_000;
/// Samples that windows are made of in one call.
const MAX_READ: usize = 5_000_000;

const WRONG: i64 = 80400;
const UNAUTHORISED: i64 = 80401;
const INTERNAL: i64 = 80500;

/// Answers a call of the service.
pub(super) async fn answer(admin: &Admin, call: &Call, operation: &str) -> Result<Reply, Fault> {
    let query = match operation {
        "latest" | "raw" | "ai-normalized" if call.method != Method::POST => {
            return Err(wrong("method", &format!("{operation} is called by POST, not {}", call.method)));
        }
        "latest" => return latest(admin, call.body().map_err(own_code)?),
        "raw" => raw(admin, call.body().map_err(own_code)?)?,
        "ai-normalized" => normalized(admin, call.body().map_err(own_code)?)?,
        _ => {
            let msg =
                format!("tsdb-service/{operation} is not served by this hub: latest, raw, ai-normalized are");
            return Err(Fault::not_found(msg));
        }
    };
    let items = aside(&admin.cloud, move |cloud| query.run(cloud)).await?;
    Ok(Reply::ok(json!({ "items": items })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LatestBody {
    model_id: Option<String>,
    asset_ids: String,
    point_ids: String,
    time_window: Option<Value>,
    if_with_local_time: Option<Value>,
    local_time_accuracy: Option<Value>,
    local_time_format: Option<Value>,
    item_format: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawBody {
    model_id: Option<String>,
    asset_ids: String,
    point_ids: String,
    start_time: String,
    end_time: String,
    page_size: Option<Value>,
    order_by: Option<String>,
    with_quality: Option<Value>,
    local_time_accuracy: Option<Value>,
    local_time_format: Option<Value>,
    item_format: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NormalizedBody {
    model_id: Option<String>,
    asset_ids: String,
    point_ids_with_logic: String,
    interval: Value,
    start_time: String,
    end_time: String,
    page_size: Option<Value>,
    local_time_accuracy: Option<Value>,
    local_time_format: Option<Value>,
    item_format: Option<Value>,
}

/// How times are shown beside the time stamp.
#[derive(Clone, Copy)]
struct LocalTime {
    milliseconds: bool,
    with_zone: bool,
}

/// A point of a device, and the range that is asked for in the device's time zone.
struct Wanted {
    device: Arc<Device>,
    point: String,
    from: i64,
    to: i64,
    /// None: the samples themselves.
    function: Option<Function>,
}

/// A query of a series, checked.
struct Query {
    wanted: Vec<Wanted>,
    page_size: usize,
    newest_first: bool,
    with_quality: bool,
    /// Milliseconds of a window.
    width: i64,
    local_time: LocalTime,
}

/// The newest value of each point; with `timeWindow` only those of the last minutes.
fn latest(admin: &Admin, body: LatestBody) -> Result<Reply, Fault> {
    let point_ids = list("pointIds", &body.point_ids)?;
    let devices = devices(admin, &body.asset_ids, body.model_id.as_deref(), point_ids.len())?;
    check_points(&devices, &point_ids, "pointIds")?;
    let window = number("timeWindow", body.time_window.as_ref(), 0, i64::MAX as u64)?;
    let local_time = local_time(body.local_time_accuracy, body.local_time_format, body.item_format)?;
    let local_time = flag("ifWithLocalTime", body.if_with_local_time)?.then_some(local_time);
    let now = i64::try_from(admin.cloud.clock.now_ms()).unwrap_or(i64::MAX);
    let oldest = window.map_or(i64::MIN, |minutes| {
        now.saturating_sub(i64::try_from(minutes).unwrap_or(i64::MAX).saturating_mul(60_000))
    });
    let mut items = Vec::new();
    for device in &devices {
        let state = device.state();
        for (point, latest) in state.points.latest(&device.product.model) {
            if latest.time >= oldest && point_ids.contains(&&*point.identifier) {
                let value = latest.value.to_json();
                items.push(item(device, &point.identifier, latest.time, value, local_time));
            }
        }
    }
    Ok(Reply::ok(json!({ "items": items })))
}

/// The samples of a time range, both ends included.
fn raw(admin: &Admin, body: RawBody) -> Result<Query, Fault> {
    let point_ids = list("pointIds", &body.point_ids)?;
    let devices = devices(admin, &body.asset_ids, body.model_id.as_deref(), point_ids.len())?;
    check_points(&devices, &point_ids, "pointIds")?;
    let points: Vec<_> = point_ids.into_iter().map(|point| (point, None)).collect();
    let newest_first = match body.order_by.as_deref().unwrap_or("timestamp asc").trim() {
        "" | "timestamp" | "timestamp asc" => false,
        "timestamp desc" => true,
        _ => return Err(wrong("orderBy", "is \"timestamp asc\" or \"timestamp desc\"")),
    };
    Ok(Query {
        wanted: wanted(&devices, &points, &body.start_time, &body.end_time)?,
        page_size: page_size(body.page_size.as_ref(), devices.len() * points.len())?,
        newest_first,
        with_quality: flag("withQuality", body.with_quality)?,
        width: 0,
        local_time: local_time(body.local_time_accuracy, body.local_time_format, body.item_format)?,
    })
}

/// Windows over a time range that begins with `startTime` and ends before `endTime`.
fn normalized(admin: &Admin, body: NormalizedBody) -> Result<Query, Fault> {
    const FIELD: &str = "pointIdsWithLogic";
    let minutes =
        number("interval", Some(&body.interval), 0, 1_440)?.ok_or_else(|| wrong("interval", "is missing"))?;
    let mut points = Vec::new();
    for text in list(FIELD, &body.point_ids_with_logic)? {
        points.push(match (text.split_once('('), minutes) {
            (None, 0) => (text, None),
            (None, _) => {
                return Err(wrong(
                    FIELD,
                    &format!("\"{text}\" has no logic: an interval asks for one, like avg({text})"),
                ));
            }
            (Some(_), 0) => {
                return Err(wrong(
                    FIELD,
                    &format!("\"{text}\" has a logic: that asks for an interval above 0"),
                ));
            }
            (Some((name, rest)), _) => {
                let known: Vec<&str> = Function::ALL.iter().map(|(_, name)| *name).collect();
                let function = Function::parse(name.trim());
                let point = rest.strip_suffix(')').map(str::trim).filter(|point| !point.is_empty());
                let (Some(function), Some(point)) = (function, point) else {
                    let reason =
                        format!("\"{text}\" is not like avg(pointId); there are {}", known.join(" "));
                    return Err(wrong(FIELD, &reason));
                };
                (point, Some(function))
            }
        });
    }
    let devices = devices(admin, &body.asset_ids, body.model_id.as_deref(), points.len())?;
    let point_ids: Vec<&str> = points.iter().map(|(point, _)| *point).collect();
    check_points(&devices, &point_ids, FIELD)?;
    for device in &devices {
        let model = &device.product.model;
        let text = point_ids
            .iter()
            .filter_map(|id| model.point(id))
            .find(|(_, point)| !point.value_type.is_numeric());
        if let Some((_, point)) = text {
            let reason = format!("\"{}\" is a {}, not a number", point.identifier, point.value_type.name());
            return Err(wrong(FIELD, &reason));
        }
    }
    let mut wanted = wanted(&devices, &points, &body.start_time, &body.end_time)?;
    for one in &mut wanted {
        // The samples of interval 0 end before the end, too.
        if one.function.is_none() {
            one.to = one.to.saturating_sub(1);
        }
    }
    Ok(Query {
        wanted,
        page_size: page_size(body.page_size.as_ref(), devices.len() * points.len())?,
        newest_first: false,
        with_quality: false,
        width: i64::try_from(minutes).unwrap_or(0) * 60_000,
        local_time: local_time(body.local_time_accuracy, body.local_time_format, body.item_format)?,
    })
}

impl Query {
    fn run(&self, cloud: &Cloud) -> Result<Vec<Value>, Fault> {
        let mut items = Vec::new();
        let mut budget = MAX_READ;
        for wanted in &self.wanted {
            match wanted.function {
                None => items.extend(self.samples(cloud, wanted)?),
                Some(function) => items.extend(self.windows(cloud, wanted, function, &mut budget)?),
            }
            if items.len() > MAX_ITEMS {
                let reason = format!(
                    "more than {MAX_ITEMS} items in one reply: ask for a shorter time or a smaller page"
                );
                return Err(wrong("pageSize", &reason));
            }
        }
        Ok(items)
    }

    fn samples(&self, cloud: &Cloud, wanted: &Wanted) -> Result<Vec<Value>, Fault> {
        let query = SeriesQuery {
            from: wanted.from,
            to: wanted.to,
            limit: self.page_size,
            newest_first: self.newest_first,
        };
        let samples = cloud.series(&wanted.device, &wanted.point, &query).map_err(internal)?;
        let show = |Sample { time, value, quality }: Sample| {
            let mut item = item(&wanted.device, &wanted.point, time, value.to_json(), Some(self.local_time));
            if self.with_quality {
                // Text, as in the vendor's sample.
                item["quality"] = quality.map(|quality| quality.to_string()).into();
            }
            item
        };
        Ok(samples.into_iter().map(show).collect())
    }

    fn windows(
        &self,
        cloud: &Cloud,
        wanted: &Wanted,
        function: Function,
        budget: &mut usize,
    ) -> Result<Vec<Value>, Fault> {
        let Wanted { device, point, from, to, .. } = wanted;
        let asked = Windows { function, from: *from, to: *to, width: self.width, most: self.page_size };
        let found = cloud.windows(device, point, &asked, budget).map_err(internal)?;
        let Some(found) = found else {
            let reason = format!("more than {MAX_READ} samples lie in the range: ask for a shorter one");
            return Err(wrong("endTime", &reason));
        };
        let name = Function::ALL.iter().find(|(known, _)| *known == function).map_or("", |(_, name)| name);
        let name = format!("{name}({point})");
        let show = |(start, value)| item(device, &name, start, value, Some(self.local_time));
        Ok(found.into_iter().map(show).collect())
    }
}

/// One line of the reply: asset, time and the value under the name of its point.
fn item(device: &Device, name: &str, time: i64, value: Value, local_time: Option<LocalTime>) -> Value {
    let mut item = Map::new();
    item.insert("assetId".to_owned(), (*device.asset_id).into());
    item.insert("timestamp".to_owned(), time.into());
    item.insert(name.to_owned(), value);
    if let Some(LocalTime { milliseconds, with_zone }) = local_time {
        let zone = local_time::zone(&device.timezone);
        let text = local_time::write(time, zone, milliseconds, with_zone);
        item.insert("localtime".to_owned(), text.into());
    }
    item.into()
}

/// The points of the devices that have them, with the range in each device's time.
fn wanted(
    devices: &[Arc<Device>],
    points: &[(&str, Option<Function>)],
    start: &str,
    end: &str,
) -> Result<Vec<Wanted>, Fault> {
    let zoned = |text: &str| local_time::parse_zoned(text.trim());
    if zoned(start).is_some() != zoned(end).is_some() {
        return Err(wrong("endTime", "has another form than startTime: both with a zone or both without"));
    }
    let mut all = Vec::new();
    for device in devices {
        let zone = local_time::zone(&device.timezone);
        let time = |field: &str, text: &str| {
            let at = zoned(text).or_else(|| local_time::parse_local(text.trim(), zone));
            at.ok_or_else(|| {
                wrong(field, &format!("\"{text}\" is no time: 2020-04-20T00:00:00+08:00, or 2020-04-20 00:00:00 in the device's time"))
            })
        };
        let (from, to) = (time("startTime", start)?, time("endTime", end)?);
        if from > to {
            return Err(wrong("endTime", "is before startTime"));
        }
        for (point, function) in points {
            if device.product.model.point(point).is_some() {
                let (device, point) = (device.clone(), (*point).to_owned());
                all.push(Wanted { device, point, from, to, function: *function });
            }
        }
    }
    Ok(all)
}

/// The devices of the asset ids, in their order.
fn devices(
    admin: &Admin,
    asset_ids: &str,
    model_id: Option<&str>,
    points: usize,
) -> Result<Vec<Arc<Device>>, Fault> {
    let asset_ids = list("assetIds", asset_ids)?;
    if asset_ids.len().saturating_mul(points) > MAX_PAIRS {
        return Err(wrong("assetIds", &format!("more than {MAX_PAIRS} assets times points")));
    }
    let model_id = model_id.filter(|model_id| !model_id.is_empty());
    let find = |asset_id: &&str| {
        let device = admin.cloud.store.read(|directory| {
            let id = directory.assets.get(*asset_id)?;
            directory.devices.get(id).cloned()
        });
        let device = device.ok_or_else(|| {
            Fault::new(UNAUTHORISED, format!("there is no asset \"{asset_id}\" for this application"))
        })?;
        match model_id {
            Some(model_id) if *model_id != *device.product.model.id => Err(wrong(
                "modelId",
                &format!("asset \"{asset_id}\" is of the model \"{}\"", device.product.model.id),
            )),
            _ => Ok(device),
        }
    };
    asset_ids.iter().map(find).collect()
}

/// Refuses a point that none of the devices has.
fn check_points(devices: &[Arc<Device>], point_ids: &[&str], field: &str) -> Result<(), Fault> {
    let unknown =
        point_ids.iter().find(|id| !devices.iter().any(|device| device.product.model.point(id).is_some()));
    match unknown {
        Some(id) => Err(wrong(field, &format!("\"{id}\" is no point of these assets"))),
        None => Ok(()),
    }
}

/// Takes a list apart that is written in one text, with commas.
fn list<'a>(field: &str, text: &'a str) -> Result<Vec<&'a str>, Fault> {
    let items: Vec<&str> = text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
    if items.is_empty() {
        return Err(wrong(field, "is empty"));
    }
    Ok(items)
}

fn page_size(given: Option<&Value>, pairs: usize) -> Result<usize, Fault> {
    let size = number("pageSize", given, 1, MAX_ASKED as u64)?.unwrap_or(DEFAULT_PAGE);
    let size = usize::try_from(size).unwrap_or(MAX_ASKED);
    if pairs.saturating_mul(size) > MAX_ASKED {
        return Err(wrong("pageSize", &format!("assets times points times pageSize is above {MAX_ASKED}")));
    }
    Ok(size)
}

fn local_time(
    accuracy: Option<Value>,
    format: Option<Value>,
    item_format: Option<Value>,
) -> Result<LocalTime, Fault> {
    if number("itemFormat", item_format.as_ref(), 0, 2)?.unwrap_or(0) != 0 {
        return Err(wrong("itemFormat", "this hub gives format 0 only"));
    }
    let milliseconds = flag("localTimeAccuracy", accuracy)?;
    let with_zone = number("localTimeFormat", format.as_ref(), 0, 1)?.unwrap_or(0) == 1;
    Ok(LocalTime { milliseconds, with_zone })
}

/// A flag, which the vendor's samples write as text.
fn flag(field: &str, value: Option<Value>) -> Result<bool, Fault> {
    match value {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(flag),
        Some(Value::String(text)) if text == "true" => Ok(true),
        Some(Value::String(text)) if text.is_empty() || text == "false" => Ok(false),
        Some(other) => Err(wrong(field, &format!("{other} is neither true nor false"))),
    }
}

/// A whole number, as such or as text; an empty text counts as none, as in the vendor's samples.
fn number(field: &str, value: Option<&Value>, least: u64, most: u64) -> Result<Option<u64>, Fault> {
    let number = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.is_empty() => return Ok(None),
        Some(Value::String(text)) => text.parse().ok(),
        Some(other) => other.as_u64(),
    };
    match number {
        Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
        _ => Err(wrong(field, &format!("is no whole number from {least} to {most}"))),
    }
}

/// Runs what may read a disk where it keeps no connection waiting, if there is a runtime that has such a place.
async fn aside(
    cloud: &Arc<Cloud>,
    work: impl FnOnce(&Cloud) -> Result<Vec<Value>, Fault> + Send + 'static,
) -> Result<Vec<Value>, Fault> {
    if !cloud.store.is_durable() || Handle::try_current().is_err() {
        return work(cloud);
    }
    let cloud = Arc::clone(cloud);
    let working = tokio::task::spawn_blocking(move || work(&cloud)).await;
    // The panic hook has told how.
    working.unwrap_or_else(|_| Err(Fault::new(INTERNAL, "the hub failed inside, which is a bug")))
}

fn wrong(field: &str, reason: &str) -> Fault {
    Fault::new(WRONG, format!("invalid argument {field}: {reason}"))
}

fn internal(fault: StoreFault) -> Fault {
    Fault::new(INTERNAL, fault.to_string())
}

/// A body that cannot be read has the code of this service.
fn own_code(mut fault: Fault) -> Fault {
    if fault.code == 99400 {
        fault.code = WRONG;
    }
    fault
}
