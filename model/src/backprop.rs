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

use crate::update::are_shared;
use crate::workspace::Workspace;
use crate::{Activation, Element, Error, Layer, Loss, Mlp, Targets, loss};
use deltarule_kernels::{Compute, MatRef, ShapeError, Team, dense};
use std::sync::atomic::{AtomicBool, Ordering};

/// `a = g(x Wᵀ + b)` through all layers; `last` is the activation of the last.
#[inline(always)]
pub(crate) fn forward<T: Element>(
    by: impl Compute<T>,
    layers: &[Layer<T>],
    last: Activation,
    x: MatRef<'_, T>,
    work: &mut Workspace<T>,
) -> Result<(), ShapeError> {
    let rows = x.rows();
    let mut input = x;
    let top = layers.len() - 1;
    for (l, (layer, slot)) in layers.iter().zip(&mut work.slots).enumerate() {
        let g = if l == top { last } else { layer.activation };
        let (z, a) = slot.z_and_a(rows)?;
        // S1, S3: z = W x + b    S2, S4, S11: a = g(z)    in one pass over the outputs
        dense::forward(by, input, &layer.w, &layer.b, g, z, a)?;
        input = slot.a(rows)?;
    }
    Ok(())
}

/// The mean loss of the batch, and `dz = ∂L/∂z` for every layer, from the last to the first.
#[inline(always)]
pub(crate) fn errors<T: Element>(
    by: impl Compute<T>,
    layers: &[Layer<T>],
    (loss, last): (Loss, Activation),
    targets: Targets<'_, T>,
    rows: usize,
    work: &mut Workspace<T>,
) -> Result<f64, ShapeError> {
    let top = layers.len() - 1;
    let outputs = layers[top].outputs();
    let slot = &mut work.slots[top];
    // Rows without gaps: the last layer's have none.
    let (a, dz) = (&slot.a[..rows * outputs], &mut slot.dz[..rows * outputs]);
    // The mean over the rows is minimised.
    let mean = T::from_f64(1.0 / rows as f64);
    // S5, S12: L    S6, S13: dz2 = a2 − y
    let total = loss.gradient(by, a, targets, outputs, mean, dz);
    if last != Activation::Identity {
        // S10: dz2 = (a2 − y) ⊙ σ′(z2)
        last.multiply_derivative(by, a, dz);
    }
    for l in (1..=top).rev() {
        let (lower, upper) = work.slots.split_at_mut(l);
        let below = layers[l - 1].activation;
        let (kept, dz_below) = lower[l - 1].kept_and_dz(rows)?;
        // S8: dz1 = W2ᵀ dz2 ⊙ g′(z1)
        dense::backward_input(by, upper[0].dz(rows)?, &layers[l].w, below, kept, dz_below)?;
    }
    Ok(total / rows as f64)
}

/// `∂L/∂W` of every layer, in memory.
pub(crate) fn gradients<T: Element>(
    by: impl Compute<T>,
    layers: &[Layer<T>],
    x: MatRef<'_, T>,
    work: &mut Workspace<T>,
) -> Result<(), ShapeError> {
    work.reserve_gradients(layers);
    let rows = x.rows();
    let mut input = x;
    for (slot, dw) in work.slots.iter().zip(&mut work.dw) {
        dense::backward_weights(by, input, slot.dz(rows)?, dw)?; // S6, S9: dW = dz xᵀ
        input = slot.a(rows)?;
    }
    Ok(())
}

/// `∂L/∂b` of every layer, and whether all errors that it is summed from are at most `limit` in size.
#[inline(always)]
pub(crate) fn bias_gradients<T: Element>(
    by: impl Compute<T>,
    layers: &[Layer<T>],
    rows: usize,
    limit: T,
    work: &mut Workspace<T>,
) -> Result<bool, ShapeError> {
    let within = AtomicBool::new(true);
    by.each_pair(
        are_shared(layers, rows),
        &mut work.slots,
        &mut work.db,
        #[inline(always)]
        |_, slot, db| {
            // S7, S8: db = dz
            if !dense::backward_bias(by, slot.dz(rows)?, limit, db)? {
                within.store(false, Ordering::Relaxed);
            }
            Ok(())
        },
    )?;
    Ok(within.into_inner())
}

/// The gradient of the mean loss in every parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients<T> {
    /// For each layer `∂L/∂W` (`outputs × inputs`, row by row) and `∂L/∂b`.
    pub layers: Vec<(Vec<T>, Vec<T>)>,
}

impl<T: Element> Mlp<T> {
    /// The mean loss of a batch and its gradient, without changing anything.
    ///
    /// `x` and `targets` are as the network sees them: standardised already, where the model standardises.
    ///
    /// # Errors
    /// Shapes or labels that do not fit, or a loss that does not go with the output.
    pub fn gradients(&self, loss: Loss, x: &[T], targets: Targets<'_, T>) -> Result<(f64, Gradients<T>), Error> {
        let x = self.rows_of(x)?;
        let last = loss::last_activation(loss, self.output)?;
        loss::check_targets(loss, &targets, x.rows(), self.outputs())?;
        let (team, mut work) = (Team::serial(), Workspace::new(&self.layers));
        work.reserve(x.rows());
        forward(&team, &self.layers, last, x, &mut work)?;
        let mean = errors(&team, &self.layers, (loss, last), targets, x.rows(), &mut work)?;
        gradients(&team, &self.layers, x, &mut work)?;
        bias_gradients(&team, &self.layers, x.rows(), T::ZERO, &mut work)?;
        let pairs = work.dw.iter().zip(&work.db);
        let layers = pairs.map(|(dw, db)| (dw.to_rows(), db.clone())).collect();
        Ok((mean, Gradients { layers }))
    }

    /// `x` as a batch of rows; at least one.
    pub(crate) fn rows_of<'a>(&self, x: &'a [T]) -> Result<MatRef<'a, T>, Error> {
        let inputs = self.inputs();
        let rows = x.len() / inputs;
        Error::expect_len("inputs (a multiple of the model's)", rows.max(1) * inputs, x.len())?;
        Ok(MatRef::new(x, rows, inputs)?)
    }
}
