//! Matrix views: a slice, a shape and two strides, checked once when they are made.
//!
//! ```text
//! element (i, j) is slice[i · row_stride + j · col_stride]
//! ```
//! Everything below the views works on raw pointers and relies on this check.

use std::marker::PhantomData;
use std::ops::Range;

/// What is wrong with the shape of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// The slice ends before the last element of the matrix.
    #[error(
        "a {rows} × {cols} matrix with strides ({row_stride}, {col_stride}) needs a slice of at least {needed} elements, but got {len}"
    )]
    SliceTooShort {
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        cols: usize,
        /// Elements from one row to the next.
        row_stride: usize,
        /// Elements from one column to the next.
        col_stride: usize,
        /// Elements that the view would reach.
        needed: usize,
        /// Elements that there are.
        len: usize,
    },
    /// The matrix reaches past the address space, or would if every element had a place of its own.
    #[error("a {rows} × {cols} matrix with strides ({row_stride}, {col_stride}) is larger than the address space")]
    Overflow {
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        cols: usize,
        /// Elements from one row to the next.
        row_stride: usize,
        /// Elements from one column to the next.
        col_stride: usize,
    },
    /// Two elements of an output would share one place in memory, or might: its rows and columns interleave.
    #[error(
        "the rows of a {rows} × {cols} output with strides ({row_stride}, {col_stride}) overlap, or rows and columns interleave; one stride must be at least the extent of the other dimension"
    )]
    OverlappingOutput {
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        cols: usize,
        /// Elements from one row to the next.
        row_stride: usize,
        /// Elements from one column to the next.
        col_stride: usize,
    },
    /// Two dimensions that must be equal are not.
    #[error("{what}: expected {expected}, but got {got}")]
    Mismatch {
        /// Which dimension, in words.
        what: &'static str,
        /// The size it should have.
        expected: usize,
        /// The size it has.
        got: usize,
    },
}

impl ShapeError {
    /// `Ok` where `got == expected`, else a [`ShapeError::Mismatch`] that says `what` should agree.
    #[inline(always)]
    pub(crate) fn expect(what: &'static str, expected: usize, got: usize) -> Result<(), Self> {
        if got == expected {
            return Ok(());
        }
        Err(Self::Mismatch { what, expected, got })
    }
}

/// A matrix has no more elements than this, repeated ones counted each time, and reaches no further: its bytes fit an `isize`, and no number of
/// elements overflows that is made of its rows and columns, padded to cache lines of 16 or to tiles as tall.
const MOST_ELEMENTS: usize = isize::MAX as usize / 8;

/// The strides and shape of a view, and the arithmetic on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl Layout {
    #[inline(always)]
    fn is_empty(self) -> bool {
        self.rows == 0 || self.cols == 0
    }

    /// One past the offset of the last element, or `None` where there are too many elements or they reach too far.
    #[inline(always)]
    fn extent(self) -> Option<usize> {
        if self.is_empty() {
            return Some(0);
        }
        let last_row = (self.rows - 1).checked_mul(self.row_stride)?;
        let last_col = (self.cols - 1).checked_mul(self.col_stride)?;
        let extent = last_row.checked_add(last_col)?.checked_add(1)?;
        (extent <= MOST_ELEMENTS && self.has_few_elements()).then_some(extent)
    }

    /// Repeated ones counted each time.
    #[inline(always)]
    fn has_few_elements(self) -> bool {
        self.rows.checked_mul(self.cols).is_some_and(|elements| elements <= MOST_ELEMENTS)
    }

    /// Row-major without gaps. One product and two comparisons, in registers: a small net makes dozens of views a step.
    #[inline(always)]
    fn contiguous(rows: usize, cols: usize, len: usize) -> Result<Self, ShapeError> {
        match rows.checked_mul(cols) {
            Some(needed) if needed <= len && needed <= MOST_ELEMENTS => {
                Ok(Self { rows, cols, row_stride: cols, col_stride: 1 })
            }
            _ => Err(Self::contiguous_beyond(rows, cols, len)),
        }
    }

    /// Row-major with rows `row_stride` apart. As few instructions, and no result that goes through memory.
    #[inline(always)]
    fn rows_apart(rows: usize, cols: usize, row_stride: usize, len: usize) -> Result<Self, ShapeError> {
        let layout = Self { rows, cols, row_stride, col_stride: 1 };
        let needed = rows.saturating_sub(1).checked_mul(row_stride).and_then(|last| last.checked_add(cols));
        match needed {
            // Rows that do not overlap are counted by what they reach.
            Some(needed)
                if needed <= len && needed <= MOST_ELEMENTS && (row_stride >= cols || layout.has_few_elements()) =>
            {
                Ok(layout)
            }
            _ if layout.is_empty() => Ok(layout),
            _ => Err(layout.beyond(len)),
        }
    }

    #[cold]
    fn contiguous_beyond(rows: usize, cols: usize, len: usize) -> ShapeError {
        Self { rows, cols, row_stride: cols, col_stride: 1 }.beyond(len)
    }

    /// In registers as well: what goes through memory in two sizes is waited for (8×8×8 with three such views: a fifth of the time).
    #[inline(always)]
    fn check(self, len: usize) -> Result<Self, ShapeError> {
        match self.extent() {
            Some(needed) if needed <= len => Ok(self),
            _ => Err(self.beyond(len)),
        }
    }

    /// Why the layout does not fit `len` elements.
    #[cold]
    fn beyond(self, len: usize) -> ShapeError {
        let Self { rows, cols, row_stride, col_stride } = self;
        match self.extent() {
            None => ShapeError::Overflow { rows, cols, row_stride, col_stride },
            Some(needed) => ShapeError::SliceTooShort { rows, cols, row_stride, col_stride, needed, len },
        }
    }

    /// Outputs only: no two elements in one place. Rows and columns that interleave are refused, though some of them are disjoint: to tell
    /// which takes more than comparisons. Called after [`check`](Self::check), so nothing here overflows.
    fn check_disjoint(self) -> Result<Self, ShapeError> {
        let Self { rows, cols, row_stride, col_stride } = self;
        let disjoint = self.is_empty()
            || match (rows, cols) {
                (1, 1) => true,
                (1, _) => col_stride > 0,
                (_, 1) => row_stride > 0,
                _ => {
                    (col_stride > 0 && row_stride > (cols - 1) * col_stride)
                        || (row_stride > 0 && col_stride > (rows - 1) * row_stride)
                }
            };
        if disjoint { Ok(self) } else { Err(self.overlapping()) }
    }

    #[cold]
    fn overlapping(self) -> ShapeError {
        let Self { rows, cols, row_stride, col_stride } = self;
        ShapeError::OverlappingOutput { rows, cols, row_stride, col_stride }
    }

    fn offset(self, i: usize, j: usize) -> usize {
        assert!(i < self.rows && j < self.cols, "({i}, {j}) is outside a {} × {} matrix", self.rows, self.cols);
        i * self.row_stride + j * self.col_stride
    }

    fn transposed(self) -> Self {
        Self { rows: self.cols, cols: self.rows, row_stride: self.col_stride, col_stride: self.row_stride }
    }

    /// The elements of a row lie one after the other, as a single one does at any stride.
    #[inline(always)]
    fn has_contiguous_rows(self) -> bool {
        self.col_stride == 1 || self.cols <= 1
    }

    /// The layout of rows `range` and how far in they begin.
    #[inline]
    fn rows(self, range: Range<usize>) -> (Self, usize) {
        assert!(range.start <= range.end && range.end <= self.rows, "rows {range:?} of a matrix of {} rows", self.rows);
        let layout = Self { rows: range.end - range.start, ..self };
        let start = if layout.is_empty() { 0 } else { range.start * self.row_stride };
        (layout, start)
    }
}

/// A matrix to read: shape and strides over a borrowed slice. Strides may be zero, which repeats a row or column.
#[derive(Clone, Copy, Debug)]
pub struct MatRef<'a, T> {
    data: *const T,
    layout: Layout,
    borrow: PhantomData<&'a [T]>,
}

/// A matrix to write: like [`MatRef`], with no two elements in one place.
#[derive(Debug)]
pub struct MatMut<'a, T> {
    data: *mut T,
    layout: Layout,
    borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: a `MatRef` is a `&[T]` with a shape.
unsafe impl<T: Sync> Send for MatRef<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for MatRef<'_, T> {}
// SAFETY: a `MatMut` is a `&mut [T]` with a shape.
unsafe impl<T: Send> Send for MatMut<'_, T> {}
// SAFETY: as above; a shared `MatMut` gives only shared access.
unsafe impl<T: Sync> Sync for MatMut<'_, T> {}

macro_rules! shape_getters {
    () => {
        /// Number of rows.
        #[inline]
        pub fn rows(&self) -> usize {
            self.layout.rows
        }
        /// Number of columns.
        #[inline]
        pub fn cols(&self) -> usize {
            self.layout.cols
        }
        /// Elements from one row to the next.
        #[inline]
        pub fn row_stride(&self) -> usize {
            self.layout.row_stride
        }
        /// Elements from one column to the next.
        #[inline]
        pub fn col_stride(&self) -> usize {
            self.layout.col_stride
        }
        /// No elements at all.
        #[inline]
        pub fn is_empty(&self) -> bool {
            self.layout.is_empty()
        }
        /// The elements of a row lie one after the other, as a single one does at any stride.
        #[inline(always)]
        pub(crate) fn has_contiguous_rows(&self) -> bool {
            self.layout.has_contiguous_rows()
        }
        /// `Ok` where they do; `what` is the column stride of which matrix.
        #[inline(always)]
        pub(crate) fn expect_contiguous_rows(&self, what: &'static str) -> Result<(), ShapeError> {
            if self.has_contiguous_rows() {
                return Ok(());
            }
            ShapeError::expect(what, 1, self.col_stride())
        }
    };
}

impl<'a, T: Copy> MatRef<'a, T> {
    /// A row-major matrix without gaps.
    ///
    /// # Errors
    /// The slice is shorter than `rows · cols` ([`SliceTooShort`](ShapeError::SliceTooShort)), or that is more than
    /// the address space has ([`Overflow`](ShapeError::Overflow)).
    #[inline]
    pub fn new(data: &'a [T], rows: usize, cols: usize) -> Result<Self, ShapeError> {
        let layout = Layout::contiguous(rows, cols, data.len())?;
        Ok(Self { data: data.as_ptr(), layout, borrow: PhantomData })
    }

    /// A row-major matrix whose rows begin `row_stride` elements apart.
    ///
    /// # Errors
    /// The slice ends before the last element ([`SliceTooShort`](ShapeError::SliceTooShort)); or the matrix reaches past the address space, or
    /// would if every element had a place of its own ([`Overflow`](ShapeError::Overflow)).
    #[inline]
    pub fn with_row_stride(data: &'a [T], rows: usize, cols: usize, row_stride: usize) -> Result<Self, ShapeError> {
        let layout = Layout::rows_apart(rows, cols, row_stride, data.len())?;
        Ok(Self { data: data.as_ptr(), layout, borrow: PhantomData })
    }

    /// A matrix with any strides; a stride of zero repeats.
    ///
    /// # Errors
    /// The slice ends before the last element ([`SliceTooShort`](ShapeError::SliceTooShort)); or the matrix reaches past the address space, or
    /// would if every element had a place of its own ([`Overflow`](ShapeError::Overflow)), as one with a stride of 0 may.
    pub fn with_strides(
        data: &'a [T],
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
    ) -> Result<Self, ShapeError> {
        let layout = Layout { rows, cols, row_stride, col_stride }.check(data.len())?;
        Ok(Self { data: data.as_ptr(), layout, borrow: PhantomData })
    }

    shape_getters!();

    /// Element `(i, j)`.
    ///
    /// # Panics
    /// Outside the shape.
    pub fn get(&self, i: usize, j: usize) -> T {
        let offset = self.layout.offset(i, j);
        // SAFETY: the layout was checked against the slice when the view was made, and (i, j) just now.
        unsafe { *self.data.wrapping_add(offset) }
    }

    /// The transpose: the same memory with rows and columns exchanged.
    #[must_use]
    pub fn t(self) -> Self {
        Self { layout: self.layout.transposed(), ..self }
    }

    /// Rows `range` of this matrix.
    ///
    /// # Panics
    /// The range reaches past the last row.
    #[must_use]
    pub fn rows_range(self, range: Range<usize>) -> Self {
        let (layout, start) = self.layout.rows(range);
        // SAFETY: `start` is the offset of an element of the view, or zero.
        let data = unsafe { self.data.add(start) };
        Self { data, layout, ..self }
    }

    /// Columns `cols` of row `i`, which must lie one after the other (`col_stride` 1).
    ///
    /// # Panics
    /// Outside the shape, or the columns are apart.
    pub fn row_range(&self, i: usize, cols: Range<usize>) -> &'a [T] {
        let Layout { rows, cols: width, .. } = self.layout;
        assert!(self.layout.has_contiguous_rows(), "the columns of this matrix are not contiguous");
        let is_inside = i < rows && cols.start <= cols.end && cols.end <= width;
        assert!(is_inside, "columns {cols:?} of row {i} are outside a {rows} × {width} matrix");
        if cols.is_empty() {
            return &[];
        }
        let start = self.layout.offset(i, cols.start);
        // SAFETY: both ends are inside the view, and what lies between them is one run of its slice.
        unsafe { std::slice::from_raw_parts(self.data.wrapping_add(start), cols.len()) }
    }

    /// Where element (0, 0) is.
    pub(crate) fn as_ptr(&self) -> *const T {
        self.data
    }
}

impl<'a, T: Copy> MatMut<'a, T> {
    /// A row-major matrix without gaps.
    ///
    /// # Errors
    /// The slice is shorter than `rows · cols` ([`SliceTooShort`](ShapeError::SliceTooShort)), or that is more than
    /// the address space has ([`Overflow`](ShapeError::Overflow)).
    #[inline]
    pub fn new(data: &'a mut [T], rows: usize, cols: usize) -> Result<Self, ShapeError> {
        let layout = Layout::contiguous(rows, cols, data.len())?;
        Ok(Self { data: data.as_mut_ptr(), layout, borrow: PhantomData })
    }

    /// A row-major matrix whose rows begin `row_stride` elements apart.
    ///
    /// # Errors
    /// The slice ends before the last element ([`SliceTooShort`](ShapeError::SliceTooShort)), the matrix reaches past the address space
    /// ([`Overflow`](ShapeError::Overflow)), or the rows overlap ([`OverlappingOutput`](ShapeError::OverlappingOutput)).
    #[inline]
    pub fn with_row_stride(data: &'a mut [T], rows: usize, cols: usize, row_stride: usize) -> Result<Self, ShapeError> {
        let layout = Layout::rows_apart(rows, cols, row_stride, data.len())?;
        if cols > row_stride && rows > 1 {
            return Err(layout.overlapping());
        }
        Ok(Self { data: data.as_mut_ptr(), layout, borrow: PhantomData })
    }

    /// A matrix with positive strides, one of which is at least the extent of the other dimension.
    ///
    /// # Errors
    /// The slice ends before the last element ([`SliceTooShort`](ShapeError::SliceTooShort)), the matrix reaches past the address space
    /// ([`Overflow`](ShapeError::Overflow)); or two elements would share one place, or rows and columns interleave
    /// ([`OverlappingOutput`](ShapeError::OverlappingOutput)).
    pub fn with_strides(
        data: &'a mut [T],
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
    ) -> Result<Self, ShapeError> {
        let layout = Layout { rows, cols, row_stride, col_stride }.check(data.len())?.check_disjoint()?;
        Ok(Self { data: data.as_mut_ptr(), layout, borrow: PhantomData })
    }

    shape_getters!();

    /// Element `(i, j)`.
    ///
    /// # Panics
    /// Outside the shape.
    pub fn get(&self, i: usize, j: usize) -> T {
        self.as_ref().get(i, j)
    }

    /// Sets element `(i, j)`.
    ///
    /// # Panics
    /// Outside the shape.
    pub fn set(&mut self, i: usize, j: usize, value: T) {
        let offset = self.layout.offset(i, j);
        // SAFETY: the layout was checked against the slice when the view was made, and (i, j) just now.
        unsafe { *self.data.wrapping_add(offset) = value };
    }

    /// The transpose: the same memory with rows and columns exchanged.
    #[must_use]
    pub fn t(self) -> Self {
        Self { layout: self.layout.transposed(), ..self }
    }

    /// The same view for a shorter time.
    pub fn reborrow(&mut self) -> MatMut<'_, T> {
        MatMut { data: self.data, layout: self.layout, borrow: PhantomData }
    }

    /// A view to read.
    pub fn as_ref(&self) -> MatRef<'_, T> {
        MatRef { data: self.data, layout: self.layout, borrow: PhantomData }
    }

    /// Rows `range` of this matrix.
    ///
    /// # Panics
    /// The range reaches past the last row.
    #[must_use]
    pub fn rows_range(self, range: Range<usize>) -> Self {
        let (layout, start) = self.layout.rows(range);
        // SAFETY: `start` is the offset of an element of the view, or zero.
        let data = unsafe { self.data.add(start) };
        Self { data, layout, ..self }
    }

    /// Where element (0, 0) is.
    pub(crate) fn as_mut_ptr(&mut self) -> *mut T {
        self.data
    }
}

/// The same view, to read, for as long as it could have been written.
impl<'a, T> From<MatMut<'a, T>> for MatRef<'a, T> {
    fn from(view: MatMut<'a, T>) -> Self {
        Self { data: view.data, layout: view.layout, borrow: PhantomData }
    }
}
