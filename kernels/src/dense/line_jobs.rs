//! Packed lines in jobs: how an array as large as the weights is gone through by a team. The shape alone decides, so that what is added up
//! job by job has the same bits whoever does it.

use crate::element::Element;
use crate::gemm::PackedB;
use std::ops::Range;

/// Elements that are worth a job: a few microseconds, and all arrays of an update stay in L2 for the transposed copy.
const ELEMENTS: usize = 32 * 1024;

/// Some of the lines each.
#[derive(Clone, Copy)]
pub(super) struct LineJobs {
    rows: usize,
    cols: usize,
    /// Columns of all jobs but the last.
    width: usize,
    /// Elements of a column's line in a row.
    line: usize,
}

impl LineJobs {
    /// The most jobs that there are.
    pub(super) const MOST: usize = 64;

    /// `None` for an array that is but one.
    #[inline(always)]
    pub(super) fn of<T: Element>(array: &PackedB<T>) -> Option<Self> {
        if array.lines().len() <= ELEMENTS {
            return None;
        }
        let (rows, cols) = (array.rows(), array.cols());
        let lines = (ELEMENTS / (rows * T::LINE).max(1)).max(cols.div_ceil(T::LINE).div_ceil(Self::MOST)).max(1);
        Some(Self { rows, cols, width: lines * T::LINE, line: T::LINE })
    }

    #[inline(always)]
    pub(super) fn count(self) -> usize {
        self.cols.div_ceil(self.width)
    }

    /// The columns of a job; they begin on a line.
    #[inline(always)]
    pub(super) fn cols(self, job: usize) -> Range<usize> {
        job * self.width..self.cols.min((job + 1) * self.width)
    }

    /// Their elements, padding included.
    #[inline(always)]
    pub(super) fn elements(self, job: usize) -> Range<usize> {
        let cols = self.cols(job);
        cols.start * self.rows..cols.end.next_multiple_of(self.line) * self.rows
    }
}
