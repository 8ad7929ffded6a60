//! Memory for packed pieces: one buffer a thread and purpose, grown to the largest size asked for and then kept.

use crate::aligned::AlignedVec;
use crate::element::Element;
use std::cell::Cell;
use std::marker::PhantomData;

thread_local! {
    static BUFFERS: [Cell<AlignedVec<f64>>; 5] = const { [const { Cell::new(AlignedVec::new()) }; 5] };
}

/// What a buffer is for.
#[derive(Clone, Copy)]
pub(crate) enum Slot {
    /// Rows of A.
    A = 0,
    /// A strip of B.
    B = 1,
    /// A block of C on its way to where it belongs.
    C = 2,
    /// All strips of B.
    AllOfB = 3,
    /// Columns of C as rows.
    Columns = 4,
}

/// Lends this thread's buffer of `slot`, `len` elements of it, contents unspecified.
#[inline]
pub(crate) fn with_scratch<T: Element, R>(slot: Slot, len: usize, work: impl FnOnce(&mut [T]) -> R) -> R {
    let mut lent = Lent::none(slot);
    lent.grow(len);
    work(&mut lent.as_mut()[..len])
}

/// A thread's buffer, once it is asked for: taken out of its slot, and put back when this goes. So whoever works with it need not
/// do so in a closure, which would not be inlined for sure. A second loan of a slot gets a buffer of its own.
pub(crate) struct Lent<T> {
    slot: Slot,
    buffer: Option<AlignedVec<f64>>,
    element: PhantomData<T>,
}

impl<T: Element> Lent<T> {
    /// Nothing yet.
    #[inline(always)]
    pub(crate) fn none(slot: Slot) -> Self {
        Self { slot, buffer: None, element: PhantomData }
    }

    /// At least `len` elements, contents unspecified.
    #[inline]
    pub(crate) fn grow(&mut self, len: usize) {
        let slot = self.slot as usize;
        // A thread that is ending has none any more.
        let taken = || BUFFERS.try_with(|buffers| buffers[slot].take()).unwrap_or_default();
        let buffer = self.buffer.get_or_insert_with(taken);
        buffer.make_room(len.div_ceil(size_of::<f64>() / size_of::<T>()));
    }

    /// The elements.
    #[inline]
    pub(crate) fn as_mut(&mut self) -> &mut [T] {
        let doubles: &mut [f64] = self.buffer.as_deref_mut().unwrap_or_default();
        let len = doubles.len() * (size_of::<f64>() / size_of::<T>());
        // SAFETY: `T` is `f32` or `f64`: not larger, not stricter in alignment, and any bits are a value.
        unsafe { std::slice::from_raw_parts_mut(doubles.as_mut_ptr().cast(), len) }
    }
}

impl<T> Drop for Lent<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            // A thread that is ending has no place for it any more.
            let _ = BUFFERS.try_with(|buffers| buffers[self.slot as usize].set(buffer));
        }
    }
}
