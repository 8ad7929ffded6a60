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

    /// Whether they are worth sending for a helper: two small ones are done as soon as one would be there.
    #[inline(always)]
    pub(super) fn are_worth_helpers(self) -> bool {
        self.count() > 1 && self.elements(self.count() - 1).end > 2 * ELEMENTS
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_is_in_one_job() {
        for (rows, cols) in [(1, 40_000), (40, 200_000), (700, 90), (4096, 1024), (100_000, 3), (33, 1009)] {
            let array = PackedB::<f32>::zeros(rows, cols);
            let Some(jobs) = LineJobs::of(&array) else { panic!("{rows} × {cols} are several jobs") };
            assert!((1..=LineJobs::MOST).contains(&jobs.count()), "{} jobs", jobs.count());
            let mut end = (0, 0);
            for job in 0..jobs.count() {
                assert_eq!((jobs.cols(job).start, jobs.elements(job).start), end, "job {job} of {rows} × {cols}");
                end = (jobs.cols(job).end, jobs.elements(job).end);
            }
            assert_eq!(end, (cols, array.lines().len()));
        }
        assert!(LineJobs::of(&PackedB::<f64>::zeros(300, 100)).is_none());
    }

    #[test]
    fn two_large_jobs_are_worth_a_helper_as_three_small_ones_are() {
        let worth = |rows, cols| LineJobs::of(&PackedB::<f32>::zeros(rows, cols)).map(LineJobs::are_worth_helpers);
        assert_eq!(worth(1, 40_000), Some(false));
        assert_eq!(worth(20_000, 32), Some(true));
        assert_eq!(worth(784, 128), Some(true));
    }
}
