//! After the first call of a size, a product, a training step and a prediction allocate nothing, on any thread.
//!
//! One test, because the count is the whole program's.

use deltarule::{
    Activation, Dataset, Labels, Loss, Mlp, Optimiser, Output, Plan, Scratch, Standardisation, Targets, Trainer,
};
use deltarule_kernels::gemm::{PackedB, gemm_on, gemm_packed};
use deltarule_kernels::{MatMut, MatRef, Team};
use deltarule_tests::counting::{Counting, allocations, allocations_of};
use deltarule_tests::random::Random;
use std::ops::ControlFlow;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Times that each thing is repeated under the count.
const REPEATS: usize = 50;

fn noise(len: usize, random: &mut Random) -> Vec<f32> {
    (0..len).map(|_| random.uniform() as f32).collect()
}

/// Windows of repeats that are tried.
const WINDOWS: usize = 60;

/// Runs `work` a few times, then counts over many more, window by window, until one is as it should be.
///
/// With more than one thread, a helper that went home while the machine was busy elsewhere is called again through the
/// pool, which allocates its task, and may come, late, on a thread of the pool that has not done this work yet and
/// makes its scratch now (at most five buffers). Such calls are counted; a window without them must be free of
/// allocations. Work that allocates of itself does so in every repeat, so in every window.
fn assert_none(what: &str, threads: usize, mut work: impl FnMut()) {
    (0..5).for_each(|_| work());
    let mut window = || {
        let called = Team::invitations();
        let allocations = allocations_of(|| (0..REPEATS).for_each(|_| work()));
        (allocations, Team::invitations() - called)
    };
    let windows = if threads == 1 { 1 } else { WINDOWS };
    let mut last = (0, 0);
    let found = (0..windows).any(|_| {
        last = window();
        last.0 <= 6 * last.1 && last.0 < REPEATS
    });
    let (allocations, called) = last;
    assert!(
        found,
        "{what} on {threads}: {allocations} allocations in {REPEATS} repeats, {called} of them calls for help"
    );
    assert!(threads > 1 || called == 0, "{what} alone calls for no help");
}

fn products(threads: usize, random: &mut Random) {
    let team = Team::new(threads);
    for (m, n, k) in [(1, 128, 784), (8, 8, 8), (128, 128, 784), (128, 10, 128), (300, 300, 300), (700, 33, 1100)] {
        let (a, b, mut c) = (noise(m * k, random), noise(k * n, random), vec![0.0; m * n]);
        let a = MatRef::new(&a, m, k).unwrap();
        for b in [MatRef::new(&b, k, n).unwrap(), MatRef::new(&b, n, k).unwrap().t()] {
            for alpha in [1.0, 0.5] {
                assert_none(&format!("gemm {m} {n} {k}"), threads, || {
                    gemm_on(&team, alpha, a, b, 0.0, MatMut::new(&mut c, m, n).unwrap()).unwrap();
                });
            }
            let packed = PackedB::new(b);
            assert_none(&format!("packed gemm {m} {n} {k}"), threads, || {
                gemm_packed(&team, a, &packed, 0.0, MatMut::new(&mut c, m, n).unwrap()).unwrap();
            });
        }
        let sparse = MatRef::with_strides(&c, m.div_ceil(2), n.div_ceil(2), 2 * n, 2).unwrap();
        let mut out = vec![0.0; m * m];
        let (rows, cols) = (sparse.rows(), sparse.cols());
        assert_none(&format!("strided gemm {m} {n}"), threads, || {
            let out = MatMut::with_strides(&mut out, rows, rows, 1, rows).unwrap();
            gemm_on(&team, 1.0, sparse, sparse.t(), 0.0, out).unwrap();
        });
        assert!(cols > 0);
    }
}

fn steps(threads: usize, random: &mut Random) {
    steps_of(&[100, 130, 40, 10], 64, threads, random);
    // Small layers: a batch of one piece, and one of several.
    steps_of(&[20, 30, 1], 64, threads, random);
    steps_of(&[4, 32, 16, 4], 1300, threads, random);
    steps_on_large_numbers(threads, random);
}

fn steps_of(widths: &[usize], batch: usize, threads: usize, random: &mut Random) {
    let (inputs, outputs) = (widths[0], widths[widths.len() - 1]);
    for optimiser in [Optimiser::sgd(), Optimiser::nesterov(), Optimiser::adam()] {
        for (hidden, loss, output) in [
            (Activation::Relu, Loss::CrossEntropy, Output::Softmax),
            (Activation::Gelu, Loss::LogLoss, Output::Sigmoid),
            (Activation::Tanh, Loss::HalfSquaredError, Output::Linear),
        ] {
            if outputs == 1 && output == Output::Softmax {
                continue;
            }
            let model = Mlp::<f32>::builder(widths).hidden(hidden).output(output).build().unwrap();
            let x = noise(batch * inputs, random);
            let values: Vec<f32> = noise(batch * outputs, random).iter().map(|y| y.abs()).collect();
            let classes: Vec<u32> = (0..batch).map(|_| random.below(outputs) as u32).collect();
            for clip in [false, true] {
                let mut plan = Plan::new(loss).optimiser(optimiser.rate(1e-3)).threads(threads).batch(batch);
                if clip {
                    plan = plan.clip_norm(1.0);
                }
                let mut trainer = Trainer::new(model.clone(), plan).unwrap();
                assert_none(
                    &format!("step of {widths:?} {hidden} {loss:?} {optimiser:?}, clip {clip}"),
                    threads,
                    || {
                        let targets = match loss {
                            Loss::CrossEntropy => Targets::Classes(&classes),
                            _ => Targets::Values(&values),
                        };
                        trainer.step(&x, targets).unwrap();
                    },
                );
            }
        }
    }
}

/// A batch whose numbers are so large that its gradient is looked at before the update has memory made for that, once.
fn steps_on_large_numbers(threads: usize, random: &mut Random) {
    let model = Mlp::<f32>::builder(&[100, 130, 10]).build().unwrap();
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::adam().rate(1e-3)).threads(threads).batch(64);
    let mut trainer = Trainer::new(model, plan).unwrap();
    let (mut x, values) = (noise(64 * 100, random), noise(64 * 10, random));
    let mut repeat = 0;
    assert_none("steps on large numbers and small ones", threads, || {
        repeat += 1;
        x[7] = if repeat % 2 == 0 { 3e6 } else { 0.5 };
        trainer.step(&x, Targets::Values(&values)).unwrap();
    });
}

/// A whole `fit` is one call, so its batches are counted: after a few, each must find all memory there. Runs on pixels,
/// standardised.
fn fits(threads: usize) {
    let pixels: Vec<u8> = (0..6000 * 100_usize).map(|i| (i * 7919 % 251) as u8).collect();
    let classes = (0..6000).map(|row| row % 10).collect();
    let data = Dataset::<f32>::with_pixels(pixels, 100, Labels::Classes { classes, count: 10 }).unwrap();
    for standardise in [false, true] {
        let mut builder = Mlp::<f32>::builder(&[100, 130, 10]).output(Output::Softmax);
        if standardise {
            builder = builder.standardise(Standardisation::of_inputs(&data));
        }
        let plan = Plan::new(Loss::CrossEntropy).batch(60).epochs(WINDOWS as u64).threads(threads);
        let mut trainer = Trainer::new(builder.build().unwrap(), plan).unwrap();
        let (mut quiet, mut start) = (false, (0, 0));
        let finish = trainer.fit(&data, None, |progress| {
            let now = (allocations(), Team::invitations());
            match progress.batch {
                10 => start = now,
                // Of the batches between, as `assert_none` counts.
                60 => quiet |= now.0 - start.0 <= 6 * (now.1 - start.1) && now.0 - start.0 < REPEATS,
                _ => {}
            }
            if quiet { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(finish.is_ok() && quiet, "fit on pixels, standardised {standardise}, on {threads} allocates");
    }
}

fn predictions(threads: usize, random: &mut Random) {
    for output in [Output::Linear, Output::Sigmoid, Output::Softmax] {
        let model = Mlp::<f32>::builder(&[100, 130, 40, 10]).output(output).build().unwrap();
        for rows in [1, 7, 600] {
            let x = noise(rows * 100, random);
            let mut scratch = if threads == 1 { Scratch::new() } else { Scratch::with_threads(threads) };
            assert_none(&format!("prediction of {rows} rows, {output}"), threads, || {
                model.predict(&x, &mut scratch).unwrap();
            });
        }
    }
}

/// Waits until the harness, which allocates beside the test that it has begun, has come to rest; two seconds at most.
fn wait_for_rest() {
    let mut quiet = 0;
    for _ in 0..400 {
        let before = allocations();
        std::thread::sleep(std::time::Duration::from_millis(5));
        quiet = if allocations() == before { quiet + 1 } else { 0 };
        if quiet == 20 {
            return;
        }
    }
}

#[test]
fn nothing_is_allocated_after_the_first_call() {
    wait_for_rest();
    let mut random = Random::new(1);
    for threads in [1, 2] {
        products(threads, &mut random);
        steps(threads, &mut random);
        fits(threads);
        predictions(threads, &mut random);
    }
}
