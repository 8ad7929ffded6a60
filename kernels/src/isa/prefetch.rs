//! Hints to the caches. Any address will do: nothing is read, and nothing faults.

/// Asks for the cache line of an address that will be read soon, in the nearest cache.
#[inline(always)]
pub(crate) fn prefetch<T>(address: *const T) {
    hint::<T, true>(address);
}

/// The same for what will be read later: in the cache behind the nearest.
#[inline(always)]
pub(crate) fn prefetch_to_l2<T>(address: *const T) {
    hint::<T, false>(address);
}

#[inline(always)]
fn hint<T, const NEAREST: bool>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};
        let address = address.cast();
        if NEAREST {
            // SAFETY: a hint has no effect but on time; the instruction is part of every x86-64.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(address) }
        } else {
            // SAFETY: as above.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(address) }
        }
    }
    // Stable Rust has no such hint for other machines yet.
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
