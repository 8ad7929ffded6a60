//! Optimiser sweeps: from a gradient to changed weights, element by element.
//!
//! A [`Rule`] is what the user chooses; [`Rule::step`] turns it, once a step and in `f64`, into a [`Step`]: the few numbers that the
//! sweep multiplies by. The sweep is purely element-wise, so a whole parameter and a tile of it still in L1 get the same
//! bits, however they are cut. Formulas are those of `torch.optim`, so that a run can be compared step by step.

mod adam;
mod momentum;
mod number;
mod sgd;

use crate::element::Element;
use crate::execute::Execute;
use crate::isa::{Kernel, Simd, load_n, store_n};
use crate::names::{Named, UnknownName};
use adam::{Adam, BETA1, BETA2, EPSILON};
use momentum::{MU, Momentum};
pub use number::Number;
use sgd::Sgd;
use std::fmt;
use std::str::FromStr;

/// How a gradient changes the weights. Moments that are no normal numbers any more (below 10⁻³⁸ in `f32`) are kept as 0; all else keeps
/// its subnormals. Moments that no gradient feeds would stay subnormal for ever, and slow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// `w ← w − η g`, the delta rule.
    Sgd,
    /// `m ← μ m + g; w ← w − η m`
    Momentum {
        /// μ, usually 0.9
        momentum: f64,
    },
    /// `m ← μ m + g; w ← w − η (g + μ m)`
    Nesterov {
        /// μ, usually 0.9
        momentum: f64,
    },
    /// Kingma and Ba 2015, with both bias corrections; L2 joins the gradient.
    Adam {
        /// Decay of the mean, at least 0 and below 1, usually 0.9
        beta1: f64,
        /// Decay of the mean square, at least 0 and below 1, usually 0.999
        beta2: f64,
        /// Added to the root, usually 1e-8
        epsilon: f64,
    },
    /// Loshchilov and Hutter 2019: Adam with L2 taken off the weights directly.
    AdamW {
        /// Decay of the mean, at least 0 and below 1, usually 0.9
        beta1: f64,
        /// Decay of the mean square, at least 0 and below 1, usually 0.999
        beta2: f64,
        /// Added to the root, usually 1e-8
        epsilon: f64,
    },
}

impl Named for Rule {
    const WHAT: &'static str = "update rule";
    const ALL: &'static [Self] = &[Self::Sgd, Self::MOMENTUM, Self::NESTEROV, Self::ADAM, Self::ADAMW];
    const FORMS: &'static [&'static str] =
        &["momentum(MOMENTUM)", "nesterov(MOMENTUM)", "adam(BETA1,BETA2,EPSILON)", "adamw(BETA1,BETA2,EPSILON)"];

    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Sgd => &["sgd"],
            Self::Momentum { .. } => &["momentum"],
            Self::Nesterov { .. } => &["nesterov"],
            Self::Adam { .. } => &["adam"],
            Self::AdamW { .. } => &["adamw"],
        }
    }
}

impl fmt::Display for Rule {
    /// The [name](Named::name), with the [numbers](Rule::numbers) where they are not the usual ones: `adam(0.9,0.98,1e-9)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if Self::ALL.contains(self) {
            return f.pad(self.name());
        }
        let numbers: Vec<String> = self.numbers().iter().map(|(_, value)| format!("{value:?}")).collect();
        f.pad(&format!("{}({})", self.name(), numbers.join(",")))
    }
}

impl FromStr for Rule {
    type Err = UnknownName;

    /// By [name](Named::named), with the usual numbers, or with all of them as in `momentum(0.99)` and `adam(0.9,0.98,1e-9)`. Whether they
    /// are in their ranges nobody asks here, as with [`with_numbers`](Rule::with_numbers).
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let Some((name, numbers)) = text.trim().strip_suffix(')').and_then(|rest| rest.split_once('(')) else {
            return Self::named(text);
        };
        let numbers: Option<Vec<f64>> = numbers.split(',').map(|number| number.trim().parse().ok()).collect();
        let rule = Self::named(name).ok().zip(numbers).and_then(|(rule, numbers)| rule.with_numbers(&numbers));
        rule.ok_or_else(|| UnknownName::of::<Self>(text))
    }
}

impl Rule {
    /// With the usual μ, 0.9.
    pub const MOMENTUM: Self = Self::Momentum { momentum: 0.9 };
    /// With the usual μ, 0.9.
    pub const NESTEROV: Self = Self::Nesterov { momentum: 0.9 };
    /// With the usual β₁ 0.9, β₂ 0.999 and ε 1e-8.
    pub const ADAM: Self = Self::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    /// With the usual β₁ 0.9, β₂ 0.999 and ε 1e-8.
    pub const ADAMW: Self = Self::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

    /// Its numbers, in the order in which files keep them.
    pub fn numbers(mut self) -> Vec<(Number, f64)> {
        self.numbers_mut().into_iter().map(|(number, value)| (number, *value)).collect()
    }

    /// The same rule with other [numbers](Self::numbers), whatever they are; nothing where it has not so many.
    pub fn with_numbers(mut self, values: &[f64]) -> Option<Self> {
        let numbers = self.numbers_mut();
        if numbers.len() != values.len() {
            return None;
        }
        numbers.into_iter().zip(values).for_each(|((_, number), &value)| *number = value);
        Some(self)
    }

    fn numbers_mut(&mut self) -> Vec<(Number, &mut f64)> {
        match self {
            Self::Sgd => vec![],
            Self::Momentum { momentum } | Self::Nesterov { momentum } => vec![(MU, momentum)],
            Self::Adam { beta1, beta2, epsilon } | Self::AdamW { beta1, beta2, epsilon } => {
                vec![(BETA1, beta1), (BETA2, beta2), (EPSILON, epsilon)]
            }
        }
    }

    /// The learning rate that it is usually given.
    pub fn usual_rate(self) -> f64 {
        match self {
            Self::Sgd => 0.1,
            Self::Momentum { .. } | Self::Nesterov { .. } => 0.01,
            Self::Adam { .. } | Self::AdamW { .. } => 1e-3,
        }
    }

    /// The L2 penalty that it is usually given: the decay, where that is decoupled.
    pub fn usual_l2(self) -> f64 {
        match self {
            Self::Sgd | Self::Momentum { .. } | Self::Nesterov { .. } | Self::Adam { .. } => 0.0,
            Self::AdamW { .. } => 0.01,
        }
    }

    /// How many arrays of the weights' shape the rule remembers.
    pub fn moments(self) -> usize {
        match self {
            Self::Sgd => <Sgd<f64> as Change<f64>>::MOMENTS,
            Self::Momentum { .. } | Self::Nesterov { .. } => <Momentum<f64> as Change<f64>>::MOMENTS,
            Self::Adam { .. } | Self::AdamW { .. } => <Adam<f64> as Change<f64>>::MOMENTS,
        }
    }

    /// The largest learning rate whose steps are numbers of `T`. Adam divides it by 1 − β₁, in its first step; a quarter of the range is used.
    #[inline]
    pub fn largest_rate<T: Element>(self) -> f64 {
        match self {
            Self::Sgd | Self::Momentum { .. } | Self::Nesterov { .. } => T::MAX.to_f64(),
            Self::Adam { beta1, .. } | Self::AdamW { beta1, .. } => T::MAX.to_f64() / 4.0 * (1.0 - beta1),
        }
    }

    /// The largest size of a gradient of which a step at learning rate `lr` makes finite numbers in `T`: of moments, however often it
    /// comes, and of what is added to a weight. Adam squares it, and takes none beyond its [largest rate](Self::largest_rate): 0 there. A quarter
    /// of the range is used, so that neither what rounding adds nor a weight, if it is not near the end of the range itself, goes beyond it.
    #[inline]
    pub fn largest_gradient<T: Element>(self, lr: f64) -> f64 {
        let quarter = T::MAX.to_f64() / 4.0;
        // Hardly any rate is above 1, and the smallest nets notice a division.
        let by_rate = |largest: f64| if lr > 1.0 { largest / lr } else { largest };
        match self {
            Self::Sgd => by_rate(quarter),
            // A first moment grows up to 1 / (1 − μ) gradients.
            Self::Momentum { momentum } | Self::Nesterov { momentum } => by_rate(quarter * (1.0 - momentum)),
            Self::Adam { .. } | Self::AdamW { .. } if lr > self.largest_rate::<T>() => 0.0,
            Self::Adam { .. } | Self::AdamW { .. } => quarter.sqrt(),
        }
    }

    /// The numbers of step `t` at learning rate `lr`, with `l2 · w` added to the gradient (for AdamW
    /// `lr · l2 · w` taken off the weights), the gradient first multiplied by `gradient_scale`. Steps count from 1.
    ///
    /// # Panics
    /// `t` is 0, a β of Adam is not at least 0 and below 1, or its ε not above 0 in `T`: its bias correction, or the step of a zero gradient,
    /// would divide by zero, and weights become NaN.
    pub fn step<T: Element>(self, lr: f64, l2: f64, t: u64, gradient_scale: f64) -> Step<T> {
        assert!(t > 0, "steps count from 1");
        let kind = match self {
            Self::Sgd => Kind::Sgd(Sgd::new(lr)),
            Self::Momentum { momentum } => Kind::Momentum(Momentum::new(lr, momentum)),
            Self::Nesterov { momentum } => Kind::Nesterov(Momentum::new(lr, momentum)),
            Self::Adam { beta1, beta2, epsilon } => Kind::Adam(Adam::new(lr, beta1, beta2, epsilon, t, 0.0)),
            Self::AdamW { beta1, beta2, epsilon } => Kind::Adam(Adam::new(lr, beta1, beta2, epsilon, t, l2)),
        };
        let decoupled = matches!(self, Self::AdamW { .. });
        let l2 = if decoupled { 0.0 } else { l2 };
        Step { kind, scale: T::from_f64(gradient_scale), l2: T::from_f64(l2) }
    }
}

/// One step of a [`Rule`], ready to be swept over any number of parameters.
#[derive(Clone, Copy, Debug)]
pub struct Step<T> {
    kind: Kind<T>,
    scale: T,
    l2: T,
}

#[derive(Clone, Copy, Debug)]
enum Kind<T> {
    Sgd(Sgd<T>),
    Momentum(Momentum<T>),
    Nesterov(Momentum<T>),
    Adam(Adam<T>),
}

/// What a rule does with one vector of weights.
trait Change<T: Element> {
    /// Arrays that are read and written.
    const MOMENTS: usize;
    /// The new weights and moments.
    fn change<S: Simd<T>>(&self, simd: S, w: S::V, g: S::V, m: S::V, v: S::V) -> (S::V, S::V, S::V);
}

/// A moment as it is kept: 0 once it is no normal number. Where no gradient comes any more (units that are dead, pixels that are always black), a
/// moment shrinks by a factor a step until rounding holds it for ever at the last few subnormals, and there Intel's cores take a slow way for every
/// vector with one in it (Emerald Rapids, Fashion-MNIST by 784-128-10, ten epochs of Adam on one thread: 4.8 s, and 2.0 s since; a step without any:
/// level). What is lost moves no weight: 10⁻³⁸ in `f32`, of which Adam's ε makes 10⁻³⁰; and the root of a second moment that is lost, 10⁻¹⁹, is no part of
/// that ε. (With one below some 10⁻¹⁷ it would be.)
#[inline(always)]
fn kept<T: Element, S: Simd<T>>(simd: S, moment: S::V) -> S::V {
    let is_below = simd.lt(simd.abs(moment), simd.splat(T::MIN_POSITIVE));
    simd.select(is_below, simd.splat(T::ZERO), moment)
}

impl<T: Element> Step<T> {
    /// What multiplies a gradient as it is, where the step does no more than to add that to the weights.
    #[inline(always)]
    pub(crate) fn factor(&self) -> Option<T> {
        match self.kind {
            Kind::Sgd(rule) if self.is_plain() => Some(rule.factor()),
            _ => None,
        }
    }

    /// How many arrays of moments it reads and writes.
    #[inline(always)]
    pub(crate) fn moments(&self) -> usize {
        match self.kind {
            Kind::Sgd(_) => <Sgd<T> as Change<T>>::MOMENTS,
            Kind::Momentum(_) | Kind::Nesterov(_) => <Momentum<T> as Change<T>>::MOMENTS,
            Kind::Adam(_) => <Adam<T> as Change<T>>::MOMENTS,
        }
    }

    /// The rule sees the gradient as it is.
    #[inline(always)]
    fn is_plain(&self) -> bool {
        self.scale == T::ONE && self.l2 == T::ZERO
    }

    /// Changes `w` by the gradient `g`, and the moments `m` and `v` where the rule has them (empty where it has not).
    ///
    /// # Panics
    /// The slices differ in length, or one that the rule has is empty; nothing is written then.
    #[inline(always)]
    pub fn sweep(&self, by: impl Execute<T>, w: &mut [T], g: &[T], m: &mut [T], v: &mut [T]) {
        match self.kind {
            Kind::Sgd(rule) => self.sweep_by(by, rule, w, g, m, v),
            Kind::Momentum(rule) => self.sweep_by(by, rule, w, g, m, v),
            Kind::Nesterov(rule) => self.sweep_by(by, rule.nesterov(), w, g, m, v),
            Kind::Adam(rule) => self.sweep_by(by, rule, w, g, m, v),
        }
    }

    #[inline(always)]
    fn sweep_by<R: Change<T>>(&self, by: impl Execute<T>, rule: R, w: &mut [T], g: &[T], m: &mut [T], v: &mut [T]) {
        assert_eq!(w.len(), g.len(), "one derivative for each weight");
        assert!(R::MOMENTS < 1 || m.len() == w.len(), "one first moment for each weight");
        assert!(R::MOMENTS < 2 || v.len() == w.len(), "one second moment for each weight");
        // A gradient as it is takes a third of the arithmetic of the delta rule (30-64-1, batch 32: 3.14 → 3.09 µs a step).
        if self.is_plain() {
            by.kernel(Sweep { rule, gradient: AsItIs, w, g, m, v })
        } else {
            by.kernel(Sweep { rule, gradient: Scaled { scale: self.scale, l2: self.l2 }, w, g, m, v })
        }
    }
}

/// What is made of a gradient before the rule sees it.
trait Preparation<T: Element> {
    fn of<S: Simd<T>>(&self, simd: S, w: S::V, g: S::V) -> S::V;
}

/// Nothing.
struct AsItIs;

impl<T: Element> Preparation<T> for AsItIs {
    #[inline(always)]
    fn of<S: Simd<T>>(&self, _: S, _: S::V, g: S::V) -> S::V {
        g
    }
}

/// `scale · g + l2 · w`
struct Scaled<T> {
    scale: T,
    l2: T,
}

impl<T: Element> Preparation<T> for Scaled<T> {
    #[inline(always)]
    fn of<S: Simd<T>>(&self, simd: S, w: S::V, g: S::V) -> S::V {
        simd.mul_add(simd.splat(self.l2), w, simd.mul(g, simd.splat(self.scale)))
    }
}

/// The loop over vectors. Made only by [`Step::sweep_by`], which has checked that all arrays that the rule has are as long as `w`.
struct Sweep<'a, T, R, G> {
    rule: R,
    gradient: G,
    w: &'a mut [T],
    g: &'a [T],
    m: &'a mut [T],
    v: &'a mut [T],
}

impl<T: Element, R: Change<T>, G: Preparation<T>> Kernel<T> for Sweep<'_, T, R, G> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(mut self, simd: S) {
        let whole = self.w.len() / S::LANES * S::LANES;
        for at in (0..whole).step_by(S::LANES) {
            // SAFETY: a whole vector of each array.
            unsafe { self.vector(simd, at, S::LANES) };
        }
        if whole < self.w.len() {
            // SAFETY: what is left of each array.
            unsafe { self.vector(simd, whole, self.w.len() - whole) };
        }
    }
}

impl<T: Element, R: Change<T>, G: Preparation<T>> Sweep<'_, T, R, G> {
    /// The `n ≤ LANES` elements from `at` on.
    ///
    /// # Safety
    /// They are inside `w`, `g` and the moments that the rule has.
    #[inline(always)]
    unsafe fn vector<S: Simd<T>>(&mut self, simd: S, at: usize, n: usize) {
        let zero = simd.splat(T::ZERO);
        // SAFETY: inside (caller).
        let w = unsafe { load_n(simd, self.w.as_ptr().wrapping_add(at), n) };
        let (mut m, mut v) = (zero, zero);
        if R::MOMENTS >= 1 {
            // SAFETY: as above.
            m = unsafe { load_n(simd, self.m.as_ptr().wrapping_add(at), n) };
        }
        if R::MOMENTS >= 2 {
            // SAFETY: as above.
            v = unsafe { load_n(simd, self.v.as_ptr().wrapping_add(at), n) };
        }
        // SAFETY: as above.
        let g = unsafe { load_n(simd, self.g.as_ptr().wrapping_add(at), n) };
        let g = self.gradient.of(simd, w, g);
        let (w, m, v) = self.rule.change(simd, w, g, m, v);
        // SAFETY: as above.
        unsafe { store_n(simd, self.w.as_mut_ptr().wrapping_add(at), n, w) };
        if R::MOMENTS >= 1 {
            // SAFETY: as above.
            unsafe { store_n(simd, self.m.as_mut_ptr().wrapping_add(at), n, m) };
        }
        if R::MOMENTS >= 2 {
            // SAFETY: as above.
            unsafe { store_n(simd, self.v.as_mut_ptr().wrapping_add(at), n, v) };
        }
    }
}

/// `base^exponent` by squaring: plain multiplications, so the same bits on every platform.
pub fn power(base: f64, mut exponent: u64) -> f64 {
    let (mut result, mut square) = (1.0, base);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result *= square;
        }
        square *= square;
        exponent >>= 1;
    }
    result
}

#[cfg(test)]
mod tests;
