//! Bytes from memory, widened to floats: every byte is a float exactly, so no tier rounds.

#[cfg(target_arch = "aarch64")]
pub(super) use neon::{f32_4, f64_2};
#[cfg(target_arch = "x86_64")]
pub(super) use x86::{f32_8, f32_16, f64_4, f64_8};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    /// # Safety
    /// 16 bytes are there.
    #[target_feature(enable = "avx512f")]
    #[inline]
    pub(in super::super) unsafe fn f32_16(p: *const u8) -> __m512 {
        // SAFETY: 16 bytes are there (caller).
        let bytes = unsafe { _mm_loadu_si128(p.cast()) };
        _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes))
    }

    /// # Safety
    /// 8 bytes are there.
    #[target_feature(enable = "avx512f,avx2")]
    #[inline]
    pub(in super::super) unsafe fn f64_8(p: *const u8) -> __m512d {
        // SAFETY: 8 bytes are there (caller).
        let bytes = unsafe { _mm_loadl_epi64(p.cast()) };
        _mm512_cvtepi32_pd(_mm256_cvtepu8_epi32(bytes))
    }

    /// # Safety
    /// 8 bytes are there.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub(in super::super) unsafe fn f32_8(p: *const u8) -> __m256 {
        // SAFETY: 8 bytes are there (caller).
        let bytes = unsafe { _mm_loadl_epi64(p.cast()) };
        _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes))
    }

    /// # Safety
    /// 4 bytes are there.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub(in super::super) unsafe fn f64_4(p: *const u8) -> __m256d {
        // SAFETY: 4 bytes are there (caller).
        let bytes = unsafe { p.cast::<i32>().read_unaligned() };
        _mm256_cvtepi32_pd(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(bytes)))
    }
}

#[cfg(target_arch = "aarch64")]
mod neon {
    use std::arch::aarch64::*;

    /// # Safety
    /// 4 bytes are there.
    #[target_feature(enable = "neon")]
    #[inline]
    pub(in super::super) unsafe fn f32_4(p: *const u8) -> float32x4_t {
        // SAFETY: 4 bytes are there (caller).
        let bytes = unsafe { p.cast::<u32>().read_unaligned() };
        let words = vmovl_u8(vcreate_u8(u64::from(bytes)));
        vcvtq_f32_u32(vmovl_u16(vget_low_u16(words)))
    }

    /// # Safety
    /// 2 bytes are there.
    #[target_feature(enable = "neon")]
    #[inline]
    pub(in super::super) unsafe fn f64_2(p: *const u8) -> float64x2_t {
        // SAFETY: 2 bytes are there (caller).
        let [low, high] = unsafe { p.cast::<[u8; 2]>().read_unaligned() };
        let longs = vcombine_u64(vcreate_u64(u64::from(low)), vcreate_u64(u64::from(high)));
        vcvtq_f64_u64(longs)
    }
}
