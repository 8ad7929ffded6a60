//! The driver: cuts a product into jobs, packs what must be packed, and calls the micro-kernel strip by strip.
//!
//! ```text
//!  A is packed once for all, if it is to be packed at all            (shared by the team, a bounded part at a time)
//!  B is packed once for all, if it is to be packed for several jobs  (shared by the team, bounded)
//!  for each job = some rows × some strips of columns                 (claimed by whoever is free)
//!    for each block of k (KC rows of B)
//!      its strips of B are packed, if they are to be packed          (the thread's own scratch, stays in L2)
//!      for each strip, for each run of equally tall tiles: micro-kernel
//!    the epilogue, while the job's C is near
//! ```
//! Blocks of k continue from what C holds, so the chain of every element is the same however k is cut.

use super::microkernel::{Start, Strip};
use super::operand::{Left, Output, Right};
use super::pack::{pack_lines, pack_panels, packed_len};
use super::scratch::{Slot, with_scratch};
use super::tiles::TileTable;
use super::turned::{Columns, MAX_ROWS as FEW_ROWS};
use crate::element::Element;
use crate::isa::Isa;
use crate::machine::caches;
use crate::team::Team;
use std::ops::Range;

/// The part of L2 that a strip of B may take, beside A and C; KC follows from it.
const STRIP_PART_OF_L2: usize = 4;
/// Bytes of A, and of B, that are packed ahead at a time: an upper bound on the scratch of a call.
const PACKED_BYTES: usize = 8 * 1024 * 1024;
/// Multiply-adds that are worth waking a thread of their own.
const WORK_TO_WAKE: usize = 400_000;
/// Multiply-adds that are worth a helper's while who is awake: 0.6 µs, of which the hand-over takes a part (784-128-10, batch
/// 128, two threads: 118 → 116 µs a step).
const WORK_TO_SHARE: usize = 80_000;
/// Multiply-adds below which a product is run without a plan.
const SMALL_WORK: usize = 40 * 40 * 40;
/// Strides that are a multiple of this many bytes put neighbouring rows in the same cache sets.
const SET_PERIOD: usize = 2048;
/// Rows at a multiple of this stride share one set of L1: the size of a way on every CPU that looks up cache and page side by side.
const L1_PERIOD: usize = 4096;
/// The most rows of such an A in a tile: the ways of a set (1024×8×1024: 68 → 100 GFLOP/s; 12 rows gain as much on 12 ways).
const FOLDED_ROWS: usize = 8;
/// Jobs begin at a multiple of so many rows where A is packed: whole panels, whatever their height. Else at whole cache lines of a
/// transposed copy.
const ROW_UNIT: usize = 48;
/// Rows of a job whose block of C is to stay in L1 for its epilogue: 96 × 64 × 4 bytes is half of it.
const CACHE_ROWS: usize = 96;

/// C = start + α A B, then the epilogue.
///
/// # Safety of everything that takes one
/// Whoever makes it vouches that the operands are valid for the shape (C for writes, by nobody else meanwhile) and that the
/// bias of `Start::Row` has `n` elements.
#[derive(Clone, Copy)]
pub(crate) struct Product<T> {
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
    /// Multiplies A, …
    pub(crate) alpha: T,
    /// … or B, where the product has been turned and B is the caller's A.
    pub(crate) alpha_right: T,
    pub(crate) a: Left<T>,
    pub(crate) b: Right<T>,
    pub(crate) c: Output<T>,
    pub(crate) start: Start<T>,
    /// What the epilogue will need beside C, in the shape of C, or nowhere: asked for while the tiles are multiplied.
    pub(crate) near: Output<T>,
}

// SAFETY: a product is a set of addresses; threads write disjoint jobs of C and only read A and B.
unsafe impl<T: Element> Sync for Product<T> {}

/// What a job has finished, as the epilogue sees it: a block of C, complete and still in the nearest cache.
#[derive(Clone, Debug)]
pub(crate) struct Block<T> {
    pub(crate) rows: Range<usize>,
    /// Begins on a line.
    pub(crate) cols: Range<usize>,
    /// Where the block's own element (0, 0) is.
    pub(crate) c: Output<T>,
}

/// Where jobs put their blocks of C.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Where the product says.
    Memory,
    /// In scratch of the thread's own, as packed lines; only the epilogue sees them. C is not read.
    Cache,
}

/// How a product is cut.
struct Plan {
    strips: usize,
    /// Columns of all strips but the last.
    strip_cols: usize,
    /// Columns of all jobs but the last of a row: whole strips.
    job_cols: usize,
    /// Rows of all jobs but the last of a strip.
    job_rows: usize,
    kc: usize,
    pack_a: bool,
    pack_b: PackB,
    team: bool,
}

/// When B is packed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PackB {
    /// It is read where it lies.
    Never,
    /// Strip by strip, by the job that needs it: one job a strip, or B is too large to be kept whole.
    ByJob,
    /// All of it before the jobs begin, by the team: several jobs share each strip.
    Ahead,
}

/// What is done with a finished block, if anything.
pub(crate) type Epilogue<'a, T> = Option<&'a (dyn Fn(Block<T>) + Sync)>;

/// The epilogue sees a block.
#[inline(always)]
fn finish<T>(epilogue: Epilogue<'_, T>, block: Block<T>) {
    if let Some(epilogue) = epilogue {
        epilogue(block);
    }
}

impl<T: Element> Product<T> {
    /// Computes it on `team` with the micro-kernels of `table`; `epilogue` sees every job's block of C once, complete.
    ///
    /// # Safety
    /// See [`Product`]; `table` is one of a tier that the CPU has; C has unit columns (`col = 1`).
    #[inline]
    pub(crate) unsafe fn run(&self, table: &TileTable<T>, team: &Team, place: Place, epilogue: Epilogue<'_, T>) {
        debug_assert!(self.c.col == 1 || self.n <= 1, "C has contiguous columns");
        if self.m == 0 || self.n == 0 {
            return;
        }
        if self.is_small() && !self.reads_b_in_place() {
            return self.pack_right(table.isa, |packed| packed.run_whole(table, place, epilogue));
        }
        if self.is_small() {
            return self.run_whole(table, place, epilogue);
        }
        self.run_planned(table, team, place, epilogue);
    }

    /// Without a plan, on this thread.
    #[inline]
    fn run_whole(&self, table: &TileTable<T>, place: Place, epilogue: Epilogue<'_, T>) {
        match place {
            Place::Memory => self.run_small(table, epilogue),
            Place::Cache => with_scratch::<T, _>(Slot::C, packed_len::<T>(self.m, self.n), |lines| {
                Self { c: Output::lines(lines.as_mut_ptr(), self.m), ..*self }.run_small(table, epilogue)
            }),
        }
    }

    /// The product in jobs, by plan.
    #[inline(never)]
    fn run_planned(&self, table: &TileTable<T>, team: &Team, place: Place, epilogue: Epilogue<'_, T>) {
        let plan = self.plan(table, team, place);
        if !plan.pack_a {
            return self.run_jobs(&plan, table, team, place, epilogue);
        }
        // As many rows at a time as the bound allows, each part a product of its own.
        let rows = (PACKED_BYTES / size_of::<T>() / self.k.max(1)).next_multiple_of(ROW_UNIT);
        let panel = table.tallest(table.vectors_for(plan.strip_cols));
        for first in (0..self.m).step_by(rows) {
            let part = self.rows(first..self.m.min(first + rows));
            let shifted = |block: Block<T>| {
                finish(epilogue, Block { rows: block.rows.start + first..block.rows.end + first, ..block });
            };
            with_scratch::<T, _>(Slot::A, part.packed_left_len(panel), |packed| {
                let part = part.pack_left(packed, panel, table.isa, team);
                part.run_jobs(&part.plan(table, team, place), table, team, place, Some(&shifted));
            });
        }
    }

    /// So little work that planning it would cost more than a plan could save.
    fn is_small(&self) -> bool {
        self.alpha == T::ONE && self.m.saturating_mul(self.n).saturating_mul(self.k) <= SMALL_WORK
    }

    /// The micro-kernels can read B as it is.
    fn reads_b_in_place(&self) -> bool {
        self.is_turned()
            || match self.b {
                Right::Strided { col, .. } => (col == 1 || self.n == 1) && self.alpha_right == T::ONE,
                Right::Lines { .. } => true,
            }
    }

    /// Few rows against contiguous columns of B: see [`super::turned`].
    fn is_turned(&self) -> bool {
        let columns = matches!(self.b, Right::Strided { row: 1, col, .. } if col != 1);
        columns && self.m <= FEW_ROWS && self.a.panel().is_none_or(|height| self.m <= height)
    }

    /// Strip after strip on this thread, operands as they are.
    #[inline]
    fn run_small(&self, table: &TileTable<T>, epilogue: Epilogue<'_, T>) {
        let width = table.lanes() * table.strip_vectors(self.m);
        if self.n <= width {
            self.run_strip(table);
            return finish(epilogue, Block { rows: 0..self.m, cols: 0..self.n, c: self.c });
        }
        let mut first = 0;
        while first < self.n {
            let end = self.n.min(first + width);
            let part = self.columns(first..end);
            part.run_strip(table);
            finish(epilogue, Block { rows: 0..self.m, cols: first..end, c: part.c });
            first = end;
        }
    }

    /// B packed ahead, if it is to be, then all jobs.
    fn run_jobs(&self, plan: &Plan, table: &TileTable<T>, team: &Team, place: Place, epilogue: Epilogue<'_, T>) {
        if plan.pack_b != PackB::Ahead {
            return self.run_claimed(plan, table, team, place, epilogue);
        }
        with_scratch::<T, _>(Slot::AllOfB, packed_len::<T>(self.k, self.n), |lines| {
            let to = Shared(lines.as_mut_ptr());
            let line = self.k * T::LINE;
            let pack = |strip: usize| {
                let cols = strip * plan.strip_cols..((strip + 1) * plan.strip_cols).min(self.n);
                let part = self.columns(cols.clone());
                let Right::Strided { data, row, col } = part.b else { return };
                let len = packed_len::<T>(self.k, part.n);
                // SAFETY: strips begin on lines, so that each has its own part of the scratch.
                let to = unsafe { std::slice::from_raw_parts_mut(to.at(cols.start / T::LINE * line), len) };
                // SAFETY: `self` vouches for B.
                unsafe { pack_lines(table.isa, data, (row, col), (part.k, part.n), to) };
                self.scale_right(to);
            };
            if plan.team {
                team.run(plan.strips, pack)
            } else {
                (0..plan.strips).for_each(pack)
            }
            let b = Right::Lines { data: lines.as_ptr(), line };
            Self { b, ..*self }.run_claimed(plan, table, team, place, epilogue);
        });
    }

    /// All jobs, operands as they are.
    fn run_claimed(&self, plan: &Plan, table: &TileTable<T>, team: &Team, place: Place, epilogue: Epilogue<'_, T>) {
        let row_blocks = self.m.div_ceil(plan.job_rows);
        let job = |index: usize| {
            let (col_block, row_block) = (index / row_blocks, index % row_blocks);
            let rows = row_block * plan.job_rows..((row_block + 1) * plan.job_rows).min(self.m);
            let cols = col_block * plan.job_cols..((col_block + 1) * plan.job_cols).min(self.n);
            let mut part = self.columns(cols.clone()).rows(rows.clone());
            if place == Place::Memory {
                part.run_depths(plan, table);
                return finish(epilogue, Block { rows, cols, c: part.c });
            }
            with_scratch::<T, _>(Slot::C, packed_len::<T>(part.m, part.n), |lines| {
                part.c = Output::lines(lines.as_mut_ptr(), part.m);
                part.run_depths(plan, table);
                finish(epilogue, Block { rows, cols, c: part.c });
            });
        };
        let jobs = self.n.div_ceil(plan.job_cols) * row_blocks;
        if plan.team { team.run(jobs, job) } else { (0..jobs).for_each(job) }
    }

    /// One job: its blocks of k one after the other.
    fn run_depths(&self, plan: &Plan, table: &TileTable<T>) {
        let mut first = 0;
        loop {
            let end = self.k.min(first + plan.kc);
            self.depth(first..end).run_depth(plan, table);
            if end == self.k {
                return;
            }
            first = end;
        }
    }

    fn plan(&self, table: &TileTable<T>, team: &Team, place: Place) -> Plan {
        let size = size_of::<T>();
        let strip_cols = table.strip_vectors(self.m) * table.lanes();
        let strips = self.n.div_ceil(strip_cols);
        // Equal strips, in whole lines: 4 + 3 rather than 4 + 4 − 1.
        let strip_cols = self.n.div_ceil(strips).next_multiple_of(T::LINE.min(strip_cols));
        let strips = self.n.div_ceil(strip_cols);
        let strip_bytes = caches().l2 / STRIP_PART_OF_L2;
        let kc = (strip_bytes / (size * strip_cols)).clamp(64, 1024);
        let work = self.m.saturating_mul(self.n).saturating_mul(self.k);
        let worth = if team.is_attended() { WORK_TO_SHARE } else { WORK_TO_WAKE };
        let threads = team.threads().min(work / worth).max(1);
        let depth = self.k.min(kc);
        // Few rows of A at a far stride, or a whole column of it at a stride that folds onto the same sets.
        let clash = |stride: usize, count: usize| count > 8 && folds_onto_sets::<T>(stride);
        let turned = self.is_turned();
        let pack_a = self.alpha != T::ONE
            || (self.a.col != 1 && self.n > strip_cols && (clash(self.a.col, depth) || self.a.row != 1));
        let pays = match self.b {
            _ if turned => false,
            Right::Lines { .. } => false,
            Right::Strided { col, .. } if col != 1 && self.n > 1 || self.alpha_right != T::ONE => true,
            Right::Strided { row, .. } => {
                self.m >= 48 && (clash(row, depth) || depth.saturating_mul(row).saturating_mul(size) > 2 * strip_bytes)
            }
        };
        let job_rows = job_rows(self.m, strips, threads, if self.a.panel().is_some() { ROW_UNIT } else { T::LINE });
        let job_rows = if place == Place::Cache { job_rows.min(CACHE_ROWS) } else { job_rows };
        let fits = self.k.saturating_mul(self.n).saturating_mul(size) <= PACKED_BYTES;
        let pack_b = match pays {
            false => PackB::Never,
            true if job_rows < self.m && fits => PackB::Ahead,
            true => PackB::ByJob,
        };
        // Several strips a job where A would not stay in L2 from one strip to the next (2048³: 234 → 241 GFLOP/s).
        let a_bytes = job_rows.saturating_mul(depth).saturating_mul(size);
        let together = if place == Place::Memory && !turned && a_bytes > caches().l2 / 2 {
            let most = caches().l2 / 2 / (kc * strip_cols * size).max(1);
            let shared = strips * self.m.div_ceil(job_rows) / (4 * threads);
            most.min(if threads > 1 { shared } else { strips }).max(1)
        } else {
            1
        };
        let job_cols = together * strip_cols;
        // Columns that are turned on the way are read once, whatever their length.
        let kc = if turned { self.k } else { kc };
        Plan { strips, strip_cols, job_cols, job_rows, kc, pack_a, pack_b, team: threads > 1 }
    }

    /// One job over one block of k.
    fn run_depth(&self, plan: &Plan, table: &TileTable<T>) {
        match plan.pack_b {
            PackB::ByJob => self.pack_right(table.isa, |packed| packed.run_strips(plan, table)),
            PackB::Never | PackB::Ahead => self.run_strips(plan, table),
        }
    }

    /// α′ B packed in the thread's own scratch, for `work` to go on with.
    fn pack_right(&self, isa: Isa, work: impl FnOnce(&Self)) {
        let Right::Strided { data, row, col } = self.b else { return work(self) };
        with_scratch::<T, _>(Slot::B, packed_len::<T>(self.k, self.n), |lines| {
            // SAFETY: `self` vouches for B.
            unsafe { pack_lines(isa, data, (row, col), (self.k, self.n), lines) };
            self.scale_right(lines);
            work(&Self { b: Right::Lines { data: lines.as_ptr(), line: self.k * T::LINE }, ..*self });
        });
    }

    /// The strips of a job, all of them for some rows before the next rows, so that these rows of A are fetched once.
    fn run_strips(&self, plan: &Plan, table: &TileTable<T>) {
        if self.n <= plan.strip_cols {
            return self.run_strip(table);
        }
        for first in (0..self.m).step_by(ROW_UNIT) {
            let rows = self.rows(first..self.m.min(first + ROW_UNIT));
            for first in (0..self.n).step_by(plan.strip_cols) {
                rows.columns(first..self.n.min(first + plan.strip_cols)).run_strip(table);
            }
        }
    }

    /// α into packed lines of B.
    fn scale_right(&self, lines: &mut [T]) {
        if self.alpha_right != T::ONE {
            lines.iter_mut().for_each(|x| *x = self.alpha_right * *x);
        }
    }

    /// The tiles of a strip: rows in runs of (nearly) equal tiles, as tall as the registers allow.
    fn run_strip(&self, table: &TileTable<T>) {
        if self.is_turned() {
            return self.run_turned(table);
        }
        let lanes = table.lanes();
        let vectors = table.vectors_for(self.n);
        let tail = self.n - (vectors - 1) * lanes;
        let (b, b_row, b_line, b_tail) = match self.b {
            Right::Strided { data, row, .. } => (data, row, T::LINE, tail),
            Right::Lines { data, line } => (data, T::LINE, line, lanes),
        };
        let b_tail = if matches!(self.start, Start::Row(_)) { tail } else { b_tail };
        let c_tail = if self.c.padded { lanes } else { tail };
        let partial = b_tail < lanes || c_tail < lanes;
        let run = |first: usize, rows: usize, tall: usize| {
            let Some(kernel) = table.strip(tall, vectors, partial) else {
                unreachable!("a tile of {tall} rows × {vectors} vectors is in the table");
            };
            let strip = Strip {
                rows,
                k: self.k,
                a: self.a.data.wrapping_add(first * self.a.row),
                a_row: self.a.row,
                a_inner: self.a.inner,
                a_col: self.a.col,
                b,
                b_row,
                b_line,
                c: self.c.data.wrapping_add(first * self.c.row),
                c_row: self.c.row,
                c_line: self.c.line,
                b_tail,
                c_tail,
                start: self.start,
                near: self.near.data.wrapping_add(first * self.near.row),
                near_row: self.near.row,
                near_line: self.near.line,
            };
            // SAFETY: `self` vouches for the operands; the table is of a tier that the CPU has.
            unsafe { kernel(&strip) };
        };
        if let Some(panel) = self.a.panel() {
            let rest = self.m % panel;
            if rest < self.m {
                run(0, self.m - rest, panel);
            }
            if rest > 0 {
                run(self.m - rest, rest, rest);
            }
            return;
        }
        let tallest = if self.a_folds() { table.tallest(vectors).min(FOLDED_ROWS) } else { table.tallest(vectors) };
        if self.m <= tallest {
            return run(0, self.m, self.m);
        }
        let tiles = self.m.div_ceil(tallest);
        let (short, taller) = (self.m / tiles, self.m % tiles);
        let cut = taller * (short + 1);
        if cut > 0 {
            run(0, cut, short + 1);
        }
        run(cut, self.m - cut, short);
    }

    /// More rows of A than L1 has room for, where its stride puts all of them in one set.
    fn a_folds(&self) -> bool {
        self.m > FOLDED_ROWS && self.a.col == 1 && (self.a.row * size_of::<T>()).is_multiple_of(L1_PERIOD)
    }

    /// A strip of few rows against columns of B.
    #[inline(never)]
    fn run_turned(&self, table: &TileTable<T>) {
        let (Right::Strided { data: b, col: b_col, .. }, Some(kernel)) = (self.b, table.columns(self.m)) else {
            unreachable!("{} rows against columns", self.m);
        };
        let columns = Columns {
            cols: self.n,
            k: self.k,
            alpha_right: self.alpha_right,
            a: self.a.data,
            a_row: self.a.inner,
            a_col: self.a.col,
            b,
            b_col,
            c: self.c.data,
            c_row: self.c.row,
            c_line: self.c.line,
            start: self.start,
        };
        // SAFETY: `self` vouches for the operands; the table is of a tier that the CPU has.
        unsafe { kernel(&columns) };
    }

    /// The product of some rows of A only.
    pub(crate) fn rows(&self, rows: Range<usize>) -> Self {
        let mut part = *self;
        part.m = rows.end - rows.start;
        part.a.data = self.a.data.wrapping_add(rows.start * self.a.row);
        part.c.data = self.c.data.wrapping_add(rows.start * self.c.row);
        part.near.data = self.near.data.wrapping_add(rows.start * self.near.row);
        part
    }

    /// The product with some columns of B only, which begin on a line.
    fn columns(&self, cols: Range<usize>) -> Self {
        let line = cols.start / T::LINE;
        let inside = cols.start % T::LINE;
        let mut part = *self;
        part.n = cols.end - cols.start;
        part.b = match self.b {
            Right::Strided { data, row, col } => Right::Strided { data: data.wrapping_add(cols.start * col), row, col },
            Right::Lines { data, line: step } => {
                Right::Lines { data: data.wrapping_add(line * step + inside), line: step }
            }
        };
        part.c.data = self.c.data.wrapping_add(line * self.c.line + inside);
        if !self.near.data.is_null() {
            part.near.data = self.near.data.wrapping_add(line * self.near.line + inside);
        }
        if let Start::Row(bias) = self.start {
            part.start = Start::Row(bias.wrapping_add(cols.start));
        }
        part
    }

    /// A product of one column, contiguous, as the same numbers in a row: Cᵀ = Bᵀ Aᵀ. Multiplication commutes, so the bits do not
    /// change. The start must not be a bias by columns.
    pub(crate) fn column_as_row(self) -> Self {
        debug_assert!(self.n == 1 && self.c.row == 1 && !matches!(self.start, Start::Row(_)), "a contiguous column");
        let Right::Strided { data, row, .. } = self.b else { return self };
        Self {
            m: 1,
            n: self.m,
            alpha: self.alpha_right,
            alpha_right: self.alpha,
            a: Left::strided(data, 0, row),
            b: Right::Strided { data: self.a.data, row: self.a.col, col: self.a.row },
            c: Output { row: self.m, line: T::LINE, col: 1, ..self.c },
            ..self
        }
    }

    /// One block of k: from the second on, it continues from what C holds.
    fn depth(&self, range: Range<usize>) -> Self {
        let mut part = *self;
        part.k = range.end - range.start;
        part.a.data = self.a.data.wrapping_add(range.start * self.a.col);
        part.b = match self.b {
            Right::Strided { data, row, col } => {
                Right::Strided { data: data.wrapping_add(range.start * row), row, col }
            }
            Right::Lines { data, line } => Right::Lines { data: data.wrapping_add(range.start * T::LINE), line },
        };
        if range.start > 0 {
            part.start = Start::Stored;
        }
        part
    }

    /// Elements of scratch that [`pack_left`](Self::pack_left) takes.
    fn packed_left_len(&self, panel: usize) -> usize {
        if self.a.col == 1 { self.m * packed_stride::<T>(self.k) } else { self.m.next_multiple_of(panel) * self.k }
    }

    /// Copies α A to `packed`: contiguous rows stay rows, everything else becomes panels.
    fn pack_left(&self, packed: &mut [T], panel: usize, isa: Isa, team: &Team) -> Self {
        let Left { row, col, .. } = self.a;
        let to = Shared(packed.as_mut_ptr());
        let stride = packed_stride::<T>(self.k);
        let by_row = col == 1;
        let job = |index: usize| {
            let rows = index * ROW_UNIT..self.m.min((index + 1) * ROW_UNIT);
            if !by_row {
                let from = self.a.data.wrapping_add(rows.start * row);
                let len = rows.len().next_multiple_of(panel) * self.k;
                // SAFETY: whole panels are disjoint pieces of `packed`.
                let to = unsafe { std::slice::from_raw_parts_mut(to.at(rows.start * self.k), len) };
                // SAFETY: `self` vouches for A.
                return unsafe { pack_panels(isa, self.alpha, from, (row, col), (rows.len(), self.k), panel, to) };
            }
            for i in rows {
                let from = self.a.data.wrapping_add(i * row);
                // SAFETY: the rows are disjoint pieces of `packed`, each `k` long.
                let to = unsafe { std::slice::from_raw_parts_mut(to.at(i * stride), self.k) };
                for (p, to) in to.iter_mut().enumerate() {
                    // SAFETY: `self` vouches for A.
                    *to = self.alpha * unsafe { *from.wrapping_add(p) };
                }
            }
        };
        let jobs = self.m.div_ceil(ROW_UNIT);
        if self.m * self.k >= WORK_TO_WAKE {
            team.run(jobs, job)
        } else {
            (0..jobs).for_each(job)
        }
        let data = packed.as_ptr();
        let a = if by_row { Left::strided(data, stride, 1) } else { Left { data, row: self.k, inner: 1, col: panel } };
        Self { a, alpha: T::ONE, ..*self }
    }
}

/// From one packed run of A to the next: never a stride that folds onto the same cache sets.
fn packed_stride<T: Element>(inner: usize) -> usize {
    let stride = inner.next_multiple_of(T::LINE);
    if folds_onto_sets::<T>(stride) { stride + T::LINE } else { stride }
}

/// Rows at this stride begin in the same few sets of a cache.
pub(crate) fn folds_onto_sets<T: Element>(stride: usize) -> bool {
    (stride * size_of::<T>()).is_multiple_of(SET_PERIOD)
}

/// Rows of a job, a multiple of `unit`: few enough for as many jobs as share the work evenly, each tall enough to be worth its
/// strip of B.
fn job_rows(rows: usize, strips: usize, threads: usize, unit: usize) -> usize {
    if threads == 1 {
        return rows;
    }
    let blocks = (4 * threads).div_ceil(strips).min(rows / 24).max(1);
    rows.div_ceil(blocks).next_multiple_of(unit)
}

/// An address that jobs share; each writes its own part.
struct Shared<T>(*mut T);

// SAFETY: the jobs that use it write disjoint parts.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    fn at(&self, offset: usize) -> *mut T {
        self.0.wrapping_add(offset)
    }
}
