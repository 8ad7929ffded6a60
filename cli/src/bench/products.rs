//! The products that are timed: those of a network's layers, and squares.
//!
//! A layer of `n` outputs over `k` inputs, with a batch of `m` rows, has three:
//! ```text
//! forward  Z  = X Wᵀ     m×k · (n×k)ᵀ    W is stored as outputs × inputs, or packed once
//! dX       dX = dZ W     m×n · n×k       likewise
//! dW       dW = dZᵀ X    (m×n)ᵀ · m×k    both factors are new in every step, so packing ahead has no meaning
//! ```

use deltarule_kernels::{MatRef, ShapeError};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One product, C (m×n) = A (m×k) · B (k×n), and what it is called.
pub(super) struct Product {
    /// The name in the table.
    pub name: String,
    /// Rows of C.
    pub m: usize,
    /// Columns of C.
    pub n: usize,
    /// Length of the sums.
    pub k: usize,
    /// A is stored as k × m.
    pub a_transposed: bool,
    /// B is stored as n × k.
    pub b_transposed: bool,
}

impl Product {
    fn named(name: &str, [m, n, k]: [usize; 3], a_transposed: bool, b_transposed: bool) -> Self {
        Self { name: format!("{name} {m}×{n}×{k}"), m, n, k, a_transposed, b_transposed }
    }

    /// Floating-point operations: a multiply and an add for each of m·n·k.
    pub(super) fn flops(&self) -> f64 {
        2.0 * self.m as f64 * self.n as f64 * self.k as f64
    }

    /// Whether B can be weights, which are packed once and used often.
    pub(super) fn can_pack(&self) -> bool {
        !self.a_transposed
    }

    /// `nt` for a forward product: how each factor is stored.
    pub(super) fn layout(&self) -> String {
        let letter = |transposed| if transposed { 't' } else { 'n' };
        [self.a_transposed, self.b_transposed].map(letter).iter().collect()
    }

    /// A and B with entries in (−1, 1), the same in every run.
    pub(super) fn factors(&self) -> Factors<'_> {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut fill = |len: usize| (0..len).map(|_| random.random_range(-1.0f32..1.0)).collect();
        Factors { a: fill(self.m * self.k), b: fill(self.k * self.n), product: self }
    }
}

/// The factors of one product, stored as it says.
pub(super) struct Factors<'p> {
    product: &'p Product,
    a: Vec<f32>,
    b: Vec<f32>,
}

impl Factors<'_> {
    /// A, m × k.
    pub(super) fn a(&self) -> Strided<'_> {
        let &Product { m, k, a_transposed, .. } = self.product;
        let (row_stride, col_stride) = if a_transposed { (1, m) } else { (k, 1) };
        Strided { data: &self.a, rows: m, cols: k, row_stride, col_stride }
    }

    /// B, k × n.
    pub(super) fn b(&self) -> Strided<'_> {
        let &Product { n, k, b_transposed, .. } = self.product;
        let (row_stride, col_stride) = if b_transposed { (1, k) } else { (n, 1) };
        Strided { data: &self.b, rows: k, cols: n, row_stride, col_stride }
    }

    /// The magnitudes of the factors.
    pub(super) fn magnitudes(&self) -> Self {
        let magnitudes = |values: &[f32]| values.iter().map(|value| value.abs()).collect();
        Self { product: self.product, a: magnitudes(&self.a), b: magnitudes(&self.b) }
    }
}

/// A matrix in a slice: sizes, and elements from row to row and from column to column.
#[derive(Clone, Copy)]
pub(super) struct Strided<'a> {
    pub data: &'a [f32],
    pub rows: usize,
    pub cols: usize,
    pub row_stride: usize,
    pub col_stride: usize,
}

impl<'a> Strided<'a> {
    /// As a view for the kernels.
    pub(super) fn view(&self) -> Result<MatRef<'a, f32>, ShapeError> {
        MatRef::with_strides(self.data, self.rows, self.cols, self.row_stride, self.col_stride)
    }
}

/// The products that are timed.
pub(super) fn all() -> Vec<Product> {
    let forward = [[1, 128, 784], [32, 128, 784], [128, 128, 784], [512, 1024, 1024]];
    let down = [[128, 128, 10], [512, 1024, 1024]];
    let weights = [[10, 128, 128], [128, 784, 128], [1024, 1024, 512]];
    let squares = [128, 256, 512, 1024];
    let mut all: Vec<Product> = forward.map(|sizes| Product::named("forward", sizes, false, true)).into();
    all.extend(down.map(|sizes| Product::named("dX", sizes, false, false)));
    all.extend(weights.map(|sizes| Product::named("dW", sizes, true, false)));
    all.extend(squares.map(|side| Product::named("square", [side; 3], false, false)));
    all
}
