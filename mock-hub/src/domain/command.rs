//! Instant commands: service invocations, measurepoint set and get (`docs-model.md` §5, `payloads.md` §8).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::enos::payload::{self, Answer, AnswerCode};
use crate::enos::topic;
use crate::fabric::{DeviceId, Outbound};
use crate::journal;

use super::device::Device;
use super::names::I18n;
use super::rule;
use super::{Cloud, Entry, EntryKind, SignedIn};

/// Commands that may wait for one device behind the one it is working on.
const MAX_QUEUED: usize = 50;
/// Commands remembered; the oldest settled ones go first.
const MAX_HISTORY: usize = 10_000;

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandKind {
    MeasurepointSet,
    MeasurepointGet,
    Service,
}

/// How far a command got (`docs-model.md` §5); 2 (cancelled) belongs to cached commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Created = 1,
    Expired = 3,
    Sent = 4,
    Succeeded = 5,
    Failed = 6,
    TimedOut = 7,
}

impl Progress {
    fn is_settled(self) -> bool {
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
}

/// Why a command cannot be given at all.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CommandFault {
    pub(crate) code: u32,
    pub(crate) message: String,
}

/// A command and its fate.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) id: u64,
    pub(crate) device: DeviceId,
    asset_id: Arc<str>,
    pub(crate) kind: CommandKind,
    pub(crate) identifier: String,
    pub(crate) name: I18n,
    params: Value,
    timeout_s: u32,
    pub(crate) created_ms: u64,
    pub(crate) progress: Progress,
    /// The device's code, or the hub's (11900, 11904, 11915).
    pub(crate) code: Option<i64>,
    pub(crate) message: String,
    pub(crate) output: Option<Value>,
    settled: watch::Sender<bool>,
}

/// All commands and the order in which each device gets its own.
#[derive(Default)]
pub(crate) struct Commands {
    by_id: HashMap<u64, Command>,
    history: VecDeque<u64>,
    queues: HashMap<DeviceId, VecDeque<u64>>,
}

impl Commands {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn remember(&mut self, command: Command) {
        while self.history.len() >= MAX_HISTORY {
            let oldest = self.history.front().and_then(|id| self.by_id.get(id));
            if oldest.is_some_and(|command| !command.progress.is_settled()) {
                break;
            }
            if let Some(id) = self.history.pop_front() {
                self.by_id.remove(&id);
            }
        }
        self.history.push_back(command.id);
        self.by_id.insert(command.id, command);
    }

    /// Ends a command and takes it out of its device's queue.
    fn settle(
        &mut self,
        id: u64,
        progress: Progress,
        code: Option<i64>,
        message: &str,
    ) -> Option<&mut Command> {
        let command = self.by_id.get_mut(&id)?;
        command.progress = progress;
        command.code = code;
        command.message = journal::clip(message, 400).to_owned();
        if let Some(queue) = self.queues.get_mut(&command.device) {
            queue.retain(|other| *other != id);
            if queue.is_empty() {
                self.queues.remove(&command.device);
            }
        }
        command.settled.send_replace(true);
        Some(command)
    }

    /// The command that a device should be sent now: the first of its queue, unless it was sent already.
    fn next(&mut self, device: &DeviceId) -> Option<&mut Command> {
        let first = self.queues.get(device)?.front()?;
        self.by_id.get_mut(first).filter(|command| command.progress == Progress::Created)
    }
}

impl Command {
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

    /// The command struct of the REST API.
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
            "pendingTtl": 0,
            "state": self.progress as u8,
            "tslIdentifier": self.identifier,
            "inputData": self.params,
            "outputData": self.output,
            "code": self.code,
            "message": self.message,
        })
    }
}

impl Cloud {
    /// Gives a command to a device and starts its time-out. The receiver hears when it is settled.
    ///
    /// Needs a tokio runtime, for the time-out.
    pub(crate) fn start_command(
        self: &Arc<Self>,
        device: &Arc<Device>,
        new: NewCommand,
    ) -> Result<(u64, watch::Receiver<bool>), CommandFault> {
        self.check_reachable(device)?;
        let id = self.next_message_id();
        let (settled, heard) = watch::channel(false);
        let timeout = Duration::from_secs(u64::from(new.timeout_s));
        let command = Command {
            id,
            device: device.id.clone(),
            asset_id: device.asset_id.clone(),
            kind: new.kind,
            identifier: new.identifier,
            name: new.name,
            params: new.params,
            timeout_s: new.timeout_s,
            created_ms: self.clock.now_ms(),
            progress: Progress::Created,
            code: None,
            message: String::new(),
            output: None,
            settled,
        };
        {
            let mut commands = self.lock_commands();
            let queue = commands.queues.entry(device.id.clone()).or_default();
            if queue.len() >= MAX_QUEUED {
                let message = format!("{MAX_QUEUED} commands wait for {} already", device.id);
                return Err(CommandFault { code: 11902, message });
            }
            queue.push_back(id);
            commands.remember(command);
        }
        let deadline = self.clock.sleep(timeout);
        self.send_next(&device.id);
        let cloud = Arc::clone(self);
        let mut task_heard = heard.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = task_heard.wait_for(|settled| *settled) => {}
                () = deadline => cloud.expire(id),
            }
        });
        Ok((id, heard))
    }

    fn check_reachable(&self, device: &Device) -> Result<(), CommandFault> {
        let inactive = {
            let state = device.state();
            state.active_ms == 0 && !state.disabled
        };
        if inactive {
            let message = format!("{} is not activated", device.id);
            return Err(CommandFault { code: 11888, message });
        }
        if self.fabric.locate(&device.id).is_none() {
            return Err(CommandFault { code: 11900, message: format!("{} is offline", device.id) });
        }
        Ok(())
    }

    /// Looks at a command of a device.
    pub(crate) fn look_at_command<T>(
        &self,
        device: &DeviceId,
        id: u64,
        look: impl FnOnce(&Command) -> T,
    ) -> Option<T> {
        let commands = self.lock_commands();
        commands.by_id.get(&id).filter(|command| command.device == *device).map(look)
    }

    /// Looks at every command of a device, newest first.
    pub(crate) fn look_at_commands(&self, device: &DeviceId, mut look: impl FnMut(&Command)) {
        let commands = self.lock_commands();
        for id in commands.history.iter().rev() {
            if let Some(command) = commands.by_id.get(id).filter(|command| command.device == *device) {
                look(command);
            }
        }
    }

    /// How many commands are remembered, by state.
    pub(crate) fn count_commands(&self) -> Value {
        let commands = self.lock_commands();
        let count = |wanted| commands.by_id.values().filter(|command| command.progress == wanted).count();
        json!({
            "created": count(Progress::Created),
            "expired": count(Progress::Expired),
            "sent": count(Progress::Sent),
            "succeeded": count(Progress::Succeeded),
            "failed": count(Progress::Failed),
            "timedOut": count(Progress::TimedOut),
        })
    }

    /// Sends the device its next command, if it has none to work on.
    fn send_next(&self, device: &DeviceId) {
        loop {
            let (id, outbound) = {
                let mut commands = self.lock_commands();
                let Some(command) = commands.next(device) else { return };
                command.progress = Progress::Sent;
                let method = topic::method_of(&command.segments());
                let payload = payload::command(command.id, &method, &command.params.to_string());
                (command.id, Outbound { topic: command.topic(), payload, qos: 1 })
            };
            let shown = journal::Message::new(&outbound.topic, &id.to_string(), 1, &outbound.payload, None);
            match self.fabric.deliver(device, outbound) {
                Ok(()) => {
                    self.note(
                        Entry::new(EntryKind::MessageOut, "command sent").device(device).message(shown),
                    );
                    return;
                }
                Err(undelivered) => {
                    let message = format!("not sent: {undelivered}");
                    self.settle(id, Progress::Failed, Some(11900), &message, None);
                }
            }
        }
    }

    /// Ends a command whose time is up.
    fn expire(&self, id: u64) {
        let (device, progress) = {
            let commands = self.lock_commands();
            let Some(command) = commands.by_id.get(&id) else { return };
            (command.device.clone(), command.progress)
        };
        match progress {
            Progress::Created => {
                self.settle(
                    id,
                    Progress::Expired,
                    Some(11904),
                    "not sent in time: another command was first",
                    None,
                );
            }
            Progress::Sent => {
                self.settle(id, Progress::TimedOut, Some(11915), "sent, but no answer came in time", None);
            }
            _ => return,
        }
        self.send_next(&device);
    }

    fn settle(&self, id: u64, progress: Progress, code: Option<i64>, message: &str, output: Option<Value>) {
        let device = {
            let mut commands = self.lock_commands();
            let Some(command) = commands.settle(id, progress, code, message) else { return };
            command.output = output;
            command.device.clone()
        };
        let what = match progress {
            Progress::Succeeded => "succeeded",
            Progress::Expired => "expired",
            Progress::TimedOut => "timed out",
            _ => "failed",
        };
        let text = format!("command {id} {what}: {message}");
        let detail = json!({"commandId": id.to_string(), "state": progress as u8, "code": code});
        self.note(Entry::new(EntryKind::Command, text).device(&device).detail(detail));
    }

    /// Takes a device's answer. It is matched by id and device, not by topic: some clients answer on a wrong one.
    pub(super) fn command_answer(
        &self,
        who: &SignedIn,
        topic: &str,
        segments: &str,
        payload: &[u8],
        qos: u8,
    ) {
        let text = String::from_utf8_lossy(payload);
        let refused = |text: String, id: &str, code: Option<i64>| {
            let shown = journal::Message::new(topic, id, qos, payload, code);
            self.note(Entry::new(EntryKind::Refused, text).device(&who.device).message(shown));
        };
        let answer = match payload::answer(&text) {
            Ok(answer) => answer,
            Err(error) => return refused(format!("answer to a command ignored, no JSON: {error}"), "", None),
        };
        let code = answer.code.value();
        let found = answer.id.parse().ok().and_then(|id: u64| {
            let commands = self.lock_commands();
            let command = commands.by_id.get(&id).filter(|command| command.device == who.device)?;
            let right_topic = *segments == *command.segments();
            Some((id, command.progress, right_topic))
        });
        let Some((id, progress, right_topic)) = found else {
            let text = "answer ignored: no command of this id was sent to this device";
            return refused(text.to_owned(), &answer.id, code);
        };
        if progress != Progress::Sent {
            let text = if progress == Progress::Created { "was not sent yet" } else { "is settled already" };
            return refused(format!("answer ignored: command {id} {text}"), &answer.id, code);
        }
        if !right_topic {
            if self.options.strict {
                let rule = &rule::ANSWER_TOPIC;
                let text = format!("answer ignored: rule {}: {}", rule.number, rule.text);
                return refused(text, &answer.id, code);
            }
            self.warn(&who.target, &rule::ANSWER_TOPIC, topic, &answer.id, "matched by its id");
        }
        let shown = journal::Message::new(topic, &answer.id, qos, payload, code);
        self.note(Entry::new(EntryKind::MessageIn, "answer to a command").device(&who.device).message(shown));
        self.take_answer(who, topic, id, &answer);
        self.send_next(&who.device);
    }

    fn take_answer(&self, who: &SignedIn, topic: &str, id: u64, answer: &Answer<'_>) {
        let odd = !matches!(answer.code, AnswerCode::Integer(code) if code != 0);
        if odd && self.options.strict {
            let rule = &rule::ANSWER_CODE;
            let message = format!("rule {}: {}", rule.number, rule.text);
            return self.settle(id, Progress::Failed, answer.code.value(), &message, None);
        }
        if odd {
            self.warn(&who.target, &rule::ANSWER_CODE, topic, &answer.id, "read as well as possible");
        }
        let output = answer.data.map(output_value);
        let message = answer.message.as_deref().unwrap_or_default();
        if answer.code.is_success() {
            self.settle(id, Progress::Succeeded, answer.code.value(), message, output);
        } else {
            self.settle(id, Progress::Failed, answer.code.value(), message, output);
        }
    }
}

/// The data of an answer as JSON; what serde_json refuses (NaN) goes through the lenient reader.
fn output_value(data: &str) -> Value {
    serde_json::from_str(data).unwrap_or_else(|_| {
        crate::enos::json::Cursor::new(data).value().map_or(Value::Null, |value| value.to_json())
    })
}
