//! Nets of small layers: the equations of [`backprop`](crate::backprop), piece by piece of a batch.
//!
//! A small layer takes less time than a team takes to share it, or than a function takes to be entered on a tier. So a piece of
//! the batch goes through all layers, forward and back, on one thread and inside of one tier, and what it leaves stays in the cache
//! for what comes next. Pieces are shared by the team. Sums over the batch are made afterwards, layer by layer over all
//! pieces in their order, so that they do not depend on who did which.
//!
//! The gradient is small, too: it is kept whole and looked at before anything changes, instead of being applied tile by tile.

use crate::backprop::{errors_below, forward, last_errors};
use crate::workspace::{Cut, Piece, Slot, Workspace};
use crate::{Activation, Element, Layer, Loss, Targets};
use deltarule_kernels::dense::Sum;
use deltarule_kernels::isa::{Kernel, Simd};
use deltarule_kernels::{Gradient, Inside, MatRef, ShapeError, Team, dense};
use std::ops::Range;
use std::slice::{from_mut, from_ref};

/// A batch on its way through a net of small layers.
#[derive(Clone, Copy)]
pub(crate) struct Batch<'a, T> {
    pub(crate) layers: &'a [Layer<T>],
    pub(crate) loss: (Loss, Activation),
    pub(crate) x: MatRef<'a, T>,
    pub(crate) targets: Targets<'a, T>,
    pub(crate) cut: Cut,
}

impl<T: Element> Batch<'_, T> {
    /// The sum of the rows' losses; `work` holds the gradient of the mean afterwards.
    pub(crate) fn gradients(&self, team: &Team, work: &mut Workspace<T>) -> Result<f64, ShapeError> {
        let Workspace { pieces, losses, db, dw, .. } = work;
        let count = self.cut.pieces();
        if let [piece] = &mut pieces[..count] {
            return T::task(Task { batch: self, rows: Rows::Piece(0, piece), first: 0, dw, db });
        }
        let (pieces, losses) = (&mut pieces[..count], &mut losses[..count]);
        self.team(team, 2).run_pairs(pieces, losses, |i, piece, loss| {
            let rows = Rows::Piece(i, piece);
            *loss = T::task(Task { batch: self, rows, first: 0, dw: &mut [], db: &mut [] })?;
            Ok(())
        })?;
        let pieces = &*pieces;
        self.team(team, 1).run_pairs(dw, db, |first, dw, db| {
            let (rows, dw, db) = (Rows::All(pieces), from_mut(dw), from_mut(db));
            T::task(Task { batch: self, rows, first, dw, db }).map(|_| ())
        })?;
        Ok(losses.iter().sum())
    }

    /// The team, if so many products of all rows by all weights are worth it, else the caller alone.
    fn team<'t>(&self, team: &'t Team, products: usize) -> &'t Team {
        const ALONE: &Team = &Team::serial();
        let weights: usize = self.layers.iter().map(|layer| layer.inputs() * layer.outputs()).sum();
        if team.is_worth(products.saturating_mul(self.x.rows()).saturating_mul(weights)) { team } else { ALONE }
    }

    /// Forward with the rows of piece `i`, and the error of the last layer; the sum of the rows' losses.
    #[inline(always)]
    fn forward<S: Simd<T>>(&self, simd: S, i: usize, slots: &mut [Slot<T>]) -> Result<f64, ShapeError> {
        let (by, top, range) = (Inside(simd), self.layers.len() - 1, self.cut.rows_of(i));
        let rows = range.len();
        forward(by, self.layers, self.loss.1, self.x.rows_range(range.clone()), slots)?; // S1 – S4
        let targets = self.targets.rows(range, slots[top].outputs);
        // The mean over the rows is minimised.
        let mean = T::from_f64(1.0 / self.x.rows() as f64);
        Ok(last_errors(by, self.loss, targets, (rows, mean), &mut slots[top])) // S5, S6, S10 – S13
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

    /// `∂L/∂W` of layer `l` over all pieces.
    #[inline(always)]
    fn weights<S: Simd<T>>(
        &self,
        simd: S,
        pieces: &[Piece<T>],
        l: usize,
        dw: &mut Gradient<T>,
    ) -> Result<(), ShapeError> {
        for (i, piece) in pieces.iter().enumerate() {
            let range = self.cut.rows_of(i);
            let rows = range.len();
            let input = if l == 0 { self.x.rows_range(range) } else { piece.slots[l - 1].a(rows)? };
            let sum = if i == 0 { Sum::Begins } else { Sum::GoesOn };
            dense::backward_weights(Inside(simd), input, piece.slots[l].dz(rows)?, sum, dw)?; // S6, S9: dW = dz xᵀ
        }
        Ok(())
    }

    /// `∂L/∂b` of layer `l` over all pieces.
    #[inline(always)]
    fn bias(&self, pieces: &[Piece<T>], l: usize, db: &mut [T]) {
        db.fill(T::ZERO);
        for (i, piece) in pieces.iter().enumerate() {
            let blocks = self.cut.rows_of(i).len().div_ceil(dense::BIAS_ROWS);
            dense::add_bias_sums(&piece.bias_sums[l][..blocks * db.len()], db); // S7, S8
        }
    }
}

/// What one thread does inside of a tier: a piece's way through all layers, then the gradients of some, `first` and those behind
/// it; one or the other may be missing. A batch that is one piece needs no more than this.
pub(crate) struct Task<'a, T> {
    batch: &'a Batch<'a, T>,
    rows: Rows<'a, T>,
    first: usize,
    dw: &'a mut [Gradient<T>],
    db: &'a mut [Vec<T>],
}

/// Which rows of the batch a task is about.
enum Rows<'a, T> {
    /// Those of a piece, by its number, on their way through the layers.
    Piece(usize, &'a mut Piece<T>),
    /// All, whose pieces have been through.
    All(&'a [Piece<T>]),
}

impl<T: Element> Kernel<T> for Task<'_, T> {
    /// The sum of the losses of the rows that went through.
    type Output = Result<f64, ShapeError>;

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) -> Self::Output {
        let Self { batch, rows, first, dw, db } = self;
        let (mut total, mut made) = (0.0, 0..0);
        let pieces = match rows {
            Rows::Piece(i, piece) => {
                total = batch.forward(simd, i, &mut piece.slots)?;
                made = batch.back(simd, i, piece, dw)?;
                from_ref(piece)
            }
            Rows::All(pieces) => pieces,
        };
        for (l, (dw, db)) in (first..).zip(dw.iter_mut().zip(db)) {
            if !made.contains(&l) {
                batch.weights(simd, pieces, l, dw)?;
            }
            batch.bias(pieces, l, db);
        }
        Ok(total)
    }
}

/// The part of a layer's bias sums that `rows` rows take.
#[inline(always)]
fn sums_of<T>(sums: &mut [T], rows: usize, outputs: usize) -> &mut [T] {
    &mut sums[..rows.div_ceil(dense::BIAS_ROWS) * outputs]
}
