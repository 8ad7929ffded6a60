//! Checking gradients: what back-propagation says against what the loss does when a weight moves.
//!
//! For those who build on this crate or doubt it. Every parameter `w` is moved by `±h` in an `f64` copy of the model, and
//! `(L(w + h) − L(w − h)) / 2h` is compared with `∂L/∂w`. The difference quotient itself is only good to about 1e-9, and
//! wrong where a ReLU's kink lies between `w − h` and `w + h`.

use crate::loss;
use crate::random::{Stream, Use};
use crate::{Activation, Element, Error, Loss, Mlp, Scratch, Targets};
use deltarule_kernels::Isa;

/// More parameters than this are sampled.
const MOST: usize = 2000;

/// The parameter whose gradient is furthest off.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct GradientCheck {
    /// How far: `|analytic − numeric|` relative to their sizes, or to a thousandth of the largest gradient if that is
    /// more.
    pub worst: f64,
    /// In which layer.
    pub layer: usize,
    /// Of which output.
    pub output: usize,
    /// From which input; `None` is the bias.
    pub input: Option<usize>,
    /// What back-propagation says.
    pub analytic: f64,
    /// What the loss does.
    pub numeric: f64,
    /// How many parameters were looked at.
    pub checked: usize,
}

impl<T: Element> Mlp<T> {
    /// Compares the gradient of the mean loss of a batch with central differences, over all parameters or, in a large
    /// model, over 2,000 of them.
    ///
    /// `x` and `targets` are as the network sees them: where the model [standardises](crate::About) inputs or targets, what
    /// [`Standardisation::applied`](crate::Standardisation::applied) makes of them.
    ///
    /// ```
    /// use deltarule::{Activation, Loss, Mlp, Output, Targets};
    /// let model = Mlp::<f64>::builder(&[3, 5, 2]).hidden(Activation::Tanh).output(Output::Softmax).build()?;
    /// let check = model.check_gradient(Loss::CrossEntropy, &[0.1, -0.2, 0.3], Targets::Classes(&[1]))?;
    /// assert!(check.worst < 1e-7, "{check:?}");
    /// # Ok::<(), deltarule::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`Mlp::gradients`].
    pub fn check_gradient(&self, loss: Loss, x: &[T], targets: Targets<'_, T>) -> Result<GradientCheck, Error> {
        let wide = |values: &[T]| -> Vec<f64> { values.iter().map(|v| v.to_f64()).collect() };
        let (x64, y64) = (
            wide(x),
            match &targets {
                Targets::Values(y) => wide(y),
                Targets::Classes(_) => Vec::new(),
            },
        );
        let targets64 = match &targets {
            Targets::Values(_) => Targets::Values(&y64),
            Targets::Classes(classes) => Targets::Classes(classes),
        };
        let (_, gradients) = self.gradients(loss, x, targets)?;
        let largest = gradients
            .layers
            .iter()
            .flat_map(|(w, b)| w.iter().chain(b))
            .fold(0.0f64, |largest, g| largest.max(g.to_f64().abs()));
        let mut probe = Probe {
            last: loss::last_activation(loss, self.output)?,
            model: self.cast(),
            scratch: Scratch::new(),
            loss,
            x: &x64,
            targets: targets64,
        };
        let mut worst: Option<GradientCheck> = None;
        let places = self.places();
        for &(layer, output, input) in &places {
            let (w, b) = &gradients.layers[layer];
            let analytic = match input {
                Some(input) => w[output * self.layers[layer].inputs() + input].to_f64(),
                None => b[output].to_f64(),
            };
            let numeric = probe.quotient(layer, output, input)?;
            let size = (analytic.abs() + numeric.abs()).max(1e-3 * largest);
            let off = if size == 0.0 { 0.0 } else { (analytic - numeric).abs() / size };
            if worst.is_none_or(|w| w.worst < off || off.is_nan()) {
                worst =
                    Some(GradientCheck { worst: off, layer, output, input, analytic, numeric, checked: places.len() });
            }
        }
        worst.ok_or_else(|| Error::Architecture("there are no parameters to check".into()))
    }

    /// Every parameter, or a sample of them.
    fn places(&self) -> Vec<(usize, usize, Option<usize>)> {
        let mut places = Vec::new();
        for (l, layer) in self.layers.iter().enumerate() {
            for output in 0..layer.outputs() {
                places.push((l, output, None));
                places.extend((0..layer.inputs()).map(|input| (l, output, Some(input))));
            }
        }
        if places.len() > MOST {
            Stream::new(0, Use::Sample, 0).shuffle(&mut places);
            places.truncate(MOST);
        }
        places
    }
}

/// An `f64` copy of a model whose weights are moved one at a time.
struct Probe<'a> {
    model: Mlp<f64>,
    last: Activation,
    scratch: Scratch<f64>,
    loss: Loss,
    x: &'a [f64],
    targets: Targets<'a, f64>,
}

impl Probe<'_> {
    /// `(L(w + h) − L(w − h)) / 2h`
    fn quotient(&mut self, layer: usize, output: usize, input: Option<usize>) -> Result<f64, Error> {
        let at = self.get(layer, output, input);
        // The cube root of the rounding error balances rounding against the third derivative.
        let h = 6e-6 * at.abs().max(1.0);
        let (up, down) = (at + h, at - h);
        self.set(layer, output, input, up);
        let above = self.loss()?;
        self.set(layer, output, input, down);
        let below = self.loss()?;
        self.set(layer, output, input, at);
        Ok((above - below) / (up - down))
    }

    fn get(&self, layer: usize, output: usize, input: Option<usize>) -> f64 {
        let layer = &self.model.layers[layer];
        match input {
            Some(input) => layer.w.get(output, input),
            None => layer.b[output],
        }
    }

    fn set(&mut self, layer: usize, output: usize, input: Option<usize>, value: f64) {
        let layer = &mut self.model.layers[layer];
        match input {
            Some(input) => layer.w.set(output, input, value),
            None => layer.b[output] = value,
        }
    }

    fn loss(&mut self) -> Result<f64, Error> {
        let len = self.model.run(self.model.rows_among(self.x)?, self.last, &mut self.scratch)?;
        let outputs = self.model.outputs();
        let out = &self.scratch.outputs()[..len];
        let targets = match &self.targets {
            Targets::Values(y) => Targets::Values(y),
            Targets::Classes(y) => Targets::Classes(y),
        };
        Ok(self.loss.value(Isa::current(), out, targets, outputs) / (len / outputs) as f64)
    }
}
