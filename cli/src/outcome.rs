//! The files that a run leaves beside its model: numbers and pictures.

use std::path::{Path, PathBuf};

use deltarule::file::write_atomically;
use deltarule::metrics::Confusion;
use deltarule::{Evaluation, Record, Scores};

use crate::data::{Dataset, Task};
use crate::failure::Failure;
use crate::parts::Evaluations;
use crate::picture::{ConfusionPicture, CurvePicture, Panel, PngError, Scene, Series};
use crate::picture_file::Form;
use crate::report::{HISTORY, REPORT, Report, history_csv};
use crate::say::grouped;

/// Of more classes there is no picture: it has a cell for every pair of them, which nobody could see, and memory could not hold.
const MOST_CLASSES: usize = 1000;

/// A run, looked back at.
pub(crate) struct Outcome<'a> {
    /// What it learnt from.
    pub data: &'a Dataset,
    /// What kind of answer it learnt.
    pub task: Task,
    /// Every epoch.
    pub history: &'a [Record],
    /// What came of it.
    pub evaluations: &'a Evaluations,
    /// The same, to be written.
    pub report: &'a Report,
}

impl Outcome<'_> {
    /// Writes everything but the model; the paths written.
    pub(crate) fn write(&self, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
        let mut json = serde_json::to_string_pretty(self.report).map_err(|error| Failure::Other(error.to_string()))?;
        json.push('\n');
        let mut files = vec![
            write(folder, REPORT, json.as_bytes())?,
            write(folder, HISTORY, history_csv(self.history, self.task.metric()).as_bytes())?,
        ];
        files.extend(write_scene(folder, "loss", &self.curves().draw())?);
        if let Some(picture) = confusion(&self.data.name, self.data.class_names(), self.evaluations.telling()) {
            files.extend(write_scene(folder, "confusion", &picture.draw())?);
        } else {
            forget(folder, ["confusion.svg", "confusion.png"])?;
        }
        Ok(files)
    }

    fn curves(&self) -> CurvePicture {
        let (part, evaluation) = self.evaluations.telling();
        let regression = self.task == Task::Regression;
        let result = match regression {
            true => format!("R² {:.3}", evaluation.score()),
            false => format!("accuracy {:.1} %", 100.0 * evaluation.score()),
        };
        let column = |value: fn(&Record) -> Option<f64>| -> Vec<f64> {
            self.history.iter().map(|record| value(record).unwrap_or(f64::NAN)).collect()
        };
        let validated = self.evaluations.validation.is_some();
        let mut losses = vec![(Series::Train, column(|record| Some(record.loss)))];
        let mut panels = Vec::new();
        if validated {
            losses.push((Series::Validation, column(|record| record.validation_loss)));
            panels.push(Panel {
                name: if regression { "R²" } else { "Accuracy" }.to_string(),
                curves: vec![(Series::Validation, column(|record| record.validation_score))],
                is_loss: false,
                limits: Some(if regression { (-0.25, 1.0) } else { (0.0, 1.0) }),
            });
        }
        panels.insert(0, Panel { name: "Loss".to_string(), curves: losses, is_loss: true, limits: None });
        CurvePicture {
            title: format!("{} — {part} {result}", self.data.name),
            subtitle: self.subtitle(),
            panels,
            best_epoch: self.report.best_epoch,
        }
    }

    fn subtitle(&self) -> String {
        let report = self.report;
        let widths: Vec<String> = report.layers.iter().map(usize::to_string).collect();
        format!(
            "{} · {} · {} · {} · seed {} · {}",
            widths.join(" → "),
            report.activation,
            report.loss,
            report.optimizer,
            report.seed,
            report.span()
        )
    }
}

/// Removes pictures that an earlier run left and this one does not make, lest they be taken for its own.
fn forget(folder: &Path, names: [&str; 2]) -> Result<(), Failure> {
    for path in names.map(|name| folder.join(name)) {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Failure::file(&path)(error)),
            _ => {}
        }
    }
    Ok(())
}

/// The picture of a confusion matrix, if the evaluation has one that can be seen.
fn confusion(data: &str, classes: &[String], (part, evaluation): (&str, &Evaluation)) -> Option<ConfusionPicture> {
    let Scores::Classes(scores) = &evaluation.scores else { return None };
    let n = classes.len();
    let counts = cells(&scores.confusion, n)?;
    let right: u64 = (0..n).map(|class| counts[class * (n + 1)]).sum();
    Some(ConfusionPicture {
        title: format!("{data} — confusion on the {part} part"),
        subtitle: format!(
            "{} of {} right · accuracy {:.1} %",
            grouped(right),
            grouped(evaluation.rows as u64),
            100.0 * scores.accuracy
        ),
        classes: classes.to_vec(),
        counts,
    })
}

/// The counts of all pairs of classes, true class by true class, if there are so few that they can be seen.
pub(crate) fn cells(confusion: &Confusion, classes: usize) -> Option<Vec<u64>> {
    let pair = |index: usize| confusion.get(index / classes, index % classes);
    (classes <= MOST_CLASSES).then(|| (0..classes * classes).map(pair).collect())
}

/// Writes a picture as SVG and as PNG.
pub(crate) fn write_scene(folder: &Path, stem: &str, scene: &Scene) -> Result<Vec<PathBuf>, Failure> {
    // All are painted before the first is written.
    let painted: Result<Vec<_>, PngError> =
        Form::ALL.iter().map(|form| Ok((form.ending(), form.bytes(scene)?))).collect();
    painted?.iter().map(|(ending, bytes)| write(folder, &format!("{stem}.{ending}"), bytes)).collect()
}

/// Writes one file, whole.
pub(crate) fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
    let path = folder.join(name);
    write_atomically(&path, bytes).map_err(Failure::file(&path))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_a_cell_for_every_pair_only_where_there_are_few() {
        for (count, seen) in [(2, true), (MOST_CLASSES, true), (MOST_CLASSES + 1, false), (3_000_000, false)] {
            let cells = cells(&Confusion::of(&[0, 1], &[1, 1], count), count);
            assert_eq!(cells.map(|cells| cells.len()), seen.then(|| count * count), "{count} classes");
        }
    }
}
