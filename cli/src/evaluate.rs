//! `deltarule eval`: a model measured on data.

use deltarule::{Element, Evaluation, Loss, Mlp, Output, Scratch};
use serde::Serialize;

use crate::any_model::AnyModel;
use crate::arguments::{EvalArguments, PartChoice};
use crate::by_class::ByClass;
use crate::failure::Failure;
use crate::not_finite::{placed, refuse_outputs};
use crate::part_report::{PartReport, table};
use crate::parts::rows_of;
use crate::positive::Positive;
use crate::reading::{Purpose, Subject};
use crate::say::{note, say};
use crate::with_model;

/// What `--json` prints.
#[derive(Serialize)]
struct Measured<'a> {
    data: &'a str,
    part: &'static str,
    result: &'a PartReport,
    #[serde(flatten)]
    by_class: Option<&'a ByClass>,
}

/// Runs the command.
pub(crate) fn run(arguments: &EvalArguments) -> Result<(), Failure> {
    crate::machine::prepare(arguments.subject.threads)?;
    let model = AnyModel::load(&arguments.subject.model)?;
    let classes = model.classes();
    let positive = match &arguments.positive {
        Some(wanted) => Some(Positive::asked(&classes, wanted)?),
        None => Positive::usual(&classes),
    };
    let subject = Subject::load(&arguments.subject, &model, Purpose::Evaluation)?;
    let threads = crate::machine::threads(arguments.subject.threads);
    let evaluation = with_model!(&model, model => measure(model, &subject, threads))?;
    let (report, by_class) = (PartReport::of(&evaluation, positive), ByClass::of(&evaluation, &classes));
    let part = match subject.part {
        PartChoice::All => "all rows",
        PartChoice::Test => "test",
        PartChoice::Rest => "rest",
    };
    if arguments.json {
        let measured = Measured { data: &subject.data.name, part, result: &report, by_class: by_class.as_ref() };
        let line = serde_json::to_string(&measured).map_err(|error| Failure::Other(error.to_string()))?;
        return say(&format!("{line}\n"));
    }
    if subject.part == PartChoice::All {
        note(match (model.about().test_share, subject.is_of_training) {
            (Some(0.0), _) => {
                "all rows are measured; if the model learnt from these data, it has seen them: it kept none for the test"
            }
            (_, Some(false)) => {
                "all rows are measured; they are not those of the model's training, but if some are among them, it may have seen these"
            }
            _ => {
                "all rows of the file are measured; if the model learnt from it, --part test takes the rows it never saw"
            }
        });
    }
    let by_class = by_class.map_or_else(String::new, |by_class| format!("\n{}", by_class.table()));
    say(&format!("{}{by_class}", table(&[(part, &report)])))
}

fn measure<T: Element>(model: &Mlp<T>, subject: &Subject, threads: usize) -> Result<Evaluation, Failure> {
    let rows = rows_of::<T>(&subject.data, &subject.rows)?;
    let mut scratch = Scratch::with_threads(threads);
    let evaluation = model
        .evaluate(loss_of(model), &rows, &mut scratch)
        .map_err(|error| placed(error.into(), &subject.data, model, &[(&rows, &subject.rows)]))?;
    if !PartReport::of(&evaluation, None).is_finite() {
        // Only an output that is no number spoils them all.
        refuse_outputs(model, &subject.data, &subject.rows, &mut scratch)?;
        note(&format!(
            "{}: every output is a number, but one is too far from its target for the loss or a score in {}; look at the targets, rescale them, \
             or train with --dtype f64",
            subject.data.name,
            T::NAME
        ));
    }
    Ok(evaluation)
}

/// The loss that the model was trained with, or what its output suggests.
fn loss_of<T: Element>(model: &Mlp<T>) -> Loss {
    model.about().loss.unwrap_or(match model.output() {
        Output::Linear => Loss::SquaredError,
        other => other.usual_loss(),
    })
}
