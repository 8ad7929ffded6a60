//! Numbers that are none any more on their way through a model: which row of the source they come from, and what to do about it.

use deltarule::{Element, Mlp, Scratch};

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
