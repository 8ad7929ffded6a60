//! Checking gradients: what back-propagation says against what the loss does when a weight moves.
//!
//! For those who build on this crate or doubt it. Every parameter `w` is moved by `±h` in an `f64` copy of the model, and
//! `(L(w + h) − L(w − h)) / 2h` is compared with `∂L/∂w`. The difference quotient itself is only good to about 1e-9, and
//! wrong where a ReLU's kink lies between `w − h` and `w + h`.

use crate::loss;
use crate::random::{Stream, Use};
use crate::{Activation, Element, Error, Loss, Mlp, Scratch, Targets};
use deltarule_kernels::Isa;
use std::collections::BTreeSet;

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
        let x64 = wide(x);
        let y64;
        let targets64 = match targets {
            Targets::Values(y) => {
                y64 = wide(y);
                Targets::Values(&y64)
            }
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
        let sample = sample(self.parameters());
        let checked = sample.len();
        for number in sample {
            let (layer, output, input) = self.place(number);
            let (w, b) = &gradients.layers[layer];
            let analytic = match input {
                Some(input) => w[output * self.layers[layer].inputs() + input].to_f64(),
                None => b[output].to_f64(),
            };
            let numeric = probe.quotient(layer, output, input)?;
            let size = (analytic.abs() + numeric.abs()).max(1e-3 * largest);
            // Not by their size, which forgets a NaN; two infinities are no equal derivatives.
            let off = if analytic == numeric && analytic.is_finite() { 0.0 } else { (analytic - numeric).abs() / size };
            if worst.is_none_or(|w| w.worst < off || off.is_nan()) {
                worst = Some(GradientCheck { worst: off, layer, output, input, analytic, numeric, checked });
            }
        }
        worst.ok_or_else(|| Error::Architecture("there are no parameters to check".into()))
    }

    /// Layer, output and input (`None` for the bias) of a parameter. They are counted layer by layer, for each output its bias before its weights.
    fn place(&self, mut number: usize) -> (usize, usize, Option<usize>) {
        let mut l = 0;
        while number >= self.layers[l].parameters() {
            number -= self.layers[l].parameters();
            l += 1;
        }
        let row = 1 + self.layers[l].inputs();
        (l, number / row, (number % row).checked_sub(1))
    }
}

/// The parameters to look at: all, or [`MOST`] of them by Floyd's algorithm, which takes no room for those that are not chosen.
fn sample(parameters: usize) -> BTreeSet<usize> {
    if parameters <= MOST {
        return (0..parameters).collect();
    }
    let (mut stream, mut chosen) = (Stream::new(0, Use::Sample, 0), BTreeSet::new());
    for last in parameters - MOST..parameters {
        let drawn = stream.below(last as u64 + 1) as usize;
        if !chosen.insert(drawn) {
            chosen.insert(last); // No draw before could hit it.
        }
    }
    chosen
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
        Ok(self.loss.value(Isa::current(), out, self.targets, outputs) / (len / outputs) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_has_a_place() {
        let model = Mlp::<f32>::builder(&[2, 1, 3]).build().expect("widths");
        let places: Vec<_> = (0..model.parameters()).map(|number| model.place(number)).collect();
        let first = [(0, 0, None), (0, 0, Some(0)), (0, 0, Some(1))];
        let second = (0..3).flat_map(|output| [(1, output, None), (1, output, Some(0))]);
        assert_eq!(places, first.into_iter().chain(second).collect::<Vec<_>>());
    }

    /// A list of all would not fit into memory.
    #[test]
    fn a_sample_takes_no_room_for_the_others() {
        for few in [0, 1, MOST] {
            assert!(sample(few).into_iter().eq(0..few));
        }
        for many in [MOST + 1, 10 * MOST, usize::MAX] {
            let sample = sample(many);
            assert_eq!(sample.len(), MOST);
            assert!(sample.last().is_some_and(|&last| last < many));
        }
        // Spread evenly: a tenth of the sample lies in each tenth, give or take five deviations.
        let sample = sample(10 * MOST);
        for tenth in 0..10 {
            let count = sample.range(tenth * MOST..(tenth + 1) * MOST).count();
            assert!(count.abs_diff(MOST / 10) < 65, "{tenth}: {count}");
        }
    }
}
