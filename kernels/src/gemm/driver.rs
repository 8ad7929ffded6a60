//! The driver: cuts a product into jobs, has packed what must be packed, and calls the micro-kernel strip by strip.
//!
//! ```text
//!  A is packed once for all, if it is to be packed at all            (shared by the team, a bounded part at a time)
//!  B is packed once for all, if it is to be packed for several jobs  (shared by the team, bounded)
//!  for each job = some rows × some strips of columns                 (claimed by whoever is free)
//!    for each block of k (KC rows of B)
//!      its strips of B are packed, if they are to be packed          (the thread's own scratch, stays in L2 or a near L3)
//!      for each strip, for each run of equally tall tiles: micro-kernel
//!    the epilogue, while the job's C is near
//! ```
//! Blocks of k continue from what C holds, so the chain of every element is the same however k is cut.
//!
//! Who calls whom; the first way that a product may go, from above, is its way:
//!
//! ```text
//!  run ┬ run_directly                                   small, a tile or a few: from the views to the micro-kernels
//!      ╰ run_counted ─ run_uncounted                    what is done alone counts, once, as missed work of helpers
//!          ├ run_strip                                  a plain strip: a plan has nothing to decide
//!          ├ run_outer                                  up to four outer products: `outer`
//!          ├ share_by_rows ─ run_uncounted              a product for each thread, where B is small
//!          ├ columns_to_peel ─ run_uncounted            the columns before a line, and all others
//!          ├ first_of_few ┬ run_uncounted               whole lines, and the few columns behind them as rows of the
//!          │              ╰ run_transposed ─ run_part     transpose: `few_columns`
//!          ├ run_unplanned ─ run_strips                 small, or near, on this thread; run_inside begins here
//!          ╰ run_planned                                by plan; A is packed here
//!              ├ run_k_parts ─ run_planned              too deep an A for its panels to be packed whole
//!              ╰ run_jobs ─ run_all_jobs                B packed up front, if at all; then job by job, by the team
//!                  ╰ run_k_blocks ─ run_k_block         KC steps at a time; B packed by its job, if at all
//!                      ╰ run_job ┬ run_tiles_row_major  C is written along its rows
//!                                ╰ run_strips ─ run_strip ─ TileRows::run ─ micro-kernel
//! ```

use super::operand::{Output, Right};
use super::pack::packed_len;
use super::part::row_part;
use super::plan::{PackB, Plan, ROW_UNIT, SHALLOW};
use super::prefetch::{NextB, Prefetch, STEPS_TO_PREFETCH};
use super::product::{Block, Destination, Epilogue, Product};
use super::room::{bytes, clash, stays_in_l1};
use super::scratch::{Lent, Slot, with_scratch};
use super::tiles::TileTable;
use crate::element::Element;
use crate::isa::Simd;
use crate::machine::caches;
use crate::team::{Parts, Team};

/// Multiply-adds of a part that a thread is to cut further, where there are more than the threads' shares: 0.3 ms, so that a helper who comes
/// late finds something left. One part each is the fastest else (1000×3×100 tn 149 GFLOP/s, with two 127, with four 133).
const WORK_OF_PART: usize = 20_000_000;

/// The epilogue sees a block.
#[inline(always)]
fn finish<T>(epilogue: Epilogue<'_, T>, block: Block<'_, T>) {
    if let Some(epilogue) = epilogue {
        epilogue(block);
    }
}

impl<T: Element> Product<T> {
    /// Computes it on `team` with the micro-kernels of `table`; `epilogue` sees every job's block of C once, complete.
    #[inline(always)]
    pub(crate) fn run(
        &self,
        table: &'static TileTable<T>,
        team: &Team,
        destination: Destination,
        epilogue: Epilogue<'_, T>,
    ) {
        self.debug_check(destination);
        if self.m == 0 || self.n == 0 {
            return;
        }
        if destination == Destination::C && self.run_directly(self.table(table, Destination::C)) {
            return finish(epilogue, Block::new(0..self.m, 0..self.n, self.c));
        }
        // A copy, so that the original can stay in registers on the way above.
        let product = *self;
        product.run_counted(table, team, destination, epilogue);
    }

    /// What every run takes for granted.
    #[inline(always)]
    fn debug_check(&self, destination: Destination) {
        debug_assert!(self.c.col == 1 || self.n <= 1, "C has contiguous columns");
        debug_assert!(
            self.alpha_right == T::ONE || !matches!(self.b, Right::Lines { .. }),
            "packed lines hold their factor"
        );
        debug_assert!(
            destination == Destination::C || !self.reads_c(),
            "scratch holds what another product left there, no C to start from"
        );
    }

    /// Part of a product that is counted already, see [`run_counted`](Self::run_counted), to where it says.
    pub(super) fn run_part(&self, table: &'static TileTable<T>, team: &Team) {
        if !self.run_directly(self.table(table, Destination::C)) {
            self.run_uncounted(table, team, Destination::C, None);
        }
    }

    /// Computes it where it does not go directly, and says so to the team where it was not worth sharing, or none of its parts was: here, not where it is cut into
    /// products that are smaller still (128×10×128, whose columns are transposed, would never have a helper: 82 → 68 GFLOP/s).
    #[inline(never)]
    fn run_counted(
        &self,
        table: &'static TileTable<T>,
        team: &Team,
        destination: Destination,
        epilogue: Epilogue<'_, T>,
    ) {
        let work = self.work();
        let is_worth = team.is_worth(work);
        self.run_uncounted(table, team, destination, epilogue);
        if !is_worth || !team.is_attended() {
            team.done_alone(work);
        }
    }

    /// Computes it where it does not go directly, or a part of it.
    #[inline(never)]
    fn run_uncounted(
        &self,
        table: &'static TileTable<T>,
        team: &Team,
        destination: Destination,
        epilogue: Epilogue<'_, T>,
    ) {
        if destination == Destination::C && self.is_plain_strip(table, team) {
            self.run_strip(table, 0..self.n, (Prefetch::default(), NextB::None));
            return finish(epilogue, Block::new(0..self.m, 0..self.n, self.c));
        }
        if destination == Destination::C && epilogue.is_none() {
            if self.is_outer() {
                return self.run_outer(table.isa, team);
            }
            if self.share_by_rows(table, team) {
                return;
            }
            if let Some(first) = self.columns_to_peel(table) {
                self.col_range(0..first).run_uncounted(table, team, destination, None);
                return self.col_range(first..self.n).run_uncounted(table, team, destination, None);
            }
            if let Some(first) = self.first_of_few(table) {
                if first > 0 {
                    self.col_range(0..first).run_uncounted(table, team, destination, None);
                }
                return self.col_range(first..self.n).run_transposed(table, team);
            }
        }
        let table = self.table(table, destination);
        let narrow = if self.needs_whole_vectors(destination) { None } else { table.narrow(self.n, self.k) };
        let table = narrow.unwrap_or(table);
        if self.is_small_in(destination) || destination == Destination::C && self.are_plain_strips(table, team) {
            return self.run_unplanned(table, destination, |block| finish(epilogue, block));
        }
        self.run_planned(table, team, destination, epilogue);
    }

    /// Shares it by rows, each part a product of its own for the thread that has it, where B is so near that every thread may read (and pack)
    /// all of it, and C takes no more than two L2. Jobs by plan are more, share lines of C, pack B together first, and cut what does not fill a line on their own
    /// (Zen 4, two threads: 64×64×64 143 → 178 GFLOP/s, 128×128×128 202 → 222, 64×64×64 nt 95 → 168, 128×128×10 nt 85 → 140, 90×90×90
    /// 123 → 174, 128×10×128 87 → 108, 784×20×128 tn 176 → 209; 100×50×50 159 → 150).
    fn share_by_rows(&self, table: &'static TileTable<T>, team: &Team) -> bool {
        if team.threads() == 1 || !self.b_fits_l2() || bytes::<T>(self.m, self.n) > 2 * caches().l2 {
            return false;
        }
        let threads = self.threads(team);
        let parts = threads.saturating_mul((self.work() / threads / WORK_OF_PART).max(1)).min(self.m / T::LINE);
        if threads == 1 || parts <= 1 {
            return false;
        }
        team.run(parts, |part| {
            let rows = row_part(self.m, T::LINE, part, parts);
            self.row_range(rows).run_uncounted(table, &Team::serial(), Destination::C, None);
        });
        true
    }

    /// Computes it without a plan on the tier that `S` proves; `epilogue` sees C once, complete. For small products, in functions that
    /// are on the tier already: all but the micro-kernel is inlined, the epilogue in a single place.
    #[inline(always)]
    pub(crate) fn run_inside<S: Simd<T>>(&self, destination: Destination, epilogue: impl FnOnce(Block<'_, T>)) {
        self.debug_check(destination);
        if self.m == 0 || self.n == 0 {
            return;
        }
        self.run_unplanned(self.table(TileTable::here::<S>(), destination), destination, epilogue);
    }

    /// The table for its width.
    #[inline(always)]
    fn table(&self, table: &'static TileTable<T>, destination: Destination) -> &'static TileTable<T> {
        if self.needs_whole_vectors(destination) { table } else { table.half(self.n, self.k).unwrap_or(table) }
    }

    /// Columns of B are transposed by whole vectors, and scratch, which is padded, is written by whole ones. What no vector reaches of its last
    /// line (AVX2), and all padding where columns are transposed, stays as it was: it may be anything, and reaches no result.
    #[inline(always)]
    fn needs_whole_vectors(&self, destination: Destination) -> bool {
        destination == Destination::Scratch || matches!(self.b, Right::Strided { col, .. } if col != 1)
    }

    /// Without a plan, on this thread.
    #[inline(always)]
    fn run_unplanned(&self, table: &TileTable<T>, destination: Destination, epilogue: impl FnOnce(Block<'_, T>)) {
        let mut lent = (Lent::none(Slot::B), Lent::none(Slot::C));
        let mut moved;
        let mut product = self;
        if destination != Destination::C || !self.can_read_b_in_place(table) {
            moved = if self.can_read_b_in_place(table) {
                *self
            } else {
                self.with_packed_right(self.pack_right(table.isa, &mut lent.0))
            };
            if destination == Destination::Scratch {
                lent.1.grow(packed_len::<T>(self.m, self.n));
                moved.c = Output::lines(lent.1.as_mut().as_mut_ptr(), self.m);
            }
            product = &moved;
        }
        product.run_strips(table, table.lanes() * table.strip_vectors(self.m), (Prefetch::default(), NextB::None));
        epilogue(Block::new(0..self.m, 0..self.n, product.c));
    }

    /// The product in jobs, by plan.
    #[inline(never)]
    pub(super) fn run_planned(
        &self,
        table: &TileTable<T>,
        team: &Team,
        destination: Destination,
        epilogue: Epilogue<'_, T>,
    ) {
        let plan = self.plan(table, team, destination);
        if !plan.pack_a {
            return self.run_jobs(&plan, table, team, destination, epilogue);
        }
        // A panel of few rows is no taller than they are.
        let panel = table.tallest(table.vectors_for(plan.strip_cols)).min(self.m);
        if let Some(k) = self.k_to_pack(panel, destination) {
            return self.run_k_parts(k, table, team, epilogue);
        }
        const ALONE: &Team = &Team::serial();
        // Each part a product of its own.
        let rows = self.rows_to_pack(panel, destination);
        for first in (0..self.m).step_by(rows) {
            let part = self.row_range(first..self.m.min(first + rows));
            let shifted = |block: Block<'_, T>| {
                let rows = block.rows.start + first..block.rows.end + first;
                finish(epilogue, Block::new(rows, block.cols, block.c));
            };
            with_scratch::<T, _>(Slot::A, part.packed_left_len(panel), |packed| {
                let packers = if plan.is_shared() { team } else { ALONE };
                let part = part.pack_left(packed, panel, table.isa, packers);
                part.run_jobs(&part.plan(table, team, destination), table, team, destination, Some(&shifted));
            });
        }
    }

    /// Some steps of k after the others, each by a plan of its own; the sums wait in C meanwhile.
    fn run_k_parts(&self, k: usize, table: &TileTable<T>, team: &Team, epilogue: Epilogue<'_, T>) {
        for first in (0..self.k).step_by(k) {
            let end = self.k.min(first + k);
            let last = if end == self.k { epilogue } else { None };
            self.k_range(first..end).run_planned(table, team, Destination::C, last);
        }
    }

    /// It is one strip of whole lines, its operands are read as they are, and all of it is small, or B stays in L1 and C near: nobody else is worth
    /// asking, and a plan has nothing to decide (Zen 4, 48×48×48: 111 → 115 GFLOP/s, 64×64×64 113 → 115, f64 16×16×16 43 → 47).
    pub(super) fn is_plain_strip(&self, table: &TileTable<T>, team: &Team) -> bool {
        let is_strip = self.n.is_multiple_of(T::LINE) && self.n <= table.strip_vectors(self.m) * table.lanes();
        let stride = match self.b {
            Right::Lines { .. } => T::LINE,
            Right::Strided { row, col: 1, .. } => row,
            _ => return false,
        };
        if !is_strip || self.alpha != T::ONE || self.alpha_right != T::ONE {
            return false;
        }
        let is_near =
            || self.k < STEPS_TO_PREFETCH && stays_in_l1::<T>(stride, self.k, self.n) && !self.c_far_exceeds_l2();
        self.is_small() || team.threads() == 1 && is_near()
    }

    /// It is several equal strips, all of it is near, B in L1, and it is not bound by writing C: nor has a plan anything to decide then (Zen 3,
    /// 48×48×48: 87 → 89.5 GFLOP/s, 64×64×64 94 → 95, f64 42 → 45.5 and 41 → 44).
    fn are_plain_strips(&self, table: &TileTable<T>, team: &Team) -> bool {
        let width = table.strip_vectors(self.m) * table.lanes();
        let stride = match self.b {
            Right::Lines { .. } => T::LINE,
            Right::Strided { row, col: 1, .. } => row,
            _ => return false,
        };
        let is_near = |rows: usize, cols: usize| bytes::<T>(rows, cols) <= caches().l2 / 4;
        team.threads() == 1
            && self.alpha == T::ONE
            && self.alpha_right == T::ONE
            && (SHALLOW + 1..STEPS_TO_PREFETCH).contains(&self.k)
            && self.n.is_multiple_of(width)
            && (self.a.col == 1 || self.a.row == 1 && !clash::<T>(self.a.col, self.k))
            && is_near(self.m, self.k)
            && is_near(self.m, self.n)
            && stays_in_l1::<T>(stride, self.k, self.n)
    }

    /// The micro-kernels can read B as it is.
    fn can_read_b_in_place(&self, table: &TileTable<T>) -> bool {
        self.transposes_b(table)
            || match self.b {
                Right::Strided { col, .. } => (col == 1 || self.n == 1) && self.alpha_right == T::ONE,
                Right::Lines { .. } => true,
                Right::LinesOfTranspose { .. } => false,
            }
    }

    /// B packed up front, if it is to be, then all jobs.
    fn run_jobs(
        &self,
        plan: &Plan,
        table: &TileTable<T>,
        team: &Team,
        destination: Destination,
        epilogue: Epilogue<'_, T>,
    ) {
        if plan.pack_b != PackB::Upfront {
            return self.run_all_jobs(plan, table, team, destination, epilogue);
        }
        debug_assert!(plan.strip_cols.is_multiple_of(T::LINE), "no two strips share a line");
        with_scratch::<T, _>(Slot::AllOfB, packed_len::<T>(self.k, self.n), |lines| {
            let to = Parts::of(lines);
            let line = self.k * T::LINE;
            let pack = |strip: usize| {
                let cols = strip * plan.strip_cols..((strip + 1) * plan.strip_cols).min(self.n);
                let part = self.col_range(cols.clone());
                let first = cols.start / T::LINE * line;
                // SAFETY: strips begin on lines, so that each has its own part of the scratch.
                let to = unsafe { to.part(first..first + packed_len::<T>(self.k, part.n)) };
                part.pack_right_to(table.isa, to);
            };
            if plan.is_shared() {
                team.run(plan.strips, pack)
            } else {
                (0..plan.strips).for_each(pack)
            }
            let b = Right::Lines { data: lines.as_ptr(), line };
            self.with_packed_right(b).run_all_jobs(plan, table, team, destination, epilogue);
        });
    }

    /// All jobs, operands as they are.
    fn run_all_jobs(
        &self,
        plan: &Plan,
        table: &TileTable<T>,
        team: &Team,
        destination: Destination,
        epilogue: Epilogue<'_, T>,
    ) {
        let (row_blocks, col_blocks) = (self.m.div_ceil(plan.job_rows), self.n.div_ceil(plan.job_cols));
        let job = |index: usize| {
            let (row_block, col_block) = if plan.jobs_row_major {
                (index / col_blocks, index % col_blocks)
            } else {
                (index % row_blocks, index / row_blocks)
            };
            let rows = row_block * plan.job_rows..((row_block + 1) * plan.job_rows).min(self.m);
            let cols = col_block * plan.job_cols..((col_block + 1) * plan.job_cols).min(self.n);
            let mut part = self.col_range(cols.clone()).row_range(rows.clone());
            // The first rows prefetch B for the columns of the next jobs.
            let next = if plan.prefetch.next_block && row_block == 0 && cols.end < self.n {
                let beside =
                    self.col_range(cols.end..self.n.min(cols.end + plan.job_cols)).k_range(0..self.k.min(plan.kc));
                beside.b_as_next()
            } else {
                NextB::None
            };
            if destination == Destination::C {
                part.run_k_blocks(plan, table, next);
                return finish(epilogue, Block::new(rows, cols, part.c));
            }
            with_scratch::<T, _>(Slot::C, packed_len::<T>(part.m, part.n), |lines| {
                part.c = Output::lines(lines.as_mut_ptr(), part.m);
                part.run_k_blocks(plan, table, next);
                finish(epilogue, Block::new(rows, cols, part.c));
            });
        };
        let jobs = row_blocks * col_blocks;
        if plan.is_shared() { team.run(jobs, job) } else { (0..jobs).for_each(job) }
    }

    /// One job: its blocks of k one after the other, before the block of B that is `next`.
    fn run_k_blocks(&self, plan: &Plan, table: &TileTable<T>, next: NextB<T>) {
        if self.k <= plan.kc {
            // No copy.
            return self.run_k_block(plan, table, next);
        }
        let mut first = 0;
        loop {
            let end = self.k.min(first + plan.kc);
            let part = self.k_range(first..end);
            if end == self.k {
                return part.run_k_block(plan, table, next);
            }
            let deeper = if plan.prefetch.next_block {
                self.k_range(end..self.k.min(end + plan.kc)).b_as_next()
            } else {
                NextB::None
            };
            part.run_k_block(plan, table, deeper);
            first = end;
        }
    }

    /// B, of which the product before this one prefetches lines.
    fn b_as_next(&self) -> NextB<T> {
        NextB::Block { b: self.b, rows: self.k, cols: self.n }
    }

    /// One job over one block of k.
    fn run_k_block(&self, plan: &Plan, table: &TileTable<T>, next: NextB<T>) {
        match plan.pack_b {
            PackB::PerJob => {
                let mut lent = Lent::none(Slot::B);
                let done = if plan.tiles_row_major { 0 } else { self.run_packing_tiles(table, &mut lent) };
                let b = if done > 0 { self.packed_right(&mut lent) } else { self.pack_right(table.isa, &mut lent) };
                self.with_packed_right(b).row_range(done..self.m).run_job(plan, table, (NextB::None, next));
            }
            PackB::InPlace | PackB::Upfront => {
                let beside = if plan.prefetch.next_block { NextB::NextStrip } else { NextB::None };
                self.run_job(plan, table, (beside, next));
            }
        }
    }

    /// The strips of a job, all of them for some rows before the next rows where A is large, so that these rows are fetched once. The first
    /// rows of each strip prefetch the strip `beside` it, those of a single one what is read `after` it.
    fn run_job(&self, plan: &Plan, table: &TileTable<T>, (beside, after): (NextB<T>, NextB<T>)) {
        if plan.tiles_row_major {
            return self.run_tiles_row_major(table, plan);
        }
        if self.n <= plan.strip_cols {
            return self.run_strips(table, plan.strip_cols, (plan.prefetch, after));
        }
        if self.m <= ROW_UNIT || self.a_fits_l2() {
            return self.run_strips(table, plan.strip_cols, (plan.prefetch, beside));
        }
        for first in (0..self.m).step_by(ROW_UNIT) {
            let next = if first == 0 { beside } else { NextB::None };
            let rows = self.row_range(first..self.m.min(first + ROW_UNIT));
            rows.run_strips(table, plan.strip_cols, (plan.prefetch, next));
        }
    }
}
