//! The crate `gemmkit`.

use super::{Contender, Run};
use crate::problem::Problem;
use deltarule_kernels::Element;
use gemmkit::{GemmScalar, MatMut, MatRef, Parallelism, Workspace};

/// `gemmkit::gemm_with`, on this many threads of the global rayon pool, in a workspace that is kept.
pub struct Gemmkit {
    /// How many.
    pub threads: usize,
}

impl<T: Element + GemmScalar> Contender<T> for Gemmkit {
    fn name(&self) -> &str {
        "gemmkit"
    }
    fn prepare<'a>(&'a self, problem: &'a Problem<T>) -> Result<Run<'a, T>, String> {
        let (m, n, k) = (problem.shape.m, problem.shape.n, problem.shape.k);
        let (rsa, csa) = problem.a_strides();
        let (rsb, csb) = problem.b_strides();
        let parallelism = if self.threads == 1 { Parallelism::Serial } else { Parallelism::Rayon(self.threads) };
        let mut workspace = Workspace::new();
        Ok(Box::new(move |c, calls| {
            for _ in 0..calls {
                let a = MatRef::new(&problem.a, m, k, rsa as isize, csa as isize);
                let b = MatRef::new(&problem.b, k, n, rsb as isize, csb as isize);
                let c = MatMut::from_row_major(c, m, n);
                gemmkit::gemm_with(&mut workspace, <T as Element>::ONE, a, b, <T as Element>::ZERO, c, parallelism);
            }
            Ok(())
        }))
    }
}
