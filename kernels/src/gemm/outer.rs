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
//! 1000×1000×3: 25 → 41, 10×1000×2: 24 → 57). From two products on, loads count as well: B is copied to lie as C does, and two rows
//! share what they load (Zen 4, B and C anywhere, 128×128×2: 54 → 68 GFLOP/s, 128×128×4 60 → 90, 10×1000×3 48 → 92; f64 128×128×4 27 → 50).

use super::kernel_args::{End, Start};
use super::operand::Right;
use super::product::Product;
use super::room::bytes;
use super::scratch::{Lent, Slot};
use crate::element::Element;
use crate::isa::{Isa, Kernel, Simd, load_n};
use crate::team::Team;
use std::ops::Range;

/// Columns of C, in lines, and bytes of it, that are worth it. Each product wants a line at least: a load of B for two stores of C, where a tile's
/// rows would share it (50×50×4 would lose 5 %, 8×128×4 15 % with a copy of B for so few rows).
const LEAST_LINES: usize = 3;
const LEAST_BYTES: usize = 2 * 1024;
/// The most outer products.
pub(super) const MOST: usize = 4;
/// Bytes of B that stay in L1 from row to row.
const B_BYTES_IN_L1: usize = 16 * 1024;
/// Alignments of rows of C, and rows of each, that are worth a copy of B.
const MOST_ALIGNMENTS: usize = 4;
const ROWS_A_COPY: usize = 12;
/// Jobs for each thread.
const JOBS: usize = 4;

/// How the rows of C are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// One after the other.
    Singly,
    /// Two at a time: neighbours, or of those that begin as far past a line, of so many alignments, each with a copy of B that lies as
    /// they do. No load crosses a line then.
    InPairs { alignments: usize, copied: bool },
}

impl<T: Element> Product<T> {
    /// A few outer products of operands that are read along their rows, onto a C of long rows. One that is far is left to tiles, which prefetch it.
    pub(super) fn is_outer(&self) -> bool {
        let onto_rows =
            !self.c.padded && !matches!(self.start, Start::Row(_) | Start::All(_)) && self.end == End::Stored;
        let pays = (1..=MOST).contains(&self.k)
            && self.n >= LEAST_LINES.max(self.k) * T::LINE
            && bytes::<T>(self.m, self.n) >= LEAST_BYTES;
        let rows_of_b = || match self.b {
            Right::Strided { col: 1, .. } => self.alpha_right == T::ONE,
            // Packed, it is not read as it is.
            Right::Lines { .. } => matches!(self.outer_rows(), Order::InPairs { copied: true, .. }),
            _ => false,
        };
        pays && onto_rows && self.a.panel().is_none() && !self.c_far_exceeds_l2() && rows_of_b()
    }

    /// How its rows are taken, if it [is](Self::is_outer) a few outer products.
    pub(super) fn outer_rows(&self) -> Order {
        let alignments = T::LINE >> self.c.row.trailing_zeros().min(T::LINE.trailing_zeros());
        let mut lies_so = false;
        if let Right::Strided { data, row, .. } = self.b {
            if self.k == 1 && alignments > 1 {
                // Two rows share too little, and in another order than that of memory they lose (3000×300×1: 40 → 31 GFLOP/s).
                return Order::Singly;
            }
            let bytes = data.addr().wrapping_sub(self.c.data.addr());
            lies_so = alignments == 1 && row.is_multiple_of(T::LINE) && bytes.is_multiple_of(T::LINE * size_of::<T>());
        }
        if alignments <= MOST_ALIGNMENTS && self.m >= ROWS_A_COPY * alignments && !lies_so {
            Order::InPairs { alignments, copied: true }
        } else {
            Order::InPairs { alignments: 1, copied: false }
        }
    }

    /// Them, on `team` where that is worth it (Emerald Rapids, a helper awake, 500×500×2: 37 → 57 GFLOP/s, 256×256×4 85 → 95).
    pub(super) fn run_outer(&self, isa: Isa, team: &Team) {
        let order = self.outer_rows();
        let threads = self.threads(team);
        if threads <= 1 {
            return T::dispatch(isa, OuterProducts { product: *self, order });
        }
        let rows = self.m.div_ceil(JOBS * threads);
        team.run(self.m.div_ceil(rows), |job| {
            let product = self.row_range(job * rows..self.m.min((job + 1) * rows));
            T::dispatch(isa, OuterProducts { product, order });
        });
    }
}

/// The rows of one product. Whoever makes one vouches for the operands, of which B and C have contiguous columns.
struct OuterProducts<T> {
    product: Product<T>,
    /// Decided for all rows, of which a job has some.
    order: Order,
}

impl<T: Element> Kernel<T> for OuterProducts<T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let stored = |c: *const T, n: usize| {
            // SAFETY: `n` elements of a row of C, a vector at most.
            unsafe { load_n(simd, c, n) }
        };
        match self.product.start {
            Start::Zero => self.onto(simd, |_, _| simd.splat(T::ZERO)),
            Start::Stored => self.onto(simd, stored),
            Start::Scaled(beta) => self.onto(simd, |c, n| simd.mul(simd.splat(beta), stored(c, n))),
            Start::Row(_) | Start::All(_) => unreachable!("no bias"),
        }
    }
}

impl<T: Element> OuterProducts<T> {
    /// All of them, onto what `start` gives for so many elements of C from one on.
    #[inline(always)]
    fn onto<S: Simd<T>>(&self, simd: S, start: impl Fn(*const T, usize) -> S::V) {
        match self.product.k {
            1 => self.blocks::<S, 1>(simd, start),
            2 => self.blocks::<S, 2>(simd, start),
            3 => self.blocks::<S, 3>(simd, start),
            _ => self.blocks::<S, MOST>(simd, start),
        }
    }

    /// Block after block of columns.
    #[inline(always)]
    fn blocks<S: Simd<T>, const K: usize>(&self, simd: S, start: impl Fn(*const T, usize) -> S::V) {
        let Product { m, n, .. } = self.product;
        let alignments = if let Order::InPairs { alignments, .. } = self.order { alignments } else { 1 };
        let width = B_BYTES_IN_L1 / size_of::<T>() / (K * alignments) / T::LINE * T::LINE;
        let mut scratch = Lent::none(Slot::B);
        for first in (0..n).step_by(width) {
            let cols = first..n.min(first + width);
            let b = self.columns_of_b::<S, K>(simd, cols.clone(), &mut scratch);
            if self.order == Order::Singly {
                for i in 0..m {
                    self.rows::<S, K, 1>(simd, (i, 1), (&b[0], cols.clone()), &start);
                }
                continue;
            }
            for (alignment, b) in b.iter().enumerate().take(alignments) {
                let mut i = alignment;
                while i + alignments < m {
                    self.rows::<S, K, 2>(simd, (i, alignments), (b, cols.clone()), &start);
                    i += 2 * alignments;
                }
                if i < m {
                    self.rows::<S, K, 1>(simd, (i, alignments), (b, cols.clone()), &start);
                }
            }
        }
    }

    /// Where the rows of some columns of B begin, for each alignment.
    #[inline(always)]
    fn columns_of_b<S: Simd<T>, const K: usize>(
        &self,
        simd: S,
        cols: Range<usize>,
        scratch: &mut Lent<T>,
    ) -> [[*const T; K]; MOST_ALIGNMENTS] {
        let Product { b, c, .. } = self.product;
        let (data, row, line) = b.lines_from(0);
        let at = |p: usize, j: usize| data.wrapping_add(j / T::LINE * line + p * row + j % T::LINE);
        let mut rows = [std::array::from_fn(|p| at(p, cols.start)); MOST_ALIGNMENTS];
        let Order::InPairs { alignments, copied: true } = self.order else { return rows };
        // Room for what lies before the first element in its line, and behind the last.
        let apart = cols.len().next_multiple_of(T::LINE) + 2 * T::LINE;
        scratch.grow(alignments * K * apart);
        let to = scratch.as_mut().as_mut_ptr();
        for (alignment, rows) in rows.iter_mut().enumerate().take(alignments) {
            let before = c.data.wrapping_add(alignment * c.row).addr() / size_of::<T>() % T::LINE;
            for (p, copy) in rows.iter_mut().enumerate() {
                let to = to.wrapping_add((alignment * K + p) * apart + before);
                for j in (0..cols.len()).step_by(S::LANES) {
                    let n = S::LANES.min(cols.len() - j);
                    // SAFETY: `n` elements of row p of B (whoever made `OuterProducts`): of one line, where lines are apart.
                    let lanes = unsafe { simd.load_partial(at(p, cols.start + j), n) };
                    // SAFETY: the copy of a row has room for whole vectors.
                    unsafe { simd.store(to.wrapping_add(j), lanes) };
                }
                *copy = to;
            }
        }
        rows
    }

    /// `R` rows of C from row `i` on, so many `apart`, of some columns.
    #[inline(always)]
    fn rows<S: Simd<T>, const K: usize, const R: usize>(
        &self,
        simd: S,
        (i, apart): (usize, usize),
        (b, cols): (&[*const T; K], Range<usize>),
        start: &impl Fn(*const T, usize) -> S::V,
    ) {
        let Product { alpha, a, c, .. } = self.product;
        let mut factors = [[simd.splat(T::ZERO); K]; R];
        for (r, factors) in factors.iter_mut().enumerate() {
            for (p, factor) in factors.iter_mut().enumerate() {
                let at = (i + r * apart) * a.row + p * a.col;
                // SAFETY: row i + r·apart, column p are inside A (whoever made this).
                *factor = simd.splat(alpha * unsafe { *a.data.wrapping_add(at) });
            }
        }
        let c = std::array::from_fn(|r| c.data.wrapping_add((i + r * apart) * c.row + cols.start));
        RowGroup { factors, b: *b, c, cols: cols.len() }.write(simd, start);
    }
}

/// Rows of C of one alignment, or a block of their columns.
#[derive(Clone, Copy)]
struct RowGroup<T, V, const K: usize, const R: usize> {
    factors: [[V; K]; R],
    b: [*const T; K],
    c: [*mut T; R],
    cols: usize,
}

impl<T: Element, V: Copy, const K: usize, const R: usize> RowGroup<T, V, K, R> {
    /// All of it, from what `start` gives for so many of its elements.
    #[inline(always)]
    fn write<S: Simd<T, V = V>>(&self, simd: S, start: &impl Fn(*const T, usize) -> V) {
        let before_line = self.c[0].addr().wrapping_neg() / size_of::<T>() % S::LANES;
        let mut at = before_line.min(self.cols);
        if at > 0 {
            self.piece(simd, 0, at, start);
        }
        while at + S::LANES <= self.cols {
            let mut sums = self.started(simd, at, S::LANES, start);
            for (p, b) in self.b.iter().enumerate() {
                // SAFETY: a whole vector of this row of B (whoever made `OuterProducts`).
                let b = unsafe { simd.load(b.wrapping_add(at)) };
                for (sum, factors) in sums.iter_mut().zip(&self.factors) {
                    *sum = simd.mul_add(factors[p], b, *sum);
                }
            }
            for (c, sum) in self.c.iter().zip(sums) {
                // SAFETY: a whole vector of this row of C.
                unsafe { simd.store(c.wrapping_add(at), sum) };
            }
            at += S::LANES;
        }
        if at < self.cols {
            self.piece(simd, at, self.cols - at, start);
        }
    }

    /// What `start` gives for `n` elements of each row, from `at` on. A loop, for the closure of an `array::from_fn` may stay a function outside of the
    /// tier, each of its instructions a call.
    #[inline(always)]
    fn started<S: Simd<T, V = V>>(
        &self,
        simd: S,
        at: usize,
        n: usize,
        start: &impl Fn(*const T, usize) -> V,
    ) -> [V; R] {
        let mut sums = [simd.splat(T::ZERO); R];
        for (sum, c) in sums.iter_mut().zip(self.c) {
            *sum = start(c.wrapping_add(at), n);
        }
        sums
    }

    /// `n < LANES` elements from `at` on.
    #[inline(always)]
    fn piece<S: Simd<T, V = V>>(&self, simd: S, at: usize, n: usize, start: &impl Fn(*const T, usize) -> V) {
        let mut sums = self.started(simd, at, n, start);
        for (p, b) in self.b.iter().enumerate() {
            // SAFETY: `n` elements of this row of B (whoever made `OuterProducts`).
            let b = unsafe { simd.load_partial(b.wrapping_add(at), n) };
            for (sum, factors) in sums.iter_mut().zip(&self.factors) {
                *sum = simd.mul_add(factors[p], b, *sum);
            }
        }
        for (c, sum) in self.c.iter().zip(sums) {
            // SAFETY: as many of this row of C.
            unsafe { simd.store_partial(c.wrapping_add(at), n, sum) };
        }
    }
}
