//! Early stopping: when a run ends, and which weights it goes back to.

use crate::line::{line, linear, weights};
use deltarule::{Dataset, EarlyStopping, Finish, Loss, Mlp, Optimiser, Plan, Record, Scratch, Trainer};
use std::ops::ControlFlow::{Break, Continue};

/// What validates a net that learns the first line: it gets better and then worse.
fn other_line() -> Dataset<f64> {
    let x: Vec<f64> = (0..20).map(|i| f64::from(i) / 10.0 - 1.0).collect();
    let y = x.iter().map(|x| x + 0.5).collect();
    Dataset::with_values(x, 1, y, 1).expect("good data")
}

/// The validation loss of a model.
fn loss_of(model: &Mlp<f64>, validation: &Dataset<f64>) -> f64 {
    model.evaluate(Loss::HalfSquaredError, validation, &mut Scratch::new()).expect("data that fits").loss
}

#[test]
fn early_stopping_restores_the_best() {
    let train = line(40);
    let validation = other_line();
    let plan =
        Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(0.02)).epochs(500).batch(8).patience(3);
    let mut trainer = Trainer::new(linear(), plan).expect("a plan that fits");
    let mut seen = Vec::new();
    let finish = trainer.fit(&train, Some(&validation), |progress| {
        seen.extend(progress.record.and_then(|r| r.validation_loss));
        Continue(())
    });
    assert_eq!(finish.expect("finite"), Finish::Patience);
    let best = seen.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(
        loss_of(trainer.model(), &validation).to_bits(),
        best.to_bits(),
        "the model is the one of the best epoch"
    );
    assert_ne!(best, *seen.last().expect("epochs"), "which was not the last");
    let at = seen.iter().position(|&l| l == best).expect("it was seen");
    assert_eq!(seen.len() - 1 - at, 4, "patience 3 bears three bad epochs and ends at the fourth");
    assert_eq!(trainer.best_epoch(), Some(at as u64));
    let again = trainer.fit(&train, Some(&validation), |_| Continue(())).expect("finite");
    assert_eq!((again, trainer.history().len()), (Finish::Patience, seen.len()), "it stays ended");
}

/// What was before early stopping began to watch is not kept, however good it was.
#[test]
fn the_best_epoch_is_one_that_was_watched() {
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(0.02)).epochs(5).batch(10);
    let mut trainer = Trainer::new(linear(), plan).expect("a plan that fits");
    trainer.fit(&line(60), None, |_| Continue(())).expect("finite");
    assert_eq!(trainer.best_epoch(), None);
    // A rate at which every epoch is worse than the one before.
    trainer.set_plan(plan.optimiser(Optimiser::sgd().rate(3.0)).epochs(8).patience(9)).expect("the same rule");
    assert_eq!(trainer.best_epoch(), None, "none is watched yet");
    trainer.fit(&line(60), None, |_| Continue(())).expect("finite");
    let losses: Vec<f64> = trainer.history().iter().map(|record| record.loss).collect();
    assert!(losses[4..].windows(2).all(|pair| pair[0] < pair[1]), "{losses:?}");
    assert_eq!(trainer.best_epoch(), Some(5));
}

/// Patience asks for the margin. What is kept is the lowest loss, by however little it is lower.
#[test]
fn the_lowest_loss_is_kept_whatever_patience_asks_for() {
    let data = line(60);
    // So slow that every epoch is a little better than the one before.
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(1e-3)).epochs(12).batch(10);
    let run = |plan: Plan| {
        let mut trainer = Trainer::new(linear(), plan).expect("a plan that fits");
        let finish = trainer.fit(&data, Some(&data), |_| Continue(())).expect("finite");
        let losses: Vec<f64> = trainer.history().iter().filter_map(|record| record.validation_loss).collect();
        assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
        assert_eq!(trainer.best_epoch(), Some(losses.len() as u64 - 1));
        assert_eq!(Some(&loss_of(trainer.model(), &data)), losses.last(), "the best weights");
        (finish, losses)
    };
    let (finish, losses) = run(plan.patience(3));
    assert_eq!((finish, losses.len()), (Finish::Epochs, 12));
    // The first epoch, the three that are borne, and one more.
    let (finish, until) = run(plan.patience(3).min_improvement(10.0));
    assert_eq!((finish, &until[..]), (Finish::Patience, &losses[..5]));
    // Two or three epochs together are as much better as one has to be.
    let margin = 0.9 * (losses[0] - losses[2]);
    assert_eq!(run(plan.patience(3).min_improvement(margin)).0, Finish::Epochs);
    assert_eq!(run(plan.patience(0).min_improvement(margin)), (Finish::Patience, losses[..2].to_vec()));
    assert_eq!(run(plan.min_improvement(margin)), (Finish::Epochs, losses));
}

/// Saved and loaded after any epoch, a run remembers the lowest loss beside the one that patience counts against, and ends with the bytes of the
/// one that never stopped.
#[test]
fn a_resumed_run_keeps_the_lowest_loss_too() {
    let train = line(40);
    let validation = other_line();
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(0.02)).epochs(500).batch(8);
    let plan = plan.patience(9).min_improvement(0.01);
    let start = || Trainer::new(linear(), plan).expect("a plan that fits");
    let mut whole = start();
    assert_eq!(whole.fit(&train, Some(&validation), |_| Continue(())).expect("finite"), Finish::Patience);
    let (epochs, best) = (whole.history().len(), whole.best_epoch().expect("a best"));
    assert!(
        best as usize + 9 + 1 > epochs - 1 && (best as usize) < epochs - 2,
        "{best} of {epochs}: better by little, then worse"
    );
    for stop in 0..epochs as u64 - 1 {
        let mut first = start();
        let is_there = |record: Option<&Record>| record.is_some_and(|record| record.epoch == stop);
        let stopped =
            first.fit(
                &train,
                Some(&validation),
                |progress| if is_there(progress.record) { Break(()) } else { Continue(()) },
            );
        assert_eq!(stopped.expect("finite"), Finish::Caller);
        let saved = first.to_bytes();
        let mut second = Trainer::<f64>::from_bytes(&saved).expect("a checkpoint");
        assert!(second.to_bytes() == saved, "loaded after epoch {stop}");
        assert_eq!(second.best_epoch(), first.best_epoch());
        assert_eq!(second.fit(&train, Some(&validation), |_| Continue(())).expect("finite"), Finish::Patience);
        assert!(second.to_bytes() == whole.to_bytes(), "resumed after epoch {stop}");
    }
}

/// Early stopping that is turned off keeps the training that follows.
#[test]
fn turning_early_stopping_off_keeps_the_last_weights() {
    let data = line(60);
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd()).batch(10);
    let run = |early: bool| {
        let early_stopping = early.then_some(EarlyStopping { patience: 9, min_improvement: 0.0 });
        let mut trainer = Trainer::new(linear(), Plan { early_stopping, ..plan.epochs(5) }).expect("a plan that fits");
        trainer.fit(&data, None, |_| Continue(())).expect("finite");
        trainer.set_plan(plan.epochs(10)).expect("the same rule and loss");
        trainer.fit(&data, None, |_| Continue(())).expect("finite");
        weights(trainer.model())
    };
    assert_eq!(run(true), run(false));
}

/// Early stopping that is turned on again measures by what comes then: the epochs of before were another run's.
#[test]
fn turning_early_stopping_off_forgets_what_was_best() {
    let data = line(60);
    let plan = |rate| Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(rate)).batch(10);
    let mut trainer = Trainer::new(linear(), plan(0.1).epochs(5).patience(9)).expect("a plan that fits");
    let mut fit = |plan: Plan| {
        trainer.set_plan(plan).expect("the same rule and loss");
        let finish = trainer.fit(&data, None, |_| Continue(())).expect("finite");
        (finish, trainer.history().len())
    };
    assert_eq!(fit(plan(0.1).epochs(5).patience(9)), (Finish::Epochs, 5));
    assert_eq!(fit(plan(0.1).epochs(5)), (Finish::Epochs, 5));
    // A rate at which every epoch is worse than the one before: the first is the best that there is now, and ends nothing.
    assert_eq!(fit(plan(3.0).epochs(7).patience(0)), (Finish::Epochs, 7));
}
