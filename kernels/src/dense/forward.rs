//! Forward: `a = g(x Wᵀ + b)`, bias and activation done while the tile's block is in the nearest cache.

use super::{Weights, output};
use crate::activation::Activation;
use crate::element::Element;
use crate::gemm::{Block, Place, Product, Start, TileTable};
use crate::isa::Isa;
use crate::team::Team;
use crate::view::{MatMut, MatRef, ShapeError};

/// `a = g(x Wᵀ + b)`: `x` is batch × inputs (any strides), `a` batch × outputs (contiguous rows), `bias` has `outputs` elements.
///
/// Each `z` is one chain of fused multiply-adds that starts at its bias. An activation whose derivative needs `z`
/// ([`Activation::needs_preactivation`]) leaves it in `kept_z`; for the others pass `None`, their output is enough.
///
/// # Errors
/// The shapes do not fit each other; nothing is written then.
pub fn forward<T: Element>(
    team: &Team,
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
    let mut product = Product {
        m: x.rows(),
        n: w.outputs(),
        k: w.inputs(),
        alpha: T::ONE,
        alpha_right: T::ONE,
        a: x.into(),
        b: w.forward.right(),
        c: out,
        start: Start::Row(bias.as_ptr()),
    };
    let isa = Isa::current();
    let table = TileTable::current();
    if let Some(mut z) = kept_z {
        ShapeError::expect("the rows of a layer's kept pre-activation", a.rows(), z.rows())?;
        ShapeError::expect("the columns of a layer's kept pre-activation", a.cols(), z.cols())?;
        product.c = output("the column stride of a layer's kept pre-activation", &mut z)?;
        let epilogue = |block: Block<T>| {
            let to = out.at(block.rows.start, block.cols.start);
            // SAFETY: this block of the kept z and of `a` belongs to this job alone.
            unsafe { activation.apply_to(isa, block.rows_to(to, out.row)) };
        };
        // SAFETY: the views vouch for the operands; both outputs are borrowed exclusively.
        unsafe { product.run(table, team, Place::Memory, &epilogue) };
    } else {
        let epilogue = |block: Block<T>| {
            // SAFETY: the block is this job's alone.
            unsafe { activation.apply_to(isa, block.rows_to(block.c.data, block.c.row)) };
        };
        let nothing = |_| {};
        let identity = activation == Activation::Identity;
        // SAFETY: the views vouch for the operands; the output is borrowed exclusively.
        unsafe { product.run(table, team, Place::Memory, if identity { &nothing } else { &epilogue }) };
    }
    Ok(())
}
