//! What is summed over a batch or a gradient, and what is found on the way.

use super::case::{Case, bits};
use crate::dense::{BIAS_ROWS, Gradient, Sum, add_bias_sums, backward_bias, backward_weights, bias_sums};
use crate::element::Element;
use crate::isa::Isa;
use crate::team::Team;
use std::panic::{AssertUnwindSafe, catch_unwind};

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
