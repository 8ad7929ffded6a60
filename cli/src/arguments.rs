//! The command line.

mod values;

pub use values::{Patience, Widths};

use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use deltarule::{Activation, Init, Loss, NonFinite, Output, Rule};

use crate::choice::{Dtype, ScheduleChoice, by_name};
use crate::data::TaskChoice;
use crate::picture_file::PictureFile;
use values::{count, delimiter, epochs, hidden, patience, seconds, seed, share, yes_or_no};

/// Trains, evaluates and serves multi-layer perceptrons.
#[derive(Debug, Parser)]
#[command(name = "deltarule", version, max_term_width = 110, disable_help_subcommand = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Learn from data: without options, from 1,797 handwritten digits that ship inside
    Train(Box<TrainArguments>),
    /// Measure a model on data
    Eval(EvalArguments),
    /// Write a model's answers for data, as CSV
    Predict(PredictArguments),
    /// Show a model's layers, parameters, flops and bytes
    Info(InfoArguments),
    /// Work a model's standardisation into its weights, for PyTorch and others that read the weights alone
    Fold(FoldArguments),
    /// Show the instruction set in use, the caches, the cores, their measured peak and how fast they read
    Cpu(CpuArguments),
    /// Time products or training steps on this machine, in half a minute
    Bench(BenchArguments),
    /// Train one network twice, with squared error and with log loss, and set the results side by side
    Compare(CompareArguments),
}

/// How data is read.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Data")]
pub struct DataArguments {
    /// CSV: the target column, by name, or by index from 0 (from -1 backwards) [default: the one that the model learnt, else the last; predict needs none]
    #[arg(long, allow_hyphen_values = true, value_name = "COLUMN")]
    pub target: Option<String>,
    /// CSV: columns to leave out, by name or index, separated by commas
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true, value_name = "COLUMNS")]
    pub drop: Vec<String>,
    /// CSV: the first line holds names even if it looks like data
    #[arg(long, conflicts_with = "no_header")]
    pub header: bool,
    /// CSV: the first line holds data even if it looks like names
    #[arg(long)]
    pub no_header: bool,
    /// CSV: the delimiter, one character or `tab` [default: the one of , ; tab | that the first line that is not empty holds most of]
    #[arg(long, value_parser = delimiter, value_name = "CHAR")]
    pub delimiter: Option<u8>,
}

/// Options of `train`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Where no default is shown it follows from the kind of data; the run prints what it takes, and \
                        report.json keeps it."
)]
pub struct TrainArguments {
    /// digits, breast-cancer, diabetes, fashion-mnist, a CSV file, a folder of IDX files, or x.npy,y.npy [default: digits]
    #[arg(long, help_heading = "Data")]
    pub data: Option<String>,
    /// How to read it.
    #[command(flatten)]
    pub reading: DataArguments,
    /// What the target is [default: text and few whole numbers that recur are classes, other numbers are numbers]
    #[arg(long, value_enum, ignore_case = true, default_value_t, help_heading = "Data", hide_default_value = true)]
    pub task: TaskChoice,
    /// Part of the rows kept for the test, where the data has no test part of its own [default: 0.2]
    #[arg(long, value_parser = share, allow_negative_numbers = true, value_name = "SHARE", help_heading = "Data")]
    pub test_split: Option<f64>,
    /// Part of the other rows kept to watch the training with
    #[arg(long, value_parser = share, allow_negative_numbers = true, value_name = "SHARE", help_heading = "Data")]
    pub val_split: Option<f64>,
    /// Bring every input column to mean 0 and deviation 1 [default: yes, but not for pixels]
    #[arg(long, visible_alias = "standardize", value_name = "YES|NO", value_parser = yes_or_no, help_heading = "Data")]
    pub standardise: Option<bool>,

    /// Widths of the hidden layers, such as 128,64; `none` for a linear model
    #[arg(long, value_parser = hidden, allow_hyphen_values = true, value_name = "WIDTHS", help_heading = "Network")]
    pub hidden: Option<Widths>,
    /// The activation of the hidden layers; with a slope as in leaky-relu(0.2)
    #[arg(long, value_parser = by_name::<Activation>(), help_heading = "Network")]
    pub activation: Option<Activation>,
    /// How the weights are drawn [default: what suits the activation]
    #[arg(long, value_parser = by_name::<Init>(), help_heading = "Network")]
    pub init: Option<Init>,
    /// What is minimised [default: cross-entropy for classes, log-loss for two, squared error for numbers]
    #[arg(long, value_parser = by_name::<Loss>(), help_heading = "Network")]
    pub loss: Option<Loss>,
    /// The number type of the whole run [default: f32]
    #[arg(long, value_enum, ignore_case = true, help_heading = "Network")]
    pub dtype: Option<Dtype>,

    /// The update rule; with numbers of its own as in momentum(0.99) or adam(0.9,0.98,1e-9)
    #[arg(long, visible_alias = "optimiser", value_parser = by_name::<Rule>(), help_heading = "Training")]
    pub optimizer: Option<Rule>,
    /// The learning rate
    #[arg(
        long,
        visible_alias = "learning-rate",
        value_name = "RATE",
        allow_negative_numbers = true,
        help_heading = "Training"
    )]
    pub lr: Option<f64>,
    /// constant, cosine, step:EVERY,FACTOR or plateau:FACTOR,PATIENCE, which bears PATIENCE epochs without a better loss and acts on the next;
    /// plateau alone is plateau:0.5,5, and step has no usual numbers
    #[arg(long, value_name = "SHAPE", help_heading = "Training")]
    pub schedule: Option<ScheduleChoice>,
    /// Epochs over which the learning rate rises to its full size
    #[arg(long, value_name = "EPOCHS", allow_negative_numbers = true, help_heading = "Training")]
    pub warm_up: Option<f64>,
    /// How often to go through the rows, at most
    #[arg(long, value_parser = epochs, allow_negative_numbers = true, help_heading = "Training")]
    pub epochs: Option<u64>,
    /// Rows in a batch
    #[arg(
        long,
        visible_alias = "batch-size",
        value_name = "ROWS",
        value_parser = count::<usize>,
        allow_negative_numbers = true,
        help_heading = "Training"
    )]
    pub batch: Option<usize>,
    /// Epochs in a row without a better validation loss that are borne, the next one ends the run; `none` to never end early. The best epoch's
    /// weights are kept; but the last where nothing validates (--val-split 0), unless a number is given here, which then watches the training loss
    /// [default: none]
    #[arg(long, value_parser = patience, allow_negative_numbers = true, value_name = "EPOCHS", help_heading = "Training")]
    pub patience: Option<Patience>,
    /// L2 penalty on the weights; with adamw, the decoupled decay
    #[arg(
        long,
        visible_alias = "weight-decay",
        value_name = "AMOUNT",
        allow_negative_numbers = true,
        help_heading = "Training"
    )]
    pub l2: Option<f64>,
    /// The largest norm of a gradient
    #[arg(long, value_name = "NORM", allow_negative_numbers = true, help_heading = "Training")]
    pub clip: Option<f64>,
    /// What to do about a batch whose loss or gradient is not finite [default: stop]
    #[arg(long, value_name = "POLICY", value_parser = by_name::<NonFinite>(), help_heading = "Training")]
    pub non_finite: Option<NonFinite>,
    /// Fixes the first weights, the order of the rows and the validation part [default: 1]
    #[arg(long, value_parser = seed, allow_negative_numbers = true, help_heading = "Training")]
    pub seed: Option<u64>,
    /// Threads, at most 64 or four a core; the result does not depend on it [default: one a core]
    #[arg(long, value_parser = count::<usize>, allow_negative_numbers = true, help_heading = "Training")]
    pub threads: Option<usize>,
    /// Go on with the run in --out, where it stopped, without a word about its data. Its rows and their division, --seed, --dtype, --init, network,
    /// --standardise, loss and update rule with its numbers stay; other options given now replace those of then
    #[arg(long, help_heading = "Training")]
    pub resume: bool,

    /// The folder for the model, the history, the report and the pictures
    #[arg(long, value_name = "DIR", default_value = "deltarule-out", help_heading = "Output")]
    pub out: PathBuf,
    /// Say nothing but errors, and warnings of results
    #[arg(long, help_heading = "Output")]
    pub quiet: bool,
    /// Print the report as one line of JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

impl TrainArguments {
    /// What to learn from.
    pub fn data(&self) -> &str {
        self.data.as_deref().unwrap_or("digits")
    }

    /// The number type.
    pub fn dtype(&self) -> Dtype {
        self.dtype.unwrap_or_default()
    }
}

/// Which rows are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PartChoice {
    /// All rows
    All,
    /// The part that `train` keeps for the test, if the data has the very rows that it had
    Test,
    /// All rows but that part, likewise
    Rest,
}

/// A model that exists.
#[derive(Debug, Args)]
pub struct ModelArguments {
    /// The model, a .safetensors file
    pub model: PathBuf,
    /// The activation of the hidden layers, for a file that does not say, such as PyTorch's
    #[arg(long, value_parser = by_name::<Activation>(), value_name = "ACTIVATION", help_heading = "Model")]
    pub hidden_activation: Option<Activation>,
    /// What the last layer's numbers become, for a file that does not say
    #[arg(long, value_parser = by_name::<Output>(), value_name = "OUTPUT", help_heading = "Model")]
    pub model_output: Option<Output>,
}

/// Data for a model that exists.
#[derive(Debug, Args)]
pub struct ModelDataArguments {
    /// The model.
    #[command(flatten)]
    pub model: ModelArguments,
    /// digits, breast-cancer, diabetes, fashion-mnist, a CSV file, a folder of IDX files, x.npy or x.npy,y.npy
    #[arg(long, help_heading = "Data")]
    pub data: String,
    /// How to read it.
    #[command(flatten)]
    pub reading: DataArguments,
    /// Which rows [default: test for sets with a test part of their own and those inside, all for others and for models that kept none or
    /// learnt from other rows]
    #[arg(long, value_enum, ignore_case = true, help_heading = "Data")]
    pub part: Option<PartChoice>,
    /// The share that the test part has, if the data has no test part of its own [default: that of the model's training, else 0.2]
    #[arg(long, value_parser = share, allow_negative_numbers = true, value_name = "SHARE", help_heading = "Data")]
    pub test_split: Option<f64>,
    /// Threads, at most 64 or four a core; the result does not depend on it [default: one a core]
    #[arg(long, value_parser = count::<usize>, allow_negative_numbers = true)]
    pub threads: Option<usize>,
}

/// Options of `eval`.
#[derive(Debug, Args)]
pub struct EvalArguments {
    /// Model and data.
    #[command(flatten)]
    pub subject: ModelDataArguments,
    /// The class, of two, that precision, recall and F1 are about [default: the second of those that `info` shows]
    #[arg(long, value_name = "CLASS", allow_hyphen_values = true)]
    pub positive: Option<String>,
    /// Print the result as one line of JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `predict`.
#[derive(Debug, Args)]
pub struct PredictArguments {
    /// Model and data.
    #[command(flatten)]
    pub subject: ModelDataArguments,
    /// CSV: columns to copy before the answers, by name or index, separated by commas: what a row is known by
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true, value_name = "COLUMNS", help_heading = "Data")]
    pub keep: Vec<String>,
    /// Add a column with the probability of each class
    #[arg(long)]
    pub probabilities: bool,
    /// The file to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Options of `info`.
#[derive(Debug, Args)]
pub struct InfoArguments {
    /// The model.
    #[command(flatten)]
    pub model: ModelArguments,
    /// Print it as one line of JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `fold`.
#[derive(Debug, Args)]
pub struct FoldArguments {
    /// The model.
    #[command(flatten)]
    pub model: ModelArguments,
    /// The file to write: the same model, whose answers agree up to rounding; it may be the model's own
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Options of `cpu`.
#[derive(Debug, Args)]
pub struct CpuArguments {
    /// Print it as one line of JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `bench`.
#[derive(Debug, Args)]
pub struct BenchArguments {
    /// What is timed.
    #[command(subcommand)]
    pub subject: BenchSubject,
}

/// What `bench` times.
#[derive(Debug, Subcommand)]
pub enum BenchSubject {
    /// Matrix products of a network's layers, beside the crate matrixmultiply and the machine's limits
    Gemm(BenchOptions),
    /// Training steps of nets from tiny to large, against the machine's peak
    Step(BenchOptions),
}

/// Options of each part of `bench`.
#[derive(Debug, Args)]
pub struct BenchOptions {
    /// Threads, at most one a core
    #[arg(long, default_value = "1", value_parser = count::<usize>, allow_negative_numbers = true)]
    pub threads: usize,
    /// Time only the rows whose name holds this text
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub only: String,
    /// Time spent on each row [default: so much that all rows take about 20 seconds]
    #[arg(long, value_parser = seconds, allow_negative_numbers = true)]
    pub seconds: Option<f64>,
    /// Draw the rows too, as shares of the machine's peak, into a file that ends in .svg or .png
    #[arg(long, value_name = "FILE", value_parser = PathBufValueParser::new().try_map(PictureFile::new))]
    pub picture: Option<PictureFile>,
    /// Print each row as one line of JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// Data with classes: digits, breast-cancer, fashion-mnist, a CSV file, a folder of IDX files, or x.npy,y.npy
    #[arg(long, default_value = "breast-cancer", help_heading = "Data")]
    pub data: String,
    /// How to read it.
    #[command(flatten)]
    pub reading: DataArguments,
    /// What the target is [default: text and few whole numbers that recur are classes]
    #[arg(long, value_enum, ignore_case = true, default_value_t, help_heading = "Data", hide_default_value = true)]
    pub task: TaskChoice,
    /// The width of the hidden layer
    #[arg(long, default_value = "16", value_name = "WIDTH", value_parser = count::<usize>, allow_negative_numbers = true)]
    pub hidden: usize,
    /// The activation of the hidden layer; with a slope as in leaky-relu(0.2)
    #[arg(long, value_parser = by_name::<Activation>(), default_value = "relu")]
    pub activation: Activation,
    /// How often to go through the rows
    #[arg(long, default_value = "60", value_parser = count::<u64>, allow_negative_numbers = true)]
    pub epochs: u64,
    /// Seeds to average over: 1 to this
    #[arg(long, default_value = "5", value_parser = count::<u64>, allow_negative_numbers = true)]
    pub seeds: u64,
    /// Threads, at most 64 or four a core; the result does not depend on it [default: one a core]
    #[arg(long, value_parser = count::<usize>, allow_negative_numbers = true)]
    pub threads: Option<usize>,
    /// The folder for the pictures and the numbers
    #[arg(long, value_name = "DIR", default_value = "deltarule-out")]
    pub out: PathBuf,
    /// Print the numbers as one line of JSON
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn bad_values_are_refused() {
        for bad in [
            "--hidden=0",
            "--hidden=12,",
            "--val-split=1",
            "--patience=-1",
            "--delimiter=ab",
            "--loss=odd",
            "--epochs=0",
            "--non-finite=ignore",
            "--optimizer=sgd(0.1)",
            "--optimizer=adam(0.9)",
            "--optimizer=momentum(MOMENTUM)",
        ] {
            let parsed = Arguments::try_parse_from(["deltarule", "train", bad]);
            assert_eq!(parsed.expect_err(bad).exit_code(), 2, "{bad}");
        }
    }

    /// What looks like another option is a number out of range, and is called so.
    #[test]
    fn negative_numbers_are_values() {
        let whole = "write a whole number of at least 1";
        for (line, words) in [
            ("train --seed -1", "write a whole number of at least 0"),
            ("train --seed 18446744073709551616", "the number is too large"),
            ("train --val-split -0.1", "write a share from 0"),
            ("train --test-split -1", "write a share from 0"),
            ("train --hidden -4", "‘-4’ is no width"),
            ("train --hidden -4,5", "‘-4’ is no width"),
            ("train --epochs -1", whole),
            ("train --epochs 18446744073709551616", "the number is too large"),
            ("train --batch -1", whole),
            ("train --threads -1", whole),
            ("train --patience -1", "write a number or none"),
            ("eval m --data digits --threads -1", whole),
            ("eval m --data digits --test-split -1", "write a share from 0"),
            ("bench gemm --threads -1", whole),
            ("bench step --seconds -1", "write seconds from 0"),
            ("compare --hidden -1", whole),
            ("compare --epochs -1", whole),
            ("compare --seeds 1.5", whole),
            ("compare --threads -1", whole),
        ] {
            let parsed = Arguments::try_parse_from(["deltarule"].into_iter().chain(line.split_whitespace()));
            let message = parsed.expect_err(line).to_string();
            assert!(message.contains(words) && message.contains("invalid value"), "{line}: {message}");
        }
        let parsed = Arguments::try_parse_from(["deltarule", "train", "--warm-up", "-1"]).expect("the plan refuses it");
        let Command::Train(train) = parsed.command else { panic!("to train") };
        assert_eq!(train.warm_up, Some(-1.0));
    }

    #[test]
    fn a_picture_of_no_known_form_is_refused_before_anything_is_timed() {
        let line = |name| ["deltarule", "bench", "gemm", "--picture", name];
        let refused = Arguments::try_parse_from(line("speeds.jpg")).expect_err("no form that is known");
        assert_eq!(refused.exit_code(), 2);
        assert!(refused.to_string().contains("ends in .svg or .png"), "{refused}");
        Arguments::try_parse_from(line("speeds.svg")).expect("a form that is known");
    }

    #[test]
    fn names_are_read_as_the_library_reads_them() {
        let words = ["deltarule", "train", "--loss=MSE", "--init=he_uniform", "--activation=leaky-relu(0.2)"];
        let Ok(Arguments { command: Command::Train(train) }) = Arguments::try_parse_from(words) else {
            panic!("all of these are names");
        };
        assert_eq!((train.loss, train.init), (Some(Loss::SquaredError), Some(Init::HeUniform)));
        assert_eq!(train.activation, Some(Activation::LeakyRelu { slope: 0.2 }));
        for (text, rule) in [
            ("nesterov(0.99)", Rule::Nesterov { momentum: 0.99 }),
            ("Adam(0.9,0.98,1e-9)", Rule::Adam { beta1: 0.9, beta2: 0.98, epsilon: 1e-9 }),
        ] {
            let words = ["deltarule", "train", "--optimizer", text];
            let Ok(Arguments { command: Command::Train(train) }) = Arguments::try_parse_from(words) else {
                panic!("{text} is a rule");
            };
            assert_eq!(train.optimizer, Some(rule));
        }
        let refused = Arguments::try_parse_from(["deltarule", "train", "--optimizer=adamm"]);
        let message = refused.expect_err("no rule").to_string();
        let (names, form) = ("[possible values: sgd, momentum, nesterov, adam, adamw, ", "adamw(BETA1,BETA2,EPSILON)]");
        assert!(message.contains(names) && message.contains(form), "{message}");
        assert!(message.contains("similar value"), "{message}");
    }

    #[test]
    fn options_have_the_names_of_other_programs_too() {
        let line = "deltarule train --learning-rate 0.5 --batch-size 7 --weight-decay 0.25";
        let Ok(Arguments { command: Command::Train(train) }) = Arguments::try_parse_from(line.split_whitespace())
        else {
            panic!("all of these are options");
        };
        assert_eq!((train.lr, train.batch, train.l2), (Some(0.5), Some(7), Some(0.25)));
    }

    #[test]
    fn names_are_read_in_any_case() {
        let line = "deltarule train --task Regression --dtype F64 --schedule COSINE --hidden None --patience NONE \
                    --non-finite Roll_Back --standardise YES --delimiter Tab --optimizer AdamW";
        let Ok(Arguments { command: Command::Train(train) }) = Arguments::try_parse_from(line.split_whitespace())
        else {
            panic!("all of these are names");
        };
        assert_eq!((train.task, train.dtype()), (TaskChoice::Regression, Dtype::F64));
        assert_eq!((train.schedule, train.hidden), (Some(ScheduleChoice::Cosine), Some(Widths(Vec::new()))));
        assert_eq!((train.patience, train.standardise), (Some(Patience(None)), Some(true)));
        assert_eq!(train.non_finite, Some(NonFinite::RollBack));
        assert_eq!((train.reading.delimiter, train.optimizer), (Some(b'\t'), Some(Rule::ADAMW)));
        let line = "deltarule eval m --data digits --part TEST";
        let Ok(Arguments { command: Command::Eval(eval) }) = Arguments::try_parse_from(line.split_whitespace()) else {
            panic!("all of these are names");
        };
        assert_eq!(eval.subject.part, Some(PartChoice::Test));
    }
}
