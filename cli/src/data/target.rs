//! From a column of raw targets to a task: text is classes, a few whole numbers that recur are classes, the rest are numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::Target;
use super::words::{clip, listed};

/// Whole-numbered targets with at most this many distinct values may be taken for classes. Unless told otherwise, more labels than this
/// are only believed where they recur.
const MOST_GUESSED_CLASSES: usize = 20;

/// Even if told so, more labels than this are only believed where they recur.
const MOST_UNCHECKED_CLASSES: usize = 1000;

/// What kind of answer is learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// One of two classes: one sigmoid output.
    Binary,
    /// One of several classes: a softmax over that many outputs.
    Classes(usize),
    /// A number.
    Regression,
}

impl Task {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Classes(_) => "classes",
            Self::Regression => "regression",
        }
    }

    /// What progress is measured by.
    pub fn metric(self) -> &'static str {
        match self {
            Self::Binary | Self::Classes(_) => "accuracy",
            Self::Regression => "r2",
        }
    }
}

/// What the user says about the task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum TaskChoice {
    /// Look at the target and decide.
    #[default]
    Auto,
    /// The target is a class, whatever it looks like.
    Classification,
    /// The target is a number.
    Regression,
}

/// A column of targets as read, before anyone decided what they mean.
pub(super) enum RawTarget {
    /// Text, as it stood.
    Text(Vec<String>),
    /// Finite numbers.
    Numbers(Vec<f64>),
}

/// Why a column of targets cannot mean what was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unfit {
    /// The row whose target it is, counted from 0, if it is one row's.
    pub row: Option<usize>,
    /// What is wrong, and what to do.
    pub what: String,
}

impl From<String> for Unfit {
    fn from(what: String) -> Self {
        Self { row: None, what }
    }
}

/// Decides what the column means, where `known` names the classes of a model that is to be measured, if any. `Err` says
/// why the column cannot mean what was asked for.
pub(super) fn interpret(raw: RawTarget, choice: TaskChoice, known: &[String]) -> Result<Target, Unfit> {
    if !known.is_empty() {
        return known_classes(raw, known);
    }
    match (raw, choice) {
        (RawTarget::Text(_), TaskChoice::Regression) => {
            Err("the target is text, which no regression can learn; drop --task regression".to_string().into())
        }
        (RawTarget::Text(labels), choice) => Ok(text_classes(labels, choice)?),
        (RawTarget::Numbers(values), TaskChoice::Regression) => Ok(Target::Values(values)),
        (RawTarget::Numbers(values), TaskChoice::Classification) => Ok(number_classes(&values, choice)?),
        (RawTarget::Numbers(values), TaskChoice::Auto) if looks_like_classes(&values) => {
            Ok(number_classes(&values, choice)?)
        }
        (RawTarget::Numbers(values), TaskChoice::Auto) => Ok(Target::Values(values)),
    }
}

/// Each label by its name among the known classes.
fn known_classes(raw: RawTarget, known: &[String]) -> Result<Target, Unfit> {
    let texts = match raw {
        RawTarget::Text(labels) => labels,
        RawTarget::Numbers(values) => values.iter().copied().map(name_of).collect(),
    };
    let places = places_of(known);
    let class_of = |(row, text): (usize, &String)| {
        places.get(text.as_str()).copied().ok_or_else(|| {
            let what = format!("‘{}’ is none of the model's classes ({})", clip(text), listed(known));
            Unfit { row: Some(row), what }
        })
    };
    let labels = texts.iter().enumerate().map(class_of).collect::<Result<_, _>>()?;
    Ok(Target::Classes { labels, names: known.to_vec() })
}

/// Where each name stands, the first where it stands twice: rows may be many, and so may classes.
pub(super) fn places_of(names: &[String]) -> BTreeMap<&str, u32> {
    names.iter().enumerate().rev().map(|(place, name)| (name.as_str(), place as u32)).collect()
}

/// From here on not every whole number is an `f64`: 2⁵³.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

/// Whether a text is a whole number that its `f64` rounds, so that it would not print back as it was.
pub(super) fn is_rounded(text: &str, value: f64) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_whole = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_whole && value.abs() >= LARGEST_EXACT && value.abs().to_string() != digits.trim_start_matches('0')
}

/// The names of the classes that a column of numbers speaks for: numbers as they print, so that 1 and 1.0 are one class, but rounded ones as
/// they stood, lest neighbours become one.
pub(super) fn names_of_numbers(texts: Vec<String>, values: &[f64]) -> Vec<String> {
    let name = |(text, &value): (String, &f64)| if is_rounded(&text, value) { text } else { name_of(value) };
    texts.into_iter().zip(values).map(name).collect()
}

/// The name of the class that a number speaks for. Added to 0, −0 is 0.
fn name_of(value: f64) -> String {
    (value + 0.0).to_string()
}

/// Few distinct whole numbers, each twice or more as a rule: prices of a handful of houses are whole numbers too.
fn looks_like_classes(values: &[f64]) -> bool {
    few_whole(values).is_some_and(|distinct| distinct >= 2 && recur(distinct, values.len()))
}

/// How many distinct values there are, where all are whole and so few that they may be classes.
fn few_whole(values: &[f64]) -> Option<usize> {
    let mut distinct = BTreeSet::new();
    for &value in values {
        if value.fract() != 0.0 || value.abs() > 1e9 {
            return None;
        }
        distinct.insert(value as i64);
        if distinct.len() > MOST_GUESSED_CLASSES {
            return None;
        }
    }
    Some(distinct.len())
}

/// Whether the numbers of a column that holds this many texts besides are labels like those. One text makes no classes of numbers that are
/// none; but where most are text, a number that stands alone is a label too.
pub(super) fn are_labels_beside(texts: usize, numbers: &[f64], choice: TaskChoice) -> bool {
    match choice {
        TaskChoice::Regression => false,
        TaskChoice::Classification => numbers.iter().all(|number| number.fract() == 0.0),
        TaskChoice::Auto => {
            few_whole(numbers).is_some_and(|distinct| recur(distinct, numbers.len()) || numbers.len() < texts)
        }
    }
}

/// Whether a text is one that programs write where they have no value.
pub(super) fn is_missing_mark(text: &str) -> bool {
    ["na", "n/a", "nan", "null", "none", "?", "-"].iter().any(|mark| text.eq_ignore_ascii_case(mark))
}

/// Whether each label stands in two rows, on average.
fn recur(labels: usize, rows: usize) -> bool {
    labels <= rows / 2
}

/// Distinct texts in sorted order are the classes.
fn text_classes(labels: Vec<String>, choice: TaskChoice) -> Result<Target, String> {
    let names: BTreeSet<&String> = labels.iter().collect();
    check_count(names.len(), labels.len(), choice)?;
    let names = sorted_as_numbers(names.into_iter().cloned().collect());
    let places = places_of(&names);
    let labels = labels.iter().map(|label| places.get(label.as_str()).copied().unwrap_or(0)).collect();
    Ok(Target::Classes { labels, names })
}

/// Brings sorted texts into the order of their numbers, where all of them are some: one that is too long for `f64` does not change the order
/// of the others. Those that are one `f64` are told apart by their digits.
fn sorted_as_numbers(names: Vec<String>) -> Vec<String> {
    let values: Option<Vec<f64>> = names.iter().map(|name| name.parse().ok()).collect();
    let Some(values) = values else { return names };
    let mut keyed: Vec<(f64, Option<i128>, String)> =
        values.into_iter().zip(names).map(|(value, name)| (value, name.parse().ok(), name)).collect();
    keyed.sort_by(|one, other| one.0.total_cmp(&other.0).then_with(|| (one.1, &one.2).cmp(&(other.1, &other.2))));
    keyed.into_iter().map(|(.., name)| name).collect()
}

/// Distinct numbers in ascending order are the classes.
fn number_classes(values: &[f64], choice: TaskChoice) -> Result<Target, String> {
    let mut distinct = values.to_vec();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup();
    check_count(distinct.len(), values.len(), choice)?;
    let class_of = |value: &f64| distinct.partition_point(|known| known < value) as u32;
    let labels = values.iter().map(class_of).collect();
    Ok(Target::Classes { labels, names: distinct.into_iter().map(name_of).collect() })
}

fn check_count(classes: usize, rows: usize, choice: TaskChoice) -> Result<(), String> {
    if rows > 0 && classes < 2 {
        return Err("every row has the same class, so there is nothing to learn; check --target".to_string());
    }
    if recur(classes, rows) {
        return Ok(());
    }
    // What the option does not help with is not to be tried in vain.
    let (most, or) = match choice == TaskChoice::Classification || classes > MOST_UNCHECKED_CLASSES {
        true => (MOST_UNCHECKED_CLASSES, ""),
        false => (MOST_GUESSED_CLASSES, ", or train with --task classification"),
    };
    if classes > most {
        let advice = "is this column an identifier or a free text? choose another --target";
        return Err(format!(
            "the target has {classes} different labels in {rows} rows, and more than {most} are classes only where there are two rows a label, on average; {advice}{or}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_sorted_classes() {
        let raw = RawTarget::Text(["dog", "cat", "dog"].map(String::from).to_vec());
        let Ok(Target::Classes { labels, names }) = interpret(raw, TaskChoice::Auto, &[]) else {
            panic!("classes expected")
        };
        assert_eq!((labels, names), (vec![1, 0, 1], vec!["cat".to_string(), "dog".to_string()]));
    }

    #[test]
    fn whole_numbers_become_classes_in_numeric_order() {
        let raw = RawTarget::Numbers(vec![10.0, 9.0, -1.0, 9.0, -1.0, 9.0]);
        let Ok(Target::Classes { labels, names }) = interpret(raw, TaskChoice::Auto, &[]) else {
            panic!("classes expected")
        };
        assert_eq!((labels, names), (vec![2, 1, 0, 1, 0, 1], ["-1", "9", "10"].map(String::from).to_vec()));
    }

    #[test]
    fn whole_numbers_that_f64_rounds_keep_their_text() {
        let of = |text: &str| is_rounded(text, text.parse().expect("a number"));
        for exact in ["0", "-7", "007", "9007199254740992", "9007199254740994", "100000000000000000000", "1e300", "0.1"]
        {
            assert!(!of(exact), "{exact}");
        }
        for rounded in ["9007199254740993", "-9007199254740993", "0009007199254740993", "100000000000000000001"] {
            assert!(of(rounded), "{rounded}");
        }
    }

    /// One long number among classes changes the order of none.
    #[test]
    fn texts_that_are_numbers_are_classes_in_numeric_order() {
        let sorted = ["-9007199254740993", "-1", "0.5", "9", "10", "9999999999999999999", "10000000000000000001"];
        let raw =
            RawTarget::Text(["10", "9"].iter().chain(&sorted).chain(&sorted).map(|text| text.to_string()).collect());
        let Ok(Target::Classes { labels, names }) = interpret(raw, TaskChoice::Classification, &[]) else {
            panic!("classes expected")
        };
        assert_eq!(names, sorted);
        assert_eq!(labels[..9], [4, 3, 0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn fractions_and_many_values_are_numbers() {
        assert!(matches!(interpret(RawTarget::Numbers(vec![0.5, 1.0]), TaskChoice::Auto, &[]), Ok(Target::Values(_))));
        let many = (0..30).map(f64::from).collect();
        assert!(matches!(interpret(RawTarget::Numbers(many), TaskChoice::Auto, &[]), Ok(Target::Values(_))));
    }

    /// The prices of fifteen houses are no fifteen classes.
    #[test]
    fn whole_numbers_that_do_not_recur_are_numbers() {
        let of = |distinct: u32, rows: u32| {
            let values = (0..rows).map(|row| f64::from(row % distinct)).collect();
            interpret(RawTarget::Numbers(values), TaskChoice::Auto, &[])
        };
        for (distinct, rows, classes) in [
            (15, 15, false),
            (8, 15, false),
            (7, 15, true),
            (2, 3, false),
            (2, 4, true),
            (20, 40, true),
            (20, 39, false),
        ] {
            let target = of(distinct, rows).expect("sound");
            assert_eq!(matches!(target, Target::Classes { .. }), classes, "{distinct} numbers in {rows} rows");
        }
    }

    /// Names that hardly ever recur are asked about; who says that they are classes is believed, up to a thousand.
    #[test]
    fn text_that_does_not_recur_is_refused() {
        let of = |distinct: usize, rows: usize, choice| {
            let labels = (0..rows).map(|row| format!("n{}", row % distinct)).collect();
            interpret(RawTarget::Text(labels), choice, &[])
        };
        let told = TaskChoice::Classification;
        for (distinct, rows, choice, words) in [
            (800, 800, TaskChoice::Auto, "800 different labels in 800 rows"),
            (21, 41, TaskChoice::Auto, "or train with --task classification"),
            (21, 41, TaskChoice::Auto, "and more than 20 are classes only where"),
            (1001, 2001, told, "1001 different labels in 2001 rows, and more than 1000 are classes only where"),
            (1001, 2001, TaskChoice::Auto, "and more than 1000 are classes only where"),
        ] {
            let error = of(distinct, rows, choice).expect_err(words);
            let Unfit { row, what } = error;
            assert!(row.is_none() && what.contains(words) && what.contains("choose another --target"), "{what}");
            // It is offered where it helps.
            assert_eq!(what.contains("--task"), of(distinct, rows, told).is_ok(), "{what}");
        }
        for (distinct, rows, choice) in
            [(20, 20, TaskChoice::Auto), (21, 42, TaskChoice::Auto), (800, 800, told), (1001, 2002, told)]
        {
            assert!(of(distinct, rows, choice).is_ok(), "{distinct} labels in {rows} rows");
        }
    }

    #[test]
    fn the_choice_overrides() {
        let classes = interpret(RawTarget::Numbers(vec![0.5, 1.0]), TaskChoice::Classification, &[]);
        assert!(matches!(classes, Ok(Target::Classes { .. })));
        let values = interpret(RawTarget::Numbers(vec![0.0, 1.0]), TaskChoice::Regression, &[]);
        assert!(matches!(values, Ok(Target::Values(_))));
        assert!(interpret(RawTarget::Text(vec!["a".into(), "b".into()]), TaskChoice::Regression, &[]).is_err());
    }

    #[test]
    fn known_classes_are_found_by_name() {
        let known = ["1", "2", "other"].map(String::from);
        let target = interpret(RawTarget::Numbers(vec![2.0, 2.0]), TaskChoice::Classification, &known);
        assert_eq!(target, Ok(Target::Classes { labels: vec![1, 1], names: known.to_vec() }));
        let unknown = interpret(RawTarget::Numbers(vec![2.0, 3.0]), TaskChoice::Classification, &known);
        assert_eq!(
            unknown,
            Err(Unfit { row: Some(1), what: "‘3’ is none of the model's classes (1, 2, other)".to_string() })
        );
    }

    #[test]
    fn a_name_stands_where_it_stands_first() {
        let names = ["b", "a", "b"].map(String::from);
        assert_eq!(places_of(&names), BTreeMap::from([("a", 1), ("b", 0)]));
        // As many as no search row by row would get through.
        let many: Vec<String> = (0..20_000).map(|class| format!("c{class}")).collect();
        let labels: Vec<String> = (0..400_000).map(|row| many[row * 7919 % many.len()].clone()).collect();
        let target = interpret(RawTarget::Text(labels), TaskChoice::Classification, &many).expect("known");
        let Target::Classes { labels, .. } = target else { panic!("classes expected") };
        assert!(labels.iter().enumerate().all(|(row, &class)| class as usize == row * 7919 % many.len()));
    }

    #[test]
    fn one_class_is_refused() {
        assert!(interpret(RawTarget::Text(vec!["a".into(), "a".into()]), TaskChoice::Auto, &[]).is_err());
    }
}
