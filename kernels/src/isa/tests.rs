//! Every operation on every tier of this machine against scalar Rust, bit for bit (any NaN for any NaN).

#![expect(clippy::disallowed_methods, reason = "powers of two, which are exact")]

use super::*;
use crate::element::Element;

#[derive(Clone, Copy, Debug)]
enum Op {
    Add,
    Sub,
    Mul,
    Div,
    MulAdd,
    Sqrt,
    Neg,
    Abs,
    CopySign,
    Min,
    Max,
    SelectLt,
    SelectLe,
    SelectEq,
    Pow2,
    Scale,
    Exponent,
    Mantissa,
}
use Op::*;

const ANY_OPERANDS: [Op; 14] =
    [Add, Sub, Mul, Div, MulAdd, Sqrt, Neg, Abs, CopySign, Min, Max, SelectLt, SelectLe, SelectEq];

/// `y = op(a, b, c)`, vector by vector.
struct Apply<'a, T> {
    op: Op,
    operands: [&'a [T]; 3],
    y: &'a mut [T],
}

impl<T: Element> Kernel<T> for Apply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, s: S) {
        for at in (0..self.y.len()).step_by(S::LANES) {
            let n = S::LANES.min(self.y.len() - at);
            // SAFETY: `n` elements are left in each operand, all of the same length.
            let [a, b, c] = self.operands.map(|x| unsafe { s.load_partial(x[at..].as_ptr(), n) });
            let y = match self.op {
                Add => s.add(a, b),
                Sub => s.sub(a, b),
                Mul => s.mul(a, b),
                Div => s.div(a, b),
                MulAdd => s.mul_add(a, b, c),
                Sqrt => s.sqrt(a),
                Neg => s.neg(a),
                Abs => s.abs(a),
                CopySign => s.copy_sign(a, b),
                Min => s.min(a, b),
                Max => s.max(a, b),
                SelectLt => s.select(s.lt(a, b), c, b),
                SelectLe => s.select(s.le(a, b), c, b),
                SelectEq => s.select(s.eq(a, b), c, a),
                Pow2 => s.pow2_of_shifted(s.add(a, s.splat(T::EXP.shifter_biased))),
                Scale => s.scale(a, b),
                Exponent => s.split_exponent(a).0,
                Mantissa => s.split_exponent(a).1,
            };
            // SAFETY: `n` elements are left.
            unsafe { s.store_partial(self.y[at..].as_mut_ptr(), n, y) };
        }
    }
}

/// The same in scalar Rust.
trait Scalar: Element {
    fn expected(op: Op, a: Self, b: Self, c: Self, fused: bool) -> Self;
}

macro_rules! scalar {
    ($t:ident) => {
        impl Scalar for $t {
            fn expected(op: Op, a: $t, b: $t, c: $t, fused: bool) -> $t {
                match op {
                    Add => a + b,
                    Sub => a - b,
                    Mul => a * b,
                    Div => a / b,
                    MulAdd if fused => $t::mul_add(a, b, c),
                    MulAdd => a * b + c,
                    Sqrt => $t::sqrt(a),
                    Neg => -a,
                    Abs => $t::abs(a),
                    CopySign => a.copysign(b),
                    Min => {
                        if a < b {
                            a
                        } else {
                            b
                        }
                    }
                    Max => {
                        if a > b {
                            a
                        } else {
                            b
                        }
                    }
                    SelectLt => {
                        if a < b {
                            c
                        } else {
                            b
                        }
                    }
                    SelectLe => {
                        if a <= b {
                            c
                        } else {
                            b
                        }
                    }
                    SelectEq => {
                        if a == b {
                            c
                        } else {
                            a
                        }
                    }
                    Pow2 => (2.0 as $t).powi(a as i32),
                    // Exact halvings within the normal numbers, then one product that rounds.
                    Scale => {
                        let within = (b as i32).max($t::MIN_EXP + 1);
                        let halved = (0..-within).fold(a, |x, _| x * 0.5);
                        halved * (2.0 as $t).powi(b as i32 - within)
                    }
                    Exponent | Mantissa => {
                        let (mut e, mut m) = (0, a);
                        while m >= std::$t::consts::SQRT_2 {
                            (e, m) = (e + 1, m / 2.0);
                        }
                        while m < std::$t::consts::FRAC_1_SQRT_2 {
                            (e, m) = (e - 1, m * 2.0);
                        }
                        if matches!(op, Exponent) { e as $t } else { m }
                    }
                }
            }
        }
    };
}

scalar!(f32);
scalar!(f64);

fn compare<T: Scalar>(isa: Isa, op: Op, a: &[T], b: &[T], c: &[T]) {
    let fused = isa.fuses();
    let mut y = vec![T::ZERO; a.len()];
    T::dispatch(isa, Apply { op, operands: [a, b, c], y: &mut y });
    for (i, &y) in y.iter().enumerate() {
        let (a, b, c) = (a[i], b[i], c[i]);
        let expected = T::expected(op, a, b, c, fused);
        let same = y.to_bits64() == expected.to_bits64() || y.to_f64().is_nan() && expected.to_f64().is_nan();
        assert!(same, "{op:?}({a:?}, {b:?}, {c:?}) in {} on {isa}: {y:?}, not {expected:?}", T::NAME);
    }
}

/// Zeros, subnormals, ties, the edges of integers, of exponents, infinities and NaN, with both signs.
fn special<T: Element>(tiny: [T; 3], large: [T; 3]) -> Vec<T> {
    let plain = [0.0, 0.3, 0.5, 1.0, 1.5, 2.5, 1e7 / 3.0, f64::INFINITY, f64::NAN];
    let mut all: Vec<T> = plain.into_iter().map(T::from_f64).chain(tiny).chain(large).collect();
    all.extend(all.clone().into_iter().map(|x| -x));
    all
}

fn any_operands<T: Scalar>(values: &[T]) {
    let mut triples = [Vec::new(), Vec::new(), Vec::new()];
    for &a in values {
        for &b in values {
            for &c in values {
                for (to, x) in triples.iter_mut().zip([a, b, c]) {
                    to.push(x);
                }
            }
        }
    }
    for isa in Isa::available() {
        for op in ANY_OPERANDS {
            compare(isa, op, &triples[0], &triples[1], &triples[2]);
        }
    }
}

#[test]
fn operations_on_any_f32() {
    let tiny = [1e-45, 3.3e-39, f32::MIN_POSITIVE];
    any_operands(&special(tiny, [f32::MAX, 8_388_607.5, 8_388_609.0]));
    any_operands(&[0.499_999_97f32, -0.500_000_06, 1.000_000_1, 3.000_000_2, 16_777_215.0, -0.999_999_94]);
}

#[test]
fn operations_on_any_f64() {
    let tiny = [5e-324, 3.3e-309, f64::MIN_POSITIVE];
    any_operands(&special(tiny, [f64::MAX, 4_503_599_627_370_495.5, 4_503_599_627_370_497.0]));
    any_operands(&[0.499_999_999_999_999_94f64, -0.500_000_000_000_000_1, 1.000_000_000_000_000_2, 0.1 + 0.2]);
}

fn exponents<T: Scalar>(least: i32, greatest: i32, deepest: i32) {
    let number = |x: i32| T::from_f64(f64::from(x));
    let powers: Vec<T> = (least..=greatest).map(number).collect();
    let mantissas = [0.5, 0.6, 2f64.sqrt() / 2.0, 0.75, 1.0, 1.1, 2f64.sqrt(), 1.5, 1.9, -1.3, 2.0].map(T::from_f64);
    let down: Vec<T> = (deepest..=0).map(number).collect();
    for isa in Isa::available() {
        compare(isa, Pow2, &powers, &powers, &powers);
        for mantissa in mantissas {
            compare(isa, Scale, &vec![mantissa; down.len()], &down, &down);
            let positive: Vec<T> = powers
                .iter()
                .map(|&e| mantissa.abs() * T::expected(Pow2, e, e, e, true))
                .filter(|x| x.is_finite())
                .collect();
            let normal: Vec<T> =
                positive.into_iter().filter(|&x| x >= T::expected(Pow2, number(least), x, x, true)).collect();
            compare(isa, Exponent, &normal, &normal, &normal);
            compare(isa, Mantissa, &normal, &normal, &normal);
        }
    }
}

#[test]
fn exponents_of_f32() {
    exponents::<f32>(-126, 127, -200);
}

#[test]
fn exponents_of_f64() {
    exponents::<f64>(-1022, 1023, -1200);
}

/// Loads and stores of every length, each number of lanes next to guards.
struct Memory;

impl<T: Element> Kernel<T> for Memory {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, s: S) {
        let guard = T::from_f64(-7.0);
        let count: Vec<T> = (1..=64).map(|x| T::from_f64(f64::from(x))).collect();
        for offset in 0..8 {
            let from = count[offset..].as_ptr();
            for n in 0..=S::LANES {
                let mut to = [guard; 64];
                // SAFETY: `n ≤ LANES` elements are there.
                let v = unsafe { s.load_partial(from, n) };
                // SAFETY: 64 elements hold a vector from any of the offsets.
                unsafe { s.store(to[offset..].as_mut_ptr(), v) };
                for (i, &x) in to.iter().enumerate() {
                    let lane = i.wrapping_sub(offset);
                    let expected = if lane < n {
                        count[i]
                    } else if lane < S::LANES {
                        T::ZERO
                    } else {
                        guard
                    };
                    assert_eq!(x, expected, "load_partial of {n} from {offset}: element {i}");
                }

                let mut to = [guard; 64];
                // SAFETY: 64 elements hold a vector from any of the offsets.
                let v = unsafe { s.load(from) };
                // SAFETY: `n ≤ LANES` elements are there.
                unsafe { s.store_partial(to[offset..].as_mut_ptr(), n, v) };
                for (i, &x) in to.iter().enumerate() {
                    let expected = if i.wrapping_sub(offset) < n { count[i] } else { guard };
                    assert_eq!(x, expected, "store_partial of {n} to {offset}: element {i}");
                }
            }
        }
    }
}

#[test]
fn loads_and_stores_touch_what_they_say() {
    for isa in Isa::available() {
        f32::dispatch(isa, Memory);
        f64::dispatch(isa, Memory);
    }
}

/// A square of different numbers at the end of what may be read, transposed in registers.
struct Squares;

impl<T: Element> Kernel<T> for Squares {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, s: S) {
        for apart in [S::LANES, S::LANES + 3] {
            let from: Vec<T> = (0..(S::LANES - 1) * apart + S::LANES).map(|x| T::from_f64(x as f64)).collect();
            // SAFETY: LANES rows of LANES elements, `apart` from each other.
            let square = unsafe { s.load_transposed(from.as_ptr(), apart) };
            assert_eq!(square.as_ref().len(), S::LANES);
            for (j, &row) in square.as_ref().iter().enumerate() {
                let mut to = [T::ZERO; 16];
                // SAFETY: 16 elements hold the widest vector.
                unsafe { s.store(to.as_mut_ptr(), row) };
                for (i, &x) in to.iter().enumerate().take(S::LANES) {
                    assert_eq!(x, from[i * apart + j], "lane {i} of vector {j}, rows {apart} apart");
                }
            }
        }
    }
}

#[test]
fn squares_are_transposed() {
    for isa in Isa::available() {
        f32::dispatch(isa, Squares);
        f64::dispatch(isa, Squares);
    }
}

/// Up to four rows of every length, transposed next to guards.
struct Few;

impl<T: Element> Kernel<T> for Few {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, s: S) {
        let guard = T::from_f64(-7.0);
        let all: Vec<T> = (0..4 * 19).map(|x| T::from_f64(f64::from(x))).collect();
        for (width, depth, apart) in (0..=4usize)
            .flat_map(|width| (0..=S::LANES).flat_map(move |depth| [(width, depth, width.max(1)), (width, depth, 5)]))
        {
            let mut to = [guard; 16 * 5];
            // No more than is to be read.
            let from = all[..width.saturating_sub(1) * 19 + depth].to_vec();
            // SAFETY: `width` rows of `depth` elements, 19 apart, and as many runs, 5 apart or without gaps.
            unsafe { s.transpose_few(from.as_ptr(), 19, (width, depth), to.as_mut_ptr(), apart) };
            for (at, &x) in to.iter().enumerate() {
                let (j, i) = (at / apart, at % apart);
                let expected = if i < width && j < depth { from[i * 19 + j] } else { guard };
                assert_eq!(x, expected, "{width} rows of {depth}: element {i} of run {j}");
            }
        }
    }
}

#[test]
fn few_rows_are_turned_and_nothing_else_is_touched() {
    for isa in Isa::available() {
        f32::dispatch(isa, Few);
        f64::dispatch(isa, Few);
    }
}

/// Every byte in every lane, and nothing of the bytes beside them.
struct Bytes;

impl<T: Element> Kernel<T> for Bytes {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, s: S) {
        let all: Vec<u8> = (0..=255).cycle().take(512).collect();
        for from in all.windows(S::LANES) {
            let mut to = [T::ZERO; 16];
            // SAFETY: the window has a vector of bytes.
            let v = unsafe { s.load_bytes(from.as_ptr()) };
            // SAFETY: 16 elements hold the widest vector.
            unsafe { s.store(to.as_mut_ptr(), v) };
            for (&x, &byte) in to.iter().zip(from) {
                assert_eq!(x, T::from_f64(f64::from(byte)));
            }
        }
    }
}

#[test]
fn bytes_become_their_numbers() {
    for isa in Isa::available() {
        f32::dispatch(isa, Bytes);
        f64::dispatch(isa, Bytes);
    }
}

/// Picks from `table`, for every number.
struct Picks<'a>(&'static Sixteen, &'a [f32], &'a mut [f32]);

impl Kernel<f32> for Picks<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<f32>>(self, s: S) {
        for (y, to) in self.1.chunks(S::LANES).zip(self.2.chunks_mut(S::LANES)) {
            store(s, to, s.pick(self.0, load(s, y)));
        }
    }
}

fn picks(table: &'static Sixteen) {
    // All quarters of powers of two, from their first number to nearly their last.
    let mantissas = [1.0, 1.249_999, 1.25, 1.499_999, 1.5, 1.749_999, 1.75, 1.999_999];
    let places = (-40..40)
        .flat_map(|e| mantissas.map(|m| (m * 2f64.powi(e), (4 * e + ((m - 1.0) * 4.0) as i32 + 12).rem_euclid(16))));
    let (numbers, places): (Vec<f64>, Vec<i32>) = places.unzip();
    for isa in Isa::available() {
        for shift in 0..16 {
            let y: Vec<f32> = numbers[shift..].iter().map(|&y| y as f32).collect();
            let mut picked = vec![0.0; y.len()];
            f32::dispatch(isa, Picks(table, &y, &mut picked));
            for (i, &picked) in picked.iter().enumerate() {
                let place = places[shift + i];
                assert_eq!(picked, table.0[place as usize], "{} on {isa}", y[i]);
            }
            let odd = [f32::NAN, f32::INFINITY, -1.0, -0.0, f32::NEG_INFINITY].repeat(5);
            f32::dispatch(isa, Picks(table, &odd, &mut picked[..25]));
            assert!(picked[..25].iter().all(|x| table.0.contains(x)), "on {isa}");
        }
    }
}

#[test]
fn picks_change_with_each_quarter_of_a_power_of_two() {
    // Numbers whose bytes all differ.
    const fn single(i: u32) -> f32 {
        f32::from_bits(0x3f01_0203 + i * 0x0004_1014)
    }
    static TABLE: Sixteen = Sixteen([
        single(0),
        single(1),
        single(2),
        single(3),
        single(4),
        single(5),
        single(6),
        single(7),
        single(8),
        single(9),
        single(10),
        single(11),
        single(12),
        single(13),
        single(14),
        single(15),
    ]);
    picks(&TABLE);
}

/// The tier that a dispatch really enters, and its lanes.
struct Entered;

impl<T> Kernel<T> for Entered {
    type Output = (Isa, usize);

    #[inline(always)]
    fn run<S: Simd<T>>(self, _: S) -> (Isa, usize) {
        (S::ISA, S::LANES)
    }
}

#[test]
fn dispatch_enters_the_tier_or_the_next_lower_one() {
    for isa in [Isa::Portable, Isa::Neon, Isa::Avx2, Isa::Avx512] {
        let next = if isa == Isa::Avx512 { Isa::Avx2 } else { Isa::Portable };
        let there = [isa, next].into_iter().find(|isa| isa.is_available()).unwrap_or(Isa::Portable);
        let lanes = match there {
            Isa::Avx512 => 16,
            Isa::Avx2 | Isa::Portable => 8,
            Isa::Neon => 4,
        };
        assert_eq!(f32::dispatch(isa, Entered), (there, lanes));
        assert_eq!(f64::dispatch(isa, Entered), (there, lanes / 2));
    }
}

/// Whatever this machine has.
#[cfg(target_arch = "x86_64")]
#[test]
fn an_absent_tier_falls_to_the_next_lower_one() {
    let taken = |isa, [wide, half]: [bool; 2]| Taken::of(isa, || wide.then_some(()), || half.then_some(()));
    let (both, half, neither) = ([true, true], [false, true], [false, false]);
    assert_eq!(
        [both, half, neither].map(|there| taken(Isa::Avx512, there)),
        [Taken::Avx512(()), Taken::Avx2(()), Taken::Portable]
    );
    assert_eq!(
        [both, half, neither].map(|there| taken(Isa::Avx2, there)),
        [Taken::Avx2(()), Taken::Avx2(()), Taken::Portable]
    );
    for isa in [Isa::Portable, Isa::Neon] {
        assert_eq!([both, half, neither].map(|there| taken(isa, there)), [(); 3].map(|()| Taken::Portable), "{isa}");
    }
}
