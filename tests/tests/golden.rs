//! Short trainings with everything that draws from a seed or follows the time: what came of them once must come of them for ever, on every tier
//! with fused multiply-add. That tiers agree with each other, the test of bits says; that they agree with last year, only this one.

use deltarule::{Activation, Dataset, Element, Loss, Mlp, Optimiser, Output, Plan, Schedule, Standardisation, Trainer};
use deltarule_kernels::Isa;
use deltarule_tests::fingerprint::hash;
use deltarule_tests::random::Random;
use deltarule_tests::tiers;
use std::ops::ControlFlow::Continue;

/// The hash of all losses and of the last weights.
fn trained<T: Element>([columns, hidden, classes]: [usize; 3], activation: Activation, plan: Plan) -> String {
    let mut random = Random::new(6);
    let x: Vec<T> = (0..200 * columns).map(|_| T::from_f64(5.0 + random.uniform())).collect();
    let labels: Vec<u32> = (0..200).map(|_| random.below(classes) as u32).collect();
    let data = Dataset::with_classes(x, columns, labels, classes).unwrap();
    let (train, held_out) = data.split(0.25, 1).unwrap();
    let output = match plan.loss {
        Loss::CrossEntropy => Output::Softmax,
        Loss::LogLoss => Output::Sigmoid,
        _ => Output::Linear,
    };
    let standardisation = Standardisation::of_inputs(&train);
    let builder = Mlp::<T>::builder(&[columns, hidden, classes]).hidden(activation).output(output);
    let model = builder.standardise(standardisation).seed(1).build().unwrap();
    let mut trainer = Trainer::new(model, plan).unwrap();
    trainer.fit(&train, Some(&held_out), |_| Continue(())).unwrap();
    let losses: Vec<f64> =
        trainer.history().iter().flat_map(|record| [Some(record.loss), record.validation_loss]).flatten().collect();
    let mut all = hash(&losses);
    for layer in trainer.model().layers() {
        all = all.rotate_left(7) ^ hash(&layer.weights()) ^ hash(layer.bias()).rotate_left(3);
    }
    format!("{all:#018x}")
}

/// A change of these numbers changes every training run there ever was: it is for the CHANGELOG, if it has to be.
#[test]
fn a_seed_means_the_same_run_for_ever() {
    if Isa::current() == Isa::Portable {
        return tiers::skipped("without fused multiply-add bits may differ");
    }
    let plan = |loss, optimiser: Optimiser| Plan::new(loss).optimiser(optimiser).epochs(4).batch(32).seed(3);
    let adam = plan(Loss::CrossEntropy, Optimiser::adam().rate(0.01)).schedule(Schedule::cosine(4).warm_up(0.5));
    let momentum = plan(Loss::HalfSquaredError, Optimiser::momentum().l2(1e-3)).schedule(Schedule::step(2, 0.5));
    let adamw = plan(Loss::LogLoss, Optimiser::adamw()).clip_norm(0.5);
    let found = [
        // Small layers, and a large one.
        trained::<f32>([6, 20, 3], Activation::Tanh, adam),
        trained::<f32>([100, 70, 3], Activation::Gelu, adam),
        trained::<f64>([6, 20, 3], Activation::Relu, momentum),
        trained::<f64>([100, 70, 3], Activation::Silu, adamw),
    ];
    assert_eq!(found, ["0xec435c0d07b28cdc", "0x4c87a61ad9b462e8", "0xe8f71476871cdaa6", "0x135743f29339ca80"]);
}
