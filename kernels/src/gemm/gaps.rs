//! A C with gaps between its columns: block by block through contiguous scratch, of a size that no shape exceeds.

use super::kernel_args::Start;
use super::operand::Output;
use super::product::{Destination, Product};
use super::room::packed_stride;
use super::scratch::{Slot, with_scratch};
use super::tiles::TileTable;
use crate::element::Element;
use crate::team::Team;
use crate::view::MatMut;

/// Elements of scratch for such a product, an upper bound; one that is computed as rows takes about as many.
pub(super) const SCRATCH_ELEMENTS: usize = 256 * 1024;

/// The product, whose C is `c`. An element's chain is its own, so that C may be cut anywhere.
#[inline(never)]
pub(super) fn through_scratch<T: Element>(
    table: &'static TileTable<T>,
    team: &Team,
    product: Product<T>,
    mut c: MatMut<'_, T>,
) {
    let (height, width, stride) = block_of::<T>(c.rows(), c.cols());
    with_scratch::<T, _>(Slot::C, height * stride, |block| {
        for (top, left) in corners((c.rows(), c.cols()), (height, width)) {
            let (rows, cols) = (top..c.rows().min(top + height), left..c.cols().min(left + width));
            let shape = (rows.len(), cols.len());
            let mut part = product.col_range(cols).row_range(rows);
            part.c = Output { data: block.as_mut_ptr(), row: stride, line: T::LINE, col: 1, padded: false };
            if !matches!(product.start, Start::Zero) {
                each_of_block(block, stride, shape, |to, i, j| *to = c.get(top + i, left + j));
                // The block has been borrowed meanwhile.
                part.c.data = block.as_mut_ptr();
            }
            part.run(table, team, Destination::C, None);
            each_of_block(block, stride, shape, |value, i, j| c.set(top + i, left + j, *value));
        }
    });
}

/// Rows and columns of a block, and from one of its rows to the next: whole rows of C, unless one has no room alone.
fn block_of<T: Element>(rows: usize, cols: usize) -> (usize, usize, usize) {
    // Rows may be a line further apart than they are long.
    let width = cols.min(SCRATCH_ELEMENTS - T::LINE);
    let stride = packed_stride::<T>(width);
    ((SCRATCH_ELEMENTS / stride).clamp(1, rows), width, stride)
}

/// Where blocks of `height` rows and `width` columns begin.
fn corners((rows, cols): (usize, usize), (height, width): (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).step_by(height).flat_map(move |top| (0..cols).step_by(width).map(move |left| (top, left)))
}

/// `work` on each element of a block, and on its row and column.
fn each_of_block<T>(
    block: &mut [T],
    stride: usize,
    (rows, cols): (usize, usize),
    mut work: impl FnMut(&mut T, usize, usize),
) {
    for (i, row) in block.chunks_exact_mut(stride).take(rows).enumerate() {
        row.iter_mut().take(cols).enumerate().for_each(|(j, element)| work(element, i, j));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gemm::gemm_at;
    use crate::gemm::scratch::Lent;
    use crate::gemm::tests::numbers;
    use crate::isa::Isa;
    use crate::isa::walked::walked;
    use crate::view::MatRef;

    #[test]
    fn no_shape_of_a_block_exceeds_the_bound() {
        fn check<T: Element>() {
            let powers = 0..usize::BITS - 2;
            let sizes = powers.flat_map(|power| [(1_usize << power) - 1, 1 << power, (1 << power) + 1]);
            let many = 1 << (usize::BITS * 5 / 8);
            for (rows, cols) in sizes.filter(|&size| size > 0).flat_map(|cols| [(1, cols), (3, cols), (many, cols)]) {
                let (height, width, stride) = block_of::<T>(rows, cols);
                assert!((1..=rows).contains(&height) && (1..=cols).contains(&width), "{rows} × {cols}");
                assert!(
                    width <= stride && height * stride <= SCRATCH_ELEMENTS,
                    "{height} × {stride} of {rows} × {cols}"
                );
                assert!(width == cols || width.is_multiple_of(T::LINE), "blocks begin on lines");
            }
        }
        check::<f32>();
        check::<f64>();
    }

    /// C = 0.7 A B + β C, every other column, on a thread of its own; says how many bytes that has kept for C.
    fn kept_for_c<T: Element>(isa: Isa, (a, b): (MatRef<'_, T>, MatRef<'_, T>), beta: T, c: &mut [T]) -> usize {
        let work = move || {
            let (m, n) = (a.rows(), b.cols());
            let c = MatMut::with_strides(c, m, n, 2 * n, 2).unwrap();
            gemm_at(isa, &Team::serial(), T::from_f64(0.7), a, b, beta, c).unwrap();
            let mut kept = Lent::<T>::none(Slot::C);
            kept.grow(0);
            size_of_val(kept.as_mut())
        };
        std::thread::scope(|scope| scope.spawn(work).join().unwrap())
    }

    /// Rows longer than the scratch, one and several. The chains are the same, and what lies between the columns stays as it is.
    fn check_long_rows<T: Element>() {
        let tiers = walked(Isa::fuses);
        for (m, n, k) in [(1, 2 * SCRATCH_ELEMENTS + 77, 2), (3, SCRATCH_ELEMENTS + 5, 3), (40, 9_000, 2)] {
            let (a, b, before) = (numbers::<T>(m * k, 1), numbers::<T>(k * n, 2), numbers::<T>(m * n * 2, 3));
            let (a, b) = (MatRef::new(&a, m, k).unwrap(), MatRef::new(&b, k, n).unwrap());
            let alpha = T::from_f64(0.7);
            let betas = [T::ZERO, T::from_f64(-0.3)];
            for (beta, isa) in betas.into_iter().flat_map(|beta| tiers.iter().map(move |&isa| (beta, isa))) {
                let mut c = before.clone();
                let kept = kept_for_c(isa, (a, b), beta, &mut c);
                assert!(kept <= SCRATCH_ELEMENTS * size_of::<T>(), "{kept} bytes for C of {m} × {n} on {isa}");
                for (at, (c, &before)) in c.iter().zip(&before).enumerate() {
                    let (i, j) = (at / 2 / n, at / 2 % n);
                    let start = if beta == T::ZERO { T::ZERO } else { beta * before };
                    let sum = || (0..k).fold(start, |sum, p| (alpha * a.get(i, p)).mul_add(b.get(p, j), sum));
                    let expected = if at % 2 == 0 { sum() } else { before };
                    assert_eq!(c.to_bits64(), expected.to_bits64(), "({i}, {j}) of {m} × {n} on {isa}");
                }
            }
        }
    }

    #[test]
    fn rows_longer_than_the_scratch_are_cut_and_keep_their_bits() {
        check_long_rows::<f32>();
        check_long_rows::<f64>();
    }
}
