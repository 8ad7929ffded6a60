//! `tanh z`, through `e = e^(−2|z|)`, and through `m = e − 1` near zero, where that keeps its relative accuracy:
//!
//! ```text
//! tanh |z| = −m / (1 + e)          while e ≥ 1/7
//!            1 − 2e / (1 + e)      beyond, where the correction to 1, and so its error, is small
//! ```
//! Within [−1, 1], exactly ±1 at ±∞, odd, monotone. The derivative is `1 − a²`, from the output.
//!
//! *Error*: @TANH@

use super::ActivationFn;
use super::exp::exp_and_minus_1_nonpositive;
use crate::element::Element;
use crate::isa::Simd;

#[derive(Clone, Copy)]
pub(super) struct Tanh;

impl<T: Element> ActivationFn<T> for Tanh {
    #[inline(always)]
    fn value<S: Simd<T>>(self, simd: S, z: S::V) -> S::V {
        let one = simd.splat(T::ONE);
        let twice = simd.mul(simd.abs(z), simd.splat(T::from_f64(-2.0)));
        let (e, m) = exp_and_minus_1_nonpositive(simd, twice);
        let far = simd.lt(e, simd.splat(T::from_f64(1.0 / 7.0)));
        let q = simd.div(simd.select(far, simd.add(e, e), m), simd.add(one, e));
        let magnitude = simd.sub(simd.select(far, one, simd.splat(T::ZERO)), q);
        simd.copy_sign(magnitude, z)
    }

    #[inline(always)]
    fn derivative<S: Simd<T>>(self, simd: S, a: S::V) -> S::V {
        simd.mul_add(simd.neg(a), a, simd.splat(T::ONE))
    }
}
