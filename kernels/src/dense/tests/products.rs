//! Products against chains written out, and the fused update against the two passes that it replaces.

use super::case::{Case, SHAPES, bits};
use crate::activation::Activation;
use crate::dense::{
    Gradient, Moments, Sum, Weights, backward_bias, backward_input, backward_update, backward_weights, bias_sums,
    forward, update,
};
use crate::element::Element;
use crate::execute::Compute;
use crate::isa::Isa;
use crate::optimiser::Rule;
use crate::team::Team;
use crate::view::{MatMut, MatRef};

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
            let Some(transposed) = &w.transposed else {
                assert_eq!(outputs, 1, "only a row is its own transpose");
                continue;
            };
            for o in 0..outputs {
                for i in 0..inputs {
                    let copy = if w.kept.is_by_outputs() { transposed.get(i, o) } else { transposed.get(o, i) };
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
