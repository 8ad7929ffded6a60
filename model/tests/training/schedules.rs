//! Schedules in a run: what they, plateaus and roll-backs make of the learning rate.

use crate::line::{line, linear, weights};
use deltarule::{Dataset, Loss, NonFinite, Optimiser, Plan, Schedule, Shape, Trainer};
use std::ops::ControlFlow::Continue;

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

/// Two bad batches have made a quarter of the rate, which is less than the floor.
#[test]
fn a_plateau_lifts_no_rate_that_roll_backs_have_lowered() {
    let schedule = Schedule { shape: Shape::Plateau { factor: 0.5, patience: 0, floor: 0.3 }, warm_up: 0.0 };
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(1e-30)).schedule(schedule);
    let plan = plan.batch(10).shuffle(false).non_finite(NonFinite::RollBack);
    let mut trainer = Trainer::new(linear(), plan.epochs(1)).expect("a plan that fits");
    let bad = Dataset::with_values(vec![1.0; 20], 1, vec![1e200; 20], 1).expect("good data");
    trainer.fit(&bad, None, |_| Continue(())).expect("both are borne");
    // Of an epoch of them, which has no loss; and at a rate of nearly nothing no other is better than the first.
    trainer.set_plan(plan.epochs(4)).expect("more epochs");
    trainer.fit(&line(20), None, |_| Continue(())).expect("finite");
    let rates: Vec<f64> = trainer.history()[1..].iter().map(|record| record.rate).collect();
    assert_eq!(rates, [0.25 * 1e-30; 3]);
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

/// By what it reports, and by what it does: a run by a schedule is one at its rates.
#[test]
fn the_schedule_reaches_the_updates() {
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(0.1)).batch(40);
    let mut trainer =
        Trainer::new(linear(), plan.schedule(Schedule::step(2, 0.5)).epochs(6)).expect("a plan that fits");
    trainer.fit(&line(40), None, |_| Continue(())).expect("finite");
    let rates: Vec<f64> = trainer.history().iter().map(|r| r.rate).collect();
    assert_eq!(rates, [0.1, 0.1, 0.05, 0.05, 0.025, 0.025]);
    let mut by_hand = Trainer::new(linear(), plan).expect("a plan that fits");
    for (rate, epochs) in [(0.1, 2), (0.05, 4), (0.025, 6)] {
        by_hand.set_plan(plan.optimiser(Optimiser::sgd().rate(rate)).epochs(epochs)).expect("the same rule and loss");
        by_hand.fit(&line(40), None, |_| Continue(())).expect("finite");
    }
    assert_eq!(weights(by_hand.model()), weights(trainer.model()));
}
