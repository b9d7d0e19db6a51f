//! Worlds over each kind of store, and how they come back after an end.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::store::Sqlite;

/// Which store a test runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Memory,
    Sqlite,
}

/// A folder of one test, gone with it.
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let name = format!("mock-hub-store-{}-{}", std::process::id(), LAST.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A world that can end and come back.
pub(super) struct Kept {
    pub(super) world: World,
    seed: String,
    /// Of a durable store; let go after the world.
    pub(super) folder: Option<Scratch>,
}

impl Kept {
    pub(super) fn new(kind: Kind, seed: &str) -> Self {
        let clock = Clock::manual(START_MS);
        let folder = (kind == Kind::Sqlite).then(Scratch::new);
        let cloud = match &folder {
            None => Cloud::new(clock.clone(), Fabric::new(), CloudOptions::default()),
            Some(folder) => over(folder, &clock),
        };
        cloud.load_seed(seed).unwrap();
        Self { world: World { cloud, clock }, seed: seed.to_owned(), folder }
    }

    pub(super) fn example(kind: Kind) -> Self {
        Self::new(kind, example_seed())
    }

    /// Ends the hub and starts one again that has what survives: from the data folder, or from a snapshot where there
    /// is none. Its clock stands `away_ms` later.
    pub(super) fn again(self, away_ms: u64) -> Self {
        let seed = self.seed.clone();
        self.again_with(away_ms, &seed)
    }

    /// The same with another seed.
    pub(super) fn again_with(self, away_ms: u64, seed: &str) -> Self {
        let Self { world, folder, .. } = self;
        let clock = Clock::manual(world.clock.now_ms() + away_ms);
        let cloud = match &folder {
            None => {
                let snapshot = world.cloud.snapshot().unwrap();
                let cloud = Cloud::new(clock.clone(), Fabric::new(), CloudOptions::default());
                cloud.load_seed(seed).unwrap();
                cloud.restore(&snapshot).unwrap();
                cloud
            }
            Some(folder) => {
                drop(world);
                let cloud = over(folder, &clock);
                cloud.load_seed(seed).unwrap();
                cloud
            }
        };
        Self { world: World { cloud, clock }, seed: seed.to_owned(), folder }
    }
}

fn over(folder: &Scratch, clock: &Clock) -> Arc<Cloud> {
    let store = Box::new(Sqlite::open(&folder.0).unwrap());
    Cloud::open(store, clock.clone(), Fabric::new(), CloudOptions::default()).unwrap()
}

/// A test for each kind of store.
macro_rules! over_both_stores {
    ($($name:ident),* $(,)?) => {
        mod over_memory {
            $(#[test] fn $name() { super::$name(super::Kind::Memory); })*
        }
        mod over_sqlite {
            $(#[test] fn $name() { super::$name(super::Kind::Sqlite); })*
        }
    };
}
pub(super) use over_both_stores;
