//! What must survive: changes handed to the store, and the world taken from it, from seeds or from a snapshot.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use crate::clock::Clock;
use crate::fabric::Fabric;
use crate::store::{Backing, Change, Directory, Image, Sample, SeriesQuery, StoreFault};

use super::command::Commands;
use super::device::{Device, DeviceState, Product};
use super::seed::Seed;
use super::{Cloud, CloudOptions, DEFAULT_ORG, Entry, EntryKind, MESSAGE_IDS, SeedError, image};

/// What the world began with.
#[derive(Default)]
pub(super) struct Seeds {
    seeds: Vec<Seed>,
    /// What stood in the store when the hub started.
    found: Directory,
}

/// Why the world was not taken; nothing of it was.
#[derive(Debug)]
pub(crate) enum WorldError {
    /// The seed, snapshot or store says what cannot be.
    Wrong(SeedError),
    /// The store cannot keep or read it.
    Store(StoreFault),
}

impl WorldError {
    /// A world that cannot be, for a reason that has no place.
    pub(crate) fn wrong(reason: String) -> Self {
        Self::Wrong(SeedError::new("", reason))
    }
}

impl fmt::Display for WorldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(error) => error.fmt(f),
            Self::Store(fault) => fault.fmt(f),
        }
    }
}

impl From<SeedError> for WorldError {
    fn from(error: SeedError) -> Self {
        Self::Wrong(error)
    }
}

impl From<StoreFault> for WorldError {
    fn from(fault: StoreFault) -> Self {
        Self::Store(fault)
    }
}

impl Cloud {
    /// A cloud with the world that a store has kept.
    pub(crate) fn open(
        backing: Box<dyn Backing>,
        clock: Clock,
        fabric: Fabric,
        options: CloudOptions,
    ) -> Result<Arc<Self>, WorldError> {
        let cloud = Self::over(backing, clock, fabric, options);
        let kept = cloud.store.load()?;
        let mut directory = Directory { org_id: DEFAULT_ORG.into(), ..Directory::default() };
        if let Some(kept) = kept {
            if !kept.org_id.is_empty() {
                directory = image::directory(&kept)?;
            }
            *cloud.lock_commands() = Commands::restored(&kept.commands, &cloud.clock, true)?;
            cloud.last_message_id.fetch_max(kept.last_message_id, Ordering::Relaxed);
            cloud.reserved_message_id.fetch_max(kept.last_message_id, Ordering::Relaxed);
        }
        cloud.seeds().found = directory.clone();
        cloud.store.write(|world| *world = directory);
        // Not the cloud itself: the store's thread must not be who drops it.
        let (journal, clock) = (cloud.journal.clone(), cloud.clock.clone());
        cloud.store.watch(Box::new(move |fault| {
            let text = match fault {
                Some(fault) => format!("posts and changes are refused: {fault}"),
                None => "the store takes posts and changes again".to_owned(),
            };
            journal.write(clock.now_ms(), Entry::new(EntryKind::Admin, text));
        }));
        Ok(Arc::new(cloud))
    }

    /// Adds a seed to the world. What was in the data folder at the start stays as it is; where the seed says
    /// something else the journal says so.
    ///
    /// # Errors
    /// The seed is no JSON, has an unknown field, contradicts itself or names something that another seed did.
    /// Nothing of it was taken then.
    pub fn load_seed(&self, json: &str) -> Result<(), SeedError> {
        let mut seed = Seed::parse(json)?;
        let now = self.clock.now_ms();
        let mut seeds = self.seeds();
        seed.fill(&seeds.found);
        let conflicts = self.store.write(|directory| {
            let mut grown = directory.clone();
            let applied = seed.apply(&mut grown, &seeds.found, now)?;
            let mut changes = applied.changes;
            if seeds.found.is_empty() {
                // Also when no seed names one: an organisation tells a data folder that was used from a new one.
                changes.push(Change::OrgId(grown.org_id.clone()));
            }
            *directory = grown;
            self.store.append_with(|| Change::All(changes));
            Ok::<_, SeedError>(applied.conflicts)
        })?;
        seeds.seeds.push(seed);
        drop(seeds);
        for conflict in conflicts {
            self.note(Entry::new(EntryKind::Warning, conflict));
        }
        self.note(Entry::new(EntryKind::Admin, "seed loaded"));
        Ok(())
    }

    /// Goes back to the seeds: what was created, posted or commanded since is forgotten, in the store too, and every
    /// device is cut. May wait for a disk.
    pub(crate) fn reset(&self) -> Result<(), WorldError> {
        let now = self.clock.now_ms();
        let mut seeds = self.seeds();
        let last_key = self.store.read(|directory| directory.last_key);
        let mut fresh = Directory { org_id: DEFAULT_ORG.into(), last_key, ..Directory::default() };
        for seed in &seeds.seeds {
            seed.apply(&mut fresh, &Directory::default(), now)?;
        }
        let kept = image::of(&fresh, |_| Ok(Vec::new()))?;
        self.replace(fresh, kept, "the hub was reset")?;
        seeds.found = Directory::default();
        drop(seeds);
        self.clear_faults();
        self.note(Entry::new(EntryKind::Admin, "reset to the seed"));
        Ok(())
    }

    /// Puts a whole world in place of this one, in the store too; every device is cut.
    pub(super) fn replace(&self, fresh: Directory, mut kept: Image, reason: &str) -> Result<(), WorldError> {
        let durable = self.store.is_durable();
        let commands = Commands::restored(&kept.commands, &self.clock, durable)?;
        let reserved = self.reserved_message_id.load(Ordering::Relaxed) + MESSAGE_IDS;
        kept.last_message_id = kept.last_message_id.max(reserved);
        let old = self.store.write(|directory| {
            // From here on nothing more is stored of the old devices.
            let mark = |deleted| {
                for device in directory.devices.values() {
                    device.state().deleted = deleted;
                }
            };
            mark(true);
            self.store.replace(&kept).inspect_err(|_| mark(false))?;
            self.last_message_id.fetch_max(kept.last_message_id, Ordering::Relaxed);
            self.reserved_message_id.fetch_max(kept.last_message_id, Ordering::Relaxed);
            // Dropping the old ones tells who waits for them.
            *self.lock_commands() = commands;
            self.device_log.clear();
            Ok::<_, WorldError>(std::mem::replace(directory, fresh))
        })?;
        for id in old.devices.keys() {
            self.fabric.cut(id, reason);
        }
        Ok(())
    }

    /// Samples of a point, newest or oldest first; may read the disk. An unknown point has none.
    pub(crate) fn series(
        &self,
        device: &Device,
        point: &str,
        query: &SeriesQuery,
    ) -> Result<Vec<Sample>, StoreFault> {
        match device.product.model.point(point) {
            Some((index, _)) => self.store.series(device.key, index, query),
            None => Ok(Vec::new()),
        }
    }

    /// Keeps what a device is, beside its state; call it while the directory is being written.
    pub(crate) fn keep_device(&self, device: &Device) {
        self.store.append_with(|| Change::Device(device.key, Box::new(device.record())));
    }

    /// Keeps the state of a device that changed.
    pub(crate) fn keep_state(&self, device: &Device, state: &DeviceState) {
        self.store.append_with(|| Change::State(device.key, Box::new(state.record())));
    }

    /// Keeps a product; call it while the directory is being written.
    pub(crate) fn keep_product(&self, product: &Product) {
        self.store.append_with(|| Change::Product(Box::new(product.record())));
    }

    /// Forgets a product; call it while the directory is being written.
    pub(crate) fn forget_product(&self, product: &Product) {
        self.store.append_with(|| Change::ProductGone(product.key.clone()));
    }

    fn seeds(&self) -> MutexGuard<'_, Seeds> {
        self.seeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
