//! `tanh z`, through `m = e^(−2|z|) − 1`, which keeps its relative accuracy near zero:
//!
//! ```text
//! tanh |z| = −m / (m + 2)
//! ```
//! Within [−1, 1], exactly ±1 at ±∞, odd, monotone. The derivative is `1 − a²`, from the output, as `(1 − a)(1 + a)`
//! is: one rounding where the instruction set fuses.

use super::ActivationFn;
use super::exp::exp_minus_1_nonpositive;
use crate::element::Element;
use crate::isa::Simd;

#[derive(Clone, Copy)]
pub(super) struct Tanh;

impl<T: Element> ActivationFn<T> for Tanh {
    #[inline(always)]
    fn value<S: Simd<T>>(self, simd: S, z: S::V) -> S::V {
        let m = exp_minus_1_nonpositive(simd, simd.mul(simd.abs(z), simd.splat(T::from_f64(-2.0))));
        let magnitude = simd.div(m, simd.add(m, simd.splat(T::from_f64(2.0))));
        simd.copy_sign(magnitude, z)
    }

    #[inline(always)]
    fn derivative<S: Simd<T>>(self, simd: S, a: S::V) -> S::V {
        simd.mul_add(simd.neg(a), a, simd.splat(T::ONE))
    }
}
