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
    /// The column that is no feature though nobody said so, because a model learnt its target at this place.
    pub left_out: Option<usize>,
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

    /// Names the classes as `known` does. Those that occur here are found by name. Pixels' labels are numbers of classes, which words may stand
    /// for on either side: they are found by number then.
    pub fn align_classes(&mut self, known: &[String]) -> Result<(), DataError> {
        let Target::Classes { labels, names } = &mut self.target else { return Ok(()) };
        if names == known || known.is_empty() {
            return Ok(());
        }
        let mut occurs = vec![false; names.len()];
        labels.iter().for_each(|&label| occurs[label as usize] = true);
        let places = places_of(known);
        let by_name = |class: usize| places.get(names[class].as_str()).copied();
        let are_numbers = known.iter().any(|name| name.parse::<f64>().is_ok());
        let by_number = |class: usize| match are_numbers {
            true => places.get(class.to_string().as_str()).copied(),
            false => (class < known.len()).then_some(class as u32),
        };
        // What a class that does not occur becomes is all the same.
        let of_all = |find: &dyn Fn(usize) -> Option<u32>| -> Option<Vec<u32>> {
            (0..names.len()).map(|class| if occurs[class] { find(class) } else { Some(0) }).collect()
        };
        let is_pixels = matches!(self.features, Features::Bytes(_));
        let Some(found) = of_all(&by_name).or_else(|| of_all(&by_number).filter(|_| is_pixels)) else {
            let strange = (0..names.len()).find(|&class| occurs[class] && by_name(class).is_none());
            let strange = strange.map_or("", |class| &names[class]);
            let what = format!("the class ‘{}’ is none of the model's ({})", clip(strange), listed(known));
            return Err(DataError::whole(&self.name, what));
        };
        labels.iter_mut().for_each(|label| *label = found[*label as usize]);
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
        Some(name) => format!("column {}", clip(name)),
        None => format!("column {}", number + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pixel a row.
    fn images(labels: &[u32], names: &[&str]) -> Dataset {
        Dataset {
            name: "images".to_string(),
            rows: labels.len(),
            columns: 1,
            feature_names: Vec::new(),
            target_name: String::new(),
            features: Features::Bytes(vec![0; labels.len()]),
            target: Target::Classes {
                labels: labels.to_vec(),
                names: names.iter().map(|name| name.to_string()).collect(),
            },
            official_test: None,
            places: Places::default(),
            kept: Kept::default(),
            built_in: false,
        }
    }

    #[test]
    fn labels_of_images_are_found_by_name_or_number() {
        let digits = ["0", "1", "2", "3"];
        for (labels, names, known, expected) in [
            // No row is 0, of which the model knows nothing.
            (&[3, 1, 2][..], &digits[..], &["1", "2", "3"][..], Some(&[2, 0, 1][..])),
            (&[3, 1, 0], &digits, &["1", "2", "3"], None),
            // The numbers of other classes.
            (&[0, 1, 2], &digits[..3], &["3", "5", "7"], None),
            (&[0, 1, 2], &digits[..3], &["0", "1", "other"], None),
            (&[0, 1, 0], &digits[..3], &["other", "1", "0"], Some(&[2, 1, 2])),
            // Words for numbers, here, there and on both sides.
            (&[0, 2, 1], &digits[..3], &["shirt", "boot", "bag"], Some(&[0, 2, 1])),
            (&[0, 3], &digits, &["shirt", "boot", "bag"], None),
            (&[0, 2, 1], &["shirt", "boot", "bag"], &digits, Some(&[0, 2, 1])),
            (&[0, 2, 1], &["shirt", "boot", "bag"], &["3", "2", "1", "0"], Some(&[3, 1, 2])),
            (&[0, 2, 1], &["shirt", "boot", "bag"], &["bag", "boot", "shirt"], Some(&[2, 0, 1])),
        ] {
            let known: Vec<String> = known.iter().map(|name| name.to_string()).collect();
            let mut data = images(labels, names);
            let aligned = data.align_classes(&known).map(|()| data.target).ok();
            let expected = expected.map(|labels| Target::Classes { labels: labels.to_vec(), names: known.clone() });
            assert_eq!(aligned, expected, "{labels:?} of {names:?} among {known:?}");
        }
        let known = ["5", "7"].map(String::from);
        let refused = images(&[1, 2], &digits).align_classes(&known).expect_err("other numbers").to_string();
        assert_eq!(refused, "images: the class ‘1’ is none of the model's (5, 7)");
    }

    /// Numbers have no such places.
    #[test]
    fn labels_of_other_rows_are_found_by_name_alone() {
        let mut data = images(&[0, 1], &["0", "1"]);
        data.features = Features::Floats(vec![0.0; 2]);
        assert!(data.align_classes(&["no", "yes"].map(String::from)).is_err());
        assert!(data.align_classes(&["1", "0"].map(String::from)).is_ok());
        assert_eq!(data.target, Target::Classes { labels: vec![1, 0], names: ["1", "0"].map(String::from).to_vec() });
    }
}
