//! Forward and back: the equations S1 to S14 in the order in which they are computed.
//!
//! The equations write a row of the data as a column `x`; here a batch is a matrix with one row each, so `W x` reads
//! `x Wᵀ`. In the words of the two-layer net:
//!
//! ```text
//! forward    x ──W1,b1──▶ z1 ──g──▶ a1 ──W2,b2──▶ z2 ──▶ a2 ──▶ L       S1 S2 S3 S4 S5
//! errors                  dz1 ◀──── W2ᵀ · dz2 ⊙ g′(z1) ◀──── dz2 = a2 − y     S8 S13
//! gradients  dW1 = dz1 xᵀ, db1 = dz1           dW2 = dz2 a1ᵀ, db2 = dz2       S9 S8 S6 S7
//! ```
//! More layers repeat the middle. All errors are computed before any weight changes, so whatever is wrong with
//! them is found while the weights are still good.

use crate::workspace::{Cut, Slot};
use crate::{Activation, Element, Layer, Loss, Targets};
use deltarule_kernels::{Compute, Execute, Gradient, MatRef, ShapeError, dense};

/// `a = g(x Wᵀ + b)` through all layers; `last` is the activation of the last.
#[inline(always)]
pub(crate) fn forward<T: Element>(
    by: impl Compute<T>,
    layers: &[Layer<T>],
    last: Activation,
    x: MatRef<'_, T>,
    slots: &mut [Slot<T>],
) -> Result<(), ShapeError> {
    let rows = x.rows();
    let mut input = x;
    let top = layers.len() - 1;
    for (l, (layer, slot)) in layers.iter().zip(slots).enumerate() {
        let g = if l == top { last } else { layer.activation };
        let (z, a) = slot.z_and_a(rows)?;
        // S1, S3: z = W x + b    S2, S4, S11: a = g(z)    in one pass over the outputs
        dense::forward(by, input, &layer.w, &layer.b, g, z, a)?;
        input = slot.a(rows)?;
    }
    Ok(())
}

/// The sum of the rows' losses, and `dz = ∂L/∂z` of the `mean` loss for the last layer; `mean` is 1 / rows of the batch.
#[inline(always)]
pub(crate) fn last_errors<T: Element>(
    by: impl Execute<T>,
    (loss, last): (Loss, Activation),
    targets: Targets<'_, T>,
    (rows, mean): (usize, T),
    slot: &mut Slot<T>,
) -> f64 {
    let outputs = slot.outputs;
    // Rows without gaps: the last layer's have none.
    let (a, dz) = (&slot.a[..rows * outputs], &mut slot.dz[..rows * outputs]);
    // S5, S12: L    S6, S13: dz2 = a2 − y
    let total = loss.gradient(by, a, targets, outputs, mean, dz);
    if last != Activation::Identity {
        // S10: dz2 = (a2 − y) ⊙ σ′(z2)
        last.multiply_derivative(by, a, dz);
    }
    total
}

/// `dz` of the other layers, from `from` down to the first.
#[inline(always)]
pub(crate) fn errors_below<T: Element>(
    by: impl Compute<T>,
    layers: &[Layer<T>],
    from: usize,
    rows: usize,
    slots: &mut [Slot<T>],
) -> Result<(), ShapeError> {
    for l in (0..from).rev() {
        let (lower, upper) = slots.split_at_mut(l + 1);
        let (kept, dz) = lower[l].kept_and_dz(rows)?;
        // S8: dz1 = W2ᵀ dz2 ⊙ g′(z1)
        dense::backward_input(by, upper[0].dz(rows)?, &layers[l + 1].w, layers[l].activation, kept, dz)?;
    }
    Ok(())
}

/// `∂L/∂b` of every layer, of a batch in one piece, and whether all errors that it is summed from are at most `limit` in size.
#[inline(always)]
pub(crate) fn bias_gradients<T: Element>(
    by: impl Compute<T>,
    rows: usize,
    limit: T,
    slots: &[Slot<T>],
    db: &mut [Vec<T>],
) -> Result<bool, ShapeError> {
    let mut within = true;
    for (slot, db) in slots.iter().zip(db) {
        within &= dense::backward_bias(by, slot.dz(rows)?, limit, db)?; // S7, S8: db = dz
    }
    Ok(within)
}

/// `∂L/∂W` of every layer, of a batch in one piece.
pub(crate) fn weight_gradients<T: Element>(
    by: impl Compute<T>,
    x: MatRef<'_, T>,
    slots: &[Slot<T>],
    dw: &mut [Gradient<T>],
) -> Result<(), ShapeError> {
    let rows = x.rows();
    let mut input = x;
    for (slot, dw) in slots.iter().zip(dw) {
        dense::backward_weights(by, input, slot.dz(rows)?, dense::Sum::Begins, dw)?; // S6, S9: dW = dz xᵀ
        input = slot.a(rows)?;
    }
    Ok(())
}

/// A batch on its way through a net.
#[derive(Clone, Copy)]
pub(crate) struct Batch<'a, T> {
    pub(crate) layers: &'a [Layer<T>],
    /// The loss, and the activation of the last layer.
    pub(crate) loss: (Loss, Activation),
    pub(crate) x: MatRef<'a, T>,
    pub(crate) targets: Targets<'a, T>,
    pub(crate) cut: Cut,
}

impl<T: Element> Batch<'_, T> {
    /// What a row counts for: the mean over the rows is minimised.
    #[inline(always)]
    pub(crate) fn mean(&self) -> T {
        T::from_f64(1.0 / self.x.rows() as f64)
    }
}
