//! Whether the first line of a CSV file names the columns. Nobody is asked where the line tells; where it may be either, it is refused with what
//! to say.

use std::collections::{BTreeMap, BTreeSet};

use ::csv::ByteRecord;

use super::DataError;
use super::csv::{line_of, text};
use super::words::clip;

/// What to say where numbers may be names.
pub(super) const WHICH: &str = "say --header if this line names the columns, --no-header if it is a row";

/// Whether the first line names the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// It does if none of its fields is a number, or if a model's features are among them. A line that may be either is refused.
    #[default]
    Detect,
    /// It does.
    Present,
    /// It does not.
    Missing,
}

/// The names in the first record, if it is a header; a model's `features` are known to be some.
pub(super) fn names_of(
    name: &str,
    record: &ByteRecord,
    header: Header,
    features: &[String],
) -> Result<Option<Vec<String>>, DataError> {
    let present = match header {
        Header::Present => true,
        Header::Missing => false,
        Header::Detect if !features.is_empty() && holds_all(record, features) => true,
        Header::Detect => !record.iter().any(is_number),
    };
    if !present {
        return Ok(None);
    }
    let mut names = Vec::with_capacity(record.len());
    let mut seen = BTreeMap::new();
    for (column, field) in record.iter().enumerate() {
        let line = line_of(record);
        let Ok(field) = std::str::from_utf8(field) else {
            return Err(text(name, line, Some(column), "the name is not UTF-8; save the file as UTF-8"));
        };
        if let Some(first) = seen.insert(field.to_string(), column) {
            let what = format!("the name ‘{}’ is used twice, first in column {}", clip(field), first + 1);
            return Err(text(name, line, Some(column), what));
        }
        names.push(field.to_string());
    }
    Ok(Some(names))
}

/// Whether each of these names is a field: columns may be many.
fn holds_all(record: &ByteRecord, names: &[String]) -> bool {
    let fields: BTreeSet<&[u8]> = record.iter().collect();
    names.iter().all(|name| fields.contains(name.as_bytes()))
}

/// What is to be remembered of the first line until the rows have been read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FirstLine {
    /// Nobody said that it is a row; numbers in it made it one.
    guessed: bool,
    /// Those numbers count from 0 or 1, as names do that a program gave.
    counts: bool,
}

impl FirstLine {
    /// Takes the line for a row. Fields that count 0, 1, 2 and so on are as likely names as numbers. Two of them are often numbers, and where
    /// the target is text the other rows will tell.
    pub(super) fn of_row(
        name: &str,
        record: &ByteRecord,
        header: Header,
        target: Option<usize>,
    ) -> Result<Self, DataError> {
        let guessed = header == Header::Detect;
        let numbers = counting(record);
        let by_target = target.is_some_and(|target| !is_number(&record[target]));
        if guessed && numbers >= 3 && !by_target {
            let what =
                format!("the numbers of this line count up, as names of columns do that a program gave; {WHICH}");
            return Err(text(name, line_of(record), None, what));
        }
        Ok(Self { guessed, counts: numbers >= 2 })
    }

    /// What else may help with a fault of this line.
    pub(super) fn advice(self) -> &'static str {
        if self.guessed { "; or say --header, if this line names the columns" } else { "" }
    }

    /// Why the first of these targets may be the name of its column, if it may: columns can have numbers for names, but no label is one.
    /// `numbers` says how many of the targets are numbers.
    pub(super) fn why_a_name(self, targets: &[String], numbers: usize) -> Option<&'static str> {
        let (first, others) = targets.split_first()?;
        if !self.guessed || others.len() < 2 || first.parse::<f64>().is_ok() || others.contains(first) {
            return None;
        }
        if numbers == others.len() {
            return Some("is text, and all others are numbers");
        }
        let mut times = BTreeMap::new();
        others.iter().for_each(|label| *times.entry(label).or_insert(0usize) += 1);
        let alone = times.values().all(|&times| times > 1);
        (alone || self.counts).then_some("occurs on this line alone")
    }
}

fn is_number(field: &[u8]) -> bool {
    std::str::from_utf8(field).is_ok_and(|field| field.parse::<f64>().is_ok())
}

/// How many fields are numbers, if these count from 0 or from 1 in the order of the columns; else 0. So tables that were written without
/// names are headed.
fn counting(record: &ByteRecord) -> usize {
    let numbers: Vec<&[u8]> = record.iter().filter(|field| is_number(field)).collect();
    let count_from = |first: usize| numbers.iter().zip(first..).all(|(field, n)| *field == n.to_string().as_bytes());
    if count_from(0) || count_from(1) { numbers.len() } else { 0 }
}
