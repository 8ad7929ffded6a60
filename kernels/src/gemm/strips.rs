//! From a strip of a product to micro-kernels: which tiles it is cut into, and the call of each run of equal ones.

use super::first_tile::PackingArgs;
use super::kernel_args::{End, KernelArgs, KernelPrefetch, Start};
use super::operand::Right;
use super::plan::Plan;
use super::prefetch::{NextB, Prefetch};
use super::product::Product;
use super::room::{L1_PERIOD, aliases, on_lines};
use super::scratch::Lent;
use super::tiles::TileTable;
use super::transposed_b::{self, TransposedBArgs, TransposedBFn};
use crate::element::Element;
use std::ops::Range;

/// The most rows in a tile of an A whose rows alias: the ways of a set (1024×8×1024: 68 → 100 GFLOP/s; 12 rows gain as much on 12 ways).
const ROWS_WHERE_ALIASED: usize = 8;

/// How far ahead a C that is far is prefetched.
const STRIPS_AHEAD: usize = 4;

/// Which micro-kernels a strip takes, but for the height.
#[derive(Clone, Copy)]
pub(super) struct KernelWidth {
    pub(super) vectors: usize,
    /// The last vector is partial in an operand.
    pub(super) partial: bool,
}

impl KernelWidth {
    /// Runs the one for so `tall` tiles, on what a [`Product`] has made.
    #[inline(always)]
    pub(super) fn run<T: Element>(self, table: &TileTable<T>, tall: usize, args: &KernelArgs<'_, T>) {
        let Some(kernel) = table.kernel(tall, self.vectors, self.partial) else {
            unreachable!("a tile of {tall} rows × {} vectors is in the table", self.vectors);
        };
        // SAFETY: the product vouches for the operands; the table is of a tier that the CPU has.
        unsafe { kernel(args) };
    }
}

/// How the rows of a strip are cut into tiles.
#[derive(Clone, Copy)]
pub(super) struct TileRows {
    /// Rows of A.
    pub(super) m: usize,
    /// From one to the next.
    pub(super) a_row: usize,
    /// A is packed in panels of so many.
    pub(super) panel: Option<usize>,
    /// Rows of the tallest tile: of a panel, where A is packed.
    pub(super) tallest: usize,
}

impl TileRows {
    /// Rows as two runs of equal tiles: how tall those of each are, and how many; perhaps none. Panels give the height of all tiles but
    /// the last; else heights differ by one at most.
    #[inline(always)]
    fn heights(self) -> [(usize, usize); 2] {
        let Self { m, tallest, .. } = self;
        if self.panel.is_some() {
            let rest = m % tallest;
            return [(tallest, m / tallest), (rest, usize::from(rest > 0))];
        }
        let tiles = m.div_ceil(tallest);
        let (short, taller) = (m / tiles, m % tiles);
        [(short + 1, taller), (short, tiles - taller)]
    }

    /// All rows of a strip, tile below tile, on what a [`Product`] has made.
    #[inline(always)]
    pub(super) fn run<T: Element>(self, table: &TileTable<T>, kernels: KernelWidth, args: &mut KernelArgs<'_, T>) {
        for (height, tiles) in self.heights() {
            if tiles > 0 {
                args.tiles = tiles;
                args.a_next = height * self.a_row;
                args.c_next = height * args.c_row;
                args.prefetch_c_next = height * args.prefetch_c_row;
                kernels.run(table, height, args);
                self.step_down(args, tiles * height);
            }
        }
    }

    /// The arguments from some rows further down on. Changed in place: a copy would read in one piece what was written in several, and
    /// wait for it.
    #[inline(always)]
    fn step_down<T>(self, args: &mut KernelArgs<'_, T>, rows: usize) {
        args.a = args.a.wrapping_add(rows * self.a_row);
        args.c = args.c.wrapping_add(rows * args.c_row);
        args.prefetch_c = args.prefetch_c.wrapping_add(rows * args.prefetch_c_row);
    }
}

impl<T: Element> Product<T> {
    /// Few rows against contiguous columns of B, which are transposed on the way: see [`super::transposed_b`].
    #[inline(always)]
    pub(super) fn transposes_b(&self, table: &TileTable<T>) -> bool {
        self.can_transpose_b(table) && transposed_b::pays::<T>(self.m, self.n, self.k)
    }

    /// There is a kernel that transposes these columns of B, and stores what they sum to.
    #[inline(always)]
    fn can_transpose_b(&self, table: &TileTable<T>) -> bool {
        let columns = matches!(self.b, Right::Strided { row: 1, col, .. } if col != 1) && self.end == End::Stored;
        columns && table.transposed_b_kernel(self.m).is_some() && self.a.panel().is_none_or(|height| self.m <= height)
    }

    /// What the tiles of a strip of these columns prefetch.
    #[inline(always)]
    fn kernel_prefetch(
        &self,
        args: &KernelArgs<'_, T>,
        cols: Range<usize>,
        prefetch: Prefetch,
        next: NextB<T>,
    ) -> KernelPrefetch<T> {
        let mut of_kernel = KernelPrefetch {
            a_ahead: prefetch.a_columns.wrapping_mul(args.a_col),
            b_ahead: prefetch.b_rows.wrapping_mul(args.b_row),
            next_b: std::ptr::null(),
            next_b_rows: 0,
            next_b_row: 0,
            next_b_line: 0,
            next_b_lines: 0,
        };
        let next = match next {
            NextB::NextStrip if cols.end < self.n => Some((self.b, cols.end, self.k, self.n - cols.end)),
            NextB::Block { b, rows, cols } => Some((b, 0, rows, cols)),
            _ => None,
        };
        if let Some((b, first, next_b_rows, next_cols)) = next {
            of_kernel.next_b_rows = next_b_rows;
            (of_kernel.next_b, of_kernel.next_b_row, of_kernel.next_b_line) = b.lines_from(first);
            let lines = cols.len().min(next_cols).div_ceil(T::LINE);
            of_kernel.next_b_lines = lines + usize::from(!on_lines(of_kernel.next_b, of_kernel.next_b_row));
        }
        of_kernel
    }

    /// Strip after strip of `width` columns, each with these prefetches. Few rows against columns are one strip, however
    /// wide.
    #[inline(always)]
    pub(super) fn run_strips(&self, table: &TileTable<T>, width: usize, (prefetch, next): (Prefetch, NextB<T>)) {
        // A part may be narrower than what was decided on; columns that have not been packed are to be transposed.
        if self.can_transpose_b(table) {
            return self.run_transposed_b(table);
        }
        let mut first = 0;
        while first < self.n {
            let end = self.n.min(first + width);
            let whole = end - ((end - first) & (table.lanes() - 1));
            match table.half(end - whole, self.k) {
                // The last vector of a padded C is written whole. Padding behind it stays as it was, and reaches no result.
                Some(half) if whole > first && !self.c.padded => {
                    self.run_strip(table, first..whole, (prefetch, next));
                    self.run_strip(half, whole..end, (prefetch, NextB::None));
                }
                _ => self.run_strip(table, first..end, (prefetch, next)),
            }
            first = end;
        }
    }

    /// The same, tile row after tile row across all strips: C, where it is far, is then written along its rows, as caches expect it,
    /// and a micro-kernel is called once. B must stay near.
    pub(super) fn run_tiles_row_major(&self, table: &TileTable<T>, plan: &Plan) {
        let (width, prefetch) = (plan.strip_cols, plan.prefetch);
        let strips = self.n / width;
        debug_assert!(
            width.is_multiple_of(T::LINE) && !self.can_transpose_b(table),
            "shallow products have whole lines"
        );
        if strips < 2 {
            return self.run_strips(table, width, (prefetch, NextB::None));
        }
        let (mut args, kernels) = self.kernel_args(table, 0..width);
        let of_kernel = self.kernel_prefetch(&args, 0..width, prefetch, NextB::None);
        args.prefetch = of_kernel.is_any().then_some(&of_kernel);
        let lines = width / T::LINE;
        args.tiles = strips;
        args.b_next = match self.b {
            Right::Lines { line, .. } => lines * line,
            _ => width,
        };
        args.c_next = lines * self.c.line;
        args.prefetch_c_next = lines * self.prefetch_c.line;
        args.cols_next = width;
        if plan.c_far_exceeds_l2 && args.prefetch_c.is_null() {
            args.prefetch_c = args.c.wrapping_add(STRIPS_AHEAD * args.c_next);
            (args.prefetch_c_row, args.prefetch_c_line, args.prefetch_c_next) = (args.c_row, args.c_line, args.c_next);
        }
        let rows = self.tile_rows(table, kernels);
        for (height, tiles) in rows.heights() {
            for _ in 0..tiles {
                kernels.run(table, height, &args);
                rows.step_down(&mut args, height);
            }
        }
        if strips * width < self.n {
            self.run_strip(table, strips * width..self.n, (prefetch, NextB::None));
        }
    }

    /// The first rows of all strips in tiles that pack B into scratch on their way, for the rows below them: a pass of its own would wait
    /// for every line of B. Says how many rows that were; none where such a tile does not fit.
    pub(super) fn run_packing_tiles(&self, table: &TileTable<T>, lent: &mut Lent<T>) -> usize {
        let (Some((kernel, rows, cols)), Right::Strided { col: 1, .. }) = (table.packing(), self.b) else { return 0 };
        let splits_a_panel = self.a.panel().is_some_and(|height| height != rows);
        if self.m < 2 * rows || !self.n.is_multiple_of(cols) || self.alpha_right != T::ONE || splits_a_panel {
            return 0;
        }
        let (line, lines) = (self.k * T::LINE, self.room_for_right(lent));
        for first in (0..self.n).step_by(cols) {
            let (args, _) = self.kernel_args(table, first..first + cols);
            let to = lines[first / T::LINE * line..][..cols / T::LINE * line].as_mut_ptr();
            // SAFETY: `self` vouches for the operands; the table is of a tier that the CPU has; the lines of these columns begin at `to`.
            unsafe { kernel(&PackingArgs { args, to, line }) };
        }
        rows
    }

    /// The tiles of one strip: rows in runs of (nearly) equal tiles, as tall as the registers allow.
    #[inline(always)]
    pub(super) fn run_strip(&self, table: &TileTable<T>, cols: Range<usize>, (prefetch, next): (Prefetch, NextB<T>)) {
        let (mut args, kernels) = self.kernel_args(table, cols.clone());
        let of_kernel = self.kernel_prefetch(&args, cols, prefetch, next);
        args.prefetch = of_kernel.is_any().then_some(&of_kernel);
        let rows = self.tile_rows(table, kernels);
        if self.m <= rows.tallest {
            return kernels.run(table, self.m, &args);
        }
        rows.run(table, kernels, &mut args);
    }

    /// How its rows are cut.
    #[inline(always)]
    fn tile_rows(&self, table: &TileTable<T>, kernels: KernelWidth) -> TileRows {
        let panel = self.a.panel();
        let tallest = panel.unwrap_or_else(|| {
            let tallest = table.tallest(kernels.vectors);
            if self.a_aliases() { tallest.min(ROWS_WHERE_ALIASED) } else { tallest }
        });
        TileRows { m: self.m, a_row: self.a.row, panel, tallest }
    }

    /// All rows of some columns, which begin on a line or on a vector, as arguments of a micro-kernel, and which ones fit them.
    #[inline(always)]
    pub(super) fn kernel_args(
        &self,
        table: &TileTable<T>,
        cols: Range<usize>,
    ) -> (KernelArgs<'static, T>, KernelWidth) {
        let lanes = table.lanes();
        let n = cols.end - cols.start;
        let vectors = table.vectors_for(n);
        let tail = n - (vectors - 1) * lanes;
        let (b, b_row, b_line) = self.b.lines_from(cols.start);
        let b_tail = if matches!(self.b, Right::Lines { .. }) { lanes } else { tail };
        let b_tail = if matches!(self.start, Start::Row(_)) { tail } else { b_tail };
        let c_tail = if self.c.padded { lanes } else { tail };
        let along = |line: usize| cols.start / T::LINE * line + cols.start % T::LINE;
        let prefetch_c = if self.prefetch_c.data.is_null() {
            self.prefetch_c.data
        } else {
            self.prefetch_c.data.wrapping_add(along(self.prefetch_c.line))
        };
        let args = KernelArgs {
            tiles: 1,
            k: self.k,
            a: self.a.data,
            a_inner: self.a.inner,
            a_col: self.a.col,
            b,
            b_row,
            b_line,
            c: self.c.data.wrapping_add(along(self.c.line)),
            c_row: self.c.row,
            c_line: self.c.line,
            b_tail,
            c_tail,
            start: self.start.columns_from(cols.start),
            end: self.end,
            prefetch_c,
            prefetch_c_row: self.prefetch_c.row,
            prefetch_c_line: self.prefetch_c.line,
            a_next: 0,
            b_next: 0,
            c_next: 0,
            prefetch_c_next: 0,
            cols_next: 0,
            prefetch: None,
        };
        (args, KernelWidth { vectors, partial: b_tail < lanes || c_tail < lanes })
    }

    /// More rows of A than L1 has room for, where its stride puts all of them in one set.
    #[inline]
    pub(super) fn a_aliases(&self) -> bool {
        self.m > ROWS_WHERE_ALIASED && self.a.col == 1 && aliases::<T>(self.a.row, L1_PERIOD)
    }

    /// A strip of few rows against columns of B.
    #[inline(never)]
    pub(super) fn run_transposed_b(&self, table: &TileTable<T>) {
        let (args, kernel) = self.transposed_b_args(table);
        let lead = args.steps_to_line();
        if lead > 0 {
            self.k_range(0..lead).run_transposed_b(table);
            return self.k_range(lead..self.k).run_transposed_b(table);
        }
        // SAFETY: `self` vouches for the operands; the table is of a tier that the CPU has.
        unsafe { kernel(&args) };
    }

    /// Few rows against columns of B, and the kernel for them.
    fn transposed_b_args(&self, table: &TileTable<T>) -> (TransposedBArgs<T>, TransposedBFn<T>) {
        let (Right::Strided { data: b, col: b_col, .. }, Some(kernel)) = (self.b, table.transposed_b_kernel(self.m))
        else {
            unreachable!("{} rows against columns", self.m);
        };
        let args = TransposedBArgs {
            cols: self.n,
            k: self.k,
            alpha_right: self.alpha_right,
            a: self.a.data,
            a_row: self.a.inner,
            a_col: self.a.col,
            b,
            b_col,
            c: self.c,
            start: self.start,
        };
        (args, kernel)
    }
}
