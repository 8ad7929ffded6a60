//! Numbers that are none any more on their way through a model: which row of the source they come from, and what to do about it.

use deltarule::{Dataset as Rows, Element, Error, Labels, Mlp, NonFinite, Scratch};

use crate::data::{DataError, Dataset};
use crate::failure::Failure;

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
    data: &Dataset,
    rows: &[usize],
    scratch: &mut Scratch<T>,
) -> Result<(), Failure> {
    for rows in rows.chunks(ROWS_AT_A_TIME) {
        let features: Vec<T> = data.gather(rows, T::from_f64, T::is_finite)?;
        refuse_among(data, rows, model.predict(&features, scratch)?)?;
    }
    Ok(())
}

/// Refuses a part of which a number is not finite once it is standardised: before a run that only looks at it when all is learnt. The parts
/// that it learns from it looks at itself.
pub(crate) fn refuse_overflows<T: Element>(
    data: &Dataset,
    model: &Mlp<T>,
    (rows, numbers): (&Rows<T>, &[usize]),
) -> Result<(), Failure> {
    for (row, &number) in numbers.iter().enumerate() {
        for is_of_target in [false, true] {
            if let Some((column, value)) = overflow(model, rows, row, is_of_target) {
                return Err(of_standardised(data, number, column, value, is_of_target));
            }
        }
    }
    Ok(())
}

/// What is said where a policy that bears batches bears no more of them, if it is that which ended a run: the batch alone would not have.
pub(crate) fn given_up(error: &Error, policy: NonFinite) -> Option<Failure> {
    let Error::NonFinite { what, epoch, batch } = *error else { return None };
    let why = match policy {
        NonFinite::Skip => "every batch of the epoch had to be left out",
        NonFinite::RollBack => "its tries are used up",
        _ => return None,
    };
    let last = Failure::Model(Error::NonFinite { what, epoch, batch });
    Some(Failure::Other(format!("--non-finite {policy} gives up, as {why}: {last}")))
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
    let mut with_it =
        parts.iter().filter(|(rows, _)| row < rows.rows() && overflow(model, rows, row, is_of_target).is_some());
    let Some((_, numbers)) = with_it.next() else { return failure };
    of_standardised(data, numbers[row], column, value, is_of_target)
}

/// What is said of a standardised number that is not finite.
fn of_standardised(data: &Dataset, row: usize, column: usize, value: f64, is_of_target: bool) -> Failure {
    let (label, what) = match is_of_target {
        true => (data.target_label(), "standardised target"),
        false => (data.feature_label(column), "standardised input"),
    };
    let advice = "the number is too large beside the column's deviation; rescale the column, or train with --dtype f64";
    data.fault(row, label, format!("the {what} is {value}: {advice}")).into()
}

/// The first number of this row that is not finite once it is standardised: its column, and what it is then.
fn overflow<T: Element>(model: &Mlp<T>, rows: &Rows<T>, row: usize, is_of_target: bool) -> Option<(usize, f64)> {
    let about = model.about();
    let applied = match (is_of_target, rows.labels()) {
        (false, _) => about.inputs.as_ref()?.applied(&rows.row(row)),
        (true, Labels::Values { values, outputs }) => {
            about.targets.as_ref()?.applied(&values[row * outputs..][..*outputs])
        }
        (true, Labels::Classes { .. }) => return None,
    };
    match applied {
        Err(Error::NotANumber { column, value, .. }) => Some((column, value)),
        _ => None,
    }
}
