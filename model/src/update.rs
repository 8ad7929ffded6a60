//! The update rule, S15: `W ← W − η ∂L/∂W`, `b ← b − η ∂L/∂b`, and the rules that refine it.
//!
//! Two ways, the same bits:
//!
//! * **fused**: each tile of `∂L/∂W` is applied while it is still in registers, so the gradient never reaches memory;
//! * **gradient first**: the whole gradient is written, measured (its norm, for clipping; whether it is finite), and
//!   then applied.
//!
//! The fused way is taken when nobody needs to see the gradient. That includes the promise that a non-finite gradient
//! is found *before* the update: `is_tame` bounds every element of the gradient from the sizes of its factors, which
//! costs one look at the activations; only a batch that fails the bound goes the longer way.

use crate::workspace::Workspace;
use crate::{Activation, Element, Layer, Optimiser};
use deltarule_kernels::isa::{Kernel, Simd};
use deltarule_kernels::{Compute, Execute, Isa, MatRef, Moments, Rule, ShapeError, Step, dense};
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
}

impl<T: Element> Steps<T> {
    /// Update number `t`, from 1, at `rate`, with the gradient multiplied by `scale`.
    pub(crate) fn new(optimiser: &Optimiser, rate: f64, t: u64, scale: f64) -> Self {
        let l2_of_biases = if optimiser.decay_biases { optimiser.l2 } else { 0.0 };
        Self {
            w: optimiser.rule.step(rate, optimiser.l2, t, scale),
            b: optimiser.rule.step(rate, l2_of_biases, t, scale),
        }
    }

    #[inline(always)]
    fn bias(&self, by: impl Execute<T>, layer: &mut Layer<T>, db: &[T], memory: &mut Memory<T>) {
        let [m, v] = &mut memory.b;
        self.b.sweep(by, &mut layer.b, db, m, v); // S15
    }
}

/// Fused: `W ← W − η dz xᵀ` in one pass, and the biases by their gradients in `work`.
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
    let Workspace { slots, db, .. } = work;
    by.each_pair(
        are_shared(layers, rows),
        layers,
        memory,
        #[inline(always)]
        |l, layer, memory| {
            let input = if l == 0 { x } else { slots[l - 1].a(rows)? };
            dense::backward_update(by, input, slots[l].dz(rows)?, &mut layer.w, &mut memory.w, &steps.w)?; // S6, S9, S15
            steps.bias(by, layer, &db[l], memory);
            Ok(())
        },
    )
}

/// Whether the layers of a net are shared by a team: where each has too few weights for a team of its own, but so many rows that
/// together they are worth one (4-32-16-4, 10,000 rows, two threads: 84 → 51 µs).
pub(crate) fn are_shared<T: Element>(layers: &[Layer<T>], rows: usize) -> bool {
    /// Weights up to which the product that makes the gradient is one piece of work.
    const ONE_PIECE: usize = 4096;
    /// Multiply-adds that are worth a team.
    const WORK: usize = 1_000_000;
    if rows.saturating_mul(layers.len() * ONE_PIECE) < WORK {
        return false;
    }
    let weights = |layer: &Layer<T>| layer.inputs() * layer.outputs();
    let all: usize = layers.iter().map(weights).sum();
    layers.iter().all(|layer| weights(layer) <= ONE_PIECE) && all.saturating_mul(rows) >= WORK
}

/// Gradient first: what [`backprop::gradients`](crate::backprop::gradients) left in `work` is applied.
pub(crate) fn from_gradients<T: Element>(
    layers: &mut [Layer<T>],
    work: &Workspace<T>,
    memory: &mut [Memory<T>],
    steps: &Steps<T>,
) -> Result<(), ShapeError> {
    let state = layers.iter_mut().zip(memory);
    for ((dw, db), (layer, memory)) in work.dw.iter().zip(&work.db).zip(state) {
        dense::update(Isa::current(), &mut layer.w, dw, &mut memory.w, &steps.w)?; // S15
        steps.bias(Isa::current(), layer, db, memory);
    }
    Ok(())
}

/// The Euclidean norm of the whole gradient, layer by layer, weights before bias, in `f64`.
pub(crate) fn gradient_norm<T: Element>(work: &Workspace<T>) -> f64 {
    let bias = |db: &[T]| db.iter().fold(0.0, |sum, &g| sum + g.to_f64() * g.to_f64());
    let pairs = work.dw.iter().zip(&work.db);
    pairs.fold(0.0, |sum, (dw, db)| sum + dw.sum_of_squares() + bias(db)).sqrt()
}

/// Whether every element of every gradient is sure to be finite, with room for the squares that Adam takes: a sum of
/// `rows` products of factors below the limit stays below `limit² · rows`. `errors_are_small` says so of every `∂L/∂z`.
#[inline(always)]
pub(crate) fn is_tame<T: Element>(
    by: impl Compute<T>,
    layers: &[Layer<T>],
    rows: usize,
    x_is_small: bool,
    errors_are_small: bool,
    work: &Workspace<T>,
) -> bool {
    let mut tame = rows <= 1 << 20 && x_is_small && errors_are_small;
    let hidden = layers.len() - 1;
    for (slot, layer) in work.slots.iter().zip(layers).take(hidden) {
        let bounded = matches!(layer.activation, Activation::Sigmoid | Activation::Tanh);
        tame = tame && (bounded || are_small(by, slot.a_with_gaps(rows)));
    }
    tame
}

/// Small is finite and at most 2²¹ (`f32`) or 10⁷⁵ (`f64`) in size.
pub(crate) fn small<T: Element>() -> T {
    T::from_f64(if size_of::<T>() == 4 { 2097152.0 } else { 1e75 })
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
