//! The check that a contender's answer is right.

pub use deltarule_cli::bench::problem::Problem;

use crate::shapes::{Layout, Shape};
use deltarule_kernels::Element;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The largest product whose every element is checked; of larger ones a sample is.
const CHECK_ALL: usize = 1 << 27;
/// Elements checked of a product too large to check whole.
const SAMPLE: usize = 4096;

/// The transpose of a product, Cᵀ = Bᵀ Aᵀ, of the same numbers in memory: of a C of one column, which lies in memory as its transpose does.
pub fn turned<T: Element>(problem: &Problem<T>) -> Problem<T> {
    let Shape { name, m, n, k, layout } = problem.shape.clone();
    let layout = Layout { a_transposed: !layout.b_transposed, b_transposed: !layout.a_transposed };
    Problem { shape: Shape { name, m: n, n: m, k, layout }, a: problem.b.clone(), b: problem.a.clone() }
}

/// Compares `c` with the product in `f64`: each element within `γ(k+3) · Σ |a||b|`, the bound of any order of
/// summation. NaN fails. C is row-major, or column-major where it is said to be stored by `columns`.
///
/// # Errors
/// Names the first element that is wrong.
pub fn verify<T: Element>(problem: &Problem<T>, c: &[T], columns: bool) -> Result<(), String> {
    let Shape { m, n, k, .. } = problem.shape;
    let all = m * n <= SAMPLE || m * n * k <= CHECK_ALL;
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let unit = T::EPSILON.to_f64() / 2.0;
    let terms = (k + 3) as f64 * unit;
    let gamma = terms / (1.0 - terms);
    for nth in 0..if all { m * n } else { SAMPLE } {
        let at = if all { nth } else { random.random_range(0..m * n) };
        let (i, j) = if columns { (at % m, at / m) } else { (at / n, at % n) };
        let (sum, magnitude) = element(problem, i, j);
        let error = (c[at].to_f64() - sum).abs();
        let within = error <= gamma * magnitude;
        if !within {
            return Err(format!("element ({i}, {j}) is {}, but should be {sum}", c[at]));
        }
    }
    Ok(())
}

/// `Σ a b` and `Σ |a b|` of element (i, j), in `f64`.
fn element<T: Element>(problem: &Problem<T>, i: usize, j: usize) -> (f64, f64) {
    let ((ar, ac), (br, bc)) = (problem.a_strides(), problem.b_strides());
    (0..problem.shape.k).fold((0.0, 0.0), |(sum, magnitude), p| {
        let product = problem.a[i * ar + p * ac].to_f64() * problem.b[p * br + j * bc].to_f64();
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
}
