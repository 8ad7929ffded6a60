//! Packed lines: the layout in which a right-hand side is fastest to read, and in which weights live.
//!
//! ```text
//!   B (k × n)                 line 0            line 1         last line
//!   ┌────────┬────────┬──┐    ┌────────┐        ┌────────┐     ┌──┬─────┐
//!   │ row 0  │        │  │    │ row 0  │        │ row 0  │     │  │  0  │
//!   │ row 1  │        │  │ ─▶ │ row 1  │        │ row 1  │     │  │  0  │
//!   │   ⋮    │        │  │    │   ⋮    │        │   ⋮    │     │  │  ⋮  │
//!   └────────┴────────┴──┘    └────────┘        └────────┘     └──┴─────┘
//! ```
//! A *line* is as many columns as fill one cache line (16 `f32`, 8 `f64`), all k rows of it one after the other. The width
//! does not depend on the instruction set, so neither does anything that is kept in this layout. Padding is packed as zero, and may be
//! anything where lines are a product's result, or have been updated since; it may be read, but reaches no result.
//!
//! Panels: the same for a left-hand side. A panel is as many rows as a tile is tall, and its columns follow each other.

use super::prefetch::PREFETCH_DISTANCE;
use super::square::store_transposed;
use crate::element::Element;
use crate::isa::{Isa, Kernel, Simd, prefetch};
use std::ops::Range;

/// Elements that `cols` columns of `rows` rows take when packed. The shape is one of a view with elements, or of part of it: nothing
/// overflows.
pub(crate) fn packed_len<T: Element>(rows: usize, cols: usize) -> usize {
    rows * cols.next_multiple_of(T::LINE)
}

/// Packs columns `0..cols` of rows `0..rows` of the strided matrix at `data` into `to`, line after line.
///
/// # Safety
/// `data + i·row + j·col` must be valid for reads for every element of the block.
pub(crate) unsafe fn pack_lines<T: Element>(
    isa: Isa,
    data: *const T,
    (row, col): (usize, usize),
    (rows, cols): (usize, usize),
    to: &mut [T],
) {
    let to = &mut to[..packed_len::<T>(rows, cols)];
    if to.is_empty() {
        return;
    }
    if (col == 1 || row != 1) && !cols.is_multiple_of(T::LINE) {
        // Transposed squares bring their own zeros.
        let last = to.len() - rows * T::LINE;
        to[last..].fill(T::ZERO);
    }
    if col == 1 {
        T::dispatch(isa, CopyLines { from: data, row, rows, cols, to });
        return;
    }
    T::dispatch(isa, TransposeLines { from: data, row, col, rows, cols, to });
}

/// Lines whose rows are contiguous where they come from: a few lines at a time, row after row across them.
///
/// Made only by [`pack_lines`], whose caller vouches for the block.
struct CopyLines<'a, T> {
    from: *const T,
    row: usize,
    rows: usize,
    cols: usize,
    to: &'a mut [T],
}

impl<T: Element> Kernel<T> for CopyLines<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(mut self, simd: S) {
        let whole = self.cols / T::LINE;
        let together = whole / LINES_AT_ONCE * LINES_AT_ONCE;
        for first in (0..together).step_by(LINES_AT_ONCE) {
            self.copy_lines::<S, LINES_AT_ONCE>(simd, first);
        }
        match whole - together {
            1 => self.copy_lines::<S, 1>(simd, together),
            2 => self.copy_lines::<S, 2>(simd, together),
            3 => self.copy_lines::<S, 3>(simd, together),
            _ => {}
        }
        let rest = self.cols % T::LINE;
        for p in (0..self.rows).filter(|_| rest > 0) {
            // SAFETY: row p of the block has `rest` more elements (caller of `pack_lines`).
            let source =
                unsafe { std::slice::from_raw_parts(self.from.wrapping_add(p * self.row + whole * T::LINE), rest) };
            self.to[(whole * self.rows + p) * T::LINE..][..rest].copy_from_slice(source);
        }
    }
}

impl<T: Element> CopyLines<'_, T> {
    /// `N` whole lines from `first` on, a row of all of them after the other. The addresses go from row to row: computed and checked anew for
    /// each line of each row they take longer than the copy.
    #[inline(always)]
    fn copy_lines<S: Simd<T>, const N: usize>(&mut self, simd: S, first: usize) {
        let line = self.rows * T::LINE;
        let mut from = self.from.wrapping_add(first * T::LINE);
        let mut to = self.to[first * line..][..N * line].as_mut_ptr();
        let ahead = self.row.wrapping_mul(PREFETCH_DISTANCE);
        for _ in 0..self.rows {
            for l in 0..N {
                prefetch(from.wrapping_add(ahead).wrapping_add(l * T::LINE));
                for v in (0..T::LINE).step_by(S::LANES) {
                    // SAFETY: this row of the block has a whole line here (caller of `pack_lines`).
                    let lanes = unsafe { simd.load(from.wrapping_add(l * T::LINE + v)) };
                    // SAFETY: so has each of the lines in `to`, as was checked above.
                    unsafe { simd.store(to.wrapping_add(l * line + v), lanes) };
                }
            }
            from = from.wrapping_add(self.row);
            to = to.wrapping_add(T::LINE);
        }
    }
}

/// Lines that are written side by side: all of them, with a power of two rows each, would share a few sets of L1 (Emerald Rapids,
/// 512×1024×32 147 → 150 GFLOP/s, 200×2000×30 149 → 154).
const LINES_AT_ONCE: usize = 4;
const _: () = assert!(LINES_AT_ONCE <= 4, "as many rests are told apart");

/// Lines whose columns are contiguous (`row` is 1), or nothing is: squares are transposed in registers, the rest one by one.
///
/// Made only by [`pack_lines`], whose caller vouches for the block.
struct TransposeLines<'a, T> {
    from: *const T,
    row: usize,
    col: usize,
    rows: usize,
    cols: usize,
    to: &'a mut [T],
}

/// One of them.
struct TransposeLine<'a, T> {
    from: *const T,
    row: usize,
    col: usize,
    line: &'a mut [T],
}

impl<T: Element> Kernel<T> for TransposeLines<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let Self { from, row, col, rows, cols, to } = self;
        for (l, line) in to.chunks_exact_mut(rows * T::LINE).enumerate() {
            let width = T::LINE.min(cols - l * T::LINE);
            let mut line = TransposeLine { from: from.wrapping_add(l * T::LINE * col), row, col, line };
            if row != 1 {
                line.one_by_one(0..rows, 0..width);
                continue;
            }
            for p in (0..rows).step_by(S::LANES) {
                for j in (0..T::LINE).step_by(S::LANES) {
                    line.square(simd, p, j, (S::LANES.min(width.saturating_sub(j)), S::LANES.min(rows - p)));
                }
            }
        }
    }
}

impl<T: Element> TransposeLine<'_, T> {
    /// `depth` rows from `p` on of `width` columns from `j` on, and zeros where the square has no columns.
    #[inline(always)]
    fn square<S: Simd<T>>(&mut self, simd: S, p: usize, j: usize, (width, depth): (usize, usize)) {
        let from = self.from.wrapping_add(self.col.wrapping_mul(j).wrapping_add(p));
        let to = self.line[p * T::LINE + j..].as_mut_ptr();
        if depth == S::LANES {
            // SAFETY: `width` columns of `depth` rows are inside the block (caller of `pack_lines`); the line has room for LANES rows.
            return unsafe { store_transposed(simd, from, self.col, (width, depth), to, T::LINE) };
        }
        // By four rows, so that a B of little depth costs as much as it has rows (64×1500×3 nt: 93 → 140 GFLOP/s with all lines in one call).
        for q in (0..depth).step_by(4) {
            let (from, to, shape) = (from.wrapping_add(q), to.wrapping_add(q * T::LINE), (width, 4.min(depth - q)));
            // SAFETY: as above, some of the rows.
            unsafe { simd.transpose_runs(from, self.col, shape, to, T::LINE) };
        }
    }

    #[inline(always)]
    fn one_by_one(&mut self, rows: Range<usize>, cols: Range<usize>) {
        for j in cols {
            for p in rows.clone() {
                // SAFETY: (p, j) is inside the block (caller of `pack_lines`).
                self.line[p * T::LINE + j] = unsafe { *self.from.wrapping_add(p * self.row + j * self.col) };
            }
        }
    }
}

/// Packs α times `rows` rows of the strided matrix at `data`, `depth` columns of them, as panels of `height` rows: element (i, p) goes to
/// `to[i / height · height · depth + p · height + i mod height]`.
///
/// # Safety
/// `data + i·row + p·col` must be valid for reads for every element of the panels.
pub(crate) unsafe fn pack_panels<T: Element>(
    isa: Isa,
    alpha: T,
    data: *const T,
    (row, col): (usize, usize),
    (rows, depth): (usize, usize),
    height: usize,
    to: &mut [T],
) {
    let to = &mut to[..rows.next_multiple_of(height) * depth];
    T::dispatch(isa, Panels { alpha, from: data, row, col, rows, depth, height, to });
}

/// Panels side by side, column after column: a column that lies as a run is so read in one go, though it goes to many places. By
/// panels, each column's lines would be fetched once a panel (1024 × 1024 × 512 tn: 247 →
/// 258 GFLOP/s).
///
/// Made only by [`pack_panels`], whose caller vouches for the elements.
struct Panels<'a, T> {
    alpha: T,
    from: *const T,
    row: usize,
    col: usize,
    rows: usize,
    depth: usize,
    height: usize,
    to: &'a mut [T],
}

impl<T: Element> Kernel<T> for Panels<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(mut self, simd: S) {
        let alpha = simd.splat(self.alpha);
        for p in 0..self.depth {
            let from = self.from.wrapping_add(p * self.col);
            if self.row != 1 {
                self.one_by_one(from, p);
                continue;
            }
            for line in 0..self.rows.div_ceil(T::LINE) {
                prefetch(from.wrapping_add(self.col.wrapping_mul(PREFETCH_DISTANCE).wrapping_add(line * T::LINE)));
            }
            let (mut first, mut to) = (0, self.to[p * self.height..].as_mut_ptr());
            // What follows a column in its panel is written later: whole vectors, faster than parts (512×256×300 tn: 235 → 246 GFLOP/s).
            let spills = self.height < S::LANES && (self.depth - p) * self.height >= S::LANES;
            while spills && self.rows - first >= S::LANES {
                // SAFETY: a whole vector of a column (caller of `pack_panels`).
                let column = unsafe { simd.load(from.wrapping_add(first)) };
                // SAFETY: the panel has room for a vector from here on.
                unsafe { simd.store(to, simd.mul(alpha, column)) };
                first += self.height;
                to = to.wrapping_add(self.height * self.depth);
            }
            while first < self.rows {
                self.column_of_panel(simd, alpha, from.wrapping_add(first), self.height.min(self.rows - first), to);
                first += self.height;
                to = to.wrapping_add(self.height * self.depth);
            }
        }
    }
}

impl<T: Element> Panels<'_, T> {
    /// α times `count` numbers at `from`, a column of one panel, to `to`.
    #[inline(always)]
    fn column_of_panel<S: Simd<T>>(&self, simd: S, alpha: S::V, from: *const T, count: usize, to: *mut T) {
        let mut i = 0;
        while i < count {
            let n = S::LANES.min(count - i);
            // SAFETY: these rows of a column (caller of `pack_panels`).
            let column = unsafe { simd.load_partial(from.wrapping_add(i), n) };
            // SAFETY: `to` has the panels' length, of which this is a column.
            unsafe { simd.store_partial(to.wrapping_add(i), n, simd.mul(alpha, column)) };
            i += S::LANES;
        }
    }

    /// Column `p`, which begins at `from`, of rows that are apart.
    #[inline(always)]
    fn one_by_one(&mut self, from: *const T, p: usize) {
        for i in 0..self.rows {
            let to = i / self.height * self.height * self.depth + p * self.height + i % self.height;
            // SAFETY: (i, p) is inside the panels (caller of `pack_panels`).
            self.to[to] = self.alpha * unsafe { *from.wrapping_add(i * self.row) };
        }
    }
}
