//! Names on the command line: the library's own, and those of what the program alone names.

use std::ffi::OsStr;
use std::marker::PhantomData;
use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command, ValueEnum};
use deltarule::{Named, Schedule, Shape};

/// Reads one of the library's names as the library does, and lists them all in `--help`, with the forms that take numbers.
pub(crate) fn by_name<N>() -> ByName<N> {
    ByName(PhantomData)
}

/// What [`by_name`] makes.
#[derive(Clone)]
pub(crate) struct ByName<N>(PhantomData<N>);

impl<N: Named> ByName<N> {
    fn values() -> impl Iterator<Item = PossibleValue> {
        let names = N::ALL.iter().map(|one| {
            let others = one.names().iter().skip(1).copied();
            let value = PossibleValue::new(one.name()).aliases(others);
            one.summary().into_iter().fold(value, PossibleValue::help)
        });
        names.chain(N::FORMS.iter().copied().map(PossibleValue::new))
    }
}

impl<N: Named + FromStr + Send + Sync> TypedValueParser for ByName<N> {
    type Value = N;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, text: &OsStr) -> Result<N, clap::Error> {
        if let Some(one) = text.to_str().and_then(|text| text.parse().ok()) {
            return Ok(one);
        }
        if let Some(why) = misused::<N>(&text.to_string_lossy()) {
            return (move |_: &str| Err::<N, String>(why.clone())).parse_ref(command, arg, text);
        }
        // Clap refuses what is no value with all that are, and with the one that may have been meant.
        let refused = PossibleValuesParser::new(Self::values()).parse_ref(command, arg, text);
        Err(refused.err().unwrap_or_else(|| clap::Error::new(ErrorKind::InvalidValue).with_cmd(command)))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Self::values()))
    }
}

/// What is wrong with the numbers of a name that is known, where that is it: another name would be no help.
fn misused<N: Named>(text: &str) -> Option<String> {
    let (name, _) = text.strip_suffix(')')?.split_once('(')?;
    let name = N::named(name).ok()?.name();
    let form =
        N::FORMS.iter().find_map(|form| Some((form, form.strip_suffix(')')?.strip_prefix(name)?.strip_prefix('(')?)));
    Some(match form {
        Some((form, numbers)) => {
            let (wanted, usual) = match numbers.split(',').count() {
                1 => ("one number".to_string(), "one"),
                many => (format!("{many} numbers"), "ones"),
            };
            format!("{name} takes {wanted}, {form}; {name} alone has the usual {usual}")
        }
        None => format!("{name} takes no numbers; write {name}"),
    })
}

/// The number type of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Dtype {
    /// 32-bit: fast, and precise enough for learning
    #[default]
    F32,
    /// 64-bit
    F64,
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
    /// What `plateau` alone is.
    const USUAL_PLATEAU: Self = Self::Plateau { factor: 0.5, patience: 5 };

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
        let text = text.to_ascii_lowercase();
        let (name, numbers) = text.split_once(':').unwrap_or((&text, ""));
        let pair = || numbers.split_once(',').map(|(a, b)| (a.trim(), b.trim()));
        let wrong = || {
            let usual = Self::USUAL_PLATEAU;
            format!("write constant, cosine, step:EVERY,FACTOR, plateau:FACTOR,PATIENCE, or plateau alone for {usual}")
        };
        match (name, numbers) {
            ("constant", "") => Ok(Self::Constant),
            ("cosine", "") => Ok(Self::Cosine),
            ("plateau", "") => Ok(Self::USUAL_PLATEAU),
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
    use deltarule::{Activation, Rule};

    #[test]
    fn a_known_name_says_which_numbers_it_takes() {
        for text in ["adam(0.9)", "Adam(0.9,0.98,x)", "adam()"] {
            let words = "adam takes 3 numbers, adam(BETA1,BETA2,EPSILON); adam alone has the usual ones";
            assert_eq!(misused::<Rule>(text).as_deref(), Some(words), "{text}");
        }
        let one = misused::<Activation>("leaky_relu(0.1,0.2)");
        let words = "leaky-relu takes one number, leaky-relu(SLOPE); leaky-relu alone has the usual one";
        assert_eq!(one.as_deref(), Some(words));
        assert_eq!(misused::<Rule>("sgd(0.1)").as_deref(), Some("sgd takes no numbers; write sgd"));
        assert_eq!(misused::<Rule>("adamm(0.9)").or(misused::<Rule>("adamm")), None);
    }

    #[test]
    fn schedules_read_back_what_they_print() {
        for text in ["constant", "cosine", "step:10,0.5", "plateau:0.5,5"] {
            assert_eq!(text.parse::<ScheduleChoice>().expect("a schedule").to_string(), text);
        }
        assert_eq!("Plateau:0.5,5".parse(), Ok(ScheduleChoice::Plateau { factor: 0.5, patience: 5 }));
        assert_eq!("plateau".parse(), Ok(ScheduleChoice::USUAL_PLATEAU));
        let refused = "step".parse::<ScheduleChoice>().expect_err("it has no usual numbers");
        assert!(refused.ends_with("or plateau alone for plateau:0.5,5"), "{refused}");
        for bad in ["", "step", "step:1", "step:x,1", "cosine:3", "plateau:0.5", "linear"] {
            assert!(bad.parse::<ScheduleChoice>().is_err(), "{bad}");
        }
    }
}
