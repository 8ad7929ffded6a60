//! Momentum, `m ← μ m + g; w ← w − η m`, and Nesterov's form of it, `w ← w − η (g + μ m)` with the new `m`.

use super::{Change, Number, kept};
use crate::element::Element;
use crate::isa::Simd;

/// μ
pub(super) const MU: Number = Number::fraction("momentum");

/// −η and μ
#[derive(Clone, Copy, Debug)]
pub(super) struct Momentum<T> {
    minus_lr: T,
    momentum: T,
}

impl<T: Element> Momentum<T> {
    pub(super) fn new(lr: f64, momentum: f64) -> Self {
        Self { minus_lr: T::from_f64(-lr), momentum: T::from_f64(momentum) }
    }

    pub(super) fn nesterov(self) -> Nesterov<T> {
        Nesterov(self)
    }
}

impl<T: Element> Change<T> for Momentum<T> {
    const MOMENTS: usize = 1;

    #[inline(always)]
    fn change<S: Simd<T>>(&self, simd: S, w: S::V, g: S::V, m: S::V, v: S::V) -> (S::V, S::V, S::V) {
        let m = kept(simd, simd.mul_add(simd.splat(self.momentum), m, g));
        (simd.mul_add(simd.splat(self.minus_lr), m, w), m, v)
    }
}

/// Momentum that looks one step ahead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nesterov<T>(Momentum<T>);

impl<T: Element> Change<T> for Nesterov<T> {
    const MOMENTS: usize = <Momentum<T> as Change<T>>::MOMENTS;

    #[inline(always)]
    fn change<S: Simd<T>>(&self, simd: S, w: S::V, g: S::V, m: S::V, v: S::V) -> (S::V, S::V, S::V) {
        let momentum = simd.splat(self.0.momentum);
        let m = kept(simd, simd.mul_add(momentum, m, g));
        let ahead = simd.mul_add(momentum, m, g);
        (simd.mul_add(simd.splat(self.0.minus_lr), ahead, w), m, v)
    }
}
