//! Our losses, gradients and ten steps of every optimiser against PyTorch's (checked against JAX's), in 64 bits.
//!
//! `fixtures/make.py` made the files and describes their form.

#![expect(clippy::disallowed_methods, reason = "definitions, which are compared within a bound")]

use deltarule::{Activation, Loss, Mlp, Optimiser, Output, Plan, Scratch, Targets, Trainer};
use std::collections::BTreeMap;
use std::path::Path;

struct Fixture {
    name: String,
    words: BTreeMap<String, String>,
    /// Rows, columns, numbers.
    tensors: BTreeMap<String, (usize, usize, Vec<f64>)>,
    /// Optimiser, rate, the loss before each step.
    runs: Vec<(String, f64, Vec<f64>)>,
}

fn numbers(line: &str) -> Vec<f64> {
    line.split_whitespace().map(|word| word.parse().unwrap()).collect()
}

impl Fixture {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut lines = text.lines();
        let mut fixture = Self {
            name: path.display().to_string(),
            words: BTreeMap::new(),
            tensors: BTreeMap::new(),
            runs: Vec::new(),
        };
        while let Some(line) = lines.next() {
            match line.split_whitespace().collect::<Vec<_>>()[..] {
                ["tensor", name, rows, cols] => {
                    let (rows, cols) = (rows.parse().unwrap(), cols.parse().unwrap());
                    let values: Vec<f64> = lines.by_ref().take(rows).flat_map(numbers).collect();
                    assert_eq!(values.len(), rows * cols);
                    fixture.tensors.insert(name.to_owned(), (rows, cols, values));
                }
                ["steps", optimiser, rate] => {
                    let losses = numbers(lines.next().unwrap());
                    fixture.runs.push((optimiser.to_owned(), rate.parse().unwrap(), losses));
                }
                [key, value] => drop(fixture.words.insert(key.to_owned(), value.to_owned())),
                _ => panic!("{}: {line}", path.display()),
            }
        }
        fixture
    }

    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
        paths.sort();
        assert!(paths.len() >= 9);
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn tensor(&self, name: &str) -> &[f64] {
        &self.tensors[name].2
    }

    fn widths(&self) -> Vec<usize> {
        self.words["layers"].split('-').map(|width| width.parse().unwrap()).collect()
    }

    fn loss(&self) -> Loss {
        match self.words["loss"].as_str() {
            "half" => Loss::HalfSquaredError,
            "mean" => Loss::SquaredError,
            "logloss" => Loss::LogLoss,
            "crossentropy" => Loss::CrossEntropy,
            other => panic!("{other}"),
        }
    }

    fn model(&self) -> Mlp<f64> {
        let hidden: Activation = self.words["activation"].parse().unwrap();
        let output = match (self.loss(), self.words["output"].as_str()) {
            (Loss::CrossEntropy, _) => Output::Softmax,
            (Loss::LogLoss, _) | (_, "sigmoid") => Output::Sigmoid,
            _ => Output::Linear,
        };
        let widths = self.widths();
        let parameters: Vec<_> = (0..widths.len() - 1)
            .map(|l| (self.tensor(&format!("w{l}")).to_vec(), self.tensor(&format!("b{l}")).to_vec()))
            .collect();
        Mlp::from_parameters(&Mlp::<f64>::builder(&widths).hidden(hidden).output(output), &parameters).unwrap()
    }

    fn classes(&self) -> Vec<u32> {
        self.tensor("y").iter().map(|&class| class as u32).collect()
    }

    fn targets<'a>(&'a self, classes: &'a [u32]) -> Targets<'a, f64> {
        if self.loss() == Loss::CrossEntropy { Targets::Classes(classes) } else { Targets::Values(self.tensor("y")) }
    }
}

/// Within `relative` of the largest of the expected numbers, or of each by itself where it is larger.
fn close(what: &str, got: &[f64], expected: &[f64], relative: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0f64, |scale, x| scale.max(x.abs()));
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (got - expected).abs();
        assert!(error <= relative * scale, "{what}[{i}]: {got} instead of {expected}, off by {error:e}");
    }
}

#[test]
fn losses_and_gradients() {
    for fixture in Fixture::all() {
        let (model, classes) = (fixture.model(), fixture.classes());
        let (value, gradients) =
            model.gradients(fixture.loss(), fixture.tensor("x"), fixture.targets(&classes)).unwrap();
        close(&format!("{} loss", fixture.name), &[value], &[fixture.words["value"].parse().unwrap()], 1e-13);
        for (l, (dw, db)) in gradients.layers.iter().enumerate() {
            close(&format!("{} dw{l}", fixture.name), dw, fixture.tensor(&format!("dw{l}")), 1e-12);
            close(&format!("{} db{l}", fixture.name), db, fixture.tensor(&format!("db{l}")), 1e-12);
        }
    }
}

fn optimiser(name: &str, rate: f64) -> Optimiser {
    match name {
        "sgd" => Optimiser::sgd(),
        "momentum" => Optimiser::momentum(),
        "nesterov" => Optimiser::nesterov(),
        "adam" => Optimiser::adam(),
        "adamw" => Optimiser::adamw().l2(0.1).decay_biases(true),
        other => panic!("{other}"),
    }
    .rate(rate)
}

/// Of small nets, whose updates are never fused: `model/tests/wide.rs` has a large one.
#[test]
fn ten_steps_of_every_optimiser() {
    for fixture in Fixture::all() {
        let classes = fixture.classes();
        for (name, rate, losses) in &fixture.runs {
            let plan = Plan::new(fixture.loss()).optimiser(optimiser(name, *rate));
            let mut trainer = Trainer::new(fixture.model(), plan).unwrap();
            let taken: Vec<f64> =
                losses.iter().map(|_| trainer.step(fixture.tensor("x"), fixture.targets(&classes)).unwrap()).collect();
            close(&format!("{} {name} losses", fixture.name), &taken, losses, 1e-11);
            for (l, layer) in trainer.model().layers().iter().enumerate() {
                let what = format!("{} {name} after {} steps", fixture.name, losses.len());
                close(&format!("{what} w{l}"), &layer.weights(), fixture.tensor(&format!("{name}.w{l}")), 1e-11);
                close(&format!("{what} b{l}"), layer.bias(), fixture.tensor(&format!("{name}.b{l}")), 1e-11);
            }
        }
    }
}

#[test]
fn predictions() {
    for fixture in Fixture::all() {
        let mut scratch = Scratch::new();
        let out = fixture.model().predict(fixture.tensor("x"), &mut scratch).unwrap().to_vec();
        let expected = fixture.tensor("out");
        let outputs = *fixture.widths().last().unwrap();
        // The fixture holds logits where the loss takes logits.
        let expected: Vec<f64> = match fixture.loss() {
            Loss::LogLoss => expected.iter().map(|z| 1.0 / (1.0 + (-z).exp())).collect(),
            Loss::CrossEntropy => expected.chunks(outputs).flat_map(softmax).collect(),
            _ => expected.to_vec(),
        };
        close(&format!("{} predictions", fixture.name), &out, &expected, 1e-13);
    }
}

fn softmax(z: &[f64]) -> Vec<f64> {
    let total: f64 = z.iter().map(|z| z.exp()).sum();
    z.iter().map(|z| z.exp() / total).collect()
}
