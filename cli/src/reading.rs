//! From the options of the command line to how a file is read: for training, and for a model that knows what it wants.

use deltarule::Output;

use crate::any_model::AnyModel;
use crate::arguments::{DataArguments, ModelDataArguments, PartChoice};
use crate::data::words::{clip, listed};
use crate::data::{CsvOptions, Dataset, Header, Source, Split, TargetColumn, TaskChoice, USUAL_TEST_SHARE, load};
use crate::failure::Failure;
use crate::fingerprint;
use crate::say::{counted, grouped, note};

/// How training data is read.
pub(crate) fn training_options(arguments: &DataArguments, task: TaskChoice) -> CsvOptions {
    CsvOptions {
        target: arguments.target.clone().map_or(TargetColumn::Last, TargetColumn::Given),
        task,
        header: match (arguments.header, arguments.no_header) {
            (true, _) => Header::Present,
            (_, true) => Header::Missing,
            _ => Header::Detect,
        },
        drop: arguments.drop.clone(),
        delimiter: arguments.delimiter,
        ..CsvOptions::default()
    }
}

/// How data is read to measure a model with. Where nobody names the target it is the column that the model learnt, not whichever is the last.
fn evaluation_options(arguments: &DataArguments, model: &AnyModel) -> CsvOptions {
    let task = match model.output() {
        Output::Linear => TaskChoice::Regression,
        _ => TaskChoice::Classification,
    };
    let training = training_options(arguments, task);
    let about = model.about();
    let target = match training.target {
        TargetColumn::Last => TargetColumn::Learnt { name: about.target_name.clone(), at: about.target_column },
        target => target,
    };
    CsvOptions {
        target,
        features: about.features.clone(),
        is_for_model: true,
        known_classes: model.classes(),
        ..training
    }
}

/// How data is read to predict on: a target may be there, but need not, unless it decides which rows are in a part.
fn prediction_options(arguments: &ModelDataArguments, model: &AnyModel, keep: &[String]) -> CsvOptions {
    let options = CsvOptions { keep: keep.to_vec(), ..evaluation_options(&arguments.reading, model) };
    match (arguments.part, &arguments.reading.target) {
        (Some(PartChoice::Test | PartChoice::Rest), _) => options,
        (_, Some(target)) => CsvOptions { target: TargetColumn::Dropped(target.clone()), ..options },
        (_, None) => {
            let beside = |at| TargetColumn::Beside { inputs: model.inputs(), at };
            CsvOptions { target: model.about().target_column.map_or(TargetColumn::Absent, beside), ..options }
        }
    }
}

/// What a model is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose<'a> {
    /// Rows with targets, to measure it.
    Evaluation,
    /// Rows to answer for.
    Prediction {
        /// Columns to copy beside the answers.
        keep: &'a [String],
    },
}

/// Data for a model, and the rows of it that were asked for.
pub(crate) struct Subject {
    /// The data, its classes in the model's order.
    pub data: Dataset,
    /// Rows to look at.
    pub rows: Vec<usize>,
    /// Which they are.
    pub part: PartChoice,
    /// Whether all rows together are those that the model's training had, where that can be told.
    pub is_of_training: Option<bool>,
}

impl Subject {
    /// Loads data for `model`, and checks that it fits.
    pub(crate) fn load(
        arguments: &ModelDataArguments,
        model: &AnyModel,
        purpose: Purpose<'_>,
    ) -> Result<Self, Failure> {
        let options = match purpose {
            Purpose::Evaluation => evaluation_options(&arguments.reading, model),
            Purpose::Prediction { keep } => prediction_options(arguments, model, keep),
        };
        let source = Source::parse(&arguments.data)?;
        let mut data = load(&source, &options)?;
        if data.columns != model.inputs() {
            return Err(Failure::Misuse(format!(
                "{}: a row has {}, but the model takes {}; {}",
                data.name,
                counted(data.columns as u64, "feature", "features"),
                model.inputs(),
                advice_on_columns(&source, data.columns > model.inputs())
            )));
        }
        tell_of_places(&data, model);
        if let Some(column) = data.places.left_out {
            note(&format!(
                "warning: {}: column {column} is left out, where the model learnt its target; if another one is no feature, name that with --drop \
                 (options count from 0)",
                data.name
            ));
        }
        if matches!(source, Source::Csv(_)) {
            tell_of_target(&data, model, arguments.reading.target.is_some());
        }
        let known = model.classes();
        if purpose == Purpose::Evaluation {
            if data.class_names().is_empty() != known.is_empty() {
                let (has, wants) = if known.is_empty() { ("classes", "numbers") } else { ("numbers", "classes") };
                return Err(Failure::Misuse(format!(
                    "{}: the target is {has}, but the model answers {wants}",
                    data.name
                )));
            }
            data.align_classes(&known)?;
        }
        let kept = model.about().test_share.filter(|_| data.official_test.is_none());
        let is_of_training = is_of_training(&data, model);
        let part = arguments.part.unwrap_or(usual_part(&data, kept, is_of_training));
        tell_of_unused_share(&data, arguments.test_split);
        // Rows that the data sets apart itself are the test whatever the share.
        let share = match data.official_test {
            Some(_) => USUAL_TEST_SHARE,
            None => share_of(part, arguments, kept)?,
        };
        if part != PartChoice::All && data.official_test.is_none() {
            refuse_other_rows(&data, model, is_of_training)?;
        }
        let rows = rows_of_part(&data, part, share)?;
        Ok(Self { data, rows, part, is_of_training })
    }
}

/// Whether the data has the rows that the model's training had, in their order; `None` where the model does not say.
fn is_of_training(data: &Dataset, model: &AnyModel) -> Option<bool> {
    let learnt = model.about().provenance?;
    Some(data.rows == learnt.rows && fingerprint::of_rows(data) == learnt.fingerprint)
}

/// Refuses to draw a part of other rows than those that training drew it from: one row more, and rows that were learnt from are in the test.
fn refuse_other_rows(data: &Dataset, model: &AnyModel, is_of_training: Option<bool>) -> Result<(), Failure> {
    let learnt = match (model.about().provenance, is_of_training) {
        (Some(learnt), Some(false)) => learnt,
        (Some(_), _) => return Ok(()),
        (None, _) => {
            note(
                "warning: the model's file does not say which rows it learnt from; whether some are in this part cannot be checked",
            );
            return Ok(());
        }
    };
    let differ = match learnt.rows == data.rows {
        true => "these are others, or in another order".to_string(),
        false => format!("these are {}", grouped(data.rows as u64)),
    };
    Err(Failure::Misuse(format!(
        "{}: the training drew its parts from {}, and {differ}: which of them the model has seen is not known; give the file as it was then, \
         with its --target and --drop, or say --part all",
        data.name,
        counted(learnt.rows as u64, "row", "rows")
    )))
}

/// Says where a model that knows its features by name finds them by their places alone.
fn tell_of_places(data: &Dataset, model: &AnyModel) {
    let learnt = &model.about().features;
    if learnt.is_empty() || !data.feature_names.is_empty() {
        return;
    }
    let target = match data.places.target {
        Some(column) => format!(", and column {column} for the target (options count from 0)"),
        None => String::new(),
    };
    note(&format!(
        "warning: {} has no names of columns; they are taken, as they stand, for those that the model learnt: {}{target}",
        data.name,
        listed(learnt)
    ));
}

/// Says where the target is another column than the model learnt.
fn tell_of_target(data: &Dataset, model: &AnyModel, is_given: bool) {
    let about = model.about();
    if let (Some(learnt), false) = (&about.target_name, data.target_name.is_empty()) {
        if data.target_name != *learnt {
            let why = if is_given { "as --target says" } else { "the only column that is left" };
            let (learnt, here) = (clip(learnt), clip(&data.target_name));
            note(&format!("the model learnt ‘{learnt}’; its target here is ‘{here}’, {why}"));
        }
        return;
    }
    // Where one of them has no names, there are places.
    if let (Some(learnt), Some(here)) = (about.target_column, data.places.target)
        && is_given
        && learnt != here
    {
        note(&format!(
            "the model learnt column {learnt}; its target here is column {here}, as --target says (options count from 0)"
        ));
    }
}

/// What to do about rows that have other columns than the model: only of a text table some can be left out.
fn advice_on_columns(source: &Source, are_too_many: bool) -> &'static str {
    match (source, are_too_many) {
        (Source::Csv(_), true) => "name a column that is no feature with --target or --drop",
        (Source::Csv(_), false) => {
            "give a file with all the columns that it learnt from, and for eval with the target besides"
        }
        (Source::Npy(..), _) => "save the array with the columns that it learnt from, in their order",
        (Source::IdxFolder(_) | Source::IdxImages(_), _) => "give images of the size that it learnt from",
        (Source::Builtin(_) | Source::FashionMnist, _) => {
            "give the data that it learnt from, or a file with the same columns"
        }
    }
}

/// The part that the model has not seen, as far as it is known which that is; else all rows.
fn usual_part(data: &Dataset, kept: Option<f64>, is_of_training: Option<bool>) -> PartChoice {
    match data.official_test.is_some() || data.built_in && kept != Some(0.0) && is_of_training != Some(false) {
        true => PartChoice::Test,
        false => PartChoice::All,
    }
}

/// Says where a share of the rows was asked for as the test, but the data sets rows apart itself.
pub(crate) fn tell_of_unused_share(data: &Dataset, asked: Option<f64>) {
    if asked.is_some() && data.official_test.is_some() {
        note(&format!("--test-split is not used: {} has a test part of its own", data.name));
    }
}

/// The share of the test part: what is asked for, else what the model `kept` from its training, else the usual. A model that kept no row
/// has learnt from any that would be called the test.
fn share_of(part: PartChoice, arguments: &ModelDataArguments, kept: Option<f64>) -> Result<f64, Failure> {
    let asked = arguments.test_split;
    match (part, asked, kept) {
        (PartChoice::Test, _, Some(0.0)) => Err(Failure::Misuse(
            "--part test: the model kept no rows for the test (it learnt with --test-split 0); say --part all for data that it \
             has not learnt from"
                .to_string(),
        )),
        (PartChoice::Test, Some(0.0), _) => Err(Failure::Misuse(
            match arguments.part {
                Some(_) => "--part test: with --test-split 0 there is no such part; leave it out",
                None => "--test-split 0 leaves no test part to look at; leave it out, or say --part all",
            }
            .to_string(),
        )),
        (PartChoice::Test | PartChoice::Rest, Some(asked), Some(kept)) if asked != kept => {
            note(&format!("the model learnt with --test-split {kept}, not {asked}: the parts are not those of its training"));
            Ok(asked)
        }
        (PartChoice::All, Some(asked), _) => {
            note("--test-split is not used: all rows are taken, and none set apart");
            Ok(asked)
        }
        _ => Ok(asked.or(kept).unwrap_or(USUAL_TEST_SHARE)),
    }
}

fn rows_of_part(data: &Dataset, part: PartChoice, share: f64) -> Result<Vec<usize>, Failure> {
    if part == PartChoice::All {
        return Ok((0..data.rows).collect());
    }
    let split = Split::test_and_rest(data, share)?;
    Ok(if part == PartChoice::Test { split.test } else { split.train })
}
