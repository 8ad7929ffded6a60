//! The plan of a product: how it is cut into strips, jobs and blocks of k. What is packed when is decided with it, in [`packing`], and what its
//! tiles prefetch, in [`prefetch`](super::prefetch).
//!
//! | here | in BLIS |
//! |---|---|
//! | rows of a tile | MR |
//! | columns of a tile, a strip's: `strip_cols`, in whole lines | NR |
//! | `job_rows` | MC |
//! | `job_cols`, whole strips | NC |
//! | `kc` | KC |
//! | a panel of A: as many rows as a tile has, packed | a micro-panel of A |
//! | a line of B: the columns of one cache line; a strip is some of them | what a micro-panel of B is cut into, so that one layout serves every NR |

mod packing;

pub(super) use packing::ROWS_TO_PACK;

use super::kernel_args::End;
use super::operand::Right;
use super::prefetch::{PREFETCH_DISTANCE, Prefetch};
use super::product::{Destination, Product};
use super::room::{bytes, clash, past_line, stays_in_l1};
use super::tiles::TileTable;
use crate::element::Element;
use crate::machine::caches;
use crate::team::Team;

/// The part of L2 that a strip of B may take, beside A and C; KC follows from it.
const STRIP_PART_OF_L2: usize = 4;
/// Bytes of A, and of B, that are packed ahead at a time, padding included: an upper bound on the scratch of a call, unless a panel of A
/// (48 rows, where an epilogue transposes lines) is longer and its sums cannot wait in C.
pub(super) const PACKED_BYTES: usize = 8 * 1024 * 1024;
/// Multiply-adds that are worth waking a thread of their own for a call that comes alone: to send for one that sleeps takes the caller 10 to 20 µs
/// on a virtual machine, and it comes later still (after pauses of 10 ms, two threads' speed to one's with a helper from 400,000 on and from here on:
/// Zen 3, 8×128×784 nt 0.93 → 1.07, 96³ 0.80 → 1.07; at 160³ they are even, 200³ gains 1.4; on Emerald Rapids even at some ten million).
pub(crate) const WORK_TO_WAKE: usize = 4_000_000;
/// The same where calls follow each other: the helper finds the next one (two threads, in bursts of a millisecond: Zen 3, 96³ 177 GFLOP/s,
/// 112 if nobody comes before twenty million were done alone; 128×784×32 tn 142, 122).
pub(crate) const WORK_TO_WAKE_IN_BURST: usize = 400_000;
/// Multiply-adds that are worth a helper's while who is awake: 0.6 µs, of which the hand-over takes a part (784-128-10, batch
/// 128, two threads: 118 → 116 µs a step).
pub(crate) const WORK_TO_SHARE: usize = 80_000;
/// Jobs begin at a multiple of so many rows where A is packed in panels: whole ones, for their height divides it, as the table of tiles asserts
/// when it is compiled. (Not that of the tallest tile of 8 registers, five rows of one vector; but no strip is so narrow there.) Else at whole
/// cache lines of a transposed A or of a transposed copy, or anywhere where there is neither.
pub(super) const ROW_UNIT: usize = 48;
/// Rows that are worth a strip of B of their own.
const ROWS_OF_JOB: usize = 24;
/// Another width of strips is worth a seventeenth of the busiest thread's time.
const CLEARLY_LESS: usize = 16;
/// Rows of a job whose block of C is to stay in L1 for its epilogue: 96 × 64 × 4 bytes is half of it.
const CACHE_ROWS: usize = 96;

/// The part of L2 that A may take where the strips of a job, one after the other, read all of it.
const A_PART_OF_L2: usize = 4;

/// On one thread, an A of more than so many L2 is fetched once for as many strips as take this part of an L3 that is near, and no more bytes than
/// those: they are read from there again for every 48 rows (Zen 4, 2048³: 107 → 111 GFLOP/s, 4096×1024×1024 109 → 114; AVX2, whose strips are narrow,
/// 2048³ 105 → 110, packed 1024³ 109 → 111; with twice as many, f64 2048×1024×1024 loses a twentieth).
const FAR_A_IN_L2: usize = 2;
const B_PART_OF_L3: usize = 8;
const B_BYTES_IN_L3: usize = PACKED_BYTES / 2;

/// Rows of B that are read across all strips before the next ones, where it is read in place from beyond the caches (one thread,
/// 1×4096×4096: 9.8 → 13.1 GFLOP/s; 4×2048×2048: 99 → 142; from beyond L2, Emerald Rapids, 8×1024×1024: 61 → 87, 16×1024×1024: 75 → 120,
/// f64 37 → 60; 8×784×784: 97 → 108, most of it by prefetching rows).
const STREAMED_ROWS: usize = 128;
/// A single row of A follows them as they lie, so many side by side, with C in L1 (1×4096×1024: 40 → 50; 1×4096×4096: 13 → 17).
const FOLLOWED_ROWS: usize = 16;

/// Rows of a strip of B that L2 keeps where its stride aliases, if more than a few tiles read it (31×1024×2048: 195 → 225).
const KC_WHERE_ALIASED: usize = 256;
pub(super) const FEW_ROWS: usize = 16;

/// Depth up to which a product is bound by writing C, along its rows rather than down its strips (500×1025×8 tt: 150 → 190 GFLOP/s;
/// 1024×1024×8: 180 → 215), and the same where C is beyond L2 (2048×2048×65: 220 → 255; Emerald Rapids, 1000×1000×100: 130 → 155, f64
/// 54 → 77; f64 700×700×60: 45 → 76).
pub(super) const SHALLOW: usize = 32;
const SHALLOW_BEYOND_L2: usize = 128;
/// C is far where it takes so many L2: its lines are prefetched for the tiles that write them (1000×10007×12: 88 → 190), and
/// tall tiles write more rows at once, and read B less often (2000×2000×16: 200 → 240).
const C_IN_L2: usize = 4;
const VECTORS_WHERE_C_IS_FAR: usize = 2;

/// Depth of a product up to which vectors across lines are worth avoiding though L1 has them; so many columns, and so many times the
/// depth, are worth one more vector a row for it (Emerald Rapids, B and C 16 bytes off the lines: 128×784×32 135 → 161 GFLOP/s,
/// 128×784×10 98 → 140, 128×128×10 112 → 121; 512×512×32 gains nothing, 40×128×16 would lose a twelfth).
const K_OF_SPLIT: usize = 64;
/// Depth up to which the stores of C cost more than the loads of B (128×784×10 with C on the lines 125, with B 98; 128×784×16 128 and
/// 132, 128×784×32 139 and 155).
const K_OF_SPLIT_STORES: usize = 12;
const SPLIT_COLS: usize = 128;
const SPLIT_COLS_TO_K: usize = 10;
/// With so few rows `SPLIT_COLS` are worth it at any depth, with more rows these, until there are enough to pack B (B 16 bytes
/// off the lines: 1×784×128 30 → 54 GFLOP/s, 3×144×784 104 → 112, 8×784×128 132 → 152, 32×784×128 150 → 164, 32×1024×1024 90 → 113;
/// 4×144×784 would lose a twentieth, 6×256×256 a twelfth).
const ROWS_OF_SPLIT: usize = 3;
const WIDE_SPLIT_COLS: usize = 400;
/// A small product must be so many lines wide, and its B larger than half of L1 (1×784×64 32 → 54, f64 10×400×16 52 → 63; 1×128×128
/// would lose a tenth, 20×128×10 a seventh).
pub(super) const SMALL_SPLIT_LINES: usize = 16;

/// Multiply-adds below which any product is run without a plan, but for a factor on A.
pub(super) const SMALL_WORK: usize = 40 * 40 * 40;

/// How a product is cut.
pub(super) struct Plan {
    pub(super) strips: usize,
    /// Columns of all strips but the last.
    pub(super) strip_cols: usize,
    /// Columns of all jobs but the last of a row: whole strips.
    pub(super) job_cols: usize,
    /// Rows of all jobs but the last of a strip.
    pub(super) job_rows: usize,
    /// Jobs go along the strips of some rows before the next rows, not down the rows of a strip before the next strip.
    pub(super) jobs_row_major: bool,
    pub(super) kc: usize,
    pub(super) pack_a: bool,
    pub(super) pack_b: PackB,
    /// Shared by so many.
    pub(super) threads: usize,
    /// Where C goes.
    destination: Destination,
    /// B's columns are transposed on the way, in registers.
    pub(super) transposes_b: bool,
    /// The tiles of a job are taken row after row across its strips, not strip after strip.
    pub(super) tiles_row_major: bool,
    /// C takes more than [`C_IN_L2`] times L2: it is written from afar.
    pub(super) c_far_exceeds_l2: bool,
    /// B is read in place from so far that a block of its rows is read across all strips before the next.
    pub(super) streams: bool,
    /// What is prefetched.
    pub(super) prefetch: Prefetch,
}

/// When B is packed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PackB {
    /// It is read where it lies.
    InPlace,
    /// By the job that needs it, its strips only: one job has them all, or B is too large to be kept whole.
    PerJob,
    /// All of it before the jobs begin, by the team: several jobs share each strip.
    Upfront,
}

impl Plan {
    /// Whether its jobs are shared.
    pub(super) fn is_shared(&self) -> bool {
        self.threads > 1
    }
}

impl<T: Element> Product<T> {
    /// So little work that planning it would cost more than a plan could save.
    pub(super) fn is_small(&self) -> bool {
        self.alpha == T::ONE && self.work() <= SMALL_WORK
    }

    /// The same with C in its destination: without steps of k there is no work, and yet a C that scratch is not to have room for.
    pub(super) fn is_small_in(&self, destination: Destination) -> bool {
        self.is_small() && (destination == Destination::C || self.m.saturating_mul(self.n) <= SMALL_WORK)
    }

    /// Each step decides on what the ones before it have.
    pub(super) fn plan(&self, table: &TileTable<T>, team: &Team, destination: Destination) -> Plan {
        let transposes_b = self.transposes_b(table);
        let c_far_exceeds_l2 = self.c_far_exceeds_l2();
        let depth = if bytes::<T>(self.m, self.n) > caches().l2 { SHALLOW_BEYOND_L2 } else { SHALLOW };
        let shallow = destination == Destination::C && !self.c.padded && !transposes_b && self.k <= depth;
        let vectors = if transposes_b { table.strip_vectors(self.m) } else { self.width_of_strips(table) };
        // But a line: B may be packed strip by strip.
        let line = table.vectors_of_line();
        let vectors = if shallow && c_far_exceeds_l2 { vectors.min(VECTORS_WHERE_C_IS_FAR.max(line)) } else { vectors };
        // Panels are as tall as the tiles of the plan that they were packed by, which may be one of more rows.
        let vectors = self.a.panel().map_or(vectors, |panel| vectors.min(table.widest(panel)));
        let (threads, pack_b) = (self.threads(team), PackB::InPlace);
        let by_strips = destination == Destination::C && !transposes_b && !shallow;
        let vectors = if by_strips { self.width_for_threads(vectors, table, threads) } else { vectors };
        let (strips, strip_cols) = self.equal_strips(vectors * table.lanes());
        let (job_cols, job_rows, kc) = (strip_cols, self.m, kc_of_strip::<T>(strip_cols));
        let tiles_row_major = shallow && strips > 1;
        let mut plan = Plan {
            strips,
            strip_cols,
            job_cols,
            job_rows,
            jobs_row_major: false,
            kc,
            pack_a: false,
            pack_b,
            threads,
            destination,
            transposes_b,
            tiles_row_major,
            c_far_exceeds_l2,
            streams: false,
            prefetch: Prefetch::default(),
        };
        plan.pack_a = self.is_a_worth_packing(&plan, table);
        plan.jobs_row_major = self.are_jobs_row_major(&plan, table);
        plan.job_rows = self.job_rows(&plan);
        plan.pack_b = self.when_b_is_packed(&plan, table);
        plan.streams = self.b_streams(&plan, table);
        self.limit_kc(&mut plan);
        plan.prefetch.b_rows = self.b_rows_to_prefetch(&plan, table);
        plan.prefetch.a_columns = if plan.prefetch.b_rows > 0 { 0 } else { self.a_columns_to_prefetch(&plan) };
        if plan.prefetch.a_columns == 0 && self.strip_comes_from_l2(&plan, table) {
            plan.prefetch.b_rows = PREFETCH_DISTANCE;
        }
        plan.prefetch.next_block = self.prefetches_next_block(&plan);
        plan.job_cols = self.strips_per_job(&plan, table) * strip_cols;
        plan
    }

    /// How wide the strips should be, in vectors: one less than usual where so few rows take fewer tiles then, and L1 would not keep a strip
    /// from one to the next. Seven or eight rows are one tile, not two, thirteen to sixteen two, not three (Emerald Rapids, B off the lines,
    /// 8×128×784: 136 → 167 GFLOP/s, 8×500×500 106 → 162, 8×1000×1000 84 → 110, 14×128×784 150 → 166, 20×384×500 151 → 162, f64 8×128×784
    /// 65 → 78; packed and beyond L2, 14×784×784 134 → 142, 20×1024×1024 125 → 132; 8×64×64, whose B stays in L1, would lose a twelfth).
    fn width_of_strips(&self, table: &TileTable<T>) -> usize {
        let usual = table.strip_vectors(self.m);
        let narrower = usual.saturating_sub(1).max(1);
        let tiles = |vectors: usize| self.m.div_ceil(self.a.panel().unwrap_or_else(|| table.tallest(vectors)));
        if table.lanes() != T::LINE || self.m >= ROWS_TO_PACK || tiles(narrower) == tiles(usual) {
            return usual;
        }
        let cols = usual * T::LINE;
        let stride = match self.b {
            Right::Strided { row, col: 1, .. } if self.alpha_right == T::ONE => row,
            // Packed before it is read.
            _ => T::LINE,
        };
        let stays = stays_in_l1::<T>(stride, self.k.min(kc_of_strip::<T>(cols)), cols);
        if stays { usual } else { narrower }
    }

    /// How wide the strips should be, in vectors, where several threads share them: as `usual`, unless another width leaves clearly less for
    /// the busiest thread, the last strip counted as a whole one (Zen 4, two threads, packed, 32×128×784 in strips of 64, not 48:
    /// 182 → 230 GFLOP/s; 64×288×784 in strips of 48, not 64: 211 → 233; 64×160×784 in strips of 32: 195 → 232).
    fn width_for_threads(&self, usual: usize, table: &TileTable<T>, threads: usize) -> usize {
        if threads == 1 {
            return usual;
        }
        // In columns of all rows.
        let busiest = |vectors: usize| {
            let (strips, cols) = self.equal_strips(vectors * table.lanes());
            let blocks = self.row_blocks(strips, threads);
            (strips * blocks).div_ceil(threads) * cols / blocks
        };
        // Divisions take their time (10×128×128 tn, two threads: 170 GFLOP/s without those below, 161 with them).
        if busiest(usual) * threads < self.n + T::LINE {
            return usual;
        }
        let widest = self.a.panel().map_or(table.strip_vectors(self.m), |panel| table.widest(panel));
        let least = table.vectors_of_line().max(2);
        let is_clear = |less: usize, more: usize| less * (CLEARLY_LESS + 1) < more * CLEARLY_LESS;
        let better = |best: usize, vectors| if is_clear(busiest(vectors), busiest(best)) { vectors } else { best };
        (least..=widest).rev().fold(usual, better)
    }

    /// A is so small that L2 keeps it from strip to strip, beside what they read.
    pub(super) fn a_fits_l2(&self) -> bool {
        bytes::<T>(self.m, self.k) <= caches().l2 / A_PART_OF_L2
    }

    /// B is so small that L2 keeps it beside what else is read.
    pub(super) fn b_fits_l2(&self) -> bool {
        bytes::<T>(self.k, self.n) <= caches().l2 / STRIP_PART_OF_L2
    }

    /// C takes more than [`C_IN_L2`] times L2, and so is not there any more when the next strip comes.
    pub(super) fn c_far_exceeds_l2(&self) -> bool {
        bytes::<T>(self.m, self.n) > C_IN_L2 * caches().l2
    }

    /// ```text
    ///   a row of C, or of B      │ peel │ whole lines │ few │      lines begin at all bars but the first and the last
    /// ```
    /// How many columns come before the first from which on vectors are whole lines, in C or in B, whichever makes this CPU wait longer, if they
    /// are worth a strip of their own: the rows must all begin in the same place between two lines, and the product be shallow, or
    /// read B in place and so wide that the strip does not count; small ones have a bar of their own.
    pub(super) fn columns_to_peel(&self, table: &TileTable<T>) -> Option<usize> {
        let Right::Strided { data, row, col } = self.b else { return None };
        // Columns that are not side by side, and a B with a factor of its own, are packed or transposed, wherever they begin.
        let in_place = col == 1 && self.alpha_right == T::ONE;
        let narrow = self.n < SMALL_SPLIT_LINES * T::LINE || bytes::<T>(self.k, self.n) <= caches().l1d / 2;
        if self.is_small() && (narrow || !in_place) {
            return None;
        }
        // Packed lines of C could not begin elsewhere.
        let row_major = !self.c.padded;
        if !table.habits.waits_for_split_lines || table.lanes() != T::LINE || !row_major {
            return None;
        }
        let past = if self.k <= K_OF_SPLIT && self.n >= SPLIT_COLS.max(SPLIT_COLS_TO_K * self.k) {
            let loads_wait = in_place && self.k > K_OF_SPLIT_STORES && self.m < self.rows_to_pack_shallow(table);
            match (past_line(data, row), past_line(self.c.data, self.c.row)) {
                (Some(past), _) if loads_wait => past,
                // B lies on lines already.
                (None, _) if loads_wait && row.is_multiple_of(T::LINE) => return None,
                (_, past) => past?,
            }
        } else {
            let cols = if self.m <= ROWS_OF_SPLIT { SPLIT_COLS } else { WIDE_SPLIT_COLS };
            let worth = in_place && self.m < ROWS_TO_PACK && self.n >= cols;
            past_line(data, row).filter(|_| worth)?
        };
        Some(T::LINE - past)
    }

    /// How many strips of at most `most` columns, and how wide: equal ones, in whole lines; 4 + 3 rather than 4 + 4 − 1.
    fn equal_strips(&self, most: usize) -> (usize, usize) {
        let cols = self.n.div_ceil(self.n.div_ceil(most)).next_multiple_of(T::LINE);
        (self.n.div_ceil(cols), cols)
    }

    /// Its multiply-adds.
    pub(super) fn work(&self) -> usize {
        self.m.saturating_mul(self.n).saturating_mul(self.k)
    }

    /// How many threads it is worth.
    pub(super) fn threads(&self, team: &Team) -> usize {
        let work = self.work();
        team.threads().min(work / team.work_of_thread(work)).max(1)
    }

    /// Whether threads share jobs along the strips of as many rows as L2 keeps of A: else every thread reads all of an A that L2 does not
    /// keep, again for every strip or two (Emerald Rapids, two threads, medians of turns: 512×1024×1024 199 → 221 GFLOP/s, nt 202 → 221, 2048×512×512
    /// 183 → 207, 768³ 196 → 216, 1024³ 201 → 213, packed 768³ 219 → 232, 512×1024×1024 200 → 235; 1024×1024×512 tn and 1024×4096×1024 the same.
    /// Where L3 is near it has not been measured; to prefetch for the next job gains nothing).
    fn are_jobs_row_major(&self, plan: &Plan, table: &TileTable<T>) -> bool {
        let whole =
            self.k <= plan.kc && !plan.tiles_row_major && !plan.transposes_b && plan.destination == Destination::C;
        plan.is_shared() && whole && !table.habits.has_near_l3 && self.parts_of_a_in_l2() > 1
    }

    /// In how many parts A stays in L2, beside what it is multiplied with.
    fn parts_of_a_in_l2(&self) -> usize {
        bytes::<T>(self.m, self.k).div_ceil(caches().l2 / 2)
    }

    /// Rows of a job.
    fn job_rows(&self, plan: &Plan) -> usize {
        let unit = match self.a.panel() {
            Some(_) => ROW_UNIT,
            // Neither A nor C has lines along its columns.
            None if self.a.col == 1 && plan.destination == Destination::C && !self.c.padded => 1,
            None => T::LINE,
        };
        let blocks = self.row_blocks(if plan.tiles_row_major { 1 } else { plan.strips }, plan.threads);
        let blocks = if plan.jobs_row_major { blocks.max(self.parts_of_a_in_l2()) } else { blocks };
        let rows = if plan.is_shared() { self.m.div_ceil(blocks).next_multiple_of(unit) } else { self.m };
        if plan.destination == Destination::Scratch { rows.min(CACHE_ROWS) } else { rows }
    }

    /// Into how many blocks rows are cut for `threads`: few, for each reads its strips of B anew, but enough for four jobs a thread, and the next
    /// number, else the last before it, that makes as many for every thread (Zen 4, two threads, packed, 256×576×512 in 18 jobs,
    /// not nine: 210 → 232 GFLOP/s). That is not worth reading a B beyond L2 twice, if it is not packed (128×800×784: 220 → 206).
    fn row_blocks(&self, strips: usize, threads: usize) -> usize {
        let most = (self.m / ROWS_OF_JOB).max(1);
        let enough = (4 * threads).div_ceil(strips).min(most);
        if matches!(self.b, Right::Strided { .. }) && bytes::<T>(self.k, self.n) > caches().l2 {
            return enough;
        }
        let step = (1..threads).find(|step| (strips * step).is_multiple_of(threads)).unwrap_or(threads);
        match (enough.next_multiple_of(step), enough / step * step) {
            (next, _) if next <= most => next,
            (_, 0) => enough,
            (_, last) => last,
        }
    }

    /// B is read in place from so far away that its rows are read a block at a time: from beyond L2 by few rows, or half of L3 where that
    /// is near, from beyond all caches by more.
    fn b_streams(&self, plan: &Plan, table: &TileTable<T>) -> bool {
        let near = match self.m < ROWS_TO_PACK {
            true if table.habits.has_near_l3 => caches().l2.max(caches().l3 / 2),
            true => caches().l2.min(PACKED_BYTES),
            false => PACKED_BYTES,
        };
        self.reads_b_in_place(plan) && bytes::<T>(self.k, self.n) > near
    }

    /// B is read where it lies.
    pub(super) fn reads_b_in_place(&self, plan: &Plan) -> bool {
        plan.pack_b == PackB::InPlace && matches!(self.b, Right::Strided { .. })
    }

    /// Shorter blocks of k, and all strips for each, where B is read in place and does not stay near. Columns that are transposed on
    /// the way are read once, whatever their length, and a sum that goes onto C is not cut.
    fn limit_kc(&self, plan: &mut Plan) {
        if plan.transposes_b || self.end != End::Stored {
            plan.kc = self.k;
        } else if plan.streams {
            let follows = self.m == 1 && !plan.is_shared() && plan.destination == Destination::C;
            plan.tiles_row_major |= follows;
            plan.kc = plan.kc.min(if follows { FOLLOWED_ROWS } else { STREAMED_ROWS });
        } else if let (Right::Strided { row, .. }, PackB::InPlace) = (self.b, plan.pack_b)
            && self.m > FEW_ROWS
            && clash::<T>(row, self.k.min(plan.kc))
        {
            plan.kc = plan.kc.min(KC_WHERE_ALIASED);
        }
    }

    /// Strips of a job.
    fn strips_per_job(&self, plan: &Plan, table: &TileTable<T>) -> usize {
        let Plan { strips, strip_cols, threads, destination, .. } = *plan;
        let depth = self.k.min(plan.kc).max(1);
        let left = bytes::<T>(plan.job_rows, depth);
        let in_half_of_l2 = (caches().l2 / 2 / bytes::<T>(depth, strip_cols)).max(1);
        if destination == Destination::Scratch || plan.transposes_b {
            return 1;
        }
        let prefetches = plan.prefetch.next_block;
        if !plan.is_shared()
            && !prefetches
            && plan.pack_b == PackB::InPlace
            && bytes::<T>(self.m, self.n) <= caches().l1d / 2
        {
            // C stays near, whatever is left to do with it, and a job costs time (Zen 4, 10×128×128 tn: 108.5 → 110.5 GFLOP/s).
            return strips;
        }
        let blocks = self.m.div_ceil(plan.job_rows);
        let most = if plan.is_shared() { (strips * blocks / (4 * threads)).max(1) } else { strips };
        let together = if plan.streams {
            // A few rows across all strips: a page then serves several of them.
            strips
        } else if plan.tiles_row_major {
            // As much of B as stays in L2 from row to row; all of it where there are rows for everybody, for they are written from end to end
            // (two threads, 128×1024×32 packed 224 GFLOP/s, in parts of rows 208; 32×4096×32, of too few rows, in a single job 107, in eight 199).
            return in_half_of_l2.min(if blocks < threads { most } else { strips });
        } else if table.habits.has_near_l3 && !plan.is_shared() && left > FAR_A_IN_L2 * caches().l2 {
            let part_of_l3 = (caches().l3 / B_PART_OF_L3).min(B_BYTES_IN_L3);
            (part_of_l3 / bytes::<T>(depth, strip_cols)).max(in_half_of_l2)
        } else if left > caches().l2 / 2 {
            // A would not stay in L2 from one strip to the next (2048³: 234 → 241 GFLOP/s).
            in_half_of_l2
        } else {
            1
        };
        let is_even = |together: &usize| (strips.div_ceil(*together) * blocks).is_multiple_of(threads);
        let together = together.min(most);
        let together = (1..=together).rev().find(is_even).unwrap_or(together);
        let packs = !plan.is_shared() && plan.pack_b == PackB::PerJob;
        if packs { together.max(self.strips_packed_at_once(plan, table)).min(strips) } else { together }
    }
}

/// KC of strips that wide: whole lines of a transpose.
fn kc_of_strip<T: Element>(strip_cols: usize) -> usize {
    (caches().l2 / STRIP_PART_OF_L2 / bytes::<T>(1, strip_cols)).clamp(64, 1024) / T::LINE * T::LINE
}

#[cfg(test)]
mod tests;
