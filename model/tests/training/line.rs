//! The smallest thing to learn, for tests of how it is learnt: a line, and the net of one weight that finds it.

use deltarule::{Dataset, Mlp};

/// `y = 2 x + 1` with some noise.
pub(crate) fn line(rows: u32) -> Dataset<f64> {
    let x: Vec<f64> = (0..rows).map(|i| f64::from(i * 37 % 100) / 50.0 - 1.0).collect();
    let y = x.iter().enumerate().map(|(i, x)| 2.0 * x + 1.0 + 0.1 * ((i * 13 % 7) as f64 / 3.5 - 1.0)).collect();
    Dataset::with_values(x, 1, y, 1).expect("good data")
}

/// The net.
pub(crate) fn linear() -> Mlp<f64> {
    Mlp::builder(&[1, 1]).seed(1).build().expect("widths")
}

/// All weights and biases, as bits.
pub(crate) fn weights(model: &Mlp<f64>) -> Vec<u64> {
    let layers = model.layers().iter();
    layers.flat_map(|l| l.weights().into_iter().chain(l.bias().to_vec())).map(f64::to_bits).collect()
}
