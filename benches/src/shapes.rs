//! The products that are timed when no `--shape` is given: those of a training step on the common nets, and squares from tiny to large.

pub use deltarule_cli::bench::shapes::{Layout, Shape};

/// The default set.
pub fn default_set() -> Vec<Shape> {
    let squares = [8, 16, 32, 64, 127, 128, 256, 512, 1024, 2048].map(|side| [side; 3]);
    let fwd = [[1, 128, 784], [8, 128, 784], [32, 128, 784], [128, 128, 784], [128, 10, 128], [512, 1024, 1024]];
    let dx = [[128, 128, 10], [512, 1024, 1024]];
    let dw = [[128, 784, 32], [128, 784, 128], [10, 128, 128], [1024, 1024, 512]];
    let mut set = Vec::new();
    let mut add = |prefix: &str, sizes: &[[usize; 3]], layout| {
        set.extend(sizes.iter().map(|&[m, n, k]| Shape::new(format!("{prefix}{m} {n} {k}"), [m, n, k], layout)));
    };
    add("", &squares, Layout::NN);
    add("fwd ", &fwd, Layout::NT);
    add("dx ", &dx, Layout::NN);
    add("dw ", &dw, Layout::TN);
    set
}
