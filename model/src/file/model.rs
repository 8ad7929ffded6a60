//! Models to files and back.

use super::card;
use super::tensors::{Entry, Header, Writer, check_finite, check_header};
use super::{FileError, write_atomically};
use crate::mlp::{About, Builder, check_slope};
use crate::{Activation, Element, Error, Layer, Mlp, Output};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// What to assume about a file that does not say it itself, such as one that PyTorch wrote. A file of our own says
/// everything, and these are not used.
///
/// ```
/// use deltarule::{Activation, LoadOptions, Output};
/// let options = LoadOptions::new().hidden(Activation::Relu).output(Output::Softmax);
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct LoadOptions {
    hidden: Option<Activation>,
    output: Option<Output>,
}

impl LoadOptions {
    /// Nothing is assumed.
    pub fn new() -> Self {
        Self::default()
    }

    /// The activation between the layers.
    pub fn hidden(mut self, activation: Activation) -> Self {
        self.hidden = Some(activation);
        self
    }

    /// What the last layer's `z` becomes.
    pub fn output(mut self, output: Output) -> Self {
        self.output = Some(output);
        self
    }
}

impl<T: Element> Mlp<T> {
    /// Writes the model to a safetensors file, whole or not at all (see [`write_atomically`]).
    ///
    /// # Errors
    /// Weights or a slope that are not finite, which no load would take; whatever the system says. The file is as it was then.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let write = || {
            check_layers("", &self.layers)?;
            write_tensors(path, &self.to_bytes())
        };
        write().map_err(|problem| in_file(path, problem))
    }

    /// The bytes of a safetensors file of this model, as it is. The same model gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(&card::of_model(self, "model"));
        push_layers(&mut writer, "", &self.layers);
        writer.finish()
    }

    /// Reads a model that [`Mlp::save`] wrote.
    ///
    /// # Errors
    /// [`Error::File`], with what is wrong with the file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::load_with(path, &LoadOptions::new())
    }

    /// Reads a model from any safetensors file with the names and the layout of `nn.Sequential`: `0.weight`, `0.bias`, `2.weight`, …, with any
    /// gaps in the numbers.
    ///
    /// # Errors
    /// [`Error::File`], with what is wrong with the file.
    pub fn load_with(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Self, Error> {
        let path = path.as_ref();
        let read = || {
            let (mut source, len) = open(path)?;
            read_model(&mut source, len, options)
        };
        read().map_err(|problem| in_file(path, problem))
    }

    /// Reads a model from the bytes of a safetensors file.
    ///
    /// # Errors
    /// [`Error::Bytes`], with what is wrong with them.
    pub fn from_bytes(mut bytes: &[u8], options: &LoadOptions) -> Result<Self, Error> {
        let len = bytes.len() as u64;
        Ok(read_model(&mut bytes, len, options)?)
    }
}

/// The element type of the weights in a safetensors file, as the format names it: `"F32"`, `"F64"`, …
///
/// # Errors
/// [`Error::File`], with what is wrong with the file, or if it holds no weights or those of several types.
pub fn element_type(path: impl AsRef<Path>) -> Result<String, Error> {
    let path = path.as_ref();
    let read = || {
        let (mut source, len) = open(path)?;
        let header = Header::read(&mut source, len)?;
        // What else there is may count in whole numbers, and is for the loader to refuse.
        let mut tensors = header.tensors.values().filter(|t| is_weight_or_bias(&t.name));
        let first = tensors.next().ok_or_else(|| no_layers(&header))?;
        match tensors.find(|t| t.dtype != first.dtype) {
            None => Ok(first.dtype.clone()),
            Some(other) => Err(other.error("its dtype differs from the other tensors'")),
        }
    };
    read().map_err(|problem| in_file(path, problem))
}

/// An error with the file it is about.
pub(crate) fn in_file(path: &Path, problem: FileError) -> Error {
    Error::File { path: path.to_path_buf(), problem }
}

/// Writes a file of tensors, whole or not at all, and only if it would be read again.
pub(crate) fn write_tensors(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    check_header(bytes)?;
    Ok(write_atomically(path, bytes)?)
}

/// A regular file and its length.
pub(crate) fn open(path: &Path) -> Result<(BufReader<File>, u64), FileError> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file").into());
    }
    Ok((BufReader::new(file), metadata.len()))
}

/// The names of a layer's tensors.
pub(crate) fn names(prefix: &str, number: usize) -> [String; 2] {
    [format!("{prefix}{number}.weight"), format!("{prefix}{number}.bias")]
}

/// Weights and biases under their `nn.Sequential` names, after a prefix.
pub(crate) fn push_layers<T: Element>(writer: &mut Writer, prefix: &str, layers: &[Layer<T>]) {
    for (l, layer) in layers.iter().enumerate() {
        let [weight, bias] = names(prefix, 2 * l);
        writer.push(weight, &[layer.outputs(), layer.inputs()], &layer.weights());
        writer.push(bias, &[layer.outputs()], &layer.b);
    }
}

/// Names the first weight or bias that is not finite, as [`push_layers`] names tensors, or a slope that is not. All else that a load checks,
/// a model has been checked for when it was made.
pub(crate) fn check_layers<T: Element>(prefix: &str, layers: &[Layer<T>]) -> Result<(), FileError> {
    for (l, layer) in layers.iter().enumerate() {
        check_slope::<T>(layer.activation).map_err(|error| FileError::Metadata(error.to_string()))?;
        let [weight, bias] = names(prefix, 2 * l);
        check_finite(&weight, &layer.weights())?;
        check_finite(&bias, &layer.b)?;
    }
    Ok(())
}

/// One layer's entries, their types and shapes checked.
pub(crate) fn take_layer<T: Element>(
    header: &mut Header,
    [weight, bias]: [String; 2],
    (inputs, outputs): (usize, usize),
) -> Result<[Entry; 2], FileError> {
    let (weight, bias) = (header.take(&weight)?, header.take(&bias)?);
    weight.expect::<T>(&[outputs, inputs])?;
    bias.expect::<T>(&[outputs])?;
    Ok([weight, bias])
}

/// For each layer the numbers shaped like its weights, and those shaped like its bias.
pub(crate) type Parameters<T> = Vec<(Vec<T>, Vec<T>)>;

/// The parameters of layers whose entries have been [taken](take_layer), all of them finite: the first that is not is named.
pub(crate) fn finite_parameters<T: Element>(layers: &[[Entry; 2]], data: &[u8]) -> Result<Parameters<T>, FileError> {
    layers.iter().map(|[weight, bias]| Ok((weight.finite_values(data)?, bias.finite_values(data)?))).collect()
}

fn read_model<T: Element>(source: &mut impl Read, len: u64, options: &LoadOptions) -> Result<Mlp<T>, FileError> {
    let mut header = Header::read(source, len)?;
    let (builder, numbers) = match header.card.take() {
        Some(card) => {
            let builder = card::to_builder(&card, "model")?;
            let numbers = (0..builder.widths().len().saturating_sub(1)).map(|l| 2 * l).collect();
            (builder, numbers)
        }
        None => infer(&header, options)?,
    };
    let mut entries = Vec::with_capacity(numbers.len());
    for (pair, &number) in builder.widths().windows(2).zip(&numbers) {
        entries.push(take_layer::<T>(&mut header, names("", number), (pair[0], pair[1]))?);
    }
    header.nothing_left()?;
    let data = header.data(source)?;
    let parameters = finite_parameters(&entries, &data)?;
    Mlp::from_parameters(&builder, &parameters).map_err(|error| FileError::Metadata(error.to_string()))
}

/// Whether a name is that of a layer's weights or bias, however the layer is called.
fn is_weight_or_bias(name: &str) -> bool {
    matches!(name.rsplit('.').next(), Some("weight" | "bias"))
}

/// What is wrong with a file of no weights.
fn no_layers(header: &Header) -> FileError {
    match header.tensors.keys().next() {
        None => FileError::Missing("0.weight".to_owned()),
        Some(name) => FileError::Extra(name.clone()),
    }
}

/// Whether a name is that of a layer's weights or bias, but not as `nn.Sequential` names them: by a number and what it is of the layer of that number.
fn is_named_otherwise(name: &str) -> bool {
    let layer = name.rsplit_once('.').map_or("", |(layer, _)| layer);
    is_weight_or_bias(name) && layer.parse::<usize>().is_err()
}

/// The model that a plain file holds: the numbers of its linear layers may have any gaps, their shapes say the widths.
fn infer<T: Element>(header: &Header, options: &LoadOptions) -> Result<(Builder<T>, Vec<usize>), FileError> {
    if let Some(name) = header.tensors.keys().find(|name| is_named_otherwise(name)) {
        return Err(FileError::Name(name.clone()));
    }
    // Before any shape is looked at: a layer of another kind has weights of other shapes.
    if let Some(name) = header.tensors.keys().find(|name| !is_weight_or_bias(name)) {
        return Err(FileError::Extra(name.clone()));
    }
    let number = |t: &Entry| -> Option<usize> { t.name.strip_suffix(".weight")?.parse().ok() };
    let mut layers: Vec<(usize, &Entry)> = header.tensors.values().filter_map(|t| Some((number(t)?, t))).collect();
    layers.sort_by_key(|(number, _)| *number);
    let mut widths = Vec::with_capacity(layers.len() + 1);
    for (_, tensor) in &layers {
        let &[outputs, inputs] = &tensor.shape[..] else {
            return Err(tensor.error(
                "the weights of a linear layer have two dimensions, outputs × inputs, and no other layers can be represented",
            ));
        };
        if widths.is_empty() {
            widths.push(inputs);
        }
        widths.push(outputs);
    }
    if layers.is_empty() {
        return Err(no_layers(header));
    }
    let output = options.output.ok_or(FileError::NoActivations)?;
    let hidden = match (options.hidden, layers.len()) {
        (Some(hidden), _) => hidden,
        (None, 1) => Activation::Identity,
        (None, _) => return Err(FileError::NoActivations),
    };
    let numbers = layers.iter().map(|(number, _)| *number).collect();
    Ok((Builder::described(widths, hidden, output, About::default()), numbers))
}
