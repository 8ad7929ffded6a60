//! What models and runs remember of their training: the target, the test part, the rows, the settings; and what of it a resumed run changes.

mod place;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use place::{Place, bytes, clouds, json};

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
    // What is left alone can only be the target.
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

/// An IDX file of bytes.
fn idx(shape: &[u32], byte: impl Fn(usize) -> u8) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, shape.len() as u8];
    bytes.extend(shape.iter().flat_map(|length| length.to_be_bytes()));
    bytes.extend((0..shape.iter().product::<u32>() as usize).map(byte));
    bytes
}

#[test]
fn a_share_that_the_data_does_not_need_is_told_of() {
    let place = Place::new();
    fs::create_dir(place.path("images")).expect("temporary folder");
    for (part, rows) in [("train", 40), ("t10k", 10)] {
        let write = |kind: &str, bytes: Vec<u8>| {
            fs::write(place.path(&format!("images/{part}-{kind}-ubyte")), bytes).expect("temporary file");
        };
        write("images-idx3", idx(&[rows, 2, 2], |index| (index * 7 % 256) as u8));
        write("labels-idx1", idx(&[rows], |row| (row % 2) as u8));
    }
    place.file("clouds.csv", &clouds());
    let eval = "eval m/model.safetensors --json";
    for (data, share, told) in
        [("images", "--test-split 0.3", true), ("images", "", false), ("clouds.csv", "--test-split 0.3", false)]
    {
        for command in ["train --epochs 1 --out m", eval] {
            let output = place.run(&format!("{command} --data {data} {share}"));
            let notes = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{notes}");
            let words = "--test-split is not used: images has a test part of its own";
            assert_eq!(notes.contains(words), told, "{command} {data} {share}: {notes}");
        }
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
