//! The table of tiles: which micro-kernels exist on each tier, and which one a shape gets.
//!
//! A tile of MR rows × NV vectors takes `MR·NV` accumulators, NV registers for B's row and one for A's broadcast. Every tile
//! that fits the registers, with accumulators in three quarters of them at most, is compiled: 12 × 2 of 32, not 14 × 2, which would fit and gain
//! nothing. Measured on a Zen 5 core (two 512-bit FMA pipes; percentage of the FMA peak
//! with A in place, k = 256, B in L1 or L2; `cargo bench -p deltarule-benches --bench gemm` times the product as a whole):
//!
//! | tile (rows × vectors) | loads per FMA | f32 AVX-512 | AVX2 |
//! |---|---|---|---|
//! | 6 × 4  | 0.42 | 96–99 % | |
//! | 8 × 3  | 0.46 | 96–97 % | |
//! | 12 × 2 | 0.58 | 95–97 % | |
//! | 14 × 2 | 0.57 | 95–97 % | |
//! | 7 × 4 (28 accumulators) | 0.39 | 82 %: spills | |
//! | 16 × 1 | 1.06 | 83–86 %: bound by loads | |
//! | 6 × 2  | 0.67 | | 97–98 % |
//! | 4 × 3  | 0.58 | | 50 %: spills |
//!
//! So: 24 accumulators of 32 registers, 12 of 16, and the widest tile first, for its fewer loads. Zen 4, with data paths of 256 bits,
//! agrees: with strips of 4, 3 and 2 vectors whole products run at 113, 110 and 110 GFLOP/s of 118 at 64³, at 112, 113 and 111 at 1024³.

use super::first_tile::{PackingFn, packing_kernel};
use super::kernel_args::KernelFn;
use super::microkernel::{deferred_steps, micro_kernel};
use super::plan::ROW_UNIT;
use super::transposed_b::{self, TransposedBFn, transposed_b_kernel};
use crate::element::Element;
use crate::isa::{Isa, Kernel, Simd, dispatch};
use crate::machine::Habits;
use std::fmt;
use std::sync::OnceLock;

/// The tallest and the widest tile in the table.
const MAX_ROWS: usize = 16;
const MAX_VECTORS: usize = 8;
/// Steps of k that are worth the tails of half a vector, which AVX2 stores slowly.
const STEPS_FOR_TAILS: usize = 32;

/// The micro-kernels of one tier, and what decides between them. Made only where the tier has been entered, or found to be available: to have
/// a table proves its tier.
pub struct TileTable<T: 'static> {
    /// The tier.
    pub(crate) isa: Isa,
    /// `kernels[rows − 1][vectors − 1][tail]`
    kernels: [[[Option<KernelFn<T>>; 2]; MAX_VECTORS]; MAX_ROWS],
    /// `transposed_b[rows − 1]`
    transposed_b: [Option<TransposedBFn<T>>; transposed_b::MAX_ROWS],
    /// The binary logarithm of the elements in a vector.
    lanes_log2: u32,
    /// The tallest tile of each width: `tallest[vectors − 1]`.
    tallest: [usize; MAX_VECTORS],
    /// The widest tile of each height, in whole cache lines where it spans several: `widest[rows − 1]`.
    widest: [usize; MAX_ROWS],
    /// The width that a tall product uses.
    main_vectors: usize,
    /// The micro-kernel that packs B on its way, and the rows and columns of its tile.
    packing: Option<(PackingFn<T>, usize, usize)>,
    /// The table for products that a vector of half the size is wide enough for, where vectors are executed in halves, …
    half: Option<&'static TileTable<T>>,
    /// … and where more halves are loaded than whole ones.
    narrow: Option<&'static TileTable<T>>,
    /// The CPU's.
    pub(super) habits: Habits,
}

impl<T> fmt::Debug for TileTable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TileTable").field("isa", &self.isa).finish_non_exhaustive()
    }
}

impl<T: Element> TileTable<T> {
    /// The table of tier `isa`.
    pub(crate) fn of(isa: Isa) -> &'static Self {
        T::table(isa)
    }

    /// The table of the tier that `S` proves. Not built here: it would be compiled again in every crate that is inside a tier.
    #[inline(always)]
    pub(crate) fn here<S: Simd<T>>() -> &'static Self {
        let current = Self::current();
        if current.isa == S::ISA { current } else { Self::of(S::ISA) }
    }

    /// The table of [`Isa::current`], looked up once.
    #[inline]
    pub(crate) fn current() -> &'static Self {
        T::current_table()
    }

    /// The micro-kernel of a tile, whose last vector is partial where `tail`.
    pub(crate) fn kernel(&self, rows: usize, vectors: usize, tail: bool) -> Option<KernelFn<T>> {
        *self.kernels.get(rows.wrapping_sub(1))?.get(vectors.wrapping_sub(1))?.get(usize::from(tail))?
    }

    /// The micro-kernel that packs B on its way, and the rows and columns of its tile.
    pub(crate) fn packing(&self) -> Option<(PackingFn<T>, usize, usize)> {
        self.packing
    }

    /// The kernel of few rows against columns of B, where there is one.
    pub(crate) fn transposed_b_kernel(&self, rows: usize) -> Option<TransposedBFn<T>> {
        *self.transposed_b.get(rows.wrapping_sub(1))?
    }

    /// The table of half the vector, where `cols` columns take no more and `steps` of k are worth its slower tails
    /// (8×8×8 31 → 37 GFLOP/s, 128×8×128 58 → 92, 100×5×100 36 → 48; behind whole vectors 100×24×100 85 → 105, 200×72×200 104 → 114).
    #[inline]
    pub(crate) fn half(&self, cols: usize, steps: usize) -> Option<&'static Self> {
        let pays = |half: &&Self| cols == half.lanes() || (1..half.lanes()).contains(&cols) && steps >= STEPS_FOR_TAILS;
        self.half.filter(pays)
    }

    /// Likewise where halves are but loaded faster (Emerald Rapids: 128×8×128 69 → 86, 300×8×784 67 → 91; behind whole vectors, or for
    /// a single tile, which would wait for this to be decided, it costs more than it gains).
    pub(crate) fn narrow(&self, cols: usize, steps: usize) -> Option<&'static Self> {
        self.narrow.filter(|half| cols <= half.lanes() && steps >= STEPS_FOR_TAILS)
    }

    /// There are narrower vectors, for few columns.
    pub(crate) fn has_narrower(&self) -> bool {
        self.half.is_some() || self.narrow.is_some()
    }

    /// Elements in a vector.
    pub(crate) fn lanes(&self) -> usize {
        1 << self.lanes_log2
    }

    /// Vectors of a cache line: one, unless they are shorter.
    pub(crate) fn vectors_of_line(&self) -> usize {
        (T::LINE >> self.lanes_log2).max(1)
    }

    /// Vectors that `cols > 0` columns take.
    pub(crate) fn vectors_for(&self, cols: usize) -> usize {
        ((cols - 1) >> self.lanes_log2) + 1
    }

    /// The tallest tile that is `vectors` wide.
    pub(crate) fn tallest(&self, vectors: usize) -> usize {
        self.tallest[vectors.clamp(1, MAX_VECTORS) - 1]
    }

    /// The widest tile, in vectors, of so many rows.
    pub(crate) fn widest(&self, rows: usize) -> usize {
        self.widest[rows.clamp(1, MAX_ROWS) - 1]
    }

    /// How wide, in vectors, the strips of a product with `rows` rows should be: as wide as the registers allow for few
    /// rows, where latency and bandwidth bind, and the best tile's width for many.
    pub(crate) fn strip_vectors(&self, rows: usize) -> usize {
        if rows >= self.tallest(self.main_vectors) { self.main_vectors } else { self.widest(rows) }
    }
}

/// An element type that has tables. They are made here, for both types, so that the micro-kernels are compiled with this crate and
/// not again with every crate that multiplies.
pub trait Tiled: Sized + 'static {
    /// The table of tier `isa`, as this CPU executes it.
    fn table(isa: Isa) -> &'static TileTable<Self>;
    /// The table of tier `isa` for CPUs of such habits.
    fn table_for(isa: Isa, habits: Habits) -> TileTable<Self>;
    /// The table of the current tier.
    fn current_table() -> &'static TileTable<Self>;
}

macro_rules! tiled {
    ($($t:ident)*) => {$(
        impl Tiled for $t {
            fn table(isa: Isa) -> &'static TileTable<Self> {
                static TABLES: [OnceLock<TileTable<$t>>; Isa::COUNT] = [const { OnceLock::new() }; Isa::COUNT];
                TABLES[isa as usize].get_or_init(|| Self::table_for(isa, Habits::here()))
            }

            fn table_for(isa: Isa, habits: Habits) -> TileTable<Self> {
                let table: &TileTable<Self> = dispatch(isa, Lookup { in_halves: habits.executes_in_halves });
                let halves = table.isa.half().filter(|half| half.is_available()).map(Self::table);
                let half = halves.filter(|_| habits.executes_in_halves);
                let narrow = halves.filter(|_| habits.loads_more_halves);
                debug_assert!(
                    halves.is_none_or(|half| half.tallest(1) >= table.tallest(2)),
                    "panels of A for two vectors and more serve half a one too"
                );
                TileTable { half, narrow, habits, ..*table }
            }

            #[inline]
            fn current_table() -> &'static TileTable<Self> {
                static CURRENT: OnceLock<&TileTable<$t>> = OnceLock::new();
                CURRENT.get_or_init(|| Self::table(Isa::current()))
            }
        }
    )*};
}

tiled!(f32 f64);

/// Gives the table of the tier it is run on, for CPUs that execute its vectors in halves or whole.
struct Lookup {
    in_halves: bool,
}

impl<T: Element> Kernel<T> for Lookup {
    type Output = &'static TileTable<T>;
    #[inline(always)]
    fn run<S: Simd<T>>(self, _: S) -> &'static TileTable<T> {
        if const { S::ISA.half().is_some() } && self.in_halves {
            const { &build::<T, S, true>() }
        } else {
            const { &build::<T, S, false>() }
        }
    }
}

/// Accumulators, a row of B and a broadcast must fit, with one register to spare, and accumulators take no more than three quarters.
const fn fits(registers: usize, rows: usize, vectors: usize) -> bool {
    rows * vectors <= registers * 3 / 4 && rows * vectors + vectors + 2 <= registers
}

const fn build<T: Element, S: Simd<T>, const IN_HALVES: bool>() -> TileTable<T> {
    let per_line = T::LINE / S::LANES;
    let mut table = TileTable {
        isa: S::ISA,
        kernels: [[[None; 2]; MAX_VECTORS]; MAX_ROWS],
        transposed_b: [
            compile_transposed_b::<T, S, 1>(),
            compile_transposed_b::<T, S, 2>(),
            compile_transposed_b::<T, S, 3>(),
            compile_transposed_b::<T, S, 4>(),
            compile_transposed_b::<T, S, 5>(),
            compile_transposed_b::<T, S, 6>(),
            compile_transposed_b::<T, S, 7>(),
            compile_transposed_b::<T, S, 8>(),
            compile_transposed_b::<T, S, 9>(),
            compile_transposed_b::<T, S, 10>(),
            compile_transposed_b::<T, S, 11>(),
            compile_transposed_b::<T, S, 12>(),
        ],
        lanes_log2: S::LANES.trailing_zeros(),
        tallest: [1; MAX_VECTORS],
        widest: [1; MAX_ROWS],
        main_vectors: if S::REGISTERS >= 32 { 4 } else { 2 },
        packing: compile_packing_tile::<T, S, IN_HALVES>(),
        half: None,
        narrow: None,
        habits: Habits {
            executes_in_halves: IN_HALVES,
            loads_more_halves: false,
            waits_for_split_lines: false,
            waits_for_l2: false,
            shuffles_on_multipliers: false,
            has_near_l3: false,
            fetches_runs: false,
        },
    };
    let mut rows = 1;
    while rows <= MAX_ROWS {
        let mut vectors = 1;
        while vectors <= MAX_VECTORS {
            if fits(S::REGISTERS, rows, vectors) {
                table.kernels[rows - 1][vectors - 1] = kernels_of_rows::<T, S, IN_HALVES>(rows, vectors);
                table.tallest[vectors - 1] = rows;
                if vectors <= per_line || vectors.is_multiple_of(per_line) {
                    table.widest[rows - 1] = vectors;
                }
            }
            vectors += 1;
        }
        rows += 1;
    }
    // A is packed in panels as tall as the tallest tile of a strip, which is whole lines wide, by jobs of `ROW_UNIT` rows: two of them would write
    // one panel where its height does not divide that.
    let mut vectors = per_line;
    while vectors <= MAX_VECTORS {
        assert!(ROW_UNIT.is_multiple_of(table.tallest[vectors - 1]), "jobs begin on panels");
        vectors += per_line;
    }
    table
}

/// The two micro-kernels (whole, partial last vector) of a tile.
const fn kernels_of_rows<T: Element, S: Simd<T>, const IN_HALVES: bool>(
    rows: usize,
    vectors: usize,
) -> [Option<KernelFn<T>>; 2] {
    match rows {
        1 => kernels_of_tile::<T, S, 1, IN_HALVES>(vectors),
        2 => kernels_of_tile::<T, S, 2, IN_HALVES>(vectors),
        3 => kernels_of_tile::<T, S, 3, IN_HALVES>(vectors),
        4 => kernels_of_tile::<T, S, 4, IN_HALVES>(vectors),
        5 => kernels_of_tile::<T, S, 5, IN_HALVES>(vectors),
        6 => kernels_of_tile::<T, S, 6, IN_HALVES>(vectors),
        7 => kernels_of_tile::<T, S, 7, IN_HALVES>(vectors),
        8 => kernels_of_tile::<T, S, 8, IN_HALVES>(vectors),
        9 => kernels_of_tile::<T, S, 9, IN_HALVES>(vectors),
        10 => kernels_of_tile::<T, S, 10, IN_HALVES>(vectors),
        11 => kernels_of_tile::<T, S, 11, IN_HALVES>(vectors),
        12 => kernels_of_tile::<T, S, 12, IN_HALVES>(vectors),
        13 => kernels_of_tile::<T, S, 13, IN_HALVES>(vectors),
        14 => kernels_of_tile::<T, S, 14, IN_HALVES>(vectors),
        15 => kernels_of_tile::<T, S, 15, IN_HALVES>(vectors),
        16 => kernels_of_tile::<T, S, 16, IN_HALVES>(vectors),
        _ => [None; 2],
    }
}

const fn kernels_of_tile<T: Element, S: Simd<T>, const MR: usize, const IN_HALVES: bool>(
    vectors: usize,
) -> [Option<KernelFn<T>>; 2] {
    match vectors {
        1 => compile_tile::<T, S, MR, 1, IN_HALVES>(),
        2 => compile_tile::<T, S, MR, 2, IN_HALVES>(),
        3 => compile_tile::<T, S, MR, 3, IN_HALVES>(),
        4 => compile_tile::<T, S, MR, 4, IN_HALVES>(),
        5 => compile_tile::<T, S, MR, 5, IN_HALVES>(),
        6 => compile_tile::<T, S, MR, 6, IN_HALVES>(),
        7 => compile_tile::<T, S, MR, 7, IN_HALVES>(),
        8 => compile_tile::<T, S, MR, 8, IN_HALVES>(),
        _ => [None; 2],
    }
}

/// The tile that packs, where a vector is a cache line (AVX-512): the tile then spans four. With a single one, every line that it reads would be on
/// a page of its own (AVX2, 1024³: 126 → 121 GFLOP/s). It prefetches into L2 on the one CPU that was measured so, Zen 4, which executes in halves.
const fn compile_packing_tile<T: Element, S: Simd<T>, const IN_HALVES: bool>() -> Option<(PackingFn<T>, usize, usize)> {
    if const { S::LANES == T::LINE && S::REGISTERS >= 32 } {
        Some((packing_kernel::<T, S, 6, 4, IN_HALVES>, 6, 4 * S::LANES))
    } else {
        None
    }
}

/// Nothing is compiled for a tile that does not fit.
const fn compile_tile<T: Element, S: Simd<T>, const MR: usize, const NV: usize, const IN_HALVES: bool>()
-> [Option<KernelFn<T>>; 2] {
    if const { fits(S::REGISTERS, MR, NV) && IN_HALVES && deferred_steps(S::REGISTERS, MR, NV) > 0 } {
        [Some(micro_kernel::<T, S, MR, NV, false, true>), Some(micro_kernel::<T, S, MR, NV, true, true>)]
    } else if const { fits(S::REGISTERS, MR, NV) } {
        [Some(micro_kernel::<T, S, MR, NV, false, false>), Some(micro_kernel::<T, S, MR, NV, true, false>)]
    } else {
        [None; 2]
    }
}

/// Nothing is compiled for more rows than the tier transposes B for.
const fn compile_transposed_b<T: Element, S: Simd<T>, const MR: usize>() -> Option<TransposedBFn<T>> {
    if const { MR <= transposed_b::most_rows::<T, S>() } { Some(transposed_b_kernel::<T, S, MR>) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::walked::walked;

    /// Where all micro-kernels of a table begin.
    fn addresses<T: Element>(table: &TileTable<T>) -> Vec<usize> {
        let kernels = table.kernels.iter().flatten().flatten().flatten().map(|&kernel| kernel as usize);
        let transposed_b = table.transposed_b.iter().flatten().map(|&kernel| kernel as usize);
        kernels.chain(transposed_b).chain(table.packing.map(|(kernel, ..)| kernel as usize)).collect()
    }

    /// A micro-kernel of a higher tier in a lower one's table has the right bits, on every machine but those that are of the lower tier.
    fn tables_share_nothing<T: Element>() {
        let tiers = walked(|_| true);
        for (at, &tier) in tiers.iter().enumerate() {
            let table = TileTable::<T>::of(tier);
            assert_eq!(table.isa, tier);
            let halves = [table.half, table.narrow].into_iter().flatten();
            assert!(
                halves.into_iter().all(|half| Some(half.isa) == tier.half()),
                "{tier}: vectors of half the size are another tier's"
            );
            let own = addresses(table);
            for &other in &tiers[at + 1..] {
                let shared =
                    addresses(TileTable::<T>::of(other)).iter().filter(|address| own.contains(address)).count();
                assert_eq!(shared, 0, "{tier} and {other} share micro-kernels");
            }
        }
    }

    #[test]
    fn a_table_has_no_micro_kernel_of_another_tier() {
        tables_share_nothing::<f32>();
        tables_share_nothing::<f64>();
    }
}
