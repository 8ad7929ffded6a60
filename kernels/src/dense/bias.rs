//! The bias gradient: the sums of the columns of `dz`, in one order that depends on the shape alone.

use crate::element::Element;
use crate::isa::{Isa, Kernel, Simd};
use crate::team::Team;
use crate::view::{MatRef, ShapeError};

/// Rows that are summed one after the other before the sum joins the total: longer batches round less this way, and blocks can
/// be summed side by side without a change of bits.
const BLOCK: usize = 64;
/// Sums that run side by side, to hide the latency of an addition: vectors of one block, or blocks of one vector.
const WAYS: usize = 4;
/// Columns of a job.
const JOB_COLS: usize = 256;
/// Elements that are worth a team.
const WORK: usize = 256 * 1024;

/// `db = Σ_batch dz`, column by column: blocks of 64 rows, each summed in order, added up in order.
///
/// # Errors
/// `db` has not as many elements as `dz` has columns, or the rows of `dz` are not contiguous; nothing is written then.
pub fn backward_bias<T: Element>(team: &Team, dz: MatRef<'_, T>, db: &mut [T]) -> Result<(), ShapeError> {
    ShapeError::expect("the elements of a bias gradient", dz.cols(), db.len())?;
    if dz.cols() > 1 {
        ShapeError::expect("the column stride of a layer's gradient", 1, dz.col_stride())?;
    }
    let isa = Isa::current();
    let (rows, stride) = (dz.rows(), dz.row_stride());
    let to = Sums { db: db.as_mut_ptr(), dz: dz.as_ptr() };
    let job = |index: usize| {
        let first = index * JOB_COLS;
        let cols = JOB_COLS.min(dz.cols() - first);
        T::dispatch(isa, ColumnSums { dz: to.dz_at(first), rows, stride, db: to.db_at(first), cols });
    };
    let jobs = dz.cols().div_ceil(JOB_COLS);
    if rows.saturating_mul(dz.cols()) >= WORK {
        team.run(jobs, job)
    } else {
        (0..jobs).for_each(job)
    }
    Ok(())
}

/// Where all sums go and come from; each job has columns of its own.
struct Sums<T> {
    db: *mut T,
    dz: *const T,
}

// SAFETY: jobs write disjoint parts of `db` and only read `dz`.
unsafe impl<T: Element> Sync for Sums<T> {}

impl<T> Sums<T> {
    fn db_at(&self, col: usize) -> *mut T {
        self.db.wrapping_add(col)
    }

    fn dz_at(&self, col: usize) -> *const T {
        self.dz.wrapping_add(col)
    }
}

/// The sums of `cols` columns. Made only by [`backward_bias`], which vouches for `rows × cols` at `dz` and `cols` at `db`.
struct ColumnSums<T> {
    dz: *const T,
    rows: usize,
    stride: usize,
    db: *mut T,
    cols: usize,
}

impl<T: Element> Kernel<T> for ColumnSums<T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let mut col = 0;
        while self.cols - col >= WAYS * S::LANES {
            self.vectors(simd, col);
            col += WAYS * S::LANES;
        }
        while col < self.cols {
            self.vector(simd, col, S::LANES.min(self.cols - col));
            col += S::LANES;
        }
    }
}

impl<T: Element> ColumnSums<T> {
    /// Four whole vectors of columns, block after block.
    #[inline(always)]
    fn vectors<S: Simd<T>>(&self, simd: S, col: usize) {
        let mut totals = [simd.splat(T::ZERO); WAYS];
        for first in (0..self.rows).step_by(BLOCK) {
            let mut sums = [simd.splat(T::ZERO); WAYS];
            for row in first..self.rows.min(first + BLOCK) {
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = simd.add(*sum, self.load(simd, row, col + v * S::LANES, S::LANES));
                }
            }
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total = simd.add(*total, sum);
            }
        }
        for (v, total) in totals.into_iter().enumerate() {
            self.store(simd, col + v * S::LANES, S::LANES, total);
        }
    }

    /// One vector of columns, perhaps a partial one: four blocks at a time, then the rest.
    #[inline(always)]
    fn vector<S: Simd<T>>(&self, simd: S, col: usize, width: usize) {
        let mut total = simd.splat(T::ZERO);
        let mut first = 0;
        while self.rows - first >= WAYS * BLOCK {
            let mut sums = [simd.splat(T::ZERO); WAYS];
            for row in first..first + BLOCK {
                for (b, sum) in sums.iter_mut().enumerate() {
                    *sum = simd.add(*sum, self.load(simd, row + b * BLOCK, col, width));
                }
            }
            for sum in sums {
                total = simd.add(total, sum);
            }
            first += WAYS * BLOCK;
        }
        while first < self.rows {
            let end = self.rows.min(first + BLOCK);
            let mut sum = simd.splat(T::ZERO);
            for row in first..end {
                sum = simd.add(sum, self.load(simd, row, col, width));
            }
            total = simd.add(total, sum);
            first = end;
        }
        self.store(simd, col, width, total);
    }

    #[inline(always)]
    fn load<S: Simd<T>>(&self, simd: S, row: usize, col: usize, width: usize) -> S::V {
        let from = self.dz.wrapping_add(row * self.stride + col);
        if width == S::LANES {
            // SAFETY: a whole vector of a row (`backward_bias`).
            unsafe { simd.load(from) }
        } else {
            // SAFETY: the last `width` elements of a row (`backward_bias`).
            unsafe { simd.load_partial(from, width) }
        }
    }

    #[inline(always)]
    fn store<S: Simd<T>>(&self, simd: S, col: usize, width: usize, sums: S::V) {
        // SAFETY: `width` sums begin at `col` (`backward_bias`).
        unsafe { simd.store_partial(self.db.wrapping_add(col), width, sums) };
    }
}
