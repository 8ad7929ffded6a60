//! The training loop: schedules, clipping, and bad input before any weight changes.

mod line;

use deltarule::{
    Activation, Dataset, Element, Error, Finish, Labels, Loss, Mlp, Optimiser, Output, Plan, Progress, Rule, Schedule,
    Scores, Scratch, Shape, Standardisation, Targets, Trainer,
};
use line::{line, linear, weights};
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

#[test]
fn a_plateau_lowers_the_rate() {
    let plan = Plan::new(Loss::HalfSquaredError)
        .optimiser(Optimiser::sgd().rate(1.5))
        .schedule(Schedule::plateau(0.5, 1))
        .epochs(30)
        .batch(4);
    let mut trainer = Trainer::new(linear(), plan).expect("a plan that fits");
    trainer.fit(&line(40), None, |_| Continue(())).expect("finite");
    let rates: Vec<f64> = trainer.history().iter().map(|r| r.rate).collect();
    assert_eq!(rates[0], 1.5);
    assert!(rates.last().expect("epochs") < &0.8, "{rates:?}");
    assert!(rates.windows(2).all(|r| r[1] == r[0] || r[1] == 0.5 * r[0]), "{rates:?}");
}

#[test]
fn a_plateau_bears_as_many_epochs_as_it_says() {
    // A rate at which every epoch is worse than the first, which is the best.
    for patience in 0..4 {
        let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(3.0)).epochs(6).batch(10);
        let mut trainer = Trainer::new(linear(), plan.schedule(Schedule::plateau(0.5, patience))).expect("a plan");
        trainer.fit(&line(60), None, |_| Continue(())).expect("finite");
        let halved = trainer.history().iter().find(|record| record.rate == 1.5).expect("a lower rate");
        assert_eq!(halved.epoch, patience + 2, "the first, {patience} that are borne, and one more before it");
    }
}

/// At a rate of nearly nothing no epoch is better than the first, so that only the floor ends the way down.
#[test]
fn a_plateau_goes_down_to_its_floor() {
    let schedule = Schedule { shape: Shape::Plateau { factor: 0.5, patience: 0, floor: 0.3 }, warm_up: 0.0 };
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(1e-30)).schedule(schedule);
    let mut trainer = Trainer::new(linear(), plan.epochs(6).batch(10).shuffle(false)).expect("a plan that fits");
    trainer.fit(&line(60), None, |_| Continue(())).expect("finite");
    let rates: Vec<f64> = trainer.history().iter().map(|record| record.rate).collect();
    assert_eq!(rates, [1.0, 1.0, 0.5, 0.3, 0.3, 0.3].map(|factor| 1e-30 * factor));
}

/// A rate or a shape that is given anew is meant, whatever plateaus have made of the one before; other settings leave that as it is.
#[test]
fn a_new_rate_or_shape_begins_at_its_full_size() {
    let plan = |rate, shape| {
        Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(rate)).schedule(shape).epochs(6).batch(10)
    };
    // A rate at which every epoch is worse than the first.
    let before = plan(3.0, Schedule::plateau(0.5, 0));
    for (after, rate) in [
        (plan(0.25, Schedule::plateau(0.5, 0)), 0.25),
        (plan(3.0, Schedule::constant()), 3.0),
        (plan(3.0, Schedule::plateau(0.5, 9)), 3.0),
    ] {
        let mut trainer = Trainer::new(linear(), before).expect("a plan that fits");
        trainer.fit(&line(60), None, |_| Continue(())).expect("finite");
        trainer.set_plan(before.epochs(7)).expect("more epochs");
        trainer.fit(&line(60), None, |_| Continue(())).expect("finite");
        assert!(trainer.history()[6].rate < 3.0, "more epochs raise no rate");
        trainer.set_plan(after.epochs(8)).expect("the same rule and loss");
        trainer.fit(&line(60), None, |_| Continue(())).expect("finite");
        assert_eq!(trainer.history()[7].rate, rate);
    }
}

/// What has been borne at another rate says nothing about this one.
#[test]
fn a_plateau_bears_its_whole_patience_at_a_new_rate() {
    let plan = |rate, epochs| {
        let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(rate));
        plan.schedule(Schedule::plateau(0.5, 3)).epochs(epochs).batch(10)
    };
    // At both rates every epoch is worse than the first; three have been borne.
    let mut trainer = Trainer::new(linear(), plan(3.0, 4)).expect("a plan that fits");
    trainer.fit(&line(60), None, |_| Continue(())).expect("finite");
    trainer.set_plan(plan(4.0, 9)).expect("the same rule and loss");
    trainer.fit(&line(60), None, |_| Continue(())).expect("finite");
    let rates: Vec<f64> = trainer.history().iter().map(|record| record.rate).collect();
    assert_eq!(rates, [3.0, 3.0, 3.0, 3.0, 4.0, 4.0, 4.0, 4.0, 2.0]);
}

#[test]
fn the_schedule_reaches_the_updates() {
    let plan = Plan::new(Loss::HalfSquaredError)
        .optimiser(Optimiser::sgd().rate(0.1))
        .schedule(Schedule::step(2, 0.5))
        .epochs(6)
        .batch(40);
    let mut trainer = Trainer::new(linear(), plan).expect("a plan that fits");
    trainer.fit(&line(40), None, |_| Continue(())).expect("finite");
    let rates: Vec<f64> = trainer.history().iter().map(|r| r.rate).collect();
    assert_eq!(rates, [0.1, 0.1, 0.05, 0.05, 0.025, 0.025]);
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

    let mut trainer = Trainer::new(linear(), plan).expect("a plan that fits");
    assert_eq!(trainer.fit(&data, None, |_| Break(())).expect("finite"), Finish::Caller);
    assert_eq!(trainer.updates(), 1);
    assert_eq!(trainer.fit(&data, None, |_| Continue(())).expect("finite"), Finish::Epochs);
    assert_eq!(trainer.updates(), 9);
}

#[test]
fn a_nan_in_the_data_is_named_by_row_and_column() {
    let error = Dataset::with_values(vec![1.0f32, 2.0, 3.0, f32::NAN, 5.0, 6.0], 2, vec![1.0; 3], 1).unwrap_err();
    assert!(matches!(error, Error::NotANumber { what: "input", row: 1, column: 1, .. }), "{error}");
    let error = Dataset::with_values(vec![1.0f32; 4], 2, vec![1.0, 1.0, f32::INFINITY, 1.0], 2).unwrap_err();
    assert!(matches!(error, Error::NotANumber { what: "target", row: 1, column: 0, .. }), "{error}");
    assert_eq!(error.to_string(), "row 1, column 0: the target is inf; fill or drop missing values before training");
}

/// It was a number in the data, so that nothing is missing there.
#[test]
fn a_number_that_standardisation_makes_infinite_has_its_own_advice() {
    let good = Dataset::with_values(vec![0.0f32, 1e-3], 1, vec![0.0, 1e-3], 1).expect("good data");
    let targets = Standardisation::of_targets(&good).expect("numbers");
    let model = || {
        let builder = Mlp::<f32>::builder(&[1, 1]).standardise(Standardisation::of_inputs(&good));
        builder.standardise_targets(targets.clone()).build().expect("widths")
    };
    for (what, x, y) in [("standardised input", 3e38, 0.0), ("standardised target", 0.0, 3e38)] {
        let bad = Dataset::with_values(vec![0.0, x], 1, vec![0.0, y], 1).expect("good data");
        let mut trainer = Trainer::new(model(), Plan::new(Loss::SquaredError)).expect("a plan that fits");
        let error = trainer.fit(&good, Some(&bad), |_| Continue(())).expect_err("too large");
        let is_named = matches!(error, Error::NotANumber { what: named, row: 1, column: 0, .. } if named == what);
        assert!(is_named, "{error}");
        assert!(error.to_string().ends_with("deviation: rescale the column, or use f64"), "{error}");
    }
}

#[test]
fn data_that_makes_no_data_set() {
    let new = |x: usize, columns, classes: usize| Dataset::with_classes(vec![0.0f32; x], columns, vec![0; classes], 2);
    assert!(matches!(new(4, 0, 4), Err(Error::Empty("columns"))));
    assert!(matches!(new(0, 2, 0), Err(Error::Empty("rows"))));
    assert!(matches!(new(5, 2, 2), Err(Error::Length { expected: 4, found: 5, .. })));
    assert!(matches!(new(4, 2, 3), Err(Error::Length { expected: 2, found: 3, .. })));
    let error = Dataset::with_classes(vec![0.0f32; 3], 1, vec![0, 1, 7], 2).unwrap_err();
    assert!(matches!(error, Error::Class { row: 2, class: 7, classes: 2 }));
    assert_eq!(error.to_string(), "row 2: class 7 does not exist; with 2 classes they are 0 to 1");
    assert!(matches!(Dataset::with_values(vec![0.0f32; 3], 1, vec![], 0), Err(Error::Empty("target columns"))));
    let whole = Dataset::with_classes(vec![0.0f32; 2], 1, vec![0, 1], 2).expect("good data");
    assert!(whole.split(0.0, 1).is_err() && whole.split(f64::NAN, 1).is_err() && whole.split(0.1, 1).is_err());
}

/// `fit` must fail with `expected` in its message and leave the weights as they were.
fn refused(model: Mlp<f64>, loss: Loss, data: &Dataset<f64>, expected: &str) {
    let before = weights(&model);
    let mut trainer = Trainer::new(model, Plan::new(loss)).expect("a plan that fits");
    let error = trainer.fit(data, None, |_| Continue(())).expect_err(expected).to_string();
    assert!(error.contains(expected), "{error}");
    assert_eq!(weights(trainer.model()), before, "{expected}: the weights changed");
}

#[test]
fn labels_that_do_not_fit_are_refused_before_any_weight_changes() {
    let build = |widths: &[usize], output| Mlp::<f64>::builder(widths).output(output).build().expect("widths");
    let values =
        |v: Vec<f64>, outputs| Dataset::with_values(vec![0.5; v.len() / outputs], 1, v, outputs).expect("good");
    let classes = |count| Dataset::with_classes(vec![0.5; 3], 1, vec![0, 1, 0], count).expect("good data");

    let bad = values(vec![0.0, 1.0, 0.5, 1.5], 2);
    refused(build(&[1, 2], Output::Sigmoid), Loss::LogLoss, &bad, "row 1, column 1: the target is 1.5");
    for loss in [Loss::HalfSquaredError, Loss::SquaredError] {
        refused(build(&[1, 2], Output::Sigmoid), loss, &bad, "row 1, column 1: the target is 1.5");
        let mut linear = Trainer::new(build(&[1, 2], Output::Linear), Plan::new(loss)).expect("a plan that fits");
        linear.fit(&bad, None, |_| Continue(())).expect("any number is a target of a linear output");
    }
    refused(build(&[1, 3], Output::Softmax), Loss::CrossEntropy, &classes(2), "2 classes, but the model has 3 outputs");
    refused(build(&[1, 2], Output::Softmax), Loss::CrossEntropy, &bad, "cross-entropy takes class labels");
    refused(build(&[1, 1], Output::Sigmoid), Loss::LogLoss, &classes(3), "3 classes, but the model has 1 outputs");
    let one_class = Dataset::with_classes(vec![0.5; 3], 1, vec![0; 3], 1).expect("good data");
    refused(build(&[1, 1], Output::Sigmoid), Loss::LogLoss, &one_class, "all rows are of one class");
    refused(build(&[1, 2], Output::Softmax), Loss::CrossEntropy, &one_class, "all rows are of one class");
    let scale = Standardisation::of_targets(&values(vec![0.0, 10.0], 1)).expect("two values");
    let scaled = Mlp::<f64>::builder(&[1, 1]).standardise_targets(scale).build().expect("widths");
    refused(scaled, Loss::SquaredError, &classes(2), "the model standardises the numbers that it learns");
    refused(build(&[1, 3], Output::Linear), Loss::SquaredError, &bad, "2 target values, but the model has 3 outputs");
    refused(build(&[2, 2], Output::Linear), Loss::SquaredError, &bad, "columns of the data set: expected 2");

    // The validation set is checked before training starts, too.
    let model = build(&[1, 2], Output::Sigmoid);
    let before = weights(&model);
    let mut trainer = Trainer::new(model, Plan::new(Loss::LogLoss)).expect("a plan that fits");
    trainer.fit(&values(vec![0.0, 1.0], 2), Some(&bad), |_| Continue(())).expect_err("a bad validation set");
    assert_eq!(weights(trainer.model()), before);
}

#[test]
fn a_direct_step_checks_too() {
    let model = Mlp::<f64>::builder(&[1, 3]).output(Output::Softmax).build().expect("widths");
    let mut trainer = Trainer::new(model, Plan::new(Loss::CrossEntropy)).expect("a plan that fits");
    assert!(matches!(trainer.step(&[1.0], Targets::Classes(&[3])), Err(Error::Class { class: 3, .. })));
    assert!(matches!(trainer.step(&[1.0, 2.0], Targets::Classes(&[0])), Err(Error::Length { .. })));
    assert!(matches!(trainer.step(&[], Targets::Classes(&[])), Err(Error::Length { .. })));
    assert!(matches!(trainer.step(&[1.0], Targets::Values(&[1.0])), Err(Error::Labels(_))));
    let nan = trainer.step(&[f64::NAN], Targets::Classes(&[0]));
    assert!(matches!(nan, Err(Error::NotANumber { what: "input", row: 0, column: 0, .. })), "{nan:?}");
    assert_eq!(trainer.updates(), 0);

    let model = Mlp::<f64>::builder(&[1, 1]).output(Output::Sigmoid).build().expect("widths");
    for loss in [Loss::LogLoss, Loss::HalfSquaredError, Loss::SquaredError] {
        let mut trainer = Trainer::new(model.clone(), Plan::new(loss)).expect("a plan that fits");
        let y = Targets::Values(&[1.0, -0.1]);
        for refused in [trainer.step(&[1.0, 2.0], y), model.gradients(loss, &[1.0, 2.0], y).map(|(loss, _)| loss)] {
            let is_named = matches!(refused, Err(Error::Probability { row: 1, column: 0, value: -0.1 }));
            assert!(is_named, "{loss:?}: {refused:?}");
        }
        assert_eq!((trainer.updates(), weights(trainer.model())), (0, weights(&model)));
        trainer.step(&[1.0, 2.0], Targets::Values(&[1.0, 0.0])).expect("probabilities");
    }
}

#[test]
fn loss_and_output_must_go_together() {
    let build = |output| Mlp::<f32>::builder(&[2, 2]).output(output).build().expect("widths");
    let plan = Plan::new;
    assert!(matches!(Trainer::new(build(Output::Linear), plan(Loss::LogLoss)), Err(Error::Pairing { .. })));
    assert!(matches!(Trainer::new(build(Output::Sigmoid), plan(Loss::CrossEntropy)), Err(Error::Pairing { .. })));
    assert!(matches!(Trainer::new(build(Output::Softmax), plan(Loss::SquaredError)), Err(Error::Pairing { .. })));
    assert!(Trainer::new(build(Output::Sigmoid), plan(Loss::SquaredError)).is_ok());
}

#[test]
fn settings_out_of_range_are_refused() {
    let base = Plan::new(Loss::HalfSquaredError);
    for plan in [
        base.batch(0),
        base.threads(0),
        base.clip_norm(0.0),
        base.clip_norm(f64::NAN),
        base.optimiser(Optimiser::sgd().rate(-1.0)),
        base.optimiser(Optimiser::sgd().rate(f64::NAN)),
        base.optimiser(Optimiser::sgd().l2(-1.0)),
        base.optimiser(Optimiser::new(deltarule::Rule::Momentum { momentum: 1.0 }, 0.1)),
        base.schedule(Schedule::step(0, 0.5)),
    ] {
        assert!(matches!(Trainer::new(linear(), plan), Err(Error::Setting { .. })), "{plan:?}");
    }
}

/// Numbers that are in their range as the plan has them, and are not as the net uses them.
#[test]
fn settings_that_the_element_type_cannot_hold_are_refused() {
    let base = Plan::new(Loss::HalfSquaredError);
    let rule = |rule| Optimiser::new(rule, 0.1);
    let linear = || Mlp::<f32>::builder(&[1, 1]).build().expect("widths");
    for (optimiser, expected) in [
        (
            Optimiser::sgd().rate(1e39),
            "learning rate = 1e39 (in f32 inf) is out of range: it must be positive and finite",
        ),
        (Optimiser::sgd().rate(1e-46), "learning rate = 1e-46 (in f32 0.0)"),
        (Optimiser::sgd().l2(1e39), "l2 = 1e39 (in f32 inf)"),
        (rule(Rule::Nesterov { momentum: 0.999_999_999 }), "momentum = 0.999999999 (in f32 1.0)"),
        (rule(Rule::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-46 }), "epsilon = 1e-46 (in f32 0.0)"),
        (rule(Rule::AdamW { beta1: 0.9, beta2: 0.999_999_999, epsilon: 1e-8 }), "beta2 = 0.999999999 (in f32 1.0)"),
        (Optimiser::adam().rate(1e38), "learning rate = 1e38 (in f32 at most 8.5"),
        (Optimiser::adamw().rate(1e38), "learning rate = 1e38 (in f32 at most 8.5"),
        (Optimiser::adamw().rate(1e20).l2(1e20), "l2 = 1e20 (times the learning rate in f32 inf)"),
    ] {
        let plan = base.optimiser(optimiser);
        let Err(error) = Trainer::new(linear(), plan) else { panic!("{expected}") };
        assert!(error.to_string().starts_with(expected), "{error}");
        let mut trainer = Trainer::new(linear(), base.optimiser(harmless(optimiser))).expect("a plan that fits");
        let error = trainer.set_plan(plan).expect_err(expected);
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(Trainer::new(linear().cast::<f64>(), plan).is_ok(), "f64 holds them");
    }
}

/// The same rule with numbers that fit everywhere.
fn harmless(optimiser: Optimiser) -> Optimiser {
    let rule = match optimiser.rule {
        Rule::Nesterov { .. } => Rule::Nesterov { momentum: 0.9 },
        Rule::Adam { .. } => Rule::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
        Rule::AdamW { .. } => Rule::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
        rule => rule,
    };
    Optimiser { rule, rate: 0.1, l2: 0.0, ..optimiser }
}

#[test]
fn widths_and_names_that_make_no_network() {
    let refused = |builder: deltarule::Builder<f32>, expected: &str| {
        let error = builder.build().expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused(Mlp::builder(&[]), "at least two widths");
    refused(Mlp::builder(&[3]), "at least two widths");
    refused(Mlp::builder(&[3, 0, 1]), "width 1 of [3, 0, 1] is 0");
    refused(Mlp::builder(&[usize::MAX, 2]), "larger than memory");
    refused(Mlp::builder(&[1 << 40, 1 << 40]), "larger than memory");
    refused(Mlp::builder(&[1 << 28, 1 << 28]), "larger than memory");
    refused(Mlp::builder(&[2, 3]).classes(["a", "b"]), "2 class names where 3 are needed");
    refused(Mlp::builder(&[2, 3]).features(["a"]), "1 feature names where 2 are needed");
    let empty = Standardisation::new(vec![], vec![]).expect("equally long");
    refused(Mlp::builder(&[2, 3]).standardise(empty.clone()), "0 standardised inputs where 2 are needed");
    refused(Mlp::builder(&[2, 3]).standardise_targets(empty), "0 standardised targets where 3 are needed");
    refused(Mlp::builder(&[2, 1]).output(Output::Softmax), "softmax over one output");
    assert!(Mlp::<f32>::builder(&[2, 1]).output(Output::Sigmoid).classes(["no", "yes"]).build().is_ok());
}

#[test]
fn predictions_refuse_parts_of_rows_and_keep_nan_in_its_row() {
    let model =
        Mlp::<f32>::builder(&[2, 5, 3]).hidden(Activation::Relu).output(Output::Softmax).build().expect("widths");
    let mut scratch = Scratch::new();
    assert!(matches!(model.predict(&[1.0; 3], &mut scratch), Err(Error::Length { .. })));
    assert_eq!(model.predict(&[], &mut scratch).expect("no rows"), &[] as &[f32]);
    let clean = model.predict(&[0.1, 0.2, 0.3, 0.4], &mut scratch).expect("rows").to_vec();
    let mixed = model.predict(&[0.1, 0.2, f32::NAN, 0.4], &mut scratch).expect("rows");
    assert_eq!(mixed[..3], clean[..3]);
    assert!(mixed[3..].iter().all(|p| p.is_nan()));
}

/// The formula in the documentation, for the largest batch so far and for both kinds of activations.
#[test]
fn the_workspace_is_as_large_as_it_says() {
    // A layer of 512 is kept with rows further apart.
    let (widths, strides) = ([7, 20, 512, 3], [20, 528, 3]);
    for (hidden, keeps_z) in [(Activation::Relu, 0), (Activation::Gelu, 1)] {
        let model = Mlp::<f32>::builder(&widths).hidden(hidden).output(Output::Softmax).build().expect("widths");
        let mut trainer = Trainer::new(model, Plan::new(Loss::CrossEntropy)).expect("a plan that fits");
        let mut largest = 0;
        for batch in [33, 10, 50] {
            let classes: Vec<u32> = (0..batch as u32).map(|row| row % 3).collect();
            trainer.step(&vec![0.5; batch * 7], Targets::Classes(&classes)).expect("finite");
            largest = largest.max(batch);
            let sum = |layers: &[usize]| layers.iter().sum::<usize>();
            let a_row = 2 * sum(&strides) + keeps_z * sum(&strides[..2]);
            let elements = a_row * largest + sum(&widths[1..]);
            assert_eq!(trainer.workspace_bytes(), 4 * elements, "{hidden}, {batch} rows");
        }
    }
}

/// The same of a net of small layers, whose batches go through it in pieces of up to 512 rows: room for one a thread.
#[test]
fn the_workspace_of_a_narrow_net_is_as_large_as_it_says() {
    for threads in [1, 2, 7] {
        let model = Mlp::<f32>::builder(&[7, 20, 3]).output(Output::Softmax).build().expect("widths");
        let plan = Plan::new(Loss::CrossEntropy).threads(threads);
        let mut trainer = Trainer::new(model, plan).expect("a plan that fits");
        let mut largest = 0;
        for batch in [33, 10, 1300, 600] {
            let classes: Vec<u32> = (0..batch as u32).map(|row| row % 3).collect();
            trainer.step(&vec![0.5; batch * 7], Targets::Classes(&classes)).expect("finite");
            largest = largest.max(batch);
            let (rows, pieces) = (largest.min(512), largest.div_ceil(512).min(threads));
            let elements = (pieces * (2 * rows + rows.div_ceil(64)) + 1) * (20 + 3);
            assert_eq!(trainer.workspace_bytes(), 4 * elements, "{batch} rows, {threads} threads");
        }
    }
}

#[test]
fn a_plan_changes_only_what_a_run_can_bear() {
    let plan = |batch| Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::adam()).batch(batch).epochs(2);
    let mut trainer = Trainer::new(linear(), plan(7)).expect("a plan that fits");
    let refused = |trainer: &mut Trainer<f64>, plan: Plan, expected: &str| {
        let error = trainer.set_plan(plan).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    };
    // As many moments, but another rule.
    let other = plan(7).optimiser(Optimiser::adamw());
    refused(&mut trainer, other, "same rule");
    trainer.set_plan(plan(8)).expect("no epoch is under way");
    trainer
        .fit(&line(60), None, |progress| if progress.batch == 3 { Break(()) } else { Continue(()) })
        .expect("finite");
    refused(&mut trainer, plan(9), "batch = 9 is out of range: it must be that of the epoch under way until it ends");
    refused(&mut trainer, plan(8).seed(1), "seed = 1");
    refused(&mut trainer, plan(8).shuffle(false), "shuffle = false");
    trainer.set_plan(plan(8).epochs(3)).expect("more epochs");
    trainer.fit(&line(60), None, |_| Continue(())).expect("finite");
    trainer.set_plan(plan(9).seed(1).shuffle(false)).expect("the epoch has ended");
}

/// More threads find room, though the batch is no larger.
#[test]
fn the_workspace_follows_the_threads() {
    let model = Mlp::<f32>::builder(&[7, 20, 3]).output(Output::Softmax).build().expect("widths");
    let plan = |threads| Plan::new(Loss::CrossEntropy).threads(threads);
    let mut trainer = Trainer::new(model, plan(1)).expect("a plan that fits");
    for (threads, pieces, batch) in [(1, 1, 1300), (2, 2, 1300), (7, 3, 1300), (1, 3, 1300), (7, 3, 600)] {
        trainer.set_plan(plan(threads)).expect("a plan that fits");
        let classes: Vec<u32> = (0..batch as u32).map(|row| row % 3).collect();
        trainer.step(&vec![0.5; batch * 7], Targets::Classes(&classes)).expect("finite");
        let elements = (pieces * (2 * 512 + 8) + 1) * (20 + 3);
        assert_eq!(trainer.workspace_bytes(), 4 * elements, "{threads} threads, {batch} rows");
    }
}

#[test]
fn pixels_too_large_once_standardised_are_named() {
    let labels = Labels::Classes { classes: (0..600).map(|row| row % 2).collect(), count: 2 };
    let mut pixels = vec![0; 1200];
    pixels[2 * 321 + 1] = 200;
    let data = Dataset::<f32>::with_pixels(pixels, 2, labels).expect("good data");
    let standardisation = Standardisation::new(vec![0.0, 0.0], vec![1.0, 1e39]).expect("finite");
    let model = Mlp::<f32>::builder(&[2, 3, 1]).output(Output::Sigmoid).standardise(standardisation).build().unwrap();
    let mut trainer = Trainer::new(model, Plan::new(Loss::LogLoss)).unwrap();
    let error = trainer.fit(&data, None, |_| Continue(())).unwrap_err();
    assert!(error.to_string().starts_with("row 321, column 1: the standardised input is inf"), "{error}");
    assert_eq!(trainer.updates(), 0);
}

#[test]
fn pixels_that_do_not_fit_are_refused() {
    let labels = |rows: usize| Labels::<f32>::Classes { classes: vec![0; rows], count: 2 };
    assert!(matches!(Dataset::with_pixels(vec![1; 4], 0, labels(2)), Err(Error::Empty("columns"))));
    assert!(matches!(Dataset::with_pixels(Vec::new(), 2, labels(0)), Err(Error::Empty("rows"))));
    assert!(matches!(Dataset::with_pixels(vec![1; 5], 2, labels(2)), Err(Error::Length { expected: 4, found: 5, .. })));
    assert!(matches!(Dataset::with_pixels(vec![1; 4], 2, labels(3)), Err(Error::Length { .. })));
}
