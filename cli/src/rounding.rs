//! Columns of which `f32` keeps too little: it rounds a value before the mean is taken off, so that a small deviation beside a large mean is
//! mostly rounding.

use crate::data::{Dataset, Features, Target};

/// A column is coarse where its deviation is less than so many steps of `f32` at its largest value. At fewer, what is left of a value after
/// standardisation has less than two digits.
const FEWEST_STEPS: f64 = 128.0;

/// Values that differ by no more than this part of them are the same but for the rounding of `f64`, and standardised as such.
const LAST_DIGITS: f64 = 32.0 * f64::EPSILON;

/// Columns that a warning names at most.
const MOST_NAMED: usize = 8;

/// What there is to say before a run in `f32` learns from these rows, where `standardise` says whether features are standardised; numbers to
/// predict always are.
pub(crate) fn warning(data: &Dataset, rows: &[usize], standardise: bool) -> Option<String> {
    let names = coarse(data, rows, standardise);
    if names.is_empty() {
        return None;
    }
    let shown = names[..names.len().min(MOST_NAMED)].join(", ");
    let more = match names.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "warning   {}: {shown}{more}: f32 holds these values in steps of more than 1/128 of their deviation; train with --dtype f64, or subtract an \
         offset first",
        data.name
    ))
}

/// The labels of the columns that are coarse.
fn coarse(data: &Dataset, rows: &[usize], standardise: bool) -> Vec<String> {
    let mut names = Vec::new();
    if let (true, Features::Floats(values)) = (standardise, &data.features) {
        let is_coarse = |&column: &usize| is_coarse(rows.iter().map(|row| values[row * data.columns + column]));
        names.extend((0..data.columns).filter(is_coarse).map(|column| data.feature_label(column)));
    }
    if let Target::Values(values) = &data.target
        && is_coarse(rows.iter().map(|&row| values[row]))
    {
        names.push(data.target_label());
    }
    names
}

/// Whether values that are not all the same deviate by less than [`FEWEST_STEPS`].
fn is_coarse(values: impl Iterator<Item = f64> + Clone) -> bool {
    let largest = values.clone().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let deviation = deviation(values);
    deviation > LAST_DIGITS * largest && deviation < FEWEST_STEPS * step_at(largest)
}

/// By distances from the first value, so that a large mean drowns nothing, and values that never change have none.
fn deviation(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let Some(first) = values.clone().next() else { return 0.0 };
    let mean_of = |numbers: &mut dyn Iterator<Item = f64>| {
        let (sum, count) = numbers.fold((0.0, 0.0), |(sum, count), number| (sum + number, count + 1.0));
        sum / count
    };
    let shift = mean_of(&mut values.clone().map(|value| value - first));
    mean_of(&mut values.map(|value| value - first - shift).map(|distance| distance * distance)).sqrt()
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
    fn times(step: f64) -> impl Iterator<Item = f64> + Clone {
        (0..1000).map(move |row| 1.7e9 + step * f64::from(row))
    }

    #[test]
    fn deviations_are_measured_in_steps() {
        assert_eq!(step_at(1.7e9), 128.0);
        assert!((deviation(times(1.0)) - 288.675).abs() < 0.01);
        // 1000 rows deviate by 288.7 of their distances, and 128 steps are 16,384.
        assert!(is_coarse(times(1.0)) && is_coarse(times(56.0)));
        assert!(!is_coarse(times(57.0)) && !is_coarse(times(3600.0)));
        assert!(is_coarse(times(1.0).map(|time| -time)));
        for sound in
            [vec![], vec![1.7e9; 5], vec![0.0; 5], vec![0.1 + 0.2, 0.3, 0.3], vec![1.0, 2.0], vec![-1e-30, 1e-30]]
        {
            assert!(!is_coarse(sound.iter().copied()), "{sound:?}");
        }
    }

    #[test]
    fn coarse_columns_are_named() {
        let rows: Vec<String> =
            times(1.0).enumerate().map(|(row, time)| format!("{time},{},{time}\n", row % 7)).collect();
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
