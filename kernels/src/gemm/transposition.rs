//! From where a matrix is to where its transpose is, each in packed lines or row by row.

use super::operand::Output;
use super::square::{Square, store_transposed};
use crate::element::Element;
use crate::isa::{Kernel, Simd};
use std::ops::Range;

/// Copies rows × cols of a matrix to where its transpose is: squares transposed in registers. Valid as [`new`](Self::new) has it.
pub(crate) struct Transposition<T> {
    /// Only read.
    from: Output<T>,
    to: Output<T>,
    rows: Range<usize>,
    cols: Range<usize>,
}

impl<T: Element> Transposition<T> {
    /// From `rows × cols` of `from` to `cols × rows` of `to`. Rows and columns begin on lines.
    ///
    /// # Safety
    /// Until it has run, the block of `from` is valid for reads, and the one of `to` for writes: they do not overlap, and nobody else uses the
    /// latter. Both have contiguous columns (`col = 1`).
    #[inline(always)]
    pub(crate) unsafe fn new(from: Output<T>, to: Output<T>, rows: Range<usize>, cols: Range<usize>) -> Self {
        debug_assert!(rows.start.is_multiple_of(T::LINE) && cols.start.is_multiple_of(T::LINE), "on a line");
        debug_assert!(from.col == 1 && to.col == 1, "contiguous columns");
        Self { from, to, rows, cols }
    }

    /// The square at (i, j), at an edge: `width` rows, of `depth` elements each.
    #[inline(always)]
    fn edge<S: Simd<T>>(&self, simd: S, (i, j): (usize, usize), (width, depth): (usize, usize)) {
        let (from, to) = (self.from.at(i, j), self.to.at(j, i));
        // In vectors of a line; more rows would go to each row of the transpose in several parts (100×4×30 tn: 52 → 68 GFLOP/s; 784×10×32 tn
        // would lose: 105 → 87).
        if width <= 4 && S::LANES == T::LINE {
            // SAFETY: these elements of the block, here and there.
            return unsafe { simd.transpose_few(from, self.from.row, (width, depth), to, self.to.row) };
        }
        let mut square = Square::new();
        // SAFETY: these elements of the block; room for a square.
        unsafe { store_transposed(simd, from, self.from.row, (width, depth), square.start_mut(), S::LANES) };
        for q in 0..depth {
            // SAFETY: vector `q` of the square.
            let lanes = unsafe { simd.load(square.start().wrapping_add(q * S::LANES)) };
            // SAFETY: row j + q of the transpose has these elements.
            unsafe { simd.store_partial(self.to.at(j + q, i), width, lanes) };
        }
    }
}

impl<T: Element> Kernel<T> for Transposition<T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        for j in self.cols.clone().step_by(S::LANES) {
            let depth = S::LANES.min(self.cols.end - j);
            for i in self.rows.clone().step_by(S::LANES) {
                let width = S::LANES.min(self.rows.end - i);
                if width == S::LANES && depth == S::LANES {
                    // SAFETY: a square of the block, inside one line here and there.
                    unsafe {
                        store_transposed(
                            simd,
                            self.from.at(i, j),
                            self.from.row,
                            (width, depth),
                            self.to.at(j, i),
                            self.to.row,
                        )
                    };
                } else {
                    self.edge(simd, (i, j), (width, depth));
                }
            }
        }
    }
}
