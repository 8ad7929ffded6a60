//! Working the standardisation into the weights, for those who run the net elsewhere and want to feed it the data as they
//! are.

use crate::data::Standardisation;
use crate::{Element, Error, Mlp};

impl<T: Element> Mlp<T> {
    /// The same function without standardisation: it is worked into the first layer, and that of the targets into the
    /// last. Predictions agree up to rounding, not bit for bit.
    ///
    /// ```
    /// use deltarule::{Dataset, Mlp, Scratch, Standardisation};
    /// let data = Dataset::with_values(vec![10.0f64, 20.0, 30.0], 1, vec![1.0, 2.0, 3.0], 1)?;
    /// let model = Mlp::<f64>::builder(&[1, 4, 1]).standardise(Standardisation::of_inputs(&data)).build()?;
    /// let folded = model.folded()?;
    /// assert!(folded.about().inputs.is_none());
    /// let (mut one, mut two) = (Scratch::new(), Scratch::new());
    /// let difference = model.predict(&[17.0], &mut one)?[0] - folded.predict(&[17.0], &mut two)?[0];
    /// assert!(difference.abs() < 1e-12);
    /// # Ok::<(), deltarule::Error>(())
    /// ```
    ///
    /// # Errors
    /// A folded weight is too large for `T`.
    pub fn folded(&self) -> Result<Self, Error> {
        let mut model = self.clone();
        if let Some(inputs) = model.about.inputs.take() {
            model.fold(0, |w, b| fold_inputs(&inputs, w, b))?;
        }
        if let Some(targets) = model.about.targets.take() {
            model.fold(model.layers.len() - 1, |w, b| fold_targets(&targets, w, b))?;
        }
        Ok(model)
    }

    /// Changes one layer, in `f64`.
    fn fold(&mut self, layer: usize, change: impl Fn(&mut [f64], &mut [f64])) -> Result<(), Error> {
        let wide = |values: &[T]| -> Vec<f64> { values.iter().map(|v| v.to_f64()).collect() };
        let narrow = |values: &[f64]| -> Vec<T> { values.iter().map(|&v| T::from_f64(v)).collect() };
        let (mut w, mut b) = (wide(&self.layers[layer].weights()), wide(self.layers[layer].bias()));
        change(&mut w, &mut b);
        let (w, b) = (narrow(&w), narrow(&b));
        if !w.iter().chain(&b).all(|v| v.is_finite()) {
            return Err(Error::Architecture(format!("a folded weight of layer {layer} is too large for {}", T::NAME)));
        }
        self.set_layer(layer, &w, &b)
    }
}

/// `W ((x − m) s) + b = (W s) x + (b − (W s) m)`
fn fold_inputs(inputs: &Standardisation, w: &mut [f64], b: &mut [f64]) {
    for (row, b) in w.chunks_exact_mut(inputs.columns()).zip(b) {
        for ((w, scale), mean) in row.iter_mut().zip(inputs.scale()).zip(inputs.mean()) {
            *w *= scale;
            *b -= *w * mean;
        }
    }
}

/// `(W a + b) / s + m = (W / s) a + (b / s + m)`
fn fold_targets(targets: &Standardisation, w: &mut [f64], b: &mut [f64]) {
    let inputs = w.len() / b.len();
    for (o, (row, b)) in w.chunks_exact_mut(inputs).zip(b).enumerate() {
        let (deviation, mean) = (targets.deviation(o), targets.mean()[o]);
        row.iter_mut().for_each(|w| *w *= deviation);
        *b = *b * deviation + mean;
    }
}
