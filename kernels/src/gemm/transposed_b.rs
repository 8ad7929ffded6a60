//! Few rows against a right-hand side that lies column by column: weights stored n × k, or a matrix times a vector.
//!
//! ```text
//!   B in memory (a column is a run)        in registers            the accumulators
//!   column j    ─ p p+1 p+2 … ─▶  ┐                                c₀ += a₀p · b_p
//!   column j+1  ─ p p+1 p+2 … ─▶  ├── transposed ──▶ b_p, b_p+1, …  c₁ += a₁p · b_p
//!      ⋮                          ┘   LANES × LANES                  ⋮
//! ```
//! A dot product would keep several partial sums for each element and so give other bits. To transpose squares in registers keeps
//! one chain for each element, with vectors along the columns, and reads B once; packing first would write and read all of it
//! again. On one Zen 5 core, 128 columns, k = 784, squares still in memory: 47 GFLOP/s instead of 25 with one row, 150 instead of 105
//! with four, 197 instead of 140 with eight, 199 instead of 178 with twelve, no gain with fourteen.
//!
//! A whole square stays in registers, where there are enough: in memory, as it once was, it took 16 stores and 16 loads more, and the
//! rows of B that were read side by side more addresses than there are registers (Zen 4, 1×128×784 nt: 24 → 29 GFLOP/s, 4×128×784
//! 64 → 82, 8×128×784 82 → 98, f64 46 → 52; AVX2, 1×128×784 19 → 27). The shuffles bind few rows: 64 a square of 16 × 16, one a cycle
//! on Zen 4, two on Zen 5. Half vectors take as many of half the size, but twice as many broadcasts of A: 31 with one row, 76 with four,
//! 82 with eight.

use super::kernel_args::Start;
use super::microkernel::{GROUP, GROUPS, row_groups, unrolled};
use super::operand::Output;
use super::room::{QUARTER_L1_PERIOD, aliases};
use super::square::load_transposed;
use crate::element::Element;
use crate::isa::{Kernel, Simd, opaque};

/// The most rows for which any tier transposes B on the way.
pub(crate) const MAX_ROWS: usize = 12;
/// More rows than these pack B, …
const SEVERAL: usize = 8;
/// … where it is not wider than so many lines and k is shorter than this: a tile then reads what it has packed from L1.
const LINES: usize = 2;
const LONG: usize = 128;
/// For so many rows every tier does.
pub(crate) const ROWS_ON_EVERY_TIER: usize = 4;
/// The k from which on squares are to begin on cache lines.
const ALIGNED: usize = 256;

/// The most rows for which a tier has kernels. Where a vector is but a part of a line, not more than four: AVX2 has too few registers
/// (with squares in memory, 8×128×784 nt: 85 → 39 GFLOP/s), NEON was not measured.
pub(crate) const fn most_rows<T: Element, S: Simd<T>>() -> usize {
    if S::LANES == T::LINE { MAX_ROWS } else { ROWS_ON_EVERY_TIER }
}

/// Whether to transpose on the way beats packing, where there is a kernel for it (Zen 4: 9×48×120 nt 68 → 89 GFLOP/s, 12×64×64 64 → 94,
/// 8×16×200 64 → 82; 12×32×32 would lose: 72 → 67, 12×16×64 74 → 61).
#[inline(always)]
pub(crate) fn pays<T: Element>(rows: usize, cols: usize, k: usize) -> bool {
    rows <= SEVERAL || cols > LINES * T::LINE || k >= LONG
}

/// `rows × cols` of C += A (α′ B) over `k`, with column j of B at `b + j·b_col`, contiguous.
///
/// Element (i, p) of A is at `a + i·a_row + p·a_col`; columns of C are contiguous within a cache line.
#[derive(Clone, Copy)]
pub(crate) struct TransposedBArgs<T> {
    pub(crate) cols: usize,
    pub(crate) k: usize,
    pub(crate) alpha_right: T,
    pub(crate) a: *const T,
    pub(crate) a_row: usize,
    pub(crate) a_col: usize,
    pub(crate) b: *const T,
    pub(crate) b_col: usize,
    pub(crate) c: Output<T>,
    pub(crate) start: Start<T>,
}

impl<T: Element> TransposedBArgs<T> {
    /// Steps until all columns of B are at a cache line, where those are worth a part of their own: runs that are whole lines take half
    /// the loads, and each line once (1×128×784 nt: 38 → 47 GFLOP/s; 1×1024×1024 nt: 17 → 30).
    pub(crate) fn steps_to_line(&self) -> usize {
        if self.k < ALIGNED || !self.b_col.is_multiple_of(T::LINE) {
            return 0;
        }
        (self.b as usize).wrapping_neg() / size_of::<T>() % T::LINE
    }

    /// Whether the columns of four vectors push each other out of L1: two are then read side by side, not four (Zen 4, f64 1×512×512 nt: 9.2 → 12
    /// GFLOP/s, 2×1024×1024 nt 18 → 22; f32 gains or loses a tenth).
    #[inline(always)]
    fn b_aliases(&self) -> bool {
        aliases::<T>(self.b_col, QUARTER_L1_PERIOD)
    }
}

/// A compiled kernel for one number of rows.
///
/// # Safety
/// The CPU has the kernel's instruction set, and the operands are valid: A, B (the bias, and C where it is read) for reads, C for
/// writes by this thread alone.
pub(crate) type TransposedBFn<T> = unsafe fn(&TransposedBArgs<T>);

/// The kernel for `MR` rows on one instruction set, as a plain function to put in a table.
///
/// # Safety
/// See [`TransposedBFn`].
pub(crate) unsafe fn transposed_b_kernel<T: Element, S: Simd<T>, const MR: usize>(args: &TransposedBArgs<T>) {
    // SAFETY: the caller vouches for the instruction set.
    let simd = unsafe { S::assume() };
    simd.enter(ColumnGroups::<T, MR>(args));
}

/// How many vectors of columns are multiplied side by side, and how many of these share each broadcast of A.
const fn side_by_side(registers: usize, lanes: usize, rows: usize) -> (usize, usize) {
    // The sums of two, their squares, and what is on its way into them.
    let shared = if 2 * (rows + lanes) + 4 <= registers { 2 } else { 1 };
    // Enough chains to hide each other's latency.
    match rows {
        1 | 2 if registers >= 32 => (4, shared),
        1 | 2 => (2, shared),
        3 | 4 if registers >= 32 => (2, shared),
        _ => (shared, shared),
    }
}

/// All columns, a few vectors of them at a time.
struct ColumnGroups<'a, T, const MR: usize>(&'a TransposedBArgs<T>);

impl<T: Element, const MR: usize> Kernel<T> for ColumnGroups<'_, T, MR> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let (most, shared) = const { side_by_side(S::REGISTERS, S::LANES, MR) };
        let cols = self.0.cols;
        let b_aliases = self.0.b_aliases();
        let mut first = 0;
        while most == 4 && !b_aliases && first + 4 * S::LANES <= cols {
            if shared == 2 {
                self.group::<S, 2, 2>(simd, first, S::LANES);
            } else {
                self.group::<S, 4, 1>(simd, first, S::LANES);
            }
            first += 4 * S::LANES;
        }
        while most >= 2 && first + 2 * S::LANES <= cols {
            if shared == 2 {
                self.group::<S, 1, 2>(simd, first, S::LANES);
            } else {
                self.group::<S, 2, 1>(simd, first, S::LANES);
            }
            first += 2 * S::LANES;
        }
        while first < cols {
            self.group::<S, 1, 1>(simd, first, S::LANES.min(cols - first));
            first += S::LANES;
        }
    }
}

impl<T: Element, const MR: usize> ColumnGroups<'_, T, MR> {
    /// `N` times `P` vectors of columns from `first` on, of which there are `width` in each; `P` share each broadcast of A.
    #[inline(always)]
    fn group<S: Simd<T>, const N: usize, const P: usize>(&self, simd: S, first: usize, width: usize) {
        let TransposedBArgs { k, a, a_row, a_col, b, b_col, .. } = *self.0;
        let mut sums = [[[simd.splat(T::ZERO); MR]; P]; N];
        for (v, sums) in sums.as_flattened_mut().iter_mut().enumerate() {
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = self.load_accumulators(simd, i, first + v * S::LANES, width);
            }
        }
        let mut a = row_groups::<T, MR, 1>(a, a_row);
        let mut b = b.wrapping_add(first * b_col);
        for _ in 0..k / S::LANES {
            let mut from = b;
            unrolled!(n < N, {
                self.k_steps(simd, a, &mut from, (width, S::LANES), &mut sums[n]);
            });
            a.iter_mut().for_each(|group| *group = group.wrapping_add(S::LANES * a_col));
            b = b.wrapping_add(S::LANES);
        }
        let rest = k % S::LANES;
        if rest > 0 {
            unrolled!(n < N, {
                self.k_steps(simd, a, &mut b, (width, rest), &mut sums[n]);
            });
        }
        for (v, sums) in sums.as_flattened().iter().enumerate() {
            for (i, &sum) in sums.iter().enumerate() {
                // SAFETY: these columns of row i of C (caller of `transposed_b_kernel`).
                unsafe { simd.store_partial(self.0.c.at(i, first + v * S::LANES), width, sum) };
            }
        }
    }

    /// Squares of B, side by side from `from` on, which moves to the next ones: their rows, each times a column of A. There are `width`
    /// columns in each, and `depth` rows.
    #[inline(always)]
    fn k_steps<S: Simd<T>, const P: usize>(
        &self,
        simd: S,
        mut a: [*const T; GROUPS],
        from: &mut *const T,
        (width, depth): (usize, usize),
        sums: &mut [[S::V; MR]; P],
    ) {
        let TransposedBArgs { a_row, a_col, .. } = *self.0;
        // A loop, as a closure would not be sure to be inlined.
        let mut squares = [self.load_square(simd, from, width, depth); P];
        for square in &mut squares[1..] {
            *square = self.load_square(simd, from, width, depth);
        }
        let lanes = S::LANES;
        unrolled!(q < lanes, {
            if q < depth {
                for i in 0..MR {
                    // SAFETY: row i of this column of A (caller of `transposed_b_kernel`).
                    let x = simd.splat(unsafe { *a[i / GROUP].wrapping_add(i % GROUP * a_row) });
                    for (sums, square) in sums.iter_mut().zip(&squares) {
                        sums[i] = simd.mul_add(x, square.as_ref()[q], sums[i]);
                    }
                }
                a.iter_mut().take(MR.div_ceil(GROUP)).for_each(|group| *group = opaque(group.wrapping_add(a_col)));
            }
        });
    }

    /// A square of α′ B, and on to the next.
    #[inline(always)]
    fn load_square<S: Simd<T>>(&self, simd: S, from: &mut *const T, width: usize, depth: usize) -> S::Square {
        let TransposedBArgs { b_col, alpha_right, .. } = *self.0;
        // SAFETY: `depth` rows of `width` columns of B begin here (caller of `transposed_b_kernel`).
        let mut square = unsafe { load_transposed(simd, *from, b_col, (width, depth)) };
        *from = opaque(from.wrapping_add(S::LANES.wrapping_mul(b_col)));
        if alpha_right != T::ONE {
            let factor = simd.splat(alpha_right);
            for row in square.as_mut() {
                *row = simd.mul(factor, *row);
            }
        }
        square
    }

    /// Before the first step, the sums of `width` columns of row `i` from `j` on.
    #[inline(always)]
    fn load_accumulators<S: Simd<T>>(&self, simd: S, i: usize, j: usize, width: usize) -> S::V {
        let columns = self.0.c.at(i, j);
        match self.0.start {
            Start::Zero => simd.splat(T::ZERO),
            Start::All(value) => simd.splat(value),
            // SAFETY: these columns of C (caller of `transposed_b_kernel`).
            Start::Stored => unsafe { simd.load_partial(columns, width) },
            Start::Scaled(beta) => {
                // SAFETY: as above.
                let stored = unsafe { simd.load_partial(columns, width) };
                simd.mul(simd.splat(beta), stored)
            }
            // SAFETY: the bias of these columns (caller of `transposed_b_kernel`).
            Start::Row(bias) => unsafe { simd.load_partial(bias.wrapping_add(j), width) },
        }
    }
}
