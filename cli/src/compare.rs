//! `deltarule compare` (S14): one network under two losses, side by side.
//!
//! The same two-layer network with sigmoid outputs learns the same rows in the same order from the same first weights,
//! once with squared error (whose gradient at the output has the factor σ′) and once with log loss (whose gradient does
//! not). Both are then measured alike, as means over several seeds.

use std::ops::ControlFlow;

use deltarule::{
    Dataset as Rows, Evaluation, Loss, Mlp, Optimiser, Output, Plan, Record, Scores, Scratch, Standardisation, Trainer,
};
use serde::Serialize;

use crate::arguments::CompareArguments;
use crate::data::{Dataset, Features, Fractions, Split, Target, Task, USUAL_TEST_SHARE};
use crate::failure::Failure;
use crate::machine::threads;
use crate::out_folder::{OutFolder, refuse_to_replace_data};
use crate::outcome::{write, write_scene};
use crate::part_report::f1_is_of;
use crate::parts::{Parts, rows_of};
use crate::picture::{Comparison, Method};
use crate::positive::Positive;
use crate::say::{counted, note, say};
use crate::settings::outputs;
use crate::training_data::training_data;

/// The two methods: a name for people, and the loss. Both learn with Adam at one rate: it measures steps by the size of
/// the gradients, so that the factor σ′ ≤ ¼, which makes those of squared error smaller, does not slow it down.
const METHODS: [(&str, Loss); 2] = [("squared error", Loss::SquaredError), ("log loss", Loss::LogLoss)];

/// Dots that the picture has at most, unless a single row has more: all of Fashion-MNIST's test would be 100,000 of them, in 11 MB.
const MOST_DOTS: usize = 5000;

const FRACTIONS: Fractions = Fractions { test: USUAL_TEST_SHARE, validation: 0.15 };

/// One network trained with one loss.
struct Trained {
    model: Mlp<f32>,
    history: Vec<Record>,
    numbers: Numbers,
}

/// How it does on the test part, and how soon.
#[derive(Clone, Copy, Debug, Serialize)]
struct Numbers {
    accuracy: f64,
    f1: f64,
    roc_auc: f64,
    log_loss: f64,
    squared_error: f64,
    best_epoch: f64,
}

/// One method over all seeds.
#[derive(Clone, Debug, Serialize)]
struct Summary {
    method: &'static str,
    mean: Numbers,
    deviation: Numbers,
    runs: Vec<Numbers>,
}

/// Runs the command.
pub(crate) fn run(arguments: &CompareArguments) -> Result<(), Failure> {
    crate::machine::prepare(arguments.threads)?;
    if arguments.seeds == 0 || arguments.epochs == 0 {
        return Err(Failure::Misuse("--seeds and --epochs must be at least 1".to_string()));
    }
    let data = training_data(&arguments.data, &arguments.reading, arguments.task)?;
    if data.class_names().is_empty() {
        let what = "the target is a number; compare needs classes: say --task classification if its numbers are some";
        return Err(Failure::Misuse(format!("{}: {what}", data.name)));
    }
    refuse_to_replace_data(&arguments.out, &arguments.data, &["compare.json", "compare.svg", "compare.png"])?;
    let _folder = OutFolder::take(&arguments.out)?;

    let mut runs: [Vec<Numbers>; 2] = [Vec::new(), Vec::new()];
    let mut first = None;
    for seed in 1..=arguments.seeds {
        let split = Split::new(&data, FRACTIONS, seed)?;
        let both =
            [train(arguments, &data, &split, seed, METHODS[0])?, train(arguments, &data, &split, seed, METHODS[1])?];
        for (runs, trained) in runs.iter_mut().zip(&both) {
            runs.push(trained.numbers);
        }
        if first.is_none() {
            first = Some((split, both));
        }
    }
    let [one, two] = runs;
    let summaries = [Summary::of(METHODS[0].0, one), Summary::of(METHODS[1].0, two)];
    let Some((split, both)) = first else { return Err(Failure::Other("no seed was run".to_string())) };
    let picture = picture(arguments, &data, &split, &both, &summaries)?;
    report(arguments, &data, &summaries, &picture)
}

fn train(
    arguments: &CompareArguments,
    data: &Dataset,
    split: &Split,
    seed: u64,
    (_, loss): (&str, Loss),
) -> Result<Trained, Failure> {
    let parts = Parts::<f32>::of(data, split)?;
    let Some(test) = &parts.test else { return Err(Failure::Other("there is no test part".to_string())) };
    let outputs = outputs(data.task().unwrap_or(Task::Binary), Output::Sigmoid);
    let mut builder = Mlp::<f32>::builder(&[data.columns, arguments.hidden, outputs])
        .hidden(arguments.activation)
        .output(Output::Sigmoid)
        .seed(seed);
    if matches!(data.features, Features::Floats(_)) {
        builder = builder.standardise(Standardisation::of_inputs(&parts.train));
    }
    let plan = Plan::new(loss)
        .optimiser(Optimiser::adam())
        .epochs(arguments.epochs)
        .seed(seed)
        .patience(u64::MAX)
        .threads(threads(arguments.threads));
    let mut trainer = Trainer::new(builder.build()?, plan)?;
    parts.refuse_overflows_of_test(trainer.model())?;
    parts.fit(&mut trainer, |_| ControlFlow::Continue(()))?;
    let history = trainer.history().to_vec();
    let best_epoch = trainer.best_epoch().map_or(0, |epoch| epoch + 1);
    let model = trainer.into_model();
    let numbers = numbers(&model, test, best_epoch)?;
    if !(numbers.log_loss.is_finite() && numbers.squared_error.is_finite()) {
        parts.refuse_outputs_of_test(&model, &mut Scratch::new())?;
    }
    Ok(Trained { model, history, numbers })
}

/// Both losses of a model on the test part, whichever it learnt with: squared error as `train` and other programs count it, without the ½.
fn numbers(model: &Mlp<f32>, test: &Rows<f32>, best_epoch: u64) -> Result<Numbers, Failure> {
    let mut scratch = Scratch::new();
    let log: Evaluation = model.evaluate(Loss::LogLoss, test, &mut scratch)?;
    let squared = model.evaluate(Loss::SquaredError, test, &mut scratch)?;
    let Scores::Classes(scores) = &log.scores else {
        return Err(Failure::Other("classes have no class scores".to_string()));
    };
    Ok(Numbers {
        accuracy: scores.accuracy,
        f1: scores.overall.f1,
        roc_auc: scores.roc_auc.unwrap_or(f64::NAN),
        log_loss: log.loss,
        squared_error: squared.loss,
        best_epoch: best_epoch as f64,
    })
}

impl Numbers {
    /// Each entry made of the same entry of all runs.
    fn fold(runs: &[Numbers], make: impl Fn(&[f64]) -> f64) -> Self {
        let of = |entry: fn(&Numbers) -> f64| make(&runs.iter().map(entry).collect::<Vec<_>>());
        Self {
            accuracy: of(|n| n.accuracy),
            f1: of(|n| n.f1),
            roc_auc: of(|n| n.roc_auc),
            log_loss: of(|n| n.log_loss),
            squared_error: of(|n| n.squared_error),
            best_epoch: of(|n| n.best_epoch),
        }
    }
}

impl Summary {
    fn of(method: &'static str, runs: Vec<Numbers>) -> Self {
        Self { method, mean: Numbers::fold(&runs, mean), deviation: Numbers::fold(&runs, deviation), runs }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Of a sample; 0 for a single value.
fn deviation(values: &[f64]) -> f64 {
    let count = values.len();
    if count < 2 {
        return 0.0;
    }
    let centre = mean(values);
    let squares = values.iter().map(|value| value - centre).map(|distance| distance * distance);
    (squares.sum::<f64>() / (count - 1) as f64).sqrt()
}

fn picture(
    arguments: &CompareArguments,
    data: &Dataset,
    split: &Split,
    both: &[Trained; 2],
    summaries: &[Summary; 2],
) -> Result<Comparison, Failure> {
    let Target::Classes { labels, names } = &data.target else {
        return Err(Failure::Other("compare needs classes".to_string()));
    };
    let outputs = both[0].model.outputs();
    let every = rows_to_a_dot(split.test.len(), outputs);
    let shown: Vec<usize> = split.test.iter().copied().step_by(every).collect();
    let test: Rows<f32> = rows_of(data, &shown)?;
    let mut methods = Vec::new();
    for (trained, (name, _)) in both.iter().zip(METHODS) {
        let mut scratch = Scratch::new();
        let probabilities = trained.model.predict(&test.x(), &mut scratch)?.iter().map(|&p| f64::from(p)).collect();
        let accuracy = trained.history.iter().map(|record| record.validation_score.unwrap_or(f64::NAN)).collect();
        methods.push(Method { name: name.to_string(), accuracy, probabilities });
    }
    let positive = shown.iter().flat_map(|&row| {
        let label = labels[row] as usize;
        (0..outputs).map(move |output| if outputs == 1 { label == 1 } else { label == output })
    });
    let [one, two] = summaries.each_ref().map(|summary| format!("{:.1} %", 100.0 * summary.mean.accuracy));
    let Ok(methods) = <[Method; 2]>::try_from(methods) else {
        return Err(Failure::Other("two methods are compared".to_string()));
    };
    Ok(Comparison {
        title: format!("{} — test accuracy {one} with squared error, {two} with log loss", data.name),
        subtitle: format!(
            "{} → {} → {outputs}, sigmoid output, the same start and order; mean over {}, curves of seed 1{}",
            data.columns,
            arguments.hidden,
            counted(arguments.seeds, "seed", "seeds"),
            if every == 1 { String::new() } else { format!(", dots of 1 test row in {every}") }
        ),
        methods,
        classes: match &names[..] {
            [negative, positive] if outputs == 1 => [negative.clone(), positive.clone()],
            _ => ["other class".to_string(), "class".to_string()],
        },
        positive: positive.collect(),
    })
}

/// Of how many rows of the test one is shown, with a dot an output. Whole rows are left out: of dots that follow each other, every tenth may be
/// of one class.
fn rows_to_a_dot(rows: usize, outputs: usize) -> usize {
    rows.saturating_mul(outputs).div_ceil(MOST_DOTS).max(1)
}

fn report(
    arguments: &CompareArguments,
    data: &Dataset,
    summaries: &[Summary; 2],
    picture: &Comparison,
) -> Result<(), Failure> {
    let value = serde_json::json!({
        "data": data.name, "hidden": arguments.hidden, "epochs": arguments.epochs, "seeds": arguments.seeds,
        "positive_class": Positive::usual(data.class_names()).map(|positive| positive.name), "methods": summaries,
    });
    write(&arguments.out, "compare.json", format!("{value:#}\n").as_bytes())?;
    write_scene(&arguments.out, "compare", &picture.draw())?;
    if arguments.json {
        return say(&format!("{value}\n"));
    }
    note(&picture.subtitle);
    let about = f1_is_of(Positive::usual(data.class_names()).map(|positive| positive.name));
    say(&format!("{}{about}\n{}: compare.svg, compare.png, compare.json\n", table(summaries), arguments.out.display()))
}

fn table(summaries: &[Summary; 2]) -> String {
    type Entry = fn(&Numbers) -> f64;
    let entries: [(&str, Entry); 5] = [
        ("accuracy", |n| n.accuracy),
        ("f1", |n| n.f1),
        ("roc auc", |n| n.roc_auc),
        ("log loss", |n| n.log_loss),
        ("squared error", |n| n.squared_error),
    ];
    let mut text = format!("{:<22}{:>20}{:>20}\n", "on the test part", "squared error", "log loss");
    for (name, entry) in entries {
        text += &format!("{name:<22}");
        for summary in summaries {
            text += &format!("{:>20}", cell(entry(&summary.mean), entry(&summary.deviation)));
        }
        text.push('\n');
    }
    for (summary, entry) in summaries.iter().zip([0, 1]) {
        let epochs = summary.mean.best_epoch;
        let join = if entry == 0 { format!("{:<22}", "best epoch") } else { String::new() };
        text += &format!("{join}{epochs:>20.1}");
    }
    text.push('\n');
    if summaries.iter().any(|summary| summary.mean.roc_auc.is_nan()) {
        text += "there is no roc auc: all rows of the test part are of one class\n";
    }
    text
}

/// A mean and its deviation, or a dash where there is no such number.
fn cell(mean: f64, deviation: f64) -> String {
    match mean.is_nan() {
        true => "–".to_string(),
        false => format!("{mean:.4} ± {deviation:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use std::fs;

    use super::*;
    use crate::arguments::{Arguments, Command};
    use crate::data::{CsvOptions, read_csv};

    #[test]
    fn dots_are_few_and_all_of_them_where_they_are() {
        for (rows, outputs, every) in
            [(0, 1, 1), (113, 1, 1), (5000, 1, 1), (5001, 1, 2), (500, 10, 1), (10_000, 10, 20), (3, 100_000, 60)]
        {
            assert_eq!(rows_to_a_dot(rows, outputs), every, "{rows} rows of {outputs}");
            assert!(rows.div_ceil(every) * outputs <= MOST_DOTS || outputs > MOST_DOTS, "{rows} rows of {outputs}");
        }
    }

    #[test]
    fn a_picture_of_many_rows_says_which_it_shows() {
        let place = tempfile::tempdir().expect("temporary folder");
        let path = |name: &str| place.path().join(name).display().to_string();
        for (rows, dots, is_thinned) in [(9000, 900 * 3, true), (600, 120 * 3, false)] {
            let class = |row: usize| (row % 7 + row % 11) % 3;
            let table: String = (0..rows).map(|row| format!("{},{},c{}\n", row % 7, row % 11, class(row))).collect();
            fs::write(path("t.csv"), format!("x,y,class\n{table}")).expect("temporary file");
            let line =
                ["deltarule", "compare", "--json", "--epochs", "1", "--seeds", "1", "--threads", "1", "--hidden", "2"];
            let files = ["--data", &path("t.csv"), "--out", &path("out")].map(str::to_owned);
            let arguments = Arguments::try_parse_from(line.map(str::to_owned).into_iter().chain(files));
            let Command::Compare(arguments) = arguments.expect("good options").command else { panic!("to compare") };
            run(&arguments).expect("a comparison");
            let picture = fs::read_to_string(path("out/compare.svg")).expect("just written");
            let found = picture.matches("<circle").count();
            // A few more or less: of a class the test has its share, rounded, and a curve of one epoch is a dot.
            assert!(found.abs_diff(dots) < 12, "{rows} rows: {found} dots");
            assert_eq!(picture.contains(", dots of 1 test row in 2"), is_thinned, "{rows} rows");
        }
    }

    #[test]
    fn what_is_no_number_is_a_dash() {
        let numbers =
            |roc_auc| Numbers { accuracy: 1.0, f1: 1.0, roc_auc, log_loss: 0.5, squared_error: 0.25, best_epoch: 1.0 };
        let of = |roc_auc| table(&METHODS.map(|(name, _)| Summary::of(name, vec![numbers(roc_auc); 2])));
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let (with, without) = (lines(&of(0.75)), lines(&of(f64::NAN)));
        assert!(with[3].starts_with("roc auc ") && with[3].ends_with(" 0.7500 ± 0.0000"), "{with:?}");
        assert_eq!(without[3].split_whitespace().collect::<Vec<_>>(), ["roc", "auc", "–", "–"], "{without:?}");
        assert_eq!((with.len(), without.len()), (7, 8));
        assert!(without[7].starts_with("there is no roc auc: "), "{without:?}");
    }

    /// Rows of two columns and two classes; what stands in the second column of a `large` one is a number, but none when it is standardised.
    fn rows_with(large: Option<usize>) -> Dataset {
        let b = |row: usize| if large == Some(row) { 3e38 } else { (row % 7) as f64 / 10.0 };
        let rows: String = (0..60).map(|row| format!("{},{:e},{}\n", row % 5, b(row), row % 2)).collect();
        read_csv("t.csv", format!("a,b,y\n{rows}").as_bytes(), &CsvOptions::default()).expect("sound")
    }

    /// What is said of a number that is too large, in each of these rows and by each method.
    fn refusals(rows: &[usize], split: &Split) -> Vec<(usize, String)> {
        let line = "deltarule compare --epochs 1 --threads 1";
        let arguments = Arguments::try_parse_from(line.split(' ')).expect("good options");
        let Command::Compare(arguments) = arguments.command else { panic!("to compare") };
        let refusal = |row: usize, method| {
            let data = rows_with(Some(row));
            let trained = train(&arguments, &data, split, 1, method);
            (row, trained.err().unwrap_or_else(|| panic!("the number in row {row} is too large")).to_string())
        };
        rows.iter().flat_map(|&row| METHODS.map(|method| refusal(row, method))).collect()
    }

    /// The rows to learn from set the measure: elsewhere a number can be too large beside their deviation.
    #[test]
    fn a_number_that_is_too_large_is_named_as_in_the_file() {
        let split = Split::new(&rows_with(None), FRACTIONS, 1).expect("enough rows");
        let rows = [&split.validation[..2], &split.test[..2]].concat();
        for (row, message) in refusals(&rows, &split) {
            let words = format!("t.csv, line {}, column b: the standardised input is inf: ", row + 2);
            assert!(message.starts_with(&words), "{message}");
        }
    }
}
