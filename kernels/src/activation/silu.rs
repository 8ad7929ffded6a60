//! SiLU, `z·σ(z)`, as what ReLU would give less a correction, one fused operation for both signs:
//!
//! ```text
//! z·σ(z) = max(z, 0) − |z|·σ(−|z|)
//! ```
//! The product is taken where σ has become 0 at the latest, so −∞ reaches its limit 0, not NaN.
//!
//! *Error*: 3.3 ULP over all inputs in `f32` (at −7.597_28) while `σ(z)` is normal; below, half a smallest subnormal times `z`.

use super::ActivationFn;
use super::sigmoid::{both_ways, lower_half};
use crate::element::Element;
use crate::isa::Lanes;

#[derive(Clone, Copy)]
pub(super) struct Silu;

impl<T: Element> ActivationFn<T> for Silu {
    #[inline(always)]
    fn value<S: Lanes<T>>(self, simd: S, z: S::V) -> S::V {
        // NaN is the second operand, which wins, in both.
        let t = simd.min(simd.splat(-T::EXP.lowest), simd.abs(z));
        simd.mul_add(simd.neg(t), lower_half(simd, t), simd.max(simd.splat(T::ZERO), z))
    }

    /// `σ + z·σ·(1 − σ)`
    #[inline(always)]
    fn derivative<S: Lanes<T>>(self, simd: S, z: S::V) -> S::V {
        let t = simd.min(simd.splat(-T::EXP.lowest), simd.abs(z));
        let z = simd.copy_sign(t, z);
        let (value, rest) = both_ways(simd, z);
        simd.mul_add(simd.mul(z, value), rest, value)
    }
}
