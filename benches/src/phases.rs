//! Where the time of a step goes: every layer's products alone, each against the time that its flops take at the peak.
//!
//! The parts are called on data of the same shapes, as the step of a net of wide layers calls them; what the whole step takes beyond their sum
//! is the loop around them. A net of small layers takes its batch in pieces, through all layers at once and inside of one tier: it has no
//! parts that could be timed alone.

use crate::cases::Case;
use crate::contenders::team;
use crate::measure::{Timed, interleaved};
use crate::options::Options;
use crate::peak::Peak;
use crate::table::{begin, figure};
use deltarule::{Activation, Optimiser};
use deltarule_kernels::dense::{backward_bias, backward_input, backward_update, forward};
use deltarule_kernels::{Inside, MatMut, MatRef, Moments, ShapeError, Step, Team, Weights};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::hint::black_box;
use std::time::Duration;

/// One part of a step: its name, its flops and its time.
struct Phase {
    name: String,
    flops: f64,
    seconds: f64,
}

/// Times the parts of the case's step and prints them, where it has parts; `whole` is the step's own time in seconds.
///
/// # Errors
/// Shapes that do not fit, which would be a fault of this program.
pub fn print(options: &Options, case: &Case, whole: f64, peak: &mut Peak) -> Result<(), String> {
    if runs_in_pieces(case) {
        println!(
            "  no phases: layers this small take a batch in pieces that stay in cache, so their parts timed alone are not the step's;\n  \
             a profiler of the whole step (perf record) tells them apart, or take a layer of more weights\n"
        );
        return Ok(());
    }
    let phases = phases(options, case).map_err(|e| format!("{}: {e}", case.name))?;
    peak.again();
    let header = ["  phase", "us", "limit us", "% of limit", "% of step"];
    let table = begin(&header, phases.iter().map(|phase| phase.name.as_str()));
    for phase in &phases {
        let cells = [
            phase.name.clone(),
            figure(phase.seconds * 1e6),
            if phase.flops > 0.0 { figure(peak.limit(phase.flops) * 1e6) } else { String::new() },
            if phase.flops > 0.0 { peak.percent(phase.flops, phase.seconds) } else { String::new() },
            format!("{:.1}", 100.0 * phase.seconds / whole),
        ];
        println!("{}", table.row(&cells));
    }
    let rest = whole - phases.iter().map(|phase| phase.seconds).sum::<f64>();
    let share = format!("{:.1}", 100.0 * rest / whole);
    match rest < 0.0 {
        true => println!(
            "  alone they take {} us more than as parts of the step, which find each other's results in cache\n",
            figure(-rest * 1e6)
        ),
        false => println!("{}\n", table.row(&["  all else", &figure(rest * 1e6), "", "", &share])),
    }
    Ok(())
}

/// Whether all layers are so small that a step takes its batch through them in pieces, inside of one tier.
fn runs_in_pieces(case: &Case) -> bool {
    case.widths.windows(2).all(|pair| Inside::suits(pair[0], pair[1]))
}

fn phases(options: &Options, case: &Case) -> Result<Vec<Phase>, ShapeError> {
    let team = team(options.threads);
    let Optimiser { rule, rate, l2, .. } = case.plan.optimiser;
    let mut phases = Vec::new();
    for (l, pair) in case.widths.windows(2).enumerate() {
        let layer = Layer { inputs: pair[0], outputs: pair[1], batch: case.plan.batch, first: l == 0 };
        let last = l + 2 == case.widths.len();
        let activation = if last { Activation::Identity } else { case.activation };
        layer.time(&team, activation, case.activation, &rule.step(rate, l2, 1, 1.0), rule, l, &mut phases)?;
    }
    phases.push(loss(&team, case)?);
    Ok(phases)
}

/// The loss of every row, and the errors of the last layer.
fn loss(team: &Team, case: &Case) -> Result<Phase, ShapeError> {
    let (batch, outputs) = (case.plan.batch, case.widths[case.widths.len() - 1]);
    let (out, data) = (noise(&mut ChaCha8Rng::seed_from_u64(1), batch * outputs), case.data());
    let mut dz = vec![0.0; batch * outputs];
    let seconds = seconds(&mut || {
        black_box(case.plan.loss.gradient(team, &out, data.targets(), outputs, 1.0 / batch as f32, &mut dz));
        Ok(())
    })?;
    Ok(Phase { name: "  loss".to_owned(), flops: 0.0, seconds })
}

fn noise(random: &mut ChaCha8Rng, len: usize) -> Vec<f32> {
    (0..len).map(|_| random.random_range(-0.1..0.1)).collect()
}

/// One layer's sizes.
#[derive(Clone, Copy)]
struct Layer {
    inputs: usize,
    outputs: usize,
    batch: usize,
    first: bool,
}

impl Layer {
    #[expect(clippy::too_many_arguments, reason = "what a layer's step is made of, once")]
    fn time(
        self,
        team: &Team,
        activation: Activation,
        below: Activation,
        step: &Step<f32>,
        rule: deltarule_kernels::Rule,
        l: usize,
        phases: &mut Vec<Phase>,
    ) -> Result<(), ShapeError> {
        let Self { inputs, outputs, batch, first } = self;
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut noise = |len| noise(&mut random, len);
        let (rows, x, dz, bias) =
            (noise(inputs * outputs), noise(batch * inputs), noise(batch * outputs), noise(outputs));
        let mut w = Weights::from_rows(MatRef::new(&rows, outputs, inputs)?, !first);
        let mut moments = Moments::zeros_like(&w, rule);
        let (mut a, mut z) = (vec![0.0; batch * outputs], vec![0.0; batch * outputs]);
        let (mut dx, mut db) = (vec![0.0; batch * inputs], vec![0.0; outputs]);
        let (x_view, dz_view) = (MatRef::new(&x, batch, inputs)?, MatRef::new(&dz, batch, outputs)?);
        let flops = 2.0 * (batch * inputs * outputs) as f64;
        let mut add = |name: &str, flops: f64, run: &mut dyn FnMut() -> Result<(), ShapeError>| {
            run()?;
            let seconds = seconds(run)?;
            phases.push(Phase { name: format!("  layer {l} {name}"), flops, seconds });
            Ok::<(), ShapeError>(())
        };
        add("forward", flops, &mut || {
            let kept = activation.needs_preactivation().then(|| MatMut::new(&mut z, batch, outputs)).transpose()?;
            forward(team, x_view, &w, &bias, activation, kept, MatMut::new(&mut a, batch, outputs)?)
        })?;
        if !first {
            add("errors down", flops, &mut || {
                backward_input(team, dz_view, &w, below, x_view, MatMut::new(&mut dx, batch, inputs)?)
            })?;
        }
        add("gradient + update", flops, &mut || backward_update(team, x_view, dz_view, &mut w, &mut moments, step))?;
        add("bias gradient", 0.0, &mut || backward_bias(team, dz_view, 1.0, &mut db).map(drop))
    }
}

/// Seconds a call.
fn seconds(run: &mut dyn FnMut() -> Result<(), ShapeError>) -> Result<f64, ShapeError> {
    let mut timed = [Timed::calling(run)];
    interleaved(&mut timed, Duration::from_millis(150), 5, false, || ())?;
    Ok(timed[0].seconds())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::all;

    /// What has none is the small nets, first in the list, and the one of the large batch, last.
    #[test]
    fn a_net_of_a_large_layer_has_phases_that_include_the_loss() {
        let without: Vec<String> = all().into_iter().filter(runs_in_pieces).map(|case| case.name).collect();
        assert!(without.iter().all(|name| ["seed", "tab", "simplechains"].iter().any(|small| name.starts_with(small))));
        assert_eq!(without.len(), 4);
        let case = all().into_iter().find(|case| !runs_in_pieces(case)).unwrap();
        assert!(loss(&Team::serial(), &case).unwrap().seconds > 0.0);
    }
}
