//! `e^x` where it cannot overflow, mostly `x ≤ 0`: activations, softmax and losses are arranged to ask for no more.
//!
//! ```text
//! x = n·ln 2 + r, |r| ≤ ½ ln 2        n by rounding x·log₂e; ln 2 in two parts, the first short enough for n·high to be exact
//! e^r = 1 + r·(1 + r·tail(r))         tail ≈ (e^r − 1 − r) / r², a polynomial
//! e^x = 2^n · e^r                     one rounding, also where the result is subnormal
//! ```
//! *Error* over all non-positive `f32`: 0.88 ULP (at −5.854_994_3; 1.16 ULP at −5.841_798 where [`Lanes::mul_add`] rounds
//! twice) — half from the last rounding, the rest from `1 + r·tail` (|r| ≤ 0.35 of half an ULP) and the polynomial
//! (2⁻²⁸ and 2⁻⁵⁷·⁷ relative). Below −104 (−746) the result is 0.

use super::coefficients::{Coefficients, polynomial};
use crate::element::Element;
use crate::isa::Lanes;

/// The numbers of `e^x` in one element type.
#[derive(Debug)]
pub struct Exp<T: 'static> {
    pub(super) log2_e: T,
    /// ln 2 to a few bits, …
    pub(super) ln2_high: T,
    /// … and what is missing.
    pub(super) ln2_low: T,
    /// Where `e^x` has become 0, rounded.
    pub(super) lowest: T,
    /// `(e^r − 1 − r) / r²`, highest order first
    pub(super) tail: &'static [T],
    /// `1.5·2^M` (`M` mantissa bits): added, it leaves no fraction.
    pub(super) shifter: T,
    /// `2^M + bias`: added, it leaves no fraction, and a biased exponent in the low bits. For integers above `−bias`.
    pub(crate) shifter_biased: T,
}

/// `e^x` for `x ≤ 0`; NaN for NaN.
#[inline(always)]
pub(crate) fn exp_nonpositive<T: Element, S: Lanes<T>>(simd: S, x: S::V) -> S::V {
    // The bound stands first: a NaN in `x` is the second operand, which wins.
    let x = simd.max(simd.splat(T::EXP.lowest), x);
    let n = nearest(simd, x);
    let r = simd.mul_add(n, simd.splat(-T::EXP.ln2_high), x);
    finish(simd, n, simd.mul_add(n, simd.splat(-T::EXP.ln2_low), r))
}

/// `e^(high + low)` where `high + low ≤ 0` lies above the zero range's double, and `low` is small.
///
/// The sum itself is only used to find `n`, so what `high` cannot hold is not lost.
#[inline(always)]
pub(super) fn exp_of_sum<T: Element, S: Lanes<T>>(simd: S, high: S::V, low: S::V) -> S::V {
    let n = nearest(simd, simd.add(high, low));
    let r = simd.mul_add(n, simd.splat(-T::EXP.ln2_high), high);
    let r = simd.add(simd.mul_add(n, simd.splat(-T::EXP.ln2_low), low), r);
    finish(simd, n, r)
}

/// `e^(2t)` for `0 ≤ t ≤ 20`, as `(2^n, e^(2r))`, from `(e^(2r) − 1 − 2r) / r²`; NaN for NaN. Not as close as [`exp_nonpositive`], its ln 2 being in
/// one part: off by `n` times a tenth of a unit of 1.
#[inline(always)]
pub(super) fn exp_of_twice_in_parts<S: Lanes<f64>>(simd: S, tail_of_twice: &'static [f64], t: S::V) -> (S::V, S::V) {
    let number = |x| simd.splat(x);
    let shifter = number(f64::EXP.shifter_biased);
    let shifted = simd.mul_add(t, number(2.0 * std::f64::consts::LOG2_E), shifter);
    let r = simd.mul_add(simd.sub(shifted, shifter), number(-0.5 * std::f64::consts::LN_2), t);
    let inner = simd.mul_add(polynomial(simd, tail_of_twice, r), r, number(2.0));
    (simd.pow2_of_shifted(shifted), simd.mul_add(inner, r, number(1.0)))
}

/// The integer next to `x·log₂e`
#[inline(always)]
fn nearest<T: Element, S: Lanes<T>>(simd: S, x: S::V) -> S::V {
    let shifter = simd.splat(T::EXP.shifter);
    simd.sub(simd.mul_add(x, simd.splat(T::EXP.log2_e), shifter), shifter)
}

/// `2^n · e^r`
#[inline(always)]
fn finish<T: Element, S: Lanes<T>>(simd: S, n: S::V, r: S::V) -> S::V {
    let one = simd.splat(T::ONE);
    let inner = simd.mul_add(polynomial(simd, T::EXP.tail, r), r, one);
    simd.scale(simd.mul_add(inner, r, one), n)
}
