//! `report.json` and `history.csv`: what a run was, how it went, and how good its model is.

use deltarule::{Evaluation, Record, Scores};
use serde::Serialize;

use crate::say::short;

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
    /// Of the positive class, or the mean over classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<f64>,
    /// Of the positive class, or the mean over classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recall: Option<f64>,
    /// Of the positive class, or the mean over classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub f1: Option<f64>,
    /// Area under the ROC curve.
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
    /// The report of an evaluation.
    pub(crate) fn of(evaluation: &Evaluation) -> Self {
        let mut report = Self {
            rows: evaluation.rows,
            loss: evaluation.loss,
            accuracy: None,
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
                report.precision = Some(scores.overall.precision);
                report.recall = Some(scores.overall.recall);
                report.f1 = Some(scores.overall.f1);
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

/// A table with a line for each part and a column for each entry.
pub(crate) fn table(parts: &[(&str, &PartReport)]) -> String {
    let mut text = format!("{:<12}{:>8}", "", "rows");
    let Some((_, first)) = parts.first() else { return String::new() };
    for (name, _) in first.entries() {
        text += &format!("{name:>11}");
    }
    text.push('\n');
    for (name, part) in parts {
        text += &format!("{name:<12}{:>8}", crate::say::grouped(part.rows as u64));
        for (_, value) in part.entries() {
            text += &format!("{:>11}", short(value));
        }
        text.push('\n');
    }
    text
}

/// Everything about a run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// The data set's name.
    pub data: String,
    /// `classes`, `binary` or `regression`.
    pub task: &'static str,
    /// On the rows it learnt from.
    pub train: PartReport,
    /// On the rows that chose the epoch.
    pub validation: Option<PartReport>,
    /// On rows that nothing has seen.
    pub test: Option<PartReport>,
    /// Inputs, hidden layers, outputs.
    pub layers: Vec<usize>,
    /// Weights and biases.
    pub parameters: usize,
    /// Of the hidden layers.
    pub activation: String,
    /// Of the last layer.
    pub output: String,
    /// What was minimised.
    pub loss: &'static str,
    /// The update rule.
    pub optimizer: &'static str,
    /// Its rate.
    pub lr: f64,
    /// How the rate changed.
    pub schedule: String,
    /// The penalty or decay.
    pub l2: f64,
    /// The largest norm of a gradient.
    pub clip: Option<f64>,
    /// Rows in a batch.
    pub batch: usize,
    /// Epochs gone through.
    pub epochs: usize,
    /// The epoch whose weights were kept, from 1.
    pub best_epoch: Option<usize>,
    /// Why it ended.
    pub finish: &'static str,
    /// Whether inputs were standardised.
    pub standardised: bool,
    /// What everything random followed from.
    pub seed: u64,
    /// The number type.
    pub dtype: &'static str,
    /// The instruction set in use.
    pub isa: String,
    /// Threads allowed.
    pub threads: usize,
    /// Time of the training, without loading and reporting.
    pub seconds: f64,
    /// Rows learnt from a second.
    pub samples_per_second: f64,
}

/// `history.csv`: a line an epoch.
pub(crate) fn history_csv(history: &[Record], metric: &str) -> String {
    let mut text = format!("epoch,learning_rate,train_loss,validation_loss,validation_{metric}\n");
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    for record in history {
        text += &format!(
            "{},{},{},{},{}\n",
            record.epoch + 1,
            record.rate,
            record.loss,
            number(record.validation_loss),
            number(record.validation_score)
        );
    }
    text
}
