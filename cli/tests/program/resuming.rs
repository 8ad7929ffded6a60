//! Runs that go on where they stopped: with what they keep, and with what they are given anew.

use std::fs;

use crate::place::{Place, bytes, clouds, json};

#[test]
fn a_run_that_goes_on_equals_one_that_never_stopped() {
    let place = Place::new();
    let train = "train --quiet --data breast-cancer --schedule constant --patience none";
    place.good(&format!("{train} --epochs 8 --out whole"));
    place.good(&format!("{train} --epochs 3 --out parts"));
    place.good(&format!("{train} --epochs 8 --out parts --resume"));
    for name in ["model.safetensors", "history.csv"] {
        assert!(bytes(&place.path("whole").join(name)) == bytes(&place.path("parts").join(name)), "{name}");
    }
    assert!(place.bad("train --resume --out nowhere", 2).contains("no run to go on with"));
    assert!(place.bad(&format!("{train} --resume --out parts --seed 9"), 2).contains("has seed 1"));
}

/// However early a new run ends, what its folder holds to go on with is its own.
#[test]
fn a_run_that_ends_at_once_is_not_resumed_as_an_earlier_one() {
    let place = Place::new();
    place.good("train --quiet --data diabetes --epochs 2 --out m");
    let train = "train --quiet --data diabetes --hidden none --optimizer sgd --epochs 2";
    place.bad(&format!("{train} --lr 1e20 --out m"), 1);
    place.good("train --quiet --data diabetes --resume --lr 1e-3 --out m");
    place.good(&format!("{train} --lr 1e-3 --out fresh"));
    for name in ["model.safetensors", "history.csv"] {
        assert!(bytes(&place.path("m").join(name)) == bytes(&place.path("fresh").join(name)), "{name}");
    }
}

#[test]
fn a_run_that_goes_on_keeps_what_cannot_change() {
    let place = Place::new();
    let train = "train --quiet --data breast-cancer";
    place.good(&format!("{train} --loss cross-entropy --epochs 2 --out r"));
    place.good(&format!("{train} --epochs 4 --out r --resume"));
    let history = fs::read_to_string(place.path("r/history.csv")).expect("written");
    let rate =
        history.lines().next().expect("names").split(',').position(|name| name.contains("rate")).expect("a rate");
    let last: f64 = history.lines().last().and_then(|line| line.split(',').nth(rate)?.parse().ok()).expect("a number");
    assert!(last > 0.0 && history.lines().count() == 5, "the wave of the rate ends with the run: {history}");
    place.good(&format!("{train} --epochs 8 --warm-up 7 --out r --resume"));
    let history = fs::read_to_string(place.path("r/history.csv")).expect("written");
    let rates: Vec<f64> = history.lines().skip(1).filter_map(|line| line.split(',').nth(rate)?.parse().ok()).collect();
    assert!(rates.len() == 8 && rates[4] < rates[5], "it still warms up: {history}");
    for (option, then) in [
        ("--loss log-loss", "has cross-entropy"),
        ("--optimizer sgd", "has adamw"),
        ("--hidden 8", "has [32]"),
        ("--init glorot", "has its first weights"),
        ("--activation tanh", "has relu"),
        ("--standardise no", "has yes"),
        ("--test-split 0.4", "--test-split"),
        ("--val-split 0.3", "--val-split"),
    ] {
        let message = place.bad(&format!("{train} --epochs 5 --out r --resume {option}"), 2);
        assert!(message.contains(then), "{option}: {message}");
    }
}

#[test]
fn a_run_goes_on_with_the_same_rows_only() {
    let place = Place::new();
    place.file("clouds.csv", &clouds());
    let train = "train --quiet --data clouds.csv --epochs";
    place.good(&format!("{train} 2 --out r"));
    place.good(&format!("{train} 3 --out r --resume"));
    let names = fs::read_dir(place.path("r")).expect("it exists").flatten().map(|entry| entry.file_name());
    assert!(!names.into_iter().any(|name| name == "checkpoint.json"), "the checkpoint says it all");
    // As many rows of the same names and classes: a value is another, or two rows have changed places.
    let mut lines: Vec<String> = clouds().lines().map(str::to_owned).collect();
    lines.swap(3, 9);
    for other in [clouds().replacen("0.3,0,left", "0.31,0,left", 1), lines.join("\n")] {
        assert_ne!(other.trim(), clouds().trim());
        place.file("clouds.csv", &other);
        assert!(
            place.bad(&format!("{train} 4 --out r --resume"), 2).contains("learnt from as many rows, but from others")
        );
    }
    // The library's runs do not say what they learnt from.
    let mut run = deltarule::Trainer::<f32>::load(place.path("r/checkpoint.safetensors")).expect("a checkpoint");
    run.set_note("");
    run.save(place.path("r/checkpoint.safetensors")).expect("saved");
    place.file("clouds.csv", &clouds());
    assert!(place.bad(&format!("{train} 4 --out r --resume"), 2).contains("does not say which rows"));
}

/// A run is told once what it learns from; all of that is neither usual nor found out from the file.
#[test]
fn a_run_that_goes_on_knows_its_data() {
    let place = Place::new();
    let rows: String = (0..80).map(|i| format!("{},{},{},{}\n", i % 3, i * 7 % 11, i % 5, i * i % 13)).collect();
    place.file("rows.csv", &rows.replace(',', "|"));
    let train = "train --quiet --data rows.csv --target 0 --drop -1 --no-header --delimiter | --task regression \
                 --test-split 0.3 --val-split 0.25 --seed 5 --dtype f64 --schedule constant";
    place.good(&format!("{train} --epochs 4 --out whole"));
    place.good(&format!("{train} --epochs 1 --out parts"));
    place.good("train --quiet --resume --epochs 2 --out parts");
    // What is said again must be the same, wherever it is by now.
    fs::rename(place.path("rows.csv"), place.path("moved.csv")).expect("a file");
    assert!(place.bad("train --quiet --resume --epochs 4 --out parts", 2).contains("rows.csv"));
    for (option, words) in [("--seed 1", "has seed 5"), ("--dtype f32", "add --dtype f64"), ("--drop 1", "rows")] {
        let refused = place.bad(&format!("train --resume --data moved.csv --epochs 4 --out parts {option}"), 2);
        assert!(refused.contains(words), "{option}: {refused}");
    }
    place.good("train --quiet --resume --data moved.csv --epochs 4 --out parts");
    for name in ["model.safetensors", "history.csv"] {
        assert!(bytes(&place.path("whole").join(name)) == bytes(&place.path("parts").join(name)), "{name}");
    }
}

#[test]
fn a_run_with_nothing_left_to_learn_is_left_as_it_is() {
    let place = Place::new();
    place.good("train --quiet --data breast-cancer --epochs 3 --out r");
    let names = ["model.safetensors", "checkpoint.safetensors", "report.json", "history.csv", "loss.svg"];
    let files = || names.map(|name| bytes(&place.path("r").join(name)));
    let before = files();
    for options in ["", "--epochs 2", "--lr 0.1"] {
        let refused = place.bad(&format!("train --quiet --resume --out r {options}"), 2);
        let words = "r has nothing left to learn, and its files stay as they are; it has gone through 3 epochs: give more --epochs";
        assert!(refused.contains(words), "{options}: {refused}");
        assert!(files() == before, "{options}");
    }
    // Cut off between its last checkpoint and the rest, it still has that to write.
    for name in ["model.safetensors", "history.csv"] {
        fs::remove_file(place.path("r").join(name)).expect("it is there");
        place.good("train --quiet --resume --out r");
        let [model, checkpoint, _, history, _] = files();
        assert!([model, checkpoint, history] == [&before[0], &before[1], &before[3]].map(Vec::clone), "{name}");
    }
    place.good("train --quiet --data breast-cancer --epochs 500 --lr 0.1 --schedule constant --patience 1 --out p");
    assert!(place.bad("train --quiet --resume --out p", 2).contains("its patience ran out: give a larger --patience"));
    place.good("train --quiet --resume --patience 2 --out p");
}

/// What was learnt in a run that was cut off is in its checkpoint alone.
#[test]
fn a_run_that_has_not_come_to_its_end_is_not_replaced() {
    let place = Place::new();
    let patient = "--schedule constant --lr 0.1 --epochs 500 --patience 1";
    for options in ["--epochs 3", "--epochs 3 --dtype f64", patient] {
        let train = format!("train --quiet --data breast-cancer {options}");
        place.good(&format!("{train} --out r"));
        let file = |name: &str| place.path("r").join(name);
        let (model, history) = (bytes(&file("model.safetensors")), bytes(&file("history.csv")));
        let epochs = String::from_utf8_lossy(&history).lines().count() - 1;
        // As after the last checkpoint, and before the rest; or beside what an earlier run left.
        for (left, of_earlier) in [(true, None), (false, None), (false, Some("epoch\n1,2,3,4,5\n"))] {
            fs::remove_file(file("model.safetensors")).expect("it is there");
            match of_earlier {
                Some(lines) => fs::write(file("history.csv"), lines).expect("a file in a temporary folder"),
                None if !left => fs::remove_file(file("history.csv")).expect("it is there"),
                None => {}
            }
            if left {
                // A model that was moved is one all the same.
                place.good(&format!("{train} --out r"));
                continue;
            }
            let checkpoint = bytes(&file("checkpoint.safetensors"));
            let refused = place.bad(&format!("{train} --out r --seed 2"), 2);
            let words = format!(
                "--out r: here is a run that has not come to its end, after {epochs} whole epochs; --resume goes on with it; to begin anew, \
                 name another folder, or remove r/checkpoint.safetensors"
            );
            assert!(refused.contains(&words), "{options}: {refused}");
            assert!(bytes(&file("checkpoint.safetensors")) == checkpoint, "{options}");
            place.good("train --quiet --resume --out r");
            assert!(
                [bytes(&file("model.safetensors")), bytes(&file("history.csv"))] == [model.clone(), history.clone()]
            );
        }
        // A run that has ended has left what it learnt in its model, whatever became of its history, and one that has learnt nothing has
        // nothing to lose.
        fs::remove_file(file("history.csv")).expect("it is there");
        place.good(&format!("{train} --out r --seed 2"));
        place.bad("train --quiet --data diabetes --hidden none --optimizer sgd --lr 1e20 --out r", 1);
        place.good(&format!("{train} --out r"));
        assert!(bytes(&file("model.safetensors")) == model, "{options}");
    }
    // Its checkpoint may be older than what it ended with, or its model another than it wrote.
    place.good("train --quiet --data breast-cancer --epochs 2 --out r");
    let early = bytes(&place.path("r/checkpoint.safetensors"));
    place.good("train --quiet --data breast-cancer --schedule constant --epochs 2 --out s");
    let early_of_s = bytes(&place.path("s/checkpoint.safetensors"));
    place.good("train --quiet --resume --epochs 3 --out s");
    fs::write(place.path("s/checkpoint.safetensors"), early_of_s).expect("a file in a temporary folder");
    place.good("fold s/model.safetensors --out s/model.safetensors");
    place.good("train --quiet --data breast-cancer --epochs 1 --out s");
    // Of another run's epochs it is none of this one.
    fs::write(place.path("s/checkpoint.safetensors"), early).expect("a file in a temporary folder");
    assert!(place.bad("train --quiet --data breast-cancer --out s", 2).contains("after 2 whole epochs"));
}

/// What cannot be read may be such a run: it is left, and said before anything is learnt. (A folder stands for what a disk refuses.)
#[test]
fn nothing_is_replaced_where_a_run_cannot_be_looked_for() {
    let place = Place::new();
    let train = "train --quiet --data breast-cancer --epochs 1 --out r";
    place.good(train);
    for [name, other] in [["model", "checkpoint"], ["checkpoint", "model"]] {
        let [name, other] = [name, other].map(|name| format!("{name}.safetensors"));
        let kept = bytes(&place.path("r").join(&other));
        let (file, aside) = (place.path("r").join(&name), place.path("aside"));
        fs::rename(&file, &aside).expect("it is there");
        fs::create_dir(&file).expect("a folder in a temporary folder");
        let refused = place.bad(&format!("{train} --seed 2"), 1);
        assert!(refused.starts_with(&format!("error: r/{name}: ")), "{refused}");
        assert!(bytes(&place.path("r").join(other)) == kept, "{name}");
        fs::remove_dir(&file).expect("it is empty");
        fs::rename(&aside, &file).expect("it is there");
    }
    place.good(&format!("{train} --seed 2"));
}

/// The time of the first part is known to nobody.
#[test]
fn a_resumed_run_tells_the_time_of_its_last_part_as_such() {
    let place = Place::new();
    let first = json(&place.good("train --quiet --json --data breast-cancer --epochs 2 --out r"));
    assert!(first.get("epochs_before").is_none(), "{first}");
    let output = place.run("train --json --resume --epochs 5 --out r");
    let (told, report) = (String::from_utf8_lossy(&output.stderr), json(&String::from_utf8_lossy(&output.stdout)));
    assert!(told.contains("done      5 epochs, ") && told.contains(" since the run went on, "), "{told}");
    assert!(report["epochs_before"] == 2 && report["epochs"] == 5, "{report}");
}

#[test]
fn a_rule_is_told_its_numbers_and_a_run_keeps_them() {
    let place = Place::new();
    let train = "train --json --data breast-cancer --epochs";
    let report = |line: &str| {
        let output = place.run(line);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{line}: {told}");
        (json(&String::from_utf8_lossy(&output.stdout)), told)
    };
    let (adam, told) = report(&format!("{train} 2 --optimizer adam(0.8,0.98,1e-9) --out r"));
    assert!(told.contains(" with adam(0.8,0.98,1e-9), rate 0.001, "), "{told}");
    assert!(adam["optimizer"] == "adam" && adam["epsilon"] == 1e-9, "{adam}");
    assert_eq!(adam["betas"], serde_json::json!([0.8, 0.98]), "{adam}");
    for other in ["adam", "adam(0.8,0.98,1e-8)"] {
        let refused = place.bad(&format!("train --resume --epochs 3 --optimizer {other} --out r"), 2);
        assert!(
            refused.contains("--optimizer: the run in") && refused.contains("has adam(0.8,0.98,1e-9)"),
            "{refused}"
        );
    }
    for same in ["", "--optimizer adam(0.8,0.98,1e-9)"] {
        let more = if same.is_empty() { 3 } else { 4 };
        let (resumed, _) = report(&format!("train --json --resume --epochs {more} --out r {same}"));
        assert_eq!((&resumed["betas"], &resumed["epsilon"]), (&adam["betas"], &adam["epsilon"]), "{resumed}");
    }
    // The usual rule with a number of its own is still the rule that the usual rate was chosen for.
    let (adamw, _) = report(&format!("{train} 1 --optimizer adamw(0.9,0.98,1e-8) --out w"));
    assert!(adamw["lr"] == 0.002 && adamw["betas"] == serde_json::json!([0.9, 0.98]), "{adamw}");
}

/// A run that is watched from an epoch on keeps the best of those that follow, though an earlier one may have been better.
#[test]
fn the_best_epoch_is_one_of_those_that_were_watched() {
    let place = Place::new();
    let train = "train --quiet --json --data breast-cancer --schedule constant --val-split 0";
    assert!(json(&place.good(&format!("{train} --lr 0.003 --epochs 5 --out r")))["best_epoch"].is_null());
    // So large a rate that what follows should be worse than what was.
    let report = json(&place.good(&format!("{train} --lr 1 --epochs 8 --patience 9 --out r --resume")));
    let history = fs::read_to_string(place.path("r/history.csv")).expect("just written");
    let losses: Vec<f64> = history.lines().skip(1).filter_map(|line| line.split(',').nth(2)?.parse().ok()).collect();
    assert_eq!(losses.len(), 8, "{history}");
    let best = losses[5..].iter().copied().fold(f64::INFINITY, f64::min);
    let epoch = 6 + losses[5..].iter().position(|loss| *loss == best).expect("it is among them");
    assert_eq!(report["best_epoch"].as_u64(), Some(epoch as u64), "{losses:?}");
}

/// The learning rates of a run's epochs.
fn rates(place: &Place, run: &str) -> Vec<f64> {
    let history = fs::read_to_string(place.path(run).join("history.csv")).expect("just written");
    history
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(1).and_then(|rate| rate.parse().ok()).expect("a rate"))
        .collect()
}

#[test]
fn a_resumed_run_takes_the_rate_and_the_shape_that_it_is_given() {
    let place = Place::new();
    let train = "train --quiet --data breast-cancer --lr 0.1";
    // So large a rate that an epoch is soon worse than the best.
    place.good(&format!("{train} --schedule plateau:0.5,0 --epochs 25 --out p"));
    assert!(rates(&place, "p").last() < Some(&0.1), "a plateau has come");
    place.good("train --quiet --data breast-cancer --epochs 26 --lr 0.03 --out p --resume");
    assert_eq!(rates(&place, "p").last(), Some(&0.03));
    // Another shape leaves the warm-up as it was: the second of four epochs ends at half of the rate.
    place.good(&format!("{train} --schedule step:9,0.5 --warm-up 4 --epochs 1 --out w"));
    place.good("train --quiet --data breast-cancer --schedule constant --epochs 6 --out w --resume");
    let rates = rates(&place, "w");
    assert!((rates[1] - 0.05).abs() < 1e-9 && rates[5] == 0.1, "{rates:?}");
}

#[test]
fn a_resumed_run_takes_the_penalty_and_the_clipping_that_it_is_given() {
    let place = Place::new();
    let report = |line: &str| json(&place.good(&format!("train --quiet --json --out r {line}")));
    let settings = |report: &serde_json::Value| [report["l2"].clone(), report["clip"].clone()];
    let begun = report("--data breast-cancer --l2 0.5 --clip 2 --schedule constant --epochs 1");
    assert_eq!(settings(&begun), [0.5, 2.0].map(serde_json::Value::from), "{begun}");
    let kept = report("--resume --epochs 2");
    assert_eq!(settings(&kept), settings(&begun), "{kept}");
    let other = report("--resume --epochs 3 --l2 0.125 --clip 0.25");
    assert_eq!(settings(&other), [0.125, 0.25].map(serde_json::Value::from), "{other}");
    // They are not only told.
    place.good("train --quiet --data breast-cancer --l2 0.5 --clip 2 --schedule constant --epochs 3 --out s");
    assert!(bytes(&place.path("r/model.safetensors")) != bytes(&place.path("s/model.safetensors")));
}

#[test]
fn a_linear_run_has_no_activation_to_change() {
    let place = Place::new();
    place.good("train --quiet --data breast-cancer --hidden none --epochs 1 --out r");
    for activation in ["tanh", "relu"] {
        let refused = place.bad(&format!("train --resume --epochs 2 --activation {activation} --out r"), 2);
        assert!(refused.contains("has no hidden layers"), "{refused}");
    }
    place.good("train --quiet --resume --epochs 2 --hidden none --out r");
}
