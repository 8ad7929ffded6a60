//! Sums and maxima over a row in one order, which depends on the row's length alone.
//!
//! Element `i` belongs to strand `i mod 16`; each strand is summed front to back, and the sixteen are folded in halves.
//! Sixteen is a whole number of vectors on every instruction set, so each does the same additions.

use crate::element::Element;
use crate::isa::{Simd, load, store};

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
    pub(crate) fn add<S: Simd<T>>(&mut self, simd: S, piece: &[T]) {
        let (whole, rest) = piece.as_chunks::<STRANDS>();
        for chunk in whole {
            for (sum, &x) in self.0.iter_mut().zip(chunk) {
                *sum += x;
            }
        }
        if !rest.is_empty() {
            // Zeros change no sum.
            let padded = padded(simd, rest, T::ZERO);
            for (sum, x) in self.0.iter_mut().zip(padded) {
                *sum += x;
            }
        }
    }

    #[inline(always)]
    pub(crate) fn total(self) -> T {
        fold(
            self.0,
            #[inline(always)]
            |a, b| a + b,
        )
    }
}

/// The sum of the losses of rows, in `f64`. Of each piece, row `i` belongs to strand `i mod 8`: a single sum would wait for one
/// addition after the other.
pub(super) struct Total([f64; STRANDS / 2]);

impl Total {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self([0.0; STRANDS / 2])
    }

    #[inline(always)]
    pub(super) fn add<T: Element>(&mut self, piece: &[T]) {
        let (whole, rest) = piece.as_chunks::<{ STRANDS / 2 }>();
        for chunk in whole {
            for (sum, loss) in self.0.iter_mut().zip(chunk) {
                *sum += loss.to_f64();
            }
        }
        for (sum, loss) in self.0.iter_mut().zip(rest) {
            *sum += loss.to_f64();
        }
    }

    #[inline(always)]
    pub(super) fn sum(self) -> f64 {
        fold(
            self.0,
            #[inline(always)]
            |a, b| a + b,
        )
    }
}

/// The sum of a row that is all there.
#[inline(always)]
pub(crate) fn row_sum<T: Element, S: Simd<T>>(simd: S, row: &[T]) -> T {
    match *row {
        // The same halves upon halves, without the zeros.
        [a, b] => a + b,
        [a, b, c] => (a + c) + b,
        [a, b, c, d] => (a + c) + (b + d),
        _ => {
            let mut sum = RowSum::new();
            sum.add(simd, row);
            sum.total()
        }
    }
}

/// The largest number of the row, −∞ if it has none. Where the row has a NaN it is NaN, −∞ or some number of the row: which of them, the
/// place of the NaN decides. Nobody sees that, as it is subtracted from every number of the row: the NaN's exponential is NaN whatever is
/// subtracted, and so are the sum and all that is made of it.
#[inline(always)]
pub(crate) fn row_max<T: Element, S: Simd<T>>(simd: S, row: &[T]) -> T {
    let least = -T::ONE / T::ZERO;
    let (whole, rest) = row.as_chunks::<STRANDS>();
    let mut strands = if rest.is_empty() { [least; STRANDS] } else { padded(simd, rest, least) };
    for chunk in whole {
        for (max, &x) in strands.iter_mut().zip(chunk) {
            *max = larger(x, *max);
        }
    }
    fold(strands, larger)
}

#[inline(always)]
fn larger<T: PartialOrd>(x: T, than: T) -> T {
    if x > than { x } else { than }
}

/// Fewer than sixteen numbers, and `fill` behind them.
#[inline(always)]
fn padded<T: Element, S: Simd<T>>(simd: S, rest: &[T], fill: T) -> [T; STRANDS] {
    let mut strands = [fill; STRANDS];
    for (to, from) in strands.chunks_exact_mut(S::LANES).zip(rest.chunks(S::LANES)) {
        let places = simd.splat(T::from_f64(from.len() as f64));
        let x = simd.select(simd.lt(load(simd, T::COUNT), places), load(simd, from), simd.splat(fill));
        store(simd, to, x);
    }
    strands
}

/// Halves upon halves.
#[inline(always)]
fn fold<T: Copy, const N: usize>(mut strands: [T; N], both: impl Fn(T, T) -> T) -> T {
    let mut half = N / 2;
    while half > 0 {
        for i in 0..half {
            strands[i] = both(strands[i], strands[i + half]);
        }
        half /= 2;
    }
    strands[0]
}
