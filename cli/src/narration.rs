//! What `train` says: before it learns, and when it is done.

use std::fs;
use std::path::{Path, PathBuf};

use deltarule::{Element, Isa, Named, NonFinite, Plan, Trainer};

use crate::arguments::TrainArguments;
use crate::choice::ScheduleChoice;
use crate::data::words::{clip, listed};
use crate::data::{Dataset, Split, Task};
use crate::failure::Failure;
use crate::part_report::table;
use crate::report::{REPORT, Report, init, patience};
use crate::say::{counted, grouped, note, per_second, say, short};

/// What is about to happen, before the bar.
pub(crate) fn introduce<T: Element>(arguments: &TrainArguments, data: &Dataset, trainer: &Trainer<T>, split: &Split) {
    let (model, plan) = (trainer.model(), trainer.plan());
    let kind = match data.task() {
        Some(Task::Regression) => "a number to predict".to_string(),
        _ => format!("{} classes", data.class_names().len()),
    };
    let count = |rows: &[usize]| grouped(rows.len() as u64);
    note(&format!(
        "data      {}: {} × {}, {kind}",
        data.name,
        counted(data.rows as u64, "row", "rows"),
        counted(data.columns as u64, "feature", "features")
    ));
    note(&format!(
        "parts     {} to learn from, {} to validate, {} to test",
        count(&split.train),
        count(&split.validation),
        count(&split.test)
    ));
    let widths: Vec<String> = model.widths().iter().map(usize::to_string).collect();
    note(&format!(
        "network   {}, {} and {} output, {} in {}",
        widths.join(" → "),
        model.hidden(),
        model.output(),
        counted(model.parameters() as u64, "parameter", "parameters"),
        T::NAME
    ));
    let drawn = match init(arguments).as_deref() {
        None => "weights of the run so far".to_string(),
        Some("suited") => "weights drawn as suits each activation".to_string(),
        Some(name) => format!("weights drawn by {name}"),
    };
    let inputs = if model.about().inputs.is_some() { "standardised" } else { "as they are" };
    note(&format!("          inputs {inputs}, {drawn}"));
    introduce_learning(plan);
    warn_of_unlearnt(data, split);
    if !arguments.resume {
        tell_of_another_run(&arguments.out, data);
    }
}

/// A run takes the place of the one whose files its folder holds. Where that learnt from other data, it may be wanted still.
fn tell_of_another_run(folder: &Path, data: &Dataset) {
    if let Some(then) = data_reported(folder).filter(|then| *then != data.name) {
        note(&format!(
            "note      {} holds a run on {}, whose files this one replaces, the checkpoint at once; --out names another folder",
            folder.display(),
            clip(&then)
        ));
    }
}

/// The data of the run that a folder holds the report of.
fn data_reported(folder: &Path) -> Option<String> {
    let report: serde_json::Value = serde_json::from_slice(&fs::read(folder.join(REPORT)).ok()?).ok()?;
    report["data"].as_str().map(str::to_owned)
}

/// A class of which no row is learnt from is one that the model will hardly ever answer.
fn warn_of_unlearnt(data: &Dataset, split: &Split) {
    let classes = split.unlearnt_classes(data);
    if !classes.is_empty() {
        note(&format!(
            "warning   {}: no row to learn from is of the {} {}; give more of them, or a smaller --test-split or --val-split",
            data.name,
            if classes.len() == 1 { "class" } else { "classes" },
            listed(&classes)
        ));
    }
}

/// What the trainer is told.
fn introduce_learning(plan: &Plan) {
    let mut rate = format!("rate {}, {} schedule", plan.optimiser.rate, ScheduleChoice::name_of(plan.schedule));
    if plan.schedule.warm_up > 0.0 {
        rate += &format!(" with a warm-up of {}", plan.schedule.warm_up);
    }
    let clip = plan.clip_norm.map_or_else(String::new, |norm| format!(", gradients up to {norm}"));
    let policy = match plan.non_finite {
        NonFinite::Stop => String::new(),
        other => format!(", {other} where a loss or gradient is not finite"),
    };
    note(&format!(
        "learning  {} with {}, {rate}, l2 {}{clip}{policy}",
        plan.loss.name(),
        plan.optimiser.rule,
        short(plan.optimiser.l2)
    ));
    let most = counted(plan.epochs, "epoch", "epochs");
    let epochs = match patience(plan) {
        Some(patience) => format!("up to {most}, patience {patience}"),
        None => most,
    };
    let threads = counted(plan.threads as u64, "thread", "threads");
    note(&format!(
        "          batches of {}, {epochs}, seed {}, {threads} on {}",
        plan.batch,
        plan.seed,
        Isa::current()
    ));
    let (warm_up, most) = (plan.schedule.warm_up, plan.epochs as f64);
    if warm_up > most {
        let reached = short(most / warm_up);
        note(&format!(
            "warning: the warm-up takes {warm_up} epochs, and the run ends before: its rate comes to {reached} of the full one"
        ));
    }
}

/// How it went.
pub(crate) fn tell(arguments: &TrainArguments, report: &Report, files: &[PathBuf]) -> Result<(), Failure> {
    if !arguments.quiet {
        let best = match report.best_epoch {
            Some(best) if best != report.epochs => format!("; kept the weights of epoch {best}, the best"),
            _ => String::new(),
        };
        note(&format!("done      {}, {} samples/s{best}", report.span(), per_second(report.samples_per_second)));
        if report.skipped > 0 {
            note(&format!(
                "warning   {} had a loss or gradient that was not finite, and changed nothing",
                counted(report.skipped, "batch", "batches")
            ));
        }
    }
    if arguments.json {
        let line = serde_json::to_string(report).map_err(|error| Failure::Other(error.to_string()))?;
        return say(&format!("{line}\n"));
    }
    if arguments.quiet {
        return Ok(());
    }
    let mut parts = vec![("train", &report.train)];
    parts.extend(report.validation.as_ref().map(|part| ("validation", part)));
    parts.extend(report.test.as_ref().map(|part| ("test", part)));
    let names: Vec<String> =
        files.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect();
    say(&format!("\n{}\n{}: model.safetensors, {}\n", table(&parts), arguments.out.display(), names.join(", ")))
}
