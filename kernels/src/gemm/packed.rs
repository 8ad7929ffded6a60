//! A right-hand side that is packed once and multiplied many times: weights.

use super::{Destination, Output, Product, Right, Start, TileTable, pack_lines};
use crate::aligned::AlignedVec;
use crate::element::Element;
use crate::isa::Isa;
use crate::team::Team;
use crate::view::{MatMut, MatRef, ShapeError};

/// A k × n matrix in [packed lines](super::pack), ready to be the right-hand side of products.
///
/// The layout depends on the shape and element type alone, not on the instruction set.
///
/// # Slow cases
/// It is the matrix that should be packed. Where that is the left factor, of a product with a single column, c = A b, pack its transpose and
/// compute cᵀ = bᵀ Aᵀ, which lies in memory as c does and has the same bits:
///
/// ```
/// use deltarule_kernels::gemm::{PackedB, gemm_packed};
/// use deltarule_kernels::{MatMut, MatRef, Team};
///
/// let (a, b, mut c) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 10.0, 100.0], [0.0; 2]);
/// let packed = PackedB::new(MatRef::new(&a, 2, 3)?.t()); // once
/// gemm_packed(&Team::serial(), MatRef::new(&b, 1, 3)?, &packed, 0.0, MatMut::new(&mut c, 1, 2)?)?;
/// assert_eq!(c, [321.0, 654.0]);
/// # Ok::<(), deltarule_kernels::ShapeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PackedB<T> {
    lines: AlignedVec<T>,
    rows: usize,
    cols: usize,
}

impl<T: Element> PackedB<T> {
    /// A packed copy of `b`, k × n, any strides: k times so many numbers as n columns take in whole cache lines.
    ///
    /// # Panics
    /// The copy would be larger than the address space, as that of a view with a stride of 0 may be. Where there is only not enough memory
    /// for it, the program ends, as with any `Vec`.
    pub fn new(b: MatRef<'_, T>) -> Self {
        let mut packed = Self::zeros(b.rows(), b.cols());
        packed.fill_from(b);
        packed
    }

    /// Zeros.
    ///
    /// # Panics
    /// The matrix is larger than the address space.
    pub fn zeros(rows: usize, cols: usize) -> Self {
        let padded = if rows == 0 { Some(0) } else { cols.checked_next_multiple_of(T::LINE) };
        let len = padded.and_then(|cols| rows.checked_mul(cols));
        let Some(len) = len else { panic!("a packed {rows} × {cols} matrix is larger than the address space") };
        Self { lines: AlignedVec::zeros(len), rows, cols }
    }

    /// Replaces the contents by those of `b`, without allocating.
    ///
    /// # Errors
    /// `b` has another shape.
    pub fn set(&mut self, b: MatRef<'_, T>) -> Result<(), ShapeError> {
        ShapeError::expect("the rows of a packed matrix", self.rows, b.rows())?;
        ShapeError::expect("the columns of a packed matrix", self.cols, b.cols())?;
        self.fill_from(b);
        Ok(())
    }

    /// Packs `b`, which has this shape.
    pub(crate) fn fill_from(&mut self, b: MatRef<'_, T>) {
        if !b.is_empty() {
            // SAFETY: the view vouches for its elements.
            unsafe {
                pack_lines(
                    Isa::current(),
                    b.as_ptr(),
                    (b.row_stride(), b.col_stride()),
                    (self.rows, self.cols),
                    &mut self.lines,
                );
            };
        }
    }

    /// Rows of the matrix, k.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns of the matrix, n.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Element `(p, j)`.
    ///
    /// # Panics
    /// Outside the shape.
    pub fn get(&self, p: usize, j: usize) -> T {
        self.lines[self.offset(p, j)]
    }

    /// Changes element `(p, j)`.
    ///
    /// # Panics
    /// Outside the shape.
    pub fn put(&mut self, p: usize, j: usize, value: T) {
        let offset = self.offset(p, j);
        self.lines[offset] = value;
    }

    /// Where element `(p, j)` is among [`lines`](Self::lines).
    ///
    /// # Panics
    /// Outside the shape.
    fn offset(&self, p: usize, j: usize) -> usize {
        assert!(p < self.rows && j < self.cols, "({p}, {j}) is outside a {} × {} matrix", self.rows, self.cols);
        (j / T::LINE * self.rows + p) * T::LINE + j % T::LINE
    }

    /// All lines, padding included.
    pub(crate) fn lines(&self) -> &[T] {
        &self.lines
    }

    /// All lines to write; what padding holds reaches no result.
    pub(crate) fn lines_mut(&mut self) -> &mut [T] {
        &mut self.lines
    }

    /// Its transpose as the right-hand side of a product.
    pub(crate) fn transposed_right(&self) -> Right<T> {
        Right::LinesOfTranspose { data: self.lines.as_ptr(), line: self.line_len() }
    }

    /// As the right-hand side of a product.
    pub(crate) fn right(&self) -> Right<T> {
        Right::Lines { data: self.lines.as_ptr(), line: self.line_len() }
    }

    /// From one line to the next. An empty matrix may have any number of rows: no such step is taken there.
    fn line_len(&self) -> usize {
        self.rows.wrapping_mul(T::LINE)
    }
}

/// `C = A B + β C` with B packed beforehand, shared by a team. The bits are those of [`gemm_on`](super::gemm_on) with α = 1; what is said
/// [there](super::gemm#memory) of memory that threads keep holds here as well. A factor of A B is the caller's to fold into A, or into B before it is packed.
///
/// # Errors
/// The shapes do not fit each other, or the rows of C are not contiguous (`col_stride` 1); nothing is written then.
///
/// # Panics
/// Where a [team](crate::Team#panics) does.
#[inline] // The views then stay in registers: 8×8×8 40 → 49 GFLOP/s.
pub fn gemm_packed<T: Element>(
    team: &Team,
    a: MatRef<'_, T>,
    b: &PackedB<T>,
    beta: T,
    c: MatMut<'_, T>,
) -> Result<(), ShapeError> {
    product(TileTable::current, team, a, b, beta, c)
}

/// [`gemm_packed`] with the micro-kernels of tier `isa` (of the next lower one of its architecture that this machine has), for tests and
/// measurements.
///
/// # Errors
/// As [`gemm_packed`] has them.
///
/// # Panics
/// Where a [team](crate::Team#panics) does.
pub fn gemm_packed_at<T: Element>(
    isa: Isa,
    team: &Team,
    a: MatRef<'_, T>,
    b: &PackedB<T>,
    beta: T,
    c: MatMut<'_, T>,
) -> Result<(), ShapeError> {
    product(|| TileTable::of(isa), team, a, b, beta, c)
}

/// [`gemm_packed`] with the micro-kernels of a table, which is asked for when it is needed.
#[inline(always)]
fn product<T: Element>(
    table: impl FnOnce() -> &'static TileTable<T>,
    team: &Team,
    a: MatRef<'_, T>,
    b: &PackedB<T>,
    beta: T,
    mut c: MatMut<'_, T>,
) -> Result<(), ShapeError> {
    ShapeError::expect("the columns of A and the rows of B", a.cols(), b.rows)?;
    ShapeError::expect("the rows of C and of A", a.rows(), c.rows())?;
    ShapeError::expect("the columns of C and of B", b.cols, c.cols())?;
    if c.is_empty() {
        return Ok(());
    }
    c.expect_contiguous_rows("the column stride of C")?;
    if a.cols() == 0 {
        super::scale(beta, c);
        return Ok(());
    }
    let (shape, to) = ([a.rows(), b.cols, b.rows], Output::from(&mut c));
    // SAFETY: the views and the packed matrix vouch for the operands, and C is borrowed exclusively.
    let product = unsafe { Product::new(a.into(), b.right(), to, Start::of_beta(beta), shape) };
    product.run(table(), team, Destination::C, None);
    Ok(())
}
