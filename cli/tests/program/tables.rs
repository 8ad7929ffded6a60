//! What a table is taken for: which line names its columns, what divides them, whether its target is numbers or classes.

use crate::place::{Place, json};

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
    place.file("late.csv", &format!("\r\n\na;b;k\n{rows}"));
    assert_eq!(features("late.csv --task classification")["features"], serde_json::json!(["a", "b"]));
    let words: String = (0..40).map(|i| format!("{}:{}:a;b;c{}\n", i % 9, i % 7, i % 2)).collect();
    place.file("colons.csv", &words);
    assert_eq!(features("colons.csv --delimiter :")["classes"], serde_json::json!(["a;b;c0", "a;b;c1"]));
    place.file("tabs.csv", &words.replace(':', "\t"));
    assert_eq!(features("tabs.csv --delimiter tab")["classes"], serde_json::json!(["a;b;c0", "a;b;c1"]));
    assert!(place.bad(&format!("{train} colons.csv --delimiter ::"), 2).contains("one ASCII character"));
}

/// Whoever looks at a strange file is not to have the terminal in its hands.
#[test]
fn control_characters_of_a_file_do_not_reach_the_terminal() {
    let place = Place::new();
    let rows: String = (0..60).map(|i| format!("{i},{},c\u{1b}]0;{}\u{7}\n", i % 7, i % 2)).collect();
    place.file("t.csv", &format!("a,b\u{1b}[2J,kind\u{9b}31m\n{rows}"));
    place.file("text.csv", "a,b\u{1b}[2J\n1,2\n3\u{1b}[2J,4\n");
    let trained = place.run("train --data t.csv --epochs 1 --out m");
    let evaluated = place.run("eval m/model.safetensors --data t.csv");
    let shown = place.run("info m/model.safetensors");
    let refused = place.run("train --data text.csv --epochs 1 --out r");
    let written = [trained.stdout, trained.stderr, evaluated.stdout, evaluated.stderr, shown.stdout, refused.stderr];
    for bytes in &written {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.chars().any(|letter| letter.is_control() && letter != '\n'), "{text:?}");
    }
    let [.., info, refusal] = written.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    for words in [r"b\u001b[2J", r"kind\u009b31m", r"c\u001b]0;1\u0007"] {
        assert!(info.contains(words), "{info}");
    }
    assert!(refusal.contains(r"text.csv, line 3, column 1: ‘3\u001b[2J’ is not a number"), "{refusal}");
    // For programs the names are what they are.
    let told = json(&place.good("info m/model.safetensors --json"));
    assert_eq!((&told["features"][1], &told["target"]), (&"b\u{1b}[2J".into(), &"kind\u{9b}31m".into()), "{told}");
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
