//! The gradient of a batch, by the way that suits the layers: [whole](crate::whole) or [piece by piece](crate::narrow).

use crate::backprop::Batch;
use crate::data::check_finite;
use crate::whole::Passed;
use crate::workspace::Workspace;
use crate::{Element, Error, Loss, Mlp, Targets, loss, update};
use deltarule_kernels::{MatRef, ShapeError, Team};

impl<T: Element> Batch<'_, T> {
    /// Forward and back: `work` holds the errors and the gradients of the biases afterwards. Those of the weights it
    /// holds where the layers are small; else an update may do without, or asks for [the rest](Self::the_rest).
    #[inline]
    pub(crate) fn pass(&self, team: &Team, work: &mut Workspace<T>) -> Result<Passed, ShapeError> {
        if self.cut.is_narrow() {
            // Nobody has looked how small: the gradient itself is looked at.
            return Ok(Passed { total: self.narrow(team, work)?, errors_are_small: false });
        }
        self.whole(team, work)
    }

    /// What a [pass](Self::pass) has left out of the gradient.
    #[inline]
    pub(crate) fn the_rest(&self, team: &Team, work: &mut Workspace<T>) -> Result<(), ShapeError> {
        if self.cut.is_narrow() { Ok(()) } else { self.whole_weights(team, work) }
    }
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
    /// Shapes or labels that do not fit (targets of a sigmoid output lie between 0 and 1), a NaN or an infinity among the numbers, or a loss that
    /// does not go with the output. A loss or gradient of numbers that overflows is returned as it is.
    pub fn gradients(&self, loss: Loss, x: &[T], targets: Targets<'_, T>) -> Result<(f64, Gradients<T>), Error> {
        let (numbers, x) = (x, self.rows_of(x)?);
        let last = loss::last_activation(loss, self.output)?;
        loss::check_targets(loss, &targets, x.rows(), (self.output, self.outputs()))?;
        let (team, mut work) = (Team::serial(), Workspace::new(&self.layers));
        let cut = work.cut(&self.layers, x.rows(), team.threads());
        let batch = Batch { layers: &self.layers, loss: (loss, last), x, targets, cut };
        let total = batch.pass(&team, &mut work)?.total;
        batch.the_rest(&team, &mut work)?;
        let mean = total / x.rows() as f64;
        if !(mean.is_finite() && update::is_within(&team, &work, T::MAX)) {
            self.check_batch(numbers, &targets)?;
        }
        let pairs = work.dw.iter().zip(&work.db);
        let layers = pairs.map(|(dw, db)| (dw.to_rows(), db.clone())).collect();
        Ok((mean, Gradients { layers }))
    }

    /// Names the first number of a batch that is none. With one the loss or the gradient is none either, so it is looked for only then, and a
    /// good step pays nothing.
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
