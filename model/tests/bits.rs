//! The same bits: fused or gradient first, any number of threads, any split into batches, interrupted or not.

use deltarule::{
    Activation, Dataset, EarlyStopping, Element, Finish, Isa, Loss, Mlp, NonFinite, Optimiser, Output, Plan, Schedule,
    Scratch, Standardisation, Targets, Trainer,
};
use std::ops::ControlFlow;

/// Rows with a pattern, three classes.
fn data<T: Element>(rows: usize, columns: usize) -> Dataset<T> {
    let number = |i: usize| ((i * 7919 + 13) % 1009) as f64 / 504.5 - 1.0;
    let x: Vec<T> = (0..rows * columns).map(|i| T::from_f64(number(i))).collect();
    let classes =
        (0..rows).map(|r| if number(r * columns) > 0.3 { 2 } else { u32::from(number(r * columns + 1) > 0.0) });
    Dataset::with_classes(x, columns, classes.collect(), 3).expect("good data")
}

/// Widths of a first layer: of a net whose layers are all small, and of one that a team shares layer by layer.
const WIDTHS: [usize; 2] = [33, 400];

fn model<T: Element>(data: &Dataset<T>, hidden: Activation) -> Mlp<T> {
    model_of(WIDTHS[0], data, hidden)
}

fn model_of<T: Element>(width: usize, data: &Dataset<T>, hidden: Activation) -> Mlp<T> {
    Mlp::builder(&[data.columns(), width, 17, 3])
        .hidden(hidden)
        .output(Output::Softmax)
        .standardise(Standardisation::of_inputs(data))
        .seed(5)
        .build()
        .expect("widths")
}

/// Everything about a trainer, bit for bit.
fn bits<T: Element>(trainer: &Trainer<T>) -> Vec<u8> {
    trainer.to_bytes()
}

/// The bits of the weights alone.
fn weights<T: Element>(model: &Mlp<T>) -> Vec<u64> {
    let layer = |l: &deltarule::Layer<T>| l.weights().into_iter().chain(l.bias().to_vec()).collect::<Vec<T>>();
    model.layers().iter().flat_map(layer).map(|w| w.to_bits64()).collect()
}

fn rules() -> [Optimiser; 5] {
    [
        Optimiser::sgd().l2(1e-3),
        Optimiser::momentum().l2(1e-3),
        Optimiser::nesterov(),
        Optimiser::adam().l2(1e-3).decay_biases(true),
        Optimiser::adamw(),
    ]
}

fn run<T: Element>(width: usize, plan: Plan, hidden: Activation, data: &Dataset<T>) -> Mlp<T> {
    let mut trainer = Trainer::new(model_of(width, data, hidden), plan).expect("a plan that fits");
    trainer.fit(data, None, |_| ControlFlow::Continue(())).expect("finite");
    trainer.into_model()
}

fn fused_equals_gradient_first<T: Element>() {
    let data = data::<T>(150, 19);
    for (optimiser, width) in rules().into_iter().flat_map(|rule| WIDTHS.map(|width| (rule, width))) {
        for hidden in [Activation::Relu, Activation::Gelu] {
            let plan = Plan::new(Loss::CrossEntropy).optimiser(optimiser).epochs(2).batch(32);
            let run = |plan| weights(&run(width, plan, hidden, &data));
            let fused = run(plan);
            assert_eq!(fused, run(plan.fused(false)), "{optimiser:?} {hidden:?} {width}");
            assert_eq!(fused, run(plan.clip_norm(1e6)), "{optimiser:?} {width}: clipping that does not bite");
            assert_ne!(fused, run(plan.clip_norm(1e-3)), "{optimiser:?} {width}: clipping that bites");
        }
    }
}

#[test]
fn fused_equals_gradient_first_f32() {
    fused_equals_gradient_first::<f32>();
}

#[test]
fn fused_equals_gradient_first_f64() {
    fused_equals_gradient_first::<f64>();
}

#[test]
fn any_number_of_threads() {
    // The last goes through a narrow net in pieces, the last of them short.
    for (rows, batch, width) in [(400, 128, 400), (400, 128, 33), (1500, 1100, 33)] {
        let data = data::<f32>(rows, 40);
        let plan = Plan::new(Loss::CrossEntropy).epochs(2).batch(batch);
        let run = |threads| {
            let mut trainer = Trainer::new(model_of(width, &data, Activation::Tanh), plan.threads(threads)).unwrap();
            trainer.fit(&data, None, |_| ControlFlow::Continue(())).expect("finite");
            (weights(trainer.model()), trainer.history().iter().map(|record| record.loss.to_bits()).collect::<Vec<_>>())
        };
        let alone = run(1);
        for threads in [2, 3, 7] {
            assert_eq!(alone, run(threads), "{threads} threads, batches of {batch}, {width} wide");
        }
    }
}

/// A tall batch of a narrow net, which goes through it in pieces, against chains over all rows written out.
#[test]
fn gradients_of_a_batch_in_pieces_are_single_chains() {
    let (rows, [inputs, hidden, outputs]) = (1300, [3, 20, 2]);
    let model =
        Mlp::<f32>::builder(&[inputs, hidden, outputs]).hidden(Activation::Relu).seed(3).build().expect("widths");
    let number = |i: usize| ((i * 7919 + 13) % 1009) as f32 / 504.5 - 1.0;
    let x: Vec<f32> = (0..rows * inputs).map(number).collect();
    let y: Vec<f32> = (0..rows * outputs).map(|i| number(i + 5)).collect();
    let (_, found) = model.gradients(Loss::HalfSquaredError, &x, Targets::Values(&y)).expect("lengths that fit");

    let [first, second] = model.layers() else { unreachable!() };
    let (w1, w2) = (first.weights(), second.weights());
    // The portable tier has no fused multiply-add.
    let is_fused = Isa::current() != Isa::Portable;
    let step = |sum: f32, a: f32, b: f32| if is_fused { a.mul_add(b, sum) } else { a * b + sum };
    let chain = |start: f32, a: &[f32], b: &[f32]| a.iter().zip(b).fold(start, |sum, (&a, &b)| step(sum, a, b));
    let (mut a1, mut dz1, mut dz2) = (Vec::new(), Vec::new(), Vec::new());
    for (x, y) in x.chunks(inputs).zip(y.chunks(outputs)) {
        let z1 = |h| chain(first.bias()[h], x, &w1[h * inputs..(h + 1) * inputs]);
        let a: Vec<f32> = (0..hidden).map(|h| z1(h).max(0.0)).collect();
        let z2 = |o| chain(second.bias()[o], &a, &w2[o * hidden..(o + 1) * hidden]);
        let dz: Vec<f32> = (0..outputs).map(|o| (z2(o) - y[o]) * (1.0 / rows as f64) as f32).collect();
        let column = |h| (0..outputs).map(|o| w2[o * hidden + h]).collect::<Vec<f32>>();
        dz1.extend((0..hidden).map(|h| if a[h] > 0.0 { chain(0.0, &dz, &column(h)) } else { 0.0 }));
        a1.extend(a);
        dz2.extend(dz);
    }
    let column = |rows: &[f32], width, c| rows.iter().skip(c).step_by(width).copied().collect::<Vec<f32>>();
    for (layer, (input, inputs), (dz, outputs)) in
        [(&found.layers[0], (&x, inputs), (&dz1, hidden)), (&found.layers[1], (&a1, hidden), (&dz2, outputs))]
    {
        for o in 0..outputs {
            let errors = column(dz, outputs, o);
            for i in 0..inputs {
                let expected = chain(0.0, &errors, &column(input, inputs, i));
                assert_eq!(layer.0[o * inputs + i], expected, "the weight from {i} to {o}");
            }
            let blocks = errors.chunks(64).map(|block| block.iter().fold(0.0, |sum, dz| sum + dz));
            assert_eq!(layer.1[o], blocks.fold(0.0, |sum: f32, block| sum + block), "the bias of {o}");
        }
    }
}

/// The rows of a piece decide how losses are summed up, and so the bits of the sum. A piece of this net has 128 rows; a mean of so many is
/// their sum, but for the exponent.
#[test]
fn the_loss_of_a_large_batch_is_summed_piece_by_piece() {
    let (rows, [inputs, hidden, outputs]) = (1024, [30, 60, 10]);
    let model = Mlp::<f64>::builder(&[inputs, hidden, outputs]).seed(3).build().expect("widths");
    let number = |i: usize| ((i * 7919 + 13) % 1009) as f64 / 504.5 - 1.0;
    let x: Vec<f64> = (0..rows * inputs).map(number).collect();
    let mean = |x: &[f64], y: &[f64]| {
        model.gradients(Loss::HalfSquaredError, x, Targets::Values(y)).expect("lengths that fit").0
    };
    let mut differs = false;
    for first in 0..16 {
        let y: Vec<f64> = (0..rows * outputs).map(|i| number(i + first)).collect();
        let by_pieces = |piece: usize| {
            let pieces = x.chunks(piece * inputs).zip(y.chunks(piece * outputs));
            pieces.fold(0.0, |sum, (x, y)| sum + mean(x, y) * piece as f64) / rows as f64
        };
        let whole = mean(&x, &y);
        assert_eq!(whole.to_bits(), by_pieces(128).to_bits(), "targets from {first}: {whole}");
        differs |= whole.to_bits() != by_pieces(64).to_bits();
    }
    assert!(differs, "shorter pieces would have other bits");
}

#[test]
fn predictions_in_any_batch_on_any_thread() {
    let data = data::<f32>(600, 19);
    let model = model(&data, Activation::Silu);
    let whole: Vec<u32> =
        model.predict(&data.x(), &mut Scratch::new()).expect("rows").iter().map(|p| p.to_bits()).collect();
    for batch in [1, 2, 7, 64, 255, 256, 257] {
        let mut scratch = Scratch::new();
        let mut parts = Vec::new();
        for x in data.x().chunks(batch * 19) {
            parts.extend(model.predict(x, &mut scratch).expect("rows").iter().map(|p| p.to_bits()));
        }
        assert_eq!(parts, whole, "batches of {batch}");
    }
    std::thread::scope(|scope| {
        for threads in [1, 2, 3, 7] {
            let (model, data, whole) = (&model, &data, &whole);
            scope.spawn(move || {
                let mut scratch = Scratch::with_threads(threads);
                let p = model.predict(&data.x(), &mut scratch).expect("rows");
                assert!(p.iter().map(|p| p.to_bits()).eq(whole.iter().copied()), "{threads} threads");
            });
        }
    });
}

/// Of ten rows in batches of eight: each batch's gradient is the mean over the rows that it has, and the loss that over all ten. The equations
/// are written out once more, for a net of one linear layer.
#[test]
fn a_last_partial_batch_counts_its_true_rows() {
    let ([rows, inputs, outputs], eta) = ([10, 4, 3], 0.1);
    let number = |i: usize| ((i * 7919 + 13) % 1009) as f64 / 504.5 - 1.0;
    let x: Vec<f64> = (0..rows * inputs).map(number).collect();
    let y: Vec<f64> = (0..rows * outputs).map(|i| number(i + 5)).collect();
    let model = Mlp::<f64>::builder(&[inputs, outputs]).build().expect("widths");
    let (mut w, mut b) = (model.layers()[0].weights(), model.layers()[0].bias().to_vec());
    let mut total = 0.0;
    for batch in [0..8, 8..10] {
        let (mut dw, mut db) = (vec![0.0; w.len()], vec![0.0; b.len()]);
        let mean = 1.0 / batch.len() as f64;
        for row in batch {
            let x = &x[row * inputs..][..inputs];
            for o in 0..outputs {
                let z = b[o] + x.iter().zip(&w[o * inputs..]).map(|(x, w)| x * w).sum::<f64>();
                let dz = z - y[row * outputs + o];
                total += dz * dz / 2.0;
                db[o] += mean * dz;
                dw[o * inputs..].iter_mut().zip(x).for_each(|(dw, x)| *dw += mean * dz * x);
            }
        }
        w.iter_mut().zip(dw).for_each(|(w, dw)| *w -= eta * dw);
        b.iter_mut().zip(db).for_each(|(b, db)| *b -= eta * db);
    }
    let plan =
        Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(eta)).batch(8).epochs(1).shuffle(false);
    let data = Dataset::with_values(x, inputs, y, outputs).expect("good data");
    let mut trainer = Trainer::new(model, plan).expect("a plan that fits");
    trainer.fit(&data, None, |_| ControlFlow::Continue(())).expect("finite");
    let layer = &trainer.model().layers()[0];
    let found = layer.weights().into_iter().chain(layer.bias().to_vec()).chain([trainer.history()[0].loss]);
    let expected = w.into_iter().chain(b).chain([total / rows as f64]);
    for (i, (found, expected)) in found.zip(expected).enumerate() {
        assert!((found - expected).abs() <= 1e-14, "number {i}: {found}, not {expected}");
    }
}

/// As [`resume_on`], with a net of small layers and on one thread.
fn resume<T: Element>(plan: Plan, stop: u64) {
    resume_on(1, WIDTHS[0], &data::<T>(90, 11), plan, stop);
}

/// Stops after `stop` reports, is saved, loaded and carried on by so many threads: must equal the run of one thread that never stopped.
fn resume_on<T: Element>(threads: usize, width: usize, data: &Dataset<T>, plan: Plan, stop: u64) {
    let (train, validation) = data.split(0.3, 2).expect("two parts");
    let start = || Trainer::new(model_of(width, &train, Activation::Relu), plan).expect("a plan that fits");
    let go = |trainer: &mut Trainer<T>| trainer.fit(&train, Some(&validation), |_| ControlFlow::Continue(()));

    let mut whole = start();
    let finish = go(&mut whole).expect("finite");

    let mut first = start();
    let mut reports = 0;
    let stopped = first.fit(&train, Some(&validation), |_| {
        reports += 1;
        if reports == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(stopped.expect("finite"), Finish::Caller);
    let saved = bits(&first);
    let mut second = Trainer::<T>::from_bytes(&saved).expect("a checkpoint");
    assert_eq!(bits(&second), saved, "loading and saving changes nothing");
    if threads != plan.threads {
        second.set_plan(plan.threads(threads)).expect("the same rule and loss");
    }
    assert_eq!(go(&mut second).expect("finite"), finish);
    assert!(bits(&second) == bits(&whole), "{plan:?} stopped after report {stop}, then on {threads} threads");
    if let deltarule::Shape::Plateau { .. } = plan.schedule.shape {
        assert!(whole.history()[5].rate < whole.history()[0].rate, "the plateau was reached");
    }
    assert_eq!(second.history(), whole.history());
    assert_eq!(weights(second.model()), weights(whole.model()));
}

#[test]
fn a_resumed_run_equals_the_one_that_never_stopped() {
    let base = Plan::new(Loss::CrossEntropy).epochs(6).batch(16).seed(9);
    for optimiser in rules() {
        // Reports 1 to 4 are batches, 5 is the epoch's end.
        for stop in [1, 3, 4, 5, 6, 14] {
            resume::<f32>(base.optimiser(optimiser), stop);
        }
    }
    for stop in [2, 5, 11, 27] {
        resume::<f64>(base, stop);
        resume::<f32>(base.schedule(Schedule::cosine(6).warm_up(1.5)), stop);
        let bumpy = base.optimiser(Optimiser::sgd().rate(3.0));
        resume::<f32>(bumpy.schedule(Schedule::plateau(0.5, 0)).clip_norm(5.0), stop);
        resume::<f32>(base.patience(9).optimiser(Optimiser::sgd().rate(3.0)), stop);
        resume::<f32>(base.patience(9).min_improvement(0.1), stop);
        resume::<f64>(base.non_finite(NonFinite::RollBack), stop);
    }
}

/// Of a net that a team shares layer by layer, and whose updates are fused.
#[test]
fn a_resumed_run_of_a_wide_net_equals_the_one_that_never_stopped() {
    let (single, double) = (data::<f32>(200, 100), data::<f64>(200, 100));
    // Three batches an epoch, and its end. With early stopping another number of threads forgets nothing.
    let base = Plan::new(Loss::CrossEntropy).epochs(3).batch(64).patience(9);
    for (optimiser, threads) in rules().into_iter().flat_map(|rule| [1, 2, 5].map(|threads| (rule, threads))) {
        for stop in [2, 4, 7] {
            resume_on(threads, WIDTHS[1], &single, base.optimiser(optimiser), stop);
        }
        resume_on(threads, WIDTHS[1], &double, base.optimiser(optimiser), 6);
    }
}

#[test]
fn more_epochs_later_equal_more_epochs_at_once() {
    let data = data::<f32>(70, 9);
    let plan = Plan {
        early_stopping: Some(EarlyStopping { patience: 100, min_improvement: 0.0 }),
        ..Plan::new(Loss::CrossEntropy).epochs(12).batch(16).optimiser(Optimiser::sgd().rate(2.0))
    };
    let start = |plan| Trainer::new(model(&data, Activation::Relu), plan).expect("a plan that fits");
    let go = |trainer: &mut Trainer<f32>| trainer.fit(&data, None, |_| ControlFlow::Continue(())).expect("finite");
    let mut whole = start(plan);
    go(&mut whole);
    // Stopped after an epoch that was not the best, so that the model holds other weights than the last.
    let worse = whole.history().windows(2).position(|pair| pair[1].loss > pair[0].loss).expect("a bumpy run");
    let mut parts = start(plan.epochs(worse as u64 + 2));
    go(&mut parts);
    let mut parts = Trainer::<f32>::from_bytes(&bits(&parts)).expect("a checkpoint");
    parts.set_plan(plan).expect("the same rule and loss");
    go(&mut parts);
    assert!(bits(&parts) == bits(&whole));
}

#[test]
fn the_order_of_rows_depends_on_seed_and_epoch() {
    let data = data::<f32>(64, 6);
    let plan = Plan::new(Loss::CrossEntropy).epochs(2).batch(16);
    let one = weights(&run(WIDTHS[0], plan.seed(1), Activation::Relu, &data));
    assert_eq!(one, weights(&run(WIDTHS[0], plan.seed(1), Activation::Relu, &data)));
    assert_ne!(one, weights(&run(WIDTHS[0], plan.seed(2), Activation::Relu, &data)));
    assert_ne!(one, weights(&run(WIDTHS[0], plan.shuffle(false), Activation::Relu, &data)));
}

/// One model for all threads: the compiler vouches for it. That none of them waits for a lock there, a lint does (`clippy.toml`).
#[test]
fn models_are_shared_and_trainers_are_sent() {
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<Mlp<f32>>();
    shared::<Mlp<f64>>();
    sent::<Trainer<f32>>();
    sent::<Scratch<f32>>();
}

#[test]
fn each_epoch_has_an_order_of_its_own() {
    // One row a batch and a rate of nearly nothing: the loss of each batch tells which row it was.
    let data = Dataset::with_values((0..8).map(f64::from).collect(), 1, vec![0.0; 8], 1).expect("good data");
    let mut model = Mlp::<f64>::builder(&[1, 1]).build().expect("widths");
    model.set_layer(0, &[1.0], &[0.0]).expect("lengths that fit");
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::sgd().rate(1e-30)).batch(1).epochs(3);
    let mut trainer = Trainer::new(model, plan).expect("a plan that fits");
    let (mut rows, mut sum) = (Vec::new(), 0.0);
    let watch = |p: &deltarule::Progress<'_>| {
        if p.record.is_none() {
            let so_far = p.loss * p.batch as f64;
            sum = if p.batch == 1 { 0.0 } else { sum };
            rows.push((2.0 * (so_far - sum)).sqrt().round() as u32);
            sum = so_far;
        }
        ControlFlow::Continue(())
    };
    trainer.fit(&data, None, watch).expect("finite");
    let epochs: Vec<&[u32]> = rows.chunks(8).collect();
    for epoch in &epochs {
        let mut sorted = epoch.to_vec();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..8).collect::<Vec<_>>(), "every row once");
    }
    assert_ne!(epochs[0], epochs[1]);
    assert_ne!(epochs[1], epochs[2]);
}

/// The same images as bytes and as the numbers that they stand for.
fn images<T: Element>(rows: usize, columns: usize) -> [Dataset<T>; 2] {
    // A column that never changes, and every byte somewhere.
    let byte = |i: usize| if i % columns == 3 { 9 } else { ((i * 7919 + i / 256) % 256) as u8 };
    let bytes: Vec<u8> = (0..rows * columns).map(byte).collect();
    let numbers = bytes.iter().map(|&b| T::from_f64(f64::from(b) / 255.0)).collect();
    let labels = data::<T>(rows, columns).labels().clone();
    [
        Dataset::with_pixels(bytes, columns, labels.clone()).expect("good data"),
        Dataset::new(numbers, columns, labels).expect("good data"),
    ]
}

/// Everything that comes out of a run on these data, validated on others, bit for bit.
fn outcome<T: Element>(data: &Dataset<T>, standardise: bool, threads: usize) -> (Vec<u8>, Vec<u64>, String) {
    let (train, held_out) = data.split(0.3, 1).expect("enough rows");
    let mut builder = Mlp::<T>::builder(&[train.columns(), 33, 3]).output(Output::Softmax).seed(5);
    if standardise {
        builder = builder.standardise(Standardisation::of_inputs(&train));
    }
    let plan = Plan::new(Loss::CrossEntropy).optimiser(Optimiser::adam()).epochs(3).batch(32).threads(threads);
    let mut trainer = Trainer::new(builder.build().expect("widths"), plan).expect("a plan that fits");
    trainer.fit(&train, Some(&held_out), |_| ControlFlow::Continue(())).expect("finite");
    let mut scratch = Scratch::with_threads(threads);
    let evaluation = trainer.model().evaluate(Loss::CrossEntropy, &held_out, &mut scratch).expect("rows");
    let predicted = trainer.model().predict(&held_out.x(), &mut scratch).expect("rows");
    let predicted = predicted.iter().map(|p| p.to_bits64()).collect();
    (bits(&trainer), predicted, format!("{evaluation:?}"))
}

fn pixels_are_their_numbers<T: Element>() {
    let [bytes, numbers] = images::<T>(901, 41);
    for standardise in [false, true] {
        let expected = outcome(&numbers, standardise, 1);
        for threads in [1, 2, 5] {
            assert!(outcome(&bytes, standardise, threads) == expected, "{} {standardise} {threads}", T::NAME);
        }
    }
    assert_eq!(bytes.x(), numbers.x());
    assert_eq!(bytes.row(7), numbers.row(7));
    assert_eq!(Standardisation::of_inputs(&bytes), Standardisation::of_inputs(&numbers));
    let (bytes, numbers) = (bytes.select(&[5, 0, 5]).expect("rows"), numbers.select(&[5, 0, 5]).expect("rows"));
    assert_eq!((bytes.x(), bytes.labels()), (numbers.x(), numbers.labels()));
}

#[test]
fn pixels_train_and_evaluate_as_the_numbers_that_they_stand_for() {
    pixels_are_their_numbers::<f32>();
    pixels_are_their_numbers::<f64>();
}

#[test]
fn a_run_on_pixels_is_resumed_in_the_middle_of_an_epoch() {
    let [bytes, numbers] = images::<f32>(200, 19);
    let plan = Plan::new(Loss::CrossEntropy).epochs(3).batch(32);
    let mut whole = Trainer::new(model(&numbers, Activation::Relu), plan).expect("a plan that fits");
    whole.fit(&numbers, None, |_| ControlFlow::Continue(())).expect("finite");
    let mut first = Trainer::new(model(&bytes, Activation::Relu), plan).expect("a plan that fits");
    let stop = |progress: &deltarule::Progress<'_>| match (progress.epoch, progress.batch) {
        (1, 3) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    assert_eq!(first.fit(&bytes, None, stop).expect("finite"), Finish::Caller);
    let mut second = Trainer::<f32>::from_bytes(&bits(&first)).expect("a checkpoint");
    second.fit(&bytes, None, |_| ControlFlow::Continue(())).expect("finite");
    assert!(bits(&second) == bits(&whole));
}
