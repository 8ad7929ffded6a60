//! A run that has not come to its end: what it has learnt is in its checkpoint alone, and a new run in its folder would replace that.

use std::fs;
use std::io::ErrorKind::NotFound;
use std::path::Path;

use deltarule::file::{FileError, element_type};
use deltarule::{Element, Error, Trainer};

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

/// Refuses to begin anew where such a run is, or where the system does not let it be looked for; `model` is the file of the folder that a run leaves
/// its model in.
pub(crate) fn refuse_to_replace(folder: &Path, model: &Path) -> Result<(), Failure> {
    let path = folder.join(CHECKPOINT);
    let found = match if_there(element_type(&path))?.as_deref() {
        Some("F64") => unfinished::<f64>(&path, folder, model)?,
        Some(_) => unfinished::<f32>(&path, folder, model)?,
        None => None,
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

/// What a file has, if there is one and it makes sense: what cannot be read for another reason may be a run all the same.
fn if_there<V>(read: Result<V, Error>) -> Result<Option<V>, Failure> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(Error::File { path, problem: FileError::Io(error) }) if error.kind() != NotFound => {
            Err(Failure::file(&path)(error))
        }
        Err(_) => Ok(None),
    }
}

/// The stored run, if it has learnt anything that no other file of its folder has.
fn unfinished<T: Element>(path: &Path, folder: &Path, model: &Path) -> Result<Option<Unfinished>, Failure> {
    let Some(trainer) = if_there(Trainer::<T>::load(path))? else { return Ok(None) };
    let origin = Origin::noted(trainer.note());
    let epochs = trainer.history().len() as u64;
    let is_within_epoch = origin.as_ref().is_some_and(|origin| trainer.samples() > epochs * origin.train as u64);
    let is_its_model = match fs::read(model) {
        Ok(found) => found == trainer.model().to_bytes(),
        Err(error) if error.kind() == NotFound => false,
        Err(error) => return Err(Failure::file(model)(error)),
    };
    let has_ended = is_its_model || is_told_in_history(&trainer, is_within_epoch, folder);
    Ok((trainer.samples() > 0 && !has_ended).then_some(Unfinished { epochs, can_go_on: origin.is_some() }))
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
