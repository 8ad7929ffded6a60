//! The update rule, S15: `W ← W − η ∂L/∂W`, `b ← b − η ∂L/∂b`, and the rules that refine it.
//!
//! Two ways, the same bits:
//!
//! * **fused**: each tile of `∂L/∂W` is applied while it is in registers (the plain delta rule) or in L1, so the gradient never reaches memory;
//! * **gradient first**: the whole gradient is written, measured (its norm, for clipping; whether an element is too large for the rule), and
//!   then applied.
//!
//! The fused way is taken when nobody needs to see the gradient, and a layer is too large for its gradient to stay in cache
//! (see [`narrow`](crate::narrow)). That includes the promise that a non-finite gradient
//! is found *before* the update: `is_tame` bounds every element of the gradient from the sizes of its factors, which
//! costs one look at the activations; only a batch that fails the bound goes the longer way.

use crate::workspace::{Slot, Workspace};
use crate::{Activation, Element, Layer, Optimiser};
use deltarule_kernels::isa::{Kernel, Simd};
use deltarule_kernels::{Compute, Execute, Inside, MatRef, Moments, Rule, ShapeError, Step, dense};
use std::sync::atomic::{AtomicBool, Ordering};

/// What the update rule remembers about one layer.
#[derive(Clone)]
pub(crate) struct Memory<T> {
    pub(crate) w: Moments<T>,
    /// First and second moment of the bias; empty where the rule has none.
    pub(crate) b: [Vec<T>; 2],
}

impl<T: Element> Memory<T> {
    pub(crate) fn new(layer: &Layer<T>, rule: Rule) -> Self {
        let moment = |k| match k < rule.moments() {
            true => vec![T::ZERO; layer.outputs()],
            false => Vec::new(),
        };
        Self { w: Moments::zeros_like(&layer.w, rule), b: [moment(0), moment(1)] }
    }
}

/// The scalars of one update, for weights and for biases (which are not decayed unless asked).
pub(crate) struct Steps<T> {
    w: Step<T>,
    b: Step<T>,
    /// What the gradient is multiplied by.
    scale: f64,
    /// The largest size of a gradient that they can take, once it is multiplied.
    largest: f64,
}

impl<T: Element> Steps<T> {
    /// Update number `t`, from 1, at `rate`, with the gradient multiplied by `scale`.
    pub(crate) fn new(optimiser: &Optimiser, rate: f64, t: u64, scale: f64) -> Self {
        let l2_of_biases = if optimiser.decay_biases { optimiser.l2 } else { 0.0 };
        Self {
            w: optimiser.rule.step(rate, optimiser.l2, t, scale),
            b: optimiser.rule.step(rate, l2_of_biases, t, scale),
            scale,
            largest: optimiser.rule.largest_gradient::<T>(rate),
        }
    }

    #[inline(always)]
    fn bias(&self, by: impl Execute<T>, layer: &mut Layer<T>, db: &[T], memory: &mut Memory<T>) {
        let [m, v] = &mut memory.b;
        self.b.sweep(by, &mut layer.b, db, m, v); // S15
    }
}

/// Fused, for a batch in one piece: `W ← W − η dz xᵀ` in one pass, and the biases by their gradients in `work`.
#[inline(always)]
pub(crate) fn fused<T: Element>(
    by: impl Compute<T>,
    layers: &mut [Layer<T>],
    x: MatRef<'_, T>,
    work: &mut Workspace<T>,
    memory: &mut [Memory<T>],
    steps: &Steps<T>,
) -> Result<(), ShapeError> {
    let rows = x.rows();
    let Workspace { pieces, db, .. } = work;
    let slots = &pieces[0].slots;
    let mut input = x;
    for (l, (layer, memory)) in layers.iter_mut().zip(memory).enumerate() {
        dense::backward_update(by, input, slots[l].dz(rows)?, &mut layer.w, &mut memory.w, &steps.w)?; // S6, S9, S15
        steps.bias(by, layer, &db[l], memory);
        input = slots[l].a(rows)?;
    }
    Ok(())
}

/// Gradient first: applies the gradient in `work`, if it is finite and not too large for the rule, and says whether it was. Where `norm` is
/// known, no element is larger.
#[inline(always)]
pub(crate) fn apply<T: Element>(
    by: impl Compute<T>,
    layers: &mut [Layer<T>],
    work: &Workspace<T>,
    memory: &mut [Memory<T>],
    steps: &Steps<T>,
    norm: Option<f64>,
) -> Result<bool, ShapeError> {
    let is_borne = match norm {
        // An infinite norm is none that a scale of 0 makes finite.
        Some(norm) => norm * steps.scale <= steps.largest,
        None => is_within(by, work, T::from_f64(steps.largest)),
    };
    if !is_borne {
        return Ok(false);
    }
    let state = layers.iter_mut().zip(memory);
    for ((dw, db), (layer, memory)) in work.dw.iter().zip(&work.db).zip(state) {
        dense::update(by, &mut layer.w, dw, &mut memory.w, &steps.w)?; // S15
        steps.bias(by, layer, db, memory);
    }
    Ok(true)
}

/// The same inside of a tier, for nets of small layers.
pub(crate) struct Apply<'a, T> {
    pub(crate) layers: &'a mut [Layer<T>],
    pub(crate) work: &'a Workspace<T>,
    pub(crate) memory: &'a mut [Memory<T>],
    pub(crate) steps: &'a Steps<T>,
    pub(crate) norm: Option<f64>,
}

impl<T: Element> Kernel<T> for Apply<'_, T> {
    type Output = Result<bool, ShapeError>;

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) -> Self::Output {
        let Self { layers, work, memory, steps, norm } = self;
        apply(Inside(simd), layers, work, memory, steps, norm)
    }
}

/// The Euclidean norm of the whole gradient, layer by layer, weights before bias, in `f64`.
#[inline(always)]
pub(crate) fn gradient_norm<T: Element>(by: impl Compute<T>, work: &Workspace<T>) -> f64 {
    let bias = |db: &[T]| db.iter().fold(0.0, |sum, &g| sum + g.to_f64() * g.to_f64());
    let pairs = work.dw.iter().zip(&work.db);
    pairs.fold(0.0, |sum, (dw, db)| sum + dw.sum_of_squares(by) + bias(db)).sqrt()
}

/// Whether every element of the gradient is at most `limit` in size; a NaN is not.
#[inline(always)]
pub(crate) fn is_within<T: Element>(by: impl Compute<T>, work: &Workspace<T>, limit: T) -> bool {
    let mut within = true;
    for (dw, db) in work.dw.iter().zip(&work.db) {
        within = within && dw.is_within(by, limit);
        for g in db {
            within &= g.abs() <= limit;
        }
    }
    within
}

/// Whether every element of every gradient is sure to be finite, with room for the squares that Adam takes: a sum of
/// [`TAME_ROWS`] products of factors below the limit stays below `limit² · rows`. That the inputs and every `∂L/∂z` are below it is known already.
#[inline(always)]
pub(crate) fn is_tame<T: Element>(by: impl Compute<T>, layers: &[Layer<T>], rows: usize, slots: &[Slot<T>]) -> bool {
    let mut tame = rows <= TAME_ROWS;
    let hidden = layers.len() - 1;
    for (slot, layer) in slots.iter().zip(layers).take(hidden) {
        let bounded = matches!(layer.activation, Activation::Sigmoid | Activation::Tanh);
        tame = tame && (bounded || are_small(by, slot.a_with_gaps(rows)));
    }
    tame
}

/// Rows of the largest batch that may be tame.
const TAME_ROWS: usize = 1 << 20;

/// Whether the rule takes every gradient that is [tame](is_tame): all do at the rates of which anything is learnt.
pub(crate) fn takes_what_is_tame<T: Element>(rule: Rule, rate: f64) -> bool {
    let factor = small::<T>().to_f64();
    factor * factor * TAME_ROWS as f64 <= rule.largest_gradient::<T>(rate)
}

/// Small is finite and at most 2²¹ (`f32`) or 10⁷³ (`f64`) in size.
pub(crate) fn small<T: Element>() -> T {
    T::from_f64(if size_of::<T>() == 4 { 2097152.0 } else { 1e73 })
}

/// Whether all numbers are [small].
#[inline(always)]
pub(crate) fn are_small<T: Element>(by: impl Compute<T>, values: &[T]) -> bool {
    /// Elements that are worth a job: about a microsecond from L2.
    const JOB: usize = 32 * 1024;
    if values.len() <= JOB {
        return by.kernel(AreSmall { values });
    }
    let all = AtomicBool::new(true);
    by.each(
        true,
        values.len().div_ceil(JOB),
        #[inline(always)]
        |job| {
            let values = &values[job * JOB..values.len().min((job + 1) * JOB)];
            if !by.kernel(AreSmall { values }) {
                all.store(false, Ordering::Relaxed);
            }
        },
    );
    all.into_inner()
}

/// Compiled for the widest vectors there are; the loop itself is ordinary.
struct AreSmall<'a, T> {
    values: &'a [T],
}

impl<T: Element> Kernel<T> for AreSmall<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd<T>>(self, _: S) -> bool {
        let limit = small();
        // No early exit, so that the compiler can take a vector at a time; false for NaN.
        self.values.iter().fold(true, |small, &v| small & (v.abs() <= limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tame_no_rule_finds_too_large_at_a_usual_rate() {
        fn check<T: Element>() {
            for optimiser in [Optimiser::sgd(), Optimiser::momentum(), Optimiser::nesterov(), Optimiser::adam()] {
                let is_taken = |rate: f64| takes_what_is_tame::<T>(optimiser.rule, rate);
                assert!(is_taken(1e6) && !is_taken(T::MAX.to_f64() / 8.0), "{:?} in {}", optimiser.rule, T::NAME);
            }
        }
        check::<f32>();
        check::<f64>();
    }
}
