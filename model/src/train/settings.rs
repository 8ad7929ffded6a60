//! A plan as JSON, for checkpoints.

use super::{EarlyStopping, Plan};
use crate::file::card;
use crate::file::json::Json;
use crate::schedule::{Schedule, Shape};
use crate::{Named, Optimiser, Rule};

/// A plan, but for its threads.
pub(super) fn plan_to_json(plan: &Plan) -> Json {
    let rule = plan.optimiser.rule;
    let numbers: Vec<f64> = rule.numbers().into_iter().map(|(_, value)| value).collect();
    let early = plan
        .early_stopping
        .map_or(Json::Null, |early| Json::List(vec![Json::Whole(early.patience), Json::real(early.min_improvement)]));
    Json::object([
        ("loss", card::of_loss(plan.loss)),
        ("rule", Json::text(rule.name())),
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
        ("non_finite", Json::text(plan.non_finite.name())),
        ("fused", Json::Bool(plan.fused)),
    ])
}

/// The plan that [`plan_to_json`] wrote; nothing where something is missing or makes no sense.
pub(super) fn plan_from_json(json: &Json) -> Option<Plan> {
    let rule: Rule = json.get("rule").as_text()?.parse().ok()?;
    let rule = rule.with_numbers(&json.get("rule_numbers").as_list(Json::as_f64)?)?;
    let real = |key| json.get(key).as_f64();
    let mut plan = Plan::new(card::loss(json.get("loss"))?);
    plan.optimiser =
        Optimiser { rule, rate: real("rate")?, l2: real("l2")?, decay_biases: json.get("decay_biases").as_bool()? };
    plan.schedule = Schedule { shape: shape_from_json(json.get("schedule"))?, warm_up: real("warm_up")? };
    plan.epochs = json.get("epochs").as_u64()?;
    plan.batch = json.get("batch").as_usize()?;
    plan.shuffle = json.get("shuffle").as_bool()?;
    plan.seed = json.get("seed").as_u64()?;
    plan.clip_norm = json.nullable("clip_norm", Json::as_f64)?;
    plan.early_stopping = json.nullable("early_stopping", |pair| {
        let Json::List(pair) = pair else { return None };
        let [patience, min_improvement] = &pair[..] else { return None };
        Some(EarlyStopping { patience: patience.as_u64()?, min_improvement: min_improvement.as_f64()? })
    })?;
    plan.non_finite = json.get("non_finite").as_text()?.parse().ok()?;
    plan.fused = json.get("fused").as_bool()?;
    Some(plan)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Loss;

    #[test]
    fn every_shape_comes_back_with_its_numbers() {
        for shape in [
            Shape::Constant,
            Shape::Step { every: 7, factor: 0.3 },
            Shape::Cosine { epochs: 9, floor: 0.125 },
            Shape::Plateau { factor: 0.7, patience: 3, floor: 0.2 },
        ] {
            let plan = Plan::new(Loss::LogLoss).schedule(Schedule { shape, warm_up: 1.5 });
            assert_eq!(plan_from_json(&plan_to_json(&plan)), Some(plan));
        }
    }
}
