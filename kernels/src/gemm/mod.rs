//! The matrix product, `C = α op(A) op(B) + β C`.
//!
//! The way down: [`gemm`] checks shapes and transposes the product so that C's rows are contiguous; a `product` vouches for its operands, and so
//! does a `part` of it; `plan` says how it is cut; `driver` runs the jobs, `left` and `right` pack what must be packed; `strips` cuts a strip
//! into tiles; `microkernel` multiplies; `tiles` says which micro-kernels there are.
//!
//! # What to know as a user
//! * Any strides, so any transposes. Reading B against its rows (weights stored n × k) packs it on the way, or transposes it in registers where A
//!   has few rows; either costs up to half of the product then. Pack such a matrix once with [`PackedB`] and keep it.
//! * β = 0 never reads C, α = 0 never reads A or B.
//! * α is folded into A: each element of C is `fma(αa₀, b₀, βc)`, then one fused multiply-add for each further k. So `α·a` is rounded to the
//!   type, and must itself neither overflow nor underflow there: in `f32` 2 · 3·10³⁸ is ∞, and stays it, though times 0.1 it would be 6·10³⁷.

mod direct;
mod driver;
mod few_columns;
mod first_tile;
mod gaps;
mod kernel_args;
mod left;
mod microkernel;
mod operand;
mod outer;
mod pack;
mod packed;
mod part;
mod plan;
mod prefetch;
mod product;
mod right;
mod room;
mod scratch;
mod square;
mod strips;
mod tiles;
mod transposed_b;
mod transposition;

use gaps::through_scratch;
pub(crate) use kernel_args::{End, Start};
pub(crate) use operand::{Output, Right};
pub(crate) use pack::pack_lines;
pub use packed::{PackedB, gemm_packed, gemm_packed_at};
pub(crate) use plan::{WORK_TO_SHARE, WORK_TO_WAKE, WORK_TO_WAKE_IN_BURST};
pub(crate) use product::{Block, Destination, Product};
pub(crate) use room::{HALF_L1_PERIOD, aliases};
pub(crate) use tiles::TileTable;
#[doc(hidden)]
pub use tiles::Tiled;
pub(crate) use transposition::Transposition;

use crate::element::Element;
use crate::isa::Isa;
use crate::team::Team;
use crate::view::{MatMut, MatRef, ShapeError};

/// `C = α A B + β C` on the calling thread: A is m × k, B k × n, C m × n, each with any strides.
///
/// Every element of C is one chain of fused multiply-adds in the order of k, see the crate's documentation. α is folded into A, so that `α·a`,
/// rounded to the type, must itself neither overflow nor underflow, whatever B makes of it.
///
/// # Slow cases
/// Up to some eight rows of A times a B that is stored column by column (weights stored n × k), and an A stored row by row times a single
/// column: a chain in one order is no dot product that could be split over the lanes of a vector, so the matrix is transposed on the way. One
/// that is multiplied more than once is better packed once, as a [`PackedB`]: the weights as they are, and for the single column, c = A b, the
/// matrix's transpose, since cᵀ = bᵀ Aᵀ ([how](PackedB#slow-cases)).
///
/// # Memory
/// What is packed on the way goes to memory of the thread that packs it, which it keeps for its next products for as long as it lives. Each
/// thread that multiplies has at most 8 MB for A, 8 MB for a B that is packed as a whole, 4 MB (or half of L2, where that is more) for strips
/// of B, and about 2 MB twice for parts of C that are computed elsewhere; most shapes take far less of it, or nothing.
///
/// # Errors
/// The shapes do not fit each other; nothing is written then.
pub fn gemm<T: Element>(
    alpha: T,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    beta: T,
    c: MatMut<'_, T>,
) -> Result<(), ShapeError> {
    gemm_on(&Team::serial(), alpha, a, b, beta, c)
}

/// [`gemm`] shared by a team; the bits do not depend on the team.
///
/// # Errors
/// The shapes do not fit each other; nothing is written then.
///
/// # Panics
/// Where a [team](crate::Team#panics) does.
pub fn gemm_on<T: Element>(
    team: &Team,
    alpha: T,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    beta: T,
    c: MatMut<'_, T>,
) -> Result<(), ShapeError> {
    product(TileTable::current(), team, alpha, a, b, beta, c)
}

/// [`gemm_on`] with the micro-kernels of tier `isa` (of the next lower one of its architecture that this machine has), for
/// tests and measurements.
///
/// # Errors
/// The shapes do not fit each other; nothing is written then.
///
/// # Panics
/// Where a [team](crate::Team#panics) does.
pub fn gemm_at<T: Element>(
    isa: Isa,
    team: &Team,
    alpha: T,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    beta: T,
    c: MatMut<'_, T>,
) -> Result<(), ShapeError> {
    product(TileTable::of(isa), team, alpha, a, b, beta, c)
}

/// [`gemm_on`] with the micro-kernels of a table.
#[inline]
fn product<T: Element>(
    table: &'static TileTable<T>,
    team: &Team,
    alpha: T,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    beta: T,
    c: MatMut<'_, T>,
) -> Result<(), ShapeError> {
    ShapeError::expect("the columns of A and the rows of B", a.cols(), b.rows())?;
    ShapeError::expect("the rows of C and of A", a.rows(), c.rows())?;
    ShapeError::expect("the columns of C and of B", b.cols(), c.cols())?;
    if c.is_empty() {
        return Ok(());
    }
    if alpha == T::ZERO || a.cols() == 0 {
        scale(beta, c);
        return Ok(());
    }
    if is_better_transposed(&c) {
        multiply_transposed(table, team, alpha, a, b, beta, c);
    } else {
        multiply(table, team, (alpha, T::ONE), a, b, beta, c);
    }
    Ok(())
}

/// Cᵀ = Bᵀ (α Aᵀ) + β Cᵀ, see [`is_better_transposed`]; apart, so that the views of the usual case stay in registers.
#[inline(never)]
fn multiply_transposed<T: Element>(
    table: &'static TileTable<T>,
    team: &Team,
    alpha: T,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    beta: T,
    c: MatMut<'_, T>,
) {
    multiply(table, team, (T::ONE, alpha), b.t(), a.t(), beta, c.t());
}

/// Whether the transpose is computed, Cᵀ = Bᵀ Aᵀ: where it is Cᵀ that has contiguous rows, and C has not. A single column, for which both have,
/// becomes a single row: vectors then run along it. Multiplication commutes, so the bits are the same; α stays with A.
#[inline]
fn is_better_transposed<T: Element>(c: &MatMut<'_, T>) -> bool {
    let rows_contiguous = c.col_stride() == 1 && c.cols() > 1 || c.rows() == 1;
    let columns_contiguous = c.row_stride() == 1 || c.rows() == 1;
    columns_contiguous && !rows_contiguous
}

/// C = (α A) (α′ B) + β C for shapes that fit, none of them empty; one of the factors is 1.
#[inline(always)]
fn multiply<T: Element>(
    table: &'static TileTable<T>,
    team: &Team,
    (alpha, alpha_right): (T, T),
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    beta: T,
    mut c: MatMut<'_, T>,
) {
    let (shape, to) = ([a.rows(), b.cols(), a.cols()], Output::from(&mut c));
    // SAFETY: the views vouch for the operands, and C is borrowed exclusively; where it has gaps, scratch takes its place.
    let product = unsafe { Product::new(a.into(), b.into(), to, Start::of_beta(beta), shape) };
    let product = product.scaled((alpha, alpha_right));
    if c.has_contiguous_rows() {
        product.run(table, team, Destination::C, None);
    } else {
        through_scratch(table, team, product, c);
    }
}

/// C = βC, with exact zeros and no read for β = 0.
fn scale<T: Element>(beta: T, mut c: MatMut<'_, T>) {
    if beta == T::ONE {
        return;
    }
    for i in 0..c.rows() {
        for j in 0..c.cols() {
            let value = if beta == T::ZERO { T::ZERO } else { beta * c.get(i, j) };
            c.set(i, j, value);
        }
    }
}

#[cfg(test)]
mod tests;
