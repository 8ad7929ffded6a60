//! Which rows train, which validate, which test.
//!
//! The test part never depends on the seed, so that runs with different seeds are examined on the same rows and no run
//! has trained on another's examination. The validation part is drawn from the rest with the run's seed.
//!
//! Both draws are by the library's rule, [`HeldOut`]: stratified by class, or by the size of a number.

use std::cmp::Ordering;
use std::ops::Range;

use deltarule::HeldOut;

use super::{DataError, Dataset, Target};

/// The share of rows for the test where nobody says one.
pub const USUAL_TEST_SHARE: f64 = 0.2;

/// How much of the data is set apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fractions {
    /// Part of the rows for the test, where the source has none of its own.
    pub test: f64,
    /// Part of the remaining rows for validation.
    pub validation: f64,
}

/// The three parts, as row numbers; training rows are in ascending order, and so are the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Rows to learn from.
    pub train: Vec<usize>,
    /// Rows to watch while learning.
    pub validation: Vec<usize>,
    /// Rows that nothing has seen.
    pub test: Vec<usize>,
}

impl Split {
    /// Divides `data` to learn from it. Fails where a part that was asked for, or the training part, would be empty, and where all rows to learn
    /// from have one target, though the others have another: what a net made of that would look perfect.
    pub fn new(data: &Dataset, fractions: Fractions, seed: u64) -> Result<Self, DataError> {
        let split = Self::draw(data, fractions, seed);
        split.refuse_an_empty_part(data, fractions)?;
        if data.is_constant(split.train.iter().copied()) {
            let what = format!(
                "the {} rows to learn from all have the same target, any other is in a part that is held out; give more rows, or set \
                 --val-split and --test-split to 0 or to a smaller part",
                split.train.len()
            );
            return Err(DataError::whole(&data.name, what));
        }
        Ok(split)
    }

    /// Sets the test part of `data` apart, for a model that there is; the rest is in `train`. Fails where one of them would be empty.
    pub fn test_and_rest(data: &Dataset, share: f64) -> Result<Self, DataError> {
        let split = Self::draw(data, Fractions { test: share, validation: 0.0 }, 0);
        if split.train.is_empty() {
            return Err(none_left(data, "rest", "say --part all or a smaller --test-split"));
        }
        if share > 0.0 && split.test.is_empty() {
            return Err(none_left(data, "test", "say --part all or a larger --test-split"));
        }
        Ok(split)
    }

    /// Classes of which no row is learnt from, by name.
    pub fn unlearnt_classes(&self, data: &Dataset) -> Vec<String> {
        let Target::Classes { labels, names } = &data.target else { return Vec::new() };
        let mut is_learnt = vec![false; names.len()];
        self.train.iter().for_each(|&row| is_learnt[labels[row] as usize] = true);
        names.iter().zip(is_learnt).filter(|(_, is_learnt)| !is_learnt).map(|(name, _)| name.clone()).collect()
    }

    fn draw(data: &Dataset, fractions: Fractions, seed: u64) -> Self {
        let (rest, test) = match &data.official_test {
            Some(range) => (outside(range, data.rows), range.clone().collect()),
            None => HeldOut::Test.draw((0..data.rows).collect(), fractions.test, by_target(data)),
        };
        let (train, validation) = HeldOut::Validation { seed }.draw(rest, fractions.validation, by_target(data));
        Self { train, validation, test }
    }

    /// The test part is drawn first, then the validation part of what is left: whichever took too much, or was given too little, is named.
    fn refuse_an_empty_part(&self, data: &Dataset, fractions: Fractions) -> Result<(), DataError> {
        let left = self.train.len() + self.validation.len();
        let is_unvalidated = fractions.validation > 0.0 && self.validation.is_empty();
        let (missing, advice) = if left == 0 {
            ("training", "set --test-split to 0 or to a smaller part")
        } else if self.train.is_empty() {
            ("training", "set --val-split to 0 or to a smaller part")
        } else if is_unvalidated && left == 1 && !self.test.is_empty() && data.official_test.is_none() {
            // One row cannot be divided, whatever the share.
            ("validation", "set --test-split to 0 or to a smaller part")
        } else if is_unvalidated {
            ("validation", "set --val-split to 0 or to a larger part")
        } else if fractions.test > 0.0 && self.test.is_empty() {
            ("test", "set --test-split to 0 or to a larger part")
        } else {
            return Ok(());
        };
        Err(none_left(data, missing, advice))
    }
}

fn none_left(data: &Dataset, part: &str, advice: &str) -> DataError {
    let rows = if data.rows == 1 { "1 row leaves".to_string() } else { format!("{} rows leave", data.rows) };
    DataError::whole(&data.name, format!("{rows} none for the {part} part; give more rows, or {advice}"))
}

fn outside(range: &Range<usize>, rows: usize) -> Vec<usize> {
    (0..range.start).chain(range.end..rows).collect()
}

/// Compares two rows by class or number; without a target all are equal.
fn by_target(data: &Dataset) -> impl Fn(usize, usize) -> Ordering {
    move |one, other| match &data.target {
        Target::Classes { labels, .. } => labels[one].cmp(&labels[other]),
        Target::Values(values) => values[one].total_cmp(&values[other]),
        Target::Absent => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Builtin, Features, Kept, Places, Task};
    use super::*;

    const FRACTIONS: Fractions = Fractions { test: 0.2, validation: 0.2 };

    fn digits() -> Dataset {
        Builtin::Digits.load().expect("the data inside is sound")
    }

    #[test]
    fn every_row_is_in_one_part() {
        let data = digits();
        let split = Split::new(&data, FRACTIONS, 1).expect("enough rows");
        let mut all = [split.train, split.validation, split.test].concat();
        all.sort_unstable();
        assert_eq!(all, (0..data.rows).collect::<Vec<_>>());
    }

    #[test]
    fn the_test_part_ignores_the_seed_and_the_validation_part_does_not() {
        let data = digits();
        let [one, two] = [1, 2].map(|seed| Split::new(&data, FRACTIONS, seed).expect("enough rows"));
        assert_eq!(one.test, two.test);
        assert_ne!(one.validation, two.validation);
        assert_eq!(one, Split::new(&data, FRACTIONS, 1).expect("enough rows"));
    }

    /// The numbers are those of another implementation of the rule. If others come out, runs are examined on rows that earlier ones learnt from.
    #[test]
    fn the_parts_are_the_documented_ones() {
        let parts = [
            (Builtin::Digits, [3, 4, 6, 15, 17, 20, 23, 26], 313_761, [2, 5, 16, 18, 21, 24, 28, 29]),
            (Builtin::BreastCancer, [1, 6, 10, 13, 17, 19, 28, 29], 32_350, [4, 8, 12, 16, 30, 38, 46, 47]),
            (Builtin::Diabetes, [8, 12, 16, 17, 21, 25, 26, 30], 19_570, [0, 1, 6, 11, 18, 28, 64, 71]),
        ];
        for (set, test, sum_of_test, validation) in parts {
            let data = set.load().expect("the data inside is sound");
            let split = Split::new(&data, FRACTIONS, 1).expect("enough rows");
            assert_eq!(split.test[..8], test, "{}", set.name());
            assert_eq!(split.test.iter().sum::<usize>(), sum_of_test, "{}", set.name());
            assert_eq!(split.validation[..8], validation, "{}", set.name());
        }
    }

    #[test]
    fn classes_keep_their_proportions() {
        let data = digits();
        let split = Split::new(&data, FRACTIONS, 3).expect("enough rows");
        let Target::Classes { labels, .. } = &data.target else { panic!("digits are classes") };
        for class in 0..10 {
            let of = |rows: &[usize]| rows.iter().filter(|&&row| labels[row] == class).count() as f64;
            let whole = of(&(0..data.rows).collect::<Vec<_>>());
            assert!((of(&split.test) - 0.2 * whole).abs() <= 1.5);
            assert!((of(&split.validation) - 0.16 * whole).abs() <= 1.5);
        }
    }

    /// As many rows as there are targets.
    fn tiny(target: Target) -> Dataset {
        let rows = match &target {
            Target::Classes { labels, .. } => labels.len(),
            Target::Values(values) => values.len(),
            Target::Absent => 0,
        };
        Dataset {
            name: "tiny".to_string(),
            rows,
            columns: 1,
            feature_names: Vec::new(),
            target_name: String::new(),
            features: Features::Floats((0..rows).map(|row| row as f64).collect()),
            target,
            official_test: None,
            kept: Kept::default(),
            places: Places::default(),
            built_in: false,
        }
    }

    #[test]
    fn too_few_rows_are_refused() {
        let numbers = |rows: usize| tiny(Target::Values((0..rows).map(|row| row as f64).collect()));
        for (rows, test, validation, missing, option, wanted) in [
            (2, 0.9, 0.0, "training", "--test-split", "smaller"),
            (20, 0.99, 0.2, "training", "--test-split", "smaller"),
            (20, 0.2, 0.99, "training", "--val-split", "smaller"),
            (20, 0.95, 0.2, "validation", "--test-split", "smaller"),
            (20, 0.2, 0.01, "validation", "--val-split", "larger"),
            (20, 0.01, 0.2, "test", "--test-split", "larger"),
        ] {
            let refused = Split::new(&numbers(rows), Fractions { test, validation }, 1).expect_err(missing).to_string();
            let advice = format!("give more rows, or set {option} to 0 or to a {wanted} part");
            assert_eq!(refused, format!("tiny: {rows} rows leave none for the {missing} part; {advice}"));
        }
        for (share, words) in
            [(0.99, "rest part; give more rows, or say --part all or a smaller"), (0.01, "test part; ")]
        {
            let refused = Split::test_and_rest(&numbers(20), share).expect_err(words).to_string();
            assert!(refused.starts_with(&format!("tiny: 20 rows leave none for the {words}")), "{refused}");
        }
        assert!(Split::new(&numbers(2), Fractions { test: 0.0, validation: 0.0 }, 1).is_ok());
    }

    /// The only row of another target is drawn for the test by one number of rows or other; all rows but it look learnt to perfection.
    #[test]
    fn rows_to_learn_from_that_have_one_target_are_refused() {
        let names = ["a", "b"].map(String::from).to_vec();
        let mut refused = 0;
        for rows in 10..40 {
            let classes = Target::Classes {
                labels: (0..rows).map(|row| u32::from(row + 1 == rows)).collect(),
                names: names.clone(),
            };
            let values = Target::Values((0..rows).map(|row| if row + 1 == rows { 2.5 } else { 0.5 }).collect());
            for data in [tiny(classes), tiny(values)] {
                let split = Split::test_and_rest(&data, 0.2).expect("enough rows, for a model that there is");
                let learnt = Split::new(&data, Fractions { test: 0.2, validation: 0.0 }, 1);
                let is_held_out = split.test.last() == Some(&(data.rows - 1));
                assert_eq!(learnt.is_err(), is_held_out, "{rows} rows");
                if let Err(why) = learnt {
                    refused += 1;
                    assert!(why.to_string().contains("rows to learn from all have the same target"), "{why}");
                    assert!(data.task() != Some(Task::Binary) || split.unlearnt_classes(&data) == ["b"]);
                }
            }
        }
        assert!(refused > 0);
    }
}
