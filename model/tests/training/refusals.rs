//! What cannot be learnt from, or by, is refused with its place and the reason, before any weight changes.

use crate::line::{line, linear, weights};
use deltarule::{
    Activation, Dataset, Error, Labels, Loss, Mlp, Optimiser, Output, Plan, Rule, Schedule, Scratch, Standardisation,
    Targets, Trainer,
};
use std::ops::ControlFlow::{Break, Continue};

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
        base.clip_norm(f64::INFINITY),
        base.min_improvement(f64::NAN),
        base.min_improvement(f64::INFINITY),
        base.patience(3).min_improvement(-1e-3),
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
    // Its inverse is no number: nothing could be undone by it.
    for scale in [1e-310, -1e-310, f64::NAN] {
        assert!(Standardisation::new(vec![0.0], vec![scale]).is_err(), "{scale}");
    }
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
