//! The crate `matrixmultiply`. Its number of threads comes from the environment variable `MATMUL_NUM_THREADS`, read
//! at its first product: the program sets it before any.

use super::{Contender, Run};
use crate::problem::Problem;
use deltarule_kernels::Element;

/// `matrixmultiply::sgemm` and `dgemm`.
pub struct Matrixmultiply;

/// The routine for an element type.
pub trait Routine: Sized {
    /// C = A B over strides (row, column); C is row-major, of so many elements from row to row.
    ///
    /// # Safety
    /// The pointers must be valid for the m × k, k × n and m × n matrices with these strides.
    unsafe fn multiply(
        sizes: [usize; 3],
        a: (*const Self, [isize; 2]),
        b: (*const Self, [isize; 2]),
        c: (*mut Self, isize),
    );
}

macro_rules! routine {
    ($t:ident, $gemm:ident) => {
        impl Routine for $t {
            #[inline]
            unsafe fn multiply(
                [m, n, k]: [usize; 3],
                (a, [rsa, csa]): (*const $t, [isize; 2]),
                (b, [rsb, csb]): (*const $t, [isize; 2]),
                (c, rsc): (*mut $t, isize),
            ) {
                // SAFETY: the caller's promise is the one that is asked for here.
                unsafe { matrixmultiply::$gemm(m, k, n, 1.0, a, rsa, csa, b, rsb, csb, 0.0, c, rsc, 1) }
            }
        }
    };
}
routine!(f32, sgemm);
routine!(f64, dgemm);

impl<T: Element + Routine> Contender<T> for Matrixmultiply {
    fn name(&self) -> &str {
        "matrixmultiply"
    }
    fn prepare<'a>(&'a self, problem: &'a Problem<T>) -> Result<Run<'a, T>, String> {
        let sizes = [problem.shape.m, problem.shape.n, problem.shape.k];
        let signed = |(row, col): (usize, usize)| [row as isize, col as isize];
        let (a, b) = (signed(problem.a_strides()), signed(problem.b_strides()));
        let (a, b) = ((problem.a.as_ptr(), a), (problem.b.as_ptr(), b));
        let (lead, needed) = (problem.c_lead(false) as isize, problem.c_len());
        Ok(Box::new(move |c, calls| {
            assert!(c.len() >= needed);
            for _ in 0..calls {
                // SAFETY: a `Problem` holds an m × k and a k × n matrix in these strides, and C was checked above.
                unsafe { T::multiply(sizes, a, b, (c.as_mut_ptr(), lead)) }
            }
            Ok(())
        }))
    }
}
