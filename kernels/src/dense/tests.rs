//! The layer's products against chains written out, and the fused update against the two passes it replaces.

use super::array::Array;
use super::*;
use crate::activation::Activation;
use crate::execute::{Compute, Execute, Inside};
use crate::gemm::PackedB;
use crate::isa::{Isa, Kernel, Simd};
use crate::optimiser::Rule;
use crate::team::Team;
use crate::view::MatRef;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Numbers between −1 and 1 that look random.
fn numbers<T: Element>(len: usize, seed: u64) -> Vec<T> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..len).map(|_| T::from_f64(next())).collect()
}

/// A layer and a batch.
struct Case<T> {
    batch: usize,
    inputs: usize,
    outputs: usize,
    x: Vec<T>,
    w: Vec<T>,
    bias: Vec<T>,
    dz: Vec<T>,
}

impl<T: Element> Case<T> {
    fn new(batch: usize, inputs: usize, outputs: usize) -> Self {
        Self {
            batch,
            inputs,
            outputs,
            x: numbers(batch * inputs, 1),
            w: numbers(outputs * inputs, 2),
            bias: numbers(outputs, 3),
            dz: numbers(batch * outputs, 4),
        }
    }

    fn x(&self) -> MatRef<'_, T> {
        MatRef::new(&self.x, self.batch, self.inputs).unwrap()
    }

    fn dz(&self) -> MatRef<'_, T> {
        MatRef::new(&self.dz, self.batch, self.outputs).unwrap()
    }

    fn weights(&self) -> Weights<T> {
        Weights::from_rows(MatRef::new(&self.w, self.outputs, self.inputs).unwrap(), true)
    }
}

/// Shapes around lines, tiles and the jobs of the fused update, and one large enough for a team.
const SHAPES: [(usize, usize, usize); 13] = [
    (1, 1, 1),
    (3, 5, 2),
    (32, 1, 16),
    (7, 17, 33),
    (64, 13, 64),
    (33, 100, 10),
    (70, 50, 1),
    (300, 1000, 1),
    (20, 130, 70),
    (65, 200, 129),
    (128, 300, 80),
    (70, 20, 300),
    (20, 500, 90),
];

fn bits<T: Element>(values: &[T]) -> Vec<u64> {
    values.iter().map(|x| x.to_bits64()).collect()
}

/// A chain of fused multiply-adds; without FMA the portable tier rounds twice, so it is given room.
fn assert_chain<T: Element>(got: T, expected: T, length: usize) {
    if Isa::current() == Isa::Portable {
        let room = T::EPSILON.to_f64() * (length + 3) as f64 * (length + 1) as f64;
        assert!((got.to_f64() - expected.to_f64()).abs() <= room, "{got} is not {expected}");
    } else {
        assert_eq!(got.to_bits64(), expected.to_bits64(), "{got} is not {expected}");
    }
}

fn check_products<T: Element>() {
    for (batch, inputs, outputs) in SHAPES {
        let case = Case::<T>::new(batch, inputs, outputs);
        let w = case.weights();
        let team = Team::new(2);
        let mut z = vec![T::ZERO; batch * outputs];
        let out = MatMut::new(&mut z, batch, outputs).unwrap();
        forward(&team, case.x(), &w, &case.bias, Activation::Identity, None, out).unwrap();
        let mut below = vec![T::ZERO; batch * inputs];
        let out = MatMut::new(&mut below, batch, inputs).unwrap();
        backward_input(&team, case.dz(), &w, Activation::Identity, case.x(), out).unwrap();
        let mut dw = Gradient::zeros_like(&w);
        backward_weights(&team, case.x(), case.dz(), Sum::Begins, &mut dw).unwrap();
        for r in 0..batch {
            for o in 0..outputs {
                let chain = (0..inputs).fold(case.bias[o], |sum, i| w.get(o, i).mul_add(case.x().get(r, i), sum));
                assert_chain(z[r * outputs + o], chain, inputs);
            }
            for i in 0..inputs {
                let chain = (0..outputs).fold(T::ZERO, |sum, o| w.get(o, i).mul_add(case.dz().get(r, o), sum));
                assert_chain(below[r * inputs + i], chain, outputs);
            }
        }
        for o in 0..outputs {
            for i in 0..inputs {
                let chain = (0..batch).fold(T::ZERO, |sum, r| case.dz().get(r, o).mul_add(case.x().get(r, i), sum));
                assert_chain(dw.get(o, i), chain, batch);
            }
        }
    }
}

#[test]
fn products_are_single_chains() {
    check_products::<f32>();
    check_products::<f64>();
}

#[test]
fn activations_are_applied_once_to_every_element() {
    let activations = [Activation::Relu, Activation::Tanh, Activation::Gelu, Activation::LeakyRelu { slope: 0.1 }];
    for ((batch, inputs, outputs), activation) in SHAPES.into_iter().zip(activations.into_iter().cycle()) {
        let case = Case::<f32>::new(batch, inputs, outputs);
        let w = case.weights();
        let team = Team::new(3);
        let mut z = vec![0.0; batch * outputs];
        let identity = MatMut::new(&mut z, batch, outputs).unwrap();
        forward(&team, case.x(), &w, &case.bias, Activation::Identity, None, identity).unwrap();
        let mut expected = vec![0.0; batch * outputs];
        activation.apply(Isa::current(), &z, &mut expected);

        let mut kept = vec![f32::NAN; batch * outputs];
        let mut a = vec![f32::NAN; batch * outputs];
        let kept_z = activation.needs_preactivation().then(|| MatMut::new(&mut kept, batch, outputs).unwrap());
        let out = MatMut::new(&mut a, batch, outputs).unwrap();
        forward(&team, case.x(), &w, &case.bias, activation, kept_z, out).unwrap();
        assert_eq!(bits(&a), bits(&expected), "{activation} of {batch} × {inputs} × {outputs}");

        let kept = if activation.needs_preactivation() { &z } else { &a };
        let other = Case::<f32>::new(batch, outputs, inputs);
        let (w, kept) = (other.weights(), MatRef::new(kept, batch, outputs).unwrap());
        let backward = |activation| {
            let mut below = vec![f32::NAN; batch * outputs];
            let out = MatMut::new(&mut below, batch, outputs).unwrap();
            backward_input(&team, other.dz(), &w, activation, kept, out).unwrap();
            below
        };
        let mut expected = backward(Activation::Identity);
        let rows: Vec<f32> = (0..batch).flat_map(|r| kept.row_range(r, 0..outputs).to_vec()).collect();
        activation.multiply_derivative(Isa::current(), &rows, &mut expected);
        assert_eq!(bits(&backward(activation)), bits(&expected), "{activation}′ of {batch} × {inputs} × {outputs}");
    }
}

/// With `x` and `dz` as they are, or as transposes of transposed copies, whose columns are then contiguous.
fn check_fused<T: Element>(rule: Rule, l2: f64, by_columns: bool) {
    let columns =
        |m: MatRef<'_, T>| (0..m.cols()).flat_map(|j| (0..m.rows()).map(move |i| m.get(i, j))).collect::<Vec<T>>();
    for (batch, inputs, outputs) in SHAPES.into_iter().chain([(512, 20, 70), (513, 20, 70)]) {
        let case = Case::<T>::new(batch, inputs, outputs);
        let (x_columns, dz_columns) = (columns(case.x()), columns(case.dz()));
        let (x, dz) = match by_columns {
            true => (
                MatRef::new(&x_columns, inputs, batch).unwrap().t(),
                MatRef::new(&dz_columns, outputs, batch).unwrap().t(),
            ),
            false => (case.x(), case.dz()),
        };
        let (mut fused, mut plain) = (case.weights(), case.weights());
        let (mut fused_m, mut plain_m) = (Moments::zeros_like(&fused, rule), Moments::zeros_like(&plain, rule));
        let mut dw = Gradient::zeros_like(&plain);
        for t in 1..=3 {
            let step = rule.step(0.1, l2, t, 1.0);
            let team = Team::new(t as usize);
            backward_update(&team, x, dz, &mut fused, &mut fused_m, &step).unwrap();
            backward_weights(&Team::serial(), case.x(), case.dz(), Sum::Begins, &mut dw).unwrap();
            update(&team, &mut plain, &dw, &mut plain_m, &step).unwrap();
        }
        assert_eq!(
            bits(&fused.to_rows()),
            bits(&plain.to_rows()),
            "{rule:?} of {batch} × {inputs} × {outputs}, by columns {by_columns}"
        );
        for which in 0..rule.moments() {
            let moments = |m: &Moments<T>| bits(&m.to_rows(which).unwrap());
            assert_eq!(moments(&fused_m), moments(&plain_m), "{rule:?} of {batch} × {inputs} × {outputs}");
        }
        for w in [&fused, &plain] {
            let Some(turned) = &w.turned else {
                assert_eq!(outputs, 1, "only a row is its own transpose");
                continue;
            };
            for o in 0..outputs {
                for i in 0..inputs {
                    let copy = if w.kept.is_by_outputs() { turned.get(i, o) } else { turned.get(o, i) };
                    assert_eq!(copy, w.get(o, i), "the transposed copy follows");
                }
            }
        }
    }
}

#[test]
fn the_fused_update_has_the_bits_of_the_two_passes() {
    for rule in [Rule::Sgd, Rule::Nesterov { momentum: 0.9 }, Rule::AdamW { beta1: 0.9, beta2: 0.99, epsilon: 1e-8 }] {
        for l2 in [0.0, 0.01] {
            for by_columns in [false, true] {
                check_fused::<f32>(rule, l2, by_columns);
                check_fused::<f64>(rule, l2, by_columns);
            }
        }
    }
}

/// What a gradient is found to be does not depend on who looks at it, wherever a number is that is not finite.
#[test]
fn a_gradient_is_measured_alike_by_everyone() {
    fn check<T: Element>(inputs: usize, outputs: usize) {
        let case = Case::<T>::new(9, inputs, outputs);
        let mut dw = Gradient::zeros_like(&case.weights());
        backward_weights(&Team::serial(), case.x(), case.dz(), Sum::Begins, &mut dw).unwrap();
        let sum = dw.sum_of_squares(&Team::serial());
        let plain: f64 = dw.to_rows().iter().map(|g| g.to_f64() * g.to_f64()).sum();
        assert!((sum / plain - 1.0).abs() < 1e-12, "{sum} for {plain}");
        for threads in [2, 3, 7] {
            assert_eq!(dw.sum_of_squares(&Team::new(threads)).to_bits(), sum.to_bits(), "{inputs} × {outputs}");
        }
        for (i, o) in [(0, 0), (inputs - 1, 0), (0, outputs - 1), (inputs - 1, outputs - 1), (inputs / 2, outputs / 2)]
        {
            let is_within = |dw: &Gradient<T>, limit| {
                let [alone, shared] = [Team::serial(), Team::new(3)].map(|team| dw.is_within(&team, limit));
                assert_eq!(alone, shared, "({i}, {o})");
                alone
            };
            assert!(is_within(&dw, T::MAX));
            let was = dw.get(o, i);
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                dw.lines.put(i, o, T::from_f64(bad));
                assert!(!is_within(&dw, T::MAX), "({i}, {o})");
            }
            for large in [1e6, -1e6].map(T::from_f64) {
                dw.lines.put(i, o, large);
                assert!(is_within(&dw, large.abs()) && !is_within(&dw, T::from_f64(999_999.0)), "({i}, {o})");
            }
            dw.lines.put(i, o, was);
        }
    }
    for (inputs, outputs) in [(3, 5), (100, 10), (500, 90), (17, 3000), (3000, 17)] {
        check::<f32>(inputs, outputs);
        check::<f64>(inputs, outputs);
    }
}

#[test]
fn bias_sums_go_by_blocks_of_64_rows() {
    for (rows, cols) in [(1, 3), (150, 21), (700, 1), (600, 64), (601, 700)] {
        let case = Case::<f32>::new(rows, 1, cols);
        let mut db = vec![f32::NAN; cols];
        assert!(backward_bias(&Team::new(2), case.dz(), 1.0, &mut db).unwrap());
        for (o, &sum) in db.iter().enumerate() {
            let column: Vec<f32> = (0..rows).map(|r| case.dz().get(r, o)).collect();
            let blocks = column.chunks(64).map(|block| block.iter().fold(0.0, |sum, x| sum + x));
            assert_eq!(sum.to_bits(), blocks.fold(0.0, |sum: f32, block| sum + block).to_bits());
        }
    }
}

#[test]
fn sums_over_the_rows_go_on_from_part_to_part() {
    for (rows, inputs, outputs) in [(1, 3, 1), (150, 4, 21), (700, 40, 4), (600, 2, 64), (601, 33, 10), (513, 20, 32)] {
        let case = Case::<f32>::new(rows, inputs, outputs);
        let mut whole = (Gradient::zeros_like(&case.weights()), vec![f32::NAN; outputs]);
        backward_weights(&Team::serial(), case.x(), case.dz(), Sum::Begins, &mut whole.0).unwrap();
        backward_bias(&Team::serial(), case.dz(), 1.0, &mut whole.1).unwrap();
        for part in [64, 128, 512] {
            let (mut dw, mut db) = (Gradient::zeros_like(&case.weights()), vec![0.0; outputs]);
            for first in (0..rows).step_by(part) {
                let here = first..rows.min(first + part);
                let (x, dz) = (case.x().rows_range(here.clone()), case.dz().rows_range(here.clone()));
                backward_weights(&Team::serial(), x, dz, Sum::GoesOn, &mut dw).unwrap();
                let mut sums = vec![f32::NAN; here.len().div_ceil(BIAS_ROWS) * outputs];
                bias_sums(Isa::current(), dz, &mut sums).unwrap();
                add_bias_sums(&sums, &mut db);
            }
            assert_eq!(bits(&dw.to_rows()), bits(&whole.0.to_rows()), "{rows} × {inputs} × {outputs} by {part}");
            assert_eq!(bits(&db), bits(&whole.1), "{rows} × {outputs} by {part}");
        }
    }
}

#[test]
fn bias_sums_that_are_no_whole_blocks_are_refused() {
    for (sums, outputs) in [(5, 2), (1, 2), (3, 0)] {
        let mut db = vec![0.0_f32; outputs];
        let add = AssertUnwindSafe(|| add_bias_sums(&vec![1.0; sums], &mut db));
        assert!(catch_unwind(add).is_err(), "{sums} sums of {outputs}");
        assert_eq!(db, vec![0.0; outputs]);
    }
    add_bias_sums::<f32>(&[], &mut []);
}

fn view<T: Element>(data: &[T], (rows, cols, stride): (usize, usize, usize)) -> MatRef<'_, T> {
    MatRef::with_row_stride(data, rows, cols, stride).unwrap()
}

fn view_mut<T: Element>(data: &mut [T], (rows, cols, stride): (usize, usize, usize)) -> MatMut<'_, T> {
    MatMut::with_row_stride(data, rows, cols, stride).unwrap()
}

/// The pass through a layer of a single output against the operations that it stands for.
fn check_single<T: Element>(isa: Isa, rows: usize, inputs: usize, activation: Activation, gap: usize) {
    let case = Case::<T>::new(rows, inputs, 1);
    let w = case.weights();
    let (a, kept) = (apart(&case.x, inputs, gap), apart(&numbers(rows * inputs, 9), inputs, gap));
    let shape = (rows, inputs, inputs + gap);
    let (a, kept, dz) = (view(&a, shape), view(&kept, shape), case.dz());
    let x = Case::<T>::new(rows, 1, inputs);
    let blocks = rows.div_ceil(BIAS_ROWS);

    let mut lower = apart(&vec![T::ZERO; rows * inputs], inputs, gap);
    let (mut dw, mut dw_below) = (Gradient::zeros_like(&w), Gradient::zeros_like(&x.weights()));
    let (mut sums, mut sums_below) = (vec![T::ZERO; blocks], vec![T::ZERO; blocks * inputs]);
    let serial = Team::serial();
    backward_input(&serial, dz, &w, activation, kept, view_mut(&mut lower, shape)).unwrap();
    backward_weights(&serial, a, dz, Sum::Begins, &mut dw).unwrap();
    backward_weights(&serial, x.x(), view(&lower, shape), Sum::Begins, &mut dw_below).unwrap();
    bias_sums(Isa::current(), dz, &mut sums).unwrap();
    bias_sums(Isa::current(), view(&lower, shape), &mut sums_below).unwrap();

    for only in [false, true] {
        let mut found = apart(&vec![T::ONE; rows * inputs], inputs, gap);
        let mut one = (Gradient::zeros_like(&w), vec![T::ONE; blocks]);
        let mut below = (Gradient::zeros_like(&x.weights()), vec![T::ONE; blocks * inputs]);
        let way = Below {
            a,
            activation,
            kept,
            dz: view_mut(&mut found, shape),
            sums: &mut below.1,
            only: only.then(|| (x.x(), &mut below.0)),
        };
        backward_single(isa, dz, &w, (&mut one.0, &mut one.1), way).unwrap();
        let what = format!("{rows} × {inputs}, {activation}, {gap} apart, on {isa}");
        assert_eq!(bits(&together(&found, inputs, gap)), bits(&together(&lower, inputs, gap)), "errors of {what}");
        assert_eq!(bits(&one.0.to_rows()), bits(&dw.to_rows()), "dW of {what}");
        assert_eq!(bits(&one.1), bits(&sums), "sums of {what}");
        assert_eq!(bits(&below.1), bits(&sums_below), "sums below {what}");
        let expected = if only { dw_below.to_rows() } else { vec![T::ZERO; inputs] };
        assert_eq!(bits(&below.0.to_rows()), bits(&expected), "dW below {what}");
    }
}

#[test]
fn a_layer_of_a_single_output_takes_one_pass_back() {
    let activations = [Activation::Relu, Activation::Sigmoid, Activation::Identity, Activation::Silu];
    for isa in Isa::available() {
        // Without fused multiply-add two roundings take the place of one.
        if isa != Isa::current() && (isa == Isa::Portable || Isa::current() == Isa::Portable) {
            continue;
        }
        let shapes = [(1, 1), (32, 16), (70, 50), (300, 33), (65, 64), (5, 7)];
        for ((rows, inputs), activation) in shapes.into_iter().zip(activations.into_iter().cycle()) {
            check_single::<f32>(isa, rows, inputs, activation, 0);
            check_single::<f64>(isa, rows, inputs, activation, 3);
        }
    }
}

#[test]
fn a_layer_of_a_single_output_and_no_inputs_has_its_bias_sums() {
    let (case, x) = (Case::<f32>::new(150, 0, 1), Case::<f32>::new(150, 1, 0));
    let (w, none) = (case.weights(), MatRef::new(&[], 150, 0).unwrap());
    for (isa, only) in Isa::available().into_iter().flat_map(|isa| [false, true].map(|only| (isa, only))) {
        let (mut sums, mut expected) = ([f32::NAN; 3], [f32::NAN; 3]);
        let (mut dw, mut dw_below) = (Gradient::zeros_like(&w), Gradient::zeros_like(&x.weights()));
        let way = Below {
            a: none,
            activation: Activation::Relu,
            kept: none,
            dz: MatMut::new(&mut [], 150, 0).unwrap(),
            sums: &mut [],
            only: only.then(|| (x.x(), &mut dw_below)),
        };
        backward_single(isa, case.dz(), &w, (&mut dw, &mut sums), way).unwrap();
        bias_sums(isa, case.dz(), &mut expected).unwrap();
        assert_eq!(bits(&sums), bits(&expected), "{isa}");
    }
}

#[test]
fn bias_sums_notice_a_number_beyond_the_limit_wherever_it_is() {
    for (rows, cols) in [(1, 1), (70, 3), (300, 17), (5, 90), (400, 700)] {
        for bad in [1.5, f32::NAN, f32::NEG_INFINITY] {
            for place in [0, rows * cols / 2, rows * cols - 1] {
                let mut case = Case::<f32>::new(rows, 1, cols);
                case.dz[place] = bad;
                let mut db = vec![0.0; cols];
                assert!(!backward_bias(&Team::new(2), case.dz(), 1.0, &mut db).unwrap(), "{bad} at {place}");
            }
        }
    }
}

/// Both updates by a `rule`, of weights whose moments are those of another; they change the weights only where there are enough.
#[inline(always)]
fn updates_by<T: Element>(by: impl Compute<T>, case: &Case<T>, had: Rule, rule: Rule) -> [Result<(), ShapeError>; 2] {
    let mut w = case.weights();
    let before = bits(&w.to_rows());
    let (mut moments, dw) = (Moments::zeros_like(&w, had), Gradient::zeros_like(&w));
    let step = rule.step(0.1, 0.01, 1, 1.0);
    let plain = update(by, &mut w, &dw, &mut moments, &step);
    let fused = backward_update(by, case.x(), case.dz(), &mut w, &mut moments, &step);
    let is_same = bits(&w.to_rows()) == before;
    assert_eq!(is_same, had.moments() < rule.moments(), "{rule:?} with the moments of {had:?}");
    [plain, fused]
}

/// The update from a gradient in memory, which looks at moments itself where it is inside of a tier.
struct UpdateInside<'a, T>(&'a Case<T>, Rule, Rule);

impl<T: Element> Kernel<T> for UpdateInside<'_, T> {
    type Output = Result<(), ShapeError>;

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) -> Self::Output {
        let Self(case, had, rule) = self;
        let mut w = case.weights();
        let (mut moments, dw) = (Moments::zeros_like(&w, had), Gradient::zeros_like(&w));
        update(Inside(simd), &mut w, &dw, &mut moments, &rule.step(0.1, 0.01, 1, 1.0))
    }
}

/// By a team and inside of a tier; of a row, of an array that is one job, and of one that is several.
#[test]
fn too_few_moments_are_refused() {
    let adam = Rule::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    let rules = [Rule::Sgd, Rule::Momentum { momentum: 0.9 }, Rule::Nesterov { momentum: 0.9 }, adam];
    for (inputs, outputs) in [(40, 1), (5, 7), (300, 200)] {
        let case = Case::<f32>::new(2, inputs, outputs);
        for (had, rule) in rules.into_iter().flat_map(|had| rules.map(|rule| (had, rule))) {
            let (there, needed) = (had.moments(), rule.moments());
            let what = "the number of an optimiser's moment arrays";
            let expected = match there < needed {
                true => Err(ShapeError::Mismatch { what, expected: needed, got: there }),
                false => Ok(()),
            };
            for team in [Team::serial(), Team::new(2)] {
                assert_eq!(updates_by(&team, &case, had, rule), [expected; 2], "{inputs} × {outputs} by a team");
            }
            let inside = Isa::current().kernel(UpdateInside(&case, had, rule));
            assert_eq!(inside, expected, "{inputs} × {outputs} inside of a tier");
        }
    }
}

/// Everything that a step does with a layer, by whoever; what it leaves, in bits.
///
/// Rows of the batch lie `gap` further apart than they are long, and what lies between them is NaN before and after. If there is a gap, the
/// padding of packed lines is NaN as well: it is read here and there, and reaches no result.
#[inline(always)]
fn layer_by<T: Element>(by: impl Compute<T>, case: &Case<T>, rule: Rule, gap: usize) -> Result<Vec<u64>, ShapeError> {
    let Case { batch, inputs, outputs, .. } = *case;
    let (x, dz) = (apart(&case.x, inputs, gap), apart(&case.dz, outputs, gap));
    let x = MatRef::with_row_stride(&x, batch, inputs, inputs + gap)?;
    let dz = MatRef::with_row_stride(&dz, batch, outputs, outputs + gap)?;
    let mut w = case.weights();
    let mut moments = Moments::zeros_like(&w, rule);
    let (mut z, mut a, mut below) =
        (apart(&case.dz, outputs, gap), apart(&case.dz, outputs, gap), apart(&case.x, inputs, gap));
    let mut again = below.clone();
    let (mut db, mut dw) = (case.bias.clone(), Gradient::zeros_like(&w));
    if gap > 0 {
        let arrays = [Some(&mut w.kept), moments.first.as_mut(), moments.second.as_mut(), Some(&mut dw.lines)];
        arrays.into_iter().flatten().map(Array::packed_mut).chain(&mut w.turned).for_each(spoil_padding);
    }
    let above = |data| MatMut::with_row_stride(data, batch, outputs, outputs + gap);
    let under = |data| MatMut::with_row_stride(data, batch, inputs, inputs + gap);
    forward(by, x, &w, &case.bias, Activation::Gelu, Some(above(&mut z)?), above(&mut a)?)?;
    backward_input(by, dz, &w, Activation::Tanh, x, under(&mut below)?)?;
    let within = backward_bias(by, dz, T::from_f64(0.5), &mut db)?;
    backward_weights(by, x, dz, Sum::Begins, &mut dw)?;
    let step = rule.step(0.1, 0.01, 1, 1.0);
    backward_update(by, x, dz, &mut w, &mut moments, &step)?;
    let fused = w.to_rows();
    update(by, &mut w, &dw, &mut moments, &step)?;
    // The copy for the way back as well.
    backward_input(by, dz, &w, Activation::Identity, x, under(&mut again)?)?;
    let batches = [together(&z, outputs, gap), together(&a, outputs, gap)];
    let below = [together(&below, inputs, gap), together(&again, inputs, gap)];
    let mut all = [batches.concat(), below.concat(), db, dw.to_rows(), fused, w.to_rows()].concat();
    (0..moments.len()).for_each(|which| all.extend(moments.to_rows(which).unwrap()));
    let found = [u64::from(within), u64::from(dw.is_within(by, T::ONE)), dw.sum_of_squares(by).to_bits()];
    Ok(bits(&all).into_iter().chain(found).collect())
}

/// NaN behind the last columns.
fn spoil_padding<T: Element>(packed: &mut PackedB<T>) {
    let (rows, cols) = (packed.rows(), packed.cols());
    let whole = cols / T::LINE * T::LINE;
    for row in packed.lines_mut()[whole * rows..].chunks_exact_mut(T::LINE) {
        row[cols - whole..].fill(T::from_f64(f64::NAN));
    }
}

/// Rows with a gap of NaN behind each.
fn apart<T: Element>(rows: &[T], columns: usize, gap: usize) -> Vec<T> {
    rows.chunks(columns).flat_map(|row| row.iter().copied().chain(vec![T::from_f64(f64::NAN); gap])).collect()
}

/// Rows without their gaps, in which nothing has been written.
fn together<T: Element>(rows: &[T], columns: usize, gap: usize) -> Vec<T> {
    let (rows, gaps): (Vec<_>, Vec<_>) = rows.chunks(columns + gap).map(|row| row.split_at(columns)).unzip();
    assert!(gaps.concat().iter().all(|x| x.to_f64().is_nan()), "a gap was written to");
    rows.concat()
}

struct LayerInside<'a, T>(&'a Case<T>, Rule, usize);

impl<T: Element> Kernel<T> for LayerInside<'_, T> {
    type Output = Result<Vec<u64>, ShapeError>;

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) -> Self::Output {
        layer_by(Inside(simd), self.0, self.1, self.2)
    }
}

#[test]
fn who_computes_a_layer_cannot_be_seen() {
    fn check<T: Element>(shape: (usize, usize, usize), rule: Rule) {
        let case = Case::<T>::new(shape.0, shape.1, shape.2);
        let expected = layer_by(&Team::serial(), &case, rule, 0).unwrap();
        for gap in [0, 1, 16] {
            assert_eq!(
                layer_by(&Team::new(3), &case, rule, gap).unwrap(),
                expected,
                "{shape:?} by a team, {gap} apart"
            );
            for isa in Isa::available() {
                // Without fused multiply-add two roundings take the place of one.
                if isa == Isa::current() || (isa != Isa::Portable && Isa::current() != Isa::Portable) {
                    let inside = isa.kernel(LayerInside(&case, rule, gap)).unwrap();
                    assert_eq!(inside, expected, "{shape:?} inside of {isa}, {gap} apart");
                }
            }
        }
    }
    for shape in SHAPES {
        check::<f32>(shape, Rule::Sgd);
        check::<f64>(shape, Rule::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 });
    }
}

#[test]
fn a_batch_of_no_rows_leaves_the_bias_and_exact_zeros() {
    fn check(by: impl Compute<f32>) {
        let case = Case::<f32>::new(1, 6, 3);
        let mut w = case.weights();
        let (x, dz) = (MatRef::new(&[], 0, 6).unwrap(), MatRef::with_strides(&[], 0, 3, 1, 2).unwrap());
        let mut dw = Gradient::zeros_like(&w);
        backward_weights(by, case.x(), case.dz(), Sum::Begins, &mut dw).unwrap();
        backward_weights(by, x, dz, Sum::Begins, &mut dw).unwrap();
        assert_eq!(bits(&dw.to_rows()), [0; 18]);
        let before = w.to_rows();
        let mut none = Moments::zeros_like(&w, Rule::Sgd);
        backward_update(by, x, dz, &mut w, &mut none, &Rule::Sgd.step(0.1, 0.0, 1, 1.0)).unwrap();
        assert_eq!(w.to_rows(), before);
        let mut db = [f32::NAN; 3];
        backward_bias(by, MatRef::new(&[], 0, 3).unwrap(), 0.0, &mut db).unwrap();
        assert_eq!(db, [0.0; 3]);
    }
    check(&Team::serial());
    check(&Team::new(2));
}

/// A layer without outputs, or without inputs, may be as wide as it likes on its other side.
#[test]
fn an_empty_layer_may_be_of_any_width() {
    const WIDE: usize = usize::MAX;
    let none = |rows, cols| MatRef::<f32>::new(&[], rows, cols).unwrap();
    let (identity, step) = (Activation::Identity, Rule::Sgd.step(0.1, 0.0, 1, 1.0));
    for team in [Team::serial(), Team::new(2)] {
        let mut w = Weights::from_rows(none(0, WIDE), true);
        let (mut moments, dw) = (Moments::zeros_like(&w, Rule::Sgd), Gradient::zeros_like(&w));
        let (out, below) = (MatMut::new(&mut [], 0, 0).unwrap(), MatMut::new(&mut [], 0, WIDE).unwrap());
        forward(&team, none(0, WIDE), &w, &[], identity, None, out).unwrap();
        backward_input(&team, none(0, 0), &w, identity, none(0, WIDE), below).unwrap();
        backward_update(&team, none(0, WIDE), none(0, 0), &mut w, &mut moments, &step).unwrap();
        update(&team, &mut w, &dw, &mut moments, &step).unwrap();
        let (w, below) = (Weights::from_rows(none(WIDE, 0), true), MatMut::new(&mut [], 0, 0).unwrap());
        backward_input(&team, none(0, WIDE), &w, identity, none(0, 0), below).unwrap();
        assert!(w.to_rows().is_empty());
    }
    bias_sums(Isa::current(), none(0, WIDE), &mut []).unwrap();
}

/// So many rows that the inputs, whose stride folds onto few sets, are packed in parts of fewer rows than usual.
#[test]
fn the_copy_for_the_way_back_follows_an_update_by_a_very_tall_batch() {
    let case = Case::<f64>::new(22_000, 256, 80);
    for team in [Team::serial(), Team::new(2)] {
        let mut w = case.weights();
        let mut none = Moments::zeros_like(&w, Rule::Sgd);
        backward_update(&team, case.x(), case.dz(), &mut w, &mut none, &Rule::Sgd.step(1e-3, 0.0, 1, 1.0)).unwrap();
        let afresh = Weights::from_rows(MatRef::new(&w.to_rows(), 80, 256).unwrap(), true);
        let dz = MatRef::new(&case.dz[..5 * 80], 5, 80).unwrap();
        let kept = MatRef::new(&case.x[..5 * 256], 5, 256).unwrap();
        let below = |w: &Weights<f64>| {
            let mut below = vec![0.0; 5 * 256];
            let to = MatMut::new(&mut below, 5, 256).unwrap();
            backward_input(&team, dz, w, Activation::Identity, kept, to).unwrap();
            below
        };
        assert_eq!(bits(&below(&w)), bits(&below(&afresh)));
    }
}

/// With the copy and without, small and by plan, with depths in one block and in several, and by a team that shares packed strips.
#[test]
fn errors_go_down_alike_with_a_transposed_copy_and_without() {
    fn check<T: Element>((batch, inputs, outputs): (usize, usize, usize)) {
        let case = Case::<T>::new(batch, inputs, outputs);
        let below = |team: &Team, with_transpose: bool| {
            let w = Weights::from_rows(MatRef::new(&case.w, outputs, inputs).unwrap(), with_transpose);
            assert_eq!(w.turned.is_some(), outputs > 1 && (with_transpose || w.kept.is_by_outputs()));
            let mut below = vec![T::from_f64(f64::NAN); batch * inputs];
            let to = MatMut::new(&mut below, batch, inputs).unwrap();
            backward_input(team, case.dz(), &w, Activation::Tanh, case.x(), to).unwrap();
            bits(&below)
        };
        let expected = below(&Team::serial(), true);
        for threads in 1..=3 {
            assert_eq!(below(&Team::new(threads), false), expected, "{batch} × {inputs} × {outputs} on {threads}");
        }
    }
    for shape in SHAPES.into_iter().chain([(900, 30, 300), (20, 15, 1100), (100, 70, 90)]) {
        check::<f32>(shape);
        check::<f64>(shape);
    }
}

#[test]
fn weights_beyond_the_second_cache_have_no_copy() {
    let rows = crate::machine::caches().l2 / size_of::<f64>() / 64;
    let large = |rows: usize| Weights::from_rows(MatRef::new(&vec![0.5; rows * 64], 64, rows).unwrap(), true);
    assert!(large(rows).turned.is_some() && large(rows + 1).turned.is_none());
}

/// As if packed anew, in both orders.
#[test]
fn weights_that_are_replaced_leave_nothing_behind() {
    for (_, inputs, outputs) in SHAPES {
        let (old, new) = (numbers::<f32>(outputs * inputs, 5), numbers(outputs * inputs, 6));
        let rows = MatRef::new(&new, outputs, inputs).unwrap();
        for with_transpose in [true, false] {
            let mut w = Weights::from_rows(MatRef::new(&old, outputs, inputs).unwrap(), with_transpose);
            w.set_rows(rows).unwrap();
            let afresh = Weights::from_rows(rows, with_transpose);
            let lines = |w: &Weights<f32>| {
                [Some(w.kept.packed()), w.turned.as_ref()].map(|lines| lines.map(|l| bits(l.lines())))
            };
            assert_eq!(lines(&w), lines(&afresh), "{inputs} × {outputs}");
        }
    }
}

/// As if made anew from the numbers in the other type, in whichever order those are kept.
#[test]
fn weights_of_another_type_are_kept_as_that_type_is() {
    fn check<T: Element, U: Element>((batch, inputs, outputs): (usize, usize, usize)) {
        let w: Vec<U> = Case::<T>::new(batch, inputs, outputs).w.iter().map(|w| U::from_f64(w.to_f64())).collect();
        let expected = Weights::from_rows(MatRef::new(&w, outputs, inputs).unwrap(), true);
        let got: Weights<U> = Case::<T>::new(batch, inputs, outputs).weights().cast(true);
        assert_eq!(bits(got.kept.packed().lines()), bits(expected.kept.packed().lines()), "{inputs} × {outputs}");
        let turned = |w: &Weights<U>| w.turned.as_ref().map(|turned| bits(turned.lines()));
        assert_eq!(turned(&got), turned(&expected), "{inputs} × {outputs}");
    }
    for shape in SHAPES {
        check::<f32, f64>(shape);
        check::<f64, f32>(shape);
    }
}
