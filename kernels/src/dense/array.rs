//! The order in which a layer keeps what there is one of for each weight: the weights, a gradient, the optimiser's moments.
//!
//! ```text
//!   by inputs: packed lines, inputs × outputs             by outputs: packed lines, outputs × inputs
//!   ┌─────────┐┌─────────┐                                ┌─────────┐┌─────────┐
//!   │ o 0…15  ││ o 16…31 │ …  one row an input            │ i 0…15  ││ i 16…31 │ …  one row an output
//!   └─────────┘└─────────┘                                └─────────┘└─────────┘
//! ```
//! By inputs is what `x Wᵀ` reads; by outputs is what `dz W` reads. The gradient is made in the order that is kept, so where outputs
//! would leave most of a line empty, and inputs would not, it is by outputs: with 4 of them the product takes a
//! quarter of the multiplications then (4-32-16-4, 10,000 rows: 353 → 333 µs a step).
//! A single output by outputs is a row, its own transpose: what `x Wᵀ` and `dz W` need are the same numbers in the same order, so
//! one copy serves both.

use crate::element::Element;
use crate::gemm::PackedB;
use crate::view::{MatRef, ShapeError};
use std::ops::Range;

/// One number for each weight of a layer.
#[derive(Clone, Debug)]
pub(super) struct Array<T> {
    lines: PackedB<T>,
    inputs: usize,
    outputs: usize,
    by_outputs: bool,
}

impl<T: Element> Array<T> {
    pub(super) fn zeros(inputs: usize, outputs: usize) -> Self {
        let by_outputs = outputs == 1 || fills_lines_better::<T>(inputs, outputs);
        let (rows, cols) = if by_outputs { (outputs, inputs) } else { (inputs, outputs) };
        Self { lines: PackedB::zeros(rows, cols), inputs, outputs, by_outputs }
    }

    pub(super) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Kept as outputs × inputs.
    pub(super) fn is_by_outputs(&self) -> bool {
        self.by_outputs
    }

    /// A single output, kept as a row.
    pub(super) fn is_row(&self) -> bool {
        self.outputs == 1
    }

    /// Input `i`, output `o`.
    ///
    /// # Panics
    /// Outside the shape.
    pub(super) fn get(&self, i: usize, o: usize) -> T {
        if self.is_by_outputs() { self.lines.get(o, i) } else { self.lines.get(i, o) }
    }

    /// Changes input `i`, output `o`.
    ///
    /// # Panics
    /// Outside the shape.
    pub(super) fn put(&mut self, i: usize, o: usize, value: T) {
        if self.is_by_outputs() { self.lines.put(o, i, value) } else { self.lines.put(i, o, value) }
    }

    /// All outputs that there is something for: an empty layer may be of any width.
    fn outputs_with_inputs(&self) -> Range<usize> {
        0..if self.inputs == 0 { 0 } else { self.outputs }
    }

    /// A copy, outputs × inputs, row by row.
    pub(super) fn to_rows(&self) -> Vec<T> {
        let mut rows = Vec::with_capacity(self.inputs * self.outputs);
        for o in self.outputs_with_inputs() {
            rows.extend((0..self.inputs).map(|i| self.get(i, o)));
        }
        rows
    }

    /// The same numbers in another type, whose lines may be longer or shorter, and in the order that suits those.
    pub(super) fn cast<U: Element>(&self) -> Array<U> {
        let mut array = Array::zeros(self.inputs, self.outputs);
        for o in self.outputs_with_inputs() {
            for i in 0..self.inputs {
                array.put(i, o, U::from_f64(self.get(i, o).to_f64()));
            }
        }
        array
    }

    /// Replaces everything by `values`, outputs × inputs, without allocating.
    ///
    /// # Errors
    /// `values` has another shape.
    pub(super) fn set(&mut self, values: MatRef<'_, T>) -> Result<(), ShapeError> {
        ShapeError::expect("the outputs of a layer's weights", self.outputs, values.rows())?;
        ShapeError::expect("the inputs of a layer's weights", self.inputs, values.cols())?;
        self.lines.set(if self.is_by_outputs() { values } else { values.t() })
    }

    /// The packed lines.
    pub(super) fn packed(&self) -> &PackedB<T> {
        &self.lines
    }

    /// The packed lines to write; what padding holds reaches no result.
    pub(super) fn packed_mut(&mut self) -> &mut PackedB<T> {
        &mut self.lines
    }

    /// `other` goes with the same layer.
    ///
    /// # Errors
    /// It does not.
    pub(super) fn expect_shape_of(&self, other: &Self) -> Result<(), ShapeError> {
        ShapeError::expect("the inputs of a layer's weights", self.inputs, other.inputs)?;
        ShapeError::expect("the outputs of a layer's weights", self.outputs, other.outputs)
    }
}

/// Whether outputs × inputs takes fewer vectors than inputs × outputs by a quarter, or no more and better tiles.
fn fills_lines_better<T: Element>(inputs: usize, outputs: usize) -> bool {
    // An empty layer may be of any width.
    let fewer = outputs.saturating_mul(inputs.div_ceil(T::LINE)).saturating_mul(4) <= inputs.saturating_mul(3);
    outputs <= T::LINE && (fewer || inputs >= 2 * T::LINE)
}
