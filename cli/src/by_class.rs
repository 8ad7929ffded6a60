//! What `eval` tells of every class by itself: its scores, and which class was taken for which.

use deltarule::metrics::ClassScore;
use deltarule::{Evaluation, Scores};
use serde::Serialize;

use crate::data::words::clip_to;
use crate::outcome::cells;
use crate::say::{grouped, short};

/// Classes that the table of scores shows at most.
const MOST_LINES: usize = 40;

/// Classes whose mistakes are shown at most: more would not stand beside each other.
const MOST_ACROSS: usize = 12;

/// Letters of a name in a table.
const LONGEST_NAME: usize = 20;

/// Scores and mistakes, class by class.
#[derive(Debug, Serialize)]
pub(crate) struct ByClass {
    /// All classes of the model, in its order.
    classes: Vec<OfClass>,
    /// The mean over those that occur, in truth or in an answer.
    macro_average: Entries,
    /// Rows by true class, then by the class that they were taken for; left out where classes are too many for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    confusion: Option<Vec<Vec<u64>>>,
}

/// One class.
#[derive(Debug, Serialize)]
struct OfClass {
    class: String,
    #[serde(flatten)]
    entries: Entries,
}

/// Its scores.
#[derive(Clone, Copy, Debug, Serialize)]
struct Entries {
    precision: f64,
    recall: f64,
    f1: f64,
    /// Rows that are of it.
    support: u64,
}

impl Entries {
    fn of(score: ClassScore) -> Self {
        Self { precision: score.precision, recall: score.recall, f1: score.f1, support: score.support }
    }
}

impl ByClass {
    /// What an evaluation says of classes of these names, if it is about classes.
    pub(crate) fn of(evaluation: &Evaluation, names: &[String]) -> Option<Self> {
        let Scores::Classes(scores) = &evaluation.scores else { return None };
        let entries = scores.per_class.iter().copied().map(Entries::of);
        let cells = cells(&scores.confusion, names.len());
        Some(Self {
            classes: names.iter().cloned().zip(entries).map(|(class, entries)| OfClass { class, entries }).collect(),
            macro_average: Entries::of(scores.macro_average),
            confusion: cells.map(|cells| cells.chunks(names.len().max(1)).map(<[u64]>::to_vec).collect()),
        })
    }

    /// The same for people.
    pub(crate) fn table(&self) -> String {
        let names: Vec<String> =
            self.classes.iter().take(MOST_LINES).map(|of| clip_to(&of.class, LONGEST_NAME)).collect();
        let mean = "mean over classes";
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(mean.len()) + 2;
        let mut text = format!("{:<width$}{:>8}{:>11}{:>11}{:>11}\n", "class", "rows", "precision", "recall", "f1");
        for (name, of) in names.iter().zip(&self.classes) {
            text += &line(name, of.entries, width);
        }
        if self.classes.len() > names.len() {
            text += &format!("and {} more, which --json has\n", self.classes.len() - names.len());
        }
        text += &line(mean, self.macro_average, width);
        if let Some(confusion) = self.confusion.as_ref().filter(|_| self.classes.len() <= MOST_ACROSS) {
            text += &mistakes(confusion, &names, width);
        }
        text
    }
}

fn line(name: &str, entries: Entries, width: usize) -> String {
    let [precision, recall, f1] = [entries.precision, entries.recall, entries.f1].map(short);
    format!("{name:<width$}{:>8}{precision:>11}{recall:>11}{f1:>11}\n", grouped(entries.support))
}

/// A line a true class, a column for each that its rows were taken for.
fn mistakes(confusion: &[Vec<u64>], names: &[String], width: usize) -> String {
    let mut text = format!("\n{:<width$}", "true, taken for");
    let widths: Vec<usize> = names.iter().map(|name| name.chars().count().max(6) + 2).collect();
    for (name, across) in names.iter().zip(&widths) {
        text += &format!("{name:>across$}");
    }
    text.push('\n');
    for (name, counts) in names.iter().zip(confusion) {
        text += &format!("{name:<width$}");
        for (count, across) in counts.iter().zip(&widths) {
            text += &format!("{:>across$}", grouped(*count));
        }
        text.push('\n');
    }
    text
}
