//! What is said of the columns of a CSV file that hold no numbers: of all of them at once, with what to do.

use deltarule_cli::data::{CsvOptions, DataError, Dataset, Target, TaskChoice, read_csv};

fn read(text: &str, options: &CsvOptions) -> Result<Dataset, DataError> {
    read_csv("t.csv", text.as_bytes(), options)
}

fn refusal(text: &str, options: &CsvOptions) -> String {
    read(text, options).expect_err(text).to_string()
}

fn with(task: TaskChoice) -> CsvOptions {
    CsvOptions { task, ..CsvOptions::default() }
}

/// Columns that hold text do so in every row as a rule: who leaves out one of them is not to come back for each of the others.
#[test]
fn columns_without_numbers_are_told_of_together() {
    let only = "only the target may be text; write it as numbers, or say";
    for (text, expected) in [
        (
            "id,a,colour,b,kind of it,y\nk,1,red,,old,x\n",
            format!(
                "t.csv, line 2, column 1: ‘k’ is not a number, and 3 other fields of this line are no numbers either; {only} \
                 --drop id,colour,b,4 (options count from 0) to leave the columns out"
            ),
        ),
        (
            "a,b,c,y\n,2,new,x\n",
            "t.csv, line 2, column 1: the field is empty, and another field of this line is no number either; fill it in, remove the row, or \
             say --drop a,c to leave the columns out"
                .to_string(),
        ),
        (
            "a,b,y\n1,two,x\n",
            format!("t.csv, line 2, column 2: ‘two’ is not a number; {only} --drop b to leave the column out"),
        ),
        // Later rows have slips.
        (
            "a,b,y\n1,2,x\nthree,four,z\n",
            format!("t.csv, line 3, column 1: ‘three’ is not a number; {only} --drop a to leave the column out"),
        ),
    ] {
        assert_eq!(refusal(text, &CsvOptions::default()), expected);
    }
    let names: Vec<String> = (0..12).map(|column| format!("c{column}")).collect();
    let text = format!("{},y\n{}x\n", names.join(","), "t,".repeat(12));
    let message = refusal(&text, &CsvOptions::default());
    assert!(message.contains("11 other fields"), "{message}");
    assert!(message.contains("say --drop c0,c1,c2,c3,c4,c5,c6,c7 and 4 more to leave the columns out"), "{message}");
    // The option that is offered does.
    let drop = ["id", "colour", "b", "4"].map(String::from).to_vec();
    let text = "id,a,colour,b,kind of it,y\nk,1,red,,old,x\nl,2,red,,new,z\n";
    assert_eq!(read(text, &CsvOptions { drop, ..CsvOptions::default() }).expect("sound").feature_names, ["a"]);
}

#[test]
fn commas_in_numbers_are_named_as_what_they_are() {
    let message = refusal("a;b;y\n1,5;2;x\n", &CsvOptions::default());
    let words = "t.csv, line 2, column 1: ‘1,5’ is not a number; commas in numbers are not read; write a decimal point";
    assert!(message.starts_with(words), "{message}");
    for field in ["-1,5", "+0,25", "1.234,5", "\"1,234.5\"", "\"1,000\""] {
        let message = refusal(&format!("a;b;y\n{field};2;x\n"), &CsvOptions::default());
        assert!(message.contains("commas in numbers"), "{message}");
    }
    for field in ["a,b", "1,", ",5", "1,5 m", "2020-01,5"] {
        let message = refusal(&format!("a;b;y\n{field};2;x\n"), &CsvOptions::default());
        assert!(message.contains("only the target may be text"), "{message}");
    }
}

/// As text such targets would be classes, and a run would learn them without a word.
#[test]
fn targets_with_commas_are_no_classes_unless_they_are_called_so() {
    let rows = |targets: [&str; 4]| -> String {
        let lines = targets.iter().cycle().take(12).enumerate();
        format!("a;y\n{}", lines.map(|(row, target)| format!("{row}.5;{target}\n")).collect::<String>())
    };
    for (targets, line) in [(["1,5", "2,5", "1,5", "3,25"], 2), (["1", "2,5", "1", "3"], 3)] {
        for task in [TaskChoice::Auto, TaskChoice::Regression] {
            let message = refusal(&rows(targets), &with(task));
            let words = format!("t.csv, line {line}, column 2: the target ‘{}’ looks like a number", targets[line - 2]);
            assert!(message.starts_with(&words) && message.contains("write a decimal point"), "{message}");
        }
    }
    let told = read(&rows(["1,5", "2,5", "1,5", "2,5"]), &with(TaskChoice::Classification)).expect("labels");
    assert_eq!(told.class_names(), ["1,5", "2,5"]);
    let among_others = read(&rows(["1,5", "none of them", "1,5", "other"]), &with(TaskChoice::Auto)).expect("labels");
    assert!(matches!(among_others.target, Target::Classes { .. }));
    let known_classes = ["1,5", "2,5"].map(String::from).to_vec();
    let of_a_model = CsvOptions { known_classes, is_for_model: true, ..with(TaskChoice::Classification) };
    assert!(read(&rows(["1,5", "2,5", "1,5", "2,5"]), &of_a_model).is_ok());
}

/// Who measures a model of numbers cannot say `--task`: what is advised is what `eval` understands.
#[test]
fn text_is_no_target_for_a_model_of_numbers() {
    let of_a_model = CsvOptions { is_for_model: true, ..with(TaskChoice::Regression) };
    for (text, words) in [
        (
            "a,y\n1,left\n2,right\n",
            "t.csv, line 2, column 2: the target ‘left’ is text, but the model answers numbers; name the column that it learnt with --target",
        ),
        ("a;y\n1;2,5\n2;3,5\n", "t.csv, line 2, column 2: the target ‘2,5’ looks like a number"),
        (
            "a,y\n1,2.5\n2,right\n",
            "t.csv, line 3, column 2: the target ‘right’ is not a number, but others in its column are",
        ),
    ] {
        let message = refusal(text, &of_a_model);
        assert!(message.starts_with(words) && !message.contains("--task"), "{message}");
    }
}
