//! `tanh z`: a polynomial near zero, and `e = e^(−2|z|)` further out.
//!
//! ```text
//! |z| < 5/8     tanh |z| = |z| + |z|³·rest(z²)
//! beyond        tanh |z| = 1 − 2e / (1 + e)       the roundings of the correction to 1 count less than once
//! ```
//! Within [−1, 1], exactly ±1 at ±∞, odd, monotone. The derivative is `1 − a²`, from the output.
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
        let t = simd.abs(z);
        let is_near = simd.lt(t, simd.splat(T::from_f64(0.625)));
        simd.copy_sign(simd.select(is_near, near(simd, t), far(simd, t)), z)
    }

    #[inline(always)]
    fn derivative<S: Simd<T>>(self, simd: S, a: S::V) -> S::V {
        simd.mul_add(simd.neg(a), a, simd.splat(T::ONE))
    }
}

#[inline(always)]
fn near<T: Element, S: Simd<T>>(simd: S, t: S::V) -> S::V {
    let square = simd.mul(t, t);
    simd.mul_add(simd.mul(square, t), polynomial(simd, T::TANH, square), t)
}

#[inline(always)]
fn far<T: Element, S: Simd<T>>(simd: S, t: S::V) -> S::V {
    let one = simd.splat(T::ONE);
    let e = exp_nonpositive(simd, simd.mul(t, simd.splat(T::from_f64(-2.0))));
    simd.sub(one, simd.div(simd.add(e, e), simd.add(one, e)))
}
