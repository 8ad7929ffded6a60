//! The bias gradient: the sums of the columns of `dz`, in one order that depends on the shape alone.

use crate::element::Element;
use crate::execute::Compute;
use crate::isa::{Kernel, Simd, store};
use crate::view::{MatRef, ShapeError};
use std::sync::atomic::{AtomicBool, Ordering};

/// Rows that are summed one after the other before the sum joins the total: longer batches round less this way, and blocks can
/// be summed side by side without a change of bits.
const BLOCK: usize = 64;
/// Sums that run side by side, to hide the latency of an addition: vectors of one block, or blocks of one vector.
const WAYS: usize = 4;
/// Columns of a job.
const JOB_COLS: usize = 256;
/// Elements that are worth a team.
const WORK: usize = 256 * 1024;

/// `db = Σ_batch dz`, column by column: blocks of 64 rows, each summed in order, added up in order. Says whether every number of
/// `dz` is at most `limit` in size (a NaN is not), which costs no pass of its own here.
///
/// # Errors
/// `db` has not as many elements as `dz` has columns, or the rows of `dz` are not contiguous; nothing is written then.
#[inline(always)]
pub fn backward_bias<T: Element>(
    by: impl Compute<T>,
    dz: MatRef<'_, T>,
    limit: T,
    db: &mut [T],
) -> Result<bool, ShapeError> {
    ShapeError::expect("the elements of a bias gradient", dz.cols(), db.len())?;
    if dz.cols() > 1 {
        ShapeError::expect("the column stride of a layer's gradient", 1, dz.col_stride())?;
    }
    let (rows, stride) = (dz.rows(), dz.row_stride());
    let within = AtomicBool::new(true);
    let to = Sums { db: db.as_mut_ptr(), dz: dz.as_ptr() };
    by.each(
        rows.saturating_mul(dz.cols()) >= WORK,
        dz.cols().div_ceil(JOB_COLS),
        #[inline(always)]
        |index| {
            let first = index * JOB_COLS;
            let cols = JOB_COLS.min(dz.cols() - first);
            let sums = ColumnSums { dz: to.dz_at(first), rows, stride, db: to.db_at(first), cols, limit };
            if !by.kernel(sums) {
                within.store(false, Ordering::Relaxed);
            }
        },
    );
    Ok(within.into_inner())
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
    limit: T,
}

impl<T: Element> Kernel<T> for ColumnSums<T> {
    /// All within the limit.
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) -> bool {
        let mut beyond = simd.splat(T::ZERO);
        let mut col = 0;
        while self.cols - col >= WAYS * S::LANES {
            self.vectors(simd, col, &mut beyond);
            col += WAYS * S::LANES;
        }
        while col < self.cols {
            self.vector(simd, col, S::LANES.min(self.cols - col), &mut beyond);
            col += S::LANES;
        }
        let mut lanes = [T::ZERO; 16];
        store(simd, &mut lanes, beyond);
        lanes.iter().all(|&lane| lane == T::ZERO)
    }
}

impl<T: Element> ColumnSums<T> {
    /// Four whole vectors of columns, block after block.
    #[inline(always)]
    fn vectors<S: Simd<T>>(&self, simd: S, col: usize, beyond: &mut S::V) {
        let mut totals = [simd.splat(T::ZERO); WAYS];
        for first in (0..self.rows).step_by(BLOCK) {
            let mut sums = [simd.splat(T::ZERO); WAYS];
            for row in first..self.rows.min(first + BLOCK) {
                for (v, sum) in sums.iter_mut().enumerate() {
                    let dz = self.load(simd, row, col + v * S::LANES, S::LANES);
                    *sum = simd.add(*sum, dz);
                    self.look(simd, dz, beyond);
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
    fn vector<S: Simd<T>>(&self, simd: S, col: usize, width: usize, beyond: &mut S::V) {
        let mut total = simd.splat(T::ZERO);
        let mut first = 0;
        while self.rows - first >= WAYS * BLOCK {
            let mut sums = [simd.splat(T::ZERO); WAYS];
            for row in first..first + BLOCK {
                for (b, sum) in sums.iter_mut().enumerate() {
                    let dz = self.load(simd, row + b * BLOCK, col, width);
                    *sum = simd.add(*sum, dz);
                    self.look(simd, dz, beyond);
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
                let dz = self.load(simd, row, col, width);
                sum = simd.add(sum, dz);
                self.look(simd, dz, beyond);
            }
            total = simd.add(total, sum);
            first = end;
        }
        self.store(simd, col, width, total);
    }

    /// Marks the lanes that are not within the limit.
    #[inline(always)]
    fn look<S: Simd<T>>(&self, simd: S, dz: S::V, beyond: &mut S::V) {
        let within = simd.le(simd.abs(dz), simd.splat(self.limit));
        *beyond = simd.select(within, *beyond, simd.splat(T::ONE));
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
