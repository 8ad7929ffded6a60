//! The products that are timed: those of a network's layers, and squares.

use super::shapes::{Layout, Shape};
use crate::choice::Dtype;

/// One of them, in `f32` or `f64`.
pub(super) struct Product {
    /// What it is called, and its sizes.
    pub shape: Shape,
    /// The type of its elements.
    pub dtype: Dtype,
}

/// All of them.
pub(super) fn all() -> Vec<Product> {
    let forward = [[1, 128, 784], [8, 128, 784], [32, 128, 784], [128, 128, 784], [128, 10, 128], [512, 1024, 1024]];
    let down = [[128, 128, 10], [512, 1024, 1024]];
    let weights = [[10, 128, 128], [128, 784, 128], [1024, 1024, 512]];
    let squares = [32, 128, 256, 512, 1024].map(|side| [side; 3]);
    let mut all = Vec::new();
    let mut add = |kind: &str, sizes: &[[usize; 3]], layout, dtype| {
        all.extend(sizes.iter().map(|&[m, n, k]| {
            let name = format!("{kind} {m}×{n}×{k}{}", if dtype == Dtype::F64 { " f64" } else { "" });
            Product { shape: Shape::new(name, [m, n, k], layout), dtype }
        }));
    };
    add("forward", &forward, Layout::NT, Dtype::F32);
    add("dX", &down, Layout::NN, Dtype::F32);
    add("dW", &weights, Layout::TN, Dtype::F32);
    add("square", &squares, Layout::NN, Dtype::F32);
    add("square", &[[512; 3]], Layout::NN, Dtype::F64);
    all
}

/// Whether B can be weights, which are packed once and used often.
pub(super) fn can_pack(shape: &Shape) -> bool {
    !shape.layout.a_transposed
}
