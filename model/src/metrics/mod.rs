//! How good predictions are, in the conventions of scikit-learn.

mod auc;
mod confusion;
mod values;

pub use auc::roc_auc;
pub use confusion::{ClassScore, Confusion};
pub use values::ValueScores;
pub(crate) use values::mean_r2;

/// The share of labels that were predicted.
///
/// ```
/// assert_eq!(deltarule::metrics::accuracy(&[0, 1, 2, 2], &[0, 1, 1, 2]), 0.75);
/// ```
pub fn accuracy(truth: &[u32], predicted: &[u32]) -> f64 {
    let right = truth.iter().zip(predicted).filter(|(t, p)| t == p).count();
    ratio(right as f64, truth.len() as f64)
}

/// `a / b`, and 0 for nothing out of nothing.
fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}
