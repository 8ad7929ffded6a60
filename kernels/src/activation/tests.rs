//! Activations against references in higher precision: `f64` by a fixture of 60 digits (`reference.py`), `f32` by `f64`,
//! over a stratified part of all inputs here and over all 2³² in [`every_f32`], on every tier.

use super::exp::exp_nonpositive;
use super::log::{ln, ln_1_plus};
use super::*;
use crate::isa::{Isa, load, store};

const ALL: [Activation; 9] = [
    Activation::Identity,
    Activation::Relu,
    Activation::LeakyRelu { slope: 0.01 },
    Activation::LeakyRelu { slope: -0.5 },
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Silu,
];

/// What is tested: an activation's value or derivative, or the mathematics under it.
#[derive(Clone, Copy, Debug)]
enum Function {
    Value(Activation),
    Derivative(Activation),
    Exp,
    Ln,
    LnOnePlus,
}

impl Function {
    fn named(name: &str) -> Self {
        match (name, name.strip_suffix('\'')) {
            ("exp", _) => Self::Exp,
            ("ln", _) => Self::Ln,
            ("ln-1-plus", _) => Self::LnOnePlus,
            (_, Some(name)) => Self::Derivative(name.parse().unwrap()),
            (name, None) => Self::Value(name.parse().unwrap()),
        }
    }

    fn apply<T: Element>(self, isa: Isa, x: &[T]) -> Vec<T> {
        let mut y = vec![T::ONE; x.len()];
        match self {
            Self::Value(activation) => activation.apply(isa, x, &mut y),
            Self::Derivative(activation) => activation.multiply_derivative(isa, x, &mut y),
            Self::Exp | Self::Ln | Self::LnOnePlus => T::dispatch(isa, Mathematics(self, x, &mut y)),
        }
        y
    }
}

struct Mathematics<'a, T>(Function, &'a [T], &'a mut [T]);

impl<T: Element> Kernel<T> for Mathematics<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        for (x, y) in self.1.chunks(S::LANES).zip(self.2.chunks_mut(S::LANES)) {
            let x = load(simd, x);
            let value = match self.0 {
                Function::Exp => exp_nonpositive(simd, x),
                Function::Ln => ln(simd, x),
                _ => ln_1_plus(simd, x),
            };
            store(simd, y, value);
        }
    }
}

/// A function and the units in the last place that it may be wrong by.
const BUDGETS_F64: [(&str, f64); 8] = [
    ("exp", 1.25),
    ("ln", 1.0),
    ("ln-1-plus", 1.5),
    ("sigmoid", 2.0),
    ("tanh", 2.0),
    ("gelu", 4.0),
    ("silu", 3.5),
    ("gelu-tanh", 4.0),
];

/// The unit in the last place of `x`, at a precision.
#[expect(clippy::disallowed_methods, reason = "powers of two, which are exact")]
fn unit(x: f64, mantissa: i32, least: i32) -> f64 {
    let exponent = (x.abs().to_bits() >> 52) as i32 - 1023;
    // In two steps: the smallest subnormal's power is not a normal number.
    2f64.powi(exponent.max(least)) * 2f64.powi(-mantissa)
}

/// ULP beyond a function's budget: the lower tail of GELU's tanh form feels the roundings of its argument `2u`. Where `z` is cut off, that has
/// long become 0.
fn allowance(function: Function, x: f64) -> f64 {
    match function {
        Function::Value(Activation::GeluTanh) if x < 0.0 => {
            let z = x.abs().min(40.0);
            3.0 * (1.6 * z + 0.072 * z * z * z)
        }
        _ => 0.0,
    }
}

#[test]
fn f64_keeps_its_budgets() {
    let number = |field: &str| f64::from_bits(u64::from_str_radix(field, 16).unwrap());
    for isa in Isa::available() {
        for (name, budget) in BUDGETS_F64 {
            let mut worst = (0.0, 0.0);
            for line in include_str!("reference.txt").lines().filter(|line| line.split(' ').next() == Some(name)) {
                let fields: Vec<_> = line.split(' ').collect();
                let (x, y, rest) = (number(fields[1]), number(fields[2]), number(fields[3]));
                let function = Function::named(name);
                let value = function.apply(isa, &[x])[0];
                assert!(!value.is_nan(), "{name}({x:e}) on {isa}");
                // A subnormal factor costs what z multiplies.
                let unit = unit(y, 52, -1022) * if y.abs() < 1e-300 { x.abs().max(1.0) } else { 1.0 };
                let error = ((value - y) - rest).abs() / unit - allowance(function, x);
                if error > worst.0 {
                    worst = (error, x);
                }
            }
            println!("{isa:8} f64 {name:10} {:.3} ULP at {:e}", worst.0, worst.1);
            assert!(worst.0 <= budget, "{name} on {isa}: {} ULP at {:e}", worst.0, worst.1);
        }
    }
}

#[test]
fn f64_derivatives_are_close() {
    let number = |field: &str| f64::from_bits(u64::from_str_radix(field, 16).unwrap());
    for isa in Isa::available() {
        for line in include_str!("reference.txt").lines() {
            let fields: Vec<_> = line.split(' ').collect();
            let function = Function::named(fields[0]);
            if let Function::Derivative(_) = function {
                let (x, y) = (number(fields[1]), number(fields[2]));
                let value = function.apply(isa, &[x])[0];
                assert!((value - y).abs() <= 1e-15, "{}({x:e}) on {isa}: {value:e} is not {y:e}", fields[0]);
            }
        }
    }
}

/// `f32` functions with their budgets in ULP, and whether they must rise.
const BUDGETS_F32: [(Function, f64, bool); 8] = [
    (Function::Value(Activation::Sigmoid), 2.0, true),
    (Function::Value(Activation::Tanh), 1.0, true),
    (Function::Exp, 1.25, false),
    (Function::Value(Activation::Gelu), 4.5, false),
    (Function::Value(Activation::GeluTanh), 4.0, false),
    (Function::Value(Activation::Silu), 3.5, false),
    (Function::Ln, 1.0, false),
    (Function::LnOnePlus, 1.5, false),
];

/// The largest error found so far, in ULP of the true value and beyond what is allowed, and its input.
#[derive(Clone, Copy, Default)]
struct Worst {
    ulp: f64,
    at: f32,
}

/// Where the values of `function` lie, the ends included, however they are rounded.
fn range_of(function: Function) -> std::ops::RangeInclusive<f64> {
    match function {
        Function::Value(Activation::Sigmoid) => 0.0..=1.0,
        Function::Value(Activation::Tanh) => -1.0..=1.0,
        _ => f64::NEG_INFINITY..=f64::INFINITY,
    }
}

/// Checks one stretch of inputs, `bits` rising: error, range, order and NaN.
fn check(isa: Isa, function: Function, rising: bool, bits: &[u32], worst: &mut Worst, last: &mut f32) {
    let x: Vec<f32> = bits.iter().map(|&bits| f32::from_bits(bits)).collect();
    let exact = function.apply(Isa::detected(), &x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
    let value = function.apply(isa, &x);
    let range = range_of(function);
    for ((&x, value), exact) in x.iter().zip(value).zip(exact) {
        if x.is_nan() {
            assert!(value.is_nan(), "{function:?}({x:e}) on {isa}: {value:e}");
            continue;
        }
        assert!(range.contains(&f64::from(value)), "{function:?}({x:e}) on {isa} is {value:e}, outside {range:?}");
        // Away from zero the bits of negative numbers rise as the numbers fall.
        let ordered = if x.is_sign_negative() { value <= *last } else { value >= *last };
        assert!(!rising || ordered, "{function:?} on {isa} turns at {x:e}");
        *last = value;
        let unit = unit(exact, 23, -126) * if exact.abs() < 1e-35 { f64::from(x.abs()).max(1.0) } else { 1.0 };
        let ulp = (f64::from(value) - exact).abs() / unit - allowance(function, f64::from(x));
        if ulp > worst.ulp {
            *worst = Worst { ulp, at: x };
        }
    }
}

/// Where `function` is defined.
fn domain(function: Function) -> Vec<std::ops::RangeInclusive<u32>> {
    let infinity = f32::INFINITY.to_bits();
    match function {
        Function::Exp => vec![0x8000_0000..=0xffff_ffff],
        // Positive and normal.
        Function::Ln => vec![f32::MIN_POSITIVE.to_bits()..=0x7fff_ffff],
        Function::LnOnePlus => vec![0..=1f32.to_bits(), infinity + 1..=0x7fff_ffff],
        // At ±∞ an ULP means nothing.
        Function::Value(Activation::Gelu | Activation::GeluTanh | Activation::Silu) => {
            vec![0..=infinity - 1, 0x8000_0000..=0xffff_ffff]
        }
        _ => vec![0..=0x7fff_ffff, 0x8000_0000..=0xffff_ffff],
    }
}

/// Every `stride`-th input of every function.
fn sweep(stride: usize, tiers: &[Isa]) {
    let mut over = Vec::new();
    for &isa in tiers {
        for (function, budget, rising) in BUDGETS_F32 {
            let mut worst = Worst::default();
            for range in domain(function) {
                let negative = *range.start() >= 0x8000_0000;
                let mut last = if negative { f32::INFINITY } else { f32::NEG_INFINITY };
                // No stride need meet the last of them.
                let ends = [f32::MAX, f32::INFINITY].map(|end| if negative { -end } else { end }.to_bits());
                let ends = ends.into_iter().filter(|end| range.contains(end)).collect::<Vec<_>>();
                let mut inputs = range.step_by(stride).chain(ends).peekable();
                while inputs.peek().is_some() {
                    let block: Vec<_> = inputs.by_ref().take(1 << 14).collect();
                    check(isa, function, rising, &block, &mut worst, &mut last);
                }
            }
            let line = format!("{isa:8} f32 {function:?}: {:.4} ULP at {:e}", worst.ulp, worst.at);
            println!("{line}");
            if worst.ulp > budget {
                over.push(line);
            }
        }
    }
    assert!(over.is_empty(), "over budget:\n{}", over.join("\n"));
}

#[test]
fn f32_keeps_its_budgets_on_a_part_of_all_inputs() {
    // A prime near 2¹²: about a million of each, in every binade.
    sweep(4093, &Isa::available());
}

/// Neighbours where the form of `sigmoid` or the piece of `tanh` changes, and around the centres of the pieces: there a jump would be.
#[test]
fn f32_rises_from_neighbour_to_neighbour_where_forms_change() {
    let seams = [0.5, 1.0, 2.0, 4.0]
        .into_iter()
        .flat_map(|power: f32| [1.0, 1.25, 1.5, 1.75].map(|m| 1.25 * (m * power - 0.5)));
    let ends = seams.skip(1).chain([9.25]);
    for place in ends.chain([0.5, 0.234_374, 0.390_624, 0.546_875]).map(f32::to_bits) {
        for (isa, (function, budget, rising)) in
            Isa::available().into_iter().flat_map(|isa| BUDGETS_F32.map(|f| (isa, f)))
        {
            for sign in [0, 0x8000_0000].into_iter().take_while(|_| rising) {
                let neighbours: Vec<u32> = (place - 16_384..place + 16_384).map(|bits| sign | bits).collect();
                let (mut worst, mut last) =
                    (Worst::default(), if sign == 0 { f32::NEG_INFINITY } else { f32::INFINITY });
                check(isa, function, rising, &neighbours, &mut worst, &mut last);
                assert!(worst.ulp <= budget, "{function:?} on {isa}: {} ULP at {:e}", worst.ulp, worst.at);
            }
        }
    }
}

/// Not all `f64` can be tried: runs of neighbours everywhere, and at each seam, where a form or the exponent of `e^x` changes.
#[test]
fn f64_rises_from_neighbour_to_neighbour() {
    let exponents = (0..64).flat_map(|n| [0.25, 0.5].map(|part| part * f64::from(2 * n + 1) * std::f64::consts::LN_2));
    // To where `e^-x` has long become 0.
    let everywhere = std::iter::successors(Some(1e-9), |x| Some(x * 1.0009)).take_while(|&x| x < 800.0);
    let places = [0.5, 0.55].into_iter().chain(exponents).chain(everywhere).map(f64::to_bits);
    let mut stretches: Vec<Vec<f64>> =
        places.map(|place| (place - 32..place + 32).map(f64::from_bits).collect()).collect();
    // And in leaps, from nothing to the end.
    let leaps = std::iter::successors(Some(5e-324), |x| Some(x * 1.9)).take_while(|x| x.is_finite());
    stretches.push([0.0].into_iter().chain(leaps).chain([f64::MAX, f64::INFINITY]).collect());
    for (isa, activation) in
        Isa::available().into_iter().flat_map(|isa| [Activation::Sigmoid, Activation::Tanh].map(|of| (isa, of)))
    {
        let function = Function::Value(activation);
        let range = range_of(function);
        for (stretch, sign) in stretches.iter().flat_map(|stretch| [1.0, -1.0].map(|sign| (stretch, sign))) {
            let x: Vec<f64> = stretch.iter().map(|x| sign * x).collect();
            let y = function.apply(isa, &x);
            let rises = y.windows(2).all(|pair| sign * pair[0] <= sign * pair[1]);
            assert!(rises, "{activation} on {isa} turns near {:e}", x[0]);
            // NaN is nowhere inside.
            let outside = y.iter().position(|y| !range.contains(y));
            assert!(outside.is_none(), "{activation} on {isa} leaves {range:?} near {:e}", x[0]);
        }
    }
}

/// Several minutes: `cargo test --release -p deltarule-kernels -- --ignored --nocapture every_f32`.
#[test]
#[ignore = "all 2³² inputs on every tier"]
fn every_f32() {
    let mut fastest_first = Isa::available();
    fastest_first.reverse();
    sweep(1, &fastest_first);
}

fn assert_same(a: &[f32], b: &[f32], what: &dyn std::fmt::Display) {
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!(a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(), "{what} at {i}: {a:e} is not {b:e}");
    }
}

/// Numbers of every kind: zeros, subnormals, both sides of every branch, infinities, NaN.
fn mixed(len: usize) -> Vec<f32> {
    let special = [0.0, -0.0, 1e-45, -1e-40, 1e-30, -1e-5, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 3e38, -3e38];
    let ordinary = |i: usize| ((i * 7919) % 4001) as f32 / 61.0 - 33.0;
    (0..len).map(|i| if i % 3 == 1 { special[i / 3 % special.len()] } else { ordinary(i) }).collect()
}

#[test]
fn bits_depend_neither_on_the_tier_nor_on_the_place() {
    for activation in ALL {
        for len in (0..70).chain([257]) {
            for function in [Function::Value(activation), Function::Derivative(activation)] {
                let x = mixed(len);
                let expected: Vec<f32> = x.iter().map(|&x| function.apply(Isa::detected(), &[x])[0]).collect();
                for isa in Isa::available() {
                    if !isa.fuses() {
                        continue;
                    }
                    assert_same(&function.apply(isa, &x), &expected, &format!("{function:?} on {isa}"));
                }
            }
        }
    }
}

/// One number for many bits (FNV-1a), every NaN alike.
fn digest<T: Element>(numbers: impl IntoIterator<Item = T>) -> u64 {
    numbers.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, x| {
        let bits = if x.to_f64().is_nan() { u64::MAX } else { x.to_bits64() };
        bits.to_le_bytes().into_iter().fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
    })
}

/// The same on every machine, past and future: a change here is a change of everyone's results.
#[test]
fn the_bits_are_these() {
    for isa in Isa::available() {
        if !isa.fuses() {
            continue;
        }
        let functions = || ALL.into_iter().flat_map(|a| [Function::Value(a), Function::Derivative(a)]);
        let narrow = functions().flat_map(|f| f.apply(isa, &mixed(997)));
        let wide = functions().flat_map(|f| f.apply(isa, &mixed(997).into_iter().map(f64::from).collect::<Vec<_>>()));
        assert_eq!(
            format!("{:016x} {:016x}", digest(narrow), digest(wide)),
            "fdb0e8cba1b783a8 c432822465c9a118",
            "on {isa}"
        );
    }
}

#[test]
fn in_place_is_the_same() {
    for (activation, isa) in ALL.into_iter().flat_map(|a| Isa::available().into_iter().map(move |isa| (a, isa))) {
        let mut z = mixed(101);
        let expected = Function::Value(activation).apply(isa, &z);
        activation.apply_in_place(isa, &mut z);
        assert_same(&z, &expected, &activation);
    }
}

/// Exact values: limits, zeros and NaN.
#[test]
fn limits() {
    use Activation::*;
    let inf = f64::INFINITY;
    let exact = [
        (Relu, -0.0, 0.0),
        (Relu, -inf, 0.0),
        (Relu, inf, inf),
        (LeakyRelu { slope: 0.5 }, -3.0, -1.5),
        (LeakyRelu { slope: 0.5 }, inf, inf),
        (Sigmoid, 0.0, 0.5),
        (Sigmoid, inf, 1.0),
        (Sigmoid, -inf, 0.0),
        (Tanh, 0.0, 0.0),
        (Tanh, -0.0, -0.0),
        (Tanh, inf, 1.0),
        (Tanh, -inf, -1.0),
        (Gelu, 0.0, 0.0),
        (Gelu, -0.0, -0.0),
        (Silu, -0.0, -0.0),
        (Gelu, inf, inf),
        (Gelu, -inf, 0.0),
        (GeluTanh, inf, inf),
        (GeluTanh, -inf, 0.0),
        (Silu, inf, inf),
        (Silu, -inf, 0.0),
    ];
    for isa in Isa::available() {
        for (activation, z, a) in exact {
            let value = Function::Value(activation).apply(isa, &[z])[0];
            assert_eq!(value.to_bits(), f64::to_bits(a), "{activation}({z}) on {isa} is {value}");
            let value = Function::Value(activation).apply(isa, &[z as f32])[0];
            assert_eq!(value.to_bits(), (a as f32).to_bits(), "{activation}({z}) on {isa} is {value} in f32");
        }
        for activation in ALL {
            assert!(Function::Value(activation).apply(isa, &[f64::NAN])[0].is_nan(), "{activation}(NaN)");
            if activation != Identity {
                assert!(Function::Derivative(activation).apply(isa, &[f32::NAN])[0].is_nan(), "{activation}′(NaN)");
            }
        }
    }
}

#[test]
fn derivatives_at_the_kinks_and_the_ends() {
    use Activation::*;
    let inf = f32::INFINITY;
    for isa in Isa::available() {
        let derivative = |activation: Activation, kept: f32| Function::Derivative(activation).apply(isa, &[kept])[0];
        assert_eq!(derivative(Identity, 5.0), 1.0);
        for (kept, expected) in [(0.0, 0.0), (-0.0, 0.0), (1e-45, 1.0), (inf, 1.0), (-1.0, 0.0)] {
            assert_eq!(derivative(Relu, kept), expected, "relu′ from {kept}");
        }
        for (kept, expected) in [(0.0, 0.1), (-1.0, 0.1), (2.0, 1.0), (-inf, 0.1)] {
            assert_eq!(derivative(LeakyRelu { slope: 0.1 }, kept), expected, "leaky relu′ from {kept}");
        }
        assert_eq!(derivative(Sigmoid, 0.25), 0.1875);
        assert_eq!(derivative(Tanh, 0.5), 0.75);
        for activation in [Gelu, GeluTanh, Silu] {
            assert_eq!(derivative(activation, 0.0), 0.5, "{activation}");
            assert_eq!(derivative(activation, inf), 1.0, "{activation}");
            assert_eq!(derivative(activation, -inf), 0.0, "{activation}");
        }
    }
}

#[test]
fn the_derivative_is_the_slope() {
    for activation in ALL {
        for i in -60..=60 {
            let (z, h) = (f64::from(i) / 10.0 + 0.03, 1e-5);
            let value = |z: f64| Function::Value(activation).apply(Isa::current(), &[z])[0];
            let slope = (value(z + h) - value(z - h)) / (2.0 * h);
            let kept = if activation.needs_preactivation() { z } else { value(z) };
            let derivative = Function::Derivative(activation).apply(Isa::current(), &[kept])[0];
            assert!((slope - derivative).abs() < 1e-9, "{activation}′({z}): {derivative} is not {slope}");
        }
    }
}

#[test]
fn memory_outside_is_left_alone() {
    for (activation, isa) in ALL.into_iter().flat_map(|a| Isa::available().into_iter().map(move |isa| (a, isa))) {
        for len in 0..40 {
            let mut a = [7.5f32; 64];
            activation.apply(isa, &mixed(len), &mut a[8..8 + len]);
            activation.multiply_derivative(isa, &mixed(len), &mut a[8..8 + len]);
            assert!(a[..8].iter().chain(&a[8 + len..]).all(|&x| x == 7.5), "{activation} on {isa}, {len}");
        }
    }
}
