//! Names on the command line for what the library offers.

use std::str::FromStr;

use clap::ValueEnum;
use deltarule::{Activation, Init, Loss, Optimiser, Output, Rule, Schedule, Shape};

/// The number type of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Dtype {
    /// 32-bit: fast, and precise enough for learning
    #[default]
    F32,
    /// 64-bit
    F64,
}

/// The activation of the hidden layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "the names say it all, and a doc comment would show in --help")]
pub enum ActivationChoice {
    Relu,
    LeakyRelu,
    Sigmoid,
    Tanh,
    Gelu,
    GeluTanh,
    Silu,
    Identity,
}

impl ActivationChoice {
    /// What the library calls it.
    pub fn activation(self) -> Activation {
        match self {
            Self::Relu => Activation::Relu,
            Self::LeakyRelu => Activation::LeakyRelu { slope: 0.01 },
            Self::Sigmoid => Activation::Sigmoid,
            Self::Tanh => Activation::Tanh,
            Self::Gelu => Activation::Gelu,
            Self::GeluTanh => Activation::GeluTanh,
            Self::Silu => Activation::Silu,
            Self::Identity => Activation::Identity,
        }
    }
}

/// What the last layer's `z` becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputChoice {
    /// Itself: a number
    Linear,
    /// A probability of each class by itself
    Sigmoid,
    /// Probabilities of classes that exclude each other
    Softmax,
}

impl OutputChoice {
    /// What the library calls it.
    pub fn output(self) -> Output {
        match self {
            Self::Linear => Output::Linear,
            Self::Sigmoid => Output::Sigmoid,
            Self::Softmax => Output::Softmax,
        }
    }
}

/// How weights are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "the names say it all, and a doc comment would show in --help")]
pub enum InitChoice {
    He,
    HeUniform,
    Glorot,
    GlorotUniform,
    Lecun,
    LecunUniform,
}

impl InitChoice {
    /// What the library calls it.
    pub fn init(self) -> Init {
        match self {
            Self::He => Init::He,
            Self::HeUniform => Init::HeUniform,
            Self::Glorot => Init::Glorot,
            Self::GlorotUniform => Init::GlorotUniform,
            Self::Lecun => Init::LeCun,
            Self::LecunUniform => Init::LeCunUniform,
        }
    }

    /// Its name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_string())
    }
}

/// What is minimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LossChoice {
    /// ½ Σ (y − a)²
    HalfSquaredError,
    /// The mean of (y − a)² over the outputs
    #[value(alias = "mse")]
    SquaredError,
    /// −[y log a + (1 − y) log(1 − a)], for two classes
    #[value(alias = "bce")]
    LogLoss,
    /// −log of the true class's softmax
    #[value(alias = "ce")]
    CrossEntropy,
}

impl LossChoice {
    /// What the library calls it.
    pub fn loss(self) -> Loss {
        match self {
            Self::HalfSquaredError => Loss::HalfSquaredError,
            Self::SquaredError => Loss::SquaredError,
            Self::LogLoss => Loss::LogLoss,
            Self::CrossEntropy => Loss::CrossEntropy,
        }
    }

    /// The name on the command line of a loss of the library.
    pub fn name_of(loss: Loss) -> &'static str {
        match loss {
            Loss::HalfSquaredError => "half-squared-error",
            Loss::SquaredError => "squared-error",
            Loss::LogLoss => "log-loss",
            Loss::CrossEntropy => "cross-entropy",
        }
    }
}

/// The update rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "the names say it all, and a doc comment would show in --help")]
pub enum OptimiserChoice {
    Sgd,
    Momentum,
    Nesterov,
    Adam,
    Adamw,
}

impl FromStr for OptimiserChoice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = || Self::value_variants().iter().map(|choice| Self::name_of(choice.optimiser().rule));
        ValueEnum::from_str(name, false)
            .map_err(|_| format!("expected one of {}", names().collect::<Vec<_>>().join(", ")))
    }
}

impl OptimiserChoice {
    /// The rule with its usual rate and constants.
    pub fn optimiser(self) -> Optimiser {
        match self {
            Self::Sgd => Optimiser::sgd(),
            Self::Momentum => Optimiser::momentum(),
            Self::Nesterov => Optimiser::nesterov(),
            Self::Adam => Optimiser::adam(),
            Self::Adamw => Optimiser::adamw(),
        }
    }

    /// The name on the command line of a rule of the library.
    pub fn name_of(rule: Rule) -> &'static str {
        match rule {
            Rule::Sgd => "sgd",
            Rule::Momentum { .. } => "momentum",
            Rule::Nesterov { .. } => "nesterov",
            Rule::Adam { .. } => "adam",
            Rule::AdamW { .. } => "adamw",
        }
    }
}

/// How the learning rate changes over the epochs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScheduleChoice {
    /// Not at all.
    Constant,
    /// Half a cosine, from full to nothing at the last epoch.
    Cosine,
    /// Times `factor` after every so many epochs.
    Step {
        /// Epochs between two steps.
        every: u64,
        /// What the rate is multiplied by.
        factor: f64,
    },
    /// Times `factor` whenever the watched loss has not improved for more than so many epochs in a row.
    Plateau {
        /// What the rate is multiplied by.
        factor: f64,
        /// Epochs without improvement that are borne.
        patience: u64,
    },
}

impl ScheduleChoice {
    /// The schedule of a run of so many epochs.
    pub fn schedule(self, epochs: u64) -> Schedule {
        match self {
            Self::Constant => Schedule::constant(),
            Self::Cosine => Schedule::cosine(epochs),
            Self::Step { every, factor } => Schedule::step(every, factor),
            Self::Plateau { factor, patience } => Schedule::plateau(factor, patience),
        }
    }

    /// The name on the command line of a schedule of the library; of one that cannot be chosen there, the library's own.
    pub fn name_of(schedule: Schedule) -> String {
        let choice = match schedule.shape {
            Shape::Constant => Self::Constant,
            Shape::Cosine { .. } => Self::Cosine,
            Shape::Step { every, factor } => Self::Step { every, factor },
            Shape::Plateau { factor, patience, .. } => Self::Plateau { factor, patience },
            other => return format!("{other:?}"),
        };
        choice.to_string()
    }
}

impl FromStr for ScheduleChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, numbers) = text.split_once(':').unwrap_or((text, ""));
        let pair = || numbers.split_once(',').map(|(a, b)| (a.trim(), b.trim()));
        let wrong = || "write constant, cosine, step:EVERY,FACTOR or plateau:FACTOR,PATIENCE".to_string();
        match (name, numbers) {
            ("constant", "") => Ok(Self::Constant),
            ("cosine", "") => Ok(Self::Cosine),
            ("plateau", "") => Ok(Self::Plateau { factor: 0.5, patience: 5 }),
            ("step", _) => {
                let (every, factor) = pair().ok_or_else(wrong)?;
                let (Ok(every), Ok(factor)) = (every.parse(), factor.parse()) else { return Err(wrong()) };
                Ok(Self::Step { every, factor })
            }
            ("plateau", _) => {
                let (factor, patience) = pair().ok_or_else(wrong)?;
                let (Ok(factor), Ok(patience)) = (factor.parse(), patience.parse()) else { return Err(wrong()) };
                Ok(Self::Plateau { factor, patience })
            }
            _ => Err(wrong()),
        }
    }
}

impl std::fmt::Display for ScheduleChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Constant => f.write_str("constant"),
            Self::Cosine => f.write_str("cosine"),
            Self::Step { every, factor } => write!(f, "step:{every},{factor}"),
            Self::Plateau { factor, patience } => write!(f, "plateau:{factor},{patience}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_read_back_what_they_print() {
        for text in ["constant", "cosine", "step:10,0.5", "plateau:0.5,5"] {
            assert_eq!(text.parse::<ScheduleChoice>().expect("a schedule").to_string(), text);
        }
        for bad in ["", "step", "step:1", "step:x,1", "cosine:3", "plateau:0.5", "linear"] {
            assert!(bad.parse::<ScheduleChoice>().is_err(), "{bad}");
        }
    }
}
