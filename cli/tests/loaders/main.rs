//! What the loaders make of good files, and how they say no to bad ones: always an error with a place, never a panic.

#[path = "../formats/idx.rs"]
mod idx_bytes;

mod csv_columns;
mod csv_faults;
mod idx;
mod npy;
mod sources;

use std::fs;
use std::io::Write;
use std::path::Path;

use deltarule_cli::data::{CsvOptions, DataError, Dataset, TargetColumn, read_csv};
use flate2::{Compression, write::GzEncoder};

fn csv(text: impl AsRef<[u8]>) -> Result<Dataset, DataError> {
    read_csv("t.csv", text.as_ref(), &CsvOptions::default())
}

fn target(column: &str) -> CsvOptions {
    CsvOptions { target: TargetColumn::Given(column.to_string()), ..CsvOptions::default() }
}

fn values(data: &Dataset) -> Vec<f64> {
    (0..data.features.len()).map(|index| data.features.get(index)).collect()
}

/// The message of an error that is expected.
fn refusal<T>(result: Result<T, DataError>) -> String {
    match result {
        Ok(_) => panic!("this should have been refused"),
        Err(error) => error.to_string(),
    }
}

fn write(path: &Path, bytes: &[u8]) {
    let mut file: Box<dyn Write> = match path.extension() {
        Some(extension) if extension == "gz" => {
            Box::new(GzEncoder::new(fs::File::create(path).expect("temporary file"), Compression::fast()))
        }
        _ => Box::new(fs::File::create(path).expect("temporary file")),
    };
    file.write_all(bytes).expect("temporary file");
}

/// Bytes of three classes in turn.
fn thirds(count: usize) -> impl Iterator<Item = u8> {
    (0..count).map(|index| (index % 3) as u8)
}
