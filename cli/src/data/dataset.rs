//! A loaded table, and the parts of it that a run uses.
//!
//! Pixels stay bytes from the file to the batch that learns from them, so that 60,000 images take 47 MB rather than
//! eight times as much. Everything else stays `f64` until a part is gathered, so that a run in `f32` or `f64` rounds
//! each value once.

use std::ops::Range;

use deltarule::Labels;

use super::target::places_of;
use super::words::{clip, listed};
use super::{DataError, Kept, Task};

/// The features of all rows, row by row.
#[derive(Clone, Debug, PartialEq)]
pub enum Features {
    /// Pixels: a byte `b` stands for `b / 255`.
    Bytes(Vec<u8>),
    /// Numbers, all finite.
    Floats(Vec<f64>),
}

impl Features {
    /// How many values there are, over all rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Floats(values) => values.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Value `index`, rows laid end to end.
    pub fn get(&self, index: usize) -> f64 {
        match self {
            Self::Bytes(bytes) => f64::from(bytes[index]) / 255.0,
            Self::Floats(values) => values[index],
        }
    }
}

/// What is to be predicted, for all rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A class a row: `labels[row]` indexes `names`.
    Classes {
        /// Class of each row.
        labels: Vec<u32>,
        /// Name of each class.
        names: Vec<String>,
    },
    /// A number a row, all finite.
    Values(Vec<f64>),
    /// Nothing: data to predict on.
    Absent,
}

/// Where rows and columns stand in the file that they were read from, for messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The line of each row; empty where the source has no lines.
    pub lines: Vec<u64>,
    /// The column of each feature, counted from 0; empty where all columns are features.
    pub features: Vec<usize>,
    /// The column of the target, counted from 0, if it is one of the same file.
    pub target: Option<usize>,
}

/// A table in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Its name, for people.
    pub name: String,
    /// Rows.
    pub rows: usize,
    /// Features a row.
    pub columns: usize,
    /// Names of the features; empty where the source has none.
    pub feature_names: Vec<String>,
    /// Name of the target; empty where the source has none.
    pub target_name: String,
    /// The features.
    pub features: Features,
    /// The target.
    pub target: Target,
    /// Rows that the source itself sets apart for the test.
    pub official_test: Option<Range<usize>>,
    /// Columns of which a copy was asked for, whatever else they are.
    pub kept: Kept,
    /// Where it all was before it was read.
    pub places: Places,
    /// Whether the set ships with the program, so that the rule for its test part is part of the program too.
    pub built_in: bool,
}

impl Dataset {
    /// What kind of answer the target asks for; `None` without a target.
    pub fn task(&self) -> Option<Task> {
        match &self.target {
            Target::Classes { names, .. } if names.len() == 2 => Some(Task::Binary),
            Target::Classes { names, .. } => Some(Task::Classes(names.len())),
            Target::Values(_) => Some(Task::Regression),
            Target::Absent => None,
        }
    }

    /// Names of the classes; empty where the target is a number or absent.
    pub fn class_names(&self) -> &[String] {
        match &self.target {
            Target::Classes { names, .. } => names,
            _ => &[],
        }
    }

    /// Refuses a target that is the same in all rows which a run may learn from: whatever a net made of it would look perfect.
    pub(super) fn refuse_a_constant_target(&self) -> Result<(), DataError> {
        let learnt = (0..self.rows).filter(|row| !self.official_test.as_ref().is_some_and(|test| test.contains(row)));
        match self.is_constant(learnt) {
            true => {
                let what = "every row has the same target, so there is nothing to learn; is it the right one?";
                Err(DataError::whole(&self.name, what))
            }
            false => Ok(()),
        }
    }

    /// Whether the target is the same in all of these rows.
    pub(super) fn is_constant(&self, mut rows: impl Iterator<Item = usize>) -> bool {
        let first = rows.next();
        match &self.target {
            Target::Classes { labels, .. } => rows.all(|row| first.is_some_and(|first| labels[first] == labels[row])),
            Target::Values(values) => rows.all(|row| first.is_some_and(|first| values[first] == values[row])),
            Target::Absent => false,
        }
    }

    /// Names the classes as `known` does, whichever of them occur here. Pixels' labels are numbers of classes, and keep
    /// their places; other labels are found by name.
    pub fn align_classes(&mut self, known: &[String]) -> Result<(), DataError> {
        let Target::Classes { labels, names } = &mut self.target else { return Ok(()) };
        if names == known || known.is_empty() {
            return Ok(());
        }
        let places = places_of(known);
        let find = |name: &String| places.get(name.as_str()).copied();
        let by_name: Option<Vec<u32>> = names.iter().map(find).collect();
        let by_place = matches!(self.features, Features::Bytes(_)) && names.len() <= known.len();
        match by_name {
            Some(places) => labels.iter_mut().for_each(|label| *label = places[*label as usize]),
            None if by_place => {}
            None => {
                let strange = names.iter().find(|name| find(name).is_none()).cloned().unwrap_or_default();
                let what = format!("the class ‘{}’ is none of the model's ({})", clip(&strange), listed(known));
                return Err(DataError::whole(&self.name, what));
            }
        }
        *names = known.to_vec();
        Ok(())
    }

    /// The features of the given rows, in the order given, converted by `convert`.
    ///
    /// A value that turns infinite on the way (1e300 in `f32`) is refused.
    pub fn gather<T: Copy>(
        &self,
        rows: &[usize],
        convert: impl Fn(f64) -> T,
        is_finite: impl Fn(T) -> bool,
    ) -> Result<Vec<T>, DataError> {
        let mut features = Vec::with_capacity(rows.len() * self.columns);
        for &row in rows {
            for column in 0..self.columns {
                let value = convert(self.features.get(row * self.columns + column));
                if !is_finite(value) {
                    return Err(self.too_large(row, self.feature_label(column)));
                }
                features.push(value);
            }
        }
        Ok(features)
    }

    /// The pixels of the given rows, in the order given, as they are; `None` where the features are numbers.
    pub fn gather_pixels(&self, rows: &[usize]) -> Option<Vec<u8>> {
        let Features::Bytes(bytes) = &self.features else { return None };
        let mut pixels = Vec::with_capacity(rows.len() * self.columns);
        rows.iter().for_each(|&row| pixels.extend_from_slice(&bytes[row * self.columns..][..self.columns]));
        Some(pixels)
    }

    /// The targets of the given rows, in the order given, numbers converted by `convert`; `None` where there are none.
    ///
    /// A number that turns infinite on the way is refused.
    pub fn gather_target<T: Copy>(
        &self,
        rows: &[usize],
        convert: impl Fn(f64) -> T,
        is_finite: impl Fn(T) -> bool,
    ) -> Result<Option<Labels<T>>, DataError> {
        let value =
            |&row: &usize, values: &[f64]| Some(convert(values[row])).filter(|&value| is_finite(value)).ok_or(row);
        match &self.target {
            Target::Absent => Ok(None),
            Target::Classes { labels, names } => {
                let classes = rows.iter().map(|&row| labels[row]).collect();
                Ok(Some(Labels::Classes { classes, count: names.len() }))
            }
            Target::Values(values) => match rows.iter().map(|row| value(row, values)).collect() {
                Ok(values) => Ok(Some(Labels::Values { values, outputs: 1 })),
                Err(row) => Err(self.too_large(row, self.target_label())),
            },
        }
    }

    /// A feature as messages call it: by its name, or by its number in the file, counted from 1.
    pub fn feature_label(&self, column: usize) -> String {
        let number = self.places.features.get(column).copied().unwrap_or(column);
        column_label(self.feature_names.get(column), number)
    }

    /// The target as messages call it.
    pub fn target_label(&self) -> String {
        match self.places.target {
            None => "the target".to_string(),
            Some(number) => column_label(Some(&self.target_name), number),
        }
    }

    /// A row as messages call it: by its line, or by its number, counted from 1.
    pub fn row_label(&self, row: usize) -> String {
        match self.places.lines.get(row) {
            Some(line) => format!("line {line}"),
            None => format!("row {}", row + 1),
        }
    }

    /// A fault of one number.
    pub fn fault(&self, row: usize, column: String, what: impl Into<String>) -> DataError {
        DataError::Value { data: self.name.clone(), row: self.row_label(row), column, what: what.into() }
    }

    fn too_large(&self, row: usize, column: String) -> DataError {
        self.fault(row, column, "the value is too large for f32; rescale the column, or use f64 (train --dtype f64)")
    }
}

/// A column's name, if it has one, or its number, counted here from 0.
fn column_label(name: Option<&String>, number: usize) -> String {
    match name.filter(|name| !name.is_empty()) {
        Some(name) => format!("column {name}"),
        None => format!("column {}", number + 1),
    }
}
