//! The rules of the cloud: who may do what, and what follows.
//!
//! [`Cloud`] is what the rooms around it call. It knows no packet and no socket; every call is synchronous, takes
//! short locks only and never waits for input or output.

mod access;
pub(crate) mod aggregate;
pub(crate) mod alarm;
pub(crate) mod certificate;
mod coap;
mod command;
pub(crate) mod device;
mod device_log;
mod double_key;
mod faulty;
mod image;
mod inbound;
mod keep;
mod lifecycle;
pub(crate) mod local_time;
pub(crate) mod model;
pub(crate) mod names;
mod patch;
mod point;
mod properties;
pub(crate) mod random;
pub(crate) mod rule;
mod seed;
mod session;
mod snapshot;
pub(crate) mod value_type;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Clock;
use crate::fabric::Fabric;
use crate::fault::Faults;
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::store::{Backing, Change, Memory, Store};

pub use crate::journal::{Entry, EntryKind};
pub use access::Denied;
use alarm::Alarm;
#[cfg(feature = "coaps")]
pub(crate) use coap::PskIdentity;
pub(crate) use coap::{CoapLimit, CoapSignIn};
use command::Commands;
pub(crate) use command::{Command, CommandFault, CommandKind, MAX_PENDING_TTL_S, NewCommand, Progress};
use device::Device;
use device_log::DeviceLog;
use keep::Seeds;
pub(crate) use keep::WorldError;
pub(crate) use lifecycle::WrongState;
pub(crate) use model::ModelSpec;
pub(crate) use patch::{DevicePatch, ProductPatch};
use rule::Rule;
pub(crate) use seed::{ApplicationSpec, DeviceSpec, FieldFault, ProductSpec};
pub use seed::{SeedError, example_seed};
pub use session::{Refused, SignIn, SignedIn, TlsPeer};

/// How the cloud behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CloudOptions {
    /// Refuse what breaks a rule of `mock-hub/rules.md`, instead of warning of it; ask REST callers to sign.
    pub strict: bool,
}

/// The cloud side of EnOS.
pub struct Cloud {
    pub(crate) clock: Clock,
    pub(crate) fabric: Fabric,
    pub(crate) options: CloudOptions,
    pub(crate) store: Store,
    pub(crate) journal: Arc<Journal>,
    pub(crate) metrics: Metrics,
    pub(crate) device_log: DeviceLog,
    pub(crate) faults: Faults,
    commands: Mutex<Commands>,
    /// Rings for the hub's timer, which calls [`Cloud::tick`].
    pub(crate) alarm: Alarm,
    last_message_id: AtomicU64,
    /// Message ids up to this one are noted as used in the store.
    reserved_message_id: AtomicU64,
    seeds: Mutex<Seeds>,
}

/// Ids of commands and activation messages count up from here: 11 digits, since small numbers collide with the ids
/// that devices use themselves (`payloads.md` §1.3).
const FIRST_MESSAGE_ID: u64 = 90_000_000_000;
/// Message ids noted as used in the store at a time.
const MESSAGE_IDS: u64 = 1_000;
/// The organisation of a seed that names none.
const DEFAULT_ORG: &str = "o1";

impl Cloud {
    /// An empty cloud that keeps everything in memory.
    #[must_use]
    pub fn new(clock: Clock, fabric: Fabric, options: CloudOptions) -> Arc<Self> {
        let cloud = Self::over(Box::<Memory>::default(), clock, fabric, options);
        cloud.store.write(|directory| directory.org_id = DEFAULT_ORG.into());
        Arc::new(cloud)
    }

    fn over(backing: Box<dyn Backing>, clock: Clock, fabric: Fabric, options: CloudOptions) -> Self {
        let backing_keeps = backing.is_durable();
        Self {
            clock,
            fabric,
            options,
            store: Store::new(backing),
            journal: Arc::default(),
            metrics: Metrics::default(),
            device_log: DeviceLog::default(),
            faults: Faults::default(),
            commands: Mutex::new(Commands::new(backing_keeps)),
            alarm: Alarm::default(),
            last_message_id: AtomicU64::new(FIRST_MESSAGE_ID),
            reserved_message_id: AtomicU64::new(FIRST_MESSAGE_ID),
            seeds: Mutex::default(),
        }
    }

    /// Writes an entry into the journal.
    pub fn note(&self, entry: Entry) {
        self.journal.write(self.clock.now_ms(), entry);
    }

    /// Tells whether strict mode is on.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        self.options.strict
    }

    /// An id that no message had before, whatever happened to the hub since.
    fn next_message_id(&self) -> u64 {
        let id = self.last_message_id.fetch_add(1, Ordering::Relaxed) + 1;
        let reserved = self.reserved_message_id.load(Ordering::Relaxed);
        if id >= reserved && self.store.is_durable() {
            // Two threads may both do it: the store keeps the higher one.
            let reserved = id + MESSAGE_IDS;
            self.reserved_message_id.fetch_max(reserved, Ordering::Relaxed);
            self.store.append(Change::MessageIds(reserved));
        }
        id
    }

    /// The table of commands; what changes in it is kept.
    fn lock_commands(&self) -> command::Locked<'_> {
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        command::Locked { commands, store: &self.store, clock: &self.clock }
    }

    /// Warns of a tolerated rule, once per connection of the device.
    fn warn(&self, device: &Device, rule: &Rule, topic: &str, id: &str, what: &str) {
        if !first_time(device, rule.bit()) {
            return;
        }
        let text = format!("rule {}: {}; {what}. Fix: {}", rule.number, rule.text, rule.fix);
        let detail = serde_json::json!({"rule": rule.number, "topic": topic, "id": id, "fix": rule.fix});
        self.note(Entry::new(EntryKind::Warning, text).device(&device.id).detail(detail));
    }
}

impl Cloud {
    /// Warns of a rule that an application broke.
    pub(crate) fn warn_application(&self, rule: &Rule, app_key: &str) {
        let app_key = crate::journal::clip(app_key, 64);
        let text = format!("rule {}: {}; application {app_key}. Fix: {}", rule.number, rule.text, rule.fix);
        let detail = serde_json::json!({"rule": rule.number, "fix": rule.fix});
        self.note(Entry::new(EntryKind::Warning, text).detail(detail));
    }
}

/// Marks a warning as given on this connection of the device; false if it was given before.
fn first_time(device: &Device, bit: u32) -> bool {
    let mut state = device.state();
    let first = state.warned & bit == 0;
    state.warned |= bit;
    first
}

#[cfg(test)]
mod tests;
