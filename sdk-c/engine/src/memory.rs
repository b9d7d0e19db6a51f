//! The caller's block, cut up: the handle first, then what is aligned most, bytes last.

use crate::config::Sizes;
use crate::engine::enos_engine_t;
use crate::scratch;
use enos_core::engine::{CallSlot, DeviceRecord, HandlerSlot, Lent, RequestSlot};

/// What the handle needs; the block may start anywhere.
pub(crate) const ALIGN: usize = align_of::<enos_engine_t>();

/// Devices of a connection: its own.
const DEVICES: usize = 1;

/// Where each part begins, counted from an aligned start.
pub(crate) struct Plan {
    requests: usize,
    scratch: usize,
    calls: usize,
    handlers: usize,
    devices: usize,
    names: usize,
    outbox: usize,
    transmit: usize,
    receive: usize,
    end: usize,
}

/// Appends an array; where it begins. `None`: more than any memory has.
fn append(end: &mut usize, size: usize, align: usize, count: usize) -> Option<usize> {
    let start = end.checked_next_multiple_of(align)?;
    *end = start.checked_add(size.checked_mul(count)?)?;
    Some(start)
}

fn array<T>(end: &mut usize, count: usize) -> Option<usize> {
    append(end, size_of::<T>(), align_of::<T>(), count)
}

impl Plan {
    pub(crate) fn of(sizes: &Sizes) -> Option<Self> {
        let limits = &sizes.limits;
        let mut end = size_of::<enos_engine_t>();
        let plan = Self {
            requests: array::<RequestSlot>(&mut end, limits.requests.into())?,
            scratch: append(&mut end, scratch::SLOT, scratch::ALIGN, sizes.values)?,
            calls: array::<CallSlot>(&mut end, limits.calls.into())?,
            handlers: array::<HandlerSlot>(&mut end, limits.handlers.into())?,
            devices: array::<DeviceRecord>(&mut end, DEVICES)?,
            names: array::<u8>(&mut end, limits.names)?,
            outbox: array::<u8>(&mut end, limits.outbox)?,
            transmit: array::<u8>(&mut end, limits.transmit)?,
            receive: array::<u8>(&mut end, limits.receive)?,
            end,
        };
        (plan.size()? <= isize::MAX as usize).then_some(plan)
    }

    /// Bytes of a block, wherever it starts.
    pub(crate) fn size(&self) -> Option<usize> {
        self.end.checked_add(ALIGN - 1)
    }

    /// Lends all but the handle and the scratch room.
    ///
    /// # Safety
    /// `start` is aligned to [`ALIGN`] and points to `end` bytes, which nobody else uses for `'m`. `sizes` is what the
    /// plan was made of.
    pub(crate) unsafe fn lend<'m>(&self, start: *mut u8, sizes: &Sizes) -> Lent<'m> {
        let limits = &sizes.limits;
        // SAFETY: each part lies inside, apart from the others, and aligned: so the plan was made.
        unsafe {
            Lent {
                receive: cut(start, self.receive, limits.receive),
                transmit: cut(start, self.transmit, limits.transmit),
                outbox: cut(start, self.outbox, limits.outbox),
                names: cut(start, self.names, limits.names),
                requests: cut(start, self.requests, limits.requests.into()),
                calls: cut(start, self.calls, limits.calls.into()),
                handlers: cut(start, self.handlers, limits.handlers.into()),
                devices: cut(start, self.devices, DEVICES),
            }
        }
    }

    /// Where the scratch room begins.
    ///
    /// # Safety
    /// As [`lend`](Self::lend).
    pub(crate) unsafe fn scratch(&self, start: *mut u8) -> *mut u8 {
        // SAFETY: inside of the block.
        unsafe { start.add(self.scratch) }
    }
}

/// # Safety
/// `offset` is aligned for `T`, and `count` of them from there on belong to nobody else for `'m`.
unsafe fn cut<'m, T: Copy + Default>(start: *mut u8, offset: usize, count: usize) -> &'m mut [T] {
    // SAFETY: inside of the block.
    let first = unsafe { start.add(offset) }.cast::<T>();
    for place in 0..count {
        // SAFETY: inside of the block; what was there need not be initialised.
        unsafe { first.add(place).write(T::default()) };
    }
    // SAFETY: initialised just now, and nobody else's.
    unsafe { core::slice::from_raw_parts_mut(first, count) }
}

/// The numbers of `ENOS_ENGINE_SIZE`, which C has at compile time; the archive has no heap in its core.
#[cfg(feature = "freestanding")]
mod bound {
    use super::*;

    const WIDE: bool = size_of::<usize>() > 4;
    const FIXED: usize = if WIDE { 1664 } else { 1248 };
    const VALUE: usize = if WIDE { 48 } else { 32 };

    const _: () = {
        assert!(size_of::<enos_engine_t>() + size_of::<DeviceRecord>() + 2 * ALIGN <= FIXED);
        assert!(scratch::SLOT <= VALUE);
        assert!(size_of::<RequestSlot>() <= 24);
        assert!(size_of::<CallSlot>() <= 52);
        assert!(size_of::<HandlerSlot>() <= 16);
    };
}
