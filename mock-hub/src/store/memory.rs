//! The backing that forgets with the process: it keeps series, bounded, and nothing else.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use super::series::Series;
use super::{Backing, Change, Image, Posted, Sample, SeriesQuery, StoreFault, Ticket, Watcher};

/// Samples kept of a point; the oldest go first.
const SAMPLES_OF_A_POINT: usize = 1_000;
/// Bytes kept of all series together. Beyond it each new sample pushes out the oldest of its own point; the newest
/// of each point always stays.
const BYTES: usize = 64 * 1024 * 1024;
/// Locks over the devices, so that connections seldom meet at one.
const SHARDS: usize = 64;

type Devices = HashMap<u64, Vec<Series>>;

/// Series in memory.
pub(crate) struct Memory {
    shards: [Mutex<Devices>; SHARDS],
    bytes: AtomicUsize,
    limit: usize,
}

impl Default for Memory {
    fn default() -> Self {
        Self::with_limit(BYTES)
    }
}

impl Memory {
    fn with_limit(limit: usize) -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), bytes: AtomicUsize::new(0), limit }
    }

    fn shard(&self, device: u64) -> MutexGuard<'_, Devices> {
        let shard = &self.shards[usize::try_from(device).unwrap_or(0) % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post(&self, post: Posted) {
        let mut devices = self.shard(post.device);
        let points = devices.entry(post.device).or_default();
        for (index, value, quality) in post.values {
            if points.len() <= index {
                points.resize_with(index + 1, Series::default);
            }
            let series = &mut points[index];
            let (taken, mut given) = series.put(Sample { time: post.time, value, quality });
            let total = self.bytes.fetch_add(taken, Ordering::Relaxed) + taken;
            while series.len() > SAMPLES_OF_A_POINT
                || (series.len() > 1 && total.saturating_sub(given) > self.limit)
            {
                given += series.drop_oldest();
            }
            self.bytes.fetch_sub(given, Ordering::Relaxed);
        }
    }

    fn forget(&self, device: u64) {
        let gone = self.shard(device).remove(&device).unwrap_or_default();
        self.bytes.fetch_sub(gone.iter().map(Series::bytes).sum(), Ordering::Relaxed);
    }
}

impl Backing for Memory {
    fn is_durable(&self) -> bool {
        false
    }

    fn append(&self, change: Change) -> Ticket {
        match change {
            Change::Post(post) => self.post(post),
            Change::DeviceGone(device) => self.forget(device),
            Change::All(changes) => {
                for change in changes {
                    self.append(change);
                }
            }
            _ => {}
        }
        Ticket::default()
    }

    fn last(&self) -> Ticket {
        Ticket::default()
    }

    fn poll_committed(&self, _: Ticket, _: &Context<'_>) -> Poll<Result<(), StoreFault>> {
        Poll::Ready(Ok(()))
    }

    fn ready(&self) -> Result<(), StoreFault> {
        Ok(())
    }

    fn watch(&self, _: Watcher) {}

    fn series(&self, device: u64, point: usize, query: &SeriesQuery) -> Result<Vec<Sample>, StoreFault> {
        let devices = self.shard(device);
        let series = devices.get(&device).and_then(|points| points.get(point));
        Ok(series.map(|series| series.find(query)).unwrap_or_default())
    }

    fn load(&self) -> Result<Option<Image>, StoreFault> {
        Ok(None)
    }

    fn export(&self, _: usize) -> Result<Option<Image>, StoreFault> {
        Ok(None)
    }

    fn replace(&self, image: &Image) -> Result<(), StoreFault> {
        for shard in &self.shards {
            let gone = std::mem::take(&mut *shard.lock().unwrap_or_else(PoisonError::into_inner));
            let bytes = gone.values().flatten().map(Series::bytes).sum();
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        for device in &image.devices {
            for (point, sample) in &device.samples {
                self.post(Posted {
                    device: device.key,
                    time: sample.time,
                    values: vec![(*point, sample.value.clone(), sample.quality)],
                    counters: device.counters,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enos::json::Value;

    const ALL: SeriesQuery =
        SeriesQuery { from: i64::MIN, to: i64::MAX, limit: usize::MAX, newest_first: false };

    fn post(memory: &Memory, device: u64, time: i64) {
        let values = vec![(3, Value::Int(time), None)];
        memory.append(Change::Post(Posted { device, time, values, counters: Default::default() }));
    }

    #[test]
    fn a_point_keeps_its_newest_samples_and_a_late_one_does_not_push_them_out() {
        let memory = Memory::default();
        for time in 0..2_000 {
            post(&memory, 1, time);
        }
        post(&memory, 1, -1);
        let kept = memory.series(1, 3, &ALL).unwrap();
        assert_eq!((kept.len(), kept[0].time, kept[999].time), (1_000, 1_000, 1_999));
        assert!(memory.series(1, 2, &ALL).unwrap().is_empty());
        assert!(memory.series(2, 3, &ALL).unwrap().is_empty());
    }

    #[test]
    fn all_series_together_have_a_bound_and_every_point_keeps_its_newest() {
        let memory = Memory::with_limit(100 * size_of::<Sample>());
        for time in 0..90 {
            post(&memory, 1, time);
        }
        for time in 0..50 {
            post(&memory, 2, time);
        }
        assert_eq!(memory.series(1, 3, &ALL).unwrap().len(), 90);
        assert_eq!(memory.series(2, 3, &ALL).unwrap().len(), 10);
        for device in 3..20 {
            post(&memory, device, 7);
            assert_eq!(memory.series(device, 3, &ALL).unwrap().len(), 1);
        }
        for device in 1..20 {
            memory.append(Change::DeviceGone(device));
        }
        assert_eq!(memory.bytes.load(Ordering::Relaxed), 0);
    }
}
