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

use crate::data::check_finite;
use crate::workspace::{Slot, Workspace};
use crate::{Activation, Element, Error, Layer, Loss, Mlp, Targets, loss, narrow, update};
use deltarule_kernels::{Compute, Execute, MatRef, ShapeError, Team, dense};

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

/// `∂L/∂W` of every layer, in memory, of a batch in one piece.
pub(crate) fn gradients<T: Element>(
    by: impl Compute<T>,
    layers: &[Layer<T>],
    x: MatRef<'_, T>,
    work: &mut Workspace<T>,
) -> Result<(), ShapeError> {
    work.reserve_gradients(layers);
    let rows = x.rows();
    let mut input = x;
    for (slot, dw) in work.pieces[0].slots.iter().zip(&mut work.dw) {
        dense::backward_weights(by, input, slot.dz(rows)?, dense::Sum::Begins, dw)?; // S6, S9: dW = dz xᵀ
        input = slot.a(rows)?;
    }
    Ok(())
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
    /// `x` and `targets` are as the network sees them: where the model [standardises](crate::About) inputs or targets, what
    /// [`Standardisation::applied`](crate::Standardisation::applied) makes of them.
    ///
    /// # Errors
    /// Shapes or labels that do not fit, a NaN or an infinity among the numbers, or a loss that does not go with the output. A loss
    /// or gradient of numbers that overflows is returned as it is.
    pub fn gradients(&self, loss: Loss, x: &[T], targets: Targets<'_, T>) -> Result<(f64, Gradients<T>), Error> {
        let (numbers, x) = (x, self.rows_of(x)?);
        let last = loss::last_activation(loss, self.output)?;
        loss::check_targets(loss, &targets, x.rows(), self.outputs())?;
        let (team, mut work) = (Team::serial(), Workspace::new(&self.layers));
        let cut = work.cut(&self.layers, x.rows(), team.threads());
        let (loss, layers) = ((loss, last), &self.layers);
        let total = if cut.is_narrow() {
            narrow::Batch { layers, loss, x, targets, cut }.gradients(&team, &mut work)?
        } else {
            let (rows, slots) = (x.rows(), &mut work.pieces[0].slots);
            forward(&team, layers, last, x, slots)?;
            let mean = T::from_f64(1.0 / rows as f64);
            let top = layers.len() - 1;
            let total = last_errors(&team, loss, targets, (rows, mean), &mut slots[top]);
            errors_below(&team, layers, top, rows, slots)?;
            bias_gradients(&team, rows, T::ZERO, slots, &mut work.db)?;
            gradients(&team, layers, x, &mut work)?;
            total
        };
        let mean = total / x.rows() as f64;
        if !(mean.is_finite() && update::is_within(&team, &work, T::MAX)) {
            self.check_batch(numbers, &targets)?;
        }
        let pairs = work.dw.iter().zip(&work.db);
        let layers = pairs.map(|(dw, db)| (dw.to_rows(), db.clone())).collect();
        Ok((mean, Gradients { layers }))
    }

    /// Names the first number of a batch that is none. With one the loss or the gradient is none either, so it is looked for only then, and a
    /// good batch pays nothing.
    #[cold]
    pub(crate) fn check_batch(&self, x: &[T], targets: &Targets<'_, T>) -> Result<(), Error> {
        check_finite("input", x, self.inputs())?;
        match targets {
            Targets::Values(values) => check_finite("target", values, self.outputs()),
            Targets::Classes(_) => Ok(()),
        }
    }

    /// `x` as a batch of rows; at least one.
    pub(crate) fn rows_of<'a>(&self, x: &'a [T]) -> Result<MatRef<'a, T>, Error> {
        let inputs = self.inputs();
        let rows = x.len() / inputs;
        Error::expect_len("inputs (a multiple of the model's)", rows.max(1) * inputs, x.len())?;
        Ok(MatRef::new(x, rows, inputs)?)
    }
}
