//! `deltarule train`: data, settings, learning, and the folder of results.
//!
//! ```text
//! load ─▶ Settings ─▶ Split ─▶ Parts<T> ─▶ Trainer (watched) ─▶ evaluate ─▶ Outcome ─▶ files
//! ```
//! No result is written before the learning has ended well, and then every file whole: a run that fails leaves the
//! model of an earlier one as it was. Only the checkpoint is written before: at the start, and now and then in a long run.
//! All the while no other run writes into the folder.
//! A last checkpoint that cannot be written costs no model: it is told of once all else is there.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use deltarule::{Element, Finish, Mlp, Scratch, Standardisation, Trainer};

use crate::arguments::TrainArguments;
use crate::choice::Dtype;
use crate::data::{Dataset, Split, Task};
use crate::failure::Failure;
use crate::fingerprint;
use crate::narration::{introduce, tell};
use crate::out_folder::{OutFolder, refuse_to_replace_data};
use crate::outcome::Outcome;
use crate::parts::Parts;
use crate::progress::Watcher;
use crate::reading::tell_of_unused_share;
use crate::report::{Ending, HISTORY, REPORT, Report, history_csv};
use crate::resume::{CHECKPOINT, Origin, completed, nothing_left, resumed};
use crate::rounding;
use crate::say::note;
use crate::settings::{Settings, outputs};
use crate::training_data::training_data;
use crate::unfinished::refuse_to_replace;

/// The model, in the folder of results.
const MODEL: &str = "model.safetensors";

/// All that a run writes, or removes.
const FILES: [&str; 8] = [MODEL, CHECKPOINT, REPORT, HISTORY, "loss.svg", "loss.png", "confusion.svg", "confusion.png"];

/// What a run loses when it is cut off, beside the batch under way, unless its checkpoints take long.
const BETWEEN_CHECKPOINTS: Duration = Duration::from_secs(20);

/// A run learns at least so many times as long as the checkpoint before took.
const LEARNING_TO_SAVING: u32 = 20;

/// Runs the command.
pub(crate) fn run(arguments: &TrainArguments) -> Result<(), Failure> {
    crate::machine::prepare(arguments.threads)?;
    let arguments = match arguments.resume {
        true => &completed(arguments.clone())?,
        false => arguments,
    };
    let data = training_data(arguments.data(), &arguments.reading, arguments.task)?;
    let settings = Settings::new(arguments, &data)?;
    let split = Split::new(&data, settings.fractions, settings.plan.seed)?;
    refuse_to_replace_data(&arguments.out, arguments.data(), &FILES)?;
    let _folder = OutFolder::take(&arguments.out)?;
    if !arguments.resume {
        refuse_to_replace(&arguments.out, &arguments.out.join(MODEL))?;
    }
    match arguments.dtype() {
        Dtype::F32 => learn::<f32>(arguments, &data, &settings, &split),
        Dtype::F64 => learn::<f64>(arguments, &data, &settings, &split),
    }
}

fn learn<T: Element>(
    arguments: &TrainArguments,
    data: &Dataset,
    settings: &Settings,
    split: &Split,
) -> Result<(), Failure> {
    let parts = Parts::<T>::of(data, split)?;
    let mut trainer = trainer(arguments, data, settings, &parts, &Origin::of(arguments, data, split))?;
    parts.refuse_overflows_of_test(trainer.model())?;
    if !arguments.quiet {
        introduce(arguments, data, &trainer, split);
        tell_of_unused_share(data, arguments.test_split);
        let standardises = trainer.model().about().inputs.is_some();
        if arguments.dtype() == Dtype::F32
            && let Some(warning) = rounding::warning(data, &split.train, standardises)
        {
            note(&warning);
        }
    }
    if !arguments.resume {
        // Else a run that is cut off early would leave the checkpoint of an earlier one, and `--resume` take it for its own.
        trainer.save(arguments.out.join(CHECKPOINT))?;
    }
    let before = (trainer.history().len(), trainer.samples());
    let mut watcher = Watcher::new(arguments.quiet, settings.task.metric());
    let finish = fit(&mut trainer, &parts, &mut watcher, &arguments.out, until_next);
    watcher.finish();
    let finish = finish?;
    let seconds = watcher.seconds();
    if (trainer.history().len(), trainer.samples()) == before && is_written(&arguments.out, settings.task, &trainer) {
        return Err(nothing_left(&trainer, finish, &arguments.out));
    }

    let evaluations = parts.evaluate(&trainer)?;
    let ending = Ending {
        finish: finish.name(),
        epochs_before: arguments.resume.then_some(before.0),
        seconds,
        rows: trainer.samples() - before.1,
    };
    let report = Report::of(arguments, settings, data, &trainer, &evaluations, ending);
    let outcome =
        Outcome { data, task: settings.task, history: trainer.history(), evaluations: &evaluations, report: &report };
    let checkpoint = trainer.save(arguments.out.join(CHECKPOINT));
    trainer.model().save(arguments.out.join(MODEL))?;
    let files = outcome.write(&arguments.out)?;
    if report.test.as_ref().is_some_and(|test| !test.is_finite()) {
        warn_of_test(&trainer, &parts);
    }
    tell(arguments, &report, &files)?;
    // What was learnt is worth more than to go on with it, so that comes first.
    checkpoint.map_err(|why| {
        Failure::Other(format!("{why}; the model and its report are written, but --resume cannot go on from here"))
    })
}

/// Whether the folder holds the model and the epochs of this run already. Not so where a run was cut off between its last checkpoint and them.
fn is_written<T: Element>(folder: &Path, task: Task, trainer: &Trainer<T>) -> bool {
    let holds = |name: &str, bytes: &[u8]| fs::read(folder.join(name)).is_ok_and(|found| found == bytes);
    holds(MODEL, &trainer.model().to_bytes())
        && holds(HISTORY, history_csv(trainer.history(), task.metric()).as_bytes())
}

/// Names the row of the test of which the model makes no number. What it has learnt is not thrown away for that.
fn warn_of_test<T: Element>(trainer: &Trainer<T>, parts: &Parts<'_, T>) {
    let mut scratch = Scratch::with_threads(trainer.plan().threads);
    match parts.refuse_outputs_of_test(trainer.model(), &mut scratch) {
        Err(why) => note(&format!("warning: the test has no loss: {why}")),
        Ok(()) => note(
            "warning: on the test every output is a number, but one is too far from its target for the loss or a score",
        ),
    }
}

/// How long a run learns before its next checkpoint, after one that took as long as this to write: a large net on a slow disk is not to spend
/// the run on them.
fn until_next(took: Duration) -> Duration {
    BETWEEN_CHECKPOINTS.max(took.saturating_mul(LEARNING_TO_SAVING))
}

/// Learns to the end, with a checkpoint in the folder now and then, at whatever batch, so that a long run that is cut off can be resumed.
/// `until_next` says how long after one that took so long. Where one cannot be written the run goes on: what it has learnt is worth more.
/// Says why it ended.
fn fit<T: Element>(
    trainer: &mut Trainer<T>,
    parts: &Parts<'_, T>,
    watcher: &mut Watcher,
    folder: &Path,
    until_next: impl Fn(Duration) -> Duration,
) -> Result<Finish, Failure> {
    let mut between = until_next(Duration::ZERO);
    loop {
        let learning = Instant::now();
        let finish = parts.fit(trainer, |progress| {
            watcher.observe(progress);
            // The end of the run has a checkpoint anyway.
            let ends = progress.record.is_some() && progress.epoch + 1 == progress.epochs;
            match !ends && learning.elapsed() >= between {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
        match finish {
            Finish::Caller => {
                let saving = Instant::now();
                if let Err(why) = trainer.save(folder.join(CHECKPOINT)) {
                    watcher.warn(&format!("warning   no checkpoint was made, and the run goes on: {why}"));
                }
                between = until_next(saving.elapsed());
            }
            ended => return Ok(ended),
        }
    }
}

/// A new run, or the one that the folder holds.
fn trainer<T: Element>(
    arguments: &TrainArguments,
    data: &Dataset,
    settings: &Settings,
    parts: &Parts<'_, T>,
    origin: &Origin,
) -> Result<Trainer<T>, Failure> {
    if arguments.resume {
        return resumed(arguments, data, settings, origin);
    }
    let mut widths = vec![data.columns];
    widths.extend(&settings.hidden);
    widths.push(outputs(settings.task, settings.output));
    let mut builder = Mlp::<T>::builder(&widths)
        .hidden(settings.activation)
        .output(settings.output)
        .seed(settings.plan.seed)
        .classes(data.class_names())
        .features(&data.feature_names);
    // By its place the target is found in data without names, whether these have some or not.
    builder = builder.target_column(data.places.target);
    if !data.feature_names.is_empty() && !data.target_name.is_empty() {
        builder = builder.target_name(&data.target_name);
    }
    // A part that the data sets apart itself is found without a share, whatever the rows.
    if data.official_test.is_none() {
        builder = builder.test_share(settings.fractions.test).provenance(data.rows, fingerprint::of_rows(data));
    }
    if let Some(init) = settings.init {
        builder = builder.init(init);
    }
    if settings.standardise {
        builder = builder.standardise(Standardisation::of_inputs(&parts.train));
    }
    if settings.task == Task::Regression {
        builder = builder.standardise_targets(Standardisation::of_targets(&parts.train)?);
    }
    let mut trainer = Trainer::new(builder.build()?, settings.plan)?;
    trainer.set_note(origin.to_note()?);
    Ok(trainer)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::{Arguments, Command};

    /// The options of a short run, and more.
    fn options(folder: &Path, more: &str) -> TrainArguments {
        let line = "deltarule train --quiet --data breast-cancer --schedule constant --epochs 2 --threads 1";
        let arguments = Arguments::try_parse_from(line.split(' ').chain(more.split_whitespace()));
        let Command::Train(mut arguments) = arguments.expect("good options").command else { panic!("to train") };
        arguments.out = folder.to_path_buf();
        *arguments
    }

    /// What a run is made of.
    struct Made {
        data: Dataset,
        settings: Settings,
        split: Split,
    }

    impl Made {
        fn of(arguments: &TrainArguments) -> Self {
            let data = training_data(arguments.data(), &arguments.reading, arguments.task).expect("sound data");
            let settings = Settings::new(arguments, &data).expect("settings that fit");
            let split = Split::new(&data, settings.fractions, settings.plan.seed).expect("enough rows");
            Self { data, settings, split }
        }

        /// What it begins with.
        fn begin(&self, arguments: &TrainArguments) -> (Trainer<f32>, Parts<'_, f32>) {
            let Self { data, settings, split } = self;
            drop(OutFolder::take(&arguments.out).expect("a temporary folder"));
            let parts = Parts::of(data, split).expect("rows");
            (trainer(arguments, data, settings, &parts, &Origin::of(arguments, data, split)).expect("a run"), parts)
        }
    }

    /// Only a row that was not learnt from can be so far from the others: its place in that part says nothing to whoever has the file.
    #[test]
    fn a_number_that_is_too_large_is_named_as_in_the_file() {
        let place = tempfile::tempdir().expect("temporary folder");
        let path = place.path().join("t.csv");
        let write = |large: Option<usize>| {
            let x = |row| if large == Some(row) { 3e38 } else { (row % 7) as f64 / 10.0 };
            let rows: String = (0..60).map(|row| format!("{},{:e},{}\n", row % 5, x(row), row % 2)).collect();
            fs::write(&path, format!("a,b,y\n\n{rows}")).expect("temporary file");
        };
        let mut arguments = options(place.path(), "");
        arguments.data = Some(path.display().to_string());
        write(None);
        let Made { split, .. } = Made::of(&arguments);
        for &row in split.validation[..3].iter().chain(&split.test[..3]) {
            write(Some(row));
            let message = run(&arguments).expect_err("too large").to_string();
            let words = format!("{}, line {}, column b: the standardised input is inf: ", arguments.data(), row + 3);
            assert!(message.starts_with(&words) && message.contains("--dtype f64"), "{message}");
            if let Ok(begun) = Trainer::<f32>::load(arguments.out.join(CHECKPOINT)) {
                assert_eq!(begun.updates(), 0, "before anything is learnt");
            }
        }
    }

    #[test]
    fn checkpoints_take_a_small_part_of_a_run_however_long_one_takes() {
        let seconds = Duration::from_secs;
        for (took, then) in [(0, 20), (1, 20), (2, 40), (300, 6000)] {
            assert_eq!(until_next(seconds(took)), seconds(then), "{took} s");
        }
        assert_eq!(until_next(Duration::MAX), Duration::MAX);
    }

    #[test]
    fn checkpoints_are_made_within_epochs_and_change_nothing() {
        let place = tempfile::tempdir().expect("temporary folder");
        let [whole, often] = ["whole", "often"].map(|name| place.path().join(name));
        run(&options(&whole, "")).expect("a whole run");
        let arguments = options(&often, "");
        let made = Made::of(&arguments);
        let (mut trainer, parts) = made.begin(&arguments);
        let mut watcher = Watcher::new(true, "accuracy");
        fit(&mut trainer, &parts, &mut watcher, &often, |_| Duration::ZERO).expect("the same run");
        let model = fs::read(whole.join("model.safetensors")).expect("just written");
        assert!(trainer.model().to_bytes() == model);
        let last = Trainer::<f32>::load(often.join(CHECKPOINT)).expect("a checkpoint");
        assert_eq!((last.history().len(), last.updates()), (1, trainer.updates()), "after the last batch");
    }

    #[test]
    fn a_checkpoint_that_cannot_be_written_ends_no_run() {
        let place = tempfile::tempdir().expect("temporary folder");
        let [whole, barred] = ["whole", "barred"].map(|name| place.path().join(name));
        run(&options(&whole, "--batch 200")).expect("a whole run");
        let arguments = options(&barred, "--batch 200");
        let made = Made::of(&arguments);
        let (mut trainer, parts) = made.begin(&arguments);
        // No file takes the place of a folder, whoever asks.
        fs::create_dir(barred.join(CHECKPOINT)).expect("a temporary folder");
        let mut watcher = Watcher::new(true, "accuracy");
        let finish = fit(&mut trainer, &parts, &mut watcher, &barred, |_| Duration::ZERO);
        assert_eq!(finish.expect("the same run"), Finish::Epochs);
        assert!(trainer.model().to_bytes() == fs::read(whole.join("model.safetensors")).expect("just written"));
        // A run that cannot keep its first one finds out before it learns.
        let refused = run(&arguments).expect_err("a folder is in the way").to_string();
        assert!(refused.contains(CHECKPOINT), "{refused}");
    }

    #[test]
    fn a_folder_that_another_run_writes_into_stays_as_it_is() {
        let place = tempfile::tempdir().expect("temporary folder");
        let held = OutFolder::take(place.path()).expect("a temporary folder");
        let refused = run(&options(place.path(), "")).expect_err("the folder of another");
        assert!(refused.status() == 2 && refused.to_string().contains("another run"), "{refused}");
        assert!(![CHECKPOINT, MODEL, HISTORY].iter().any(|name| place.path().join(name).exists()));
        drop(held);
        run(&options(place.path(), "")).expect("a folder of its own");
    }

    /// What was learnt is worth more than to go on with it. Here nobody could: the last weights, of which the penalty made more than the type
    /// holds, lie beside the best, which the model has.
    #[test]
    fn a_last_checkpoint_that_is_refused_costs_no_model() {
        let place = tempfile::tempdir().expect("temporary folder");
        let arguments = options(place.path(), "--hidden none --optimizer sgd --lr 1 --l2 1e30 --batch 1000");
        let refused = run(&arguments).expect_err("weights that are no numbers").to_string();
        let is_named = refused.contains(CHECKPOINT) && refused.contains("aside.0.weight");
        assert!(is_named && refused.ends_with("--resume cannot go on from here"), "{refused}");
        Mlp::<f32>::load(place.path().join(MODEL)).expect("the best weights");
        for name in ["report.json", HISTORY, "loss.svg"] {
            assert!(place.path().join(name).exists(), "{name}");
        }
        let kept = Trainer::<f32>::load(place.path().join(CHECKPOINT)).expect("that of the start");
        assert_eq!(kept.updates(), 0);
    }

    #[test]
    fn a_run_that_was_cut_off_within_an_epoch_is_resumed() {
        let place = tempfile::tempdir().expect("temporary folder");
        let [whole, cut] = ["whole", "cut"].map(|name| place.path().join(name));
        run(&options(&whole, "")).expect("a whole run");
        let arguments = options(&cut, "");
        let made = Made::of(&arguments);
        let (mut trainer, parts) = made.begin(&arguments);
        let finish = parts.fit(&mut trainer, |progress| {
            if (progress.epoch, progress.batch) == (1, 3) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(finish.expect("finite"), Finish::Caller);
        trainer.save(cut.join(CHECKPOINT)).expect("a checkpoint");
        let refused = run(&options(&cut, "--resume --batch 16")).expect_err("other batches within an epoch");
        assert_eq!(refused.status(), 2, "{refused}");
        run(&options(&cut, "--resume")).expect("the rest of the run");
        for name in ["model.safetensors", "history.csv", CHECKPOINT] {
            let [whole, cut] = [&whole, &cut].map(|folder| fs::read(folder.join(name)).expect("just written"));
            assert!(whole == cut, "{name}");
        }
    }
}
