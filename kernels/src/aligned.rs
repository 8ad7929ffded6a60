//! Memory that starts on a cache line, so that each row of a packed line is one line of the cache.

use std::ops::{Deref, DerefMut};

/// One cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// A buffer of `T`, zeroed, aligned to 64 bytes, that grows when it is told to, and by no more. `T` is `f32` or `f64`, for which zero bytes
/// are 0.
pub struct AlignedVec<T> {
    lines: Vec<Line>,
    len: usize,
    element: std::marker::PhantomData<T>,
}

impl<T: crate::Element> AlignedVec<T> {
    /// No elements, no memory.
    pub const fn new() -> Self {
        Self { lines: Vec::new(), len: 0, element: std::marker::PhantomData }
    }

    /// `len` zeros.
    ///
    /// # Panics
    /// So many are larger than the address space. Where there is only not enough memory for them, the program ends, as with any `Vec`.
    pub fn zeros(len: usize) -> Self {
        let mut buffer = Self::new();
        buffer.grow(len);
        buffer
    }

    /// Makes room for at least `len` elements; new ones are zero. Memory is never given back.
    ///
    /// # Panics
    /// As [`zeros`](Self::zeros) does; the buffer is as it was then.
    pub fn grow(&mut self, len: usize) {
        if len > self.len {
            let lines = len.div_ceil(T::LINE);
            // Not twice what there is, as a vector would take that grows bit by bit.
            self.lines.reserve_exact(lines - self.lines.len());
            self.lines.resize(lines, Line([0; 64]));
            self.len = len;
        }
    }

    /// The same where nobody wants what the buffer holds: contents are unspecified then.
    #[inline]
    pub(crate) fn make_room(&mut self, len: usize) {
        if len > self.len {
            self.replace(len);
        }
    }

    /// `len` zeros for what there is, which goes first: it is not copied, and never beside the new ones.
    #[cold]
    fn replace(&mut self, len: usize) {
        *self = Self::new();
        self.grow(len);
    }
}

impl<T: crate::Element> Default for AlignedVec<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for AlignedVec<T> {
    fn clone(&self) -> Self {
        Self { lines: self.lines.clone(), len: self.len, element: std::marker::PhantomData }
    }
}

impl<T: crate::Element> Deref for AlignedVec<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: the lines hold at least `len` elements, all initialised, and every bit pattern is a float.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl<T: crate::Element> DerefMut for AlignedVec<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

impl<T> std::fmt::Debug for AlignedVec<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AlignedVec of {} elements", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_address_space_is_refused() {
        for len in [usize::MAX, isize::MAX as usize / 4 + 17] {
            assert!(std::panic::catch_unwind(|| AlignedVec::<f32>::zeros(len)).is_err(), "{len}");
            let mut buffer = AlignedVec::<f32>::zeros(5);
            let grow = std::panic::AssertUnwindSafe(|| buffer.grow(len));
            assert!(std::panic::catch_unwind(grow).is_err(), "{len}");
            assert_eq!(*buffer, [0.0; 5]);
        }
    }

    #[test]
    fn a_buffer_takes_no_more_than_it_is_asked_for() {
        let mut buffer = AlignedVec::<f32>::zeros(6000);
        buffer[5999] = 1.0;
        buffer.grow(7000);
        assert_eq!((buffer.len(), buffer[5999], buffer[6999]), (7000, 1.0, 0.0));
        assert!(buffer.lines.capacity() < 2 * 375, "{} lines for 7000 numbers", buffer.lines.capacity());
        buffer.make_room(8000);
        assert_eq!(buffer.len(), 8000);
        assert!(buffer.lines.capacity() < 2 * 438, "{} lines for 8000 numbers", buffer.lines.capacity());
        buffer.make_room(10);
        assert_eq!(buffer.len(), 8000, "memory is kept");
    }
}
