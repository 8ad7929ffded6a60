//! The layout of `f32` and `f64` that [`pow2_of_shifted`](super::Lanes::pow2_of_shifted), [`scale`](super::Lanes::scale) and
//! [`split_exponent`](super::Lanes::split_exponent) work on, and [`pick`](super::Lanes::pick).
//!
//! *Integers in the low bits.* The numbers from `2^M` to `2^(M+1)` (`M` mantissa bits) are the integers, so adding
//! `2^M + bias` to a small integral `a` leaves `a + bias`, a biased exponent, in the low bits: shifted left by `M`
//! it is the number `2^a`, and whatever stood above is shifted out.
//! Read backwards, a biased exponent in the low bits of `2^M` is a float from which `2^M + bias` is taken away.
//!
//! *Splitting around 1.* Adding `bits(1) − bits(√½)` carries into the exponent exactly where the mantissa is
//! `√2` or more, so the exponent read afterwards leaves a rest in `[√½, √2)`.

macro_rules! layout {
    ($name:ident, $t:ident, $int:ident, $uint:ident, $mantissa:literal, $bias:literal, $sqrt_half:literal, $deep:literal) => {
        pub(crate) mod $name {
            /// Bits of the stored mantissa.
            pub(crate) const MANTISSA: u32 = $mantissa;
            /// The mantissa's place.
            pub(crate) const MANTISSA_MASK: $int = (1 << MANTISSA) - 1;
            /// The bits of 1.
            pub(crate) const ONE: $int = $bias << MANTISSA;
            /// The bits of `√½`, rounded.
            pub(crate) const SQRT_HALF: $int = $sqrt_half;
            /// The bits of `2^M`.
            pub(crate) const SHIFTER: $int = ($bias + $mantissa) << MANTISSA;
            /// `2^M + bias`
            pub(crate) const SHIFTER_BIASED: $t = ((1 as $int) << MANTISSA) as $t + $bias as $t;
            /// A scaling exponent below which `scale` takes a second step; by as much again it reaches past the
            /// smallest subnormal.
            pub(crate) const DEEP: $t = $deep;

            /// `2^n` from `2^M + bias + n`
            #[inline(always)]
            pub(crate) fn pow2_of_shifted(a: $t) -> $t {
                $t::from_bits(a.to_bits() << MANTISSA)
            }

            /// `(e, m)` with `a = m · 2^e`
            #[inline(always)]
            pub(crate) fn split_exponent(a: $t) -> ($t, $t) {
                let moved = a.to_bits().wrapping_add((ONE - SQRT_HALF) as $uint);
                let e = $t::from_bits((moved >> MANTISSA) | SHIFTER as $uint) - SHIFTER_BIASED;
                let m = (moved & MANTISSA_MASK as $uint).wrapping_add(SQRT_HALF as $uint);
                (e, $t::from_bits(m))
            }
        }
    };
}

layout!(single, f32, i32, u32, 23, 127, 0x3f35_04f3, -100.0);
layout!(double, f64, i64, u64, 52, 1023, 0x3fe6_a09e_667f_3bcd, -1000.0);
