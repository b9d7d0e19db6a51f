//! Where an engine keeps its bytes: lent by the caller, or on the heap, growing on demand up to its limits.
//!
//! One type for both, so that there is one engine: gateways and boards run the same code.

use super::tables::{CallSlot, DeviceRecord, HandlerSlot};
use crate::session::outbox::RequestSlot;

/// A bounded piece of memory: a lent slice, or a heap buffer that grows up to its maximum.
pub struct Region<'m, T>(Kind<'m, T>);

enum Kind<'m, T> {
    Lent(&'m mut [T]),
    #[cfg(feature = "alloc")]
    Heap {
        buffer: alloc::vec::Vec<T>,
        first: usize,
        max: usize,
    },
}

impl<'m, T: Copy + Default> Region<'m, T> {
    /// Memory of the caller; its length is the limit.
    pub fn lent(slice: &'m mut [T]) -> Self {
        Self(Kind::Lent(slice))
    }

    /// Heap memory: nothing at first, then at least `first` elements, never more than `max`.
    #[cfg(feature = "alloc")]
    pub fn heap(first: usize, max: usize) -> Self {
        Self(Kind::Heap { buffer: alloc::vec::Vec::new(), first: first.min(max), max })
    }

    /// What there is now.
    pub(crate) fn slice(&self) -> &[T] {
        match &self.0 {
            Kind::Lent(slice) => slice,
            #[cfg(feature = "alloc")]
            Kind::Heap { buffer, .. } => buffer,
        }
    }

    /// What there is now, to be changed.
    pub(crate) fn slice_mut(&mut self) -> &mut [T] {
        match &mut self.0 {
            Kind::Lent(slice) => slice,
            #[cfg(feature = "alloc")]
            Kind::Heap { buffer, .. } => buffer,
        }
    }

    /// Elements there are now.
    pub(crate) fn len(&self) -> usize {
        self.slice().len()
    }

    /// Elements there can ever be.
    pub(crate) fn max(&self) -> usize {
        match &self.0 {
            Kind::Lent(slice) => slice.len(),
            #[cfg(feature = "alloc")]
            Kind::Heap { max, .. } => *max,
        }
    }

    /// Makes room for at least `wanted` elements, doubling; false if the limit forbids it.
    pub(crate) fn grow(&mut self, wanted: usize) -> bool {
        if wanted <= self.len() {
            return true;
        }
        match &mut self.0 {
            Kind::Lent(_) => false,
            #[cfg(feature = "alloc")]
            Kind::Heap { buffer, first, max } => {
                if wanted > *max {
                    return false;
                }
                let size = wanted.max(buffer.len().saturating_mul(2)).max(*first).min(*max);
                if buffer.try_reserve_exact(size - buffer.len()).is_err() {
                    return false;
                }
                buffer.resize(size, T::default());
                true
            }
        }
    }

    /// Gives heap memory back down to the first size; `used` elements must stay.
    pub(crate) fn shrink(&mut self, used: usize) {
        match &mut self.0 {
            Kind::Lent(_) => {}
            #[cfg(feature = "alloc")]
            Kind::Heap { buffer, first, .. } => {
                let size = used.max(*first);
                if buffer.len() > size.saturating_mul(2) {
                    buffer.truncate(size);
                    buffer.shrink_to_fit();
                }
            }
        }
        let _ = used;
    }
}

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
