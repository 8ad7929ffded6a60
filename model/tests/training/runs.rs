//! The training loop: what is learnt, clipped, decayed, measured and told.

use crate::line::{line, linear, weights};
use deltarule::{
    Activation, Dataset, Element, Finish, Labels, Loss, Mlp, Optimiser, Output, Plan, Progress, Rule, Scores, Scratch,
    Standardisation, Targets, Trainer,
};
use std::ops::ControlFlow::{Break, Continue};

#[test]
fn it_learns_a_line() {
    let data = line(60);
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd()).epochs(100).batch(10);
    let mut trainer = Trainer::new(linear(), plan).expect("a plan that fits");
    assert_eq!(trainer.fit(&data, None, |_| Continue(())).expect("finite"), Finish::Epochs);
    let model = trainer.into_model();
    assert!((model.layers()[0].weights()[0] - 2.0).abs() < 0.05);
    let evaluation = model.evaluate(Loss::HalfSquaredError, &data, &mut Scratch::new()).expect("data that fits");
    assert!(evaluation.score() > 0.99, "{evaluation:?}");
}

/// Fewer epochs than are done: the one under way is ended all the same, for no number of epochs has the weights of its middle.
#[test]
fn an_epoch_that_has_begun_is_ended() {
    let data = line(60);
    let plan = |epochs| Plan::new(Loss::HalfSquaredError).epochs(epochs).batch(10);
    let mut whole = Trainer::new(linear(), plan(3)).expect("a plan that fits");
    whole.fit(&data, None, |_| Continue(())).expect("finite");
    let mut stopped = Trainer::new(linear(), plan(5)).expect("a plan that fits");
    let in_the_third =
        |progress: &Progress<'_>| if (progress.epoch, progress.batch) == (2, 4) { Break(()) } else { Continue(()) };
    assert_eq!(stopped.fit(&data, None, in_the_third).expect("finite"), Finish::Caller);
    stopped.set_plan(plan(1)).expect("a plan that fits");
    assert_eq!(stopped.fit(&data, None, |_| Continue(())).expect("finite"), Finish::Epochs);
    assert!(weights(stopped.model()) == weights(whole.model()) && stopped.history() == whole.history());
    assert_eq!(stopped.fit(&data, None, |_| Break(())).expect("finite"), Finish::Epochs);
    assert!(weights(stopped.model()) == weights(whole.model()));
}

#[test]
fn standardised_targets_come_back_on_their_scale() {
    let x: Vec<f64> = (0..50).map(|i| f64::from(i) * 1000.0 + 5e6).collect();
    let y: Vec<f64> = x.iter().map(|x| 3.0 * x - 7e6).collect();
    let data = Dataset::with_values(x, 1, y, 1).expect("good data");
    let model = Mlp::builder(&[1, 1])
        .standardise(Standardisation::of_inputs(&data))
        .standardise_targets(Standardisation::of_targets(&data).expect("numbers"))
        .build()
        .expect("widths");
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd()).epochs(100).batch(10);
    let mut trainer = Trainer::new(model, plan).expect("a plan that fits");
    trainer.fit(&data, None, |_| Continue(())).expect("finite");
    let y = trainer.model().predict(&[5.02e6], &mut Scratch::new()).expect("a row").to_vec();
    assert!((y[0] - (3.0 * 5.02e6 - 7e6)).abs() < 1.0, "{y:?}");
    assert!(trainer.history().last().expect("epochs").loss < 1e-6, "the loss is on the net's own scale");
}

#[test]
fn a_folded_model_is_the_same_function() {
    let data = Dataset::with_values(vec![10.0, 1e3, 5.0, 20.0, 3e3, 5.0, 35.0, 2e3, 5.0], 3, vec![7.0, 9.0, 40.0], 1);
    let data = data.expect("good data");
    let model = Mlp::<f64>::builder(&[3, 6, 1])
        .hidden(Activation::Tanh)
        .standardise(Standardisation::of_inputs(&data))
        .standardise_targets(Standardisation::of_targets(&data).expect("numbers"))
        .seed(2)
        .build()
        .expect("widths");
    let folded = model.folded().expect("finite weights");
    assert!(folded.about().inputs.is_none() && folded.about().targets.is_none());
    let (mut one, mut two) = (Scratch::new(), Scratch::new());
    let (a, b) = (model.predict(&data.x(), &mut one), folded.predict(&data.x(), &mut two));
    for (a, b) in a.expect("rows").iter().zip(b.expect("rows")) {
        assert!((a - b).abs() < 1e-10, "{a} {b}");
    }
}

/// With nothing but a rule's name a run takes these; whoever changes one changes all such runs.
#[test]
fn every_rule_has_its_usual_rate_and_decay() {
    let usual = [
        (Optimiser::sgd(), Rule::Sgd, 0.1, 0.0),
        (Optimiser::momentum(), Rule::Momentum { momentum: 0.9 }, 0.01, 0.0),
        (Optimiser::nesterov(), Rule::Nesterov { momentum: 0.9 }, 0.01, 0.0),
        (Optimiser::adam(), Rule::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, 1e-3, 0.0),
        (Optimiser::adamw(), Rule::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, 1e-3, 0.01),
    ];
    for (found, rule, rate, l2) in usual {
        assert_eq!(found, Optimiser { rule, rate, l2, decay_biases: false });
        assert_eq!(Optimiser::usual(rule), found);
    }
}

#[test]
fn clipping_limits_the_length_of_the_step() {
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(1.0)).clip_norm(0.01);
    let mut trainer = Trainer::new(linear(), plan).expect("a plan that fits");
    let before = [trainer.model().layers()[0].weights()[0], trainer.model().layers()[0].bias()[0]];
    trainer.step(&[3.0], Targets::Values(&[100.0])).expect("finite");
    let after = [trainer.model().layers()[0].weights()[0], trainer.model().layers()[0].bias()[0]];
    #[expect(clippy::disallowed_methods, reason = "compared within a bound")]
    let length = (before[0] - after[0]).hypot(before[1] - after[1]);
    assert!((length - 0.01).abs() < 1e-6, "{length}");
}

/// What is no longer measured is no longer reported, by a net of small layers, which keeps its gradient, and by one that applies it unseen.
#[test]
fn the_norm_of_the_gradient_is_reported_while_it_is_measured() {
    for width in [7, 70] {
        let x: Vec<f64> = (0..20 * 100).map(|i| f64::from(i * 37 % 101) / 50.0 - 1.0).collect();
        let data = Dataset::with_values(x, 100, vec![0.5; 20], 1).expect("good data");
        let model = Mlp::<f64>::builder(&[100, width, 1]).build().expect("widths");
        let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(1e-3)).epochs(1).batch(10);
        let clipped = plan.clip_norm(1.0);
        let mut trainer = Trainer::new(model, clipped).expect("a plan that fits");
        for (plan, is_measured) in [(clipped, true), (plan.epochs(2), false), (clipped.epochs(3), true)] {
            trainer.set_plan(plan).expect("the same rule and loss");
            let seen = |progress: &Progress<'_>| {
                assert_eq!(progress.gradient_norm.is_some(), is_measured, "{width} wide, epoch {}", progress.epoch);
                Continue(())
            };
            trainer.fit(&data, None, seen).expect("finite");
        }
        assert_eq!(trainer.history().len(), 3);
    }
}

#[test]
fn weights_decay_and_biases_only_when_asked() {
    // The gradient is zero, so that only the decay moves anything.
    for (optimiser, keeps) in [(Optimiser::sgd().rate(0.5), 1.0), (Optimiser::sgd().rate(0.5).decay_biases(true), 0.95)]
    {
        let mut model = linear();
        model.set_layer(0, &[2.0], &[4.0]).expect("lengths that fit");
        let plan = Plan::new(Loss::HalfSquaredError).optimiser(optimiser.l2(0.1));
        let mut trainer = Trainer::new(model, plan).expect("a plan that fits");
        trainer.step(&[1.0], Targets::Values(&[6.0])).expect("finite");
        let layer = &trainer.model().layers()[0];
        assert!((layer.weights()[0] - 2.0 * 0.95).abs() < 1e-12);
        assert!((layer.bias()[0] - 4.0 * keeps).abs() < 1e-12);
    }
}

#[test]
fn layers_of_one_shape_start_differently() {
    let model = Mlp::<f32>::builder(&[4, 4, 4, 4]).seed(1).build().expect("widths");
    assert_ne!(model.layers()[0].weights(), model.layers()[1].weights());
    let other = Mlp::<f32>::builder(&[4, 4, 4, 4]).seed(2).build().expect("widths");
    assert_ne!(model.layers()[0].weights(), other.layers()[0].weights());
}

#[test]
fn evaluation_picks_the_scores_that_fit() {
    // The model's probability of class 1 is σ(x): above ½ for positive x.
    let x = vec![-2.0, -1.0, 1.0, 2.0, 3.0, -3.0];
    let mut model = Mlp::<f64>::builder(&[1, 1]).output(Output::Sigmoid).build().expect("widths");
    model.set_layer(0, &[1.0], &[0.0]).expect("lengths that fit");
    let mut scratch = Scratch::new();
    let classes = Dataset::with_classes(x.clone(), 1, vec![0, 1, 1, 1, 0, 0], 2).expect("good data");
    let evaluation = model.evaluate(Loss::LogLoss, &classes, &mut scratch).expect("fits");
    let Scores::Classes(scores) = &evaluation.scores else { panic!("{evaluation:?}") };
    assert!((evaluation.score() - 4.0 / 6.0).abs() < 1e-15);
    assert_eq!((scores.overall.precision, scores.overall.recall), (2.0 / 3.0, 2.0 / 3.0), "of class 1");
    assert_eq!((scores.overall.support, scores.confusion.get(1, 0), scores.roc_auc), (3, 1, Some(6.0 / 9.0)));

    let values = Dataset::with_values(x.clone(), 1, vec![0.0, 1.0, 1.0, 1.0, 0.0, 0.0], 1).expect("good data");
    let same = model.evaluate(Loss::LogLoss, &values, &mut scratch).expect("fits");
    assert_eq!(same.scores, evaluation.scores, "0 and 1 under log loss are classes");
    let shares = Dataset::with_values(x, 1, vec![0.5; 6], 1).expect("good data");
    let shares = model.evaluate(Loss::LogLoss, &shares, &mut scratch).expect("fits");
    assert!(matches!(shares.scores, Scores::Values(_)));

    let mut two = Mlp::<f64>::builder(&[1, 2]).output(Output::Sigmoid).build().expect("widths");
    two.set_layer(0, &[1.0, -1.0], &[0.0, 0.0]).expect("lengths that fit");
    let labels = Dataset::with_values(vec![-1.0, 1.0], 1, vec![0.0, 1.0, 1.0, 1.0], 2).expect("good data");
    let labels = two.evaluate(Loss::LogLoss, &labels, &mut scratch).expect("fits");
    let Scores::Labels(each) = &labels.scores else { panic!("{labels:?}") };
    assert_eq!((each[0].accuracy, each[1].accuracy, labels.score()), (1.0, 0.5, 0.75));
}

/// Trains for an epoch, validated: its record must say what an evaluation does, bit for bit.
fn validated<T: Element>(widths: &[usize], output: Output, loss: Loss, data: Dataset<T>) {
    let mut builder = Mlp::<T>::builder(widths).output(output).standardise(Standardisation::of_inputs(&data)).seed(4);
    if output == Output::Linear && matches!(data.labels(), Labels::Values { .. }) {
        builder = builder.standardise_targets(Standardisation::of_targets(&data).expect("numbers"));
    }
    let plan = Plan::new(loss).optimiser(Optimiser::adam().rate(0.02)).epochs(1).batch(16);
    let mut trainer = Trainer::new(builder.build().expect("widths"), plan).expect("a plan that fits");
    trainer.fit(&data, Some(&data), |_| Continue(())).expect("finite");
    let evaluation = trainer.model().evaluate(loss, &data, &mut Scratch::new()).expect("data that fits");
    let record = trainer.history()[0];
    let bits = |x: Option<f64>| x.map(f64::to_bits);
    assert_eq!(bits(record.validation_loss), Some(evaluation.loss.to_bits()), "{output} {loss:?}");
    assert_eq!(bits(record.validation_score), Some(evaluation.score().to_bits()), "{output} {loss:?}");
    if let Scores::Classes(scores) = &evaluation.scores {
        assert_eq!(scores.accuracy.to_bits(), scores.confusion.accuracy().to_bits(), "{output} {loss:?}");
    }
    assert!(evaluation.score() != 0.0 && evaluation.score() != 1.0, "{evaluation:?}");
}

#[test]
fn an_epoch_is_measured_as_an_evaluation_does() {
    validations::<f32>();
    validations::<f64>();
}

fn validations<T: Element>() {
    let number = |i: usize| ((i * 7919 + 13) % 1009) as f64 / 504.5 - 1.0;
    let numbers = |count: usize| -> Vec<T> { (0..count).map(|i| T::from_f64(number(i))).collect() };
    let yes = |count: usize| -> Vec<T> { (0..count).map(|i| T::from_f64((i * 31 % 7 / 4) as f64)).collect() };
    let classes = |count: u32| {
        let labels = (0..90).map(|row| row * 31 % 17 % count).collect();
        Dataset::with_classes(numbers(90 * 3), 3, labels, count as usize).expect("good data")
    };
    let values = |values, outputs| Dataset::with_values(numbers(90 * 3), 3, values, outputs).expect("good data");
    validated(&[3, 5, 4], Output::Softmax, Loss::CrossEntropy, classes(4));
    validated(&[3, 5, 4], Output::Linear, Loss::SquaredError, classes(4));
    validated(&[3, 5, 1], Output::Sigmoid, Loss::LogLoss, classes(2));
    validated(&[3, 5, 1], Output::Sigmoid, Loss::LogLoss, values(yes(90), 1));
    validated(&[3, 5, 2], Output::Sigmoid, Loss::LogLoss, values(yes(180), 2));
    validated(&[3, 5, 2], Output::Sigmoid, Loss::SquaredError, values(yes(180), 2));
    validated(&[3, 5, 2], Output::Linear, Loss::HalfSquaredError, values(numbers(180), 2));
}

#[test]
fn progress_is_told_and_can_stop() {
    let data = line(25);
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd()).epochs(3).batch(10);
    let mut trainer = Trainer::new(linear(), plan).expect("a plan that fits");
    let mut told = Vec::new();
    trainer
        .fit(&data, None, |p| {
            told.push((p.epoch, p.batch, p.batches, p.samples, p.record.is_some()));
            Continue(())
        })
        .expect("finite");
    let epoch = [(0, 1, 3, 10, false), (0, 2, 3, 20, false), (0, 3, 3, 25, false), (0, 3, 3, 25, true)];
    assert_eq!(told[..4], epoch);
    assert_eq!(told.len(), 12);

    let mut stopped = Trainer::new(linear(), plan).expect("a plan that fits");
    assert_eq!(stopped.fit(&data, None, |_| Break(())).expect("finite"), Finish::Caller);
    assert_eq!(stopped.updates(), 1);
    assert_eq!(stopped.fit(&data, None, |_| Continue(())).expect("finite"), Finish::Epochs);
    assert_eq!(stopped.updates(), 9);
    assert_eq!(weights(stopped.model()), weights(trainer.model()), "as if it had not stopped");
}
