//! What each column of a CSV file is for: target or feature, copied or dropped, as the options say, and as a model learnt it.

use super::DataError;
use super::csv::CsvOptions;
use super::target::places_of;
use super::words::{clip, listed};

/// Which column is the target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TargetColumn {
    /// The last one.
    #[default]
    Last,
    /// A name of the header, or an index from 0, or from −1 backwards.
    Given(String),
    /// The one that a model learnt. Where both have names, the one of this name, or, where no column has it and some are dropped, the only one that
    /// is left beside the model's features. Else the one at this place, or the last where it is not known.
    Learnt {
        /// Its name, if it had one.
        name: Option<String>,
        /// Its place, counted from 0, if that was kept.
        at: Option<usize>,
    },
    /// None, but this column, given likewise, is not a feature either: for data to predict on.
    Dropped(String),
    /// None: for data to predict on.
    Absent,
    /// None; but in a file whose columns cannot be told by name, and which has one more than a model takes, the one at the place where the model learnt
    /// its target is no feature: data to predict on is often that which was learnt from.
    Beside {
        /// How many features the model takes.
        inputs: usize,
        /// The place of its target, counted from 0.
        at: usize,
    },
}

impl TargetColumn {
    /// Whether the targets are to be read.
    pub(super) fn is_wanted(&self) -> bool {
        !matches!(self, Self::Dropped(_) | Self::Absent | Self::Beside { .. })
    }
}

/// What each column of the file is for.
pub(super) struct Columns {
    /// How many there are.
    pub(super) count: usize,
    /// In the order of a model, if there is one that names them.
    pub(super) features: Vec<usize>,
    pub(super) target: Option<usize>,
    /// No feature, see [`TargetColumn::Beside`].
    pub(super) left_out: Option<usize>,
    /// To copy, whatever else they are.
    pub(super) kept: Vec<usize>,
}

impl Columns {
    /// Decides what each of so many is for; `name` is the file's, `names` are theirs, where it has any.
    pub(super) fn settle(
        name: &str,
        count: usize,
        names: Option<&[String]>,
        options: &CsvOptions,
    ) -> Result<Self, DataError> {
        let mut taken = vec![false; count];
        for wanted in &options.drop {
            taken[resolve(name, "--drop", wanted, count, names)?] = true;
        }
        let target = match &options.target {
            TargetColumn::Last => Some(usual_target(name, count, names, &options.features)?),
            TargetColumn::Given(wanted) | TargetColumn::Dropped(wanted) => {
                Some(resolve(name, "--target", wanted, count, names)?)
            }
            TargetColumn::Learnt { name: learnt, at } => Some(match (learnt, names, *at) {
                (Some(learnt), Some(names), _) => learnt_target(name, learnt, names, &taken, &options.features)?,
                (_, names, Some(column)) if names.is_none() || options.features.is_empty() => {
                    column_learnt(name, column, count)?
                }
                _ => usual_target(name, count, names, &options.features)?,
            }),
            TargetColumn::Absent => None,
            TargetColumn::Beside { inputs, at } => {
                let is_told_by_place = names.is_none() || options.features.is_empty();
                let left = taken.iter().filter(|taken| !**taken).count();
                (is_told_by_place && left == inputs + 1 && taken.get(*at) == Some(&false)).then_some(*at)
            }
        };
        if let Some(target) = target {
            if taken[target] {
                return Err(DataError::Usage(format!("{name}: --drop names the target")));
            }
            taken[target] = true;
        }
        let features: Vec<usize> = match names {
            Some(names) if !options.features.is_empty() => {
                let wanted = wanted_features(name, names, &options.features)?;
                if let Some(&column) = wanted.iter().find(|&&column| taken[column]) {
                    let option = if target == Some(column) { "--target" } else { "--drop" };
                    let what = "which is one of the model's features: it cannot do without";
                    return Err(DataError::Usage(format!("{name}: {option} names ‘{}’, {what}", clip(&names[column]))));
                }
                wanted
            }
            _ => (0..count).filter(|&column| !taken[column]).collect(),
        };
        if features.is_empty() {
            let delimiters = "is the delimiter right? --delimiter sets it";
            return Err(DataError::whole(name, format!("no column is left for the features; {delimiters}")));
        }
        let kept = options
            .keep
            .iter()
            .map(|wanted| resolve(name, "--keep", wanted, count, names))
            .collect::<Result<_, _>>()?;
        let left_out = target.filter(|_| matches!(options.target, TargetColumn::Beside { .. }));
        Ok(Self { count, features, target: target.filter(|_| options.target.is_wanted()), left_out, kept })
    }
}

/// The last column; but where a model's features are known and the last is one of them, the last that is none.
fn usual_target(name: &str, count: usize, names: Option<&[String]>, features: &[String]) -> Result<usize, DataError> {
    let Some(names) = names.filter(|_| !features.is_empty()) else { return Ok(count - 1) };
    let learnt = places_of(features);
    names.iter().rposition(|name| !learnt.contains_key(name.as_str())).ok_or_else(|| no_target(name))
}

fn no_target(name: &str) -> DataError {
    let what = "every column is one of the model's features, so none is the target; add its column";
    DataError::Usage(format!("{name}: {what}"))
}

/// The column at the place where a model learnt it.
fn column_learnt(name: &str, column: usize, count: usize) -> Result<usize, DataError> {
    match column < count {
        true => Ok(column),
        false => Err(DataError::Usage(format!(
            "{name}: the model learnt column {column}, and there are no names to find it by, but here the last is {} (options count from 0); \
             say with --target which it is",
            count - 1
        ))),
    }
}

/// The column that a model learnt. A file that calls it otherwise has it all the same where a single column can be meant, by who said which others
/// to leave out; a single column beside the features may else be the rows' number or name.
fn learnt_target(
    name: &str,
    learnt: &str,
    names: &[String],
    dropped: &[bool],
    features: &[String],
) -> Result<usize, DataError> {
    if let Some(column) = names.iter().position(|known| known == learnt) {
        return Ok(column);
    }
    let known = places_of(features);
    let others: Vec<usize> = (0..names.len()).filter(|&column| !known.contains_key(names[column].as_str())).collect();
    let left: Vec<usize> = others.iter().copied().filter(|&column| !dropped[column]).collect();
    match left[..] {
        [column] if others.len() > left.len() => Ok(column),
        _ if others.is_empty() => Err(no_target(name)),
        _ => {
            let left: Vec<String> = left.iter().map(|&column| names[column].clone()).collect();
            let candidates = if left.is_empty() { "all others are dropped".to_string() } else { listed(&left) };
            Err(DataError::Usage(format!(
                "{name}: the model learnt the column ‘{}’, which is missing; say with --target which it is ({candidates})",
                clip(learnt)
            )))
        }
    }
}

fn wanted_features(name: &str, names: &[String], wanted: &[String]) -> Result<Vec<usize>, DataError> {
    let places = places_of(names);
    let find = |feature: &String| {
        places.get(feature.as_str()).map(|&column| column as usize).ok_or_else(|| {
            DataError::whole(name, format!("the model was trained on a column ‘{}’, which is missing", clip(feature)))
        })
    };
    wanted.iter().map(find).collect()
}

/// A column by name, else by index from the front or, negative, from the back.
fn resolve(name: &str, option: &str, wanted: &str, count: usize, names: Option<&[String]>) -> Result<usize, DataError> {
    if let Some(column) = names.and_then(|names| names.iter().position(|known| known == wanted)) {
        return Ok(column);
    }
    match wanted.parse::<i64>() {
        Ok(index) if index >= 0 && (index as u64) < count as u64 => Ok(index as usize),
        Ok(index) if index < 0 && index.unsigned_abs() <= count as u64 => Ok(count - index.unsigned_abs() as usize),
        Ok(index) => Err(DataError::Usage(format!(
            "{name}: {option} {index} is outside the file's {count} columns (0 to {}, or -1 to -{count})",
            count - 1
        ))),
        Err(_) => Err(DataError::Usage(match names {
            Some(names) => format!("{name}: no column is named ‘{wanted}’ ({option}); there are {}", listed(names)),
            None => format!(
                "{name}: the file has no header, so {option} takes an index, not ‘{wanted}’; or say --header, if its \
                 first line names the columns"
            ),
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Features, read_csv};

    /// Columns of measured genes are many. Were each looked for among all, this would take minutes.
    #[test]
    fn the_features_of_a_model_are_found_among_many_columns() {
        const COLUMNS: usize = 60_000;
        let name = |column: usize| format!("gene {column}");
        let row = |field: &dyn Fn(usize) -> String| (0..COLUMNS).map(field).collect::<Vec<_>>().join(",");
        let text = format!("{},kind\n{},a\n", row(&name), row(&|column| column.to_string()));
        for target in [
            TargetColumn::Learnt { name: Some("kind".to_string()), at: None },
            TargetColumn::Learnt { name: None, at: None },
        ] {
            let features: Vec<String> = (0..COLUMNS).rev().map(name).collect();
            let known_classes = ["a", "b"].map(String::from).to_vec();
            let options = CsvOptions { target, features, is_for_model: true, known_classes, ..CsvOptions::default() };
            let data = read_csv("t.csv", text.as_bytes(), &options).expect("sound");
            let reversed: Vec<f64> = (0..COLUMNS).rev().map(|column| column as f64).collect();
            assert_eq!((data.places.target, &data.features), (Some(COLUMNS), &Features::Floats(reversed)));
        }
    }
}
