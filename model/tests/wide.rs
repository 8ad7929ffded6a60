//! A net with a large layer, which a team shares layer by layer and whose gradient the update may never see whole: the equations hold there
//! as they do in the small nets that go through a batch in pieces, which other tests take.

use deltarule::{Activation, Loss, Mlp, Optimiser, Output, Plan, Targets, Trainer};

/// The first layer has 7,000 weights; up to 6,144 are small.
const WIDTHS: [usize; 3] = [100, 70, 3];
const ROWS: usize = 33;

const PAIRS: [(Output, Loss); 4] = [
    (Output::Linear, Loss::HalfSquaredError),
    (Output::Sigmoid, Loss::SquaredError),
    (Output::Sigmoid, Loss::LogLoss),
    (Output::Softmax, Loss::CrossEntropy),
];

/// Rows with targets of both kinds.
struct Batch {
    x: Vec<f64>,
    values: Vec<f64>,
    classes: Vec<u32>,
}

impl Batch {
    fn new() -> Self {
        let number = |i: usize| ((i * 7919 + 13) % 1009) as f64 / 504.5 - 1.0;
        Self {
            x: (0..ROWS * WIDTHS[0]).map(number).collect(),
            values: (0..ROWS * WIDTHS[2]).map(|i| number(i + 5).abs()).collect(),
            classes: (0..ROWS as u32).map(|row| row * 31 % 17 % 3).collect(),
        }
    }

    fn targets(&self, loss: Loss) -> Targets<'_, f64> {
        match loss {
            Loss::CrossEntropy => Targets::Classes(&self.classes),
            _ => Targets::Values(&self.values),
        }
    }
}

fn model(hidden: Activation, output: Output) -> Mlp<f64> {
    Mlp::builder(&WIDTHS).hidden(hidden).output(output).seed(11).build().expect("widths")
}

#[test]
fn gradients_equal_central_differences() {
    let batch = Batch::new();
    // One whose derivative is computed from what it made, and one from what it was given.
    for hidden in [Activation::Tanh, Activation::Gelu] {
        for (output, loss) in PAIRS {
            let check = model(hidden, output).check_gradient(loss, &batch.x, batch.targets(loss)).expect("shapes");
            assert!(check.worst < 1e-5, "{hidden} {output} {loss:?}: {check:?}");
            assert_eq!(check.checked, 2000);
        }
    }
}

/// `w − η dw`, of the same parameters before and after a step.
fn moved(before: &[f64], gradient: &[f64], after: &[f64], eta: f64, what: &str) {
    assert_eq!((before.len(), gradient.len()), (after.len(), after.len()), "{what}");
    for (i, ((w, dw), found)) in before.iter().zip(gradient).zip(after).enumerate() {
        let expected = w - eta * dw;
        assert!((found - expected).abs() <= 1e-14 * w.abs().max(1.0), "{what}, {i}: {found}, not {expected}");
    }
}

/// A rule as its authors write it: of a weight, its derivative, what the rule remembers of it and the number of the step, from 1.
type Formula = fn(f64, f64, &mut [f64; 2], usize) -> f64;

const ETA: f64 = 0.01;
const DECAY: f64 = 0.1;

fn momentum(w: f64, g: f64, [m, _]: &mut [f64; 2], _: usize) -> f64 {
    *m = 0.9 * *m + g;
    w - ETA * *m
}

fn nesterov(w: f64, g: f64, [m, _]: &mut [f64; 2], _: usize) -> f64 {
    *m = 0.9 * *m + g;
    w - ETA * (g + 0.9 * *m)
}

fn adam(w: f64, g: f64, [m, v]: &mut [f64; 2], t: usize) -> f64 {
    *m = 0.9 * *m + (1.0 - 0.9) * g;
    *v = 0.999 * *v + (1.0 - 0.999) * g * g;
    let without_bias = |moment: f64, beta: f64| moment / (1.0 - [beta].repeat(t).iter().product::<f64>());
    w - ETA * without_bias(*m, 0.9) / (without_bias(*v, 0.999).sqrt() + 1e-8)
}

fn adamw(w: f64, g: f64, moments: &mut [f64; 2], t: usize) -> f64 {
    adam(w - ETA * DECAY * w, g, moments, t)
}

/// All weights and biases, or their derivatives, in one order.
fn numbers(layers: impl IntoIterator<Item = (Vec<f64>, Vec<f64>)>) -> Vec<f64> {
    layers.into_iter().flat_map(|(w, b)| w.into_iter().chain(b)).collect()
}

fn parameters(model: &Mlp<f64>) -> Vec<f64> {
    numbers(model.layers().iter().map(|layer| (layer.weights(), layer.bias().to_vec())))
}

/// Step by step, with the gradient that the first test knows to be right, and moments that are kept here.
#[test]
fn steps_of_rules_with_moments_are_their_formulas() {
    let batch = Batch::new();
    let rules: [(Optimiser, Formula); 4] = [
        (Optimiser::momentum(), momentum),
        (Optimiser::nesterov(), nesterov),
        (Optimiser::adam(), adam),
        (Optimiser::adamw().l2(DECAY).decay_biases(true), adamw),
    ];
    for (optimiser, formula) in rules {
        for fused in [true, false] {
            let plan = Plan::new(Loss::CrossEntropy).optimiser(optimiser.rate(ETA)).fused(fused);
            let mut trainer = Trainer::new(model(Activation::Tanh, Output::Softmax), plan).expect("a plan that fits");
            let mut moments = vec![[0.0; 2]; parameters(trainer.model()).len()];
            for t in 1..=4 {
                let targets = || batch.targets(Loss::CrossEntropy);
                let before = parameters(trainer.model());
                let (_, gradients) =
                    trainer.model().gradients(Loss::CrossEntropy, &batch.x, targets()).expect("shapes");
                let gradient = numbers(gradients.layers);
                trainer.step(&batch.x, targets()).expect("finite");
                let after = parameters(trainer.model());
                assert_eq!((gradient.len(), after.len()), (moments.len(), moments.len()));
                for (i, moments) in moments.iter_mut().enumerate() {
                    let (found, expected) = (after[i], formula(before[i], gradient[i], moments, t));
                    let error = (found - expected).abs();
                    assert!(
                        error <= 1e-14 * before[i].abs().max(1.0),
                        "{:?}, fused {fused}, step {t}, {i}: {found}, not {expected}",
                        optimiser.rule
                    );
                }
            }
        }
    }
}

/// With the gradient that the first test knows to be right; applied while it is in registers, and kept first.
#[test]
fn a_step_is_the_delta_rule() {
    let (batch, eta) = (Batch::new(), 0.3);
    for (output, loss) in PAIRS {
        let model = model(Activation::Tanh, output);
        let (value, gradients) = model.gradients(loss, &batch.x, batch.targets(loss)).expect("shapes that fit");
        for fused in [true, false] {
            let plan = Plan::new(loss).optimiser(Optimiser::sgd().rate(eta)).fused(fused);
            let mut trainer = Trainer::new(model.clone(), plan).expect("a plan that fits");
            let before = trainer.step(&batch.x, batch.targets(loss)).expect("finite");
            assert_eq!(before.to_bits(), value.to_bits(), "{output} {loss:?}: the loss before the step");
            let layers = model.layers().iter().zip(trainer.model().layers());
            for (l, ((old, new), (dw, db))) in layers.zip(&gradients.layers).enumerate() {
                let what = |part| format!("{output} {loss:?}, fused {fused}, layer {l}, {part}");
                moved(&old.weights(), dw, &new.weights(), eta, &what("weights"));
                moved(old.bias(), db, new.bias(), eta, &what("bias"));
            }
        }
    }
}
