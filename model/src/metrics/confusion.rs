//! Which class was taken for which, and the scores that follow from it.

use super::ratio;

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
    classes: usize,
    counts: Vec<u64>,
}

/// The scores of one class, or their unweighted mean over classes. A ratio with nothing below the line is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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
    pub fn of(truth: &[u32], predicted: &[u32], classes: usize) -> Self {
        let mut counts = vec![0; classes * classes];
        for (&t, &p) in truth.iter().zip(predicted) {
            if (t as usize) < classes && (p as usize) < classes {
                counts[t as usize * classes + p as usize] += 1;
            }
        }
        Self { classes, counts }
    }

    /// How many classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many rows of class `truth` were taken for `predicted`.
    ///
    /// # Panics
    /// There is no such class.
    pub fn get(&self, truth: usize, predicted: usize) -> u64 {
        assert!(truth < self.classes && predicted < self.classes, "there are {} classes", self.classes);
        self.counts[truth * self.classes + predicted]
    }

    /// The share of rows on the diagonal.
    pub fn accuracy(&self) -> f64 {
        let right: u64 = (0..self.classes).map(|c| self.get(c, c)).sum();
        ratio(right as f64, self.counts.iter().sum::<u64>() as f64)
    }

    /// The scores of one class.
    ///
    /// # Panics
    /// There is no such class.
    pub fn class(&self, class: usize) -> ClassScore {
        let right = self.get(class, class) as f64;
        let support: u64 = (0..self.classes).map(|p| self.get(class, p)).sum();
        let taken: u64 = (0..self.classes).map(|t| self.get(t, class)).sum();
        ClassScore {
            precision: ratio(right, taken as f64),
            recall: ratio(right, support as f64),
            f1: ratio(2.0 * right, (support + taken) as f64),
            support,
        }
    }

    /// The mean over the classes that occur, in truth or in prediction; each counts the same, however rare.
    pub fn macro_average(&self) -> ClassScore {
        let occurs = |&c: &usize| (0..self.classes).any(|o| self.get(c, o) + self.get(o, c) > 0);
        let scores: Vec<ClassScore> = (0..self.classes).filter(occurs).map(|c| self.class(c)).collect();
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
}
