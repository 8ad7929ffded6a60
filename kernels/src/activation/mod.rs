//! Activations: value and derivative, one file each, written once over [`Simd`] for `f32` and `f64`.
//!
//! | | `g(z)` | `g′`, from | |
//! |---|---|---|---|
//! | identity | `z` | 1 | |
//! | `relu` | `max(z, 0)` | `a > 0`, from the output | `g′(0) = 0` |
//! | `leaky_relu` | `z` or `slope·z` | from the output | |
//! | `sigmoid` | `1 / (1 + e^−z)` | `a (1 − a)`, from the output | |
//! | `tanh` | `tanh z` | `1 − a²`, from the output | |
//! | `gelu` | `z·Φ(z)`, and its tanh form | from `z` | |
//! | `silu` | `z·σ(z)` | from `z` | |
//!
//! The shared mathematics stands beside them: `exp`, `log` and `gaussian`, on the tables of `coefficients`.
//! Every operation is one of [`Simd`]'s, each with one rounding, in one order: the bits are the same on every
//! instruction set with fused multiply-add, and do not depend on the place in the slice. Nothing is estimated.
//!
//! NaN gives NaN, in values and in derivatives, but for the identity's, which is 1 whatever it is taken from. The error budgets of values, and
//! of the mathematics under them, stand in the files; `tests.rs` holds the code to them, in `f32` over all inputs, in `f64` over samples of 60
//! digits. Derivatives cross zero and have no budgets: there those of `gelu`, its tanh form and `silu` are within 10⁻¹⁵ of the samples, and all
//! are the slopes of their values, with exact limits and kinks.

mod coefficients;
pub(crate) mod exp;
mod gaussian;
mod gelu;
mod leaky_relu;
pub(crate) mod log;
mod name;
mod relu;
mod sigmoid;
mod silu;
mod slices;
mod tanh;

#[doc(hidden)]
pub use coefficients::Coefficients;
pub(crate) use sigmoid::logistic;

use crate::element::Element;
use crate::execute::Execute;
use crate::isa::{Kernel, Lanes, Simd};
use crate::names::Named;
use gelu::{Gelu, GeluTanh};
use leaky_relu::LeakyRelu;
use relu::Relu;
use sigmoid::Sigmoid;
use silu::Silu;
pub(crate) use slices::RowPair;
use tanh::Tanh;

/// The function `g` of a layer, `a = g(z)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// `a = z`
    Identity,
    /// `a = max(z, 0)`, with `g′(0) = 0`
    Relu,
    /// `a = z` where `z > 0`, else `slope · z`
    LeakyRelu {
        /// The slope at and below zero; rounded to the element type, in which it is to be finite: `0 · ∞` is NaN. So is the value at −∞ of a
        /// slope of 0, or of one that rounds to 0; [`Relu`](Activation::Relu) gives 0 there.
        slope: f64,
    },
    /// `a = σ(z) = 1 / (1 + e^−z)`
    Sigmoid,
    /// `a = tanh z`
    Tanh,
    /// `a = z · Φ(z)`, with the normal distribution function Φ (the form with erf)
    Gelu,
    /// GELU's older approximation, `a = ½ z (1 + tanh(√(2/π) (z + 0.044715 z³)))`
    GeluTanh,
    /// `a = z · σ(z)`, also called swish
    Silu,
}

impl Named for Activation {
    const WHAT: &'static str = "activation";
    const ALL: &'static [Self] = &[
        Self::Relu,
        Self::LeakyRelu { slope: 0.01 },
        Self::Sigmoid,
        Self::Tanh,
        Self::Gelu,
        Self::GeluTanh,
        Self::Silu,
        Self::Identity,
    ];
    const FORMS: &'static [&'static str] = &["leaky-relu(SLOPE)"];

    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Identity => &["identity", "linear"],
            Self::Relu => &["relu"],
            Self::LeakyRelu { .. } => &["leaky-relu"],
            Self::Sigmoid => &["sigmoid", "logistic"],
            Self::Tanh => &["tanh"],
            Self::Gelu => &["gelu"],
            Self::GeluTanh => &["gelu-tanh"],
            Self::Silu => &["silu", "swish"],
        }
    }
}

/// One activation on registers, for every element type and instruction set: what epilogues are made of.
pub(crate) trait ActivationFn<T>: Copy {
    /// `g(z)`
    fn value<S: Lanes<T>>(self, simd: S, z: S::V) -> S::V;
    /// `g′`, from `z` where [`Activation::needs_preactivation`], else from the output `a`.
    fn derivative<S: Lanes<T>>(self, simd: S, kept: S::V) -> S::V;
}

impl Activation {
    /// Whether the derivative is computed from `z` rather than from the output `a`.
    ///
    /// A leaky ReLU with a negative slope is not monotone: its output does not tell the branch, `z` does.
    pub fn needs_preactivation(self) -> bool {
        match self {
            Self::Gelu | Self::GeluTanh | Self::Silu => true,
            Self::LeakyRelu { slope } => slope < 0.0,
            Self::Identity | Self::Relu | Self::Sigmoid | Self::Tanh => false,
        }
    }

    /// `a = g(z)`
    ///
    /// # Panics
    /// The slices differ in length.
    #[inline(always)]
    pub fn apply<T: Element>(self, by: impl Execute<T>, z: &[T], a: &mut [T]) {
        // SAFETY: two slices of one length.
        unsafe { self.apply_to(by, RowPair::pair(z, a)) };
    }

    /// `z = g(z)`
    #[inline(always)]
    pub fn apply_in_place<T: Element>(self, by: impl Execute<T>, z: &mut [T]) {
        // SAFETY: one slice.
        unsafe { self.apply_to(by, RowPair::one(z)) };
    }

    /// `dz = dz ⊙ g′`, from what the forward pass kept: `z` where [`needs_preactivation`](Self::needs_preactivation),
    /// else `a`.
    ///
    /// # Panics
    /// The slices differ in length.
    #[inline(always)]
    pub fn multiply_derivative<T: Element>(self, by: impl Execute<T>, kept: &[T], dz: &mut [T]) {
        // SAFETY: two slices of one length.
        unsafe { self.multiply_derivative_to(by, RowPair::pair(kept, dz)) };
    }

    /// `to = g(from)` on a block of rows.
    ///
    /// # Safety
    /// `from` is valid for reads, `to` for writes.
    #[inline(always)]
    pub(crate) unsafe fn apply_to<T: Element>(self, by: impl Execute<T>, block: RowPair<T>) {
        if self != Self::Identity || !std::ptr::eq(block.from, block.to) {
            by.kernel(Values { activation: self, block });
        }
    }

    /// `to = to ⊙ g′(from)` on a block of rows.
    ///
    /// # Safety
    /// `from` is valid for reads, `to` for reads and writes.
    #[inline(always)]
    pub(crate) unsafe fn multiply_derivative_to<T: Element>(self, by: impl Execute<T>, block: RowPair<T>) {
        if self != Self::Identity {
            by.kernel(TimesDerivatives { activation: self, block });
        }
    }
}

/// Made only by [`Activation::apply_to`], whose caller vouches for the block.
struct Values<T> {
    activation: Activation,
    block: RowPair<T>,
}

impl<T: Element> Kernel<T> for Values<T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        self.activation.choose(slices::Values { simd, block: self.block });
    }
}

/// Made only by [`Activation::multiply_derivative_to`], whose caller vouches for the block.
struct TimesDerivatives<T> {
    activation: Activation,
    block: RowPair<T>,
}

impl<T: Element> Kernel<T> for TimesDerivatives<T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        self.activation.choose(slices::TimesDerivatives { simd, block: self.block });
    }
}

/// What is done with an activation, whichever it is.
pub(crate) trait Chosen<T> {
    fn with(self, g: impl ActivationFn<T>);
}

impl Activation {
    /// From a name to a function on registers.
    #[inline(always)]
    pub(crate) fn choose<T: Element>(self, chosen: impl Chosen<T>) {
        match self {
            Self::Identity => chosen.with(Identity),
            Self::Relu => chosen.with(Relu),
            Self::LeakyRelu { slope } => chosen.with(LeakyRelu(T::from_f64(slope))),
            Self::Sigmoid => chosen.with(Sigmoid),
            Self::Tanh => chosen.with(Tanh),
            Self::Gelu => chosen.with(Gelu),
            Self::GeluTanh => chosen.with(GeluTanh),
            Self::Silu => chosen.with(Silu),
        }
    }
}

/// `a = z`
#[derive(Clone, Copy)]
struct Identity;

impl<T: Element> ActivationFn<T> for Identity {
    #[inline(always)]
    fn value<S: Lanes<T>>(self, _: S, z: S::V) -> S::V {
        z
    }

    #[inline(always)]
    fn derivative<S: Lanes<T>>(self, simd: S, _: S::V) -> S::V {
        simd.splat(T::ONE)
    }
}

#[cfg(test)]
mod tests;
