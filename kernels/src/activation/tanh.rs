//! `tanh z`, odd, within [−1, 1], exactly ±1 at ±∞. The derivative is `1 − a²`, from the output.
//!
//! In `f32` **by pieces**: sixteen of them, with a polynomial around a centre each, whose numbers every lane [picks](Lanes::pick)
//! from tables of a cache line; AVX-512 has each of those in a register.
//!
//! ```text
//! ½ + ⅘|z|    ½     ⅝     ¾     ⅞     1    1¼    1½    1¾     2  …   6     7   7.9
//! |z|         0   0.16  0.31  0.47  0.63  0.94  1.25  1.56  1.88 … 6.88  8.13  9.25    tanh |z| = value + t·(slope₀ + slope₁ t + …)
//!             ├─────┼─────┼─────┼─────┼─────┼─────┼─────┼─────┼──  ──┼─────┼─────┤     t = |z| − centre, exactly
//! centre      0     in the middle     │  next to the upper end  …                      (near 0: |z| in place of the value)
//! ```
//! Neither `e^x` nor a divide: 6 fused operations and 7 picks, 12 cycles for 16 numbers on AVX-512 instead of the 20 of the form below (Zen 4).
//!
//! Monotone: up to 1.9 a step of `z` outweighs the roundings, and from there to 4.4 the terms have one sign, so that each operation is monotone by
//! itself. Beyond, and where pieces meet, it is so by trial of all inputs. *Error* over all 2³² inputs: 0.88 ULP (at 2.467_999; 0.94 ULP at
//! 0.156_359_58 where [`Lanes::mul_add`] rounds twice).
//!
//! In `f64`, where pieces would take twice the terms, and AVX2 could only gather them, **by `e^(2|z|)`**:
//!
//! ```text
//! |z| < 0.55    tanh z = z + z³·rest(z²)
//! beyond        tanh |z| = 1 − 2 / (1 + 2^n e^(2r)),  |z| = n·½ ln 2 + r
//! ```
//! Monotone: near zero a step of `z` outweighs the roundings of the cubic term; further out every operation is monotone by itself, and a step of
//! `z` outweighs the roundings inside of the exponential. *Error* 0.8 ULP over the samples of the tests.

use super::ActivationFn;
use super::coefficients::polynomial;
use super::exp::exp_of_twice_in_parts;
use crate::element::Element;
use crate::isa::{Lanes, Sixteen};

#[derive(Clone, Copy)]
pub(super) struct Tanh;

impl<T: Element> ActivationFn<T> for Tanh {
    #[inline(always)]
    fn value<S: Lanes<T>>(self, simd: S, z: S::V) -> S::V {
        T::tanh_of(simd, z)
    }

    #[inline(always)]
    fn derivative<S: Lanes<T>>(self, simd: S, a: S::V) -> S::V {
        simd.mul_add(simd.neg(a), a, simd.splat(T::ONE))
    }
}

/// Tables of tanh by pieces, with each number where [`Lanes::pick`] looks for it.
pub(super) struct Pieces {
    centre: Sixteen,
    value: Sixteen,
    /// Lowest order first.
    slopes: [Sixteen; 5],
    /// The last centre: from there on tanh is 1.
    end: f32,
}

impl Pieces {
    /// From rows of a centre, a value and slopes, from 0 outwards.
    pub(super) const fn new(rows: &[[f32; 7]; 16]) -> Self {
        Self {
            centre: column(rows, 0),
            value: column(rows, 1),
            slopes: [column(rows, 2), column(rows, 3), column(rows, 4), column(rows, 5), column(rows, 6)],
            end: rows[15][0],
        }
    }
}

/// The first piece begins at ½, whose place is 8.
const fn column(rows: &[[f32; 7]; 16], column: usize) -> Sixteen {
    let mut all = [0.0; 16];
    let mut piece = 0;
    while piece < 16 {
        all[(piece + 8) % 16] = rows[piece][column];
        piece += 1;
    }
    Sixteen(all)
}

/// tanh by pieces.
#[inline(always)]
pub(super) fn by_pieces<S: Lanes<f32>>(simd: S, pieces: &'static Pieces, z: S::V) -> S::V {
    // A NaN is the second operand, which wins.
    let x = simd.min(simd.splat(pieces.end), simd.abs(z));
    let y = simd.mul_add(x, simd.splat(0.8), simd.splat(0.5));
    let t = simd.sub(x, simd.pick(&pieces.centre, y));
    let [slopes @ .., last] = &pieces.slopes;
    let mut slope = simd.pick(last, y);
    for table in slopes.iter().rev() {
        slope = simd.mul_add(slope, t, simd.pick(table, y));
    }
    // Near 0 the value is 0, and t = |z|; in every other piece t is less than the value.
    let value = simd.max(t, simd.pick(&pieces.value, y));
    simd.copy_sign(simd.mul_add(slope, t, value), z)
}

/// tanh by `e^(2|z|)`, whose tail is `(e^(2r) − 1 − 2r) / r²`, and by `rest`, `(tanh z − z) / z³` as a polynomial in `z²` for `|z| ≤ 0.55`.
#[inline(always)]
pub(super) fn by_exponential<S: Lanes<f64>>(simd: S, tail: &'static [f64], rest: &'static [f64], z: S::V) -> S::V {
    let number = |x| simd.splat(x);
    // From 20 on the correction to 1 is below half a unit. A NaN is the second operand, which wins.
    let (power, e) = exp_of_twice_in_parts(simd, tail, simd.min(number(20.0), simd.abs(z)));
    let far = simd.sub(number(1.0), simd.div(number(2.0), simd.mul_add(power, e, number(1.0))));
    let square = simd.mul(z, z);
    let near = near_0(simd, rest, z, square);
    // This way round the last step of what is far merges the two.
    let magnitude = simd.select(simd.le(number(0.3025), square), far, near);
    simd.copy_sign(magnitude, z)
}

/// `z + z³·rest(z²)`; monotone where a step of `z` outweighs the roundings of the cubic term.
#[inline(always)]
pub(super) fn near_0<T: Element, S: Lanes<T>>(simd: S, rest: &'static [T], z: S::V, square: S::V) -> S::V {
    simd.mul_add(simd.mul(square, z), polynomial(simd, rest, square), z)
}
