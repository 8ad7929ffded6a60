//! When a plan packs B, or A: where enough rows, or strips, read it that a copy costs less than to read it where it lies; and how much of B is
//! packed at once.

use super::{PACKED_BYTES, PackB, Plan, ROW_UNIT, SHALLOW, STRIP_PART_OF_L2};
use crate::element::Element;
use crate::gemm::operand::Right;
use crate::gemm::product::Product;
use crate::gemm::room::{bytes, clash, has_room_in_l1, on_lines, packed_bytes, stays_in_l1};
use crate::gemm::tiles::TileTable;
use crate::machine::caches;

/// Rows of A that are worth packing B in a shallow product: its rows would be a stream each, and their vectors cross lines.
const ROWS_TO_PACK_SHALLOW: usize = 192;
/// The same where vectors across lines cost issue slots, from so many columns on (Emerald Rapids, B off the lines, medians of six turns beside a busy
/// neighbour: 127×1024×5 58 → 66 GFLOP/s, 128×784×10 102 → 117, 64×1024×32 94 → 108, 80×640×8 75 → 106, 150×800×20 103 → 114, 128×4000×16
/// 82 → 78; with 200 columns a tenth would be lost).
const ROWS_TO_PACK_SHALLOW_SPLIT: usize = 64;
const COLS_TO_PACK_SHALLOW_SPLIT: usize = 600;
/// Rows of A that are worth packing a B whose rows alias in a cache, or are on more pages than are remembered.
pub(in super::super) const ROWS_TO_PACK: usize = 48;

/// Rows of A that are worth packing a B whose vectors cross lines, where that costs issue slots (Emerald Rapids, B off the lines: 256³
/// 162 → 183 GFLOP/s; 64×128×128 155 → 172).
const ROWS_TO_PACK_SPLIT: usize = 64;

/// Rows of A that are worth packing a B whose strips are a single line wide, where L1 keeps a strip only when packed (Emerald Rapids, AVX2:
/// 480³ 77 → 85 GFLOP/s, 128³ 80 → 82; 64×128×128 would lose 2 %), or where its rows are on more pages than are remembered beside it (Zen 4, AVX2,
/// 128×784×128 tn 95 → 106).
const ROWS_TO_PACK_LINE: usize = 128;
/// The same where each row of a strip lies on two lines, whether L1 keeps the strip then or not (Zen 3, all operands 32 bytes off the lines, some
/// strips packed at once: 96×64×512 84 → 92 GFLOP/s, 64×256×256 81 → 90, 48×128×256 80 → 89, 64×128×64 85 → 88; 24×128×256 would lose a tenth) …
const ROWS_TO_PACK_SPLIT_LINE: usize = 32;
/// … and where B takes more than half of L2, wherever its rows begin (on lines, and 16 bytes off them, 24×512×512 76 → 79 and 66 → 75,
/// 32×128×784 81 → 85 and 68 → 81, 32×1024×1024 62 → 80 and 44 → 69; 12×512×512 would lose a tenth, 16×128×784 a fiftieth).
const ROWS_TO_PACK_FAR_LINE: usize = 24;
/// Such lines are packed some at a time, of this part of L2: their rows are then read as longer runs (Zen 3, beside a strip at a time, 24×512×512
/// 69 → 75, 32×1024×1024 62 → 69, 256³ 94 → 95.5; half of L2 gives 24×512×512 72).
const PACKED_LINES_PART_OF_L2: usize = 4;

/// Strips of a single line that are worth packing an A whose columns, runs in place, L1 does not keep from a tile to the next (Zen 3:
/// 128×784×128 tn 87 → 91 GFLOP/s, B packed 90 → 95, f64 39 → 45; 1000×500×300 tn 88 → 94, 30×300×300 tn 72 → 78; 784×128×128 tn,
/// of eight strips, gains nothing, 128×64×256 tn, of four, would lose an eighth).
const STRIPS_TO_PACK_A: usize = 16;

/// Bytes of B that are packed at once where its columns are short: a part of every L1.
const SHALLOW_BYTES: usize = 16 * 1024;

impl<T: Element> Product<T> {
    /// A is packed for its factor; and where several strips read an A whose rows are no runs, if its columns are none either, or lie at a stride
    /// that aliases in a cache, or if many strips a line wide do, and L1 does not keep it.
    pub(super) fn is_a_worth_packing(&self, plan: &Plan, table: &TileTable<T>) -> bool {
        let depth = self.k.min(plan.kc);
        let is_read_again = self.a.col != 1 && self.n > plan.strip_cols;
        let leaves_l1 = || {
            has_narrow_strips(plan, table)
                && plan.strips >= STRIPS_TO_PACK_A
                && bytes::<T>(ROW_UNIT, self.k) <= PACKED_BYTES
                && !has_room_in_l1::<T>(self.a.col, depth, T::LINE)
        };
        self.alpha != T::ONE || is_read_again && (self.a.row != 1 || clash::<T>(self.a.col, depth) || leaves_l1())
    }

    /// B is packed where that pays: before the jobs if they share its strips, and all of it is within the bound.
    pub(super) fn when_b_is_packed(&self, plan: &Plan, table: &TileTable<T>) -> PackB {
        let depth = self.k.min(plan.kc);
        let pays = match self.b {
            _ if plan.transposes_b => false,
            Right::Lines { .. } => false,
            Right::LinesOfTranspose { .. } => true,
            Right::Strided { col, .. } if col != 1 && self.n > 1 || self.alpha_right != T::ONE => true,
            Right::Strided { row, .. } => {
                let spread = bytes::<T>(depth, row) > 2 * caches().l2 / STRIP_PART_OF_L2;
                plan.tiles_row_major && self.m >= self.rows_to_pack_shallow(table)
                    || self.m >= ROWS_TO_PACK && (clash::<T>(row, depth) || spread)
                    || self.m >= ROWS_TO_PACK_SPLIT && self.b_splits(plan, table)
                    || self.m >= ROWS_TO_PACK_FAR_LINE && self.is_line_worth_packing(plan, table)
            }
        };
        match pays {
            false => PackB::InPlace,
            true if plan.job_rows < self.m && packed_bytes::<T>(self.k, self.n) <= PACKED_BYTES => PackB::Upfront,
            true => PackB::PerJob,
        }
    }

    /// Rows of A that are worth packing B in a shallow product.
    pub(super) fn rows_to_pack_shallow(&self, table: &TileTable<T>) -> usize {
        let waits = self.k <= SHALLOW && self.n >= COLS_TO_PACK_SHALLOW_SPLIT && self.is_b_off_lines(table);
        if waits { ROWS_TO_PACK_SHALLOW_SPLIT } else { ROWS_TO_PACK_SHALLOW }
    }

    /// B's vectors are whole lines, but lie across two, come from L2 for every tile, and this CPU is slow at that.
    pub(in super::super) fn b_splits(&self, plan: &Plan, table: &TileTable<T>) -> bool {
        let Right::Strided { row, .. } = self.b else { return false };
        self.is_b_off_lines(table) && !stays_in_l1::<T>(row, self.k.min(plan.kc), plan.strip_cols)
    }

    /// B's vectors are whole lines, but lie across two, and this CPU is slow at that.
    pub(in super::super) fn is_b_off_lines(&self, table: &TileTable<T>) -> bool {
        let Right::Strided { data, row, .. } = self.b else { return false };
        table.lanes() == T::LINE && !on_lines(data, row) && table.habits.waits_for_split_lines
    }

    /// Strips of several vectors are but a line wide, L1 does not keep one, with its pages in reach, at its stride, and there are enough rows.
    fn is_line_worth_packing(&self, plan: &Plan, table: &TileTable<T>) -> bool {
        let Right::Strided { data, row, .. } = self.b else { return false };
        let depth = self.k.min(plan.kc);
        if !has_narrow_strips(plan, table) || stays_in_l1::<T>(row, depth, T::LINE) {
            return false;
        }
        let is_far = bytes::<T>(self.k, self.n) > caches().l2 / 2;
        let splits = self.m >= ROWS_TO_PACK_SPLIT_LINE && !on_lines(data, row);
        is_far || splits || self.m >= ROWS_TO_PACK_LINE && stays_in_l1::<T>(T::LINE, depth, T::LINE)
    }

    /// Strips that a thread alone packs at once, at the least: of a few rows as many as L1 keeps (16×4096×16 nt: 133 → 155 GFLOP/s), a line wide
    /// as many as a part of L2 does.
    pub(super) fn strips_packed_at_once(&self, plan: &Plan, table: &TileTable<T>) -> usize {
        let depth = self.k.min(plan.kc).max(1);
        let narrow = has_narrow_strips(plan, table);
        let at_once = if narrow { caches().l2 / PACKED_LINES_PART_OF_L2 } else { SHALLOW_BYTES };
        at_once / bytes::<T>(depth, plan.strip_cols)
    }
}

/// Strips are a single line wide, in several vectors.
fn has_narrow_strips<T: Element>(plan: &Plan, table: &TileTable<T>) -> bool {
    table.lanes() < T::LINE && plan.strip_cols == T::LINE
}

#[cfg(test)]
mod tests;
