//! Nets whose layers are not all small: the equations of [`backprop`](crate::backprop), with the whole batch, each product shared by
//! the team.

use crate::backprop::{Batch, bias_gradients, errors_below, forward, last_errors, weight_gradients};
use crate::workspace::Workspace;
use crate::{Element, update};
use deltarule_kernels::{ShapeError, Team};

/// What the way forward and back has found.
pub(crate) struct Passed {
    /// The sum of the rows' losses.
    pub(crate) total: f64,
    /// Every `∂L/∂z` is known to be [small](update::small).
    pub(crate) errors_are_small: bool,
}

impl<T: Element> Batch<'_, T> {
    /// Forward and back, but for the gradients of the weights: `work` holds every layer's error and bias gradient afterwards.
    pub(crate) fn whole(&self, team: &Team, work: &mut Workspace<T>) -> Result<Passed, ShapeError> {
        let (rows, top) = (self.x.rows(), self.layers.len() - 1);
        let Workspace { pieces, db, .. } = work;
        let slots = &mut pieces[0].slots;
        forward(team, self.layers, self.loss.1, self.x, slots)?; // S1 – S4
        let total = last_errors(team, self.loss, self.targets, (rows, self.mean()), &mut slots[top]); // S5, S6, S10 – S13
        errors_below(team, self.layers, top, rows, slots)?; // S8
        let errors_are_small = bias_gradients(team, rows, update::small(), slots, db)?; // S7, S8
        Ok(Passed { total, errors_are_small })
    }

    /// The gradients of the weights, from what [`whole`](Self::whole) has left in `work`.
    pub(crate) fn whole_weights(&self, team: &Team, work: &mut Workspace<T>) -> Result<(), ShapeError> {
        work.reserve_gradients(self.layers);
        weight_gradients(team, self.x, &work.pieces[0].slots, &mut work.dw) // S6, S9
    }
}
