//! What a file says of a model beside its weights, as JSON.

use super::FileError;
use super::json::Json;
use crate::data::Standardisation;
use crate::mlp::{About, Builder, Provenance};
use crate::{Activation, Element, Loss, Mlp, Named, Output};

/// The version of the format that is written.
const VERSION: u64 = 1;

/// Everything but the weights.
pub(crate) fn of_model<T: Element>(model: &Mlp<T>, kind: &str) -> Json {
    let about = &model.about;
    let names = |names: &[String]| Json::List(names.iter().map(Json::text).collect());
    let mut card = vec![
        ("version", Json::Whole(VERSION)),
        ("kind", Json::text(kind)),
        ("widths", Json::List(model.widths().iter().map(|&n| Json::Whole(n as u64)).collect())),
        ("hidden", Json::text(model.hidden().to_string())),
        ("output", Json::text(model.output.name())),
        ("loss", about.loss.map_or(Json::Null, of_loss)),
        ("seed", Json::Whole(about.seed)),
        ("inputs", standardisation(about.inputs.as_ref())),
        ("targets", standardisation(about.targets.as_ref())),
        ("classes", names(&about.classes)),
        ("features", names(&about.features)),
        ("target_name", about.target_name.as_ref().map_or(Json::Null, Json::text)),
        ("test_share", about.test_share.map_or(Json::Null, Json::real)),
    ];
    // Models that know nothing of these two have the files that they had before these were kept.
    card.extend(about.target_column.map(|column| ("target_column", Json::Whole(column as u64))));
    card.extend(about.provenance.map(|provenance| ("provenance", of_provenance(provenance))));
    Json::Object(card.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// A loss, its words joined by `_`, as files have had them from the first.
pub(crate) fn of_loss(loss: Loss) -> Json {
    Json::text(loss.name().replace('-', "_"))
}

/// The loss that [`of_loss`] wrote.
pub(crate) fn loss(json: &Json) -> Option<Loss> {
    json.as_text()?.parse().ok()
}

/// The description of the model that a card speaks of.
pub(crate) fn to_builder<T: Element>(card: &Json, kind: &str) -> Result<Builder<T>, FileError> {
    match card.get("version").as_u64() {
        Some(VERSION) => {}
        Some(other) => return Err(FileError::Version(other)),
        None => return Err(wrong("version")),
    }
    if card.get("kind").as_text() != Some(kind) {
        return Err(FileError::Metadata(format!("this is no {kind}, but a {}", card.get("kind"))));
    }
    let text = |json: &Json| json.as_text().map(str::to_owned);
    let named = |key| card.get(key).as_list(text).ok_or_else(|| wrong(key));
    let about = About {
        seed: card.get("seed").as_u64().ok_or_else(|| wrong("seed"))?,
        loss: card.nullable("loss", loss).ok_or_else(|| wrong("loss"))?,
        inputs: card.nullable("inputs", read_standardisation).ok_or_else(|| wrong("inputs"))?,
        targets: card.nullable("targets", read_standardisation).ok_or_else(|| wrong("targets"))?,
        classes: named("classes")?,
        features: named("features")?,
        // Files of before these four were kept have none of them.
        target_name: added(card, "target_name", text)?,
        target_column: added(card, "target_column", Json::as_usize)?,
        test_share: added(card, "test_share", Json::as_f64)?,
        provenance: added(card, "provenance", read_provenance)?,
    };
    let widths = card.get("widths").as_list(Json::as_usize).ok_or_else(|| wrong("widths"))?;
    let hidden = card.get("hidden").as_text().and_then(|name| name.parse::<Activation>().ok());
    let output = card.get("output").as_text().and_then(|name| name.parse::<Output>().ok());
    let (hidden, output) = (hidden.ok_or_else(|| wrong("hidden"))?, output.ok_or_else(|| wrong("output"))?);
    Ok(Builder::described(widths, hidden, output, about))
}

/// An entry that is missing or of the wrong kind.
pub(crate) fn wrong(key: &str) -> FileError {
    FileError::Metadata(format!("the entry {key:?} is missing or makes no sense"))
}

fn of_provenance(Provenance { rows, fingerprint }: Provenance) -> Json {
    Json::object([("rows", Json::Whole(rows as u64)), ("fingerprint", Json::Whole(fingerprint))])
}

fn read_provenance(json: &Json) -> Option<Provenance> {
    Some(Provenance { rows: json.get("rows").as_usize()?, fingerprint: json.get("fingerprint").as_u64()? })
}

fn standardisation(standardisation: Option<&Standardisation>) -> Json {
    match standardisation {
        None => Json::Null,
        Some(s) => Json::object([("mean", Json::reals(s.mean())), ("scale", Json::reals(s.scale()))]),
    }
}

fn read_standardisation(json: &Json) -> Option<Standardisation> {
    let numbers = |key| json.get(key).as_list(Json::as_f64);
    Standardisation::new(numbers("mean")?, numbers("scale")?).ok()
}

/// An entry that files have had since, or null.
fn added<R>(card: &Json, key: &str, read: impl FnOnce(&Json) -> Option<R>) -> Result<Option<R>, FileError> {
    card.absent_or(key, read).ok_or_else(|| wrong(key))
}
