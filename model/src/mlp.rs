//! The model: layers, the kind of output, and what is known about its inputs and classes.

use crate::data::Standardisation;
use crate::{Activation, Element, Error, Init, Layer, Loss, Output};
use std::fmt;
use std::hint::black_box;
use std::marker::PhantomData;

/// A multi-layer perceptron.
///
/// It takes inputs **as they are in the data**: where it has a [standardisation](Standardisation), training and
/// prediction apply it themselves.
///
/// ```
/// use deltarule::{Activation, Init, Mlp, Output};
/// let model = Mlp::<f32>::builder(&[784, 128, 10])
///     .hidden(Activation::Relu)
///     .output(Output::Softmax)
///     .init(Init::He)
///     .seed(1)
///     .build()?;
/// assert_eq!(model.parameters(), 784 * 128 + 128 + 128 * 10 + 10);
/// # Ok::<(), deltarule::Error>(())
/// ```
#[derive(Clone)]
pub struct Mlp<T> {
    pub(crate) layers: Vec<Layer<T>>,
    pub(crate) output: Output,
    pub(crate) about: About,
}

/// What is stored with a model beside its weights.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct About {
    /// The seed of the initial weights.
    pub seed: u64,
    /// The loss it was trained with.
    pub loss: Option<Loss>,
    /// What is done to the inputs first.
    pub inputs: Option<Standardisation>,
    /// The scale that regression targets were brought to; predictions are brought back from it.
    pub targets: Option<Standardisation>,
    /// A name for every class (two for a single sigmoid output), or none.
    pub classes: Vec<String>,
    /// A name for every input, or none.
    pub features: Vec<String>,
    /// The name of what is predicted: that of the column it was learnt from.
    pub target_name: Option<String>,
    /// The place of that column, counted from 0, in the table it was learnt from; of data whose columns have no names it is all that tells.
    pub target_column: Option<usize>,
    /// The share of its data's rows that was kept for the test, from 0 to below 1, where that is known: [`HeldOut::Test`](crate::HeldOut::Test)
    /// draws the same rows again.
    pub test_share: Option<f64>,
    /// Which rows those were drawn from, where that is known: of others, the same draw holds rows that were learnt from.
    pub provenance: Option<Provenance>,
}

/// Which rows a model comes from, as whoever made it can tell them from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Provenance {
    /// How many rows there were, those that were held out included.
    pub rows: usize,
    /// A number that other rows, or the same in another order, would hardly have. What it is made of is its maker's affair.
    pub fingerprint: u64,
}

/// How a model is described before it is built; see [`Mlp::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder<T> {
    element: PhantomData<T>,
    widths: Vec<usize>,
    hidden: Activation,
    output: Output,
    init: Option<Init>,
    about: About,
}

impl<T: Element> Mlp<T> {
    /// Starts a model from its widths: inputs, hidden layers, outputs. Without further words it has ReLU hidden layers
    /// (S11) and a linear output, drawn with seed 0.
    pub fn builder(widths: &[usize]) -> Builder<T> {
        Builder {
            element: PhantomData,
            widths: widths.to_vec(),
            hidden: Activation::Relu,
            output: Output::Linear,
            init: None,
            about: About::default(),
        }
    }

    /// A model from given weights: for each layer the rows of `W` (`outputs × inputs`) and `b`.
    ///
    /// # Errors
    /// The lengths do not fit the widths of `description`, or it makes no network.
    pub fn from_parameters(description: &Builder<T>, parameters: &[(Vec<T>, Vec<T>)]) -> Result<Self, Error> {
        description.check()?;
        let layers = description.widths.len() - 1;
        Error::expect_len("layers with parameters", layers, parameters.len())?;
        Self::assemble(description, |l, _, _| Ok(parameters[l].clone()))
    }

    /// Layers one after the other; `draw` gives the weights and the bias of one.
    fn assemble(
        description: &Builder<T>,
        draw: impl Fn(usize, usize, usize) -> Result<(Vec<T>, Vec<T>), Error>,
    ) -> Result<Self, Error> {
        let pairs: Vec<&[usize]> = description.widths.windows(2).collect();
        let mut layers = Vec::with_capacity(pairs.len());
        for (l, pair) in pairs.iter().enumerate() {
            let (inputs, outputs) = (pair[0], pair[1]);
            let (w, b) = draw(l, inputs, outputs)?;
            let activation = description.activation(l);
            layers.push(Layer::new(inputs, outputs, &w, &b, activation, l == 0)?);
        }
        Ok(Self { layers, output: description.output, about: description.about.clone() })
    }

    /// The layers, from the inputs to the outputs.
    pub fn layers(&self) -> &[Layer<T>] {
        &self.layers
    }

    /// Inputs, hidden layers, outputs.
    pub fn widths(&self) -> Vec<usize> {
        let outputs = self.layers.iter().map(Layer::outputs);
        std::iter::once(self.inputs()).chain(outputs).collect()
    }

    /// How many numbers a row of input has.
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, Layer::inputs)
    }

    /// How many numbers a row of output has.
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(0, Layer::outputs)
    }

    /// What the last layer's `z` becomes.
    pub fn output(&self) -> Output {
        self.output
    }

    /// The activation of the hidden layers; [`Activation::Identity`] if there are none.
    pub fn hidden(&self) -> Activation {
        self.layers[0].activation
    }

    /// What is stored beside the weights.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Weights and biases together.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(Layer::parameters).sum()
    }

    /// The same model with numbers of another type: exact from `f32` to `f64`, rounded the other way, where what is too large
    /// becomes infinite.
    pub fn cast<U: Element>(&self) -> Mlp<U> {
        let layers = self.layers.iter().enumerate().map(|(l, layer)| layer.cast(l == 0)).collect();
        Mlp { layers, output: self.output, about: self.about.clone() }
    }

    /// Replaces one layer's weights (`outputs × inputs`, row by row) and bias.
    ///
    /// # Errors
    /// There is no such layer, or the lengths do not fit.
    pub fn set_layer(&mut self, layer: usize, weights: &[T], bias: &[T]) -> Result<(), Error> {
        let Some(old) = self.layers.get_mut(layer) else {
            return Err(Error::Architecture(format!("there is no layer {layer}")));
        };
        *old = Layer::new(old.inputs(), old.outputs(), weights, bias, old.activation, layer == 0)?;
        Ok(())
    }
}

impl<T: Element> Builder<T> {
    /// The activation of every hidden layer.
    pub fn hidden(mut self, activation: Activation) -> Self {
        self.hidden = activation;
        self
    }

    /// What the last layer's `z` becomes.
    pub fn output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }

    /// How the weights of every layer are drawn; without it, [`Init::suited_to`] each layer's activation.
    pub fn init(mut self, init: Init) -> Self {
        self.init = Some(init);
        self
    }

    /// The seed of the initial weights.
    pub fn seed(mut self, seed: u64) -> Self {
        self.about.seed = seed;
        self
    }

    /// What is done to the inputs first.
    pub fn standardise(mut self, inputs: Standardisation) -> Self {
        self.about.inputs = Some(inputs);
        self
    }

    /// The scale that regression targets are brought to, and predictions back from. For a linear output.
    pub fn standardise_targets(mut self, targets: Standardisation) -> Self {
        self.about.targets = Some(targets);
        self
    }

    /// A name for every class (two for a single sigmoid output).
    pub fn classes(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.about.classes = names.into_iter().map(Into::into).collect();
        self
    }

    /// A name for every input.
    pub fn features(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.about.features = names.into_iter().map(Into::into).collect();
        self
    }

    /// The name of what is predicted, for those who look for its column in other data.
    pub fn target_name(mut self, name: impl Into<String>) -> Self {
        self.about.target_name = Some(name.into());
        self
    }

    /// The place of what is predicted among the columns of its table, counted from 0, for those who look for it in data without names; `None`
    /// where it has none.
    pub fn target_column(mut self, column: impl Into<Option<usize>>) -> Self {
        self.about.target_column = column.into();
        self
    }

    /// The share of the data's rows that is kept for the test, for those who look for the same rows later.
    pub fn test_share(mut self, share: f64) -> Self {
        self.about.test_share = Some(share);
        self
    }

    /// Which rows the model comes from, for those who must know whether data are the same: their number, those that are held out included, and
    /// a [fingerprint](Provenance#structfield.fingerprint) of the caller's.
    pub fn provenance(mut self, rows: usize, fingerprint: u64) -> Self {
        self.about.provenance = Some(Provenance { rows, fingerprint });
        self
    }

    /// Draws the weights.
    ///
    /// # Errors
    /// Fewer than two widths, a width of zero, more weights than memory can hold, a slope that is not finite in `T`,
    /// names and scales of another number than the inputs, outputs or classes, or a share that is none.
    pub fn build(&self) -> Result<Mlp<T>, Error> {
        self.check()?;
        Mlp::assemble(self, |l, inputs, outputs| {
            let init = self.init.unwrap_or(Init::suited_to(self.activation(l)));
            let w = init.draw(inputs, outputs, self.about.seed, l);
            Ok((w, vec![T::ZERO; outputs]))
        })
    }

    /// Everything but the weights, from a file.
    pub(crate) fn described(widths: Vec<usize>, hidden: Activation, output: Output, about: About) -> Self {
        Self { element: PhantomData, widths, hidden, output, init: None, about }
    }

    pub(crate) fn widths(&self) -> &[usize] {
        &self.widths
    }

    /// Hidden layers have the hidden activation, the last has none: its activation is the output's.
    fn activation(&self, layer: usize) -> Activation {
        match layer + 2 == self.widths.len() {
            true => Activation::Identity,
            false => self.hidden,
        }
    }

    fn check(&self) -> Result<(), Error> {
        let wrong = |what: String| Err(Error::Architecture(what));
        let [inputs, .., outputs] = self.widths[..] else {
            return wrong("at least two widths are needed, the inputs and the outputs".into());
        };
        if let Some(layer) = self.widths.iter().position(|&width| width == 0) {
            return wrong(format!("width {layer} of {:?} is 0", self.widths));
        }
        let weights = |pair: &[usize]| pair[0].checked_mul(pair[1]).is_some_and(|n| n <= isize::MAX as usize / 64);
        let most = self.widths.windows(2).map(|pair| pair[0].saturating_mul(pair[1])).max().unwrap_or(0);
        // The system knows best what it cannot give; it is given back at once. (What it promises it may not have: then the program ends.)
        let is_there = || {
            let mut room = Vec::<T>::new();
            let is_there = room.try_reserve_exact(most).is_ok();
            black_box(&room);
            is_there
        };
        if !self.widths.windows(2).all(weights) || !is_there() {
            return wrong(format!("widths {:?} are larger than memory", self.widths));
        }
        check_slope::<T>(self.hidden)?;
        let classes = if outputs == 1 { 2 } else { outputs };
        let about = &self.about;
        let names = |names: &[String]| (!names.is_empty()).then_some(names.len());
        for (what, found, expected) in [
            ("class names", names(&about.classes), classes),
            ("feature names", names(&about.features), inputs),
            ("standardised inputs", about.inputs.as_ref().map(Standardisation::columns), inputs),
            ("standardised targets", about.targets.as_ref().map(Standardisation::columns), outputs),
        ] {
            if let Some(found) = found
                && found != expected
            {
                return wrong(format!("{found} {what} where {expected} are needed"));
            }
        }
        if let Some(share) = about.test_share
            && !(0.0..1.0).contains(&share)
        {
            return wrong(format!("the share of test rows is {share:?}, which is not from 0 to below 1"));
        }
        if about.targets.is_some() && self.output != Output::Linear {
            return wrong(format!("standardised targets need a linear output, not {}", self.output));
        }
        if self.output == Output::Softmax && outputs == 1 {
            return wrong("a softmax over one output is always 1; use a sigmoid output for two classes".into());
        }
        Ok(())
    }
}

/// A leaky ReLU's slope must be finite as the net computes with it: 0 times an infinite one would be no number.
pub(crate) fn check_slope<T: Element>(activation: Activation) -> Result<(), Error> {
    match activation {
        Activation::LeakyRelu { slope } if !T::from_f64(slope).is_finite() => {
            let name = T::NAME;
            let what = format!("the slope of the leaky ReLU, {slope:?}, is not finite in {name}; 0.01 is usual");
            Err(Error::Architecture(what))
        }
        _ => Ok(()),
    }
}

impl<T: Element> fmt::Debug for Mlp<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mlp")
            .field("element", &T::NAME)
            .field("widths", &self.widths())
            .field("hidden", &self.hidden())
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileError, LoadOptions, Plan, Trainer};

    fn builder<T: Element>(slope: f64) -> Builder<T> {
        Mlp::builder(&[1, 2, 1]).hidden(Activation::LeakyRelu { slope })
    }

    #[test]
    fn a_slope_is_finite_as_the_net_computes_with_it() {
        for slope in [f64::NAN, f64::INFINITY, 1e39, -1e300] {
            let error = builder::<f32>(slope).build().expect_err("no slope in f32").to_string();
            assert!(error.contains("the slope") && error.contains("f32"), "{error}");
            assert_eq!(builder::<f64>(slope).build().is_ok(), slope.is_finite(), "{slope:?}");
        }
        for slope in [0.0, -0.5, f64::from(f32::MAX)] {
            assert!(builder::<f32>(slope).build().is_ok(), "{slope:?}");
        }
    }

    /// A file of a net whose slope is 0.125, with one that is as long.
    fn with_slope(file: &[u8], slope: &str) -> Vec<u8> {
        let from = b"leaky-relu(0.125)";
        let at = file.windows(from.len()).position(|text| text == from).expect("the slope");
        [&file[..at], format!("leaky-relu({slope})").as_bytes(), &file[at + from.len()..]].concat()
    }

    #[test]
    fn a_file_may_have_no_other_slope_either() {
        let model = builder::<f32>(0.125).build().expect("widths");
        let trainer = Trainer::new(model.clone(), Plan::new(Loss::HalfSquaredError)).expect("a plan that fits");
        let read = |slope: &str| {
            let net = Mlp::<f32>::from_bytes(&with_slope(&model.to_bytes(), slope), &LoadOptions::new());
            let run = Trainer::<f32>::from_bytes(&with_slope(&trainer.to_bytes(), slope));
            [net.map(|_| ()), run.map(|_| ())]
        };
        assert!(read("0.250").iter().all(Result::is_ok));
        for result in read("1e300") {
            let is_named =
                |error: &Error| matches!(error, Error::Bytes(FileError::Metadata(why)) if why.contains("the slope"));
            assert!(result.as_ref().is_err_and(is_named), "{result:?}");
        }
    }

    /// It may be another number type's, which holds it.
    #[test]
    fn a_slope_that_no_load_would_take_is_not_saved() {
        let model = builder::<f64>(1e39).build().expect("a slope in f64").cast::<f32>();
        let path = std::env::temp_dir().join(format!("deltarule-slope-{}", std::process::id()));
        let trainer = Trainer::new(model.clone(), Plan::new(Loss::HalfSquaredError)).expect("a plan that fits");
        for result in [model.save(&path), trainer.save(&path)] {
            let is_named =
                |error: &Error| error.to_string().contains("the slope of the leaky ReLU, 1e39, is not finite");
            assert!(result.as_ref().is_err_and(is_named), "{result:?}");
            assert!(!path.exists());
        }
    }
}
