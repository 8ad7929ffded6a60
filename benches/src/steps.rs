//! `versus step`: one training step of every case (forward, loss, backward, update) against the machine's limit.
//!
//! The limit is the time that the step's products alone would take at the FMA peak measured in the same run. Peers from
//! Python are timed beside it by `python/peers.py`, which runs this program in turns with them.

use crate::beside::Beside;
use crate::cases::{Batch, Case, chosen};
use crate::conditions;
use crate::measure::{Timed, interleaved};
use crate::options::Options;
use crate::peak::Peak;
use crate::phases;
use crate::table::{begin, figure, json_string};
use deltarule::Trainer;

/// Rounds that every case gets, however long they take.
const LEAST_ROUNDS: usize = 5;

/// Runs all cases and prints them.
///
/// # Errors
/// A net that cannot be built, or a step that fails.
pub fn run(options: &Options) -> Result<(), String> {
    let cases = chosen(options)?;
    let mut peak = Peak::new::<f32>(options.threads);
    let _beside = Beside::new(options.beside);
    if options.json {
        for case in &cases {
            let seconds = seconds(options, case, &mut peak)?;
            println!("{}", json_line(options, case, seconds, &peak));
        }
        return Ok(());
    }
    println!(
        "one training step, {}; FMA peak {} GFLOP/s at the start",
        conditions::in_words(options),
        figure(peak.gflops())
    );
    println!("limit: the products of the step at the peak\n");
    let header = ["case", "us/step", "samples/s", "limit us", "% of limit"];
    let table = begin(&header, cases.iter().map(|case| case.name.as_str()));
    for case in &cases {
        let seconds = seconds(options, case, &mut peak)?;
        let samples = (case.plan.batch as f64 / seconds).round();
        let cells = [
            case.name.clone(),
            figure(seconds * 1e6),
            format!("{samples}"),
            figure(peak.limit(case.flops()) * 1e6),
            peak.percent(case.flops(), seconds),
        ];
        println!("{}", table.row(&cells));
        if options.phases {
            phases::print(options, case, seconds, &mut peak)?;
        }
    }
    peak.print_notes();
    Ok(())
}

/// Seconds a step: the minimum over batches of steps; the peak is measured in turns with them.
fn seconds(options: &Options, case: &Case, peak: &mut Peak) -> Result<f64, String> {
    let mut trainer = case.trainer(options.threads).map_err(|e| format!("{}: {e}", case.name))?;
    let data = case.data();
    step(&mut trainer, case, &data)?;
    let mut timed = [options.timed(Timed::calling(|| step(&mut trainer, case, &data).map(drop)))];
    interleaved(&mut timed, options.budget(), LEAST_ROUNDS, false, || peak.between_rounds())?;
    Ok(timed[0].seconds())
}

fn step(trainer: &mut Trainer<f32>, case: &Case, data: &Batch) -> Result<f64, String> {
    trainer.step(&data.x, data.targets()).map_err(|e| format!("{}: {e}", case.name))
}

fn json_line(options: &Options, case: &Case, seconds: f64, peak: &Peak) -> String {
    format!(
        "{{\"case\":{},\"contender\":\"deltarule\",\"us_step\":{:.3},\"samples_s\":{:.0},\
         \"limit_fraction\":{:.4},\"peak_gflops\":{:.3},{}}}",
        json_string(&case.name),
        seconds * 1e6,
        case.plan.batch as f64 / seconds,
        peak.limit(case.flops()) / seconds,
        peak.gflops(),
        conditions::in_json(options)
    )
}
