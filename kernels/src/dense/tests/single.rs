//! The way back through a layer of a single output: one pass for four operations.

use super::case::{Case, apart, bits, numbers, together};
use crate::activation::Activation;
use crate::dense::{BIAS_ROWS, Below, Gradient, Sum, backward_input, backward_single, backward_weights, bias_sums};
use crate::element::Element;
use crate::isa::Isa;
use crate::team::Team;
use crate::view::{MatMut, MatRef};

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
