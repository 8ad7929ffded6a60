//! What a model answers, for which columns and rows, and where its answers go.

use std::fs;
use std::process::{Command, Stdio};

use crate::place::{Place, bytes, clouds, json};

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

/// A reader would find one of two columns of a name.
#[test]
fn no_two_columns_of_answers_have_one_name() {
    let place = Place::new();
    place.file("clouds.csv", &clouds().replace("side", "prediction"));
    place.good("train --quiet --data clouds.csv --epochs 1 --out m");
    let predict = "predict m/model.safetensors --data clouds.csv";
    assert!(place.good(&format!("{predict} --keep y,x")).starts_with("y,x,prediction\n"));
    for (keep, name) in [("prediction", "prediction"), ("x,y,x", "x")] {
        let refused = place.bad(&format!("{predict} --keep {keep}"), 2);
        assert!(
            refused.contains(&format!("--keep {name}: the answers would have two columns of this name")),
            "{refused}"
        );
    }
}

/// Answers take the place of no file that they were made from.
#[test]
fn answers_do_not_replace_what_they_are_of() {
    let place = Place::new();
    place.file("clouds.csv", &clouds());
    place.good("train --quiet --data clouds.csv --epochs 1 --out m");
    place.file("x.npy", "an array");
    place.file("y.npy", "another");
    fs::create_dir(place.path("idx")).expect("a temporary folder");
    place.file("idx/t10k-images-idx3-ubyte", "images");
    place.file("idx/old.csv", "answers");
    let names = ["clouds.csv", "m/model.safetensors", "x.npy", "y.npy", "idx/t10k-images-idx3-ubyte"];
    let before = names.map(|name| bytes(&place.path(name)));
    for (data, out, what) in [
        ("clouds.csv", "clouds.csv", "a file of the data"),
        ("clouds.csv", "m/../clouds.csv", "a file of the data"),
        ("clouds.csv", "m/model.safetensors", "the model"),
        ("x.npy,y.npy", "x.npy", "a file of the data"),
        ("x.npy,y.npy", "y.npy", "a file of the data"),
        ("idx", "idx/t10k-images-idx3-ubyte", "a file of the data"),
    ] {
        let refused = place.bad(&format!("predict m/model.safetensors --data {data} --out {out}"), 2);
        assert!(
            refused.contains(&format!("--out {out}: this is {what}, which the answers would replace")),
            "{refused}"
        );
    }
    assert!(names.map(|name| bytes(&place.path(name))) == before);
    let other = place.run("predict m/model.safetensors --data idx --out idx/old.csv");
    assert!(!String::from_utf8_lossy(&other.stderr).contains("would replace"), "it is none of the images");
    // Answers of an earlier time they do, and what is named as a set of data is no file of it.
    place.good("train --quiet --data breast-cancer --epochs 1 --out b");
    for _ in 0..2 {
        place.good("predict m/model.safetensors --data clouds.csv --out answers.csv");
        place.good("predict b/model.safetensors --data breast-cancer --out breast-cancer");
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

/// Rows are answered some thousands at a time: none is lost, and each keeps its line.
#[test]
fn every_row_of_a_long_table_is_answered() {
    let place = Place::new();
    let mut model = deltarule::Mlp::<f32>::builder(&[2, 1]).build().expect("widths");
    model.set_layer(0, &[2.0, -1.0], &[0.5]).expect("lengths that fit");
    model.save(place.path("m.safetensors")).expect("saved");
    let table = |large: Option<usize>| -> String {
        let x = |row: usize| if large == Some(row) { "3e38".to_string() } else { row.to_string() };
        let rows: String = (0..5000).map(|row| format!("{},{},0.5\n", x(row), row % 7)).collect();
        format!("x,y,z\n{rows}")
    };
    place.file("long.csv", &table(None));
    let text = place.good("predict m.safetensors --data long.csv --target z");
    let answers: Vec<f64> = text.lines().skip(1).map(|line| line.parse().expect("a number")).collect();
    let expected: Vec<f64> = (0..5000).map(|row| f64::from(2 * row - row % 7) + 0.5).collect();
    assert!(answers == expected, "{} answers, the last {:?}", answers.len(), answers.last());
    place.file("spoilt.csv", &table(Some(4500)));
    for command in ["predict m.safetensors --target z", "eval m.safetensors --part all"] {
        let message = place.bad(&format!("{command} --data spoilt.csv"), 1);
        let words = "error: spoilt.csv, line 4502, output 1: the model answers inf; ";
        assert!(message.starts_with(words), "{command}: {message}");
    }
}

/// PyTorch's files hold tensors and no words. What they do not say is asked, and a linear output is measured as this program's own nets of
/// numbers are: by the mean of the squares.
#[test]
fn a_file_of_tensors_alone_is_told_what_it_is() {
    let place = Place::new();
    let header = r#"{"0.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"0.bias":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#;
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend([2.0_f32, -1.0, 0.5].iter().flat_map(|number| number.to_le_bytes()));
    fs::write(place.path("torch.safetensors"), file).expect("temporary file");
    place.file("points.csv", "x,y,z\n1,2,0.5\n3,4,4.5\n");
    let commands = ["info torch.safetensors", "predict torch.safetensors --data points.csv --target z"];
    for command in commands {
        let refused = place.bad(command, 2);
        let words =
            "torch.safetensors: it does not say which activations it has; add --hidden-activation and --model-output";
        assert!(refused.contains(words), "{refused}");
        place.good(&format!("{command} --model-output linear"));
    }
    let answers = place.good(&format!("{} --model-output linear", commands[1]));
    assert_eq!(answers.lines().collect::<Vec<_>>(), ["prediction", "0.5", "2.5"]);
    let eval = "eval torch.safetensors --data points.csv --part all --model-output linear --json";
    let result = json(&place.good(eval))["result"].clone();
    assert_eq!((result["loss"].as_f64(), result["mae"].as_f64()), (Some(2.0), Some(1.0)), "{result}");
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
