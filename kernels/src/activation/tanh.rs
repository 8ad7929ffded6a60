//! `tanh z`: a polynomial near zero, and `e = e^(−2|z|)` further out.
//!
//! ```text
//! |z| < 1       tanh z = z + z³·rest(z²)
//! beyond        tanh |z| = 1 − 2e / (1 + e)
//! ```
//! Within [−1, 1], exactly ±1 at ±∞, odd, and monotone: near zero each step of `z` outweighs the roundings of the cubic
//! term; beyond 1, `e` falls by four of its own units or more from one `z` to the next, which outweighs those of the quotient.
//! (Closer in it would not: `1 + e` moves in steps of eight units of `e`.)
//! The derivative is `1 − a²`, from the output.
//!
//! *Error*: @TANH@

use super::ActivationFn;
use super::coefficients::polynomial;
use super::exp::exp_nonpositive;
use crate::element::Element;
use crate::isa::Simd;

#[derive(Clone, Copy)]
pub(super) struct Tanh;

impl<T: Element> ActivationFn<T> for Tanh {
    #[inline(always)]
    fn value<S: Simd<T>>(self, simd: S, z: S::V) -> S::V {
        let (t, one) = (simd.abs(z), simd.splat(T::ONE));
        let e = exp_nonpositive(simd, simd.mul(t, simd.splat(T::from_f64(-2.0))));
        let far = simd.sub(one, simd.div(simd.add(e, e), simd.add(one, e)));
        let magnitude = simd.select(simd.lt(t, one), tanh_near_0(simd, t), far);
        simd.copy_sign(magnitude, z)
    }

    #[inline(always)]
    fn derivative<S: Simd<T>>(self, simd: S, a: S::V) -> S::V {
        simd.mul_add(simd.neg(a), a, simd.splat(T::ONE))
    }
}

/// `tanh z` for `|z| ≤ 1`
#[inline(always)]
pub(super) fn tanh_near_0<T: Element, S: Simd<T>>(simd: S, z: S::V) -> S::V {
    let square = simd.mul(z, z);
    simd.mul_add(simd.mul(square, z), polynomial(simd, T::TANH, square), z)
}
