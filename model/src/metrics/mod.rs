//! How good predictions are, in the conventions of scikit-learn.
//!
//! Truth and predictions are slices of one length: a score of rows of which one of them says nothing would be a score of other data.

mod auc;
mod confusion;
mod values;

pub use auc::roc_auc;
pub use confusion::{ClassScore, Confusion};
pub use values::ValueScores;
pub(crate) use values::mean_r2;

/// The share of labels that were predicted.
///
/// Several labels a row count one by one, so that it is the mean over the labels of the accuracy of each. scikit-learn's
/// `accuracy_score` is stricter there: it counts the rows whose labels were all predicted.
///
/// ```
/// assert_eq!(deltarule::metrics::accuracy(&[0, 1, 2, 2], &[0, 1, 1, 2]), 0.75);
/// ```
///
/// # Panics
/// The slices differ in length.
pub fn accuracy(truth: &[u32], predicted: &[u32]) -> f64 {
    check_lengths(truth.len(), predicted.len());
    let right = truth.iter().zip(predicted).filter(|(t, p)| t == p).count();
    ratio(right as f64, truth.len() as f64)
}

/// Where lengths differ, the program is wrong, not the data.
fn check_lengths(truth: usize, predicted: usize) {
    assert_eq!(predicted, truth, "truth and predictions must have one length");
}

/// `a / b`, and 0 for nothing out of nothing.
fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}
