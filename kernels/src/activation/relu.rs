//! ReLU, `max(z, 0)`: exact. `relu(NaN)` is NaN, `relu(−0)` is `+0`, and `relu′(0)` is 0.

use super::ActivationFn;
use crate::element::Element;
use crate::isa::Simd;

#[derive(Clone, Copy)]
pub(super) struct Relu;

impl<T: Element> ActivationFn<T> for Relu {
    /// Compare and choose rather than a maximum, which would let NaN or −0 through as something else.
    #[inline(always)]
    fn value<S: Simd<T>>(self, simd: S, z: S::V) -> S::V {
        let zero = simd.splat(T::ZERO);
        simd.select(simd.le(z, zero), zero, z)
    }

    /// 1 where the output is positive, 0 where it is not, NaN where it is NaN.
    #[inline(always)]
    fn derivative<S: Simd<T>>(self, simd: S, a: S::V) -> S::V {
        let zero = simd.splat(T::ZERO);
        let dead = simd.select(simd.le(a, zero), zero, a);
        simd.select(simd.lt(zero, a), simd.splat(T::ONE), dead)
    }
}
