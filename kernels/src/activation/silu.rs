//! SiLU, `z·σ(z)`. At −∞ the product is taken where σ has become 0, so the limit −0 is reached rather than NaN.
//!
//! *Error*: one rounding more than the sigmoid while that is normal; below, half a smallest subnormal times `z`.

use super::ActivationFn;
use super::sigmoid::{both_ways, logistic};
use crate::element::Element;
use crate::isa::Simd;

#[derive(Clone, Copy)]
pub(super) struct Silu;

impl<T: Element> ActivationFn<T> for Silu {
    #[inline(always)]
    fn value<S: Simd<T>>(self, simd: S, z: S::V) -> S::V {
        let bounded = simd.max(simd.splat(T::EXP.lowest), z);
        simd.mul(bounded, logistic(simd, z).0)
    }

    /// `σ + z·σ·(1 − σ)`
    #[inline(always)]
    fn derivative<S: Simd<T>>(self, simd: S, z: S::V) -> S::V {
        let (value, rest) = both_ways(simd, z);
        let bounded = simd.min(simd.splat(-T::EXP.lowest), simd.max(simd.splat(T::EXP.lowest), z));
        simd.mul_add(simd.mul(bounded, value), rest, value)
    }
}
