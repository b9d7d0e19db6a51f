//! What the cloud knows, and what survives of it.
//!
//! The domain works on a [`Directory`] in memory and answers from it. Each change that must survive is also given
//! to a [`Backing`], as one typed [`Change`], while the lock of what it changes is held: so the order of changes in
//! the backing is their order in memory. Nothing here knows a rule of the cloud.

mod directory;
pub(crate) mod kept_value;
mod memory;
mod record;
mod series;
mod sqlite;

use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use crate::domain::device::Device;
use crate::fabric::DeviceId;

pub(crate) use directory::Directory;
pub(crate) use memory::Memory;
pub(crate) use record::{
    Change, CommandRecord, Counters, DeviceImage, DeviceRecord, Image, Posted, ProductRecord, Sample,
    SeriesQuery, StateRecord, StoreFault,
};
pub(crate) use sqlite::Sqlite;

/// Names a change by its place in the order of changes; 0 is kept from the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(pub(crate) u64);

/// Hears when changes cannot be kept any more, and (`None`) when they can again; on a thread of the backing.
pub(crate) type Watcher = Box<dyn Fn(Option<&StoreFault>) + Send>;

/// Where changes are kept. [`append`](Self::append), [`last`](Self::last) and
/// [`poll_committed`](Self::poll_committed) never block; the others may wait for a disk.
pub(crate) trait Backing: Send + Sync {
    /// Whether anything outlives the process. If not, changes may be left unmade, but for posts and deletions.
    fn is_durable(&self) -> bool;

    /// Takes a change into the order of changes.
    fn append(&self, change: Change) -> Ticket;

    /// The ticket of the newest change.
    fn last(&self) -> Ticket;

    /// Ready when the change and all before it are kept, or cannot be for now.
    fn poll_committed(&self, ticket: Ticket, cx: &Context<'_>) -> Poll<Result<(), StoreFault>>;

    /// An error while changes cannot be kept.
    fn ready(&self) -> Result<(), StoreFault>;

    /// Sets who hears of faults.
    fn watch(&self, watcher: Watcher);

    /// Samples of a point, of those that are kept.
    fn series(&self, device: u64, point: usize, query: &SeriesQuery) -> Result<Vec<Sample>, StoreFault>;

    /// What was kept before this process, with the newest sample of each point; none if nothing can have been.
    fn load(&self) -> Result<Option<Image>, StoreFault>;

    /// All that is kept, if more is kept here than posts: a cut behind every change made before the call. An error if
    /// it holds more than `most` samples.
    fn export(&self, most: usize) -> Result<Option<Image>, StoreFault>;

    /// Keeps `image` in place of everything else: all of it or, with an error, none.
    fn replace(&self, image: &Image) -> Result<(), StoreFault>;
}

/// The world in memory and its backing.
pub(crate) struct Store {
    directory: RwLock<Directory>,
    backing: Box<dyn Backing>,
    durable: bool,
}

impl Default for Store {
    fn default() -> Self {
        Self::new(Box::<Memory>::default())
    }
}

impl Store {
    /// An empty world over a backing.
    pub(crate) fn new(backing: Box<dyn Backing>) -> Self {
        let durable = backing.is_durable();
        Self { directory: RwLock::default(), backing, durable }
    }

    /// Looks something up.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Directory) -> T) -> T {
        look(&self.directory.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes something in memory; `change` must leave the directory whole and append what must survive.
    pub(crate) fn write<T>(&self, change: impl FnOnce(&mut Directory) -> T) -> T {
        change(&mut self.directory.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// The device of this name.
    pub(crate) fn device(&self, id: &DeviceId) -> Option<Arc<Device>> {
        self.read(|directory| directory.devices.get(id).cloned())
    }

    /// Whether anything outlives the process.
    pub(crate) fn is_durable(&self) -> bool {
        self.durable
    }

    /// Keeps a change; call it while the lock of what changes is held.
    pub(crate) fn append(&self, change: Change) -> Ticket {
        self.backing.append(change)
    }

    /// Like [`append`](Self::append); a store that forgets with the process does not even make the change.
    pub(crate) fn append_with(&self, change: impl FnOnce() -> Change) -> Ticket {
        if self.durable { self.backing.append(change()) } else { Ticket::default() }
    }

    /// The ticket of the newest change: once it is committed, everything done up to now is.
    pub(crate) fn last(&self) -> Ticket {
        if self.durable { self.backing.last() } else { Ticket::default() }
    }

    /// Ready when the change and all before it are kept, or cannot be for now. In memory at once.
    pub(crate) fn poll_committed(&self, ticket: Ticket, cx: &Context<'_>) -> Poll<Result<(), StoreFault>> {
        if ticket == Ticket::default() {
            Poll::Ready(Ok(()))
        } else {
            self.backing.poll_committed(ticket, cx)
        }
    }

    /// Waits until everything done up to now is kept.
    pub(crate) async fn committed(&self) -> Result<(), StoreFault> {
        let ticket = self.last();
        std::future::poll_fn(|cx| self.poll_committed(ticket, cx)).await
    }

    /// An error while changes cannot be kept; ask before a change that somebody waits for.
    pub(crate) fn ready(&self) -> Result<(), StoreFault> {
        if self.durable { self.backing.ready() } else { Ok(()) }
    }

    /// Waits like [`committed`](Self::committed), on a thread that may stand still.
    pub(crate) fn wait(&self) -> Result<(), StoreFault> {
        wait(&*self.backing, self.last())
    }

    /// See [`Backing::watch`].
    pub(crate) fn watch(&self, watcher: Watcher) {
        self.backing.watch(watcher);
    }

    /// Samples of a point of the device with this storage key; may read the disk.
    pub(crate) fn series(
        &self,
        device: u64,
        point: usize,
        query: &SeriesQuery,
    ) -> Result<Vec<Sample>, StoreFault> {
        self.backing.series(device, point, query)
    }

    /// See [`Backing::load`]; may read the disk.
    pub(crate) fn load(&self) -> Result<Option<Image>, StoreFault> {
        self.backing.load()
    }

    /// See [`Backing::export`]; may read the disk.
    pub(crate) fn export(&self, most: usize) -> Result<Option<Image>, StoreFault> {
        self.backing.export(most)
    }

    /// See [`Backing::replace`]; may wait for the disk.
    pub(crate) fn replace(&self, image: &Image) -> Result<(), StoreFault> {
        self.backing.replace(image)
    }
}

/// Waits on this thread until a change is kept or cannot be for now.
fn wait(backing: &dyn Backing, ticket: Ticket) -> Result<(), StoreFault> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        match backing.poll_committed(ticket, &Context::from_waker(&waker)) {
            Poll::Ready(outcome) => return outcome,
            Poll::Pending => std::thread::park(),
        }
    }
}
