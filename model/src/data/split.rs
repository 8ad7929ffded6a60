//! Which rows are held out: one rule, by which the program draws its test and validation parts too.

use super::{Dataset, Labels};
use crate::random::{Stream, Use};
use crate::{Element, Error};
use std::cmp::Ordering;

/// What rows are held out for, which decides the random numbers that draw them.
///
/// The rule: the rows are shuffled, ordered by what is to be learnt (stably, so that each class stays shuffled), and cut into as many
/// runs, equally long within a row, as rows are wanted; one row of each run is drawn. So of each class as much is held out as of all rows,
/// within two rows, and of numbers some of every size. The rows that a share and a seed hold out stay the same in all versions.
///
/// The program `deltarule` draws its test part so from the rows of a file, and keeps the share in
/// [`About::test_share`](crate::About#structfield.test_share). Whoever has the same rows in the same order finds that part again; numbers to
/// predict as `f64`, for `f32` may make equals of neighbours. [`About::provenance`](crate::About#structfield.provenance) tells them from others.
///
/// ```
/// use deltarule::{Dataset, HeldOut};
/// let data = Dataset::with_classes((0..10).map(f64::from).collect(), 1, vec![0, 1, 0, 1, 0, 1, 0, 1, 0, 1], 2)?;
/// let (rest, test) = data.hold_out(HeldOut::Test, 0.3)?;
/// assert_eq!(*test.x(), [0.0, 1.0, 8.0]);
/// let (train, validation) = rest.hold_out(HeldOut::Validation { seed: 1 }, 0.3)?;
/// assert_eq!((train.rows(), validation.rows()), (5, 2));
/// # Ok::<(), deltarule::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeldOut {
    /// To be seen by no run: whatever the seed, so that runs are examined on the same rows and none has learnt from another's examination.
    Test,
    /// To watch a run by, drawn with its seed.
    Validation {
        /// The seed.
        seed: u64,
    },
}

impl HeldOut {
    /// Draws `share` of `rows` to the nearest row, where `order` compares two rows by what is to be learnt ([`Ordering::Equal`] always, where that
    /// is not known). Rows are named by their numbers; the same ones in another order are drawn otherwise. Returns the rest and the drawn
    /// rows, each ascending.
    ///
    /// A share of 0 or less draws no row, one of 1 or more all.
    ///
    /// # Panics
    /// Perhaps, where `order` is no total order (as [`sort_by`](slice::sort_by) does).
    pub fn draw(
        self,
        mut rows: Vec<usize>,
        share: f64,
        order: impl Fn(usize, usize) -> Ordering,
    ) -> (Vec<usize>, Vec<usize>) {
        let count = ((rows.len() as f64 * share).round() as usize).min(rows.len());
        let mut stream = self.stream();
        stream.shuffle(&mut rows);
        rows.sort_by(|&one, &other| order(one, other));

        let mut drawn: Vec<usize> = Vec::with_capacity(count);
        let mut rest = Vec::with_capacity(rows.len() - count);
        let start_of = |run: usize| (run as u128 * rows.len() as u128 / count as u128) as usize;
        for run in 0..count {
            let run = &rows[start_of(run)..start_of(run + 1)];
            let chosen = stream.below(run.len() as u64) as usize;
            drawn.push(run[chosen]);
            rest.extend(run[..chosen].iter().chain(&run[chosen + 1..]));
        }
        // Without a run no row was looked at.
        if count == 0 {
            rest = rows;
        }
        rest.sort_unstable();
        drawn.sort_unstable();
        (rest, drawn)
    }

    fn stream(self) -> Stream {
        match self {
            Self::Test => Stream::new(0, Use::Split, 0x7e57),
            Self::Validation { seed } => Stream::new(seed, Use::Split, 0x7a11),
        }
    }
}

impl<T: Element> Dataset<T> {
    /// Two parts: the rest, and `share` of the rows held out to validate with, to the nearest row; see [`HeldOut`] for the rule. Rows are
    /// drawn by `seed` and keep their order within each part.
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
        self.hold_out(HeldOut::Validation { seed }, share)
    }

    /// Two parts: the rest, and `share` of the rows held out for what `part` says, to the nearest row. Rows keep their order within each part.
    ///
    /// # Errors
    /// `share` is not between 0 and 1, or one part would be empty.
    pub fn hold_out(&self, part: HeldOut, share: f64) -> Result<(Self, Self), Error> {
        if !(share > 0.0 && share < 1.0) {
            return Err(Error::setting("held-out share", share, "above 0 and below 1"));
        }
        let (rest, drawn) = part.draw((0..self.rows).collect(), share, |one, other| self.labels.order(one, other));
        if rest.is_empty() || drawn.is_empty() {
            let value = format!("{share} of {} rows", self.rows);
            return Err(Error::setting("held-out share", value, "such that both parts have a row"));
        }
        Ok((self.select(&rest)?, self.select(&drawn)?))
    }
}

impl<T: Element> Labels<T> {
    /// How two rows stand to each other: by class, or by number, of several by the first that differs.
    fn order(&self, one: usize, other: usize) -> Ordering {
        match self {
            Self::Classes { classes, .. } => classes[one].cmp(&classes[other]),
            Self::Values { values, outputs } => {
                let of = |row: usize| values[row * outputs..][..*outputs].iter().map(|value| value.to_f64());
                let by_each = of(one).zip(of(other)).map(|(one, other)| one.total_cmp(&other));
                by_each.fold(Ordering::Equal, Ordering::then)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As another program finds them from the descriptions here and in `random.rs`. With other rows every score of before would be of other
    /// data, and runs would be examined on rows that earlier ones learnt from.
    #[test]
    fn a_seed_holds_out_these_rows() {
        let held_out = |labels: &Labels<f64>| {
            let data = Dataset::new((0..10).map(f64::from).collect(), 1, labels.clone()).expect("good data");
            [HeldOut::Validation { seed: 1 }, HeldOut::Test].map(|part| {
                let (_, held_out) = data.hold_out(part, 0.3).expect("two parts");
                held_out.x().into_owned()
            })
        };
        let numbers = |values: Vec<f64>, outputs| Labels::Values { values, outputs };
        assert_eq!(held_out(&numbers(vec![0.0; 10], 1)), [[3.0, 6.0, 7.0], [1.0, 3.0, 4.0]]);
        let classes = (0..10).map(|row| row % 2).collect();
        assert_eq!(held_out(&Labels::Classes { classes, count: 2 }), [[2.0, 7.0, 8.0], [0.0, 1.0, 8.0]]);
        let values = (0..10).map(|row| f64::from(row * 7 % 10)).collect();
        assert_eq!(held_out(&numbers(values, 1)), [[0.0, 1.0, 9.0], [0.0, 4.0, 9.0]]);
        let pairs = (0..10).flat_map(|row| [f64::from(row % 2), f64::from(-row)]).collect();
        assert_eq!(held_out(&numbers(pairs, 2))[0], [2.0, 5.0, 8.0], "the second number decides among equals");
    }

    #[test]
    fn every_row_is_in_one_part_and_both_ascend() {
        for share in [-1.0, f64::NAN, 0.0, 0.01, 0.2, 1.0 / 3.0, 0.77, 0.99, 1.0, 2.0] {
            let given: Vec<usize> = (0..100).rev().map(|row| 3 * row).collect();
            let (rest, drawn) = HeldOut::Test.draw(given, share, |one, other| (one % 7).cmp(&(other % 7)));
            assert!(rest.is_sorted() && drawn.is_sorted(), "{share}");
            assert_eq!(drawn.len(), (100.0 * share.clamp(0.0, 1.0)).round() as usize, "{share}");
            let mut all = [rest, drawn].concat();
            all.sort_unstable();
            assert!(all.into_iter().eq((0..100).map(|row| 3 * row)), "{share}");
        }
        let nothing = HeldOut::Test.draw(Vec::new(), 0.5, |_, _| Ordering::Equal);
        assert_eq!(nothing, (Vec::new(), Vec::new()));
    }

    #[test]
    fn splits_are_stratified_and_seeded() {
        let classes: Vec<u32> = (0..100).map(|i| u32::from(i % 10 == 0)).collect();
        let data = Dataset::with_classes((0..100).map(f64::from).collect(), 1, classes, 2).expect("good data");
        let (train, held_out) = data.split(0.3, 4).expect("two parts");
        let rare = |d: &Dataset<f64>| match d.labels() {
            Labels::Classes { classes, .. } => classes.iter().filter(|&&c| c == 1).count(),
            Labels::Values { .. } => 0,
        };
        assert_eq!((train.rows(), rare(&train), held_out.rows(), rare(&held_out)), (70, 7, 30, 3));
        let mut all: Vec<f64> = train.x().iter().chain(&*held_out.x()).copied().collect();
        all.sort_by(f64::total_cmp);
        assert_eq!(all, (0..100).map(f64::from).collect::<Vec<_>>());
        assert_eq!(data.split(0.3, 4).expect("two parts").1, held_out);
        let most = Dataset::with_classes(vec![0.0, 1.0], 1, vec![0, 0], usize::MAX).expect("good data");
        assert!(most.split(0.5, 1).is_ok(), "only classes that occur take room");
        assert_ne!(data.split(0.3, 5).expect("two parts").1, held_out);
    }

    /// A hundred classes of two rows: a share of each is no whole row, and of all together it is.
    #[test]
    fn a_split_of_many_small_classes_has_the_share_that_was_asked_for() {
        let classes = (0..200).map(|row| row % 100).collect();
        let data = Dataset::with_classes((0..200).map(f64::from).collect(), 1, classes, 100).expect("good data");
        for (share, rows) in [(0.25, 50), (0.2, 40), (0.5, 100), (0.77, 154)] {
            let (train, held_out) = data.split(share, 3).expect("two parts");
            assert_eq!((train.rows(), held_out.rows()), (200 - rows, rows), "{share}");
            let Labels::Classes { classes, .. } = held_out.labels() else { panic!("classes") };
            let count = |class: u32| classes.iter().filter(|&&c| c == class).count();
            match share {
                0.25 => {
                    assert!((0..50).all(|pair| count(2 * pair) + count(2 * pair + 1) == 1), "one of every four rows")
                }
                0.5 => assert!((0..100).all(|class| count(class) == 1), "one of every two rows"),
                _ => {}
            }
        }
        let classes = (0..370).map(|row| row % 10).collect();
        let larger = Dataset::with_classes((0..370).map(f64::from).collect(), 1, classes, 10).expect("good data");
        for share in [0.1, 0.3, 0.77] {
            let (_, held_out) = larger.split(share, 3).expect("two parts");
            let Labels::Classes { classes, .. } = held_out.labels() else { panic!("classes") };
            for class in 0..10 {
                let count = classes.iter().filter(|&&c| c == class).count() as f64;
                assert!((count - 37.0 * share).abs() < 2.0, "{count} rows of class {class}, share {share}");
            }
        }
        for share in [0.001, 0.999] {
            let error = data.split(share, 3).expect_err("an empty part").to_string();
            let range = "is out of range: it must be such that both parts have a row";
            assert_eq!(error, format!("held-out share = {share} of 200 rows {range}"));
        }
    }
}
