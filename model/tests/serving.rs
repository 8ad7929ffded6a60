//! A model that is replaced while it serves, in the way that the crate's documentation shows: every answer comes from one whole model,
//! and a bad file leaves the old one at work.

#![expect(
    clippy::disallowed_types,
    reason = "the lock is the service's, which takes the model from it and predicts without"
)]

use deltarule::{Activation, Error, Mlp, Output, Scratch};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

const SERVERS: usize = 3;
const REPLACEMENTS: usize = 40;

fn model(seed: u64) -> Mlp<f32> {
    let builder = Mlp::builder(&[6, 40, 3]).hidden(Activation::Tanh).output(Output::Softmax);
    builder.seed(seed).build().expect("widths")
}

fn answer(model: &Mlp<f32>, x: &[f32], scratch: &mut Scratch<f32>) -> Vec<u32> {
    model.predict(x, scratch).expect("whole rows").iter().map(|p| p.to_bits()).collect()
}

/// Whoever takes part says so when it goes, by a panic too: else the others would wait for it and never tell.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The pattern of the crate's documentation, line by line: what holds of it here holds of services that follow it.
struct Serving(RwLock<Arc<Mlp<f32>>>);

impl Serving {
    fn current(&self) -> Arc<Mlp<f32>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, path: &Path) -> Result<(), Error> {
        let mut model = Arc::new(Mlp::load(path)?);
        std::mem::swap(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), &mut model);
        Ok(())
    }
}

#[test]
fn every_answer_comes_from_one_whole_model() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [path, bad] = ["model.safetensors", "bad.safetensors"].map(|name| folder.path().join(name));
    let models = [model(1), model(2)];
    let x: Vec<f32> = (0..6 * 50).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
    let expected = [&models[0], &models[1]].map(|model| answer(model, &x, &mut Scratch::new()));
    assert_ne!(expected[0], expected[1]);

    let serving = Serving(RwLock::new(Arc::new(models[0].clone())));
    // Answers that each server has given; and whether the last replacement is done, or somebody has failed.
    let answers: [AtomicUsize; SERVERS] = Default::default();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _ends = Ends(&over);
        for answers in &answers {
            let (serving, x, expected, over) = (&serving, &x, &expected, &over);
            scope.spawn(move || {
                let _ends = Ends(over);
                let mut scratch = Scratch::new();
                while !over.load(Ordering::Relaxed) {
                    let given = answer(&serving.current(), x, &mut scratch);
                    assert!(expected.contains(&given), "an answer of neither model");
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for replacement in 1..=REPLACEMENTS {
            let new = replacement % 2;
            models[new].save(&path).expect("saved");
            serving.replace(&path).expect("a good file");
            let now = serving.current();
            // A copy that was cut short, one that was damaged, and none at all.
            let bytes = fs::read(&path).expect("just written");
            match replacement % 3 {
                0 => fs::write(&bad, &bytes[..bytes.len() - 1]).expect("written"),
                1 => fs::write(&bad, bytes.iter().map(|b| b ^ 0x20).collect::<Vec<u8>>()).expect("written"),
                _ => drop(fs::remove_file(&bad)),
            }
            serving.replace(&bad).expect_err("a bad file");
            assert!(Arc::ptr_eq(&now, &serving.current()), "the old model still serves");
            assert_eq!(answer(&serving.current(), &x, &mut Scratch::new()), expected[new]);
            // Every server meets this model before the next comes.
            let seen = answers.each_ref().map(|count| count.load(Ordering::Relaxed));
            let is_behind = || answers.iter().zip(seen).any(|(count, seen)| count.load(Ordering::Relaxed) < seen + 2);
            while is_behind() && !over.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
        }
    });
    assert!(answers.iter().all(|count| count.load(Ordering::Relaxed) >= 2 * REPLACEMENTS), "{answers:?}");
}

/// What is tested here is what is recommended there: all lines of it, but for their comments.
#[test]
fn the_documentation_shows_the_same_pattern() {
    let documentation = include_str!("../src/lib.rs");
    let pattern = include_str!("serving.rs").lines().skip_while(|line| !line.starts_with("struct Serving"));
    let lines: Vec<&str> = pattern.take_while(|&line| line != "#[test]").filter(|line| !line.is_empty()).collect();
    assert!(lines.len() > 10, "{lines:?}");
    for line in lines {
        assert!(documentation.contains(&format!("//! {line}\n")), "the documentation lacks: {line}");
    }
}
