//! From the packed lines of a matrix to those of its transpose.

use super::square::{Square, turn};
use crate::element::Element;
use crate::isa::{Kernel, Simd};
use std::ops::Range;

/// Copies rows × cols of a matrix in packed lines to where its transpose is, in packed lines as well: squares turned in registers.
///
/// Whoever makes one vouches for both arrays of lines, and that nobody else writes this block meanwhile.
pub(crate) struct TurnLines<T> {
    pub(crate) from: *const T,
    pub(crate) to: *mut T,
    /// Rows and columns of the whole matrix.
    pub(crate) shape: (usize, usize),
    /// Begins on a line.
    pub(crate) rows: Range<usize>,
    /// Begins on a line.
    pub(crate) cols: Range<usize>,
}

impl<T: Element> TurnLines<T> {
    /// Where element (i, j) is.
    fn from(&self, i: usize, j: usize) -> *const T {
        self.from.wrapping_add((j / T::LINE * self.shape.0 + i) * T::LINE + j % T::LINE)
    }

    /// Where it goes.
    fn to(&self, i: usize, j: usize) -> *mut T {
        self.to.wrapping_add((i / T::LINE * self.shape.1 + j) * T::LINE + i % T::LINE)
    }

    /// The square at (i, j), at an edge: `width` rows, of `depth` elements each.
    #[inline(always)]
    fn edge<S: Simd<T>>(&self, simd: S, (i, j): (usize, usize), (width, depth): (usize, usize)) {
        let mut square = Square::new();
        // SAFETY: these elements of the block; room for a square.
        unsafe { turn(simd, self.from(i, j), T::LINE, (width, depth), square.start_mut(), S::LANES) };
        for q in 0..depth {
            // SAFETY: vector `q` of the square.
            let lanes = unsafe { simd.load(square.start().wrapping_add(q * S::LANES)) };
            // SAFETY: row j + q of the transpose has these elements.
            unsafe { simd.store_partial(self.to(i, j + q), width, lanes) };
        }
    }
}

impl<T: Element> Kernel<T> for TurnLines<T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        debug_assert!(self.rows.start.is_multiple_of(T::LINE) && self.cols.start.is_multiple_of(T::LINE), "on a line");
        for j in self.cols.clone().step_by(S::LANES) {
            let depth = S::LANES.min(self.cols.end - j);
            for i in self.rows.clone().step_by(S::LANES) {
                let width = S::LANES.min(self.rows.end - i);
                if width == S::LANES && depth == S::LANES {
                    // SAFETY: a square of the block, inside one line here and there.
                    unsafe { simd.transpose(self.from(i, j), T::LINE, self.to(i, j), T::LINE) };
                } else {
                    self.edge(simd, (i, j), (width, depth));
                }
            }
        }
    }
}
