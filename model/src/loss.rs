//! Which loss goes with which output, and which labels a loss takes.
//!
//! | output | `a2` | losses |
//! |---|---|---|
//! | [`Output::Linear`] | `z2` (S4) | [`Loss::HalfSquaredError`] (S5), [`Loss::SquaredError`] |
//! | [`Output::Sigmoid`] | `σ(z2)` (S4) | [`Loss::LogLoss`] (S12), and both squared errors (S10) |
//! | [`Output::Softmax`] | `softmax(z2)` | [`Loss::CrossEntropy`] |
//!
//! # What is minimised
//! **The mean over the rows of the batch of the row's loss**: every gradient is scaled by `1 / rows`, with the true
//! number of rows in a last, partial batch. The two conventions of squared error differ within a row:
//! [`Loss::HalfSquaredError`] is `½ Σ (y − a)²` with the gradient `a − y`; [`Loss::SquaredError`] is the mean
//! `Σ (y − a)² / outputs` with the gradient `2 (a − y) / outputs`, which after the mean over rows is PyTorch's `MSELoss`.

use crate::data::{Labels, Standardisation};
use crate::{Activation, Element, Error, Loss, Named, Targets, UnknownName};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// What the last layer's `z` becomes (S4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Output {
    /// `a = z`: any number.
    Linear,
    /// `a = σ(z)`: a probability each.
    Sigmoid,
    /// `a = softmax(z)`: probabilities that sum to 1.
    Softmax,
}

impl Output {
    /// The loss that this output is usually trained with.
    pub fn usual_loss(self) -> Loss {
        match self {
            Output::Linear => Loss::HalfSquaredError,
            Output::Sigmoid => Loss::LogLoss,
            Output::Softmax => Loss::CrossEntropy,
        }
    }
}

impl Named for Output {
    const WHAT: &'static str = "output";
    const ALL: &'static [Self] = &[Output::Linear, Output::Sigmoid, Output::Softmax];

    fn names(self) -> &'static [&'static str] {
        match self {
            Output::Linear => &["linear"],
            Output::Sigmoid => &["sigmoid"],
            Output::Softmax => &["softmax"],
        }
    }

    fn summary(self) -> Option<&'static str> {
        Some(match self {
            Output::Linear => "Itself: a number",
            Output::Sigmoid => "A probability of each class by itself",
            Output::Softmax => "Probabilities of classes that exclude each other",
        })
    }
}

impl fmt::Display for Output {
    /// The [name](Named::name).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Output {
    type Err = UnknownName;

    /// By [name](Named::named).
    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::named(name)
    }
}

/// The activation that runs on the last layer while training.
///
/// Squared errors look at `a2`. Log loss and cross-entropy look at `z2` itself: their gradient is `a2 − y` (S13), and from
/// `z2` it can be computed without ever rounding a probability to 0 or 1.
pub(crate) fn last_activation(loss: Loss, output: Output) -> Result<Activation, Error> {
    match (loss, output) {
        (Loss::HalfSquaredError | Loss::SquaredError, Output::Linear) => Ok(Activation::Identity), // S4
        (Loss::HalfSquaredError | Loss::SquaredError, Output::Sigmoid) => Ok(Activation::Sigmoid), // S4, S10
        (Loss::LogLoss, Output::Sigmoid) | (Loss::CrossEntropy, Output::Softmax) => Ok(Activation::Identity), // S13
        _ => Err(Error::Pairing {
            loss,
            output,
            advice: "squared errors take linear or sigmoid, log loss takes sigmoid, cross-entropy takes softmax",
        }),
    }
}

/// Labels in the form that one loss takes, for all rows of a data set.
pub(crate) enum Wanted<'a, T: Clone> {
    /// `rows × outputs`.
    Values(Cow<'a, [T]>),
    /// One a row.
    Classes(&'a [u32]),
}

impl<'a, T: Element> Wanted<'a, T> {
    /// Turns labels into what `loss` wants of `outputs` outputs: classes become 0 and 1 where a loss measures
    /// numbers, and `scale` (if the model has one) brings regression targets to the scale of the net.
    pub(crate) fn new(
        loss: Loss,
        (output, outputs): (Output, usize),
        labels: &'a Labels<T>,
        scale: Option<&Standardisation>,
    ) -> Result<Self, Error> {
        match (loss, labels) {
            (_, Labels::Classes { count: 1, .. }) => {
                Err(Error::Labels("all rows are of one class: there is nothing to tell apart".into()))
            }
            (Loss::CrossEntropy, Labels::Classes { classes, count }) => {
                fits(outputs == *count && outputs >= 2, *count, outputs)?;
                Ok(Wanted::Classes(classes))
            }
            (Loss::CrossEntropy, Labels::Values { .. }) => {
                Err(Error::Labels("cross-entropy takes class labels, but the data set has numbers".into()))
            }
            (_, Labels::Classes { classes, count }) => {
                fits(outputs == *count || (outputs == 1 && *count == 2), *count, outputs)?;
                if scale.is_some() {
                    let why = "the model standardises the numbers that it learns, but the data set has classes";
                    return Err(Error::Labels(why.into()));
                }
                Ok(Wanted::Values(Cow::Owned(indicator(classes, outputs))))
            }
            (_, Labels::Values { values, outputs: width }) => {
                if *width != outputs {
                    return Err(Error::Labels(format!(
                        "each row has {width} target values, but the model has {outputs} outputs"
                    )));
                }
                check_range(output, values, outputs)?;
                Ok(Wanted::Values(match scale {
                    Some(scale) => Cow::Owned(scale.applied_to_targets(values)?),
                    None => Cow::Borrowed(values),
                }))
            }
        }
    }

    /// All rows.
    pub(crate) fn targets(&self) -> Targets<'_, T> {
        match self {
            Wanted::Values(values) => Targets::Values(values),
            Wanted::Classes(classes) => Targets::Classes(classes),
        }
    }
}

/// Class labels against the number of outputs.
fn fits(ok: bool, classes: usize, outputs: usize) -> Result<(), Error> {
    if ok {
        return Ok(());
    }
    Err(Error::Labels(format!(
        "{classes} classes, but the model has {outputs} outputs (two classes may also share one sigmoid output)"
    )))
}

/// 1 where a row is of the class, else 0; with one output, the class itself.
fn indicator<T: Element>(classes: &[u32], outputs: usize) -> Vec<T> {
    let mut values = vec![T::ZERO; classes.len() * outputs];
    for (row, &class) in values.chunks_exact_mut(outputs).zip(classes) {
        match row {
            [one] => *one = T::from_f64(f64::from(class)),
            many => many[class as usize] = T::ONE,
        }
    }
    values
}

/// A sigmoid gives probabilities: log loss is defined for targets in `[0, 1]` alone, and to others no squared error comes near.
fn check_range<T: Element>(output: Output, values: &[T], outputs: usize) -> Result<(), Error> {
    if output != Output::Sigmoid {
        return Ok(());
    }
    let bad = |v: &T| !(T::ZERO..=T::ONE).contains(v);
    match values.iter().position(bad) {
        None => Ok(()),
        Some(i) => Err(Error::Probability { row: i / outputs, column: i % outputs, value: values[i].to_f64() }),
    }
}

/// Checks the targets of one batch, given directly, before any kernel sees them.
pub(crate) fn check_targets<T: Element>(
    loss: Loss,
    targets: &Targets<'_, T>,
    rows: usize,
    (output, outputs): (Output, usize),
) -> Result<(), Error> {
    match targets {
        Targets::Classes(classes) if loss == Loss::CrossEntropy => {
            Error::expect_len("class labels", rows, classes.len())?;
            check_classes(classes, outputs)
        }
        Targets::Values(values) if loss != Loss::CrossEntropy => {
            Error::expect_len("target values", rows * outputs, values.len())?;
            check_range(output, values, outputs)
        }
        _ => Err(Error::Labels("cross-entropy takes classes, every other loss takes values".into())),
    }
}

/// Every class must exist.
pub(crate) fn check_classes(classes: &[u32], count: usize) -> Result<(), Error> {
    match classes.iter().position(|&class| class as usize >= count) {
        None => Ok(()),
        Some(row) => Err(Error::Class { row, class: classes[row], classes: count }),
    }
}
