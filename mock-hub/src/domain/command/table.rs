//! The table of commands: which exist, in which order a device gets its own, and when one is due.
//!
//! Every change of a command is one of the few calls below, so each state is entered in one place.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::{Command, Outcome, Progress};
use crate::fabric::DeviceId;
use crate::journal;

/// Commands that may wait for one device (`docs-model.md` §5).
pub(super) const MAX_WAITING: usize = 50;
/// Commands that may be open in the whole hub.
pub(super) const MAX_OPEN: usize = 100_000;
/// Settled commands remembered; the ones settled first go first.
const MAX_HISTORY: usize = 10_000;
/// How long a command can be asked for, from its creation: 15 days (`docs-model.md` §5, LIM 3.0.0).
const HISTORY_MS: u64 = 15 * 24 * 3_600_000;

/// Why a command has no place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// [`MAX_WAITING`] wait for the device.
    Device,
    /// [`MAX_OPEN`] are open.
    Hub,
}

/// All commands.
#[derive(Default)]
pub(crate) struct Commands {
    /// By id, which counts up: the newest is last.
    by_id: BTreeMap<u64, Command>,
    /// What has settled, oldest settlement first.
    history: VecDeque<u64>,
    /// What each asset still has to do, oldest first; only the first may have been sent.
    queues: HashMap<Arc<str>, VecDeque<u64>>,
    /// When each open command is looked at again.
    due: BTreeSet<(u64, u64)>,
    /// What has changed and must be kept; nothing unless `keeps`.
    pub(super) changed: BTreeSet<u64>,
    pub(super) keeps: bool,
}

impl Commands {
    /// Enters a command that waits for its turn.
    pub(super) fn add(&mut self, command: Command) -> Result<(), Full> {
        if self.due.len() >= MAX_OPEN {
            return Err(Full::Hub);
        }
        let queue = self.queues.entry(command.asset_id.clone()).or_default();
        let sent = queue.front().and_then(|id| self.by_id.get(id)).is_some_and(is_sent);
        if queue.len() - usize::from(sent) >= MAX_WAITING {
            return Err(Full::Device);
        }
        self.enter(command);
        Ok(())
    }

    /// Enters a command as it stands: an open one into its queue, an ended one into the history.
    pub(super) fn enter(&mut self, command: Command) {
        let id = command.id;
        if command.progress.is_settled() {
            self.history.push_back(id);
        } else {
            self.queues.entry(command.asset_id.clone()).or_default().push_back(id);
            self.due.insert((command.due_ms, id));
        }
        self.by_id.insert(id, command);
        self.note(id);
    }

    /// Notes that a command has changed or is gone.
    fn note(&mut self, id: u64) {
        if self.keeps {
            self.changed.insert(id);
        }
    }

    /// Marks a command as sent; the time-out of a cached one begins.
    pub(super) fn sent(&mut self, id: u64, now_ms: u64) {
        let Some(command) = self.by_id.get_mut(&id) else { return };
        command.progress = Progress::Sent;
        if command.is_cached() {
            command.ends_ms = now_ms.saturating_add(u64::from(command.timeout_s) * 1_000);
        }
        let ends_ms = command.ends_ms;
        self.look_again(id, ends_ms);
        self.note(id);
    }

    /// Takes a mark as sent back, of a command that did not get away; it ended at `ends_ms` before.
    pub(super) fn unsent(&mut self, id: u64, ends_ms: u64) {
        let Some(command) = self.by_id.get_mut(&id) else { return };
        command.progress = Progress::Created;
        command.ends_ms = ends_ms;
        self.look_again(id, ends_ms);
        self.note(id);
    }

    /// Sets when an open command is looked at again, no later than it ends.
    pub(super) fn look_again(&mut self, id: u64, at_ms: u64) {
        let Some(command) = self.by_id.get_mut(&id) else { return };
        self.due.remove(&(command.due_ms, id));
        command.due_ms = at_ms.min(command.ends_ms);
        self.due.insert((command.due_ms, id));
    }

    /// Ends an open command, takes it out of its queue and tells who waits for it. False if it had ended before.
    pub(super) fn settle(&mut self, id: u64, outcome: Outcome) -> bool {
        let Some(command) = self.by_id.get_mut(&id).filter(|command| !command.progress.is_settled()) else {
            return false;
        };
        command.progress = outcome.progress;
        command.code = outcome.code;
        command.message = journal::clip(&outcome.message, 400).to_owned();
        command.output = outcome.output;
        self.due.remove(&(command.due_ms, id));
        if let Some(queue) = self.queues.get_mut(&command.asset_id) {
            queue.retain(|other| *other != id);
            if queue.is_empty() {
                self.queues.remove(&command.asset_id);
            }
        }
        command.settled.send_replace(true);
        self.note(id);
        self.history.push_back(id);
        if self.history.len() > MAX_HISTORY
            && let Some(oldest) = self.history.pop_front()
        {
            self.by_id.remove(&oldest);
            self.note(oldest);
        }
        true
    }

    /// Gives the waiting commands of an asset to the device that took its place.
    pub(super) fn readdress(&mut self, asset_id: &str, device: &DeviceId) {
        for id in self.open(asset_id) {
            if let Some(command) = self.by_id.get_mut(&id) {
                command.device = device.clone();
            }
            self.note(id);
        }
    }

    /// Every command, oldest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Command> {
        self.by_id.values()
    }

    /// The command that an asset's device should be sent now: the first of its queue, unless it was sent already.
    pub(super) fn next(&self, asset_id: &str) -> Option<&Command> {
        let first = self.queues.get(asset_id)?.front()?;
        self.by_id.get(first).filter(|command| command.progress == Progress::Created)
    }

    /// The open commands of an asset, oldest first.
    pub(super) fn open(&self, asset_id: &str) -> Vec<u64> {
        self.queues.get(asset_id).map(|queue| queue.iter().copied().collect()).unwrap_or_default()
    }

    /// A command that is due.
    pub(super) fn first_due(&self, now_ms: u64) -> Option<&Command> {
        let (due_ms, id) = self.due.first()?;
        self.by_id.get(id).filter(|_| *due_ms <= now_ms)
    }

    /// When the next command is due, by the monotonic clock.
    pub(super) fn next_due_ms(&self) -> Option<u64> {
        self.due.first().map(|(due_ms, _)| *due_ms)
    }

    pub(super) fn get(&self, id: u64) -> Option<&Command> {
        self.by_id.get(&id)
    }

    /// The commands of an asset that can still be asked for, newest first.
    pub(super) fn of<'a>(&'a self, asset_id: &'a str, now_ms: u64) -> impl Iterator<Item = &'a Command> {
        let known = move |command: &&Command| {
            *command.asset_id == *asset_id && command.created_ms.saturating_add(HISTORY_MS) > now_ms
        };
        self.by_id.values().rev().filter(known)
    }

    /// How many commands are in a state.
    pub(super) fn count(&self, progress: Progress) -> usize {
        self.by_id.values().filter(|command| command.progress == progress).count()
    }
}

fn is_sent(command: &Command) -> bool {
    command.progress == Progress::Sent
}
