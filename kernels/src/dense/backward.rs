//! Backward: the gradient handed down, and the gradient by the weights.

use super::array::Array;
use super::{Gradient, Weights, output};
use crate::activation::Activation;
use crate::element::Element;
use crate::execute::Compute;
use crate::gemm::{Destination, Output, Product, Start};
use crate::view::{MatMut, MatRef, ShapeError};

/// `dz_below = (dz W) ⊙ g′(below)`: `dz` is batch × outputs (any strides), `dz_below` batch × inputs with contiguous rows.
///
/// `kept_below` is what the layer below kept of its forward pass, batch × inputs with contiguous rows: its output, or its
/// pre-activation where [`Activation::needs_preactivation`].
///
/// # Errors
/// The shapes do not fit each other; nothing is written then.
///
/// # Panics
/// Where a [team](crate::Team#panics) does.
#[inline(always)]
pub fn backward_input<T: Element>(
    by: impl Compute<T>,
    dz: MatRef<'_, T>,
    w: &Weights<T>,
    activation_below: Activation,
    kept_below: MatRef<'_, T>,
    mut dz_below: MatMut<'_, T>,
) -> Result<(), ShapeError> {
    ShapeError::expect("the columns of a layer's gradient", w.outputs(), dz.cols())?;
    ShapeError::expect("the rows of the gradient below", dz.rows(), dz_below.rows())?;
    ShapeError::expect("the columns of the gradient below", w.inputs(), dz_below.cols())?;
    ShapeError::expect("the rows of what the layer below kept", dz.rows(), kept_below.rows())?;
    ShapeError::expect("the columns of what the layer below kept", w.inputs(), kept_below.cols())?;
    kept_below.expect_contiguous_rows("the column stride of what the layer below kept")?;
    let c = output("the column stride of the gradient below", &mut dz_below)?;
    let shape = [dz.rows(), w.inputs(), w.outputs()];
    // SAFETY: the view and the weights vouch for A and B; the output is borrowed exclusively.
    let product = unsafe { Product::new(dz.into(), w.backward(), c, Start::Zero, shape) };
    by.multiply(
        &product,
        Destination::C,
        activation_below != Activation::Identity,
        #[inline(always)]
        |block| {
            let (first, stride) = (block.rows().start, kept_below.row_stride());
            let mut rows = block.rows_to(block.c().data, block.c().row);
            rows.from = kept_below.as_ptr().wrapping_add(first * stride + block.cols().start);
            rows.from_row = stride;
            // SAFETY: the block is this job's alone, and what was kept has the same shape.
            unsafe { activation_below.multiply_derivative_to(by, rows) };
        },
    );
    Ok(())
}

/// Where the sums over a batch stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    /// These are the first rows.
    Begins,
    /// Rows before these are in it.
    GoesOn,
}

/// `dW = dzᵀ x`, summed over the batch in its order: `x` is batch × inputs, `dz` batch × outputs (any strides). Where the sum
/// goes on, `dW ← dW + dzᵀ x`: it ends with the bits of all rows at once.
///
/// # Errors
/// The shapes do not fit each other; nothing is written then.
///
/// # Panics
/// Where a [team](crate::Team#panics) does.
#[inline(always)]
pub fn backward_weights<T: Element>(
    by: impl Compute<T>,
    x: MatRef<'_, T>,
    dz: MatRef<'_, T>,
    sum: Sum,
    dw: &mut Gradient<T>,
) -> Result<(), ShapeError> {
    let (a, b) = factors_of_gradient(x, dz, &dw.lines)?;
    let shape = [a.rows(), b.cols(), a.cols()];
    let lines = dw.lines.packed_mut();
    let c = Output::lines(lines.lines_mut().as_mut_ptr(), lines.rows());
    let start = match sum {
        Sum::Begins => Start::Zero,
        Sum::GoesOn => Start::Stored,
    };
    // SAFETY: the views vouch for A and B; the gradient has room for inputs × outputs and is borrowed exclusively.
    let product = unsafe { Product::new(a.into(), b.into(), c, start, shape) };
    by.multiply(&product, Destination::C, false, |_| {});
    Ok(())
}

/// A and B of the product that makes a gradient in the order of `array`: xᵀ dz, which is dWᵀ, inputs × outputs, or dzᵀ x.
#[inline(always)]
pub(super) fn factors_of_gradient<'a, T: Element>(
    x: MatRef<'a, T>,
    dz: MatRef<'a, T>,
    array: &Array<T>,
) -> Result<(MatRef<'a, T>, MatRef<'a, T>), ShapeError> {
    ShapeError::expect("the columns of a layer's input", array.inputs(), x.cols())?;
    ShapeError::expect("the columns of a layer's gradient", array.outputs(), dz.cols())?;
    ShapeError::expect("the rows of a layer's gradient", x.rows(), dz.rows())?;
    Ok(if array.is_by_outputs() { (dz.t(), x) } else { (x.t(), dz) })
}
