//! `predict --keep`: columns of the data beside the answers, so that each can be joined to its row.

#[expect(dead_code, reason = "of all that tests do with the program, this one only runs it")]
mod place;

use std::fs;

use place::{Place, clouds};

/// The table of the clouds with a column that names its rows.
fn named(clouds: &str) -> String {
    let lines = clouds.lines().enumerate().map(|(row, line)| match row {
        0 => format!("point,{line}\n"),
        _ => format!("\"p, {row}\",{line}\n"),
    });
    lines.collect()
}

#[test]
fn columns_are_kept_beside_the_answers() {
    let place = Place::new();
    place.file("clouds.csv", &clouds());
    place.file("named.csv", &named(&clouds()));
    place.good("train --quiet --data clouds.csv --epochs 2 --out m");
    let predict = |options: &str| place.good(&format!("predict m/model.safetensors --data {options}"));
    let bare = predict("clouds.csv --probabilities");
    let kept = predict("named.csv --keep point,side,x --probabilities");
    // A feature is kept as it stands too, and so is the target.
    for (row, ((bare, kept), point)) in bare.lines().zip(kept.lines()).zip(clouds().lines()).enumerate() {
        let cells: Vec<&str> = point.split(',').collect();
        let name = if row == 0 { "point".to_string() } else { format!("\"p, {row}\"") };
        assert_eq!(kept, format!("{name},{},{},{bare}", cells[2], cells[0]));
    }
    assert_eq!((bare.lines().count(), kept.lines().count()), (61, 61));
    // Of a part, those of its rows.
    let test = predict("named.csv --drop point --target side --part test --keep point,side --test-split 0.2");
    assert_eq!(test.lines().count(), 13, "{test}");
    assert!(test.lines().skip(1).all(|line| kept.contains(&format!("{},", &line[..line.rfind(',').expect("cells")]))));
    place.good("predict m/model.safetensors --data named.csv --keep 0,-1 --out answers.csv");
    let written = fs::read_to_string(place.path("answers.csv")).expect("just written");
    assert!(written.starts_with("point,side,prediction\n\"p, 1\",left,"), "{written}");
}

#[test]
fn columns_without_names_are_kept_by_their_places() {
    let place = Place::new();
    place.file("rows.csv", &clouds().lines().skip(1).map(|line| format!("{line}\n")).collect::<String>());
    place.good("train --quiet --data rows.csv --epochs 2 --out m");
    let kept = place.good("predict m/model.safetensors --data rows.csv --target -1 --keep -1,0");
    assert!(kept.starts_with("column_2,column_0,prediction\nleft,0,"), "{kept}");
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let place = Place::new();
    place.file("clouds.csv", &clouds());
    place.good("train --quiet --data clouds.csv --epochs 1 --out m");
    let message = place.bad("predict m/model.safetensors --data clouds.csv --keep x,name", 2);
    assert!(message.contains("no column is named ‘name’ (--keep); there are x, y, side"), "{message}");
    place.good("train --quiet --data diabetes --epochs 1 --out d");
    let message = place.bad("predict d/model.safetensors --data diabetes --keep age", 2);
    assert!(message.contains("--keep is for CSV files, which this --data is not"), "{message}");
}
