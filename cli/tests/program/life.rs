//! A model's life from its training to its answers, and what is left behind when that goes wrong.

use std::fs;

use crate::place::{Place, bytes, clouds, json};

/// What is learnt takes the place of no file that it was learnt from.
#[test]
fn results_do_not_replace_their_data() {
    let place = Place::new();
    fs::create_dir(place.path("d")).expect("a temporary folder");
    for (command, name) in [
        ("train --quiet --epochs 1", "history.csv"),
        ("train --quiet --epochs 1", "confusion.svg"),
        ("compare --epochs 1", "compare.json"),
    ] {
        place.file(&format!("d/{name}"), &clouds());
        let refused = place.bad(&format!("{command} --data d/../d/{name} --out d"), 2);
        let words =
            format!("--out d: d/{name} is a file of the data, which the results would replace; name another folder");
        assert!(refused.contains(&words), "{refused}");
        assert!(bytes(&place.path("d").join(name)) == clouds().as_bytes(), "{name}");
        place.good(&format!("train --epochs 1 --quiet --data d/{name} --out m"));
    }
}

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

/// The picture of an earlier run's classes would be taken for this run's.
#[test]
fn a_run_of_numbers_leaves_no_picture_of_classes() {
    let place = Place::new();
    let pictures = ["svg", "png"].map(|kind| place.path(&format!("m/confusion.{kind}")));
    place.good("train --quiet --data breast-cancer --epochs 1 --out m");
    assert!(pictures.iter().all(|path| path.exists()));
    place.good("train --quiet --data diabetes --epochs 1 --out m");
    assert!(!pictures.iter().any(|path| path.exists()));
    // One that stays is told of.
    fs::create_dir(&pictures[1]).expect("temporary folder");
    assert!(place.bad("train --quiet --data diabetes --epochs 1 --out m", 1).contains("confusion.png"));
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
fn misuse_and_failure_have_their_status_and_words() {
    let place = Place::new();
    place.file("text.csv", "a,b\n1,2\n");
    let cases = [
        ("train --data nowhere.csv", 2, "no such file or folder"),
        ("train --hidden 0", 2, "is no width"),
        ("train --lr -1", 2, "learning rate = -1"),
        ("train --clip inf", 2, "clip norm = inf is out of range: it must be positive and finite"),
        ("train --warm-up inf", 2, "warm-up = inf is out of range: it must be zero or positive, and finite"),
        ("train --warm-up -1", 2, "warm-up = -1 is out of range: it must be zero or positive, and finite"),
        ("train --seed -1", 2, "write a whole number of at least 0"),
        ("train --threads 0", 2, "at least one thread"),
        ("train --threads 100000", 2, "at once; ask for at most"),
        ("train --batch 0", 2, "batch = 0"),
        ("train --epochs 0", 2, "write a number of at least 1: without an epoch nothing is learnt"),
        ("train --optimizer momentum(1.5)", 2, "momentum = 1.5 is out of range: it must be at least 0 and below 1"),
        ("train --optimizer adam(0.9,0.98,0)", 2, "epsilon = 0 is out of range: it must be positive and finite"),
        (
            "train --optimizer adam(0.9)",
            2,
            "'--optimizer <OPTIMIZER>': adam takes 3 numbers, adam(BETA1,BETA2,EPSILON)",
        ),
        ("train --hidden none --activation tanh", 2, "--activation is for hidden layers, of which --hidden none"),
        ("train --data diabetes --loss cross-entropy", 2, "measures classes"),
        ("train --data text.csv --target c", 2, "no column is named ‘c’"),
        ("train --target 3", 2, "--target is for CSV files"),
        ("train --data diabetes --task classification", 2, "--task"),
        ("compare --data digits --task regression", 2, "--task: what digits asks for is known"),
        ("compare --seeds 0", 2, "--seeds and --epochs must be at least 1"),
        ("compare --epochs 0", 2, "--seeds and --epochs must be at least 1"),
        ("compare --hidden 0", 2, "width 1 of [30, 0, 1] is 0"),
        ("fold m.safetensors", 2, "--out"),
        ("eval text.csv --data digits", 1, "text.csv"),
        ("info nowhere.safetensors", 1, "nowhere.safetensors"),
        ("bench gemm --only nothing", 2, "no row is named ‘nothing’; there are: forward 1×128×784"),
        ("bench gemm --picture speeds.jpg", 2, "name a file that ends in .svg or .png"),
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
