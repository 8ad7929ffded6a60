//! The settings of a run: what the user said, and for the rest what the kind of data calls for.
//!
//! The defaults were chosen by the validation part alone, as means over seeds; the test part had no say.

use deltarule::{Activation, EarlyStopping, Init, Loss, Named, Optimiser, Output, Plan, Rule, Schedule};

use crate::arguments::{Patience, TrainArguments, Widths};
use crate::choice::ScheduleChoice;
use crate::data::{Dataset, Features, Fractions, Task, USUAL_TEST_SHARE};
use crate::failure::Failure;
use crate::machine::threads;

/// Tables with fewer rows than this are small: they take small batches and many epochs.
const SMALL: usize = 10_000;

/// Everything that decides a run, besides the data and the number type.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// What kind of answer is learnt.
    pub task: Task,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Their activation.
    pub activation: Activation,
    /// How weights are drawn, if not as suits the activation.
    pub init: Option<Init>,
    /// What the last layer's `z` becomes.
    pub output: Output,
    /// Whether input columns are brought to mean 0 and deviation 1.
    pub standardise: bool,
    /// How the data is divided.
    pub fractions: Fractions,
    /// What the trainer is told.
    pub plan: Plan,
}

/// What the kind of data calls for.
struct Defaults {
    hidden: &'static [usize],
    rule: Rule,
    rate: f64,
    l2: f64,
    schedule: ScheduleChoice,
    epochs: u64,
    batch: usize,
    patience: Option<u64>,
    validation: f64,
}

impl Defaults {
    fn suited_to(task: Task, rows: usize) -> Self {
        let small = Self {
            hidden: &[32],
            rule: Rule::ADAMW,
            rate: 2e-3,
            // A penalty is a prior opinion; the more rows there are, the less it should count.
            l2: (400.0 / rows as f64).clamp(0.01, 1.0),
            schedule: ScheduleChoice::Cosine,
            epochs: 120,
            batch: 32,
            patience: None,
            validation: 0.15,
        };
        match task {
            _ if rows >= SMALL => Self { hidden: &[256], epochs: 20, validation: 0.1, ..small },
            Task::Classes(_) => Self { hidden: &[256], epochs: 100, batch: 16, ..small },
            Task::Binary => Self { epochs: 60, ..small },
            Task::Regression => small,
        }
    }
}

impl Settings {
    /// Settles every setting for `data`.
    pub(crate) fn new(arguments: &TrainArguments, data: &Dataset) -> Result<Self, Failure> {
        let Some(task) = data.task() else {
            return Err(Failure::Misuse(format!("{}: there is no target to learn", data.name)));
        };
        let defaults = Defaults::suited_to(task, data.rows);
        let hidden = arguments.hidden.as_ref().map_or(defaults.hidden.to_vec(), |Widths(widths)| widths.clone());
        if hidden.is_empty() && arguments.activation.is_some() {
            let what = "is for hidden layers, of which --hidden none leaves none; leave one of both out";
            return Err(Failure::Misuse(format!("--activation {what}")));
        }
        let loss = loss_for(task, arguments.loss)?;
        let epochs = arguments.epochs.unwrap_or(defaults.epochs);
        let schedule_name = arguments.schedule.unwrap_or(defaults.schedule);
        let rule = arguments.optimizer.unwrap_or(defaults.rule);
        let fractions = Fractions {
            test: arguments.test_split.unwrap_or(USUAL_TEST_SHARE),
            validation: arguments.val_split.unwrap_or(defaults.validation),
        };
        let patience = arguments.patience.map_or(defaults.patience, |Patience(patience)| patience);
        let plan = plan(arguments, &defaults, loss, rule, schedule(arguments, schedule_name, epochs), epochs);
        Ok(Self {
            task,
            hidden,
            activation: arguments.activation.unwrap_or(Activation::Relu),
            init: arguments.init,
            output: output_for(task, loss),
            standardise: arguments.standardise.unwrap_or(matches!(data.features, Features::Floats(_))),
            fractions,
            plan: Plan { early_stopping: early_stopping(patience, fractions.validation > 0.0), ..plan },
        })
    }
}

fn plan(
    arguments: &TrainArguments,
    defaults: &Defaults,
    loss: Loss,
    rule: Rule,
    schedule: Schedule,
    epochs: u64,
) -> Plan {
    let mut plan = Plan::new(loss)
        .optimiser(optimiser(arguments, defaults, rule))
        .schedule(schedule)
        .epochs(epochs)
        .batch(arguments.batch.unwrap_or(defaults.batch))
        .seed(arguments.seed.unwrap_or(1))
        .threads(threads(arguments.threads));
    if let Some(norm) = arguments.clip {
        plan = plan.clip_norm(norm);
    }
    if let Some(policy) = arguments.non_finite {
        plan = plan.non_finite(policy);
    }
    plan
}

/// The best epoch is kept where rows that were not learnt from say which that is. The mean loss of the rows that are learnt, which is
/// measured while the weights still change, is only trusted with it where the user sets a patience.
fn early_stopping(patience: Option<u64>, is_validated: bool) -> Option<EarlyStopping> {
    let kept = |patience| Some(EarlyStopping { patience, min_improvement: 0.0 });
    match patience {
        Some(patience) => kept(patience),
        None if is_validated => kept(u64::MAX),
        None => None,
    }
}

/// The default rate and penalty were chosen for the default rule, whatever its numbers; another rule starts from its own.
fn optimiser(arguments: &TrainArguments, defaults: &Defaults, rule: Rule) -> Optimiser {
    let mut optimiser = Optimiser::usual(rule);
    if rule.name() == defaults.rule.name() {
        optimiser = optimiser.rate(defaults.rate).l2(defaults.l2);
    }
    if let Some(rate) = arguments.lr {
        optimiser = optimiser.rate(rate);
    }
    if let Some(l2) = arguments.l2 {
        optimiser = optimiser.l2(l2);
    }
    optimiser
}

fn schedule(arguments: &TrainArguments, name: ScheduleChoice, epochs: u64) -> Schedule {
    let schedule = name.schedule(epochs);
    arguments.warm_up.map_or(schedule, |epochs| schedule.warm_up(epochs))
}

/// The loss asked for, if it can measure the task; else the task's own.
fn loss_for(task: Task, wanted: Option<Loss>) -> Result<Loss, Failure> {
    let usual = match task {
        Task::Binary => Loss::LogLoss,
        Task::Classes(_) => Loss::CrossEntropy,
        Task::Regression => Loss::SquaredError,
    };
    let Some(wanted) = wanted else { return Ok(usual) };
    match (task, wanted) {
        (Task::Regression, Loss::LogLoss | Loss::CrossEntropy) => Err(Failure::Misuse(format!(
            "--loss {wanted} measures classes, but the target is a number; use squared-error or half-squared-error, \
             or --task classification"
        ))),
        _ => Ok(wanted),
    }
}

/// Squared errors and log loss on classes look at probabilities, so their outputs are sigmoids.
fn output_for(task: Task, loss: Loss) -> Output {
    match (task, loss) {
        (Task::Regression, _) => Output::Linear,
        (_, Loss::CrossEntropy) => Output::Softmax,
        _ => Output::Sigmoid,
    }
}

/// Outputs of the network: one a class, but a single sigmoid serves two.
pub(crate) fn outputs(task: Task, output: Output) -> usize {
    match (task, output) {
        (Task::Regression, _) => 1,
        (Task::Binary, Output::Softmax) => 2,
        (Task::Binary, _) => 1,
        (Task::Classes(classes), _) => classes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever changes one of these changes every run that leaves it to the program.
    #[test]
    fn defaults_follow_the_task_and_the_rows() {
        let (classes, binary, regression) = (Task::Classes(3), Task::Binary, Task::Regression);
        let cases = [
            (classes, 100, [256], 100, 16, 1.0, 0.15),
            (classes, 1797, [256], 100, 16, 400.0 / 1797.0, 0.15),
            (binary, 9_999, [32], 60, 32, 400.0 / 9_999.0, 0.15),
            (regression, 9_999, [32], 120, 32, 400.0 / 9_999.0, 0.15),
            (regression, 10_000, [256], 20, 32, 0.04, 0.1),
            (binary, 20_000, [256], 20, 32, 0.02, 0.1),
            (classes, 60_000, [256], 20, 32, 0.01, 0.1),
        ];
        for (task, rows, hidden, epochs, batch, l2, validation) in cases {
            let found = Defaults::suited_to(task, rows);
            assert_eq!(
                (found.hidden, found.epochs, found.batch),
                (&hidden[..], epochs, batch),
                "{task:?}, {rows} rows"
            );
            assert_eq!((found.l2, found.validation), (l2, validation), "{task:?}, {rows} rows");
            assert_eq!((found.rule, found.rate, found.patience), (Rule::ADAMW, 2e-3, None));
            assert_eq!(found.schedule, ScheduleChoice::Cosine);
        }
    }
}
