//! One product to time, of the factors that `deltarule bench` has, and the check that a contender's answer is right.

use crate::placement::{Factor, Placement};
use crate::shapes::{Layout, Shape};
use deltarule_cli::bench::problem::Problem as Dense;
use deltarule_kernels::{Element, MatRef, ShapeError};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The largest product whose every element is checked; of larger ones a sample is.
const CHECK_ALL: usize = 1 << 27;
/// Elements checked of a product too large to check whole.
const SAMPLE: usize = 4096;

/// A product, its factors, and how they and C lie in memory.
pub struct Problem<T> {
    /// Sizes and layout.
    pub shape: Shape,
    /// How A, B and C lie.
    pub placement: Placement,
    /// m × k, or k × m where stored transposed.
    pub a: Factor<T>,
    /// k × n, or n × k where stored transposed.
    pub b: Factor<T>,
}

impl<T: Element> Problem<T> {
    /// Without gaps, the factors where the allocator puts them.
    pub fn new(shape: Shape) -> Self {
        Self::placed(shape, Placement::default())
    }

    /// The same numbers, placed.
    pub fn placed(shape: Shape, placement: Placement) -> Self {
        let Dense { shape, a, b } = Dense::new(shape);
        let rows_of_a = if shape.layout.a_transposed { shape.k } else { shape.m };
        let rows_of_b = if shape.layout.b_transposed { shape.n } else { shape.k };
        Self { a: placement.place(rows_of_a, a), b: placement.place(rows_of_b, b), shape, placement }
    }

    /// Elements from row to row and from column to column of A (m × k).
    pub fn a_strides(&self) -> (usize, usize) {
        let Shape { m, k, layout, .. } = self.shape;
        if layout.a_transposed { (1, self.placement.lead(m)) } else { (self.placement.lead(k), 1) }
    }

    /// Elements from row to row and from column to column of B (k × n).
    pub fn b_strides(&self) -> (usize, usize) {
        let Shape { n, k, layout, .. } = self.shape;
        if layout.b_transposed { (1, self.placement.lead(k)) } else { (self.placement.lead(n), 1) }
    }

    /// The lines of C as it is stored and the elements of each: rows, or columns where it is stored by `columns`.
    pub fn c_lines(&self, columns: bool) -> (usize, usize) {
        let Shape { m, n, .. } = self.shape;
        if columns { (n, m) } else { (m, n) }
    }

    /// Elements from the beginning of one of those lines to that of the next.
    pub fn c_lead(&self, columns: bool) -> usize {
        self.placement.lead(self.c_lines(columns).1)
    }

    /// Elements of C with the gaps between its rows, and behind the last.
    pub fn c_len(&self) -> usize {
        self.shape.m * self.c_lead(false)
    }

    /// A as an m × k view.
    ///
    /// # Errors
    /// Never for a problem made by [`placed`](Self::placed).
    pub fn a_view(&self) -> Result<MatRef<'_, T>, ShapeError> {
        let (row, col) = self.a_strides();
        MatRef::with_strides(&self.a, self.shape.m, self.shape.k, row, col)
    }

    /// B as a k × n view.
    ///
    /// # Errors
    /// Never for a problem made by [`placed`](Self::placed).
    pub fn b_view(&self) -> Result<MatRef<'_, T>, ShapeError> {
        let (row, col) = self.b_strides();
        MatRef::with_strides(&self.b, self.shape.k, self.shape.n, row, col)
    }
}

/// The transpose of a product, Cᵀ = Bᵀ Aᵀ, of the same numbers in memory: of a C of one column, whose transpose is a row. (Without gaps, they
/// lie in memory alike.)
pub fn turned<T>(problem: &Problem<T>) -> Problem<T> {
    let Shape { name, m, n, k, layout } = problem.shape.clone();
    let layout = Layout { a_transposed: !layout.b_transposed, b_transposed: !layout.a_transposed };
    let shape = Shape { name, m: n, n: m, k, layout };
    Problem { shape, placement: problem.placement, a: problem.b.clone(), b: problem.a.clone() }
}

/// Compares `c` with the product in `f64`: each element within `γ(k+3) · Σ |a||b|`, the bound of any order of
/// summation. NaN fails. C is row-major, or column-major where it is said to be stored by `columns`.
///
/// # Errors
/// Names the first element that is wrong.
pub fn verify<T: Element>(problem: &Problem<T>, c: &[T], columns: bool) -> Result<(), String> {
    let Shape { m, n, k, .. } = problem.shape;
    let lead = problem.c_lead(columns);
    let all = m * n <= SAMPLE || m * n * k <= CHECK_ALL;
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let unit = T::EPSILON.to_f64() / 2.0;
    let terms = (k + 3) as f64 * unit;
    let gamma = terms / (1.0 - terms);
    for nth in 0..if all { m * n } else { SAMPLE } {
        let nth = if all { nth } else { random.random_range(0..m * n) };
        let (i, j) = (nth / n, nth % n);
        let at = if columns { j * lead + i } else { i * lead + j };
        let (sum, magnitude) = element(problem, i, j);
        let error = (c[at].to_f64() - sum).abs();
        let within = error <= gamma * magnitude;
        if !within {
            return Err(format!("element ({i}, {j}) is {}, but should be {sum}", c[at]));
        }
    }
    Ok(())
}

/// Looks for numbers between the rows of a C, or its columns, that was filled with NaN before the product.
///
/// # Errors
/// Names the first row or column behind which something was written.
pub fn verify_gaps<T: Element>(problem: &Problem<T>, c: &[T], columns: bool) -> Result<(), String> {
    let len = problem.c_lines(columns).1;
    let is_written = |line: &[T]| line[len..].iter().any(|c| !c.to_f64().is_nan());
    match c.chunks_exact(problem.c_lead(columns)).position(is_written) {
        Some(line) => Err(format!("the gap behind {} {line} was written", if columns { "column" } else { "row" })),
        None => Ok(()),
    }
}

/// `Σ a b` and `Σ |a b|` of element (i, j), in `f64`.
fn element<T: Element>(problem: &Problem<T>, i: usize, j: usize) -> (f64, f64) {
    let ((ar, ac), (br, bc)) = (problem.a_strides(), problem.b_strides());
    let (a, b): (&[T], &[T]) = (&problem.a, &problem.b);
    (0..problem.shape.k).fold((0.0, 0.0), |(sum, magnitude), p| {
        let product = a[i * ar + p * ac].to_f64() * b[p * br + j * bc].to_f64();
        (sum + product, magnitude + product.abs())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_lies_in_memory_as_its_transpose_does() {
        for shape in ["5x1x7:nn", "5x1x7:tn", "5x1x7:nt", "5x1x7:tt"] {
            let problem = Problem::<f64>::new(shape.parse().unwrap());
            let turned = turned(&problem);
            let c: Vec<f64> = (0..5).map(|j| element(&turned, 0, j).0).collect();
            assert_eq!((verify(&problem, &c, false), verify(&turned, &c, false)), (Ok(()), Ok(())), "{shape}");
        }
    }

    #[test]
    fn numbers_are_the_same_wherever_they_lie() {
        let placement = Placement { lead: Some(16), offset: Some(8) };
        for shape in ["5x3x7:nn", "5x3x7:tn", "5x3x7:nt", "5x3x7:tt", "5x1x7:nn"] {
            let shape: Shape = shape.parse().unwrap();
            let (dense, placed) = (Problem::<f32>::new(shape.clone()), Problem::<f32>::placed(shape, placement));
            for (i, j) in [(0, 0), (4, dense.shape.n - 1)] {
                let (turned_dense, turned_placed) = (turned(&dense), turned(&placed));
                assert_eq!(element(&dense, i, j), element(&placed, i, j));
                assert_eq!(element(&turned_dense, j, i), element(&turned_placed, j, i));
            }
        }
    }

    #[test]
    fn what_is_written_between_rows_is_found() {
        let placement = Placement { lead: Some(4), offset: None };
        let problem = Problem::<f32>::placed("2x3x1:nn".parse().unwrap(), placement);
        let mut c = vec![f32::NAN; problem.c_len()];
        c[4] = 1.0;
        verify_gaps(&problem, &c, false).unwrap();
        c[7] = 1.0;
        assert_eq!(verify_gaps(&problem, &c, false).unwrap_err(), "the gap behind row 1 was written");
    }
}
