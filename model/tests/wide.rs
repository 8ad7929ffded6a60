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

/// With the gradient that the test above knows to be right; applied while it is in registers, and kept first.
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
