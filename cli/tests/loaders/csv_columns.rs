//! CSV: which line names the columns, which of them are features, which is the target, and what it is made of.

use deltarule_cli::data::{CsvOptions, Header, Target, TargetColumn, TaskChoice, read_csv};

use crate::{csv, refusal, target, values};

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
