//! `report.json` and `history.csv`: what a run was, how it went, and how good its model is.

use deltarule::{Element, Evaluation, Isa, Named, Plan, Record, Rule, Trainer};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::arguments::TrainArguments;
use crate::choice::ScheduleChoice;
use crate::data::Dataset;
use crate::machine::threads;
use crate::part_report::PartReport;
use crate::parts::Evaluations;
use crate::positive::Positive;
use crate::say::{counted, duration};
use crate::settings::Settings;

/// The report, in the folder of results.
pub(crate) const REPORT: &str = "report.json";

/// The table of the epochs, beside it.
pub(crate) const HISTORY: &str = "history.csv";

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
        let epochs = counted(self.epochs as u64, "epoch", "epochs");
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
