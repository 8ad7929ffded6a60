//! Columns of a text table that are carried along as they stand: by them its rows are known among the answers.

/// The text of some columns, row by row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The columns' names; of those without one, their places, counted from 0 as options do.
    names: Vec<String>,
    /// Their fields, rows laid end to end.
    fields: Vec<String>,
}

impl Kept {
    /// Columns of these names, of which no row is there yet.
    pub(super) fn named(names: Vec<String>) -> Self {
        Self { names, fields: Vec::new() }
    }

    /// Adds the next field.
    pub(super) fn push(&mut self, field: &str) {
        self.fields.push(field.to_string());
    }

    /// The names of the columns, in the order in which they were asked for.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The fields of a row.
    pub fn row(&self, row: usize) -> &[String] {
        let width = self.names.len();
        &self.fields[row * width..][..width]
    }
}
