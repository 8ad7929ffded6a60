//! The same libraries with B packed beforehand, where they have routines for it that are known to be as MKL declares them.

use super::blas::{AS_PACKED, Arguments, ROW_MAJOR, Routine, routine};
use super::{Contender, Run};
use crate::problem::Problem;
use deltarule_kernels::{AlignedVec, Element};
use libloading::Library;
use std::ffi::c_int;

/// B, not A.
const RIGHT_HAND_SIDE: c_int = 162;

/// Functions that give away a library whose [`Size`] returns `size_t`: MKL's and OpenBLAS's. AMD's BLIS declares an `int` of 32 bits, above
/// which the register holds anything.
const MARKERS: [&[u8]; 4] =
    [b"MKL_Get_Version\0", b"mkl_get_version\0", b"openblas_get_config\0", b"scipy_openblas_get_config\0"];

/// `cblas_?gemm_pack_get_size`: which factor, m, n, k; in bytes.
type Size = unsafe extern "C" fn(c_int, c_int, c_int, c_int) -> usize;

/// `cblas_?gemm_pack`: order, which factor, its transpose, m, n, k, α, the factor and its leading dimension, the packed one.
type Pack<T> = unsafe extern "C" fn(c_int, c_int, c_int, c_int, c_int, c_int, T, *const T, c_int, *mut T);

/// `cblas_?gemm_compute`: order, the two transposes, m, n, k, A, lda, B, ldb, β, C, ldc.
type Compute<T> =
    unsafe extern "C" fn(c_int, c_int, c_int, c_int, c_int, c_int, *const T, c_int, *const T, c_int, T, *mut T, c_int);

/// A BLAS library that packs.
pub struct PackedBlas<T> {
    name: String,
    description: Option<String>,
    size: Size,
    pack: Pack<T>,
    compute: Compute<T>,
}

impl<T: Routine> PackedBlas<T> {
    /// None if the library has no such routines, or may have declared them otherwise.
    pub fn of(name: &str, description: Option<&str>, library: &Library) -> Option<Self> {
        if !MARKERS.iter().any(|marker| has(library, marker)) {
            return None;
        }
        // SAFETY: in the libraries that have a marker this function is of this signature, which MKL has given it.
        let size = unsafe { routine::<T, Size>(library, "_pack_get_size") }.ok()?;
        // SAFETY: as above.
        let pack = unsafe { routine::<T, Pack<T>>(library, "_pack") }.ok()?;
        // SAFETY: as above.
        let compute = unsafe { routine::<T, Compute<T>>(library, "_compute") }.ok()?;
        Some(Self { name: format!("{name} packed"), description: description.map(str::to_owned), size, pack, compute })
    }
}

/// Whether there is a function of this name.
fn has(library: &Library, function: &[u8]) -> bool {
    // SAFETY: whatever it is, it is neither called nor read.
    unsafe { library.get::<*const ()>(function) }.is_ok()
}

impl<T: Element + Routine> PackedBlas<T> {
    /// B in the library's own layout, in memory that starts on a cache line: where the library puts things in it depends on the address, so it
    /// must stay where it is.
    fn packed(&self, problem: &Problem<T>, arguments: &Arguments) -> AlignedVec<T> {
        let Arguments { m, n, k, tb, ldb, .. } = *arguments;
        // SAFETY: any sizes are allowed.
        let bytes = unsafe { (self.size)(RIGHT_HAND_SIDE, m, n, k) };
        let mut packed = AlignedVec::zeros(bytes.div_ceil(size_of::<T>()));
        let (b, to) = (problem.b.as_ptr(), packed.as_mut_ptr());
        // SAFETY: a `Problem` holds a k × n matrix with this leading dimension, and the library has said how much it writes.
        unsafe { (self.pack)(ROW_MAJOR, RIGHT_HAND_SIDE, tb, m, n, k, T::ONE, b, ldb, to) };
        packed
    }
}

impl<T: Element + Routine> Contender<T> for PackedBlas<T> {
    fn name(&self) -> &str {
        &self.name
    }
    fn is_packed(&self) -> bool {
        true
    }
    fn library(&self) -> Option<&str> {
        self.description.as_deref()
    }
    fn prepare<'a>(&'a self, problem: &'a Problem<T>) -> Result<Run<'a, T>, String> {
        let arguments = Arguments::of(problem, &self.name)?;
        let packed = self.packed(problem, &arguments);
        let Arguments { m, n, k, ta, lda, ldb, ldc, .. } = arguments;
        let needed = problem.c_len();
        Ok(Box::new(move |c, calls| {
            assert!(c.len() >= needed);
            let (a, b, to) = (problem.a.as_ptr(), packed.as_ptr(), c.as_mut_ptr());
            for _ in 0..calls {
                // SAFETY: a `Problem` holds an m × k matrix with this leading dimension, B was packed for these sizes and this order, and C was
                // checked above.
                unsafe { (self.compute)(ROW_MAJOR, ta, AS_PACKED, m, n, k, a, lda, b, ldb, T::ZERO, to, ldc) };
            }
            Ok(())
        }))
    }
}
