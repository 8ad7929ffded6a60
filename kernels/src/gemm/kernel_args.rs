//! What a micro-kernel is told: the strip of tiles that it multiplies, where their sums start and end, and what they prefetch meanwhile.
//! Addresses and strides alone; what they mean in a product is known above, in [`strips`](super::strips), and to multiply them is left to
//! [`microkernel`](super::microkernel).

use crate::element::Element;

/// Where the accumulators start.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start<T> {
    /// At zero: C is not read.
    Zero,
    /// At what C holds.
    Stored,
    /// At β times what C holds.
    Scaled(T),
    /// At a row that all rows of C share, the bias: `columns` of the strip from this address on.
    Row(*const T),
    /// At one number, the bias of a single output.
    All(T),
}

impl<T: Element> Start<T> {
    /// At β times what C holds, which is not read where β is 0.
    #[inline(always)]
    pub(crate) fn of_beta(beta: T) -> Self {
        if beta == T::ZERO {
            Self::Zero
        } else if beta == T::ONE {
            Self::Stored
        } else {
            Self::Scaled(beta)
        }
    }

    /// For the columns from `first` on.
    #[inline(always)]
    pub(crate) fn columns_from(self, first: usize) -> Self {
        match self {
            Self::Zero => Self::Zero,
            Self::Stored => Self::Stored,
            Self::Scaled(beta) => Self::Scaled(beta),
            Self::Row(bias) => Self::Row(bias.wrapping_add(first)),
            Self::All(value) => Self::All(value),
        }
    }
}

/// What becomes of a finished sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End<T> {
    /// It is stored.
    Stored,
    /// So many times of it are added to what C holds: C ← C + factor · sum, one fused multiply-add. The product is not cut along k.
    AddScaled(T),
}

/// So many `tiles` of C += A B over `k`, one below the other, or side by side.
///
/// Element (i, p) of A, in tile t, is at `a + t·a_next + i·a_inner + p·a_col`; lane l of vector v of row p of B is at
/// `b + t·b_next + p·b_row + (v / V)·b_line + (v mod V)·LANES + l` with V vectors a cache line; C likewise.
#[derive(Clone, Copy)]
pub(crate) struct KernelArgs<'a, T> {
    pub(crate) tiles: usize,
    pub(crate) k: usize,
    pub(crate) a: *const T,
    pub(crate) a_inner: usize,
    pub(crate) a_col: usize,
    pub(crate) b: *const T,
    pub(crate) b_row: usize,
    pub(crate) b_line: usize,
    pub(crate) c: *mut T,
    pub(crate) c_row: usize,
    pub(crate) c_line: usize,
    /// Lanes of the last vector that exist in B (and in the bias), and in C.
    pub(crate) b_tail: usize,
    pub(crate) c_tail: usize,
    pub(crate) start: Start<T>,
    pub(crate) end: End<T>,
    /// What is prefetched, laid out as C is (what the epilogue will need, or a C that is far), or null.
    pub(crate) prefetch_c: *const T,
    pub(crate) prefetch_c_row: usize,
    pub(crate) prefetch_c_line: usize,
    /// From one tile to the next, in A, B, C, in what is prefetched like C and in the columns: down the rows or across the columns.
    pub(crate) a_next: usize,
    pub(crate) b_next: usize,
    pub(crate) c_next: usize,
    pub(crate) prefetch_c_next: usize,
    pub(crate) cols_next: usize,
    /// What else is prefetched, if anything. Not kept here: a product of a single tile would take longer to describe than to
    /// multiply.
    pub(crate) prefetch: Option<&'a KernelPrefetch<T>>,
}

/// What the tiles of a strip prefetch of A and B.
pub(crate) struct KernelPrefetch<T> {
    /// From the column of A that is read to the one that is prefetched then; 0 where none is. Its rows in a tile are contiguous.
    pub(crate) a_ahead: usize,
    /// From the row of B that is read to the one that is prefetched then; 0 where none is.
    pub(crate) b_ahead: usize,
    /// The block of B that will be read after this one: its first line, its rows, from one row to the next, from one line to the next, and
    /// how many of them there are. Each tile of a run of equal ones, after the first, prefetches one of them.
    pub(crate) next_b: *const T,
    pub(crate) next_b_rows: usize,
    pub(crate) next_b_row: usize,
    pub(crate) next_b_line: usize,
    pub(crate) next_b_lines: usize,
}

impl<T> KernelPrefetch<T> {
    /// Whether anything is prefetched.
    #[inline(always)]
    pub(super) fn is_any(&self) -> bool {
        (self.a_ahead | self.b_ahead | self.next_b_lines) > 0
    }
}

/// A compiled micro-kernel.
///
/// # Safety
/// The CPU has the kernel's instruction set, and what it is told describes memory that is valid: A and B (and the bias, and
/// C where it is read) for reads, C for writes by this thread alone.
pub(crate) type KernelFn<T> = unsafe fn(&KernelArgs<'_, T>);
