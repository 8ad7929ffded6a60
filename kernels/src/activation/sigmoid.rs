//! The logistic function `σ(z) = 1 / (1 + e^−z)`, through `e = e^−|z|`, which cannot overflow:
//!
//! ```text
//! q = e / (1 + e)
//! σ(z) = 1 − q        for z ≥ 0
//!        q            for z < 0
//!        e − e·q      for z < 0 where e < ¼, equal to q but for roundings
//! ```
//! (The roundings of `q` may count double: `e` above a power of two, `q` below it. In `e − e·q` they count `q` times as
//! much. Near zero that form would not be monotone.) Small values keep their relative accuracy, subnormal ones included.
//!
//! Within [0, 1], exactly 0 and 1 at ∓∞, monotone. The derivative is `a (1 − a)`, from the output.
//!
//! *Error*: @SIGMOID@

use super::ActivationFn;
use super::exp::exp_nonpositive;
use crate::element::Element;
use crate::isa::Simd;

#[derive(Clone, Copy)]
pub(super) struct Sigmoid;

impl<T: Element> ActivationFn<T> for Sigmoid {
    #[inline(always)]
    fn value<S: Simd<T>>(self, simd: S, z: S::V) -> S::V {
        logistic(simd, z).0
    }

    #[inline(always)]
    fn derivative<S: Simd<T>>(self, simd: S, a: S::V) -> S::V {
        simd.mul(a, simd.sub(simd.splat(T::ONE), a))
    }
}

/// `σ(z)`, and the `e^−|z|` that it was made from.
#[inline(always)]
pub(crate) fn logistic<T: Element, S: Simd<T>>(simd: S, z: S::V) -> (S::V, S::V) {
    let one = simd.splat(T::ONE);
    let e = exp_nonpositive(simd, simd.neg(simd.abs(z)));
    let q = simd.div(e, simd.add(one, e));
    let negative = simd.lt(z, simd.splat(T::ZERO));
    let small = simd.lt(e, simd.splat(T::from_f64(0.25)));
    let whole = simd.select(negative, simd.select(small, e, simd.splat(T::ZERO)), one);
    let factor = simd.select(negative, simd.select(small, e, simd.splat(-T::ONE)), one);
    (simd.mul_add(simd.neg(factor), q, whole), e)
}

/// `(σ(z), σ(−z))`, neither by subtraction from 1: for derivatives, with one divide and a rounding more than [`logistic`].
#[inline(always)]
pub(super) fn both_ways<T: Element, S: Simd<T>>(simd: S, z: S::V) -> (S::V, S::V) {
    let one = simd.splat(T::ONE);
    let e = exp_nonpositive(simd, simd.neg(simd.abs(z)));
    let large = simd.div(one, simd.add(one, e));
    let small = simd.mul(e, large);
    let negative = simd.lt(z, simd.splat(T::ZERO));
    (simd.select(negative, small, large), simd.select(negative, large, small))
}
