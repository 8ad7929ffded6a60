//! Losses and gradients that are not finite: found before the update, treated by policy, and forgotten by the next batch.

use deltarule::{Activation, Dataset, Element, Error, Finish, Loss, Mlp, NonFinite, Optimiser, Plan, Targets, Trainer};
use std::ops::ControlFlow::{Break, Continue};

/// Targets so large that the squared error overflows.
fn exploding() -> Dataset<f32> {
    Dataset::with_values(vec![1.0, 1.0, 1.0, 1.0], 1, vec![1.0, 3e38, 1.0, 1.0], 1).expect("good data")
}

/// `y = 2 x`, of whose squared error both curvatures are 1: rates above 2 diverge.
fn twice() -> Dataset<f32> {
    Dataset::with_values(vec![-1.0, 1.0], 1, vec![-2.0, 2.0], 1).expect("good data")
}

fn explode(policy: NonFinite, data: &Dataset<f32>) -> (Result<Finish, Error>, Trainer<f32>) {
    let model = Mlp::builder(&[1, 1]).build().expect("widths");
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd()).epochs(2).batch(1).shuffle(false);
    let mut trainer = Trainer::new(model, plan.non_finite(policy)).expect("a plan that fits");
    let finish = trainer.fit(data, None, |_| Continue(()));
    (finish, trainer)
}

#[test]
fn a_loss_that_is_not_finite_is_found_before_the_update() {
    let (finish, trainer) = explode(NonFinite::Stop, &exploding());
    assert!(matches!(finish, Err(Error::NonFinite { what: "loss", epoch: 0, batch: 1 })), "{finish:?}");
    assert_eq!(trainer.updates(), 1);
    assert!(trainer.model().layers()[0].weights()[0].is_finite());

    let (finish, trainer) = explode(NonFinite::Skip, &exploding());
    assert_eq!(finish.expect("skipped"), Finish::Epochs);
    assert_eq!(trainer.updates(), 6);
    assert_eq!(trainer.history()[0].skipped, 1);

    let (finish, trainer) = explode(NonFinite::RollBack, &exploding());
    assert_eq!(finish.expect("rolled back"), Finish::Epochs);
    assert_eq!(trainer.updates(), 4, "in each epoch one update was taken back, two followed");
    assert_eq!(trainer.history()[1].rate, 0.1 * 0.25);

    let all = Dataset::with_values(vec![1.0; 12], 1, vec![3e38; 12], 1).expect("good data");
    for policy in [NonFinite::Skip, NonFinite::RollBack] {
        let (finish, trainer) = explode(policy, &all);
        assert!(matches!(finish, Err(Error::NonFinite { .. })), "nothing but bad batches: {finish:?}");
        assert_eq!(trainer.updates(), 0);
    }
}

/// After an error of the first policy the last one goes back to where it was turned on: what the epoch began with, nobody knows any more.
#[test]
fn rolling_back_begins_where_it_is_turned_on() {
    let data = Dataset::with_values(vec![1.0; 4], 1, vec![1.0, 3e38, 1.0, 3e38], 1).expect("good data");
    let (finish, mut trainer) = explode(NonFinite::Stop, &data);
    assert!(matches!(finish, Err(Error::NonFinite { epoch: 0, batch: 1, .. })), "{finish:?}");
    let layer = |trainer: &Trainer<f32>| (trainer.model().layers()[0].weights(), trainer.model().layers()[0].bias()[0]);
    let before = layer(&trainer);
    trainer.set_plan(trainer.plan().non_finite(NonFinite::RollBack).epochs(1)).expect("the same rule and loss");
    assert_eq!(trainer.fit(&data, None, |_| Continue(())).expect("rolled back"), Finish::Epochs);
    assert_eq!(
        (trainer.updates(), layer(&trainer)),
        (1, before),
        "the update between the two bad batches is taken back"
    );
    assert_eq!((trainer.history()[0].skipped, trainer.history()[0].rate), (2, 0.05), "at half the rate");
}

/// Ten bad batches are borne, and at a rate that is given anew ten more; other settings bear no more of them.
#[test]
fn a_new_rate_bears_bad_batches_anew() {
    let ten = Dataset::with_values(vec![1.0; 11], 1, [vec![3e38; 10], vec![1.0]].concat(), 1).expect("good data");
    for (rate, is_borne) in [(0.1, false), (0.05, true)] {
        let plan = |rate| Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(rate)).batch(1);
        let plan = |rate, epochs| plan(rate).epochs(epochs).non_finite(NonFinite::RollBack);
        let model = Mlp::<f32>::builder(&[1, 1]).build().expect("widths");
        let mut trainer = Trainer::new(model, plan(0.1, 1)).expect("a plan that fits");
        trainer.fit(&ten, None, |_| Continue(())).expect("ten are borne");
        trainer.set_plan(plan(rate, 2)).expect("the same rule and loss");
        let finish = trainer.fit(&ten, None, |_| Continue(()));
        assert_eq!(finish.is_ok(), is_borne, "{finish:?} at rate {rate}");
    }
}

/// A rate that diverges, epoch by epoch of one batch: the update that goes too far is the last of its epoch, and found in the next.
#[test]
fn a_roll_back_recovers_from_a_divergence_that_crosses_epochs() {
    // Each update leaves w |1 − rate| times as far from 2: rates diverge, until a square overflows, down to 2.
    for (rate, bad_batches) in [(3.0, 2), (300.0, 8)] {
        let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(rate)).epochs(400).batch(2);
        let model = Mlp::builder(&[1, 1]).build().expect("widths");
        let mut trainer = Trainer::new(model, plan.non_finite(NonFinite::RollBack)).expect("a plan that fits");
        assert_eq!(trainer.fit(&twice(), None, |_| Continue(())).expect("rolled back"), Finish::Epochs, "rate {rate}");
        let w = trainer.model().layers()[0].weights()[0];
        assert!((w - 2.0).abs() < 1e-3, "rate {rate}: {w}");
        assert_eq!(trainer.history().iter().map(|record| record.skipped).sum::<u64>(), bad_batches, "rate {rate}");
    }
}

/// A batch that is bad by its data says nothing about the weights, also where it is an epoch's first.
#[test]
fn a_bad_first_batch_costs_no_epoch() {
    let first = Dataset::with_values(vec![1.0; 4], 1, vec![3e38, 1.0, 1.0, 1.0], 1).expect("good data");
    let (finish, trainer) = explode(NonFinite::RollBack, &first);
    assert_eq!(finish.expect("left out"), Finish::Epochs);
    assert_eq!(trainer.updates(), 6, "three of each epoch, none taken back");
}

/// What a caller has done between two runs is not undone by the second.
#[test]
fn own_steps_are_not_rolled_back() {
    let plan = Plan::new(Loss::HalfSquaredError)
        .optimiser(Optimiser::sgd())
        .batch(1)
        .shuffle(false)
        .non_finite(NonFinite::RollBack);
    let mut trainer =
        Trainer::new(Mlp::builder(&[1, 1]).build().expect("widths"), plan.epochs(1)).expect("a plan that fits");
    trainer.fit(&twice(), None, |_| Continue(())).expect("good data");
    trainer.step(&[1.0], Targets::Values(&[2.0])).expect("a good batch");
    let own = trainer.model().layers()[0].weights();
    trainer.set_plan(plan.epochs(2)).expect("the same rule and loss");
    let bad = Dataset::with_values(vec![1.0; 2], 1, vec![3e38; 2], 1).expect("good data");
    trainer.fit(&bad, None, |_| Continue(())).expect("left out");
    assert_eq!(trainer.model().layers()[0].weights(), own);
}

/// Within an epoch they belong to it: a roll-back to its start takes them back, too.
#[test]
fn own_steps_within_an_epoch_are_rolled_back_with_it() {
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd()).batch(1).shuffle(false).epochs(1);
    let model = Mlp::<f32>::builder(&[1, 1]).build().expect("widths");
    let start = model.layers()[0].weights();
    let mut trainer = Trainer::new(model, plan.non_finite(NonFinite::RollBack)).expect("a plan that fits");
    let second_is_bad = Dataset::with_values(vec![1.0; 2], 1, vec![1.0, 3e38], 1).expect("good data");
    assert_eq!(trainer.fit(&second_is_bad, None, |_| Break(())).expect("a good batch"), Finish::Caller);
    trainer.step(&[1.0], Targets::Values(&[2.0])).expect("a good batch");
    assert_eq!(trainer.updates(), 2);
    assert_ne!(trainer.model().layers()[0].weights(), start);
    assert_eq!(trainer.fit(&second_is_bad, None, |_| Continue(())).expect("rolled back"), Finish::Epochs);
    assert_eq!((trainer.updates(), trainer.model().layers()[0].weights()), (0, start));
}

/// What was good before the policy was another one is not what a later roll-back returns to: the run has gone on since.
#[test]
fn a_policy_that_is_left_keeps_nothing_to_go_back_to() {
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd()).batch(1).shuffle(false);
    let plan = |policy, epochs| plan.non_finite(policy).epochs(epochs);
    let model = Mlp::builder(&[1, 1]).build().expect("widths");
    let mut trainer = Trainer::new(model, plan(NonFinite::RollBack, 1)).expect("a plan that fits");
    trainer.fit(&twice(), None, |_| Continue(())).expect("good data");
    trainer.set_plan(plan(NonFinite::Skip, 2)).expect("the same rule and loss");
    trainer.fit(&twice(), None, |_| Continue(())).expect("good data");
    let before = trainer.model().layers()[0].weights();
    trainer.set_plan(plan(NonFinite::RollBack, 3)).expect("the same rule and loss");
    let bad = Dataset::with_values(vec![1.0; 2], 1, vec![3e38; 2], 1).expect("good data");
    trainer.fit(&bad, None, |_| Continue(())).expect("left out");
    assert_eq!((trainer.updates(), trainer.model().layers()[0].weights()), (4, before));
}

/// Saved and loaded at any report, before and after bad batches, a run ends with the bytes of the one that never stopped.
#[test]
fn a_resumed_run_skips_and_rolls_back_like_the_one_that_never_stopped() {
    fn check(plan: Plan, data: &Dataset<f32>) {
        let start = || {
            let model = Mlp::builder(&[1, 1]).build().expect("widths");
            Trainer::new(model, plan).expect("a plan that fits")
        };
        let (mut whole, mut reports) = (start(), 0);
        let finish = whole.fit(data, None, |_| {
            reports += 1;
            Continue(())
        });
        assert_eq!(finish.expect("bad batches are borne"), Finish::Epochs, "{plan:?}");
        assert!(whole.history().iter().any(|record| record.skipped > 0), "{plan:?}");
        for stop in 1..=reports {
            let (mut first, mut left) = (start(), stop);
            let stopped = first.fit(data, None, |_| {
                left -= 1;
                if left == 0 { Break(()) } else { Continue(()) }
            });
            assert_eq!(stopped.expect("bad batches are borne"), Finish::Caller, "{plan:?}");
            let saved = first.to_bytes();
            let mut second = Trainer::<f32>::from_bytes(&saved).expect("a checkpoint");
            assert!(second.to_bytes() == saved, "{plan:?} loaded after report {stop}");
            assert_eq!(second.fit(data, None, |_| Continue(())).expect("bad batches are borne"), Finish::Epochs);
            assert!(second.to_bytes() == whole.to_bytes(), "{plan:?} resumed after report {stop}");
        }
    }
    let plan = Plan::new(Loss::HalfSquaredError).epochs(4).batch(1);
    for policy in [NonFinite::Skip, NonFinite::RollBack] {
        for optimiser in [Optimiser::sgd(), Optimiser::nesterov(), Optimiser::adam()] {
            // The bad row comes elsewhere in every epoch, with some seeds first in the very first.
            for seed in 0..6 {
                check(plan.optimiser(optimiser).seed(seed).non_finite(policy), &exploding());
            }
        }
    }
    let diverging = plan.optimiser(Optimiser::sgd().rate(300.0)).epochs(60).batch(2).non_finite(NonFinite::RollBack);
    check(diverging, &twice());
}

/// A whole epoch that had to be left out has no loss that could be the best, and ends the run each time that it is tried again.
#[test]
fn an_epoch_of_bad_batches_has_no_loss() {
    let bad = Dataset::with_values(vec![1.0; 4], 1, vec![3e38; 4], 1).expect("good data");
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd()).epochs(2).batch(4);
    let trainer = |policy| {
        let model = Mlp::<f32>::builder(&[1, 1]).build().expect("widths");
        Trainer::new(model, plan.non_finite(policy)).expect("a plan that fits")
    };
    let mut skipping = trainer(NonFinite::Skip);
    for _ in 0..3 {
        let finish = skipping.fit(&bad, None, |_| Continue(()));
        assert!(matches!(finish, Err(Error::NonFinite { epoch: 0, .. })), "{finish:?}");
        assert!(skipping.history().is_empty());
    }
    let mut rolling = trainer(NonFinite::RollBack);
    assert_eq!(rolling.fit(&bad, None, |_| Continue(())).expect("tried again at half the rate"), Finish::Epochs);
    assert_eq!(rolling.history().len(), 2);
    assert!(rolling.history().iter().all(|record| record.loss.is_nan() && record.skipped == 1));
}

/// Batches whose loss is finite and whose gradient is not, because of the input, the hidden activation, or the error that
/// comes down.
#[test]
fn a_gradient_that_is_not_finite_is_found_before_the_update() {
    // A net whose layers are all small, and one that a team shares layer by layer.
    for width in [1, 7000] {
        let with_zeros = |w: f32| [w].into_iter().chain(std::iter::repeat_n(0.0, width - 1)).collect::<Vec<f32>>();
        for (w1, w2, x, y) in [(0.0, 1.0, 3e38, 1e3), (1e30, 0.0, 1e6, 1e3), (0.0, 1e38, 1e6, 1e3)] {
            let mut model = Mlp::<f32>::builder(&[1, width, 1]).hidden(Activation::Identity).build().expect("widths");
            model.set_layer(0, &with_zeros(w1), &vec![0.0; width]).expect("lengths that fit");
            model.set_layer(1, &with_zeros(w2), &[0.0]).expect("lengths that fit");
            is_not_finite(&model, &[x], &[y]);
        }
    }
}

#[test]
fn a_gradient_that_is_not_finite_is_found_in_a_batch_in_pieces() {
    let mut model = Mlp::<f32>::builder(&[1, 1, 1]).hidden(Activation::Identity).build().expect("widths");
    model.set_layer(0, &[0.0], &[0.0]).expect("lengths that fit");
    let (mut x, mut y) = (vec![0.5; 1300], vec![0.5; 1300]);
    (x[1000], y[1000]) = (3e38, 1e6);
    is_not_finite(&model, &x, &y);
}

/// What a bad batch left in memory, padding included, says nothing of the next: first a batch in pieces, then one whole, of nets
/// whose widths fill no line.
#[test]
fn a_good_batch_after_a_bad_one_is_good() {
    for widths in [[4, 20, 1], [1, 20, 1], [3, 7, 5]] {
        let [inputs, _, outputs] = widths;
        let model = Mlp::<f32>::builder(&widths).hidden(Activation::Tanh).build().expect("widths");
        let mut trainer = Trainer::new(model, Plan::new(Loss::HalfSquaredError)).expect("a plan that fits");
        for rows in [1300, 40] {
            let mut y = vec![0.5; rows * outputs];
            y[3] = f32::NAN;
            let bad = trainer.step(&vec![0.25; rows * inputs], Targets::Values(&y));
            let place = (3 / outputs, 3 % outputs);
            let is_named =
                matches!(bad, Err(Error::NotANumber { what: "target", row, column, .. }) if (row, column) == place);
            assert!(is_named, "{widths:?}, {rows} rows: {bad:?}");
            for rows in [32, 1300, 70] {
                let good = trainer.step(&vec![0.25; rows * inputs], Targets::Values(&vec![0.5; rows * outputs]));
                assert!(good.is_ok(), "{widths:?}, {rows} rows: {good:?}");
            }
        }
    }
}

/// A gradient of one weight that is finite, of which no rule makes a finite update: Adam squares it, and takes its mean from it. The weight is
/// of a layer that is small, or of one whose update is fused where the batch allows it.
#[test]
fn a_gradient_that_is_too_large_is_found_before_the_update() {
    fn check<T: Element>(root: f64) {
        let rules =
            [Optimiser::sgd(), Optimiser::nesterov(), Optimiser::momentum(), Optimiser::adam(), Optimiser::adamw()];
        for (optimiser, inputs) in rules.into_iter().flat_map(|rule| [(rule, 1), (rule, 7000)]) {
            let row = |x: f64| std::iter::once(T::from_f64(x)).chain(std::iter::repeat_n(T::ZERO, inputs - 1));
            let values = |y: &[f64]| y.iter().map(|&y| T::from_f64(y)).collect::<Vec<_>>();
            let mut model = Mlp::<T>::builder(&[inputs, 1]).build().expect("widths");
            model.set_layer(0, &vec![T::ZERO; inputs], &[T::ZERO]).expect("lengths that fit");
            let x: Vec<T> = [1.0, root, root, 1.0].into_iter().flat_map(row).collect();
            let data = Dataset::with_values(x, inputs, values(&[0.0, -root, root, 0.0]), 1).expect("good data");
            let plan = Plan::new(Loss::HalfSquaredError).optimiser(optimiser).epochs(1).batch(1).shuffle(false);
            for (policy, updates) in [(NonFinite::Stop, 1), (NonFinite::Skip, 2), (NonFinite::RollBack, 1)] {
                let case = format!("{optimiser:?}, {inputs} inputs, {policy:?}, {}", T::NAME);
                let mut trainer = Trainer::new(model.clone(), plan.non_finite(policy)).expect("a plan that fits");
                let finish = trainer.fit(&data, None, |_| Continue(()));
                if policy == NonFinite::Stop {
                    let is_found = matches!(finish, Err(Error::NonFinite { what: "gradient", epoch: 0, batch: 1 }));
                    assert!(is_found, "{case}: {finish:?}");
                    let said = finish.expect_err("too large").to_string();
                    assert!(said.contains("the gradient is not finite, or too large for the update to be;"), "{said}");
                } else {
                    assert_eq!(
                        (finish.expect("left out"), trainer.history()[0].skipped),
                        (Finish::Epochs, 2),
                        "{case}"
                    );
                }
                assert_eq!(trainer.updates(), updates, "{case}");
                for y in [-root, root] {
                    let step = trainer.step(&row(root).collect::<Vec<_>>(), Targets::Values(&values(&[y])));
                    assert!(matches!(step, Err(Error::NonFinite { what: "gradient", .. })), "{case}: {step:?}");
                }
                let layer = &trainer.model().layers()[0];
                assert!(layer.weights().iter().chain(layer.bias()).all(|&w| w == T::ZERO), "{case}");
            }
        }
    }
    check::<f32>(1.8e19);
    check::<f64>(1.3e154);
}

/// At a rate that makes too much of it: in layers small and large, whose gradient is applied tile by tile at other rates.
#[test]
fn a_gradient_that_is_too_large_for_the_rate_is_found_before_the_update() {
    for (optimiser, inputs) in [Optimiser::sgd(), Optimiser::nesterov()].into_iter().flat_map(|o| [(o, 1), (o, 7000)]) {
        let mut model = Mlp::<f32>::builder(&[inputs, 1]).build().expect("widths");
        model.set_layer(0, &vec![0.0; inputs], &[0.0]).expect("lengths that fit");
        let plan = Plan::new(Loss::HalfSquaredError).optimiser(optimiser.rate(1e30));
        let mut trainer = Trainer::new(model, plan).expect("a plan that fits");
        let step = trainer.step(&vec![1e5; inputs], Targets::Values(&[1e5]));
        assert!(matches!(step, Err(Error::NonFinite { what: "gradient", .. })), "{inputs} inputs: {step:?}");
        let layer = &trainer.model().layers()[0];
        assert!(layer.weights().iter().chain(layer.bias()).all(|&w| w == 0.0), "{inputs} inputs");
    }
}

/// It is what the rule sees that must not be too large.
#[test]
fn a_large_gradient_may_be_clipped_to_one_that_is_not() {
    for (norm, is_small) in [(1.0, true), (1e18, true), (1e20, false)] {
        let mut model = Mlp::<f32>::builder(&[1, 1]).build().expect("widths");
        model.set_layer(0, &[0.0], &[0.0]).expect("lengths that fit");
        let mut trainer =
            Trainer::new(model, Plan::new(Loss::HalfSquaredError).clip_norm(norm)).expect("a plan that fits");
        for y in [-1e19, 1e19, -1e19] {
            assert_eq!(trainer.step(&[1e19], Targets::Values(&[y])).is_ok(), is_small, "clipped to {norm}");
        }
        assert!(trainer.model().layers()[0].weights()[0].is_finite());
    }
}

/// What is missing in a batch of one's own is named, under every policy: no lower rate would help. The net's layers are all small, or shared
/// by a team one by one, with activations that let a bad input through to the loss, or keep it back.
#[test]
fn a_number_that_is_none_is_named_in_a_batch_too() {
    for (widths, hidden) in [
        ([2, 2, 2], Activation::Identity),
        ([2, 2, 2], Activation::Relu),
        ([2, 2, 2], Activation::Sigmoid),
        ([2, 7000, 2], Activation::Relu),
        // A single output goes a way of its own, with one input and with several.
        ([2, 16, 1], Activation::Tanh),
        ([1, 16, 1], Activation::Tanh),
    ] {
        let [inputs, _, outputs] = widths;
        let model = Mlp::<f32>::builder(&widths).hidden(hidden).build().expect("widths");
        for (bad, row, column) in [(f32::NAN, 0, 1), (f32::INFINITY, 2, 0), (f32::NEG_INFINITY, 2, 1)] {
            let good = |columns| vec![0.5; 3 * columns];
            let spoilt = |columns| {
                let mut rows = good(columns);
                rows[row * columns + column % columns] = bad;
                rows
            };
            for (what, columns, x, y) in
                [("input", inputs, spoilt(inputs), good(outputs)), ("target", outputs, good(inputs), spoilt(outputs))]
            {
                let place = (what, row, column % columns);
                let is_named = |error: Error| matches!(error, Error::NotANumber { what, row, column, .. } if (what, row, column) == place);
                let said = model.gradients(Loss::HalfSquaredError, &x, Targets::Values(&y)).expect_err("no number");
                assert!(is_named(said), "{what} {bad}, {widths:?} {hidden}");
                for policy in [NonFinite::Stop, NonFinite::Skip, NonFinite::RollBack] {
                    let plan = Plan::new(Loss::HalfSquaredError).non_finite(policy);
                    let mut trainer = Trainer::new(model.clone(), plan).expect("a plan that fits");
                    let said = trainer.step(&x, Targets::Values(&y)).expect_err("no number");
                    assert!(is_named(said), "{what} {bad}, {widths:?} {hidden}, {policy:?}");
                    assert_eq!(trainer.updates(), 0);
                }
            }
        }
    }
}

/// Nothing changes by a step on these rows, fused or not, whose loss is finite.
fn is_not_finite(model: &Mlp<f32>, x: &[f32], y: &[f32]) {
    let (loss, _) = model.gradients(Loss::HalfSquaredError, x, Targets::Values(y)).expect("lengths that fit");
    assert!(loss.is_finite());
    for fused in [true, false] {
        let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd()).fused(fused);
        let mut trainer = Trainer::new(model.clone(), plan).expect("a plan that fits");
        let step = trainer.step(x, Targets::Values(y));
        assert!(matches!(step, Err(Error::NonFinite { what: "gradient", .. })), "fused {fused}: {step:?}");
        assert_eq!(trainer.updates(), 0);
        for (before, after) in model.layers().iter().zip(trainer.model().layers()) {
            assert_eq!((before.weights(), before.bias()), (after.weights(), after.bias()), "fused {fused}");
        }
    }
}
