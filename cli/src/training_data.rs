//! The data that a command learns from, read as its options say.

use crate::arguments::DataArguments;
use crate::data::{Dataset, Source, TaskChoice, load};
use crate::failure::Failure;
use crate::reading::training_options;

/// Loads what `name` names. Refuses a task where the data alone decides it, lest it be ignored.
pub(crate) fn training_data(name: &str, reading: &DataArguments, task: TaskChoice) -> Result<Dataset, Failure> {
    let source = Source::parse(name)?;
    if task != TaskChoice::Auto && !matches!(source, Source::Csv(_) | Source::Npy(..)) {
        return Err(Failure::Misuse(format!("--task: what {name} asks for is known; leave the option out")));
    }
    Ok(load(&source, &training_options(reading, task))?)
}
