//! What a model remembers of its training decides what it is measured on: the target, the test part, the rows, its own settings.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::idx_bytes::idx;
use crate::place::{Place, clouds, json};

/// Rows of a table whose price follows from its rooms and area, and whose last column is another number.
fn houses() -> Vec<[i32; 4]> {
    (0..60).map(|i| [i % 5, 40 + i * 7 % 60, 1000 * (i % 5) + 37 * (i * 7 % 60), i * 31 % 60]).collect()
}

#[test]
fn a_model_is_measured_by_the_column_that_it_learnt() {
    let place = Place::new();
    let table = |columns: &[usize]| -> String {
        let line = |row: &[i32; 4]| columns.iter().map(|&column| row[column].to_string()).collect::<Vec<_>>().join(",");
        houses().iter().map(|row| line(row) + "\n").collect()
    };
    place.file("houses.csv", &format!("rooms,area,price,tax\n{}", table(&[0, 1, 2, 3])));
    let train = "train --quiet --json --data houses.csv --target price --drop tax --task regression --epochs 5 --out m";
    let report = json(&place.good(train));
    let eval = "eval m/model.safetensors --part test --json --data";
    let scores = |arguments: &str| json(&place.good(&format!("{eval} {arguments}")))["result"].clone();
    assert_eq!(scores("houses.csv"), report["test"]);
    assert_eq!((&report["target"], &report["dropped"]), (&"price".into(), &serde_json::json!(["tax"])), "{report}");
    let info = place.good("info m/model.safetensors");
    assert!(info.contains("target        price, standardised"), "{info}");
    let predict = "predict m/model.safetensors --data houses.csv --part test";
    assert_eq!(place.good(predict), place.good(&format!("{predict} --target price")));
    // Another target is a wish, and told.
    let other = place.run("eval m/model.safetensors --json --data houses.csv --target tax");
    assert!(other.status.success());
    let told = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(told.contains("the model learnt ‘price’; its target here is ‘tax’"), "{told}");
    // By it other rows would be drawn than training kept.
    let refused = place.run(&format!("{eval} houses.csv --target tax"));
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&refused.stderr)
            .contains("the training drew its parts from 60 rows, and these are others")
    );
    // Where columns have no names, the target is at its place.
    place.file("nameless.csv", &table(&[0, 1, 2]));
    assert_eq!(scores("nameless.csv"), report["test"]);
    place.file("renamed.csv", &format!("rooms,area,cost,tax\n{}", table(&[0, 1, 2, 3])));
    let refused = place.bad(&format!("{eval} renamed.csv"), 2);
    assert!(refused.contains("the model learnt the column ‘price’") && refused.contains("--target"), "{refused}");
    assert_eq!(scores("renamed.csv --target cost"), report["test"]);
    // A single column beside the features may be the rows' number.
    place.file("lone.csv", &format!("rooms,area,id\n{}", table(&[0, 1, 3])));
    let refused = place.bad(&format!("{eval} lone.csv"), 2);
    assert!(refused.contains("the column ‘price’, which is missing; say with --target which it is (id)"), "{refused}");
    // What is left by who said what to leave out can only be the target.
    let only = place.run(&format!("{eval} renamed.csv --drop tax"));
    let told = String::from_utf8_lossy(&only.stderr).into_owned();
    assert!(
        told.contains("the model learnt ‘price’; its target here is ‘cost’, the only column that is left"),
        "{told}"
    );
    assert_eq!(json(&String::from_utf8_lossy(&only.stdout))["result"], report["test"]);
    let refused = place.bad(&format!("{eval} houses.csv --drop price"), 2);
    assert!(refused.contains("--drop names the target"), "{refused}");
}

/// Where columns have no names, the place of the target is remembered.
#[test]
fn a_model_is_measured_by_the_column_at_its_place() {
    let place = Place::new();
    let rows = |columns: [usize; 3]| -> String {
        houses().iter().map(|row| columns.map(|column| row[column].to_string()).join(",") + "\n").collect()
    };
    place.file("houses.csv", &rows([2, 0, 1]));
    let options = "--quiet --json --task regression --epochs 5 --out m";
    let report = json(&place.good(&format!("train --data houses.csv --target 0 {options}")));
    let eval = "eval m/model.safetensors --part test --json --data";
    let scores = |arguments: &str| json(&place.good(&format!("{eval} {arguments}")))["result"].clone();
    assert_eq!(scores("houses.csv"), report["test"]);
    for part in ["test", "rest"] {
        let predict = format!("predict m/model.safetensors --data houses.csv --part {part}");
        assert_eq!(place.good(&predict), place.good(&format!("{predict} --target 0")), "{part}");
    }
    // To predict on, the file that it learnt from does as it is, and so does one without that column.
    let answers = |data: &str| {
        let output = place.run(&format!("predict m/model.safetensors --data {data} --part all"));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        (
            output.status.success().then_some(output.stdout),
            told.contains("warning: houses.csv: column 0 is left out, where the model learnt its target; if another one is no feature, name that with --drop"),
        )
    };
    place.file("features.csv", &houses().iter().map(|row| format!("{},{}\n", row[0], row[1])).collect::<String>());
    let of_features = answers("features.csv");
    assert!(of_features.0.is_some() && !of_features.1);
    assert_eq!(answers("houses.csv"), (of_features.0.clone(), true));
    assert_eq!(answers("houses.csv --target 0"), (of_features.0.clone(), false));
    place
        .file("wide.csv", &houses().iter().map(|row| format!("{0},{0},{1},{1}\n", row[0], row[1])).collect::<String>());
    assert_eq!(answers("wide.csv"), (None, false));
    assert_eq!(answers("wide.csv --drop 1,2"), (of_features.0, false));
    let other = place.run(&format!("{eval} houses.csv --target 2"));
    let told = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(told.contains("the model learnt column 0; its target here is column 2"), "{told}");
    // Elsewhere it is found where somebody says.
    place.file("turned.csv", &rows([0, 1, 2]));
    assert_eq!(scores("turned.csv --target 2"), report["test"]);
    place.good(&format!("train --data turned.csv --drop 0 {options}"));
    place.file("narrow.csv", "40,1000\n47,1259\n");
    let refused = place.bad("eval m/model.safetensors --data narrow.csv", 2);
    assert!(
        refused.contains("the model learnt column 2, and there are no names") && refused.contains("--target"),
        "{refused}"
    );
}

/// A first row whose numbers count up is one where the other rows tell, when it is predicted on as when it was learnt from.
#[test]
fn a_file_without_names_is_read_alike_to_learn_and_to_predict() {
    let place = Place::new();
    let rows: String =
        (0..40).map(|row| format!("{},{},{},{}\n", row % 5, row % 7, row % 3, ["a", "b"][row % 2])).collect();
    place.file("flowers.csv", &format!("1,2,3,a\n{rows}"));
    place.good("train --quiet --data flowers.csv --epochs 1 --out m");
    assert_eq!(place.good("predict m/model.safetensors --data flowers.csv").lines().count(), 42);
}

/// A model that knows names finds its columns by their places in data that has none, the target too, and says so.
#[test]
fn names_that_the_data_lacks_are_told_of() {
    let place = Place::new();
    let line = |row: &[i32; 4]| format!("{},{},{}\n", row[2], row[0], row[1]);
    let rows: String = houses().iter().map(line).collect();
    place.file("houses.csv", &format!("price,rooms,area\n{rows}"));
    place.file("nameless.csv", &rows);
    let train = "train --quiet --json --data houses.csv --target price --task regression --epochs 5 --out m";
    let report = json(&place.good(train));
    let words = "nameless.csv has no names of columns; they are taken, as they stand, for those that the model learnt: rooms, area";
    for (command, target) in [
        ("eval m/model.safetensors --json --part test", true),
        ("predict m/model.safetensors --part test", true),
        ("predict m/model.safetensors --target 0", false),
    ] {
        let by_name = place.run(&format!("{command} --data houses.csv"));
        let by_place = place.run(&format!("{command} --data nameless.csv"));
        let told = String::from_utf8_lossy(&by_place.stderr).into_owned();
        assert!(by_name.status.success() && by_place.status.success(), "{command}: {told}");
        assert!(!String::from_utf8_lossy(&by_name.stderr).contains("no names of columns"), "{command}");
        assert!(told.contains(words) && told.contains("and column 0 for the target") == target, "{command}: {told}");
        if command.starts_with("eval") {
            let measured = json(&String::from_utf8_lossy(&by_place.stdout));
            assert_eq!(measured["result"], report["test"], "{measured}");
        } else {
            assert_eq!(by_name.stdout, by_place.stdout, "{command}");
        }
    }
}

/// The draw that made the test part makes another of other rows, and what it holds then may have been learnt from.
#[test]
fn a_part_is_drawn_from_the_rows_of_the_training_only() {
    let place = Place::new();
    place.file("clouds.csv", &clouds());
    place.good("train --quiet --data clouds.csv --epochs 2 --out m");
    place.good("fold m/model.safetensors --out folded.safetensors");
    let info = json(&place.good("info m/model.safetensors --json"));
    assert_eq!((&info["rows"], info["fingerprint"].as_str().map(str::len)), (&60.into(), Some(16)), "{info}");
    let (head, rows) =
        clouds().split_once('\n').map(|(head, rows)| (head.to_string(), rows.to_string())).expect("a header");
    let mut lines: Vec<&str> = rows.lines().collect();
    lines.swap(3, 9);
    let turned: String = rows.lines().map(|line| line.split(',').rev().collect::<Vec<_>>().join(",") + "\n").collect();
    place.file("longer.csv", &format!("{}0.35,0.1,left\n", clouds()));
    place.file("sorted.csv", &format!("{head}\n{}\n", lines.join("\n")));
    place.file("turned.csv", &format!("side,y,x\n{turned}"));
    for model in ["m/model.safetensors", "folded.safetensors"] {
        for (data, words) in
            [("longer.csv", "60 rows, and these are 61"), ("sorted.csv", "60 rows, and these are others")]
        {
            for command in ["eval", "predict"] {
                for part in ["test", "rest"] {
                    let refused = place.bad(&format!("{command} {model} --data {data} --part {part}"), 2);
                    assert!(refused.contains(words) && refused.contains("--part all"), "{refused}");
                }
                place.good(&format!("{command} {model} --data {data} --part all"));
                place.good(&format!("{command} {model} --data {data}"));
            }
        }
        // Wherever its columns stand, and on however many threads, a row is a row.
        for options in ["turned.csv", "clouds.csv --threads 1", "clouds.csv --threads 2"] {
            assert_eq!(place.good(&format!("predict {model} --part test --data {options}")).lines().count(), 1 + 12);
        }
    }
    // What is inside is not those rows either: all of it is new to the model.
    place.file("x.csv", &(0..60).map(|i| format!("{}{}\n", format!("{i}.5,").repeat(30), i % 2)).collect::<String>());
    place.good("train --quiet --data x.csv --epochs 1 --out x");
    assert_eq!(place.good("predict x/model.safetensors --data breast-cancer").lines().count(), 1 + 569);
    // A file that says nothing of its rows cannot be held to them, and that is told.
    let old = deltarule::Mlp::<f32>::builder(&[2, 1]).output(deltarule::Output::Sigmoid).classes(["left", "right"]);
    old.test_share(0.2).build().and_then(|model| model.save(place.path("old.safetensors"))).expect("saved");
    let output = place.run("eval old.safetensors --data longer.csv --part test");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.contains("does not say which rows it learnt from"), "{told}");
}

/// What comes through a pipe can be read once.
#[cfg(unix)]
#[test]
fn a_model_is_measured_on_what_a_pipe_brings() {
    let place = Place::new();
    place.file("clouds.csv", &clouds());
    place.good("train --quiet --data clouds.csv --epochs 2 --out m");
    let measured = json(&place.good("eval m/model.safetensors --json --data clouds.csv"));
    let without_names = clouds().split_once('\n').expect("a header").1.to_string();
    for text in [clouds(), without_names] {
        let mut command = place.command("eval m/model.safetensors --json --data /dev/stdin");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
        child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it is read");
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", output.status);
        assert_eq!(json(&String::from_utf8_lossy(&output.stdout))["result"], measured["result"]);
    }
}

#[test]
fn the_test_part_is_the_one_that_training_kept() {
    let place = Place::new();
    let train = "train --quiet --json --data breast-cancer --epochs 2 --out m --test-split";
    let eval = "eval m/model.safetensors --data breast-cancer --json";
    let report = json(&place.good(&format!("{train} 0.4")));
    let measured = json(&place.good(eval));
    assert_eq!((&measured["part"], &measured["result"]), (&"test".into(), &report["test"]));
    let predict = "predict m/model.safetensors --data breast-cancer --part test";
    assert_eq!(place.good(predict).lines().count(), 1 + 228);
    let other = place.run(&format!("{eval} --test-split 0.2"));
    let told = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(other.status.success() && told.contains("learnt with --test-split 0.4, not 0.2"), "{told}");
    let refused = place.bad(&format!("{eval} --test-split 0"), 2);
    assert!(refused.contains("--test-split 0 leaves no test part") && !refused.contains("--part test"), "{refused}");
    // All rows were learnt from: none of them is a test.
    place.good(&format!("{train} 0"));
    let measured = json(&place.good(eval));
    assert_eq!((&measured["part"], &measured["result"]["rows"]), (&"all rows".into(), &569.into()));
    assert!(
        String::from_utf8_lossy(&place.run("eval m/model.safetensors --data breast-cancer").stderr)
            .contains("kept none")
    );
    for command in [&format!("{eval} --part test"), &format!("{eval} --part test --test-split 0.2"), predict] {
        assert!(place.bad(command, 2).contains("the model kept no rows for the test"), "{command}");
    }
    // A model that says nothing of it is measured on the usual part.
    deltarule::Mlp::<f32>::builder(&[30, 1])
        .output(deltarule::Output::Sigmoid)
        .build()
        .and_then(|model| model.save(place.path("foreign.safetensors")))
        .expect("saved");
    let answers = place.good("predict foreign.safetensors --data breast-cancer");
    assert_eq!(answers.lines().count(), 1 + 114);
}

#[test]
fn a_share_that_the_data_does_not_need_is_told_of() {
    let place = Place::new();
    fs::create_dir(place.path("images")).expect("temporary folder");
    for (part, rows) in [("train", 40), ("t10k", 10)] {
        let write = |kind: &str, bytes: Vec<u8>| {
            fs::write(place.path(&format!("images/{part}-{kind}-ubyte")), bytes).expect("temporary file");
        };
        write("images-idx3", idx(&[rows, 2, 2], (0..4 * rows).map(|index| (index * 7 % 256) as u8)));
        write("labels-idx1", idx(&[rows], (0..rows).map(|row| (row % 2) as u8)));
    }
    place.file("clouds.csv", &clouds());
    let eval = "eval m/model.safetensors --json";
    let (own, all) = ("images has a test part of its own", "all rows are taken, and none set apart");
    for (command, data, share, told) in [
        ("train --epochs 1 --out m", "images", "--test-split 0.3", Some(own)),
        (eval, "images", "--test-split 0.3", Some(own)),
        ("train --epochs 1 --out m", "images", "", None),
        (eval, "images", "", None),
        ("train --epochs 1 --out m", "clouds.csv", "--test-split 0.3", None),
        (eval, "clouds.csv", "--test-split 0.3", Some(all)),
        (eval, "clouds.csv", "--test-split 0.3 --part test", None),
    ] {
        let output = place.run(&format!("{command} --data {data} {share}"));
        let notes = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{notes}");
        let why = notes.split("--test-split is not used: ").nth(1);
        assert!(why.is_some() == told.is_some(), "{command} {data} {share}: {notes}");
        assert!(
            why.is_none_or(|why| told.is_some_and(|told| why.starts_with(told))),
            "{command} {data} {share}: {notes}"
        );
    }
}

/// What a model says of itself is not overruled, and not passed over without a word.
#[test]
fn options_for_files_that_say_nothing_agree_with_those_that_do() {
    let place = Place::new();
    place.file("clouds.csv", &clouds());
    place.good("train --quiet --data clouds.csv --hidden 4 --activation leaky-relu(0.2) --epochs 1 --out m");
    for command in ["info m/model.safetensors", "predict m/model.safetensors --data clouds.csv"] {
        place.good(&format!("{command} --hidden-activation leaky-relu(0.2) --model-output sigmoid"));
        let refused = place.bad(&format!("{command} --hidden-activation tanh"), 2);
        let words = "--hidden-activation tanh: m/model.safetensors says that its activation is leaky-relu(0.2);";
        assert!(refused.contains(words), "{refused}");
        let refused = place.bad(&format!("{command} --model-output linear"), 2);
        let words = "--model-output linear: m/model.safetensors says that its output is sigmoid;";
        assert!(refused.contains(words), "{refused}");
    }
    // Without hidden layers there is nothing to contradict.
    place.good("train --quiet --data clouds.csv --hidden none --epochs 1 --out m");
    place.good("info m/model.safetensors --hidden-activation tanh");
}
