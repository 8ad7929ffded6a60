//! `deltarule info`: what a model is made of.

use deltarule::{Element, Mlp, Named, Standardisation};
use serde_json::json;

use crate::any_model::AnyModel;
use crate::arguments::InfoArguments;
use crate::data::words::{clip, listed};
use crate::failure::Failure;
use crate::say::{counted, grouped, say, short};
use crate::with_model;

/// One line of the table.
struct Line {
    name: String,
    inputs: usize,
    outputs: usize,
    activation: String,
}

impl Line {
    fn parameters(&self) -> u64 {
        (self.inputs as u64 + 1) * self.outputs as u64
    }

    /// A multiplication and an addition for each weight, and an addition for each bias; activations are not counted.
    fn flops(&self) -> u64 {
        (2 * self.inputs as u64 + 1) * self.outputs as u64
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &InfoArguments) -> Result<(), Failure> {
    let model = AnyModel::load(&arguments.model)?;
    let classes = model.classes();
    let text = with_model!(&model, model => {
        if arguments.json { format!("{}\n", as_json(model, &classes)) } else { as_text(model, &classes) }
    });
    say(&text)
}

fn lines<T: Element>(model: &Mlp<T>) -> Vec<Line> {
    let widths = model.widths();
    let last = widths.len().saturating_sub(2);
    let line = |(layer, pair): (usize, &[usize])| Line {
        name: format!("layer {}", layer + 1),
        inputs: pair[0],
        outputs: pair[1],
        activation: if layer == last { model.output().to_string() } else { model.hidden().to_string() },
    };
    widths.windows(2).enumerate().map(line).collect()
}

fn as_json<T: Element>(model: &Mlp<T>, classes: &[String]) -> serde_json::Value {
    let size = size_of::<T>() as u64;
    let about = model.about();
    let layers: Vec<_> = lines(model)
        .iter()
        .map(|line| {
            json!({
                "inputs": line.inputs, "outputs": line.outputs, "activation": line.activation,
                "parameters": line.parameters(), "flops": line.flops(), "bytes": line.parameters() * size,
            })
        })
        .collect();
    json!({
        "dtype": T::NAME,
        "layers": layers,
        "parameters": model.parameters(),
        "flops": lines(model).iter().map(Line::flops).sum::<u64>(),
        "bytes": model.parameters() as u64 * size,
        "loss": about.loss.map(Named::name),
        "seed": about.seed,
        "standardised_inputs": about.inputs.is_some(),
        "standardised_targets": about.targets.is_some(),
        "classes": classes,
        "features": about.features,
        "target": about.target_name,
        "target_column": about.target_column,
        "test_share": about.test_share,
        "rows": about.provenance.map(|provenance| provenance.rows),
        // As text: not every reader of JSON keeps 64 bits of a number.
        "fingerprint": about.provenance.map(|provenance| format!("{:016x}", provenance.fingerprint)),
    })
}

fn as_text<T: Element>(model: &Mlp<T>, classes: &[String]) -> String {
    let size = size_of::<T>() as u64;
    let lines = lines(model);
    let mut text = format!(
        "{:<10}{:>16}  {:<12}{:>14}{:>14}{:>14}\n",
        "", "shape", "activation", "parameters", "flops a row", "bytes"
    );
    for line in &lines {
        let shape = format!("{} → {}", line.inputs, line.outputs);
        text += &row(&line.name, &shape, &line.activation, line.parameters(), line.flops(), size);
    }
    let flops = lines.iter().map(Line::flops).sum();
    text += &row("together", "", "", model.parameters() as u64, flops, size);
    text.push('\n');

    let about = model.about();
    let loss = about.loss.map_or("not known", Named::name);
    text += &format!("number type   {}\nlearnt with   {loss}, seed {}\n", T::NAME, about.seed);
    if let (Some(provenance), Some(share)) = (about.provenance, about.test_share) {
        let rows = counted(provenance.rows as u64, "row", "rows");
        text += &format!("data          {rows}, {share} of them kept for the test\n");
    }
    text += &format!("inputs        {}\n", scaling(about.inputs.as_ref()));
    let target =
        about.target_name.iter().map(|name| clip(name)).chain(about.targets.iter().map(|scale| scaling(Some(scale))));
    let target: Vec<String> = target.collect();
    if !target.is_empty() {
        text += &format!("target        {}\n", target.join(", "));
    }
    if !classes.is_empty() {
        text += &format!("classes       {}\n", listed(classes));
    }
    if !about.features.is_empty() {
        text += &format!("features      {}\n", listed(&about.features));
    }
    text
}

fn row(name: &str, shape: &str, activation: &str, parameters: u64, flops: u64, size: u64) -> String {
    let [parameters, flops, bytes] = [parameters, flops, parameters * size].map(grouped);
    format!("{name:<10}{shape:>16}  {activation:<12}{parameters:>14}{flops:>14}{bytes:>14}\n")
}

fn scaling(standardisation: Option<&Standardisation>) -> String {
    match standardisation {
        None => "taken as they are".to_string(),
        Some(one) if one.columns() == 1 => {
            format!("standardised: mean {}, deviation {}", short(one.mean()[0]), short(one.deviation(0)))
        }
        Some(many) => {
            let constant = many.scale().iter().filter(|&&scale| scale == 0.0).count();
            let note = if constant > 0 { format!(", {constant} of them constant") } else { String::new() };
            format!("standardised, {}{note}", counted(many.columns() as u64, "column", "columns"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_operations_and_bytes_are_counted() {
        let model = Mlp::<f64>::builder(&[2, 8, 1]).build().expect("a model");
        let told = as_json(&model, &[]);
        let counts = |part: &serde_json::Value| ["parameters", "flops", "bytes"].map(|entry| part[entry].as_u64());
        for (part, expected) in
            [(&told["layers"][0], [24, 40, 192]), (&told["layers"][1], [9, 17, 72]), (&told, [33, 57, 264])]
        {
            assert_eq!(counts(part), expected.map(Some), "{told}");
        }
        let text = as_text(&model, &[]);
        let together = text.lines().find_map(|line| line.strip_prefix("together")).expect("a line of sums");
        assert_eq!(together.split_whitespace().collect::<Vec<_>>(), ["33", "57", "264"], "{text}");
    }
}
