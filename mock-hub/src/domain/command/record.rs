//! Commands as they are kept, and back.

use std::ops::{Deref, DerefMut};
use std::sync::MutexGuard;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::domain::SeedError;
use crate::domain::names::I18n;
use crate::fabric::DeviceId;
use crate::store::{Change, CommandRecord, Store};

use super::{Command, CommandKind, Commands, Progress};

/// The table while it is locked; what changed in it is handed to the store before it is let go.
pub(in crate::domain) struct Locked<'a> {
    pub(in crate::domain) commands: MutexGuard<'a, Commands>,
    pub(in crate::domain) store: &'a Store,
    pub(in crate::domain) clock: &'a Clock,
}

impl Deref for Locked<'_> {
    type Target = Commands;

    fn deref(&self) -> &Commands {
        &self.commands
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Commands {
        &mut self.commands
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.keep();
    }
}

impl Locked<'_> {
    /// Hands what has changed so far to the store.
    pub(super) fn keep(&mut self) {
        for id in std::mem::take(&mut self.commands.changed) {
            self.store.append(match self.commands.get(id) {
                Some(command) => Change::Command(Box::new(record(command, self.clock))),
                None => Change::CommandGone(id),
            });
        }
    }
}

/// What is kept of a command.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    product_key: String,
    device_key: String,
    asset_id: String,
    kind: Kind,
    identifier: String,
    name: I18n,
    params: Value,
    timeout: u32,
    pending_ttl: u32,
    create_time: u64,
    /// The number that the REST API gives it.
    state: u8,
    code: Option<i64>,
    message: String,
    output: Option<Value>,
    /// When it ends by itself, by the wall clock: the monotonic one begins anew with each hub. 0 if it has ended.
    end_time: u64,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    MeasurepointSet,
    MeasurepointGet,
    Service,
}

fn record(command: &Command, clock: &Clock) -> CommandRecord {
    let left_ms = command.ends_ms.saturating_sub(clock.monotonic_ms());
    let is_open = !command.progress.is_settled();
    let body = Body {
        product_key: command.device.product_key.to_string(),
        device_key: command.device.device_key.to_string(),
        asset_id: command.asset_id.to_string(),
        kind: match command.kind {
            CommandKind::MeasurepointSet => Kind::MeasurepointSet,
            CommandKind::MeasurepointGet => Kind::MeasurepointGet,
            CommandKind::Service => Kind::Service,
        },
        identifier: command.identifier.clone(),
        name: command.name.clone(),
        params: command.params.clone(),
        timeout: command.timeout_s,
        pending_ttl: command.pending_ttl_s,
        create_time: command.created_ms,
        state: command.progress as u8,
        code: command.code,
        message: command.message.clone(),
        output: command.output.clone(),
        end_time: if is_open { clock.now_ms().saturating_add(left_ms) } else { 0 },
    };
    CommandRecord { id: command.id, body: serde_json::to_value(body).unwrap_or_default() }
}

fn command(record: &CommandRecord, clock: &Clock) -> Result<Command, String> {
    let body = Body::deserialize(&record.body).map_err(|error| error.to_string())?;
    let known = Progress::ALL.iter().find(|(progress, _)| *progress as u8 == body.state);
    let (progress, _) = *known.ok_or_else(|| format!("{} is no state of a command", body.state))?;
    let left_ms = body.end_time.saturating_sub(clock.now_ms());
    let ends_ms = clock.monotonic_ms().saturating_add(left_ms);
    let mut command = Command {
        id: record.id,
        device: DeviceId::new(body.product_key, body.device_key),
        asset_id: body.asset_id.into(),
        kind: match body.kind {
            Kind::MeasurepointSet => CommandKind::MeasurepointSet,
            Kind::MeasurepointGet => CommandKind::MeasurepointGet,
            Kind::Service => CommandKind::Service,
        },
        identifier: body.identifier,
        name: body.name,
        params: body.params,
        timeout_s: body.timeout,
        pending_ttl_s: body.pending_ttl,
        created_ms: body.create_time,
        progress,
        code: body.code,
        message: body.message,
        output: body.output,
        ends_ms,
        due_ms: ends_ms,
        settled: watch::channel(progress.is_settled()).0,
    };
    // Who gave an instant command is gone, and it is not to surprise the device later.
    if progress == Progress::Created && !command.is_cached() {
        command.progress = Progress::Failed;
        command.code = Some(11900);
        command.message = "not sent: the hub was restarted".to_owned();
        command.settled.send_replace(true);
    }
    Ok(command)
}

impl Commands {
    /// A table that notes what changes, if `keeps`.
    pub(in crate::domain) fn new(keeps: bool) -> Self {
        let mut commands = Self::default();
        commands.keeps = keeps;
        commands
    }

    /// The commands that were kept. What has changed by that is noted as changed.
    pub(in crate::domain) fn restored(
        records: &[CommandRecord],
        clock: &Clock,
        keeps: bool,
    ) -> Result<Self, SeedError> {
        let mut commands = Self::new(keeps);
        for (index, record) in records.iter().enumerate() {
            let command = command(record, clock)
                .map_err(|reason| SeedError::new(format!("commands[{index}]"), reason))?;
            if commands.get(command.id).is_some() {
                return Err(SeedError::new(format!("commands[{index}].id"), "is there twice"));
            }
            let same = record.body["state"] == command.progress as u8;
            commands.enter(command);
            if same {
                commands.changed.remove(&record.id);
            }
        }
        Ok(commands)
    }

    /// What is kept of every command, oldest first.
    pub(in crate::domain) fn records(&self, clock: &Clock) -> Vec<CommandRecord> {
        self.all().map(|command| record(command, clock)).collect()
    }
}
