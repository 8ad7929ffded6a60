//! A run that was cut off: what its folder keeps of it, and how it goes on.
//!
//! ```text
//! train ─▶ checkpoint.safetensors (weights, moments, plan, place in the epoch), checkpoint.json (rows of each part)
//!                  │
//!                  └─▶ train --resume: the same data, net, loss and rule, or a refusal; other options replace those of then
//! ```

use std::fs;
use std::io;
use std::path::Path;

use deltarule::{Element, Shape, Trainer, file::element_type};
use serde::{Deserialize, Serialize};

use crate::arguments::TrainArguments;
use crate::choice::{LossChoice, OptimiserChoice};
use crate::data::Dataset;
use crate::failure::Failure;
use crate::outcome::write;
use crate::settings::Settings;

/// The state of a run, in the folder of results, for `--resume`.
pub(crate) const CHECKPOINT: &str = "checkpoint.safetensors";
/// How many rows its parts have.
const COUNTS: &str = "checkpoint.json";

/// Rows of each part, kept beside the checkpoint: a run that goes on with others would be examined on what it has learnt.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Those that are learnt from.
    pub train: usize,
    /// Those that choose the epoch.
    pub validation: usize,
    /// Those that nothing has seen.
    pub test: usize,
}

/// Writes the checkpoint, and the counts beside it.
pub(crate) fn save<T: Element>(trainer: &Trainer<T>, counts: &Counts, folder: &Path) -> Result<(), Failure> {
    let path = folder.join(COUNTS);
    match fs::remove_file(&path) {
        // Those of an earlier run must not stand beside this one's checkpoint.
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Failure::file(&path)(error)),
        _ => trainer.save(folder.join(CHECKPOINT))?,
    }
    let json = serde_json::to_vec(counts).map_err(|error| Failure::Other(error.to_string()))?;
    write(folder, COUNTS, &json).map(drop)
}

/// The rows are divided as they were when the run began, as far as that is known: the file may be missing.
fn check_counts(now: &Counts, folder: &Path) -> Result<(), Failure> {
    let Ok(text) = fs::read(folder.join(COUNTS)) else { return Ok(()) };
    match serde_json::from_slice::<Counts>(&text) {
        Ok(then) if then != *now => Err(Failure::Misuse(format!(
            "the run in {} learnt from {} rows, with {} to validate and {} to test, not {}, {} and {}; give the --data, \
             --test-split and --val-split that it began with",
            folder.display(),
            then.train,
            then.validation,
            then.test,
            now.train,
            now.validation,
            now.test
        ))),
        _ => Ok(()),
    }
}

/// The run that the folder holds, with the options of now where they were given.
pub(crate) fn resumed<T: Element>(
    arguments: &TrainArguments,
    data: &Dataset,
    settings: &Settings,
    counts: &Counts,
) -> Result<Trainer<T>, Failure> {
    let path = arguments.out.join(CHECKPOINT);
    if !path.exists() {
        let what = "there is no run to go on with; leave --resume out, or name its folder with --out";
        return Err(Failure::Misuse(format!("{}: {what}", path.display())));
    }
    let stored = element_type(&path)?;
    if !stored.eq_ignore_ascii_case(T::NAME) {
        let wanted = stored.to_lowercase();
        return Err(Failure::Misuse(format!("{} is a run in {wanted}; add --dtype {wanted}", path.display())));
    }
    let mut trainer = Trainer::<T>::load(&path)?;
    let mut plan = *trainer.plan();
    if arguments.seed.is_some_and(|seed| seed != plan.seed) || settings.plan.seed != plan.seed {
        return Err(Failure::Misuse(format!(
            "the run in {} has seed {}; add --seed {}",
            path.display(),
            plan.seed,
            plan.seed
        )));
    }
    if trainer.model().about().features != data.feature_names {
        return Err(Failure::Misuse(format!(
            "the run in {} learnt from other columns; give its own --data, --target and --drop",
            path.display()
        )));
    }
    if trainer.model().about().classes != data.class_names() {
        return Err(Failure::Misuse(format!(
            "the run in {} learnt other classes; give its own --data",
            path.display()
        )));
    }
    check_counts(counts, &arguments.out)?;
    refuse_changes(arguments, settings, &trainer, &path)?;
    plan.threads = settings.plan.threads;
    if arguments.epochs.is_some() {
        plan.epochs = settings.plan.epochs;
    }
    if arguments.schedule.is_some() {
        plan.schedule.shape = settings.plan.schedule.shape;
    }
    if let Some(epochs) = arguments.warm_up {
        plan.schedule.warm_up = epochs;
    }
    // The wave ends where the run does; behind its end nothing would be learnt.
    if (arguments.epochs.is_some() || arguments.schedule.is_some())
        && let Shape::Cosine { epochs, .. } = &mut plan.schedule.shape
    {
        *epochs = plan.epochs.max(1);
    }
    if arguments.lr.is_some() {
        plan.optimiser.rate = settings.plan.optimiser.rate;
    }
    if arguments.l2.is_some() {
        plan.optimiser.l2 = settings.plan.optimiser.l2;
    }
    if arguments.batch.is_some() {
        plan.batch = settings.plan.batch;
    }
    if arguments.patience.is_some() {
        plan.early_stopping = settings.plan.early_stopping;
    }
    if arguments.clip.is_some() {
        plan.clip_norm = settings.plan.clip_norm;
    }
    trainer.set_plan(plan)?;
    Ok(trainer)
}

/// What a run cannot change on its way, where it is told to.
fn refuse_changes<T: Element>(
    arguments: &TrainArguments,
    settings: &Settings,
    trainer: &Trainer<T>,
    path: &Path,
) -> Result<(), Failure> {
    let (model, then, now) = (trainer.model(), trainer.plan(), &settings.plan);
    let widths = model.widths();
    let hidden = &widths[1..widths.len() - 1];
    let rule = OptimiserChoice::name_of(then.optimiser.rule);
    let standardises = model.about().inputs.is_some();
    let changes = [
        ("--loss", arguments.loss.is_some() && now.loss != then.loss, LossChoice::name_of(then.loss).to_string()),
        (
            "--optimizer",
            arguments.optimizer.is_some() && OptimiserChoice::name_of(now.optimiser.rule) != rule,
            rule.to_string(),
        ),
        ("--init", arguments.init.is_some(), "its first weights".to_string()),
        ("--hidden", arguments.hidden.is_some() && settings.hidden != hidden, format!("{hidden:?}")),
        (
            "--activation",
            arguments.activation.is_some() && settings.activation != model.hidden(),
            model.hidden().to_string(),
        ),
        (
            "--standardise",
            arguments.standardise.is_some_and(|wanted| wanted != standardises),
            if standardises { "yes" } else { "no" }.to_string(),
        ),
    ];
    match changes.into_iter().find(|(_, differs, _)| *differs) {
        Some((option, _, then)) => Err(Failure::Misuse(format!(
            "{option}: the run in {} has {then}, which cannot change on its way; leave the option out",
            path.display()
        ))),
        None => Ok(()),
    }
}
