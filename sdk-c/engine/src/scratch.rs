//! Room in the caller's block for one call's points, items and fields, which the core reads as slices of its own.

use crate::status::Misuse;
use core::marker::PhantomData;
use enos_core::json::Point;

/// Bytes for one of them, whichever it is.
pub(crate) const SLOT: usize = size_of::<Point<'static>>();
/// How the room must be aligned.
pub(crate) const ALIGN: usize = align_of::<Point<'static>>();

/// What is left of the room; each call starts with all of it.
pub(crate) struct Scratch<'s> {
    at: *mut u8,
    left: usize,
    lent: PhantomData<&'s mut [u8]>,
}

impl<'s> Scratch<'s> {
    /// # Safety
    /// `at` is aligned to [`ALIGN`] and points to `slots` times [`SLOT`] bytes, which nobody else uses for `'s`.
    pub(crate) unsafe fn new(at: *mut u8, slots: usize) -> Self {
        Self { at, left: slots, lent: PhantomData }
    }

    /// Takes room for so many.
    pub(crate) fn take<T: Copy>(&mut self, count: usize, fill: T) -> Result<&'s mut [T], Misuse> {
        const { assert!(size_of::<T>() <= SLOT && align_of::<T>() == ALIGN) };
        self.left = self.left.checked_sub(count).ok_or(Misuse::Values)?;
        let first = self.at.cast::<T>();
        for place in 0..count {
            // SAFETY: `count` of the slots were free, and none is smaller than a T; all sizes are multiples of the one
            // alignment, so `at` stays aligned.
            unsafe { first.add(place).write(fill) };
        }
        // SAFETY: behind the last one written: inside the room, or at its end.
        self.at = unsafe { first.add(count) }.cast();
        // SAFETY: initialised just now, and handed out once.
        Ok(unsafe { core::slice::from_raw_parts_mut(first, count) })
    }
}
