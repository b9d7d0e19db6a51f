//! Commands, instant and cached: service invocations, measurepoint set and get (`docs-model.md` §5,
//! `payloads.md` §8).
//!
//! A device works on one command at a time; the others wait in the order in which they came, an instant one behind
//! cached ones too. An instant command asks for a connected device and lives as long as its time-out. A cached one
//! waits for the device as long as its `pendingTtl`, and its time-out begins when it is sent. Each ends in exactly
//! one of the states cancelled, expired, succeeded, failed, timed out.

mod answer;
mod ask;
mod give;
mod record;
mod table;

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::fabric::DeviceId;

use super::names::I18n;

pub(in crate::domain) use record::Locked;
pub(crate) use table::Commands;

/// Seconds that a command may be cached, at most (`docs-model.md` §5; one page prints 72,800).
pub(crate) const MAX_PENDING_TTL_S: u32 = 172_800;

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandKind {
    MeasurepointSet,
    MeasurepointGet,
    Service,
}

/// How far a command got, by the numbers of the REST API (`docs-model.md` §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Created = 1,
    Cancelled = 2,
    Expired = 3,
    Sent = 4,
    Succeeded = 5,
    Failed = 6,
    TimedOut = 7,
}

impl Progress {
    /// Every state, with the name that the hub's own routes and the journal give it.
    pub(crate) const ALL: [(Self, &'static str); 7] = [
        (Self::Created, "created"),
        (Self::Cancelled, "cancelled"),
        (Self::Expired, "expired"),
        (Self::Sent, "sent"),
        (Self::Succeeded, "succeeded"),
        (Self::Failed, "failed"),
        (Self::TimedOut, "timedOut"),
    ];

    /// Whether the command has ended; nothing follows.
    pub(crate) fn is_settled(self) -> bool {
        !matches!(self, Self::Created | Self::Sent)
    }
}

/// A command to give to a device.
pub(crate) struct NewCommand {
    pub(crate) kind: CommandKind,
    /// Service or point; for a get, the points joined by commas.
    pub(crate) identifier: String,
    pub(crate) name: I18n,
    /// What goes into `params`.
    pub(crate) params: Value,
    /// Seconds, 1 to 60.
    pub(crate) timeout_s: u32,
    /// Seconds that it may wait for the device, 0 for an instant command, at most [`MAX_PENDING_TTL_S`].
    pub(crate) pending_ttl_s: u32,
}

/// Why a command cannot be given or cancelled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CommandFault {
    pub(crate) code: u32,
    pub(crate) message: String,
}

impl CommandFault {
    fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// How a command ended.
#[derive(Debug)]
struct Outcome {
    progress: Progress,
    /// The device's code, or the hub's (11900, 11904, 11915).
    code: Option<i64>,
    message: String,
    output: Option<Value>,
}

impl Outcome {
    fn new(progress: Progress, code: Option<i64>, message: impl Into<String>) -> Self {
        Self { progress, code, message: message.into(), output: None }
    }
}

/// A command and its fate.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) id: u64,
    /// The device's keys when the command was given; of one that waits, as they are now.
    pub(crate) device: DeviceId,
    /// Whom the command is for: the asset keeps its commands when its device is replaced.
    pub(crate) asset_id: Arc<str>,
    pub(crate) kind: CommandKind,
    pub(crate) identifier: String,
    pub(crate) name: I18n,
    pub(crate) params: Value,
    pub(crate) timeout_s: u32,
    pub(crate) pending_ttl_s: u32,
    pub(crate) created_ms: u64,
    pub(crate) progress: Progress,
    pub(crate) code: Option<i64>,
    pub(crate) message: String,
    pub(crate) output: Option<Value>,
    /// When it ends by itself, by the monotonic clock.
    ends_ms: u64,
    /// When it is looked at again; at the latest when it ends.
    due_ms: u64,
    settled: watch::Sender<bool>,
}

impl Command {
    pub(crate) fn is_cached(&self) -> bool {
        self.pending_ttl_s > 0
    }

    fn topic(&self) -> String {
        let DeviceId { product_key, device_key } = &self.device;
        format!("/sys/{product_key}/{device_key}/{}", self.segments())
    }

    fn segments(&self) -> String {
        match self.kind {
            CommandKind::MeasurepointSet => "thing/service/measurepoint/set".to_owned(),
            CommandKind::MeasurepointGet => "thing/service/measurepoint/get".to_owned(),
            CommandKind::Service => format!("thing/service/{}", self.identifier),
        }
    }

    /// The command struct of the REST API, without the local time.
    pub(crate) fn to_json(&self, org_id: &str) -> Value {
        let is_set = self.kind == CommandKind::MeasurepointSet;
        json!({
            "commandId": self.id.to_string(),
            "orgId": org_id,
            "productKey": &*self.device.product_key,
            "deviceKey": &*self.device.device_key,
            "assetId": &*self.asset_id,
            "createTime": self.created_ms,
            "commandType": if is_set { 1 } else { 2 },
            "commandName": self.name.to_json(),
            "timeout": self.timeout_s,
            "pendingTtl": self.pending_ttl_s,
            "state": self.progress as u8,
            "tslIdentifier": self.identifier,
            "inputData": self.params,
            "outputData": self.output,
            "code": self.code,
            "message": self.message,
        })
    }
}
