//! The micro-kernel: a strip of tiles whose accumulators live in registers. The loop that multiplies matrices; but for the tile that packs
//! on its way ([`first_tile`](super::first_tile)), and for few rows against columns ([`transposed_b`](super::transposed_b)).
//!
//! ```text
//!                       NV vectors of B's row p
//!                     ┌──────┬──────┬──────┬──────┐
//!                     │  b₀  │  b₁  │  b₂  │  b₃  │     loaded once,
//!                     └──────┴──────┴──────┴──────┘     used MR times
//!     A's column p    ┌──────┬──────┬──────┬──────┐
//!        a₀ ─ splat ─▶│  c₀₀ │  c₀₁ │  c₀₂ │  c₀₃ │
//!        a₁ ─ splat ─▶│  c₁₀ │  c₁₁ │  c₁₂ │  c₁₃ │     MR × NV accumulators,
//!         ⋮           │   ⋮  │   ⋮  │   ⋮  │   ⋮  │     one fused multiply-add each a step
//!        a₅ ─ splat ─▶│  c₅₀ │  c₅₁ │  c₅₂ │  c₅₃ │
//!                     └──────┴──────┴──────┴──────┘
//! ```
//!
//! The departures from the textbook (BLIS's micro-kernel):
//! * **A is read where it lies**, by broadcasts: MR row streams prefetch as well as one packed stream, and the packing pass is
//!   saved. Where it is packed all the same says `Product::is_a_worth_packing`.
//! * **B is addressed in cache lines** (`b_line` from a line of columns to the next, `b_row` down the rows), so that a
//!   row-major matrix and a packed one, whatever the tile's width, are the same loop.
//! * **A strip is a column of tiles**: the same B passes under all its rows, so the function pointer is called once a strip.
//! * **Edges are tiles too**: MR and NV are const parameters, the last vector is partial where `TAIL` says so. No scratch
//!   tile, no second code path, and the same chain for every element wherever it falls.
//!
//! Every accumulator is one chain of fused multiply-adds in the order of k. Nothing here may split k over lanes or tiles.

use super::kernel_args::{End, KernelArgs, KernelPrefetch, Start};
use crate::element::Element;
use crate::isa::{Kernel, Simd, opaque, prefetch, prefetch_to_l2};
use std::hint::black_box;

/// The micro-kernel for one instruction set and one tile, as a plain function to put in a table; for CPUs that execute this instruction
/// set in halves where `DEFERS` says so: see [`deferred_steps`].
///
/// # Safety
/// See [`KernelFn`](super::kernel_args::KernelFn).
pub(crate) unsafe fn micro_kernel<T, S, const MR: usize, const NV: usize, const TAIL: bool, const DEFERS: bool>(
    args: &KernelArgs<'_, T>,
) where
    T: Element,
    S: Simd<T>,
{
    // SAFETY: the caller vouches for the instruction set.
    let simd = unsafe { S::assume() };
    // Apart: beside the loops that prefetch, the usual one has fewer registers (Zen 4, 127³: 112 → 114.4 GFLOP/s, 10×128×128 tn 106 → 108.5).
    if const { may_prefetch(MR, NV) } && args.prefetch.is_some() {
        simd.enter(MicroKernel::<T, MR, NV, TAIL, DEFERS, true>(args));
    } else {
        simd.enter(MicroKernel::<T, MR, NV, TAIL, DEFERS, false>(args));
    }
}

/// The most steps that are deferred.
const MOST_DEFERRED_STEPS: usize = 4;
/// Tiles of fewer sums, or of more vectors a row, are not worth a micro-kernel of their own.
const FEWEST_SUMS: usize = 12;
const MOST_VECTORS: usize = 4;

/// The last steps of k, which a tile takes row by row on the way to C, B's vectors waiting in the registers that are left; for a CPU that executes
/// a vector in halves, and none where the tile is not worth it.
///
/// A store that follows the last multiplication of all takes a cycle of a multiplier on Zen 4, unless it meets its sum on the way out
/// of them, and no two stores come close: 24 of them after 240 multiply-adds cost 23 cycles, one after every second multiply-add
/// nothing. (128×128×10 93 → 97 GFLOP/s of 118, 16×16×16 89 → 95, 784-128-10, batch 32: 121.5 → 119 µs a step.) Zen 5 loses by it
/// (128×128×128 259 → 252 GFLOP/s of 267). Tiers of few registers have none left.
pub(super) const fn deferred_steps(registers: usize, rows: usize, vectors: usize) -> usize {
    let sums = rows * vectors;
    if registers < 32 || sums < FEWEST_SUMS || vectors > MOST_VECTORS {
        return 0;
    }
    // Two steps of 6 × 4 take every register: see `store_rows_with_deferred_steps`.
    let steps = if sums + 2 * vectors == registers { 2 } else { (registers - 1 - sums) / vectors };
    match steps {
        0 | 1 => 0,
        2..=MOST_DEFERRED_STEPS => steps,
        _ => MOST_DEFERRED_STEPS,
    }
}

/// Whether a tile is large enough to prefetch anything beside its multiplications.
const fn may_prefetch(rows: usize, vectors: usize) -> bool {
    rows * vectors > 8 || vectors > 4
}

/// `body` for every index below a constant of at most 16, one after the other in the code: the compiler does not always unroll so long a
/// loop, and what it goes through would then be kept in memory.
macro_rules! unrolled {
    ($i:ident < $end:ident, $body:block) => { unrolled!($i $end $body 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15) };
    ($i:ident $end:ident $body:block $($n:literal)*) => { $(
        if $n < $end {
            let $i = $n;
            $body
        }
    )* };
}
pub(super) use unrolled;

/// The column of tiles of one strip, or a row of them across strips.
pub(super) struct MicroKernel<
    'a,
    T,
    const MR: usize,
    const NV: usize,
    const TAIL: bool,
    const DEFERS: bool,
    const PREFETCHES: bool,
>(pub(super) &'a KernelArgs<'a, T>);

impl<T: Element, const MR: usize, const NV: usize, const TAIL: bool, const DEFERS: bool, const PREFETCHES: bool>
    Kernel<T> for MicroKernel<'_, T, MR, NV, TAIL, DEFERS, PREFETCHES>
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let KernelArgs { tiles, mut a, mut b, mut c, mut prefetch_c, .. } = *self.0;
        let mut tile = 0;
        loop {
            self.run_tile(simd, tile, At { a: row_groups::<T, MR, NV>(a, self.0.a_inner), b }, c, prefetch_c);
            tile += 1;
            if tile >= tiles {
                return;
            }
            // Made opaque, or the steps would be fetched and kept on the stack before the first tile, which often is the only one.
            let args = opaque_address::<_, NV>(self.0);
            // SAFETY: the address of what this borrows.
            let KernelArgs { a_next, b_next, c_next, prefetch_c_next, .. } = unsafe { *args };
            a = a.wrapping_add(a_next);
            b = b.wrapping_add(b_next);
            c = c.wrapping_add(c_next);
            prefetch_c = prefetch_c.wrapping_add(prefetch_c_next);
        }
    }
}

impl<T: Element, const MR: usize, const NV: usize, const TAIL: bool, const DEFERS: bool, const PREFETCHES: bool>
    MicroKernel<'_, T, MR, NV, TAIL, DEFERS, PREFETCHES>
{
    /// The tile that begins at `at`, `c` and `prefetch_c`.
    ///
    /// Rows like those of C are prefetched one by one, between as many parts of k: all at once it would fill the buffers in which B's lines, too,
    /// wait (1024-4096-1024, batch 512: first update 17.5 → 17.2 ms, second 20.8 → 20.4). Most tiles prefetch nothing, and go a way on which
    /// nothing looks whether they do: a shallow tile is hardly longer than its preparations, and where both threads of a core are busy the front end
    /// binds it (Emerald Rapids, with addresses that go no way through memory either, 128×128×10 121 → 127 GFLOP/s, 20×192×13 131 → 136,
    /// 32×32×32 136 → 139, beside another thread 5 to 9 % more).
    #[inline(always)]
    fn run_tile<S: Simd<T>>(&self, simd: S, tile: usize, mut at: At<T>, c: *mut T, mut prefetch_c: *const T) {
        let KernelArgs { prefetch_c_row, .. } = *self.0;
        let deferred = const { deferred_steps(S::REGISTERS, MR, NV) };
        let defers = DEFERS && deferred > 0 && self.0.k >= deferred;
        let k = if defers { self.0.k - deferred } else { self.0.k };
        let mut acc = self.load_accumulators(simd, tile, c);
        let prefetches_c = MR * NV > 2 && !prefetch_c.is_null();
        let mut first = 0;
        // One vector wide, tiles have no registers for the addresses of a second loop: see `opaque_address`.
        if NV > 1 && !prefetches_c && !(PREFETCHES && self.0.prefetch.is_some()) {
            self.k_steps(simd, k, &mut at, &mut acc);
            first = k;
        }
        let part = if prefetches_c && k >= 8 * MR { k.div_ceil(MR) } else { k };
        while first < k {
            if prefetches_c {
                for _ in 0..if part < k { 1 } else { MR } {
                    self.prefetch_row_of_c::<S>(prefetch_c);
                    prefetch_c = prefetch_c.wrapping_add(prefetch_c_row);
                }
            }
            let mut left = part.min(k - first);
            if PREFETCHES && let Some(prefetches) = self.0.prefetch {
                left = self.k_steps_prefetching(simd, prefetches, (tile, first), left, &mut at, &mut acc);
            }
            self.k_steps(simd, left, &mut at, &mut acc);
            first += part;
        }
        if defers { self.finish_with_deferred_steps(simd, &at, c, &mut acc) } else { self.finish(simd, c, &mut acc) }
    }

    /// So many steps of k.
    #[inline(always)]
    fn k_steps<S: Simd<T>>(&self, simd: S, mut left: usize, at: &mut At<T>, acc: &mut [[S::V; NV]; MR]) {
        while left >= Self::STEPS {
            for _ in 0..Self::STEPS {
                self.k_step(simd, at, acc);
            }
            left -= Self::STEPS;
        }
        while left > 0 {
            self.k_step(simd, at, acc);
            left -= 1;
        }
    }

    /// These steps, from step `first` of a tile on, each with one prefetch: those in vain take issue slots of loads as well.
    /// Says how many are left to do.
    #[inline(always)]
    fn k_steps_prefetching<S: Simd<T>>(
        &self,
        simd: S,
        prefetches: &KernelPrefetch<T>,
        (tile, first): (usize, usize),
        mut left: usize,
        at: &mut At<T>,
        acc: &mut [[S::V; NV]; MR],
    ) -> usize {
        let KernelPrefetch { a_ahead, b_ahead, next_b, next_b_rows, next_b_row, next_b_line, next_b_lines } =
            *prefetches;
        if tile.wrapping_sub(1) < next_b_lines {
            let mut line = next_b.wrapping_add((tile - 1) * next_b_line + first * next_b_row);
            let mut prefetching = left.min(next_b_rows.saturating_sub(first));
            left -= prefetching;
            while prefetching > 0 {
                prefetch_to_l2(line);
                line = line.wrapping_add(next_b_row);
                self.k_step(simd, at, acc);
                prefetching -= 1;
            }
        } else if const { Self::may_prefetch_b::<S>() } && b_ahead > 0 {
            while left > 0 {
                self.prefetch_row_of_b::<S>(at.b.wrapping_add(b_ahead), prefetch);
                self.k_step(simd, at, acc);
                left -= 1;
            }
        } else if const { MR * NV > 8 } && a_ahead > 0 {
            while left > 0 {
                self.prefetch_column_of_a(at.a[0].wrapping_add(a_ahead));
                self.k_step(simd, at, acc);
                left -= 1;
            }
        }
        left
    }

    /// The deferred steps row by row, each row stored as soon as it is done.
    #[inline(always)]
    fn finish_with_deferred_steps<S: Simd<T>>(&self, simd: S, at: &At<T>, c: *mut T, acc: &mut [[S::V; NV]; MR]) {
        match self.0.end {
            End::Stored => self.store_rows_with_deferred_steps(simd, at, c, acc, None),
            End::AddScaled(factor) => self.store_rows_with_deferred_steps(simd, at, c, acc, Some(simd.splat(factor))),
        }
    }

    /// Stores all rows.
    #[inline(always)]
    pub(super) fn finish<S: Simd<T>>(&self, simd: S, c: *mut T, acc: &mut [[S::V; NV]; MR]) {
        match self.0.end {
            End::Stored => self.store_rows(simd, c, acc, None),
            End::AddScaled(factor) => self.store_rows(simd, c, acc, Some(simd.splat(factor))),
        }
    }

    /// The rows of [`finish_with_deferred_steps`](Self::finish_with_deferred_steps), stored or added to C times a `factor`.
    #[inline(always)]
    fn store_rows_with_deferred_steps<S: Simd<T>>(
        &self,
        simd: S,
        at: &At<T>,
        mut c: *mut T,
        acc: &mut [[S::V; NV]; MR],
        factor: Option<S::V>,
    ) {
        let deferred = const { deferred_steps(S::REGISTERS, MR, NV) };
        // Sums and rows of B take every register: a vector of the last row comes when a sum of the first has gone. The compiler would keep up to five
        // of them on the stack (Zen 4, 128×128×10: 90 → 98 GFLOP/s, 128×784×32 tn 108.5 → 111.7).
        let takes_all = deferred > 0 && (MR + deferred) * NV >= S::REGISTERS;
        let there = if takes_all { deferred - 1 } else { deferred };
        let mut rows_of_b = [[simd.splat(T::ZERO); NV]; MOST_DEFERRED_STEPS];
        for (p, row) in rows_of_b.iter_mut().enumerate().take(there) {
            *row = self.load_row_of_b(simd, at.b.wrapping_add(p * self.0.b_row));
        }
        unrolled!(i < MR, {
            let mut a = self.row_of_a(at, i);
            for row in rows_of_b.iter().take(if i == 0 { there } else { deferred }) {
                // SAFETY: (first + i, p) is inside A (caller of `micro_kernel`).
                let x = simd.splat(unsafe { *a });
                for (sum, &lanes) in acc[i].iter_mut().zip(row) {
                    *sum = simd.mul_add(x, lanes, *sum);
                }
                a = a.wrapping_add(self.0.a_col);
            }
            if i > 0 {
                c = c.wrapping_add(self.0.c_row);
            }
            if takes_all && i == 0 {
                // SAFETY: as above.
                let x = simd.splat(unsafe { *a });
                let b = at.b.wrapping_add(there * self.0.b_row);
                for (v, lanes) in rows_of_b[there].iter_mut().enumerate() {
                    *lanes = self.load_vector(simd, b, self.0.b_line, v, self.0.b_tail);
                    let sum = simd.mul_add(x, *lanes, acc[i][v]);
                    self.store_vector(simd, c, v, self.final_sum(simd, c, v, sum, factor));
                }
            } else {
                self.store_row(simd, c, &mut acc[i], factor);
            }
        });
    }

    /// The rows of [`finish`](Self::finish), likewise.
    #[inline(always)]
    fn store_rows<S: Simd<T>>(&self, simd: S, mut c: *mut T, acc: &mut [[S::V; NV]; MR], factor: Option<S::V>) {
        unrolled!(i < MR, {
            if i > 0 {
                c = c.wrapping_add(self.0.c_row);
            }
            self.store_row(simd, c, &mut acc[i], factor);
        });
    }

    /// Stores a row.
    #[inline(always)]
    fn store_row<S: Simd<T>>(&self, simd: S, c: *mut T, sums: &mut [S::V; NV], factor: Option<S::V>) {
        for (v, sum) in sums.iter_mut().enumerate() {
            *sum = self.final_sum(simd, c, v, *sum, factor);
        }
        for (v, &sum) in sums.iter().enumerate() {
            self.store_vector(simd, c, v, sum);
        }
    }

    /// What is stored for a sum: itself, or C's vector `v` plus a `factor` times it.
    #[inline(always)]
    fn final_sum<S: Simd<T>>(&self, simd: S, c: *const T, v: usize, sum: S::V, factor: Option<S::V>) -> S::V {
        let Some(factor) = factor else { return sum };
        simd.mul_add(factor, sum, self.load_vector(simd, c, self.0.c_line, v, self.0.c_tail))
    }

    /// Vector `v` of a row of C.
    #[inline(always)]
    fn store_vector<S: Simd<T>>(&self, simd: S, c: *mut T, v: usize, sum: S::V) {
        let to = c.wrapping_add(vector_offset::<T, S>(self.0.c_line, v));
        if TAIL && v + 1 == NV {
            // SAFETY: the caller of `micro_kernel` vouches for `c_tail` lanes of C's last vector.
            unsafe { simd.store_partial(to, self.0.c_tail, sum) };
        } else {
            // SAFETY: a whole vector inside C.
            unsafe { simd.store(to, sum) };
        }
    }

    /// Steps of k between two looks at the end. A tile of one or two vectors waits for its chains; the fewer instructions it takes
    /// meanwhile, the more of the next product finds room behind them (1-16-1: 490 → 470 ns a step).
    const STEPS: usize = if MR * NV <= 2 { 4 } else { 1 };

    /// Whether a vector is as long as a line, and the tile large enough to prefetch rows of B.
    const fn may_prefetch_b<S: Simd<T>>() -> bool {
        S::LANES == T::LINE && NV > 1
    }

    /// Prefetches the tile's part of a column of A, a run.
    #[inline(always)]
    fn prefetch_column_of_a(&self, column: *const T) {
        for i in (0..MR).step_by(T::LINE) {
            prefetch(column.wrapping_add(i));
        }
        prefetch(column.wrapping_add(MR - 1));
    }

    /// One row of B and one column of A, and on to the next.
    #[inline(always)]
    fn k_step<S: Simd<T>>(&self, simd: S, at: &mut At<T>, acc: &mut [[S::V; NV]; MR]) {
        let row = self.load_row_of_b(simd, at.b);
        self.multiply(simd, at, &row, acc);
    }

    /// One column of A times this row of B, and on to the next.
    #[inline(always)]
    pub(super) fn multiply<S: Simd<T>>(&self, simd: S, at: &mut At<T>, row: &[S::V; NV], acc: &mut [[S::V; NV]; MR]) {
        for (i, sums) in acc.iter_mut().enumerate() {
            // SAFETY: (first + i, p) is inside A (caller of `micro_kernel`).
            let x = simd.splat(unsafe { *self.row_of_a(at, i) });
            for (sum, &lanes) in sums.iter_mut().zip(row) {
                *sum = simd.mul_add(x, lanes, *sum);
            }
        }
        at.a.iter_mut().for_each(|group| *group = group.wrapping_add(self.0.a_col));
        at.b = at.b.wrapping_add(self.0.b_row);
    }

    /// The vectors of a row of B that begins at `b`.
    #[inline(always)]
    pub(super) fn load_row_of_b<S: Simd<T>>(&self, simd: S, b: *const T) -> [S::V; NV] {
        self.load_row(simd, b, self.0.b_line)
    }

    /// Where row `i` of A's column is.
    #[inline(always)]
    fn row_of_a(&self, at: &At<T>, i: usize) -> *const T {
        at.a[i / GROUP].wrapping_add(i % GROUP * self.0.a_inner)
    }

    /// Prefetches what lies like one row of the tile in C.
    #[inline(always)]
    fn prefetch_row_of_c<S: Simd<T>>(&self, prefetch_c: *const T) {
        for v in (0..NV).step_by(T::LINE / S::LANES) {
            prefetch(prefetch_c.wrapping_add(vector_offset::<T, S>(self.0.prefetch_c_line, v)));
        }
    }

    /// Prefetches a row of B, which may lie on a line more than it has vectors, by a hint.
    #[inline(always)]
    pub(super) fn prefetch_row_of_b<S: Simd<T>>(&self, row: *const T, hint: impl Fn(*const T)) {
        for v in (0..NV).step_by(T::LINE / S::LANES) {
            hint(row.wrapping_add(vector_offset::<T, S>(self.0.b_line, v)));
        }
        hint(row.wrapping_add(vector_offset::<T, S>(self.0.b_line, NV - 1) + S::LANES - 1));
    }

    /// The accumulators before the first step.
    #[inline(always)]
    pub(super) fn load_accumulators<S: Simd<T>>(&self, simd: S, tile: usize, mut c: *const T) -> [[S::V; NV]; MR] {
        let mut acc = [[simd.splat(T::ZERO); NV]; MR];
        let KernelArgs { c_row, c_line, c_tail, .. } = *self.0;
        match self.0.start {
            Start::Zero => {}
            Start::All(value) => acc = [[simd.splat(value); NV]; MR],
            Start::Row(bias) => {
                let bias = bias.wrapping_add(tile * self.0.cols_next);
                for (v, first_row) in (0..NV).zip(self.load_row(simd, bias, T::LINE)) {
                    acc.iter_mut().for_each(|sums| sums[v] = first_row);
                }
            }
            Start::Stored => {
                for sums in &mut acc {
                    for (v, sum) in sums.iter_mut().enumerate() {
                        *sum = self.load_vector(simd, c, c_line, v, c_tail);
                    }
                    c = c.wrapping_add(c_row);
                }
            }
            Start::Scaled(beta) => {
                let beta = simd.splat(beta);
                for sums in &mut acc {
                    for (v, sum) in sums.iter_mut().enumerate() {
                        *sum = simd.mul(beta, self.load_vector(simd, c, c_line, v, c_tail));
                    }
                    c = c.wrapping_add(c_row);
                }
            }
        }
        acc
    }

    /// Vector `v` of a row that begins at `row`, the last one partial where this is a tail.
    #[inline(always)]
    fn load_vector<S: Simd<T>>(&self, simd: S, row: *const T, line: usize, v: usize, tail: usize) -> S::V {
        let from = row.wrapping_add(vector_offset::<T, S>(line, v));
        if TAIL && v + 1 == NV {
            // SAFETY: the caller of `micro_kernel` vouches for `tail` lanes of the last vector.
            unsafe { simd.load_partial(from, tail) }
        } else {
            // SAFETY: a whole vector inside the operand.
            unsafe { simd.load(from) }
        }
    }

    /// All vectors of a row of B, or of the bias, which ends where B does.
    #[inline(always)]
    fn load_row<S: Simd<T>>(&self, simd: S, row: *const T, line: usize) -> [S::V; NV] {
        let mut vectors = [simd.splat(T::ZERO); NV];
        for (v, lanes) in vectors.iter_mut().enumerate() {
            *lanes = self.load_vector(simd, row, line, v, self.0.b_tail);
        }
        vectors
    }
}

/// Where a tile has come to: its column of A, see [`row_groups`], and its row of B.
pub(super) struct At<T> {
    pub(super) a: [*const T; GROUPS],
    pub(super) b: *const T,
}

/// Rows of A that share a pointer.
pub(super) const GROUP: usize = 4;
/// Groups of the tallest tile.
pub(super) const GROUPS: usize = 4;

/// An address that the compiler does not see through: it may not be what it was.
///
/// By way of memory where a tile is a single vector wide, for it has so many rows that the compiler, with all it then knows of their addresses,
/// keeps some on the stack (Emerald Rapids, 128×16×128: 112 GFLOP/s, not 106).
#[inline(always)]
fn opaque_address<P, const NV: usize>(address: *const P) -> *const P {
    if NV == 1 { black_box(address) } else { opaque(address) }
}

/// A pointer to every fourth row of a tile.
///
/// In tall tiles they are made opaque: the compiler would otherwise see one pointer and step it from row to row, and that chain of
/// additions, as long as the tile is tall, would take longer than the multiplications (16 × 1: 51 % of the peak instead of 86 %).
#[inline(always)]
pub(super) fn row_groups<T: Element, const MR: usize, const NV: usize>(
    a: *const T,
    a_inner: usize,
) -> [*const T; GROUPS] {
    let mut groups = [a; GROUPS];
    for (g, group) in groups.iter_mut().enumerate().take(MR.div_ceil(GROUP)) {
        *group = a.wrapping_add(g * GROUP * a_inner);
        if MR > GROUP {
            *group = opaque_address::<_, NV>(*group);
        }
    }
    groups
}

/// How far vector `v` is from the first one, with `line` elements from one cache line of columns to the next.
#[inline(always)]
pub(crate) fn vector_offset<T: Element, S: Simd<T>>(line: usize, v: usize) -> usize {
    let per_line = T::LINE / S::LANES;
    (v / per_line) * line + (v % per_line) * S::LANES
}
