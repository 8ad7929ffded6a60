//! The update of the weights: as a pass of its own over a finished gradient, or inside the product that makes it.
//!
//! ```text
//!   xᵀ dz ──tile──▶ 96 × 64 of dW in L1 ──▶ optimiser ──▶ W (forward lines) ──▶ W (backward lines)
//!                                             ▲  moments
//! ```
//! Both ways run the same element-wise sweep on the same numbers, so they give the same bits.

use super::backward::weights_product;
use super::{Gradient, Moments, Weights};
use crate::element::Element;
use crate::gemm::{Block, PackedB, Place, TileTable};
use crate::isa::Isa;
use crate::optimiser::Step;
use crate::team::Team;
use crate::view::{MatRef, ShapeError};
use std::ops::Range;

/// One optimiser step of `w` by a finished gradient.
///
/// # Errors
/// The gradient or the moments belong to weights of another shape; nothing is written then.
pub fn update<T: Element>(
    w: &mut Weights<T>,
    dw: &Gradient<T>,
    moments: &mut Moments<T>,
    step: &Step<T>,
) -> Result<(), ShapeError> {
    ShapeError::expect("the inputs of the gradient", w.inputs(), dw.lines.rows())?;
    ShapeError::expect("the outputs of the gradient", w.outputs(), dw.lines.cols())?;
    check_moments(w, moments)?;
    let (first, second) = (lines_of(&mut moments.first), lines_of(&mut moments.second));
    step.sweep(Isa::current(), w.forward.lines_mut(), dw.lines.lines(), first, second);
    if let Some(backward) = &mut w.backward {
        transpose(&w.forward, backward);
    }
    Ok(())
}

/// `dW = dzᵀ x` and the optimiser's step of `w`, without `dW` ever reaching memory. The bits are those of
/// [`backward_weights`](super::backward_weights) followed by [`update`].
///
/// # Errors
/// The shapes do not fit each other; nothing is written then.
pub fn backward_update<T: Element>(
    team: &Team,
    x: MatRef<'_, T>,
    dz: MatRef<'_, T>,
    w: &mut Weights<T>,
    moments: &mut Moments<T>,
    step: &Step<T>,
) -> Result<(), ShapeError> {
    check_moments(w, moments)?;
    let product = weights_product(x, dz, w.inputs(), w.outputs())?;
    let isa = Isa::current();
    let inputs = w.inputs();
    let forward = Lines::of(Some(&mut w.forward));
    let (first, second) = (Lines::of(moments.first.as_mut()), Lines::of(moments.second.as_mut()));
    let backward = Lines::of(w.backward.as_mut());
    let epilogue = |block: Block<T>| {
        for (l, g) in block.lines_of_c().enumerate() {
            let at = (block.cols.start / T::LINE + l) * inputs + block.rows.start;
            let range = at * T::LINE..at * T::LINE + g.len();
            // SAFETY: these rows of this line belong to this block alone, in the weights …
            let w = unsafe { forward.part(range.clone()) };
            // SAFETY: … and in each array of moments.
            let first = unsafe { first.part(range.clone()) };
            // SAFETY: as above.
            let second = unsafe { second.part(range) };
            step.sweep(isa, w, g, first, second);
        }
        if !backward.is_empty() {
            transpose_block(&forward, &backward, &block, inputs, product.n);
        }
    };
    // SAFETY: the views vouch for A and B; every block writes its own part of the weights and moments, which are borrowed
    // exclusively.
    unsafe { product.run(TileTable::current(), team, Place::Cache, &epilogue) };
    Ok(())
}

fn check_moments<T: Element>(w: &Weights<T>, moments: &Moments<T>) -> Result<(), ShapeError> {
    for array in [&moments.first, &moments.second].into_iter().flatten() {
        ShapeError::expect("the inputs of the optimiser's moments", w.inputs(), array.rows())?;
        ShapeError::expect("the outputs of the optimiser's moments", w.outputs(), array.cols())?;
    }
    Ok(())
}

fn lines_of<T: Element>(array: &mut Option<PackedB<T>>) -> &mut [T] {
    array.as_mut().map_or(&mut [], PackedB::lines_mut)
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

    /// One element.
    ///
    /// # Safety
    /// Nobody writes it meanwhile.
    unsafe fn get(&self, at: usize) -> T {
        debug_assert!(at < self.len, "inside the array");
        // SAFETY: inside the array, written by nobody meanwhile (caller).
        unsafe { *self.data.wrapping_add(at) }
    }
}

/// Copies one block of the forward lines (inputs × outputs) to the backward lines (outputs × inputs).
fn transpose_block<T: Element>(
    forward: &Lines<T>,
    backward: &Lines<T>,
    block: &Block<T>,
    inputs: usize,
    outputs: usize,
) {
    for first in block.rows.clone().step_by(T::LINE) {
        let rows = first..block.rows.end.min(first + T::LINE);
        for o in block.cols.clone() {
            let from = (o / T::LINE * inputs) * T::LINE + o % T::LINE;
            let to = (first / T::LINE * outputs + o) * T::LINE;
            // SAFETY: this piece of the backward lines belongs to this block alone.
            let to = unsafe { backward.part(to..to + rows.len()) };
            for (i, to) in rows.clone().zip(to) {
                // SAFETY: this weight belongs to this block, which has been updated.
                *to = unsafe { forward.get(from + i * T::LINE) };
            }
        }
    }
}

/// Copies all forward lines to the backward lines.
pub(super) fn transpose<T: Element>(forward: &PackedB<T>, backward: &mut PackedB<T>) {
    let (inputs, outputs) = (forward.rows(), forward.cols());
    let from = forward.lines();
    for (line, to) in backward.lines_mut().chunks_exact_mut((outputs * T::LINE).max(1)).enumerate() {
        let rows = line * T::LINE..inputs.min((line + 1) * T::LINE);
        for (o, to) in to.chunks_exact_mut(T::LINE).enumerate() {
            let column = (o / T::LINE * inputs) * T::LINE + o % T::LINE;
            for (i, to) in rows.clone().zip(to) {
                *to = from[column + i * T::LINE];
            }
        }
    }
}
