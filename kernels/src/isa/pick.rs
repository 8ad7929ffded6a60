//! Tables of sixteen numbers, from which every lane picks one for itself: `f32` in one permutation of a register with AVX-512, two and a choice
//! with AVX2. Not for `f64`, whose pieces would take twice the terms, and which AVX2 could only gather.
//!
//! The four bits that choose are the low ones of the exponent and the high ones of the mantissa: another number is picked in every quarter of a power of two.
//!
//! ```text
//! y      … [½, ⅝)  …  [⅞, 1) [1, 1¼) [1¼, 1½) [1½, 1¾) [1¾, 2) [2, 2½) … [7, 8) [8, 10) …
//! place  …   8     …    11     12       13       14       15       0    …   7      8    …
//! ```

/// Sixteen numbers, beginning on a cache line.
#[derive(Debug)]
#[repr(align(64))]
pub struct Sixteen(pub [f32; 16]);

/// What lanes [pick](super::Lanes::pick): `f32` alone.
pub trait Picked: crate::Element {}

impl Picked for f32 {}

#[cfg(target_arch = "aarch64")]
pub(super) use neon::f32_4;
#[cfg(target_arch = "x86_64")]
pub(super) use x86::{f32_8, f32_16};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Sixteen;
    use crate::isa::bits;
    use std::arch::x86_64::*;

    /// How far to the right the four bits stand.
    const SINGLE: u32 = bits::single::MANTISSA - 2;

    #[target_feature(enable = "avx512f")]
    #[inline]
    pub(in super::super) fn f32_16(table: &Sixteen, y: __m512) -> __m512 {
        // SAFETY: the table has 16 numbers.
        let all = unsafe { _mm512_loadu_ps(table.0.as_ptr()) };
        _mm512_permutexvar_ps(_mm512_srli_epi32::<SINGLE>(_mm512_castps_si512(y)), all)
    }

    /// From both halves by three bits; the fourth, moved to the place of the sign, chooses between them.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub(in super::super) fn f32_8(table: &Sixteen, y: __m256) -> __m256 {
        let [low, high] = halves(&table.0);
        // SAFETY: a half has 8 numbers.
        let low = unsafe { _mm256_loadu_ps(low.as_ptr()) };
        // SAFETY: a half has 8 numbers.
        let high = unsafe { _mm256_loadu_ps(high.as_ptr()) };
        let y = _mm256_castps_si256(y);
        let place = _mm256_srli_epi32::<{ SINGLE as i32 }>(y);
        let fourth = _mm256_castsi256_ps(_mm256_slli_epi32::<{ 28 - SINGLE as i32 }>(y));
        _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, place), _mm256_permutevar8x32_ps(high, place), fourth)
    }

    #[inline(always)]
    fn halves(all: &[f32; 16]) -> [&[f32]; 2] {
        let (low, high) = all.split_at(8);
        [low, high]
    }
}

#[cfg(target_arch = "aarch64")]
mod neon {
    use super::Sixteen;
    use crate::isa::bits;
    use std::arch::aarch64::*;

    /// Byte by byte: the places of a number's four bytes follow from its own.
    #[target_feature(enable = "neon")]
    #[inline]
    pub(in super::super) fn f32_4(table: &Sixteen, y: float32x4_t) -> float32x4_t {
        const RIGHT: i32 = bits::single::MANTISSA as i32 - 2;
        // SAFETY: the table has 64 bytes.
        let all = unsafe { vld1q_u8_x4(table.0.as_ptr().cast()) };
        let place = vandq_u32(vshrq_n_u32::<RIGHT>(vreinterpretq_u32_f32(y)), vdupq_n_u32(15));
        let places = vmlaq_u32(vdupq_n_u32(u32::from_ne_bytes([0, 1, 2, 3])), place, vdupq_n_u32(0x0404_0404));
        vreinterpretq_f32_u8(vqtbl4q_u8(all, vreinterpretq_u8_u32(places)))
    }
}
