//! A small product goes from the views to the micro-kernels directly: without a plan, and without being written to memory as a [`Product`].
//!
//! Else what it takes beside its multiply-adds is up to half of its time: 30 ns (Zen 3, one thread, before a few tiles went this way and since:
//! 16×16×16 60 → 69 GFLOP/s, 9×9×9 14 → 20, 12×16×12 45 → 62, 8×32×8 33 → 46, 32×32×32 82 → 85, f64 8×8×8 15.7 → 21.4, 16×16×16 30.5 → 36).

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
use crate::isa::Isa;

/// The deepest product that goes this way: longer ones gain nothing by it.
const MAX_K: usize = 160;

impl<T: Element> Product<T> {
    /// Computes it, where it is so small that nothing is to be decided; says whether it was.
    #[inline(always)]
    pub(super) fn run_directly(&self, table: &TileTable<T>) -> bool {
        self.run_in_place(table) || self.run_packed(table)
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
            return run_if_few(table, kernels, &mut args, self.extent());
        };
        // SAFETY: `self` vouches for the operands; the table is of a tier that the CPU has.
        unsafe { kernel(&args) };
        true
    }

    /// The same where B must be packed first, in lines of scratch.
    #[inline(always)]
    fn run_packed(&self, table: &TileTable<T>) -> bool {
        let Right::Strided { data, row, col } = self.b else { return false };
        if self.alpha != T::ONE || self.k > MAX_K || self.transposes_b(table) || self.a_aliases() {
            return false;
        }
        let is_one = table.kernel(self.m, table.vectors_for(self.n), true).is_some();
        if !is_one && !self.extent().is_few(table, false) {
            return false;
        }
        // A copy, so that the original can stay in registers where this is not the way.
        let mut product = *self;
        with_scratch::<T, _>(Slot::B, packed_len::<T>(self.k, self.n), move |lines| {
            // SAFETY: `self` vouches for B.
            unsafe { pack_lines(table.isa, data, (row, col), (product.k, product.n), lines) };
            product.scale_right(table.isa, lines);
            product = product.with_packed_right(Right::Lines { data: lines.as_ptr(), line: product.k * T::LINE });
            let (mut args, kernels) = product.kernel_args(table, 0..product.n);
            match is_one {
                true => kernels.run(table, product.m, &args),
                false => run_few(table, kernels, &mut args, product.extent()),
            }
        });
        true
    }

    #[inline(always)]
    fn extent(&self) -> Extent {
        let Self { m, n, k, a, .. } = *self;
        Extent { m, n, k, a_inner: a.inner, a_row: a.row, a_col: a.col }
    }
}

/// What decides about a product whose B is in place, or has been packed, beside the arguments of its micro-kernels: then it need not be in memory.
#[derive(Clone, Copy)]
struct Extent {
    m: usize,
    n: usize,
    k: usize,
    a_inner: usize,
    a_row: usize,
    a_col: usize,
}

impl Extent {
    /// It is small, and no other way is likely to be faster.
    #[inline(always)]
    fn is_few<T: Element>(self, table: &TileTable<T>, b_in_place: bool) -> bool {
        let Self { m, n, k, a_inner, a_row, a_col } = self;
        let in_panels = a_inner != a_row;
        if m.saturating_mul(n).saturating_mul(k) > SMALL_WORK || in_panels {
            return false;
        }
        let fills_lines = n.is_multiple_of(T::LINE);
        if fills_lines && n <= table.strip_vectors(m) * table.lanes() {
            return true;
        }
        // Several strips, or one with a part of a line.
        let a_tail_has_other_ways = || {
            // This may be the table of half vectors already.
            let has_wider = Isa::current().half() == Some(table.isa);
            has_wider || table.has_narrower() || may_be_rows(table, (m, n, k), (a_row, a_col), b_in_place)
        };
        k > outer::MOST && n < SMALL_SPLIT_LINES * T::LINE && (fills_lines || !a_tail_has_other_ways())
    }

    #[inline(always)]
    fn rows<T: Element>(self, table: &TileTable<T>, vectors: usize) -> TileRows {
        TileRows { m: self.m, a_row: self.a_row, panel: None, tallest: table.tallest(vectors) }
    }
}

/// Its tiles, if they are [few](Extent::is_few); says whether they were.
#[inline(never)]
fn run_if_few<T: Element>(
    table: &TileTable<T>,
    kernels: KernelWidth,
    args: &mut KernelArgs<'_, T>,
    extent: Extent,
) -> bool {
    // What is prefetched beside C is so in the order of a plan's jobs.
    let is_few = extent.is_few(table, true) && args.prefetch_c.is_null();
    if is_few {
        run_few(table, kernels, args, extent);
    }
    is_few
}

/// Its tiles, one below the other, strip after strip; side by side where one is as tall as they are.
#[inline(always)]
fn run_few<T: Element>(table: &TileTable<T>, kernels: KernelWidth, args: &mut KernelArgs<'_, T>, extent: Extent) {
    let vectors = table.strip_vectors(extent.m);
    let strip = vectors * table.lanes();
    if extent.n <= strip {
        return extent.rows(table, kernels.vectors).run(table, kernels, args);
    }
    debug_assert!(strip.is_multiple_of(T::LINE), "strips begin on lines");
    (args.prefetch_c, args.prefetch_c_row) = (std::ptr::null(), 0);
    let (a, tails, mut left) = (args.a, (args.b_tail, args.c_tail), extent.n);
    let (b_next, c_next) = (strip / T::LINE * args.b_line, strip / T::LINE * args.c_line);
    (args.b_tail, args.c_tail) = (table.lanes(), table.lanes());
    let whole = KernelWidth { vectors, partial: false };
    if extent.m <= table.tallest(vectors) {
        let strips = left / strip;
        left -= strips * strip;
        (args.tiles, args.b_next, args.c_next, args.cols_next) = (strips, b_next, c_next, strip);
        whole.run(table, extent.m, args);
        args.b = args.b.wrapping_add(strips * b_next);
        args.c = args.c.wrapping_add(strips * c_next);
        args.start = args.start.columns_from(strips * strip);
        (args.b_next, args.cols_next) = (0, 0);
    } else {
        while left > strip {
            let c = args.c;
            extent.rows(table, vectors).run(table, whole, args);
            (args.a, args.b, args.c) = (a, args.b.wrapping_add(b_next), c.wrapping_add(c_next));
            args.start = args.start.columns_from(strip);
            left -= strip;
        }
    }
    if left > 0 {
        (args.b_tail, args.c_tail) = tails;
        let last = KernelWidth { vectors: table.vectors_for(left), partial: kernels.partial };
        extent.rows(table, last.vectors).run(table, last, args);
    }
}
