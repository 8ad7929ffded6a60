//! AVX-512 (F, BW, DQ, VL): 16 lanes of `f32`, 8 of `f64`, tails by mask registers.

use super::code_line::begin_on_a_line_of_code;
use super::{Kernel, Lanes, Simd, Sixteen};
use std::arch::x86_64::*;
use std::sync::OnceLock;

/// Proof that this CPU runs AVX-512 F, BW, DQ and VL, AVX2 and FMA.
#[derive(Clone, Copy, Debug)]
pub struct Avx512(());

impl Avx512 {
    /// The token, where the CPU and the operating system allow it.
    #[inline]
    pub fn new() -> Option<Self> {
        // One look where the answer is kept, instead of six: every kernel asks.
        static HERE: OnceLock<bool> = OnceLock::new();
        let here = HERE.get_or_init(|| {
            is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
        });
        here.then_some(Self(()))
    }
}

/// The one function per kernel that is compiled for AVX-512; everything `kernel` calls is inlined into it.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn enter<T, K: Kernel<T>>(token: Avx512, kernel: K) -> K::Output
where
    Avx512: Simd<T>,
{
    begin_on_a_line_of_code();
    kernel.run(token)
}

/// The operations that are one instruction each, for one element type.
macro_rules! simd {
    ($t:ident, $v:ident, $m:ident, $lanes:literal, $compare:ident, $blend:ident, $own:ident,
     loads: $load:ident $load_masked:ident $store:ident $store_masked:ident,
     arithmetic: $splat:ident $add:ident $sub:ident $mul:ident $div:ident $fma:ident $sqrt:ident $abs:ident $min:ident $max:ident $scale:ident,
     transpose: $transpose:ident few $few:ident $(runs $runs:ident)?, bytes: $bytes:ident $(, pick: $pick:ident)?) => {
        impl Lanes<$t> for Avx512 {
            type V = $v;
            type M = $m;
            const LANES: usize = $lanes;

            #[inline(always)]
            fn splat(self, x: $t) -> $v {
                // SAFETY: the token proves AVX-512.
                unsafe { $splat(x) }
            }
            #[inline(always)]
            unsafe fn load(self, p: *const $t) -> $v {
                // SAFETY: the token proves AVX-512; the caller vouches for all lanes.
                unsafe { $load(p) }
            }
            #[inline(always)]
            unsafe fn store(self, p: *mut $t, v: $v) {
                // SAFETY: the token proves AVX-512; the caller vouches for all lanes.
                unsafe { $store(p, v) }
            }

            #[inline(always)]
            fn add(self, a: $v, b: $v) -> $v {
                // SAFETY: the token proves AVX-512.
                unsafe { $add(a, b) }
            }
            #[inline(always)]
            fn sub(self, a: $v, b: $v) -> $v {
                // SAFETY: the token proves AVX-512.
                unsafe { $sub(a, b) }
            }
            #[inline(always)]
            fn mul(self, a: $v, b: $v) -> $v {
                // SAFETY: the token proves AVX-512.
                unsafe { $mul(a, b) }
            }
            #[inline(always)]
            fn div(self, a: $v, b: $v) -> $v {
                // SAFETY: the token proves AVX-512.
                unsafe { $div(a, b) }
            }
            #[inline(always)]
            fn mul_add(self, a: $v, b: $v, c: $v) -> $v {
                // SAFETY: the token proves AVX-512.
                unsafe { $fma(a, b, c) }
            }
            #[inline(always)]
            fn sqrt(self, a: $v) -> $v {
                // SAFETY: the token proves AVX-512.
                unsafe { $sqrt(a) }
            }
            #[inline(always)]
            fn neg(self, a: $v) -> $v {
                // SAFETY: the token proves AVX-512.
                unsafe { $own::neg(a) }
            }
            #[inline(always)]
            fn abs(self, a: $v) -> $v {
                // SAFETY: the token proves AVX-512.
                unsafe { $abs(a) }
            }
            #[inline(always)]
            fn copy_sign(self, a: $v, s: $v) -> $v {
                // SAFETY: the token proves AVX-512.
                unsafe { $own::copy_sign(a, s) }
            }
            #[inline(always)]
            fn min(self, a: $v, b: $v) -> $v {
                // SAFETY: the token proves AVX-512.
                unsafe { $min(a, b) }
            }
            #[inline(always)]
            fn max(self, a: $v, b: $v) -> $v {
                // SAFETY: the token proves AVX-512.
                unsafe { $max(a, b) }
            }
            #[inline(always)]
            fn lt(self, a: $v, b: $v) -> $m {
                // SAFETY: the token proves AVX-512.
                unsafe { $compare::<_CMP_LT_OQ>(a, b) }
            }
            #[inline(always)]
            fn le(self, a: $v, b: $v) -> $m {
                // SAFETY: the token proves AVX-512.
                unsafe { $compare::<_CMP_LE_OQ>(a, b) }
            }
            #[inline(always)]
            fn eq(self, a: $v, b: $v) -> $m {
                // SAFETY: the token proves AVX-512.
                unsafe { $compare::<_CMP_EQ_OQ>(a, b) }
            }
            #[inline(always)]
            fn select(self, m: $m, a: $v, b: $v) -> $v {
                // SAFETY: the token proves AVX-512.
                unsafe { $blend(m, b, a) }
            }
            #[inline(always)]
            fn pow2_of_shifted(self, a: $v) -> $v {
                // SAFETY: the token proves AVX-512.
                unsafe { $own::pow2_of_shifted(a) }
            }
            #[inline(always)]
            fn scale(self, a: $v, e: $v) -> $v {
                // SAFETY: the token proves AVX-512.
                unsafe { $scale(a, e) }
            }
            #[inline(always)]
            fn split_exponent(self, a: $v) -> ($v, $v) {
                // SAFETY: the token proves AVX-512.
                unsafe { $own::split_exponent(a) }
            }
            $(
                #[inline(always)]
                fn pick(self, table: &'static Sixteen, y: $v) -> $v {
                    // SAFETY: the token proves AVX-512.
                    unsafe { super::pick::$pick(table, y) }
                }
            )?
        }

        impl Simd<$t> for Avx512 {
            const ISA: super::Isa = super::Isa::Avx512;
            const REGISTERS: usize = 32;
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
                debug_assert!(n <= $lanes);
                let first_n = ((1u32 << n) - 1) as $m;
                // SAFETY: the token proves AVX-512; masked lanes are not read, the caller vouches for the rest.
                unsafe { $load_masked(first_n, p) }
            }
            #[inline(always)]
            unsafe fn load_bytes(self, p: *const u8) -> $v {
                // SAFETY: the token proves AVX-512; the caller vouches for all lanes.
                unsafe { super::bytes::$bytes(p) }
            }
            #[inline(always)]
            unsafe fn store_partial(self, p: *mut $t, n: usize, v: $v) {
                debug_assert!(n <= $lanes);
                let first_n = ((1u32 << n) - 1) as $m;
                // SAFETY: the token proves AVX-512; masked lanes are not written, the caller vouches for the rest.
                unsafe { $store_masked(p, first_n, v) }
            }

            #[inline(always)]
            unsafe fn load_transposed(self, from: *const $t, from_row: usize) -> [$v; $lanes] {
                // SAFETY: the token proves the features; the caller vouches for the block.
                unsafe { super::transpose::$transpose(from, from_row) }
            }
            $(#[inline(always)]
            unsafe fn transpose_runs(
                self,
                from: *const $t,
                from_row: usize,
                shape: (usize, usize),
                to: *mut $t,
                to_row: usize,
            ) {
                // SAFETY: the token proves AVX-512; the caller vouches for the runs and for the rows.
                unsafe { super::transpose::$runs(from, from_row, shape, to, to_row) }
            })?
            #[inline(always)]
            unsafe fn transpose_few(
                self,
                from: *const $t,
                from_row: usize,
                shape: (usize, usize),
                to: *mut $t,
                to_row: usize,
            ) {
                // SAFETY: the token proves AVX-512; the caller vouches for the rows and for the runs.
                unsafe { super::transpose::$few(from, from_row, shape, to, to_row) }
            }
        }
    };
}

simd!(f32, __m512, __mmask16, 16, _mm512_cmp_ps_mask, _mm512_mask_blend_ps, single,
    loads: _mm512_loadu_ps _mm512_maskz_loadu_ps _mm512_storeu_ps _mm512_mask_storeu_ps,
    arithmetic: _mm512_set1_ps _mm512_add_ps _mm512_sub_ps _mm512_mul_ps _mm512_div_ps _mm512_fmadd_ps
        _mm512_sqrt_ps _mm512_abs_ps _mm512_min_ps _mm512_max_ps _mm512_scalef_ps,
    transpose: f32_16 few f32_4x16 runs f32_16x4, bytes: f32_16, pick: f32_16);
simd!(f64, __m512d, __mmask8, 8, _mm512_cmp_pd_mask, _mm512_mask_blend_pd, double,
    loads: _mm512_loadu_pd _mm512_maskz_loadu_pd _mm512_storeu_pd _mm512_mask_storeu_pd,
    arithmetic: _mm512_set1_pd _mm512_add_pd _mm512_sub_pd _mm512_mul_pd _mm512_div_pd _mm512_fmadd_pd
        _mm512_sqrt_pd _mm512_abs_pd _mm512_min_pd _mm512_max_pd _mm512_scalef_pd,
    transpose: f64_8 few f64_4x8, bytes: f64_8);

/// Defines the operations that take several instructions, as functions of the same standing as the intrinsics.
/// How the last two work on the bits is told in [`super::bits`].
macro_rules! composed {
    ($own:ident, $v:ident, $int:ident, $set1:ident, $set1_int:ident, $sub:ident, $xor:ident,
     ints: $add_int:ident $and_int:ident $or_int:ident $shl:ident $shr:ident $ternary:ident,
     casts: $to_int:ident $from_int:ident) => {
        mod $own {
            use crate::isa::bits::$own as bits;
            use std::arch::x86_64::*;

            #[inline]
            #[target_feature(enable = "avx512f,avx512dq")]
            pub(super) fn neg(a: $v) -> $v {
                $xor(a, $set1(-0.0))
            }

            /// `sign ? s : a`, bit by bit.
            #[inline]
            #[target_feature(enable = "avx512f")]
            pub(super) fn copy_sign(a: $v, s: $v) -> $v {
                const CHOOSE: i32 = 0xCA; // first ? second : third
                let sign = $to_int($set1(-0.0));
                $from_int($ternary::<CHOOSE>(sign, $to_int(s), $to_int(a)))
            }

            #[inline]
            #[target_feature(enable = "avx512f")]
            pub(super) fn pow2_of_shifted(a: $v) -> $v {
                $from_int($shl::<{ bits::MANTISSA }>($to_int(a)))
            }

            #[inline]
            #[target_feature(enable = "avx512f")]
            pub(super) fn split_exponent(a: $v) -> ($v, $v) {
                let moved = $add_int($to_int(a), $set1_int(bits::ONE - bits::SQRT_HALF));
                let biased = $shr::<{ bits::MANTISSA }>(moved);
                let e = $from_int($or_int(biased, $set1_int(bits::SHIFTER)));
                let m = $and_int(moved, $set1_int(bits::MANTISSA_MASK));
                let m = $add_int(m, $set1_int(bits::SQRT_HALF));
                ($sub(e, $set1(bits::SHIFTER_BIASED)), $from_int(m))
            }
        }
    };
}

composed!(single, __m512, __m512i, _mm512_set1_ps, _mm512_set1_epi32, _mm512_sub_ps, _mm512_xor_ps,
    ints: _mm512_add_epi32 _mm512_and_si512 _mm512_or_si512 _mm512_slli_epi32 _mm512_srli_epi32 _mm512_ternarylogic_epi32,
    casts: _mm512_castps_si512 _mm512_castsi512_ps);
composed!(double, __m512d, __m512i, _mm512_set1_pd, _mm512_set1_epi64, _mm512_sub_pd, _mm512_xor_pd,
    ints: _mm512_add_epi64 _mm512_and_si512 _mm512_or_si512 _mm512_slli_epi64 _mm512_srli_epi64 _mm512_ternarylogic_epi64,
    casts: _mm512_castpd_si512 _mm512_castsi512_pd);
