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
//! NaN gives NaN, in values and derivatives alike. The error budgets stand in the files; `tests.rs` holds the code to them.

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
pub use name::ActivationError;
pub(crate) use sigmoid::logistic;

use crate::element::Element;
use crate::isa::{Isa, Simd};
use gelu::{Gelu, GeluTanh};
use leaky_relu::LeakyRelu;
use relu::Relu;
use sigmoid::Sigmoid;
use silu::Silu;
pub(crate) use slices::Rows;
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
        /// The slope at and below zero; rounded to the element type.
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

/// One activation on registers, for every element type and instruction set: what epilogues are made of.
pub(crate) trait ActivationFn<T>: Copy {
    /// `g(z)`
    fn value<S: Simd<T>>(self, simd: S, z: S::V) -> S::V;
    /// `g′`, from `z` where [`Activation::needs_preactivation`], else from the output `a`.
    fn derivative<S: Simd<T>>(self, simd: S, kept: S::V) -> S::V;
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
    pub fn apply<T: Element>(self, isa: Isa, z: &[T], a: &mut [T]) {
        // SAFETY: two slices of one length.
        unsafe { self.apply_to(isa, Rows::pair(z, a)) };
    }

    /// `z = g(z)`
    pub fn apply_in_place<T: Element>(self, isa: Isa, z: &mut [T]) {
        // SAFETY: one slice.
        unsafe { self.apply_to(isa, Rows::one(z)) };
    }

    /// `dz = dz ⊙ g′`, from what the forward pass kept: `z` where [`needs_preactivation`](Self::needs_preactivation),
    /// else `a`.
    ///
    /// # Panics
    /// The slices differ in length.
    pub fn multiply_derivative<T: Element>(self, isa: Isa, kept: &[T], dz: &mut [T]) {
        // SAFETY: two slices of one length.
        unsafe { self.multiply_derivative_to(isa, Rows::pair(kept, dz)) };
    }

    /// `to = g(from)` on a block of rows.
    ///
    /// # Safety
    /// `from` is valid for reads, `to` for writes.
    pub(crate) unsafe fn apply_to<T: Element>(self, isa: Isa, block: Rows<T>) {
        match self {
            Self::Identity if std::ptr::eq(block.from, block.to) => {}
            // SAFETY: the caller vouches for the block.
            Self::Identity => unsafe { slices::values(isa, Identity, block) },
            // SAFETY: as above.
            Self::Relu => unsafe { slices::values(isa, Relu, block) },
            // SAFETY: as above.
            Self::LeakyRelu { slope } => unsafe { slices::values(isa, LeakyRelu(T::from_f64(slope)), block) },
            // SAFETY: as above.
            Self::Sigmoid => unsafe { slices::values(isa, Sigmoid, block) },
            // SAFETY: as above.
            Self::Tanh => unsafe { slices::values(isa, Tanh, block) },
            // SAFETY: as above.
            Self::Gelu => unsafe { slices::values(isa, Gelu, block) },
            // SAFETY: as above.
            Self::GeluTanh => unsafe { slices::values(isa, GeluTanh, block) },
            // SAFETY: as above.
            Self::Silu => unsafe { slices::values(isa, Silu, block) },
        }
    }

    /// `to = to ⊙ g′(from)` on a block of rows.
    ///
    /// # Safety
    /// `from` is valid for reads, `to` for reads and writes.
    pub(crate) unsafe fn multiply_derivative_to<T: Element>(self, isa: Isa, block: Rows<T>) {
        match self {
            Self::Identity => {}
            // SAFETY: the caller vouches for the block.
            Self::Relu => unsafe { slices::derivatives(isa, Relu, block) },
            // SAFETY: as above.
            Self::LeakyRelu { slope } => unsafe { slices::derivatives(isa, LeakyRelu(T::from_f64(slope)), block) },
            // SAFETY: as above.
            Self::Sigmoid => unsafe { slices::derivatives(isa, Sigmoid, block) },
            // SAFETY: as above.
            Self::Tanh => unsafe { slices::derivatives(isa, Tanh, block) },
            // SAFETY: as above.
            Self::Gelu => unsafe { slices::derivatives(isa, Gelu, block) },
            // SAFETY: as above.
            Self::GeluTanh => unsafe { slices::derivatives(isa, GeluTanh, block) },
            // SAFETY: as above.
            Self::Silu => unsafe { slices::derivatives(isa, Silu, block) },
        }
    }
}

/// `a = z`
#[derive(Clone, Copy)]
struct Identity;

impl<T: Element> ActivationFn<T> for Identity {
    #[inline(always)]
    fn value<S: Simd<T>>(self, _: S, z: S::V) -> S::V {
        z
    }

    #[inline(always)]
    fn derivative<S: Simd<T>>(self, simd: S, _: S::V) -> S::V {
        simd.splat(T::ONE)
    }
}

#[cfg(test)]
mod tests;
