//! Any library with the C interface of BLAS, loaded by path: OpenBLAS, BLIS, MKL and their kin.

use super::{Contender, PackedBlas, Run, blis, library};
use crate::problem::Problem;
use crate::shapes::Shape;
use deltarule_kernels::Element;
use libloading::{Library, Symbol};
use std::ffi::c_int;
use std::marker::PhantomData;

pub(super) const ROW_MAJOR: c_int = 101;
const AS_IT_IS: c_int = 111;
const TRANSPOSED: c_int = 112;
pub(super) const AS_PACKED: c_int = 151;

/// `cblas_sgemm` and `cblas_dgemm`: order, the two transposes, m, n, k, α, A, lda, B, ldb, β, C, ldc.
type Cblas<T> = unsafe extern "C" fn(
    c_int,
    c_int,
    c_int,
    c_int,
    c_int,
    c_int,
    T,
    *const T,
    c_int,
    *const T,
    c_int,
    T,
    *mut T,
    c_int,
);

/// The routines for an element type.
pub trait Routine {
    /// What `cblas_?gemm` has in place of the `?`.
    const LETTER: char;
}
impl Routine for f32 {
    const LETTER: char = 's';
}
impl Routine for f64 {
    const LETTER: char = 'd';
}

/// How the libraries are told their number of threads: by `int`, or (BLIS) by a 64-bit integer, for which the same
/// register serves.
const SET_THREADS: [&[u8]; 5] = [
    b"openblas_set_num_threads\0",
    b"bli_thread_set_num_threads\0",
    b"MKL_Set_Num_Threads\0",
    b"scipy_openblas_set_num_threads\0",
    b"omp_set_num_threads\0",
];

/// A BLAS library.
pub struct Blas<T> {
    name: String,
    description: Option<String>,
    gemm: Cblas<T>,
    element: PhantomData<T>,
}

impl<T: Routine> Blas<T> {
    /// Loads the library at `path` and sets its number of threads. The second is the library with B packed beforehand, if it can do that.
    ///
    /// # Errors
    /// It cannot be loaded, or has no `cblas_?gemm`.
    pub fn load(name: &str, path: &str, threads: usize) -> Result<(Self, Option<PackedBlas<T>>), String> {
        let library = open(path).map_err(|e| format!("--blas {name}={path}: {e}"))?;
        // SAFETY: in every library with this symbol it is the CBLAS function of this signature.
        let gemm = unsafe { routine::<T, Cblas<T>>(&library, "") };
        let gemm = gemm.map_err(|e| format!("--blas {name}={path}: {e}"))?;
        blis::widen(&library);
        set_threads(&library, threads);
        let description = library::description(&library);
        let packed = PackedBlas::of(name, description.as_deref(), &library);
        // Never unloaded: the library's own threads outlive this value, and would wake up in code that is gone.
        std::mem::forget(library);
        Ok((Self { name: name.to_owned(), description, gemm, element: PhantomData }, packed))
    }
}

/// `cblas_?gemm` and what its name goes on with, under that name or with the prefix that scipy's wheel gives it.
///
/// # Safety
/// `F` is the type of that function.
pub(super) unsafe fn routine<T: Routine, F: Copy>(library: &Library, rest: &str) -> Result<F, libloading::Error> {
    let name = format!("cblas_{}gemm{rest}\0", T::LETTER);
    let prefixed = format!("scipy_{name}");
    // SAFETY: the caller's promise is the one that is asked for here.
    let plain: Result<Symbol<'_, F>, _> = unsafe { library.get(name.as_bytes()) };
    // SAFETY: as above.
    let symbol = plain.or_else(|_| unsafe { library.get(prefixed.as_bytes()) })?;
    Ok(*symbol)
}

/// Sizes, transposes and leading dimensions, as the routines take them.
#[derive(Clone, Copy)]
pub(super) struct Arguments {
    pub(super) m: c_int,
    pub(super) n: c_int,
    pub(super) k: c_int,
    pub(super) ta: c_int,
    pub(super) lda: c_int,
    pub(super) tb: c_int,
    pub(super) ldb: c_int,
    pub(super) ldc: c_int,
}

impl Arguments {
    /// Those of a product, row-major.
    pub(super) fn of<T: Element>(problem: &Problem<T>, name: &str) -> Result<Self, String> {
        let int = |size: usize| c_int::try_from(size).map_err(|_| format!("{size} is too large for {name}"));
        let lead = |len| int(problem.placement.lead(len));
        let Shape { m, n, k, layout, .. } = problem.shape;
        let (ta, lda) = if layout.a_transposed { (TRANSPOSED, lead(m)?) } else { (AS_IT_IS, lead(k)?) };
        let (tb, ldb) = if layout.b_transposed { (TRANSPOSED, lead(k)?) } else { (AS_IT_IS, lead(n)?) };
        Ok(Self { m: int(m)?, n: int(n)?, k: int(k)?, ta, lda, tb, ldb, ldc: lead(n)? })
    }
}

/// Loads a library that calls its own functions, whatever was loaded before it.
///
/// Every BLAS exports the Fortran names (`sgemm_`), and some `cblas_sgemm` go through them: loaded the usual way after
/// MKL, which shows its names to all, BLIS's `cblas_sgemm` would time MKL's product under BLIS's name.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn open(path: &str) -> Result<Library, libloading::Error> {
    use libloading::os::unix::{self, RTLD_LOCAL, RTLD_NOW};
    /// Names are looked up in the library itself first (`dlopen(3)`; the value is glibc's).
    const RTLD_DEEPBIND: c_int = 8;
    // SAFETY: the user named this library to be loaded; its initialisers are trusted as the user's own program's.
    let library = unsafe { unix::Library::open(Some(path), RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND) };
    library.map(Library::from)
}

/// Loads a library. The first of several that export the same names may answer for the others here.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn open(path: &str) -> Result<Library, libloading::Error> {
    // SAFETY: the user named this library to be loaded; its initialisers are trusted as the user's own program's.
    unsafe { Library::new(path) }
}

fn set_threads(library: &Library, threads: usize) {
    for name in SET_THREADS {
        // SAFETY: in the libraries that have it, this function takes one integer, 32 or 64 bits wide, passed alike.
        let set: Result<Symbol<'_, unsafe extern "C" fn(i64)>, _> = unsafe { library.get(name) };
        if let Ok(set) = set {
            // SAFETY: as above; any positive number is allowed.
            unsafe { set(threads as i64) };
        }
    }
}

impl<T: Element + Routine> Contender<T> for Blas<T> {
    fn name(&self) -> &str {
        &self.name
    }
    fn library(&self) -> Option<&str> {
        self.description.as_deref()
    }
    fn prepare<'a>(&'a self, problem: &'a Problem<T>) -> Result<Run<'a, T>, String> {
        let Arguments { m, n, k, ta, lda, tb, ldb, ldc } = Arguments::of(problem, &self.name)?;
        let (a, b) = (problem.a.as_ptr(), problem.b.as_ptr());
        let (needed, one, zero) = (problem.c_len(), T::ONE, T::ZERO);
        Ok(Box::new(move |c, calls| {
            assert!(c.len() >= needed);
            for _ in 0..calls {
                // SAFETY: a `Problem` holds an m × k and a k × n matrix with these leading dimensions; C was checked above.
                unsafe { (self.gemm)(ROW_MAJOR, ta, tb, m, n, k, one, a, lda, b, ldb, zero, c.as_mut_ptr(), ldc) };
            }
            Ok(())
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::Placement;

    #[test]
    fn leading_dimensions_are_those_that_rows_are_stored_with() {
        let leads = |shape: &str, lead| {
            let placement = Placement { lead, offset: None };
            let problem = Problem::<f32>::placed(shape.parse().unwrap(), placement);
            let Arguments { lda, ldb, ldc, .. } = Arguments::of(&problem, "").unwrap();
            [lda, ldb, ldc]
        };
        assert_eq!([leads("3x5x7:nn", None), leads("3x5x7:tt", None)], [[7, 5, 5], [3, 7, 5]]);
        assert_eq!([leads("3x5x7:nn", Some(1)), leads("3x5x9:tt", Some(1))], [[8, 8, 8], [4, 16, 8]]);
        assert_eq!(leads("3x5x7:tn", Some(64)), [64; 3]);
    }
}
