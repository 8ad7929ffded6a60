//! Adam and AdamW (Kingma and Ba 2015; Loshchilov and Hutter 2019), in `torch.optim`'s arrangement:
//!
//! ```text
//! w ← w (1 − η λ)                       AdamW only
//! m ← m + (1 − β₁)(g − m)
//! v ← β₂ v + (1 − β₂) g²
//! w ← w − η / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
//! ```
//! One square root and one divide a vector; they, not memory, bound the sweep.

use super::{Change, Number, kept, power};
use crate::element::Element;
use crate::isa::Simd;

/// β₁
pub(super) const BETA1: Number = Number::fraction("beta1");
/// β₂
pub(super) const BETA2: Number = Number::fraction("beta2");
/// ε
pub(super) const EPSILON: Number = Number::positive("epsilon");

/// The numbers of one step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Adam<T> {
    keep: T,
    one_minus_beta1: T,
    beta2: T,
    one_minus_beta2: T,
    minus_rate: T,
    root_scale: T,
    epsilon: T,
}

impl<T: Element> Adam<T> {
    /// Step `t`, from 1: neither bias correction is zero then, however near 1 the decays are.
    pub(super) fn new(lr: f64, beta1: f64, beta2: f64, epsilon: f64, t: u64, decay: f64) -> Self {
        for (name, beta) in [("first", beta1), ("second", beta2)] {
            assert!((0.0..1.0).contains(&beta), "the {name} decay of Adam is {beta}, not at least 0 and below 1");
        }
        let added = T::from_f64(epsilon);
        assert!(added > T::ZERO, "the epsilon of Adam is {epsilon}, in {} {added:?}, not above 0", T::NAME);
        Self {
            keep: T::from_f64(1.0 - lr * decay),
            one_minus_beta1: T::from_f64(1.0 - beta1),
            beta2: T::from_f64(beta2),
            one_minus_beta2: T::from_f64(1.0 - beta2),
            minus_rate: T::from_f64(-lr / (1.0 - power(beta1, t))),
            root_scale: T::from_f64(1.0 / (1.0 - power(beta2, t)).sqrt()),
            epsilon: added,
        }
    }
}

impl<T: Element> Change<T> for Adam<T> {
    const MOMENTS: usize = 2;

    #[inline(always)]
    fn change<S: Simd<T>>(&self, simd: S, w: S::V, g: S::V, m: S::V, v: S::V) -> (S::V, S::V, S::V) {
        let m = kept(simd, simd.mul_add(simd.splat(self.one_minus_beta1), simd.sub(g, m), m));
        let v = simd.mul(simd.splat(self.beta2), v);
        let v = kept(simd, simd.mul_add(simd.mul(simd.splat(self.one_minus_beta2), g), g, v));
        let root = simd.mul_add(simd.sqrt(v), simd.splat(self.root_scale), simd.splat(self.epsilon));
        let direction = simd.div(m, root);
        let w = simd.mul(w, simd.splat(self.keep));
        (simd.mul_add(simd.splat(self.minus_rate), direction, w), m, v)
    }
}
