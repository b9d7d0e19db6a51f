//! What the hub has counted since its start.
//!
//! Counting is one relaxed addition; who reads may see counters of different moments.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Codes told apart by one counter. The hub's own codes are fewer; more would be somebody else's.
const MAX_CODES: usize = 64;

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts by code; beyond [`MAX_CODES`] codes the rest is counted together.
#[derive(Debug, Default)]
pub(crate) struct Codes(Mutex<(BTreeMap<u32, u64>, u64)>);

impl Codes {
    pub(crate) fn add(&self, code: u32) {
        let mut counts = self.counts();
        if counts.0.len() < MAX_CODES || counts.0.contains_key(&code) {
            *counts.0.entry(code).or_default() += 1;
        } else {
            counts.1 += 1;
        }
    }

    /// The counts by code, and those of all other codes.
    pub(crate) fn get(&self) -> (BTreeMap<u32, u64>, u64) {
        self.counts().clone()
    }

    fn counts(&self) -> MutexGuard<'_, (BTreeMap<u32, u64>, u64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The counters of one hub.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Bytes of devices, TLS and DTLS taken off.
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    /// CoAP datagrams; one that comes twice counts twice.
    pub(crate) datagrams_in: Counter,
    pub(crate) datagrams_out: Counter,
    /// PUBLISH packets and CoAP posts; a packet that is sent again counts again.
    pub(crate) messages_in: Counter,
    pub(crate) messages_out: Counter,
    pub(crate) connects_accepted: Counter,
    /// By the code of the vendor's pages.
    pub(crate) connects_refused: Codes,
    /// Requests of devices that were answered 200.
    pub(crate) requests_accepted: Counter,
    /// By the code of the reply.
    pub(crate) requests_refused: Codes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_bounded() {
        let codes = Codes::default();
        for code in 0..1_000 {
            codes.add(code);
            codes.add(code);
        }
        let (counts, other) = codes.get();
        assert_eq!(counts.len(), MAX_CODES);
        assert_eq!(counts.values().sum::<u64>() + other, 2_000);
    }
}
