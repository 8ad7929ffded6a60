//! Log loss of a probability `σ(z)`, from its logit, and the gradient in which the sigmoid's derivative cancels:
//!
//! ```text
//! −[y ln σ(z) + (1 − y) ln(1 − σ(z))] = max(z, 0) − z·y + ln(1 + e^−|z|),    ∂/∂z = σ(z) − y
//! ```
//! Finite for every finite `z`, though a sum of such terms may not be; the derivative has the bits of the sigmoid minus `y`, so it lies
//! in [−1, 1].

use super::pointwise::Terms;
use crate::activation::log::ln_1_plus;
use crate::activation::logistic;
use crate::element::Element;
use crate::isa::Simd;

#[derive(Clone, Copy)]
pub(super) struct LogLoss;

impl<T: Element> Terms<T> for LogLoss {
    #[inline(always)]
    fn term<S: Simd<T>>(self, simd: S, z: S::V, y: S::V) -> (S::V, S::V) {
        let (probability, e) = logistic(simd, z);
        let ahead = simd.mul_add(simd.neg(z), y, simd.max(simd.splat(T::ZERO), z));
        (simd.add(ahead, ln_1_plus(simd, e)), simd.sub(probability, y))
    }

    #[inline(always)]
    fn row(self, sum: T, _: usize) -> T {
        sum
    }

    fn factor(self, _: usize) -> f64 {
        1.0
    }
}
