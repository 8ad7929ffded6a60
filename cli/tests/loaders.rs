//! What the loaders make of good files, and how they say no to bad ones: always an error with a place, never a panic.

use std::fs;
use std::io::Write;

use deltarule_cli::data::{
    CsvOptions, DataError, Dataset, Features, Header, Source, Target, TargetColumn, TaskChoice, load, read_csv,
    read_idx, read_npy,
};
use flate2::{Compression, write::GzEncoder};

fn csv(text: impl AsRef<[u8]>) -> Result<Dataset, DataError> {
    read_csv("t.csv", text.as_ref(), &CsvOptions::default())
}

fn target(column: &str) -> CsvOptions {
    CsvOptions { target: TargetColumn::Given(column.to_string()), ..CsvOptions::default() }
}

fn values(data: &Dataset) -> Vec<f64> {
    (0..data.features.len()).map(|index| data.features.get(index)).collect()
}

/// The message of an error that is expected.
fn refusal<T>(result: Result<T, DataError>) -> String {
    match result {
        Ok(_) => panic!("this should have been refused"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn csv_with_and_without_header() {
    let named = csv("a,b,y\n1,2,x\n3,4,z\n").expect("sound");
    assert_eq!((named.rows, named.columns, values(&named)), (2, 2, vec![1.0, 2.0, 3.0, 4.0]));
    assert_eq!((named.feature_names, named.target_name.as_str()), (vec!["a".to_string(), "b".to_string()], "y"));
    let bare = csv("1,2,x\n3,4,z\n").expect("sound");
    assert_eq!((bare.rows, bare.feature_names.len(), bare.target), (2, 0, named.target));
    let forced = CsvOptions { header: Header::Present, ..CsvOptions::default() };
    assert_eq!(read_csv("t", "1,2\n3,4\n5,6\n".as_bytes(), &forced).expect("sound").feature_names, ["1"]);
}

#[test]
fn csv_spellings_that_mean_the_same() {
    let plain = csv("a,b,y\n1,2,x\n3,4,z\n").expect("sound");
    let same = [
        "a,b,y\r\n1,2,x\r\n3,4,z\r\n",
        "\u{feff}a,b,y\n1,2,x\n3,4,z\n",
        "a,b,y\n1,2,x\n3,4,z",
        "a;b;y\n1;2;x\n3;4;z\n",
        "a\tb\ty\n1\t2\tx\n3\t4\tz\n",
        "a|b|y\n1|2|x\n3|4|z\n",
        "\"a\",\"b\",\"y\"\n 1 , 2.0 ,\"x\"\n+3,4e0,z\n\n",
    ];
    for text in same {
        assert_eq!(csv(text).unwrap_or_else(|error| panic!("{text:?}: {error}")), plain, "{text:?}");
    }
}

#[test]
fn csv_target_by_name_and_index() {
    let text = "a,y,b\n1,0.5,2\n3,1.5,4\n";
    for column in ["y", "1", "-2"] {
        let data = read_csv("t", text.as_bytes(), &target(column)).expect("sound");
        assert_eq!(
            (values(&data), data.target),
            (vec![1.0, 2.0, 3.0, 4.0], Target::Values(vec![0.5, 1.5])),
            "{column}"
        );
    }
    assert!(refusal(read_csv("t", text.as_bytes(), &target("z"))).contains("no column is named ‘z’"));
    assert!(refusal(read_csv("t", text.as_bytes(), &target("3"))).contains("outside the file's 3 columns"));
    assert!(refusal(read_csv("t", text.as_bytes(), &target("-4"))).contains("outside"));
    assert!(refusal(read_csv("t", "1,2\n".as_bytes(), &target("y"))).contains("no header"));
}

#[test]
fn csv_drops_and_selects_columns() {
    let text = "id,a,b,y\nk1,1,2,x\nk2,3,4,z\n";
    let dropping = CsvOptions { drop: vec!["id".to_string()], ..CsvOptions::default() };
    assert_eq!(values(&read_csv("t", text.as_bytes(), &dropping).expect("sound")), [1.0, 2.0, 3.0, 4.0]);
    let selecting = CsvOptions {
        features: vec!["b".to_string(), "a".to_string()],
        target: TargetColumn::Dropped("y".to_string()),
        ..CsvOptions::default()
    };
    assert_eq!(values(&read_csv("t", text.as_bytes(), &selecting).expect("sound")), [2.0, 1.0, 4.0, 3.0]);
    let missing = CsvOptions { features: vec!["c".to_string()], ..CsvOptions::default() };
    assert!(refusal(read_csv("t", text.as_bytes(), &missing)).contains("a column ‘c’, which is missing"));
}

/// Numbers may name columns, as programs write them that have no names: what the rows do not settle is asked.
#[test]
fn csv_asks_whether_numbers_are_names() {
    let cases = [
        ("0,1,2\n0.5,0.25,7\n0.1,0.2,8\n", "t.csv, line 1: the numbers of this line count up"),
        ("1,2,3,4\n5,6,7,8\n9,10,11,12\n", "t.csv, line 1: the numbers of this line count up"),
        (",0,1,2\n0,0.5,0.25,7\n1,0.1,0.2,8\n", "t.csv, line 1: the numbers of this line count up"),
        ("0,1,name,label\n5,3,1,x\n7,2,1,y\n", "t.csv, line 1, column 3: ‘name’ is not a number"),
        (",0,1,label\n0,5,3,x\n1,7,2,y\n", "t.csv, line 1, column 1: the field is empty"),
        ("0,1,label\n5,3,a\n7,2,a\n6,1,b\n", "t.csv, line 1, column 3: the target ‘label’ occurs on this line alone"),
        ("2010,2011,kind\n5,3,a\n7,2,a\n6,1,b\n9,9,b\n", "t.csv, line 1, column 3: the target ‘kind’ occurs on"),
        ("2010,2011,price\n5,3,0.5\n7,2,0.25\n", "t.csv, line 1, column 3: the target ‘price’ is text, and all others"),
    ];
    for (text, expected) in cases {
        let message = refusal(csv(text));
        assert!(message.starts_with(expected) && message.contains("say --header"), "{text:?}: {message}");
    }
    assert!(refusal(read_csv("t", "0,1,label\n5,3,a\n".as_bytes(), &target("label"))).contains("say --header"));
    // A row: its label is that of others, its numbers do not count up, or there is too little to judge by.
    for (text, rows) in [
        ("0,1,2,a\n5,3,1,b\n7,2,1,a\n6,1,1,b\n", 4),
        ("0,1,1\n1,0,1\n0,0,0\n", 3),
        ("5,1,a\n7,2,b\n6,3,c\n", 3),
        ("1,2,x\n3,4,z\n", 2),
        ("0,1\n1,0\n", 2),
    ] {
        assert_eq!(csv(text).unwrap_or_else(|error| panic!("{text:?}: {error}")).rows, rows, "{text:?}");
    }
}

#[test]
fn csv_is_told_whether_numbers_are_names() {
    let text = "0,1,2\n0.5,0.25,7\n0.1,0.2,8\n".as_bytes();
    let read = |header, features: &[&str]| {
        let features = features.iter().map(|feature| feature.to_string()).collect();
        read_csv("t", text, &CsvOptions { header, features, ..CsvOptions::default() }).expect("sound")
    };
    let named = read(Header::Present, &[]);
    let names = ["0", "1"].map(String::from).to_vec();
    assert_eq!((named.rows, named.feature_names, named.target_name.as_str()), (2, names, "2"));
    assert_eq!(read(Header::Missing, &[]).rows, 3);
    // A model that learnt from these columns knows their names.
    let known = read(Header::Detect, &["1", "0"]);
    assert_eq!((known.rows, values(&known)), (2, vec![0.25, 0.5, 0.2, 0.1]));
}

/// Programs write the numbers of rows into a column without a name: nobody wants to learn from them unasked.
#[test]
fn csv_asks_whether_a_column_without_a_name_is_an_index() {
    let read = |text: &str, header, drop: &str| {
        let drop = drop.split(',').filter(|column| !column.is_empty()).map(String::from).collect();
        read_csv("t.csv", text.as_bytes(), &CsvOptions { header, drop, ..CsvOptions::default() })
    };
    let cases = [
        (",a,b,y\n0,1,2,x\n1,3,4,z\n2,5,6,x\n", 1, "0"),
        ("\"\",\"a\",\"y\"\n\"1\",5,\"x\"\n\"2\",6,\"z\"\n", 1, "0"),
        ("Unnamed: 0,a,y\n0,5,x\n1,6,z\n", 1, "0"),
        ("a,,y\n5,0,x\n6,1,z\n", 2, "1"),
        (",a,y\n7,5,x\n2,6,z\n9,5,x\n", 1, "0"),
    ];
    for (text, column, drop) in cases {
        let message = refusal(read(text, Header::Detect, ""));
        let expected = format!("t.csv, line 1, column {column}: this column has no name and numbers the rows");
        assert!(message.starts_with(&expected), "{text:?}: {message}");
        assert!(message.contains(&format!("say --drop {drop} ")), "{text:?}: {message}");
        let kept = read(text, Header::Present, "").unwrap_or_else(|error| panic!("{text:?}: {error}"));
        let rest = read(text, Header::Detect, drop).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(kept.columns, rest.columns + 1, "{text:?}: whoever says that the header is right is believed");
        assert!(!rest.feature_names.iter().any(|name| name.is_empty() || name.starts_with("Unnamed")), "{text:?}");
    }
    // Measurements: they recur, have fractions or signs, or somebody named them.
    for text in [",a,y\n3,5,x\n3,6,z\n", ",a,y\n0.5,5,x\n1,6,z\n", ",a,y\n-1,5,x\n1,6,z\n", "time,a,y\n0,5,x\n1,6,z\n"]
    {
        assert_eq!(csv(text).unwrap_or_else(|error| panic!("{text:?}: {error}")).columns, 2, "{text:?}");
    }
    for text in [",a,y\n5,5,1.5\n", ",y\n0,1.5\n1,2.5\n"] {
        assert!(csv(text).is_ok(), "{text:?}: a single row has no index, and an only feature is meant");
    }
    // A model that learnt from it wants it, whether it knows the names or not.
    for features in [vec![], ["", "a"].map(String::from).to_vec()] {
        let known = CsvOptions { features, is_for_model: true, ..CsvOptions::default() };
        assert_eq!(read_csv("t", ",a,y\n0,5,x\n1,6,z\n".as_bytes(), &known).expect("sound").columns, 2);
    }
}

/// A model's features are needed: what names one of them as something else is a mistake.
#[test]
fn csv_keeps_the_features_of_a_model() {
    let read = |target: TargetColumn, drop: &[&str]| {
        let features = ["a", "b"].map(String::from).to_vec();
        let drop = drop.iter().map(|column| column.to_string()).collect();
        read_csv(
            "t",
            "id,a,b,y\n7,1,2,x\n8,3,4,z\n".as_bytes(),
            &CsvOptions { features, target, drop, ..CsvOptions::default() },
        )
    };
    let given = |column: &str| TargetColumn::Given(column.to_string());
    let dropped = |column: &str| TargetColumn::Dropped(column.to_string());
    for (result, words) in [
        (read(given("b"), &[]), "--target names ‘b’, which is one of the model's features"),
        (read(dropped("1"), &[]), "--target names ‘a’"),
        (read(TargetColumn::Last, &["id", "a"]), "--drop names ‘a’"),
        (read(TargetColumn::Absent, &["-2"]), "--drop names ‘b’"),
    ] {
        let error = result.expect_err(words);
        assert!(error.is_misuse() && error.to_string().contains(words), "{error}");
    }
    for good in [read(given("y"), &["id"]), read(dropped("y"), &[]), read(TargetColumn::Last, &["0"])] {
        assert_eq!(values(&good.expect("sound")), [1.0, 2.0, 3.0, 4.0]);
    }
}

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

/// The target that a model learnt is at its place in a file without names, whether the model knows names or not, if the file has such a place.
#[test]
fn csv_target_where_a_model_learnt_it() {
    let read = |text: &str, name: Option<&str>, features: &[&str], at| {
        let options = CsvOptions {
            target: TargetColumn::Learnt { name: name.map(String::from), at },
            features: features.iter().map(|feature| feature.to_string()).collect(),
            is_for_model: true,
            ..CsvOptions::default()
        };
        read_csv("t.csv", text.as_bytes(), &options)
    };
    let (bare, named) = ("0.5,2,3\n1.5,5,6\n", "y,a,b\n0.5,2,3\n1.5,5,6\n");
    for (text, name, features, at) in [
        (bare, None, vec![], Some(0)),
        (bare, Some("y"), vec!["a", "b"], Some(0)),
        (named, None, vec![], Some(0)),
        (named, Some("y"), vec!["a", "b"], Some(2)),
        (named, None, vec!["a", "b"], Some(2)),
    ] {
        let data = read(text, name, &features, at).expect("sound");
        assert_eq!(
            (values(&data), data.target),
            (vec![2.0, 3.0, 5.0, 6.0], Target::Values(vec![0.5, 1.5])),
            "{text:?} {name:?} {features:?} {at:?}"
        );
    }
    // Models of before the place was kept take the last.
    assert_eq!(read(bare, Some("y"), &["a", "b"], None).expect("sound").target, Target::Values(vec![3.0, 6.0]));
    let error = read(bare, Some("y"), &["a", "b"], Some(3)).expect_err("outside");
    assert!(error.is_misuse() && error.to_string().contains("the model learnt column 3"), "{error}");
    assert!(error.to_string().contains("here the last is 2") && error.to_string().contains("--target"), "{error}");
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

/// Identifiers of 64 bits are told apart, though neighbours are one `f64`.
#[test]
fn csv_classes_beyond_f64_are_not_merged() {
    let rows: String = (0..8).map(|row| format!("{row},{}\n", 9_007_199_254_740_992_u64 + row % 4)).collect();
    let text = format!("a,y\n9,1.0\n{rows}8,1\n");
    let read = |known: &[String], target| {
        let options = CsvOptions { task: target, known_classes: known.to_vec(), ..CsvOptions::default() };
        read_csv("t", text.as_bytes(), &options).expect("sound")
    };
    let data = read(&[], TaskChoice::Classification);
    let names = ["1", "9007199254740992", "9007199254740993", "9007199254740994", "9007199254740995"];
    assert_eq!(data.class_names(), names);
    let Target::Classes { labels, .. } = &data.target else { panic!("classes expected") };
    assert_eq!(labels[..], [0, 1, 2, 3, 4, 1, 2, 3, 4, 0]);
    assert_eq!(
        read(data.class_names(), TaskChoice::Classification).target,
        data.target,
        "for a model of these classes"
    );
    assert!(matches!(read(&[], TaskChoice::Regression).target, Target::Values(_)));
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

/// An IDX file of bytes.
fn idx(shape: &[u32], elements: usize) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, shape.len() as u8];
    bytes.extend(shape.iter().flat_map(|length| length.to_be_bytes()));
    bytes.extend((0..elements).map(|index| (index % 3) as u8));
    bytes
}

#[test]
fn idx_files_and_their_faults() {
    let good = idx(&[2, 3], 6);
    assert_eq!(read_idx("i", good.as_slice()).expect("sound").shape, [2, 3]);
    for end in 0..good.len() {
        assert!(refusal(read_idx("i", &good[..end])).starts_with("i, byte "), "cut at {end}");
    }
    let mut long = good.clone();
    long.push(0);
    assert!(refusal(read_idx("i", long.as_slice())).starts_with("i, byte 18: the file goes on"));
    assert!(refusal(read_idx("i", &b"PK\x03\x04"[..])).contains("not an IDX file"));
    assert!(refusal(read_idx("i", &[0, 0, 13, 1][..])).contains("element type 0x0d"));
    assert!(refusal(read_idx("i", &[0, 0, 8, 0][..])).contains("0 dimensions"));
    assert!(refusal(read_idx("i", idx(&[u32::MAX, u32::MAX, u32::MAX], 4).as_slice())).contains("overflows"));
    let promising = idx(&[60_000, 28, 28_000], 10);
    assert!(refusal(read_idx("i", promising.as_slice())).starts_with("i, byte 26: the file ends after 10 elements"));
}

fn write(path: &std::path::Path, bytes: &[u8]) {
    let mut file: Box<dyn Write> = match path.extension() {
        Some(extension) if extension == "gz" => {
            Box::new(GzEncoder::new(fs::File::create(path).expect("temporary file"), Compression::fast()))
        }
        _ => Box::new(fs::File::create(path).expect("temporary file")),
    };
    file.write_all(bytes).expect("temporary file");
}

#[test]
fn idx_folders() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let source = Source::parse(folder.path().to_str().expect("a UTF-8 path")).expect("a folder");
    let open = || load(&source, &CsvOptions::default());
    assert!(refusal(open()).contains("no train-images-idx3-ubyte"));
    write(&folder.path().join("train-images-idx3-ubyte.gz"), &idx(&[6, 2, 2], 24));
    assert!(refusal(open()).contains("no train-labels-idx1-ubyte"));
    write(&folder.path().join("train-labels-idx1-ubyte"), &idx(&[5], 5));
    assert!(refusal(open()).contains("holds 5 labels"));
    write(&folder.path().join("train-labels-idx1-ubyte"), &idx(&[6], 6));
    let data = open().expect("sound");
    assert_eq!((data.rows, data.columns, data.class_names().len(), data.official_test), (6, 4, 3, None));
    assert!(matches!(data.features, Features::Bytes(_)));
    write(&folder.path().join("t10k-images-idx3-ubyte"), &idx(&[2, 2, 3], 12));
    write(&folder.path().join("t10k-labels-idx1-ubyte"), &idx(&[2], 2));
    assert!(refusal(open()).contains("training images are [2, 2], test images [2, 3]"));
    write(&folder.path().join("t10k-images-idx3-ubyte"), &idx(&[2, 2, 2], 8));
    let data = open().expect("sound");
    assert_eq!((data.rows, data.official_test), (8, Some(6..8)));
}

/// New images have no labels, and need none to be predicted on.
#[test]
fn idx_images_without_labels() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let images = folder.path().join("train-images-idx3-ubyte.gz");
    write(&images, &idx(&[6, 2, 2], 24));
    let [source, file] =
        [folder.path(), &images].map(|path| Source::parse(path.to_str().expect("a UTF-8 path")).expect("it exists"));
    let predicting = CsvOptions { target: TargetColumn::Absent, is_for_model: true, ..CsvOptions::default() };
    let open = |source| load(source, &predicting).expect("images alone");
    for source in [&source, &file] {
        let data = open(source);
        assert_eq!((data.rows, data.columns, data.target), (6, 4, Target::Absent));
        assert_eq!(data.official_test, None);
    }
    write(&folder.path().join("t10k-images-idx3-ubyte"), &idx(&[2, 2, 2], 8));
    let data = open(&source);
    assert_eq!((data.rows, data.official_test), (8, Some(6..8)));
    assert!(refusal(load(&source, &CsvOptions::default())).contains("no train-labels-idx1-ubyte"));
    let error = load(&file, &CsvOptions::default()).expect_err("no targets");
    assert!(error.is_misuse() && error.to_string().contains("give the folder"), "{error}");
    let labels = folder.path().join("train-labels-idx1-ubyte");
    write(&labels, &idx(&[6], 6));
    let file = Source::parse(labels.to_str().expect("a UTF-8 path")).expect("it exists");
    assert!(refusal(load(&file, &predicting)).contains("these are labels, not images"));
}

/// What never changes cannot be learnt; but a model may be measured on it.
#[test]
fn a_target_that_never_changes_is_refused_in_training() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let at = |name: &str| folder.path().join(name);
    write(&at("t.csv"), b"a,y\n1,7.5\n2,7.5\n3,7.5\n");
    write(&at("x.npy"), &npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 1), }", &[1, 2, 3]));
    write(&at("y.npy"), &npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", &[5, 5, 5]));
    fs::create_dir(at("images")).expect("temporary folder");
    write(&at("images/train-images-idx3-ubyte"), &idx(&[3, 2, 2], 12));
    write(&at("images/train-labels-idx1-ubyte"), &[&idx(&[3], 0)[..], &[5; 3]].concat());
    // That the test part has others does not help.
    write(&at("images/t10k-images-idx3-ubyte"), &idx(&[3, 2, 2], 12));
    write(&at("images/t10k-labels-idx1-ubyte"), &idx(&[3], 3));
    let pair = format!("{},{}", at("x.npy").display(), at("y.npy").display());
    for data in [at("t.csv").display().to_string(), pair, at("images").display().to_string()] {
        let source = Source::parse(&data).expect("it exists");
        let message = refusal(load(&source, &CsvOptions::default()));
        assert!(message.contains("every row has the same target, so there is nothing to learn"), "{message}");
        let measuring = CsvOptions { is_for_model: true, ..CsvOptions::default() };
        assert!(load(&source, &measuring).is_ok(), "{data}");
    }
}

#[test]
fn a_broken_gzip_is_an_error() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("t.csv.gz");
    fs::write(&path, [0x1f, 0x8b, 8, 0, 0, 0]).expect("temporary file");
    let source = Source::parse(path.to_str().expect("a UTF-8 path")).expect("a file");
    assert!(refusal(load(&source, &CsvOptions::default())).contains("t.csv.gz"));
}

fn npy(header: &str, elements: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(elements);
    bytes
}

#[test]
fn npy_element_types() {
    let f4: Vec<u8> = [1.0f32, -2.5].iter().flat_map(|value| value.to_le_bytes()).collect();
    let big: Vec<u8> = [1.0f64, -2.5].iter().flat_map(|value| value.to_be_bytes()).collect();
    let i8s: Vec<u8> = [1i64, -2].iter().flat_map(|value| value.to_le_bytes()).collect();
    let cases = [
        ("<f4", f4, [1.0, -2.5]),
        (">f8", big, [1.0, -2.5]),
        ("<i8", i8s, [1.0, -2.0]),
        ("|u1", vec![1, 254], [1.0, 254.0]),
    ];
    for (kind, elements, expected) in cases {
        let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': (2,), }}\n");
        assert_eq!(read_npy("n", npy(&header, &elements).as_slice()).expect("sound").values, expected, "{kind}");
    }
}

#[test]
fn npy_fortran_order_is_turned() {
    let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n";
    let array = read_npy("n", npy(header, &[1, 4, 2, 5, 3, 6]).as_slice()).expect("sound");
    assert_eq!(array.values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let nothing = "{'descr': '|u1', 'fortran_order': True, 'shape': (4611686018427387904, 0), }\n";
    assert!(read_npy("n", npy(nothing, &[]).as_slice()).expect("sound").values.is_empty(), "however many rows");
}

#[test]
fn npy_faults() {
    let header =
        |kind: &str, shape: &str| format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let good = npy(&header("|u1", "(2, 2)"), &[1, 2, 3, 4]);
    for end in 0..good.len() {
        assert!(refusal(read_npy("n", &good[..end])).starts_with("n, byte "), "cut at {end}");
    }
    let cases = [
        (npy(&header("|u1", "(2, 2)"), &[0; 5]), "goes on after"),
        (npy(&header("|O", "(2,)"), &[0; 2]), "elements of type '|O'"),
        (npy(&header("<c8", "(2,)"), &[0; 16]), "elements of type '<c8'"),
        (npy(&header("<f8", "(4294967296, 4294967296)"), &[]), "overflows"),
        (npy(&header("<f8", "(2305843009213693951,)"), &[]), "ends before"),
        (npy(&header("<f8", "(-1,)"), &[]), "no readable 'shape'"),
        (npy("{}", &[]), "no readable 'descr'"),
        (npy(&header("<f4", "(1,)"), &f32::NAN.to_le_bytes()), "row 1, column 1 is NaN"),
        (b"\x93NUMPY\x09\x00\x00\x00".to_vec(), "format version 9"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(), "not believable"),
    ];
    for (bytes, expected) in cases {
        let message = refusal(read_npy("n", bytes.as_slice()));
        assert!(message.contains(expected), "{message}\n  lacks {expected}");
    }
}

#[test]
fn npy_pairs_must_agree() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let [x, y] = ["x.npy", "y.npy"].map(|name| folder.path().join(name));
    write(&x, &npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 2), }", &[1, 2, 3, 4, 5, 6]));
    write(&y, &npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", &[0, 1]));
    let text = format!("{},{}", x.display(), y.display());
    let pair = Source::parse(&text).expect("a pair");
    assert!(refusal(load(&pair, &CsvOptions::default())).contains("has 3 rows: one target a row"));
    let alone = Source::parse(x.to_str().expect("a UTF-8 path")).expect("a file");
    assert!(refusal(load(&alone, &CsvOptions::default())).contains("give both files"));
    let predicting = CsvOptions { target: TargetColumn::Absent, task: TaskChoice::Auto, ..CsvOptions::default() };
    assert_eq!(load(&alone, &predicting).expect("sound").target, Target::Absent);
}

/// Neighbours beyond 2⁵³ are one `f64`, and −0 is 0.
#[test]
fn npy_labels_are_told_apart() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let [x, y] = ["x.npy", "y.npy"].map(|name| folder.path().join(name));
    write(&x, &npy("{'descr': '|u1', 'fortran_order': False, 'shape': (4, 1), }", &[1, 2, 3, 4]));
    let read = |kind: &str, labels: [[u8; 8]; 4], task| {
        let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': (4,), }}");
        write(&y, &npy(&header, &labels.concat()));
        let pair = Source::parse(&format!("{},{}", x.display(), y.display())).expect("a pair");
        load(&pair, &CsvOptions { task, ..CsvOptions::default() })
    };
    let classes = TaskChoice::Classification;
    let large = 1_i64 << 53;
    for (kind, labels) in [
        ("<i8", [1, large, large + 1, large].map(i64::to_le_bytes)),
        (">i8", [1, large, -large - 1, large].map(i64::to_be_bytes)),
        ("<u8", [1, 1 << 63, u64::MAX, u64::MAX - 1].map(u64::to_le_bytes)),
    ] {
        let message = refusal(read(kind, labels, classes));
        assert!(message.contains("y.npy: row 3: the label is beyond 2⁵³"), "{message}");
        assert!(matches!(read(kind, labels, TaskChoice::Auto).expect("numbers").target, Target::Values(_)), "{kind}");
    }
    let exact = read("<i8", [1, large, large + 2, large].map(i64::to_le_bytes), classes).expect("sound");
    assert_eq!(exact.class_names(), ["1", "9007199254740992", "9007199254740994"]);
    let zeros = [-0.0, 1.0, 0.0, 1.0_f64].map(f64::to_le_bytes);
    let Target::Classes { labels, names } = read("<f8", zeros, classes).expect("sound").target else {
        panic!("classes")
    };
    assert_eq!((labels, names), (vec![0, 1, 0, 1], ["0", "1"].map(String::from).to_vec()));
    let known = CsvOptions {
        task: classes,
        is_for_model: true,
        known_classes: ["0", "1"].map(String::from).to_vec(),
        ..CsvOptions::default()
    };
    let pair = Source::parse(&format!("{},{}", x.display(), y.display())).expect("a pair");
    assert!(load(&pair, &known).is_ok(), "−0 is the class 0 of a model too");
}

#[test]
fn unknown_sources_are_misuse() {
    let error = Source::parse("no-such-thing").expect_err("nothing is called that");
    assert!(error.is_misuse() && error.to_string().contains("digits, breast-cancer, diabetes, fashion-mnist"));
}
