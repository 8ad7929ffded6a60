//! The products that are timed: those of a network's layers, and squares.

use super::shapes::{Layout, Shape};

/// All of them.
pub(super) fn all() -> Vec<Shape> {
    let forward = [[1, 128, 784], [32, 128, 784], [128, 128, 784], [512, 1024, 1024]];
    let down = [[128, 128, 10], [512, 1024, 1024]];
    let weights = [[10, 128, 128], [128, 784, 128], [1024, 1024, 512]];
    let squares = [128, 256, 512, 1024].map(|side| [side; 3]);
    let mut all = Vec::new();
    let mut add = |kind: &str, sizes: &[[usize; 3]], layout| {
        all.extend(sizes.iter().map(|&[m, n, k]| Shape::new(format!("{kind} {m}×{n}×{k}"), [m, n, k], layout)));
    };
    add("forward", &forward, Layout::NT);
    add("dX", &down, Layout::NN);
    add("dW", &weights, Layout::TN);
    add("square", &squares, Layout::NN);
    all
}

/// Whether B can be weights, which are packed once and used often.
pub(super) fn can_pack(shape: &Shape) -> bool {
    !shape.layout.a_transposed
}
