//! `train --non-finite`: what becomes of a run in which the loss of a batch is not finite.

#[expect(dead_code, reason = "of all that tests do with the program, this one only runs it")]
mod place;

use place::{Place, json};

/// One row is so large that the square of any answer to it overflows, whatever the weights: once an epoch.
#[test]
fn a_batch_that_is_not_finite_ends_the_run_or_is_borne() {
    let place = Place::new();
    let x = |row: usize| if row == 7 { "1e30".to_string() } else { format!("0.{}", row % 10) };
    let rows: String = (0..40).map(|row| format!("{},{}.5\n", x(row), row % 9)).collect();
    place.file("t.csv", &format!("x,y\n{rows}"));
    let train = "train --json --data t.csv --standardise no --hidden none --optimizer sgd --lr 0.01 --schedule constant \
                 --batch 8 --test-split 0 --val-split 0 --epochs 2";
    let refused = format!("{train} --quiet --out s");
    assert!(place.bad(&refused, 1).contains("the loss is not finite"));
    assert!(place.bad(&format!("{refused} --non-finite stop"), 1).contains("the loss is not finite"));

    let output = place.run(&format!("{train} --out m --non-finite skip"));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.contains("skip where a loss or gradient is not finite"), "{told}");
    assert!(told.contains("2 batches had a loss or gradient that was not finite"), "{told}");
    let report = json(&String::from_utf8_lossy(&output.stdout));
    assert_eq!((&report["non_finite"], &report["skipped"]), (&"skip".into(), &2.into()), "{report}");

    // A run that goes on bears as much as before, until it is told otherwise.
    let resumed = json(&place.good("train --json --quiet --resume --epochs 3 --out m"));
    assert_eq!((&resumed["non_finite"], &resumed["skipped"]), (&"skip".into(), &3.into()), "{resumed}");
    assert!(place.bad("train --quiet --resume --epochs 4 --non-finite stop --out m", 1).contains("is not finite"));

    let report = json(&place.good(&format!("{train} --quiet --out r --non-finite roll-back")));
    assert_eq!((&report["non_finite"], &report["skipped"]), (&"roll-back".into(), &2.into()), "{report}");

    // A policy that has borne what it can says so, and what it could bear no more.
    let given_up = |policy: &str, usual: &str, given: &str| {
        place.bad(&format!("{} --non-finite {policy}", refused.replace(usual, given)), 1)
    };
    let skip = given_up("skip", "--batch 8", "--batch 40");
    let words =
        "--non-finite skip gives up, as every batch of the epoch had to be left out: epoch 1, batch 1: the loss";
    assert!(skip.contains(words) && skip.contains("Lower the learning rate"), "{skip}");
    let back = given_up("roll-back", "--epochs 2", "--epochs 20");
    let words = "--non-finite roll-back gives up, as its tries are used up: epoch 11, batch ";
    assert!(back.contains(words), "{back}");
    assert!(!given_up("stop", "", "").contains("gives up"));
}
