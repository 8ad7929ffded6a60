//! The operands of a product as the driver sees them: addresses and strides, whichever way the matrix is kept.

use crate::element::Element;
use crate::view::{MatMut, MatRef};

/// The left-hand side: element (i, p) of the tile that begins at row r is at `data + r·row + i·inner + p·col`.
///
/// A strided matrix has `inner = row`. In packed [panels](super::pack) a tile's column is contiguous (`inner = 1`), one column
/// follows the other (`col` is the height of a panel), and so do the panels.
#[derive(Clone, Copy)]
pub(crate) struct Left<T> {
    pub(crate) data: *const T,
    pub(crate) row: usize,
    pub(crate) inner: usize,
    pub(crate) col: usize,
}

impl<T> Left<T> {
    pub(crate) fn strided(data: *const T, row: usize, col: usize) -> Self {
        Self { data, row, inner: row, col }
    }

    /// The height of the panels, where it is packed in panels: all tiles but the last are that tall. Panels of a single column (k = 1) are none:
    /// their rows follow each other without a gap, so that they count as strided, and may be cut anywhere.
    pub(crate) fn panel(&self) -> Option<usize> {
        (self.inner != self.row).then_some(self.col)
    }
}

/// The right-hand side.
#[derive(Clone, Copy)]
pub(crate) enum Right<T> {
    /// Element (p, j) at `data + p·row + j·col`.
    Strided { data: *const T, row: usize, col: usize },
    /// [Packed lines](super::pack): element (p, j) at `data + (j / LINE)·line + p·LINE + j mod LINE`; the last line is
    /// padded.
    Lines { data: *const T, line: usize },
    /// The packed lines of the transpose: element (p, j) at `data + (p / LINE)·line + j·LINE + p mod LINE`. Packed before it is read.
    LinesOfTranspose { data: *const T, line: usize },
}

impl<T: Element> Right<T> {
    /// The address of row 0 of column `first`, and the steps from one row, and from one line of columns, to the next. Not where it has to
    /// be packed first.
    #[inline(always)]
    pub(super) fn lines_from(self, first: usize) -> (*const T, usize, usize) {
        let (data, row, line) = match self {
            Self::Strided { data, row, .. } => (data, row, T::LINE),
            Self::Lines { data, line } => (data, T::LINE, line),
            Self::LinesOfTranspose { .. } => unreachable!("packed by now"),
        };
        (data.wrapping_add(first / T::LINE * line + first % T::LINE), row, line)
    }
}

/// The result: element (i, j) at `data + i·row + (j / LINE)·line + (j mod LINE)·col`.
///
/// A row-major matrix has `col = 1` and `line = LINE`; packed lines have `col = 1`, `row = LINE`, and are `padded`: the
/// last line is whole, and what is written past the last column is of no account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output<T> {
    pub(crate) data: *mut T,
    pub(crate) row: usize,
    pub(crate) line: usize,
    pub(crate) col: usize,
    pub(crate) padded: bool,
}

// SAFETY: an address and strides; whoever writes through it answers for writing alone.
unsafe impl<T: Send> Sync for Output<T> {}

impl<T: Element> From<MatRef<'_, T>> for Left<T> {
    fn from(view: MatRef<'_, T>) -> Self {
        Self::strided(view.as_ptr(), view.row_stride(), view.col_stride())
    }
}

impl<T: Element> From<MatRef<'_, T>> for Right<T> {
    fn from(view: MatRef<'_, T>) -> Self {
        Self::Strided { data: view.as_ptr(), row: view.row_stride(), col: view.col_stride() }
    }
}

impl<T: Element> From<&mut MatMut<'_, T>> for Output<T> {
    fn from(view: &mut MatMut<'_, T>) -> Self {
        // A single column has none beside it, whatever the view says.
        let col = if view.cols() == 1 { 1 } else { view.col_stride() };
        let (data, row, line) = (view.as_mut_ptr(), view.row_stride(), col.wrapping_mul(T::LINE));
        Self { data, row, line, col, padded: false }
    }
}

impl<T: Element> Output<T> {
    /// Packed lines of `rows` rows that begin at `data`; any number of rows where there are no columns.
    pub(crate) fn lines(data: *mut T, rows: usize) -> Self {
        Self { data, row: T::LINE, line: rows.wrapping_mul(T::LINE), col: 1, padded: true }
    }

    /// No place at all: null, and so are its rows.
    pub(crate) fn nowhere() -> Self {
        Self { data: std::ptr::null_mut(), row: 0, line: 0, col: 1, padded: false }
    }

    /// Where element (i, j) is, of contiguous columns.
    #[inline(always)]
    pub(crate) fn at(&self, i: usize, j: usize) -> *mut T {
        self.data.wrapping_add(i * self.row + j / T::LINE * self.line + j % T::LINE)
    }
}
