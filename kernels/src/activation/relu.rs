//! ReLU, `max(z, 0)`: exact. `relu(NaN)` is NaN, `relu(−0)` is `+0`, and `relu′(0)` is 0.

use super::ActivationFn;
use crate::element::Element;
use crate::isa::Lanes;

#[derive(Clone, Copy)]
pub(super) struct Relu;

impl<T: Element> ActivationFn<T> for Relu {
    /// The second operand of a maximum wins where it is NaN, and where both are zero; adding 0 then makes `+0` of `−0`.
    #[inline(always)]
    fn value<S: Lanes<T>>(self, simd: S, z: S::V) -> S::V {
        let zero = simd.splat(T::ZERO);
        simd.add(simd.max(zero, z), zero)
    }

    /// 1 where the output is positive, else 0, and NaN where it is NaN: by a maximum again, which is cheaper than a second mask.
    #[inline(always)]
    fn derivative<S: Lanes<T>>(self, simd: S, a: S::V) -> S::V {
        let zero = simd.splat(T::ZERO);
        simd.select(simd.lt(zero, a), simd.splat(T::ONE), simd.add(simd.max(zero, a), zero))
    }
}
