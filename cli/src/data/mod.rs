//! Data in: from the name given to `--data` to a table of numbers, or to an error that says where the fault is.
//!
//! ```text
//! --data ─▶ Source ─▶ built-in │ CSV │ IDX folder │ NPY pair ─▶ Dataset ─▶ Split ─▶ its rows (u8, f32 or f64)
//! ```
//! Loaders read bytes that nobody vouches for. They promise a typed error with the file and the line and column (text)
//! or the byte offset (binary), no panic, and no allocation that a header alone asked for: memory grows with bytes that
//! were really there.

mod builtin;
mod columns;
mod csv;
mod dataset;
mod error;
mod header_guess;
mod idx;
mod kept;
mod npy;
mod source;
mod split;
mod target;
mod watched;
pub(crate) mod words;

pub use builtin::Builtin;
pub use columns::TargetColumn;
pub use csv::{CsvOptions, read_csv};
pub use dataset::{Dataset, Features, Places, Target};
pub use error::DataError;
pub use header_guess::Header;
pub use idx::{IdxArray, read_idx};
pub use kept::Kept;
pub use npy::{NpyArray, read_npy};
pub use source::{Source, load};
pub use split::{Fractions, Split, USUAL_TEST_SHARE};
pub use target::{Task, TaskChoice};

/// Elements of an array of this shape; `None` where that is no `usize`.
fn elements(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |size, &length| size.checked_mul(length))
}
