//! A dense layer's products: everything that a training step multiplies, on weights that stay packed.
//!
//! For a batch kept row by row (`x`: batch × inputs, `dz`: batch × outputs) and weights `W`: outputs × inputs:
//!
//! | | equation | here |
//! |---|---|---|
//! | forward | `a = g(x Wᵀ + b)` | [`forward()`]: the bias starts the accumulators, `g` is the epilogue |
//! | backward, inputs | `dz_below = (dz W) ⊙ g′` | [`backward_input`] |
//! | backward, weights | `dW = dzᵀ x` | [`backward_weights`], for all rows or for some after others |
//! | backward, bias | `db = Σ_batch dz` | [`backward_bias`]; for some rows after others: [`bias_sums`], [`add_bias_sums`] |
//! | backward, a single output | all four | [`backward_single`]: one pass over the layer's input |
//! | update | `W ← W − η dW` and its relatives | [`update()`], or [`backward_update`] while `dW` is still in L1 |
//!
//! **Weights live packed**, and where `dz W` is needed, their transpose too while L2 has room for it, so that a step packs nothing:
//!
//! ```text
//!   forward lines (inputs × outputs): right-hand side of x Wᵀ       one of the two is what the optimiser changes, and the layout
//!   backward lines (outputs × inputs): right-hand side of dz W      of dW and of the moments; the other follows
//! ```
//! Which one is in `array`; a single output is kept as a row, which is both.
//!
//! Order inside a layer: `dz W` reads W before the update changes it; the caller keeps it.

mod array;
mod backward;
mod batch;
mod beyond;
mod bias;
mod forward;
mod line_jobs;
mod single;
mod update;
mod weights;

pub use backward::{Sum, backward_input, backward_weights};
pub use batch::batch_stride;
pub use bias::{BIAS_ROWS, add_bias_sums, backward_bias, bias_sums};
pub use forward::forward;
pub use single::{Below, backward_single};
pub use update::{backward_update, update};
pub use weights::{Gradient, Moments, Weights};

use crate::element::Element;
use crate::gemm::Output;
use crate::view::{MatMut, ShapeError};

/// A batch to write: its rows must be contiguous.
fn output<T: Element>(what: &'static str, view: &mut MatMut<'_, T>) -> Result<Output<T>, ShapeError> {
    view.expect_contiguous_rows(what)?;
    Ok(Output::from(view))
}

#[cfg(test)]
mod tests;
