//! The memory of a training step: allocated at the first step, then only used.
//!
//! A batch goes through the layers whole; where all of them are small, in pieces of 64 to 512 rows, each through all layers
//! before the next, so that what one layer leaves is in L1 when another reads it:
//!
//! ```text
//!   layers    0   1   2  loss  2   1   0
//!   piece 0   ───────────▶ │ ◀───────────  ▷ dW, db   a and dz of its rows, then what they add to the sums
//!   piece 1   ───────────▶ │ ◀───────────  ▷ dW, db   the same, by whichever thread is free, but the sums in turn
//!      ⋮
//! ```
//!
//! With `B` rows in the largest piece there has been, a layer of `n` outputs takes `2 s B` elements (`a` and `dz`), and `s B` more where
//! its derivative needs `z`; that as often as there are threads, or pieces if they are fewer. `s` is the distance of rows, `n` but for
//! hidden layers whose rows would all begin in the same few sets of a cache: see [`batch_stride`]. The bias gradient takes `n`, and
//! where the layers are small another `n` for every 64 rows of such a `B`. The gradient of the weights takes memory only on the
//! gradient-first path (see [`update`](crate::update)), which small layers always take; the fused path never stores it.

use crate::{Activation, Element, Layer};
use deltarule_kernels::dense::{self, BIAS_ROWS, batch_stride};
use deltarule_kernels::{AlignedVec, Gradient, Inside, MatMut, MatRef, ShapeError, Team};
use std::num::NonZeroUsize;
use std::ops::Range;

/// Multiply-adds of a piece with all weights: enough to hide what every operation takes to begin, few enough to stay in the
/// nearest caches and to give every thread some pieces (4-32-16-4, 10,000 rows: 330 µs a step with 128 rows a piece, 326 with 256, 327
/// with 512; on two threads 173, 174 and 172).
const PIECE_WORK: usize = 400_000;
/// Rows of the largest piece.
const MOST_ROWS: usize = 512;

/// What one layer leaves behind on the way forward, and receives on the way back.
#[derive(Clone)]
pub(crate) struct Slot<T> {
    pub(crate) outputs: usize,
    /// Elements from one row to the next.
    stride: usize,
    /// `a`, rows of `stride`.
    pub(crate) a: AlignedVec<T>,
    /// `z`, where the derivative is computed from it.
    pub(crate) z: Option<AlignedVec<T>>,
    /// `∂L/∂z`
    pub(crate) dz: AlignedVec<T>,
}

/// Views are made in registers, at every layer of every step: through memory they would take longer than a small layer.
impl<T: Element> Slot<T> {
    /// `a` of the first `rows` rows.
    #[inline(always)]
    pub(crate) fn a(&self, rows: usize) -> Result<MatRef<'_, T>, ShapeError> {
        MatRef::with_row_stride(&self.a, rows, self.outputs, self.stride)
    }

    /// All numbers of `a` of the first `rows` rows, and the zeros between rows.
    pub(crate) fn a_with_gaps(&self, rows: usize) -> &[T] {
        &self.a[..rows * self.stride]
    }

    /// `∂L/∂z` of the first `rows` rows.
    #[inline(always)]
    pub(crate) fn dz(&self, rows: usize) -> Result<MatRef<'_, T>, ShapeError> {
        MatRef::with_row_stride(&self.dz, rows, self.outputs, self.stride)
    }

    /// What `g′` is computed from (`z`, or else `a`), and where `∂L/∂z` goes.
    #[inline(always)]
    pub(crate) fn kept_and_dz(&mut self, rows: usize) -> Result<(MatRef<'_, T>, MatMut<'_, T>), ShapeError> {
        let kept = self.z.as_ref().unwrap_or(&self.a);
        let (outputs, stride) = (self.outputs, self.stride);
        let kept = MatRef::with_row_stride(kept, rows, outputs, stride)?;
        Ok((kept, MatMut::with_row_stride(&mut self.dz, rows, outputs, stride)?))
    }

    /// What the way back through a layer of a single output finds here, below it: see [`dense::backward_single`].
    #[inline(always)]
    pub(crate) fn below<'a>(
        &'a mut self,
        rows: usize,
        activation: Activation,
        sums: &'a mut [T],
    ) -> Result<dense::Below<'a, T>, ShapeError> {
        let (outputs, stride) = (self.outputs, self.stride);
        let a = MatRef::with_row_stride(&self.a, rows, outputs, stride)?;
        let kept = MatRef::with_row_stride(self.z.as_ref().unwrap_or(&self.a), rows, outputs, stride)?;
        let dz = MatMut::with_row_stride(&mut self.dz, rows, outputs, stride)?;
        Ok(dense::Below { a, activation, kept, dz, sums, only: None })
    }

    /// Where `z` (if it is kept) and `a` go.
    #[inline(always)]
    pub(crate) fn z_and_a(&mut self, rows: usize) -> Result<(Option<MatMut<'_, T>>, MatMut<'_, T>), ShapeError> {
        let (outputs, stride) = (self.outputs, self.stride);
        let z = match &mut self.z {
            Some(z) => Some(MatMut::with_row_stride(z, rows, outputs, stride)?),
            None => None,
        };
        Ok((z, MatMut::with_row_stride(&mut self.a, rows, outputs, stride)?))
    }
}

/// Some rows of a batch on their way through all layers.
#[derive(Clone)]
pub(crate) struct Piece<T> {
    pub(crate) slots: Vec<Slot<T>>,
    /// The sums of `∂L/∂z` of every layer over each 64 rows, where the layers are small.
    pub(crate) bias_sums: Vec<Vec<T>>,
}

impl<T: Element> Piece<T> {
    fn new(layers: &[Layer<T>]) -> Self {
        let top = layers.len() - 1;
        let slot = |(l, layer): (usize, &Layer<T>)| Slot {
            outputs: layer.outputs(),
            // A loss reads the last layer's rows without gaps.
            stride: if l == top { layer.outputs() } else { batch_stride::<T>(layer.outputs()) },
            a: AlignedVec::new(),
            z: layer.activation.needs_preactivation().then(AlignedVec::new),
            dz: AlignedVec::new(),
        };
        let slots = layers.iter().enumerate().map(slot).collect();
        Self { slots, bias_sums: vec![Vec::new(); layers.len()] }
    }

    /// Room for up to `rows` rows.
    fn reserve(&mut self, rows: usize) {
        for slot in &mut self.slots {
            let len = rows * slot.stride;
            slot.a.grow(len);
            slot.dz.grow(len);
            if let Some(z) = &mut slot.z {
                z.grow(len);
            }
        }
    }

    /// Room for the sums of up to `rows` rows.
    fn reserve_sums(&mut self, rows: usize) {
        for (sums, slot) in self.bias_sums.iter_mut().zip(&self.slots) {
            sums.resize(rows.div_ceil(BIAS_ROWS) * slot.outputs, T::ZERO);
        }
    }

    /// Elements held.
    fn len(&self) -> usize {
        let slot = |s: &Slot<T>| s.a.len() + s.dz.len() + s.z.as_ref().map_or(0, |z| z.len());
        self.slots.iter().map(slot).sum::<usize>() + self.bias_sums.iter().map(Vec::len).sum::<usize>()
    }
}

/// How a batch is cut: decided by the layers and the number of rows alone, as some sums follow it.
#[derive(Clone, Copy)]
pub(crate) struct Cut {
    rows: usize,
    /// Rows of all pieces but the last, a multiple of 64; none where the layers are not small, and the batch is not cut.
    piece: Option<NonZeroUsize>,
}

impl Cut {
    /// The layers are small: see [`narrow`](crate::narrow).
    pub(crate) fn is_narrow(self) -> bool {
        self.piece.is_some()
    }

    pub(crate) fn pieces(self) -> usize {
        match self.piece {
            Some(piece) if self.rows > piece.get() => self.rows.div_ceil(piece.get()),
            _ => 1,
        }
    }

    /// The rows of piece `i`.
    pub(crate) fn rows_of(self, i: usize) -> Range<usize> {
        let Some(piece) = self.piece.map(NonZeroUsize::get) else { return 0..self.rows };
        i * piece..self.rows.min((i + 1) * piece)
    }
}

/// Room for pieces of a batch, and the gradients.
#[derive(Clone)]
pub(crate) struct Workspace<T> {
    /// As many as threads have worked on at once, at least one.
    pub(crate) pieces: Vec<Piece<T>>,
    /// `∂L/∂b` of every layer.
    pub(crate) db: Vec<Vec<T>>,
    /// `∂L/∂W` of every layer, empty until the gradient-first path is taken: by small layers always.
    pub(crate) dw: Vec<Gradient<T>>,
    /// Rows of the largest batch so far.
    rows: usize,
    /// Rows of a piece; none for layers that are not small.
    piece_rows: Option<NonZeroUsize>,
}

impl<T: Element> Workspace<T> {
    /// For these layers; room for rows comes with [`cut`](Self::cut).
    pub(crate) fn new(layers: &[Layer<T>]) -> Self {
        Self {
            pieces: vec![Piece::new(layers)],
            db: layers.iter().map(|l| vec![T::ZERO; l.outputs()]).collect(),
            dw: Vec::new(),
            rows: 0,
            piece_rows: piece_rows(layers),
        }
    }

    /// Cuts a batch of `rows` rows, at least one, and makes room for as many of its pieces as `threads` threads work on at once.
    pub(crate) fn cut(&mut self, layers: &[Layer<T>], rows: usize, threads: usize) -> Cut {
        let cut = Cut { rows, piece: self.piece_rows };
        let at_once = cut.pieces().min(threads).min(Team::MOST_PLACES);
        if rows > self.rows || at_once > self.pieces.len() {
            self.make_room(layers, cut, at_once);
        }
        cut
    }

    #[cold]
    fn make_room(&mut self, layers: &[Layer<T>], cut: Cut, at_once: usize) {
        self.rows = self.rows.max(cut.rows);
        let largest = Cut { rows: self.rows, ..cut }.rows_of(0).len();
        self.pieces.resize_with(at_once.max(self.pieces.len()), || Piece::new(layers));
        for piece in &mut self.pieces {
            piece.reserve(largest);
            if cut.is_narrow() {
                piece.reserve_sums(largest);
            }
        }
        if cut.is_narrow() {
            self.reserve_gradients(layers);
        }
    }

    /// Room for the gradients of the weights.
    pub(crate) fn reserve_gradients(&mut self, layers: &[Layer<T>]) {
        if self.dw.is_empty() {
            self.dw = layers.iter().map(|l| Gradient::zeros_like(&l.w)).collect();
        }
    }

    /// The bytes held for activations and errors: the formula at the top of this file.
    pub(crate) fn bytes(&self) -> usize {
        let pieces = self.pieces.iter().map(Piece::len).sum::<usize>();
        (pieces + self.db.iter().map(Vec::len).sum::<usize>()) * size_of::<T>()
    }
}

/// Rows of a piece, a multiple of those that bias gradients are summed by; none where the layers are not small.
fn piece_rows<T: Element>(layers: &[Layer<T>]) -> Option<NonZeroUsize> {
    if !layers.iter().all(|layer| Inside::suits(layer.inputs(), layer.outputs())) {
        return None;
    }
    let weights: usize = layers.iter().map(|layer| layer.inputs() * layer.outputs()).sum();
    NonZeroUsize::new((PIECE_WORK / weights.max(1) / BIAS_ROWS * BIAS_ROWS).clamp(BIAS_ROWS, MOST_ROWS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mlp;

    /// Losses are summed up by pieces: other rows a piece are other bits.
    #[test]
    fn rows_of_a_piece() {
        for (inputs, rows) in [(1, 512), (781, 512), (782, 448), (2083, 192), (2084, 128), (6000, 64), (7000, 0)] {
            let model = Mlp::<f32>::builder(&[inputs, 1]).build().expect("widths");
            assert_eq!(piece_rows(&model.layers), NonZeroUsize::new(rows), "{inputs} weights");
        }
    }
}
