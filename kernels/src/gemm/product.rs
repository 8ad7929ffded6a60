//! What a product is: addresses and strides of its operands, vouched for when it is made, and the blocks of C that it hands on.
//!
//! To make one is the only unsafe step of a product: whoever has one may cut it into parts, plan and run it. Its fields are seen in this
//! folder alone, so that nobody outside makes one without that step.

use super::kernel_args::{End, Start};
use super::operand::{Left, Output, Right};
use crate::activation::RowPair;
use crate::element::Element;
use std::marker::PhantomData;
use std::ops::Range;

/// C = start + α A B, then the epilogue. Valid as [`new`](Self::new) has it.
#[derive(Clone, Copy)]
pub(crate) struct Product<T> {
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    /// Multiplies A, …
    pub(super) alpha: T,
    /// … or B, where the product has been transposed and B is the caller's A.
    pub(super) alpha_right: T,
    pub(super) a: Left<T>,
    pub(super) b: Right<T>,
    pub(super) c: Output<T>,
    pub(super) start: Start<T>,
    pub(super) end: End<T>,
    /// What the epilogue will need beside C, in the shape of C, or nowhere: prefetched while the tiles are multiplied.
    pub(super) prefetch_c: Output<T>,
}

// SAFETY: a product is a set of addresses; threads write disjoint jobs of C and only read A and B.
unsafe impl<T: Element> Sync for Product<T> {}

impl<T: Element> Product<T> {
    /// C = start + A B, with A m × k, B k × n and C m × n.
    ///
    /// # Safety
    /// Until the last of its runs has ended, the operands are valid for this shape: A and B for reads, C for reads and writes by nobody else,
    /// and the bias of `Start::Row` for `n` reads; and no two of these runs overlap. C has contiguous columns (`col = 1`), or is exchanged
    /// for one that has before the product is run.
    #[inline(always)]
    pub(crate) unsafe fn new(a: Left<T>, b: Right<T>, c: Output<T>, start: Start<T>, [m, n, k]: [usize; 3]) -> Self {
        Self {
            m,
            n,
            k,
            alpha: T::ONE,
            alpha_right: T::ONE,
            a,
            b,
            c,
            start,
            end: End::Stored,
            prefetch_c: Output::nowhere(),
        }
    }

    /// (α A) (α′ B) in place of A B; one of the factors is 1.
    #[inline(always)]
    pub(crate) fn scaled(self, (alpha, alpha_right): (T, T)) -> Self {
        Self { alpha, alpha_right, ..self }
    }

    /// What becomes of the sums.
    #[inline(always)]
    pub(crate) fn ending(self, end: End<T>) -> Self {
        Self { end, ..self }
    }

    /// C is read: the sums start from it, or are added to it.
    #[inline(always)]
    pub(super) fn reads_c(&self) -> bool {
        matches!(self.start, Start::Stored | Start::Scaled(_)) || self.end != End::Stored
    }

    /// What the epilogue will need beside C, see `prefetch_c`. It is prefetched, not read.
    #[inline(always)]
    pub(crate) fn prefetching_c(self, prefetch_c: Output<T>) -> Self {
        Self { prefetch_c, ..self }
    }
}

/// Where jobs put their blocks of C.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Where the product says.
    C,
    /// In scratch of the thread's own, as packed lines; only the epilogue sees them. C is not read: the product starts at zero or at a bias, and ends
    /// by storing its sums.
    Scratch,
}

/// What a job has finished, as the epilogue sees it: a block of C, complete and still in the nearest cache, which nobody else has meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Block<'a, T> {
    pub(super) rows: Range<usize>,
    pub(super) cols: Range<usize>,
    pub(super) c: Output<T>,
    lent: PhantomData<&'a T>,
}

impl<T: Element> Block<'_, T> {
    /// These rows and columns, which are at `c`: finished, and lent to the epilogue that this is handed to for as long as it runs. Only who runs a
    /// product, which vouches for its C, makes one.
    #[inline(always)]
    pub(super) fn new(rows: Range<usize>, cols: Range<usize>, c: Output<T>) -> Self {
        Self { rows, cols, c, lent: PhantomData }
    }

    #[inline(always)]
    pub(crate) fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    /// They begin on a line.
    #[inline(always)]
    pub(crate) fn cols(&self) -> Range<usize> {
        self.cols.clone()
    }

    /// Where the block's own element (0, 0) is.
    #[inline(always)]
    pub(crate) fn c(&self) -> Output<T> {
        self.c
    }

    /// A finished block of a row-major C, to be read by an activation that writes rows `to_row` apart from `to` on.
    pub(crate) fn rows_to(&self, to: *mut T, to_row: usize) -> RowPair<T> {
        debug_assert!(!self.c.padded, "a row-major block");
        let (rows, cols) = (self.rows.len(), self.cols.len());
        RowPair { from: self.c.data, from_row: self.c.row, to, to_row, rows, cols }
    }

    /// The lines of a finished block that was kept as packed lines, padding included.
    ///
    /// # Panics
    /// It was not.
    pub(crate) fn lines_of_c(&self) -> impl Iterator<Item = &[T]> {
        assert!(self.c.padded, "a block of packed lines");
        let len = self.rows.len() * T::LINE;
        (0..self.cols.len().div_ceil(T::LINE)).map(move |l| {
            // SAFETY: the block is lent, whole, to its epilogue alone.
            unsafe { std::slice::from_raw_parts(self.c.data.wrapping_add(l * self.c.line), len) }
        })
    }
}

/// What is done with a finished block, if anything.
pub(crate) type Epilogue<'a, T> = Option<&'a (dyn Fn(Block<'_, T>) + Sync)>;
