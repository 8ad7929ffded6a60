//! Memory for packed pieces: one buffer a thread, grown to the largest size asked for and then kept.

use crate::aligned::AlignedVec;
use crate::element::Element;
use std::cell::RefCell;

/// Lends this thread's buffer number `slot`, at least `len` elements long, contents unspecified.
///
/// A nested loan of the same slot gets a buffer of its own.
#[inline]
pub(crate) fn with_scratch<T: Element, R>(slot: Slot, len: usize, work: impl FnOnce(&mut [T]) -> R) -> R {
    thread_local! {
        static BUFFERS: [RefCell<AlignedVec<f64>>; 4] = const { [const { RefCell::new(AlignedVec::new()) }; 4] };
    }
    let doubles = len.div_ceil(size_of::<f64>() / size_of::<T>());
    BUFFERS.with(|buffers| match buffers[slot as usize].try_borrow_mut() {
        Ok(mut buffer) => {
            buffer.grow(doubles);
            work(&mut cast::<T>(&mut buffer)[..len])
        }
        Err(_) => work(&mut cast::<T>(&mut AlignedVec::zeros(doubles))[..len]),
    })
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
}

/// The same bytes as elements of `T`.
fn cast<T: Element>(doubles: &mut [f64]) -> &mut [T] {
    let len = doubles.len() * (size_of::<f64>() / size_of::<T>());
    // SAFETY: `T` is `f32` or `f64`: not larger, not stricter in alignment, and any bits are a value.
    unsafe { std::slice::from_raw_parts_mut(doubles.as_mut_ptr().cast(), len) }
}
