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

/// Pieces of the caller's memory for one engine; the length of each is a limit. Records: any content will do.
pub struct Lent<'m> {
    /// Received bytes; at least 256.
    pub receive: &'m mut [u8],
    /// Encoded bytes on their way out; CONNECT must fit.
    pub transmit: &'m mut [u8],
    /// Messages that wait to be sent or answered.
    pub outbox: &'m mut [u8],
    /// Host, keys, secrets and service identifiers; wiped when the engine is dropped.
    pub names: &'m mut [u8],
    /// Open requests; at least 1, at most 16,384.
    pub requests: &'m mut [RequestSlot],
    /// Open commands.
    pub calls: &'m mut [CallSlot],
    /// Registered handlers.
    pub handlers: &'m mut [HandlerSlot],
    /// Devices of the connection; at least its own.
    pub devices: &'m mut [DeviceRecord],
}

impl<'m> Memory<'m> {
    /// The caller's memory.
    pub fn lent(parts: Lent<'m>) -> Self {
        Self {
            receive: Region::lent(parts.receive),
            transmit: Region::lent(parts.transmit),
            outbox: Region::lent(parts.outbox),
            names: Region::lent(parts.names),
            requests: Region::lent(parts.requests),
            calls: Region::lent(parts.calls),
            handlers: Region::lent(parts.handlers),
            devices: Region::lent(parts.devices),
        }
    }
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
        Memory::lent(Lent {
            receive: &mut self.receive,
            transmit: &mut self.transmit,
            outbox: &mut self.outbox,
            names: &mut self.names,
            requests: &mut self.requests,
            calls: &mut self.calls,
            handlers: &mut self.handlers,
            devices: &mut self.devices,
        })
    }
}
