//! The crate `faer`.

use super::{Contender, Run};
use crate::problem::Problem;
use deltarule_kernels::Element;
use faer::linalg::matmul::matmul;
use faer::traits::ComplexField;
use faer::{Accum, MatMut, MatRef, Par};

/// `faer::linalg::matmul::matmul`, on this many threads of the global rayon pool.
pub struct Faer {
    /// How many.
    pub threads: usize,
}

impl<T: Element + ComplexField> Contender<T> for Faer {
    fn name(&self) -> &str {
        "faer"
    }
    fn prepare<'a>(&'a self, problem: &'a Problem<T>) -> Result<Run<'a, T>, String> {
        let (m, n, k) = (problem.shape.m, problem.shape.n, problem.shape.k);
        let par = if self.threads == 1 { Par::Seq } else { Par::rayon(self.threads) };
        let placement = problem.placement;
        let view = |data: &'a [T], rows: usize, cols: usize, transposed: bool| -> MatRef<'a, T> {
            if transposed {
                MatRef::from_row_major_slice_with_stride(data, cols, rows, placement.lead(rows)).transpose()
            } else {
                MatRef::from_row_major_slice_with_stride(data, rows, cols, placement.lead(cols))
            }
        };
        let a = view(&problem.a, m, k, problem.shape.layout.a_transposed);
        let b = view(&problem.b, k, n, problem.shape.layout.b_transposed);
        let lead = problem.c_lead(false);
        Ok(Box::new(move |c, calls| {
            for _ in 0..calls {
                // As the columns of its transpose: faer 0.24's view of rows with a stride has the two strides the other way round.
                let c = MatMut::from_column_major_slice_with_stride_mut(c, n, m, lead).transpose_mut();
                matmul(c, Accum::Replace, a, b, <T as Element>::ONE, par);
            }
            Ok(())
        }))
    }
}
