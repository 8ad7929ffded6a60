//! The update of the weights: as a pass of its own over a finished gradient, or inside the product that makes it.
//!
//! ```text
//!   xᵀ dz ──tile──▶ 96 × 64 of dW in L1 ──▶ optimiser ──▶ W (forward lines) ──▶ W (backward lines)
//!                                             ▲  moments
//! ```
//! Both ways run the same element-wise sweep on the same numbers, so they give the same bits. The plain delta rule of large layers takes a
//! shorter way yet: `W + (−η) dW`, the one operation of its sweep, is done to the tile's registers where dW would be stored.

use super::array::Array;
use super::backward::weights_product;
use super::{Gradient, Moments, Weights};
use crate::element::Element;
use crate::execute::{Compute, Execute};
use crate::gemm::{End, Output, PackedB, Place, Transposition};
use crate::machine::caches;
use crate::optimiser::Step;
use crate::view::{MatRef, ShapeError};
use std::ops::Range;

/// Rows of a batch that are one block of a product: a strip of B then stays in L2.
const ONE_BLOCK: usize = 512;

/// One optimiser step of `w` by a finished gradient.
///
/// # Errors
/// The gradient or the moments belong to weights of another shape; nothing is written then.
#[inline(always)]
pub fn update<T: Element>(
    by: impl Execute<T>,
    w: &mut Weights<T>,
    dw: &Gradient<T>,
    moments: &mut Moments<T>,
    step: &Step<T>,
) -> Result<(), ShapeError> {
    w.kept.expect_shape_of(&dw.lines)?;
    check_moments(w, moments)?;
    let (first, second) = (lines_of(&mut moments.first), lines_of(&mut moments.second));
    let (weights, gradient) = (w.kept.packed_mut().lines_mut(), dw.lines.packed().lines());
    step.sweep(by, weights, gradient, first, second);
    if let Some(turned) = &mut w.turned {
        transpose(by, w.kept.packed(), turned);
    }
    Ok(())
}

/// `dW = dzᵀ x` and the optimiser's step of `w`, without `dW` ever reaching memory. The bits are those of
/// [`backward_weights`](super::backward_weights) followed by [`update`].
///
/// # Errors
/// The shapes do not fit each other; nothing is written then.
#[inline(always)]
pub fn backward_update<T: Element, C: Compute<T>>(
    by: C,
    x: MatRef<'_, T>,
    dz: MatRef<'_, T>,
    w: &mut Weights<T>,
    moments: &mut Moments<T>,
    step: &Step<T>,
) -> Result<(), ShapeError> {
    check_moments(w, moments)?;
    let mut product = weights_product(x, dz, &w.kept)?;
    let (lines_rows, lines_cols) = (product.m, product.n);
    let kept = Lines::of(Some(w.kept.packed_mut()));
    let moment = |array: &mut Option<Array<T>>| Lines::of(array.as_mut().map(Array::packed_mut));
    let (first, second) = (moment(&mut moments.first), moment(&mut moments.second));
    let turned = Lines::of(w.turned.as_mut());
    // From beyond L1 the weights would be waited for (1024-4096-1024, batch 512: 92.7 → 89.9 ms a step; 784-512-512-10: 7.35 → 7.31).
    if kept.len * size_of::<T>() > caches().l1d {
        product.near = Output::lines(kept.data, lines_rows);
    }
    // The delta rule needs no look at the sums: they are added to the weights from the registers (784-128-10 on Zen 4, batch 32:
    // 126.8 → 121.5 µs a step; batch 128: 471.8 → 465.3; 1-16-1, whose weights are near: 0.54 → 0.59).
    let factor = if C::PLANNED && product.k <= ONE_BLOCK { step.factor() } else { None };
    let place = if let Some(factor) = factor {
        (product.c, product.end) = (Output::lines(kept.data, lines_rows), End::Onto(factor));
        Place::Memory
    } else {
        Place::Cache
    };
    // SAFETY: the views vouch for A and B; every block writes its own part of the weights and moments, which are borrowed
    // exclusively.
    let vouched = unsafe { product.vouched() };
    by.multiply(
        vouched,
        place,
        factor.is_none() || !turned.is_empty(),
        #[inline(always)]
        |block| {
            if factor.is_none() {
                for (l, g) in block.lines_of_c().enumerate() {
                    let at = (block.cols.start / T::LINE + l) * lines_rows + block.rows.start;
                    let range = at * T::LINE..at * T::LINE + g.len();
                    // SAFETY: these rows of this line belong to this block alone, in the weights …
                    let w = unsafe { kept.part(range.clone()) };
                    // SAFETY: … and in each array of moments.
                    let first = unsafe { first.part(range.clone()) };
                    // SAFETY: as above.
                    let second = unsafe { second.part(range) };
                    step.sweep(by, w, g, first, second);
                }
            }
            if !turned.is_empty() {
                let from = Output::lines(kept.data, lines_rows);
                let to = Output::lines(turned.data, lines_cols);
                by.kernel(Transposition { from, to, rows: block.rows, cols: block.cols });
            }
        },
    );
    Ok(())
}

fn check_moments<T: Element>(w: &Weights<T>, moments: &Moments<T>) -> Result<(), ShapeError> {
    for array in [&moments.first, &moments.second].into_iter().flatten() {
        w.kept.expect_shape_of(array)?;
    }
    Ok(())
}

fn lines_of<T: Element>(array: &mut Option<Array<T>>) -> &mut [T] {
    array.as_mut().map_or(&mut [], |array| array.packed_mut().lines_mut())
}

/// The lines of an array of which jobs change disjoint parts; empty where there is no array.
struct Lines<T> {
    data: *mut T,
    len: usize,
}

// SAFETY: whoever takes a part answers for its being disjoint from all others.
unsafe impl<T: Send> Sync for Lines<T> {}

impl<T: Element> Lines<T> {
    fn of(array: Option<&mut PackedB<T>>) -> Self {
        let lines = array.map_or(&mut [][..], PackedB::lines_mut);
        Self { data: lines.as_mut_ptr(), len: lines.len() }
    }

    fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// # Safety
    /// Nobody else uses this part meanwhile, and the array outlives it.
    #[expect(clippy::mut_from_ref, reason = "the parts are disjoint, as the caller vouches")]
    unsafe fn part(&self, range: Range<usize>) -> &mut [T] {
        if self.is_empty() {
            return &mut [];
        }
        assert!(range.end <= self.len, "a part inside the array");
        // SAFETY: inside the array, used by nobody else (caller).
        unsafe { std::slice::from_raw_parts_mut(self.data.wrapping_add(range.start), range.len()) }
    }
}

/// Copies all lines of a matrix to those of its transpose.
#[inline(always)]
pub(super) fn transpose<T: Element>(by: impl Execute<T>, from: &PackedB<T>, to: &mut PackedB<T>) {
    let (rows, cols) = (0..from.rows(), 0..from.cols());
    let from = Output::lines(from.lines().as_ptr().cast_mut(), rows.end);
    let to = Output::lines(to.lines_mut().as_mut_ptr(), cols.end);
    by.kernel(Transposition { from, to, rows, cols });
}
