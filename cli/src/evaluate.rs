//! `deltarule eval`: a model measured on data.

use deltarule::{Element, Loss, Mlp, Output, Scratch};

use crate::any_model::AnyModel;
use crate::arguments::{EvalArguments, PartChoice};
use crate::failure::Failure;
use crate::not_finite::{placed, refuse_outputs};
use crate::parts::rows_of;
use crate::reading::{Purpose, Subject};
use crate::report::{PartReport, table};
use crate::say::{note, say};
use crate::with_model;

/// Runs the command.
pub(crate) fn run(arguments: &EvalArguments) -> Result<(), Failure> {
    crate::machine::prepare(arguments.subject.threads)?;
    let model = AnyModel::load(&arguments.subject.model)?;
    let subject = Subject::load(&arguments.subject, &model, Purpose::Evaluation)?;
    let threads = crate::settings::threads(arguments.subject.threads);
    let report = with_model!(&model, model => measure(model, &subject, threads))?;
    let part = match subject.part {
        PartChoice::All => "all rows",
        PartChoice::Test => "test",
        PartChoice::Rest => "rest",
    };
    if arguments.json {
        let value = serde_json::json!({ "data": subject.data.name, "part": part, "result": report });
        return say(&format!("{value}\n"));
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
    say(&table(&[(part, &report)]))
}

fn measure<T: Element>(model: &Mlp<T>, subject: &Subject, threads: usize) -> Result<PartReport, Failure> {
    let rows = rows_of::<T>(&subject.data, &subject.rows)?;
    let mut scratch = Scratch::with_threads(threads);
    let evaluation = model
        .evaluate(loss_of(model), &rows, &mut scratch)
        .map_err(|error| placed(error.into(), &subject.data, model, &[(&rows, &subject.rows)]))?;
    let report = PartReport::of(&evaluation);
    if !report.is_finite() {
        // Only an output that is no number spoils them all.
        refuse_outputs(model, &subject.data, &subject.rows, &mut scratch)?;
        note(&format!(
            "{}: every output is a number, but one is too far from its target for the loss or a score in {}; look at the targets, rescale them, \
             or train with --dtype f64",
            subject.data.name,
            T::NAME
        ));
    }
    Ok(report)
}

/// The loss that the model was trained with, or what its output suggests.
fn loss_of<T: Element>(model: &Mlp<T>) -> Loss {
    model.about().loss.unwrap_or(match model.output() {
        Output::Linear => Loss::SquaredError,
        other => other.usual_loss(),
    })
}
