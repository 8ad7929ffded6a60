//! Classes: the scores of each, those of which nothing can be learnt, and two losses for them.

use crate::place::{Place, bytes, clouds, json};

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
