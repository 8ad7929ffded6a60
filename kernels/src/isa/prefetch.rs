//! A hint to the caches.

/// Asks for the cache line of an address that will be read soon. Any address will do: nothing is read, and nothing faults.
#[inline(always)]
pub(crate) fn prefetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint has no effect but on time; the instruction is part of every x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    // Stable Rust has no such hint for other machines yet.
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
