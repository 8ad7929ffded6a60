//! Steps of one's own before, within and after a run: which rate they take, and what becomes of the run.

use crate::line::{line, linear, weights};
use deltarule::{
    Dataset, Finish, Labels, Loss, Mlp, NonFinite, Optimiser, Plan, Schedule, Standardisation, Targets, Trainer,
};
use std::ops::ControlFlow::{Break, Continue};

/// What a step at this rate makes of a model; the delta rule remembers nothing of steps before.
fn stepped(model: &Mlp<f64>, rate: f64) -> Vec<u64> {
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(rate));
    let mut trainer = Trainer::new(model.clone(), plan).expect("a plan that fits");
    trainer.step(&[0.5, -2.0], Targets::Values(&[1.0, 3.0])).expect("finite");
    weights(trainer.model())
}

/// However many batches of the epoch are done: the schedule stands still at its start.
#[test]
fn a_step_in_the_middle_of_an_epoch_takes_the_rate_of_the_epoch() {
    let schedule = Schedule::cosine(4);
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd()).schedule(schedule).epochs(4).batch(10);
    for batch in 1..=3 {
        let mut trainer = Trainer::new(linear(), plan).expect("a plan that fits");
        let stop = |epoch: u64, done: u64| if (epoch, done) == (1, batch) { Break(()) } else { Continue(()) };
        trainer.fit(&line(40), None, |progress| stop(progress.epoch, progress.batch)).expect("finite");
        let expected = stepped(trainer.model(), 0.1 * schedule.factor(1.0));
        trainer.step(&[0.5, -2.0], Targets::Values(&[1.0, 3.0])).expect("finite");
        assert_eq!(weights(trainer.model()), expected, "after {batch} batches");
    }
}

/// A trainer whose run has ended by early stopping, with the best weights, of which the validation set is another line.
fn stopped_early(plan: Plan) -> (Trainer<f64>, Dataset<f64>) {
    let x: Vec<f64> = (0..20).map(|i| f64::from(i) / 10.0 - 1.0).collect();
    let validation = Dataset::with_values(x.clone(), 1, x.iter().map(|x| x + 0.5).collect(), 1).expect("good data");
    let mut trainer = Trainer::new(linear(), plan).expect("a plan that fits");
    let finish = trainer.fit(&line(40), Some(&validation), |_| Continue(())).expect("finite");
    assert_eq!(finish, Finish::Patience);
    (trainer, validation)
}

#[test]
fn a_step_after_early_stopping_goes_on_from_the_best_weights() {
    let plan =
        Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(0.02)).epochs(500).batch(8).patience(3);
    let (mut trainer, validation) = stopped_early(plan);
    let epochs = trainer.history().len();
    let expected = stepped(trainer.model(), 0.02);
    trainer.step(&[0.5, -2.0], Targets::Values(&[1.0, 3.0])).expect("finite");
    assert_eq!(weights(trainer.model()), expected);

    // All rows in one batch, in their order: an epoch then depends on nothing but the weights that it begins with.
    let whole = plan.batch(40).shuffle(false);
    trainer.set_plan(whole).expect("no epoch is under way");
    let mut fresh = Trainer::new(trainer.model().clone(), whole).expect("a plan that fits");
    for trainer in [&mut trainer, &mut fresh] {
        assert_eq!(trainer.fit(&line(40), None, |_| Break(())).expect("finite"), Finish::Caller);
    }
    assert_eq!(weights(trainer.model()), weights(fresh.model()), "the run goes on from the step");
    trainer.fit(&line(40), Some(&validation), |_| Continue(())).expect("finite");
    assert!(trainer.history().len() > epochs + 1, "and with new patience");
}

/// A step that fails changes nothing, so the run has ended as before.
#[test]
fn a_bad_step_after_early_stopping_changes_nothing() {
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(0.02)).epochs(500).batch(8);
    let (mut trainer, _) = stopped_early(plan.patience(3).non_finite(NonFinite::Skip));
    let before = trainer.to_bytes();
    trainer.step(&[f64::NAN], Targets::Values(&[1.0])).expect_err("no loss");
    assert!(trainer.to_bytes() == before);
}

/// What a run does to the rows of a model that standardises, whoever steps by hand does with the model's own numbers.
#[test]
fn a_step_on_standardised_rows_is_a_step_of_the_run() {
    let x: Vec<f64> = (0..40).map(|i| 100.0 + f64::from(i * 37 % 40)).collect();
    let y = x.iter().map(|x| 3.0 * x - 7e3).collect();
    let data = Dataset::with_values(x, 1, y, 1).expect("good data");
    let model = Mlp::<f64>::builder(&[1, 1])
        .standardise(Standardisation::of_inputs(&data))
        .standardise_targets(Standardisation::of_targets(&data).expect("numbers"))
        .build()
        .expect("widths");
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd()).epochs(1).batch(40).shuffle(false);
    let mut run = Trainer::new(model.clone(), plan).expect("a plan that fits");
    run.fit(&data, None, |_| Continue(())).expect("finite");

    let about = model.about().clone();
    let (Some(inputs), Some(targets)) = (about.inputs, about.targets) else { panic!("both are standardised") };
    let Labels::Values { values, .. } = data.labels() else { panic!("numbers") };
    let (x, y) = (inputs.applied(&data.x()).expect("finite"), targets.applied(values).expect("finite"));
    let mut by_hand = Trainer::new(model, plan).expect("a plan that fits");
    by_hand.step(&x, Targets::Values(&y)).expect("finite");
    assert_eq!(weights(by_hand.model()), weights(run.model()));
}
