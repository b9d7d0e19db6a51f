//! The world as one JSON document: to keep it, to look at it, to start another hub from it.
//!
//! It holds every secret. Format and limits: `mock-hub/README.md`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;

use serde::de::{self, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::enos::json::Value;
use crate::store::{
    CommandRecord, Counters, DeviceImage, DeviceRecord, Directory, Image, ProductRecord, Sample, SeriesQuery,
    StateRecord, StoreFault, kept_value,
};

use super::keep::WorldError;
use super::model::{Model, ModelSpec};
use super::seed::{ApplicationSpec, DeviceSpec};
use super::{Cloud, Entry, EntryKind, SeedError, image};

/// Samples of all series together that a snapshot holds at most, so that it can be made and read in memory.
const MAX_SAMPLES: usize = 2_000_000;
/// What a snapshot says it is.
const FORMAT: &str = "mock-hub snapshot";
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Snapshot {
    format: String,
    version: u32,
    /// When it was made, milliseconds since the Unix epoch.
    #[serde(default)]
    time: u64,
    org_id: String,
    #[serde(default)]
    last_message_id: u64,
    #[serde(default)]
    models: Vec<ModelSpec>,
    #[serde(default)]
    products: Vec<ProductRecord>,
    #[serde(default)]
    devices: Vec<DeviceEntry>,
    #[serde(default)]
    applications: Vec<ApplicationSpec>,
    #[serde(default)]
    commands: Vec<CommandEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeviceEntry {
    device: DeviceSpec,
    create_time: u64,
    #[serde(default)]
    state: StateRecord,
    #[serde(default)]
    posts: Counters,
    /// Samples of each point, oldest first.
    #[serde(default)]
    measurepoints: BTreeMap<String, Vec<Row>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CommandEntry {
    id: u64,
    command: serde_json::Value,
}

/// A sample: `[time, value]` or `[time, value, quality]`.
struct Row(Sample);

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(Sample { time, value, quality }) = self;
        let mut row = serializer.serialize_seq(None)?;
        row.serialize_element(time)?;
        match value {
            // The common kinds without a detour.
            Value::Int(number) => row.serialize_element(number)?,
            Value::Float(number) if number.is_finite() => row.serialize_element(number)?,
            other => row.serialize_element(&kept_value::write(other))?,
        }
        if let Some(quality) = quality {
            row.serialize_element(quality)?;
        }
        row.end()
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sample: [time, value] or [time, value, quality]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut row: A) -> Result<Row, A::Error> {
                let missing = |length| de::Error::invalid_length(length, &self);
                let time = row.next_element()?.ok_or_else(|| missing(0))?;
                let value: serde_json::Value = row.next_element()?.ok_or_else(|| missing(1))?;
                let value = kept_value::read(&value).map_err(de::Error::custom)?;
                Ok(Row(Sample { time, value, quality: row.next_element()? }))
            }
        }
        deserializer.deserialize_seq(Reader)
    }
}

impl Cloud {
    /// The world as JSON, secrets included; may read a disk.
    ///
    /// Of a durable store it is a cut between two changes; in memory each device is one.
    pub(crate) fn snapshot(&self) -> Result<String, StoreFault> {
        match self.store.export(MAX_SAMPLES)? {
            Some(kept) => self.written(kept),
            None => self.written(self.image()?),
        }
    }

    /// What a store without a memory of its own would give.
    #[cfg(test)]
    pub(super) fn snapshot_of_memory(&self) -> Result<String, StoreFault> {
        self.written(self.image()?)
    }

    fn written(&self, kept: Image) -> Result<String, StoreFault> {
        let mut snapshot = Snapshot {
            format: FORMAT.to_owned(),
            version: VERSION,
            time: self.clock.now_ms(),
            org_id: kept.org_id,
            last_message_id: kept.last_message_id,
            models: kept.models,
            products: kept.products,
            devices: Vec::with_capacity(kept.devices.len()),
            applications: kept.applications,
            commands: kept
                .commands
                .into_iter()
                .map(|record| CommandEntry { id: record.id, command: record.body })
                .collect(),
        };
        let models = self.store.read(|directory| directory.products.clone());
        for device in kept.devices {
            let product = models.get(&*device.record.device.product_key);
            let points = product.map_or(&[][..], |product| &product.model.points);
            let mut measurepoints = BTreeMap::<String, Vec<Row>>::new();
            for (index, sample) in device.samples {
                if let Some(point) = points.get(index) {
                    measurepoints.entry(point.identifier.to_string()).or_default().push(Row(sample));
                }
            }
            snapshot.devices.push(DeviceEntry {
                device: device.record.device,
                create_time: device.record.create_time,
                state: device.state,
                posts: device.counters,
                measurepoints,
            });
        }
        serde_json::to_string(&snapshot).map_err(|error| StoreFault::new(error.to_string()))
    }

    /// Puts the world of a snapshot in place of this one, all or nothing; every device is cut. May wait for a disk.
    pub(crate) fn restore(&self, json: &str) -> Result<(), WorldError> {
        let (kept, directory) = read(json, self.store.read(|directory| directory.last_key))?;
        self.replace(directory, kept, "the hub was given a snapshot")?;
        self.note(Entry::new(EntryKind::Admin, "snapshot taken in place of the world"));
        Ok(())
    }

    /// The world in memory as records.
    fn image(&self) -> Result<Image, StoreFault> {
        let every = SeriesQuery { from: i64::MIN, to: i64::MAX, limit: MAX_SAMPLES, newest_first: false };
        let mut kept = self.store.read(|directory| {
            image::of(directory, |device| {
                let mut samples = Vec::new();
                for index in 0..device.product.model.points.len() {
                    let found = self.store.series(device.key, index, &every)?;
                    samples.extend(found.into_iter().map(|sample| (index, sample)));
                }
                Ok(samples)
            })
        })?;
        kept.last_message_id = self.last_message_id.load(Ordering::Relaxed);
        kept.commands = self.lock_commands().records(&self.clock);
        Ok(kept)
    }
}

/// Reads a snapshot and checks all of it; its devices get storage keys above `last_key`.
fn read(json: &str, last_key: u64) -> Result<(Image, Directory), SeedError> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let snapshot: Snapshot = serde_path_to_error::deserialize(&mut reader).map_err(SeedError::of_reader)?;
    reader.end().map_err(|error| SeedError::new("", error.to_string()))?;
    if snapshot.format != FORMAT {
        return Err(SeedError::new("format", format!("is not \"{FORMAT}\"")));
    }
    if snapshot.version != VERSION {
        let version = snapshot.version;
        let reason =
            format!("{version} is no version of the snapshot that this hub reads: it reads {VERSION}");
        return Err(SeedError::new("version", reason));
    }
    let models: BTreeMap<&str, &ModelSpec> =
        snapshot.models.iter().map(|model| (&*model.model_id, model)).collect();
    let mut compiled = BTreeMap::new();
    for (index, product) in snapshot.products.iter().enumerate() {
        let (product, place) = (&product.product, format!("products[{index}].product"));
        let Some(spec) = models.get(&*product.model_id) else {
            let reason = format!("there is no model \"{}\"", product.model_id);
            return Err(SeedError::new(format!("{place}.modelId"), reason));
        };
        let model = Model::compile((*spec).clone())
            .map_err(|error| SeedError::new(format!("models of {place}: {}", error.place), error.reason))?;
        compiled.insert(product.product_key.clone().unwrap_or_default(), model);
    }
    let mut devices = Vec::with_capacity(snapshot.devices.len());
    for (index, entry) in snapshot.devices.into_iter().enumerate() {
        let place = format!("devices[{index}]");
        let mut samples = Vec::new();
        for (name, rows) in entry.measurepoints {
            let place = format!("{place}.measurepoints.{name}");
            let model = compiled.get(&entry.device.product_key);
            let Some((at, point)) = model.and_then(|model| model.point(&name)) else {
                return Err(SeedError::new(place, "the model has no such point"));
            };
            for (row, Row(sample)) in rows.into_iter().enumerate() {
                let fault = |reason: String| SeedError::new(format!("{place}[{row}]"), reason);
                point.value_type.check(&sample.value).map_err(fault)?;
                if sample.quality.is_some_and(|quality| quality > 9) {
                    return Err(fault("the quality is above 9".to_owned()));
                }
                samples.push((at, sample));
            }
        }
        devices.push(DeviceImage {
            key: last_key + 1 + index as u64,
            record: DeviceRecord { device: entry.device, create_time: entry.create_time },
            state: entry.state,
            counters: entry.posts,
            samples,
        });
    }
    let kept = Image {
        org_id: snapshot.org_id,
        last_message_id: snapshot.last_message_id,
        models: snapshot.models,
        products: snapshot.products,
        devices,
        applications: snapshot.applications,
        commands: snapshot
            .commands
            .into_iter()
            .map(|entry| CommandRecord { id: entry.id, body: entry.command })
            .collect(),
    };
    let directory = image::directory(&kept)?;
    Ok((kept, directory))
}
