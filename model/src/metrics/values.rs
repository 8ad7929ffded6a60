//! Scores of predicted numbers.

use super::{check_lengths, ratio};
use crate::Element;

/// How far numbers are off.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ValueScores {
    /// Mean absolute error.
    pub mae: f64,
    /// Root of the mean squared error: of each output by itself, then averaged over the outputs.
    pub rmse: f64,
    /// The share of the variance that is explained, averaged over the outputs: 1 is perfect, 0 no better than the
    /// mean. For targets that never change: 1 if all are met, else 0.
    pub r2: f64,
}

impl ValueScores {
    /// Compares `rows × outputs` numbers.
    ///
    /// ```
    /// use deltarule::metrics::ValueScores;
    /// let scores = ValueScores::of(&[3.0f64, -0.5, 2.0, 7.0], &[2.5, 0.0, 2.0, 8.0], 1);
    /// assert_eq!((scores.mae, scores.rmse), (0.5, 0.375f64.sqrt()));
    /// assert!((scores.r2 - 0.9486081370449679).abs() < 1e-12);
    /// // Two outputs, whose roots are √(5/12) and 1.
    /// let scores = ValueScores::of(&[0.5f64, 1.0, -1.0, 1.0, 7.0, -6.0], &[0.0, 2.0, -1.0, 2.0, 8.0, -5.0], 2);
    /// assert!((scores.rmse - 0.8227486121839513).abs() < 1e-12);
    /// ```
    ///
    /// # Panics
    /// The slices differ in length, or are not whole rows.
    pub fn of<T: Element>(truth: &[T], predicted: &[T], outputs: usize) -> Self {
        check_lengths(truth.len(), predicted.len());
        assert!(truth.len().is_multiple_of(outputs), "{} numbers are not rows of {outputs}", truth.len());
        let n = truth.len() as f64;
        let off = truth.iter().zip(predicted).map(|(y, a)| (y.to_f64() - a.to_f64()).abs());
        Self {
            mae: ratio(off.sum(), n),
            rmse: mean_rmse(truth, predicted, outputs),
            r2: mean_r2(truth, predicted, outputs),
        }
    }
}

/// The root of each output's mean square, averaged over the outputs, as scikit-learn's `root_mean_squared_error` has it. One root of
/// them all would be that of the output with the largest numbers.
fn mean_rmse<T: Element>(truth: &[T], predicted: &[T], outputs: usize) -> f64 {
    let rmse = |output| {
        let (y, a) = (column(truth, outputs, output), column(predicted, outputs, output));
        let squares: f64 = y.iter().zip(&a).map(|(y, a)| (y - a) * (y - a)).sum();
        ratio(squares, y.len() as f64).sqrt()
    };
    ratio((0..outputs).map(rmse).sum(), outputs as f64)
}

/// R², averaged over the outputs.
pub(crate) fn mean_r2<T: Element>(truth: &[T], predicted: &[T], outputs: usize) -> f64 {
    ratio((0..outputs).map(|output| r2(truth, predicted, outputs, output)).sum(), outputs as f64)
}

/// The numbers of one output.
fn column<T: Element>(values: &[T], outputs: usize, output: usize) -> Vec<f64> {
    values.iter().skip(output).step_by(outputs).map(|v| v.to_f64()).collect()
}

/// R² of one output.
fn r2<T: Element>(truth: &[T], predicted: &[T], outputs: usize, output: usize) -> f64 {
    let (y, a) = (column(truth, outputs, output), column(predicted, outputs, output));
    let mean = ratio(y.iter().sum(), y.len() as f64);
    let rest: f64 = y.iter().zip(&a).map(|(y, a)| (y - a) * (y - a)).sum();
    let whole: f64 = y.iter().map(|y| (y - mean) * (y - mean)).sum();
    // `whole` alone would not tell: the mean of equal numbers may be rounded.
    let never_changes = whole == 0.0 || y.windows(2).all(|pair| pair[0] == pair[1]);
    match never_changes {
        true => f64::from(u8::from(rest == 0.0)),
        false => 1.0 - rest / whole,
    }
}
