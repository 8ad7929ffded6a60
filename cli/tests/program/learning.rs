//! How a run learns, and what it says of that.

use std::fs;

use crate::place::{Place, bytes, json};

/// Whatever was not said follows from the data, and is told before the run and after it.
#[test]
fn a_run_says_what_it_takes() {
    let place = Place::new();
    let output = place.run("train --data breast-cancer --epochs 2 --out d");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    for words in [
        "inputs standardised",
        "as suits each activation",
        "rate 0.002, cosine schedule, l2 0.7030",
        ", 2 epochs, seed 1, ",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let report = |run: &str| json(&fs::read_to_string(place.path(run).join("report.json")).expect("just written"));
    let usual = report("d");
    assert!((usual["l2"].as_f64().expect("a number") - 400.0 / 569.0).abs() < 1e-12, "{usual}");
    assert_eq!(usual["init"], "suited", "{usual}");
    let options =
        "--init lecun --warm-up 0.5 --patience 3 --clip 2 --test-split 0.3 --val-split 0.25 --optimizer momentum";
    let output = place.run(&format!("train --data breast-cancer --epochs 2 {options} --out o"));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    for words in ["weights drawn by lecun", "with a warm-up of 0.5, l2 0, gradients up to 2", "patience 3"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let other = report("o");
    let expected = serde_json::json!({
        "init": "lecun", "warm_up": 0.5, "patience": 3, "clip": 2.0, "test_split": 0.3, "val_split": 0.25,
        "momentum": 0.9, "most_epochs": 2, "optimizer": "momentum", "standardised": true,
    });
    for (entry, value) in expected.as_object().expect("an object") {
        assert_eq!(&other[entry], value, "{entry}: {other}");
    }
    for (entry, value) in
        [("betas", serde_json::json!([0.9, 0.999])), ("epsilon", 1e-8.into()), ("val_split", 0.15.into())]
    {
        assert_eq!(usual[entry], value, "{usual}");
    }
    assert!(other.get("betas").is_none() && usual["patience"].is_null(), "{other} {usual}");
    for (schedule, epochs, warned) in [("constant", 1, true), ("step:1,0.5", 1, true), ("plateau", 2, false)] {
        let line = format!("train --data breast-cancer --schedule {schedule} --warm-up 2 --epochs {epochs} --out w");
        let told = String::from_utf8_lossy(&place.run(&line).stderr).into_owned();
        let words =
            "warning: the warm-up takes 2 epochs, and the run ends before: its rate comes to 0.5000 of the full one";
        assert_eq!(told.contains(words), warned, "{line}: {told}");
    }
}

/// As `--help` says: so many epochs without a better loss are borne, and the next one has its effect.
#[test]
fn patience_bears_as_many_epochs_as_it_says() {
    let place = Place::new();
    let train = "train --quiet --json --data breast-cancer --lr 0.1";
    let report = json(&place.good(&format!("{train} --epochs 500 --schedule constant --patience 2 --out early")));
    assert_eq!(report["finish"], "patience", "{report}");
    assert_eq!(report["epochs"].as_u64(), report["best_epoch"].as_u64().map(|best| best + 3), "{report}");
    // So few epochs that the rate cannot arrive at its floor.
    place.good(&format!("{train} --epochs 25 --schedule plateau:0.5,1 --out plateau"));
    let history = fs::read_to_string(place.path("plateau/history.csv")).expect("just written");
    let (mut best, mut bad, mut rate, mut halved) = (f64::INFINITY, 0, 0.1, 0);
    for line in history.lines().skip(1) {
        let fields: Vec<f64> = line.split(',').map(|field| field.parse().expect("a number")).collect();
        assert_eq!(fields[1], rate, "{history}");
        bad = if fields[3] < best { 0 } else { bad + 1 };
        best = best.min(fields[3]);
        if bad == 2 {
            (bad, rate, halved) = (0, rate / 2.0, halved + 1);
        }
    }
    assert!(halved > 0, "{history}");
}

/// The training loss of a mean over changing weights chooses no epoch, unless it is asked to.
#[test]
fn a_run_that_nothing_validates_keeps_its_last_weights() {
    let place = Place::new();
    let train = "train --quiet --json --data breast-cancer --lr 0.3 --schedule constant --val-split 0 --epochs";
    for patience in ["", "--patience none"] {
        let report = json(&place.good(&format!("{train} 12 {patience} --out whole")));
        assert!(report["best_epoch"].is_null() && report["epochs"] == 12, "{report}");
        // The weights of a run go on from epoch to epoch, so the last are those of whoever stops there.
        let losses = fs::read_to_string(place.path("whole/history.csv")).expect("just written");
        let losses: Vec<f64> = losses
            .lines()
            .skip(1)
            .map(|line| line.split(',').nth(2).expect("a loss").parse().expect("a number"))
            .collect();
        let worse = losses.windows(2).position(|pair| pair[1] > pair[0]).expect("a bumpy run") + 2;
        place.good(&format!("{train} {worse} {patience} --out last"));
        let options = format!("{train} {worse} --patience 100 --out best");
        let best = json(&place.good(&options))["best_epoch"].as_u64().expect("an epoch");
        assert!(best < worse as u64);
        let model = |run: &str| bytes(&place.path(run).join("model.safetensors"));
        assert!(model("last") != model("best"), "the last epoch was not the best");
        place.good(&format!("{train} {best} {patience} --out early"));
        assert!(model("early") == model("best"));
    }
    // With rows to validate on nothing is another.
    let report = json(&place.good("train --quiet --json --data breast-cancer --epochs 3 --out v"));
    assert!(report["best_epoch"].is_u64(), "{report}");
}

/// `f32` holds only every 128th second of our time.
#[test]
fn columns_that_f32_rounds_are_warned_of() {
    let place = Place::new();
    let rows: String = (0..60).map(|row| format!("{},{},{}\n", 1_700_000_000 + 10 * row, row % 7, row % 2)).collect();
    place.file("times.csv", &format!("time,x,y\n{rows}"));
    for (options, warned) in [("", true), ("--dtype f64", false), ("--standardise no", false), ("--quiet", false)] {
        let output = place.run(&format!("train --data times.csv --epochs 1 --out m {options}"));
        let notes = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{options}: {notes}");
        assert_eq!(notes.contains("times.csv: column time: f32 holds these values"), warned, "{options}: {notes}");
    }
}

/// A few lines tell of a run: its first epoch, some between, and its last, of which none knows beforehand where patience runs out.
#[test]
fn the_last_epoch_has_a_line_however_a_run_ends() {
    let place = Place::new();
    let told = |options: &str| -> Vec<u64> {
        let train = "train --data breast-cancer --lr 0.1 --schedule constant --out m";
        let output = place.run(&format!("{train} {options}"));
        let notes = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{options}: {notes}");
        let lines = notes.lines().filter_map(|line| line.strip_prefix("epoch ")?.split_once('/'));
        lines.map(|(epoch, _)| epoch.trim().parse().expect("a number")).collect()
    };
    assert_eq!(told("--epochs 25 --patience none"), [1, 3, 6, 9, 12, 15, 18, 21, 24, 25]);
    let lines = told("--epochs 5000 --patience 2");
    let report = json(&fs::read_to_string(place.path("m/report.json")).expect("just written"));
    assert_eq!(report["finish"], "patience", "{report}");
    assert_eq!(lines.last().copied(), report["epochs"].as_u64(), "{lines:?}");
    assert!(lines.len() > 1 && lines.is_sorted_by(|one, next| one < next), "{lines:?}");
}
