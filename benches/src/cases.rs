//! The nets whose training steps are timed, and their data.

use crate::options::Options;
use crate::problem::{next_index, next_uniform};
use deltarule::{Activation, Loss, Mlp, Optimiser, Output, Plan, Targets, Trainer};

/// One net, its batch, loss and optimiser.
#[derive(Clone, Debug)]
pub struct Case {
    /// The name in the table.
    pub name: String,
    /// Inputs, hidden layers, outputs.
    pub widths: Vec<usize>,
    /// Rows of a step.
    pub batch: usize,
    /// Of the hidden layers.
    pub activation: Activation,
    /// What is minimised.
    pub loss: Loss,
    /// Adam instead of plain gradient descent.
    pub adam: bool,
}

/// Inputs and labels of one batch.
pub struct Batch {
    x: Vec<f32>,
    values: Vec<f32>,
    classes: Vec<u32>,
}

impl Batch {
    /// Inputs, row by row.
    pub fn x(&self) -> &[f32] {
        &self.x
    }

    /// The labels in the form that the case's loss takes.
    pub fn targets(&self) -> Targets<'_, f32> {
        if self.classes.is_empty() { Targets::Values(&self.values) } else { Targets::Classes(&self.classes) }
    }
}

impl Case {
    fn new(name: &str, widths: &[usize], batch: usize, activation: Activation, loss: Loss, adam: bool) -> Self {
        Self { name: name.to_owned(), widths: widths.to_vec(), batch, activation, loss, adam }
    }

    /// Floating-point operations of the products of a step: forward and weight gradient for every layer, the error sent
    /// down for all but the first.
    pub fn flops(&self) -> f64 {
        let pairs = self.widths.windows(2).map(|pair| (pair[0] * pair[1]) as f64);
        let products: f64 = pairs.enumerate().map(|(l, size)| if l == 0 { 2.0 * size } else { 3.0 * size }).sum();
        2.0 * self.batch as f64 * products
    }

    /// A trainer of this net, ready to step.
    ///
    /// # Errors
    /// The net cannot be built.
    pub fn trainer(&self, threads: usize) -> Result<Trainer<f32>, deltarule::Error> {
        let output = match self.loss {
            Loss::CrossEntropy => Output::Softmax,
            Loss::LogLoss => Output::Sigmoid,
            _ => Output::Linear,
        };
        let model = Mlp::<f32>::builder(&self.widths).hidden(self.activation).output(output).seed(1).build()?;
        let optimiser = if self.adam { Optimiser::adam() } else { Optimiser::sgd() };
        Trainer::new(model, Plan::new(self.loss).optimiser(optimiser.rate(1e-3)).batch(self.batch).threads(threads))
    }

    /// One batch of noise, the same in every run.
    pub fn data(&self) -> Batch {
        let mut state = 0x1234_5678_9abc_def1;
        let (inputs, outputs) = (self.widths[0], self.widths[self.widths.len() - 1]);
        let x = (0..self.batch * inputs).map(|_| next_uniform(&mut state) as f32).collect();
        let classes = match self.loss {
            Loss::CrossEntropy => (0..self.batch).map(|_| next_index(&mut state, outputs) as u32).collect(),
            _ => Vec::new(),
        };
        let value = |state: &mut u64| match self.loss {
            Loss::LogLoss => next_index(state, 2) as f32,
            _ => next_uniform(state) as f32,
        };
        let values = (0..self.batch * outputs).map(|_| value(&mut state)).collect();
        Batch { x, values, classes }
    }
}

/// The steps timed when no `--layers` is given.
pub fn default_set() -> Vec<Case> {
    use Activation::{Relu, Sigmoid, Tanh};
    use Loss::{CrossEntropy, LogLoss, SquaredError};
    let mnist = [784, 128, 10];
    vec![
        Case::new("seed 1-16-1 b32 sigmoid mse", &[1, 16, 1], 32, Sigmoid, SquaredError, false),
        Case::new("tab 13-64-32-1 b64 relu mse", &[13, 64, 32, 1], 64, Relu, SquaredError, false),
        Case::new("tab 30-64-1 b32 relu logloss", &[30, 64, 1], 32, Relu, LogLoss, false),
        Case::new("mnist 784-128-10 b32 relu ce", &mnist, 32, Relu, CrossEntropy, false),
        Case::new("mnist 784-128-10 b128 relu ce", &mnist, 128, Relu, CrossEntropy, false),
        Case::new("mnist 784-128-10 b128 sigmoid ce", &mnist, 128, Sigmoid, CrossEntropy, false),
        Case::new("mnist 784-128-10 b128 relu ce adam", &mnist, 128, Relu, CrossEntropy, true),
        Case::new("deep 784-512-512-10 b256 relu ce", &[784, 512, 512, 10], 256, Relu, CrossEntropy, false),
        Case::new("wide 1024-4096-1024 b512 relu mse", &[1024, 4096, 1024], 512, Relu, SquaredError, false),
        Case::new("simplechains 4-32-16-4 b10000 tanh mse adam", &[4, 32, 16, 4], 10_000, Tanh, SquaredError, true),
    ]
}

/// The cases that the command line asks for.
///
/// # Errors
/// A net that cannot be read, or no case of the name that is asked for.
pub fn chosen(options: &Options) -> Result<Vec<Case>, String> {
    let cases = match &options.layers {
        Some(layers) => vec![given(options, layers)?],
        None => default_set(),
    };
    options.only(cases, |case| &case.name)
}

/// The net of `--layers` and its kin.
fn given(options: &Options, layers: &str) -> Result<Case, String> {
    let widths: Result<Vec<usize>, _> = layers.split('-').map(str::parse).collect();
    let widths = match widths {
        Ok(widths) if widths.len() >= 2 && !widths.contains(&0) => widths,
        _ => return Err(format!("--layers {layers}: expected widths like 784-128-10")),
    };
    let activation = options.activation.as_deref().unwrap_or("relu");
    let activation: Activation = activation.parse().map_err(|e| format!("--activation {activation}: {e}"))?;
    let (loss_name, loss) = match options.loss.as_deref().unwrap_or("ce") {
        "ce" => ("ce", Loss::CrossEntropy),
        "mse" => ("mse", Loss::SquaredError),
        "half" => ("half", Loss::HalfSquaredError),
        "logloss" => ("logloss", Loss::LogLoss),
        other => return Err(format!("--loss {other}: expected ce, mse, half or logloss")),
    };
    let adam = match options.optimizer.as_deref().unwrap_or("sgd") {
        "sgd" => false,
        "adam" => true,
        other => return Err(format!("--optimizer {other}: expected sgd or adam")),
    };
    let batch = options.batch.unwrap_or(128);
    let name = format!("{layers} b{batch} {activation} {loss_name}{}", if adam { " adam" } else { "" });
    Ok(Case { name, widths, batch, activation, loss, adam })
}
