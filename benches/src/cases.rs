//! The nets whose training steps are timed: those of `deltarule bench step`, or one of the command line's own.

pub use deltarule_cli::bench::cases::{Batch, Case, RATE, all};

use crate::options::Options;
use deltarule::{Activation, Loss, Optimiser, Plan, Rule};
use deltarule_cli::bench::named;

/// The cases that the command line asks for.
///
/// # Errors
/// A net that cannot be read, or no case of the name that is asked for.
pub fn chosen(options: &Options) -> Result<Vec<Case>, String> {
    let cases = match &options.layers {
        Some(layers) => vec![given(options, layers)?],
        None => all(),
    };
    named(cases, &options.only, |case| &case.name)
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
    let text = options.loss.as_deref().unwrap_or("ce");
    let loss = match text {
        "half" => Loss::HalfSquaredError,
        "logloss" => Loss::LogLoss,
        other => other.parse().map_err(|e| format!("--loss {other}: {e}"))?,
    };
    let batch = options.batch.unwrap_or(128);
    let plan = Plan { clip_norm: options.clip, fused: !options.unfused, ..Plan::new(loss).batch(batch) };
    let plan = plan.optimiser(optimiser(options)?);
    let name = format!("{layers} b{batch} {activation} {text}{}", rest_of_name(options, plan.optimiser.rule));
    Ok(Case { name, widths, activation, plan })
}

fn optimiser(options: &Options) -> Result<Optimiser, String> {
    let name = options.optimizer.as_deref().unwrap_or("sgd");
    let rule: Rule = name.parse().map_err(|e| format!("--optimizer {name}: {e}"))?;
    let usual = Optimiser::usual(rule).rate(RATE);
    Ok(options.l2.map_or(usual, |l2| usual.l2(l2)))
}

/// What differs from plain gradient descent.
fn rest_of_name(options: &Options, rule: Rule) -> String {
    let words = [
        (rule != Rule::Sgd).then(|| rule.to_string()),
        options.l2.map(|l2| format!("l2 {l2}")),
        options.clip.map(|norm| format!("clip {norm}")),
        options.unfused.then(|| "unfused".to_owned()),
    ];
    words.into_iter().flatten().map(|word| format!(" {word}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Vec<Case>, String> {
        chosen(&Options::parse(line.split_whitespace().map(str::to_owned))?)
    }

    #[test]
    fn a_net_of_ones_own_is_trained_as_it_is_said() {
        let line = "step --layers 4-3-2 --batch 5 --optimizer adamw --l2 0.5 --clip 2 --unfused";
        let case = of(line).unwrap().remove(0);
        assert_eq!(case.name, "4-3-2 b5 relu ce adamw l2 0.5 clip 2 unfused");
        assert_eq!(case.plan.optimiser, Optimiser::adamw().rate(RATE).l2(0.5));
        assert_eq!((case.plan.batch, case.plan.clip_norm, case.plan.fused), (5, Some(2.0), false));
        let loss = case.trainer(1).unwrap().step(&case.data().x, case.data().targets()).unwrap();
        assert!(loss.is_finite());
    }

    #[test]
    fn an_unknown_optimiser_is_refused_with_those_that_there_are() {
        let error = of("step --layers 4-2 --optimizer lion").unwrap_err();
        let expected = "--optimizer lion: no update rule is called `lion`: use sgd, momentum, nesterov, adam, adamw, ";
        assert!(error.starts_with(expected) && error.ends_with(" or adamw(BETA1,BETA2,EPSILON)"), "{error}");
    }
}
