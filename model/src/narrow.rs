//! Nets of small layers: the equations of [`backprop`](crate::backprop), piece by piece of a batch.
//!
//! A small layer takes less time than a team takes to share it, or than a function takes to be entered on a tier. So a piece of
//! the batch goes through all layers, forward and back, on one thread and inside of one tier, and what it leaves stays in the cache
//! for what comes next: what it adds to the sums over the batch. Pieces are shared by the team. They go their way in any order, but
//! add to the sums in their own, so that those do not depend on who did which: see [`Team::run_in_order`].
//!
//! The gradient is small, too: it is kept whole and looked at before anything changes, instead of being applied tile by tile.

use crate::Element;
use crate::backprop::{Batch, errors_below, forward, last_errors};
use crate::workspace::{Piece, Slot, Workspace};
use deltarule_kernels::dense::Sum;
use deltarule_kernels::isa::{Kernel, Simd};
use deltarule_kernels::{Gradient, Inside, ShapeError, Team, dense};
use std::ops::Range;

impl<T: Element> Batch<'_, T> {
    /// The sum of the rows' losses; `work` holds the gradient of the mean afterwards.
    pub(crate) fn narrow(&self, team: &Team, work: &mut Workspace<T>) -> Result<f64, ShapeError> {
        let Workspace { pieces, db, dw, .. } = work;
        if self.cut.pieces() == 1 {
            return T::task(Task { batch: self, part: Part::Both, i: 0, piece: &mut pieces[0], dw, db });
        }
        let mut sums = (0.0, dw, db);
        // Three products of all rows by all weights.
        let weights: usize = self.layers.iter().map(|layer| layer.inputs() * layer.outputs()).sum();
        let work = weights.saturating_mul(3 * self.x.rows());
        let is_worth = team.is_worth(work);
        let by = if is_worth { team } else { const { &Team::serial() } };
        let done = by.run_in_order(
            self.cut.pieces(),
            pieces,
            &mut sums,
            |i, piece| T::task(Task { batch: self, part: Part::Way, i, piece, dw: &mut [], db: &mut [] }),
            |i, piece, loss, (total, dw, db)| {
                *total += loss;
                T::task(Task { batch: self, part: Part::Sums, i, piece, dw, db }).map(|_| ())
            },
        );
        if !is_worth {
            team.done_alone(work);
        }
        done.map(|()| sums.0)
    }

    /// Forward with the rows of piece `i`, and the error of the last layer; the sum of the rows' losses.
    #[inline(always)]
    fn forward<S: Simd<T>>(&self, simd: S, i: usize, slots: &mut [Slot<T>]) -> Result<f64, ShapeError> {
        let (by, top, range) = (Inside(simd), self.layers.len() - 1, self.cut.rows_of(i));
        let rows = range.len();
        forward(by, self.layers, self.loss.1, self.x.rows_range(range.clone()), slots)?; // S1 – S4
        let targets = self.targets.rows(range, slots[top].outputs);
        Ok(last_errors(by, self.loss, targets, (rows, self.mean()), &mut slots[top])) // S5, S6, S10 – S13
    }

    /// The errors of all other layers, and what they sum to. Says of which layers the gradient `dw` has been made on the way: where
    /// the last has a single output.
    #[inline(always)]
    fn back<S: Simd<T>>(
        &self,
        simd: S,
        i: usize,
        piece: &mut Piece<T>,
        dw: &mut [Gradient<T>],
    ) -> Result<Range<usize>, ShapeError> {
        let (by, rows) = (Inside(simd), self.cut.rows_of(i).len());
        let (mut top, mut count, mut made) = (self.layers.len() - 1, self.layers.len(), 0..0);
        if top > 0 && piece.slots[top].outputs == 1 && !dw.is_empty() {
            made = self.back_from_single(simd, piece, dw)?;
            (top, count) = (top - 1, top - 1);
        }
        errors_below(by, self.layers, top, rows, &mut piece.slots)?; // S8
        for (slot, sums) in piece.slots.iter().zip(&mut piece.bias_sums[..count]) {
            dense::bias_sums(by, slot.dz(rows)?, sums_of(sums, rows, slot.outputs))?; // S7, S8
        }
        Ok(made)
    }

    /// All that comes of the last layer's error, where it has a single output and the batch is one piece; the layers whose
    /// gradient that is.
    #[inline(always)]
    fn back_from_single<S: Simd<T>>(
        &self,
        simd: S,
        piece: &mut Piece<T>,
        dw: &mut [Gradient<T>],
    ) -> Result<Range<usize>, ShapeError> {
        let (top, rows) = (self.layers.len() - 1, self.x.rows());
        let below = top - 1;
        let (lower, upper) = piece.slots.split_at_mut(top);
        let (dw_below, dw) = dw.split_at_mut(top);
        let (sums_below, sums) = piece.bias_sums.split_at_mut(top);
        let sums_below = sums_of(&mut sums_below[below], rows, lower[below].outputs);
        let mut way = lower[below].below(rows, self.layers[below].activation, sums_below)?;
        let has_only_one = below == 0 && self.x.cols() == 1;
        if has_only_one {
            way.only = Some((self.x, &mut dw_below[0]));
        }
        let own = (&mut dw[0], sums_of(&mut sums[0], rows, 1));
        dense::backward_single(Inside(simd), upper[0].dz(rows)?, &self.layers[top].w, own, way)?; // S6 – S9
        Ok(if has_only_one { below } else { top }..top + 1)
    }

    /// What piece `i` adds to `∂L/∂W` of layer `l`.
    #[inline(always)]
    fn weights<S: Simd<T>>(
        &self,
        simd: S,
        i: usize,
        slots: &[Slot<T>],
        l: usize,
        dw: &mut Gradient<T>,
    ) -> Result<(), ShapeError> {
        let range = self.cut.rows_of(i);
        let rows = range.len();
        let input = if l == 0 { self.x.rows_range(range) } else { slots[l - 1].a(rows)? };
        let sum = if i == 0 { Sum::Begins } else { Sum::GoesOn };
        dense::backward_weights(Inside(simd), input, slots[l].dz(rows)?, sum, dw) // S6, S9: dW = dz xᵀ
    }

    /// What piece `i` adds to `∂L/∂b` of layer `l`.
    #[inline(always)]
    fn bias(&self, i: usize, sums: &[T], db: &mut [T]) {
        if i == 0 {
            db.fill(T::ZERO);
        }
        let blocks = self.cut.rows_of(i).len().div_ceil(dense::BIAS_ROWS);
        dense::add_bias_sums(&sums[..blocks * db.len()], db); // S7, S8
    }
}

/// What a thread does with a piece inside of a tier.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Its way through all layers, forward and back, at any time.
    Way,
    /// What it adds to the gradient, after the pieces before it.
    Sums,
    /// One after the other, where it is the whole batch.
    Both,
}

/// A piece of a batch, and the gradient.
pub(crate) struct Task<'a, T> {
    batch: &'a Batch<'a, T>,
    part: Part,
    i: usize,
    piece: &'a mut Piece<T>,
    dw: &'a mut [Gradient<T>],
    db: &'a mut [Vec<T>],
}

impl<T: Element> Kernel<T> for Task<'_, T> {
    /// The sum of the losses of the rows that went through.
    type Output = Result<f64, ShapeError>;

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) -> Self::Output {
        let Self { batch, part, i, piece, dw, db } = self;
        let (mut loss, mut made) = (0.0, 0..0);
        if part != Part::Sums {
            loss = batch.forward(simd, i, &mut piece.slots)?;
            made = batch.back(simd, i, piece, dw)?;
        }
        for (l, (dw, db)) in dw.iter_mut().zip(db).enumerate() {
            if !made.contains(&l) {
                batch.weights(simd, i, &piece.slots, l, dw)?;
            }
            batch.bias(i, &piece.bias_sums[l], db);
        }
        Ok(loss)
    }
}

/// The part of a layer's bias sums that `rows` rows take.
#[inline(always)]
fn sums_of<T>(sums: &mut [T], rows: usize, outputs: usize) -> &mut [T] {
    &mut sums[..rows.div_ceil(dense::BIAS_ROWS) * outputs]
}
