//! GELU, `z·Φ(z)`, and its tanh form, which is a sigmoid in disguise: `½(1 + tanh u) = σ(2u)`.
//!
//! | | error, in ULP of the result |
//! |---|---|
//! | `Gelu` | ≤ 4, in the far negative tail too, while `Φ(z)` is normal (`z > −13` in `f32`) |
//! | `GeluTanh` | ≤ 4 for `z ≥ 0`; for `z < 0` it grows as `2│u│`, from the rounding of `u` |
//!
//! Derivatives cross zero near `z = −0.75`; their error is small beside 1, not beside themselves.
//! Far out on the negative side the product is taken where its other factor has become 0, so −∞ gives −0, not NaN.

use super::ActivationFn;
use super::gaussian::density_and_tail;
use super::sigmoid::{both_ways, logistic};
use crate::element::Element;
use crate::isa::Simd;

/// `1 / √(2π)`
const DENSITY_AT_0: f64 = 0.398_942_280_401_432_7;
/// `2·√(2/π)`, the first coefficient of `2u`
const FIRST: f64 = 1.595_769_121_605_730_7;
/// `2·√(2/π)·0.044715`, the third coefficient of `2u`
const THIRD: f64 = 0.071_354_816_272_600_25;

#[derive(Clone, Copy)]
pub(super) struct Gelu;

impl Gelu {
    /// `(Φ(z), e^(−z²/2), z within ±end)`
    #[inline(always)]
    fn parts<T: Element, S: Simd<T>>(simd: S, z: S::V) -> (S::V, S::V, S::V) {
        let t = simd.min(simd.splat(T::GAUSSIAN.end), simd.abs(z));
        let (density, tail) = density_and_tail(simd, t);
        let negative = simd.lt(z, simd.splat(T::ZERO));
        let below = simd.select(negative, tail, simd.sub(simd.splat(T::ONE), tail));
        (below, density, simd.copy_sign(t, z))
    }
}

impl<T: Element> ActivationFn<T> for Gelu {
    #[inline(always)]
    fn value<S: Simd<T>>(self, simd: S, z: S::V) -> S::V {
        let (below, _, _) = Self::parts(simd, z);
        simd.mul(simd.max(simd.splat(-T::GAUSSIAN.end), z), below)
    }

    /// `Φ(z) + z·φ(z)`
    #[inline(always)]
    fn derivative<S: Simd<T>>(self, simd: S, z: S::V) -> S::V {
        let (below, density, bounded) = Self::parts(simd, z);
        let density = simd.mul(density, simd.splat(T::from_f64(DENSITY_AT_0)));
        simd.mul_add(bounded, density, below)
    }
}

#[derive(Clone, Copy)]
pub(super) struct GeluTanh;

impl<T: Element> ActivationFn<T> for GeluTanh {
    #[inline(always)]
    fn value<S: Simd<T>>(self, simd: S, z: S::V) -> S::V {
        let (first, third) = (simd.splat(T::from_f64(FIRST)), simd.splat(T::from_f64(THIRD)));
        let twice_u = simd.mul(z, simd.mul_add(simd.mul(z, z), third, first));
        let bounded = simd.max(simd.splat(-T::GAUSSIAN.end), z);
        simd.mul(bounded, logistic(simd, twice_u).0)
    }

    /// `σ(2u) + z·σ(2u)·σ(−2u)·(2u)′`
    #[inline(always)]
    fn derivative<S: Simd<T>>(self, simd: S, z: S::V) -> S::V {
        let (first, third) = (simd.splat(T::from_f64(FIRST)), simd.splat(T::from_f64(THIRD)));
        let t = simd.min(simd.splat(T::GAUSSIAN.end), simd.abs(z));
        let z = simd.copy_sign(t, z);
        let square = simd.mul(z, z);
        let (value, rest) = both_ways(simd, simd.mul(z, simd.mul_add(square, third, first)));
        let slope = simd.mul_add(square, simd.splat(T::from_f64(3.0 * THIRD)), first);
        simd.mul_add(simd.mul(simd.mul(z, slope), value), rest, value)
    }
}
