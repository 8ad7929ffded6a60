//! `report.json` and `history.csv`: what a run was, how it went, and how good its model is.

use deltarule::{Element, Evaluation, Isa, Named, Plan, Record, Rule, Scores, Trainer};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::arguments::TrainArguments;
use crate::choice::ScheduleChoice;
use crate::data::Dataset;
use crate::data::words::clip;
use crate::parts::Evaluations;
use crate::positive::Positive;
use crate::say::{duration, short};
use crate::settings::{Settings, threads};

/// The report, in the folder of results.
pub(crate) const REPORT: &str = "report.json";

/// The table of the epochs, beside it.
pub(crate) const HISTORY: &str = "history.csv";

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
        text += &format!("{name:<12}{:>8}", crate::say::grouped(part.rows as u64));
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

/// The settings that are looked up when a run is to be repeated. Entries that do not apply are left out.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FurtherSettings {
    /// The name of the target's column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Columns that were left out, as they were named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
    /// How the first weights were drawn; not known of a run that was resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<String>,
    /// Epochs over which the rate rose.
    pub warm_up: f64,
    /// Epochs without improvement that were borne; `null` for any number.
    pub patience: Option<u64>,
    /// Epochs gone through at most.
    pub most_epochs: u64,
    /// The share of the test part, where the data has none of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_split: Option<f64>,
    /// The share of the other rows that chose the epoch.
    pub val_split: f64,
    /// Those of the update rule, by name.
    #[serde(flatten)]
    pub rule: Map<String, Value>,
}

impl FurtherSettings {
    /// Those of a run on `data` by `plan`, which a resumed run brings along.
    pub(crate) fn of(arguments: &TrainArguments, settings: &Settings, data: &Dataset, plan: &Plan) -> Self {
        Self {
            target: Some(data.target_name.clone()).filter(|name| !name.is_empty()),
            dropped: arguments.reading.drop.clone(),
            init: init(arguments),
            warm_up: plan.schedule.warm_up,
            patience: patience(plan),
            most_epochs: plan.epochs,
            test_split: data.official_test.is_none().then_some(settings.fractions.test),
            val_split: settings.fractions.validation,
            rule: rule_numbers(plan.optimiser.rule),
        }
    }
}

/// The numbers of a rule by name, its betas together as `torch.optim` takes them.
fn rule_numbers(rule: Rule) -> Map<String, Value> {
    let (betas, others): (Vec<_>, Vec<_>) =
        rule.numbers().into_iter().partition(|(number, _)| number.name.starts_with("beta"));
    let mut numbers: Map<_, _> = others.into_iter().map(|(number, value)| (number.name.into(), json!(value))).collect();
    if !betas.is_empty() {
        numbers.insert("betas".into(), betas.into_iter().map(|(_, value)| value).collect());
    }
    numbers
}

/// How the first weights are drawn, where this run draws them: a name of the command line, or `suited` to each layer's activation.
pub(crate) fn init(arguments: &TrainArguments) -> Option<String> {
    let name = arguments.init.map_or_else(|| "suited".to_string(), |init| init.to_string());
    (!arguments.resume).then_some(name)
}

/// The patience that can end a run.
pub(crate) fn patience(plan: &Plan) -> Option<u64> {
    plan.early_stopping.map(|early| early.patience).filter(|&epochs| epochs < u64::MAX)
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
    /// What was done about a loss or gradient that was not finite.
    pub non_finite: &'static str,
    /// Batches without an update for that.
    pub skipped: u64,
    /// Rows in a batch.
    pub batch: usize,
    /// Epochs gone through.
    pub epochs: usize,
    /// The epoch whose weights were kept because it was the best, from 1; `null` where the last were kept.
    pub best_epoch: Option<usize>,
    /// Why it ended.
    pub finish: &'static str,
    /// Whether inputs were standardised.
    pub standardised: bool,
    /// What else it was told.
    #[serde(flatten)]
    pub further: FurtherSettings,
    /// What everything random followed from.
    pub seed: u64,
    /// The number type.
    pub dtype: &'static str,
    /// The instruction set in use.
    pub isa: String,
    /// Threads allowed.
    pub threads: usize,
    /// Epochs that had ended when the run went on, which `seconds` does not count; not of a run that never stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs_before: Option<usize>,
    /// Time of the training since its start, or since it went on, without loading and reporting.
    pub seconds: f64,
    /// Rows learnt from a second.
    pub samples_per_second: f64,
}

/// How the learning ended, and what it took.
pub(crate) struct Ending {
    /// Why it ended.
    pub finish: &'static str,
    /// Epochs that had ended before, of a run that went on.
    pub epochs_before: Option<usize>,
    /// How long it took since.
    pub seconds: f64,
    /// Rows learnt from in that time, each as often as it was.
    pub rows: u64,
}

impl Report {
    /// The report of a run that has ended.
    pub(crate) fn of<T: Element>(
        arguments: &TrainArguments,
        settings: &Settings,
        data: &Dataset,
        trainer: &Trainer<T>,
        evaluations: &Evaluations,
        ending: Ending,
    ) -> Self {
        let (model, plan, history) = (trainer.model(), trainer.plan(), trainer.history());
        let of = |evaluation: &Evaluation| PartReport::of(evaluation, Positive::usual(data.class_names()));
        Self {
            data: data.name.clone(),
            task: settings.task.name(),
            train: of(&evaluations.train),
            validation: evaluations.validation.as_ref().map(of),
            test: evaluations.test.as_ref().map(of),
            layers: model.widths(),
            parameters: model.parameters(),
            activation: model.hidden().to_string(),
            output: model.output().to_string(),
            loss: plan.loss.name(),
            optimizer: plan.optimiser.rule.name(),
            lr: plan.optimiser.rate,
            schedule: ScheduleChoice::name_of(plan.schedule),
            l2: plan.optimiser.l2,
            clip: plan.clip_norm,
            non_finite: plan.non_finite.name(),
            skipped: history.iter().map(|record| record.skipped).sum(),
            batch: plan.batch,
            epochs: history.len(),
            best_epoch: trainer.best_epoch().map(|epoch| epoch as usize + 1),
            finish: ending.finish,
            standardised: model.about().inputs.is_some(),
            further: FurtherSettings::of(arguments, settings, data, plan),
            seed: plan.seed,
            dtype: T::NAME,
            isa: Isa::current().to_string(),
            threads: threads(arguments.threads),
            epochs_before: ending.epochs_before,
            seconds: ending.seconds,
            samples_per_second: ending.rows as f64 / ending.seconds.max(1e-9),
        }
    }

    /// How many epochs there were, and how long they took, as far as that is known.
    pub(crate) fn span(&self) -> String {
        let epochs = if self.epochs == 1 { "1 epoch".to_string() } else { format!("{} epochs", self.epochs) };
        let time = duration(self.seconds);
        match self.epochs_before {
            None => format!("{epochs} in {time}"),
            Some(_) => format!("{epochs}, {time} since the run went on"),
        }
    }
}

/// [`HISTORY`]: a line an epoch.
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
