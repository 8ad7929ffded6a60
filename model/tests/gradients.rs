//! Gradients in `f64` against central differences and against the complex step, for every activation and every loss.
//!
//! The complex step, `Im L(w + i h) / h` with a tiny `h`, has no cancellation: it is good to the last digits, where a
//! difference quotient loses half of them. It needs the loss as a function of complex numbers, so the forward pass is
//! written here once more, on complex numbers and without any of the crate's code.

#![expect(clippy::disallowed_methods, reason = "definitions, which are compared within a bound")]

use deltarule::{Activation, Loss, Mlp, Named, Output, Targets};
use std::ops::{Add, Div, Mul, Neg, Sub};

#[derive(Clone, Copy, Debug)]
struct Complex(f64, f64);

impl Add for Complex {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        Complex(self.0 + o.0, self.1 + o.1)
    }
}
impl Sub for Complex {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        Complex(self.0 - o.0, self.1 - o.1)
    }
}
impl Mul for Complex {
    type Output = Self;
    fn mul(self, o: Self) -> Self {
        Complex(self.0 * o.0 - self.1 * o.1, self.0 * o.1 + self.1 * o.0)
    }
}
impl Div for Complex {
    type Output = Self;
    fn div(self, o: Self) -> Self {
        let n = o.0 * o.0 + o.1 * o.1;
        Complex((self.0 * o.0 + self.1 * o.1) / n, (self.1 * o.0 - self.0 * o.1) / n)
    }
}
impl Neg for Complex {
    type Output = Self;
    fn neg(self) -> Self {
        Complex(-self.0, -self.1)
    }
}

fn real(x: f64) -> Complex {
    Complex(x, 0.0)
}

impl Complex {
    fn exp(self) -> Self {
        Complex(self.0.exp() * self.1.cos(), self.0.exp() * self.1.sin())
    }
    fn ln(self) -> Self {
        Complex(self.0.hypot(self.1).ln(), self.1.atan2(self.0))
    }
}

fn sigmoid(z: Complex) -> Complex {
    real(1.0) / (real(1.0) + (-z).exp())
}

fn tanh(z: Complex) -> Complex {
    let e = (real(2.0) * z).exp();
    (e - real(1.0)) / (e + real(1.0))
}

/// `erf` by its power series; the arguments here are small.
fn erf(z: Complex) -> Complex {
    let (mut term, mut sum) = (z, z);
    for n in 1..80 {
        term = -(term * z * z) / real(f64::from(n));
        sum = sum + term / real(f64::from(2 * n + 1));
    }
    sum * real(std::f64::consts::FRAC_2_SQRT_PI)
}

fn activate(activation: Activation, z: Complex) -> Complex {
    let half = real(0.5);
    match activation {
        Activation::Relu => {
            if z.0 > 0.0 {
                z
            } else {
                real(0.0)
            }
        }
        Activation::LeakyRelu { slope } => {
            if z.0 > 0.0 {
                z
            } else {
                real(slope) * z
            }
        }
        Activation::Sigmoid => sigmoid(z),
        Activation::Tanh => tanh(z),
        Activation::Gelu => half * z * (real(1.0) + erf(z * real(std::f64::consts::FRAC_1_SQRT_2))),
        Activation::GeluTanh => {
            let inner = real((2.0 / std::f64::consts::PI).sqrt()) * (z + real(0.044715) * z * z * z);
            half * z * (real(1.0) + tanh(inner))
        }
        Activation::Silu => z * sigmoid(z),
        Activation::Identity => z,
    }
}

const PAIRS: [(Output, Loss); 6] = [
    (Output::Linear, Loss::HalfSquaredError),
    (Output::Linear, Loss::SquaredError),
    (Output::Sigmoid, Loss::HalfSquaredError),
    (Output::Sigmoid, Loss::SquaredError),
    (Output::Sigmoid, Loss::LogLoss),
    (Output::Softmax, Loss::CrossEntropy),
];

const WIDTHS: [usize; 4] = [3, 5, 4, 3];
const X: [f64; 6] = [0.31, -0.72, 0.55, -0.15, 0.83, 0.27];
const VALUES: [f64; 6] = [1.0, 0.0, 0.25, 0.0, 1.0, 0.75];
const CLASSES: [u32; 2] = [2, 0];

fn targets(loss: Loss) -> Targets<'static, f64> {
    match loss {
        Loss::CrossEntropy => Targets::Classes(&CLASSES),
        _ => Targets::Values(&VALUES),
    }
}

fn model(activation: Activation, output: Output) -> Mlp<f64> {
    let mut model = Mlp::builder(&WIDTHS).hidden(activation).output(output).seed(11).build().expect("widths");
    for l in 0..3 {
        let (w, outputs) = (model.layers()[l].weights(), WIDTHS[l + 1]);
        let b: Vec<f64> = (0..outputs).map(|o| 0.1 * (o as f64 + 1.0) * if o % 2 == 0 { 1.0 } else { -1.0 }).collect();
        model.set_layer(l, &w, &b).expect("lengths that fit");
    }
    model
}

/// The mean loss, with `i h` added to one parameter.
fn loss_of(model: &Mlp<f64>, loss: Loss, moved: (usize, usize, usize), h: f64) -> Complex {
    let mut total = real(0.0);
    for r in 0..2 {
        let mut a: Vec<Complex> = X[r * 3..(r + 1) * 3].iter().map(|&x| real(x)).collect();
        for (l, layer) in model.layers().iter().enumerate() {
            let w = layer.weights();
            a = (0..layer.outputs())
                .map(|o| {
                    let shift = |i| if moved == (l, o, i) { h } else { 0.0 };
                    let bias = Complex(layer.bias()[o], shift(layer.inputs()));
                    let z =
                        (0..layer.inputs()).fold(bias, |z, i| z + Complex(w[o * layer.inputs() + i], shift(i)) * a[i]);
                    activate(layer.activation(), z)
                })
                .collect();
        }
        total = total + row_loss(model.output(), loss, &a, r);
    }
    total / real(2.0)
}

fn row_loss(output: Output, loss: Loss, z: &[Complex], r: usize) -> Complex {
    let sum = |terms: Vec<Complex>| terms.into_iter().fold(real(0.0), |s, t| s + t);
    if loss == Loss::CrossEntropy {
        return sum(z.iter().map(|z| z.exp()).collect()).ln() - z[CLASSES[r] as usize];
    }
    let terms = z.iter().enumerate().map(|(o, &z)| {
        let a = if output == Output::Sigmoid { sigmoid(z) } else { z };
        let y = real(VALUES[r * 3 + o]);
        match loss {
            Loss::HalfSquaredError => real(0.5) * (y - a) * (y - a),
            Loss::SquaredError => (y - a) * (y - a) / real(3.0),
            _ => -(y * a.ln() + (real(1.0) - y) * (real(1.0) - a).ln()),
        }
    });
    sum(terms.collect())
}

#[test]
fn back_propagation_equals_the_complex_step() {
    let h = 1e-40;
    for &activation in Activation::ALL {
        for (output, loss) in PAIRS {
            let model = model(activation, output);
            let (value, gradients) = model.gradients(loss, &X, targets(loss)).expect("shapes that fit");
            let naive = loss_of(&model, loss, (9, 9, 9), 0.0).0;
            assert!((value - naive).abs() <= 1e-13 * naive.abs().max(1.0), "{activation:?} {loss:?}: {value} {naive}");
            for (l, (dw, db)) in gradients.layers.iter().enumerate() {
                let inputs = WIDTHS[l];
                for o in 0..WIDTHS[l + 1] {
                    for i in 0..=inputs {
                        let found = if i == inputs { db[o] } else { dw[o * inputs + i] };
                        let exact = loss_of(&model, loss, (l, o, i), h).1 / h;
                        assert!(
                            (found - exact).abs() <= 1e-13 * exact.abs().max(1.0),
                            "{activation:?} {output:?} {loss:?}: layer {l}, output {o}, input {i}: {found}, not {exact}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn back_propagation_equals_central_differences() {
    for &activation in Activation::ALL {
        for (output, loss) in PAIRS {
            let check = model(activation, output).check_gradient(loss, &X, targets(loss)).expect("shapes that fit");
            assert!(check.worst < 1e-6, "{activation:?} {output:?} {loss:?}: {check:?}");
            assert_eq!(check.checked, 3 * 5 + 5 + 5 * 4 + 4 + 4 * 3 + 3);
        }
    }
}

/// All of them NaN are no perfect ones.
#[test]
fn gradients_that_are_no_numbers_are_wrong() {
    let mut model = Mlp::<f64>::builder(&[1, 2]).output(Output::Softmax).build().expect("widths");
    model.set_layer(0, &[1e300, 1e300], &[0.0, 0.0]).expect("two weights and two biases");
    let check = model.check_gradient(Loss::CrossEntropy, &[1e300], Targets::Classes(&[0])).expect("shapes that fit");
    assert!(check.worst.is_nan(), "{check:?}");
}

#[test]
fn single_precision_gradients_are_right_too() {
    for &activation in Activation::ALL {
        for (output, loss) in PAIRS {
            let narrow: Mlp<f32> = model(activation, output).cast();
            let x: Vec<f32> = X.iter().map(|&x| x as f32).collect();
            let y: Vec<f32> = VALUES.iter().map(|&y| y as f32).collect();
            let targets = match loss {
                Loss::CrossEntropy => Targets::Classes(&CLASSES),
                _ => Targets::Values(&y),
            };
            let check = narrow.check_gradient(loss, &x, targets).expect("shapes that fit");
            assert!(check.worst < 1e-3, "{activation:?} {output:?} {loss:?}: {check:?}");
        }
    }
}
