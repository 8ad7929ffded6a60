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

/// The lanes of `from`, at most a vector of bytes, as numbers; the others zero.
#[inline(always)]
pub(crate) fn load_bytes<T, S: Simd<T>>(simd: S, from: &[u8]) -> S::V {
    /// Lanes of the widest vector.
    const MOST: usize = 16;
    const { assert!(S::LANES <= MOST) };
    if from.len() >= S::LANES {
        // SAFETY: a whole vector of bytes is there.
        return unsafe { simd.load_bytes(from.as_ptr()) };
    }
    let mut bytes = [0; MOST];
    bytes[..from.len()].copy_from_slice(from);
    // SAFETY: the array is as long as the widest vector.
    unsafe { simd.load_bytes(bytes.as_ptr()) }
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
