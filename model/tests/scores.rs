//! Scores of several classes and of several outputs against scikit-learn's, through whole evaluations; and what they are of odd cases.
//!
//! The numbers of reference are those of scikit-learn 1.9: `roc_auc_score` (`multi_class="ovr"` for three classes),
//! `precision_recall_fscore_support`, `r2_score` and `root_mean_squared_error`, of the rows below, or of their softmax.

use deltarule::metrics::{Confusion, ValueScores, accuracy, roc_auc};
use deltarule::{ClassScores, Dataset, Labels, Loss, Mlp, Output, Scores, Scratch, class_of};

/// Ten rows of three numbers.
const X: [[f64; 3]; 10] = [
    [2.0, 1.0, -0.5],
    [0.3, 0.1, 0.9],
    [-1.2, 0.4, 0.6],
    [1.5, 1.7, 0.2],
    [0.8, -0.3, 0.1],
    [-0.4, 0.9, 1.3],
    [0.2, 1.1, -0.7],
    [-0.9, -0.6, 0.5],
    [1.1, 0.7, 1.9],
    [0.6, 0.5, -1.4],
];

/// The first `width` columns.
fn columns(width: usize) -> Vec<f64> {
    X.iter().flat_map(|row| &row[..width]).copied().collect()
}

/// The scores of a net that makes of a row the row itself, or its softmax.
fn scores(output: Output, loss: Loss, labels: Labels<f64>) -> Scores {
    let width = match &labels {
        Labels::Classes { count, .. } => *count,
        Labels::Values { outputs, .. } => *outputs,
    };
    let mut model = Mlp::<f64>::builder(&[width, width]).output(output).build().expect("widths");
    let identity: Vec<f64> = (0..width * width).map(|i| f64::from(u8::from(i % (width + 1) == 0))).collect();
    model.set_layer(0, &identity, &vec![0.0; width]).expect("lengths that fit");
    let data = Dataset::new(columns(width), width, labels).expect("good data");
    model.evaluate(loss, &data, &mut Scratch::new()).expect("data that fits").scores
}

fn class_scores(classes: [u32; 10], count: usize) -> ClassScores {
    let labels = Labels::Classes { classes: classes.into(), count };
    match scores(Output::Softmax, Loss::CrossEntropy, labels) {
        Scores::Classes(scores) => scores,
        other => panic!("{other:?}"),
    }
}

fn close(what: &str, found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{what}: {found}, not {expected}");
}

#[test]
fn three_classes() {
    let scores = class_scores([0, 2, 1, 0, 1, 2, 1, 2, 0, 0], 3);
    close("area under the curve", scores.roc_auc.expect("all classes occur"), 0.755952380952381);
    close("accuracy", scores.accuracy, 0.6);
    let mean = scores.overall;
    assert_eq!(mean, scores.macro_average);
    close("precision", mean.precision, 0.5888888888888889);
    close("recall", mean.recall, 0.611111111111111);
    close("F1", mean.f1, 0.5738095238095239);
    for (class, (f1, support)) in [(0.571428571428571, 4), (0.4, 3), (0.75, 3)].into_iter().enumerate() {
        close("F1 of a class", scores.per_class[class].f1, f1);
        assert_eq!(scores.per_class[class].support, support);
    }
    let counts = [0, 1, 2].map(|truth| [0, 1, 2].map(|taken| scores.confusion.get(truth, taken)));
    assert_eq!(counts, [[2, 1, 1], [1, 1, 1], [0, 0, 3]]);
}

/// A class that no row has is no class against the rest: the mean is that of the other two.
#[test]
fn the_area_is_the_mean_over_the_classes_that_occur() {
    let classes = [0, 2, 2, 0, 2, 2, 0, 2, 0, 0];
    let scores = class_scores(classes, 3);
    let labels = Labels::Classes { classes: classes.into(), count: 3 };
    let model = Mlp::<f64>::builder(&[3, 3]).output(Output::Softmax).build();
    let mut model = model.expect("widths");
    model.set_layer(0, &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], &[0.0; 3]).expect("lengths that fit");
    let data = Dataset::new(columns(3), 3, labels).expect("good data");
    let mut scratch = Scratch::new();
    let p = model.predict(&data.x(), &mut scratch).expect("rows").to_vec();
    let area = |class: u32| {
        let of_it: Vec<f64> = p.iter().skip(class as usize).step_by(3).copied().collect();
        roc_auc(&of_it, &classes.map(|truth| truth == class))
    };
    assert_eq!(area(1), None);
    let [first, last] = [0, 2].map(|class| area(class).expect("it occurs"));
    close("area under the curve", scores.roc_auc.expect("two classes occur"), (first + last) / 2.0);
    assert_eq!(class_scores([1; 10], 3).roc_auc, None, "one class against nothing");
}

/// By the second of two outputs: the first would give 0.48.
#[test]
fn two_classes_with_an_output_each() {
    let scores = class_scores([0, 1, 1, 0, 1, 0, 1, 0, 0, 1], 2);
    close("area under the curve", scores.roc_auc.expect("both classes occur"), 0.52);
    close("accuracy", scores.accuracy, 0.4);
    assert_eq!(scores.overall, scores.per_class[1]);
}

#[test]
fn two_numbers_a_row() {
    let values = vec![
        1.5, 10.0, 0.25, -3.0, -1.0, 4.0, 2.0, 1.5, 0.5, -0.5, -0.75, 2.0, 0.0, 6.0, -1.5, -2.0, 1.0, 0.5, 0.75, 1.0,
    ];
    let labels = Labels::Values { values: values.clone(), outputs: 2 };
    let Scores::Values(scores) = scores(Output::Linear, Loss::SquaredError, labels) else { panic!("numbers") };
    // The mean of 0.8938 and 0.0268.
    close("R²", scores.r2, 0.46027681380233276);
    close("mean absolute error", scores.mae, 1.3575);
    // The mean of 0.3446 and 3.6210; one root of all errors' mean square would be 2.5720.
    close("root of the mean square", scores.rmse, 1.9828253952021948);
    assert_eq!(ValueScores::of(&values, &columns(2), 2), scores);
}

/// Ten times 0.1 has a mean of 0.09999999999999999, from which 0.1 has a distance; it has not changed for that.
#[test]
fn numbers_that_never_change() {
    let r2 = |predicted: &[f64]| ValueScores::of(&[0.1; 10], predicted, 1).r2;
    assert_eq!([r2(&[0.1; 10]), r2(&[0.2; 10])], [1.0, 0.0]);
    let one_off = [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2];
    assert_eq!(r2(&one_off), 0.0);
    assert_eq!(ValueScores::of(&[0.1f64, 7.0, 0.1, 8.0, 0.1, 9.0], &[0.2, 7.0, 0.2, 8.0, 0.2, 9.0], 2).r2, 0.5);
}

#[test]
fn outputs_that_are_no_numbers_are_class_0() {
    let model = Mlp::<f32>::builder(&[2, 3]).output(Output::Softmax).build().expect("widths");
    let mut scratch = Scratch::new();
    let outputs = model.predict(&[f32::NAN, 0.0], &mut scratch).expect("a row");
    assert!(outputs.iter().all(|p| p.is_nan()), "{outputs:?}");
    assert_eq!([class_of(outputs), class_of(&[f32::NAN])], [0, 0]);
}

#[test]
fn an_output_that_is_no_number_speaks_for_no_class() {
    let n = f64::NAN;
    for (outputs, class) in
        [([n, 0.3, 0.7], 2), ([n, 0.7, 0.3], 1), ([n, n, 0.1], 2), ([0.3, n, 0.1], 0), ([0.1, n, 0.3], 2)]
    {
        assert_eq!(class_of(&outputs), class, "{outputs:?}");
    }
    assert_eq!(class_of(&[f64::NEG_INFINITY, f64::NEG_INFINITY]), 0, "the first of the largest");
}

#[test]
fn exactly_one_half_is_class_1() {
    assert_eq!([class_of(&[0.5f32.next_down()]), class_of(&[0.5f32]), class_of(&[0.5f64])], [0, 1, 1]);
}

#[test]
fn lengths_that_differ_have_no_score() {
    let panics = |score: fn()| std::panic::catch_unwind(score).is_err();
    assert!(panics(|| assert!(accuracy(&[0, 1, 2, 2], &[0, 1]) < 2.0)));
    assert!(panics(|| assert!(accuracy(&[0, 1], &[0, 1, 2, 2]) < 2.0)));
    assert!(panics(|| assert!(Confusion::of(&[0, 1], &[0], 2).accuracy() < 2.0)));
    assert!(panics(|| assert!(roc_auc(&[0.5, 0.75], &[true, false, true]) < Some(2.0))));
    assert!(panics(|| assert!(ValueScores::of(&[1.0f64, 2.0], &[1.0], 1).mae < 2.0)));
    assert!(panics(|| assert!(ValueScores::of(&[1.0f64, 2.0, 3.0], &[1.0, 2.0, 3.0], 2).mae < 2.0)), "a part of a row");
}
