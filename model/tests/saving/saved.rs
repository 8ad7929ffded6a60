//! What tests of files are made of: a folder to save in, a model, and ways to read, to damage and to refuse.

use deltarule::{Activation, Dataset, Error, FileError, LoadOptions, Mlp, Output, Standardisation};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder that is gone after the test.
pub(crate) struct Folder(pub(crate) TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("the folder");
        entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }
}

/// A model of which everything that a file keeps is unusual.
pub(crate) fn model() -> Mlp<f32> {
    let data = Dataset::with_classes(vec![0.1, 5.0, -0.7, 1e-3, 2.0, 9.0], 2, vec![0, 1, 2], 3).expect("good data");
    Mlp::builder(&[2, 4, 3])
        .hidden(Activation::LeakyRelu { slope: 0.1 })
        .output(Output::Softmax)
        .standardise(Standardisation::of_inputs(&data))
        .classes(["naïve", "quote \"", "line\n"])
        .features(["a", "b"])
        .target_name("what it \"is\"")
        .test_share(0.1)
        .provenance(3, u64::MAX - 1)
        .seed(u64::MAX)
        .build()
        .expect("widths")
}

/// What is wrong with a file that is refused.
pub(crate) fn problem<T>(result: Result<T, Error>) -> FileError {
    match result {
        Err(Error::Bytes(problem) | Error::File { problem, .. }) => problem,
        Err(other) => panic!("another kind of error: {other}"),
        Ok(_) => panic!("it was taken"),
    }
}

pub(crate) fn read(bytes: &[u8]) -> Result<Mlp<f32>, Error> {
    Mlp::from_bytes(bytes, &LoadOptions::new())
}

/// The model or checkpoint with `from` replaced by `to` in its header, whose length the file begins with.
pub(crate) fn with_header(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let header = std::str::from_utf8(&bytes[8..8 + length]).expect("text");
    assert!(header.contains(from), "{from} in {header}");
    let header = header.replacen(from, to, 1);
    let padded = header.trim_end().len().next_multiple_of(8);
    let header = format!("{:padded$}", header.trim_end());
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &bytes[8 + length..]].concat()
}
