//! A part of a product is a product: fewer rows, fewer columns, a block of k; and so is its transpose.

use super::kernel_args::Start;
use super::operand::{Left, Output, Right};
use super::product::Product;
use crate::element::Element;
use std::ops::Range;

impl<T: Element> Product<T> {
    /// The product of some rows of A only.
    pub(super) fn row_range(&self, rows: Range<usize>) -> Self {
        let mut part = *self;
        part.m = rows.end - rows.start;
        part.a.data = self.a.data.wrapping_add(rows.start * self.a.row);
        part.c.data = self.c.data.wrapping_add(rows.start * self.c.row);
        part.prefetch_c.data = self.prefetch_c.data.wrapping_add(rows.start * self.prefetch_c.row);
        part
    }

    /// The product with some columns of B only, which begin on a line where anything is packed in lines.
    pub(super) fn col_range(&self, cols: Range<usize>) -> Self {
        debug_assert!(cols.start.is_multiple_of(T::LINE) || !self.c.padded, "lines are not cut");
        let line = cols.start / T::LINE;
        let inside = cols.start % T::LINE;
        let mut part = *self;
        part.n = cols.end - cols.start;
        part.b = match self.b {
            Right::Strided { data, row, col } => Right::Strided { data: data.wrapping_add(cols.start * col), row, col },
            Right::LinesOfTranspose { data, line } => {
                Right::LinesOfTranspose { data: data.wrapping_add(cols.start * T::LINE), line }
            }
            Right::Lines { data, line: step } => {
                Right::Lines { data: data.wrapping_add(line * step + inside), line: step }
            }
        };
        part.c.data = self.c.data.wrapping_add(line * self.c.line + inside);
        if !self.prefetch_c.data.is_null() {
            part.prefetch_c.data = self.prefetch_c.data.wrapping_add(line * self.prefetch_c.line + inside);
        }
        part.start = self.start.columns_from(cols.start);
        part
    }

    /// A product of one column, contiguous, as the same numbers in a row.
    ///
    /// # Panics
    /// It is not, or starts at a bias by columns.
    pub(crate) fn column_as_row(self) -> Self {
        assert!(self.n == 1 && self.c.row == 1 && !matches!(self.start, Start::Row(_)), "a contiguous column");
        let row = Output { row: self.m, line: T::LINE, col: 1, ..self.c };
        self.transposed(row).unwrap_or(self)
    }

    /// Both factors are strided: a single line of packed columns is, too.
    pub(super) fn is_strided(&self) -> bool {
        let right = match self.b {
            Right::Strided { .. } => true,
            Right::Lines { .. } => self.n <= T::LINE,
            Right::LinesOfTranspose { .. } => false,
        };
        right && self.a.panel().is_none()
    }

    /// Cᵀ = Bᵀ Aᵀ to `c`, where both factors are [strided](Self::is_strided). Multiplication commutes, so the bits do not change. The start
    /// must not be a bias by columns.
    pub(super) fn transposed(&self, c: Output<T>) -> Option<Self> {
        debug_assert!(!matches!(self.start, Start::Row(_)), "one number for all, or what C holds");
        if !self.is_strided() {
            return None;
        }
        let a = match self.b {
            Right::Strided { data, row, col } => Left::strided(data, col, row),
            Right::Lines { data, .. } => Left::strided(data, 1, T::LINE),
            Right::LinesOfTranspose { .. } => return None,
        };
        let b = Right::Strided { data: self.a.data, row: self.a.col, col: self.a.row };
        let prefetch_c = Output::nowhere();
        Some(Self {
            m: self.n,
            n: self.m,
            alpha: self.alpha_right,
            alpha_right: self.alpha,
            a,
            b,
            c,
            prefetch_c,
            ..*self
        })
    }

    /// One block of k: from the second on, it continues from what C holds.
    pub(super) fn k_range(&self, range: Range<usize>) -> Self {
        let mut part = *self;
        part.k = range.end - range.start;
        part.a.data = self.a.data.wrapping_add(range.start * self.a.col);
        part.b = match self.b {
            Right::Strided { data, row, col } => {
                Right::Strided { data: data.wrapping_add(range.start * row), row, col }
            }
            Right::Lines { data, line } => Right::Lines { data: data.wrapping_add(range.start * T::LINE), line },
            Right::LinesOfTranspose { data, line } => {
                debug_assert!(range.start.is_multiple_of(T::LINE), "on a line");
                Right::LinesOfTranspose { data: data.wrapping_add(range.start / T::LINE * line), line }
            }
        };
        if range.start > 0 {
            part.start = Start::Stored;
        }
        part
    }
}

/// Rows of one of so many parts, of `m` rows in all, not more parts than whole lines: equal but for a line. They begin on the nearest line, for
/// columns of A or of C that are transposed are made up of lines (127³ in 64 and 63 rows, not in 48 and 79).
pub(super) fn row_part(m: usize, line: usize, part: usize, parts: usize) -> Range<usize> {
    let first = |part: usize| if part == parts { m } else { (part * m / parts + line / 2) / line * line };
    first(part)..first(part + 1)
}
