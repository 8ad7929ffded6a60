//! The nets whose training steps are timed: those of `deltarule bench step`, or one of the command line's own.

pub use deltarule_cli::bench::cases::{Batch, Case, all};

use crate::options::Options;
use deltarule::{Activation, Loss};

/// The cases that the command line asks for.
///
/// # Errors
/// A net that cannot be read, or no case of the name that is asked for.
pub fn chosen(options: &Options) -> Result<Vec<Case>, String> {
    let cases = match &options.layers {
        Some(layers) => vec![given(options, layers)?],
        None => all(),
    };
    options.only(cases, |case| &case.name)
}

/// The net of `--layers` and its kin.
fn given(options: &Options, layers: &str) -> Result<Case, String> {
    let widths: Result<Vec<usize>, _> = layers.split('-').map(str::parse).collect();
    let widths = match widths {
        Ok(widths) if widths.len() >= 2 && !widths.contains(&0) => widths,
        _ => return Err(format!("--layers {layers}: expected widths like 784-128-10")),
    };
    let activation = options.activation.as_deref().unwrap_or("relu");
    let activation: Activation = activation.parse().map_err(|e| format!("--activation {activation}: {e}"))?;
    let (loss_name, loss) = match options.loss.as_deref().unwrap_or("ce") {
        "ce" => ("ce", Loss::CrossEntropy),
        "mse" => ("mse", Loss::SquaredError),
        "half" => ("half", Loss::HalfSquaredError),
        "logloss" => ("logloss", Loss::LogLoss),
        other => return Err(format!("--loss {other}: expected ce, mse, half or logloss")),
    };
    let adam = match options.optimizer.as_deref().unwrap_or("sgd") {
        "sgd" => false,
        "adam" => true,
        other => return Err(format!("--optimizer {other}: expected sgd or adam")),
    };
    let batch = options.batch.unwrap_or(128);
    let name = format!("{layers} b{batch} {activation} {loss_name}{}", if adam { " adam" } else { "" });
    Ok(Case { name, widths, batch, activation, loss, adam })
}
