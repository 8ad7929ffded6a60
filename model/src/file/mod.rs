//! Model files: [safetensors](https://huggingface.co/docs/safetensors), with the names and the layout of PyTorch's
//! `nn.Sequential`.
//!
//! ```text
//! 8 bytes   length of the header, little-endian
//! header    JSON: {"__metadata__": {"format": "pt", "deltarule": "{…}"},
//!                  "0.weight": {"dtype": "F32", "shape": [128, 784], "data_offsets": [0, 401408]},
//!                  "0.bias": …, "2.weight": …, "2.bias": …}
//! data      the tensors, one after the other
//! ```
//! Linear layers have the even numbers 0, 2, 4, …, because in `nn.Sequential` an activation stands between two. So
//! `load_state_dict` takes the tensors as they are. Of other files' numbers there may be any gaps between; other names are refused. What PyTorch
//! has no place for (activations, standardisation, names, seed) is JSON in the metadata, which it ignores; numbers there are written so that
//! they are read back exactly.
//!
//! Files are read with suspicion: the header is checked against the length of the file, and names, types and shapes
//! against the model, before memory for the data is asked for; a header that is longer, or holds more values, than a model's would be
//! is not read to its end. Files are written whole or not at all
//! ([`write_atomically`]), and not at all where they would not be read again.
//!
//! The `safetensors` crate would read these files too, and checks ours in the tests; here it is not used because of the crates that it would bring.

mod atomic;
pub(crate) mod card;
pub(crate) mod json;
mod model;
pub(crate) mod tensors;

pub use atomic::{remove_leftovers, write_atomically};
pub use model::{LoadOptions, element_type};
pub(crate) use model::{
    Parameters, check_layers, finite_parameters, in_file, names, open, push_layers, take_layer, write_tensors,
};

use std::io;

/// The tensor of a checkpoint's epochs. It is `F64` whatever the net's numbers are.
pub(crate) const HISTORY: &str = "history";

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system could not read or write it.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It ends within the first eight bytes.
    #[error("it has {0} bytes, too few for a safetensors file; it may be empty or cut short")]
    TooShort(u64),
    /// The length of the header makes no sense.
    #[error(
        "its header claims {declared} bytes, but {available} follow; this is no safetensors file, or it was cut short"
    )]
    HeaderLength {
        /// What the first eight bytes say.
        declared: u64,
        /// What there is, or may be at most.
        available: u64,
    },
    /// A header so long that it would not be read again: nothing is written.
    #[error(
        "its header would have {length} bytes, and no more than {longest} are read again; shorten the names of classes \
         and features"
    )]
    LongHeader {
        /// How long it would be.
        length: u64,
        /// How long it may be.
        longest: u64,
    },
    /// The header is no JSON.
    #[error("its header is no valid JSON: at byte {position}, {what}")]
    Json {
        /// Where, from the start of the text.
        position: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// A header of so many values that they would take far more memory than the file: it is not read on, and not written.
    #[error(
        "its header holds more than {0} values, and no more are read; if it is a model's, leave out the names of classes and \
         features"
    )]
    ManyValues(usize),
    /// An entry of the header is not what the format asks for.
    #[error("header entry {name:?}: {what}")]
    Entry {
        /// Which one.
        name: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The same name twice.
    #[error("{0:?} occurs twice in the header")]
    Duplicate(String),
    /// The data do not have the length that the header says.
    #[error("its data should have {expected} bytes, but have {found}; it was cut short or has something appended")]
    DataLength {
        /// What the header says.
        expected: u64,
        /// What there is.
        found: u64,
    },
    /// A tensor of another element type.
    #[error("tensor {tensor} has the type {found}, not {expected}; {advice}", advice = about_type(.found))]
    Dtype {
        /// Which tensor.
        tensor: String,
        /// The model's type.
        expected: &'static str,
        /// The file's type.
        found: String,
    },
    /// A tensor of another shape.
    #[error("tensor {tensor} has the shape {found:?}, not {expected:?}")]
    Shape {
        /// Which tensor.
        tensor: String,
        /// The shape that fits the other tensors.
        expected: Vec<usize>,
        /// The file's shape.
        found: Vec<usize>,
    },
    /// A tensor that should be there.
    #[error("tensor {0} is missing{advice}", advice = about_biases(.0))]
    Missing(String),
    /// A tensor whose name says no place among the layers.
    #[error(
        "the name of tensor {0:?} says no layer: layers are called 0.weight and 0.bias, 2.weight and 2.bias, …, as nn.Sequential \
         names them; rename the tensors so, in the order of the layers"
    )]
    Name(String),
    /// A tensor that should not be there.
    #[error("tensor {0} does not belong to this model{advice}", advice = about_kinds(.0))]
    Extra(String),
    /// A weight that is NaN or infinite.
    #[error("tensor {tensor}: element {index} is {value}; such a model predicts nothing")]
    NotFinite {
        /// Which tensor.
        tensor: String,
        /// Which element, row by row.
        index: usize,
        /// NaN, inf or −inf.
        value: f64,
    },
    /// The metadata contradict themselves or the tensors.
    #[error("its metadata: {0}")]
    Metadata(String),
    /// A file of a later version of this library.
    #[error("it has format version {0}; this library reads version 1")]
    Version(u64),
    /// There are no metadata of this library's, and no word from the caller either.
    #[error("it does not say which activations it has; give them in LoadOptions")]
    NoActivations,
    /// There is not enough memory for it.
    #[error("its {0} bytes do not fit into memory")]
    Memory(u64),
}

/// What a missing tensor may be due to, where it is the bias of a layer.
fn about_biases(tensor: &str) -> &'static str {
    match tensor.strip_suffix(".bias").is_some_and(|layer| layer.parse::<usize>().is_ok()) {
        true => "; a layer that was made without a bias (bias=False) needs one of zeros",
        false => "",
    }
}

/// What to do about a tensor of a type that is not the model's, and may be no model's.
fn about_type(found: &str) -> &'static str {
    match found {
        "F32" | "F64" => "load it into a model of its own type",
        _ => "models are of float32 or float64: convert it to one of them first",
    }
}

/// What a tensor may be due to that is part of a numbered layer, but neither its weights nor its bias.
fn about_kinds(tensor: &str) -> &'static str {
    let layer = tensor.rsplit_once('.').filter(|(_, part)| !matches!(*part, "weight" | "bias"));
    match layer.is_some_and(|(layer, _)| layer.parse::<usize>().is_ok()) {
        true => "; it is of a layer of another kind, such as BatchNorm, and only linear layers can be represented",
        false => "",
    }
}
