//! AVX2 with FMA: 8 lanes of `f32`, 4 of `f64`, tails read by `maskmov` with a window sliding over a table of masks.

use super::code_line::begin_on_a_line_of_code;
use super::{Kernel, Lanes, Simd, Sixteen};
use std::arch::x86_64::*;

/// Proof that this CPU runs AVX2 and FMA.
#[derive(Clone, Copy, Debug)]
pub struct Avx2(());

impl Avx2 {
    /// The token, where the CPU and the operating system allow it.
    #[inline]
    pub fn new() -> Option<Self> {
        let all = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        all.then_some(Self(()))
    }
}

/// The one function per kernel that is compiled for AVX2; everything `kernel` calls is inlined into it.
#[target_feature(enable = "avx2,fma")]
fn enter<T, K: Kernel<T>>(token: Avx2, kernel: K) -> K::Output
where
    Avx2: Simd<T>,
{
    begin_on_a_line_of_code();
    kernel.run(token)
}

/// The operations that are one instruction each, for one element type.
macro_rules! simd {
    ($t:ident, $v:ident, $lanes:literal, $compare:ident, $blend:ident, $own:ident,
     loads: $load:ident $load_masked:ident $store:ident $first:ident,
     arithmetic: $splat:ident $add:ident $sub:ident $mul:ident $div:ident $fma:ident $sqrt:ident $min:ident $max:ident,
     transpose: $transpose:ident, bytes: $bytes:ident $(, pick: $pick:ident)?) => {
        impl Lanes<$t> for Avx2 {
            type V = $v;
            type M = $v;
            const LANES: usize = $lanes;

            #[inline(always)]
            fn splat(self, x: $t) -> $v {
                // SAFETY: the token proves AVX2.
                unsafe { $splat(x) }
            }
            #[inline(always)]
            unsafe fn load(self, p: *const $t) -> $v {
                // SAFETY: the token proves AVX2; the caller vouches for all lanes.
                unsafe { $load(p) }
            }
            #[inline(always)]
            unsafe fn store(self, p: *mut $t, v: $v) {
                // SAFETY: the token proves AVX2; the caller vouches for all lanes.
                unsafe { $store(p, v) }
            }

            #[inline(always)]
            fn add(self, a: $v, b: $v) -> $v {
                // SAFETY: the token proves AVX2.
                unsafe { $add(a, b) }
            }
            #[inline(always)]
            fn sub(self, a: $v, b: $v) -> $v {
                // SAFETY: the token proves AVX2.
                unsafe { $sub(a, b) }
            }
            #[inline(always)]
            fn mul(self, a: $v, b: $v) -> $v {
                // SAFETY: the token proves AVX2.
                unsafe { $mul(a, b) }
            }
            #[inline(always)]
            fn div(self, a: $v, b: $v) -> $v {
                // SAFETY: the token proves AVX2.
                unsafe { $div(a, b) }
            }
            #[inline(always)]
            fn mul_add(self, a: $v, b: $v, c: $v) -> $v {
                // SAFETY: the token proves FMA.
                unsafe { $fma(a, b, c) }
            }
            #[inline(always)]
            fn sqrt(self, a: $v) -> $v {
                // SAFETY: the token proves AVX2.
                unsafe { $sqrt(a) }
            }
            #[inline(always)]
            fn neg(self, a: $v) -> $v {
                // SAFETY: the token proves AVX2.
                unsafe { $own::neg(a) }
            }
            #[inline(always)]
            fn abs(self, a: $v) -> $v {
                // SAFETY: the token proves AVX2.
                unsafe { $own::abs(a) }
            }
            #[inline(always)]
            fn copy_sign(self, a: $v, s: $v) -> $v {
                // SAFETY: the token proves AVX2.
                unsafe { $own::copy_sign(a, s) }
            }
            #[inline(always)]
            fn min(self, a: $v, b: $v) -> $v {
                // SAFETY: the token proves AVX2.
                unsafe { $min(a, b) }
            }
            #[inline(always)]
            fn max(self, a: $v, b: $v) -> $v {
                // SAFETY: the token proves AVX2.
                unsafe { $max(a, b) }
            }
            #[inline(always)]
            fn lt(self, a: $v, b: $v) -> $v {
                // SAFETY: the token proves AVX2.
                unsafe { $compare::<_CMP_LT_OQ>(a, b) }
            }
            #[inline(always)]
            fn le(self, a: $v, b: $v) -> $v {
                // SAFETY: the token proves AVX2.
                unsafe { $compare::<_CMP_LE_OQ>(a, b) }
            }
            #[inline(always)]
            fn eq(self, a: $v, b: $v) -> $v {
                // SAFETY: the token proves AVX2.
                unsafe { $compare::<_CMP_EQ_OQ>(a, b) }
            }
            #[inline(always)]
            fn select(self, m: $v, a: $v, b: $v) -> $v {
                // SAFETY: the token proves AVX2.
                unsafe { $blend(b, a, m) }
            }
            #[inline(always)]
            fn pow2_of_shifted(self, a: $v) -> $v {
                // SAFETY: the token proves AVX2.
                unsafe { $own::pow2_of_shifted(a) }
            }
            #[inline(always)]
            fn scale(self, a: $v, e: $v) -> $v {
                // SAFETY: the token proves AVX2.
                unsafe { $own::scale(a, e) }
            }
            #[inline(always)]
            fn split_exponent(self, a: $v) -> ($v, $v) {
                // SAFETY: the token proves AVX2.
                unsafe { $own::split_exponent(a) }
            }
            $(
                #[inline(always)]
                fn pick(self, table: &'static Sixteen, y: $v) -> $v {
                    // SAFETY: the token proves AVX2.
                    unsafe { super::pick::$pick(table, y) }
                }
            )?
        }

        impl Simd<$t> for Avx2 {
            const ISA: super::Isa = super::Isa::Avx2;
            const REGISTERS: usize = 16;
            type Square = [$v; $lanes];

            #[inline(always)]
            unsafe fn assume() -> Self {
                Self(())
            }

            #[inline(always)]
            fn enter<K: Kernel<$t>>(self, kernel: K) -> K::Output {
                // SAFETY: the token proves every feature that `enter` is compiled for.
                unsafe { enter(self, kernel) }
            }
            #[inline(always)]
            unsafe fn load_partial(self, p: *const $t, n: usize) -> $v {
                // SAFETY: the token proves AVX2; the caller keeps `n` within the lanes.
                let first_n = unsafe { $own::first(n) };
                // SAFETY: the token proves AVX2; masked lanes are not read, the caller vouches for the rest.
                unsafe { $load_masked(p, first_n) }
            }
            #[inline(always)]
            unsafe fn load_bytes(self, p: *const u8) -> $v {
                // SAFETY: the token proves AVX2; the caller vouches for all lanes.
                unsafe { super::bytes::$bytes(p) }
            }
            #[inline(always)]
            unsafe fn store_partial(self, p: *mut $t, n: usize, v: $v) {
                // SAFETY: the token proves AVX2; the caller vouches for `n` elements.
                unsafe { super::first_lanes::$first(p, n, v) }
            }

            #[inline(always)]
            unsafe fn load_transposed(self, from: *const $t, from_row: usize) -> [$v; $lanes] {
                // SAFETY: the token proves the features; the caller vouches for the block.
                unsafe { super::transpose::$transpose(from, from_row) }
            }
        }
    };
}

simd!(f32, __m256, 8, _mm256_cmp_ps, _mm256_blendv_ps, single,
    loads: _mm256_loadu_ps _mm256_maskload_ps _mm256_storeu_ps f32_8,
    arithmetic: _mm256_set1_ps _mm256_add_ps _mm256_sub_ps _mm256_mul_ps _mm256_div_ps _mm256_fmadd_ps
        _mm256_sqrt_ps _mm256_min_ps _mm256_max_ps,
    transpose: f32_8, bytes: f32_8, pick: f32_8);
simd!(f64, __m256d, 4, _mm256_cmp_pd, _mm256_blendv_pd, double,
    loads: _mm256_loadu_pd _mm256_maskload_pd _mm256_storeu_pd f64_4,
    arithmetic: _mm256_set1_pd _mm256_add_pd _mm256_sub_pd _mm256_mul_pd _mm256_div_pd _mm256_fmadd_pd
        _mm256_sqrt_pd _mm256_min_pd _mm256_max_pd,
    transpose: f64_4, bytes: f64_4);

/// Defines the operations that take several instructions, as functions of the same standing as the intrinsics.
/// How the last three work on the bits is told in [`super::bits`].
macro_rules! composed {
    ($own:ident, $v:ident, $int:ident, $lanes:literal, $set1:ident, $set1_int:ident,
     floats: $add:ident $sub:ident $mul:ident $max:ident $and:ident $or:ident $xor:ident $and_not:ident,
     ints: $add_int:ident $and_int:ident $or_int:ident $shl:ident $shr:ident,
     casts: $to_int:ident $from_int:ident) => {
        mod $own {
            use crate::isa::bits::$own as bits;
            use std::arch::x86_64::*;

            /// All ones, then all zeros: a window that starts `n` before the middle has its first `n` lanes set.
            static WINDOW: [$int; 2 * $lanes] = {
                let mut window = [0; 2 * $lanes];
                let mut i = 0;
                while i < $lanes {
                    window[i] = -1;
                    i += 1;
                }
                window
            };

            /// The mask of the first `n` lanes.
            ///
            /// # Safety
            /// `n ≤ LANES`
            #[inline]
            #[target_feature(enable = "avx2")]
            pub(super) unsafe fn first(n: usize) -> __m256i {
                debug_assert!(n <= $lanes);
                let window = WINDOW.as_ptr().wrapping_add($lanes - n);
                // SAFETY: the caller keeps the window inside the table.
                unsafe { _mm256_loadu_si256(window.cast()) }
            }

            #[inline]
            #[target_feature(enable = "avx2")]
            pub(super) fn neg(a: $v) -> $v {
                $xor(a, $set1(-0.0))
            }

            #[inline]
            #[target_feature(enable = "avx2")]
            pub(super) fn abs(a: $v) -> $v {
                $and_not($set1(-0.0), a)
            }

            #[inline]
            #[target_feature(enable = "avx2")]
            pub(super) fn copy_sign(a: $v, s: $v) -> $v {
                $or($and($set1(-0.0), s), abs(a))
            }

            #[inline]
            #[target_feature(enable = "avx2")]
            pub(super) fn pow2_of_shifted(a: $v) -> $v {
                $from_int($shl::<{ bits::MANTISSA as i32 }>($to_int(a)))
            }

            /// In two steps, of which the first is exact.
            #[inline]
            #[target_feature(enable = "avx2")]
            pub(super) fn scale(a: $v, e: $v) -> $v {
                let (first, shifter) = ($max(e, $set1(bits::DEEP)), $set1(bits::SHIFTER_BIASED));
                let power = |e| pow2_of_shifted($add(e, shifter));
                $mul($mul(a, power(first)), power($sub(e, first)))
            }

            #[inline]
            #[target_feature(enable = "avx2")]
            pub(super) fn split_exponent(a: $v) -> ($v, $v) {
                let moved = $add_int($to_int(a), $set1_int(bits::ONE - bits::SQRT_HALF));
                let biased = $shr::<{ bits::MANTISSA as i32 }>(moved);
                let e = $from_int($or_int(biased, $set1_int(bits::SHIFTER)));
                let m = $and_int(moved, $set1_int(bits::MANTISSA_MASK));
                let m = $add_int(m, $set1_int(bits::SQRT_HALF));
                ($sub(e, $set1(bits::SHIFTER_BIASED)), $from_int(m))
            }
        }
    };
}

composed!(single, __m256, i32, 8, _mm256_set1_ps, _mm256_set1_epi32,
    floats: _mm256_add_ps _mm256_sub_ps _mm256_mul_ps _mm256_max_ps _mm256_and_ps _mm256_or_ps _mm256_xor_ps _mm256_andnot_ps,
    ints: _mm256_add_epi32 _mm256_and_si256 _mm256_or_si256 _mm256_slli_epi32 _mm256_srli_epi32,
    casts: _mm256_castps_si256 _mm256_castsi256_ps);
composed!(double, __m256d, i64, 4, _mm256_set1_pd, _mm256_set1_epi64x,
    floats: _mm256_add_pd _mm256_sub_pd _mm256_mul_pd _mm256_max_pd _mm256_and_pd _mm256_or_pd _mm256_xor_pd _mm256_andnot_pd,
    ints: _mm256_add_epi64 _mm256_and_si256 _mm256_or_si256 _mm256_slli_epi64 _mm256_srli_epi64,
    casts: _mm256_castpd_si256 _mm256_castsi256_pd);
