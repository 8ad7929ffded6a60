//! The delta rule: `w ← w − η g`.

use super::Change;
use crate::element::Element;
use crate::isa::Simd;

/// −η
#[derive(Clone, Copy, Debug)]
pub(super) struct Sgd<T> {
    minus_lr: T,
}

impl<T: Element> Sgd<T> {
    pub(super) fn new(lr: f64) -> Self {
        Self { minus_lr: T::from_f64(-lr) }
    }

    /// What multiplies the gradient.
    pub(super) fn factor(self) -> T {
        self.minus_lr
    }
}

impl<T: Element> Change<T> for Sgd<T> {
    const MOMENTS: usize = 0;

    #[inline(always)]
    fn change<S: Simd<T>>(&self, simd: S, w: S::V, g: S::V, m: S::V, v: S::V) -> (S::V, S::V, S::V) {
        (simd.mul_add(simd.splat(self.minus_lr), g, w), m, v)
    }
}
