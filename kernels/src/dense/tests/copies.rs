//! Weights and their copy for the way back: that it follows, when there is none, and what other weights leave of it.

use super::case::{Case, SHAPES, bits, numbers};
use crate::activation::Activation;
use crate::dense::{Moments, Weights, backward_input, backward_update};
use crate::element::Element;
use crate::optimiser::Rule;
use crate::team::Team;
use crate::view::{MatMut, MatRef};

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
            assert_eq!(w.transposed.is_some(), outputs > 1 && (with_transpose || w.kept.is_by_outputs()));
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
    assert!(large(rows).transposed.is_some() && large(rows + 1).transposed.is_none());
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
                [Some(w.kept.packed()), w.transposed.as_ref()].map(|lines| lines.map(|l| bits(l.lines())))
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
        let transposed = |w: &Weights<U>| w.transposed.as_ref().map(|transposed| bits(transposed.lines()));
        assert_eq!(transposed(&got), transposed(&expected), "{inputs} × {outputs}");
    }
    for shape in SHAPES {
        check::<f32, f64>(shape);
        check::<f64, f32>(shape);
    }
}
