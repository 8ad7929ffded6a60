//! NEON, which every 64-bit Arm has: 4 lanes of `f32`, 2 of `f64`.
//!
//! `fmin` and `fmax` prefer NaN, whichever side it stands on, so [`Lanes::min`] and [`Lanes::max`] compare and select.

use super::{Kernel, Lanes, Simd, Sixteen};
use std::arch::aarch64::*;

/// Proof that this CPU runs NEON.
#[derive(Clone, Copy, Debug)]
pub struct Neon(());

impl Neon {
    /// The token, where the CPU allows it.
    #[inline]
    pub fn new() -> Option<Self> {
        std::arch::is_aarch64_feature_detected!("neon").then_some(Self(()))
    }
}

/// The one function per kernel that is compiled for NEON; everything `kernel` calls is inlined into it.
#[target_feature(enable = "neon")]
fn enter<T, K: Kernel<T>>(token: Neon, kernel: K) -> K::Output
where
    Neon: Simd<T>,
{
    kernel.run(token)
}

macro_rules! simd {
    ($t:ident, $v:ident, $m:ident, $lanes:literal, $own:ident,
     memory: $load:ident $store:ident $bytes:ident,
     arithmetic: $splat:ident $add:ident $sub:ident $mul:ident $div:ident $fma:ident $sqrt:ident $neg:ident $abs:ident,
     choice: $lt:ident $le:ident $eq:ident $select:ident $(, pick: $pick:ident)?) => {
        impl Lanes<$t> for Neon {
            type V = $v;
            type M = $m;
            const LANES: usize = $lanes;

            #[inline(always)]
            fn splat(self, x: $t) -> $v {
                // SAFETY: the token proves NEON.
                unsafe { $splat(x) }
            }
            #[inline(always)]
            unsafe fn load(self, p: *const $t) -> $v {
                // SAFETY: the token proves NEON; the caller vouches for all lanes.
                unsafe { $load(p) }
            }
            #[inline(always)]
            unsafe fn store(self, p: *mut $t, v: $v) {
                // SAFETY: the token proves NEON; the caller vouches for all lanes.
                unsafe { $store(p, v) }
            }

            #[inline(always)]
            fn add(self, a: $v, b: $v) -> $v {
                // SAFETY: the token proves NEON.
                unsafe { $add(a, b) }
            }
            #[inline(always)]
            fn sub(self, a: $v, b: $v) -> $v {
                // SAFETY: the token proves NEON.
                unsafe { $sub(a, b) }
            }
            #[inline(always)]
            fn mul(self, a: $v, b: $v) -> $v {
                // SAFETY: the token proves NEON.
                unsafe { $mul(a, b) }
            }
            #[inline(always)]
            fn div(self, a: $v, b: $v) -> $v {
                // SAFETY: the token proves NEON.
                unsafe { $div(a, b) }
            }
            #[inline(always)]
            fn mul_add(self, a: $v, b: $v, c: $v) -> $v {
                // SAFETY: the token proves NEON.
                unsafe { $fma(c, a, b) }
            }
            #[inline(always)]
            fn sqrt(self, a: $v) -> $v {
                // SAFETY: the token proves NEON.
                unsafe { $sqrt(a) }
            }
            #[inline(always)]
            fn neg(self, a: $v) -> $v {
                // SAFETY: the token proves NEON.
                unsafe { $neg(a) }
            }
            #[inline(always)]
            fn abs(self, a: $v) -> $v {
                // SAFETY: the token proves NEON.
                unsafe { $abs(a) }
            }
            #[inline(always)]
            fn copy_sign(self, a: $v, s: $v) -> $v {
                // SAFETY: the token proves NEON.
                unsafe { $own::copy_sign(a, s) }
            }
            #[inline(always)]
            fn min(self, a: $v, b: $v) -> $v {
                let smaller = Lanes::<$t>::lt(self, a, b);
                Lanes::<$t>::select(self, smaller, a, b)
            }
            #[inline(always)]
            fn max(self, a: $v, b: $v) -> $v {
                let larger = Lanes::<$t>::lt(self, b, a);
                Lanes::<$t>::select(self, larger, a, b)
            }
            #[inline(always)]
            fn lt(self, a: $v, b: $v) -> $m {
                // SAFETY: the token proves NEON.
                unsafe { $lt(a, b) }
            }
            #[inline(always)]
            fn le(self, a: $v, b: $v) -> $m {
                // SAFETY: the token proves NEON.
                unsafe { $le(a, b) }
            }
            #[inline(always)]
            fn eq(self, a: $v, b: $v) -> $m {
                // SAFETY: the token proves NEON.
                unsafe { $eq(a, b) }
            }
            #[inline(always)]
            fn select(self, m: $m, a: $v, b: $v) -> $v {
                // SAFETY: the token proves NEON.
                unsafe { $select(m, a, b) }
            }
            #[inline(always)]
            fn pow2_of_shifted(self, a: $v) -> $v {
                // SAFETY: the token proves NEON.
                unsafe { $own::pow2_of_shifted(a) }
            }
            /// In two steps, of which the first is exact.
            #[inline(always)]
            fn scale(self, a: $v, e: $v) -> $v {
                let deep = Lanes::<$t>::splat(self, super::bits::$own::DEEP);
                let shifter = Lanes::<$t>::splat(self, super::bits::$own::SHIFTER_BIASED);
                let power = |e| Lanes::<$t>::pow2_of_shifted(self, Lanes::<$t>::add(self, e, shifter));
                let first = Lanes::<$t>::max(self, e, deep);
                let rest = Lanes::<$t>::sub(self, e, first);
                let a = Lanes::<$t>::mul(self, a, power(first));
                Lanes::<$t>::mul(self, a, power(rest))
            }
            #[inline(always)]
            fn split_exponent(self, a: $v) -> ($v, $v) {
                // SAFETY: the token proves NEON.
                unsafe { $own::split_exponent(a) }
            }
            $(
                #[inline(always)]
                fn pick(self, table: &'static Sixteen, y: $v) -> $v {
                    // SAFETY: the token proves NEON.
                    unsafe { super::pick::$pick(table, y) }
                }
            )?
        }

        impl Simd<$t> for Neon {
            const ISA: super::Isa = super::Isa::Neon;
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
                let mut lanes = [0.0; $lanes];
                // SAFETY: the caller vouches for `n` elements.
                let from = unsafe { std::slice::from_raw_parts(p, n) };
                lanes[..n].copy_from_slice(from);
                // SAFETY: the token proves NEON; the array has all lanes.
                unsafe { $load(lanes.as_ptr()) }
            }
            #[inline(always)]
            unsafe fn load_bytes(self, p: *const u8) -> $v {
                // SAFETY: the token proves NEON; the caller vouches for all lanes.
                unsafe { super::bytes::$bytes(p) }
            }
            #[inline(always)]
            unsafe fn store_partial(self, p: *mut $t, n: usize, v: $v) {
                let mut lanes = [0.0; $lanes];
                // SAFETY: the token proves NEON; the array has all lanes.
                unsafe { $store(lanes.as_mut_ptr(), v) };
                // SAFETY: the caller vouches for `n` elements.
                let to = unsafe { std::slice::from_raw_parts_mut(p, n) };
                to.copy_from_slice(&lanes[..n]);
            }
            #[inline(always)]
            unsafe fn load_transposed(self, from: *const $t, from_row: usize) -> [$v; $lanes] {
                std::array::from_fn(|j| {
                    // SAFETY: element (i, j) of the block (caller).
                    let lanes: [$t; $lanes] = std::array::from_fn(|i| unsafe { *from.wrapping_add(i * from_row + j) });
                    // SAFETY: the token proves NEON; the array has all lanes.
                    unsafe { $load(lanes.as_ptr()) }
                })
            }
        }
    };
}

simd!(f32, float32x4_t, uint32x4_t, 4, single,
    memory: vld1q_f32 vst1q_f32 f32_4,
    arithmetic: vdupq_n_f32 vaddq_f32 vsubq_f32 vmulq_f32 vdivq_f32 vfmaq_f32 vsqrtq_f32 vnegq_f32 vabsq_f32,
    choice: vcltq_f32 vcleq_f32 vceqq_f32 vbslq_f32, pick: f32_4);
simd!(f64, float64x2_t, uint64x2_t, 2, double,
    memory: vld1q_f64 vst1q_f64 f64_2,
    arithmetic: vdupq_n_f64 vaddq_f64 vsubq_f64 vmulq_f64 vdivq_f64 vfmaq_f64 vsqrtq_f64 vnegq_f64 vabsq_f64,
    choice: vcltq_f64 vcleq_f64 vceqq_f64 vbslq_f64);

/// Defines the operations that take several instructions, as functions of the same standing as the intrinsics.
/// How the last two work on the bits is told in [`super::bits`].
macro_rules! composed {
    ($own:ident, $v:ident, $uint:ident, $splat:ident, $splat_int:ident, $sub:ident, $select:ident,
     ints: $add_int:ident $and_int:ident $or_int:ident $shl:ident $shr:ident,
     casts: $to_int:ident $from_int:ident) => {
        mod $own {
            use crate::isa::bits::$own as bits;
            use std::arch::aarch64::*;

            /// `sign ? s : a`, bit by bit.
            #[inline]
            #[target_feature(enable = "neon")]
            pub(super) fn copy_sign(a: $v, s: $v) -> $v {
                $select($to_int($splat(-0.0)), s, a)
            }

            #[inline]
            #[target_feature(enable = "neon")]
            pub(super) fn pow2_of_shifted(a: $v) -> $v {
                $from_int($shl::<{ bits::MANTISSA as i32 }>($to_int(a)))
            }

            #[inline]
            #[target_feature(enable = "neon")]
            pub(super) fn split_exponent(a: $v) -> ($v, $v) {
                let moved = $add_int($to_int(a), $splat_int((bits::ONE - bits::SQRT_HALF) as $uint));
                let biased = $shr::<{ bits::MANTISSA as i32 }>(moved);
                let e = $from_int($or_int(biased, $splat_int(bits::SHIFTER as $uint)));
                let m = $and_int(moved, $splat_int(bits::MANTISSA_MASK as $uint));
                let m = $add_int(m, $splat_int(bits::SQRT_HALF as $uint));
                ($sub(e, $splat(bits::SHIFTER_BIASED)), $from_int(m))
            }
        }
    };
}

composed!(single, float32x4_t, u32, vdupq_n_f32, vdupq_n_u32, vsubq_f32, vbslq_f32,
    ints: vaddq_u32 vandq_u32 vorrq_u32 vshlq_n_u32 vshrq_n_u32,
    casts: vreinterpretq_u32_f32 vreinterpretq_f32_u32);
composed!(double, float64x2_t, u64, vdupq_n_f64, vdupq_n_u64, vsubq_f64, vbslq_f64,
    ints: vaddq_u64 vandq_u64 vorrq_u64 vshlq_n_u64 vshrq_n_u64,
    casts: vreinterpretq_u64_f64 vreinterpretq_f64_u64);
