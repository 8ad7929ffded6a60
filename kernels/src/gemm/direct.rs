//! A small product goes from the views to the micro-kernels directly: without a plan, and without being written to memory as a [`Product`].
//!
//! Else what it takes beside its multiply-adds is up to half of its time: 30 ns (Zen 3, one thread, before a few tiles went this way and since:
//! 16×16×16 60 → 69 GFLOP/s, 9×9×9 14 → 20, 12×16×12 45 → 62, 8×32×8 33 → 46, 32×32×32 82 → 85, f64 8×8×8 15.7 → 21.5, 16×16×16 30.5 → 36).

use super::few_columns::may_be_rows;
use super::kernel_args::KernelArgs;
use super::operand::Right;
use super::outer;
use super::pack::{pack_lines, packed_len};
use super::plan::{SMALL_SPLIT_LINES, SMALL_WORK};
use super::product::Product;
use super::scratch::{Slot, with_scratch};
use super::strips::{KernelWidth, TileRows};
use super::tiles::TileTable;
use crate::element::Element;

/// The deepest product that goes this way: longer ones gain nothing by it.
const MAX_K: usize = 160;

impl<T: Element> Product<T> {
    /// Computes it, where it is so small that nothing is to be decided; says whether it was.
    #[inline(always)]
    pub(super) fn run_directly(&self, table: &TileTable<T>) -> bool {
        self.run_in_place(table) || self.run_packed_tile(table)
    }

    /// The product in one call of a micro-kernel, or a few, where its operands are read as they are. Nothing here goes through memory but the
    /// arguments themselves (8×8×8: 24 → 18 ns).
    #[inline(always)]
    fn run_in_place(&self, table: &TileTable<T>) -> bool {
        let in_place = match self.b {
            Right::Strided { col, .. } => col == 1,
            Right::Lines { .. } => true,
            Right::LinesOfTranspose { .. } => false,
        };
        let factors = self.alpha == T::ONE && self.alpha_right == T::ONE;
        if !in_place || !factors || self.k > MAX_K || self.a_aliases() {
            return false;
        }
        let (mut args, kernels) = self.kernel_args(table, 0..self.n);
        let Some(kernel) = table.kernel(self.m, kernels.vectors, kernels.partial) else {
            return run_few_tiles(table, kernels, &mut args, [self.m, self.n, self.a.row, self.a.col]);
        };
        // SAFETY: `self` vouches for the operands; the table is of a tier that the CPU has.
        unsafe { kernel(&args) };
        true
    }

    /// The same where B must be packed first, in a line or a few of scratch.
    #[inline(always)]
    pub(super) fn run_packed_tile(&self, table: &TileTable<T>) -> bool {
        let Right::Strided { data, row, col } = self.b else { return false };
        if self.alpha != T::ONE || self.k > MAX_K || self.transposes_b(table) || self.a_aliases() {
            return false;
        }
        if table.kernel(self.m, table.vectors_for(self.n), true).is_none() {
            return false;
        }
        // A copy, so that the original can stay in registers where this is not the way.
        let mut product = *self;
        with_scratch::<T, _>(Slot::B, packed_len::<T>(self.k, self.n), move |lines| {
            // SAFETY: `self` vouches for B.
            unsafe { pack_lines(table.isa, data, (row, col), (product.k, product.n), lines) };
            product.scale_right(table.isa, lines);
            product = product.with_packed_right(Right::Lines { data: lines.as_ptr(), line: product.k * T::LINE });
            let (args, kernels) = product.kernel_args(table, 0..product.n);
            kernels.run(table, product.m, &args);
        });
        true
    }
}

/// The tiles of a product whose operands are the arguments, B in place, if they are few; says whether they were. With its rows, its columns and
/// the strides of A, which the arguments do not tell: the product itself would have to be in memory.
#[inline(never)]
fn run_few_tiles<T: Element>(
    table: &TileTable<T>,
    kernels: KernelWidth,
    args: &mut KernelArgs<'_, T>,
    [m, n, a_row, a_col]: [usize; 4],
) -> bool {
    let strip = table.strip_vectors(m) * table.lanes();
    let is_small = m.saturating_mul(n).saturating_mul(args.k) <= SMALL_WORK;
    let in_panels = args.a_inner != a_row;
    if !is_small || in_panels {
        return false;
    }
    let fills_lines = n.is_multiple_of(T::LINE);
    let rows_of = |kernels: KernelWidth| TileRows { m, a_row, panel: None, tallest: table.tallest(kernels.vectors) };
    if fills_lines && n <= strip {
        rows_of(kernels).run(table, kernels, args);
        return true;
    }
    // Several strips, or one with a part of a line, are looked at closely where there is another way to go.
    let other_ways = args.k <= outer::MOST
        || n >= SMALL_SPLIT_LINES * T::LINE
        || !fills_lines && (table.has_narrower() || may_be_rows(table, m, (a_row, a_col), args.k));
    if other_ways || !args.prefetch_c.is_null() {
        return false;
    }
    let (whole, full) = (*args, (table.lanes(), table.lanes()));
    let mut first = 0;
    while first < n {
        let (end, line) = (n.min(first + strip), first / T::LINE);
        let is_last = end == n;
        (args.a, args.b, args.c) =
            (whole.a, whole.b.wrapping_add(line * args.b_line), whole.c.wrapping_add(line * args.c_line));
        args.start = whole.start.columns_from(first);
        (args.b_tail, args.c_tail) = if is_last { (whole.b_tail, whole.c_tail) } else { full };
        let kernels = KernelWidth { vectors: table.vectors_for(end - first), partial: is_last && kernels.partial };
        rows_of(kernels).run(table, kernels, args);
        first = end;
    }
    true
}
