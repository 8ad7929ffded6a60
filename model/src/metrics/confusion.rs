//! Which class was taken for which, and the scores that follow from it.

use super::{check_lengths, ratio};
use std::collections::BTreeMap;

/// Counts of rows by true and by predicted class.
///
/// ```
/// use deltarule::metrics::Confusion;
/// let confusion = Confusion::of(&[0, 0, 1, 1], &[0, 1, 1, 1], 2);
/// assert_eq!(confusion.get(0, 1), 1); // one row of class 0 was taken for class 1
/// assert_eq!(confusion.class(1).recall, 1.0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    /// For each class: rows that are of it, that were taken for it, and both.
    sums: Vec<Sums>,
    /// Rows by true and predicted class, of those pairs that occur: there may be many classes.
    counts: BTreeMap<(u32, u32), u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    of_it: u64,
    taken_for_it: u64,
    right: u64,
}

/// The scores of one class, or their unweighted mean over classes. A ratio with nothing below the line is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ClassScore {
    /// Of the rows taken for the class, the share that is of it.
    pub precision: f64,
    /// Of the rows of the class, the share that was taken for it.
    pub recall: f64,
    /// The harmonic mean of the two.
    pub f1: f64,
    /// Rows of the class.
    pub support: u64,
}

impl Confusion {
    /// Counts rows. Labels outside `0..classes` are not counted.
    ///
    /// # Panics
    /// The slices differ in length.
    pub fn of(truth: &[u32], predicted: &[u32], classes: usize) -> Self {
        check_lengths(truth.len(), predicted.len());
        let (mut sums, mut counts) = (vec![Sums::default(); classes], BTreeMap::new());
        for (&t, &p) in truth.iter().zip(predicted) {
            if (t as usize) < classes && (p as usize) < classes {
                *counts.entry((t, p)).or_insert(0) += 1;
                sums[t as usize].of_it += 1;
                sums[p as usize].taken_for_it += 1;
                sums[t as usize].right += u64::from(t == p);
            }
        }
        Self { sums, counts }
    }

    /// How many classes.
    pub fn classes(&self) -> usize {
        self.sums.len()
    }

    /// How many rows of class `truth` were taken for `predicted`.
    ///
    /// # Panics
    /// There is no such class.
    pub fn get(&self, truth: usize, predicted: usize) -> u64 {
        let classes = self.classes();
        assert!(truth < classes && predicted < classes, "there are {classes} classes");
        // No row is of a class beyond `u32`.
        let pair = u32::try_from(truth).ok().zip(u32::try_from(predicted).ok());
        pair.and_then(|pair| self.counts.get(&pair)).copied().unwrap_or(0)
    }

    /// The share of rows on the diagonal.
    pub fn accuracy(&self) -> f64 {
        let sum = |of: fn(&Sums) -> u64| self.sums.iter().map(of).sum::<u64>() as f64;
        ratio(sum(|s| s.right), sum(|s| s.of_it))
    }

    /// The scores of one class.
    ///
    /// # Panics
    /// There is no such class.
    pub fn class(&self, class: usize) -> ClassScore {
        let Sums { of_it, taken_for_it, right } = self.sums[class];
        let right = right as f64;
        ClassScore {
            precision: ratio(right, taken_for_it as f64),
            recall: ratio(right, of_it as f64),
            f1: ratio(2.0 * right, (of_it + taken_for_it) as f64),
            support: of_it,
        }
    }

    /// The mean over the classes that occur, in truth or in prediction; each counts the same, however rare.
    pub fn macro_average(&self) -> ClassScore {
        let occurs = |&c: &usize| self.sums[c].of_it + self.sums[c].taken_for_it > 0;
        let scores: Vec<ClassScore> = (0..self.classes()).filter(occurs).map(|c| self.class(c)).collect();
        let mean = |f: fn(&ClassScore) -> f64| ratio(scores.iter().map(f).sum(), scores.len() as f64);
        ClassScore {
            precision: mean(|s| s.precision),
            recall: mean(|s| s.recall),
            f1: mean(|s| s.f1),
            support: scores.iter().map(|s| s.support).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_by_hand() {
        let confusion = Confusion::of(&[0, 0, 0, 1, 1, 2], &[0, 0, 1, 1, 0, 0], 4);
        let zero = confusion.class(0);
        assert_eq!((zero.precision, zero.recall, zero.support), (0.5, 2.0 / 3.0, 3));
        assert!((zero.f1 - 4.0 / 7.0).abs() < 1e-15);
        assert_eq!(confusion.class(2), ClassScore { support: 1, ..ClassScore::default() });
        let mean = confusion.macro_average();
        assert!((mean.precision - (0.5 + 0.5) / 3.0).abs() < 1e-15, "class 3 never occurs and does not count");
        assert_eq!(confusion.accuracy(), 0.5);
    }

    #[test]
    fn many_classes_take_room_for_each_not_for_each_pair() {
        let confusion = Confusion::of(&[0, 4_000_000, 9], &[4_000_000, 4_000_000, 5_000_000], 5_000_000);
        assert_eq!([confusion.get(0, 4_000_000), confusion.get(4_000_000, 4_000_000), confusion.get(9, 1)], [1, 1, 0]);
        assert_eq!(confusion.class(4_000_000).precision, 0.5);
        assert_eq!((confusion.accuracy(), confusion.macro_average().support), (0.5, 2));
    }
}
