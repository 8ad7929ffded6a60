//! Numbers that are none any more on their way through a model: which row of the source they come from, and what to do about it.

use deltarule::{Dataset as Rows, Element, Error, Labels, Mlp, Scratch};

use crate::data::{DataError, Dataset};
use crate::failure::Failure;
use crate::reading::Subject;

/// Rows that are answered at a time, so that not all answers are in memory as numbers too.
pub(crate) const ROWS_AT_A_TIME: usize = 4096;

/// Refuses outputs, those of these rows of the data, of which one is not finite: no class and no score can be made of it.
pub(crate) fn refuse_among<T: Element>(data: &Dataset, rows: &[usize], outputs: &[T]) -> Result<(), DataError> {
    let width = outputs.len().checked_div(rows.len()).unwrap_or(0).max(1);
    let Some(index) = outputs.iter().position(|output| !output.is_finite()) else { return Ok(()) };
    let what = format!(
        "the model answers {}; a number of this row may be far beyond those that the model learnt from: look at the row, rescale the column, or \
         train with --dtype f64",
        outputs[index].to_f64()
    );
    Err(data.fault(rows[index / width], format!("output {}", index % width + 1), what))
}

/// Refuses rows for which a model has an output that is not finite.
pub(crate) fn refuse_outputs<T: Element>(
    model: &Mlp<T>,
    subject: &Subject,
    scratch: &mut Scratch<T>,
) -> Result<(), Failure> {
    for rows in subject.rows.chunks(ROWS_AT_A_TIME) {
        let features: Vec<T> = subject.data.gather(rows, T::from_f64, T::is_finite)?;
        refuse_among(&subject.data, rows, model.predict(&features, scratch)?)?;
    }
    Ok(())
}

/// What a model crate's error of a standardised number says of the source: its rows are those of a part of the data, and its columns those
/// of the features. A part is its rows in that crate's form, with their numbers in the data. Other failures are left as they are.
pub(crate) fn placed<T: Element>(
    failure: Failure,
    data: &Dataset,
    model: &Mlp<T>,
    parts: &[(&Rows<T>, &[usize])],
) -> Failure {
    let Failure::Model(Error::NotANumber { what, row, column, value }) = failure else { return failure };
    let is_of_target = what == "standardised target";
    // The parts were looked at in this order, so the first that has such a number there is meant.
    let mut with_it = parts.iter().filter(|(rows, _)| row < rows.rows() && overflows(model, rows, row, is_of_target));
    let Some((_, numbers)) = with_it.next() else { return failure };
    let label = if is_of_target { data.target_label() } else { data.feature_label(column) };
    let advice = "the number is too large beside the column's deviation; rescale the column, or train with --dtype f64";
    data.fault(numbers[row], label, format!("the {what} is {value}: {advice}")).into()
}

/// Whether a number of this row is not finite once it is standardised.
fn overflows<T: Element>(model: &Mlp<T>, rows: &Rows<T>, row: usize, is_of_target: bool) -> bool {
    let about = model.about();
    match (is_of_target, rows.labels()) {
        (false, _) => about.inputs.as_ref().is_some_and(|inputs| inputs.applied(&rows.row(row)).is_err()),
        (true, Labels::Values { values, outputs }) => {
            let values = &values[row * outputs..][..*outputs];
            about.targets.as_ref().is_some_and(|targets| targets.applied(values).is_err())
        }
        (true, Labels::Classes { .. }) => false,
    }
}
