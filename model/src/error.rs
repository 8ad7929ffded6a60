//! What can go wrong, in words that say what was wrong, where, and what to do about it.
//!
//! Rows and columns are counted from 0 throughout.

use crate::{Loss, Output, UnknownName, file::FileError};
use deltarule_kernels::ShapeError;
use std::path::PathBuf;

/// Everything that this crate reports. Nothing here is a panic, and what is wrong with settings, data or files is reported before a weight changes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Shapes that do not fit, found by the kernels.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// Layer widths, names or parameters that make no network.
    #[error("this makes no network: {0}")]
    Architecture(String),
    /// A setting outside its range.
    #[error("{name} = {value} is out of range: it must be {range}")]
    Setting {
        /// Which setting.
        name: &'static str,
        /// What it was set to.
        value: String,
        /// What it may be.
        range: &'static str,
    },
    /// A name that no activation, loss, rule, output or initialiser has.
    #[error(transparent)]
    Name(#[from] UnknownName),
    /// A slice whose length does not fit.
    #[error("{what}: expected {expected} values, but got {found}")]
    Length {
        /// Which slice.
        what: &'static str,
        /// The length it should have.
        expected: usize,
        /// The length it has.
        found: usize,
    },
    /// Data without a single row or column.
    #[error("the data set has no {0}; there is nothing to learn from")]
    Empty(&'static str),
    /// A NaN or an infinity in the data.
    #[error("row {row}, column {column}: the {what} is {value}; {}", advice_on(what))]
    NotANumber {
        /// `"input"` or `"target"`; where it was a number before: `"standardised input"` or `"standardised target"`.
        what: &'static str,
        /// Row of the data set, be it the one to learn from or the one to validate on, or of the batch that was given.
        row: usize,
        /// Column of the inputs or of the targets.
        column: usize,
        /// NaN, inf or −inf.
        value: f64,
    },
    /// A class label that is no class.
    #[error("row {row}: class {class} does not exist; with {classes} classes they are 0 to {}", classes.saturating_sub(1))]
    Class {
        /// Row of the data set.
        row: usize,
        /// The label found.
        class: u32,
        /// How many classes there are.
        classes: usize,
    },
    /// A target that is no probability, where the output is one.
    #[error(
        "row {row}, column {column}: the target is {value}, but a sigmoid output is a probability: it must lie between 0 and 1"
    )]
    Probability {
        /// Row of the data set.
        row: usize,
        /// Column of the targets.
        column: usize,
        /// The target found.
        value: f64,
    },
    /// A loss and an output that do not go together.
    #[error("{loss:?} does not go with {output:?} output; {advice}")]
    Pairing {
        /// The loss asked for.
        loss: Loss,
        /// The model's output.
        output: Output,
        /// What goes together.
        advice: &'static str,
    },
    /// Labels of a kind or width that the loss or the model cannot use.
    #[error("the labels do not fit: {0}")]
    Labels(String),
    /// A loss or gradient that is NaN or infinite, or a gradient [too large](deltarule_kernels::Rule::largest_gradient) for the update to be
    /// finite; the weights are those before the batch.
    #[error(
        "epoch {epoch}, batch {batch}: the {what} is not finite{}; the weights are as they were before this batch. \
         Lower the learning rate, clip the gradient, or standardise the inputs",
        or_too_large(what)
    )]
    NonFinite {
        /// `"loss"` or `"gradient"`.
        what: &'static str,
        /// Epoch, from 0.
        epoch: u64,
        /// Batch within the epoch, from 0.
        batch: u64,
    },
    /// A file that could not be read or written.
    #[error("{}: {problem}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What was wrong with it.
        #[source]
        problem: FileError,
    },
    /// Bytes in memory that are no model.
    #[error("model bytes: {0}")]
    Bytes(#[from] FileError),
}

/// What to do about a number that is none, and whether it was one in the data.
fn advice_on(what: &str) -> &'static str {
    match what.starts_with("standardised") {
        true => "the number is too large beside the column's deviation: rescale the column, or use f64",
        false => "fill or drop missing values before training",
    }
}

/// What is refused of a gradient that may itself be finite.
fn or_too_large(what: &str) -> &'static str {
    match what {
        "gradient" => ", or too large for the update to be",
        _ => "",
    }
}

impl Error {
    /// `Ok` where `found == expected`, else an [`Error::Length`].
    pub(crate) fn expect_len(what: &'static str, expected: usize, found: usize) -> Result<(), Error> {
        if found == expected {
            return Ok(());
        }
        Err(Error::Length { what, expected, found })
    }

    /// An [`Error::Setting`].
    pub(crate) fn setting(name: &'static str, value: impl std::fmt::Display, range: &'static str) -> Error {
        Error::Setting { name, value: value.to_string(), range }
    }
}
