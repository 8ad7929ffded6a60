//! From a column of raw targets to a task: text is classes, a few whole numbers are classes, the rest are numbers.

use std::collections::BTreeSet;

use super::Target;

/// Whole-numbered targets with at most this many distinct values are taken for classes, unless told otherwise.
pub(super) const MOST_NUMERIC_CLASSES: usize = 20;

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

/// Decides what the column means, where `known` names the classes of a model that is to be measured, if any. `Err` says,
/// in words, why the column cannot mean what was asked for.
pub(super) fn interpret(raw: RawTarget, choice: TaskChoice, known: &[String]) -> Result<Target, String> {
    if !known.is_empty() {
        return known_classes(raw, known);
    }
    match (raw, choice) {
        (RawTarget::Text(_), TaskChoice::Regression) => {
            Err("the target is text, which no regression can learn; drop --task regression".to_string())
        }
        (RawTarget::Text(labels), _) => text_classes(labels),
        (RawTarget::Numbers(values), TaskChoice::Regression) => Ok(Target::Values(values)),
        (RawTarget::Numbers(values), TaskChoice::Classification) => number_classes(&values),
        (RawTarget::Numbers(values), TaskChoice::Auto) if looks_like_classes(&values) => number_classes(&values),
        (RawTarget::Numbers(values), TaskChoice::Auto) => Ok(Target::Values(values)),
    }
}

/// Each label by its name among the known classes.
fn known_classes(raw: RawTarget, known: &[String]) -> Result<Target, String> {
    let texts = match raw {
        RawTarget::Text(labels) => labels,
        RawTarget::Numbers(values) => values.iter().map(f64::to_string).collect(),
    };
    let class_of = |(row, text): (usize, &String)| {
        known.iter().position(|name| name == text).map(|class| class as u32).ok_or_else(|| {
            let shown: Vec<&str> = known.iter().take(12).map(String::as_str).collect();
            format!("row {}: ‘{text}’ is none of the model's classes ({})", row + 1, shown.join(", "))
        })
    };
    let labels = texts.iter().enumerate().map(class_of).collect::<Result<_, _>>()?;
    Ok(Target::Classes { labels, names: known.to_vec() })
}

/// Few distinct whole numbers.
fn looks_like_classes(values: &[f64]) -> bool {
    let mut distinct = BTreeSet::new();
    for &value in values {
        if value.fract() != 0.0 || value.abs() > 1e9 {
            return false;
        }
        distinct.insert(value as i64);
        if distinct.len() > MOST_NUMERIC_CLASSES {
            return false;
        }
    }
    distinct.len() >= 2
}

/// Distinct texts in sorted order are the classes.
fn text_classes(labels: Vec<String>) -> Result<Target, String> {
    let names: Vec<String> = labels.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect();
    check_count(names.len(), labels.len())?;
    let labels = labels.iter().map(|label| names.binary_search(label).unwrap_or(0) as u32).collect();
    Ok(Target::Classes { labels, names })
}

/// Distinct numbers in ascending order are the classes.
fn number_classes(values: &[f64]) -> Result<Target, String> {
    let mut distinct = values.to_vec();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup();
    check_count(distinct.len(), values.len())?;
    let class_of = |value: &f64| distinct.partition_point(|known| known < value) as u32;
    let labels = values.iter().map(class_of).collect();
    Ok(Target::Classes { labels, names: distinct.iter().map(f64::to_string).collect() })
}

fn check_count(classes: usize, rows: usize) -> Result<(), String> {
    if rows > 0 && classes < 2 {
        return Err("every row has the same class, so there is nothing to learn; check --target".to_string());
    }
    if classes > 1000 && classes * 2 > rows {
        let advice = "is this column an identifier or a free text? choose another --target";
        return Err(format!("the target has {classes} different labels in {rows} rows; {advice}"));
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
        let raw = RawTarget::Numbers(vec![10.0, 9.0, -1.0, 9.0]);
        let Ok(Target::Classes { labels, names }) = interpret(raw, TaskChoice::Auto, &[]) else {
            panic!("classes expected")
        };
        assert_eq!((labels, names), (vec![2, 1, 0, 1], vec!["-1".to_string(), "9".to_string(), "10".to_string()]));
    }

    #[test]
    fn fractions_and_many_values_are_numbers() {
        assert!(matches!(interpret(RawTarget::Numbers(vec![0.5, 1.0]), TaskChoice::Auto, &[]), Ok(Target::Values(_))));
        let many = (0..30).map(f64::from).collect();
        assert!(matches!(interpret(RawTarget::Numbers(many), TaskChoice::Auto, &[]), Ok(Target::Values(_))));
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
        assert_eq!(unknown, Err("row 2: ‘3’ is none of the model's classes (1, 2, other)".to_string()));
    }

    #[test]
    fn one_class_is_refused() {
        assert!(interpret(RawTarget::Text(vec!["a".into(), "a".into()]), TaskChoice::Auto, &[]).is_err());
    }
}
