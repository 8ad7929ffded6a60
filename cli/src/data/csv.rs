//! Comma-separated text: header or none, any of the usual delimiters, text labels, and every fault with its line and
//! column.
//!
//! The file is read once, record by record: columns are settled on the first record, by `columns.rs`, then each field is parsed in place.
//! Quoting, CRLF and a missing last newline are the `csv` crate's work; lines are counted, and quotes that are never closed are found, in
//! `watched.rs`. What the fields mean is ours.

use std::io::Read;

use ::csv::{ByteRecord, Reader, ReaderBuilder, Trim};

use super::columns::{Columns, TargetColumn};
use super::header_guess::{FirstLine, Header, WHICH, names_of};
use super::target::{
    RawTarget, Unfit, are_labels_beside, interpret, is_missing_mark, is_rounded, names_of_numbers, places_of,
};
use super::watched::Watched;
use super::words::clip;
use super::{DataError, Dataset, Features, Kept, Places, Target, TaskChoice};

/// How much of the file is looked at to guess the delimiter.
const PREFIX: u64 = 64 * 1024;

/// Columns that a message offers to leave out at most.
const MOST_DROPPED: usize = 8;

/// What some programs write before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How to read a CSV.
#[derive(Clone, Debug, Default)]
pub struct CsvOptions {
    /// Whether the first line names the columns.
    pub header: Header,
    /// The target.
    pub target: TargetColumn,
    /// Columns that are neither feature nor target: names or indices.
    pub drop: Vec<String>,
    /// Columns to copy as they stand, whatever else they are: names or indices.
    pub keep: Vec<String>,
    /// Features wanted, by name and in this order; empty takes all. Only used where the file has a header.
    pub features: Vec<String>,
    /// The delimiter; guessed from the first line that is not empty if `None`.
    pub delimiter: Option<u8>,
    /// What the target is taken for.
    pub task: TaskChoice,
    /// For a model that there is: nobody asks then what it should learn from.
    pub is_for_model: bool,
    /// The classes of a model that is to be measured; a label that is none of them is an error. Empty for any.
    pub known_classes: Vec<String>,
}

/// Reads a table. `name` is used in messages.
pub fn read_csv(name: &str, source: impl Read, options: &CsvOptions) -> Result<Dataset, DataError> {
    let mut source = source;
    let mut prefix = Vec::new();
    source.by_ref().take(PREFIX).read_to_end(&mut prefix).map_err(|error| unreadable(name, error))?;
    if prefix.starts_with(&[0xff, 0xfe]) || prefix.starts_with(&[0xfe, 0xff]) {
        return Err(text(name, 1, None, "the file is UTF-16; save it as UTF-8"));
    }
    let prefix = prefix.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&prefix);
    let delimiter = options.delimiter.unwrap_or_else(|| guess_delimiter(prefix));
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .delimiter(delimiter)
        .from_reader(Watched::new(prefix.chain(source), delimiter));
    Table::read(name, &mut reader, options)
}

/// The candidate that the first line that is not empty holds most of, outside quotes; a comma if it holds none.
fn guess_delimiter(prefix: &[u8]) -> u8 {
    let mut counts = [(b',', 0usize), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut quoted = false;
    let is_end = |byte: &&u8| matches!(byte, b'\n' | b'\r');
    for &byte in prefix.iter().skip_while(is_end).take_while(|byte| !is_end(byte)) {
        quoted ^= byte == b'"';
        if let Some((_, count)) = counts.iter_mut().find(|(candidate, _)| !quoted && *candidate == byte) {
            *count += 1;
        }
    }
    // The first of equals wins, so a line without any gives the comma.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |&(candidate, _)| candidate)
}

/// A table in the making.
struct Table<'a> {
    name: &'a str,
    /// Names of all columns, where the file has any.
    names: Option<Vec<String>>,
    /// The line of the first record.
    first_line: u64,
    columns: Columns,
    features: Vec<f64>,
    numbers: Vec<f64>,
    labels: Vec<String>,
    kept: Kept,
    /// The line of each row.
    lines: Vec<u64>,
    /// The row of the first target that is not a number.
    text_at: Option<usize>,
    rows: usize,
    /// What the first line was taken for.
    first: FirstLine,
}

impl<'a> Table<'a> {
    fn read<R: Read>(
        name: &'a str,
        reader: &mut Reader<Watched<R>>,
        options: &CsvOptions,
    ) -> Result<Dataset, DataError> {
        let mut record = ByteRecord::new();
        if !next(name, reader, &mut record)? {
            return Err(DataError::whole(name, "the file is empty"));
        }
        let names = names_of(name, &record, options.header, &options.features)?;
        let columns = Columns::settle(name, record.len(), names.as_deref(), options)?;
        let first = match names {
            Some(_) => FirstLine::default(),
            None => FirstLine::of_row(name, &record, options.header, columns.target.or(columns.left_out))?,
        };
        let kept_name = |&column: &usize| match &names {
            Some(names) => names[column].clone(),
            None => format!("column_{column}"),
        };
        let kept = Kept::named(columns.kept.iter().map(kept_name).collect());
        let mut table = Self {
            name,
            names,
            first_line: line_of(&record),
            columns,
            features: Vec::new(),
            numbers: Vec::new(),
            labels: Vec::new(),
            kept,
            lines: Vec::new(),
            text_at: None,
            rows: 0,
            first,
        };
        if table.names.is_none() {
            table.push(&record)?;
        }
        while next(name, reader, &mut record)? {
            table.push(&record)?;
        }
        table.finish(options)
    }

    fn push(&mut self, record: &ByteRecord) -> Result<(), DataError> {
        let line = line_of(record);
        if record.len() != self.columns.count {
            let what = format!("expected {} fields, but got {}", self.columns.count, record.len());
            // The first that is missing, or the first that is too many.
            return Err(self.at(line, record.len().min(self.columns.count), what));
        }
        for index in 0..self.columns.features.len() {
            let column = self.columns.features[index];
            match finite(&record[column]) {
                Some(value) => self.features.push(value),
                None => return Err(self.no_number(record, line, column)),
            }
        }
        if let Some(column) = self.columns.target {
            self.push_target(&record[column], line, column)?;
        }
        for index in 0..self.columns.kept.len() {
            let column = self.columns.kept[index];
            let field = self.utf8(&record[column], line, column)?;
            self.kept.push(field);
        }
        self.lines.push(line);
        self.rows += 1;
        Ok(())
    }

    /// What is wrong with a feature's field that is no finite number, and what to do. Of the first row all such features are told of together:
    /// what they hold there they hold, as a rule, in every row.
    fn no_number(&self, record: &ByteRecord, line: u64, column: usize) -> DataError {
        let field = match self.utf8(&record[column], line, column) {
            Ok(field) => field,
            Err(error) => return error,
        };
        if field.parse::<f64>().is_ok() {
            return self.at(line, column, format!("‘{}’ is not a finite number", clip(field)));
        }
        let alike = if self.rows == 0 { self.without_numbers(record) } else { vec![column] };
        let (others, the_columns) = match alike.len() {
            1 => (String::new(), "the column"),
            2 => (", and another field of this line is no number either".to_string(), "the columns"),
            many => (format!(", and {} other fields of this line are no numbers either", many - 1), "the columns"),
        };
        let (what, advice) = match field {
            "" => ("the field is empty".to_string(), "fill it in, remove the row"),
            _ if is_with_comma(field) => {
                (format!("‘{}’ is not a number", clip(field)), "commas in numbers are not read; write a decimal point")
            }
            _ => (format!("‘{}’ is not a number", clip(field)), "only the target may be text; write it as numbers"),
        };
        let (drop, or) = (self.drop_of(&alike), self.advice_on_first());
        self.at(line, column, format!("{what}{others}; {advice}, or say {drop} to leave {the_columns} out{or}"))
    }

    /// The features of which a row has text, or nothing.
    fn without_numbers(&self, record: &ByteRecord) -> Vec<usize> {
        let features = self.columns.features.iter().copied();
        features.filter(|&column| number(&record[column]).is_none()).collect()
    }

    /// The option that leaves columns out, the first of many: by name, where that is one to type, else by place. Places are counted from 1 in
    /// messages and from 0 in options.
    fn drop_of(&self, columns: &[usize]) -> String {
        let is_plain = |name: &&String| {
            !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.'))
        };
        let name_of = |column: usize| self.names.as_ref().map(|names| &names[column]).filter(is_plain);
        let shown = &columns[..columns.len().min(MOST_DROPPED)];
        let words: Vec<String> =
            shown.iter().map(|&column| name_of(column).cloned().unwrap_or_else(|| column.to_string())).collect();
        let are_named = shown.iter().all(|&column| name_of(column).is_some());
        let more = match columns.len() - shown.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("--drop {}{more}{}", words.join(","), if are_named { "" } else { " (options count from 0)" })
    }

    /// What else may help while nothing but the first line was read.
    fn advice_on_first(&self) -> &'static str {
        if self.rows == 0 { self.first.advice() } else { "" }
    }

    /// Keeps the target as text, and as a number for as long as every one is a number.
    fn push_target(&mut self, field: &[u8], line: u64, column: usize) -> Result<(), DataError> {
        let field = self.utf8(field, line, column)?;
        if field.is_empty() {
            return Err(self.at(line, column, "the target is empty; fill it in or remove the row"));
        }
        match field.parse::<f64>() {
            Ok(value) if value.is_finite() => self.numbers.push(value),
            Ok(_) => return Err(self.at(line, column, format!("the target ‘{field}’ is not a finite number"))),
            Err(_) => self.text_at = self.text_at.or(Some(self.rows)),
        }
        let label = field.to_string();
        self.labels.push(label);
        Ok(())
    }

    /// The targets as numbers or as text. Which labels a model knows is settled later.
    fn raw_target(&mut self, column: usize, options: &CsvOptions) -> Result<RawTarget, DataError> {
        let known = &options.known_classes;
        if !self.are_all_among(known) {
            let Some(row) = self.text_at else { return Ok(self.raw_numbers(options.task)) };
            self.refuse_a_name(row, column)?;
            if known.is_empty() && options.task != TaskChoice::Classification {
                self.refuse_numbers_with_commas(row, column, options.is_for_model)?;
            }
            if !self.numbers.is_empty() && known.is_empty() {
                self.refuse_text_beside_numbers(row, column, options.task)?;
                self.refuse_missing_marks(column)?;
            }
            if options.is_for_model && options.task == TaskChoice::Regression {
                let what = "is text, but the model answers numbers; name the column that it learnt with --target";
                return Err(self.of_target(row, column, what));
            }
        }
        Ok(RawTarget::Text(std::mem::take(&mut self.labels)))
    }

    /// Whether every target is one of a model's classes as it stands.
    fn are_all_among(&self, known: &[String]) -> bool {
        let places = places_of(known);
        !known.is_empty() && self.labels.iter().all(|label| places.contains_key(label.as_str()))
    }

    /// Refuses a first target, text at `row`, that may be the name of its column.
    fn refuse_a_name(&self, row: usize, column: usize) -> Result<(), DataError> {
        match self.first.why_a_name(&self.labels, self.numbers.len()) {
            Some(why) => Err(self.of_target(row, column, &format!("{why}; {WHICH}"))),
            None => Ok(()),
        }
    }

    /// Refuses text, first at `row`, among numbers that are no labels: it is a mistake. Among few whole numbers it is a label among labels.
    fn refuse_text_beside_numbers(&self, row: usize, column: usize, task: TaskChoice) -> Result<(), DataError> {
        let are_labels = |task| are_labels_beside(self.rows - self.numbers.len(), &self.numbers, task);
        if are_labels(task) {
            return Ok(());
        }
        let or = match task == TaskChoice::Auto && are_labels(TaskChoice::Classification) {
            true => ", or say --task classification if all are labels",
            false => "",
        };
        let what = "is not a number, but others in its column are; correct it or remove the row";
        Err(self.of_target(row, column, &format!("{what}{or}")))
    }

    /// Refuses a column of numbers some of which, first that at `row`, have commas: as text they would be classes, a class a number.
    /// A model that there is has settled what its target is.
    fn refuse_numbers_with_commas(&self, row: usize, column: usize, is_for_model: bool) -> Result<(), DataError> {
        if !self.labels.iter().all(|label| label.parse::<f64>().is_ok() || is_with_comma(label)) {
            return Ok(());
        }
        let what = "looks like a number, but commas in numbers are not read; write a decimal point";
        let or = if is_for_model { "" } else { ", or say --task classification if it is a label" };
        Err(self.of_target(row, column, &format!("{what}{or}")))
    }

    /// What stands for a missing value among numbered labels is none of them.
    fn refuse_missing_marks(&self, column: usize) -> Result<(), DataError> {
        let Some(row) = self.labels.iter().position(|label| is_missing_mark(label)) else { return Ok(()) };
        let what = "stands for a missing value; fill it in or remove the row, or, if it is a label, call it otherwise";
        Err(self.of_target(row, column, what))
    }

    /// Says of one row's target what is wrong with it.
    fn of_target(&self, row: usize, column: usize, what: &str) -> DataError {
        self.at(self.lines[row], column, format!("the target ‘{}’ {what}", clip(&self.labels[row])))
    }

    /// Numbers are classes by their names where two of them may be one number.
    fn raw_numbers(&mut self, task: TaskChoice) -> RawTarget {
        let numbers = std::mem::take(&mut self.numbers);
        let labels = std::mem::take(&mut self.labels);
        let are_rounded = || labels.iter().zip(&numbers).any(|(label, &number)| is_rounded(label, number));
        match task == TaskChoice::Classification && are_rounded() {
            true => RawTarget::Text(names_of_numbers(labels, &numbers)),
            false => RawTarget::Numbers(numbers),
        }
    }

    /// Programs write the numbers of rows beside them, in a column without a name. That a net learns from these is asked for, not assumed;
    /// but a single row has no index, and an only feature is meant.
    fn refuse_an_index(&self) -> Result<(), DataError> {
        let Some(names) = &self.names else { return Ok(()) };
        if self.rows < 2 || self.columns.features.len() < 2 {
            return Ok(());
        }
        let features = self.columns.features.iter().enumerate();
        let mut nameless = features.filter(|(_, column)| is_nameless(&names[**column]));
        let Some((_, &column)) = nameless.find(|(place, _)| self.numbers_rows(*place)) else { return Ok(()) };
        let what = format!(
            "this column has no name and numbers the rows, as an index does; say {} to leave it out, --header to keep it, or name it",
            self.drop_of(&[column])
        );
        Err(self.at(self.first_line, column, what))
    }

    /// Whether a feature is a whole number and another in every row. Rows that were shuffled keep their numbers, so the order says nothing.
    fn numbers_rows(&self, place: usize) -> bool {
        let mut numbers: Vec<f64> =
            self.features.iter().skip(place).step_by(self.columns.features.len()).copied().collect();
        numbers.sort_unstable_by(f64::total_cmp);
        numbers.iter().all(|number| *number >= 0.0 && number.fract() == 0.0)
            && numbers.windows(2).all(|pair| pair[0] < pair[1])
    }

    fn utf8<'f>(&self, field: &'f [u8], line: u64, column: usize) -> Result<&'f str, DataError> {
        std::str::from_utf8(field).map_err(|_| self.at(line, column, "the field is not UTF-8; save the file as UTF-8"))
    }

    fn at(&self, line: u64, column: usize, what: impl Into<String>) -> DataError {
        text(self.name, line, Some(column), what)
    }

    /// Says of a target why it is none, where it stands.
    fn unfit(&self, Unfit { row, what }: Unfit, column: usize) -> DataError {
        let of_column =
            self.names.as_ref().map(|names| format!("the target ‘{}’: ", clip(&names[column]))).unwrap_or_default();
        match row.and_then(|row| self.lines.get(row)) {
            Some(&line) => self.at(line, column, format!("{of_column}{what}")),
            None => DataError::whole(self.name, what),
        }
    }

    fn finish(mut self, options: &CsvOptions) -> Result<Dataset, DataError> {
        if self.rows == 0 {
            return Err(DataError::whole(self.name, "there is no row after the header"));
        }
        if options.header == Header::Detect && !options.is_for_model {
            self.refuse_an_index()?;
        }
        let target = match self.columns.target {
            None => Target::Absent,
            Some(column) => {
                let raw = self.raw_target(column, options)?;
                interpret(raw, options.task, &options.known_classes).map_err(|unfit| self.unfit(unfit, column))?
            }
        };
        let name_of = |column: &usize| self.names.as_ref().map(|names| names[*column].clone());
        Ok(Dataset {
            name: self.name.to_string(),
            rows: self.rows,
            columns: self.columns.features.len(),
            feature_names: self.columns.features.iter().filter_map(name_of).collect(),
            target_name: self.columns.target.as_ref().and_then(name_of).unwrap_or_default(),
            features: Features::Floats(self.features),
            target,
            official_test: None,
            kept: self.kept,
            places: Places {
                lines: self.lines,
                features: self.columns.features,
                target: self.columns.target,
                left_out: self.columns.left_out,
            },
            built_in: false,
        })
    }
}

/// The next record, if there is one that is whole. One that swallowed the rest of the file is refused before anything else is said of it.
fn next<R: Read>(name: &str, reader: &mut Reader<Watched<R>>, record: &mut ByteRecord) -> Result<bool, DataError> {
    let is_there = reader.read_byte_record(record).map_err(|error| {
        let line = error.position().map_or_else(|| reader.position().line(), ::csv::Position::line);
        text(name, line, None, format!("cannot be read: {error}"))
    })?;
    if let Some(opened) = reader.get_ref().left_open() {
        let what = "the quote that begins this field is never closed; remove it, or close it where the field ends";
        return Err(text(name, opened.line, Some(opened.column), what));
    }
    if is_there
        && let Some(line) = reader.get_mut().next_line()
        && let Some(mut position) = record.position().cloned()
    {
        position.set_line(line);
        record.set_position(Some(position));
    }
    Ok(is_there)
}

/// The number that a field holds, finite or not.
fn number(field: &[u8]) -> Option<f64> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// The same, if it is finite.
fn finite(field: &[u8]) -> Option<f64> {
    number(field).filter(|value| value.is_finite())
}

/// Whether a field is a number with a decimal comma, or with commas between its thousands.
fn is_with_comma(field: &str) -> bool {
    let digits = field.strip_prefix(['-', '+']).unwrap_or(field);
    let is_digit = |letter: char| letter.is_ascii_digit();
    digits.contains(',')
        && digits.chars().all(|letter| is_digit(letter) || matches!(letter, ',' | '.'))
        && digits.starts_with(is_digit)
        && digits.ends_with(is_digit)
}

/// No name, or the one that pandas gives to a column without one.
fn is_nameless(name: &str) -> bool {
    name.is_empty() || name.starts_with("Unnamed: ")
}

pub(super) fn line_of(record: &ByteRecord) -> u64 {
    record.position().map_or(0, ::csv::Position::line)
}

pub(super) fn text(file: &str, line: u64, column: Option<usize>, what: impl Into<String>) -> DataError {
    DataError::Text { file: file.to_string(), line, column: column.map(|column| column + 1), what: what.into() }
}

fn unreadable(name: &str, source: std::io::Error) -> DataError {
    DataError::Io { path: name.into(), source }
}
