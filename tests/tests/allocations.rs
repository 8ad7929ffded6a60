//! After the first call of a size, a product, a training step and a prediction allocate nothing, on any thread.
//!
//! One test, because the count is the whole program's.

use deltarule::{
    Activation, Dataset, Element, Labels, Loss, Mlp, Optimiser, Output, Plan, Scratch, Standardisation, Targets,
    Trainer,
};
use deltarule_kernels::gemm::{PackedB, gemm_on, gemm_packed};
use deltarule_kernels::{MatMut, MatRef, Team};
use deltarule_tests::computed::has_computed;
use deltarule_tests::counting::{Counting, allocations, allocations_of, wait_for_rest};
use deltarule_tests::matrix::poison;
use deltarule_tests::random::Random;
use std::ops::ControlFlow;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Times that each thing is repeated under the count.
const REPEATS: usize = 50;

fn noise<T: Element>(len: usize, random: &mut Random) -> Vec<T> {
    (0..len).map(|_| T::from_f64(random.uniform())).collect()
}

/// Windows of repeats that count.
const WINDOWS: usize = 60;

/// Windows in which one that counts is waited for: on a busy machine a helper may be late for long.
const MOST_WINDOWS: usize = 10_000;

/// Multiply-adds of a repeat for which a helper is sent, if not by the first then by one that follows.
const WORTH_HELP: usize = 2_000_000;

/// Whether a helper must compute in a window that counts: what nobody helps with shows nothing of helpers. Where there is one core, none may
/// come.
fn wants_help(threads: usize, multiply_adds: usize) -> bool {
    let has_cores = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
    threads > 1 && multiply_adds >= WORTH_HELP && has_cores
}

/// Whether a thread of the pool, but this one, has computed since all were asked last. A helper has gone home before it answers.
fn others_computed() -> bool {
    let me = rayon::current_thread_index();
    let answers = rayon::broadcast(|other| has_computed() && Some(other.index()) != me);
    answers.contains(&true)
}

/// Runs `work` of so many multiply-adds a few times, then counts over many more, window by window, until one is as it should be.
///
/// With more than one thread, a helper that went home while the machine was busy elsewhere is called again through the pool, which allocates its
/// task: one allocation, and no other, in a [pool of two](pool_of_two). When that happens is the machine's business, but such calls are counted,
/// so a window must have as many allocations as calls, mostly none. The first windows need not: a helper that was late all the while makes its
/// scratch there. Work that allocates of itself does so in every repeat, so in every window; if a helper's part of it does, in every window in
/// which one computed.
fn assert_none(what: &str, threads: usize, multiply_adds: usize, mut work: impl FnMut()) {
    (0..5).for_each(|_| work());
    let wants_help = wants_help(threads, multiply_adds);
    let window = |_| {
        if wants_help {
            others_computed();
        }
        let called = Team::invitations();
        let allocations = allocations_of(|| (0..REPEATS).for_each(|_| work()));
        let called = Team::invitations() - called;
        (!wants_help || others_computed()).then_some((allocations, called))
    };
    let windows = if threads == 1 { 1 } else { WINDOWS };
    let mut last = None;
    let found = (0..MOST_WINDOWS).filter_map(window).take(windows).any(|seen| {
        last = Some(seen);
        seen.0 == seen.1
    });
    let Some((allocations, called)) = last else { panic!("{what}: no helper has computed in {MOST_WINDOWS} windows") };
    assert!(
        found,
        "{what} on {threads}: {allocations} allocations in {REPEATS} repeats, {called} of them calls for help"
    );
    assert!(threads > 1 || called == 0, "{what} alone calls for no help");
}

fn products<T: Element>(threads: usize, random: &mut Random) {
    let team = Team::new(threads);
    for (m, n, k) in [(1, 128, 784), (8, 8, 8), (128, 128, 784), (128, 10, 128), (300, 300, 300), (700, 33, 1100)] {
        let (a, b) = (noise::<T>(m * k, random), noise(k * n, random));
        let mut c = vec![poison(); m * n];
        let a = MatRef::new(&a, m, k).unwrap();
        for b in [MatRef::new(&b, k, n).unwrap(), MatRef::new(&b, n, k).unwrap().t()] {
            for alpha in [1.0, 0.5].map(T::from_f64) {
                c.fill(poison());
                assert_none(&format!("gemm {m} {n} {k}"), threads, m * n * k, || {
                    gemm_on(&team, alpha, a, b, T::ZERO, MatMut::new(&mut c, m, n).unwrap()).unwrap();
                });
                assert!(c.iter().all(|c| c.is_finite()), "gemm {m} {n} {k} has read C");
            }
            let packed = PackedB::new(b);
            c.fill(poison());
            assert_none(&format!("packed gemm {m} {n} {k}"), threads, m * n * k, || {
                gemm_packed(&team, a, &packed, T::ZERO, MatMut::new(&mut c, m, n).unwrap()).unwrap();
            });
            assert!(c.iter().all(|c| c.is_finite()), "packed gemm {m} {n} {k} has read C");
        }
        let sparse = MatRef::with_strides(&c, m.div_ceil(2), n.div_ceil(2), 2 * n, 2).unwrap();
        let mut out = vec![T::ZERO; m * m];
        let (rows, cols) = (sparse.rows(), sparse.cols());
        assert_none(&format!("strided gemm {m} {n}"), threads, rows * cols * rows, || {
            let out = MatMut::with_strides(&mut out, rows, rows, 1, rows).unwrap();
            gemm_on(&team, T::ONE, sparse, sparse.t(), T::ZERO, out).unwrap();
        });
    }
}

fn steps<T: Element>(threads: usize, random: &mut Random) {
    steps_of::<T>(&[100, 130, 40, 10], 64, threads, random);
    // Small layers: a batch of one piece, and one of several.
    steps_of::<T>(&[20, 30, 1], 64, threads, random);
    steps_of::<T>(&[4, 32, 16, 4], 1300, threads, random);
    steps_on_large_numbers::<T>(threads, random);
}

/// Multiply-adds of a step: each weight meets each row three times.
fn work_of_step(widths: &[usize], batch: usize) -> usize {
    3 * batch * widths.windows(2).map(|pair| pair[0] * pair[1]).sum::<usize>()
}

fn steps_of<T: Element>(widths: &[usize], batch: usize, threads: usize, random: &mut Random) {
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
            let model = Mlp::<T>::builder(widths).hidden(hidden).output(output).build().unwrap();
            let x = noise(batch * inputs, random);
            let values: Vec<T> = noise::<T>(batch * outputs, random).iter().map(|y| y.abs()).collect();
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
                    work_of_step(widths, batch),
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
fn steps_on_large_numbers<T: Element>(threads: usize, random: &mut Random) {
    let widths = [100, 130, 10];
    let model = Mlp::<T>::builder(&widths).build().unwrap();
    let plan = Plan::new(Loss::HalfSquaredError).optimiser(Optimiser::adam().rate(1e-3)).threads(threads).batch(64);
    let mut trainer = Trainer::new(model, plan).unwrap();
    let (mut x, values) = (noise(64 * 100, random), noise(64 * 10, random));
    let mut repeat = 0;
    assert_none("steps on large numbers and small ones", threads, work_of_step(&widths, 64), || {
        repeat += 1;
        x[7] = T::from_f64(if repeat % 2 == 0 { 3e6 } else { 0.5 });
        trainer.step(&x, Targets::Values(&values)).unwrap();
    });
}

/// A whole `fit` is one call, so its batches are counted: after a few, each must find all memory there. Runs on pixels,
/// standardised.
fn fits<T: Element>(threads: usize) {
    let pixels: Vec<u8> = (0..6000 * 100_usize).map(|i| (i * 7919 % 251) as u8).collect();
    let classes = (0..6000).map(|row| row % 10).collect();
    let data = Dataset::<T>::with_pixels(pixels, 100, Labels::Classes { classes, count: 10 }).unwrap();
    let (widths, batch) = ([100, 130, 10], 70);
    let wants_help = wants_help(threads, work_of_step(&widths, batch));
    for standardise in [false, true] {
        let mut builder = Mlp::<T>::builder(&widths).output(Output::Softmax);
        if standardise {
            builder = builder.standardise(Standardisation::of_inputs(&data));
        }
        let plan = Plan::new(Loss::CrossEntropy).batch(batch).epochs(MOST_WINDOWS as u64).threads(threads);
        let mut trainer = Trainer::new(builder.build().unwrap(), plan).unwrap();
        let (mut quiet, mut counted, mut start) = (false, 0, (0, 0));
        let finish = trainer.fit(&data, None, |progress| {
            let now = || (allocations(), Team::invitations());
            match progress.batch {
                10 => {
                    if wants_help {
                        others_computed();
                    }
                    start = now();
                }
                // Of the batches between, as `assert_none` counts.
                60 => {
                    let (allocations, called) = now();
                    if !wants_help || others_computed() {
                        quiet = allocations - start.0 == called - start.1;
                        counted += 1;
                    }
                }
                _ => {}
            }
            if quiet || counted == WINDOWS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(finish.is_ok() && quiet, "fit on pixels, standardised {standardise}, on {threads} allocates");
    }
}

/// As the numbers are, and of a model that standardises what it is given and undoes that for what it predicts.
fn predictions<T: Element>(threads: usize, random: &mut Random) {
    for (output, standardised) in [Output::Linear, Output::Sigmoid, Output::Softmax]
        .map(|output| (output, false))
        .into_iter()
        .chain([(Output::Linear, true)])
    {
        let mut builder = Mlp::<T>::builder(&[100, 130, 40, 10]).output(output);
        if standardised {
            let shift = |len: usize| Standardisation::new(vec![0.25; len], vec![1.5; len]).unwrap();
            builder = builder.standardise(shift(100)).standardise_targets(shift(10));
        }
        let model = builder.build().unwrap();
        for rows in [1, 7, 600] {
            let x = noise(rows * 100, random);
            let mut scratch = if threads == 1 { Scratch::new() } else { Scratch::with_threads(threads) };
            let what = format!("prediction of {rows} rows, {output}, standardised {standardised}");
            let multiply_adds = work_of_step(&[100, 130, 40, 10], rows) / 3;
            assert_none(&what, threads, multiply_adds, || {
                model.predict(&x, &mut scratch).unwrap();
            });
        }
    }
}

/// All of it, in one type of numbers.
fn everything<T: Element>(threads: usize, random: &mut Random) {
    products::<T>(threads, random);
    steps::<T>(threads, random);
    fits::<T>(threads);
    predictions::<T>(threads, random);
}

/// The caller's thread and one other, which is every helper there ever is: its scratch is made once. And a task that is sent from inside of a pool
/// lies in its caller's own queue, which has room; the queue of those from outside grows with them.
fn pool_of_two() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap()
}

#[test]
fn nothing_is_allocated_after_the_first_call() {
    wait_for_rest();
    let mut random = Random::new(1);
    everything::<f32>(1, &mut random);
    everything::<f64>(1, &mut random);
    pool_of_two().install(|| {
        everything::<f32>(2, &mut random);
        everything::<f64>(2, &mut random);
    });
}
