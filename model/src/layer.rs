//! One layer: `a = g(W x + b)`.

use crate::{Activation, Element, Error};
use deltarule_kernels::{MatRef, Weights};
use std::fmt;

/// Weights, bias and activation of one layer.
///
/// `W` is `outputs × inputs`, as in the equations and in PyTorch's `nn.Linear`. Inside it lives packed, in the layout
/// that the products read.
#[derive(Clone)]
pub struct Layer<T> {
    pub(crate) w: Weights<T>,
    pub(crate) b: Vec<T>,
    pub(crate) activation: Activation,
}

impl<T: Element> Layer<T> {
    /// A layer from the rows of `W`. The first layer of a net sends no error further down, so it keeps no transpose.
    pub(crate) fn new(
        inputs: usize,
        outputs: usize,
        weights: &[T],
        bias: &[T],
        activation: Activation,
        first: bool,
    ) -> Result<Self, Error> {
        let count = inputs.checked_mul(outputs).ok_or_else(|| {
            Error::Architecture(format!("a layer of {outputs} × {inputs} weights is larger than memory"))
        })?;
        Error::expect_len("weights of a layer", count, weights.len())?;
        Error::expect_len("bias of a layer", outputs, bias.len())?;
        let rows = MatRef::new(weights, outputs, inputs)?;
        Ok(Self { w: Weights::from_rows(rows, !first), b: bias.to_vec(), activation })
    }

    /// The same layer with numbers of another type; `first` as for [`new`](Self::new).
    pub(crate) fn cast<U: Element>(&self, first: bool) -> Layer<U> {
        let b = self.b.iter().map(|b| U::from_f64(b.to_f64())).collect();
        Layer { w: self.w.cast(!first), b, activation: self.activation }
    }

    /// How many numbers come in.
    pub fn inputs(&self) -> usize {
        self.w.inputs()
    }

    /// How many numbers go out.
    pub fn outputs(&self) -> usize {
        self.w.outputs()
    }

    /// Weights and biases together.
    pub(crate) fn parameters(&self) -> usize {
        (self.inputs() + 1) * self.outputs()
    }

    /// `W`, `outputs × inputs`, row by row.
    pub fn weights(&self) -> Vec<T> {
        self.w.to_rows()
    }

    /// `b`, one number an output.
    pub fn bias(&self) -> &[T] {
        &self.b
    }

    /// The `g` of `a = g(z)`. The last layer says [`Activation::Identity`]: its activation is the model's
    /// [`Output`](crate::Output).
    pub fn activation(&self) -> Activation {
        self.activation
    }
}

impl<T: Element> fmt::Debug for Layer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer")
            .field("inputs", &self.inputs())
            .field("outputs", &self.outputs())
            .field("activation", &self.activation)
            .finish_non_exhaustive()
    }
}
