//! The memory of a training step: allocated at the first step, then only used.
//!
//! With `B` rows in the largest batch, a layer of `n` outputs takes `2 s B` elements (`a` and `dz`), `s B` more where
//! its derivative needs `z`, and `n` for the bias gradient. `s` is the distance of rows, `n` but for hidden layers whose
//! rows would all begin in the same few sets of a cache: see [`batch_stride`]. The gradient of the weights takes memory only on the
//! gradient-first path (see [`update`](crate::update)); the fused path never stores it.

use crate::{Activation, Element, Layer};
use deltarule_kernels::dense::batch_stride;
use deltarule_kernels::{AlignedVec, Gradient, MatMut, MatRef, ShapeError};

/// What one layer leaves behind on the way forward, and receives on the way back.
#[derive(Clone)]
pub(crate) struct Slot<T> {
    outputs: usize,
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

/// Slots for every layer, and the gradients.
#[derive(Clone)]
pub(crate) struct Workspace<T> {
    pub(crate) slots: Vec<Slot<T>>,
    /// `∂L/∂b` of every layer.
    pub(crate) db: Vec<Vec<T>>,
    /// `∂L/∂W` of every layer, empty until the gradient-first path is taken.
    pub(crate) dw: Vec<Gradient<T>>,
}

impl<T: Element> Workspace<T> {
    /// For these layers; room for rows comes with [`reserve`](Self::reserve).
    pub(crate) fn new(layers: &[Layer<T>]) -> Self {
        let top = layers.len() - 1;
        let slot = |(l, layer): (usize, &Layer<T>)| Slot {
            outputs: layer.outputs(),
            // A loss reads the last layer's rows without gaps.
            stride: if l == top { layer.outputs() } else { batch_stride::<T>(layer.outputs()) },
            a: AlignedVec::new(),
            z: needs_z(layer.activation).then(AlignedVec::new),
            dz: AlignedVec::new(),
        };
        Self {
            slots: layers.iter().enumerate().map(slot).collect(),
            db: layers.iter().map(|l| vec![T::ZERO; l.outputs()]).collect(),
            dw: Vec::new(),
        }
    }

    /// Room for batches of up to `rows` rows.
    pub(crate) fn reserve(&mut self, rows: usize) {
        for slot in &mut self.slots {
            let len = rows * slot.stride;
            slot.a.grow(len);
            slot.dz.grow(len);
            if let Some(z) = &mut slot.z {
                z.grow(len);
            }
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
        let slot = |s: &Slot<T>| s.a.len() + s.dz.len() + s.z.as_ref().map_or(0, |z| z.len());
        let elements: usize = self.slots.iter().map(slot).sum::<usize>() + self.db.iter().map(Vec::len).sum::<usize>();
        elements * size_of::<T>()
    }
}

/// Whether `z` must be kept beside `a`.
fn needs_z(activation: Activation) -> bool {
    activation.needs_preactivation()
}
