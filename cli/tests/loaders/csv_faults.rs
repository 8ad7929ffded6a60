//! CSV: what is refused, and the place that is named.

use deltarule_cli::data::{CsvOptions, Header, TaskChoice, read_csv};

use crate::{csv, refusal};

#[test]
fn csv_faults_name_their_place() {
    let cases: [(&[u8], &str); 19] = [
        (b"", "t.csv: the file is empty"),
        (b"a,b,y\n", "t.csv: there is no row after the header"),
        (b"a,b,y\n1,2,x\n3,4\n", "t.csv, line 3, column 3: expected 3 fields, but got 2"),
        (b"a,b,y\n1,2,x\n3\n", "t.csv, line 3, column 2: expected 3 fields, but got 1"),
        (b"a,b,y\n1,2,x,8,9\n3,4,z\n", "t.csv, line 2, column 4: expected 3 fields, but got 5"),
        (b"a,b,y\n1,,x\n3,4,z\n", "t.csv, line 2, column 2: the field is empty"),
        (b"a,b,y\n1,2,\n3,4,z\n", "t.csv, line 2, column 3: the target is empty"),
        (b"a,b,y\n1,2,x\n3,four,z\n", "t.csv, line 3, column 2: ‘four’ is not a number"),
        (b"a,b,y\n1,nan,x\n3,4,z\n", "t.csv, line 2, column 2: ‘nan’ is not a finite number"),
        (b"a,b,y\n1,-inf,x\n3,4,z\n", "t.csv, line 2, column 2: ‘-inf’ is not a finite number"),
        (b"a,b,y\n1,1e999,x\n3,4,z\n", "t.csv, line 2, column 2: ‘1e999’ is not a finite number"),
        (b"a,b,y\n1,2,0.5\n3,4,NaN\n", "t.csv, line 3, column 3: the target ‘NaN’ is not a finite number"),
        (
            b"a,b,y\n1,2,0.5\n3,4,n/a\n5,6,1.5\n",
            "t.csv, line 3, column 3: the target ‘n/a’ is not a number, but others",
        ),
        (b"a,b,y\n1,\xff\xfe,x\n", "t.csv, line 2, column 2: the field is not UTF-8"),
        (b"a,\xff,y\n1,2,x\n", "t.csv, line 1, column 2: the name is not UTF-8"),
        (b"a,a,y\n1,2,x\n", "t.csv, line 1, column 2: the name ‘a’ is used twice, first in column 1"),
        (b"\xff\xfea\x00,\x00", "t.csv, line 1: the file is UTF-16"),
        (b"y\n1\n2\n", "t.csv: no column is left for the features"),
        (b"a,b,y\n1,2,x\n3,4,x\n", "t.csv: every row has the same class"),
    ];
    for (text, expected) in cases {
        let message = refusal(csv(text));
        assert!(
            message.starts_with(expected),
            "{:?}\n  gives    {message}\n  not      {expected}",
            String::from_utf8_lossy(text)
        );
    }
}

/// One text among numbers makes no classes of them, and what stands for a missing value is no class.
#[test]
fn csv_text_among_whole_numbers() {
    let read = |others: &str, stray: &str, count: usize, task| {
        let numbers = |row: usize| if others == "many" { 100 + 7 * row } else { row % 2 };
        let rows =
            |rows: std::ops::Range<usize>| rows.map(|row| format!("{row},{}\n", numbers(row))).collect::<String>();
        let strays: String = (0..count).map(|row| format!("{row},{stray}\n")).collect();
        let text = format!("a,y\n\n{}{strays}{}", rows(0..10), rows(10..40));
        read_csv("t.csv", text.as_bytes(), &CsvOptions { task, ..CsvOptions::default() })
    };
    let (auto, classes, numbers) = (TaskChoice::Auto, TaskChoice::Classification, TaskChoice::Regression);
    let cases = [("many", "NA", auto), ("many", "sold", auto), ("few", "other", numbers), ("few", "-", numbers)];
    for (others, stray, task) in cases {
        let message = refusal(read(others, stray, 1, task));
        let words =
            format!("t.csv, line 13, column 2: the target ‘{stray}’ is not a number, but others in its column are");
        assert!(message.starts_with(&words), "{message}");
    }
    for mark in ["NA", "n/a", "N/A", "null", "None", "?", "-"] {
        for task in [auto, classes] {
            let message = refusal(read("few", mark, 2, task));
            let words = format!("t.csv, line 13, column 2: the target ‘{mark}’ stands for a missing value");
            assert!(message.starts_with(&words), "{message}");
        }
    }
    assert!(
        refusal(read("few", "NaN", 1, auto)).starts_with("t.csv, line 13, column 2: the target ‘NaN’ is not a finite")
    );
    assert!(refusal(read("few", "", 1, auto)).starts_with("t.csv, line 13, column 2: the target is empty"));
    // Labels are labels, whichever of them are numbers; and where all are text, none is known to be a mark.
    for (others, stray, task, names) in [("few", "other", auto, 3), ("few", "other", classes, 3)] {
        assert_eq!(read(others, stray, 5, task).expect("sound").class_names().len(), names, "{stray}");
    }
    for text in ["a,y\n1,x\n2,x\n3,7\n4,z\n", "a,y\n1,none\n2,some\n3,none\n", "a,y\n1,1\n2,2\n3,other\n4,1\n5,2\n"] {
        assert!(csv(text).is_ok(), "{text:?}");
    }
}

/// Lines and columns are counted from 1, but an option counts from 0, and is best given a name.
#[test]
fn csv_says_which_column_to_drop() {
    let cases = [
        ("a,b,y\n1,2,x\n3,oops,z\n", "t.csv, line 3, column 2: ", "say --drop b to leave the column out"),
        ("a,b,y\n1,,x\n3,4,z\n", "t.csv, line 2, column 2: ", "say --drop b to leave the column out"),
        (
            "1,2,x\n3,oops,z\n",
            "t.csv, line 2, column 2: ",
            "say --drop 1 (options count from 0) to leave the column out",
        ),
        ("a,the b,y\n1,2,x\n3,oops,z\n", "t.csv, line 3, column 2: ", "say --drop 1 (options count from 0) to"),
    ];
    for (text, place, advice) in cases {
        let message = refusal(csv(text));
        assert!(message.starts_with(place) && message.contains(advice), "{message}");
    }
}

#[test]
fn csv_lines_are_counted_as_an_editor_counts_them() {
    let message = refusal(csv("a,b,y\n\n1,2,\"x\ny\"\n3,4,z\n5,oops,z\n"));
    assert!(message.starts_with("t.csv, line 6, column 2"), "{message}");
    for text in ["a,b,y\r\n1,2,x\r\n3,oops,z\r\n", "a,b,y\n\noops,2,x\n", "\r\na,b,y\r\noops,2,x\r\n"] {
        let message = refusal(csv(text));
        assert!(message.starts_with("t.csv, line 3, column"), "{text:?}: {message}");
    }
    let data = csv("a,b,y\r\n\r\n1,2,\"x\r\ny\"\r\n3,4,z\r\n").expect("sound");
    assert_eq!(data.places.lines, [3, 5]);
}

/// A label that a model does not know is named by its place, and of many classes it is said how many there are.
#[test]
fn csv_labels_that_a_model_does_not_know() {
    let few = ["x", "z"].map(String::from).to_vec();
    let many: Vec<String> = (0..15).map(|class| class.to_string()).collect();
    for (text, known_classes, words) in [
        (
            "a,b,y\n\n1,2,x\n3,4,zzz\n",
            &few,
            "t.csv, line 4, column 3: the target ‘y’: ‘zzz’ is none of the model's classes (x, z)",
        ),
        ("1,2,x\n3,4,zzz\n", &few, "t.csv, line 2, column 3: ‘zzz’ is none of the model's classes (x, z)"),
        (
            "a,y\n1,2\n3,15\n",
            &many,
            "t.csv, line 3, column 2: the target ‘y’: ‘15’ is none of the model's classes (0, 1, 2",
        ),
        ("a,y\n1,2\n3,15\n", &many, " 11 and 3 more, 15 in all)"),
    ] {
        let options = CsvOptions {
            known_classes: known_classes.clone(),
            is_for_model: true,
            task: TaskChoice::Classification,
            ..CsvOptions::default()
        };
        let message = refusal(read_csv("t.csv", text.as_bytes(), &options));
        assert!(message.contains(words), "{message}\n  lacks {words}");
    }
}

/// A number that `f32` cannot hold is named as the file has it, whatever columns were left out.
#[test]
fn csv_values_keep_their_places() {
    let gathered = |text: &str, options: &CsvOptions| {
        let data = read_csv("t.csv", text.as_bytes(), options).expect("sound");
        let rows: Vec<usize> = (0..data.rows).collect();
        let to_f32 = |value: f64| value as f32;
        data.gather(&rows, to_f32, f32::is_finite)
            .and_then(|_| data.gather_target(&rows, to_f32, f32::is_finite))
            .expect_err("too large")
            .to_string()
    };
    let dropping = CsvOptions { drop: vec!["0".to_string()], header: Header::Missing, ..CsvOptions::default() };
    for (text, options, place) in [
        ("7,5,0.5\n8,6,1e300\n", &CsvOptions::default(), "t.csv, line 2, column 3: the value is too large"),
        ("a,b,y\n7,5,0.5\n\n8,6,1e300\n", &CsvOptions::default(), "t.csv, line 4, column y: the value is too large"),
        ("a,b,y\n7,5,0.5\n8,1e300,1.5\n", &CsvOptions::default(), "t.csv, line 3, column b: the value is too large"),
        ("7,5,0.5\n8,1e300,1.5\n", &dropping, "t.csv, line 2, column 2: the value is too large"),
    ] {
        let message = gathered(text, options);
        assert!(message.starts_with(place), "{message}\n  not  {place}");
    }
}

/// A stray quote at the start of a field would make one field of all that follows.
#[test]
fn csv_quotes_must_be_closed() {
    let rows = |from: usize| (from..100).map(|row| format!("{row},{},x\n", row % 7)).collect::<String>();
    let long: String = std::iter::repeat_n(rows(0), 200).collect();
    for (text, place) in [
        (format!("a,b,y\n1,2,\"x\n{}", rows(0)), "t.csv, line 2, column 3"),
        (format!("a,b,y\n1,2,\"x\ny\"\n3,4,\"x\n{}", rows(0)), "t.csv, line 4, column 3"),
        (format!("a,\"b,y\n{}", rows(0)), "t.csv, line 1, column 2"),
        (format!("a,b,y\n{long}1,2,\"x"), "t.csv, line 20002, column 3"),
        (format!("a,b,y\n1,2,\"x\n{long}"), "t.csv, line 2, column 3"),
    ] {
        let message = refusal(csv(text));
        assert!(
            message.starts_with(&format!("{place}: the quote that begins this field is never closed")),
            "{message}"
        );
    }
    let names = |text: &str| csv(text).unwrap_or_else(|error| panic!("{text:?}: {error}")).class_names().to_vec();
    assert_eq!(names("a,b,y\n1,2,\"x\ny\"\n3,4,\"z\"\"\""), ["x\ny", "z\""]);
    assert_eq!(names("a,b,y\n1,2,5\" pipe\n3,4,z\n"), ["5\" pipe", "z"]);
}
