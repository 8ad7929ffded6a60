//! The portable tier, for every CPU: `wide`'s vectors, compiled for the build's own baseline.
//!
//! `wide` chooses instructions at compile time. Where the baseline has no fused multiply-add (plain x86-64) `mul_add`
//! rounds twice: results there may differ from the other tiers' within the documented error, never between two runs.

use super::{Kernel, Lanes, Simd, Sixteen};
use wide::{f32x8, f64x4};

/// The token of the portable tier; every CPU has it.
#[derive(Clone, Copy, Debug)]
pub struct Portable(());

impl Portable {
    /// Whether [`Lanes::mul_add`] rounds once on this tier, as it does on all others.
    pub const FUSED: bool = cfg!(any(all(target_arch = "x86_64", target_feature = "fma"), target_arch = "aarch64"));

    /// The token.
    #[inline]
    pub const fn new() -> Self {
        Self(())
    }
}

impl Default for Portable {
    fn default() -> Self {
        Self::new()
    }
}

macro_rules! simd {
    ($t:ident, $v:ident, $lanes:literal, $bits:ident $(, $pick:ident)?) => {
        impl Lanes<$t> for Portable {
            type V = $v;
            /// All ones or all zeros in a lane.
            type M = $v;
            const LANES: usize = $lanes;

            #[inline(always)]
            fn splat(self, x: $t) -> $v {
                $v::splat(x)
            }
            #[inline(always)]
            unsafe fn load(self, p: *const $t) -> $v {
                // SAFETY: the caller vouches for all lanes; an array may be read unaligned.
                $v::new(unsafe { p.cast::<[$t; $lanes]>().read_unaligned() })
            }
            #[inline(always)]
            unsafe fn store(self, p: *mut $t, v: $v) {
                // SAFETY: the caller vouches for all lanes; an array may be written unaligned.
                unsafe { p.cast::<[$t; $lanes]>().write_unaligned(v.to_array()) }
            }

            #[inline(always)]
            fn add(self, a: $v, b: $v) -> $v {
                a + b
            }
            #[inline(always)]
            fn sub(self, a: $v, b: $v) -> $v {
                a - b
            }
            #[inline(always)]
            fn mul(self, a: $v, b: $v) -> $v {
                a * b
            }
            #[inline(always)]
            fn div(self, a: $v, b: $v) -> $v {
                a / b
            }
            #[inline(always)]
            fn mul_add(self, a: $v, b: $v, c: $v) -> $v {
                a.mul_add(b, c)
            }
            #[inline(always)]
            fn sqrt(self, a: $v) -> $v {
                a.sqrt()
            }
            #[inline(always)]
            fn neg(self, a: $v) -> $v {
                a ^ $v::splat(-0.0)
            }
            #[inline(always)]
            fn abs(self, a: $v) -> $v {
                a.abs()
            }
            #[inline(always)]
            fn copy_sign(self, a: $v, s: $v) -> $v {
                a.abs() | (s & $v::splat(-0.0))
            }
            #[inline(always)]
            fn min(self, a: $v, b: $v) -> $v {
                a.simd_lt(b).select(a, b)
            }
            #[inline(always)]
            fn max(self, a: $v, b: $v) -> $v {
                b.simd_lt(a).select(a, b)
            }
            #[inline(always)]
            fn lt(self, a: $v, b: $v) -> $v {
                a.simd_lt(b)
            }
            #[inline(always)]
            fn le(self, a: $v, b: $v) -> $v {
                a.simd_le(b)
            }
            #[inline(always)]
            fn eq(self, a: $v, b: $v) -> $v {
                a.simd_eq(b)
            }
            #[inline(always)]
            fn select(self, m: $v, a: $v, b: $v) -> $v {
                m.select(a, b)
            }
            #[inline(always)]
            fn pow2_of_shifted(self, a: $v) -> $v {
                $v::new(a.to_array().map(super::bits::$bits::pow2_of_shifted))
            }
            /// In two steps, of which the first is exact.
            #[inline(always)]
            fn scale(self, a: $v, e: $v) -> $v {
                let shifter = $v::splat(super::bits::$bits::SHIFTER_BIASED);
                let first = Lanes::<$t>::max(self, e, $v::splat(super::bits::$bits::DEEP));
                let power = |e| Lanes::<$t>::pow2_of_shifted(self, e + shifter);
                (a * power(first)) * power(e - first)
            }
            #[inline(always)]
            fn split_exponent(self, a: $v) -> ($v, $v) {
                let pairs = a.to_array().map(super::bits::$bits::split_exponent);
                ($v::new(pairs.map(|(e, _)| e)), $v::new(pairs.map(|(_, m)| m)))
            }
            $(
                #[inline(always)]
                fn $pick(self, table: &'static Sixteen, y: $v) -> $v {
                    let place = |y: $t| (y.to_bits() >> (super::bits::$bits::MANTISSA - 2)) as usize % 16;
                    $v::new(y.to_array().map(|y| table.0[place(y)]))
                }
            )?
        }

        impl Simd<$t> for Portable {
            const ISA: super::Isa = super::Isa::Portable;
            // A vector of 32 bytes takes two registers where they have 16.
            const REGISTERS: usize = if cfg!(any(target_arch = "aarch64", target_feature = "avx")) { 16 } else { 8 };
            type Square = [$v; $lanes];

            #[inline(always)]
            unsafe fn assume() -> Self {
                Self(())
            }

            #[inline(never)]
            fn enter<K: Kernel<$t>>(self, kernel: K) -> K::Output {
                kernel.run(self)
            }
            #[inline(always)]
            unsafe fn load_partial(self, p: *const $t, n: usize) -> $v {
                let mut lanes = [0.0; $lanes];
                // SAFETY: the caller vouches for `n` elements.
                let from = unsafe { std::slice::from_raw_parts(p, n) };
                lanes[..n].copy_from_slice(from);
                $v::new(lanes)
            }
            #[inline(always)]
            unsafe fn load_bytes(self, p: *const u8) -> $v {
                // SAFETY: the caller vouches for all lanes.
                let bytes = unsafe { p.cast::<[u8; $lanes]>().read_unaligned() };
                $v::new(bytes.map(<$t>::from))
            }
            #[inline(always)]
            unsafe fn store_partial(self, p: *mut $t, n: usize, v: $v) {
                // SAFETY: the caller vouches for `n` elements.
                let to = unsafe { std::slice::from_raw_parts_mut(p, n) };
                to.copy_from_slice(&v.to_array()[..n]);
            }
            #[inline(always)]
            unsafe fn load_transposed(self, from: *const $t, from_row: usize) -> [$v; $lanes] {
                std::array::from_fn(|j| {
                    // SAFETY: element (i, j) of the block (caller).
                    $v::new(std::array::from_fn(|i| unsafe { *from.wrapping_add(i * from_row + j) }))
                })
            }
        }
    };
}

simd!(f32, f32x8, 8, single, pick);
simd!(f64, f64x4, 4, double);
