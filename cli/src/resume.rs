//! A run that was cut off: what its folder keeps of it, and how it goes on.
//!
//! ```text
//! train ─▶ checkpoint.safetensors: weights, moments, plan, place in the epoch, and which rows it learns from
//!                  │
//!                  └─▶ train --resume: the same data, net, loss and rule, or a refusal; other options replace those of then
//! ```

use std::path::Path;

use deltarule::{Element, Named, Shape, Trainer, file::element_type};
use serde::{Deserialize, Serialize};

use crate::arguments::TrainArguments;
use crate::data::{Dataset, Split};
use crate::failure::Failure;
use crate::fingerprint::fingerprint;
use crate::settings::Settings;

/// The state of a run, in the folder of results, for `--resume`.
pub(crate) const CHECKPOINT: &str = "checkpoint.safetensors";

/// Which rows a run learns from, noted in its checkpoint: a run that goes on with others would be examined on what it has learnt.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// How many are learnt from.
    train: usize,
    /// How many choose the epoch.
    validation: usize,
    /// How many nothing has seen.
    test: usize,
    /// What is in them.
    fingerprint: u64,
}

impl Origin {
    /// The origin of a run on `data` that is divided so.
    pub(crate) fn of(data: &Dataset, split: &Split) -> Self {
        Self {
            train: split.train.len(),
            validation: split.validation.len(),
            test: split.test.len(),
            fingerprint: fingerprint(data, split),
        }
    }

    /// As a run's note.
    pub(crate) fn to_note(&self) -> Result<String, Failure> {
        serde_json::to_string(self).map_err(|error| Failure::Other(error.to_string()))
    }

    /// Refuses to go on with a run whose note says another origin, or none.
    fn check(&self, note: Option<&str>, path: &Path) -> Result<(), Failure> {
        let path = path.display();
        let Some(then) = note.and_then(|note| serde_json::from_str::<Self>(note).ok()) else {
            return Err(Failure::Misuse(format!(
                "{path} does not say which rows its run learnt from, as checkpoints of before did not; begin anew, without --resume"
            )));
        };
        let counts = |origin: &Self| (origin.train, origin.validation, origin.test);
        if counts(&then) != counts(self) {
            return Err(Failure::Misuse(format!(
                "the run in {path} learnt from {} rows, with {} to validate and {} to test, not {}, {} and {}; give the \
                 --data, --test-split and --val-split that it began with",
                then.train, then.validation, then.test, self.train, self.validation, self.test
            )));
        }
        if then.fingerprint != self.fingerprint {
            return Err(Failure::Misuse(format!(
                "the run in {path} learnt from as many rows, but from others, or they stood in another order; give the --data, \
                 --target, --test-split and --val-split that it began with, unchanged"
            )));
        }
        Ok(())
    }
}

/// The run that the folder holds, with the options of now where they were given.
pub(crate) fn resumed<T: Element>(
    arguments: &TrainArguments,
    data: &Dataset,
    settings: &Settings,
    origin: &Origin,
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
    origin.check(trainer.note(), &path)?;
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
    let rule = then.optimiser.rule.name();
    let standardises = model.about().inputs.is_some();
    let changes = [
        ("--loss", arguments.loss.is_some() && now.loss != then.loss, then.loss.to_string()),
        ("--optimizer", arguments.optimizer.is_some() && now.optimiser.rule.name() != rule, rule.to_string()),
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
