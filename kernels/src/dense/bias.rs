//! The bias gradient: the sums of the columns of `dz`, in one order that depends on the shape alone.

use crate::element::Element;
use crate::isa::{Isa, Kernel, Simd};
use crate::view::{MatRef, ShapeError};

/// Rows that are summed one after the other before the sum joins the total. Longer batches round less this way, and blocks
/// could be summed side by side without a change of bits.
const BLOCK: usize = 64;

/// `db = Σ_batch dz`, column by column: blocks of 64 rows, each summed in order, added up in order.
///
/// # Errors
/// `db` has not as many elements as `dz` has columns, or the rows of `dz` are not contiguous; nothing is written then.
pub fn backward_bias<T: Element>(dz: MatRef<'_, T>, db: &mut [T]) -> Result<(), ShapeError> {
    ShapeError::expect("the elements of a bias gradient", dz.cols(), db.len())?;
    if dz.cols() > 1 {
        ShapeError::expect("the column stride of a layer's gradient", 1, dz.col_stride())?;
    }
    T::dispatch(Isa::current(), ColumnSums { dz, db });
    Ok(())
}

struct ColumnSums<'a, T> {
    dz: MatRef<'a, T>,
    db: &'a mut [T],
}

impl<T: Element> Kernel<T> for ColumnSums<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        for (v, sums) in self.db.chunks_mut(S::LANES).enumerate() {
            let width = sums.len();
            let mut total = simd.splat(T::ZERO);
            for first in (0..self.dz.rows()).step_by(BLOCK) {
                let mut block = simd.splat(T::ZERO);
                for i in first..self.dz.rows().min(first + BLOCK) {
                    let row = self.dz.row_range(i, v * S::LANES..v * S::LANES + width);
                    let lanes = if width == S::LANES {
                        // SAFETY: the row has a whole vector here.
                        unsafe { simd.load(row.as_ptr()) }
                    } else {
                        // SAFETY: the row has `width` elements here.
                        unsafe { simd.load_partial(row.as_ptr(), width) }
                    };
                    block = simd.add(block, lanes);
                }
                total = simd.add(total, block);
            }
            // SAFETY: `sums` has `width` elements.
            unsafe { simd.store_partial(sums.as_mut_ptr(), width, total) };
        }
    }
}
