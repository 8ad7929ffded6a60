//! Whether any number that a loop meets is beyond a limit: marked lane by lane, and looked at once in the end.

use crate::element::Element;
use crate::isa::{Simd, store};

/// 1 in lanes that have met such a number, or a NaN; 0 in the others.
pub(super) struct Beyond<T, S: Simd<T>>(S::V);

impl<T: Element, S: Simd<T>> Beyond<T, S> {
    /// None has been met.
    #[inline(always)]
    pub(super) fn none(simd: S) -> Self {
        Self(simd.splat(T::ZERO))
    }

    /// Marks the lanes of `x` that are not within the limit.
    #[inline(always)]
    pub(super) fn look(&mut self, simd: S, x: S::V, limit: T) {
        let within = simd.le(simd.abs(x), simd.splat(limit));
        self.0 = simd.select(within, self.0, simd.splat(T::ONE));
    }

    #[inline(always)]
    pub(super) fn is_any(&self, simd: S) -> bool {
        let mut lanes = [T::ZERO; 16];
        store(simd, &mut lanes, self.0);
        lanes.iter().any(|&lane| lane != T::ZERO)
    }
}
