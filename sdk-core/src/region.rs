//! A bounded piece of memory: lent by the caller, or on the heap, growing on demand up to its limit.
//!
//! One type for both, so that there is one engine: gateways and boards run the same code.

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

impl Region<'_, u8> {
    /// As [`grow`](Self::grow), for bytes that hold secrets: what is left behind is wiped.
    pub(crate) fn grow_wiping(&mut self, wanted: usize) -> bool {
        #[cfg(feature = "alloc")]
        if let Kind::Heap { buffer, max, .. } = &mut self.0
            && wanted > buffer.len()
            && wanted <= *max
        {
            let mut left = core::mem::take(buffer);
            let grown = self.grow(wanted);
            if let (true, Kind::Heap { buffer, .. }) = (grown, &mut self.0) {
                if let Some(room) = buffer.get_mut(..left.len()) {
                    room.copy_from_slice(&left);
                }
                zeroize::Zeroize::zeroize(&mut left[..]);
            } else if let Kind::Heap { buffer, .. } = &mut self.0 {
                *buffer = left;
            }
            return grown;
        }
        self.grow(wanted)
    }
}
