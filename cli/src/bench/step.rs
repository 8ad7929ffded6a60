//! `deltarule bench step`: one step of training (forward, loss, backward, update) of nets from tiny to large.
//!
//! The limit of a step is the time that its products alone would take at the multiply-add peak.

use deltarule_kernels::Isa;
use serde_json::json;

use super::cases::{Case, all};
use super::measure::{Timed, interleaved};
use super::peak::Peak;
use super::table::{Table, figure};
use super::{budget, draw, named, percent, threads_in_words};
use crate::arguments::BenchOptions;
use crate::failure::Failure;
use crate::picture::{DotPicture, DotRow, Ours};
use crate::say::{grouped, say};

/// Timed for each case where nothing else is asked for: ten cases take twenty seconds.
const SECONDS: f64 = 1.8;

const TITLES: [&str; 5] = ["step", "us/step", "  samples/s", "limit us", "% of limit"];

/// Runs the benchmark.
pub(super) fn run(options: &BenchOptions) -> Result<(), Failure> {
    let cases = named(all(), &options.only, |case| &case.name).map_err(Failure::Misuse)?;
    let mut peak = Peak::new::<f32>(options.threads);
    let mut rows = Vec::new();
    if options.json {
        for case in &cases {
            let (seconds, peak) = (seconds(options, case)?, peak.again());
            say(&format!("{}\n", as_json(options, case, seconds, peak)))?;
            rows.push(dots(case, seconds, peak));
        }
        return draw(options, || picture(options, peak.gflops(), rows));
    }
    say(&format!(
        "one f32 training step, {}, {}; peak {} GFLOP/s measured now\nlimit: the products of the step at that peak\n\n",
        threads_in_words(options.threads),
        Isa::current(),
        figure(peak.gflops())
    ))?;
    let table = Table::new(&TITLES, cases.iter().map(|case| case.name.as_str()));
    say(&format!("{}\n", table.row(&TITLES)))?;
    for case in &cases {
        let (seconds, peak) = (seconds(options, case)?, peak.again());
        say(&format!("{}\n", table.row(&cells(case, seconds, peak))))?;
        rows.push(dots(case, seconds, peak));
    }
    draw(options, || picture(options, peak.gflops(), rows))
}

/// Seconds a step.
fn seconds(options: &BenchOptions, case: &Case) -> Result<f64, Failure> {
    let mut trainer = case.trainer(options.threads)?;
    let data = case.data();
    let mut timed = [Timed::calling(|| trainer.step(&data.x, data.targets()).map(drop))];
    interleaved(&mut timed, budget(options, SECONDS), 1, false, || ())?;
    Ok(timed[0].seconds())
}

/// Seconds that the products of a step take at `peak` GFLOP/s.
fn limit(case: &Case, peak: f64) -> f64 {
    case.flops() / peak / 1e9
}

fn cells(case: &Case, seconds: f64, peak: f64) -> Vec<String> {
    vec![
        case.name.clone(),
        figure(1e6 * seconds),
        grouped((case.plan.batch as f64 / seconds).round() as u64),
        figure(1e6 * limit(case, peak)),
        percent(limit(case, peak) / seconds),
    ]
}

fn as_json(options: &BenchOptions, case: &Case, seconds: f64, peak: f64) -> serde_json::Value {
    json!({
        "bench": "step",
        "name": case.name,
        "batch": case.plan.batch,
        "dtype": "f32",
        "isa": Isa::current().to_string(),
        "threads": options.threads,
        "peak_gflops": peak,
        "us_per_step": 1e6 * seconds,
        "samples_per_second": case.plan.batch as f64 / seconds,
        "limit_us": 1e6 * limit(case, peak),
        "limit_fraction": limit(case, peak) / seconds,
    })
}

/// The row of the picture: what the products of the step reach of the peak, as if they took all of its time.
fn dots(case: &Case, seconds: f64, peak: f64) -> DotRow {
    let ours = Ours { share: limit(case, peak) / seconds, best_peer: None };
    DotRow { name: case.name.clone(), limit: None, peers: Vec::new(), plain: Some(ours), packed: None }
}

fn picture(options: &BenchOptions, peak: f64, rows: Vec<DotRow>) -> DotPicture {
    let (isa, threads) = (Isa::current(), threads_in_words(options.threads));
    let subtitle = format!("f32 · {isa} · {threads} · peak {} GFLOP/s", figure(peak));
    DotPicture { title: "Training steps: what their products reach of the peak".to_owned(), subtitle, rows }
}
