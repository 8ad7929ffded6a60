//! The first tile of a strip that packs B on its way: every row of B is stored as packed lines, for the tiles below, when it is loaded.
//!
//! A pass of its own would wait for each line of B; here the next ones come while this one is multiplied.

use super::kernel_args::KernelArgs;
use super::microkernel::{At, MicroKernel, row_groups, vector_offset};
use super::prefetch::PREFETCH_DISTANCE;
use crate::element::Element;
use crate::isa::{Kernel, Simd, prefetch, prefetch_to_l2};

/// The first tile of a strip whose B is to be packed for the tiles below it: packed on the way.
///
/// Vector v of row p of B goes to `to + p·LINE + (v / V)·line + (v mod V)·LANES`, with V vectors a cache line.
pub(crate) struct PackingArgs<'a, T> {
    pub(crate) args: KernelArgs<'a, T>,
    pub(crate) to: *mut T,
    pub(crate) line: usize,
}

/// A compiled micro-kernel that packs.
///
/// # Safety
/// As [`KernelFn`](super::kernel_args::KernelFn), for one tile of whole vectors; and `to` is this thread's alone, and valid for writes of whole
/// lines.
pub(crate) type PackingFn<T> = unsafe fn(&PackingArgs<'_, T>);

/// The micro-kernel that packs, for one instruction set and one tile.
///
/// `TO_L2` says into which cache the rows of B that come next are prefetched. In L1 they would be at hand, but AMD's CPUs drop what waits for L1 in
/// more than 24 places; twice as many are prefetched into L2 (Zen 4, 48×1024×1024: 109 → 112 GFLOP/s, 256×1024×1024 111 → 113; f64 52.7 → 54.3).
///
/// # Safety
/// See [`PackingFn`].
pub(crate) unsafe fn packing_kernel<T: Element, S: Simd<T>, const MR: usize, const NV: usize, const TO_L2: bool>(
    packing: &PackingArgs<'_, T>,
) {
    // SAFETY: the caller vouches for the instruction set.
    let simd = unsafe { S::assume() };
    simd.enter(FirstTile::<T, MR, NV, TO_L2>(packing));
}

/// The tile of a [`PackingArgs`].
struct FirstTile<'a, T, const MR: usize, const NV: usize, const TO_L2: bool>(&'a PackingArgs<'a, T>);

impl<T: Element, const MR: usize, const NV: usize, const TO_L2: bool> Kernel<T> for FirstTile<'_, T, MR, NV, TO_L2> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let PackingArgs { args, mut to, line } = *self.0;
        let tile = MicroKernel::<T, MR, NV, false, false, false>(&self.0.args);
        let ahead = args.b_row.wrapping_mul(if TO_L2 { 2 * PREFETCH_DISTANCE } else { PREFETCH_DISTANCE });
        let mut at = At { a: row_groups::<T, MR, NV>(args.a, args.a_inner), b: args.b };
        let mut acc = tile.load_accumulators(simd, 0, args.c);
        for _ in 0..args.k {
            let row = tile.load_row_of_b(simd, at.b);
            for (v, &lanes) in row.iter().enumerate() {
                // SAFETY: a whole vector of a line (caller of `packing_kernel`).
                unsafe { simd.store(to.wrapping_add(vector_offset::<T, S>(line, v)), lanes) };
            }
            match TO_L2 {
                true => tile.prefetch_row_of_b::<S>(at.b.wrapping_add(ahead), prefetch_to_l2),
                false => tile.prefetch_row_of_b::<S>(at.b.wrapping_add(ahead), prefetch),
            }
            to = to.wrapping_add(T::LINE);
            tile.multiply(simd, &mut at, &row, &mut acc);
        }
        tile.finish(simd, args.c, &mut acc);
    }
}
