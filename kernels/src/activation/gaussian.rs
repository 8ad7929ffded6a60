//! The normal distribution: `φ(t)·√(2π) = e^(−t²/2)` and the tail `Φ(−t) = ½ erfc(t/√2)`, for `t ≥ 0`.
//!
//! The tail is the density times a slow function, so that it keeps its relative accuracy far out:
//!
//! ```text
//! Φ(−t) = e^(−t²/2) · mills(q) / (1 + t),    q = (t − k)/(t + k), which maps t ≥ 0 into −1 … 1
//! ```
//! `t²` does not fit into one number, and what is lost would be multiplied by e's exponent. So `t` is cut into a part `c`
//! on a coarse grid, whose square is exact, and the rest: `t² = c² + (t − c)(t + c)`. No fused operation is relied on.
//!
//! *Error* of the tail: ≤ 4 ULP while it is a normal number.

use super::coefficients::polynomial;
use super::exp::exp_of_sum;
use crate::element::Element;
use crate::isa::Lanes;

/// The numbers of the normal distribution in one element type.
#[derive(Debug)]
pub struct Gaussian<T: 'static> {
    /// Where the tail has become 0, rounded.
    pub(super) end: T,
    /// Added and taken away again, it leaves `t` on the coarse grid.
    pub(super) coarse: T,
    /// The `k` of `q`
    pub(super) k: T,
    /// `(1 + t) e^(t²/2) Φ(−t)` as a polynomial in `q`, highest order first
    pub(super) mills: &'static [T],
}

/// `(e^(−t²/2), Φ(−t))` for `0 ≤ t ≤ end`; NaN for NaN.
#[inline(always)]
pub(super) fn density_and_tail<T: Element, S: Lanes<T>>(simd: S, t: S::V) -> (S::V, S::V) {
    let density = density(simd, t);
    let k = simd.splat(T::GAUSSIAN.k);
    let q = simd.div(simd.sub(t, k), simd.add(t, k));
    let slow = simd.div(polynomial(simd, T::GAUSSIAN.mills, q), simd.add(t, simd.splat(T::ONE)));
    (density, simd.mul(density, slow))
}

/// `e^(−t²/2)` for `0 ≤ t ≤ end`
#[inline(always)]
fn density<T: Element, S: Lanes<T>>(simd: S, t: S::V) -> S::V {
    let grid = simd.splat(T::GAUSSIAN.coarse);
    let minus_half = simd.splat(T::from_f64(-0.5));
    let coarse = simd.sub(simd.add(t, grid), grid);
    let high = simd.mul(simd.mul(coarse, minus_half), coarse);
    let low = simd.mul(simd.mul(simd.sub(t, coarse), minus_half), simd.add(t, coarse));
    exp_of_sum(simd, high, low)
}
