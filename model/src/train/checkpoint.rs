//! Checkpoints: a run that is saved, loaded and carried on has the bits of the one that never stopped.
//!
//! A checkpoint is a safetensors file like a model's, with more tensors under prefixes (`moment1.`, `moment2.`, `aside.`,
//! `good.`), the [history](super::table), and the plan, the clock and the caller's note in the metadata. It does not hold the data, nor the
//! number of threads, on which nothing depends.

use super::settings::{plan_from_json, plan_to_json};
use super::state::{Clock, Good, State, Sums, Watch};
use super::{Trainer, table};
use crate::file::card::{self, wrong};
use crate::file::json::Json;
use crate::file::tensors::{Entry, Header, Writer};
use crate::file::{
    FileError, HISTORY, Parameters, check_layers, finite_parameters, in_file, names, open, push_layers, take_layer,
    write_tensors,
};
use crate::update::Memory;
use crate::{Element, Error, Layer, Mlp};
use deltarule_kernels::MatRef;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

const KIND: &str = "checkpoint";
/// The prefixes of the weights that the model holds, of those that early stopping keeps beside them, and of those that a roll-back returns to.
const LAST: &str = "";
const ASIDE: &str = "aside.";
const GOOD: &str = "good.";
/// The prefixes of the moments, and those of the moments that a roll-back returns to.
const MOMENTS: [&str; 2] = ["moment1.", "moment2."];
const GOOD_MOMENTS: [&str; 2] = ["good.moment1.", "good.moment2."];

impl<T: Element> Trainer<T> {
    /// Writes everything about the run to a file, whole or not at all. Between two calls of
    /// [`fit`](Trainer::fit), at any batch.
    ///
    /// # Errors
    /// Weights or a slope that are not finite, which no load would take; whatever the system says. The file is as it was then.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let write = || {
            self.check_weights()?;
            write_tensors(path, &self.to_bytes())
        };
        write().map_err(|problem| in_file(path, problem))
    }

    /// All weights that a checkpoint holds must be finite.
    fn check_weights(&self) -> Result<(), FileError> {
        check_layers(LAST, &self.model.layers)?;
        if let Some(aside) = &self.state.aside {
            check_layers(ASIDE, aside)?;
        }
        match &self.state.good {
            Some(good) => check_layers(GOOD, &good.layers),
            None => Ok(()),
        }
    }

    /// The bytes of a checkpoint, of the run as it is.
    pub fn to_bytes(&self) -> Vec<u8> {
        let state = &self.state;
        let mut card = card::of_model(&self.model, KIND);
        if let Json::Object(entries) = &mut card {
            entries.push(("plan".into(), plan_to_json(&self.plan)));
            entries.push(("state".into(), state_to_json(state)));
            entries.push(("note".into(), self.note.as_ref().map_or(Json::Null, Json::text)));
        }
        let mut writer = Writer::new(&card);
        // First, so that its numbers lie on multiples of eight bytes.
        let epochs = state.history.len();
        writer.push(HISTORY.to_owned(), &[epochs, table::COLUMNS], &table::to_table(&state.history));
        push_layers(&mut writer, LAST, &self.model.layers);
        push_memory(&mut writer, MOMENTS, &self.model.layers, &state.memory);
        if let Some(aside) = &state.aside {
            push_layers(&mut writer, ASIDE, aside);
        }
        if let Some(good) = &state.good {
            push_layers(&mut writer, GOOD, &good.layers);
            push_memory(&mut writer, GOOD_MOMENTS, &good.layers, &good.memory);
        }
        writer.finish()
    }

    /// Reads a checkpoint, to go on with [`fit`](Trainer::fit) on the same data. Runs on the calling thread until
    /// [`set_plan`](Trainer::set_plan) says otherwise.
    ///
    /// # Errors
    /// [`Error::File`], with what is wrong with the file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let read = || {
            let (mut source, len) = open(path)?;
            read_trainer(&mut source, len)
        };
        read().map_err(|problem| in_file(path, problem))
    }

    /// Reads a checkpoint from bytes.
    ///
    /// # Errors
    /// [`Error::Bytes`], with what is wrong with them.
    pub fn from_bytes(mut bytes: &[u8]) -> Result<Self, Error> {
        let len = bytes.len() as u64;
        Ok(read_trainer(&mut bytes, len)?)
    }
}

fn read_trainer<T: Element>(source: &mut impl Read, len: u64) -> Result<Trainer<T>, FileError> {
    let mut header = Header::read(source, len)?;
    let card = header.card.take().ok_or_else(|| FileError::Metadata("this is no checkpoint".into()))?;
    let builder = card::to_builder(&card, KIND)?;
    let plan = plan_from_json(card.get("plan")).ok_or_else(|| wrong("plan"))?;
    plan.check::<T>().map_err(|error| FileError::Metadata(error.to_string()))?;
    let note = card.absent_or("note", |note| note.as_text().map(str::to_owned)).ok_or_else(|| wrong("note"))?;
    let json = card.get("state");
    let flag = |key| json.get(key).as_bool().ok_or_else(|| wrong(key));

    let shapes: Vec<(usize, usize)> = builder.widths().windows(2).map(|pair| (pair[0], pair[1])).collect();
    let moments = plan.optimiser.rule.moments();
    let good_updates = json.nullable("good", count).ok_or_else(|| wrong("good"))?;
    // Beside the weights of now only early stopping keeps any.
    let has_aside = flag("aside")?;
    if has_aside && plan.early_stopping.is_none() {
        return Err(wrong("aside"));
    }
    let mut prefixes = vec![LAST];
    prefixes.extend(&MOMENTS[..moments]);
    prefixes.extend(has_aside.then_some(ASIDE));
    if good_updates.is_some() {
        prefixes.push(GOOD);
        prefixes.extend(&GOOD_MOMENTS[..moments]);
    }
    // All entries are checked before any data is read.
    let history = take_history(&mut header)?;
    let entries = take_groups::<T>(&mut header, &shapes, &prefixes)?;
    header.nothing_left()?;
    let data = header.data(source)?;
    let group = |prefix: &str| entries.get(prefix).map_or(&[][..], Vec::as_slice);

    let model = |prefix: &str| {
        let parameters = finite_parameters::<T>(group(prefix), &data)?;
        Mlp::from_parameters(&builder, &parameters).map_err(|error| FileError::Metadata(error.to_string()))
    };
    let trained = model(LAST)?;
    let mut state = State::new(&trained, plan.optimiser.rule);
    state_from_json(json, &mut state).ok_or_else(|| wrong("state"))?;
    state.history = table::from_table(&history.values::<f64>(&data)).ok_or_else(|| wrong(HISTORY))?;
    for (k, prefix) in MOMENTS[..moments].iter().enumerate() {
        set_moment(&mut state.memory, k, &parameters(group(prefix), &data))?;
    }
    if has_aside {
        state.aside = Some(model(ASIDE)?.layers);
    }
    state.restored = flag("restored")? && state.aside.is_some();
    if let Some(updates) = good_updates {
        let layers = model(GOOD)?.layers;
        let mut memory: Vec<_> = layers.iter().map(|layer| Memory::new(layer, plan.optimiser.rule)).collect();
        for (k, prefix) in GOOD_MOMENTS[..moments].iter().enumerate() {
            set_moment(&mut memory, k, &parameters(group(prefix), &data))?;
        }
        state.good = Some(Good { layers, memory, updates });
    }
    let trainer = Trainer::with_state(trained, plan, state);
    trainer.map(|trainer| Trainer { note, ..trainer }).map_err(|error| FileError::Metadata(error.to_string()))
}

/// The table of epochs.
fn take_history(header: &mut Header) -> Result<Entry, FileError> {
    let entry = header.take(HISTORY)?;
    let epochs = entry.shape.first().copied().unwrap_or(0);
    entry.expect::<f64>(&[epochs, table::COLUMNS])?;
    Ok(entry)
}

/// Layers' tensors by prefix, as many as there are shapes for each.
fn take_groups<'p, T: Element>(
    header: &mut Header,
    shapes: &[(usize, usize)],
    prefixes: &[&'p str],
) -> Result<BTreeMap<&'p str, Vec<[Entry; 2]>>, FileError> {
    let mut groups = BTreeMap::new();
    for &prefix in prefixes {
        let layers = shapes.iter().enumerate();
        let group = layers.map(|(l, &shape)| take_layer::<T>(header, names(prefix, 2 * l), shape));
        groups.insert(prefix, group.collect::<Result<_, _>>()?);
    }
    Ok(groups)
}

/// Layers' numbers, whatever they are.
fn parameters<T: Element>(group: &[[Entry; 2]], data: &[u8]) -> Parameters<T> {
    group.iter().map(|[weight, bias]| (weight.values(data), bias.values(data))).collect()
}

fn push_memory<T: Element>(writer: &mut Writer, prefixes: [&str; 2], layers: &[Layer<T>], memory: &[Memory<T>]) {
    for (k, prefix) in prefixes.iter().enumerate() {
        for (l, (layer, memory)) in layers.iter().zip(memory).enumerate() {
            if let Some(rows) = memory.w.to_rows(k) {
                let [weight, bias] = names(prefix, 2 * l);
                writer.push(weight, &[layer.outputs(), layer.inputs()], &rows);
                writer.push(bias, &[layer.outputs()], &memory.b[k]);
            }
        }
    }
}

/// Moments may be infinite, where L2 of weights that nearly were joined the gradient; but none that training leaves is NaN, nor the mean of squares below 0.
fn set_moment<T: Element>(memory: &mut [Memory<T>], k: usize, values: &Parameters<T>) -> Result<(), FileError> {
    let is_wrong = |x: &T| x.to_f64().is_nan() || k == 1 && x.to_f64() < 0.0;
    if values.iter().any(|(w, b)| w.iter().chain(b).any(is_wrong)) {
        return Err(wrong("moments"));
    }
    for (memory, (w, b)) in memory.iter_mut().zip(values) {
        let inputs = w.len() / b.len().max(1);
        let set = MatRef::new(w, b.len(), inputs).and_then(|rows| memory.w.set_rows(k, rows));
        set.map_err(|error| FileError::Metadata(error.to_string()))?;
        memory.b[k].copy_from_slice(b);
    }
    Ok(())
}

fn state_to_json<T>(state: &State<T>) -> Json {
    let watch = |w: &Watch| Json::List(vec![Json::real(w.best), Json::Whole(w.since)]);
    let (clock, sums) = (&state.clock, &state.sums);
    Json::object([
        ("clock", Json::List([clock.epoch, clock.batch, clock.updates, clock.samples].map(Json::Whole).into())),
        ("sums", Json::List(vec![Json::real(sums.loss), Json::Whole(sums.rows), Json::Whole(sums.skipped)])),
        ("early", watch(&state.early)),
        ("lowest", watch(&state.lowest)),
        ("plateau", watch(&state.plateau)),
        ("rate_factor", Json::real(state.rate_factor)),
        ("roll_backs", Json::Whole(state.roll_backs)),
        ("rate", Json::real(state.rate)),
        ("aside", Json::Bool(state.aside.is_some())),
        ("restored", Json::Bool(state.restored)),
        ("doubted", Json::Bool(state.doubted)),
        ("good", state.good.as_ref().map_or(Json::Null, |good| Json::Whole(good.updates))),
    ])
}

fn state_from_json<T>(json: &Json, state: &mut State<T>) -> Option<()> {
    let list = |json: &Json| json.as_list(|item| Some(item.clone()));
    let watch = |json: &Json| -> Option<Watch> {
        let [best, since] = &list(json)?[..] else { return None };
        Some(Watch { best: best.as_f64()?, since: count(since)? })
    };
    let &[epoch, batch, updates, samples] = &json.get("clock").as_list(count)?[..] else { return None };
    let [loss, rows, skipped] = &list(json.get("sums"))?[..] else { return None };
    state.clock = Clock { epoch, batch, updates, samples };
    state.sums = Sums { loss: loss.as_f64()?, rows: count(rows)?, skipped: count(skipped)? };
    state.early = watch(json.get("early"))?;
    // Earlier versions kept the weights of the loss that patience counts against.
    state.lowest = json.absent_or("lowest", watch)?.unwrap_or(state.early);
    state.plateau = watch(json.get("plateau"))?;
    state.rate_factor = json.get("rate_factor").as_f64().filter(|factor| (0.0..=1.0).contains(factor))?;
    state.roll_backs = count(json.get("roll_backs"))?;
    state.rate = json.get("rate").as_f64()?;
    // Earlier versions knew no doubt.
    state.doubted = json.absent_or("doubted", Json::as_bool)?.unwrap_or(false);
    Some(())
}

/// A count that can go on from there.
fn count(json: &Json) -> Option<u64> {
    json.as_u64().filter(|&count| count <= table::MOST)
}
