//! All memory of one engine, lent or on the heap.

use super::tables::{CallSlot, DeviceRecord, HandlerSlot};
use crate::region::Region;
use crate::session::outbox::RequestSlot;

/// All memory of one engine.
pub struct Memory<'m> {
    pub(crate) receive: Region<'m, u8>,
    pub(crate) transmit: Region<'m, u8>,
    pub(crate) outbox: Region<'m, u8>,
    pub(crate) names: Region<'m, u8>,
    pub(crate) requests: Region<'m, RequestSlot>,
    pub(crate) calls: Region<'m, CallSlot>,
    pub(crate) handlers: Region<'m, HandlerSlot>,
    pub(crate) devices: Region<'m, DeviceRecord>,
}

#[cfg(feature = "alloc")]
impl Memory<'static> {
    /// Heap memory: a few kB at first, growing on demand up to the limits, given back when idle.
    pub fn heap(limits: &crate::limits::Limits) -> Self {
        Self {
            receive: Region::heap(1024, limits.receive),
            transmit: Region::heap(512, limits.transmit),
            outbox: Region::heap(512, limits.outbox),
            names: Region::heap(256, limits.names),
            requests: Region::heap(8, usize::from(limits.requests)),
            calls: Region::heap(4, usize::from(limits.calls)),
            handlers: Region::heap(4, usize::from(limits.handlers)),
            devices: Region::heap(1, 1),
        }
    }
}

/// Static memory for one engine on a board: bytes to receive, to transmit and to wait, open requests, open calls.
///
/// Names take 384 bytes: host, keys, secrets and service identifiers must fit. Four handlers.
pub struct Room<const RX: usize, const TX: usize, const BOX: usize, const OPEN: usize, const CALLS: usize> {
    receive: [u8; RX],
    transmit: [u8; TX],
    outbox: [u8; BOX],
    names: [u8; 384],
    requests: [RequestSlot; OPEN],
    calls: [CallSlot; CALLS],
    handlers: [HandlerSlot; 4],
    devices: [DeviceRecord; 1],
}

impl<const RX: usize, const TX: usize, const BOX: usize, const OPEN: usize, const CALLS: usize>
    Room<RX, TX, BOX, OPEN, CALLS>
{
    /// Empty memory, fit for a `static`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self {
            receive: [0; RX],
            transmit: [0; TX],
            outbox: [0; BOX],
            names: [0; 384],
            requests: [RequestSlot::EMPTY; OPEN],
            calls: [CallSlot::EMPTY; CALLS],
            handlers: [HandlerSlot::EMPTY; 4],
            devices: [DeviceRecord::EMPTY; 1],
        }
    }

    /// Lends it to an engine.
    pub fn lend(&mut self) -> Memory<'_> {
        Memory {
            receive: Region::lent(&mut self.receive),
            transmit: Region::lent(&mut self.transmit),
            outbox: Region::lent(&mut self.outbox),
            names: Region::lent(&mut self.names),
            requests: Region::lent(&mut self.requests),
            calls: Region::lent(&mut self.calls),
            handlers: Region::lent(&mut self.handlers),
            devices: Region::lent(&mut self.devices),
        }
    }
}
