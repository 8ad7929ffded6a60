//! Vectors from and to slices that may be shorter than a vector.

use super::Simd;

/// The lanes of `from`, at most a vector of them; the others zero.
#[inline(always)]
pub(crate) fn load<T, S: Simd<T>>(simd: S, from: &[T]) -> S::V {
    if from.len() >= S::LANES {
        // SAFETY: a whole vector is there.
        unsafe { simd.load(from.as_ptr()) }
    } else {
        // SAFETY: `len` elements are there.
        unsafe { simd.load_partial(from.as_ptr(), from.len()) }
    }
}

/// The first lanes of `v` into `to`, at most a vector of them.
#[inline(always)]
pub(crate) fn store<T, S: Simd<T>>(simd: S, to: &mut [T], v: S::V) {
    if to.len() >= S::LANES {
        // SAFETY: there is room for a whole vector.
        unsafe { simd.store(to.as_mut_ptr(), v) }
    } else {
        // SAFETY: there is room for `len` elements.
        unsafe { simd.store_partial(to.as_mut_ptr(), to.len(), v) }
    }
}
