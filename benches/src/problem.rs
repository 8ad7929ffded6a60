//! One product to time: its factors, and the check that a contender's answer is right.

use crate::shapes::{Layout, Shape};
use deltarule_kernels::{Element, MatRef, ShapeError};

/// The largest product whose every element is checked; of larger ones a sample is.
const CHECK_ALL: usize = 1 << 27;
/// Elements checked of a product too large to check whole.
const SAMPLE: usize = 4096;

/// The factors of one product, stored as its layout says.
pub struct Problem<T> {
    /// Sizes and layout.
    pub shape: Shape,
    /// m × k, or k × m where stored transposed.
    pub a: Vec<T>,
    /// k × n, or n × k where stored transposed.
    pub b: Vec<T>,
}

impl<T: Element> Problem<T> {
    /// Factors with entries in (−1, 1), the same in every run.
    pub fn new(shape: Shape) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15;
        let mut fill = |len: usize| (0..len).map(|_| T::from_f64(next_uniform(&mut state))).collect::<Vec<T>>();
        let (a, b) = (fill(shape.m * shape.k), fill(shape.k * shape.n));
        Self { shape, a, b }
    }

    /// The transpose, Cᵀ = Bᵀ Aᵀ, of the same numbers in memory: of a C of one column, which lies in memory as its transpose does.
    pub fn turned(&self) -> Self {
        let Shape { case, m, n, k, layout } = self.shape.clone();
        let layout = Layout { a_transposed: !layout.b_transposed, b_transposed: !layout.a_transposed };
        Self { shape: Shape { case, m: n, n: m, k, layout }, a: self.b.clone(), b: self.a.clone() }
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

    /// Compares `c` with the product in `f64`: each element within `γ(k+3) · Σ |a||b|`, the bound of any order of
    /// summation. NaN fails. C is row-major, or column-major where it is said to be stored by `columns`.
    ///
    /// # Errors
    /// Names the first element that is wrong.
    pub fn verify(&self, c: &[T], columns: bool) -> Result<(), String> {
        let Shape { m, n, k, .. } = self.shape;
        let all = m * n <= SAMPLE || m * n * k <= CHECK_ALL;
        let mut state = 0x2545_f491_4f6c_dd1d;
        let unit = T::EPSILON.to_f64() / 2.0;
        let terms = (k + 3) as f64 * unit;
        let gamma = terms / (1.0 - terms);
        for nth in 0..if all { m * n } else { SAMPLE } {
            let at = if all { nth } else { next_index(&mut state, m * n) };
            let (i, j) = if columns { (at % m, at / m) } else { (at / n, at % n) };
            let (sum, magnitude) = self.element(i, j);
            let error = (c[at].to_f64() - sum).abs();
            let within = error <= gamma * magnitude;
            if !within {
                return Err(format!("element ({i}, {j}) is {}, but should be {sum}", c[at]));
            }
        }
        Ok(())
    }

    /// `Σ a b` and `Σ |a b|` of element (i, j), in `f64`.
    fn element(&self, i: usize, j: usize) -> (f64, f64) {
        let ((ar, ac), (br, bc)) = (self.a_strides(), self.b_strides());
        (0..self.shape.k).fold((0.0, 0.0), |(sum, magnitude), p| {
            let product = self.a[i * ar + p * ac].to_f64() * self.b[p * br + j * bc].to_f64();
            (sum + product, magnitude + product.abs())
        })
    }
}

/// xorshift64*: enough for test data, and no dependency.
fn next_random(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

/// Uniform in (−1, 1).
pub fn next_uniform(state: &mut u64) -> f64 {
    (next_random(state) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// Uniform in `0..len`.
pub fn next_index(state: &mut u64, len: usize) -> usize {
    (next_random(state) % len as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_lies_in_memory_as_its_transpose_does() {
        for shape in ["5x1x7:nn", "5x1x7:tn", "5x1x7:nt", "5x1x7:tt"] {
            let problem = Problem::<f64>::new(shape.parse().unwrap());
            let turned = problem.turned();
            let c: Vec<f64> = (0..5).map(|j| turned.element(0, j).0).collect();
            assert_eq!((problem.verify(&c, false), turned.verify(&c, false)), (Ok(()), Ok(())), "{shape}");
        }
    }
}
