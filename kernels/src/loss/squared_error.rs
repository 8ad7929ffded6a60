//! The two conventions of squared error: `½ Σ (y − a)²`, whose gradient is `a − y`, and the mean over the outputs of
//! `(y − a)²`, whose gradient has the factor 2 / outputs.

use super::pointwise::Terms;
use crate::element::Element;
use crate::isa::Simd;

/// `½ Σ (y − a)²`
#[derive(Clone, Copy)]
pub(super) struct HalfSquaredError;

/// `(1/n) Σ (y − a)²`
#[derive(Clone, Copy)]
pub(super) struct SquaredError;

/// `((a − y)², a − y)`
#[inline(always)]
fn square<T, S: Simd<T>>(simd: S, a: S::V, y: S::V) -> (S::V, S::V) {
    let difference = simd.sub(a, y);
    (simd.mul(difference, difference), difference)
}

impl<T: Element> Terms<T> for HalfSquaredError {
    #[inline(always)]
    fn term<S: Simd<T>>(self, simd: S, a: S::V, y: S::V) -> (S::V, S::V) {
        square(simd, a, y)
    }

    #[inline(always)]
    fn row(self, sum: T, _: usize) -> T {
        sum * T::from_f64(0.5)
    }

    fn factor(self, _: usize) -> f64 {
        1.0
    }
}

impl<T: Element> Terms<T> for SquaredError {
    #[inline(always)]
    fn term<S: Simd<T>>(self, simd: S, a: S::V, y: S::V) -> (S::V, S::V) {
        square(simd, a, y)
    }

    #[inline(always)]
    fn row(self, sum: T, outputs: usize) -> T {
        sum / T::from_f64(outputs as f64)
    }

    fn factor(self, outputs: usize) -> f64 {
        2.0 / outputs as f64
    }
}
