//! The behaviour log of devices: logins that were good, refused, and ended (`docs-model.md` §9.2 device log).
//!
//! Bounded in number, in age, and in what one device may write, so that a device that dials in a loop does not push
//! out what the others did.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::fabric::DeviceId;
use crate::journal::clip;

use super::Cloud;

/// Entries kept; the oldest go first.
const CAPACITY: usize = 10_000;
/// Entries of one device in a minute (`docs-mqtt.md` §12, log throttle).
const PER_MINUTE: u32 = 100;
/// How long an entry can be asked for: 15 days (`docs-mqtt.md` §12, device behaviour log).
const KEPT_MS: u64 = 15 * 24 * 3_600_000;

/// What happened, as the vendor's page words it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happening {
    LoggedIn,
    LoginFailed,
    ConnectionLost,
}

impl Happening {
    fn content(self) -> &'static str {
        match self {
            Self::LoggedIn => "device login succeeded",
            Self::LoginFailed => "device login failed",
            Self::ConnectionLost => "connection lost",
        }
    }
}

struct LogEntry {
    time_ms: u64,
    device: DeviceId,
    /// None if there is no such device.
    asset_id: Option<Arc<str>>,
    happening: Happening,
    code: u32,
    reason: Box<str>,
}

#[derive(Default)]
struct Ring {
    entries: VecDeque<LogEntry>,
    minute: u64,
    written: HashMap<Option<Arc<str>>, u32>,
}

/// The log itself.
#[derive(Default)]
pub(crate) struct DeviceLog(Mutex<Ring>);

impl DeviceLog {
    fn write(&self, entry: LogEntry) {
        let mut ring = self.ring();
        let minute = entry.time_ms / 60_000;
        if ring.minute != minute {
            ring.minute = minute;
            ring.written.clear();
        }
        // Devices that do not exist share one count: their names are made up by the peer.
        let written = ring.written.entry(entry.asset_id.clone()).or_default();
        *written += 1;
        if *written > PER_MINUTE {
            return;
        }
        if ring.entries.len() >= CAPACITY {
            ring.entries.pop_front();
        }
        ring.entries.push_back(entry);
    }

    /// The entries of a time range, both ends included, newest first.
    pub(crate) fn read(&self, from_ms: u64, to_ms: u64, now_ms: u64, org_id: &str) -> Vec<Value> {
        let oldest_ms = from_ms.max(now_ms.saturating_sub(KEPT_MS));
        let ring = self.ring();
        let wanted = ring.entries.iter().rev().filter(|entry| (oldest_ms..=to_ms).contains(&entry.time_ms));
        wanted.map(|entry| entry.to_json(org_id)).collect()
    }

    pub(super) fn clear(&self) {
        *self.ring() = Ring::default();
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogEntry {
    /// The deviceLog struct of the REST API.
    fn to_json(&self, org_id: &str) -> Value {
        json!({
            "orgId": org_id,
            "productKey": &*self.device.product_key,
            "deviceKey": &*self.device.device_key,
            "assetId": self.asset_id.as_deref(),
            "createTime": self.time_ms,
            "code": self.code,
            "content": self.happening.content(),
            "reason": &*self.reason,
        })
    }
}

impl Cloud {
    /// Writes what a device did; code 200 is success, the others are those of `docs-mqtt.md` §11.
    pub(super) fn log_device(
        &self,
        device: &DeviceId,
        asset_id: Option<Arc<str>>,
        happening: Happening,
        code: u32,
        reason: &str,
    ) {
        let (time_ms, reason) = (self.clock.now_ms(), clip(reason, 400).into());
        let device = device.clone();
        self.device_log.write(LogEntry { time_ms, device, asset_id, happening, code, reason });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(time_ms: u64, asset: Option<&str>) -> LogEntry {
        LogEntry {
            time_ms,
            device: DeviceId::new("pk", asset.unwrap_or("nobody")),
            asset_id: asset.map(Into::into),
            happening: Happening::LoggedIn,
            code: 200,
            reason: "".into(),
        }
    }

    fn count(log: &DeviceLog, from_ms: u64, to_ms: u64, now_ms: u64) -> usize {
        log.read(from_ms, to_ms, now_ms, "o1").len()
    }

    #[test]
    fn one_device_cannot_push_out_the_others() {
        let log = DeviceLog::default();
        log.write(entry(0, Some("quiet")));
        for _ in 0..CAPACITY * 2 {
            log.write(entry(1, Some("loud")));
            log.write(entry(1, None));
        }
        assert_eq!(count(&log, 0, 1, 1), 1 + 2 * PER_MINUTE as usize);
        // The next minute counts anew.
        log.write(entry(60_000, Some("loud")));
        assert_eq!(count(&log, 60_000, 60_000, 60_000), 1);
    }

    #[test]
    fn the_log_is_bounded_by_number_and_age() {
        let log = DeviceLog::default();
        for index in 0..CAPACITY as u64 + 5 {
            log.write(entry(index * 60_000, Some("a")));
        }
        let last_ms = (CAPACITY as u64 + 4) * 60_000;
        assert_eq!(count(&log, 0, u64::MAX, 0), CAPACITY);
        assert_eq!(log.read(0, u64::MAX, 0, "o1")[0]["createTime"], last_ms);
        assert_eq!(count(&log, 0, u64::MAX, last_ms + KEPT_MS), 1);
        assert_eq!(count(&log, last_ms - 60_000, last_ms - 1, last_ms), 1);
    }
}
