//! What is written down: changes one by one, and the world as a whole.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::{ApplicationSpec, DeviceSpec, ModelSpec, ProductSpec};
use crate::enos::json::Value;

/// A value of a point at a time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    /// Milliseconds since the Unix epoch, as the device gave them; any integer.
    pub(crate) time: i64,
    pub(crate) value: Value,
    /// 0 to 9.
    pub(crate) quality: Option<u8>,
}

/// A product as it is kept: as in a seed, and when it was made.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ProductRecord {
    pub(crate) product: ProductSpec,
    pub(crate) create_time: u64,
}

/// A device as it is kept: as in a seed, and when it was made.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DeviceRecord {
    pub(crate) device: DeviceSpec,
    pub(crate) create_time: u64,
}

/// What a device is doing, without its connection: after a restart nobody is connected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct StateRecord {
    pub(crate) disabled: bool,
    /// Milliseconds since the Unix epoch; 0 as long as the device is inactive.
    pub(crate) active_time: u64,
    pub(crate) last_online_time: u64,
    pub(crate) last_offline_time: u64,
    pub(crate) last_offline_reason: String,
}

/// What is counted of a device's posts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Counters {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    /// Accepted posts that changed nothing: every value was stored before, or is older than the newest.
    pub(crate) unchanged: u64,
    /// Milliseconds since the Unix epoch.
    pub(crate) last_update: u64,
}

/// A command as it is kept; only the domain knows what stands in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CommandRecord {
    pub(crate) id: u64,
    pub(crate) body: serde_json::Value,
}

/// An accepted post: values by the model's order of points.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Posted {
    /// [`Device::key`](crate::domain::device::Device::key).
    pub(crate) device: u64,
    /// Milliseconds since the Unix epoch, as the device gave them.
    pub(crate) time: i64,
    /// Point, value, quality; of two values of one point the last counts.
    pub(crate) values: Vec<(usize, Value, Option<u8>)>,
    /// The device's counters with this post.
    pub(crate) counters: Counters,
}

/// One change that must survive. Records replace what was kept under the same key.
#[derive(Clone)]
pub(crate) enum Change {
    /// All of these, or none.
    All(Vec<Change>),
    OrgId(Arc<str>),
    Model(Box<ModelSpec>),
    Product(Box<ProductRecord>),
    ProductGone(Arc<str>),
    /// A device under its storage key. Its state and counters are kept beside it.
    Device(u64, Box<DeviceRecord>),
    /// A device with all that is kept of it.
    DeviceGone(u64),
    State(u64, Box<StateRecord>),
    Counters(u64, Counters),
    Application(Box<ApplicationSpec>),
    Post(Posted),
    Command(Box<CommandRecord>),
    CommandGone(u64),
    /// Message ids up to this one may have been used.
    MessageIds(u64),
}

/// The world as a whole.
#[derive(Clone, Default)]
pub(crate) struct Image {
    pub(crate) org_id: String,
    /// Message ids up to this one may have been used.
    pub(crate) last_message_id: u64,
    pub(crate) models: Vec<ModelSpec>,
    pub(crate) products: Vec<ProductRecord>,
    pub(crate) devices: Vec<DeviceImage>,
    pub(crate) applications: Vec<ApplicationSpec>,
    pub(crate) commands: Vec<CommandRecord>,
}

/// A device with all that is kept of it.
#[derive(Clone)]
pub(crate) struct DeviceImage {
    pub(crate) key: u64,
    pub(crate) record: DeviceRecord,
    pub(crate) state: StateRecord,
    pub(crate) counters: Counters,
    /// Samples by the model's order of points, each point's oldest first.
    pub(crate) samples: Vec<(usize, Sample)>,
}

/// Which samples of a point are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SeriesQuery {
    /// First and last time that counts, milliseconds since the Unix epoch.
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// Samples at most. A point has one sample for each time, so the next page begins beside the last time of this.
    pub(crate) limit: usize,
    /// Newest first, else oldest first.
    pub(crate) newest_first: bool,
}

/// Why the store did not keep or find something; the text says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoreFault(pub(crate) Arc<str>);

impl StoreFault {
    pub(crate) fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreFault {}
