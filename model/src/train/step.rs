//! One training step: forward, loss, back, update, unless a number in it is not finite.

use super::Trainer;
use crate::backprop::Batch;
use crate::update::{self, Steps};
use crate::whole::Passed;
use crate::{Element, Error, Targets, loss};
use deltarule_kernels::{MatRef, Team};

/// What a step found.
pub(super) enum Found {
    /// The mean loss of the batch; the weights have been updated.
    Loss(f64),
    /// The loss or the gradient is not finite, or what the update would make of it; nothing has changed.
    NonFinite(&'static str),
}

/// Whether the inputs are so small that no gradient can overflow by them.
pub(super) enum XIsSmall<'a, T> {
    /// It is known.
    Known(bool),
    /// These have to be looked at.
    Unknown(&'a [T]),
}

impl<T: Element> XIsSmall<'_, T> {
    fn holds(self, team: &Team) -> bool {
        match self {
            XIsSmall::Known(known) => known,
            XIsSmall::Unknown(x) => update::are_small(team, x),
        }
    }
}

impl<T: Element> Trainer<T> {
    /// One step on one batch of your own: forward, loss, back, update. Returns the mean loss before the update.
    ///
    /// `x` and `targets` are as the network sees them: where the model [standardises](crate::About) inputs or targets, what
    /// [`Standardisation::applied`](crate::Standardisation::applied) makes of them. Batches of one size, whatever their number,
    /// allocate nothing after the first; but once more when a batch comes whose numbers are so large (2²¹ in `f32`, 10⁷³ in `f64`) that its
    /// gradient is kept, and looked at, before the update. The schedule stands still at the epoch that the trainer is in.
    ///
    /// After a run that ended with its best weights (early stopping), a step changes those, which the model holds, by the moments that the
    /// run left. The last weights are then forgotten, and what was best: the next [`fit`](Trainer::fit) goes on from the step and watches anew.
    ///
    /// ```
    /// use deltarule::{Loss, Mlp, Optimiser, Plan, Targets, Trainer};
    /// let model = Mlp::<f64>::builder(&[1, 1]).build()?;
    /// let mut trainer = Trainer::new(model, Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd()))?;
    /// for _ in 0..200 {
    ///     trainer.step(&[1.0, 2.0], Targets::Values(&[3.0, 5.0]))?; // y = 2 x + 1
    /// }
    /// assert!((trainer.model().layers()[0].weights()[0] - 2.0).abs() < 0.05);
    /// # Ok::<(), deltarule::Error>(())
    /// ```
    ///
    /// # Errors
    /// Shapes or labels that do not fit; [`Error::NotANumber`] where `x` or `targets` have a NaN or an infinity ([`Error::Probability`] for targets of a
    /// sigmoid output); [`Error::NonFinite`] under every policy. Nothing has changed then.
    pub fn step(&mut self, x: &[T], targets: Targets<'_, T>) -> Result<f64, Error> {
        let x_view = self.model.rows_of(x)?;
        loss::check_targets(self.plan.loss, &targets, x_view.rows(), (self.model.output, self.model.outputs()))?;
        let scheduled = self.plan.schedule.factor_at(self.state.clock.epoch, 0, 1);
        match self.step_on(x_view, XIsSmall::Unknown(x), targets, scheduled)? {
            Found::Loss(loss) => {
                // Between epochs a run does not go back to before the caller's own steps. Within one they belong to it, and a roll-back to its start
                // takes them back too.
                if self.state.restored || self.state.clock.batch == 0 {
                    self.forget_good();
                }
                if self.state.restored {
                    self.forget_best();
                }
                Ok(loss)
            }
            Found::NonFinite(what) => {
                self.model.check_batch(x, &targets)?;
                Err(self.non_finite(what))
            }
        }
    }

    /// The step itself, on checked input, with the schedule's factor on the rate.
    pub(super) fn step_on(
        &mut self,
        x: MatRef<'_, T>,
        x_is_small: XIsSmall<'_, T>,
        targets: Targets<'_, T>,
        scheduled: f64,
    ) -> Result<Found, Error> {
        let Self { model, plan, state, work, last, .. } = self;
        let (team, layers) = (&self.team, &mut model.layers);
        let (rows, cut) = (x.rows(), work.cut(layers, x.rows(), team.threads()));
        let batch = Batch { layers, loss: (plan.loss, *last), x, targets, cut };
        let Passed { total, errors_are_small } = batch.pass(team, work)?;
        let loss = total / rows as f64;
        if !loss.is_finite() {
            return Ok(Found::NonFinite("loss"));
        }
        let rate = plan.optimiser.rate * (state.rate_factor * scheduled);
        let t = state.clock.updates + 1;
        let steps = |scale| Steps::new(&plan.optimiser, rate, t, scale);
        let memory = &mut state.memory;
        let may_fuse =
            plan.fused && plan.clip_norm.is_none() && update::takes_what_is_tame::<T>(plan.optimiser.rule, rate);
        if may_fuse
            && errors_are_small
            && x_is_small.holds(team)
            && update::is_tame(team, layers, rows, &work.pieces[0].slots)
        {
            update::fused(team, layers, x, work, memory, &steps(1.0))?; // S15
            self.norm = None;
        } else {
            batch.the_rest(team, work)?;
            let norm = plan.clip_norm.map(|_| update::gradient_norm(team, work));
            // As torch.nn.utils.clip_grad_norm_ does; exactly 1 where nothing is clipped.
            let clip = plan.clip_norm.zip(norm);
            let steps = steps(clip.map_or(1.0, |(limit, norm)| (limit / (norm + 1e-6)).min(1.0)));
            let is_borne = if cut.is_narrow() {
                T::apply(update::Apply { layers, work, memory, steps: &steps, norm })?
            } else {
                update::apply(team, layers, work, memory, &steps, norm)?
            };
            if !is_borne {
                return Ok(Found::NonFinite("gradient"));
            }
            self.norm = norm;
        }
        state.clock.updates = t;
        state.clock.samples += rows as u64;
        state.rate = rate;
        Ok(Found::Loss(loss))
    }

    /// The error, with the place.
    pub(super) fn non_finite(&self, what: &'static str) -> Error {
        Error::NonFinite { what, epoch: self.state.clock.epoch, batch: self.state.clock.batch }
    }
}
