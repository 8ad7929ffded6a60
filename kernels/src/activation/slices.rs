//! From activations on registers to activations on rows of numbers: the loops over vectors, and their tails.

use super::{ActivationFn, Chosen};
use crate::element::Element;
use crate::isa::{Lanes, SideBySide, Simd};
use std::ops::Range;

/// Vectors that are taken through an activation side by side (Zen 5, cycles for 16 `f32` of `tanh` by `e^x`, by 1, 2, 3, 4 and 6: AVX-512 13.3, 13.2, 11.6,
/// 11.5 and 11.4; AVX2 34, 32, 29, 29 and 28; portable 121, 106, 96, 93 and 115).
const ABREAST: usize = 4;

/// A block of rows in two matrices, which may be the same one: `from` is read, `to` written (and read, for derivatives).
#[derive(Clone, Copy)]
pub(crate) struct RowPair<T> {
    pub(crate) from: *const T,
    pub(crate) from_row: usize,
    pub(crate) to: *mut T,
    pub(crate) to_row: usize,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
}

impl<T: Element> RowPair<T> {
    /// Two slices of one length, as one row.
    pub(super) fn pair(from: &[T], to: &mut [T]) -> Self {
        assert_eq!(from.len(), to.len(), "the two slices are equally long");
        Self { from: from.as_ptr(), from_row: 0, to: to.as_mut_ptr(), to_row: 0, rows: 1, cols: to.len() }
    }

    /// One slice, changed in place.
    pub(super) fn one(slice: &mut [T]) -> Self {
        let to = slice.as_mut_ptr();
        Self { from: to, from_row: 0, to, to_row: 0, rows: 1, cols: slice.len() }
    }

    /// The same elements as a single row, where nothing lies between the rows.
    fn joined(self) -> Self {
        if self.from_row == self.cols && self.to_row == self.cols {
            return Self { rows: 1, cols: self.rows * self.cols, ..self };
        }
        self
    }
}

/// `a = g(z)`. Whoever makes one vouches for the block.
pub(super) struct Values<T, S> {
    pub(super) simd: S,
    pub(super) block: RowPair<T>,
}

impl<T: Element, S: Simd<T>> Chosen<T> for Values<T, S> {
    #[inline(always)]
    fn with(self, g: impl ActivationFn<T>) {
        Sweep { change: Value(g), block: self.block.joined() }.run(self.simd);
    }
}

/// `dz = dz · g′(kept)`. Whoever makes one vouches for the block.
pub(super) struct TimesDerivatives<T, S> {
    pub(super) simd: S,
    pub(super) block: RowPair<T>,
}

impl<T: Element, S: Simd<T>> Chosen<T> for TimesDerivatives<T, S> {
    #[inline(always)]
    fn with(self, g: impl ActivationFn<T>) {
        Sweep { change: TimesDerivative(g), block: self.block.joined() }.run(self.simd);
    }
}

/// `to = change(from, to)` vector by vector.
struct Sweep<T, C> {
    change: C,
    block: RowPair<T>,
}

/// What happens to one vector.
trait Change<T> {
    fn change<S: Lanes<T>>(&self, simd: S, from: S::V, to: impl FnOnce() -> S::V) -> S::V;
}

/// `g(z)`
struct Value<F>(F);

impl<T, F: ActivationFn<T>> Change<T> for Value<F> {
    #[inline(always)]
    fn change<S: Lanes<T>>(&self, simd: S, z: S::V, _: impl FnOnce() -> S::V) -> S::V {
        self.0.value(simd, z)
    }
}

/// `dz · g′(kept)`
struct TimesDerivative<F>(F);

impl<T, F: ActivationFn<T>> Change<T> for TimesDerivative<F> {
    #[inline(always)]
    fn change<S: Lanes<T>>(&self, simd: S, kept: S::V, dz: impl FnOnce() -> S::V) -> S::V {
        simd.mul(dz(), self.0.derivative(simd, kept))
    }
}

impl<T: Element, C: Change<T>> Sweep<T, C> {
    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let RowPair { from, from_row, to, to_row, rows, cols } = self.block;
        for i in 0..rows {
            self.row(simd, from.wrapping_add(i * from_row), to.wrapping_add(i * to_row), cols);
        }
    }

    #[inline(always)]
    fn row<S: Simd<T>>(&self, simd: S, from: *const T, to: *mut T, cols: usize) {
        let at = self.vectors(SideBySide::<S, ABREAST>(simd), from, to, 0..cols);
        let at = self.vectors(simd, from, to, at..cols);
        let n = cols - at;
        if n > 0 {
            let (from, to) = (from.wrapping_add(at), to.wrapping_add(at));
            // SAFETY: the rows are `cols` long (whoever made the block) and `n` elements are left.
            let x = unsafe { simd.load_partial(from, n) };
            let y = self.change.change(
                simd,
                x,
                #[inline(always)]
                // SAFETY: as above.
                || unsafe { simd.load_partial(to, n) },
            );
            // SAFETY: as above.
            unsafe { simd.store_partial(to, n, y) };
        }
    }

    /// As many whole vectors as there are; where the first element is that is left.
    #[inline(always)]
    fn vectors<L: Lanes<T>>(&self, lanes: L, from: *const T, to: *mut T, cols: Range<usize>) -> usize {
        let mut at = cols.start;
        while at + L::LANES <= cols.end {
            let (from, to) = (from.wrapping_add(at), to.wrapping_add(at));
            // SAFETY: the rows are `cols` long (whoever made the block) and a whole vector is left.
            let x = unsafe { lanes.load(from) };
            let y = self.change.change(
                lanes,
                x,
                #[inline(always)]
                // SAFETY: as above.
                || unsafe { lanes.load(to) },
            );
            // SAFETY: as above.
            unsafe { lanes.store(to, y) };
            at += L::LANES;
        }
        at
    }
}
