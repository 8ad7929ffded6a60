//! How a command can end badly, and the exit status of each way.

use std::io;
use std::path::{Path, PathBuf};

use crate::data::DataError;
use crate::data::words::visible_lines;
use crate::picture::PngError;

/// Why a command ended without its result.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line asks for something that cannot be; status 2.
    #[error("{0}")]
    Misuse(String),
    /// Data that cannot be used; status 1 (2 where the options do not fit the data).
    #[error(transparent)]
    Data(#[from] DataError),
    /// The model crate refused; status 1 (2 where a setting is out of range).
    #[error("{}", counted_from_one(.0))]
    Model(#[from] deltarule::Error),
    /// A picture could not be painted; status 1.
    #[error(transparent)]
    Picture(#[from] PngError),
    /// A file could not be read or written; status 1.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Any other failure; status 1.
    #[error("{0}")]
    Other(String),
    /// Whoever reads our output has stopped reading, as `head` does: not a failure, and nothing to say; status 0.
    #[error("the output was closed")]
    OutputClosed,
}

impl Failure {
    /// The exit status of the process.
    pub fn status(&self) -> u8 {
        match self {
            Self::OutputClosed => 0,
            Self::Misuse(_) => 2,
            Self::Data(error) if error.is_misuse() => 2,
            Self::Model(
                deltarule::Error::Setting { .. }
                | deltarule::Error::Architecture(_)
                | deltarule::Error::Pairing { .. }
                | deltarule::Error::Labels(_),
            ) => 2,
            _ => 1,
        }
    }

    /// What is said of it to people: names that a file holds do not steer the terminal.
    pub fn words(&self) -> String {
        visible_lines(&self.to_string())
    }

    /// A fault of a file.
    pub fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File { path, source }
    }

    /// A fault of standard output.
    pub fn output(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::File { path: "standard output".into(), source },
        }
    }
}

/// The crate counts rows, columns, epochs and batches from 0; what the program says of data and of runs counts from 1, as `history.csv` does.
fn counted_from_one(error: &deltarule::Error) -> String {
    use deltarule::Error::{Class, NonFinite, NotANumber, Probability};
    let one_more = match *error {
        NonFinite { what, epoch, batch } => NonFinite { what, epoch: epoch + 1, batch: batch + 1 },
        NotANumber { what, row, column, value } => NotANumber { what, row: row + 1, column: column + 1, value },
        Probability { row, column, value } => Probability { row: row + 1, column: column + 1, value },
        Class { row, class, classes } => Class { row: row + 1, class, classes },
        _ => return error.to_string(),
    };
    one_more.to_string()
}

#[cfg(test)]
mod tests {
    use deltarule::{Error, Loss, Output};

    use super::*;

    #[test]
    fn the_status_says_whose_fault_it_is() {
        let words = String::new;
        let (loss, output) = (Loss::LogLoss, Output::Linear);
        let cases: [(Failure, u8); 11] = [
            (Failure::Misuse(words()), 2),
            (DataError::Usage(words()).into(), 2),
            (Error::Setting { name: "", value: words(), range: "" }.into(), 2),
            (Error::Architecture(words()).into(), 2),
            (Error::Pairing { loss, output, advice: "" }.into(), 2),
            (Error::Labels(words()).into(), 2),
            (DataError::whole("", "").into(), 1),
            (Error::Empty("row").into(), 1),
            (Failure::Other(words()), 1),
            (Failure::output(io::ErrorKind::StorageFull.into()), 1),
            (Failure::output(io::ErrorKind::BrokenPipe.into()), 0),
        ];
        for (failure, status) in cases {
            assert_eq!(failure.status(), status, "{failure:?}");
        }
    }

    #[test]
    fn people_count_from_one() {
        let cases = [
            (Error::NonFinite { what: "loss", epoch: 0, batch: 2 }, "epoch 1, batch 3: the loss is not finite"),
            (
                Error::NotANumber { what: "input", row: 0, column: 4, value: f64::NAN },
                "row 1, column 5: the input is NaN",
            ),
            (Error::Probability { row: 6, column: 0, value: 2.0 }, "row 7, column 1: the target is 2"),
            (
                Error::Class { row: 8, class: 3, classes: 3 },
                "row 9: class 3 does not exist; with 3 classes they are 0 to 2",
            ),
            (Error::Empty("row"), "the data set has no row"),
        ];
        for (error, words) in cases {
            let said = Failure::from(error).to_string();
            assert!(said.starts_with(words), "{said}");
        }
    }
}
