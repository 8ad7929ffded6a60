//! Data: rows of inputs with labels, checked once, so that everything after can rely on them.

mod inputs;
mod split;
mod standardise;

pub use split::HeldOut;
pub use standardise::Standardisation;

use crate::{Element, Error, loss};
use deltarule_kernels::Rows;
use inputs::Inputs;
use std::borrow::Cow;

/// Rows of inputs and what is to be learnt about them.
///
/// Whoever holds one knows: at least one row and one column, every number finite, every class in range. Images may stay
/// the bytes that they are on disk ([`with_pixels`](Self::with_pixels)): training and evaluation read them so, with the
/// bits of the numbers that they stand for.
///
/// ```
/// use deltarule::Dataset;
/// let data = Dataset::with_classes(vec![0.0f32, 1.0, 2.0, 3.0], 2, vec![0, 1], 2)?;
/// assert_eq!((data.rows(), data.columns()), (2, 2));
/// let error = Dataset::with_values(vec![0.0f32, f32::NAN], 2, vec![1.0], 1).unwrap_err();
/// assert!(error.to_string().starts_with("row 0, column 1: the input is NaN"));
/// # Ok::<(), deltarule::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset<T> {
    x: Inputs<T>,
    rows: usize,
    columns: usize,
    labels: Labels<T>,
}

/// What is known of each row.
#[derive(Clone, Debug, PartialEq)]
pub enum Labels<T> {
    /// Numbers: `rows × outputs`, row by row.
    Values {
        /// The numbers.
        values: Vec<T>,
        /// How many a row has.
        outputs: usize,
    },
    /// A class: one of `0..count` a row.
    Classes {
        /// The classes.
        classes: Vec<u32>,
        /// How many classes there are.
        count: usize,
    },
}

impl<T: Element> Dataset<T> {
    /// Inputs row by row, `columns` to a row, with numbers to learn, `outputs` to a row.
    ///
    /// # Errors
    /// No rows, lengths that do not fit, or a NaN or infinity, named by row and column.
    pub fn with_values(x: Vec<T>, columns: usize, values: Vec<T>, outputs: usize) -> Result<Self, Error> {
        Self::new(x, columns, Labels::Values { values, outputs })
    }

    /// Inputs row by row, `columns` to a row, with the class of each row.
    ///
    /// # Errors
    /// No rows, lengths that do not fit, a class that is not below `count`, or a NaN or infinity, named by row and
    /// column.
    pub fn with_classes(x: Vec<T>, columns: usize, classes: Vec<u32>, count: usize) -> Result<Self, Error> {
        Self::new(x, columns, Labels::Classes { classes, count })
    }

    /// Inputs row by row, with labels of either kind.
    ///
    /// # Errors
    /// See [`Dataset::with_values`] and [`Dataset::with_classes`].
    pub fn new(x: Vec<T>, columns: usize, labels: Labels<T>) -> Result<Self, Error> {
        Self::checked(Inputs::Numbers(x), columns, labels)
    }

    /// Images row by row, `columns` pixels to a row, a byte `b` for the number `b / 255`; with labels of either kind.
    ///
    /// Everything that is done with the data has the bits that it has with those numbers in their place, and an epoch
    /// of training takes less time, for a batch is a quarter of the memory to fetch (of `f32`).
    ///
    /// ```
    /// use deltarule::{Dataset, Labels};
    /// let labels = Labels::Classes { classes: vec![0, 1], count: 2 };
    /// let images = Dataset::<f32>::with_pixels(vec![0, 255, 51, 0], 2, labels)?;
    /// assert_eq!(*images.x(), [0.0, 1.0, 0.2, 0.0]);
    /// # Ok::<(), deltarule::Error>(())
    /// ```
    ///
    /// # Errors
    /// See [`Dataset::with_values`] and [`Dataset::with_classes`].
    pub fn with_pixels(pixels: Vec<u8>, columns: usize, labels: Labels<T>) -> Result<Self, Error> {
        Self::checked(Inputs::Pixels(pixels), columns, labels)
    }

    fn checked(x: Inputs<T>, columns: usize, labels: Labels<T>) -> Result<Self, Error> {
        if columns == 0 {
            return Err(Error::Empty("columns"));
        }
        let rows = x.len() / columns;
        if rows == 0 {
            return Err(Error::Empty("rows"));
        }
        Error::expect_len("inputs (a multiple of the columns)", rows * columns, x.len())?;
        if let Inputs::Numbers(x) = &x {
            check_finite("input", x, columns)?;
        }
        match &labels {
            Labels::Values { outputs: 0, .. } => return Err(Error::Empty("target columns")),
            Labels::Values { values, outputs } => {
                let expected = rows.saturating_mul(*outputs);
                Error::expect_len("target values", expected, values.len())?;
                check_finite("target", values, *outputs)?;
            }
            Labels::Classes { classes, count } => {
                Error::expect_len("class labels", rows, classes.len())?;
                loss::check_classes(classes, *count)?;
            }
        }
        Ok(Self { x, rows, columns, labels })
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many inputs a row has.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// All inputs, row by row; of pixels a copy in numbers.
    pub fn x(&self) -> Cow<'_, [T]> {
        self.x.numbers(0..self.rows * self.columns)
    }

    /// The inputs of one row; of pixels a copy in numbers.
    ///
    /// # Panics
    /// There is no such row.
    pub fn row(&self, row: usize) -> Cow<'_, [T]> {
        self.x.numbers(row * self.columns..(row + 1) * self.columns)
    }

    /// The rows as they are stored.
    pub(crate) fn stored(&self) -> Rows<'_, T> {
        Rows::new(self.x.stored(), self.columns)
    }

    /// What is known of the rows.
    pub fn labels(&self) -> &Labels<T> {
        &self.labels
    }

    /// The rows of these numbers, in this order.
    ///
    /// # Errors
    /// No rows are asked for.
    ///
    /// # Panics
    /// One of the rows does not exist.
    pub fn select(&self, rows: &[usize]) -> Result<Self, Error> {
        if rows.is_empty() {
            return Err(Error::Empty("rows"));
        }
        let x = self.x.select(rows, self.columns);
        let labels = match &self.labels {
            Labels::Classes { classes, count } => {
                Labels::Classes { classes: rows.iter().map(|&row| classes[row]).collect(), count: *count }
            }
            Labels::Values { values, outputs } => Labels::Values {
                values: rows.iter().flat_map(|&row| &values[row * outputs..(row + 1) * outputs]).copied().collect(),
                outputs: *outputs,
            },
        };
        Ok(Self { x, rows: rows.len(), columns: self.columns, labels })
    }
}

/// Names the first number that is none.
pub(crate) fn check_finite<T: Element>(what: &'static str, values: &[T], columns: usize) -> Result<(), Error> {
    check_finite_from(0, what, values, columns)
}

/// The same for rows of which the first is row `first` of the data set.
pub(crate) fn check_finite_from<T: Element>(
    first: usize,
    what: &'static str,
    values: &[T],
    columns: usize,
) -> Result<(), Error> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(i) => {
            let (row, column) = (first + i / columns, i % columns);
            Err(Error::NotANumber { what, row, column, value: values[i].to_f64() })
        }
    }
}
