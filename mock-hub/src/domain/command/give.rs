//! Giving a command, sending it when its turn has come, cancelling it, and ending it when its time is up.

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::domain::device::Device;
use crate::domain::{Cloud, Entry, EntryKind};
use crate::enos::{payload, topic};
use crate::fabric::{DeviceId, Outbound, Undelivered};
use crate::journal;

use super::table::{Full, MAX_OPEN, MAX_WAITING};
use super::{Command, CommandFault, NewCommand, Outcome, Progress};

/// Pause before a cached command is offered again to a device whose mailbox was full.
const RETRY_MS: u64 = 1_000;

impl Cloud {
    /// Gives a command to a device. The receiver hears when it has ended; it is dropped unheard if the hub is reset.
    pub(crate) fn give_command(
        &self,
        device: &Device,
        new: NewCommand,
    ) -> Result<(u64, watch::Receiver<bool>), CommandFault> {
        // Before the count of what waits, which must not hold what is over.
        self.tick();
        if new.pending_ttl_s == 0 {
            self.check_reachable(device)?;
        }
        let id = self.next_message_id();
        let (settled, heard) = watch::channel(false);
        let lives_s = if new.pending_ttl_s == 0 { new.timeout_s } else { new.pending_ttl_s };
        let ends_ms = self.clock.monotonic_ms().saturating_add(u64::from(lives_s) * 1_000);
        let command = Command {
            id,
            device: device.id.clone(),
            asset_id: device.asset_id.clone(),
            kind: new.kind,
            identifier: new.identifier,
            name: new.name,
            params: new.params,
            timeout_s: new.timeout_s,
            pending_ttl_s: new.pending_ttl_s,
            created_ms: self.clock.now_ms(),
            progress: Progress::Created,
            code: None,
            message: String::new(),
            output: None,
            ends_ms,
            due_ms: ends_ms,
            settled,
        };
        {
            let mut commands = self.lock_commands();
            // Deleting marks the device first and then ends its commands under this lock.
            if device.state().deleted {
                let message = format!("there is no device {} any more", device.id);
                return Err(CommandFault::new(99404, message));
            }
            commands.add(command).map_err(|full| no_place(&full, &device.id))?;
        }
        self.send_next(&device.asset_id);
        Ok((id, heard))
    }

    fn check_reachable(&self, device: &Device) -> Result<(), CommandFault> {
        let inactive = {
            let state = device.state();
            state.active_ms == 0 && !state.disabled
        };
        if inactive {
            return Err(CommandFault::new(11888, format!("{} is not activated", device.id)));
        }
        if self.fabric.locate(&device.id).is_none() {
            return Err(CommandFault::new(11900, format!("{} is offline", device.id)));
        }
        Ok(())
    }

    /// Sends an asset's device its next command, if it has none to work on. A cached one stays if the device is not
    /// there; an instant one fails.
    pub(in crate::domain) fn send_next(&self, asset_id: &str) {
        let mut notes = Vec::new();
        let next_due_ms = {
            // Handing over under the lock: an answer, or a device that connects meanwhile, comes after the mark.
            let mut commands = self.lock_commands();
            while let Some(command) = commands.next(asset_id) {
                let (id, cached, device) = (command.id, command.is_cached(), command.device.clone());
                if self.fabric.pulls(&device) {
                    // It is there for the taking, an instant one too, until its time is up.
                    break;
                }
                let ends_ms = command.ends_ms;
                let outbound = outbound(command);
                let shown =
                    journal::Message::new(&outbound.topic, &id.to_string(), 1, &outbound.payload, None);
                let now_ms = self.clock.monotonic_ms();
                let delivered = if self.fabric.locate(&device).is_some() {
                    // The store hears of it before the device does, or a hub that ends here would send it again.
                    commands.sent(id, now_ms);
                    commands.keep();
                    self.fabric.deliver(&device, outbound).inspect_err(|_| commands.unsent(id, ends_ms))
                } else {
                    Err(Undelivered::NotConnected)
                };
                match delivered {
                    Ok(()) => {
                        let sent = Entry::new(EntryKind::MessageOut, "command sent");
                        notes.push(sent.device(&device).message(shown));
                        break;
                    }
                    Err(undelivered) if cached => {
                        if undelivered == Undelivered::MailboxFull {
                            commands.look_again(id, now_ms.saturating_add(RETRY_MS));
                        }
                        break;
                    }
                    Err(undelivered) => {
                        let message = format!("not sent: {undelivered}");
                        let outcome = Outcome::new(Progress::Failed, Some(11900), message);
                        notes.extend(end(&mut commands, id, outcome));
                    }
                }
            }
            commands.next_due_ms()
        };
        if let Some(deadline_ms) = next_due_ms {
            self.alarm.ring_for(deadline_ms);
        }
        self.note_all(notes);
    }

    /// Ends what is due: commands whose time is up. Costs nothing when nothing is.
    ///
    /// Call it when [`next_deadline_ms`](Self::next_deadline_ms) has come, by the monotonic clock. A call that is
    /// early or late does no harm: nothing is sent or answered after its time either way.
    pub fn tick(&self) {
        loop {
            let mut notes = Vec::new();
            let asset_id = {
                let now_ms = self.clock.monotonic_ms();
                let mut commands = self.lock_commands();
                let Some(command) = commands.first_due(now_ms) else { return };
                let (id, ends_ms, asset_id) = (command.id, command.ends_ms, command.asset_id.clone());
                if now_ms < ends_ms {
                    commands.look_again(id, ends_ms);
                } else {
                    let outcome = out_of_time(command);
                    notes.extend(end(&mut commands, id, outcome));
                }
                asset_id
            };
            self.note_all(notes);
            self.send_next(&asset_id);
        }
    }

    /// When [`tick`](Self::tick) has something to do, in milliseconds of the monotonic clock.
    #[must_use]
    pub fn next_deadline_ms(&self) -> Option<u64> {
        self.lock_commands().next_due_ms()
    }

    /// Cancels a cached command that was not sent, or all of them without an id; gives what `show` makes of
    /// the cancelled ones.
    pub(crate) fn cancel_commands(
        &self,
        device: &Device,
        id: Option<u64>,
        show: impl Fn(&Command) -> Value,
    ) -> Result<Vec<Value>, CommandFault> {
        self.tick();
        let mut notes = Vec::new();
        let cancelled = {
            let mut commands = self.lock_commands();
            let chosen = match id {
                Some(id) => vec![may_cancel(commands.get(id), id, device)?],
                None => commands.open(&device.asset_id),
            };
            let mut cancelled = Vec::new();
            for id in chosen {
                let open = commands.get(id).filter(|command| command.progress == Progress::Created);
                if open.is_some_and(Command::is_cached) {
                    let outcome = Outcome::new(Progress::Cancelled, None, "cancelled by the application");
                    notes.extend(end(&mut commands, id, outcome));
                    cancelled.extend(commands.get(id).map(&show));
                }
            }
            cancelled
        };
        self.note_all(notes);
        // An instant one may have been behind them.
        self.send_next(&device.asset_id);
        Ok(cancelled)
    }

    /// Ends every command of an asset whose device is gone.
    pub(in crate::domain) fn fail_commands(&self, asset_id: &str, reason: &str) {
        let mut notes = Vec::new();
        {
            let mut commands = self.lock_commands();
            for id in commands.open(asset_id) {
                notes.extend(end(&mut commands, id, gone(reason)));
            }
        }
        self.note_all(notes);
    }

    /// Hands the waiting commands of an asset to the device that replaced another; what that one worked on fails.
    pub(in crate::domain) fn move_commands(&self, device: &Device, reason: &str) {
        let mut notes = Vec::new();
        {
            let mut commands = self.lock_commands();
            for id in commands.open(&device.asset_id) {
                if commands.get(id).is_some_and(|command| command.progress == Progress::Sent) {
                    notes.extend(end(&mut commands, id, gone(reason)));
                }
            }
            commands.readdress(&device.asset_id, &device.id);
        }
        self.note_all(notes);
        self.send_next(&device.asset_id);
    }

    /// Looks at a command of a device.
    pub(crate) fn look_at_command<T>(
        &self,
        device: &Device,
        id: u64,
        look: impl FnOnce(&Command) -> T,
    ) -> Option<T> {
        self.tick();
        let commands = self.lock_commands();
        commands.get(id).filter(|command| command.asset_id == device.asset_id).map(look)
    }

    /// Looks at every command of a device of the last 15 days, newest first.
    pub(crate) fn look_at_commands(&self, device: &Device, look: impl FnMut(&Command)) {
        self.tick();
        self.lock_commands().of(&device.asset_id, self.clock.now_ms()).for_each(look);
    }

    /// How many commands are remembered, by state.
    pub(crate) fn count_commands(&self) -> Value {
        let commands = self.lock_commands();
        Progress::ALL
            .iter()
            .map(|(progress, name)| ((*name).to_owned(), commands.count(*progress).into()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    pub(super) fn note_all(&self, notes: Vec<Entry>) {
        notes.into_iter().for_each(|entry| self.note(entry));
    }
}

/// Ends a command; gives what the journal says of it.
pub(super) fn end(commands: &mut super::Commands, id: u64, outcome: Outcome) -> Option<Entry> {
    let what = match outcome.progress {
        Progress::Succeeded => "succeeded",
        Progress::Expired => "expired",
        Progress::TimedOut => "timed out",
        Progress::Cancelled => "cancelled",
        _ => "failed",
    };
    let text = format!("command {id} {what}: {}", outcome.message);
    let detail = json!({"commandId": id.to_string(), "state": outcome.progress as u8, "code": outcome.code});
    let device = commands.get(id)?.device.clone();
    let ended = commands.settle(id, outcome);
    ended.then(|| Entry::new(EntryKind::Command, text).device(&device).detail(detail))
}

fn out_of_time(command: &Command) -> Outcome {
    match (command.progress, command.is_cached()) {
        (Progress::Sent, _) => {
            Outcome::new(Progress::TimedOut, Some(11915), "sent, but no answer came in time")
        }
        (_, true) => {
            let message = format!("not sent within its pendingTtl of {} s", command.pending_ttl_s);
            Outcome::new(Progress::Expired, None, message)
        }
        (_, false) => {
            Outcome::new(Progress::Expired, Some(11904), "not sent in time: another command was first")
        }
    }
}

fn gone(reason: &str) -> Outcome {
    Outcome::new(Progress::Failed, Some(11900), reason)
}

fn may_cancel(command: Option<&Command>, id: u64, device: &Device) -> Result<u64, CommandFault> {
    let Some(command) = command.filter(|command| command.asset_id == device.asset_id) else {
        return Err(CommandFault::new(99404, format!("{} has no command {id}", device.id)));
    };
    let reason = match command.progress {
        Progress::Created if command.is_cached() => return Ok(id),
        Progress::Created => "it is instant, and only cached commands are cancelled",
        Progress::Sent => "it was sent already",
        _ => "it has ended already",
    };
    Err(CommandFault::new(99400, format!("invalid argument commandId: {id} cannot be cancelled: {reason}")))
}

fn no_place(full: &Full, device: &DeviceId) -> CommandFault {
    let message = match full {
        Full::Device => format!("{MAX_WAITING} commands wait for {device} already"),
        Full::Hub => format!("{MAX_OPEN} commands wait in this hub already"),
    };
    CommandFault::new(11902, message)
}

pub(super) fn outbound(command: &Command) -> Outbound {
    let method = topic::method_of(&command.segments());
    let payload = payload::command(command.id, &method, &command.params.to_string());
    Outbound { topic: command.topic(), payload, qos: 1 }
}
