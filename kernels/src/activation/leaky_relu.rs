//! Leaky ReLU, `z` where `z > 0`, else `slope·z`: one rounding at most. The derivative at 0 is the slope.

use super::ActivationFn;
use crate::element::Element;
use crate::isa::Lanes;

/// Carries the slope.
#[derive(Clone, Copy)]
pub(super) struct LeakyRelu<T>(pub(super) T);

impl<T: Element> ActivationFn<T> for LeakyRelu<T> {
    #[inline(always)]
    fn value<S: Lanes<T>>(self, simd: S, z: S::V) -> S::V {
        let below = simd.mul(z, simd.splat(self.0));
        simd.select(simd.lt(simd.splat(T::ZERO), z), z, below)
    }

    /// The output has the sign of `z` (for slopes of 0 and more; below, `kept` is `z` itself), and the sign is enough.
    #[inline(always)]
    fn derivative<S: Lanes<T>>(self, simd: S, kept: S::V) -> S::V {
        let zero = simd.splat(T::ZERO);
        let below = simd.select(simd.le(kept, zero), simd.splat(self.0), kept);
        simd.select(simd.lt(zero, kept), simd.splat(T::ONE), below)
    }
}
