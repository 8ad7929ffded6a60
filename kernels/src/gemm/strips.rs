//! From a strip of a product to micro-kernels: which tiles it is cut into, and the call of each run of equal ones.

use super::driver::Product;
use super::microkernel::{Start, Strip};
use super::operand::Right;
use super::tiles::TileTable;
use super::turned::{Columns, MAX_ROWS as FEW_ROWS};
use crate::element::Element;

/// Rows at a multiple of this stride share one set of L1: the size of a way on every CPU that looks up cache and page side by side.
const L1_PERIOD: usize = 4096;
/// The most rows of such an A in a tile: the ways of a set (1024×8×1024: 68 → 100 GFLOP/s; 12 rows gain as much on 12 ways).
const FOLDED_ROWS: usize = 8;
/// The deepest product that one tile does alone, whatever the tile: longer ones are small no more.
const MAX_DEPTH: usize = 160;

impl<T: Element> Product<T> {
    /// Few rows against contiguous columns of B: see [`super::turned`].
    pub(super) fn is_turned(&self) -> bool {
        let columns = matches!(self.b, Right::Strided { row: 1, col, .. } if col != 1);
        columns && self.m <= FEW_ROWS && self.a.panel().is_none_or(|height| self.m <= height)
    }

    /// The tiles of a strip: rows in runs of (nearly) equal tiles, as tall as the registers allow.
    pub(super) fn run_strip(&self, table: &TileTable<T>) {
        if self.is_turned() {
            return self.run_turned(table);
        }
        let (whole, vectors, partial) = self.strip(table);
        let run = |first: usize, rows: usize, tall: usize| {
            let Some(kernel) = table.strip(tall, vectors, partial) else {
                unreachable!("a tile of {tall} rows × {vectors} vectors is in the table");
            };
            let strip = Strip {
                rows,
                a: whole.a.wrapping_add(first * whole.a_row),
                c: whole.c.wrapping_add(first * whole.c_row),
                near: whole.near.wrapping_add(first * whole.near_row),
                ..whole
            };
            // SAFETY: `self` vouches for the operands; the table is of a tier that the CPU has.
            unsafe { kernel(&strip) };
        };
        if let Some(panel) = self.a.panel() {
            let rest = self.m % panel;
            if rest < self.m {
                run(0, self.m - rest, panel);
            }
            if rest > 0 {
                run(self.m - rest, rest, rest);
            }
            return;
        }
        let tallest = if self.a_folds() { table.tallest(vectors).min(FOLDED_ROWS) } else { table.tallest(vectors) };
        if self.m <= tallest {
            return run(0, self.m, self.m);
        }
        let tiles = self.m.div_ceil(tallest);
        let (short, taller) = (self.m / tiles, self.m % tiles);
        let cut = taller * (short + 1);
        if cut > 0 {
            run(0, cut, short + 1);
        }
        run(cut, self.m - cut, short);
    }

    /// The product in one call of a micro-kernel, where it is small, its operands are read as they are and a single tile covers it;
    /// says whether it was. Nothing here goes through memory but the strip itself (8×8×8: 24 → 18 ns).
    #[inline(always)]
    pub(super) fn run_single_tile(&self, table: &TileTable<T>) -> bool {
        let in_place = match self.b {
            Right::Strided { col, .. } => col == 1,
            Right::Lines { .. } => true,
        };
        let factors = self.alpha == T::ONE && self.alpha_right == T::ONE;
        if !in_place || !factors || self.k > MAX_DEPTH || self.a_folds() {
            return false;
        }
        let (strip, vectors, partial) = self.strip(table);
        let Some(kernel) = table.strip(self.m, vectors, partial) else { return false };
        // SAFETY: `self` vouches for the operands; the table is of a tier that the CPU has.
        unsafe { kernel(&strip) };
        true
    }

    /// All rows as one strip, the vectors that it is wide, and whether the last of them is partial in any operand.
    #[inline(always)]
    fn strip(&self, table: &TileTable<T>) -> (Strip<T>, usize, bool) {
        let lanes = table.lanes();
        let vectors = table.vectors_for(self.n);
        let tail = self.n - (vectors - 1) * lanes;
        let (b, b_row, b_line, b_tail) = match self.b {
            Right::Strided { data, row, .. } => (data, row, T::LINE, tail),
            Right::Lines { data, line } => (data, T::LINE, line, lanes),
        };
        let b_tail = if matches!(self.start, Start::Row(_)) { tail } else { b_tail };
        let c_tail = if self.c.padded { lanes } else { tail };
        let strip = Strip {
            rows: self.m,
            k: self.k,
            a: self.a.data,
            a_row: self.a.row,
            a_inner: self.a.inner,
            a_col: self.a.col,
            b,
            b_row,
            b_line,
            c: self.c.data,
            c_row: self.c.row,
            c_line: self.c.line,
            b_tail,
            c_tail,
            start: self.start,
            near: self.near.data,
            near_row: self.near.row,
            near_line: self.near.line,
        };
        (strip, vectors, b_tail < lanes || c_tail < lanes)
    }

    /// More rows of A than L1 has room for, where its stride puts all of them in one set.
    #[inline]
    pub(super) fn a_folds(&self) -> bool {
        self.m > FOLDED_ROWS && self.a.col == 1 && (self.a.row * size_of::<T>()).is_multiple_of(L1_PERIOD)
    }

    /// A strip of few rows against columns of B.
    #[inline(never)]
    pub(super) fn run_turned(&self, table: &TileTable<T>) {
        let (Right::Strided { data: b, col: b_col, .. }, Some(kernel)) = (self.b, table.columns(self.m)) else {
            unreachable!("{} rows against columns", self.m);
        };
        let columns = Columns {
            cols: self.n,
            k: self.k,
            alpha_right: self.alpha_right,
            a: self.a.data,
            a_row: self.a.inner,
            a_col: self.a.col,
            b,
            b_col,
            c: self.c.data,
            c_row: self.c.row,
            c_line: self.c.line,
            start: self.start,
        };
        // SAFETY: `self` vouches for the operands; the table is of a tier that the CPU has.
        unsafe { kernel(&columns) };
    }
}
