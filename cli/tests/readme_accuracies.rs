//! What README says that the program learns: the commands of its table are run, and their results must be the cells. On every tier with fused
//! multiply-add they have the same bits, and so the same digits.

#[expect(dead_code, reason = "of all that tests do with the program, this one only runs it")]
mod place;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use deltarule::Isa;
use place::{Place, json};

/// The seeds that a cell is the mean over.
const SEEDS: std::ops::RangeInclusive<u32> = 1..=5;

/// Lines of README's table: what is measured (a name and digits), and the command.
fn rows(readme: &str) -> impl Iterator<Item = (&str, &str)> {
    readme.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let &["", _, result, command, ""] = cells.as_slice() else { return None };
        let command = command.strip_prefix("`deltarule ")?.strip_suffix('`')?;
        command.contains("--seed S").then_some((result, command))
    })
}

/// A score of the test part, after a training.
fn score(place: &Place, command: &str, entry: &str) -> f64 {
    let report = json(&place.good(&format!("{command} --quiet --json")));
    report["test"][entry].as_f64().unwrap_or_else(|| panic!("{command} reports no {entry}: {report}"))
}

#[test]
fn the_table_of_accuracies_is_what_is_learnt() {
    if Isa::current() == Isa::Portable {
        let _ = writeln!(io::stderr(), "skipped: without fused multiply-add bits may differ, and so may digits");
        return;
    }
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).expect("README.md");
    let place = Place::new();
    // Fashion-MNIST does not ship inside, and takes longer.
    let inside: Vec<_> = rows(&readme).filter(|(_, command)| !command.contains("fashion-mnist")).collect();
    assert_eq!(inside.len(), 3, "the sets that ship inside: {inside:?}");
    for (result, command) in inside {
        let (name, cell) = result.split_once(' ').expect("a name and digits");
        let entry = if name == "R²" { "r2" } else { name };
        let with = |seed: u32| command.replace("--seed S", &format!("--seed {seed}"));
        let mean = SEEDS.map(|seed| score(&place, &with(seed), entry)).sum::<f64>() / SEEDS.count() as f64;
        assert_eq!(format!("{mean:.3}"), cell, "{command}: a mean of {mean}");
    }

    let first = readme.lines().find(|line| line.starts_with("cargo run --release -- train "));
    let accuracy = format!("{:.3} test accuracy", score(&place, "train", "accuracy"));
    assert!(first.is_some_and(|line| line.ends_with(&accuracy)), "{accuracy}, but {first:?}");
}
