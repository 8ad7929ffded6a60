//! The crate `gemmkit`: the plain call, and the one whose right-hand side was packed beforehand.

use super::{Contender, Run};
use crate::problem::Problem;
use deltarule_kernels::Element;
use gemmkit::{GemmScalar, MatMut, MatRef, Parallelism, Workspace};

/// `gemmkit::gemm_with`, on this many threads of the global rayon pool, in a workspace that is kept.
pub struct Gemmkit {
    /// How many.
    pub threads: usize,
}

/// `gemmkit::gemm_packed_b_with`, on this many threads of the global rayon pool, in a workspace that is kept.
pub struct PackedGemmkit {
    /// How many.
    pub threads: usize,
}

/// One thread needs no pool.
fn parallelism(threads: usize) -> Parallelism {
    if threads == 1 { Parallelism::Serial } else { Parallelism::Rayon(threads) }
}

impl<T: Element + GemmScalar> Contender<T> for Gemmkit {
    fn name(&self) -> &str {
        "gemmkit"
    }
    fn prepare<'a>(&'a self, problem: &'a Problem<T>) -> Result<Run<'a, T>, String> {
        let (m, n, k) = (problem.shape.m, problem.shape.n, problem.shape.k);
        let (rsa, csa) = problem.a_strides();
        let (rsb, csb) = problem.b_strides();
        let (a, b): (&[T], &[T]) = (&problem.a, &problem.b);
        let lead = problem.c_lead(false) as isize;
        let parallelism = parallelism(self.threads);
        let mut workspace = Workspace::new();
        Ok(Box::new(move |c, calls| {
            for _ in 0..calls {
                let a = MatRef::new(a, m, k, rsa as isize, csa as isize);
                let b = MatRef::new(b, k, n, rsb as isize, csb as isize);
                let c = MatMut::new(c, m, n, lead, 1);
                gemmkit::gemm_with(&mut workspace, <T as Element>::ONE, a, b, <T as Element>::ZERO, c, parallelism);
            }
            Ok(())
        }))
    }
}

impl<T: Element + GemmScalar> Contender<T> for PackedGemmkit {
    fn name(&self) -> &str {
        "gemmkit packed"
    }
    fn is_packed(&self) -> bool {
        true
    }
    /// For a row-major C the crate exchanges A and B, which it cannot do with a B that is packed: it refuses such a C.
    fn writes_columns(&self) -> bool {
        true
    }
    fn prepare<'a>(&'a self, problem: &'a Problem<T>) -> Result<Run<'a, T>, String> {
        let (m, n, k) = (problem.shape.m, problem.shape.n, problem.shape.k);
        let (rsa, csa) = problem.a_strides();
        let (rsb, csb) = problem.b_strides();
        let (a, b): (&[T], &[T]) = (&problem.a, &problem.b);
        let lead = problem.c_lead(true) as isize;
        let parallelism = parallelism(self.threads);
        let packed = gemmkit::prepack_rhs(MatRef::new(b, k, n, rsb as isize, csb as isize));
        let mut workspace = Workspace::new();
        Ok(Box::new(move |c, calls| {
            for _ in 0..calls {
                let a = MatRef::new(a, m, k, rsa as isize, csa as isize);
                let c = MatMut::new(c, m, n, 1, lead);
                let (one, zero) = (<T as Element>::ONE, <T as Element>::ZERO);
                gemmkit::gemm_packed_b_with(&mut workspace, one, a, &packed, zero, c, parallelism);
            }
            Ok(())
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prepared::Prepared;

    #[test]
    fn a_packed_right_hand_side_gives_the_product_of_every_layout() {
        for shape in ["5x7x11:nn", "5x7x11:nt", "5x7x11:tn", "5x7x11:tt", "1x40x30:nt", "40x1x30:nn", "100x70x300:nt"] {
            let problem = Problem::<f32>::new(shape.parse().unwrap());
            Prepared::new(&PackedGemmkit { threads: 1 }, &problem).unwrap().verify().unwrap();
        }
    }
}
