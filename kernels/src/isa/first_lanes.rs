//! The first lanes of an AVX2 vector, to memory: in whole pieces of 4, 2 and 1, as the bits of their number say.
//!
//! A masked store is one instruction, but AMD's CPUs take it apart lane by lane (Zen 4, AVX2 tier: 5×5×5 6.0 → 10.4 GFLOP/s, 13×13×13 28 → 39,
//! 33×33×33 72 → 80, 100×10×100 56 → 62). That of AVX-512 is as good as any there: pieces would lose up to a tenth.

use std::arch::x86_64::*;

/// # Safety
/// `n ≤ 8` elements may be written.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn f32_8(p: *mut f32, n: usize, v: __m256) {
    if n >= 8 {
        // SAFETY: all of them, which the caller vouches for.
        return unsafe { _mm256_storeu_ps(p, v) };
    }
    let (mut at, mut rest) = (p, _mm256_castps256_ps128(v));
    if n & 4 != 0 {
        // SAFETY: four of the `n`.
        unsafe { _mm_storeu_ps(at, rest) };
        (at, rest) = (at.wrapping_add(4), _mm256_extractf128_ps::<1>(v));
    }
    if n & 2 != 0 {
        let two = _mm_castps_pd(rest);
        // SAFETY: two of the `n`, after those above.
        unsafe { _mm_storel_pd(at.cast(), two) };
        (at, rest) = (at.wrapping_add(2), _mm_movehl_ps(rest, rest));
    }
    if n & 1 != 0 {
        // SAFETY: the last of the `n`.
        unsafe { _mm_store_ss(at, rest) };
    }
}

/// # Safety
/// `n ≤ 4` elements may be written.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn f64_4(p: *mut f64, n: usize, v: __m256d) {
    if n >= 4 {
        // SAFETY: all of them, which the caller vouches for.
        return unsafe { _mm256_storeu_pd(p, v) };
    }
    let (mut at, mut rest) = (p, _mm256_castpd256_pd128(v));
    if n & 2 != 0 {
        // SAFETY: two of the `n`.
        unsafe { _mm_storeu_pd(at, rest) };
        (at, rest) = (at.wrapping_add(2), _mm256_extractf128_pd::<1>(v));
    }
    if n & 1 != 0 {
        // SAFETY: the last of the `n`.
        unsafe { _mm_store_sd(at, rest) };
    }
}
