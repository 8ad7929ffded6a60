//! Bringing columns to mean 0 and deviation 1, with numbers that are stored with the model.
//!
//! Mean and deviation are computed in `f64`, row after row, whatever the element type. What is kept is what is
//! used: `x' = (x − mean) · scale` with `scale = 1 / deviation`. A column that never changes has the scale 0: it
//! said nothing in training, and so it says nothing later.

use super::{Dataset, Labels};
use crate::{Element, Error};
use deltarule_kernels::{Rows, ShapeError, Stored, Team, read_rows};
use std::borrow::Cow;

/// A mean and a scale for every column.
#[derive(Clone, Debug, PartialEq)]
pub struct Standardisation {
    mean: Vec<f64>,
    scale: Vec<f64>,
}

impl Standardisation {
    /// From means and scales, as they were stored.
    ///
    /// # Errors
    /// The lengths differ, or a number is not finite, or the inverse of a scale that is not 0.
    pub fn new(mean: Vec<f64>, scale: Vec<f64>) -> Result<Self, Error> {
        Error::expect_len("scales", mean.len(), scale.len())?;
        for (name, values) in [("mean of a column", &mean), ("scale of a column", &scale)] {
            if let Some(column) = values.iter().position(|x| !x.is_finite()) {
                return Err(Error::setting(name, format!("{} (column {column})", values[column]), "finite"));
            }
        }
        if let Some(column) = scale.iter().position(|&x| x != 0.0 && !(1.0 / x).is_finite()) {
            let value = format!("{} (column {column})", scale[column]);
            return Err(Error::setting("scale of a column", value, "0 or the inverse of a deviation that is a number"));
        }
        Ok(Self { mean, scale })
    }

    /// Measures the input columns of a data set. Give it the training part alone.
    pub fn of_inputs<T: Element>(data: &Dataset<T>) -> Self {
        let (rows, columns) = (data.rows, data.columns);
        Self::measure(rows, columns, |row| data.row(row))
    }

    /// Measures the target columns of a data set that has numbers to learn.
    ///
    /// # Errors
    /// The labels are classes.
    pub fn of_targets<T: Element>(data: &Dataset<T>) -> Result<Self, Error> {
        match &data.labels {
            Labels::Values { values, outputs } => {
                let row = |row| Cow::Borrowed(&values[row * outputs..(row + 1) * outputs]);
                Ok(Self::measure(data.rows, *outputs, row))
            }
            Labels::Classes { .. } => Err(Error::Labels("classes cannot be standardised".into())),
        }
    }

    /// Two passes over distances from the first row: then neither does a large mean drown a small deviation, nor does the rounding of sums
    /// give one to a column that never changes, whose distances are all 0.
    fn measure<'a, T: Element>(rows: usize, columns: usize, row: impl Fn(usize) -> Cow<'a, [T]>) -> Self {
        let count = rows as f64;
        let first: Vec<f64> = row(0).iter().map(|x| x.to_f64()).collect();
        let mut shift = vec![0.0; columns];
        for row in (0..rows).map(&row) {
            for ((shift, first), x) in shift.iter_mut().zip(&first).zip(&*row) {
                *shift += (x.to_f64() - first) / count;
            }
        }
        let (mut variance, mut largest) = (vec![0.0f64; columns], vec![0.0f64; columns]);
        for row in (0..rows).map(&row) {
            let sums = variance.iter_mut().zip(&mut largest);
            for ((((variance, largest), shift), first), x) in sums.zip(&shift).zip(&first).zip(&*row) {
                let distance = x.to_f64() - first - shift;
                *variance += distance * distance / count;
                *largest = largest.max(distance.abs());
            }
        }
        let mut deviation: Vec<f64> = variance.iter().map(|variance| variance.sqrt()).collect();
        // Squares of distances beyond 1e154 or below 1e-154 are no numbers, or no longer exact: there the largest distance is the unit.
        let is_beyond = |&column: &usize| largest[column] > 0.0 && !variance[column].is_normal();
        let beyond: Vec<usize> = (0..columns).filter(is_beyond).collect();
        if !beyond.is_empty() {
            beyond.iter().for_each(|&column| variance[column] = 0.0);
            for row in (0..rows).map(&row) {
                for &column in &beyond {
                    let distance = (row[column].to_f64() - first[column] - shift[column]) / largest[column];
                    variance[column] += distance * distance / count;
                }
            }
            beyond.iter().for_each(|&column| deviation[column] = largest[column] * variance[column].sqrt());
        }
        let columns = first.iter().zip(&shift).zip(&deviation);
        let (mean, scale) = columns.map(|((first, shift), &spread)| mean_and_scale(first + shift, spread)).unzip();
        Self { mean, scale }
    }

    /// How many columns.
    pub fn columns(&self) -> usize {
        self.mean.len()
    }

    /// The mean of every column.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// `1 / deviation` of every column, 0 for a column that never changed.
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// The standard deviation of a column, in the column's own unit: the inverse of its [scale](Self::scale), and 0 for one that never changed.
    ///
    /// ```
    /// use deltarule::Standardisation;
    /// let standardisation = Standardisation::new(vec![10.0, 5.0], vec![0.5, 0.0])?;
    /// assert_eq!([0, 1].map(|column| standardisation.deviation(column)), [2.0, 0.0]);
    /// # Ok::<(), deltarule::Error>(())
    /// ```
    ///
    /// # Panics
    /// There is no such [column](Self::columns).
    pub fn deviation(&self, column: usize) -> f64 {
        match self.scale[column] {
            0.0 => 0.0,
            scale => 1.0 / scale,
        }
    }

    /// Rows of data, to be read with mean 0 and deviation 1.
    pub(crate) fn of_rows<'a, T: Element>(&'a self, rows: Rows<'a, T>) -> Result<Rows<'a, T>, ShapeError> {
        rows.standardised(&self.mean, &self.scale)
    }

    /// A standardised copy of whole rows, as a network sees them: `(x − mean) · scale`, computed in `f64`.
    ///
    /// [`fit`](crate::Trainer::fit), [`predict`](crate::Mlp::predict) and [`evaluate`](crate::Mlp::evaluate) take rows as they are in the data
    /// and do this themselves. [`step`](crate::Trainer::step), [`gradients`](crate::Mlp::gradients) and
    /// [`check_gradient`](crate::Mlp::check_gradient) take what it returns, of inputs and of targets, where the model standardises those.
    ///
    /// ```
    /// use deltarule::Standardisation;
    /// let standardisation = Standardisation::new(vec![10.0, 5.0], vec![0.5, 0.0])?;
    /// let mut rows = standardisation.applied(&[12.0f32, 5.0, 9.0, 7.0])?;
    /// assert_eq!(rows, [1.0, 0.0, -0.5, 0.0]);
    /// standardisation.undo(&mut rows)?;
    /// assert_eq!(rows, [12.0, 5.0, 9.0, 5.0]); // a column that never changed is its mean
    /// # Ok::<(), deltarule::Error>(())
    /// ```
    ///
    /// # Errors
    /// `values` are not whole rows, or one of them is not finite once it is standardised; row and column name it.
    pub fn applied<T: Element>(&self, values: &[T]) -> Result<Vec<T>, Error> {
        self.applied_to("standardised input", values)
    }

    /// The same of targets.
    pub(crate) fn applied_to_targets<T: Element>(&self, values: &[T]) -> Result<Vec<T>, Error> {
        self.applied_to("standardised target", values)
    }

    fn applied_to<T: Element>(&self, what: &'static str, values: &[T]) -> Result<Vec<T>, Error> {
        self.check_rows(values)?;
        let mut copy = vec![T::ZERO; values.len()];
        let rows = self.of_rows(Rows::new(Stored::Numbers(values), self.columns()))?;
        read_rows(&Team::serial(), rows, 0, &mut copy)?;
        super::check_finite(what, &copy, self.columns())?;
        Ok(copy)
    }

    /// The way back from [`applied`](Self::applied), in place: `y / scale + mean`, and the mean in a column that never changed. Predictions of a
    /// model that standardises its targets have gone it already.
    ///
    /// # Errors
    /// `values` are not whole rows; nothing has changed then.
    pub fn undo<T: Element>(&self, values: &mut [T]) -> Result<(), Error> {
        self.check_rows(values)?;
        for row in values.chunks_exact_mut(self.columns().max(1)) {
            for (column, y) in row.iter_mut().enumerate() {
                *y = T::from_f64(y.to_f64() * self.deviation(column) + self.mean[column]);
            }
        }
        Ok(())
    }

    /// Only whole rows have columns.
    fn check_rows<T>(&self, values: &[T]) -> Result<(), Error> {
        let whole = values.len().checked_div(self.columns()).unwrap_or(0) * self.columns();
        Error::expect_len("values (a multiple of the standardised columns)", whole, values.len())
    }
}

/// Deviations up to this part of the mean are the last digits of `f64`, as sums of a thousand terms leave them.
const LAST_DIGITS: f64 = 32.0 * f64::EPSILON;

/// The mean, and `1 / deviation`: 0 where that is no number to multiply by, and where the column differs in the last digits alone. Those come
/// of how its values were computed (0.1 + 0.2 is not 0.3); as a deviation they would make millions of the next row's difference.
fn mean_and_scale(mean: f64, deviation: f64) -> (f64, f64) {
    let scale = 1.0 / deviation;
    let changes = deviation > LAST_DIGITS * mean.abs() && scale.is_finite() && deviation.is_finite();
    // Distances may be beyond `f64`, and so may their mean. Nothing is multiplied by 0 then; it must only be finite.
    (if mean.is_finite() { mean } else { 0.0 }, if changes { scale } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_get_mean_0_and_deviation_1() {
        let data =
            Dataset::with_values(vec![1.0f32, 5.0, 1e6, 2.0, 5.0, 1e6 + 1.0, 3.0, 5.0, 1e6 + 2.0], 3, vec![0.0; 3], 1);
        let data = data.expect("good data");
        let standard = Standardisation::of_inputs(&data);
        let x = standard.applied(&data.x()).expect("finite");
        let r = 1.5f32.sqrt();
        assert_eq!([x[0], x[3], x[6]], [-r, 0.0, r]);
        assert_eq!([x[2], x[5], x[8]], [-r, 0.0, r], "a large mean");
        assert_eq!([x[1], x[4], x[7]], [0.0; 3], "a constant column");
        assert_eq!(standard.scale()[1], 0.0);
    }

    /// The statistics of a single column.
    fn of_column<T: Element>(column: Vec<T>) -> Standardisation {
        let rows = column.len();
        let data = Dataset::with_values(column, 1, vec![T::ZERO; rows], 1).expect("good data");
        Standardisation::of_inputs(&data)
    }

    #[test]
    fn a_constant_column_is_constant_however_long_it_is() {
        for rows in [1, 1000, 10_000, 100_000] {
            for x in [0.1, 1000.0, -1.0 / 3.0, 1e-300, 1e300] {
                let standard = of_column(vec![x; rows]);
                assert_eq!((standard.mean(), standard.scale()), (&[x][..], &[0.0][..]), "{rows} rows of {x}");
                assert_eq!(standard.applied(&[1.001 * x]).expect("finite"), [0.0], "{rows} rows of {x}");
            }
            let standard = of_column(vec![0.1f32; rows]);
            assert_eq!((standard.mean(), standard.scale()), (&[f64::from(0.1f32)][..], &[0.0][..]), "{rows} rows");
        }
    }

    #[test]
    fn last_digits_are_no_deviation_and_those_before_them_are() {
        assert_eq!(of_column(vec![0.1 + 0.2, 0.3, 0.3]).scale(), [0.0]);
        let standard = of_column((0..5).map(|i| 1e6 + 1e-8 * f64::from(i)).collect());
        assert!((standard.scale()[0] * 2f64.sqrt() * 1e-8 - 1.0).abs() < 0.05, "{standard:?}");
    }

    #[test]
    fn distances_whose_squares_are_beyond_f64_are_a_deviation() {
        for unit in [1e-300, 1e-165, 1e-155, 1.0, 1e153, 1e155, 1e300] {
            let standard = of_column(vec![unit, 4.0 * unit, -2.0 * unit, 5.0 * unit]);
            let (mean, deviation) = (standard.mean()[0] / unit, standard.deviation(0) / unit);
            assert!((mean - 2.0).abs() < 1e-12 && (deviation - 7.5f64.sqrt()).abs() < 1e-12, "{unit:e}: {standard:?}");
            let applied = standard.applied(&[5.0 * unit]).expect("finite")[0];
            assert!((applied - 3.0 / 7.5f64.sqrt()).abs() < 1e-12, "{unit:e}: {applied}");
        }
    }

    #[test]
    fn distances_beyond_f64_leave_numbers() {
        let standard = of_column(vec![f64::MAX, -f64::MAX, 0.0]);
        assert!(standard.mean()[0].is_finite(), "{standard:?}");
        assert_eq!(standard.applied(&[f64::MAX, -f64::MAX]).expect("finite"), [0.0, 0.0]);
    }

    #[test]
    fn undo_is_the_way_back() {
        let data = Dataset::with_values(vec![0.0f64; 4], 1, vec![25.0, 346.0, 99.0, 7.0], 1).expect("good data");
        let standard = Standardisation::of_targets(&data).expect("numbers");
        let Labels::Values { values, .. } = data.labels() else { unreachable!() };
        let mut there = standard.applied(values).expect("finite");
        standard.undo(&mut there).expect("whole rows");
        assert!(there.iter().zip(values).all(|(a, b)| (a - b).abs() < 1e-12));
    }

    #[test]
    fn parts_of_rows_are_refused() {
        for (columns, len, whole) in [(2, 3, 2), (4, 3, 0), (0, 1, 0)] {
            let standard = Standardisation::new(vec![1.0; columns], vec![2.0; columns]).expect("equally long");
            let mut values = vec![5.0f32; len];
            for error in
                [standard.applied(&values).expect_err("a part"), standard.undo(&mut values).expect_err("a part")]
            {
                let is_length =
                    matches!(error, Error::Length { expected, found, .. } if (expected, found) == (whole, len));
                assert!(is_length, "{error}");
            }
            assert_eq!(values, vec![5.0; len], "unchanged");
            assert!(standard.applied::<f32>(&[]).expect("no rows").is_empty());
        }
    }
}
