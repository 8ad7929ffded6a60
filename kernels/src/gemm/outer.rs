//! A few outer products onto a row-major C: row by row, each written once from end to end.
//!
//! ```text
//!              b₀ ────────────────▶      in L1, a block of columns at a time
//!              b₁ ────────────────▶
//!   a₀ a₁      C ┊─ first ─┊── whole lines ──┊─ last ─┊
//!                  elements up to a line, then no store crosses one, wherever the row begins
//! ```
//! So little is multiplied that the stores of C are all that counts. A tile would write several rows, of which but some can begin on
//! lines, and takes longer to be set up than to be multiplied (Emerald Rapids, 1000×1000×1: 9.4 → 13.8 GFLOP/s, 500×500×2: 28 → 45,
//! 1000×1000×3: 25 → 41, 10×1000×2: 24 → 57).

use super::driver::Product;
use super::microkernel::{End, Start};
use super::operand::Right;
use super::plan::WORK_TO_WAKE;
use super::room::bytes;
use crate::element::Element;
use crate::isa::{Isa, Kernel, Simd};
use crate::team::Team;

/// Columns of C, in lines, and bytes of it, that are worth it (100×100×4 would lose: 78 → 64).
const LEAST_LINES: usize = 8;
const LEAST_BYTES: usize = 32 * 1024;
/// The most outer products: each takes a load of B for every store of C, where a tile's rows would share it.
const MOST: usize = 4;
/// Bytes of B that stay in L1 from row to row.
const NEAR: usize = 16 * 1024;
/// Jobs for each thread.
const JOBS: usize = 4;

impl<T: Element> Product<T> {
    /// A few outer products of operands that are read as they are, onto a C of long rows. One that is far is asked for ahead by tiles.
    pub(super) fn is_outer(&self) -> bool {
        let rows_of_b = matches!(self.b, Right::Strided { col: 1, .. }) && self.alpha_right == T::ONE;
        let onto_rows =
            !self.c.padded && !matches!(self.start, Start::Row(_) | Start::All(_)) && self.end == End::Stored;
        let pays = (1..=MOST).contains(&self.k)
            && self.n >= LEAST_LINES * T::LINE
            && bytes::<T>(self.m, self.n) >= LEAST_BYTES;
        pays && rows_of_b && onto_rows && self.a.panel().is_none() && !self.is_far()
    }

    /// Them, on `team` where C is worth that.
    pub(super) fn run_outer(&self, isa: Isa, team: &Team) {
        let work = self.m.saturating_mul(self.n).saturating_mul(self.k);
        let threads = team.threads().min(work / WORK_TO_WAKE);
        if threads <= 1 {
            return T::dispatch(isa, OuterProducts(*self));
        }
        let rows = self.m.div_ceil(JOBS * threads);
        team.run(self.m.div_ceil(rows), |job| {
            T::dispatch(isa, OuterProducts(self.rows(job * rows..self.m.min((job + 1) * rows))));
        });
    }
}

/// The rows of one product. Whoever makes one vouches for the operands, of which B and C have contiguous columns.
struct OuterProducts<T>(Product<T>);

impl<T: Element> Kernel<T> for OuterProducts<T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let Right::Strided { data, row, .. } = self.0.b else { unreachable!("B is read in place") };
        match self.0.k {
            1 => self.blocks::<S, 1>(simd, (data, row)),
            2 => self.blocks::<S, 2>(simd, (data, row)),
            3 => self.blocks::<S, 3>(simd, (data, row)),
            _ => self.blocks::<S, MOST>(simd, (data, row)),
        }
    }
}

impl<T: Element> OuterProducts<T> {
    /// Block after block of columns.
    #[inline(always)]
    fn blocks<S: Simd<T>, const K: usize>(&self, simd: S, b: (*const T, usize)) {
        let Product { m, n, alpha, a, c, start, .. } = self.0;
        let width = NEAR / size_of::<T>() / K;
        for first in (0..n).step_by(width) {
            let cols = width.min(n - first);
            let b: [*const T; K] = std::array::from_fn(|p| b.0.wrapping_add(p * b.1 + first));
            for i in 0..m {
                let mut factors = [simd.splat(T::ZERO); K];
                for (p, factor) in factors.iter_mut().enumerate() {
                    // SAFETY: (i, p) is inside A (whoever made this).
                    *factor = simd.splat(alpha * unsafe { *a.data.wrapping_add(i * a.row + p * a.col) });
                }
                let row = Row { factors, b, c: c.data.wrapping_add(i * c.row + first), cols };
                // A match a row, not one a vector.
                match start {
                    Start::Zero => row.write(simd, |_, _| simd.splat(T::ZERO)),
                    // SAFETY: `n` elements of C from `at` on.
                    Start::Stored => row.write(simd, |at, n| unsafe { simd.load_partial(row.c.wrapping_add(at), n) }),
                    Start::Scaled(beta) => row.write(simd, |at, n| {
                        // SAFETY: as above.
                        simd.mul(simd.splat(beta), unsafe { simd.load_partial(row.c.wrapping_add(at), n) })
                    }),
                    Start::Row(_) | Start::All(_) => unreachable!("no bias"),
                }
            }
        }
    }
}

/// A row of C, or a block of it.
#[derive(Clone, Copy)]
struct Row<T, V, const K: usize> {
    factors: [V; K],
    b: [*const T; K],
    c: *mut T,
    cols: usize,
}

impl<T: Element, V: Copy, const K: usize> Row<T, V, K> {
    /// All of it, from what `start` gives for so many elements from one on.
    #[inline(always)]
    fn write<S: Simd<T, V = V>>(&self, simd: S, start: impl Fn(usize, usize) -> V) {
        let before_line = (self.c as usize).wrapping_neg() / size_of::<T>() % S::LANES;
        let mut at = before_line.min(self.cols);
        if at > 0 {
            self.part(simd, 0, at, &start);
        }
        while at + S::LANES <= self.cols {
            let mut sum = start(at, S::LANES);
            for (&factor, b) in self.factors.iter().zip(&self.b) {
                // SAFETY: a whole vector of this row of B (whoever made `OuterProducts`).
                sum = simd.mul_add(factor, unsafe { simd.load(b.wrapping_add(at)) }, sum);
            }
            // SAFETY: a whole vector of this row of C.
            unsafe { simd.store(self.c.wrapping_add(at), sum) };
            at += S::LANES;
        }
        if at < self.cols {
            self.part(simd, at, self.cols - at, &start);
        }
    }

    /// `n < LANES` elements from `at` on.
    #[inline(always)]
    fn part<S: Simd<T, V = V>>(&self, simd: S, at: usize, n: usize, start: &impl Fn(usize, usize) -> V) {
        let mut sum = start(at, n);
        for (&factor, b) in self.factors.iter().zip(&self.b) {
            // SAFETY: `n` elements of this row of B (whoever made `OuterProducts`).
            sum = simd.mul_add(factor, unsafe { simd.load_partial(b.wrapping_add(at), n) }, sum);
        }
        // SAFETY: as many of this row of C.
        unsafe { simd.store_partial(self.c.wrapping_add(at), n, sum) };
    }
}
