//! Forward: `a = g(x Wᵀ + b)`, bias and activation done while the tile's block is in the nearest cache.

use super::{Weights, output};
use crate::activation::Activation;
use crate::element::Element;
use crate::execute::Compute;
use crate::gemm::{Destination, Output, Product, Right, Start};
use crate::view::{MatMut, MatRef, ShapeError};

/// `a = g(x Wᵀ + b)`: `x` is batch × inputs (any strides), `a` batch × outputs (contiguous rows), `bias` has `outputs` elements.
///
/// Each `z` is one chain of fused multiply-adds that starts at its bias. An activation whose derivative needs `z`
/// ([`Activation::needs_preactivation`]) leaves it in `kept_z`; for the others pass `None`, their output is enough.
///
/// # Errors
/// The shapes do not fit each other; nothing is written then.
///
/// # Panics
/// Where a [team](crate::Team#panics) does.
#[inline(always)]
pub fn forward<T: Element>(
    by: impl Compute<T>,
    x: MatRef<'_, T>,
    w: &Weights<T>,
    bias: &[T],
    activation: Activation,
    kept_z: Option<MatMut<'_, T>>,
    mut a: MatMut<'_, T>,
) -> Result<(), ShapeError> {
    ShapeError::expect("the columns of a layer's input", w.inputs(), x.cols())?;
    ShapeError::expect("the elements of a layer's bias", w.outputs(), bias.len())?;
    ShapeError::expect("the rows of a layer's output", x.rows(), a.rows())?;
    ShapeError::expect("the columns of a layer's output", w.outputs(), a.cols())?;
    let out = output("the column stride of a layer's output", &mut a)?;
    let kept = match kept_z {
        Some(mut z) => {
            ShapeError::expect("the rows of a layer's kept pre-activation", a.rows(), z.rows())?;
            ShapeError::expect("the columns of a layer's kept pre-activation", a.cols(), z.cols())?;
            Some(output("the column stride of a layer's kept pre-activation", &mut z)?)
        }
        None => None,
    };
    let is_wanted = kept.is_some() || activation != Activation::Identity;
    // SAFETY: the outputs have the shape, and are borrowed exclusively.
    let product = unsafe { forward_product(x, w, bias, kept.unwrap_or(out), out.row == 1) };
    by.multiply(
        &product,
        Destination::C,
        is_wanted,
        #[inline(always)]
        |block| {
            let to = if kept.is_some() { out.at(block.rows().start, block.cols().start) } else { block.c().data };
            let to_row = if kept.is_some() { out.row } else { block.c().row };
            // SAFETY: this block of the product and of `a` belongs to this job alone.
            unsafe { activation.apply_to(by, block.rows_to(to, to_row)) };
        },
    );
    Ok(())
}

/// The product x Wᵀ, started at the bias. That of a single output is computed as a row where it and the input are contiguous (and
/// so is where the epilogue writes to, `may_turn`): vectors then run along the batch.
///
/// # Safety
/// Until the product is done, `c` is valid for reads and writes in its shape, by nobody else, and the operands and the bias are borrowed.
#[inline(always)]
unsafe fn forward_product<T: Element>(
    x: MatRef<'_, T>,
    w: &Weights<T>,
    bias: &[T],
    c: Output<T>,
    may_turn: bool,
) -> Product<T> {
    let (a, shape) = (x.into(), [x.rows(), w.outputs(), w.inputs()]);
    if let Some(lines) = w.forward() {
        // SAFETY: the view, the weights and the bias, one number for each output, are borrowed, and so is `c` (caller).
        return unsafe { Product::new(a, lines.right(), c, Start::Row(bias.as_ptr()), shape) };
    }
    let b = Right::Strided { data: w.kept.packed().lines().as_ptr(), row: 1, col: 1 };
    // SAFETY: as above; a single output's weights are a row of lines.
    let column = unsafe { Product::new(a, b, c, Start::All(bias[0]), shape) };
    if may_turn && c.row == 1 && x.col_stride() == 1 { column.column_as_row() } else { column }
}
