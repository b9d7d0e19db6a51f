//! The backing that survives: one SQLite database in a data folder, behind one thread that writes.

mod column;
mod folder;
mod queue;
mod read;
mod schema;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use rusqlite::Connection;

use folder::Folder;
use queue::{Job, Queue};
use read::Depth;

use super::{Backing, Change, Image, Sample, SeriesQuery, StoreFault, Ticket, Watcher, wait};

/// A data folder in use.
pub(crate) struct Sqlite {
    queue: Arc<Queue>,
    watcher: Arc<Mutex<Option<Watcher>>>,
    reader: Mutex<Connection>,
    writer: Option<JoinHandle<()>>,
    /// Let go last: the next hub may come when nothing is written any more.
    folder: Folder,
}

impl Sqlite {
    /// Opens a data folder, or makes a new one.
    ///
    /// # Errors
    /// Another hub uses it, it belongs to another program or to a newer hub, or it cannot be read or written. Nothing
    /// in it was changed then.
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreFault> {
        let folder = Folder::open(folder)?;
        let connection = schema::writer(&folder.database).map_err(|error| read::fault(&error))?;
        let reader = schema::reader(&folder.database).map_err(|error| read::fault(&error))?;
        let queue = Arc::new(Queue::default());
        let watcher: Arc<Mutex<Option<Watcher>>> = Arc::default();
        let (its_queue, its_watcher) = (queue.clone(), watcher.clone());
        let writer = std::thread::Builder::new()
            .name("mock-hub-store".to_owned())
            .spawn(move || {
                let tell = |fault: Option<&StoreFault>| {
                    if let Some(watcher) = &*its_watcher.lock().unwrap_or_else(PoisonError::into_inner) {
                        watcher(fault);
                    }
                };
                if let Err(error) = writer::run(&connection, &its_queue, &tell) {
                    its_queue.failed(writer::fault(&error));
                }
            })
            .map_err(|error| StoreFault::new(format!("cannot start the store's thread: {error}")))?;
        Ok(Self { queue, watcher, reader: Mutex::new(reader), writer: Some(writer), folder })
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take() {
            // A panic over there has been reported by the panic hook already.
            let _ = writer.join();
        }
    }
}

impl Backing for Sqlite {
    fn is_durable(&self) -> bool {
        true
    }

    fn append(&self, change: Change) -> Ticket {
        self.queue.append(Job::Change(change))
    }

    fn last(&self) -> Ticket {
        self.queue.last()
    }

    fn poll_committed(&self, ticket: Ticket, cx: &Context<'_>) -> Poll<Result<(), StoreFault>> {
        self.queue.poll_committed(ticket, cx)
    }

    fn ready(&self) -> Result<(), StoreFault> {
        self.queue.ready()
    }

    fn watch(&self, watcher: Watcher) {
        *self.watcher.lock().unwrap_or_else(PoisonError::into_inner) = Some(watcher);
    }

    fn series(&self, device: u64, point: usize, query: &SeriesQuery) -> Result<Vec<Sample>, StoreFault> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        read::series(&reader, device, point, query).map_err(|error| read::fault(&error))
    }

    fn load(&self) -> Result<Option<Image>, StoreFault> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        read::image(&reader, Depth::Newest).map(Some)
    }

    fn export(&self, most: usize) -> Result<Option<Image>, StoreFault> {
        wait(self, self.last())?;
        // A connection of its own: it may take long, and readers of series must not wait for it.
        let reader = schema::reader(&self.folder.database).map_err(|error| read::fault(&error))?;
        read::image(&reader, Depth::All(most)).map(Some)
    }

    fn replace(&self, image: &Image) -> Result<(), StoreFault> {
        self.ready()?;
        let (told, outcome) = mpsc::sync_channel(1);
        self.queue.append(Job::Replace(Box::new(image.clone()), told));
        // Nothing told means that the writer is gone; the hook has told how.
        outcome.recv().unwrap_or_else(|_| Err(StoreFault::new("the store's thread ended, which is a bug")))
    }
}
