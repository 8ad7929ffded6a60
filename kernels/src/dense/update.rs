//! The update of the weights: as a pass of its own over a finished gradient, or inside the product that makes it.
//!
//! ```text
//!   xᵀ dz ──tile──▶ 96 × 64 of dW in L1 ──▶ optimiser ──▶ W (forward lines) ──▶ W (backward lines)
//!                                             ▲  moments
//! ```
//! Both ways run the same element-wise sweep on the same numbers, so they give the same bits. The plain delta rule of large layers takes a
//! shorter way yet: `W + (−η) dW`, the one operation of its sweep, is done to the tile's registers where dW would be stored.

use super::array::Array;
use super::backward::factors_of_gradient;
use super::line_jobs::LineJobs;
use super::{Gradient, Moments, Weights};
use crate::element::Element;
use crate::execute::{Compute, Execute};
use crate::gemm::{Destination, End, Output, PackedB, Product, Start, Transposition};
use crate::machine::caches;
use crate::optimiser::Step;
use crate::team::Parts;
use crate::view::{MatRef, ShapeError};
use std::ops::Range;

/// Rows of a batch that are one block of a product: a strip of B then stays in L2.
const ONE_BLOCK: usize = 512;

/// One optimiser step of `w` by a finished gradient.
///
/// # Errors
/// The gradient or the moments belong to weights of another shape, or the moments are fewer arrays than the rule needs; nothing is
/// written then.
///
/// # Panics
/// Where a [team](crate::Team#panics) does.
#[inline(always)]
pub fn update<T: Element, C: Compute<T>>(
    by: C,
    w: &mut Weights<T>,
    dw: &Gradient<T>,
    moments: &mut Moments<T>,
    step: &Step<T>,
) -> Result<(), ShapeError> {
    w.kept.expect_shape_of(&dw.lines)?;
    let gradient = dw.lines.packed();
    // Who is inside of a tier is alone, and has no time for jobs (1-16-1: 0.50 → 0.52 µs a step).
    let Some(jobs) = LineJobs::of(gradient).filter(|_| C::PLANNED) else {
        check_moments(w, moments, step)?;
        let (first, second) = (lines_of(&mut moments.first), lines_of(&mut moments.second));
        step.sweep(by, w.kept.packed_mut().lines_mut(), gradient.lines(), first, second);
        if let Some(transposed) = &mut w.transposed {
            transpose(by, w.kept.packed(), transposed);
        }
        return Ok(());
    };
    let changed = Changed::of(w, moments, step)?;
    by.each(
        jobs.are_worth_helpers(),
        jobs.count(),
        #[inline(always)]
        |job| {
            let range = jobs.elements(job);
            // SAFETY: these lines are this job's alone.
            unsafe { changed.sweep(by, step, range.clone(), &gradient.lines()[range]) };
            // SAFETY: as above.
            unsafe { changed.copy_to_transpose(by, 0..changed.rows, jobs.cols(job)) };
        },
    );
    Ok(())
}

/// `dW = dzᵀ x` and the optimiser's step of `w`, without `dW` ever reaching memory: `x` is batch × inputs, `dz` batch × outputs (any strides),
/// `moments` of the shape of `w`. The bits are those of [`backward_weights`](super::backward_weights) followed by [`update`].
///
/// # Memory
/// As [`gemm`](fn@crate::gemm), with one difference: a sum must be whole before the step, so a transposed `x` whose rows lie a power of two
/// apart, where the weights fill several strips, is packed for 48 inputs at once, over all rows. A batch of a million rows is then 192 MB of a thread's
/// scratch in single precision; up to 43,000 rows the 8 MB of a product suffice. [`Inside`](crate::Inside) cuts nothing: its thread keeps as
/// much as the weights take, and as `dz` does where that has to be packed.
///
/// # Errors
/// The shapes do not fit each other, or the moments are fewer arrays than the rule needs; nothing is written then.
///
/// # Panics
/// Where a [team](crate::Team#panics) does.
#[inline(always)]
pub fn backward_update<T: Element, C: Compute<T>>(
    by: C,
    x: MatRef<'_, T>,
    dz: MatRef<'_, T>,
    w: &mut Weights<T>,
    moments: &mut Moments<T>,
    step: &Step<T>,
) -> Result<(), ShapeError> {
    let (a, b) = factors_of_gradient(x, dz, &w.kept)?;
    let shape = [a.rows(), b.cols(), a.cols()];
    let changed = Changed::of(w, moments, step)?;
    let kept = changed.lines_of_kept();
    // SAFETY: the views vouch for A and B; the weights have the gradient's shape and are borrowed exclusively, each job's part its own.
    let mut product = unsafe { Product::new(a.into(), b.into(), kept, Start::Zero, shape) };
    // From beyond L1 the weights would be waited for (1024-4096-1024, batch 512: 92.7 → 89.9 ms a step; 784-512-512-10: 7.35 → 7.31).
    if changed.kept.len() * size_of::<T>() > caches().l1d {
        product = product.prefetching_c(kept);
    }
    // The delta rule needs no look at the sums: they are added to the weights from the registers (784-128-10 on Zen 4, batch 32:
    // 126.8 → 121.5 µs a step; batch 128: 471.8 → 465.3; 1-16-1, whose weights are near: 0.54 → 0.59).
    let factor = if C::PLANNED && x.rows() <= ONE_BLOCK { step.factor() } else { None };
    let destination = if let Some(factor) = factor {
        product = product.ending(End::AddScaled(factor));
        Destination::C
    } else {
        Destination::Scratch
    };
    by.multiply(
        &product,
        destination,
        factor.is_none() || !changed.transpose.is_empty(),
        #[inline(always)]
        |block| {
            if factor.is_none() {
                for (l, g) in block.lines_of_c().enumerate() {
                    let at = (block.cols().start / T::LINE + l) * changed.rows + block.rows().start;
                    // SAFETY: these rows of this line belong to this block alone.
                    unsafe { changed.sweep(by, step, at * T::LINE..at * T::LINE + g.len(), g) };
                }
            }
            // SAFETY: so do these rows and columns.
            unsafe { changed.copy_to_transpose(by, block.rows(), block.cols()) };
        },
    );
    Ok(())
}

fn check_moments<T: Element>(w: &Weights<T>, moments: &Moments<T>, step: &Step<T>) -> Result<(), ShapeError> {
    // More than the rule needs do no harm: they stay as they are.
    let (needed, there) = (step.moments(), moments.len());
    ShapeError::expect("the number of an optimiser's moment arrays", needed, there.min(needed))?;
    for array in [&moments.first, &moments.second].into_iter().flatten() {
        w.kept.expect_shape_of(array)?;
    }
    Ok(())
}

fn lines_of<T: Element>(array: &mut Option<Array<T>>) -> &mut [T] {
    array.as_mut().map_or(&mut [], |array| array.packed_mut().lines_mut())
}

/// What an update changes: weights, moments and, where there is one, the transposed copy. Each job has a part of its own.
struct Changed<'a, T> {
    /// `rows × cols` in packed lines.
    kept: Parts<'a, T>,
    /// In the same order; empty where the rule has none.
    first: Parts<'a, T>,
    second: Parts<'a, T>,
    /// `cols × rows`, empty where there is no copy.
    transpose: Parts<'a, T>,
    rows: usize,
    cols: usize,
}

impl<'a, T: Element> Changed<'a, T> {
    #[inline(always)]
    fn of(w: &'a mut Weights<T>, moments: &'a mut Moments<T>, step: &Step<T>) -> Result<Self, ShapeError> {
        check_moments(w, moments, step)?;
        let (rows, cols) = (w.kept.packed().rows(), w.kept.packed().cols());
        Ok(Self {
            kept: Parts::of(w.kept.packed_mut().lines_mut()),
            first: Parts::of(lines_of(&mut moments.first)),
            second: Parts::of(lines_of(&mut moments.second)),
            transpose: Parts::of(w.transposed.as_mut().map_or(&mut [], PackedB::lines_mut)),
            rows,
            cols,
        })
    }

    /// The weights as the output of a product.
    #[inline(always)]
    fn lines_of_kept(&self) -> Output<T> {
        Output::lines(self.kept.as_mut_ptr(), self.rows)
    }

    /// The optimiser's step of elements `range` of the lines by their gradient.
    ///
    /// # Safety
    /// Nobody else uses these elements of the weights and moments meanwhile.
    #[inline(always)]
    unsafe fn sweep(&self, by: impl Execute<T>, step: &Step<T>, range: Range<usize>, gradient: &[T]) {
        // SAFETY: this part of the weights is the caller's alone …
        let w = unsafe { self.kept.part(range.clone()) };
        // SAFETY: … and so it is of each array of moments.
        let first = unsafe { part_of_moments(&self.first, range.clone()) };
        // SAFETY: as above.
        let second = unsafe { part_of_moments(&self.second, range) };
        step.sweep(by, w, gradient, first, second);
    }

    /// Copies a block of the weights to the transpose. Rows and columns begin on lines.
    ///
    /// # Safety
    /// Nobody else uses this block of the weights meanwhile.
    #[inline(always)]
    unsafe fn copy_to_transpose(&self, by: impl Execute<T>, rows: Range<usize>, cols: Range<usize>) {
        if !self.transpose.is_empty() {
            let (from, to) = (self.lines_of_kept(), Output::lines(self.transpose.as_mut_ptr(), self.cols));
            // SAFETY: the copy is made in the transpose's shape, and nobody else uses this block of either (caller).
            by.kernel(unsafe { Transposition::new(from, to, rows, cols) });
        }
    }
}

/// A part of an array of moments; empty where the rule has none.
///
/// # Safety
/// As for a [part](Parts::part) of any slice.
#[inline(always)]
unsafe fn part_of_moments<'a, T>(moments: &Parts<'a, T>, range: Range<usize>) -> &'a mut [T] {
    if moments.is_empty() {
        return &mut [];
    }
    // SAFETY: nobody else uses it (caller).
    unsafe { moments.part(range) }
}

/// Copies all lines of a matrix to those of its transpose.
#[inline(always)]
pub(super) fn transpose<T: Element>(by: impl Execute<T>, from: &PackedB<T>, to: &mut PackedB<T>) {
    debug_assert_eq!((from.rows(), from.cols()), (to.cols(), to.rows()), "the shape of the transpose");
    // An empty matrix may have so many columns that to go through them takes years.
    if from.lines().is_empty() {
        return;
    }
    let (rows, cols) = (0..from.rows(), 0..from.cols());
    let from = Output::lines(from.lines().as_ptr().cast_mut(), rows.end);
    let to = Output::lines(to.lines_mut().as_mut_ptr(), cols.end);
    // SAFETY: both matrices are borrowed, one exclusively, and packed in these shapes.
    by.kernel(unsafe { Transposition::new(from, to, rows, cols) });
}
