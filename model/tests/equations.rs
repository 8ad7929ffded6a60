//! S1 to S15: each equation of the two-layer net, written out naively in `f64`, against what the crate computes.
//!
//! One column `x` at a time, as the equations have it; the crate gets the same numbers as rows of a batch.

#![expect(clippy::disallowed_methods, reason = "definitions, which are compared within a bound")]

use deltarule::{Activation, Dataset, Gradients, Loss, Mlp, Optimiser, Output, Plan, Scratch, Targets, Trainer};
use std::ops::ControlFlow;

const INPUTS: usize = 3;
const HIDDEN: usize = 4;
const OUTPUTS: usize = 2;
const X: [f64; INPUTS] = [0.7, -1.3, 0.25];
const Y: [f64; OUTPUTS] = [1.0, 0.0];

/// `W1 b1 W2 b2`
struct Net {
    w1: [[f64; INPUTS]; HIDDEN],
    b1: [f64; HIDDEN],
    w2: [[f64; HIDDEN]; OUTPUTS],
    b2: [f64; OUTPUTS],
}

fn net() -> Net {
    let number = |i: usize| ((i * 37 + 11) % 29) as f64 / 14.5 - 1.0;
    Net {
        w1: std::array::from_fn(|o| std::array::from_fn(|i| number(o * INPUTS + i))),
        b1: std::array::from_fn(|o| number(100 + o)),
        w2: std::array::from_fn(|o| std::array::from_fn(|i| number(200 + o * HIDDEN + i))),
        b2: std::array::from_fn(|o| number(300 + o)),
    }
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

fn sigmoid_slope(z: f64) -> f64 {
    sigmoid(z) * (1.0 - sigmoid(z))
}

/// `W x + b`
fn affine<const I: usize, const O: usize>(w: &[[f64; I]; O], x: &[f64; I], b: &[f64; O]) -> [f64; O] {
    std::array::from_fn(|o| w[o].iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + b[o])
}

/// `d xᵀ`, row by row.
fn outer(d: &[f64], x: &[f64]) -> Vec<f64> {
    d.iter().flat_map(|d| x.iter().map(move |x| d * x)).collect()
}

impl Net {
    fn z1(&self) -> [f64; HIDDEN] {
        affine(&self.w1, &X, &self.b1)
    }

    fn z2(&self, g: fn(f64) -> f64) -> [f64; OUTPUTS] {
        affine(&self.w2, &self.z1().map(g), &self.b2)
    }

    /// `W2ᵀ d ⊙ g′(z1)`
    fn back(&self, d: &[f64], slope: fn(f64) -> f64) -> [f64; HIDDEN] {
        let z1 = self.z1();
        std::array::from_fn(|h| (0..OUTPUTS).map(|o| self.w2[o][h] * d[o]).sum::<f64>() * slope(z1[h]))
    }

    /// The crate's model with these weights.
    fn model(&self, hidden: Activation, output: Output) -> Mlp<f64> {
        let description = Mlp::builder(&[INPUTS, HIDDEN, OUTPUTS]).hidden(hidden).output(output);
        let parameters = [(self.w1.concat(), self.b1.to_vec()), (self.w2.concat(), self.b2.to_vec())];
        Mlp::from_parameters(&description, &parameters).expect("weights that fit")
    }

    /// The crate's gradients for (X, Y).
    fn gradients(&self, output: Output, loss: Loss) -> (f64, Gradients<f64>) {
        self.model(Activation::Sigmoid, output).gradients(loss, &X, Targets::Values(&Y)).expect("shapes that fit")
    }
}

fn same(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= 1e-14 * b.abs().max(1.0), "{what}: element {i} is {a}, the equation says {b}");
    }
}

fn predict(model: &Mlp<f64>, x: &[f64]) -> Vec<f64> {
    model.predict(x, &mut Scratch::new()).expect("whole rows").to_vec()
}

/// A single layer of the model: what comes out of it is `g(W x + b)`.
fn single(w: &[Vec<f64>], b: &[f64], output: Output) -> Mlp<f64> {
    let description = Mlp::builder(&[w[0].len(), w.len()]).output(output);
    Mlp::from_parameters(&description, &[(w.concat(), b.to_vec())]).expect("weights that fit")
}

/// The model whose outputs are the hidden activations `a1`: its second layer is the identity.
fn hidden_shown(net: &Net, hidden: Activation) -> Mlp<f64> {
    let identity: Vec<f64> = (0..HIDDEN * HIDDEN).map(|i| f64::from(u8::from(i % (HIDDEN + 1) == 0))).collect();
    let description = Mlp::builder(&[INPUTS, HIDDEN, HIDDEN]).hidden(hidden);
    let parameters = [(net.w1.concat(), net.b1.to_vec()), (identity, vec![0.0; HIDDEN])];
    Mlp::from_parameters(&description, &parameters).expect("weights that fit")
}

/// z1 = W1 x + b1
#[test]
fn s1_first_layer_is_affine() {
    let net = net();
    let model = single(&net.w1.map(|row| row.to_vec()), &net.b1, Output::Linear);
    same(&predict(&model, &X), &net.z1(), "z1");
}

/// a1 = g(z1), with the sigmoid
#[test]
fn s2_hidden_activation() {
    let net = net();
    same(&predict(&hidden_shown(&net, Activation::Sigmoid), &X), &net.z1().map(sigmoid), "a1");
    same(&predict(&hidden_shown(&net, Activation::Tanh), &X), &net.z1().map(f64::tanh), "a1 with tanh");
}

/// z2 = W2 a1 + b2
#[test]
fn s3_second_layer_is_affine() {
    let net = net();
    let model = net.model(Activation::Sigmoid, Output::Linear);
    same(&predict(&model, &X), &net.z2(sigmoid), "z2");
}

/// a2 = z2, or a2 = σ(z2)
#[test]
fn s4_output_is_a_number_or_a_probability() {
    let net = net();
    let linear = net.model(Activation::Sigmoid, Output::Linear);
    same(&predict(&linear, &X), &net.z2(sigmoid), "linear a2");
    let probability = net.model(Activation::Sigmoid, Output::Sigmoid);
    same(&predict(&probability, &X), &net.z2(sigmoid).map(sigmoid), "sigmoid a2");
}

/// L = ½ Σ (y − a2)²; without the ½ (and as a mean over the outputs) it is the other loss, by name
#[test]
fn s5_squared_error_in_both_conventions() {
    let net = net();
    let square: f64 = net.z2(sigmoid).iter().zip(Y).map(|(a, y)| (y - a) * (y - a)).sum();
    let (half, gradient) = net.gradients(Output::Linear, Loss::HalfSquaredError);
    same(&[half], &[0.5 * square], "half squared error");
    let (mean, doubled) = net.gradients(Output::Linear, Loss::SquaredError);
    same(&[mean], &[square / OUTPUTS as f64], "mean squared error");
    let factor = 2.0 / OUTPUTS as f64;
    let expected: Vec<f64> = gradient.layers[0].0.iter().map(|g| factor * g).collect();
    same(&doubled.layers[0].0, &expected, "the gradient without the ½ has the factor 2 (over the outputs)");
}

/// ∂L/∂W2 = (a2 − y) a1ᵀ
#[test]
fn s6_gradient_of_w2() {
    let net = net();
    let d = net.error();
    let (_, gradients) = net.gradients(Output::Linear, Loss::HalfSquaredError);
    same(&gradients.layers[1].0, &outer(&d, &net.z1().map(sigmoid)), "dW2");
}

/// ∂L/∂b2 = a2 − y
#[test]
fn s7_gradient_of_b2() {
    let net = net();
    let (_, gradients) = net.gradients(Output::Linear, Loss::HalfSquaredError);
    same(&gradients.layers[1].1, &net.error(), "db2");
}

impl Net {
    /// `a2 − y` of the linear net
    fn error(&self) -> [f64; OUTPUTS] {
        let z2 = self.z2(sigmoid);
        std::array::from_fn(|o| z2[o] - Y[o])
    }
}

/// ∂L/∂b1 = W2ᵀ(a2 − y) ⊙ g′(z1)
#[test]
fn s8_gradient_of_b1() {
    let net = net();
    let (_, gradients) = net.gradients(Output::Linear, Loss::HalfSquaredError);
    same(&gradients.layers[0].1, &net.back(&net.error(), sigmoid_slope), "db1");
}

/// ∂L/∂W1 = [W2ᵀ(a2 − y) ⊙ g′(z1)] xᵀ
#[test]
fn s9_gradient_of_w1() {
    let net = net();
    let (_, gradients) = net.gradients(Output::Linear, Loss::HalfSquaredError);
    same(&gradients.layers[0].0, &outer(&net.back(&net.error(), sigmoid_slope), &X), "dW1");
}

/// With a sigmoid output under squared error, (a2 − y) gains the factor σ′(z2)
#[test]
fn s10_sigmoid_output_under_squared_error() {
    let net = net();
    let z2 = net.z2(sigmoid);
    let d: [f64; OUTPUTS] = std::array::from_fn(|o| (sigmoid(z2[o]) - Y[o]) * sigmoid_slope(z2[o]));
    let (loss, gradients) = net.gradients(Output::Sigmoid, Loss::HalfSquaredError);
    let expected: f64 = z2.iter().zip(Y).map(|(z, y)| 0.5 * (y - sigmoid(*z)).powi(2)).sum();
    same(&[loss], &[expected], "loss");
    same(&gradients.layers[1].1, &d, "db2");
    same(&gradients.layers[1].0, &outer(&d, &net.z1().map(sigmoid)), "dW2");
    same(&gradients.layers[0].0, &outer(&net.back(&d, sigmoid_slope), &X), "dW1");
}

/// Hidden layers use ReLU, with g′(0) = 0
#[test]
fn s11_relu_hidden_layers() {
    let mut net = net();
    // The first hidden unit sits exactly on the kink.
    net.w1[0] = [0.0; INPUTS];
    net.b1[0] = 0.0;
    let relu: fn(f64) -> f64 = |z| z.max(0.0);
    let slope: fn(f64) -> f64 = |z| f64::from(u8::from(z > 0.0));
    let z2 = net.z2(relu);
    let d: [f64; OUTPUTS] = std::array::from_fn(|o| z2[o] - Y[o]);
    let model = net.model(Activation::Relu, Output::Linear);
    same(&predict(&model, &X), &z2, "z2");
    let (_, gradients) = model.gradients(Loss::HalfSquaredError, &X, Targets::Values(&Y)).expect("shapes that fit");
    same(&gradients.layers[0].1, &net.back(&d, slope), "db1");
    assert_eq!(gradients.layers[0].1[0], 0.0, "g′(0) = 0");
    let default = Mlp::<f64>::builder(&[2, 3, 1]).build().expect("widths");
    assert_eq!(default.hidden(), Activation::Relu, "and it is the default");
}

/// L = −[y log a2 + (1 − y) log(1 − a2)], a2 = σ(z2)
#[test]
fn s12_log_loss() {
    let net = net();
    let a2 = net.z2(sigmoid).map(sigmoid);
    let expected: f64 = a2.iter().zip(Y).map(|(a, y)| -(y * a.ln() + (1.0 - y) * (1.0 - a).ln())).sum();
    let (loss, _) = net.gradients(Output::Sigmoid, Loss::LogLoss);
    same(&[loss], &[expected], "log loss");
}

/// Log loss with sigmoid: ∂L/∂z2 = a2 − y, so ∂L/∂W2 = (a2 − y) a1ᵀ, the same rule as linear with squared error
#[test]
fn s13_log_loss_gradient_is_the_delta_rule() {
    let net = net();
    let z2 = net.z2(sigmoid);
    let d: [f64; OUTPUTS] = std::array::from_fn(|o| sigmoid(z2[o]) - Y[o]);
    let (_, gradients) = net.gradients(Output::Sigmoid, Loss::LogLoss);
    same(&gradients.layers[1].1, &d, "db2");
    same(&gradients.layers[1].0, &outer(&d, &net.z1().map(sigmoid)), "dW2");
    same(&gradients.layers[0].1, &net.back(&d, sigmoid_slope), "db1");
    same(&gradients.layers[0].0, &outer(&net.back(&d, sigmoid_slope), &X), "dW1");
}

/// "The results of the two methods are comparable": squared error and log loss classify a data set alike
#[test]
fn s14_the_two_methods_are_comparable() {
    let data = two_rings();
    let (train, test) = data.split(0.25, 1).expect("two parts");
    let accuracy = |output, loss| {
        let model = Mlp::<f64>::builder(&[2, 16, 1])
            .hidden(Activation::Sigmoid)
            .output(output)
            .seed(3)
            .build()
            .expect("widths");
        let plan = Plan::new(loss).optimiser(Optimiser::adam().rate(0.02)).epochs(150).batch(16);
        let mut trainer = Trainer::new(model, plan).expect("a plan that fits");
        trainer.fit(&train, None, |_| ControlFlow::Continue(())).expect("finite");
        trainer.model().evaluate(loss, &test, &mut Scratch::new()).expect("data that fits").score()
    };
    let squared = accuracy(Output::Linear, Loss::HalfSquaredError);
    let log = accuracy(Output::Sigmoid, Loss::LogLoss);
    assert!(squared > 0.95 && log > 0.95, "squared error {squared}, log loss {log}");
    assert!((squared - log).abs() <= 0.05, "squared error {squared}, log loss {log}");
}

/// Points within a circle and on a ring around it.
fn two_rings() -> Dataset<f64> {
    let (mut x, mut classes) = (Vec::new(), Vec::new());
    for i in 0..400u32 {
        let class = i % 2;
        let angle = f64::from(i) * 2.399963;
        let radius = f64::from(class) + 0.4 + 0.3 * f64::from(i * 7919 % 100) / 100.0;
        x.extend([radius * angle.cos(), radius * angle.sin()]);
        classes.push(class);
    }
    Dataset::with_classes(x, 2, classes, 2).expect("good data")
}

/// W ← W − η ∂L/∂W, b ← b − η ∂L/∂b
#[test]
fn s15_the_delta_rule() {
    let net = net();
    let eta = 0.3;
    let (loss, gradients) = net.gradients(Output::Linear, Loss::HalfSquaredError);
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(eta));
    let mut trainer = Trainer::new(net.model(Activation::Sigmoid, Output::Linear), plan).expect("a plan that fits");
    let before = trainer.step(&X, Targets::Values(&Y)).expect("finite");
    assert_eq!(before.to_bits(), loss.to_bits(), "a step returns the loss before it");
    let old = [(net.w1.concat(), net.b1.to_vec()), (net.w2.concat(), net.b2.to_vec())];
    for (l, ((w, b), (dw, db))) in old.iter().zip(&gradients.layers).enumerate() {
        let moved = |p: &[f64], g: &[f64]| -> Vec<f64> { p.iter().zip(g).map(|(p, g)| p - eta * g).collect() };
        let layer = &trainer.model().layers()[l];
        same(&layer.weights(), &moved(w, dw), "W − η dW");
        same(layer.bias(), &moved(b, db), "b − η db");
    }
}

/// The mean over the rows of a batch is what is minimised: its gradient is the mean of the rows' gradients
#[test]
fn a_batch_is_the_mean_of_its_rows() {
    let net = net();
    let model = net.model(Activation::Sigmoid, Output::Linear);
    let rows: Vec<f64> = X.iter().chain(&[1.5, 0.5, -0.25]).chain(&[0.0, 2.0, 1.0]).copied().collect();
    let targets = [1.0, 0.0, 0.5, -0.5, 0.25, 2.0];
    let loss = Loss::HalfSquaredError;
    let (mean, whole) = model.gradients(loss, &rows, Targets::Values(&targets)).expect("shapes that fit");
    let parts: Vec<_> = (0..3)
        .map(|r| {
            let y = Targets::Values(&targets[r * OUTPUTS..(r + 1) * OUTPUTS]);
            model.gradients(loss, &rows[r * INPUTS..(r + 1) * INPUTS], y).expect("shapes that fit")
        })
        .collect();
    same(&[mean], &[parts.iter().map(|(l, _)| l).sum::<f64>() / 3.0], "loss");
    let expected: Vec<f64> =
        (0..INPUTS * HIDDEN).map(|i| parts.iter().map(|(_, g)| g.layers[0].0[i]).sum::<f64>() / 3.0).collect();
    same(&whole.layers[0].0, &expected, "dW1");
}
