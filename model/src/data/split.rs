//! Holding out a part of the rows, by seed; classes keep their shares.

use super::{Dataset, Labels};
use crate::random::{Stream, Use};
use crate::{Element, Error};
use std::collections::BTreeMap;

/// The stream of lots, beyond those of the classes.
const LOTS: u64 = 1 << 32;

impl<T: Element> Dataset<T> {
    /// Two parts: the rest, and `share` of the rows held out, to the nearest row. Rows are drawn by `seed` and keep their
    /// order within each part. With class labels so much is held out of each class too (stratified), within one row of it.
    ///
    /// ```
    /// use deltarule::Dataset;
    /// let data = Dataset::with_classes((0..10).map(f64::from).collect(), 1, vec![0, 0, 0, 0, 0, 1, 1, 1, 1, 1], 2)?;
    /// let (train, held_out) = data.split(0.4, 1)?;
    /// assert_eq!((train.rows(), held_out.rows()), (6, 4));
    /// # Ok::<(), deltarule::Error>(())
    /// ```
    ///
    /// # Errors
    /// `share` is not between 0 and 1, or one part would be empty.
    pub fn split(&self, share: f64, seed: u64) -> Result<(Self, Self), Error> {
        if !(share > 0.0 && share < 1.0) {
            return Err(Error::setting("held-out share", share, "above 0 and below 1"));
        }
        let total = (self.rows as f64 * share).round() as usize;
        if total == 0 || total == self.rows {
            let value = format!("{share} of {} rows", self.rows);
            return Err(Error::setting("held-out share", value, "such that both parts have a row"));
        }
        let mut groups = self.groups();
        let sizes: Vec<usize> = groups.values().map(Vec::len).collect();
        let mut held_out = vec![false; self.rows];
        for ((&class, group), count) in groups.iter_mut().zip(apportion(&sizes, share, total, seed)) {
            Stream::new(seed, Use::Split, u64::from(class)).shuffle(group);
            group[..count].iter().for_each(|&row| held_out[row] = true);
        }
        let part = |wanted: bool| -> Vec<usize> { (0..self.rows).filter(|&row| held_out[row] == wanted).collect() };
        Ok((self.select(&part(false))?, self.select(&part(true))?))
    }

    /// The rows of each class that occurs; all rows, where there are no classes.
    fn groups(&self) -> BTreeMap<u32, Vec<usize>> {
        let class_of = |row: usize| match &self.labels {
            Labels::Values { .. } => 0,
            Labels::Classes { classes, .. } => classes[row],
        };
        let mut groups = BTreeMap::<u32, Vec<usize>>::new();
        (0..self.rows).for_each(|row| groups.entry(class_of(row)).or_default().push(row));
        groups
    }
}

/// How much is held out of each of several groups, `total` together: the whole rows of its share, and one more where most was cut off, by
/// lot among equals. Each rounded by itself, a hundred groups would err together: 0.2 of two rows is nothing, each time.
fn apportion(sizes: &[usize], share: f64, total: usize, seed: u64) -> Vec<usize> {
    let quotas: Vec<f64> = sizes.iter().map(|&size| size as f64 * share).collect();
    let mut counts: Vec<usize> = quotas.iter().map(|quota| *quota as usize).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    Stream::new(seed, Use::Split, LOTS).shuffle(&mut order);
    order.sort_by(|&i, &j| quotas[j].fract().total_cmp(&quotas[i].fract()));
    let missing = total.saturating_sub(counts.iter().sum());
    order[..missing.min(sizes.len())].iter().for_each(|&group| counts[group] += 1);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_get_what_they_should_within_a_row_and_all_of_it_together() {
        let sizes = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 1, 1, 1, 7];
        let rows: usize = sizes.iter().sum();
        for share in [0.01, 0.1, 0.2, 0.25, 0.3, 1.0 / 3.0, 0.5, 0.77, 0.99] {
            for seed in 0..20 {
                let total = (rows as f64 * share).round() as usize;
                let counts = apportion(&sizes, share, total, seed);
                assert_eq!(counts.iter().sum::<usize>(), total, "{share} {seed}");
                for (&size, &count) in sizes.iter().zip(&counts) {
                    assert!(count <= size && (count as f64 - size as f64 * share).abs() < 1.0, "{count} of {size}");
                }
            }
        }
    }

    /// As another program finds them from the description in `random.rs`. With other rows every score of before would be of other data.
    #[test]
    fn a_seed_holds_out_these_rows() {
        let held_out = |labels: Labels<f64>| {
            let data = Dataset::new((0..10).map(f64::from).collect(), 1, labels).expect("good data");
            let (_, held_out) = data.split(0.3, 1).expect("two parts");
            held_out.x().into_owned()
        };
        assert_eq!(held_out(Labels::Values { values: vec![0.0; 10], outputs: 1 }), [0.0, 7.0, 8.0]);
        let classes = (0..10).map(|row| row % 2).collect();
        assert_eq!(held_out(Labels::Classes { classes, count: 2 }), [0.0, 3.0, 6.0]);
    }

    #[test]
    fn equals_draw_lots() {
        let counts = |seed| apportion(&[2; 100], 0.25, 50, seed);
        assert_ne!(counts(1), counts(2), "not the same classes for every seed");
        assert_eq!(counts(1), counts(1));
    }
}
