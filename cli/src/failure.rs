//! How a command can end badly, and the exit status of each way.

use std::io;
use std::path::{Path, PathBuf};

use crate::data::DataError;
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
    #[error(transparent)]
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
