//! Columns of which `f32` keeps too little: it rounds a value before the mean is taken off, so that a small deviation beside a large mean is
//! mostly rounding.

use deltarule::{Dataset as Rows, Standardisation};

use crate::data::words::listed;
use crate::data::{Dataset, Features, Target};

/// A column is coarse where its deviation is less than so many steps of `f32` at its largest value. At fewer, what is left of a value after
/// standardisation has less than two digits.
const FEWEST_STEPS: f64 = 128.0;

/// What there is to say before a run in `f32` learns from these rows, where `standardise` says whether features are standardised; numbers to
/// predict always are.
pub(crate) fn warning(data: &Dataset, rows: &[usize], standardise: bool) -> Option<String> {
    let names = coarse(data, rows, standardise);
    if names.is_empty() {
        return None;
    }
    Some(format!(
        "warning   {}: {}: f32 holds these values in steps of more than 1/128 of their deviation; train with --dtype f64, or subtract an offset \
         first",
        data.name,
        listed(&names)
    ))
}

/// The labels of the columns that are coarse.
fn coarse(data: &Dataset, rows: &[usize], standardise: bool) -> Vec<String> {
    let mut names = Vec::new();
    if let (true, Features::Floats(values)) = (standardise, &data.features) {
        let is_coarse =
            |&column: &usize| is_coarse(rows.iter().map(|row| values[row * data.columns + column]).collect());
        names.extend((0..data.columns).filter(is_coarse).map(|column| data.feature_label(column)));
    }
    if let Target::Values(values) = &data.target
        && is_coarse(rows.iter().map(|&row| values[row]).collect())
    {
        names.push(data.target_label());
    }
    names
}

/// Whether values that are not all the same deviate by less than [`FEWEST_STEPS`].
fn is_coarse(values: Vec<f64>) -> bool {
    let largest = values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let deviation = deviation(values);
    deviation > 0.0 && deviation < FEWEST_STEPS * step_at(largest)
}

/// As a model measures it before rounding; 0 for values that are all the same but for their last digits, and for none.
fn deviation(values: Vec<f64>) -> f64 {
    let column = Rows::with_values(vec![0.0; values.len()], 1, values, 1);
    column.and_then(|column| Standardisation::of_targets(&column)).map_or(0.0, |measured| measured.deviation(0))
}

/// From the `f32` at a value that is not negative to the next.
fn step_at(value: f64) -> f64 {
    let value = value as f32;
    f64::from(value.next_up()) - f64::from(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{CsvOptions, TaskChoice, read_csv};

    /// Times of so many seconds each, from an autumn of this century.
    fn times(step: f64) -> Vec<f64> {
        (0..1000).map(|row| 1.7e9 + step * f64::from(row)).collect()
    }

    #[test]
    fn deviations_are_measured_in_steps() {
        assert_eq!(step_at(1.7e9), 128.0);
        assert!((deviation(times(1.0)) - 288.675).abs() < 0.01);
        // 1000 rows deviate by 288.7 of their distances, and 128 steps are 16,384.
        assert!(is_coarse(times(1.0)) && is_coarse(times(56.0)));
        assert!(!is_coarse(times(57.0)) && !is_coarse(times(3600.0)));
        assert!(is_coarse(times(1.0).iter().map(|time| -time).collect()));
        for sound in
            [vec![], vec![1.7e9; 5], vec![0.0; 5], vec![0.1 + 0.2, 0.3, 0.3], vec![1.0, 2.0], vec![-1e-30, 1e-30]]
        {
            assert!(!is_coarse(sound.clone()), "{sound:?}");
        }
    }

    #[test]
    fn coarse_columns_are_named() {
        let rows: Vec<String> =
            times(1.0).into_iter().enumerate().map(|(row, time)| format!("{time},{},{time}\n", row % 7)).collect();
        let text = format!("time,x,end\n{}", rows.concat());
        let options = CsvOptions { task: TaskChoice::Regression, ..CsvOptions::default() };
        let data = read_csv("t.csv", text.as_bytes(), &options).expect("sound");
        let all: Vec<usize> = (0..data.rows).collect();
        assert_eq!(coarse(&data, &all, true), ["column time", "column end"]);
        assert_eq!(coarse(&data, &all, false), ["column end"]);
        assert!(coarse(&data, &[7], true).is_empty(), "a single row is constant");
        let words = warning(&data, &all, true).expect("two columns");
        assert!(words.contains("t.csv: column time, column end: ") && words.contains("--dtype f64"), "{words}");
        let small = read_csv("t.csv", "a,b\n1,0.5\n2,1.5\n".as_bytes(), &CsvOptions::default()).expect("sound");
        assert_eq!(warning(&small, &[0, 1], true), None);
    }
}
