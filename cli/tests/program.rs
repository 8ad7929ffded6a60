//! The program from outside: train, eval, predict, info, fold, cpu, bench, compare; its words, its exit status, the files it leaves.

mod place;

use std::fs;
use std::process::{Command, Stdio};

use place::{Place, bytes, clouds, json};

#[test]
fn a_whole_life() {
    let place = Place::new();
    place.file("clouds.csv", &clouds());
    let out = place.good("train --data clouds.csv --hidden 8 --epochs 80 --lr 0.02 --out m");
    assert!(out.contains("accuracy") && out.contains("model.safetensors"), "{out}");
    for name in
        ["model.safetensors", "report.json", "history.csv", "loss.svg", "loss.png", "confusion.svg", "confusion.png"]
    {
        assert!(!bytes(&place.path("m").join(name)).is_empty(), "{name}");
    }
    let report = json(&fs::read_to_string(place.path("m/report.json")).expect("just written"));
    assert!(report["test"]["accuracy"].as_f64().expect("a number") > 0.8, "{report}");
    assert_eq!(report["layers"], serde_json::json!([2, 8, 1]));
    assert_eq!(fs::read_to_string(place.path("m/history.csv")).expect("just written").lines().count(), 81);

    let measured = json(&place.good("eval m/model.safetensors --data clouds.csv --part test --json"));
    assert_eq!(measured["result"]["accuracy"], report["test"]["accuracy"]);
    assert_eq!(measured["result"]["loss"], report["test"]["loss"]);

    let answers = place.good("predict m/model.safetensors --data clouds.csv --probabilities");
    assert_eq!(answers.lines().count(), 61);
    assert_eq!(answers.lines().next(), Some("prediction,p_left,p_right"));
    place.good("predict m/model.safetensors --data clouds.csv --probabilities --out answers.csv");
    assert_eq!(fs::read_to_string(place.path("answers.csv")).expect("just written"), answers);

    let info = place.good("info m/model.safetensors");
    assert!(info.contains("2 → 8") && info.contains("left, right") && info.contains("x, y"), "{info}");
    assert_eq!(json(&place.good("info m/model.safetensors --json"))["parameters"], 2 * 8 + 8 + 8 + 1);
}

#[test]
fn columns_are_found_by_name_wherever_they_stand() {
    let place = Place::new();
    place.file("clouds.csv", &clouds());
    place.good("train --quiet --data clouds.csv --epochs 5 --out m");
    let straight = place.good("predict m/model.safetensors --data clouds.csv");
    let turned: String = clouds()
        .lines()
        .enumerate()
        .map(|(row, line)| {
            let fields: Vec<&str> = line.split(',').collect();
            let name = if row == 0 { "name".to_string() } else { format!("r{row}") };
            format!("{name},{},{}\n", fields[1], fields[0])
        })
        .collect();
    place.file("turned.csv", &turned);
    assert_eq!(place.good("predict m/model.safetensors --data turned.csv"), straight);
    place.file("missing.csv", "x,z\n1,2\n");
    assert!(place.bad("predict m/model.safetensors --data missing.csv", 1).contains("a column ‘y’, which is missing"));
}

#[test]
fn a_feature_of_the_model_is_neither_dropped_nor_a_target() {
    let place = Place::new();
    place.file("clouds.csv", &clouds());
    place.good("train --quiet --data clouds.csv --epochs 1 --out m");
    for (options, words) in [
        (
            "eval m/model.safetensors --data clouds.csv --drop x",
            "--drop names ‘x’, which is one of the model's features",
        ),
        ("eval m/model.safetensors --data clouds.csv --target y", "--target names ‘y’"),
        ("predict m/model.safetensors --data clouds.csv --drop y", "--drop names ‘y’"),
        ("predict m/model.safetensors --data clouds.csv --target x", "--target names ‘x’"),
    ] {
        let message = place.bad(options, 2);
        assert!(message.contains(words), "{options}: {message}");
    }
}

#[test]
fn the_model_has_the_same_bytes_on_any_threads_and_tier() {
    let place = Place::new();
    // No name asks for nothing: the detected tier.
    let on = |tier: &str, arguments: &str| {
        let output = place.command(arguments).env("DELTARULE_ISA", tier).output().expect("the program starts");
        assert!(output.status.success(), "{tier}, {arguments}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("output is UTF-8")
    };
    let train = "train --quiet --epochs 3 --out";
    on("", &format!("{train} one --threads 1"));
    on("", &format!("{train} two --threads 2"));
    let model = |name: &str| bytes(&place.path(name).join("model.safetensors"));
    assert!(model("one") == model("two"), "one and two threads differ");
    let machine = json(&on("", "cpu --json"));
    let tiers = machine["available"].as_array().expect("a list");
    for tier in tiers.iter().filter_map(serde_json::Value::as_str) {
        assert_eq!(json(&on(tier, "cpu --json"))["isa"], tier, "the tier in use is the one that was asked for");
        // The portable one has other bits where the build has no fused multiply-add.
        if tier != "portable" {
            on(tier, &format!("{train} tier"));
            assert!(model("one") == model("tier"), "{tier} differs");
        }
    }
}

#[test]
fn a_failed_run_leaves_the_model_that_was_there() {
    let place = Place::new();
    place.file("clouds.csv", &clouds());
    place.good("train --quiet --data clouds.csv --epochs 2 --out m");
    let before = bytes(&place.path("m/model.safetensors"));
    place.file("broken.csv", "x,y,side\n1,2,left\n3,oops,right\n");
    assert!(place.bad("train --data broken.csv --out m", 1).contains("broken.csv, line 3, column 2: ‘oops’"));
    let diverging = "train --quiet --data diabetes --hidden none --optimizer sgd --lr 1e20 --out m";
    let message = place.bad(diverging, 1);
    assert!(message.starts_with("error: epoch 1, batch ") && message.contains("Lower the learning rate"), "{message}");
    assert_eq!(bytes(&place.path("m/model.safetensors")), before);
    let names = fs::read_dir(place.path("m")).expect("it exists");
    assert!(names.flatten().all(|entry| !entry.file_name().to_string_lossy().contains("tmp")));
}

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
fn a_prediction_takes_the_part_that_training_kept() {
    let place = Place::new();
    let rows: Vec<(f64, f64, f64)> =
        (0..60).map(|i| (f64::from(i * 7 % 60), f64::from(i * i % 17), f64::from(i * 31 % 60) / 7.0)).collect();
    let lines: Vec<String> = rows.iter().map(|(x, y, z)| format!("{x},{y},{z}\n")).collect();
    place.file("rows.csv", &format!("x,y,z\n{}", lines.concat()));
    place.good("train --quiet --data rows.csv --task regression --epochs 2 --out m");
    let answers = |part: &str| {
        let text = place.good(&format!("predict m/model.safetensors --data rows.csv --target z --part {part}"));
        text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let (all, test) = (answers("all"), answers("test"));
    assert_eq!((all.len(), test.len(), answers("rest").len()), (60, 12, 48));
    let mut squares = 0.0;
    for answer in &test {
        let row = all.iter().position(|other| other == answer).expect("one of all");
        let distance = answer.parse::<f64>().expect("a number") - rows[row].2;
        squares += distance * distance / test.len() as f64;
    }
    let report = json(&place.good("eval m/model.safetensors --data rows.csv --part test --json"));
    let rmse = report["result"]["rmse"].as_f64().expect("a number");
    assert!((squares.sqrt() - rmse).abs() < 1e-3, "{} {report}", squares.sqrt());
    place.file("new.csv", "x,y\n1,2\n3,4\n");
    place.good("predict m/model.safetensors --data new.csv");
    assert!(place.bad("predict m/model.safetensors --data new.csv --part test", 2).contains("none is the target"));
}

#[test]
fn numbers_may_name_columns() {
    let place = Place::new();
    let rows: String = (0..40).map(|i| format!("{i},{},{}\n", i % 7, i % 2)).collect();
    place.file("named.csv", &format!("0,1,label\n{rows}"));
    assert!(place.bad("train --quiet --data named.csv --epochs 1", 1).contains("say --header"));
    place.good("train --quiet --data named.csv --epochs 1 --header --out m");
    place.file("other.csv", &format!("a,b,label\n{rows}"));
    assert!(place.bad("train --quiet --data other.csv --epochs 2 --out m --resume", 2).contains("other columns"));
}

#[test]
fn several_numbers_are_predicted_a_column_each() {
    let place = Place::new();
    let model = deltarule::Mlp::<f32>::builder(&[2, 3]).build().expect("a model");
    model.save(place.path("three.safetensors")).expect("saved");
    place.file("points.csv", "x,y\n0,0\n1,2\n");
    let answers = place.good("predict three.safetensors --data points.csv");
    let lines: Vec<&str> = answers.lines().collect();
    assert_eq!(lines[..2], ["prediction_0,prediction_1,prediction_2", "0,0,0"]);
    assert_eq!((lines.len(), lines[2].split(',').count()), (3, 3));
}

/// No class and no score is made of what is no number.
#[test]
fn answers_that_are_no_numbers_are_refused() {
    let place = Place::new();
    let save = |name: &str, output, weights: &[f32]| {
        let outputs = weights.len() / 2;
        let mut model = deltarule::Mlp::<f32>::builder(&[2, outputs]).output(output).build().expect("widths");
        model.set_layer(0, weights, &vec![0.0; outputs]).expect("lengths that fit");
        model.save(place.path(name)).expect("saved");
    };
    save("number.safetensors", deltarule::Output::Linear, &[1e30, 0.0]);
    save("classes.safetensors", deltarule::Output::Softmax, &[0.0, 1.0, 1e30, 0.0, 0.0, 0.0]);
    place.file("points.csv", "x,y,z\n1,2,0.5\n\n1e30,2,1.5\n");
    for command in ["eval number.safetensors", "predict number.safetensors --target z --out answers.csv"] {
        let message = place.bad(&format!("{command} --data points.csv"), 1);
        let words = "error: points.csv, line 4, output 1: the model answers inf; ";
        assert!(message.starts_with(words) && message.contains("look at the row"), "{message}");
    }
    place.file("labels.csv", "x,y,label\n1e-30,2,1\n-1,2,0\n1e30,2,2\n");
    for command in ["eval classes.safetensors", "predict classes.safetensors --target label --out answers.csv"] {
        let message = place.bad(&format!("{command} --data labels.csv"), 1);
        assert!(message.starts_with("error: labels.csv, line 4, output ") && message.contains("NaN"), "{message}");
    }
    assert!(!place.path("answers.csv").exists());
    // The outputs are numbers, and their squares are not.
    place.file("far.csv", "x,y,z\n1,2,0.5\n2,2,1.5\n");
    let output = place.run("eval number.safetensors --data far.csv --json");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success() && told.starts_with("far.csv: every output is a number, but one is too far"),
        "{told}"
    );
    let result = json(&String::from_utf8_lossy(&output.stdout))["result"].clone();
    assert!(result["loss"].is_null() && result["mae"].is_number(), "{result}");
}

#[test]
fn results_go_into_a_folder() {
    let place = Place::new();
    place.file("taken", "words");
    for command in ["train --epochs 1 --quiet", "compare --epochs 1 --seeds 1"] {
        assert!(place.bad(&format!("{command} --out taken"), 2).contains("--out taken: this is a file; name a folder"));
    }
    assert_eq!(fs::read_to_string(place.path("taken")).expect("still there"), "words");
}

#[test]
fn numbers_are_predicted_too() {
    let place = Place::new();
    let report = json(&place.good("train --data diabetes --epochs 20 --json --quiet --dtype f64 --out m"));
    for entry in ["r2", "rmse", "mae"] {
        assert!(report["test"][entry].is_number(), "{report}");
    }
    assert!(!place.path("m/confusion.svg").exists());
    let answers = place.good("predict m/model.safetensors --data diabetes");
    assert_eq!(answers.lines().next(), Some("prediction"));
    assert!(place.bad("predict m/model.safetensors --data diabetes --probabilities", 2).contains("answers numbers"));
    let message = place.bad("eval m/model.safetensors --data breast-cancer", 2);
    assert!(message.contains("30 features, but the model takes 10; give the data that it learnt from"), "{message}");
    assert!(!message.contains("--drop"), "which is refused: {message}");
    let many = (0..12).map(|column| column.to_string()).collect::<Vec<_>>().join(".5,");
    place.file("wide.csv", &format!("{many}.5\n{many}.5\n"));
    let message = place.bad("eval m/model.safetensors --data wide.csv", 2);
    assert!(message.contains("11 features, but the model takes 10; name a column that is no feature"), "{message}");
    place.file("narrow.csv", "1.5,2.5,3.5\n4.5,5.5,6.5\n");
    let message = place.bad("eval m/model.safetensors --data narrow.csv --target 2", 2);
    assert!(message.contains("2 features, but the model takes 10; give a file with all the columns"), "{message}");
}

#[test]
fn the_prices_of_a_few_houses_are_numbers() {
    let place = Place::new();
    let rows: String = (0..15).map(|i| format!("{},{},{}\n", i % 4, 50 + i, 100_000 + 7919 * i)).collect();
    place.file("houses.csv", &format!("rooms,area,price\n{rows}"));
    let report = json(&place.good("train --data houses.csv --epochs 2 --json --quiet --out m"));
    assert_eq!(report["task"], "regression", "{report}");
    let rows: String = (0..60).map(|i| format!("{i},name {}\n", 7 * i)).collect();
    place.file("names.csv", &format!("age,name\n{rows}"));
    assert!(place.bad("train --data names.csv --epochs 2 --out m", 1).contains("60 different labels in 60 rows"));
    place.good("train --data names.csv --task classification --test-split 0 --epochs 1 --quiet --out m");
}

#[test]
fn a_folded_model_standardises_nothing_and_answers_the_same() {
    let place = Place::new();
    let answers = |model: &str, data: &str, options: &str| -> Vec<f64> {
        let text = place.good(&format!("predict {model} --data {data} --part all {options}"));
        let numbers = text.lines().skip(1).flat_map(|line| line.split(',')).filter_map(|field| field.parse().ok());
        numbers.collect()
    };
    for (data, dtype, options, what) in [
        ("diabetes", "f64", "", "10 inputs and 1 target"),
        ("breast-cancer", "f32", "--probabilities", "30 inputs"),
        ("diabetes", "f32", "", "10 inputs and 1 target"),
    ] {
        place.good(&format!("train --quiet --data {data} --dtype {dtype} --epochs 3 --out m"));
        let told = place.good("fold m/model.safetensors --out folded.safetensors");
        assert_eq!(told, format!("folded.safetensors: the standardisation of {what} is in the weights now\n"));
        let (own, folded) =
            (answers("m/model.safetensors", data, options), answers("folded.safetensors", data, options));
        assert!(own.len() == folded.len() && own.len() > 400, "{data}: {} and {}", own.len(), folded.len());
        let tolerance = if dtype == "f64" { 1e-10 } else { 1e-3 };
        for (own, folded) in own.iter().zip(folded) {
            assert!((own - folded).abs() <= tolerance * own.abs().max(1.0), "{data} {dtype}: {own}, then {folded}");
        }
        // All else is as it was.
        let card = |model: &str| json(&place.good(&format!("info {model} --json")));
        let (mut own, folded) = (card("m/model.safetensors"), card("folded.safetensors"));
        own["standardised_inputs"] = false.into();
        own["standardised_targets"] = false.into();
        assert_eq!(own, folded);
    }
    let folded = bytes(&place.path("folded.safetensors"));
    let told = place.good("fold folded.safetensors --out folded.safetensors");
    assert_eq!(told, "folded.safetensors: a copy, as folded.safetensors standardises nothing\n");
    assert_eq!(bytes(&place.path("folded.safetensors")), folded);

    let tiny = deltarule::Standardisation::new(vec![0.0], vec![1e60]).expect("equally long");
    deltarule::Mlp::<f32>::builder(&[1, 1])
        .standardise(tiny)
        .build()
        .and_then(|model| model.save(place.path("tiny.safetensors")))
        .expect("saved");
    let refused = place.bad("fold tiny.safetensors --out none.safetensors", 1);
    assert!(
        refused.contains("tiny.safetensors: the standardisation has numbers too large for weights in f32"),
        "{refused}"
    );
    assert!(!place.path("none.safetensors").exists());
}

#[test]
fn the_two_losses_are_set_side_by_side() {
    let place = Place::new();
    let numbers = json(&place.good("compare --epochs 20 --seeds 2 --json --out c"));
    let accuracy = |method: usize| numbers["methods"][method]["mean"]["accuracy"].as_f64().expect("a number");
    assert!((accuracy(0) - accuracy(1)).abs() < 0.05, "{numbers}");
    assert_eq!(numbers["positive_class"], "malignant");
    for name in ["compare.svg", "compare.png", "compare.json"] {
        assert!(!bytes(&place.path("c").join(name)).is_empty(), "{name}");
    }
    // Each run is one that `train` does too, with the same numbers.
    let train =
        "train --quiet --json --data breast-cancer --hidden 16 --optimizer adam --schedule constant --epochs 20";
    for (method, loss, entry) in [(0_usize, "squared-error", "squared_error"), (1, "log-loss", "log_loss")] {
        let report = json(&place.good(&format!("{train} --patience none --seed 1 --loss {loss} --out t")));
        let first = &numbers["methods"][method]["runs"][0];
        assert_eq!(first[entry], report["test"]["loss"], "{loss}");
        assert_eq!(first["accuracy"], report["test"]["accuracy"], "{loss}");
    }
    assert!(place.bad("compare --data diabetes", 2).contains("compare needs classes"));
}

#[test]
fn the_machine_is_described() {
    let place = Place::new();
    let machine = json(&place.good("cpu --json"));
    assert!(machine["cores"].as_u64() >= Some(1) && machine["cache_bytes"]["l1d"].as_u64() >= Some(4096), "{machine}");
    for dtype in ["f32", "f64"] {
        for threads in ["one_thread", "all_threads"] {
            assert!(machine["peak_gflops"][dtype][threads].as_f64() > Some(0.0), "{machine}");
        }
    }
    assert!(place.good("cpu").contains("measured peak"));
}

/// Speeds are the machine's; what is tested is that every row is measured and says what it must.
#[test]
fn products_are_timed_beside_a_peer() {
    let place = Place::new();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(2);
    let lines = place.good(&format!("bench gemm --seconds 0 --only 128 --json --threads {threads}"));
    let rows: Vec<_> = lines.lines().map(json).collect();
    assert_eq!(rows.len(), 9);
    for row in &rows {
        assert_eq!(row["threads"].as_u64(), Some(threads as u64));
        let speed = |name: &str| row["gflops"][name].as_f64();
        assert!(speed("deltarule") > Some(0.0) && speed("matrixmultiply") > Some(0.0), "{row}");
        assert_eq!(speed("packed").is_some(), row["layout"] != "tn", "{row}");
    }
    let double = json(&place.good("bench gemm --seconds 0 --only f64 --json"));
    assert!(double["dtype"] == "f64" && double["peak_gflops"].as_f64() > Some(0.0), "{double}");
    let table = place.good("bench gemm --seconds 0 --only dW");
    assert!(table.contains("matrixmultiply") && table.contains("dW 128×784×128"), "{table}");
}

#[test]
fn steps_are_timed_against_the_peak() {
    let place = Place::new();
    let lines = place.good("bench step --seconds 0 --only tab --json");
    let rows: Vec<_> = lines.lines().map(json).collect();
    assert_eq!(rows.len(), 2);
    for row in &rows {
        for entry in ["us_per_step", "samples_per_second", "limit_fraction", "peak_gflops"] {
            assert!(row[entry].as_f64() > Some(0.0), "{entry}: {row}");
        }
    }
    let table = place.good("bench step --seconds 0 --only mnist");
    assert!(table.contains("% of limit") && table.contains("mnist 784-128-10 b128 relu ce adam"), "{table}");
}

#[test]
fn misuse_and_failure_have_their_status_and_words() {
    let place = Place::new();
    place.file("text.csv", "a,b\n1,2\n");
    let cases = [
        ("train --data nowhere.csv", 2, "no such file or folder"),
        ("train --hidden 0", 2, "is no width"),
        ("train --lr -1", 2, "learning rate = -1"),
        ("train --threads 0", 2, "at least one thread"),
        ("train --batch 0", 2, "batch = 0"),
        ("train --epochs 0", 2, "write a number of at least 1: without an epoch nothing is learnt"),
        ("train --optimizer momentum(1.5)", 2, "momentum = 1.5 is out of range: it must be at least 0 and below 1"),
        ("train --optimizer adam(0.9,0.98,0)", 2, "epsilon = 0 is out of range: it must be positive and finite"),
        ("train --optimizer adam(0.9)", 2, "adam(BETA1,BETA2,EPSILON)"),
        ("train --hidden none --activation tanh", 2, "--activation is for hidden layers, of which --hidden none"),
        ("train --data diabetes --loss cross-entropy", 2, "measures classes"),
        ("train --data text.csv --target c", 2, "no column is named ‘c’"),
        ("train --target 3", 2, "--target is for CSV files"),
        ("train --data diabetes --task classification", 2, "--task"),
        ("compare --data digits --task regression", 2, "--task: what digits asks for is known"),
        ("fold m.safetensors", 2, "--out"),
        ("eval text.csv --data digits", 1, "text.csv"),
        ("info nowhere.safetensors", 1, "nowhere.safetensors"),
        ("bench gemm --only nothing", 2, "no row is named ‘nothing’; there are: forward 1×128×784"),
        ("bench step --threads 0", 2, "at least one thread"),
        ("bench step --threads 100000", 2, "ask for at most that"),
        ("bench step --seconds=-1", 2, "--seconds"),
        ("frobnicate", 2, "unrecognized subcommand"),
    ];
    for (arguments, status, words) in cases {
        let errors = place.bad(arguments, status);
        assert!(errors.contains(words), "{arguments}: {errors}");
    }
    let output = place.command("cpu").env("DELTARULE_ISA", "sse9").output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("sse9"));
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

#[test]
fn damaged_models_are_refused() {
    let place = Place::new();
    place.file("clouds.csv", &clouds());
    place.good("train --quiet --data clouds.csv --epochs 1 --out m");
    let whole = bytes(&place.path("m/model.safetensors"));
    for end in [0, 4, 8, 100, whole.len() / 2, whole.len() - 1] {
        fs::write(place.path("cut.safetensors"), &whole[..end]).expect("temporary file");
        assert!(place.bad("info cut.safetensors", 1).contains("cut.safetensors"), "cut at {end}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let place = Place::new();
    place.good("train --quiet --epochs 1 --out m");
    let mut child = place
        .command("predict m/model.safetensors --data digits --part all --probabilities")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program ends");
    assert!(output.status.success(), "{:?}", output.status);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A device or a pipe that is named is no standard output: its faults bear its name, and a reader that leaves it did not want that.
#[cfg(target_os = "linux")]
#[test]
fn a_named_device_or_pipe_gets_every_answer_or_an_error() {
    let place = Place::new();
    place.good("train --quiet --epochs 1 --out m");
    let predict = "predict m/model.safetensors --data digits --part all --probabilities --out";
    assert!(place.bad(&format!("{predict} /dev/full"), 1).starts_with("error: /dev/full: No space left"));
    let made = Command::new("mkfifo").arg(place.path("pipe")).status().expect("mkfifo starts");
    assert!(made.success());
    // The answers are more than a pipe holds.
    let mut head = Command::new("head");
    let mut reader = head.args(["-c", "1"]).arg(place.path("pipe")).stdout(Stdio::null()).spawn().expect("head starts");
    let output = place.run(&format!("{predict} pipe"));
    let _ = reader.kill();
    reader.wait().expect("it has ended");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.starts_with("error: pipe: Broken pipe"), "{errors}");
    // A reader that stays gets all of them.
    let file = fs::File::create(place.path("answers.csv")).expect("temporary file");
    let mut reader = Command::new("cat").arg(place.path("pipe")).stdout(file).spawn().expect("cat starts");
    place.good(&format!("{predict} pipe"));
    reader.wait().expect("it has ended");
    assert_eq!(fs::read_to_string(place.path("answers.csv")).expect("just written").lines().count(), 1798);
}

/// Of two classes the scores say which they are about; of each class, and of each mistake, `eval` tells by itself.
#[test]
fn classes_have_scores_of_their_own() {
    let place = Place::new();
    place.file("clouds.csv", &clouds());
    let report = json(&place.good("train --quiet --json --data clouds.csv --epochs 2 --out m"));
    assert_eq!(
        (&report["test"]["positive_class"], &report["train"]["positive_class"]),
        (&"right".into(), &"right".into())
    );
    let eval = "eval m/model.safetensors --data clouds.csv --part test";
    let usual = json(&place.good(&format!("{eval} --json")));
    let other = json(&place.good(&format!("{eval} --json --positive left")));
    assert_eq!((&usual["result"], &other["result"]["positive_class"]), (&report["test"], &"left".into()));
    assert_eq!(usual["result"]["roc_auc"], other["result"]["roc_auc"]);
    for (measured, class) in [(&usual, 1), (&other, 0)] {
        for entry in ["precision", "recall", "f1"] {
            assert_eq!(measured["result"][entry], measured["classes"][class][entry], "{entry}: {measured}");
        }
    }
    let count = |truth: usize, taken: usize| usual["confusion"][truth][taken].as_u64().expect("a count");
    let [left, right] = [0, 1].map(|class| usual["classes"][class].clone());
    assert_eq!(
        (&left["class"], left["support"].as_u64()),
        (&"left".into(), Some(count(0, 0) + count(0, 1))),
        "{usual}"
    );
    assert_eq!(right["recall"].as_f64(), Some(count(1, 1) as f64 / (count(1, 0) + count(1, 1)) as f64), "{usual}");
    assert_eq!(usual["macro_average"]["support"], 12, "{usual}");
    let table = place.good(eval);
    for words in ["f1 is that of the class right", "mean over classes", "true, taken for", "precision"] {
        assert!(table.contains(words), "{words}: {table}");
    }
    assert!(place.good(&format!("{eval} --positive left")).contains("f1 is that of the class left"));
    assert!(
        place.bad(&format!("{eval} --positive up"), 2).contains("‘up’ is none of the model's classes (left, right)")
    );
    // Of many classes no one is positive, and their mistakes are for programs.
    let rows: String = (0..150).map(|i| format!("{},{},c{:02}\n", i % 15, i % 7, i % 15)).collect();
    place.file("many.csv", &format!("x,y,class\n{rows}"));
    let told = place.good("train --data many.csv --epochs 1 --out n");
    assert!(told.contains("f1 is the mean over the classes"), "{told}");
    let eval = "eval n/model.safetensors --data many.csv";
    let table = place.good(eval);
    assert!(table.contains("c14") && !table.contains("true, taken for"), "{table}");
    let measured = json(&place.good(&format!("{eval} --json")));
    assert_eq!(measured["confusion"].as_array().map(Vec::len), Some(15), "{measured}");
    assert!(measured["result"].get("positive_class").is_none(), "{measured}");
    assert_eq!(measured["result"]["f1"], measured["macro_average"]["f1"]);
    assert!(place.bad(&format!("{eval} --positive c03"), 2).contains("15 classes, of which none is positive"));
    // Numbers have none.
    place.good("train --quiet --data diabetes --epochs 1 --out d");
    let measured = json(&place.good("eval d/model.safetensors --data diabetes --json"));
    assert!(measured.get("classes").is_none() && measured.get("confusion").is_none(), "{measured}");
    assert!(place.bad("eval d/model.safetensors --data diabetes --positive 1", 2).contains("answers numbers"));
}

/// Where a class has so few rows that all of them are held out, nothing can be learnt of it.
#[test]
fn classes_of_which_nothing_is_learnt_are_told_of() {
    let place = Place::new();
    let table = |labels: &dyn Fn(usize) -> &'static str| -> String {
        (0..16).map(|row| format!("{row}.5,{}.25,{}\n", row * 5 % 16, labels(row))).collect()
    };
    let lonely = |row: usize| if row == 15 { "b" } else { "a" };
    place.file("two.csv", &table(&lonely));
    let train = "train --data two.csv --epochs 1 --val-split 0 --out m";
    assert!(place.bad(train, 1).contains("two.csv: the 13 rows to learn from all have the same target"));
    assert!(!place.path("m").exists());
    place.good(&format!("{train} --test-split 0 --quiet"));
    place.file("three.csv", &table(&|row| if row == 15 { "c" } else { ["a", "b"][row % 2] }));
    let output = place.run("train --data three.csv --epochs 1 --val-split 0 --out m");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.contains("three.csv: no row to learn from is of the class c;"), "{told}");
}

#[test]
fn the_command_line_says_how_a_table_is_written() {
    let place = Place::new();
    let rows: String = (0..40).map(|i| format!("{};{};{}\n", i % 9, i % 7, i % 2)).collect();
    // Names that look like a row, a row that looks like names, and a delimiter that others outnumber.
    place.file("named.csv", &format!("7;8;9\n{rows}"));
    let train = "train --quiet --json --epochs 1 --out m --data";
    let features = |options: &str| {
        place.good(&format!("{train} {options}"));
        json(&place.good("info m/model.safetensors --json"))
    };
    assert_eq!(features("named.csv --header --task classification")["rows"], 40);
    let info = features("named.csv --no-header --task classification");
    assert_eq!((&info["rows"], info["features"].as_array().map(Vec::len)), (&41.into(), Some(0)), "{info}");
    place.file("counted.csv", &format!("0;1;2\n{rows}"));
    assert!(place.bad(&format!("{train} counted.csv"), 1).contains("--no-header if it is a row"));
    assert_eq!(features("counted.csv --no-header --task classification")["rows"], 41);
    let words: String = (0..40).map(|i| format!("{}:{}:a;b;c{}\n", i % 9, i % 7, i % 2)).collect();
    place.file("colons.csv", &words);
    assert_eq!(features("colons.csv --delimiter :")["classes"], serde_json::json!(["a;b;c0", "a;b;c1"]));
    place.file("tabs.csv", &words.replace(':', "\t"));
    assert_eq!(features("tabs.csv --delimiter tab")["classes"], serde_json::json!(["a;b;c0", "a;b;c1"]));
    assert!(place.bad(&format!("{train} colons.csv --delimiter ::"), 2).contains("one ASCII character"));
}
