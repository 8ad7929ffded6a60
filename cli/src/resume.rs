//! A run that was cut off: what its folder keeps of it, and how it goes on.
//!
//! ```text
//! train ─▶ checkpoint.safetensors: weights, moments, plan, place in the epoch, and which rows it learns from
//!                  │
//!                  └─▶ train --resume: the same data, net, loss and rule, or a refusal; other options replace those of then;
//!                      nothing left to learn, nothing written
//! ```

use std::path::Path;

use deltarule::{Element, Finish, Optimiser, Plan, Schedule, Shape, Trainer, file::element_type};
use serde::{Deserialize, Serialize};

use crate::arguments::TrainArguments;
use crate::choice::Dtype;
use crate::data::{Dataset, Split};
use crate::data_options::DataOptions;
use crate::failure::Failure;
use crate::fingerprint;
use crate::say::counted;
use crate::settings::Settings;

/// The state of a run, in the folder of results, for `--resume`.
pub(crate) const CHECKPOINT: &str = "checkpoint.safetensors";

/// Which rows a run learns from, noted in its checkpoint: a run that goes on with others would be examined on what it has learnt.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// How many are learnt from.
    pub(crate) train: usize,
    /// How many choose the epoch.
    validation: usize,
    /// How many nothing has seen.
    test: usize,
    /// What is in them.
    fingerprint: u64,
    /// How they were asked for; checkpoints of before do not say.
    #[serde(default)]
    options: Option<DataOptions>,
}

impl Origin {
    /// The origin of a run on `data` that is divided so, as the options ask.
    pub(crate) fn of(arguments: &TrainArguments, data: &Dataset, split: &Split) -> Self {
        Self {
            train: split.train.len(),
            validation: split.validation.len(),
            test: split.test.len(),
            fingerprint: fingerprint::of_parts(data, split),
            options: Some(DataOptions::of(arguments)),
        }
    }

    /// As a run's note.
    pub(crate) fn to_note(&self) -> Result<String, Failure> {
        serde_json::to_string(self).map_err(|error| Failure::Other(error.to_string()))
    }

    /// What a run's note says.
    pub(crate) fn noted(note: Option<&str>) -> Option<Self> {
        note.and_then(|note| serde_json::from_str(note).ok())
    }

    /// Refuses to go on with a run whose note says another origin, or none.
    fn check(&self, note: Option<&str>, path: &Path) -> Result<(), Failure> {
        let path = path.display();
        let Some(then) = Self::noted(note) else {
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

/// The options of a run that goes on: where they say nothing of its data, seed and number type, the run in the folder does.
pub(crate) fn completed(mut arguments: TrainArguments) -> Result<TrainArguments, Failure> {
    let path = arguments.out.join(CHECKPOINT);
    refuse_no_run(&path)?;
    let (dtype, (note, seed)) = match element_type(&path)?.as_str() {
        "F64" => (Dtype::F64, noted::<f64>(&path)?),
        _ => (Dtype::F32, noted::<f32>(&path)?),
    };
    arguments.dtype = arguments.dtype.or(Some(dtype));
    arguments.seed = arguments.seed.or(Some(seed));
    if let Some(options) = Origin::noted(note.as_deref()).and_then(|origin| origin.options) {
        options.complete(&mut arguments);
    }
    Ok(arguments)
}

/// The note and the seed of a stored run.
fn noted<T: Element>(path: &Path) -> Result<(Option<String>, u64), Failure> {
    let trainer = Trainer::<T>::load(path)?;
    Ok((trainer.note().map(str::to_owned), trainer.plan().seed))
}

/// The run that the folder holds, with the options of now where they were given.
pub(crate) fn resumed<T: Element>(
    arguments: &TrainArguments,
    data: &Dataset,
    settings: &Settings,
    origin: &Origin,
) -> Result<Trainer<T>, Failure> {
    let path = arguments.out.join(CHECKPOINT);
    let mut trainer = stored::<T>(&path)?;
    refuse_other_data(data, settings, &trainer, &path)?;
    origin.check(trainer.note(), &path)?;
    refuse_changes(arguments, settings, &trainer, &path)?;
    let begun = trainer.history().len() as u64 + 1;
    trainer.set_plan(replaced(trainer.plan(), arguments, &settings.plan, begun))?;
    Ok(trainer)
}

fn refuse_no_run(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        return Ok(());
    }
    let what = "there is no run to go on with; leave --resume out, or name its folder with --out";
    Err(Failure::Misuse(format!("{}: {what}", path.display())))
}

/// The run as it was saved.
fn stored<T: Element>(path: &Path) -> Result<Trainer<T>, Failure> {
    refuse_no_run(path)?;
    let stored = element_type(path)?;
    if !stored.eq_ignore_ascii_case(T::NAME) {
        let wanted = stored.to_lowercase();
        return Err(Failure::Misuse(format!("{} is a run in {wanted}; add --dtype {wanted}", path.display())));
    }
    Ok(Trainer::load(path)?)
}

/// What can be said of data or a seed that are not the run's, before the rows are compared.
fn refuse_other_data<T: Element>(
    data: &Dataset,
    settings: &Settings,
    trainer: &Trainer<T>,
    path: &Path,
) -> Result<(), Failure> {
    let (about, seed) = (trainer.model().about(), trainer.plan().seed);
    let why = if settings.plan.seed != seed {
        format!("has seed {seed}; add --seed {seed}")
    } else if about.features != data.feature_names {
        "learnt from other columns; give its own --data, --target and --drop".to_string()
    } else if about.classes != data.class_names() {
        "learnt other classes; give its own --data".to_string()
    } else {
        return Ok(());
    };
    Err(Failure::Misuse(format!("the run in {} {why}", path.display())))
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
    let rule = then.optimiser.rule;
    let activation = match hidden {
        [] => "no hidden layers".to_string(),
        _ => model.hidden().to_string(),
    };
    let standardises = model.about().inputs.is_some();
    let changes = [
        ("--loss", arguments.loss.is_some() && now.loss != then.loss, then.loss.to_string()),
        ("--optimizer", arguments.optimizer.is_some() && now.optimiser.rule != rule, rule.to_string()),
        ("--init", arguments.init.is_some(), "its first weights".to_string()),
        ("--hidden", arguments.hidden.is_some() && settings.hidden != hidden, format!("{hidden:?}")),
        ("--activation", arguments.activation.is_some() && settings.activation != model.hidden(), activation),
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

/// The plan of then, with the settings of now whose options were given, and the threads of now. So many epochs have `begun`, or would be next.
fn replaced(then: &Plan, arguments: &TrainArguments, now: &Plan, begun: u64) -> Plan {
    let epochs = arguments.epochs.map_or(then.epochs, |_| now.epochs);
    let optimiser = Optimiser {
        rate: arguments.lr.map_or(then.optimiser.rate, |_| now.optimiser.rate),
        l2: arguments.l2.map_or(then.optimiser.l2, |_| now.optimiser.l2),
        ..then.optimiser
    };
    let mut schedule = Schedule {
        shape: arguments.schedule.map_or(then.schedule.shape, |_| now.schedule.shape),
        warm_up: arguments.warm_up.unwrap_or(then.schedule.warm_up),
    };
    // The wave ends where the run does, with the epoch under way if that is the last; behind its end nothing would be learnt.
    if (arguments.epochs.is_some() || arguments.schedule.is_some())
        && let Shape::Cosine { epochs: end, .. } = &mut schedule.shape
    {
        *end = epochs.max(begun);
    }
    Plan {
        optimiser,
        schedule,
        epochs,
        batch: arguments.batch.map_or(then.batch, |_| now.batch),
        early_stopping: arguments.patience.map_or(then.early_stopping, |_| now.early_stopping),
        clip_norm: arguments.clip.map_or(then.clip_norm, |_| now.clip_norm),
        non_finite: arguments.non_finite.unwrap_or(then.non_finite),
        threads: now.threads,
        ..*then
    }
}

/// That a run had nothing left to learn, and what would give it more.
pub(crate) fn nothing_left<T: Element>(trainer: &Trainer<T>, finish: Finish, folder: &Path) -> Failure {
    let (epochs, folder) = (counted(trainer.history().len() as u64, "epoch", "epochs"), folder.display());
    let why = match finish {
        Finish::Patience => "its patience ran out: give a larger --patience, or none".to_string(),
        _ => format!("it has gone through {epochs}: give more --epochs than that"),
    };
    Failure::Misuse(format!("the run in {folder} has nothing left to learn, and its files stay as they are; {why}"))
}
