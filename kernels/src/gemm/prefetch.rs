//! What tiles prefetch beside what they read: columns of A, rows of B, and the block of B that is read after theirs. Decided once, with the
//! plan, and only where these come from afar: a hint in vain takes an issue slot of the loads as well.

use super::operand::Right;
use super::plan::{FEW_ROWS, PackB, Plan, ROWS_TO_PACK};
use super::product::Product;
use super::room::{HALF_L1_PERIOD, L1_PERIOD, aliases, bytes, clash, on_lines};
use super::tiles::TileTable;
use crate::element::Element;
use crate::machine::caches;

/// How many rows of B, or columns of A, ahead of those that are read others are prefetched, where they come from afar: enough for L3. Each may be
/// on a page of its own, which no hardware foresees (packing B, f64 2048³: 111 → 115 GFLOP/s). Twice as many fill the buffers that their lines wait
/// in (Emerald Rapids, packing on the way, 48×1024×1024: 106 → 135).
pub(super) const PREFETCH_DISTANCE: usize = 8;

/// A strip's block of B that takes more than so many L1 is prefetched though it is in L2.
const L1_IN_STRIP: usize = 2;

/// Steps of k that are worth prefetching columns of A, or rows of a B that comes from L2.
pub(super) const STEPS_TO_PREFETCH: usize = 96;

/// Bytes on pages that every CPU remembers in all of its tables: three quarters of 2,048.
const PAGES_BYTES_OF_ALL_TABLES: usize = 1536 * 4096;

/// How many columns of A, or rows of B, ahead of those that are read the tiles prefetch others, 0 for none; not both. And whether they prefetch
/// the block of B that will be read next.
#[derive(Clone, Copy, Default)]
pub(super) struct Prefetch {
    pub(super) a_columns: usize,
    pub(super) b_rows: usize,
    pub(super) next_block: bool,
}

/// What will be read after a strip's block of B.
#[derive(Clone, Copy)]
pub(super) enum NextB<T> {
    /// Nothing that is far.
    None,
    /// That of the strip beside it, if there is one.
    NextStrip,
    /// So many rows and columns of this one.
    Block { b: Right<T>, rows: usize, cols: usize },
}

impl<T: Element> Product<T> {
    /// How far ahead columns of A are prefetched: where they are runs in place, each may be on a page of its own, which no hardware foresees
    /// (Emerald Rapids, 1000×32×1000 tn: 88 → 157 GFLOP/s, 1000×64×1000 tn: 129 → 172; 784×10×64 tn would lose 4 %).
    pub(super) fn a_columns_to_prefetch(&self, plan: &Plan) -> usize {
        let runs = self.a.row == 1 && self.a.panel().is_none() && !plan.pack_a && !plan.transposes_b;
        let far = self.k.min(plan.kc) >= STEPS_TO_PREFETCH && bytes::<T>(self.k, self.a.col) > caches().l1d;
        if runs && far { PREFETCH_DISTANCE } else { 0 }
    }

    /// How far ahead rows of B are prefetched: where it streams or comes from beyond L2, and where it splits. Fewer rows of A than are worth
    /// packing a B that splits are worth that (Emerald Rapids, B off the lines: 32×128×784 141 → 163 GFLOP/s of 176 on them, 16×500×500 134 → 159,
    /// 10×128×128 120 → 135, 1×500×500 35 → 42; 128×784×32, whose strips stay in L1, would lose: 161 → 154). So are few rows where L1 keeps a
    /// strip, for there are but one or two tiles to profit from that (4×200×100 92 → 103, 14×192×128 135 → 145).
    pub(super) fn b_rows_to_prefetch(&self, plan: &Plan, table: &TileTable<T>) -> usize {
        let Right::Strided { row, .. } = self.b else { return 0 };
        let can_prefetch = table.lanes() == T::LINE && self.reads_b_in_place(plan) && !plan.transposes_b;
        // What comes from memory is worth prefetching even so (8×4096×4096: 23 → 43).
        if !can_prefetch || !plan.streams && has_no_room_to_prefetch::<T>(row) {
            return 0;
        }
        let few = self.m <= FEW_ROWS && self.k >= STEPS_TO_PREFETCH;
        let comes_from_l2 = few && bytes::<T>(self.k, self.n) > caches().l1d && self.is_b_off_lines(table);
        let comes_from_l3 = self.m < ROWS_TO_PACK && bytes::<T>(self.k, self.n) > caches().l2;
        let far = comes_from_l2 || comes_from_l3 || plan.streams || self.b_splits(plan, table);
        if far { PREFETCH_DISTANCE } else { 0 }
    }

    /// A strip's block of B is far larger than L1, so that every tile reads it from L2, wherever it lies, and this CPU waits for that (Emerald
    /// Rapids, 1024³ and 2048³: 2 to 3 %, 512×1024×1024 nt 6, 512³ 1; strips of up to two L1 gain nothing or lose: 512×64×128 4 %;
    /// so do few rows, which L2's bandwidth binds: 1×128×784 6 %, 2×128×784 more).
    pub(super) fn strip_comes_from_l2(&self, plan: &Plan, table: &TileTable<T>) -> bool {
        let can_prefetch =
            table.habits.waits_for_l2 && table.lanes() == T::LINE && !plan.transposes_b && !plan.tiles_row_major;
        can_prefetch
            && self.m > FEW_ROWS
            && bytes::<T>(self.k.min(plan.kc), plan.strip_cols) > L1_IN_STRIP * caches().l1d
    }

    /// Whether tiles prefetch the block of B that is read after theirs: where it comes from beyond L2, and this thread reads it. Rows that
    /// alias in a cache, or lie on more pages than the CPU remembers, would push each other out before they are read; those that are
    /// read in place, but off the lines, are prefetched as they come (Emerald Rapids, 64×1000×1000: 145 → 157 GFLOP/s, 20×784×784: 136 → 150,
    /// 24×2000×2000: 126 → 144; packed beforehand, 64×2048×2048: 149 → 155; 64×2000×2000, over 2,000 pages, would lose a tenth, 40×1000×1000
    /// in place a thirtieth; the nearest cache as the goal gives 1 to 3 % less).
    pub(super) fn prefetches_next_block(&self, plan: &Plan) -> bool {
        let depth = self.k.min(plan.kc);
        let pays = match (self.b, plan.pack_b) {
            (Right::Lines { .. }, _) => true,
            (Right::Strided { row, .. }, _) if clash::<T>(row, depth) => false,
            (Right::Strided { data, row, .. }, PackB::InPlace) => plan.streams && on_lines(data, row),
            (Right::Strided { row, col: 1, .. }, PackB::PerJob) => bytes::<T>(depth, row) <= PAGES_BYTES_OF_ALL_TABLES,
            _ => false,
        };
        // Elsewhere stable Rust has no hint to give.
        let can_prefetch = cfg!(target_arch = "x86_64");
        can_prefetch
            && pays
            && !plan.is_shared()
            && !plan.tiles_row_major
            && !plan.transposes_b
            && bytes::<T>(self.k, self.n) > caches().l2
    }
}

/// Rows at this stride that are prefetched push each other out of L1 before they are read (Zen 4, 8 ways: 2×1024×1024 60 → 75 GFLOP/s
/// without, 8×1024×1024 100 → 105, f64 2×512×1000 24 → 30).
fn has_no_room_to_prefetch<T: Element>(stride: usize) -> bool {
    aliases::<T>(stride, HALF_L1_PERIOD) && caches().l1d / L1_PERIOD <= PREFETCH_DISTANCE
}
