//! Who is timed, one file each. A contender turns a problem into something that can be repeated; all get the same A and
//! B in memory, a C of their own that begins 16 bytes behind a page, as a large `Vec` does (or where `--offset` says), the same layout, the same
//! leading dimensions and the same number of threads. Some of them pack B beforehand, as weights may be that many batches are multiplied by; what they ask of C in return is theirs to say. Where B is a
//! single column, they get the transposed product instead, of the same numbers: the matrix is B then.

mod blas;
mod blis;
mod deltarule;
mod faer;
mod gemm;
mod gemmkit;
mod library;
mod matrixmultiply;
mod packed_blas;

pub use blas::Blas;
pub use deltarule::{Ours, Prepacked, team};
pub use faer::Faer;
pub use gemm::Gemm;
pub use gemmkit::{Gemmkit, PackedGemmkit};
pub use matrixmultiply::Matrixmultiply;
pub use packed_blas::PackedBlas;

use crate::problem::Problem;
use deltarule_kernels::Element;

/// The element types that every contender computes in.
pub trait Real:
    Element + ::faer::traits::ComplexField + ::gemmkit::GemmScalar + self::matrixmultiply::Routine + blas::Routine
{
}
impl Real for f32 {}
impl Real for f64 {}

/// `calls` products into C, which is m × n and row-major unless its contender [writes columns](Contender::writes_columns), with the
/// [leading dimension](Problem::c_lead) of its problem; α = 1, β = 0. All calls are made, though one fails: the first error is returned.
pub type Run<'a, T> = Box<dyn FnMut(&mut [T], usize) -> Result<(), String> + 'a>;

/// A library that multiplies.
pub trait Contender<T> {
    /// What it is called in the table.
    fn name(&self) -> &str;
    /// One of ours: not counted among the peers.
    fn is_ours(&self) -> bool {
        false
    }
    /// Ours on one thread, where the others have several.
    fn is_alone(&self) -> bool {
        false
    }
    /// B is packed beforehand, outside the timing.
    fn is_packed(&self) -> bool {
        false
    }
    /// C is column-major.
    fn writes_columns(&self) -> bool {
        false
    }
    /// Version and kernels of the library, where it tells them.
    fn library(&self) -> Option<&str> {
        None
    }
    /// Everything up to the product itself, done once outside the timing.
    ///
    /// # Errors
    /// This contender cannot compute this product.
    fn prepare<'a>(&'a self, problem: &'a Problem<T>) -> Result<Run<'a, T>, String>;
}

/// All contenders: ours, the crates, then the BLAS libraries given by name and path.
///
/// # Errors
/// A BLAS library cannot be loaded.
pub fn all<T: Real>(threads: usize, blas: &[(String, String)]) -> Result<Vec<Box<dyn Contender<T>>>, String> {
    let mut all: Vec<Box<dyn Contender<T>>> = vec![
        Box::new(Ours::new(threads)),
        Box::new(Prepacked::new(threads)),
        Box::new(Matrixmultiply),
        Box::new(Gemm { threads }),
        Box::new(Faer { threads }),
        Box::new(Gemmkit { threads }),
        Box::new(PackedGemmkit { threads }),
    ];
    if threads > 1 {
        all.insert(1, Box::new(Ours::alone()));
    }
    for (name, path) in blas {
        let (plain, packed) = Blas::<T>::load(name, path, threads)?;
        all.push(Box::new(plain));
        all.extend(packed.map(|packed| Box::new(packed) as Box<dyn Contender<T>>));
    }
    Ok(all)
}
