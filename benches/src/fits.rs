//! `versus fit`: epochs of [`Trainer::fit`] on 60,000 rows against as many bare steps, in turns, and where the difference goes.
//!
//! A bare step is [`Trainer::step`] on one batch that stays where it is: what a batch takes beyond it is the loop
//! around the step. Of that, the gather is what reading the rows of a shuffled batch takes ([`reading`](crate::reading)); all else is labels, shuffle,
//! metrics, progress and history. (A bare step looks for large inputs, about 3 µs at 784-128-10 and 128 rows, which `fit` does once for a run: all
//! else is so much more than it seems.)
//!
//! The rows are numbers (`f32`) or pixels (`u8`), of one value each. Rules that keep moments get dark pixels, too: there the weights of a dark
//! column have seen light, long ago, and their moments shrink with every step. Should these become subnormal, all else shows what they take.

use crate::cases::{Case, chosen};
use crate::conditions;
use crate::options::Options;
use crate::reading::{Inputs, Reader};
use crate::table::{begin, figure, json_string};
use deltarule::{Error, Labels, Loss, Plan, Trainer};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::ControlFlow;
use std::time::Instant;

type Dataset = deltarule::Dataset<f32>;

/// Rows of an epoch.
const ROWS: usize = 60_000;
/// Rounds that every case gets, however long they take.
const LEAST_ROUNDS: usize = 3;
/// The cases that are timed where none is asked for.
const USUAL: [&str; 2] = ["mnist 784-128-10 b128 relu ce", "mnist 784-128-10 b128 relu ce adam"];
/// Steps after which a first moment that nothing is added to is subnormal: 0.9ⁿ of a common gradient.
const STEPS_TO_SHRINK: usize = 1000;

/// Runs the cases and prints them.
///
/// # Errors
/// A net that cannot be built, or a step that fails.
pub fn run(options: &Options) -> Result<(), String> {
    let usual = options.only.is_empty() && options.layers.is_none();
    let is_wanted = |case: &Case| !usual || USUAL.contains(&case.name.as_str());
    let cases: Vec<Case> = chosen(options)?.into_iter().filter(is_wanted).collect();
    if options.json {
        for case in &cases {
            let times = times(options, case)?;
            times.iter().for_each(|(rows, time)| println!("{}", time.json(options, case, rows)));
        }
        return Ok(());
    }
    println!("epochs of {ROWS} rows, {}", conditions::in_words(options));
    println!("us/batch = us/step + gather + all else; per cent of the step\n");
    let header =
        ["case", "rows", "us/step", "us/batch", "over %", "gather us", "gather %", "all else us", "all else %"];
    let table = begin(&header, cases.iter().map(|case| case.name.as_str()));
    for case in &cases {
        for (rows, time) in times(options, case)? {
            let percent = |seconds: f64| format!("{:.1}", 100.0 * seconds / time.step);
            let cells = [
                case.name.clone(),
                rows.to_owned(),
                figure(time.step * 1e6),
                figure(time.fit * 1e6),
                percent(time.fit - time.step),
                figure(time.gather * 1e6),
                percent(time.gather),
                figure(time.all_else() * 1e6),
                percent(time.all_else()),
            ];
            println!("{}", table.row(&cells));
        }
    }
    Ok(())
}

/// Seconds a batch.
#[derive(Clone, Copy, Debug)]
struct Time {
    /// Bare steps.
    step: f64,
    /// Reading the batch.
    gather: f64,
    /// The whole loop.
    fit: f64,
}

impl Time {
    /// What the loop takes beyond the step and the gather.
    fn all_else(&self) -> f64 {
        self.fit - self.step - self.gather
    }

    fn json(&self, options: &Options, case: &Case, rows: &str) -> String {
        format!(
            "{{\"case\":{},\"contender\":\"deltarule\",\"rows\":{},\"us_step\":{:.3},\"us_batch\":{:.3},\
             \"over\":{:.4},\"us_gather\":{:.3},\"us_else\":{:.3},{}}}",
            json_string(&case.name),
            json_string(rows),
            self.step * 1e6,
            self.fit * 1e6,
            self.fit / self.step - 1.0,
            self.gather * 1e6,
            self.all_else() * 1e6,
            conditions::in_json(options)
        )
    }
}

/// Rows of one kind, what learns from them and what reads them; the minimum of seconds a batch over epochs of each.
struct Contender {
    name: &'static str,
    data: Dataset,
    fitted: Trainer<f32>,
    reader: Reader,
    fit: f64,
    read: f64,
}

impl Contender {
    fn new(name: &'static str, options: &Options, case: &Case, inputs: Inputs) -> Result<Self, Error> {
        let mut fitted = case.trainer(options.threads)?;
        let plan: Plan = fitted.plan().epochs(u64::MAX);
        fitted.set_plan(plan)?;
        let data = inputs.dataset(case.widths[0], labels(case))?;
        let reader = Reader::new(options.threads, case, inputs, ROWS)?;
        Ok(Self { name, data, fitted, reader, fit: f64::INFINITY, read: f64::INFINITY })
    }

    fn round(&mut self, batches: usize) -> Result<(), Error> {
        self.read = self.read.min(self.reader.epoch()?);
        self.fit = self.fit.min(epoch(&mut self.fitted, &self.data, batches)?);
        Ok(())
    }

    fn time(&self, step: f64) -> Time {
        let gather = if self.reader.steps() { self.read - step } else { self.read };
        Time { step, gather, fit: self.fit }
    }
}

/// The times for each kind of rows.
fn times(options: &Options, case: &Case) -> Result<Vec<(&'static str, Time)>, String> {
    let failed = |error: Error| format!("{}: {error}", case.name);
    let batches = ROWS.div_ceil(case.plan.batch);
    let batch = case.data();
    let mut step = case.trainer(options.threads).map_err(failed)?;
    let mut contenders = contenders(options, case, batches).map_err(failed)?;
    let end = Instant::now() + options.budget();
    let (mut round, mut seconds) = (0, f64::INFINITY);
    while round < LEAST_ROUNDS || Instant::now() < end {
        round += 1;
        let bare = time_of(batches, || step.step(&batch.x, batch.targets()).map(drop)).map_err(failed)?;
        seconds = seconds.min(bare);
        contenders.iter_mut().try_for_each(|contender| contender.round(batches)).map_err(failed)?;
    }
    Ok(contenders.iter().map(|contender| (contender.name, contender.time(seconds))).collect())
}

/// One for each kind of rows.
fn contenders(options: &Options, case: &Case, batches: usize) -> Result<Vec<Contender>, Error> {
    let columns = case.widths[0];
    let pixels = pixels(columns);
    let numbers = pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
    let dark = darkened(&pixels, columns);
    let mut contenders = vec![
        Contender::new("f32", options, case, Inputs::Numbers(numbers))?,
        Contender::new("u8", options, case, Inputs::Pixels(pixels))?,
    ];
    if case.plan.optimiser.rule.moments() > 0 {
        let mut contender = Contender::new("u8 dark", options, case, Inputs::Pixels(dark))?;
        epoch(&mut contender.fitted, &contenders[1].data, batches)?;
        for _ in 0..STEPS_TO_SHRINK.div_ceil(batches) {
            epoch(&mut contender.fitted, &contender.data, batches)?;
        }
        contenders.push(contender);
    }
    Ok(contenders)
}

/// Seconds a call, of so many.
pub(crate) fn time_of<E>(calls: usize, mut call: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
    call()?;
    let start = Instant::now();
    (0..calls).try_for_each(|_| call())?;
    Ok(start.elapsed().as_secs_f64() / calls as f64)
}

/// Seconds a batch of one epoch, the work between two epochs included: from a batch to that of the same place in the
/// next.
fn epoch(trainer: &mut Trainer<f32>, data: &Dataset, batches: usize) -> Result<f64, Error> {
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

/// Images as Fashion-MNIST has them: whole columns are dark, here the first half of them, and so is half of the rest.
fn darkened(pixels: &[u8], columns: usize) -> Vec<u8> {
    let is_lit = |at: usize, pixel: u8| at % columns >= columns / 2 && pixel >= 128;
    pixels.iter().enumerate().map(|(at, &pixel)| if is_lit(at, pixel) { pixel } else { 0 }).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_batch_are_all_of_it() {
        let time = Time { step: 100.0, gather: 20.0, fit: 123.0 };
        assert_eq!(time.step + time.gather + time.all_else(), time.fit);
    }

    #[test]
    fn most_of_an_image_is_dark() {
        let dark = darkened(&[200, 255, 128, 127, 1, 2, 3, 255], 4);
        assert_eq!(dark, [0, 0, 128, 0, 0, 0, 0, 255]);
    }
}
