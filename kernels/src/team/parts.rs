//! A slice that jobs share: each of them changes a part of its own.

use std::marker::PhantomData;
use std::ops::Range;

/// A borrowed slice, of which each job takes the part that is its own. Bounds are checked when a part is taken; that no two overlap is what
/// whoever takes one vouches for.
pub(crate) struct Parts<'a, A> {
    data: *mut A,
    len: usize,
    borrowed: PhantomData<&'a mut [A]>,
}

// SAFETY: each part goes to one job alone (caller of `part`), and may be sent to its thread.
unsafe impl<A: Send> Sync for Parts<'_, A> {}

impl<'a, A> Parts<'a, A> {
    #[inline(always)]
    pub(crate) fn of(items: &'a mut [A]) -> Self {
        Self { data: items.as_mut_ptr(), len: items.len(), borrowed: PhantomData }
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where the slice begins, for who describes its parts by addresses.
    #[inline(always)]
    pub(crate) fn as_mut_ptr(&self) -> *mut A {
        self.data
    }

    /// # Panics
    /// The slice has no such part.
    ///
    /// # Safety
    /// Nobody else has one of these elements while the part is used.
    #[inline(always)]
    pub(crate) unsafe fn part(&self, range: Range<usize>) -> &'a mut [A] {
        assert!(range.start <= range.end && range.end <= self.len, "a part inside the slice");
        // SAFETY: the elements are there for as long as the slice is borrowed, and nobody else's (caller).
        unsafe { std::slice::from_raw_parts_mut(self.data.wrapping_add(range.start), range.len()) }
    }

    /// # Panics
    /// The slice has no such element.
    ///
    /// # Safety
    /// As for a [part](Self::part) of this one element.
    #[inline(always)]
    pub(crate) unsafe fn one(&self, index: usize) -> &'a mut A {
        assert!(index < self.len, "an element of the slice");
        // SAFETY: the element is there for as long as the slice is borrowed, and nobody else's (caller).
        unsafe { &mut *self.data.wrapping_add(index) }
    }
}
