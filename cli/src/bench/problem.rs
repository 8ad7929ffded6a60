//! One product to time: its factors, stored as its layout says. They are noise: a product's time does not depend on them.

use deltarule_kernels::{Element, MatRef, ShapeError};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::shapes::Shape;

/// A product and its factors.
pub struct Problem<T> {
    /// Sizes and layout.
    pub shape: Shape,
    /// m × k, or k × m where stored transposed.
    pub a: Vec<T>,
    /// k × n, or n × k where stored transposed.
    pub b: Vec<T>,
}

impl<T: Element> Problem<T> {
    /// Factors with entries in [−1, 1), the same in every run.
    pub fn new(shape: Shape) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut fill = |len: usize| (0..len).map(|_| T::from_f64(random.random_range(-1.0..1.0))).collect();
        let (a, b) = (fill(shape.m * shape.k), fill(shape.k * shape.n));
        Self { shape, a, b }
    }

    /// Elements from row to row and from column to column of A (m × k).
    pub fn a_strides(&self) -> (usize, usize) {
        if self.shape.layout.a_transposed { (1, self.shape.m) } else { (self.shape.k, 1) }
    }

    /// Elements from row to row and from column to column of B (k × n).
    pub fn b_strides(&self) -> (usize, usize) {
        if self.shape.layout.b_transposed { (1, self.shape.k) } else { (self.shape.n, 1) }
    }

    /// A as an m × k view.
    ///
    /// # Errors
    /// Never for a problem made by [`new`](Self::new).
    pub fn a_view(&self) -> Result<MatRef<'_, T>, ShapeError> {
        let (row, col) = self.a_strides();
        MatRef::with_strides(&self.a, self.shape.m, self.shape.k, row, col)
    }

    /// B as a k × n view.
    ///
    /// # Errors
    /// Never for a problem made by [`new`](Self::new).
    pub fn b_view(&self) -> Result<MatRef<'_, T>, ShapeError> {
        let (row, col) = self.b_strides();
        MatRef::with_strides(&self.b, self.shape.k, self.shape.n, row, col)
    }
}
