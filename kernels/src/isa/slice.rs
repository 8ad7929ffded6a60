//! Vectors from and to memory that may be shorter than a vector: whole ones where there is enough, which take less time.

use super::Simd;

/// The first `n` lanes from memory, at most a vector of them; the others zero.
///
/// # Safety
/// `from` must be valid for reads of `n` elements.
#[inline(always)]
pub(crate) unsafe fn load_n<T, S: Simd<T>>(simd: S, from: *const T, n: usize) -> S::V {
    if n >= S::LANES {
        // SAFETY: a whole vector is there (caller).
        unsafe { simd.load(from) }
    } else {
        // SAFETY: `n` elements are there (caller).
        unsafe { simd.load_partial(from, n) }
    }
}

/// The first `n` lanes of `v` to memory, at most a vector of them; nothing else is touched.
///
/// # Safety
/// `to` must be valid for writes of `n` elements.
#[inline(always)]
pub(crate) unsafe fn store_n<T, S: Simd<T>>(simd: S, to: *mut T, n: usize, v: S::V) {
    if n >= S::LANES {
        // SAFETY: there is room for a whole vector (caller).
        unsafe { simd.store(to, v) }
    } else {
        // SAFETY: there is room for `n` elements (caller).
        unsafe { simd.store_partial(to, n, v) }
    }
}

/// The lanes of `from`, at most a vector of them; the others zero.
#[inline(always)]
pub(crate) fn load<T, S: Simd<T>>(simd: S, from: &[T]) -> S::V {
    // SAFETY: `len` elements are there.
    unsafe { load_n(simd, from.as_ptr(), from.len()) }
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
    // SAFETY: there is room for `len` elements.
    unsafe { store_n(simd, to.as_mut_ptr(), to.len(), v) }
}

/// `x = change(x)` for each of `xs`
#[inline(always)]
pub(crate) fn change_each<T, S: Simd<T>>(simd: S, xs: &mut [T], mut change: impl FnMut(S::V) -> S::V) {
    for xs in xs.chunks_mut(S::LANES) {
        let changed = change(load(simd, xs));
        store(simd, xs, changed);
    }
}
