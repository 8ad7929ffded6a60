//! Sums and maxima over a row in one order, which depends on the row's length alone.
//!
//! Element `i` belongs to strand `i mod 16`; each strand is summed front to back, and the sixteen are folded in halves.
//! The strands are plain arrays: whatever vectors the compiler makes of them, the additions are these.

use crate::element::Element;

/// Partial results that run side by side.
pub(crate) const STRANDS: usize = 16;

/// A sum that may be fed in pieces, each but the last a multiple of [`STRANDS`] long.
pub(crate) struct RowSum<T>([T; STRANDS]);

impl<T: Element> RowSum<T> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self([T::ZERO; STRANDS])
    }

    #[inline(always)]
    pub(crate) fn add(&mut self, piece: &[T]) {
        let (whole, rest) = piece.as_chunks::<STRANDS>();
        for chunk in whole {
            for (sum, &x) in self.0.iter_mut().zip(chunk) {
                *sum += x;
            }
        }
        for (sum, &x) in self.0.iter_mut().zip(rest) {
            *sum += x;
        }
    }

    #[inline(always)]
    pub(crate) fn total(self) -> T {
        fold(self.0, |a, b| a + b)
    }
}

/// The largest number of the row, −∞ if it has none; NaN is passed over.
#[inline(always)]
pub(crate) fn row_max<T: Element>(row: &[T]) -> T {
    let larger = |x: T, than: T| if x > than { x } else { than };
    let mut strands = [-T::ONE / T::ZERO; STRANDS];
    let (whole, rest) = row.as_chunks::<STRANDS>();
    for chunk in whole {
        for (max, &x) in strands.iter_mut().zip(chunk) {
            *max = larger(x, *max);
        }
    }
    for (max, &x) in strands.iter_mut().zip(rest) {
        *max = larger(x, *max);
    }
    fold(strands, larger)
}

/// Halves upon halves.
#[inline(always)]
fn fold<T: Copy>(mut strands: [T; STRANDS], both: impl Fn(T, T) -> T) -> T {
    let mut half = STRANDS / 2;
    while half > 0 {
        for i in 0..half {
            strands[i] = both(strands[i], strands[i + half]);
        }
        half /= 2;
    }
    strands[0]
}
