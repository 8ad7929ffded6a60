//! One training step: forward, loss, back, update — and what happens when a number in it is not finite.

use super::state::Good;
use super::{NonFinite, Trainer};
use crate::update::{self, Memory, Steps};
use crate::workspace::Workspace;
use crate::{Activation, Element, Error, Layer, Loss, Targets, backprop, loss};
use deltarule_kernels::isa::{Kernel, Simd};
use deltarule_kernels::{Compute, Execute, Inside, Isa, MatRef, ShapeError};

/// Roll-backs that are borne before a run is given up.
const ROLL_BACKS: u64 = 10;

/// What a step found.
pub(super) enum Found {
    /// The mean loss of the batch; the weights have been updated.
    Loss(f64),
    /// The loss or the gradient is not finite; nothing has changed.
    NonFinite(&'static str),
}

/// Whether the inputs are so small that no gradient can overflow by them.
pub(super) enum Inputs<'a, T> {
    /// It is known.
    AreSmall(bool),
    /// These have to be looked at.
    Unseen(&'a [T]),
}

/// All of a step but the update. As a kernel, a net of small layers goes through it without leaving its tier.
struct Pass<'a, T> {
    layers: &'a [Layer<T>],
    loss: (Loss, Activation),
    x: MatRef<'a, T>,
    inputs: Inputs<'a, T>,
    targets: Targets<'a, T>,
    /// Whether anybody wants to know if the update may be fused.
    fused: bool,
    work: &'a mut Workspace<T>,
}

/// What a pass leaves beside the errors.
struct Passed {
    /// The mean loss.
    loss: f64,
    /// No gradient can overflow: the update may be fused.
    is_tame: bool,
}

impl<T: Element> Pass<'_, T> {
    #[inline(always)]
    fn by(self, by: impl Compute<T>) -> Result<Passed, ShapeError> {
        let Self { layers, loss, x, inputs, targets, fused, work } = self;
        let rows = x.rows();
        backprop::forward(by, layers, loss.1, x, work)?; // S1 – S4
        let loss = backprop::errors(by, layers, loss, targets, rows, work)?; // S5 – S14
        let small = backprop::bias_gradients(by, layers, rows, update::small(), work)?; // S7, S8
        let x_is_small = match inputs {
            Inputs::AreSmall(known) => known,
            Inputs::Unseen(x) => fused && update::are_small(by, x),
        };
        Ok(Passed { loss, is_tame: fused && update::is_tame(by, layers, rows, x_is_small, small, work) })
    }
}

impl<T: Element> Kernel<T> for Pass<'_, T> {
    type Output = Result<Passed, ShapeError>;

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) -> Self::Output {
        self.by(Inside(simd))
    }
}

/// The fused update, likewise.
struct Update<'a, T> {
    layers: &'a mut [Layer<T>],
    x: MatRef<'a, T>,
    work: &'a mut Workspace<T>,
    memory: &'a mut [Memory<T>],
    steps: &'a Steps<T>,
}

impl<T: Element> Update<'_, T> {
    #[inline(always)]
    fn by(self, by: impl Compute<T>) -> Result<(), ShapeError> {
        update::fused(by, self.layers, self.x, self.work, self.memory, self.steps)
    }
}

impl<T: Element> Kernel<T> for Update<'_, T> {
    type Output = Result<(), ShapeError>;

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) -> Self::Output {
        self.by(Inside(simd))
    }
}

impl<T: Element> Trainer<T> {
    /// One step on one batch of your own: forward, loss, back, update. Returns the mean loss before the update.
    ///
    /// `x` and `targets` are as the network sees them: standardised already, where the model standardises. Batches of
    /// one size, whatever their number, allocate nothing after the first. The schedule stands still at the epoch that
    /// the trainer is in.
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
    /// Shapes or labels that do not fit; [`Error::NonFinite`] under every policy. Nothing has changed then.
    pub fn step(&mut self, x: &[T], targets: Targets<'_, T>) -> Result<f64, Error> {
        let x_view = self.model.rows_of(x)?;
        loss::check_targets(self.plan.loss, &targets, x_view.rows(), self.model.outputs())?;
        match self.step_on(x_view, Inputs::Unseen(x), targets, 1)? {
            Found::Loss(loss) => Ok(loss),
            Found::NonFinite(what) => Err(self.non_finite(what)),
        }
    }

    /// The step itself, on checked input; `batches` is the number in an epoch, for the schedule.
    pub(super) fn step_on(
        &mut self,
        x: MatRef<'_, T>,
        inputs: Inputs<'_, T>,
        targets: Targets<'_, T>,
        batches: u64,
    ) -> Result<Found, Error> {
        let Self { model, plan, state, work, last, .. } = self;
        let (team, layers) = (&self.team, &mut model.layers);
        work.reserve(x.rows());
        let is_small = |layer: &Layer<T>| Inside::pays(x.rows(), layer.inputs(), layer.outputs());
        let inside = layers.iter().all(is_small) && !update::are_shared(layers, x.rows());
        let fused = plan.fused && plan.clip_norm.is_none();
        let pass = Pass { layers, loss: (plan.loss, *last), x, inputs, targets, fused, work };
        let Passed { loss, is_tame } = if inside { Isa::current().kernel(pass) } else { pass.by(team) }?;
        if !loss.is_finite() {
            return Ok(Found::NonFinite("loss"));
        }
        let at = &state.clock;
        let factor = state.rate_factor * plan.schedule.factor_at(at.epoch, at.batch, batches);
        let rate = plan.optimiser.rate * factor;
        let t = at.updates + 1;
        let steps = |scale| Steps::new(&plan.optimiser, rate, t, scale);
        if fused && is_tame {
            let update = Update { layers, x, work, memory: &mut state.memory, steps: &steps(1.0) };
            if inside { Isa::current().kernel(update) } else { update.by(team) }?; // S15
        } else {
            backprop::gradients(team, layers, x, work)?;
            let norm = update::gradient_norm(work);
            if !norm.is_finite() {
                return Ok(Found::NonFinite("gradient"));
            }
            self.norm = plan.clip_norm.is_some().then_some(norm);
            // As torch.nn.utils.clip_grad_norm_ does; exactly 1 where nothing is clipped.
            let scale = plan.clip_norm.map_or(1.0, |limit| (limit / (norm + 1e-6)).min(1.0));
            update::from_gradients(layers, work, &mut state.memory, &steps(scale))?; // S15
        }
        state.clock.updates = t;
        state.clock.samples += x.rows() as u64;
        state.rate = rate;
        Ok(Found::Loss(loss))
    }

    /// The error, with the place.
    pub(super) fn non_finite(&self, what: &'static str) -> Error {
        Error::NonFinite { what, epoch: self.state.clock.epoch, batch: self.state.clock.batch }
    }

    /// Remembers the start of an epoch, where the policy may want to return to it.
    pub(super) fn remember_good(&mut self) {
        if self.plan.non_finite == NonFinite::RollBack {
            self.state.good = Some(Good {
                layers: self.model.layers.clone(),
                memory: self.state.memory.clone(),
                updates: self.state.clock.updates,
            });
        }
    }

    /// Does what the policy says about a batch that had no finite loss or gradient.
    pub(super) fn apply_policy(&mut self, what: &'static str) -> Result<(), Error> {
        match self.plan.non_finite {
            NonFinite::Stop => return Err(self.non_finite(what)),
            NonFinite::Skip => {}
            NonFinite::RollBack if self.state.roll_backs == ROLL_BACKS => return Err(self.non_finite(what)),
            NonFinite::RollBack => {
                self.state.roll_backs += 1;
                self.state.rate_factor *= 0.5;
                if let Some(good) = &self.state.good {
                    self.model.layers.clone_from(&good.layers);
                    self.state.memory.clone_from(&good.memory);
                    self.state.clock.updates = good.updates;
                }
            }
        }
        self.state.sums.skipped += 1;
        Ok(())
    }
}
