//! A run that has not come to its end: what it has learnt is in its checkpoint alone, and a new run in its folder would replace that.

use std::fs;
use std::path::Path;

use deltarule::{Element, Trainer, file::element_type};

use crate::failure::Failure;
use crate::report::{HISTORY, history_csv};
use crate::resume::{CHECKPOINT, Origin};
use crate::say::counted;

/// What is known of it.
struct Unfinished {
    /// The whole ones.
    epochs: u64,
    /// Its checkpoint says which rows it learns from.
    can_go_on: bool,
}

/// Refuses to begin anew where such a run is; `model` is the file of the folder that a run leaves its model in.
pub(crate) fn refuse_to_replace(folder: &Path, model: &Path) -> Result<(), Failure> {
    let path = folder.join(CHECKPOINT);
    let found = match element_type(&path).as_deref() {
        Ok("F64") => unfinished::<f64>(&path, folder, model),
        Ok(_) => unfinished::<f32>(&path, folder, model),
        // There is no run, or none that can be read.
        Err(_) => None,
    };
    let Some(Unfinished { epochs, can_go_on }) = found else { return Ok(()) };
    Err(Failure::Misuse(format!(
        "--out {}: here is a run that has not come to its end, after {}; {}to begin anew, name another folder, or remove {}",
        folder.display(),
        counted(epochs, "whole epoch", "whole epochs"),
        if can_go_on { "--resume goes on with it; " } else { "" },
        path.display()
    )))
}

/// The stored run, if it has learnt anything that no other file of its folder has.
fn unfinished<T: Element>(path: &Path, folder: &Path, model: &Path) -> Option<Unfinished> {
    let trainer = Trainer::<T>::load(path).ok()?;
    let origin = Origin::noted(trainer.note());
    let epochs = trainer.history().len() as u64;
    let is_within_epoch = origin.as_ref().is_some_and(|origin| trainer.samples() > epochs * origin.train as u64);
    let has_ended = fs::read(model).is_ok_and(|found| found == trainer.model().to_bytes())
        || is_told_in_history(&trainer, is_within_epoch, folder);
    (trainer.samples() > 0 && !has_ended).then_some(Unfinished { epochs, can_go_on: origin.is_some() })
}

/// Whether a run that ended has told of all these epochs, as it does at its end: its model may have been moved since, or its last checkpoint not been
/// written.
fn is_told_in_history<T: Element>(trainer: &Trainer<T>, is_within_epoch: bool, folder: &Path) -> bool {
    let Ok(told) = fs::read_to_string(folder.join(HISTORY)) else { return false };
    // The first line has names, of which one is the data's.
    let own = history_csv(trainer.history(), "");
    let (mut told, own) = (told.lines().skip(1), own.lines().skip(1));
    let is_begun = !trainer.history().is_empty();
    is_begun && own.into_iter().all(|line| told.next() == Some(line)) && (!is_within_epoch || told.next().is_some())
}
