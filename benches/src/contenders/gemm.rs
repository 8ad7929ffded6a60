//! The crate `gemm`, with its AVX-512 kernels (`x86-v4`).

use super::{Contender, Run};
use crate::problem::Problem;
use deltarule_kernels::Element;
use gemm::Parallelism;

/// `gemm::gemm`, on this many threads of the global rayon pool.
pub struct Gemm {
    /// How many.
    pub threads: usize,
}

impl<T: Element> Contender<T> for Gemm {
    fn name(&self) -> &str {
        "gemm"
    }
    fn prepare<'a>(&'a self, problem: &'a Problem<T>) -> Result<Run<'a, T>, String> {
        let (m, n, k) = (problem.shape.m, problem.shape.n, problem.shape.k);
        let (rsa, csa) = problem.a_strides();
        let (rsb, csb) = problem.b_strides();
        let (a, b): (&[T], &[T]) = (&problem.a, &problem.b);
        let (lead, needed) = (problem.c_lead(false), problem.c_len());
        let parallelism = if self.threads == 1 { Parallelism::None } else { Parallelism::Rayon(self.threads) };
        Ok(Box::new(move |c, calls| {
            assert!(c.len() >= needed);
            for _ in 0..calls {
                // SAFETY: a `Problem` holds an m × k and a k × n matrix in these strides, and C was checked above. Strides are
                // taken column first; `alpha` scales C and is not read.
                unsafe {
                    gemm::gemm(
                        m,
                        n,
                        k,
                        c.as_mut_ptr(),
                        1,
                        lead as isize,
                        false,
                        a.as_ptr(),
                        csa as isize,
                        rsa as isize,
                        b.as_ptr(),
                        csb as isize,
                        rsb as isize,
                        T::ZERO,
                        T::ONE,
                        false,
                        false,
                        false,
                        parallelism,
                    );
                }
            }
            Ok(())
        }))
    }
}
