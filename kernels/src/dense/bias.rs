//! The bias gradient: the sums of the columns of `dz`, in one order that depends on the shape alone.

use super::beyond::Beyond;
use crate::element::Element;
use crate::execute::{Compute, Execute};
use crate::isa::{Kernel, Simd, load_n};
use crate::team::Parts;
use crate::view::{MatRef, ShapeError};
use std::sync::atomic::{AtomicBool, Ordering};

/// Rows that are summed one after the other before the sum joins the total: longer batches round less this way, and blocks can
/// be summed side by side without a change of bits.
pub const BIAS_ROWS: usize = 64;
/// Sums that run side by side, to hide the latency of an addition: vectors of one block, or blocks of one vector.
const WAYS: usize = 4;
/// Columns of a job.
const JOB_COLS: usize = 256;
/// Elements that are worth a team.
const WORK: usize = 256 * 1024;

/// `db = Σ_batch dz`, column by column: blocks of 64 rows, each summed in order, added up in order. `dz` is batch × outputs with contiguous
/// rows, `db` has `outputs` elements. Says whether every number of `dz` is at most `limit` in size (a NaN is not), which costs no pass of
/// its own here.
///
/// # Errors
/// `db` has not as many elements as `dz` has columns, or the rows of `dz` are not contiguous; nothing is written then.
///
/// # Panics
/// Where a [team](crate::Team#panics) does.
#[inline(always)]
pub fn backward_bias<T: Element>(
    by: impl Compute<T>,
    dz: MatRef<'_, T>,
    limit: T,
    db: &mut [T],
) -> Result<bool, ShapeError> {
    ShapeError::expect("the elements of a bias gradient", dz.cols(), db.len())?;
    dz.expect_contiguous_rows("the column stride of a layer's gradient")?;
    let (rows, stride) = (dz.rows(), dz.row_stride());
    let within = AtomicBool::new(true);
    let db = Parts::of(db);
    by.each(
        rows.saturating_mul(dz.cols()) >= WORK,
        dz.cols().div_ceil(JOB_COLS),
        #[inline(always)]
        |index| {
            let first = index * JOB_COLS;
            let cols = JOB_COLS.min(dz.cols() - first);
            let from = dz.as_ptr().wrapping_add(first);
            // SAFETY: these columns are this job's alone.
            let to = unsafe { db.part(first..first + cols) }.as_mut_ptr();
            let sums = ColumnSums { dz: from, rows, stride, to, cols, block_by_block: false, limit: Some(limit) };
            if !by.kernel(sums) {
                within.store(false, Ordering::Relaxed);
            }
        },
    );
    Ok(within.into_inner())
}

/// The same in two steps, for batches that are not all there at once: `sums` gets the sums of every 64 rows of `dz`, `columns` of
/// them a block. [Added up](add_bias_sums) in order, those of pieces that begin at a multiple of [`BIAS_ROWS`] rows are the
/// bias gradient of the whole batch.
///
/// # Errors
/// `sums` has not the elements for all blocks, or the rows of `dz` are not contiguous; nothing is written then.
#[inline(always)]
pub fn bias_sums<T: Element>(by: impl Execute<T>, dz: MatRef<'_, T>, sums: &mut [T]) -> Result<(), ShapeError> {
    let (rows, cols, stride) = (dz.rows(), dz.cols(), dz.row_stride());
    ShapeError::expect("the elements of bias sums", rows.div_ceil(BIAS_ROWS) * cols, sums.len())?;
    dz.expect_contiguous_rows("the column stride of a layer's gradient")?;
    if rows == 0 {
        // No rows may be of any width.
        return Ok(());
    }
    by.kernel(ColumnSums {
        dz: dz.as_ptr(),
        rows,
        stride,
        to: sums.as_mut_ptr(),
        cols,
        block_by_block: true,
        limit: None,
    });
    Ok(())
}

/// `db ← db + sums`, block after block of [`bias_sums`], as many elements each as `db` has. A gradient begins at zero.
///
/// # Panics
/// The sums are not whole blocks; nothing is written then.
#[inline(always)]
pub fn add_bias_sums<T: Element>(sums: &[T], db: &mut [T]) {
    let blocks = sums.chunks_exact(db.len().max(1));
    // The remainder is known already; to divide again would take as long as the sums of a small layer.
    let are_whole = blocks.remainder().is_empty() && (!db.is_empty() || sums.is_empty());
    assert!(are_whole, "{} sums are not blocks of {}", sums.len(), db.len());
    for block in blocks {
        for (db, &sum) in db.iter_mut().zip(block) {
            *db += sum;
        }
    }
}

/// The sums of `cols` columns. Made only by [`backward_bias`] and [`bias_sums`], which vouch for `rows × cols` at `dz` and for `cols`
/// at `to`, or as many for each block.
struct ColumnSums<T> {
    dz: *const T,
    rows: usize,
    stride: usize,
    to: *mut T,
    cols: usize,
    /// Each block's sums are wanted, not their total.
    block_by_block: bool,
    limit: Option<T>,
}

impl<T: Element> Kernel<T> for ColumnSums<T> {
    /// All within the limit.
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) -> bool {
        let mut beyond = Beyond::none(simd);
        let mut col = 0;
        while self.cols - col >= WAYS * S::LANES {
            self.columns::<S, WAYS, 1>(simd, col, &mut beyond);
            col += WAYS * S::LANES;
        }
        while self.cols - col >= 2 * S::LANES {
            self.columns::<S, 2, 2>(simd, col, &mut beyond);
            col += 2 * S::LANES;
        }
        while col < self.cols {
            self.columns::<S, 1, WAYS>(simd, col, &mut beyond);
            col += S::LANES;
        }
        !beyond.is_any(simd)
    }
}

impl<T: Element> ColumnSums<T> {
    /// `NV` vectors of columns, a single one perhaps partial: `NB` blocks at a time, then the rest.
    #[inline(always)]
    fn columns<S: Simd<T>, const NV: usize, const NB: usize>(&self, simd: S, col: usize, beyond: &mut Beyond<T, S>) {
        let width = S::LANES.min(self.cols - col);
        let mut totals = [simd.splat(T::ZERO); NV];
        let mut first = 0;
        while self.rows - first >= NB * BIAS_ROWS {
            let sums = self.blocks::<S, NV, NB>(simd, (first, BIAS_ROWS), (col, width), beyond);
            for (b, sums) in sums.iter().enumerate() {
                self.finish(simd, first + b * BIAS_ROWS, (col, width), sums, &mut totals);
            }
            first += NB * BIAS_ROWS;
        }
        while first < self.rows {
            let count = BIAS_ROWS.min(self.rows - first);
            let [sums] = self.blocks::<S, NV, 1>(simd, (first, count), (col, width), beyond);
            self.finish(simd, first, (col, width), &sums, &mut totals);
            first += count;
        }
        if !self.block_by_block {
            self.store(simd, self.to.wrapping_add(col), width, &totals);
        }
    }

    /// The sums of `NB` blocks of `count` rows each, side by side.
    #[inline(always)]
    fn blocks<S: Simd<T>, const NV: usize, const NB: usize>(
        &self,
        simd: S,
        (first, count): (usize, usize),
        (col, width): (usize, usize),
        beyond: &mut Beyond<T, S>,
    ) -> [[S::V; NV]; NB] {
        let mut sums = [[simd.splat(T::ZERO); NV]; NB];
        for row in first..first + count {
            for (b, sums) in sums.iter_mut().enumerate() {
                for (v, sum) in sums.iter_mut().enumerate() {
                    let dz = self.load(simd, row + b * BIAS_ROWS, col + v * S::LANES, width);
                    *sum = simd.add(*sum, dz);
                    if let Some(limit) = self.limit {
                        beyond.look(simd, dz, limit);
                    }
                }
            }
        }
        sums
    }

    /// A block's sums, to where they are wanted; the block begins at row `first`.
    #[inline(always)]
    fn finish<S: Simd<T>, const NV: usize>(
        &self,
        simd: S,
        first: usize,
        (col, width): (usize, usize),
        sums: &[S::V; NV],
        totals: &mut [S::V; NV],
    ) {
        if self.block_by_block {
            return self.store(simd, self.to.wrapping_add(first / BIAS_ROWS * self.cols + col), width, sums);
        }
        for (total, &sum) in totals.iter_mut().zip(sums) {
            *total = simd.add(*total, sum);
        }
    }

    #[inline(always)]
    fn load<S: Simd<T>>(&self, simd: S, row: usize, col: usize, width: usize) -> S::V {
        let from = self.dz.wrapping_add(row * self.stride + col);
        // SAFETY: a whole vector of a row, or its last `width` elements (`backward_bias`, `bias_sums`).
        unsafe { load_n(simd, from, width) }
    }

    #[inline(always)]
    fn store<S: Simd<T>, const NV: usize>(&self, simd: S, to: *mut T, width: usize, sums: &[S::V; NV]) {
        for (v, &sum) in sums.iter().enumerate() {
            // SAFETY: `width` sums, the last ones of a row of them, begin here (`backward_bias`, `bias_sums`).
            unsafe { simd.store_partial(to.wrapping_add(v * S::LANES), width, sum) };
        }
    }
}
