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
    let words: String = (0..40).map(|i| format!("{}:{}:a;b;c{}\n", i % 9, i % 7, i % 2)).collect();
    place.file("colons.csv", &words);
    assert_eq!(features("colons.csv --delimiter :")["classes"], serde_json::json!(["a;b;c0", "a;b;c1"]));
    place.file("tabs.csv", &words.replace(':', "\t"));
    assert_eq!(features("tabs.csv --delimiter tab")["classes"], serde_json::json!(["a;b;c0", "a;b;c1"]));
    assert!(place.bad(&format!("{train} colons.csv --delimiter ::"), 2).contains("one ASCII character"));
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
