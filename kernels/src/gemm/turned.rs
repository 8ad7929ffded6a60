//! Few rows against a right-hand side that lies column by column: weights stored n × k, or a matrix times a vector.
//!
//! ```text
//!   B in memory (a column is a run)        in registers            the accumulators
//!   column j    ─ p p+1 p+2 … ─▶  ┐                                c₀ += a₀p · b_p
//!   column j+1  ─ p p+1 p+2 … ─▶  ├── transposed ──▶ b_p, b_p+1, …  c₁ += a₁p · b_p
//!      ⋮                          ┘   LANES × LANES                  ⋮
//! ```
//! A dot product would keep several partial sums for each element and so give other bits. Turning squares in registers keeps
//! one chain for each element, with vectors along the columns, and reads B once; packing first would write and read all of it
//! again. On one Zen 5 core, 128 columns, k = 784: 47 GFLOP/s instead of 25 with one row, 150 instead of 105 with four, 197 instead of
//! 140 with eight, 199 instead of 178 with twelve, no gain with fourteen. The shuffles bind few rows (64 a square of 16 × 16, two a
//! cycle); putting rows together as they are loaded takes fewer of them, but measured slower (28).

use super::microkernel::{GROUP, GROUPS, Start, row_groups, vector_offset};
use super::square::{Square, turn};
use crate::element::Element;
use crate::isa::{Kernel, Simd, prefetch};

/// The most rows that any tier turns on the way, …
pub(crate) const MAX_ROWS: usize = 12;
/// … for a k from this on: what is packed leaves L1 there. Over a shorter one it beats packing up to …
const LONG: usize = 128;
/// … so many rows, against more than one vector of columns; and …
const SEVERAL: usize = 8;
/// … up to so many on every tier, whatever the shape.
pub(crate) const FEW: usize = 4;
/// The k from which on squares are to begin on cache lines.
const ALIGNED: usize = 256;
/// Columns at a multiple of this stride, in bytes, leave a group so few sets of L1 that what is asked for ahead is gone before it is read.
const FOLDED: usize = 1024;

/// The most rows for which a tier has kernels. Where a vector is but a part of a line, not more than four: AVX2 has too few registers
/// (8×128×784 nt: 85 → 39 GFLOP/s), NEON was not measured.
pub(crate) const fn most_rows<T: Element, S: Simd<T>>() -> usize {
    if S::LANES == T::LINE { MAX_ROWS } else { FEW }
}

/// Whether turning on the way beats packing, where there is a kernel for it. One vector of columns packs in L1 until k is long, and
/// a tall tile that reads it hides the latency of its chains (8×10×64 nt: 84 GFLOP/s turned, 90 packed).
#[inline(always)]
pub(crate) fn pays<T: Element>(rows: usize, cols: usize, k: usize) -> bool {
    if rows <= FEW {
        return true;
    }
    let packs_well = cols <= T::LINE && k > T::LINE && k < ALIGNED;
    !packs_well && (rows <= SEVERAL || k >= LONG)
}

/// `rows × cols` of C += A (α′ B) over `k`, with column j of B at `b + j·b_col`, contiguous.
///
/// Element (i, p) of A is at `a + i·a_row + p·a_col`; columns of C are contiguous within a cache line, and `c_line` apart from
/// line to line.
#[derive(Clone, Copy)]
pub(crate) struct Columns<T> {
    pub(crate) cols: usize,
    pub(crate) k: usize,
    pub(crate) alpha_right: T,
    pub(crate) a: *const T,
    pub(crate) a_row: usize,
    pub(crate) a_col: usize,
    pub(crate) b: *const T,
    pub(crate) b_col: usize,
    pub(crate) c: *mut T,
    pub(crate) c_row: usize,
    pub(crate) c_line: usize,
    pub(crate) start: Start<T>,
}

impl<T: Element> Columns<T> {
    /// Steps until all columns of B are at a cache line, where those are worth a part of their own: runs that are whole lines take half
    /// the loads, and each line once (1×128×784 nt: 38 → 47 GFLOP/s; 1×1024×1024 nt: 17 → 30).
    pub(crate) fn steps_to_line(&self) -> usize {
        if self.k < ALIGNED || !self.b_col.is_multiple_of(T::LINE) {
            return 0;
        }
        (self.b as usize).wrapping_neg() / size_of::<T>() % T::LINE
    }

    /// Whether the columns fold onto few sets of L1 (1×1024×1024 nt, two vectors instead of four: 13 → 29 GFLOP/s).
    #[inline(always)]
    fn folds(&self) -> bool {
        self.b_col.wrapping_mul(size_of::<T>()).is_multiple_of(FOLDED)
    }
}

/// A compiled kernel for one number of rows.
///
/// # Safety
/// The CPU has the kernel's instruction set, and the operands are valid: A, B (the bias, and C where it is read) for reads, C for
/// writes by this thread alone.
pub(crate) type ColumnsFn<T> = unsafe fn(&Columns<T>);

/// The kernel for `MR` rows on one instruction set, as a plain function to put in a table.
///
/// # Safety
/// See [`ColumnsFn`].
pub(crate) unsafe fn columns<T: Element, S: Simd<T>, const MR: usize>(columns: &Columns<T>) {
    // SAFETY: the caller vouches for the instruction set.
    let simd = unsafe { S::assume() };
    simd.enter(Groups::<T, MR>(columns));
}

/// All columns, a few vectors of them at a time, whose chains hide each other's latency: four where there is one row or two (two
/// rows: 60 → 70 GFLOP/s) and L1 has room for them, else two.
struct Groups<'a, T, const MR: usize>(&'a Columns<T>);

impl<T: Element, const MR: usize> Kernel<T> for Groups<'_, T, MR> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let cols = self.0.cols;
        let folds = self.0.folds();
        let mut first = 0;
        while MR <= 2 && !folds && cols.saturating_sub(first) > 3 * S::LANES {
            self.group::<S, 4>(simd, first);
            first += 4 * S::LANES;
        }
        while cols.saturating_sub(first) > S::LANES {
            self.group::<S, 2>(simd, first);
            first += 2 * S::LANES;
        }
        if first < cols {
            self.group::<S, 1>(simd, first);
        }
    }
}

impl<T: Element, const MR: usize> Groups<'_, T, MR> {
    /// `NV` vectors of columns from `first` on; at least one column of each exists.
    #[inline(always)]
    fn group<S: Simd<T>, const NV: usize>(&self, simd: S, first: usize) {
        let Columns { cols, k, a, a_row, a_col, b, b_col, .. } = *self.0;
        let widths: [usize; NV] = std::array::from_fn(|v| S::LANES.min(cols - first - v * S::LANES));
        let mut sums = self.start::<S, NV>(simd, first, widths);
        let folds = self.0.folds();
        let mut a = row_groups::<T, MR>(a, a_row);
        let mut squares = [const { Square::<T>::new() }; NV];
        for p in (0..k).step_by(S::LANES) {
            let depth = S::LANES.min(k - p);
            let is_last = p + S::LANES >= k;
            for (v, square) in squares.iter_mut().enumerate() {
                let from = b.wrapping_add((first + v * S::LANES) * b_col + p);
                // The next square: sixteen runs are more than the hardware follows. Not where they fold (8×1024×1024 nt: 107 → 139).
                for j in 0..if folds || is_last { 0 } else { widths[v] } {
                    prefetch(from.wrapping_add(j * b_col + S::LANES));
                }
                // SAFETY: `depth` rows of `widths[v]` columns of B begin here (caller of `columns`).
                unsafe { turn(simd, from, b_col, (widths[v], depth), square.start_mut(), S::LANES) };
                self.scale(simd, square);
            }
            for q in 0..depth {
                self.step(simd, &a, &squares, q, &mut sums);
                a.iter_mut().for_each(|group| *group = group.wrapping_add(a_col));
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                // SAFETY: these columns of row i of C (caller of `columns`).
                unsafe { simd.store_partial(self.c::<S>(i, first, v), widths[v], sum) };
            }
        }
    }

    /// One row of B, vector `q` of the squares, times a column of A.
    #[inline(always)]
    fn step<S: Simd<T>, const NV: usize>(
        &self,
        simd: S,
        a: &[*const T; GROUPS],
        squares: &[Square<T>; NV],
        q: usize,
        sums: &mut [[S::V; NV]; MR],
    ) {
        let mut row = [simd.splat(T::ZERO); NV];
        for (lanes, square) in row.iter_mut().zip(squares) {
            // SAFETY: vector `q` of the square.
            *lanes = unsafe { simd.load(square.start().wrapping_add(q * S::LANES)) };
        }
        for (i, sums) in sums.iter_mut().enumerate() {
            // SAFETY: row i of this column of A (caller of `columns`).
            let x = simd.splat(unsafe { *a[i / GROUP].wrapping_add(i % GROUP * self.0.a_row) });
            for (sum, &lanes) in sums.iter_mut().zip(&row) {
                *sum = simd.mul_add(x, lanes, *sum);
            }
        }
    }

    /// α′ into a square of B.
    #[inline(always)]
    fn scale<S: Simd<T>>(&self, simd: S, square: &mut Square<T>) {
        if self.0.alpha_right == T::ONE {
            return;
        }
        let factor = simd.splat(self.0.alpha_right);
        for q in 0..S::LANES {
            let at = square.start_mut().wrapping_add(q * S::LANES);
            // SAFETY: vector `q` of the square.
            let row = unsafe { simd.load(at) };
            // SAFETY: the same place.
            unsafe { simd.store(at, simd.mul(factor, row)) };
        }
    }

    /// Where vector `v` of the group at column `first` is in row `i` of C.
    #[inline(always)]
    fn c<S: Simd<T>>(&self, i: usize, first: usize, v: usize) -> *mut T {
        let offset = vector_offset::<T, S>(self.0.c_line, first / S::LANES + v);
        self.0.c.wrapping_add(i * self.0.c_row + offset)
    }

    /// The accumulators before the first step.
    #[inline(always)]
    fn start<S: Simd<T>, const NV: usize>(&self, simd: S, first: usize, widths: [usize; NV]) -> [[S::V; NV]; MR] {
        let mut sums = [[simd.splat(T::ZERO); NV]; MR];
        for (i, sums) in sums.iter_mut().enumerate() {
            for (v, sum) in sums.iter_mut().enumerate() {
                // SAFETY: these columns of row i of C (caller of `columns`), read only where the start is there.
                let stored = || unsafe { simd.load_partial(self.c::<S>(i, first, v), widths[v]) };
                *sum = match self.0.start {
                    Start::Zero => simd.splat(T::ZERO),
                    Start::All(value) => simd.splat(value),
                    Start::Stored => stored(),
                    Start::Scaled(beta) => simd.mul(simd.splat(beta), stored()),
                    Start::Row(bias) => {
                        // SAFETY: the bias of these columns (caller of `columns`).
                        unsafe { simd.load_partial(bias.wrapping_add(first + v * S::LANES), widths[v]) }
                    }
                };
            }
        }
        sums
    }
}
