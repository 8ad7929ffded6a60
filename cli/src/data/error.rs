//! What can be wrong with data: each message says where, what, and what to do.

use std::path::PathBuf;

/// A fault in the data, or in the way it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The operating system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A fault in a text file, at a line (1-based) and, where it is in one field, a column (1-based).
    #[error("{file}, line {line}{}: {what}", column.map(|c| format!(", column {c}")).unwrap_or_default())]
    Text {
        /// The file's name.
        file: String,
        /// Line, counted from 1.
        line: u64,
        /// Field in the line, counted from 1.
        column: Option<usize>,
        /// What is wrong, and what to do.
        what: String,
    },
    /// A fault in a binary file, at a byte.
    #[error("{file}, byte {offset}: {what}")]
    Binary {
        /// The file's name.
        file: String,
        /// Offset in the (decompressed) file.
        offset: u64,
        /// What is wrong, and what to do.
        what: String,
    },
    /// A value that was read well, but cannot be used.
    #[error("{data}, {row}, {column}: {what}")]
    Value {
        /// The data set's name.
        data: String,
        /// The row's line, or its number.
        row: String,
        /// What of the row: a column by its name or number, or an output.
        column: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// The data as a whole cannot be used, or two of its files disagree.
    #[error("{data}: {what}")]
    Whole {
        /// The data set's name.
        data: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// The options do not fit the data: misuse rather than bad data.
    #[error("{0}")]
    Usage(String),
}

impl DataError {
    /// A fault of the whole set.
    pub fn whole(data: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Whole { data: data.into(), what: what.into() }
    }

    /// Whether the command line, rather than the data, is at fault.
    pub fn is_misuse(&self) -> bool {
        matches!(self, Self::Usage(_))
    }
}
