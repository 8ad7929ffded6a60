//! What `train` says of the run whose files it replaces.

#[expect(dead_code, reason = "of all that tests do with the program, this one only runs it")]
mod place;

use place::{Place, clouds};

#[test]
fn a_run_on_other_data_is_not_replaced_without_a_word() {
    let place = Place::new();
    place.file("clouds.csv", &clouds());
    let told = |options: &str| {
        let output = place.run(&format!("train --epochs 1 --out m {options}"));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{options}: {told}");
        told.contains("m holds a run on breast-cancer, whose files this one replaces")
    };
    assert!(!told("--data breast-cancer"), "there is none yet");
    assert!(!told("--data breast-cancer"), "it is of the same data");
    assert!(!told("--data clouds.csv --quiet"));
    assert!(!told("--data breast-cancer --quiet"));
    assert!(told("--data clouds.csv"));
    place.file("m/report.json", "no report");
    assert!(!told("--data breast-cancer"));
}
