//! `versus fit`: epochs of [`Trainer::fit`] on 60,000 rows against as many bare steps, in turns.
//!
//! A bare step is [`Trainer::step`] on one batch that stays where it is: what a batch takes beyond it is the loop
//! around the step. The rows are numbers (`f32`) or pixels (`u8`), of one value each. (A bare step looks for large
//! inputs, about 3 µs at 784-128-10 and 128 rows, which `fit` does once for a run.)

use crate::cases::{Case, chosen};
use crate::conditions;
use crate::options::Options;
use crate::table::{begin, figure, json_string};
use deltarule::{Dataset, Error, Labels, Loss, Plan, Trainer};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::ControlFlow;
use std::time::Instant;

/// Rows of an epoch.
const ROWS: usize = 60_000;
/// Rounds that every case gets, however long they take.
const LEAST_ROUNDS: usize = 3;
/// The case that is timed where none is asked for.
const USUAL: &str = "mnist 784-128-10 b128 relu ce";

/// Runs the cases and prints them.
///
/// # Errors
/// A net that cannot be built, or a step that fails.
pub fn run(options: &Options) -> Result<(), String> {
    let usual = options.only.is_empty() && options.layers.is_none();
    let cases: Vec<Case> = chosen(options)?.into_iter().filter(|case| !usual || case.name == USUAL).collect();
    if options.json {
        for case in &cases {
            let times = times(options, case)?;
            times.iter().for_each(|(rows, time)| println!("{}", time.json(options, case, rows)));
        }
        return Ok(());
    }
    println!("epochs of {ROWS} rows, {}\n", conditions::in_words(options));
    let header = ["case", "rows", "us/step", "us/batch", "over %"];
    let table = begin(&header, cases.iter().map(|case| case.name.as_str()));
    for case in &cases {
        for (rows, time) in times(options, case)? {
            let cells = [
                case.name.clone(),
                rows.to_owned(),
                figure(time.step * 1e6),
                figure(time.fit * 1e6),
                format!("{:.1}", 100.0 * (time.fit / time.step - 1.0)),
            ];
            println!("{}", table.row(&cells));
        }
    }
    Ok(())
}

/// Seconds a batch, the minimum over epochs.
#[derive(Clone, Copy)]
struct Time {
    /// Bare steps.
    step: f64,
    /// The whole loop.
    fit: f64,
}

impl Time {
    fn json(&self, options: &Options, case: &Case, rows: &str) -> String {
        format!(
            "{{\"case\":{},\"contender\":\"deltarule\",\"rows\":{},\"us_step\":{:.3},\"us_batch\":{:.3},\
             \"over\":{:.4},{}}}",
            json_string(&case.name),
            json_string(rows),
            self.step * 1e6,
            self.fit * 1e6,
            self.fit / self.step - 1.0,
            conditions::in_json(options)
        )
    }
}

/// Rows of one kind, and what learns from them.
struct Contender {
    name: &'static str,
    data: Dataset<f32>,
    fitted: Trainer<f32>,
    time: Time,
}

/// The times for each kind of rows.
fn times(options: &Options, case: &Case) -> Result<Vec<(&'static str, Time)>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", case.name);
    let batches = ROWS.div_ceil(case.plan.batch);
    let batch = case.data();
    let (pixels, mut step) = (pixels(case.widths[0]), case.trainer(options.threads).map_err(|e| failed(&e))?);
    let numbers: Vec<f32> = pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
    let mut contenders = [
        contender("f32", options, case, Dataset::new(numbers, case.widths[0], labels(case))).map_err(|e| failed(&e))?,
        contender("u8", options, case, Dataset::with_pixels(pixels, case.widths[0], labels(case)))
            .map_err(|e| failed(&e))?,
    ];
    let end = Instant::now() + options.budget();
    let mut round = 0;
    while round < LEAST_ROUNDS || Instant::now() < end {
        round += 1;
        let seconds = time_of(batches, || step.step(&batch.x, batch.targets()).map(drop)).map_err(|e| failed(&e))?;
        for contender in &mut contenders {
            let time = &mut contender.time;
            time.step = time.step.min(seconds);
            let fit = epoch(&mut contender.fitted, &contender.data, batches).map_err(|e| failed(&e))?;
            time.fit = time.fit.min(fit);
        }
    }
    Ok(contenders.iter().map(|contender| (contender.name, contender.time)).collect())
}

fn contender(
    name: &'static str,
    options: &Options,
    case: &Case,
    data: Result<Dataset<f32>, Error>,
) -> Result<Contender, Error> {
    let mut fitted = case.trainer(options.threads)?;
    let plan: Plan = fitted.plan().epochs(u64::MAX);
    fitted.set_plan(plan)?;
    let time = Time { step: f64::INFINITY, fit: f64::INFINITY };
    Ok(Contender { name, data: data?, fitted, time })
}

/// Seconds a call, of so many.
fn time_of<E>(calls: usize, mut call: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
    call()?;
    let start = Instant::now();
    (0..calls).try_for_each(|_| call())?;
    Ok(start.elapsed().as_secs_f64() / calls as f64)
}

/// Seconds a batch of one epoch, the work between two epochs included: from a batch to that of the same place in the
/// next.
fn epoch(trainer: &mut Trainer<f32>, data: &Dataset<f32>, batches: usize) -> Result<f64, Error> {
    let (mut seen, mut start, mut seconds) = (0, Instant::now(), 0.0);
    trainer.fit(data, None, |progress| {
        if progress.record.is_some() {
            return ControlFlow::Continue(());
        }
        // The first two batches bring data and threads back.
        if seen == 2 {
            start = Instant::now();
        }
        seen += 1;
        if seen <= batches + 2 {
            return ControlFlow::Continue(());
        }
        seconds = start.elapsed().as_secs_f64();
        ControlFlow::Break(())
    })?;
    Ok(seconds / batches as f64)
}

/// Noise, the same in every run.
fn pixels(columns: usize) -> Vec<u8> {
    let mut pixels = vec![0; ROWS * columns];
    ChaCha8Rng::seed_from_u64(1).fill(&mut pixels[..]);
    pixels
}

/// Labels in the form that the case's loss takes.
fn labels(case: &Case) -> Labels<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let outputs = case.widths[case.widths.len() - 1];
    match case.plan.loss {
        Loss::CrossEntropy => {
            let classes = (0..ROWS).map(|_| random.random_range(0..outputs as u32)).collect();
            Labels::Classes { classes, count: outputs }
        }
        _ => {
            let values = (0..ROWS * outputs).map(|_| f32::from(u8::from(random.random::<bool>()))).collect();
            Labels::Values { values, outputs }
        }
    }
}
