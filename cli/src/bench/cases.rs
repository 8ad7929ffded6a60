//! The nets whose training steps are timed, and their data. Data is noise: a step's time does not depend on it.

use deltarule::{Activation, Error, Loss, Mlp, Optimiser, Output, Plan, Targets, Trainer};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The learning rate of every case: a step's time does not depend on it, and at this one no net runs away.
pub const RATE: f64 = 1e-3;

/// One net, and how it is trained.
#[derive(Clone, Debug)]
pub struct Case {
    /// The name in the table.
    pub name: String,
    /// Inputs, hidden layers, outputs.
    pub widths: Vec<usize>,
    /// Of the hidden layers.
    pub activation: Activation,
    /// Loss, optimiser, rows of a step.
    pub plan: Plan,
}

/// Inputs and labels of one batch.
pub struct Batch {
    /// Inputs, row by row.
    pub x: Vec<f32>,
    values: Vec<f32>,
    classes: Vec<u32>,
}

impl Batch {
    /// The labels in the form that the case's loss takes.
    pub fn targets(&self) -> Targets<'_, f32> {
        if self.classes.is_empty() { Targets::Values(&self.values) } else { Targets::Classes(&self.classes) }
    }
}

impl Case {
    fn new(name: &str, widths: &[usize], batch: usize, activation: Activation, loss: Loss) -> Self {
        let plan = Plan::new(loss).optimiser(Optimiser::sgd().rate(RATE)).batch(batch);
        Self { name: name.to_owned(), widths: widths.to_vec(), activation, plan }
    }

    fn with_adam(self) -> Self {
        Self { plan: self.plan.optimiser(Optimiser::adam().rate(RATE)), ..self }
    }

    /// Floating-point operations of the products of a step: forward and weight gradient for every layer, the error
    /// sent down for all but the first.
    pub fn flops(&self) -> f64 {
        let sizes = self.widths.windows(2).map(|pair| (pair[0] * pair[1]) as f64);
        let products: f64 =
            sizes.enumerate().map(|(layer, size)| if layer == 0 { 2.0 * size } else { 3.0 * size }).sum();
        2.0 * self.plan.batch as f64 * products
    }

    /// A trainer of this net, ready to step.
    ///
    /// # Errors
    /// The net cannot be built.
    pub fn trainer(&self, threads: usize) -> Result<Trainer<f32>, Error> {
        let output = match self.plan.loss {
            Loss::CrossEntropy => Output::Softmax,
            Loss::LogLoss => Output::Sigmoid,
            _ => Output::Linear,
        };
        let model = Mlp::<f32>::builder(&self.widths).hidden(self.activation).output(output).seed(1).build()?;
        Trainer::new(model, self.plan.threads(threads))
    }

    /// One batch of noise, the same in every run.
    pub fn data(&self) -> Batch {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let (inputs, outputs) = (self.widths[0], self.widths[self.widths.len() - 1]);
        let x = (0..self.plan.batch * inputs).map(|_| random.random_range(-1.0..1.0)).collect();
        let (mut values, mut classes) = (Vec::new(), Vec::new());
        match self.plan.loss {
            Loss::CrossEntropy => classes.extend((0..self.plan.batch).map(|_| random.random_range(0..outputs as u32))),
            Loss::LogLoss => {
                values.extend((0..self.plan.batch * outputs).map(|_| f32::from(u8::from(random.random::<bool>()))));
            }
            _ => values.extend((0..self.plan.batch * outputs).map(|_| random.random_range(-1.0f32..1.0))),
        }
        Batch { x, values, classes }
    }
}

/// The steps that are timed: from a handful of weights to millions.
pub fn all() -> Vec<Case> {
    use Activation::{Relu, Sigmoid, Tanh};
    use Loss::{CrossEntropy, LogLoss, SquaredError};
    let mnist = [784, 128, 10];
    vec![
        Case::new("seed 1-16-1 b32 sigmoid mse", &[1, 16, 1], 32, Sigmoid, SquaredError),
        Case::new("tab 13-64-32-1 b64 relu mse", &[13, 64, 32, 1], 64, Relu, SquaredError),
        Case::new("tab 30-64-1 b32 relu logloss", &[30, 64, 1], 32, Relu, LogLoss),
        Case::new("mnist 784-128-10 b32 relu ce", &mnist, 32, Relu, CrossEntropy),
        Case::new("mnist 784-128-10 b128 relu ce", &mnist, 128, Relu, CrossEntropy),
        Case::new("mnist 784-128-10 b128 sigmoid ce", &mnist, 128, Sigmoid, CrossEntropy),
        Case::new("mnist 784-128-10 b128 relu ce adam", &mnist, 128, Relu, CrossEntropy).with_adam(),
        Case::new("deep 784-512-512-10 b256 relu ce", &[784, 512, 512, 10], 256, Relu, CrossEntropy),
        Case::new("wide 1024-4096-1024 b512 relu mse", &[1024, 4096, 1024], 512, Relu, SquaredError),
        Case::new("simplechains 4-32-16-4 b10000 tanh mse adam", &[4, 32, 16, 4], 10_000, Tanh, SquaredError)
            .with_adam(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_products_of_a_step_are_counted() {
        let case = Case::new("", &[3, 5, 2], 7, Activation::Relu, Loss::SquaredError);
        assert_eq!(case.flops(), 2.0 * 7.0 * (2.0 * 15.0 + 3.0 * 10.0));
    }

    #[test]
    fn every_case_but_the_largest_steps() {
        for case in all().into_iter().filter(|case| case.flops() < 1e10) {
            let data = case.data();
            let mut trainer = case.trainer(1).expect("a sound net");
            let loss = trainer.step(&data.x, data.targets()).expect(&case.name);
            assert!(loss.is_finite(), "{}", case.name);
        }
    }
}
