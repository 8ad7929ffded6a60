//! How a model does on one part of the data: its entries in a report, and as a line of a table.

use deltarule::{Evaluation, Scores};
use serde::Serialize;

use crate::data::words::clip;
use crate::positive::Positive;
use crate::say::{grouped, short};

/// How a model does on one part of the data. Entries that do not apply are left out.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PartReport {
    /// Rows of the part.
    pub rows: usize,
    /// Mean loss a row; for numbers, of the standardised target.
    pub loss: f64,
    /// Share of rows that got their class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// The positive one of two classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positive_class: Option<String>,
    /// Of the positive class, or the mean over classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<f64>,
    /// Of the positive class, or the mean over classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recall: Option<f64>,
    /// Of the positive class, or the mean over classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub f1: Option<f64>,
    /// Area under the ROC curve, whichever class is the positive one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roc_auc: Option<f64>,
    /// Share of the variance that is explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r2: Option<f64>,
    /// Root of the mean squared error, in the target's unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rmse: Option<f64>,
    /// Mean absolute error, in the target's unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mae: Option<f64>,
}

impl PartReport {
    /// The report of an evaluation, in which one of two classes is positive.
    pub(crate) fn of(evaluation: &Evaluation, positive: Option<Positive>) -> Self {
        let mut report = Self {
            rows: evaluation.rows,
            loss: evaluation.loss,
            accuracy: None,
            positive_class: None,
            precision: None,
            recall: None,
            f1: None,
            roc_auc: None,
            r2: None,
            rmse: None,
            mae: None,
        };
        match &evaluation.scores {
            Scores::Classes(scores) => {
                report.accuracy = Some(scores.accuracy);
                let overall = positive.map_or(scores.overall, |positive| scores.per_class[positive.class]);
                report.positive_class = positive.map(|positive| positive.name.to_string());
                report.precision = Some(overall.precision);
                report.recall = Some(overall.recall);
                report.f1 = Some(overall.f1);
                report.roc_auc = scores.roc_auc;
            }
            Scores::Values(scores) => {
                report.r2 = Some(scores.r2);
                report.rmse = Some(scores.rmse);
                report.mae = Some(scores.mae);
            }
            _ => report.accuracy = Some(evaluation.score()),
        }
        report
    }

    /// Whether the loss and all scores are finite. Then so are the outputs: one that is NaN or infinite makes the loss so, and one that is only once
    /// it is on the target's scale, the errors.
    pub(crate) fn is_finite(&self) -> bool {
        self.entries().iter().all(|(_, value)| value.is_finite())
    }

    /// Names and values of the entries that apply, for a table.
    pub(crate) fn entries(&self) -> Vec<(&'static str, f64)> {
        let all = [
            ("loss", Some(self.loss)),
            ("accuracy", self.accuracy),
            ("f1", self.f1),
            ("roc auc", self.roc_auc),
            ("r2", self.r2),
            ("rmse", self.rmse),
            ("mae", self.mae),
        ];
        all.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect()
    }
}

/// A table with a line for each part and a column for each entry, and which class they are about.
pub(crate) fn table(parts: &[(&str, &PartReport)]) -> String {
    let mut text = format!("{:<12}{:>8}", "", "rows");
    let Some((_, first)) = parts.first() else { return String::new() };
    for (name, _) in first.entries() {
        text += &format!("{name:>11}");
    }
    text.push('\n');
    for (name, part) in parts {
        text += &format!("{name:<12}{:>8}", grouped(part.rows as u64));
        for (_, value) in part.entries() {
            text += &format!("{:>11}", short(value));
        }
        text.push('\n');
    }
    if first.f1.is_some() {
        text += &f1_is_of(first.positive_class.as_deref());
    }
    text
}

/// What is said below a table with F1: the name of the positive class, if one of them is.
pub(crate) fn f1_is_of(positive: Option<&str>) -> String {
    match positive {
        Some(class) => format!("f1 is that of the class {}\n", clip(class)),
        None => "f1 is the mean over the classes\n".to_string(),
    }
}
