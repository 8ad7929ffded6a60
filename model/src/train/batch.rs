//! A data set as the net learns from it, and one batch of its rows.
//!
//! Numbers are standardised once, for the whole run. Pixels stay bytes, and are standardised while the rows of a batch
//! are put together: that takes less time than to fetch four or eight times the bytes.

use crate::data::{Standardisation, check_finite_from};
use crate::loss::Wanted;
use crate::{Dataset, Element, Error, update};
use deltarule_kernels::{AlignedVec, MatRef, Rows, ShapeError, Stored, Team, gather_rows, read_rows};
use std::ops::Range;

/// Rows that are checked together.
const BLOCK: usize = 256;

/// A data set in the form that the net learns from, checked.
pub(super) struct Prepared<'a, T: Clone> {
    inputs: SeenRows<'a, T>,
    /// No input is so large that it could overflow a gradient.
    pub(super) x_is_small: bool,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Numbers to learn in a row, where they are numbers.
    pub(super) outputs: usize,
    pub(super) wanted: Wanted<'a, T>,
}

/// Rows that will be read again and again.
enum SeenRows<'a, T> {
    /// They are seen as they are stored.
    Plain(Rows<'a, T>),
    /// They are standardised already.
    Standardised(Vec<T>),
    /// They are standardised whenever they are read.
    ToStandardise(Rows<'a, T>, Standardisation),
}

impl<'a, T: Element> Prepared<'a, T> {
    /// Brings rows of data, to be standardised if the model does so, together with what is `wanted` of them.
    pub(super) fn new(
        data: &'a Dataset<T>,
        standardisation: Option<&Standardisation>,
        (wanted, outputs): (Wanted<'a, T>, usize),
        team: &Team,
    ) -> Result<Self, Error> {
        let (rows, columns) = (data.rows(), data.columns());
        let stored = data.stored();
        let inputs = match (standardisation, stored.numbers()) {
            (None, _) => SeenRows::Plain(stored),
            (Some(standardisation), Some(numbers)) => SeenRows::Standardised(standardisation.applied(numbers)?),
            (Some(standardisation), None) => SeenRows::ToStandardise(stored, standardisation.clone()),
        };
        let mut prepared = Self { inputs, x_is_small: true, rows, columns, outputs, wanted };
        prepared.x_is_small = prepared.are_small(team)?;
        Ok(prepared)
    }

    /// The inputs, to be read as the net sees them.
    fn inputs(&self) -> Result<Rows<'_, T>, ShapeError> {
        match &self.inputs {
            SeenRows::Plain(rows) => Ok(*rows),
            SeenRows::Standardised(numbers) => Ok(Rows::new(Stored::Numbers(numbers), self.columns)),
            SeenRows::ToStandardise(rows, standardisation) => standardisation.of_rows(*rows),
        }
    }

    /// Whether no input is large; one that is not finite, as it was read, is an error.
    fn are_small(&self, team: &Team) -> Result<bool, Error> {
        let inputs = self.inputs()?;
        match (&self.inputs, inputs.numbers()) {
            (_, Some(numbers)) => return Ok(update::are_small(team, numbers)),
            // Pixels lie between 0 and 1.
            (SeenRows::Plain(_), None) => return Ok(true),
            _ => {}
        }
        let mut block = vec![T::ZERO; BLOCK.min(self.rows) * self.columns];
        let mut small = true;
        for first in (0..self.rows).step_by(BLOCK) {
            let block = &mut block[..BLOCK.min(self.rows - first) * self.columns];
            read_rows(team, inputs, first, block)?;
            if !update::are_small(team, block) {
                check_finite_from(first, "standardised input", block, self.columns)?;
                small = false;
            }
        }
        Ok(small)
    }
}

/// The rows of one batch, gathered.
#[derive(Clone)]
pub(super) struct Batch<T> {
    /// The rows of the epoch.
    pub(super) order: Vec<u32>,
    /// Room for the largest batch so far, on lines: no store of a gathered row then crosses one (bytes of 128 × 784 pixels: 18 → 14 µs).
    x: AlignedVec<T>,
    pub(super) values: Vec<T>,
    pub(super) classes: Vec<u32>,
}

impl<T: Element> Batch<T> {
    pub(super) fn empty() -> Self {
        Self { order: Vec::new(), x: AlignedVec::new(), values: Vec::new(), classes: Vec::new() }
    }

    /// The inputs of `count` rows, as they were gathered last.
    pub(super) fn x(&self, count: usize, columns: usize) -> Result<MatRef<'_, T>, ShapeError> {
        MatRef::new(&self.x[..count * columns], count, columns)
    }

    /// Reads rows `range` of the order, inputs and labels.
    pub(super) fn gather(
        &mut self,
        team: &Team,
        data: &Prepared<'_, T>,
        range: Range<usize>,
    ) -> Result<(), ShapeError> {
        let next = &self.order[range.end..];
        let next = &next[..range.len().min(next.len())];
        let rows = &self.order[range];
        let len = rows.len() * data.columns;
        self.x.grow(len);
        gather_rows(team, data.inputs()?, (rows, next), &mut self.x[..len])?;
        match &data.wanted {
            Wanted::Values(y) => {
                self.values.resize(rows.len() * data.outputs, T::ZERO);
                gather_rows(team, Rows::new(Stored::Numbers(y), data.outputs), (rows, &[]), &mut self.values)
            }
            Wanted::Classes(y) => {
                self.classes.clear();
                self.classes.extend(rows.iter().map(|&row| y[row as usize]));
                Ok(())
            }
        }
    }
}
