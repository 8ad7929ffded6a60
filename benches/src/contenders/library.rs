//! What a BLAS library says of itself: its version, and the kernels that it has taken.

use super::blis;
use libloading::Library;
use std::ffi::{CStr, c_char, c_int};

/// What OpenBLAS was built with and the kernels that it takes, under its name and under that of scipy's wheel.
const OPENBLAS: [&[u8]; 2] = [b"openblas_get_config\0", b"scipy_openblas_get_config\0"];
/// Bytes that MKL may write, which asks for 198.
const MKL_BYTES: usize = 256;

/// Version and kernels of OpenBLAS, BLIS or MKL; of others nothing. To be called after the number of threads has been set.
pub(super) fn description(library: &Library) -> Option<String> {
    let openblas = || OPENBLAS.iter().find_map(|function| text(library, function));
    blis::description(library).or_else(openblas).or_else(|| mkl(library))
}

fn mkl(library: &Library) -> Option<String> {
    // SAFETY: the function of this name writes as many bytes at most as it is told.
    let get = unsafe { library.get::<unsafe extern "C" fn(*mut c_char, c_int)>(b"mkl_get_version_string\0") }.ok()?;
    let mut text = [0 as c_char; MKL_BYTES];
    // SAFETY: the last byte stays out of its reach, and 0.
    unsafe { get(text.as_mut_ptr(), MKL_BYTES as c_int - 1) };
    // SAFETY: it ends with a 0.
    unsafe { read(text.as_ptr()) }
}

/// What a function returns that takes nothing and returns a string that stays, as all of those that are asked for here.
pub(super) fn text(library: &Library, function: &[u8]) -> Option<String> {
    // SAFETY: the functions that are asked for are of this type.
    let get = unsafe { library.get::<unsafe extern "C" fn() -> *const c_char>(function) }.ok()?;
    // SAFETY: as above.
    let text = unsafe { get() };
    // SAFETY: as above.
    unsafe { read(text) }
}

/// A string of C's, if it is one, without blanks around it.
///
/// # Safety
/// It is null or ends with a 0, and stays as it is for the moment.
pub(super) unsafe fn read(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let text = unsafe { CStr::from_ptr(text) };
    Some(text.to_string_lossy().trim().to_owned())
}
