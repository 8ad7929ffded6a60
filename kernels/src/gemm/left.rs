//! A left-hand side that is packed before the jobs begin: for its factor, or where its rows are no runs. A bounded part at a time, by the team.

use super::kernel_args::End;
use super::operand::Left;
use super::pack::pack_panels;
use super::plan::{PACKED_BYTES, ROW_UNIT};
use super::product::{Destination, Product};
use super::room::packed_stride;
use crate::element::Element;
use crate::isa::Isa;
use crate::team::{Parts, Team};

/// Numbers of A whose packing is worth sharing: they are multiplied next, by the same threads.
const NUMBERS_TO_SHARE: usize = 400_000;

impl<T: Element> Product<T> {
    /// Elements that a row of A takes when it is packed.
    fn packed_row_len(&self) -> usize {
        if self.a.col == 1 { packed_stride::<T>(self.k) } else { self.k }
    }

    /// Elements of scratch that [`pack_left`](Self::pack_left) takes.
    pub(super) fn packed_left_len(&self, panel: usize) -> usize {
        let rows = if self.a.col == 1 { self.m } else { self.m.next_multiple_of(panel) };
        rows * self.packed_row_len()
    }

    /// Rows of A that are packed at a time: as many as the bound allows, but some.
    pub(super) fn rows_to_pack(&self, panel: usize, destination: Destination) -> usize {
        let rows = PACKED_BYTES / size_of::<T>() / self.packed_row_len().max(1);
        // An epilogue that transposes lines wants blocks that begin on one.
        let least = if destination == Destination::Scratch { ROW_UNIT } else { panel };
        let unit = if rows < ROW_UNIT { least } else { ROW_UNIT };
        (rows / unit * unit).max(unit)
    }

    /// Steps of k that are packed at a time where a panel of all of them is beyond the bound, and the sums may wait in C: whole lines, and one less
    /// than there is room for, as rows may be a line further apart than they are long.
    pub(super) fn k_to_pack(&self, panel: usize, destination: Destination) -> Option<usize> {
        let room = PACKED_BYTES / size_of::<T>() / panel;
        let is_beyond = self.packed_row_len() > room && destination == Destination::C && self.end == End::Stored;
        if is_beyond { Some((room / T::LINE - 1) * T::LINE) } else { None }
    }

    /// Copies α A to `packed`: contiguous rows stay rows, everything else becomes panels.
    pub(super) fn pack_left(&self, packed: &mut [T], panel: usize, isa: Isa, team: &Team) -> Self {
        let Left { row, col, .. } = self.a;
        let (to, row_len) = (Parts::of(packed), self.packed_row_len());
        let by_row = col == 1;
        debug_assert!(ROW_UNIT.is_multiple_of(panel) || self.m <= panel, "jobs begin on panels");
        let job = |index: usize| {
            let rows = index * ROW_UNIT..self.m.min((index + 1) * ROW_UNIT);
            let count = if by_row { rows.len() } else { rows.len().next_multiple_of(panel) };
            // SAFETY: a job has rows of its own, and whole panels of them: their height divides `ROW_UNIT`, or there is but one.
            let to = unsafe { to.part(rows.start * row_len..(rows.start + count) * row_len) };
            if !by_row {
                let from = self.a.data.wrapping_add(rows.start * row);
                // SAFETY: `self` vouches for A.
                return unsafe { pack_panels(isa, self.alpha, from, (row, col), (rows.len(), self.k), panel, to) };
            }
            for (i, to) in rows.zip(to.chunks_exact_mut(row_len.max(1))) {
                let from = self.a.data.wrapping_add(i * row);
                for (p, to) in to[..self.k].iter_mut().enumerate() {
                    // SAFETY: `self` vouches for A.
                    *to = self.alpha * unsafe { *from.wrapping_add(p) };
                }
            }
        };
        let jobs = self.m.div_ceil(ROW_UNIT);
        if self.m * self.k >= NUMBERS_TO_SHARE {
            team.run(jobs, job)
        } else {
            (0..jobs).for_each(job)
        }
        let data = packed.as_ptr();
        let a = if by_row { Left::strided(data, row_len, 1) } else { Left { data, row: self.k, inner: 1, col: panel } };
        Self { a, alpha: T::ONE, ..*self }
    }
}

#[cfg(test)]
mod tests;
