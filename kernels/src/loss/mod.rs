//! Losses: the value of each row, and the gradient at the output layer, in one pass.
//!
//! | | row loss `L` | `∂L/∂` |
//! |---|---|---|
//! | [`Loss::HalfSquaredError`] | `½ Σ (y − a)²` | `a`: `a − y` |
//! | [`Loss::SquaredError`] | `(1/n) Σ (y − a)²` over the `n` outputs | `a`: `(2/n)(a − y)` |
//! | [`Loss::LogLoss`] | `Σ −[y ln σ(z) + (1 − y) ln(1 − σ(z))]` | `z`: `σ(z) − y` |
//! | [`Loss::CrossEntropy`] | `−ln softmax(z)_class` | `z`: `softmax(z) − 1_class` |
//!
//! The last two start from the logits, where no exponential overflows and nothing cancels. Rows are contiguous, row by row.
//! Terms are summed inside a row, and rows in `f64`, in the orders of `row`: the bits depend on the shape alone. A row's loss is a number of the
//! element type all the same: it is +∞ where its terms sum to more than there is, or logits are further apart than that (cross-entropy of
//! 3·10³⁸ and −3·10³⁸ in `f32`, class 1).

mod cross_entropy;
mod log_loss;
mod pointwise;
pub(crate) mod row;
mod squared_error;

use crate::element::Element;
use crate::execute::Execute;
use crate::names::{Named, UnknownName};
use cross_entropy::CrossEntropy;
use log_loss::LogLoss;
use pointwise::Pointwise;
use squared_error::{HalfSquaredError, SquaredError};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// What the outputs are compared with.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a, T> {
    /// A number for each output, row by row.
    Values(&'a [T]),
    /// The number of the right class, for each row.
    Classes(&'a [u32]),
}

impl<T> Targets<'_, T> {
    /// Those of some rows, of `outputs` numbers each where they are numbers.
    ///
    /// # Panics
    /// There are not so many rows.
    #[inline]
    pub fn rows(&self, rows: Range<usize>, outputs: usize) -> Targets<'_, T> {
        match self {
            Targets::Values(values) => Targets::Values(&values[rows.start * outputs..rows.end * outputs]),
            Targets::Classes(classes) => Targets::Classes(&classes[rows]),
        }
    }
}

/// How far the outputs are from the targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loss {
    /// `½ Σ (y − a)²`: its gradient is `a − y`.
    HalfSquaredError,
    /// The mean over the outputs of `(y − a)²`: its gradient has the factor 2 / outputs.
    SquaredError,
    /// Log loss of independent probabilities `σ(z)`, from the logits `z`, summed over the outputs; targets in [0, 1].
    LogLoss,
    /// Cross-entropy of one class out of many, from the logits.
    CrossEntropy,
}

impl Named for Loss {
    const WHAT: &'static str = "loss";
    const ALL: &'static [Self] = &[Self::HalfSquaredError, Self::SquaredError, Self::LogLoss, Self::CrossEntropy];

    fn names(self) -> &'static [&'static str] {
        match self {
            Self::HalfSquaredError => &["half-squared-error"],
            Self::SquaredError => &["squared-error", "mse"],
            Self::LogLoss => &["log-loss", "bce"],
            Self::CrossEntropy => &["cross-entropy", "ce"],
        }
    }

    fn summary(self) -> Option<&'static str> {
        Some(match self {
            Self::HalfSquaredError => "½ Σ (y − a)²",
            Self::SquaredError => "The mean of (y − a)² over the outputs",
            Self::LogLoss => "−[y log a + (1 − y) log(1 − a)], for two classes",
            Self::CrossEntropy => "−log of the true class's softmax",
        })
    }
}

impl fmt::Display for Loss {
    /// The [name](Named::name).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Loss {
    type Err = UnknownName;

    /// By [name](Named::named).
    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::named(name)
    }
}

impl Loss {
    /// The sum over the rows of the row losses. `out` holds the activations `a` for the squared errors, the logits `z`
    /// for the others.
    ///
    /// # Panics
    /// Lengths do not fit to rows of `outputs`, be there none; the targets are not of the loss's kind (classes for cross-entropy,
    /// values for the others), or a class is not below `outputs`. Nothing is written then.
    #[inline(always)]
    pub fn value<T: Element>(self, by: impl Execute<T>, out: &[T], targets: Targets<'_, T>, outputs: usize) -> f64 {
        self.pass(by, out, targets, outputs, None)
    }

    /// [`value`](Self::value), and `dz = scale · ∂L/∂out` of each row's own loss.
    ///
    /// # Panics
    /// As [`value`](Self::value) does.
    #[inline(always)]
    pub fn gradient<T: Element>(
        self,
        by: impl Execute<T>,
        out: &[T],
        targets: Targets<'_, T>,
        outputs: usize,
        scale: T,
        dz: &mut [T],
    ) -> f64 {
        assert_eq!(dz.len(), out.len(), "one derivative for each output");
        self.pass(by, out, targets, outputs, Some((scale, dz)))
    }

    #[inline(always)]
    fn pass<T: Element>(
        self,
        by: impl Execute<T>,
        out: &[T],
        targets: Targets<'_, T>,
        outputs: usize,
        gradient: Option<(T, &mut [T])>,
    ) -> f64 {
        assert!(out.len().is_multiple_of(outputs), "{} outputs are not rows of {outputs}", out.len());
        match (self, targets) {
            (Self::HalfSquaredError, Targets::Values(y)) => {
                by.kernel(Pointwise::new(HalfSquaredError, out, y, outputs, gradient))
            }
            (Self::SquaredError, Targets::Values(y)) => {
                by.kernel(Pointwise::new(SquaredError, out, y, outputs, gradient))
            }
            (Self::LogLoss, Targets::Values(y)) => by.kernel(Pointwise::new(LogLoss, out, y, outputs, gradient)),
            (Self::CrossEntropy, Targets::Classes(classes)) => {
                by.kernel(CrossEntropy::new(out, classes, outputs, gradient))
            }
            (Self::CrossEntropy, Targets::Values(_)) => panic!("cross-entropy takes classes, not values"),
            (_, Targets::Classes(_)) => panic!("{self:?} takes values, not classes"),
        }
    }
}

#[cfg(test)]
mod tests;
