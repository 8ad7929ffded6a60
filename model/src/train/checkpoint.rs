//! Checkpoints: a run that is saved, loaded and carried on has the bits of the one that never stopped.
//!
//! A checkpoint is a safetensors file like a model's, with more tensors under prefixes (`moment1.`, `moment2.`, `aside.`,
//! `good.`) and the plan, the clock and the history in the metadata. It does not hold the data, nor the number of
//! threads, on which nothing depends.

use super::state::{Clock, Good, State, Sums, Watch};
use super::{EarlyStopping, NonFinite, Plan, Record, Trainer};
use crate::file::card::{self, wrong};
use crate::file::json::Json;
use crate::file::tensors::{Header, Writer};
use crate::file::{FileError, in_file, names, open, push_layers, take_layer, write_atomically};
use crate::loss::{loss_name, loss_named};
use crate::schedule::{Schedule, Shape};
use crate::update::Memory;
use crate::{Element, Error, Layer, Mlp, Optimiser};
use deltarule_kernels::{MatRef, Rule};
use std::io::Read;
use std::path::Path;

const KIND: &str = "checkpoint";
/// The prefixes of the moments, and those of the moments that a roll-back returns to.
const MOMENTS: [&str; 2] = ["moment1.", "moment2."];
const GOOD_MOMENTS: [&str; 2] = ["good.moment1.", "good.moment2."];

impl<T: Element> Trainer<T> {
    /// Writes everything about the run to a file, whole or not at all. Between two calls of
    /// [`fit`](Trainer::fit), at any batch.
    ///
    /// # Errors
    /// Whatever the system says; the file is as it was then.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        write_atomically(path, &self.to_bytes()).map_err(|error| in_file(path, error.into()))
    }

    /// The bytes of a checkpoint.
    pub fn to_bytes(&self) -> Vec<u8> {
        let state = &self.state;
        let mut card = card::of_model(&self.model, KIND);
        if let Json::Object(entries) = &mut card {
            entries.push(("plan".into(), plan_to_json(&self.plan)));
            entries.push(("state".into(), state_to_json(state)));
        }
        let mut writer = Writer::new(&card);
        push_layers(&mut writer, "", &self.model.layers);
        push_memory(&mut writer, MOMENTS, &self.model.layers, &state.memory);
        if let Some(aside) = &state.aside {
            push_layers(&mut writer, "aside.", aside);
        }
        if let Some(good) = &state.good {
            push_layers(&mut writer, "good.", &good.layers);
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
    plan.check().map_err(|error| FileError::Metadata(error.to_string()))?;
    let json = card.get("state");
    let flag = |key| json.get(key).as_bool().ok_or_else(|| wrong(key));

    let shapes: Vec<(usize, usize)> = builder.widths().windows(2).map(|pair| (pair[0], pair[1])).collect();
    let mut plans = Tensors { header: &mut header, shapes: &shapes, wanted: Vec::new() };
    let moments = plan.optimiser.rule.moments();
    let good_updates = json.get("good").as_u64();
    plans.want("")?;
    MOMENTS[..moments].iter().try_for_each(|prefix| plans.want(prefix))?;
    if flag("aside")? {
        plans.want("aside.")?;
    }
    if good_updates.is_some() {
        plans.want("good.")?;
        GOOD_MOMENTS[..moments].iter().try_for_each(|prefix| plans.want(prefix))?;
    }
    let mut groups = plans.read::<T>(source)?.into_iter();
    let mut group = || groups.next().unwrap_or_default();

    let model = |parameters: &Parameters<T>| {
        finite(parameters)?;
        Mlp::from_parameters(&builder, parameters).map_err(|error| FileError::Metadata(error.to_string()))
    };
    let trained = model(&group())?;
    let mut state = State::new(&trained, plan.optimiser.rule);
    state_from_json(json, &mut state).ok_or_else(|| wrong("state"))?;
    for k in 0..moments {
        set_moment(&mut state.memory, k, &group())?;
    }
    if flag("aside")? {
        state.aside = Some(model(&group())?.layers);
    }
    state.restored = flag("restored")? && state.aside.is_some();
    if let Some(updates) = good_updates {
        let layers = model(&group())?.layers;
        let mut memory: Vec<_> = layers.iter().map(|layer| Memory::new(layer, plan.optimiser.rule)).collect();
        for k in 0..moments {
            set_moment(&mut memory, k, &group())?;
        }
        state.good = Some(Good { layers, memory, updates });
    }
    Trainer::with_state(trained, plan, state).map_err(|error| FileError::Metadata(error.to_string()))
}

/// For each layer the numbers shaped like its weights, and those shaped like its bias.
type Parameters<T> = Vec<(Vec<T>, Vec<T>)>;

/// Collects groups of tensors by prefix, checks them all, and only then reads data.
struct Tensors<'a> {
    header: &'a mut Header,
    shapes: &'a [(usize, usize)],
    wanted: Vec<String>,
}

impl Tensors<'_> {
    fn want(&mut self, prefix: &str) -> Result<(), FileError> {
        self.wanted.push(prefix.to_owned());
        Ok(())
    }

    fn read<T: Element>(self, source: &mut impl Read) -> Result<Vec<Parameters<T>>, FileError> {
        let mut groups = Vec::new();
        for prefix in &self.wanted {
            for (l, &shape) in self.shapes.iter().enumerate() {
                groups.push(take_layer::<T>(self.header, names(prefix, 2 * l), shape)?);
            }
        }
        self.header.nothing_left()?;
        let data = self.header.data(source)?;
        let layer = |[weight, bias]: &[crate::file::tensors::Entry; 2]| (weight.values(&data), bias.values(&data));
        let layers = self.shapes.len().max(1);
        Ok(groups.chunks(layers).map(|group| group.iter().map(layer).collect()).collect())
    }
}

fn finite<T: Element>(parameters: &Parameters<T>) -> Result<(), FileError> {
    for (l, (weight, bias)) in parameters.iter().enumerate() {
        let [weight_name, bias_name] = names("", 2 * l);
        for (tensor, values) in [(weight_name, weight), (bias_name, bias)] {
            if let Some(index) = values.iter().position(|v| !v.is_finite()) {
                return Err(FileError::NotFinite { tensor, index, value: values[index].to_f64() });
            }
        }
    }
    Ok(())
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

fn set_moment<T: Element>(memory: &mut [Memory<T>], k: usize, values: &Parameters<T>) -> Result<(), FileError> {
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
    let optional = |x: Option<f64>| x.map_or(Json::Null, Json::real);
    let record = |r: &Record| {
        Json::List(vec![
            Json::Whole(r.epoch),
            Json::real(r.rate),
            Json::real(r.loss),
            optional(r.validation_loss),
            optional(r.validation_score),
            Json::Whole(r.skipped),
        ])
    };
    let (clock, sums) = (&state.clock, &state.sums);
    Json::object([
        ("clock", Json::List([clock.epoch, clock.batch, clock.updates, clock.samples].map(Json::Whole).into())),
        ("sums", Json::List(vec![Json::real(sums.loss), Json::Whole(sums.rows), Json::Whole(sums.skipped)])),
        ("history", Json::List(state.history.iter().map(record).collect())),
        ("early", watch(&state.early)),
        ("plateau", watch(&state.plateau)),
        ("rate_factor", Json::real(state.rate_factor)),
        ("roll_backs", Json::Whole(state.roll_backs)),
        ("rate", Json::real(state.rate)),
        ("aside", Json::Bool(state.aside.is_some())),
        ("restored", Json::Bool(state.restored)),
        ("good", state.good.as_ref().map_or(Json::Null, |good| Json::Whole(good.updates))),
    ])
}

fn state_from_json<T>(json: &Json, state: &mut State<T>) -> Option<()> {
    let list = |json: &Json| json.as_list(|item| Some(item.clone()));
    let watch = |json: &Json| -> Option<Watch> {
        let [best, since] = &list(json)?[..] else { return None };
        Some(Watch { best: best.as_f64()?, since: since.as_u64()? })
    };
    let optional = |json: &Json| match json {
        Json::Null => Some(None),
        number => number.as_f64().map(Some),
    };
    let record = |json: &Json| -> Option<Record> {
        let [epoch, rate, loss, validation_loss, validation_score, skipped] = &list(json)?[..] else { return None };
        Some(Record {
            epoch: epoch.as_u64()?,
            rate: rate.as_f64()?,
            loss: loss.as_f64()?,
            validation_loss: optional(validation_loss)?,
            validation_score: optional(validation_score)?,
            skipped: skipped.as_u64()?,
        })
    };
    let &[epoch, batch, updates, samples] = &json.get("clock").as_list(Json::as_u64)?[..] else { return None };
    let [loss, rows, skipped] = &list(json.get("sums"))?[..] else { return None };
    state.clock = Clock { epoch, batch, updates, samples };
    state.sums = Sums { loss: loss.as_f64()?, rows: rows.as_u64()?, skipped: skipped.as_u64()? };
    state.history = json.get("history").as_list(record)?;
    state.early = watch(json.get("early"))?;
    state.plateau = watch(json.get("plateau"))?;
    state.rate_factor = json.get("rate_factor").as_f64()?;
    state.roll_backs = json.get("roll_backs").as_u64()?;
    state.rate = json.get("rate").as_f64()?;
    Some(())
}

fn plan_to_json(plan: &Plan) -> Json {
    let (name, numbers) = rule_parts(plan.optimiser.rule);
    let policy = match plan.non_finite {
        NonFinite::Stop => "stop",
        NonFinite::Skip => "skip",
        NonFinite::RollBack => "roll_back",
    };
    let early = plan
        .early_stopping
        .map_or(Json::Null, |early| Json::List(vec![Json::Whole(early.patience), Json::real(early.min_improvement)]));
    Json::object([
        ("loss", Json::text(loss_name(plan.loss))),
        ("rule", Json::text(name)),
        ("rule_numbers", Json::reals(&numbers)),
        ("rate", Json::real(plan.optimiser.rate)),
        ("l2", Json::real(plan.optimiser.l2)),
        ("decay_biases", Json::Bool(plan.optimiser.decay_biases)),
        ("schedule", shape_to_json(plan.schedule.shape)),
        ("warm_up", Json::real(plan.schedule.warm_up)),
        ("epochs", Json::Whole(plan.epochs)),
        ("batch", Json::Whole(plan.batch as u64)),
        ("shuffle", Json::Bool(plan.shuffle)),
        ("seed", Json::Whole(plan.seed)),
        ("clip_norm", plan.clip_norm.map_or(Json::Null, Json::real)),
        ("early_stopping", early),
        ("non_finite", Json::text(policy)),
        ("fused", Json::Bool(plan.fused)),
    ])
}

fn plan_from_json(json: &Json) -> Option<Plan> {
    let rule = rule_of_parts(json.get("rule").as_text()?, &json.get("rule_numbers").as_list(Json::as_f64)?)?;
    let real = |key| json.get(key).as_f64();
    let mut plan = Plan::new(loss_named(json.get("loss").as_text()?).ok()?);
    plan.optimiser =
        Optimiser { rule, rate: real("rate")?, l2: real("l2")?, decay_biases: json.get("decay_biases").as_bool()? };
    plan.schedule = Schedule { shape: shape_from_json(json.get("schedule"))?, warm_up: real("warm_up")? };
    plan.epochs = json.get("epochs").as_u64()?;
    plan.batch = json.get("batch").as_usize()?;
    plan.shuffle = json.get("shuffle").as_bool()?;
    plan.seed = json.get("seed").as_u64()?;
    plan.clip_norm = match json.get("clip_norm") {
        Json::Null => None,
        norm => Some(norm.as_f64()?),
    };
    plan.early_stopping = match json.get("early_stopping") {
        Json::List(pair) => {
            let [patience, min_improvement] = &pair[..] else { return None };
            Some(EarlyStopping { patience: patience.as_u64()?, min_improvement: min_improvement.as_f64()? })
        }
        _ => None,
    };
    plan.non_finite = match json.get("non_finite").as_text()? {
        "stop" => NonFinite::Stop,
        "skip" => NonFinite::Skip,
        "roll_back" => NonFinite::RollBack,
        _ => return None,
    };
    plan.fused = json.get("fused").as_bool()?;
    Some(plan)
}

fn rule_parts(rule: Rule) -> (&'static str, Vec<f64>) {
    match rule {
        Rule::Sgd => ("sgd", vec![]),
        Rule::Momentum { momentum } => ("momentum", vec![momentum]),
        Rule::Nesterov { momentum } => ("nesterov", vec![momentum]),
        Rule::Adam { beta1, beta2, epsilon } => ("adam", vec![beta1, beta2, epsilon]),
        Rule::AdamW { beta1, beta2, epsilon } => ("adamw", vec![beta1, beta2, epsilon]),
    }
}

fn rule_of_parts(name: &str, numbers: &[f64]) -> Option<Rule> {
    match (name, numbers) {
        ("sgd", []) => Some(Rule::Sgd),
        ("momentum", &[momentum]) => Some(Rule::Momentum { momentum }),
        ("nesterov", &[momentum]) => Some(Rule::Nesterov { momentum }),
        ("adam", &[beta1, beta2, epsilon]) => Some(Rule::Adam { beta1, beta2, epsilon }),
        ("adamw", &[beta1, beta2, epsilon]) => Some(Rule::AdamW { beta1, beta2, epsilon }),
        _ => None,
    }
}

fn shape_to_json(shape: Shape) -> Json {
    let list = |name: &str, whole: u64, reals: &[f64]| {
        let numbers = reals.iter().map(|&x| Json::real(x));
        Json::List([Json::text(name), Json::Whole(whole)].into_iter().chain(numbers).collect())
    };
    match shape {
        Shape::Constant => list("constant", 0, &[]),
        Shape::Step { every, factor } => list("step", every, &[factor]),
        Shape::Cosine { epochs, floor } => list("cosine", epochs, &[floor]),
        Shape::Plateau { factor, patience, floor } => list("plateau", patience, &[factor, floor]),
    }
}

fn shape_from_json(json: &Json) -> Option<Shape> {
    let Json::List(list) = json else { return None };
    let (name, whole) = (list.first()?.as_text()?, list.get(1)?.as_u64()?);
    let reals: Option<Vec<f64>> = list[2..].iter().map(Json::as_f64).collect();
    match (name, &reals?[..]) {
        ("constant", []) => Some(Shape::Constant),
        ("step", &[factor]) => Some(Shape::Step { every: whole, factor }),
        ("cosine", &[floor]) => Some(Shape::Cosine { epochs: whole, floor }),
        ("plateau", &[factor, floor]) => Some(Shape::Plateau { factor, patience: whole, floor }),
        _ => None,
    }
}
